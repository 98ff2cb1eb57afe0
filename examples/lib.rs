//! Nothing to use: the examples are beside this file, and `cargo run --example gateway` runs the main one.
