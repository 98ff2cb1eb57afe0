//! A key service that fails on demand, time that passes on demand, and the rules that every key
//! service keeps: for tests of whatever is or uses a key service. Feature `testkit`.
//!
//! ```
//! use std::sync::Arc;
//! use getrandom::SysRng;
//! use portcullis_envelope::testkit::{Fault, FaultyKeyService, block_on};
//! use portcullis_envelope::{KeySeed, KeyServices, OrgKeyRef, WrappedKey};
//!
//! let service = Arc::new(FaultyKeyService::new("test:one"));
//! let services = KeyServices::new().with(service.clone())?;
//! let of = OrgKeyRef::new(&[1; 16], [2; 8], 1)?;
//! let seed = KeySeed::generate(&mut SysRng)?;
//! let (wrapped, _) = block_on(WrappedKey::create(&*service, &of, seed))?;
//!
//! service.fail(Fault::Denied);
//! let refused = block_on(wrapped.unwrap_key(&services, &of)).unwrap_err();
//! assert_eq!(refused.fault().unwrap().code(), "denied");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod conformance;
mod faulty;
mod time;

pub use self::conformance::{key_service_conformance, neighbouring_names, splice_matrix};
pub use self::faulty::{Fault, FaultyKeyService};
pub use self::time::{ManualTimer, block_on, poll_once};
