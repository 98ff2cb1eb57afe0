//! moto, and a client for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use portcullis_kms_aws::aws_sdk_kms::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, StalledStreamProtectionConfig,
};
use portcullis_kms_aws::aws_sdk_kms::{Client, Config};

/// A server for all tests of this binary. It ends when its standard input does, so with this process.
pub(crate) struct Moto {
    pub(crate) endpoint: String,
    _process: Child,
    _stdin: ChildStdin,
}

/// The server.
///
/// # Panics
///
/// With a sentence that says what to do when there is none: a test that does not run is a failed test.
pub(crate) fn moto() -> &'static Moto {
    static MOTO: OnceLock<Result<Moto, String>> = OnceLock::new();
    match MOTO.get_or_init(start) {
        Ok(moto) => moto,
        Err(sentence) => panic!("{sentence}"),
    }
}

fn start() -> Result<Moto, String> {
    #[expect(clippy::disallowed_methods, reason = "a test is a program of its own")]
    let python = std::env::var(VARIABLE).unwrap_or_else(|_| BESIDE_THE_BUILD.to_owned());
    let cure = format!(
        "{python} has no moto: run `cargo xtask prepare`, which makes target/python, and name that Python in {VARIABLE} \
         (`cargo xtask test` does both)"
    );
    let mut process = Command::new(&python)
        .args(["-c", SERVER])
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| cure.clone())?;
    let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
    let (stdin, stdout) = stdin.zip(stdout).ok_or_else(|| cure.clone())?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    match (read, line.trim().parse::<u16>()) {
        (Ok(_), Ok(port)) => Ok(Moto {
            endpoint: format!("http://127.0.0.1:{port}"),
            _process: process,
            _stdin: stdin,
        }),
        (Ok(_) | Err(_), _) => {
            process.kill().ok();
            Err(cure)
        }
    }
}

/// A client that tries once and speaks plain HTTP.
pub(crate) fn client(endpoint: &str) -> Client {
    let tcp = Plain(legacy::Client::builder(TokioExecutor::new()).build_http());
    let http = http_client_fn(move |_, _| SharedHttpConnector::new(tcp.clone()));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http)
        .build();
    Client::from_conf(config)
}

/// A new KMS key: its ARN.
pub(crate) async fn create_key(client: &Client) -> String {
    let made = client.create_key().send().await.unwrap();
    made.key_metadata().unwrap().arn().unwrap().to_owned()
}

#[derive(Clone, Debug)]
struct Plain(legacy::Client<Tcp, Full<Bytes>>);

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let request =
                request.map(|body| Full::new(Bytes::copy_from_slice(body.bytes().unwrap())));
            let io = |error: legacy::Error| ConnectorError::io(error.into());
            let response = client.request(request).await.map_err(io)?;
            // Not read yet, as any client of the SDK hands it over: what is in memory, the SDK logs.
            let response = response.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Serves until its standard input ends, on a port that it prints.
const SERVER: &str = "
import os, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
";

/// The variable in which `cargo xtask test` names the interpreter.
const VARIABLE: &str = "PORTCULLIS_PYTHON";

/// Where `cargo xtask prepare` makes one.
const BESIDE_THE_BUILD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../python/bin/python");
