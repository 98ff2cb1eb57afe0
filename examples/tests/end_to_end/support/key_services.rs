//! Key services that organizations bring: moto in place of AWS KMS, SoftHSM in place of an HSM.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Running, build, build_folder, interpreter};

/// moto with one KMS key. It ends with its standard input, so with this process.
pub(crate) struct Kms {
    server: Running,
    commands: usize,
    endpoint: String,
    pub(crate) arn: String,
}

impl Kms {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(interpreter());
        command.args(["-c", SERVER]).env("NO_PROXY", "*");
        let server = Running::start(command);
        let line = server.stdout.wait_for_line(0);
        let (port, arn) = line.split_once(' ').unwrap();
        Self {
            commands: 0,
            endpoint: format!("http://127.0.0.1:{port}"),
            arn: arn.to_owned(),
            server,
        }
    }

    /// What `--key-service` says.
    pub(crate) fn service(&self) -> String {
        format!("aws:{},endpoint={}", self.arn, self.endpoint)
    }

    /// What the vault says.
    pub(crate) fn reference(&self) -> String {
        format!("aws-kms:{}", self.arn)
    }

    /// `stop`: nobody listens there any more. `start`: as before, with the same key.
    pub(crate) fn tell(&mut self, command: &str) {
        self.server.write(format!("{command}\n").as_bytes());
        self.commands += 1;
        assert_eq!(self.server.stdout.wait_for_line(self.commands), command);
    }
}

/// SoftHSM with one token and one key, in a folder of its own.
pub(crate) struct Hsm {
    folder: TempDir,
    module: PathBuf,
}

impl Hsm {
    pub(crate) const PIN: &str = "pin-of-the-user-7401";

    pub(crate) fn start() -> Self {
        let hsm = Self {
            folder: tempfile::tempdir().unwrap(),
            module: module(),
        };
        let tokens = hsm.folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let text = format!("directories.tokendir = {}\n", tokens.display());
        fs::write(hsm.configuration(), text).unwrap();
        let crate_and_example = ["-p", "portcullis-kms-pkcs11", "--example", "softhsm_token"];
        let program = build(&crate_and_example).join("examples/softhsm_token");
        let mut make = Command::new(program);
        make.arg(&hsm.module).args(["the tenants", "acme"]);
        make.env("SOFTHSM2_CONF", hsm.configuration());
        make.env("PORTCULLIS_PKCS11_PIN", Self::PIN);
        Running::start(make).finish().succeeded();
        hsm
    }

    /// What the environment of whoever loads the module has to name.
    pub(crate) fn configuration(&self) -> String {
        let file = self.folder.path().join("softhsm2.conf");
        file.display().to_string()
    }

    /// What `--key-service` says, but for the PIN.
    pub(crate) fn service(&self) -> String {
        format!(
            "pkcs11:{},token=the tenants,key=acme",
            self.module.display()
        )
    }

    /// Pulls the token out, or puts it back.
    pub(crate) fn has_token(&self, there: bool) {
        let (tokens, drawer) = ("tokens", "drawer");
        let (from, to) = if there {
            (drawer, tokens)
        } else {
            (tokens, drawer)
        };
        let place = |name: &str| self.folder.path().join(name);
        if there {
            fs::remove_dir(place(tokens)).unwrap();
        }
        fs::rename(place(from), place(to)).unwrap();
        if !there {
            fs::create_dir(place(tokens)).unwrap();
        }
    }
}

fn module() -> PathBuf {
    let named = std::env::var_os("PORTCULLIS_SOFTHSM").map(PathBuf::from);
    let unpacked = fs::read_dir(build_folder().join("../softhsm/usr/lib"));
    let unpacked = unpacked.into_iter().flatten().flatten();
    let unpacked = unpacked.map(|machine| machine.path().join("softhsm/libsofthsm2.so"));
    let installed = Path::new("/usr/lib/softhsm/libsofthsm2.so").to_owned();
    let mut candidates = named.into_iter().chain(unpacked).chain([installed]);
    let found = candidates.find(|path| path.is_file());
    found
        .expect("SoftHSM is missing: run `cargo xtask prepare`, or name its libsofthsm2.so in PORTCULLIS_SOFTHSM")
        .canonicalize()
        .unwrap()
}

/// Serves on a port that it prints with the ARN of its key, and does what its standard input says until that ends.
const SERVER: &str = "
import os, sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
kms = boto3.client('kms', region_name='us-east-1', endpoint_url=f'http://127.0.0.1:{port}',
                   aws_access_key_id='id', aws_secret_access_key='secret')
arn = kms.create_key()['KeyMetadata']['Arn']
print(port, arn, flush=True)
for command in map(str.strip, sys.stdin):
    if command == 'stop':
        server.stop()
    elif command == 'start':
        server = ThreadedMotoServer(ip_address='127.0.0.1', port=port, verbose=False)
        server.start()
    print(command, flush=True)
os._exit(0)
";
