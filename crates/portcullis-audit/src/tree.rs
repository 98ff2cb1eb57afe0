//! The Merkle tree of RFC 6962 section 2.1, as far as an append needs it.

mod frontier;
mod node;

pub(crate) use frontier::Frontier;
pub use node::Node;
