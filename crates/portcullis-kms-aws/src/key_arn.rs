//! The name of a KMS key.

/// Reads a key ARN: `arn:{partition}:kms:{region}:{account}:key/{id}`.
pub(crate) fn parse(text: &str) -> Result<&str, InvalidKeyArn> {
    let refused = || InvalidKeyArn { found: text.into() };
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else {
        return Err(refused());
    };
    let id = resource.strip_prefix("key/").ok_or_else(refused)?;
    let named = [partition, region, account, &id];
    let is_arn = *arn == "arn" && *service == "kms" && named.into_iter().all(|part| is_part(part));
    if is_arn && text.len() <= MAX_LEN {
        Ok(text)
    } else {
        Err(refused())
    }
}

/// A text that is no key ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not the ARN of a KMS key: write arn:aws:kms:{{region}}:{{account}}:key/{{id}}, as \
     `aws kms describe-key` shows it. An id alone names no region, and an alias can be pointed at another \
     key, under which nothing that was wrapped opens"
)]
#[non_exhaustive]
pub struct InvalidKeyArn {
    /// The text.
    pub found: Box<str>,
}

fn is_part(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.chars().all(allowed)
}

/// Far above any ARN, and below what a wrapped key can name.
const MAX_LEN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_arns_of_every_partition_are_read() {
        for arn in [
            "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws-cn:kms:cn-north-1:123456789012:key/a",
        ] {
            assert_eq!(parse(arn), Ok(arn));
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_cure() {
        let long = format!("arn:aws:kms:r:1:key/{}", "a".repeat(512));
        for text in [
            "",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/main",
            "arn:aws:kms:us-east-1:123456789012:alias/main",
            "arn:aws:kms:us-east-1:123456789012:key/",
            "arn:aws:kms::123456789012:key/a",
            "arn:aws:s3:us-east-1:123456789012:key/a",
            "arn:aws:kms:us-east-1:123456789012:key/a:b",
            "arn:aws:kms:us-east-1:123456789012:key/a b",
            "arn:aws:kms:us-east-1:123456789012:key/a\n",
            &long,
        ] {
            let refused = parse(text).unwrap_err();
            assert_eq!(*refused.found, *text);
            assert!(refused.to_string().contains("describe-key"), "{refused}");
        }
    }
}
