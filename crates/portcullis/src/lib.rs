//! The security layer of an LLM gateway: virtual keys, sealed provider credentials, scopes, as one dependency.

// The public interface is:
#[doc(inline)]
pub use portcullis_gate::*;

#[cfg(feature = "memory")]
pub use portcullis_store::MemoryStore;

#[cfg(feature = "sqlite")]
pub use portcullis_sqlite::SqliteStore;

#[cfg(feature = "tower")]
pub use portcullis_tower::{
    Authenticated, MeteredBody, OpenAiCall, PeerAddr, Protect, ProtectFuture, ProtectLayer,
    ProtectedBody, ProtectedBodyError, Rejection, meter,
};
