//! Sealing credentials again, a bounded batch at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;

use getrandom::SysRng;
use portcullis_audit::Action;
use portcullis_envelope::{KeyLabel, SealingKey, reseal};
use portcullis_store::{
    AuditAction, AuditTarget, Blob, Change, CredentialId, CredentialRow, Guard, OrgId,
    OrganizationRow, Page, Tenants,
};

use super::{Admin, AdminError, told};
use crate::convert;
use crate::vault::keys::OrgKeys;
use crate::vault::trouble::KeyTrouble;

/// What one step of a rotation has done.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResealStep {
    /// How many credentials were sealed again.
    pub resealed: u64,
    /// How many were saved or sealed again by somebody else meanwhile, and left alone.
    pub overtaken: u64,
    /// Those that cannot be sealed again; they stay as they are.
    pub unreadable: Vec<Unreadable>,
    /// Where the next step begins; `None` at the end of the pass.
    pub after: Option<CredentialId>,
}

/// A credential that does not open, so that it cannot be sealed again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unreadable {
    /// The credential.
    pub id: CredentialId,
    /// Why, for the operator.
    pub why: String,
}

/// One credential, sealed again.
struct Resealed {
    id: CredentialId,
    was: Blob,
    is: Blob,
}

impl Admin {
    /// Seals up to `batch` credentials again that do not stand under the active version of their organization's key, in one
    /// transaction: each only if it still has the bytes that were read. A rotation keeps no state; `after` only saves reading
    /// again what was looked at.
    ///
    /// # Errors
    /// [`AdminError::OrganizationKey`] when a key service does not answer (what is done stays done),
    /// [`AdminError::NoOrganization`], or the store's.
    pub async fn reseal_step(
        &self,
        org: OrgId,
        after: Option<CredentialId>,
        batch: NonZeroUsize,
    ) -> Result<ResealStep, AdminError> {
        let row = self.organization_row(org).await?;
        let keys = OrgKeys::of(&row, self.master()).map_err(KeyTrouble::from)?;
        let to = self.sealing_key(&row).await?;
        let target = label(&row, to.version());
        let mut step = ResealStep {
            after,
            ..ResealStep::default()
        };
        let mut waiting = Vec::new();
        while waiting.len() < batch.get() {
            let limit = batch.get();
            let page = Page {
                after: step.after,
                limit,
            };
            let rows = self.stores().credentials(Tenants::One(org), page).await?;
            let is_last = rows.len() < limit;
            for credential in rows {
                if waiting.len() == batch.get() {
                    break;
                }
                step.after = Some(credential.id);
                match self.again(&row, &keys, &to, &target, credential).await? {
                    Ok(Some(resealed)) => waiting.push(resealed),
                    Ok(None) => {}
                    Err(unreadable) => step.unreadable.push(unreadable),
                }
            }
            if is_last && waiting.len() < limit {
                step.after = None;
                break;
            }
        }
        self.replace(&row, to.version(), waiting, &mut step).await?;
        Ok(step)
    }

    /// One credential under the key `to`; `None` when it stands there already.
    async fn again(
        &self,
        org: &OrganizationRow,
        keys: &OrgKeys,
        to: &SealingKey,
        target: &KeyLabel,
        row: CredentialRow,
    ) -> Result<Result<Option<Resealed>, Unreadable>, AdminError> {
        let (id, was) = (row.id, row.sealed.clone());
        let unreadable = |why: String| Ok(Err(Unreadable { id, why }));
        let credential = convert::sealed_credential(row);
        let record = match &credential.sealed {
            Ok(record) => record,
            Err(why) => return unreadable(why.to_string()),
        };
        let header = record.header();
        if KeyLabel::of_record(header) == *target {
            return Ok(Ok(None));
        }
        if header.key_id() != org.key_id {
            return unreadable("it stands under a key of another organization".to_owned());
        }
        let version = header.key_version();
        let now = self.clock().now();
        let from: Arc<SealingKey> = match self.vault().opening_key(keys, version, now).await {
            Ok(key) => key,
            // The service is asked again later; nothing is wrong with the record.
            Err(why) if why.is_temporary() => return Err(why.into()),
            Err(why) => return unreadable(why.to_string()),
        };
        let context = convert::credential_context(&credential.slot, credential.generation)?;
        Ok(match reseal(record, &context, &from, to, &mut SysRng) {
            Ok(sealed) => Ok(Some(Resealed {
                id,
                was,
                is: Blob::from(sealed.as_bytes()),
            })),
            Err(why) => Err(Unreadable {
                id,
                why: why.to_string(),
            }),
        })
    }

    /// Replaces records by compare-and-swap; those that somebody else has replaced are left out.
    async fn replace(
        &self,
        org: &OrganizationRow,
        version: u32,
        mut waiting: Vec<Resealed>,
        step: &mut ResealStep,
    ) -> Result<(), AdminError> {
        while !waiting.is_empty() {
            let count = waiting.len() as u64;
            let action = AuditAction::OrganizationKeyResealed;
            let mut set = self
                .set(org.id, action, AuditTarget::Organization(org.id))
                .require(Guard::KeyVersionActive(version));
            for Resealed { id, was, is } in &waiting {
                let guard = Guard::CredentialSealedIs {
                    id: *id,
                    sealed: was.clone(),
                };
                let sealed = is.clone();
                set = set
                    .require(guard)
                    .change(Change::ResealCredential { id: *id, sealed });
            }
            let told = told(&[
                ("key_version", None, Some(u64::from(version))),
                ("records", None, Some(count)),
            ]);
            let action = Action::OrganizationKeyResealed(told);
            match self.commit((set, Some(action))).await? {
                None => {
                    step.resealed += count;
                    return Ok(());
                }
                // Another version became active: the next pass goes there.
                Some(0) => {
                    step.overtaken += count;
                    return Ok(());
                }
                Some(index) => {
                    waiting.remove(index - 1);
                    step.overtaken += 1;
                }
            }
        }
        Ok(())
    }
}

/// Under which key credentials of an organization shall stand.
pub(super) fn label(org: &OrganizationRow, version: u32) -> KeyLabel {
    KeyLabel::Organization {
        key_id: org.key_id,
        version,
    }
}
