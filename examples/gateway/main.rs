//! An OpenAI-compatible gateway that embeds Portcullis.
//!
//! `cargo run --example gateway` makes a data folder on its first start, prints a key and lines to paste, and serves on
//! loopback in front of a built-in provider. `cargo run --example gateway -- --help` shows the rest: another
//! provider, and the sub-commands that work on the same data, also while it serves.

mod addresses;
mod audit;
mod bootstrap;
mod breach;
mod builtin;
mod cli;
mod credentials;
mod data;
mod doctor;
mod keys;
mod limits;
mod organization;
mod prices;
mod project;
mod proxy;
mod proxy_listener;
mod retention;
mod serve;
mod show;
mod signals;
mod usage;
mod vault;

use std::error::Error;
use std::process::ExitCode;

use crate::cli::Command;
use crate::data::Data;

/// What any command may fail with: one sentence, with the cure in it.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let data = Data::at(cli.data, cli.key_services);
    let done = match cli.command {
        None => serve::run(&data, cli.serve).await,
        Some(Command::Keys(command)) => keys::run(&data, command).await,
        Some(Command::Organization(command)) => organization::run(&data, command).await,
        Some(Command::Project(command)) => project::run(&data, command).await,
        Some(Command::Limits(command)) => limits::run(&data, command).await,
        Some(Command::Credentials(command)) => credentials::run(&data, command).await,
        Some(Command::Vault(command)) => match vault::run(&data, command).await {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Some(Command::Audit(command)) => return audit::run(&data, command).await,
        Some(Command::Usage(args)) => usage::run(&data, args).await,
        Some(Command::Retention(command)) => retention::run(&data, command).await,
        Some(Command::Hold(command)) => retention::hold(&data, command).await,
        Some(Command::Purge(command)) => retention::purge(&data, command).await,
        Some(Command::Breach(command)) => breach::run(&data, command).await,
        Some(Command::Doctor) => doctor::run(&data).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            show::failure(&*failure);
            ExitCode::FAILURE
        }
    }
}
