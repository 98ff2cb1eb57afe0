//! The security layer of an LLM gateway: virtual keys, sealed provider credentials, scopes, as one dependency.
