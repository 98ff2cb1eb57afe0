//! What models cost: read at start, and again when the process is told to.

use std::fs;
use std::path::PathBuf;

use portcullis::{
    Admin, CapRule, FreeMembers, Gate, Limit, OrganizationView, OutputLimit, OutputPolicy,
    PriceList,
};

use crate::cli::SpendingArgs;
use crate::signals::Hangups;
use crate::{Failure, builtin, show};

/// Where the price list comes from.
pub(crate) enum Source {
    /// A file of the operator's.
    File(PathBuf),
    /// The built-in provider's own prices.
    BuiltIn,
    /// Nowhere: nobody has said what the upstream's models cost.
    None,
}

impl Source {
    /// What the command line says; the built-in provider knows its own prices.
    pub(crate) fn of(args: &SpendingArgs, upstream_is_given: bool) -> Self {
        match &args.prices {
            Some(file) => Self::File(file.clone()),
            None if upstream_is_given => Self::None,
            None => Self::BuiltIn,
        }
    }

    /// Reads the list.
    pub(crate) fn read(&self) -> Result<PriceList, Failure> {
        match self {
            Self::File(path) => {
                let file = path.display();
                let text = fs::read_to_string(path).map_err(|why| {
                    format!(
                        "--prices {file}: {why}. Name a TOML file, such as examples/prices.toml"
                    )
                })?;
                let list =
                    PriceList::parse(&text).map_err(|why| format!("--prices {file}: {why}"))?;
                if list.is_empty() {
                    // A file that is being written is empty for a moment.
                    return Err(format!("--prices {file}: there is no [[price]] in it").into());
                }
                Ok(list)
            }
            Self::BuiltIn => Ok(PriceList::parse(builtin::PRICES)?),
            Self::None => Ok(PriceList::empty()),
        }
    }

    /// Reads the file again whenever the process is told to, for as long as it runs.
    pub(crate) fn follow(self, gate: Gate, mut hangups: Hangups) {
        tokio::spawn(async move {
            while hangups.next().await {
                match self.read() {
                    Ok(list) => {
                        let count = list.len();
                        gate.set_prices(list);
                        show::done(&format!("The price list was read again: {count} models."));
                    }
                    Err(why) => {
                        show::failure(&*why);
                        show::done("The price list that was in force stays in force.");
                    }
                }
            }
        });
    }
}

/// Says which caps refuse everything because no model has a price.
pub(crate) async fn warn_without(admin: &Admin, org: &OrganizationView) -> Result<(), Failure> {
    let said = |whose: &str, caps: &[CapRule]| {
        if caps.iter().any(|cap| matches!(cap.limit, Limit::Usd(_))) {
            show::warning(&format!(
                "{whose} has a cap in dollars and no model has a price: its requests are refused with model_not_priced. \
                 Say what models cost with --prices, such as --prices examples/prices.toml"
            ));
        }
    };
    said("the organization", &org.caps);
    for project in admin.projects(org.id).await? {
        said(&format!("project {}", project.name), &project.caps);
    }
    for key in admin.keys(org.id).await? {
        if key.revoked_at.is_none() {
            said(&format!("key {}", key.id), &key.limits.caps);
        }
    }
    Ok(())
}

/// The output limits that the command line names, and else the library's.
pub(crate) fn outputs(args: &SpendingArgs) -> Result<OutputPolicy, Failure> {
    let policy = OutputPolicy::default();
    let max = args.max_output.unwrap_or(policy.limit.max_tokens());
    let default = args
        .default_output
        .unwrap_or(policy.limit.default_tokens().min(max));
    let limit = OutputLimit::new(default, max)
        .map_err(|why| format!("--default-output, --max-output: {why}"))?;
    let trusted = FreeMembers::dangerously_trust(args.dangerously_take_member.clone());
    let free_members = trusted.map_err(|why| format!("--dangerously-take-member: {why}"))?;
    Ok(OutputPolicy {
        limit,
        free_members,
        ..policy
    })
}
