//! What may be kept, how long and how much: the rules of the leaf, executed on the stores.

pub(crate) mod apply;
mod logs;
mod purge;
mod registry;
pub(crate) mod rounds;
mod rules;
pub(crate) mod sampling;

pub use self::apply::Applied;
pub(crate) use self::registry::{registry, unregistered};
use self::rules::unreadable;
pub(crate) use self::rules::{Keeping, days, hold, settings, settings_row};
pub use portcullis_retention::Companion;
