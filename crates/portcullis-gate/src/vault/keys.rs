//! The versions of one organization's key, as its row has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_envelope::{
    KeyRing, KeyState, MasterKeys, OrgKeyRef, OrgKeySpec, OrgSalt, SealingKey, WrappedKey,
};
use portcullis_store::{OrgKeyRow, OrgKeyState, OrganizationRow};

use super::trouble::KeyTrouble;
use crate::convert::BadRow;

/// The key of an organization: the states of its versions, and what each comes from.
pub(crate) struct OrgKeys {
    ring: KeyRing,
    versions: BTreeMap<u32, Result<Material, BadRow>>,
}

/// What a version of a key comes from.
pub(crate) enum Material {
    /// Derived already.
    Derived(Arc<SealingKey>),
    /// To be unwrapped by its key service.
    Wrapped {
        /// The version's name.
        of: OrgKeyRef,
        /// Its wrapped form.
        wrapped: WrappedKey,
    },
}

impl OrgKeys {
    /// Reads the versions of a row. One that cannot be had (its master key is not here, its wrapped form is damaged) is kept as
    /// that, so that the others work.
    ///
    /// # Errors
    /// States that no sequence of changes leaves behind.
    pub(crate) fn of(row: &OrganizationRow, master: &MasterKeys) -> Result<Self, BadRow> {
        let ring = ring(row)?;
        let versions = row.keys.iter().filter_map(|key| {
            let material = material(row, key, master).transpose()?;
            Some((key.version, material))
        });
        Ok(Self {
            ring,
            versions: versions.collect(),
        })
    }

    /// The states.
    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// What a version comes from, if it may open.
    pub(crate) fn for_opening(&self, version: u32) -> Result<&Material, KeyTrouble> {
        self.ring.may_open(version)?;
        self.material(version)
    }

    /// What a version comes from, whatever it may do.
    pub(crate) fn material(&self, version: u32) -> Result<&Material, KeyTrouble> {
        let gone = || BadRow::new(WHAT, format!("version {version} has no wrapped form"));
        match self.versions.get(&version) {
            Some(Ok(material)) => Ok(material),
            Some(Err(why)) => Err(why.clone().into()),
            None => Err(gone().into()),
        }
    }

    /// The key services of the versions that may open something.
    pub(crate) fn services(&self) -> impl Iterator<Item = (u32, &str)> {
        let opening = |version: &u32| self.ring.may_open(*version).is_ok();
        let versions = self
            .versions
            .iter()
            .filter(move |(version, _)| opening(version));
        versions.filter_map(|(version, material)| match material {
            Ok(Material::Wrapped { wrapped, .. }) => Some((*version, wrapped.service())),
            Ok(Material::Derived(_)) | Err(_) => None,
        })
    }

    /// The versions that a key service wrapped.
    pub(crate) fn wrapped(&self) -> impl Iterator<Item = (u32, &OrgKeyRef)> {
        self.versions
            .iter()
            .filter_map(|(version, material)| match material {
                Ok(Material::Wrapped { of, .. }) => Some((*version, of)),
                Ok(Material::Derived(_)) | Err(_) => None,
            })
    }
}

/// The states of a row's key versions.
pub(crate) fn ring(row: &OrganizationRow) -> Result<KeyRing, BadRow> {
    let states = row.keys.iter().map(|key| (key.version, state(key.state)));
    KeyRing::load(states, row.min_decrypt_version).map_err(|why| BadRow::new(WHAT, why))
}

/// A stored state, as the envelope knows it.
pub(crate) fn state(stored: OrgKeyState) -> KeyState {
    match stored {
        OrgKeyState::Pending => KeyState::Pending,
        OrgKeyState::Active => KeyState::Active,
        OrgKeyState::DecryptOnly => KeyState::DecryptOnly,
        OrgKeyState::Disabled => KeyState::Disabled,
        OrgKeyState::Destroyed => KeyState::Destroyed,
    }
}

/// A state, as it is stored.
pub(crate) fn stored_state(state: KeyState) -> OrgKeyState {
    match state {
        KeyState::Pending => OrgKeyState::Pending,
        KeyState::Active => OrgKeyState::Active,
        KeyState::DecryptOnly => OrgKeyState::DecryptOnly,
        KeyState::Disabled => OrgKeyState::Disabled,
        KeyState::Destroyed => OrgKeyState::Destroyed,
    }
}

/// The name of a version of a row's key.
pub(crate) fn name(row: &OrganizationRow, version: u32) -> Result<OrgKeyRef, BadRow> {
    OrgKeyRef::new(row.id.as_bytes(), row.key_id, version).map_err(|why| BadRow::new(WHAT, why))
}

/// The stored wrapped form of a version.
pub(crate) fn wrapped(key: &OrgKeyRow) -> Result<Option<WrappedKey>, BadRow> {
    let parse = |blob: &portcullis_store::Blob| {
        let wrapped = WrappedKey::parse(blob.as_slice());
        let wrapped = wrapped.map_err(|why| BadRow::new(WHAT, why))?;
        if key.service.as_deref() == Some(wrapped.service()) {
            Ok(wrapped)
        } else {
            Err(BadRow::new(
                WHAT,
                "its row names another key service than its wrapped form",
            ))
        }
    };
    key.wrapped.as_ref().map(parse).transpose()
}

/// `None` for a version that was destroyed.
fn material(
    row: &OrganizationRow,
    key: &OrgKeyRow,
    master: &MasterKeys,
) -> Result<Option<Material>, BadRow> {
    if key.state == OrgKeyState::Destroyed {
        return Ok(None);
    }
    if let Some(wrapped) = wrapped(key)? {
        let of = name(row, key.version)?;
        return Ok(Some(Material::Wrapped { of, wrapped }));
    }
    match (&key.service, key.master_version) {
        (None, Some(master_version)) => {
            let key = derive(row, key.version, master_version, master)?;
            Ok(Some(Material::Derived(Arc::new(key))))
        }
        (Some(_), _) | (None, None) => Err(BadRow::new(WHAT, "it has no wrapped form")),
    }
}

/// Derives a version's key: never stored.
fn derive(
    row: &OrganizationRow,
    version: u32,
    master_version: u32,
    master: &MasterKeys,
) -> Result<SealingKey, BadRow> {
    let salt = row.salt.as_slice().try_into();
    let salt = salt.map_err(|_| BadRow::new(WHAT, "its salt is not 32 bytes"))?;
    let salt = OrgSalt::from_bytes(salt).map_err(|e| BadRow::new(WHAT, e))?;
    let spec = OrgKeySpec {
        org: row.id.as_bytes(),
        salt: &salt,
        key_id: row.key_id,
        version,
        master_version,
    };
    master.org_key(&spec).map_err(|e| BadRow::new(WHAT, e))
}

const WHAT: &str = "the organization key";
