//! Envelope encryption of provider credentials.
