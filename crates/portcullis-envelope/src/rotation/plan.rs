//! What a rotation has to do.

use std::fmt;
use std::num::NonZeroUsize;

use super::{KeyLabel, Survey};

/// A rotation towards one key: what does not stand under it waits to be sealed or wrapped again.
///
/// The same for all three: an organization's key (its credentials), the master key (the instance's
/// secrets, the locally wrapped organization keys), a wrapping key (the organization keys that a
/// service wrapped).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    target: KeyLabel,
}

impl Rotation {
    /// A rotation to `target`, which new records are sealed under already.
    #[must_use]
    pub fn to(target: KeyLabel) -> Self {
        Self { target }
    }

    /// What is left to do, from counts alone. A dry run is this and nothing more.
    ///
    /// # Errors
    ///
    /// [`RotationRefused`] when a record stands under a later version than the target: somebody has
    /// rotated further, and going on would seal it under an older key.
    pub fn plan(&self, survey: &Survey) -> Result<RotationPlan, RotationRefused> {
        let mut waiting = Survey::default();
        for (label, count) in survey.counts() {
            if label.is_ahead_of(&self.target) {
                return Err(RotationRefused {
                    found: label.clone(),
                    target: self.target.clone(),
                });
            }
            if *label != self.target {
                waiting.add_many(label.clone(), count);
            }
        }
        Ok(RotationPlan {
            target: self.target.clone(),
            current: survey.under(&self.target),
            waiting,
        })
    }

    /// Whether what stands under `label` waits.
    #[must_use]
    pub fn is_waiting(&self, label: &KeyLabel) -> bool {
        *label != self.target && !label.is_ahead_of(&self.target)
    }

    /// The rows that wait, `size` at a time, in the order in which they come: the work of one
    /// transaction each. Lazy, so `rows` may be pages of a store.
    pub fn batches<R, I>(&self, rows: I, size: NonZeroUsize) -> impl Iterator<Item = Vec<R>>
    where
        I: IntoIterator<Item = (R, KeyLabel)>,
    {
        let mut waiting = rows
            .into_iter()
            .filter(|(_, label)| self.is_waiting(label))
            .map(|(row, _)| row);
        std::iter::from_fn(move || {
            let batch: Vec<R> = waiting.by_ref().take(size.get()).collect();
            (!batch.is_empty()).then_some(batch)
        })
    }
}

/// What is left to do, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationPlan {
    /// The key that everything shall stand under.
    pub target: KeyLabel,
    /// How many records stand under it.
    pub current: u64,
    /// How many do not, by the key they stand under.
    pub waiting: Survey,
}

impl RotationPlan {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.waiting.total() == 0
    }
}

/// One line for each key, for the operator.
impl fmt::Display for RotationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of ", self.waiting.total())?;
        write!(f, "{} wait for ", self.waiting.total() + self.current)?;
        write!(f, "{}", self.target)?;
        for (label, count) in self.waiting.counts() {
            write!(f, "\n  {count} under {label}")?;
        }
        Ok(())
    }
}

/// A rotation would go backwards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a record stands under {found}, which is later than {target}: rotate to the latest version"
)]
#[non_exhaustive]
pub struct RotationRefused {
    /// Under which key it stands.
    pub found: KeyLabel,
    /// Where the rotation was to go.
    pub target: KeyLabel,
}
