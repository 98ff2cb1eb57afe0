//! The conformance suite: what every adapter must do, each rule a function with its name.
