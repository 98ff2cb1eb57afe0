//! What an error of a module means.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use portcullis_envelope::KeyServiceFault;

/// Why the key service could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11OpenError {
    /// The shared library cannot be loaded, or is no PKCS#11 module.
    #[error(
        "the PKCS#11 module {module} cannot be used: {why}; check the path and the module's own configuration"
    )]
    Module {
        /// Its path.
        module: String,
        /// What the system or the module said.
        why: String,
    },
    /// No token has the label.
    #[error("no token is called {token:?}; the module has {found:?}")]
    NoToken {
        /// The label.
        token: String,
        /// The labels of the tokens that are there.
        found: Vec<String>,
    },
    /// Several tokens have the label.
    #[error("{count} tokens are called {token:?}: give each a label of its own")]
    TwoTokens {
        /// The label.
        token: String,
        /// How many.
        count: usize,
    },
    /// The token does not let us in.
    #[error(
        "the token does not accept the PIN: {why}; it is not tried again, because that would lock the token"
    )]
    Pin {
        /// What the module said.
        why: String,
    },
    /// No AES key has the label.
    #[error("the token has no AES key called {label:?}")]
    NoKey {
        /// The label.
        label: String,
    },
    /// Several AES keys have the label.
    #[error("{count} AES keys are called {label:?}: give each a label of its own")]
    TwoKeys {
        /// The label.
        label: String,
        /// How many.
        count: usize,
    },
    /// The key can leave the module.
    #[error(
        "the key {label:?} can leave the module: make one that is sensitive and not extractable"
    )]
    Extractable {
        /// The label.
        label: String,
    },
    /// Anything else that the module said.
    #[error("the PKCS#11 module failed: {why}")]
    Failed {
        /// What it said.
        why: String,
    },
}

impl Pkcs11OpenError {
    /// What it counts as for a service that was open before.
    pub(crate) fn fault(&self) -> KeyServiceFault {
        match self {
            Self::Module { .. } | Self::NoToken { .. } | Self::Failed { .. } => {
                KeyServiceFault::Unreachable
            }
            Self::Pin { .. } => KeyServiceFault::Denied,
            Self::NoKey { .. } => KeyServiceFault::NotFound,
            Self::TwoTokens { .. } | Self::TwoKeys { .. } | Self::Extractable { .. } => {
                KeyServiceFault::Unexpected
            }
        }
    }
}

/// What went wrong in a session that was open.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) fault: KeyServiceFault,
    pub(crate) why: String,
    /// Whether another session may do better.
    pub(crate) is_session_lost: bool,
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        let (fault, is_session_lost) = match &error {
            Error::Pkcs11(code, function) => (of_code(*code, *function), is_session_lost(*code)),
            Error::LibraryLoading(_)
            | Error::NotSupported
            | Error::TryFromInt(_)
            | Error::TryFromSlice(_)
            | Error::ParseInt(_)
            | Error::Utf8(_)
            | Error::NulError(_)
            | Error::NullFunctionPointer
            | Error::MissingSymbol(_)
            | Error::InvalidValue
            | Error::PinNotSet => (KeyServiceFault::Unexpected, false),
        };
        Self {
            fault,
            why: error.to_string(),
            is_session_lost,
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "about a hundred codes, and modules add their own: what is not named is unexpected"
)]
fn of_code(code: RvError, function: Function) -> KeyServiceFault {
    match code {
        code if is_session_lost(code) => KeyServiceFault::Unreachable,
        RvError::DeviceError
        | RvError::DeviceMemory
        | RvError::HostMemory
        | RvError::SessionCount
        | RvError::FunctionCanceled => KeyServiceFault::Unreachable,
        RvError::PinExpired
        | RvError::PinIncorrect
        | RvError::PinLocked
        | RvError::ActionProhibited => KeyServiceFault::Denied,
        RvError::KeyFunctionNotPermitted => KeyServiceFault::Disabled,
        RvError::EncryptedDataInvalid
        | RvError::EncryptedDataLenRange
        | RvError::DataInvalid
        | RvError::SignatureInvalid => KeyServiceFault::Rejected,
        // There is no code for a tag that does not fit: modules say something general.
        RvError::GeneralError | RvError::FunctionFailed if is_decryption(function) => {
            KeyServiceFault::Rejected
        }
        _ => KeyServiceFault::Unexpected,
    }
}

fn is_decryption(function: Function) -> bool {
    matches!(function, Function::Decrypt | Function::DecryptFinal)
}

fn is_session_lost(code: RvError) -> bool {
    matches!(
        code,
        RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::UserNotLoggedIn
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::CryptokiNotInitialized
    )
}
