//! `usage`: what the keys have used.

use chrono::{TimeDelta, Utc};
use portcullis::{Admin, Clock as _, SystemClock};

use crate::cli::UsageArgs;
use crate::data::{self, Data};
use crate::{Failure, show};

pub(crate) async fn run(data: &Data, args: UsageArgs) -> Result<(), Failure> {
    data.administer(async |admin| shown(&admin, args).await)
        .await
}

async fn shown(admin: &Admin, args: UsageArgs) -> Result<(), Failure> {
    let (org, _) = data::tenant(admin).await?;
    let today: chrono::DateTime<Utc> = SystemClock::new().now().utc;
    let since = today - TimeDelta::days(i64::from(args.days.get()) - 1);
    let report = admin.usage(org.id, since).await?;
    let keys = admin.keys(org.id).await?;
    show::usage::report(&report, &keys, args.days.get(), today);
    Ok(())
}
