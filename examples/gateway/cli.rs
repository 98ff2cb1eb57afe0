//! The command line.

pub(crate) mod audit;
mod breach;
mod limits;
pub(crate) mod retention;
mod serve;
pub(crate) mod vault;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use gateway_key_services::KeyServices;
use portcullis::{
    CredentialName, EnvironmentName, KeyId, KeyPrefix, Lifetime, PrefixError, ProviderName,
};
use tracing::Level;

use self::audit::AuditCommand;
pub(crate) use self::breach::BreachCommand;
pub(crate) use self::limits::{ChangedCaps, ChangedLimits, NewLimits};
pub(crate) use self::retention::{HoldCommand, PurgeCommand, RetentionCommand, UsageArgs};
pub(crate) use self::serve::{ClientAddressArgs, ServeArgs, SpendingArgs};
use self::vault::VaultCommand;
use crate::Failure;
use crate::data::DEFAULT_FOLDER;

/// A gateway for LLM providers: virtual keys for clients, sealed credentials for providers.
///
/// Without a sub-command it serves. The sub-commands work on the same data folder, also while it serves.
#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    /// The data folder: portcullis.db and master.key.
    #[arg(
        long,
        global = true,
        default_value = DEFAULT_FOLDER,
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,

    #[command(flatten)]
    pub(crate) key_services: KeyServices,

    /// How much to log on standard error: error, warn, info, debug, trace.
    #[arg(long, global = true, default_value = "warn", value_name = "LEVEL")]
    pub(crate) log: Level,

    #[command(flatten)]
    pub(crate) serve: ServeArgs,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Virtual keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The organization: from where its keys may be used, and what they may use up together.
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// The project: what its keys may use up together.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Caps and rates: what is used, and what is left.
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Provider credentials: sealed when saved, masked when listed.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// The organization's key: versions, rotation, shredding.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// The tamper-evident logs: who did what, and who was refused.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// What the keys have used: which of them, of which model, how often, and what was refused.
    Usage(UsageArgs),
    /// How long and how much is kept, and what has to go.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Legal holds: what must not go.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Removes what is kept of requests at once.
    #[command(subcommand)]
    Purge(PurgeCommand),
    /// The register of breaches, and until when whom is to be told. Needs no database; beside one, each entry is on record.
    #[command(subcommand)]
    Breach(BreachCommand),
    /// Checks that the database and the master key are there, belong together and open.
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and prints it, once, on standard output.
    Mint(MintArgs),
    /// Lists the keys.
    List,
    /// Shows one key: its rules, its limits, its secrets, and when each was last used.
    Show(OfKey),
    /// Changes what a key may call, from where, and how much; what is not named stays.
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

    #[command(flatten)]
    pub(crate) limits: NewLimits,
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

    #[command(flatten)]
    pub(crate) limits: ChangedLimits,
}

impl SetArgs {
    /// Whether it says what the key may call, or from where.
    pub(crate) fn names_a_rule(&self) -> bool {
        let lists = [
            &self.providers,
            &self.models,
            &self.deny_models,
            &self.allow_ips,
        ];
        lists.iter().any(|list| !list.is_empty())
            || self.any_provider
            || self.any_model
            || self.no_deny_model
            || self.any_ip
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Shows it.
    Show,
    /// Changes from where its keys may be used, and what they may use up together; what is not named stays. A key's own list
    /// must admit an address, too, and its own caps must have room.
    Set(OrganizationArgs),
}

#[derive(Args, Debug)]
pub(crate) struct OrganizationArgs {
    /// Only from this address or range (may be given several times).
    #[arg(long = "allow-ip", value_name = "IP|CIDR")]
    pub(crate) allow_ips: Vec<String>,

    /// From everywhere.
    #[arg(long, conflicts_with = "allow_ips")]
    pub(crate) any_ip: bool,

    #[command(flatten)]
    pub(crate) caps: ChangedCaps,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Shows it.
    Show,
    /// Changes what its keys may use up together; what is not named stays. Their own caps must have room, too.
    Set(ChangedCaps),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LimitsCommand {
    /// Shows each cap with what is spent, what is left and when it starts again, and the keys' rates. Beside a gateway that
    /// serves it is half a second behind.
    Show,
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
    /// Saves a provider's credential, read from standard input: `credentials put openai < file`.
    Put(PutArgs),
    /// Takes over a credential that an older system kept in plain, read from standard input. It is `put` under a word of its own in
    /// the audit log, and refuses what is sealed already.
    Import(PutArgs),
    /// Lists the credentials, masked: nothing is opened.
    List,
    /// Switches a credential off, until `credentials enable`.
    Disable(CredentialArgs),
    /// Switches a disabled credential on again.
    Enable(CredentialArgs),
    /// Changes how long a credential may be used.
    Expire {
        #[command(flatten)]
        which: CredentialArgs,

        /// From now on: 30d, 12h, any other such, or never.
        #[arg(long = "in", value_name = "LIFETIME")]
        lifetime: Lifetime,
    },
    /// Removes a provider's credential.
    Delete(CredentialArgs),
}

#[derive(Args, Debug)]
pub(crate) struct PutArgs {
    #[command(flatten)]
    pub(crate) which: CredentialArgs,

    /// How long it may be used: 30d, 12h, any other such, or never.
    #[arg(long, default_value = "never", value_name = "LIFETIME")]
    pub(crate) expires: Lifetime,

    /// Overwrites this generation and no other, as `credentials list` shows it; 0: there must be none yet.
    #[arg(long, value_name = "GENERATION")]
    pub(crate) over: Option<u64>,
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
        if std::env::args_os().any(|word| word == "audit") && error.use_stderr() {
            // Whoever runs `audit verify` from a script tells by the exit code what was found.
            error.print().ok();
            #[expect(clippy::exit, reason = "as clap does, with the code that `audit` promises")]
            std::process::exit(i32::from(crate::audit::USAGE));
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
