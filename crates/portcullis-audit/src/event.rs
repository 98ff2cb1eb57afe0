//! What happened, as the program says it, before it has a place in a log.

use std::net::IpAddr;

use rand_core::TryCryptoRng;

use crate::private::{Field, Opening, PrivateText};
use crate::{Action, KeyId, ObjectId, Timestamp};

/// What happened: who did what to what, when, and how it ended.
///
/// There is no field that takes a text and writes it: ids have fixed lengths, words are literals of the program, and
/// texts are [committed to](crate::Field). A secret cannot get into a record by mistake.
///
/// ```compile_fail,E0308
/// use portcullis_audit::*;
/// let secret = String::from("sk-proj-0123456789");
/// Event::new(Timestamp::from_micros(0), Actor::System, Action::KeyMinted, Target::Instance).request(secret);
/// ```
#[derive(Clone, Debug)]
pub struct Event {
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor,
    pub(crate) action: Action,
    pub(crate) target: Target,
    pub(crate) outcome: Outcome,
    pub(crate) request: Option<ObjectId>,
    address: Option<PrivateText>,
    note: Option<PrivateText>,
    subject: Option<PrivateText>,
}

impl Event {
    /// An action that was done.
    #[must_use]
    pub const fn new(at: Timestamp, actor: Actor, action: Action, target: Target) -> Self {
        Self {
            at,
            actor,
            action,
            target,
            outcome: Outcome::Done,
            request: None,
            address: None,
            note: None,
            subject: None,
        }
    }

    /// How it ended, where it was not done.
    #[must_use]
    pub const fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The gateway's own id of the request. An id that a client chose has no place here.
    #[must_use]
    pub const fn request(mut self, id: ObjectId) -> Self {
        self.request = Some(id);
        self
    }

    /// The address it came from. An IPv4 address in IPv6 is recorded as the IPv4 address.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        // An address is a short text without control characters.
        self.address = PrivateText::new(&address.to_canonical().to_string()).ok();
        self
    }

    /// What the actor had to say about it.
    #[must_use]
    pub fn note(mut self, note: PrivateText) -> Self {
        self.note = Some(note);
        self
    }

    /// Whom it was about.
    #[must_use]
    pub fn subject(mut self, subject: PrivateText) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The private fields, each with a fresh salt.
    pub(crate) fn openings<R>(&self, seq: u64, rng: &mut R) -> Result<Vec<Opening>, R::Error>
    where
        R: TryCryptoRng + ?Sized,
    {
        let values = [
            (Field::Actor, self.actor.private().cloned()),
            (Field::Address, self.address.clone()),
            (Field::Note, self.note.clone()),
            (Field::Subject, self.subject.clone()),
        ];
        let values = values.into_iter();
        let present = values.filter_map(|(field, value)| Some((field, value?)));
        present
            .map(|(field, value)| Opening::new(seq, field, value, rng))
            .collect()
    }
}

/// Who acted.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Whoever holds an API key.
    Key(KeyId),
    /// A person or script with the operator's access to the machine: a login name, an e-mail address, a job's name.
    Operator(PrivateText),
    /// Somebody who has shown no valid key.
    Stranger,
    /// The gateway itself.
    System,
    /// A user whom the embedding gateway has authenticated, by the gateway's own id.
    User(PrivateText),
}

impl Actor {
    /// What of it is recorded in clear.
    pub(crate) const fn recorded(&self) -> RecordedActor {
        match self {
            Self::Key(id) => RecordedActor::Key(*id),
            Self::Operator(_) => RecordedActor::Operator,
            Self::Stranger => RecordedActor::Stranger,
            Self::System => RecordedActor::System,
            Self::User(_) => RecordedActor::User,
        }
    }

    const fn private(&self) -> Option<&PrivateText> {
        match self {
            Self::Operator(id) | Self::User(id) => Some(id),
            Self::Key(_) | Self::Stranger | Self::System => None,
        }
    }
}

/// What a record says in clear about who acted. The id of an operator or user is committed to, as [`Field::Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordedActor {
    /// Whoever holds an API key.
    Key(KeyId),
    /// Somebody with the operator's access.
    Operator,
    /// Somebody who has shown no valid key.
    Stranger,
    /// The gateway itself.
    System,
    /// A user of the embedding gateway.
    User,
}

impl RecordedActor {
    /// The recorded word of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Operator => "operator",
            Self::Stranger => "stranger",
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// To what it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A provider credential.
    Credential(ObjectId),
    /// The gateway as a whole.
    Instance,
    /// An API key.
    Key(KeyId),
    /// One secret of an API key, by its version.
    KeySecret(KeyId, u32),
    /// An organization.
    Organization(ObjectId),
    /// A project.
    Project(ObjectId),
}

impl Target {
    /// The recorded word of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Credential(_) => "credential",
            Self::Instance => "instance",
            Self::Key(_) => "key",
            Self::KeySecret(..) => "key_secret",
            Self::Organization(_) => "organization",
            Self::Project(_) => "project",
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was allowed and did not succeed.
    Failed,
    /// It was not allowed.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Refused];

    /// The recorded word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}
