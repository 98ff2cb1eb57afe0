//! The states of a key version, and the table of what may follow what.

/// What a key version may do. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Made, and not used yet: it is on its way to every node.
    Pending,
    /// Seals and opens. One version at a time.
    Active,
    /// Opens what it sealed.
    DecryptOnly,
    /// Does nothing until it is enabled again.
    Disabled,
    /// Does nothing, for good: what it was made from is deleted. The row stays as a tombstone.
    Destroyed,
}

/// What happens to a key version. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyEvent {
    /// It becomes the one that seals.
    Activate,
    /// Another becomes the one that seals.
    Supersede,
    /// It is switched off.
    Disable,
    /// It is switched on again.
    Enable,
    /// It is destroyed, and nothing needs it.
    Destroy,
    /// It is destroyed with all it sealed.
    Shred,
}

impl KeyState {
    /// The state that `event` leads to; `None` if it may not happen. The whole table
    /// (`spec/organization-keys.md`, section "States").
    #[must_use]
    pub const fn after(self, event: KeyEvent) -> Option<Self> {
        match (self, event) {
            (Self::Pending, KeyEvent::Activate) => Some(Self::Active),
            (Self::Active, KeyEvent::Supersede) | (Self::Disabled, KeyEvent::Enable) => {
                Some(Self::DecryptOnly)
            }
            (Self::DecryptOnly, KeyEvent::Disable) => Some(Self::Disabled),
            (Self::Pending | Self::Disabled, KeyEvent::Destroy)
            | (
                Self::Pending | Self::Active | Self::DecryptOnly | Self::Disabled,
                KeyEvent::Shred,
            ) => Some(Self::Destroyed),
            (Self::Pending, KeyEvent::Supersede | KeyEvent::Disable | KeyEvent::Enable)
            | (
                Self::Active,
                KeyEvent::Activate | KeyEvent::Disable | KeyEvent::Enable | KeyEvent::Destroy,
            )
            | (
                Self::DecryptOnly,
                KeyEvent::Activate | KeyEvent::Supersede | KeyEvent::Enable | KeyEvent::Destroy,
            )
            | (Self::Disabled, KeyEvent::Activate | KeyEvent::Supersede | KeyEvent::Disable)
            | (
                Self::Destroyed,
                KeyEvent::Activate
                | KeyEvent::Supersede
                | KeyEvent::Disable
                | KeyEvent::Enable
                | KeyEvent::Destroy
                | KeyEvent::Shred,
            ) => None,
        }
    }

    /// The name in a row: `pending`, `active`, `decrypt_only`, `disabled`, `destroyed`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::DecryptOnly => "decrypt_only",
            Self::Disabled => "disabled",
            Self::Destroyed => "destroyed",
        }
    }

    /// The state of a row's name; `None` for any other text, which is to be refused.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Active,
        Self::DecryptOnly,
        Self::Disabled,
        Self::Destroyed,
    ];
}

impl KeyEvent {
    /// All events.
    pub const ALL: [Self; 6] = [
        Self::Activate,
        Self::Supersede,
        Self::Disable,
        Self::Enable,
        Self::Destroy,
        Self::Shred,
    ];
}
