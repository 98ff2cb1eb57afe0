//! Every derivation label of this crate, in one place.
//!
//! A label separates what one key is used for: no use of a master key or of a sealing key exists
//! without its own label. Each ends in NUL and holds no other NUL, so none is a prefix of another,
//! whatever bytes follow. `spec/sealed-record.md` lists these and those of the other crates; a test
//! holds the two together.

/// Opens the context hash `H` of a sealed record.
pub(crate) const CONTEXT: &[u8] = b"portcullis/v1/ctx\0";

/// Derives the AES-256-GCM-SIV key of one record.
pub(crate) const RECORD_ENCRYPTION: &[u8] = b"portcullis/v1/record/enc\0";

/// Derives the commitment of one record.
pub(crate) const RECORD_COMMITMENT: &[u8] = b"portcullis/v1/record/commit\0";

/// Derives an organization key from a master key.
pub(crate) const ORG_KEY_DERIVED: &[u8] = b"portcullis/v1/org-key/derived\0";

/// Derives an organization key from bytes that a key service unwrapped.
pub(crate) const ORG_KEY_WRAPPED: &[u8] = b"portcullis/v1/org-key/wrapped\0";

/// Derives an organization key's check value.
pub(crate) const ORG_KEY_CHECK_VALUE: &[u8] = b"portcullis/v1/org-key/kcv\0";

/// Derives the key that seals the instance's own secrets from a master key.
pub(crate) const INSTANCE_KEY: &[u8] = b"portcullis/v1/instance-key\0";

/// Derives a master key's check value, which is also the id of its instance key.
pub(crate) const CHECK_VALUE: &[u8] = b"portcullis/v1/kcv\0";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: [&[u8]; 8] = [
        CONTEXT,
        RECORD_ENCRYPTION,
        RECORD_COMMITMENT,
        ORG_KEY_DERIVED,
        ORG_KEY_WRAPPED,
        ORG_KEY_CHECK_VALUE,
        INSTANCE_KEY,
        CHECK_VALUE,
    ];

    const SPEC: &str = include_str!("../../../spec/sealed-record.md");

    /// The first cell of each row of the specification's table of labels, NUL written `\0`.
    fn labels_of_the_spec() -> Vec<&'static str> {
        SPEC.lines()
            .filter_map(|line| line.strip_prefix("| `portcullis/v1/"))
            .map(|rest| rest.split('`').next().unwrap())
            .collect()
    }

    #[test]
    fn every_constant_of_this_file_is_in_the_list_under_test() {
        let declared = include_str!("labels.rs")
            .lines()
            .filter(|line| line.starts_with("pub(crate) const "))
            .count();
        assert_eq!(declared, ALL.len());
    }

    #[test]
    fn labels_are_unique_and_none_is_a_prefix_of_another() {
        assert_eq!(ALL.iter().collect::<BTreeSet<_>>().len(), ALL.len());
        for label in ALL {
            assert!(label.starts_with(b"portcullis/v1/"));
            assert_eq!(
                label.iter().position(|byte| *byte == 0),
                Some(label.len() - 1)
            );
        }
    }

    #[test]
    fn the_specification_lists_every_label_once() {
        let listed = labels_of_the_spec();
        assert_eq!(
            listed.iter().collect::<BTreeSet<_>>().len(),
            listed.len(),
            "{listed:?}"
        );
        for label in ALL {
            let text = std::str::from_utf8(label).unwrap().replace('\0', "\\0");
            let tail = text.strip_prefix("portcullis/v1/").unwrap();
            assert!(listed.contains(&tail), "spec/sealed-record.md lacks {text}");
        }
        assert!(
            listed.contains(&"key-digest\\0"),
            "the label of portcullis-key is listed too"
        );
    }
}
