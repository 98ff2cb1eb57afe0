//! What a record belongs to: the context that is bound into it and never stored in it.

use smallvec::SmallVec;

use crate::record::RecordType;

/// The row that a record belongs to. A record opens only under the context it was sealed under.
///
/// Build it from the row that is being read, never from anything beside the ciphertext: a record
/// copied to another organization, environment, provider or name then does not open. Byte encoding:
/// `spec/sealed-record.md`, section "Context".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    record_type: RecordType,
    org: [u8; 16],
    project: Option<[u8; 16]>,
    environment: &'a str,
    provider: &'a str,
    name: &'a str,
    generation: u64,
}

/// The row of a provider credential. Every field has to be written down, so none is left out by
/// accident.
#[derive(Clone, Copy, Debug)]
pub struct CredentialContext<'a> {
    /// The organization's id, not all zero.
    pub org: &'a [u8; 16],
    /// The project's id, not all zero; `None` for a credential of the whole organization.
    pub project: Option<&'a [u8; 16]>,
    /// The environment; empty for a credential of all environments.
    pub environment: &'a str,
    /// The provider: visible ASCII without capital letters, such as `openai`.
    pub provider: &'a str,
    /// The credential's name, any text that is not empty.
    pub name: &'a str,
    /// How often this credential was overwritten.
    pub generation: u64,
}

impl<'a> Context<'a> {
    /// The context of a provider credential ([`RecordType::Credential`]).
    ///
    /// # Errors
    ///
    /// [`InvalidContext`] names the field: a nil organization or project, an empty provider or name,
    /// a capital letter in the provider, a text above 65,535 bytes.
    pub fn credential(row: CredentialContext<'a>) -> Result<Self, InvalidContext> {
        Self {
            record_type: RecordType::Credential,
            org: *row.org,
            project: row.project.copied(),
            environment: row.environment,
            provider: row.provider,
            name: row.name,
            generation: row.generation,
        }
        .checked()
    }

    /// The context of an organization key wrapped by a key service ([`RecordType::WrappedOrgKey`]);
    /// `name` is the key's id in text.
    ///
    /// # Errors
    ///
    /// [`InvalidContext`] as for [`credential`](Self::credential).
    pub fn wrapped_org_key(
        org: &[u8; 16],
        name: &'a str,
        generation: u64,
    ) -> Result<Self, InvalidContext> {
        Self {
            org: *org,
            ..Self::of_the_instance(RecordType::WrappedOrgKey, name, generation)
        }
        .checked()
    }

    /// The context of a secret that the instance keeps for itself, such as the pepper of key digests
    /// ([`RecordType::InstanceSecret`]). Its organization is nil, which no other row can have.
    ///
    /// # Errors
    ///
    /// [`InvalidContext`] for an empty name, or one above 65,535 bytes.
    pub fn instance_secret(name: &'a str, generation: u64) -> Result<Self, InvalidContext> {
        Self::of_the_instance(RecordType::InstanceSecret, name, generation).checked()
    }

    /// The context of a key that signs an audit log ([`RecordType::LogKey`]), with a nil
    /// organization; `name` is the signer's name.
    ///
    /// # Errors
    ///
    /// [`InvalidContext`] for an empty name, or one above 65,535 bytes.
    pub fn log_key(name: &'a str, generation: u64) -> Result<Self, InvalidContext> {
        Self::of_the_instance(RecordType::LogKey, name, generation).checked()
    }

    /// The context of a named organization key: the name is valid already, `text` is its key id.
    pub(crate) fn of_org_key(org: &[u8; 16], text: &'a str, version: u64) -> Self {
        Self {
            org: *org,
            ..Self::of_the_instance(RecordType::WrappedOrgKey, text, version)
        }
    }

    /// The type that a record under this context has.
    #[must_use]
    pub fn record_type(&self) -> RecordType {
        self.record_type
    }

    fn of_the_instance(record_type: RecordType, name: &'a str, generation: u64) -> Self {
        Self {
            record_type,
            org: NIL,
            project: None,
            environment: "",
            provider: "",
            name,
            generation,
        }
    }

    /// The one place where a context becomes valid.
    fn checked(self) -> Result<Self, InvalidContext> {
        let (needs_org, needs_provider) = match self.record_type {
            RecordType::Credential => (true, true),
            RecordType::WrappedOrgKey => (true, false),
            RecordType::InstanceSecret | RecordType::LogKey => (false, false),
        };
        if needs_org && self.org == NIL {
            return refuse(ContextField::Org, ContextProblem::Nil);
        }
        if self.project == Some(NIL) {
            return refuse(ContextField::Project, ContextProblem::Nil);
        }
        if needs_provider && self.provider.is_empty() {
            return refuse(ContextField::Provider, ContextProblem::Empty);
        }
        if let Some(found) = self.provider.chars().find(|c| !is_provider_character(*c)) {
            return refuse(ContextField::Provider, ContextProblem::Character { found });
        }
        if self.name.is_empty() {
            return refuse(ContextField::Name, ContextProblem::Empty);
        }
        for (field, text) in [
            (ContextField::Environment, self.environment),
            (ContextField::Provider, self.provider),
            (ContextField::Name, self.name),
        ] {
            if text.len() > usize::from(u16::MAX) {
                return refuse(field, ContextProblem::TooLong { bytes: text.len() });
            }
        }
        Ok(self)
    }

    /// The bytes that go into the derivation and the associated data.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_behind(&[]).into_vec()
    }

    /// `before`, and behind it for each field, in this order and always all of them, tag (1 byte), length
    /// (u16, big-endian), value.
    pub(crate) fn encode_behind(&self, before: &[u8]) -> Encoded {
        let generation = self.generation.to_be_bytes();
        let fields: [(u8, &[u8]); 8] = [
            (1, &[SCHEMA]),
            (2, self.record_type.purpose().as_bytes()),
            (3, &self.org),
            (4, self.project.as_ref().map_or(&[], |id| id.as_slice())),
            (5, self.environment.as_bytes()),
            (6, self.provider.as_bytes()),
            (7, self.name.as_bytes()),
            (8, &generation),
        ];
        let length: usize = fields.iter().map(|(_, value)| 3 + value.len()).sum();
        let mut out = Encoded::with_capacity(before.len() + length);
        out.extend_from_slice(before);
        for (tag, value) in fields {
            // Every value was bounded when the context was built, so this never saturates.
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            out.push(tag);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(value);
        }
        out
    }
}

/// An encoded context, behind the header of a record or alone. It is public, so it needs not be wiped; and records with names
/// of usual lengths are opened without an allocation for it.
pub(crate) type Encoded = SmallVec<[u8; 256]>;

/// A context that would not name one row, or would name it in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {field} of a record's context is refused: {problem}")]
#[non_exhaustive]
pub struct InvalidContext {
    /// The field.
    pub field: ContextField,
    /// What is wrong with it.
    pub problem: ContextProblem,
}

/// A field of a [`Context`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextField {
    /// The organization's id.
    #[error("organization")]
    Org,
    /// The project's id.
    #[error("project")]
    Project,
    /// The environment.
    #[error("environment")]
    Environment,
    /// The provider.
    #[error("provider")]
    Provider,
    /// The credential's, secret's or key's name.
    #[error("name")]
    Name,
}

/// What is wrong with a field of a [`Context`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextProblem {
    /// An id of zeros, which is reserved for the instance itself.
    #[error("it is all zero; zeros are reserved for the instance's own secrets")]
    Nil,
    /// Nothing where something is needed.
    #[error("it is empty; take it from the row that is read")]
    Empty,
    /// More bytes than a length field can say.
    #[error("it has {bytes} bytes and 65535 are the limit")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A character that would let one provider be written in two ways.
    #[error("{found:?} is not allowed; write visible ASCII characters without capital letters")]
    Character {
        /// The first such character.
        found: char,
    },
}

fn refuse<T>(field: ContextField, problem: ContextProblem) -> Result<T, InvalidContext> {
    Err(InvalidContext { field, problem })
}

fn is_provider_character(c: char) -> bool {
    c.is_ascii_graphic() && !c.is_ascii_uppercase()
}

/// The version of this encoding.
const SCHEMA: u8 = 1;

/// The id that no organization has.
const NIL: [u8; 16] = [0; 16];

#[cfg(test)]
mod tests;
