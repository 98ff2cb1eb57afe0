//! Probes: what tests within a crate cannot see, because looking at it needs `unsafe`.
//!
//! - [`memory`]: an allocator that counts, and that remembers what a block held when it was freed.
//! - [`survey`]: which bytes of a secret are left in memory once its owner is dropped.
//! - [`pattern`]: random sources whose every byte is known, so that two runs can be compared.
//! - [`served`]: a gate with one key.
//! - [`capped`]: a gate whose key is under caps, and the steps of a whole request on it.
//! - [`at_once`]: futures that must not wait.
//!
//! The probes themselves are the files of `tests/`; `src/bin` has the programs that
//! `tests/instructions.rs` runs under valgrind. Nothing of this is published.

pub mod at_once;
pub mod capped;
pub mod memory;
pub mod pattern;
pub mod served;
pub mod survey;
