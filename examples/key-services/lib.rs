//! The key services of the example gateway: AWS KMS and PKCS#11 modules, named on its command line.

mod aws;
mod fields;
mod pin;
mod pkcs11;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use clap::Args;
use portcullis::KeyWrapper;

use crate::aws::AwsKey;
use crate::fields::Fields;
use crate::pkcs11::ModuleKey;

/// The key services that the command line names.
#[derive(Args, Clone)]
pub struct KeyServices {
    /// A key service that organizations' keys may be wrapped by (may be given several times, to the gateway and to the commands
    /// that open credentials): aws:KEY-ARN[,region=REGION][,endpoint=URL], with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` in the
    /// environment; pkcs11:MODULE,token=LABEL,key=LABEL[,pin-file=FILE], with the PIN in a file of mode 600 or in
    /// `PORTCULLIS_PKCS11_PIN`. `vault rotate --to` moves the organization to it.
    #[arg(long = "key-service", global = true, value_name = "SERVICE")]
    services: Vec<String>,
}

/// One of them, read.
enum Named {
    Aws(AwsKey),
    Module(ModuleKey),
}

impl KeyServices {
    /// Reads all, and opens them: a module logs in here, AWS is asked when a key is needed.
    ///
    /// # Errors
    /// A sentence with the field, its value and the cure.
    pub async fn open(&self) -> Result<Vec<Arc<dyn KeyWrapper>>, Failure> {
        let named: Vec<Named> = self
            .services
            .iter()
            .map(|text| Named::read(text))
            .collect::<Result<_, _>>()?;
        let mut opened = Vec::new();
        for one in named {
            opened.push(match one {
                Named::Aws(key) => key.open()?,
                Named::Module(key) => key.open().await?,
            });
        }
        Ok(opened)
    }
}

impl Named {
    fn read(text: &str) -> Result<Self, Failure> {
        match text.split_once(':') {
            Some(("aws", rest)) => Ok(Self::Aws(AwsKey::read(Fields::read("aws", rest)?)?)),
            Some(("pkcs11", rest)) => Ok(Self::Module(ModuleKey::read(Fields::read(
                "pkcs11", rest,
            )?)?)),
            // Not repeated: it may be a PIN that lost its place.
            Some(_) | None => Err(
                "--key-service begins with neither `aws:` nor `pkcs11:`; write aws:KEY-ARN or \
                 pkcs11:MODULE,token=LABEL,key=LABEL"
                    .into(),
            ),
        }
    }
}

/// Not what was given, which may be a PIN by mistake.
impl fmt::Debug for KeyServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyServices({} named)", self.services.len())
    }
}

/// What opening may fail with: one sentence, with the cure in it.
type Failure = Box<dyn Error + Send + Sync>;
