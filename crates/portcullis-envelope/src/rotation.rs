//! Rotation: which records stand under an older key, from their headers alone, and sealing them again.
//!
//! A rotation has no state of its own. A record's header says under which key it stands, so whoever
//! runs a rotation, after a crash too, asks the headers what is left. The store does the work:
//!
//! 1. make the new key version active, so that nothing new is sealed under an older one;
//! 2. read headers, [`Rotation::plan`]: how many records wait, with a dry run ending here;
//! 3. for each of [`Rotation::batches`]: read the records, [`reseal`], and replace each only if it
//!    still has the bytes that were read (compare-and-swap); a record that has others was written
//!    meanwhile, by somebody who sealed it under the active version;
//! 4. repeat 2 and 3 until the plan is complete, then retire the old version
//!    ([`KeyRing::retire`](crate::KeyRing::retire)) in one transaction with the survey that allows it.

mod label;
mod plan;
mod reseal;
mod survey;

pub use self::label::KeyLabel;
pub use self::plan::{Rotation, RotationPlan, RotationRefused};
pub use self::reseal::{ResealError, reseal};
pub use self::survey::{RecordsByVersion, Survey};
