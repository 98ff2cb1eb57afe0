//! The words of `vault`.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Shows the versions of the organization's key, what stands under each, and what a rotation would still have to do.
    Status,
    /// Rotates a key: everything that stands under an older version is sealed again. It can be stopped at any point; the same
    /// command goes on where it stood. Beside a gateway that serves, no request notices.
    Rotate(RotateVaultArgs),
    /// Has the organization's wrapped key wrapped by another key service, or under its newest key. Credentials stay as they are.
    Rewrap {
        /// The key service, by its reference; `vault status` lists them.
        #[arg(long, value_name = "REFERENCE")]
        to: String,

        /// Only says what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Switches a key version off, whatever it sealed: for a key that is no longer trusted.
    Disable {
        /// The version.
        version: u32,
    },
    /// Lets a disabled key version open again.
    Enable {
        /// The version.
        version: u32,
    },
    /// Destroys a disabled or pending key version that no record needs, for good.
    Destroy {
        /// The version.
        version: u32,
    },
    /// Forgets a master key version that nothing stands under any more; then its line can leave the master-key file.
    RetireMaster {
        /// The version.
        version: u32,
    },
    /// Destroys the organization's key with all that it sealed, for good. No credential of it opens again.
    Shred {
        /// The organization's name, typed again.
        #[arg(long, value_name = "ORGANIZATION")]
        confirm: String,
    },
    /// As `doctor`: asks every key service and opens every credential once.
    Doctor,
}

#[derive(Args, Debug)]
pub(crate) struct RotateVaultArgs {
    /// Which key.
    #[arg(value_enum, default_value_t = Rotating::Organization)]
    pub(crate) key: Rotating,

    /// The key service that wraps the new version, by its reference, as `vault status` lists them (`local` is the instance's own);
    /// derived from the master key, if not given.
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) to: Option<String>,

    /// How many credentials are sealed again in one transaction.
    #[arg(long, default_value = "100", value_name = "RECORDS")]
    pub(crate) batch: NonZeroUsize,

    /// Only says what would be done, from headers alone; exits with 3 if anything would.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rotating {
    /// The organization's key: its credentials are sealed again.
    Organization,
    /// The master key, after a new line was added to the master-key file and the gateway was restarted with it: what is derived
    /// from an older one, or sealed under it.
    Master,
}
