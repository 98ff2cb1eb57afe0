//! The command line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use http::Uri;
use portcullis::{
    CredentialName, EnvironmentName, KeyId, KeyPrefix, Lifetime, PrefixError, ProviderName,
};
use tracing::Level;

use crate::Failure;
use crate::data::DEFAULT_FOLDER;

/// A gateway for LLM providers: virtual keys for clients, sealed credentials for providers.
///
/// Without a sub-command it serves. The sub-commands work on the same data folder, also while it serves.
#[derive(Debug, Parser)]
#[command(name = "gateway", args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    /// The data folder: portcullis.db and master.key.
    #[arg(
        long,
        global = true,
        default_value = DEFAULT_FOLDER,
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,

    /// How much to log on standard error: error, warn, info, debug, trace.
    #[arg(long, global = true, default_value = "warn", value_name = "LEVEL")]
    pub(crate) log: Level,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The address to serve on.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,

    /// Forward to this OpenAI-compatible provider instead of the built-in one, such as <https://api.openai.com>. Its
    /// credential is the one stored for `openai`.
    #[arg(long, value_name = "URL", value_parser = upstream)]
    pub(crate) upstream: Option<Uri>,

    /// Forward paths that this gateway does not know, too: whoever has a key without a model list can then do all
    /// that the stored credential may, including reading and deleting files.
    #[arg(long)]
    pub(crate) dangerously_forward_unknown_paths: bool,

    #[command(flatten)]
    pub(crate) client_address: ClientAddressArgs,
}

/// Where the client's address is found; without any of these it is the connection's other end.
#[derive(Args, Debug)]
pub(crate) struct ClientAddressArgs {
    /// A proxy, or a range of them, that may say who its client is (may be given several times).
    #[arg(long = "trusted-proxy", value_name = "IP|CIDR")]
    pub(crate) trusted_proxies: Vec<String>,

    /// Where those proxies say it: x-forwarded-for, forwarded, or a header with one address such as cf-connecting-ip.
    #[arg(long, value_name = "NAME", requires = "trusted_proxies")]
    pub(crate) client_header: Option<String>,

    /// How many proxies append to that header, when their addresses are not known: the client is that many from the right.
    #[arg(long, value_name = "COUNT", requires = "client_header")]
    pub(crate) trusted_hops: Option<u8>,

    /// Those proxies open each connection with a PROXY protocol header.
    #[arg(long, requires = "trusted_proxies", conflicts_with = "client_header")]
    pub(crate) proxy_protocol: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Virtual keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The organization: from where its keys may be used.
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Provider credentials: sealed when saved, masked when listed.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Checks that the database and the master key are there, belong together and open.
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and prints it, once, on standard output.
    Mint(MintArgs),
    /// Lists the keys.
    List,
    /// Shows one key: its rules, its secrets, and when each was last used.
    Show(OfKey),
    /// Changes what a key may call and from where; what is not named stays.
    Set(SetArgs),
    /// Tries addresses on a key's allowlist and its organization's, without using them.
    TryIp {
        #[command(flatten)]
        key: OfKey,
        /// The addresses.
        #[arg(required = true, value_name = "IP")]
        addresses: Vec<IpAddr>,
    },
    /// Gives a key a further secret under the same id, and prints it once. Both are valid for the grace period.
    Rotate(RotateArgs),
    /// Ends a key, or one of its secrets, for good. When it returns, no request passes.
    Revoke {
        #[command(flatten)]
        key: OfKey,
        /// Only this secret (its version, as `keys show` tells it).
        #[arg(long, value_name = "VERSION")]
        secret: Option<u32>,
    },
    /// Switches a key off, until `keys enable`.
    Disable(OfKey),
    /// Switches a disabled key on again.
    Enable(OfKey),
}

/// Which key. Not parsed by clap, whose errors repeat what was given: by mistake that may be the key itself.
#[derive(Args)]
pub(crate) struct OfKey {
    /// The key's id, as `keys list` shows it.
    id: String,
}

impl OfKey {
    pub(crate) fn id(&self) -> Result<KeyId, Failure> {
        let error =
            "that is not a key's id, which has 12 letters and digits; `keys list` shows them";
        self.id.parse().map_err(|_| error.into())
    }
}

impl fmt::Debug for OfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfKey(..)")
    }
}

#[derive(Args, Debug)]
pub(crate) struct MintArgs {
    /// What the key is for.
    #[arg(long, default_value = "unnamed")]
    pub(crate) name: String,

    /// The environment, which becomes part of the key's prefix.
    #[arg(long = "env", default_value = "live", value_parser = prefix)]
    pub(crate) prefix: KeyPrefix,

    /// How long it lives: 1d, 7d, 30d, 60d, 90d, any other such as 12h, or never.
    #[arg(long, default_value = "30d")]
    pub(crate) lifetime: Lifetime,

    /// Only this provider (may be given several times).
    #[arg(long = "provider", value_name = "NAME")]
    pub(crate) providers: Vec<String>,

    /// Only this model: exact, '*', or 'segment/*' (may be given several times).
    #[arg(long = "model", value_name = "PATTERN")]
    pub(crate) models: Vec<String>,

    /// Never this model; beats --model (may be given several times).
    #[arg(long = "deny-model", value_name = "PATTERN")]
    pub(crate) deny_models: Vec<String>,

    /// Only from this address or range, IPv4 or IPv6 (may be given several times).
    #[arg(long = "allow-ip", value_name = "IP|CIDR")]
    pub(crate) allow_ips: Vec<String>,
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) key: OfKey,

    /// Only this provider (may be given several times).
    #[arg(long = "provider", value_name = "NAME")]
    pub(crate) providers: Vec<String>,

    /// Every provider.
    #[arg(long, conflicts_with = "providers")]
    pub(crate) any_provider: bool,

    /// Only this model (may be given several times).
    #[arg(long = "model", value_name = "PATTERN")]
    pub(crate) models: Vec<String>,

    /// Every model that is not denied.
    #[arg(long, conflicts_with = "models")]
    pub(crate) any_model: bool,

    /// Never this model (may be given several times).
    #[arg(long = "deny-model", value_name = "PATTERN")]
    pub(crate) deny_models: Vec<String>,

    /// No model is denied.
    #[arg(long, conflicts_with = "deny_models")]
    pub(crate) no_deny_model: bool,

    /// Only from this address or range (may be given several times).
    #[arg(long = "allow-ip", value_name = "IP|CIDR")]
    pub(crate) allow_ips: Vec<String>,

    /// From everywhere.
    #[arg(long, conflicts_with = "allow_ips")]
    pub(crate) any_ip: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Shows it.
    Show,
    /// Changes from where its keys may be used. A key's own list must admit an address, too.
    Set {
        /// Only from this address or range (may be given several times).
        #[arg(
            long = "allow-ip",
            value_name = "IP|CIDR",
            required_unless_present = "any_ip"
        )]
        allow_ips: Vec<String>,
        /// From everywhere.
        #[arg(long, conflicts_with = "allow_ips")]
        any_ip: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) key: OfKey,

    /// How long the old secret stays valid beside the new one, such as 24h; 0 ends it at once.
    #[arg(long, default_value = "24h", value_parser = grace)]
    pub(crate) grace: chrono::TimeDelta,

    /// How long the new secret lives; as long as the old one did, if not given.
    #[arg(long)]
    pub(crate) lifetime: Option<Lifetime>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Saves a provider's credential, read from standard input: `gateway credentials put openai < file`.
    Put(CredentialArgs),
    /// Lists the credentials, masked.
    List,
    /// Removes a provider's credential.
    Delete(CredentialArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CredentialArgs {
    /// The provider.
    pub(crate) provider: ProviderName,

    /// One of several credentials of the provider.
    #[arg(long, default_value_t = CredentialName::default())]
    pub(crate) name: CredentialName,

    /// Only for keys of this environment.
    #[arg(long = "env", value_name = "ENV")]
    pub(crate) environment: Option<EnvironmentName>,
}

/// Reads the command line. Clap's errors repeat what was given, and behind `credentials` that may be a credential by
/// mistake: there the error is a sentence of ours.
pub(crate) fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let of_credentials = std::env::args_os().any(|word| word == "credentials");
        if of_credentials && error.use_stderr() {
            let sentence = "these are no words of `credentials`. A credential is read from standard input and \
                            never from the command line: credentials put openai < file";
            Cli::command().error(ErrorKind::UnknownArgument, sentence).exit();
        }
        error.exit()
    })
}

/// The brand in this gateway's key prefixes: `gate_live_..`.
const BRAND: &str = "gate";

pub(crate) fn prefix(environment: &str) -> Result<KeyPrefix, PrefixError> {
    KeyPrefix::new(BRAND, environment)
}

fn grace(text: &str) -> Result<chrono::TimeDelta, String> {
    if text == "0" {
        return Ok(chrono::TimeDelta::zero());
    }
    let lifetime: Lifetime = text.parse().map_err(|_| bad_grace(text))?;
    let start = chrono::DateTime::UNIX_EPOCH;
    let end = lifetime
        .expires_at(start, None)
        .map_err(|why| why.to_string())?;
    end.map(|end| end - start).ok_or_else(|| bad_grace(text))
}

fn bad_grace(text: &str) -> String {
    format!("`{text}` is no grace period; write 0, or a number with d, h, min or s, such as 24h")
}

fn upstream(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|why| format!("{why}"))?;
    let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() && plain {
        Ok(uri)
    } else {
        Err(
            "give scheme and host only, such as https://api.openai.com; the paths are the client's"
                .to_owned(),
        )
    }
}
