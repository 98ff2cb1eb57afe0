use portcullis_audit::InvalidOrigin;
use portcullis_envelope::{InvalidContext, InvalidKeyService, KeyError};
use portcullis_limits::NanoUsd;
use portcullis_scope::InvalidList;
use portcullis_store::StoreError;

use crate::audit::heads::HeadsError;
use crate::node::freshness::InvalidFreshness;

/// Why a gate does not open. Each sentence names what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process serves from this store.
    #[error(
        "another process already serves from this store: {by}. Stop it first, or use the admin commands beside it"
    )]
    AlreadyServed {
        /// How that process described itself.
        by: String,
    },
    /// The database has a pepper, so its keys are kept as HMACs, and the policy would go back to plain SHA-256.
    #[error(
        "this database keeps its keys as hmac-sha256 and the digest policy is sha256: keys minted under it would be \
         refused, and whoever writes the table could plant one. Configure the policy that the database was made with"
    )]
    DigestPolicyWeaker,
    /// The logs of this database have another name.
    #[error(
        "the audit logs of this database are named {named:?} and the configuration says {given:?}; their name is fixed. Configure {named:?}"
    )]
    AuditHost {
        /// What was configured.
        given: String,
        /// What they are named.
        named: String,
    },
    /// A name that cannot be that of a log.
    #[error(transparent)]
    AuditName(#[from] InvalidOrigin),
    /// The heads that are kept outside of the database.
    #[error(transparent)]
    Heads(#[from] HeadsError),
    /// The key that signs the audit logs is not where it was put a moment ago.
    #[error(
        "the key that signs the audit logs was removed from the database; restore the database"
    )]
    LogKeyMissing,
    /// A negative chunk.
    #[error(
        "budget_chunk is {given}, but must be $0 or more; $0 makes one durable write for each request"
    )]
    Chunk {
        /// What was given.
        given: NanoUsd,
    },
    /// A configured environment is not one.
    #[error(transparent)]
    Environments(#[from] InvalidList),
    /// The freshness policy contradicts itself.
    #[error(transparent)]
    Freshness(#[from] InvalidFreshness),
    /// A secret of the instance cannot be opened or made.
    #[error(
        "instance secret {name:?} version {version} cannot be used: {why}. Restore the database and the master-key \
         file from the same backup"
    )]
    InstanceSecret {
        /// What it is for.
        name: &'static str,
        /// Its version.
        version: u32,
        /// What is wrong.
        why: String,
    },
    /// A key service that cannot be added.
    #[error(transparent)]
    KeyService(#[from] InvalidKeyService),
    /// A key cannot be derived.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A record's context cannot be built.
    #[error(transparent)]
    Context(#[from] InvalidContext),
    /// The lease ran out while the rules were loaded, and another process took it.
    #[error(
        "another process took over the store while this one was loading; start this one again once that one has stopped"
    )]
    LeaseLost,
    /// A master key version has another value than the one this database was made with.
    #[error(
        "the master key version {version} is not the one that this database was made with: its check value differs. \
         Put the right key into the master-key file; nothing was changed"
    )]
    MasterKeyWrong {
        /// The version.
        version: u32,
    },
    /// A master key version that the database was made with is not at hand.
    #[error(
        "this database needs master key version {version}, and the master-key file has {held:?} only. Add the missing \
         line to the file; nothing was changed"
    )]
    MasterVersionMissing {
        /// The missing version.
        version: u32,
        /// The versions at hand.
        held: Vec<u32>,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; nothing was made")]
    NoRandomness,
    /// The configured digest policy needs a pepper and the database has none.
    #[error("the digest policy needs a pepper, but the database holds none")]
    PepperMissing,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
