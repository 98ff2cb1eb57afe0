//! `pkcs11:MODULE,token=LABEL,key=LABEL[,pin-file=FILE]`.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis::KeyWrapper;
use portcullis_kms_pkcs11::{Pkcs11Key, Pkcs11KeyService};

use crate::fields::Fields;
use crate::{Failure, pin};

/// One key in a module.
pub(crate) struct ModuleKey {
    module: PathBuf,
    token: String,
    label: String,
    pin_file: Option<PathBuf>,
}

impl ModuleKey {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Failure> {
        let module = PathBuf::from(fields.first);
        // A bare name would be looked for along a path that others may set.
        if !module.is_absolute() {
            return Err(fields.wrong(
                "the module is not an absolute path; write it as in pkcs11:/usr/lib/softhsm/libsofthsm2.so,token=..,key=..",
            ));
        }
        if fields.take("pin").is_some() {
            return Err(fields.wrong(
                "a command line is visible to others, so there is no `pin`: put the PIN into a file of mode 600 and name it with \
                 pin-file=.., and change this one",
            ));
        }
        let (token, label) = (fields.need("token")?, fields.need("key")?);
        let pin_file = fields.take("pin-file").map(PathBuf::from);
        fields.end("token, key and pin-file")?;
        Ok(Self {
            module,
            token: token.to_owned(),
            label: label.to_owned(),
            pin_file,
        })
    }

    pub(crate) async fn open(self) -> Result<Arc<dyn KeyWrapper>, Failure> {
        let pin = match &self.pin_file {
            Some(file) => pin::from_file(file)?,
            None => pin::from_environment()?,
        };
        let name = format!(
            "--key-service pkcs11:{},token={},key={}",
            self.module.display(),
            self.token,
            self.label
        );
        let key = Pkcs11Key::new(self.module, self.token, self.label, pin);
        let opened = Pkcs11KeyService::open(key).await;
        Ok(Arc::new(opened.map_err(|why| format!("{name}: {why}"))?))
    }
}
