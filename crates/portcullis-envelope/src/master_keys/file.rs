//! The text of a master-key file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::MasterKeys;
use crate::master::{InvalidMasterKey, MasterKey};
use crate::version;

/// Why a text is no master-key file. It never holds a piece of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMasterKeys {
    /// There is no line with a key.
    #[error("the master-key file holds no key: write a line `1:` followed by a master key")]
    Empty,

    /// A line is wrong.
    #[error("line {line} of the master-key file: {problem}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
}

/// What is wrong with one line of a master-key file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// There is no colon.
    #[error("a colon is missing: write `version:key`, such as `1:` followed by the key")]
    NoColon,

    /// What stands before the colon is no version.
    #[error("before the colon stands a version: a number from 1 to 4294967295, no zero before it")]
    Version,

    /// What stands behind the colon is no master key.
    #[error(transparent)]
    Key(#[from] InvalidMasterKey),

    /// A line above has the same version.
    #[error("version {version} stands on line {first} too: give the newer key the next version")]
    DuplicateVersion {
        /// The version.
        version: u32,
        /// The line that has it first.
        first: usize,
    },

    /// A line above has the same key.
    #[error(
        "the key of version {version} is the key of version {first} again: a new version needs a \
         new key, or the rotation changes nothing"
    )]
    DuplicateKey {
        /// The version of this line.
        version: u32,
        /// The version that has the key first.
        first: u32,
    },
}

pub(super) fn parse(text: &str) -> Result<MasterKeys, InvalidMasterKeys> {
    let mut keys = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let at = |problem| InvalidMasterKeys::Line { line, problem };
        let (version, key) = entry(content).map_err(at)?;
        if let Some(first) = lines.insert(version, line) {
            return Err(at(LineProblem::DuplicateVersion { version, first }));
        }
        if let Some(first) = MasterKeys::version_of(&keys, &key) {
            return Err(at(LineProblem::DuplicateKey { version, first }));
        }
        keys.insert(version, key);
    }
    let (active, _) = keys.last_key_value().ok_or(InvalidMasterKeys::Empty)?;
    Ok(MasterKeys {
        active: *active,
        keys,
    })
}

fn entry(content: &str) -> Result<(u32, MasterKey), LineProblem> {
    let (version, key) = content.split_once(':').ok_or(LineProblem::NoColon)?;
    Ok((
        version::parse(version).ok_or(LineProblem::Version)?,
        MasterKey::parse(key)?,
    ))
}

pub(super) fn write(keys: &BTreeMap<u32, MasterKey>) -> Zeroizing<String> {
    // Room for every line at once: a string that grows leaves copies of its bytes behind.
    let mut text = Zeroizing::new(String::with_capacity(keys.len() * LINE_LEN));
    for (version, key) in keys {
        // Writing to a string does not fail.
        let _ = write!(text, "{version}:");
        text.push_str(&key.to_text());
        text.push('\n');
    }
    text
}

/// The longest line: ten digits, a colon, 44 characters, a line break.
const LINE_LEN: usize = 10 + 1 + 44 + 1;
