//! `FIRST,name=value,name=value`.

use crate::Failure;

/// What stands behind `aws:` or `pkcs11:`.
pub(crate) struct Fields<'a> {
    kind: &'static str,
    /// What has no name.
    pub(crate) first: &'a str,
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    pub(crate) fn read(kind: &'static str, text: &'a str) -> Result<Self, Failure> {
        let mut parts = text.split(',');
        let first = parts.next().unwrap_or_default();
        let mut named: Vec<(&str, &str)> = Vec::new();
        for part in parts {
            let field = part.split_once('=').filter(|(_, value)| !value.is_empty());
            let (name, value) = field.ok_or_else(|| {
                // Not repeated: it may be the rest of a value with a comma in it.
                format!(
                    "--key-service {kind}:{first}: a field behind a comma is not `name=value`; a value cannot hold a comma"
                )
            })?;
            if named.iter().any(|(known, _)| *known == name) {
                return Err(format!(
                    "--key-service {kind}:{first}: `{name}` is given twice; give it once"
                )
                .into());
            }
            named.push((name, value));
        }
        Ok(Self { kind, first, named })
    }

    /// Takes the value of a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.named.iter().position(|(known, _)| *known == name)?;
        Some(self.named.swap_remove(place).1)
    }

    /// The same for one that has to be there.
    pub(crate) fn need(&mut self, name: &str) -> Result<&'a str, Failure> {
        self.take(name)
            .ok_or_else(|| self.wrong(&format!("`{name}` is missing; add {name}=..")))
    }

    /// Refuses what nobody has taken.
    pub(crate) fn end(&self, known: &str) -> Result<(), Failure> {
        match self.named.first() {
            None => Ok(()),
            // The value is not repeated: it may be a PIN.
            Some((name, _)) => {
                Err(self.wrong(&format!("there is no field `{name}`; there are {known}")))
            }
        }
    }

    /// An error about these fields.
    pub(crate) fn wrong(&self, why: &str) -> Failure {
        format!("--key-service {}:{}: {why}", self.kind, self.first).into()
    }
}
