//! The vault, for people.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use portcullis::{KeyLabel, KeyState, KeyVersionView, RotationPlan, VaultView};

use super::time;

/// Versions and counts on standard output; what to do on standard error.
pub(crate) fn status(vault: &VaultView, services: &[String]) {
    println!(
        "{:<9}{:<14}{:<10}{:<22}{:<8}{:<34}",
        "VERSION", "STATE", "RECORDS", "CHANGED", "MASTER", "FROM"
    );
    for key in &vault.versions {
        let master = key
            .master_version
            .map_or("-".to_owned(), |it| it.to_string());
        println!(
            "{:<9}{:<14}{:<10}{:<22}{master:<8}{:<34}",
            key.version,
            state(key.state),
            key.records,
            time(key.changed_at),
            from(key),
        );
    }
    println!(
        "lowest version that may open: {}",
        vault.min_decrypt_version
    );
    println!("key services: {}", services.join(", "));
    for (label, count) in vault.records.counts() {
        let own = matches!(label, KeyLabel::Organization { key_id, .. } if *key_id == vault.key_id);
        if !own {
            println!(
                "{count} credentials stand under {label}, which is not the organization's key: they do not open"
            );
        }
    }
    match &vault.plan {
        None => println!("the organization was shredded: nothing of it opens again"),
        Some(plan) if plan.is_complete() => {
            println!("every credential stands under the active version");
        }
        Some(plan) => println!("{plan}\n`vault rotate` finishes the rotation"),
    }
}

/// One line for each batch.
pub(crate) fn progress(plan: &RotationPlan) {
    let waiting = plan.waiting.total();
    eprintln!(
        "{waiting} of {} wait for {}",
        waiting + plan.current,
        plan.target
    );
}

fn from(key: &KeyVersionView) -> String {
    match (&key.service, key.check_value) {
        (None, _) => "derived from the master key".to_owned(),
        (Some(service), Some(check)) => format!("{service}, check value {check}"),
        (Some(service), None) => service.clone(),
    }
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::DecryptOnly => "decrypt_only",
        KeyState::Disabled => "disabled",
        KeyState::Destroyed => "destroyed",
    }
}
