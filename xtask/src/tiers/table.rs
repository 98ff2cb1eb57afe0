//! The tiers of all published crates, those to come included: a name is reserved with its place.

/// 0 are the leaves, 4 is the facade.
pub(super) type Tier = u8;

/// The tier of a published crate of ours; `None` for any other name.
pub(super) fn tier(name: &str) -> Option<Tier> {
    TIERS
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(tier, _)| *tier)
}

const TIERS: &[(Tier, &[&str])] = &[
    (
        0, // leaves: they know nothing of each other
        &[
            "portcullis-allowlist",
            "portcullis-audit",
            "portcullis-dialect",
            "portcullis-envelope",
            "portcullis-key",
            "portcullis-limits",
            "portcullis-retention",
            "portcullis-scope",
            "portcullis-webhook",
        ],
    ),
    (1, &["portcullis-store"]), // the ports
    (
        2, // adapters, key services, and the pipeline that knows all leaves
        &[
            "portcullis-bodies",
            "portcullis-gate",
            "portcullis-kms-aws",
            "portcullis-kms-pkcs11",
            "portcullis-postgres",
            "portcullis-sqlite",
        ],
    ),
    (3, &["portcullis-tower"]), // middleware
    (4, &["portcullis"]),       // the facade
];
