//! The embedded Portcullis store: one SQLite file.
