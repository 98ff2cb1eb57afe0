//! Ports of the Portcullis stores: ids, flat rows, traits, the in-memory adapter, the conformance suite.
