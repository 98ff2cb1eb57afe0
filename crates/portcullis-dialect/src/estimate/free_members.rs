//! Members that are newer than the tables, and that an operator vouches for.

use crate::body;

/// Top-level members without a rule of their own which an operator knows to cost no more than the tokens of their text
/// (`spec/estimate.md`, rule 3): providers add members faster than the tables here grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeMembers(Vec<Box<str>>);

impl FreeMembers {
    /// None: what has no rule has no bound.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// These, in exactly this spelling. A member that makes the provider run a tool, another model or another pass costs
    /// more than is held for it, and a cap under which it is taken is no cap.
    ///
    /// # Errors
    /// [`InvalidFreeMember`]: a name is empty, or a rule of its own says what the member costs.
    pub fn dangerously_trust<I>(names: I) -> Result<Self, InvalidFreeMember>
    where
        I: IntoIterator<Item: Into<Box<str>>>,
    {
        let checked = |name: Box<str>| {
            if name.is_empty() || name.contains(|c: char| c.is_control() || c.is_whitespace()) {
                Err(InvalidFreeMember::NoName)
            } else if body::is_field_in_any_spelling(&name) {
                Err(InvalidFreeMember::HasRule { name })
            } else {
                Ok(name)
            }
        };
        let names = names.into_iter().map(Into::into);
        names.map(checked).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| **known == *name)
    }
}

/// A member that an operator cannot vouch for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFreeMember {
    /// It is empty, or has white space or control characters in it.
    #[error("a member's name is empty or has white space in it: write it as it stands in the body")]
    NoName,
    /// It is a field that is known, or would be taken for one.
    #[error(
        "there is a rule for what the member \"{name}\" costs, which cannot be overruled: leave it out of the list"
    )]
    HasRule {
        /// What was given.
        name: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_rule_cannot_be_made_free_in_any_spelling() {
        for name in ["tools", "Tools", "max_TOKENS", "service_tier", "\u{feff}n"] {
            let refused = FreeMembers::dangerously_trust([name]).unwrap_err();
            let name = name.into();
            assert_eq!(refused, InvalidFreeMember::HasRule { name });
        }
        for name in ["", " ", "a b", "n\n"] {
            let refused = FreeMembers::dangerously_trust(["new_member", name]);
            assert_eq!(refused, Err(InvalidFreeMember::NoName), "{name:?}");
        }
    }

    #[test]
    fn a_member_is_free_in_its_own_spelling_alone() {
        let free = FreeMembers::dangerously_trust(["new_member"]).unwrap();
        assert!(free.contains("new_member"));
        for other in ["New_member", "new_member ", "new", "other"] {
            assert!(!free.contains(other), "{other}");
        }
        assert_eq!(FreeMembers::NONE, &FreeMembers::default());
    }
}
