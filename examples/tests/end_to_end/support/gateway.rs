//! The example gateway as a program: its data folder, its commands, and the process that serves.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Answer, CapLine, Finished, PATIENCE, Provider, Request, Running, example};

/// A data folder.
pub(crate) struct Home {
    folder: TempDir,
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Home {
    /// A folder that the first start has yet to fill.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            program: program(),
            environment: Vec::new(),
        }
    }

    /// The same for another build of the gateway.
    pub(crate) fn of(program: PathBuf) -> Self {
        Self {
            program,
            ..Self::new()
        }
    }

    /// The same with a variable in the environment of every command.
    pub(crate) fn with_variable(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// The same data in a folder of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::of(self.program.clone());
        std::fs::create_dir(copy.data()).unwrap();
        for entry in std::fs::read_dir(self.data()).unwrap() {
            let from = entry.unwrap().path();
            let to = copy.data().join(from.file_name().unwrap());
            if from.is_file() {
                std::fs::copy(&from, to).unwrap();
            }
        }
        copy
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The data folder where the gateway puts it by itself.
    pub(crate) fn default_data(&self) -> PathBuf {
        self.folder.path().join("portcullis-data")
    }

    /// Writes a file beside the data folder, and tells its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A command line on this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // Of its own: what a test makes by mistake lands in the folder that goes away.
        command.current_dir(self.folder.path());
        command.env("USER", "tester").env_remove("RUST_BACKTRACE");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("--data").arg(self.data()).args(args);
        command
    }

    /// Runs a sub-command to its end, with nothing on its standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        self.run_with_input(args, b"")
    }

    /// Runs a sub-command to its end.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Finished {
        let mut running = Running::start(self.command(args));
        running.write(input);
        running.finish()
    }

    /// Runs a line as a shell in the folder's parent does: words, single quotes, one file as standard input.
    pub(crate) fn run_line(&self, line: &str) -> Finished {
        let (line, input) = match line.split_once('<') {
            Some((line, file)) => (line, format!("sk-from-{}\n", file.trim())),
            None => (line, String::new()),
        };
        let mut command = Command::new(program());
        command
            .current_dir(self.folder.path())
            .env("USER", "tester");
        command.args(line.split_whitespace().map(|word| word.trim_matches('\'')));
        let mut running = Running::start(command);
        running.write(input.as_bytes());
        running.finish()
    }

    /// `keys mint`.
    pub(crate) fn mint(&self, args: &[&str]) -> Key {
        let minted = self.run(&[&["keys", "mint"], args].concat()).succeeded();
        Key::printed(&minted)
    }

    /// `keys rotate`: the same id with a further secret.
    pub(crate) fn rotate(&self, key: &Key, grace: &str) -> Key {
        let args = ["keys", "rotate", key.id(), "--grace", grace];
        Key::printed(&self.run(&args).succeeded())
    }

    /// `keys set`.
    pub(crate) fn set(&self, key: &Key, args: &[&str]) -> Finished {
        self.run(&[&["keys", "set", key.id()], args].concat())
            .succeeded()
    }

    /// `limits show`: its line on a cap, such as `key ID` and `a month`.
    pub(crate) fn cap(&self, whose: &str, window: &str) -> CapLine {
        let shown = self.run(&["limits", "show"]).succeeded().stdout;
        CapLine::find(&shown, whose, window).unwrap_or_else(|| panic!("{whose}: {shown}"))
    }

    /// Waits until `limits show` says that so much is spent of a key's cap in a window: it is half a second behind.
    pub(crate) fn wait_for_spent(&self, key: &Key, window: &str, amount: &str) -> CapLine {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.cap(&format!("key {}", key.id()), window);
            if line.get("SPENT") == amount {
                return line;
            }
            assert!(Instant::now() < deadline, "not {amount}: {line:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `keys revoke`.
    pub(crate) fn revoke(&self, key: &Key) -> Finished {
        self.run(&["keys", "revoke", key.id()]).succeeded()
    }

    /// `credentials put`.
    pub(crate) fn put_credential(&self, provider: &str, secret: &str) {
        let args = ["credentials", "put", provider];
        self.run_with_input(&args, secret.as_bytes()).succeeded();
    }

    /// Serves in front of the built-in provider.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_with(&[])
    }

    /// Serves in front of a provider of ours, whose models cost what `PRICES` says.
    pub(crate) fn serve_priced(&self, provider: &Provider, args: &[&str]) -> Gateway {
        let prices = self.write("prices.toml", PRICES);
        let url = provider.url();
        self.serve_with(
            &[
                &["--upstream", url.as_str(), "--prices", prices.as_str()],
                args,
            ]
            .concat(),
        )
    }

    /// Serves in front of a provider of ours.
    pub(crate) fn serve_before(&self, provider: &Provider) -> Gateway {
        self.serve_with(&["--upstream", &provider.url()])
    }

    /// Serves with further arguments.
    pub(crate) fn serve_with(&self, args: &[&str]) -> Gateway {
        Gateway::is_up(self.start_serving(args))
    }

    /// Starts to serve and waits for nothing.
    pub(crate) fn start_serving(&self, args: &[&str]) -> Running {
        Running::start(self.command(&[&["--listen", "127.0.0.1:0"], args].concat()))
    }
}

/// A gateway that serves, killed when this is dropped.
pub(crate) struct Gateway {
    process: Running,
    address: SocketAddr,
    first_key: Option<Key>,
}

impl Gateway {
    /// Waits until it says where it serves, and has said all that it says at its start.
    pub(crate) fn is_up(process: Running) -> Self {
        let said = &process.stderr;
        said.wait_for("Serving on http://");
        said.wait_for(" keys ");
        let text = said.text();
        let (_, address) = text.split_once("Serving on http://").unwrap();
        let address = address.split(',').next().unwrap().parse().unwrap();
        let makes_a_key = text.contains("A first key was made");
        let first_key = makes_a_key.then(|| Key::new(process.stdout.wait_for_line(0)));
        // To its last line.
        match &first_key {
            Some(key) => said.wait_for(&format!(" keys revoke {}\n", key.id())),
            None => said.wait_for(" keys mint --name my-key\n"),
        };
        Self {
            process,
            address,
            first_key,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that the first start made.
    pub(crate) fn first_key(&self) -> &Key {
        self.first_key.as_ref().expect("not the first start")
    }

    pub(crate) fn made_a_key(&self) -> bool {
        self.first_key.is_some()
    }

    pub(crate) fn process(&self) -> &Running {
        &self.process
    }

    /// Whether a list of models can be had with this key: the shortest question there is.
    pub(crate) fn ask(&self, key: &Key) -> Answer {
        Request::get("/v1/models").bearer(key).send(self.address)
    }

    /// SIGKILL.
    pub(crate) fn kill(self) -> Finished {
        self.process.kill()
    }

    /// SIGTERM, and the wait for what follows.
    pub(crate) fn stop(self) -> Finished {
        self.process.terminate();
        self.process.finish()
    }
}

/// A minted key, as it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn new(text: String) -> Self {
        let key = Self(text);
        assert!(key.0.starts_with("gate_") && key.0.len() > RANDOM_PART);
        key
    }

    /// The one line on the standard output of a command that mints.
    fn printed(minted: &Finished) -> Self {
        let line = minted.stdout.strip_suffix('\n').unwrap_or_default();
        assert!(!line.contains('\n'), "more than the key: {minted}");
        Self::new(line.to_owned())
    }

    /// Text with the checksum that belongs to it: CRC-32 in base62 (`spec/key-format.md`).
    pub(crate) fn with_checksum(text: &str) -> Self {
        let mut rest = crc32fast::hash(text.as_bytes());
        let mut checksum = [b'0'; CHECKSUM];
        for digit in checksum.iter_mut().rev() {
            *digit = BASE62[rest as usize % BASE62.len()];
            rest /= 62;
        }
        Self::new(format!("{text}{}", String::from_utf8_lossy(&checksum)))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The public part.
    pub(crate) fn id(&self) -> &str {
        &self.random_part()[..ID]
    }

    /// The secret part, without the checksum.
    pub(crate) fn secret(&self) -> &str {
        &self.random_part()[ID..RANDOM_PART - CHECKSUM]
    }

    /// Everything before the checksum.
    pub(crate) fn without_checksum(&self) -> &str {
        &self.0[..self.0.len() - CHECKSUM]
    }

    fn random_part(&self) -> &str {
        &self.0[self.0.len() - RANDOM_PART..]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What our provider's models cost. Its answers have 3 tokens of input and 2 of output: $0.000023.
pub(crate) const PRICES: &str = r#"
[[price]]
provider = "openai"
model = "plain"
input = "1"
output = "10"

[[price]]
provider = "openai"
model = "counted"
input = "1"
output = "10"

# Without a price of input, so that a hold is the output limit's.
[[price]]
provider = "openai"
model = "stream"
input = "0"
output = "10"

[[price]]
provider = "openai"
model = "counted-then-more"
input = "1"
output = "10"
"#;

fn program() -> PathBuf {
    example("gateway")
}

/// `spec/key-format.md`: id, secret, checksum.
const ID: usize = 12;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_PART: usize = ID + 43 + CHECKSUM;
