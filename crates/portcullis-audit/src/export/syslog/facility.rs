//! Where messages come from, as syslog sorts them.

/// A facility of RFC 5424 section 6.2.1 under which an audit log may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Facility {
    /// 10: security and authorization messages.
    Authorization,
    /// 13: log audit.
    Audit,
    /// 16: local use.
    Local0,
    /// 17: local use.
    Local1,
    /// 18: local use.
    Local2,
    /// 19: local use.
    Local3,
    /// 20: local use.
    Local4,
    /// 21: local use.
    Local5,
    /// 22: local use.
    Local6,
    /// 23: local use.
    Local7,
}

impl Facility {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Authorization => 10,
            Self::Audit => 13,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }
}
