use std::net::IpAddr;

use portcullis_store::{
    Actor, AuditAction, AuditTarget, Blob, CredentialId, CredentialName, EnvironmentName, HoldId,
    KeyId, LogId, NodeId, OrgId, OrgKeyState, ProjectId, ProviderName, RequestId, StoreError,
    UnixMicros,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use crate::error::conflict;

/// Reads a column as one of our types; what cannot be one is an error, never a default.
pub(super) fn get<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    Db<T>: FromSql,
{
    row.get(column).map(|Db(value)| value)
}

/// Reads a column that may be NULL.
pub(super) fn maybe<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    Db<T>: FromSql,
{
    let value: Option<Db<T>> = row.get(column)?;
    Ok(value.map(|Db(value)| value))
}

/// A counter as SQLite holds it.
///
/// # Errors
/// Above 2^63 - 1, where SQLite's integers end.
pub(super) fn integer(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| conflict("a counter above 2^63 - 1 does not fit into SQLite"))
}

/// A row limit as SQLite takes it.
pub(super) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A list of texts as a JSON array.
pub(super) fn json(list: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|error| conflict("a list has no JSON form").because(error))
}

/// A type of ours, as a column holds it.
pub(super) struct Db<T>(pub(super) T);

/// Ids: blobs of a fixed length. The parser's error is dropped, because it may quote the row.
macro_rules! from_bytes {
    ($($id:ty),*) => {$(
        impl FromSql for Db<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = FromSql::column_result(value)?;
                <$id>::from_bytes(bytes).map(Self).map_err(|_| FromSqlError::InvalidType)
            }
        }
    )*};
}

/// Names: text that must parse again.
macro_rules! from_text {
    ($($name:ty),*) => {$(
        impl FromSql for Db<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map(Self).map_err(|_| FromSqlError::InvalidType)
            }
        }
    )*};
}

from_bytes!(OrgId, ProjectId, CredentialId, NodeId, RequestId, HoldId);
from_text!(KeyId, ProviderName, EnvironmentName, CredentialName);
from_text!(Actor, AuditAction, AuditTarget, IpAddr, OrgKeyState);

/// The name of an audit log: that of its organization, or nothing for the log of the instance.
pub(super) struct Log(pub(super) LogId);

impl ToSql for Log {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes: &[u8] = match &self.0 {
            LogId::System => &[],
            LogId::Organization(org) => org.as_bytes(),
        };
        Ok(ToSqlOutput::from(bytes))
    }
}

impl FromSql for Db<LogId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if value.as_blob()?.is_empty() {
            return Ok(Self(LogId::System));
        }
        let Db(org) = FromSql::column_result(value)?;
        Ok(Self(LogId::Organization(org)))
    }
}

impl FromSql for Db<UnixMicros> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|micros| Self(UnixMicros(micros)))
    }
}

impl FromSql for Db<u64> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let value = value.as_i64()?;
        u64::try_from(value)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(value))
    }
}

impl FromSql for Db<Blob> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob().map(|bytes| Self(Blob::from(bytes)))
    }
}

impl FromSql for Db<Vec<String>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let list = serde_json::from_str(value.as_str()?);
        list.map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}
