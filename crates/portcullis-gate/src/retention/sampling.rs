//! Which bodies are kept: the decision of the leaf, by the rates in force.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use portcullis_retention::{Rate, Sampler, SamplingKey};
use portcullis_store::{OrgId, ProjectId, RequestId, RetentionRows};

use super::rules::policies;
use crate::traces::Sampling;

/// Decides for each request, without waiting and without allocating.
pub(crate) struct BodySampling {
    sampler: Sampler,
    rates: ArcSwap<Rates>,
}

/// Rates by owner: who is not named has the rate of whoever is above.
struct Rates {
    default: Rate,
    organizations: HashMap<OrgId, Rate>,
    projects: HashMap<ProjectId, Rate>,
}

impl BodySampling {
    pub(crate) fn new(key: &SamplingKey, rows: &RetentionRows) -> Self {
        Self {
            sampler: Sampler::new(key),
            rates: ArcSwap::from_pointee(Rates::of(rows)),
        }
    }

    /// The rates in force are others.
    pub(crate) fn replace(&self, rows: &RetentionRows) {
        self.rates.store(std::sync::Arc::new(Rates::of(rows)));
    }

    pub(crate) fn decide(&self, org: OrgId, project: ProjectId, request: RequestId) -> Sampling {
        let rates = self.rates.load();
        let own = rates.projects.get(&project);
        let own = own.or_else(|| rates.organizations.get(&org));
        let rate = own.copied().unwrap_or(rates.default);
        let chosen = self
            .sampler
            .choose(org.as_bytes(), request.as_bytes(), rate);
        Sampling::new(chosen, rate)
    }
}

impl Rates {
    fn of(rows: &RetentionRows) -> Self {
        let mut rates = Self {
            default: Rate::NONE,
            organizations: HashMap::new(),
            projects: HashMap::new(),
        };
        let policies = match policies(&rows.settings) {
            Ok(policies) => policies,
            Err(why) => {
                // Which rate would be right, nobody knows: less is never too much.
                tracing::error!(%why, "the limits of retention contradict each other: no body is kept");
                return rates;
            }
        };
        rates.default = policies.policy(None, None).sampling();
        for row in &rows.settings {
            let Some(org) = row.org else { continue };
            let organization = org.to_string();
            match row.project {
                None => {
                    let rate = policies.policy(Some(&organization), None).sampling();
                    rates.organizations.insert(org, rate);
                }
                Some(project) => {
                    let name = project.to_string();
                    let rate = policies.policy(Some(&organization), Some(&name)).sampling();
                    rates.projects.insert(project, rate);
                }
            }
        }
        rates
    }
}
