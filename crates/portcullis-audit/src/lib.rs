//! Tamper-evident audit log: who did what, in a log whose every end is signed and that tools verify which we did not write.
//!
//! One log for each organization, and one of the gateway itself that takes the heads of all others. A record names the hash
//! of the record before it, the records are the leaves of an RFC 6962 tree, and every append signs the new root.
//!
//! ```
//! use getrandom::SysRng;
//! use portcullis_audit::*;
//!
//! let (log, signer) = (Origin::system("gate.example")?, Ed25519Signer::from_seed(&[7; 32])); // a random seed, of course
//! let keys = [VerifierKey::of(log.clone(), &signer)?];
//! let row = Head::create(log, &signer)?.to_row(); // flat, for a table
//!
//! let at = Timestamp::from_micros(1_795_330_515_123_456);
//! let who = Actor::Operator(PrivateText::new("ada@example.org")?); // committed to, not written
//! let event = Event::new(at, who, Action::KeyMinted, Target::Key(KeyId::parse("3fK9aaaaaaaa")?));
//! let Batch { entries, head } = Head::load(&row, &keys)?.append(&[event], &mut SysRng, &signer)?; // one transaction
//!
//! let mut verifier = Verifier::new(&head);
//! for Entry { seq, bytes, hashes, .. } in &entries {
//!     verifier.push(StoredEntry { seq: *seq, bytes, hashes })?;
//! }
//! assert_eq!(verifier.finish()?.size, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! | to | use |
//! |---|---|
//! | record | [`Event`], [`Head::append`]; [`RefusalSampler`] for what a stranger can cause |
//! | read back | [`Record::parse`], [`Record::is_opened_by`] |
//! | verify | [`Verifier`]; [`LogHead::compare`] with a head that was kept elsewhere |
//! | prove | [`ProofPlan`], [`ProofFile`] |
//! | export, to be verified | [`TileWriter`] (`c2sp.org/tlog-tiles`), [`JsonLines`] |
//! | export, to a SIEM | [`Format`]: OCSF, ECS, syslog, CEF, CSV; [`Cursor`]; [`UsageRecord`] for model calls |
//! | forget | delete an [`Opening`]; [`Pruning`] |
//!
//! # The rules
//!
//! `spec/audit-log.md` of the repository is normative, and `spec/audit-record.schema.json` describes a record. In short:
//!
//! 1. An entry is stored as its exact bytes and never written anew.
//! 2. Entries, head and the change that they tell of are one transaction, under a lock of the head's row.
//! 3. A head that does not verify is not appended to.
//! 4. What may have to be forgotten is committed to under a fresh salt for each field of each record.
//! 5. What is removed is recorded first.
//!
//! # What it does not do
//!
//! No I/O, no clock, no lock, no keys at rest: rows, time, randomness and the signer are arguments. It does not say that an
//! event is true, only that it was recorded, in this order, and not changed. It publishes nothing: a head proves something to
//! others once they hold it.
//!
//! # Security
//!
//! Who can write the database can destroy the log, and is found: by the signed head when records were edited, removed, moved
//! or put in, by a head kept elsewhere when head and records were both put back or cut off. Who has the signing key can forge
//! what lies after the last head that somebody else keeps. Who can write the database and the places where heads are kept
//! can put the whole log back to an older state.
//!
//! A record has no member that takes text: ids have fixed lengths, words are literals of the program. Private texts never
//! get into it; `Debug` does not show them.

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
    Action, AnchorGivenUp, BreachEntry, Change, ClockStep, Erased, Exported, GuardReport,
    Heartbeat, Hold, LogHead, LogKey, Pruned, Purged, Refused, RoleChange, Settings,
    TooManyChanges,
};
pub use checkpoint::{Checkpoint, InvalidCheckpoint, notes};
pub use comparison::{Comparison, KnownHeads};
pub use event::{Actor, Event, Outcome, RecordedActor, Target};
pub use export::{
    Cursor, DamagedExport, Disclosure, ExportDamage, Facility, Format, Framing, JsonLines,
    JsonLinesVerifier, OutOfOrder, Syslog, UsageRecord, VerifiedExport, WrongOpening,
};
pub use hash::Hash;
pub use head::{AppendError, Batch, DamagedHead, Entry, Head, HeadRow};
pub use id::{BreachId, InvalidId, KeyId, ObjectId};
pub use json::Count;
pub use key::{Ed25519Signer, InvalidKey, Signer, SigningFailed, VerifierKey};
pub use origin::{InvalidOrigin, Origin};
pub use private::{Field, InvalidText, Opening, PrivateText};
pub use proof::{InvalidProof, ProofFile, ProofPlan};
pub use prune::{CannotPrune, Pruning, retained, whole_tiles};
pub use record::{InvalidRecord, Record};
pub use sample::RefusalSampler;
pub use tiles::{
    CHECKPOINT_PATH, TileFile, TileReader, TileWriter, WrongCheckpoint, bundle_entries, bundle_path,
};
pub use timestamp::Timestamp;
pub use tree::Node;
pub use verify::{Damage, DamageKind, StoredEntry, Verified, Verifier};
pub use word::{InvalidWord, Word};
