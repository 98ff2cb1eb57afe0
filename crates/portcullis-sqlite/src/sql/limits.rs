use portcullis_store::{CapRow, RateRow, StoreError};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::value::Db;
use crate::error::conflict;

/// Caps as their column holds them: a JSON array of `[unit, window, amount]`.
pub(super) fn caps_json(caps: &[CapRow]) -> Result<String, StoreError> {
    let caps: Vec<(&str, &str, i64)> = caps
        .iter()
        .map(|cap| (cap.unit.as_str(), cap.window.as_str(), cap.amount))
        .collect();
    serde_json::to_string(&caps).map_err(|error| conflict("caps have no JSON form").because(error))
}

/// A rate as its column holds it: a JSON array `[requests, seconds, burst]`.
pub(super) fn rate_json(rate: RateRow) -> Result<String, StoreError> {
    serde_json::to_string(&(rate.requests, rate.seconds, rate.burst))
        .map_err(|error| conflict("a rate has no JSON form").because(error))
}

impl FromSql for Db<Vec<CapRow>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let caps: Vec<(String, String, i64)> =
            serde_json::from_str(value.as_str()?).map_err(|_| FromSqlError::InvalidType)?;
        let cap = |(unit, window, amount)| CapRow {
            unit,
            window,
            amount,
        };
        Ok(Self(caps.into_iter().map(cap).collect()))
    }
}

impl FromSql for Db<RateRow> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let (requests, seconds, burst) =
            serde_json::from_str(value.as_str()?).map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(RateRow {
            requests,
            seconds,
            burst,
        }))
    }
}
