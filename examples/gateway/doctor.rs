//! `doctor`: is everything there, and does it belong together?

use std::path::Path;

use portcullis::{
    Clock, Diagnosis, DigestPolicy, MasterKeyFile, SqliteStore, SystemClock, UnixMicros,
};

use crate::data::Data;
use crate::{Failure, show};

pub(crate) async fn run(folder: &Path) -> Result<(), Failure> {
    let data = Data::at(folder);
    let store = SqliteStore::open_existing(data.database());
    let opened = store.as_ref().ok().cloned();
    let master = MasterKeyFile::read(data.master_key());
    let now = UnixMicros(SystemClock::new().now().utc.timestamp_micros());
    let diagnosis =
        Diagnosis::examine(store.map(Into::into), master, DigestPolicy::default(), now).await;
    if let Some(store) = opened {
        store.close().await;
    }
    show::diagnosis(&diagnosis);
    if diagnosis.is_healthy() {
        Ok(())
    } else {
        Err("not everything is in order; the lines marked FAIL say what to do".into())
    }
}
