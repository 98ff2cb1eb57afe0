//! Mint, parse, digest and verify API keys.
