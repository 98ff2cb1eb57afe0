//! How the audit logs are kept.

use std::fmt;
use std::path::PathBuf;

use portcullis_audit::{InvalidOrigin, Origin};
use portcullis_store::Actor;

/// Where the audit logs are named, and where their heads are kept outside of the database.
///
/// Without a folder for heads, a database that was put back to an older state, log and all, cannot be told from an honest
/// one when the process starts. Keep the folder where whoever writes the database cannot.
#[derive(Default)]
pub struct AuditPolicy {
    pub(crate) host: Option<String>,
    pub(crate) heads: Option<PathBuf>,
    pub(crate) anchors: Vec<Box<dyn Anchor>>,
    pub(crate) giving_up: Option<Actor>,
}

impl AuditPolicy {
    /// The name of this gateway in the names of its logs, such as `gateway.example.com`: they are `{host}/audit/system` and
    /// `{host}/audit/{organization}`. It is fixed when the database is made; `portcullis` by default.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.host = Some(name.into());
        self
    }

    /// Keeps the signed head of each log as a file in this folder, written after each durable append. The folder is made
    /// if it is not there.
    #[must_use]
    pub fn heads(mut self, folder: impl Into<PathBuf>) -> Self {
        self.heads = Some(folder.into());
        self
    }

    /// Publishes the heads of logs that have grown here, once a minute.
    #[must_use]
    pub fn anchor(mut self, anchor: impl Anchor) -> Self {
        self.anchors.push(Box::new(anchor));
        self
    }

    /// Opens a database that is behind the heads in the folder, too: one that was put back from a backup, on purpose, and `actor`
    /// says so. Each head that the database does not reach is given up: that is put on record in its log
    /// (`audit.anchor_given_up`), and its file gets the ending `.given-up`. A head that nobody signed is not appended to, even so.
    ///
    /// # Security
    /// The records between are gone, whoever removed them. Heads that somebody else keeps still tell.
    #[must_use]
    pub fn dangerously_give_up_heads(mut self, actor: Actor) -> Self {
        self.giving_up = Some(actor);
        self
    }

    /// The name that was asked for, if it can be one.
    pub(crate) fn checked_host(&self) -> Result<Option<&str>, InvalidOrigin> {
        if let Some(host) = &self.host {
            Origin::system(host)?;
        }
        Ok(self.host.as_deref())
    }
}

impl fmt::Debug for AuditPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditPolicy")
            .field("host", &self.host)
            .field("heads", &self.heads)
            .field("anchors", &self.anchors.len())
            .field("giving_up", &self.giving_up)
            .finish()
    }
}

/// A place outside of the database where heads are published: whoever keeps them can show later that a log was cut, forked
/// or rebuilt.
pub trait Anchor: Send + Sync + 'static {
    /// Publishes one signed head: the text of a C2SP signed note, whose first line names the log. It may block; it is
    /// called on a thread of its own, and again for the next head of the log when it fails.
    ///
    /// # Errors
    /// One sentence for the operator's log.
    fn publish(&self, note: &[u8]) -> Result<(), String>;
}

impl<F: Fn(&[u8]) -> Result<(), String> + Send + Sync + 'static> Anchor for F {
    fn publish(&self, note: &[u8]) -> Result<(), String> {
        self(note)
    }
}
