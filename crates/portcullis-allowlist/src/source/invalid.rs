//! Why a source cannot be used.

use std::fmt;

use crate::client::MAX_ELEMENTS;
use crate::invalid::InvalidList;

/// A source that cannot be used. Refuse to start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSource {
    /// No peer is named.
    #[error(
        "no peer is named that may speak for a client; list the addresses of your proxies, or read \
         the address of the connection"
    )]
    NoPeers,
    /// The list of peers has bad entries.
    #[error("the list of peers: {0}")]
    Peers(InvalidList),
    /// The number of hops is not 1 to 32.
    #[error("{hops} trusted hops; give a number from 1 (the rightmost element) to {MAX_ELEMENTS}")]
    Hops {
        /// The number.
        hops: u8,
    },
    /// The header cannot hold the one address of a client.
    #[error("header {name:?}: {problem}")]
    Header {
        /// The name as written, cut to 64 characters.
        name: String,
        /// What is wrong with it.
        problem: HeaderProblem,
    },
}

impl InvalidSource {
    pub(super) fn header(name: &str, problem: HeaderProblem) -> Self {
        let name = name.chars().take(SHOWN_CHARS).collect();
        Self::Header { name, problem }
    }
}

/// Why a header cannot hold the one address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// Not a field name (RFC 9110 section 5.1).
    NotAName,
    /// The name has an underscore, for which programs on the way differ.
    Underscore,
    /// A list, of which one element is right.
    List,
    /// Addresses in it cannot be told from their ports.
    Ambiguous,
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAName => "not the name of a header",
            Self::Underscore => {
                "some proxies drop headers with underscores and some take them for hyphens; use a \
                 header with hyphens"
            }
            Self::List => "this header is a list; use trusted proxies or a number of trusted hops",
            Self::Ambiguous => {
                "it has IPv6 addresses with a port and no brackets; use another header of this \
                 proxy"
            }
        })
    }
}

/// How much of a bad name an error shows.
const SHOWN_CHARS: usize = 64;
