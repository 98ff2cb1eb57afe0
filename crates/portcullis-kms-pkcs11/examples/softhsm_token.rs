//! Makes a token in SoftHSM, and an AES key as this crate wants one: to try it out.
//!
//! `softhsm_token MODULE TOKEN KEY`, with the PIN in `PORTCULLIS_PKCS11_PIN` and SoftHSM's own `SOFTHSM2_CONF` if need be. The
//! officer's PIN is the user's: this is for a trial, and an HSM of yours has tools of its own.

use std::error::Error;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, token, label] = args.as_slice() else {
        return Err("write: softhsm_token MODULE TOKEN KEY".into());
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a program may read its environment"
    )]
    let pin = std::env::var("PORTCULLIS_PKCS11_PIN")
        .map_err(|_| "put the PIN into PORTCULLIS_PKCS11_PIN")?;
    let pin = AuthPin::from(pin);

    let context = Pkcs11::new(module)?;
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    // SoftHSM has one empty slot at any time.
    let mut slots = context.get_slots_with_token()?;
    let empty = slots.pop().ok_or("the module has no empty slot")?;
    context.init_token(empty, &pin, token)?;
    let mut found = None;
    for slot in context.get_slots_with_initialized_token()? {
        if context.get_token_info(slot)?.label().trim_end() == token {
            found = Some(slot);
        }
    }
    let session = context.open_rw_session(found.ok_or("the token is not there")?)?;
    session.login(UserType::So, Some(&pin))?;
    session.init_pin(&pin)?;
    session.logout()?;
    session.login(UserType::User, Some(&pin))?;
    let template = [
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::ValueLen(32.into()),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template)?;
    Ok(())
}
