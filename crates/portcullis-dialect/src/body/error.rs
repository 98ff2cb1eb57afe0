//! Why a body cannot be used.

use std::fmt;

/// Why a request body cannot be used. `Display` is one sentence for the caller, with the cure.
///
/// It carries positions and names of fields of the API, nothing that the client wrote: the answer,
/// the log and the audit record may show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Not UTF-8, which JSON has to be (RFC 8259 section 8.1).
    #[error("The request body is not UTF-8 at byte {offset}: send JSON encoded as UTF-8.")]
    NotUtf8 {
        /// How many bytes before it are in order.
        offset: usize,
    },
    /// Not JSON, cut short, or followed by something.
    #[error(
        "The request body is not valid JSON at line {line}, column {column}: send exactly one JSON \
         object."
    )]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1, in bytes; 0 is the end of the line before.
        column: usize,
    },
    /// JSON perhaps, but no object.
    #[error("The request body is not a JSON object: send one, beginning with `{{`.")]
    NotAnObject,
    /// More than 100 levels of arrays and objects.
    #[error(
        "The request body is nested too deeply at line {line}, column {column}: send at most 100 \
         levels of arrays and objects."
    )]
    TooDeep {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// A key occurs twice in one object.
    #[error("{key} occurs twice in one object at line {line}, column {column}: send it once.")]
    DuplicateKey {
        /// Which one.
        key: KeyName,
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// A top-level key that some reader takes for another.
    #[error(
        "{key} is written in a way that can be mistaken for another key: write each key once, in \
         lower case, without white space or control characters."
    )]
    AmbiguousKey {
        /// The key that it can be mistaken for.
        key: KeyName,
    },
    /// A field that has to be there is not.
    #[error("The field `{field}` is missing: add it.")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field is of another type.
    #[error("The field `{field}` has the wrong type: send {expected}.")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The name of the model is empty, too long, or has control characters.
    #[error(
        "The field `model` is not the name of a model: send 1 to 256 characters without control \
         characters."
    )]
    ModelName,
    /// The endpoint takes no body that names a model.
    #[error("This endpoint does not name its model in a request body: send no body.")]
    NoBody,
}

impl BodyError {
    /// The field at fault, for the `param` of an error body.
    #[must_use]
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::DuplicateKey { key, .. } | Self::AmbiguousKey { key } => key.field(),
            Self::Missing { field } | Self::WrongType { field, .. } => Some(field),
            Self::ModelName => Some("model"),
            Self::NotUtf8 { .. }
            | Self::NotJson { .. }
            | Self::NotAnObject
            | Self::TooDeep { .. }
            | Self::NoBody => None,
        }
    }
}

/// A key in an error: named when it is a field of the API, otherwise not, because the client made it
/// up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// A top-level field of the API.
    Field(&'static str),
    /// Any other key.
    Other,
}

impl KeyName {
    const fn field(self) -> Option<&'static str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Other => None,
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "The key `{name}`"),
            Self::Other => f.write_str("A key"),
        }
    }
}
