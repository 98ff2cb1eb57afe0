//! The module itself. Everything here blocks; only the worker's thread calls it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use getrandom::SysRng;
use getrandom::rand_core::TryRng;
use portcullis_envelope::{KeySeed, KeyServiceFault};
use zeroize::Zeroizing;

use crate::blob::{self, IV_LEN};
use crate::error::{CallError, Pkcs11OpenError};
use crate::key::Pkcs11Key;
use crate::worker::Device;

/// A session with the key in it, opened again when it was lost.
pub(crate) struct Hsm {
    key: Pkcs11Key,
    session: Option<(Session, ObjectHandle)>,
    /// The PIN was refused: asking again would lock the token.
    pin_refused: Option<Pkcs11OpenError>,
}

impl Hsm {
    pub(crate) fn open(key: Pkcs11Key) -> Result<Self, Pkcs11OpenError> {
        let mut hsm = Self {
            key,
            session: None,
            pin_refused: None,
        };
        hsm.session()?;
        Ok(hsm)
    }

    /// The session there is, or a new one.
    fn session(&mut self) -> Result<&(Session, ObjectHandle), Pkcs11OpenError> {
        if let Some(refused) = &self.pin_refused {
            return Err(refused.clone());
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => self.connect().inspect_err(|error| {
                if matches!(error, Pkcs11OpenError::Pin { .. }) {
                    self.pin_refused = Some(error.clone());
                }
            })?,
        };
        Ok(self.session.insert(session))
    }

    fn connect(&self) -> Result<(Session, ObjectHandle), Pkcs11OpenError> {
        let module = load(&self.key.module)?;
        let slot = self.slot(&module)?;
        let session = module.open_ro_session(slot).map_err(failed)?;
        match session.login(UserType::User, Some(&self.key.pin)) {
            // Another session of this process logged in: it is the token that is logged in to.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => {
                let why = error.to_string();
                return Err(if is_about_the_pin(&error) {
                    Pkcs11OpenError::Pin { why }
                } else {
                    Pkcs11OpenError::Failed { why }
                });
            }
        }
        let key = self.find_key(&session)?;
        Ok((session, key))
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, Pkcs11OpenError> {
        let token = self.key.token.clone();
        let slots = module.get_slots_with_initialized_token().map_err(failed)?;
        let mut labels = vec![];
        for slot in &slots {
            let info = module.get_token_info(*slot).map_err(failed)?;
            labels.push(info.label().trim_end().to_owned());
        }
        let named = labels
            .iter()
            .zip(&slots)
            .filter(|(label, _)| **label == token);
        match named.map(|(_, slot)| *slot).collect::<Vec<_>>().as_slice() {
            [slot] => Ok(*slot),
            [] => Err(Pkcs11OpenError::NoToken {
                token,
                found: labels,
            }),
            several => Err(Pkcs11OpenError::TwoTokens {
                token,
                count: several.len(),
            }),
        }
    }

    fn find_key(&self, session: &Session) -> Result<ObjectHandle, Pkcs11OpenError> {
        let label = self.key.label.clone();
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(label.clone().into_bytes()),
        ];
        let found = session.find_objects(&wanted).map_err(failed)?;
        let key = match found.as_slice() {
            [key] => *key,
            [] => return Err(Pkcs11OpenError::NoKey { label }),
            several => {
                return Err(Pkcs11OpenError::TwoKeys {
                    label,
                    count: several.len(),
                });
            }
        };
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let attributes = session.get_attributes(key, &asked).map_err(failed)?;
        let stays = attributes.contains(&Attribute::Sensitive(true))
            && attributes.contains(&Attribute::Extractable(false));
        if stays {
            Ok(key)
        } else {
            Err(Pkcs11OpenError::Extractable { label })
        }
    }

    /// Calls the module, once more in a new session if the old one was lost.
    fn call<T>(
        &mut self,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let had_session = self.session.is_some();
        let outcome = self.call_once(&work);
        match outcome {
            Err(error) if error.is_session_lost => {
                self.session = None;
                if had_session {
                    self.call_once(&work)
                } else {
                    Err(error)
                }
            }
            Ok(_) | Err(_) => outcome,
        }
    }

    fn call_once<T>(
        &mut self,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (session, key) = self.session().map_err(|error| CallError {
            fault: error.fault(),
            why: error.to_string(),
            is_session_lost: false,
        })?;
        work(session, *key)
    }
}

impl Device for Hsm {
    fn wrap(&mut self, name: &[u8], seed: &[u8; 32]) -> Result<Vec<u8>, CallError> {
        let mut iv = [0; IV_LEN];
        SysRng.try_fill_bytes(&mut iv).map_err(|_| CallError {
            fault: KeyServiceFault::Unexpected,
            why: "the operating system gave no random bytes".to_owned(),
            is_session_lost: false,
        })?;
        self.call(|session, key| {
            let mut drawn = iv;
            let gcm = GcmParams::new(&mut drawn, name, 128.into())?; // bits: the whole tag
            let sealed = session.encrypt(&Mechanism::AesGcm(gcm), key, seed)?;
            Ok(blob::join(&iv, &sealed))
        })
    }

    fn unwrap(&mut self, name: &[u8], blob: &[u8]) -> Result<KeySeed, CallError> {
        let refused = |fault| CallError {
            fault,
            why: "not what was wrapped".to_owned(),
            is_session_lost: false,
        };
        let (iv, sealed) = blob::split(blob).map_err(refused)?;
        self.call(|session, key| {
            let mut iv = iv;
            let gcm = GcmParams::new(&mut iv, name, 128.into())?;
            let opened = session.decrypt(&Mechanism::AesGcm(gcm), key, sealed)?;
            KeySeed::from_service(&Zeroizing::new(opened)).map_err(refused)
        })
    }
}

/// Loads a module, once in this process: a module is initialized for the whole process, and another
/// library may have done so already. It stays loaded, because its threads may outlive any of ours.
fn load(path: &Path) -> Result<Pkcs11, Pkcs11OpenError> {
    static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());
    let unusable = |error: Error| Pkcs11OpenError::Module {
        module: path.display().to_string(),
        why: error.to_string(),
    };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(unusable)?;
    let with_locks = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    match module.initialize(with_locks) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, Function::Initialize)) => {}
        Err(error) => return Err(unusable(error)),
    }
    loaded.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn is_about_the_pin(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked
                | RvError::UserPinNotInitialized,
            _
        )
    )
}

fn failed(error: Error) -> Pkcs11OpenError {
    Pkcs11OpenError::Failed {
        why: error.to_string(),
    }
}
