//! Tamper-evident audit log: records, signed heads, proofs, pruning, erasure.

mod action;
mod checkpoint;
mod comparison;
mod event;
mod export;
mod hash;
mod head;
mod id;
mod json;
mod key;
mod origin;
mod private;
mod proof;
mod prune;
mod record;
mod sample;
mod tiles;
mod timestamp;
mod tree;
mod verify;
mod word;

// The public interface is:
pub use action::{
    Action, AnchorGivenUp, Change, ClockStep, Erased, Exported, GuardReport, Heartbeat, Hold,
    LogHead, LogKey, Pruned, Purged, Refused, RoleChange, Settings, TooManyChanges,
};
pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use comparison::{Comparison, KnownHeads};
pub use event::{Actor, Event, Outcome, RecordedActor, Target};
pub use export::{DamagedExport, ExportDamage, JsonLines, JsonLinesVerifier, VerifiedExport};
pub use hash::Hash;
pub use head::{AppendError, Batch, DamagedHead, Entry, Head, HeadRow};
pub use id::{InvalidId, KeyId, ObjectId};
pub use json::Count;
pub use key::{Ed25519Signer, InvalidKey, Signer, SigningFailed, VerifierKey};
pub use origin::{InvalidOrigin, Origin};
pub use private::{Field, InvalidText, Opening, PrivateText};
pub use proof::{InvalidProof, ProofFile, ProofPlan};
pub use prune::{CannotPrune, Pruning, retained, whole_tiles};
pub use record::{InvalidRecord, Record};
pub use sample::RefusalSampler;
pub use tiles::{
    CHECKPOINT_PATH, TileFile, TileReader, TileWriter, WrongCheckpoint, bundle_entries,
};
pub use timestamp::Timestamp;
pub use tree::Node;
pub use verify::{Damage, DamageKind, StoredEntry, Verified, Verifier};
pub use word::{InvalidWord, Word};
