-- The vault: the versions of each organization's key, and what a credential's row says beside its record.

-- What is destroyed stays as a tombstone, without wrapped form. `service` is the reference of the key service that wrapped it,
-- NULL = derived from the master key; `master_version` is NULL behind a key service outside.
CREATE TABLE organization_keys (
    org_id         BLOB    NOT NULL REFERENCES organizations (org_id),
    version        INTEGER NOT NULL CHECK (version > 0),
    state          TEXT    NOT NULL
                   CHECK (state IN ('pending', 'active', 'decrypt_only', 'disabled', 'destroyed')),
    service        TEXT    CHECK (service <> ''),
    wrapped        BLOB,
    master_version INTEGER,
    created_at     INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL,
    PRIMARY KEY (org_id, version),
    CHECK (wrapped IS NULL OR (service IS NOT NULL AND state <> 'destroyed'))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX organization_keys_one_active ON organization_keys (org_id) WHERE state = 'active';
CREATE INDEX organization_keys_by_master ON organization_keys (master_version) WHERE state <> 'destroyed';

-- What there was: one derived version for each organization.
INSERT INTO organization_keys (org_id, version, state, master_version, created_at, changed_at)
SELECT org_id, key_version, 'active', master_version, created_at, created_at FROM organizations;

ALTER TABLE organizations DROP COLUMN key_version;
ALTER TABLE organizations DROP COLUMN master_version;
ALTER TABLE organizations ADD COLUMN min_decrypt_version INTEGER NOT NULL DEFAULT 1 CHECK (min_decrypt_version > 0);

ALTER TABLE credentials ADD COLUMN disabled_at INTEGER;
ALTER TABLE credentials ADD COLUMN expires_at INTEGER;
ALTER TABLE credentials ADD COLUMN last_opened_at INTEGER;
-- Id and version of the key that sealed the record, read from its header: what stands under which key is counted without
-- opening anything, and no writer can say something else than the record does.
ALTER TABLE credentials ADD COLUMN sealed_under BLOB GENERATED ALWAYS AS (substr(sealed, 9, 12)) VIRTUAL;
CREATE INDEX credentials_by_key ON credentials (org_id, sealed_under);

CREATE TRIGGER organization_keys_keep_identity BEFORE UPDATE ON organization_keys
WHEN NEW.org_id <> OLD.org_id OR NEW.version <> OLD.version OR NEW.created_at <> OLD.created_at
BEGIN SELECT raise(ABORT, 'a key version keeps its number and its tenant'); END;

CREATE TRIGGER organization_keys_stay_destroyed BEFORE UPDATE ON organization_keys
WHEN OLD.state = 'destroyed' AND NEW.state <> 'destroyed'
BEGIN SELECT raise(ABORT, 'a destroyed key version stays destroyed'); END;

CREATE TRIGGER organization_keys_no_delete BEFORE DELETE ON organization_keys
BEGIN SELECT raise(ABORT, 'a key version stays as a tombstone'); END;
