use crate::{Blob, UnixMicros};

/// A secret of the instance itself, such as a pepper: a sealed record like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSecretRow {
    /// What it is for, such as `pepper`.
    pub name: String,
    /// The version, from 1.
    pub version: u32,
    /// The sealed record.
    pub sealed: Blob,
    /// When it was made.
    pub created_at: UnixMicros,
}

/// The check value of a master key version: tells a wrong master key from a missing one at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterCheckRow {
    /// The master key's version.
    pub version: u32,
    /// Its check value: derived, and good for nothing but comparing.
    pub check_value: [u8; 8],
    /// When it was first used here.
    pub created_at: UnixMicros,
}
