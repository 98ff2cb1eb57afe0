//! The words for serving.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;
use http::Uri;
use portcullis::{AuditPolicy, FileAnchor, NanoUsd, StdoutAnchor};

use crate::Failure;

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

    /// How long and how much is kept: a TOML file such as examples/retention.toml. What it says is written into the database, where
    /// the commands beside the gateway find it; without it what was written there before holds.
    #[arg(long, value_name = "FILE")]
    pub(crate) retention: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) spending: SpendingArgs,

    #[command(flatten)]
    pub(crate) client_address: ClientAddressArgs,

    #[command(flatten)]
    pub(crate) anchors: AnchorArgs,
}

/// Where the signed heads of the audit logs are published, once a minute, when they have grown.
#[derive(Args, Debug)]
pub(crate) struct AnchorArgs {
    /// Append the signed heads of the audit logs to this file, out of reach of whoever writes the database.
    #[arg(long, value_name = "FILE")]
    anchor_file: Option<PathBuf>,

    /// Write the signed heads of the audit logs to standard output, for a log collector.
    #[arg(long)]
    anchor_stdout: bool,
}

impl AnchorArgs {
    pub(crate) fn add_to(&self, mut policy: AuditPolicy) -> Result<AuditPolicy, Failure> {
        if let Some(path) = &self.anchor_file {
            let anchor = FileAnchor::open(path).map_err(|why| {
                format!(
                    "cannot append to {}: {why}. Choose another file with --anchor-file",
                    path.display()
                )
            })?;
            policy = policy.anchor(anchor);
        }
        Ok(match self.anchor_stdout {
            true => policy.anchor(StdoutAnchor),
            false => policy,
        })
    }
}

/// What calls cost, and how much one of them can cost at most.
#[derive(Args, Debug)]
pub(crate) struct SpendingArgs {
    /// What models cost: a TOML file such as examples/prices.toml, read again on SIGHUP. Without it the built-in provider's
    /// models have prices, and those of an upstream have none: under a cap in dollars they are refused.
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,

    /// How many dollars are debited durably at a time for each cap in dollars, $1 if not given. A crash leaves at most
    /// that unaccounted for, beside what was under way; 0 makes one durable write for each request.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub(crate) budget_chunk: Option<NanoUsd>,

    /// Under a cap in tokens or dollars: the output limit of a request that names none, 4096 if not given.
    #[arg(long, value_name = "TOKENS", value_parser = tokens, allow_negative_numbers = true)]
    pub(crate) default_output: Option<NonZeroU64>,

    /// Under a cap in tokens or dollars: the largest output limit that a request gets, 65536 if not given.
    #[arg(long, value_name = "TOKENS", value_parser = tokens, allow_negative_numbers = true)]
    pub(crate) max_output: Option<NonZeroU64>,

    /// Under a cap in tokens or dollars: take this top-level member of a body, which this version does not know and otherwise
    /// refuses (may be given several times). It must cost no more than the tokens of its text, or the cap is none.
    #[arg(long, value_name = "NAME")]
    pub(crate) dangerously_take_member: Vec<String>,
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

fn tokens(text: &str) -> Result<NonZeroU64, &'static str> {
    text.parse()
        .map_err(|_| "write a whole number of tokens from 1 up, such as 4096")
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
