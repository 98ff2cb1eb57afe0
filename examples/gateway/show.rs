//! What people see. Keys go to standard output, alone on a line; all the rest to standard error, so that
//! `gateway keys mint > file` does what it looks like.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

pub(crate) mod audit;
pub(crate) mod breach;
pub(crate) mod limits;
pub(crate) mod usage;
pub(crate) mod vault;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, SecondsFormat, Utc};
use http::Uri;
use portcullis::{
    CapRule, CredentialView, Diagnosis, KeyView, Minted, OrganizationView, ProjectView, Verdict,
};

use crate::data::{BUILTIN, Data};

pub(crate) fn failure(failure: &(dyn Error + 'static)) {
    eprintln!("error: {failure}");
    let mut source = failure.source();
    while let Some(cause) = source {
        // A transparent error prints its source already.
        if !failure.to_string().contains(&cause.to_string()) {
            eprintln!("  because: {cause}");
        }
        source = cause.source();
    }
}

pub(crate) fn master_key_made(data: &Data) {
    eprintln!(
        "A new master key was made: {} (mode 0600).",
        data.master_key().display()
    );
    eprintln!("Keep a copy in a safe place: without it the stored credentials cannot be opened.");
    eprintln!();
}

/// What is served from where.
pub(crate) struct Start<'a> {
    pub(crate) data: &'a Data,
    pub(crate) address: SocketAddr,
    pub(crate) provider: &'a str,
    pub(crate) upstream: &'a Uri,
    /// Whether a credential is stored for the provider.
    pub(crate) has_credential: bool,
}

pub(crate) fn welcome(start: &Start<'_>) {
    let Start {
        data,
        address,
        provider,
        upstream,
        has_credential,
    } = start;
    let put = data.command("credentials put openai < your-openai-key.txt");
    eprintln!(
        "Serving on http://{address}, with the data in {}.",
        data.database().display()
    );
    if *provider == BUILTIN {
        eprintln!("Forwarding to the built-in provider. For a real one:");
        eprintln!("  {put}");
        eprintln!("  {}", data.command("--upstream https://api.openai.com"));
    } else if *has_credential {
        eprintln!("Forwarding to {upstream} with the credential stored for {provider}.");
    } else {
        eprintln!("Forwarding to {upstream}, but no credential is stored for {provider} yet:");
        eprintln!("  {put}");
    }
    eprintln!();
}

pub(crate) fn first_key(minted: Minted, start: &Start<'_>) {
    let address = start.address;
    let model = match start.provider == BUILTIN {
        true => "builtin-chat",
        false => "gpt-4o-mini",
    };
    eprintln!("A first key was made. It is shown this once:");
    eprintln!();
    minted.key.expose_once(|key| {
        println!("{key}");
        eprintln!();
        eprintln!("Try it:");
        eprintln!("  curl http://{address}/v1/chat/completions -H 'Authorization: Bearer {key}' \\");
        eprintln!("    -H 'Content-Type: application/json' \\");
        eprintln!("    -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'");
        eprintln!();
        eprintln!("  # Python: pip install openai");
        eprintln!("  from openai import OpenAI");
        eprintln!("  client = OpenAI(base_url='http://{address}/v1', api_key='{key}')");
        eprintln!("  messages = [{{'role': 'user', 'content': 'hello'}}]");
        eprintln!("  print(client.chat.completions.create(model='{model}', messages=messages))");
        eprintln!();
        eprintln!("Revoke it while this runs:");
        eprintln!("  {}", start.data.command(&format!("keys revoke {}", minted.id)));
    });
}

pub(crate) fn known_keys(data: &Data) {
    eprintln!("Its keys were shown when they were minted. To list them, or to mint another one:");
    eprintln!("  {}", data.command("keys list"));
    eprintln!("  {}", data.command("keys mint --name my-key"));
}

pub(crate) fn minted(minted: Minted) {
    eprintln!(
        "Key {}, secret {}, {}. It is shown this once:",
        minted.id,
        minted.version,
        until(minted.expires_at)
    );
    minted.key.expose_once(|key| println!("{key}"));
}

pub(crate) fn keys(keys: &[KeyView]) {
    println!(
        "{:<14}{:<24}{:<10}{:<10}{:<28}{:<22}",
        "ID", "NAME", "ENV", "STATE", "KEY", "LAST USED"
    );
    for key in keys {
        let newest = key.secrets.first();
        let display = newest.map_or("", |secret| secret.display.as_str());
        let used = key
            .secrets
            .iter()
            .filter_map(|secret| secret.last_used_at)
            .max();
        println!(
            "{:<14}{:<24}{:<10}{:<10}{display:<28}{:<22}",
            key.id,
            key.name,
            key.environment,
            key.state,
            time_or(used, "never"),
        );
    }
}

pub(crate) fn key(key: &KeyView) {
    println!("key          {}", key.id);
    println!("name         {}", key.name);
    println!("state        {}", key.state);
    println!("environment  {}", key.environment);
    println!("organization {}", key.org);
    println!("project      {}", key.project);
    println!("may call     {}", key.rules);
    println!("limits       {}", key.limits);
    println!("minted       {}", time(key.created_at));
    for secret in &key.secrets {
        println!();
        println!("secret {}     {}", secret.version, secret.display);
        println!("  state      {}", secret.state);
        println!("  minted     {}", time(secret.created_at));
        println!("  expires    {}", time_or(secret.expires_at, "never"));
        if let Some(at) = secret.revoked_at {
            println!("  revoked    {}", time(at));
        }
        println!("  last used  {}", time_or(secret.last_used_at, "never"));
    }
}

pub(crate) fn organization(org: &OrganizationView) {
    println!("organization {}", org.id);
    println!("name         {}", org.name);
    println!("made         {}", time(org.created_at));
    println!(
        "only from    {}",
        org.allow_ips
            .as_ref()
            .map_or("anywhere".to_owned(), |list| list.join(", "))
    );
    println!("limits       {}", caps(&org.caps));
}

pub(crate) fn project(project: &ProjectView) {
    println!("project      {}", project.id);
    println!("name         {}", project.name);
    println!("made         {}", time(project.created_at));
    println!("limits       {}", caps(&project.caps));
}

pub(crate) fn verdict(whose: &str, address: IpAddr, verdict: Verdict) {
    match verdict {
        Verdict::Unrestricted => println!("{address:<40} {whose} has no list"),
        Verdict::Listed(rule) => println!("{address:<40} {whose} admits it: {rule}"),
        Verdict::NotListed => println!("{address:<40} {whose} REFUSES it"),
    }
}

pub(crate) fn warning(sentence: &str) {
    eprintln!("warning: {sentence}");
}

pub(crate) fn credentials(credentials: &[CredentialView], now: DateTime<Utc>) {
    println!(
        "{:<12}{:<16}{:<10}{:<26}{:<6}{:<10}{:<22}{:<22}{:<22}{:<4}",
        "PROVIDER",
        "NAME",
        "ENV",
        "CREDENTIAL",
        "GEN",
        "STATE",
        "EXPIRES",
        "SAVED",
        "LAST OPENED",
        "KEY"
    );
    for one in credentials {
        let environment = one
            .environment
            .as_ref()
            .map_or("any", |environment| environment.as_str());
        let state = match (one.disabled_at, one.expires_at) {
            (Some(_), _) => "disabled",
            (None, Some(at)) if at <= now => "expired",
            (None, Some(_) | None) => "active",
        };
        println!(
            "{:<12}{:<16}{environment:<10}{:<26}{:<6}{state:<10}{:<22}{:<22}{:<22}{:<4}",
            one.provider,
            one.name,
            one.mask,
            one.generation,
            time_or(one.expires_at, "never"),
            time(one.updated_at),
            time_or(one.last_opened_at, "never"),
            one.key_version
                .map_or("?".to_owned(), |version| version.to_string()),
        );
    }
}

pub(crate) fn diagnosis(diagnosis: &Diagnosis) {
    print!("{diagnosis}");
}

pub(crate) fn done(sentence: &str) {
    eprintln!("{sentence}");
}

fn caps(caps: &[CapRule]) -> String {
    let caps: Vec<_> = caps.iter().map(ToString::to_string).collect();
    match caps.as_slice() {
        [] => "none".to_owned(),
        [..] => caps.join(", "),
    }
}

fn until(expires_at: Option<DateTime<Utc>>) -> String {
    expires_at.map_or_else(
        || "never expires".to_owned(),
        |at| format!("expires {}", time(at)),
    )
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn time_or(at: Option<DateTime<Utc>>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), time)
}
