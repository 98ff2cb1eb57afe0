//! `doctor`: is everything there, and does it belong together?

use gateway_bodies::Keeper;
use portcullis::{
    Admin, Clock, Diagnosis, DigestPolicy, MasterKeyFile, SqliteStore, SystemClock, UnixMicros,
};

use crate::data::Data;
use crate::{Failure, show};

pub(crate) async fn run(data: &Data) -> Result<(), Failure> {
    let services = data.key_services().await?;
    let store = SqliteStore::open_existing(data.database());
    let opened = store.as_ref().ok().cloned();
    let master = MasterKeyFile::read(data.master_key());
    let now = UnixMicros(SystemClock::new().now().utc.timestamp_micros());
    let diagnosis = Diagnosis::examine_with(
        store.map(Into::into),
        master,
        services,
        DigestPolicy::default(),
        now,
    )
    .await;
    let diagnosis = match (&opened, Keeper::open(&data.database())) {
        (Some(store), Ok(keeper)) => {
            let stores = store.clone().into();
            let examined = diagnosis.and_tables(&stores, &keeper.companions()).await;
            keeper.close();
            examined
        }
        (_, _) => diagnosis,
    };
    if let Some(store) = opened {
        store.close().await;
    }
    show::diagnosis(&diagnosis);
    let findings = diagnosis.findings();
    if findings.iter().any(|it| it.code == "audit_guard_missing") {
        // Whoever asks the next time is told that it was found, and when.
        let record = async |admin: Admin| {
            admin.check_audit_guards().await?;
            Ok(())
        };
        data.administer(record).await?;
    }
    if diagnosis.is_healthy() {
        Ok(())
    } else {
        Err("not everything is in order; the lines marked FAIL say what to do".into())
    }
}
