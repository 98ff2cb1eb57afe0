use std::fmt;
use std::str::FromStr;

/// Who acts: every admin call carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    kind: ActorKind,
    id: Box<str>,
}

impl Actor {
    /// A person or script with the operator's access: a login name, an e-mail address, a job's name.
    ///
    /// # Errors
    /// An empty id, one longer than 128 bytes, or one with control characters.
    pub fn operator(id: &str) -> Result<Self, InvalidActor> {
        Self::new(ActorKind::Operator, id)
    }

    /// A user that the embedding gateway has authenticated, by the gateway's own id.
    ///
    /// # Errors
    /// An empty id, one longer than 128 bytes, or one with control characters.
    pub fn user(id: &str) -> Result<Self, InvalidActor> {
        Self::new(ActorKind::User, id)
    }

    /// Portcullis itself: first start, digest upgrades.
    #[must_use]
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: SYSTEM.into(),
        }
    }

    /// The kind of actor.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The actor's id within its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn new(kind: ActorKind, id: &str) -> Result<Self, InvalidActor> {
        if id.is_empty() || id.len() > 128 || id.chars().any(char::is_control) {
            return Err(InvalidActor::Id { length: id.len() });
        }
        Ok(Self {
            kind,
            id: id.into(),
        })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

impl FromStr for Actor {
    type Err = InvalidActor;

    /// Reads `kind:id`, as [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        let (kind, id) = text.split_once(':').ok_or(InvalidActor::Kind)?;
        match kind.parse()? {
            ActorKind::Operator => Self::operator(id),
            ActorKind::System if id == SYSTEM => Ok(Self::system()),
            ActorKind::System => Err(InvalidActor::Id { length: id.len() }),
            ActorKind::User => Self::user(id),
        }
    }
}

/// The kind of an [`Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActorKind {
    /// Has the operator's access to the machine and its files.
    Operator,
    /// Portcullis itself.
    System,
    /// Was authenticated by the embedding gateway.
    User,
}

impl ActorKind {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::System => "system",
            Self::User => "user",
        }
    }
}

impl FromStr for ActorKind {
    type Err = InvalidActor;

    fn from_str(word: &str) -> Result<Self, InvalidActor> {
        let kinds = [Self::Operator, Self::System, Self::User];
        let found = kinds.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or(InvalidActor::Kind)
    }
}

/// An actor that cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidActor {
    /// Its id is empty, longer than 128 bytes, has control characters, or is not the system's.
    #[error(
        "an actor's id has 1 to 128 bytes and no control characters, and the system has one; this one has {length} bytes"
    )]
    Id {
        /// How many bytes the id has.
        length: usize,
    },

    /// It is of no kind that we know.
    #[error("an actor is written operator:ID, system:portcullis or user:ID")]
    Kind,
}

/// The id of the one actor of its kind.
const SYSTEM: &str = "portcullis";
