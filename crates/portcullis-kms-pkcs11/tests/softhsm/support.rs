//! SoftHSM, with a fresh token.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;

pub(crate) const TOKEN: &str = "portcullis test";
pub(crate) const KEY: &str = "wrapping-key";
pub(crate) const PIN: &str = "pin-of-the-user";

/// A token that no test shares, in this process's module.
pub(crate) struct Token {
    pub(crate) module: PathBuf,
    context: Pkcs11,
    slot: Slot,
}

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it should be.
    Stays,
    /// It can leave the module.
    MayLeave,
    /// It may not decrypt.
    SealsOnly,
}

/// Runs `body` with a fresh token: in a child process that runs this one test, `test`.
pub(crate) fn in_a_process_of_its_own(test: &str, body: impl FnOnce(&Token)) {
    #[expect(clippy::disallowed_methods, reason = "how a parent tells its child")]
    let is_child = std::env::var("SOFTHSM2_CONF").is_ok_and(|path| path.contains(MARK));
    let module = module();
    if is_child {
        return body(&Token::fresh(module));
    }
    let folder = tempfile::Builder::new().prefix(MARK).tempdir().unwrap();
    let (conf, tokens) = (
        folder.path().join("softhsm2.conf"),
        folder.path().join("tokens"),
    );
    fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&conf, text).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--test-threads=1", "--nocapture"])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{shown}");
    assert!(shown.contains("1 passed"), "the child ran no test: {shown}");
}

/// The module.
///
/// # Panics
///
/// With a sentence that says what to do when there is none: a test that does not run is a failed test.
fn module() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
    let named = std::env::var(VARIABLE).ok().map(PathBuf::from);
    let installed = INSTALLED.iter().map(PathBuf::from);
    let unpacked = unpacked(Path::new(BESIDE_THE_BUILD));
    let mut candidates = named.into_iter().chain(installed).chain(unpacked);
    candidates.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "SoftHSM is missing: run `cargo xtask prepare`, install the Debian package libsofthsm2, or name its \
             libsofthsm2.so in {VARIABLE}"
        )
    })
}

/// The module in a folder that Debian's package was unpacked into, whatever the machine is called.
fn unpacked(folder: &Path) -> Vec<PathBuf> {
    let machines = fs::read_dir(folder).into_iter().flatten().flatten();
    machines
        .map(|machine| machine.path().join("softhsm/libsofthsm2.so"))
        .collect()
}

impl Token {
    fn fresh(module: PathBuf) -> Self {
        let context = Pkcs11::new(&module).unwrap();
        let with_locks = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        context.initialize(with_locks).unwrap();
        let slot = context.get_slots_with_token().unwrap()[0];
        context.init_token(slot, &OFFICER.into(), TOKEN).unwrap();
        let token = Self {
            module,
            slot: find(&context),
            context,
        };
        let session = token.session();
        session.login(UserType::So, Some(&OFFICER.into())).unwrap();
        session.init_pin(&PIN.into()).unwrap();
        session.logout().unwrap();
        token
    }

    pub(crate) fn session(&self) -> Session {
        self.context.open_rw_session(self.slot).unwrap()
    }

    /// As the user; all sessions of a process are logged in together.
    fn as_user<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        let session = self.session();
        // Already logged in when a service is open.
        let own = session.login(UserType::User, Some(&PIN.into())).is_ok();
        let done = work(&session);
        if own {
            session.logout().unwrap();
        }
        done
    }

    pub(crate) fn make_key(&self, label: &str, kind: Kind) {
        let template = [
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(kind != Kind::MayLeave),
            Attribute::Extractable(kind == Kind::MayLeave),
            Attribute::Encrypt(true),
            Attribute::Decrypt(kind != Kind::SealsOnly),
            Attribute::ValueLen(32.into()),
        ];
        self.as_user(|session| session.generate_key(&Mechanism::AesKeyGen, &template))
            .unwrap();
    }

    pub(crate) fn delete_key(&self, label: &str) {
        self.as_user(|session| {
            let label = Attribute::Label(label.as_bytes().to_vec());
            let keys = [Attribute::Class(ObjectClass::SECRET_KEY), label];
            for key in session.find_objects(&keys).unwrap() {
                session.destroy_object(key).unwrap();
            }
        });
    }

    pub(crate) fn change_pin(&self, new: &str) {
        self.as_user(|session| session.set_pin(&PIN.into(), &new.into()))
            .unwrap();
    }

    pub(crate) fn change_back(&self, from: &str) {
        let session = self.session();
        session.login(UserType::User, Some(&from.into())).unwrap();
        session.set_pin(&from.into(), &PIN.into()).unwrap();
        session.logout().unwrap();
    }

    /// Logs every session of this process out, as a module does whose token was pulled and put back.
    pub(crate) fn log_everybody_out(&self) {
        self.session().logout().unwrap();
    }
}

fn find(context: &Pkcs11) -> Slot {
    let slots = context.get_slots_with_initialized_token().unwrap();
    let ours = |slot: &&Slot| context.get_token_info(**slot).unwrap().label().trim_end() == TOKEN;
    *slots.iter().find(ours).unwrap()
}

/// The PIN of the security officer.
const OFFICER: &str = "pin-of-the-officer";

/// In the path of a child's configuration.
const MARK: &str = "portcullis-softhsm-";

/// The variable in which `cargo xtask test` names the module.
const VARIABLE: &str = "PORTCULLIS_SOFTHSM";

/// Where distributions install it.
const INSTALLED: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

/// Where `cargo xtask prepare` unpacks it.
const BESIDE_THE_BUILD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../softhsm/usr/lib");
