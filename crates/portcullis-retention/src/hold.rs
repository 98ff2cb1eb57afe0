//! Legal holds: rows that must not go, whatever a policy or a purge says.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{Owner, Table, TimeRange};

/// What a hold is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HoldScope {
    /// Everything.
    Instance,
    /// All rows of an organization.
    Organization {
        /// Its id.
        organization: Arc<str>,
    },
    /// All rows of a project.
    Project {
        /// The id of its organization.
        organization: Arc<str>,
        /// Its id.
        project: Arc<str>,
    },
    /// All rows of one API key.
    Key {
        /// The id of its organization.
        organization: Arc<str>,
        /// The id of its project, if it has one. Tables without keys are held as far as this.
        project: Option<Arc<str>>,
        /// Its public id.
        key: Arc<str>,
    },
}

/// A legal hold: what it is on, for data of which time, why, and who placed it.
///
/// It is over all classes of data and has no end: it is lifted by taking it out of [`Holds`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    id: Arc<str>,
    scope: HoldScope,
    range: TimeRange,
    reason: String,
    placed_by: String,
}

impl LegalHold {
    /// A hold on data of `range`.
    ///
    /// # Errors
    /// [`InvalidHold`] when the id, the reason, who placed it or an id of the scope is missing.
    pub fn new(
        id: &str,
        scope: HoldScope,
        range: TimeRange,
        reason: &str,
        placed_by: &str,
    ) -> Result<Self, InvalidHold> {
        let ids: Vec<&str> = match &scope {
            HoldScope::Instance => vec![],
            HoldScope::Organization { organization } => vec![organization],
            HoldScope::Project {
                organization,
                project,
            } => vec![organization, project],
            HoldScope::Key {
                organization,
                project,
                key,
            } => {
                let project = project.as_deref().unwrap_or("no project");
                vec![organization, project, key]
            }
        };
        let fields = [("id", id), ("reason", reason), ("placed_by", placed_by)];
        let scope_ids = ids.into_iter().map(|id| ("scope", id));
        let mut words = fields.into_iter().chain(scope_ids);
        let missing = words.find(|(_, text)| text.trim().is_empty());
        if let Some((field, _)) = missing {
            return Err(InvalidHold { field });
        }
        drop(words);
        Ok(Self {
            id: id.into(),
            scope,
            range,
            reason: reason.to_owned(),
            placed_by: placed_by.to_owned(),
        })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// What it is on.
    #[must_use]
    pub const fn scope(&self) -> &HoldScope {
        &self.scope
    }

    /// Data of which time it holds.
    #[must_use]
    pub const fn range(&self) -> TimeRange {
        self.range
    }

    /// Why: the matter, the order.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Who placed it.
    #[must_use]
    pub fn placed_by(&self) -> &str {
        &self.placed_by
    }

    /// Whether it holds one row of `table`. Where the table does not say of which project or key a row is, it is held:
    /// a hold that is in doubt holds.
    #[must_use]
    pub fn holds(
        &self,
        table: &Table,
        owner: &Owner,
        key: Option<&str>,
        at: DateTime<Utc>,
    ) -> bool {
        let right_key = match self.reach(table, owner) {
            Reach::None => false,
            Reach::All => true,
            Reach::Key(held) => key == Some(&**held),
        };
        right_key && self.range.contains(at)
    }

    /// How far the hold reaches into the rows of an owner, whatever their time.
    pub(crate) fn reach(&self, table: &Table, owner: &Owner) -> Reach<'_> {
        let mine = |organization: &Arc<str>| owner.organization.as_ref() == Some(organization);
        let within =
            |project: &Arc<str>| !table.has_project() || owner.project.as_ref() == Some(project);
        match &self.scope {
            HoldScope::Instance => Reach::All,
            HoldScope::Organization { organization } if mine(organization) => Reach::All,
            HoldScope::Project {
                organization,
                project,
            } if mine(organization) && within(project) => Reach::All,
            HoldScope::Key {
                organization, key, ..
            } if mine(organization) && table.has_key() => Reach::Key(key),
            HoldScope::Key {
                organization,
                project,
                ..
            } if mine(organization) && !table.has_key() && project.as_ref().is_none_or(within) => {
                Reach::All
            }
            HoldScope::Organization { .. } | HoldScope::Project { .. } | HoldScope::Key { .. } => {
                Reach::None
            }
        }
    }
}

impl fmt::Display for LegalHold {
    /// The id, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id.escape_debug())
    }
}

/// How far a hold reaches into the rows of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach<'h> {
    /// Not at all.
    None,
    /// To the rows of a key.
    Key(&'h Arc<str>),
    /// To all of them.
    All,
}

/// A hold without a word that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the `{field}` of a legal hold is empty; write it, whoever lifts the hold will ask")]
pub struct InvalidHold {
    /// Which.
    pub field: &'static str,
}

/// All holds in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds(Vec<LegalHold>);

impl Holds {
    /// No hold.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// These holds; their order does not matter.
    ///
    /// # Errors
    /// [`DuplicateHold`] when two have one id: lifting one would be lifting the other.
    pub fn new(holds: impl IntoIterator<Item = LegalHold>) -> Result<Self, DuplicateHold> {
        let mut holds: Vec<LegalHold> = holds.into_iter().collect();
        holds.sort_by(|a, b| a.id.cmp(&b.id));
        let twice = holds.windows(2).find_map(|pair| match pair {
            [a, b] if a.id == b.id => Some(a.id.clone()),
            _ => None,
        });
        match twice {
            Some(id) => Err(DuplicateHold { id }),
            None => Ok(Self(holds)),
        }
    }

    /// The holds, by id.
    pub fn iter(&self) -> impl Iterator<Item = &LegalHold> {
        self.0.iter()
    }

    /// Whether any of them holds this row.
    #[must_use]
    pub fn hold(&self, table: &Table, owner: &Owner, key: Option<&str>, at: DateTime<Utc>) -> bool {
        self.iter().any(|hold| hold.holds(table, owner, key, at))
    }
}

/// Two holds of one id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are two legal holds `{id}`; give each an id of its own")]
pub struct DuplicateHold {
    /// The id.
    pub id: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataClass, Layout};

    fn hold(scope: HoldScope) -> LegalHold {
        LegalHold::new("h", scope, TimeRange::ALL, "matter 7", "counsel").unwrap()
    }

    fn key(project: Option<&str>) -> LegalHold {
        hold(HoldScope::Key {
            organization: "o".into(),
            project: project.map(Into::into),
            key: "k".into(),
        })
    }

    fn holds(hold: &LegalHold, table: &Table, owner: &Owner, key: Option<&str>) -> bool {
        hold.holds(table, owner, key, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_hold_holds_its_scope_and_nothing_beside_it() {
        let table = Table::new("t", DataClass::RequestMeta, Layout::MonthTables);
        let (mine, other) = (Owner::project("o", "p"), Owner::project("o", "q"));
        let stranger = Owner::project("x", "p");
        let organization = hold(HoldScope::Organization {
            organization: "o".into(),
        });
        let project = hold(HoldScope::Project {
            organization: "o".into(),
            project: "p".into(),
        });
        let all = [
            &mine,
            &other,
            &stranger,
            &Owner::organization("o"),
            &Owner::instance(),
        ];
        let held = |hold: &LegalHold, key| all.map(|owner| holds(hold, &table, owner, key));
        assert_eq!(held(&hold(HoldScope::Instance), None), [true; 5]);
        assert_eq!(held(&organization, None), [true, true, false, true, false]);
        assert_eq!(held(&project, None), [true, false, false, false, false]);
        assert_eq!(
            held(&key(None), Some("k")),
            [true, true, false, true, false]
        );
        assert_eq!(held(&key(Some("p")), Some("l")), [false; 5]);
        assert_eq!(held(&key(Some("p")), None), [false; 5]);
    }

    #[test]
    fn a_hold_in_doubt_holds() {
        let table = Table::new("t", DataClass::Rollup, Layout::MonthColumn).without_key();
        let (mine, other) = (Owner::project("o", "p"), Owner::project("o", "q"));
        assert!(holds(&key(Some("p")), &table, &mine, None));
        assert!(!holds(&key(Some("p")), &table, &other, None));
        assert!(holds(&key(None), &table, &other, None));
        let table = table.without_project();
        assert!(holds(
            &key(Some("p")),
            &table,
            &Owner::organization("o"),
            None
        ));
        assert!(!holds(
            &key(Some("p")),
            &table,
            &Owner::organization("x"),
            None
        ));
    }

    #[test]
    fn a_hold_is_on_data_of_its_time() {
        let table = Table::new("t", DataClass::RequestMeta, Layout::MonthTables);
        let from = DateTime::from_timestamp(1, 0);
        let range = TimeRange::new(from, None).unwrap();
        let hold = LegalHold::new("h", HoldScope::Instance, range, "r", "w").unwrap();
        assert!(!holds(&hold, &table, &Owner::instance(), None));
        assert!(hold.holds(&table, &Owner::instance(), None, from.unwrap()));
    }

    #[test]
    fn a_hold_says_why_and_who_and_has_an_id_of_its_own() {
        let new =
            |id, reason, who| LegalHold::new(id, HoldScope::Instance, TimeRange::ALL, reason, who);
        assert_eq!(new("", "r", "w"), Err(InvalidHold { field: "id" }));
        assert_eq!(new("h", " ", "w"), Err(InvalidHold { field: "reason" }));
        assert_eq!(new("h", "r", ""), Err(InvalidHold { field: "placed_by" }));
        let scope = HoldScope::Organization {
            organization: "".into(),
        };
        let nobody = LegalHold::new("h", scope, TimeRange::ALL, "r", "w");
        assert_eq!(nobody, Err(InvalidHold { field: "scope" }));
        let twice = [hold(HoldScope::Instance), key(None)];
        assert!(Holds::new(twice).is_err());
    }
}
