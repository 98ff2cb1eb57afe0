//! One organization in memory: its keys, and its sealed credentials.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use portcullis_allowlist::Allowlist;
use portcullis_envelope::{CredentialStanding, Plaintext, RecordType, SealedRecord, SealingKey};
use portcullis_limits::Cap;
use portcullis_store::{CredentialId, CredentialSlot, EnvironmentName, OrgId, ProjectId};

use super::opens::LastOpen;
use crate::convert::{self, BadRow};
use crate::limits::books::Books;
use crate::limits::rules::ProjectRules;
use crate::vault::keys::OrgKeys;

/// An organization as the request path needs it.
pub(crate) struct OrgState {
    pub(crate) id: OrgId,
    rules: ArcSwap<OrgRules>,
    projects: papaya::HashMap<ProjectId, Arc<ProjectRules>>,
    /// What its keys have used up.
    pub(crate) books: Books,
    /// A handful per organization: a list is scanned faster than a map is hashed.
    credentials: ArcSwap<Vec<Arc<SealedCredential>>>,
}

/// What changes of an organization: replaced as a whole, and never by an older one.
pub(crate) struct OrgRules {
    pub(crate) generation: u64,
    pub(crate) suspended: bool,
    /// The versions of its key; an error when the row is not what was written, or gone.
    pub(crate) keys: Arc<Result<OrgKeys, BadRow>>,
    /// From where its keys may be used; a key's own list must admit an address, and this one too.
    pub(crate) allowlist: Allowlist,
    /// What all its keys together may use up.
    pub(crate) caps: Vec<Cap>,
}

/// A stored credential that nobody has opened.
pub(crate) struct SealedCredential {
    pub(crate) id: CredentialId,
    pub(crate) slot: CredentialSlot,
    pub(crate) generation: u64,
    /// Whether it may be used: asked before it is opened.
    pub(crate) standing: CredentialStanding,
    pub(crate) last_open: LastOpen,
    /// The record; an error when the stored bytes are no record.
    pub(crate) sealed: Result<SealedRecord, Box<str>>,
}

/// Which credential a call asks for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) project: ProjectId,
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) provider: &'a str,
    pub(crate) name: &'a str,
}

impl OrgState {
    pub(crate) fn new(id: OrgId, rules: OrgRules) -> Self {
        Self {
            id,
            rules: ArcSwap::from_pointee(rules),
            projects: papaya::HashMap::new(),
            books: Books::new(),
            credentials: ArcSwap::from_pointee(Vec::new()),
        }
    }

    /// The rules in force, without waiting for anybody.
    pub(crate) fn rules(&self) -> Guard<Arc<OrgRules>> {
        self.rules.load()
    }

    /// Takes over newer rules; older ones change nothing. Only the follower of the change log calls it.
    pub(crate) fn replace(&self, rules: OrgRules) {
        if rules.generation >= self.rules.load().generation {
            let before = self.rules.swap(Arc::new(rules));
            self.books.recap(&before.caps, &self.rules.load().caps);
        }
    }

    /// Looks at the rules of one of its projects, which are not to be had longer: then nobody has to count who has them.
    pub(crate) fn project<T>(
        &self,
        id: ProjectId,
        look: impl FnOnce(&ProjectRules) -> T,
    ) -> Option<T> {
        self.projects.pin().get(&id).map(|rules| look(rules))
    }

    pub(crate) fn knows_project(&self, id: ProjectId) -> bool {
        self.projects.pin().contains_key(&id)
    }

    /// Takes over newer rules of a project; older ones change nothing. Only the follower of the change log calls it.
    pub(crate) fn put_project(&self, id: ProjectId, rules: ProjectRules) {
        let projects = self.projects.pin();
        let before = projects.get(&id).cloned();
        let newer = before
            .as_ref()
            .is_some_and(|old| old.generation > rules.generation);
        if !newer {
            let rules = Arc::new(rules);
            projects.insert(id, Arc::clone(&rules));
            if let Some(before) = before {
                self.books.recap(&before.caps, &rules.caps);
            }
        }
    }

    /// The credential that fits best: one for the caller's project before one for all projects, then one for its
    /// environment before one for all.
    pub(crate) fn credential(&self, wanted: Wanted<'_>) -> Option<Arc<SealedCredential>> {
        let credentials = self.credentials.load();
        let fitting = credentials
            .iter()
            .filter(|credential| wanted.fits(&credential.slot));
        fitting
            .max_by_key(|found| {
                (
                    found.slot.project.is_some(),
                    found.slot.environment.is_some(),
                )
            })
            .cloned()
    }

    /// Whether a credential that was found is still what is stored.
    pub(crate) fn has_credential(&self, found: &Arc<SealedCredential>) -> bool {
        let credentials = self.credentials.load();
        credentials.iter().any(|stored| Arc::ptr_eq(stored, found))
    }

    /// What a credential is now: it may have been overwritten or removed since it was found.
    pub(crate) fn credential_by_id(&self, id: CredentialId) -> Option<Arc<SealedCredential>> {
        self.credentials
            .load()
            .iter()
            .find(|credential| credential.id == id)
            .cloned()
    }

    /// Takes over a credential, unless a newer one is here already.
    pub(crate) fn put_credential(&self, new: SealedCredential) {
        let new = Arc::new(new);
        self.credentials.rcu(|old| {
            let newer = |c: &Arc<SealedCredential>| c.id == new.id && c.generation > new.generation;
            if old.iter().any(newer) {
                return Vec::clone(old);
            }
            let others = old.iter().filter(|credential| credential.id != new.id);
            others.chain([&new]).cloned().collect()
        });
    }

    pub(crate) fn remove_credential(&self, id: CredentialId) {
        self.credentials.rcu(|old| {
            old.iter()
                .filter(|c| c.id != id)
                .cloned()
                .collect::<Vec<_>>()
        });
    }
}

impl SealedCredential {
    /// Under which version of its organization's key it stands.
    pub(crate) fn key_version(&self) -> Result<u32, Box<str>> {
        let record = self.sealed.as_ref().map_err(Clone::clone)?;
        Ok(record.header().key_version())
    }

    /// Opens it under its organization's key; an error says why it does not open, for the operator.
    pub(crate) fn open(&self, key: &SealingKey) -> Result<Plaintext, Box<str>> {
        let record = self.sealed.as_ref().map_err(Clone::clone)?;
        let context = convert::credential_context(&self.slot, self.generation);
        let context = context.map_err(|why| why.to_string())?;
        let opened = portcullis_envelope::open(key, RecordType::Credential, &context, record);
        Ok(opened.map_err(|why| why.to_string())?)
    }
}

impl Wanted<'_> {
    fn fits(&self, slot: &CredentialSlot) -> bool {
        slot.provider.as_str() == self.provider
            && slot.name.as_str() == self.name
            && slot.project.is_none_or(|project| project == self.project)
            && slot
                .environment
                .as_ref()
                .is_none_or(|environment| environment == self.environment)
    }
}
