-- The control plane: tenants, keys, credentials, the log of their changes, the audit drafts.
--
-- Ids of ours are BLOBs of 16 bytes, key ids are their 12 characters, times are microseconds since 1970.
-- org_id leads every key, and foreign keys carry it: a row cannot point at another organization's row.
-- Text is compared byte for byte (BINARY), so names are kept and matched as they were given.

CREATE TABLE organizations (
    org_id         BLOB    NOT NULL PRIMARY KEY CHECK (length(org_id) = 16),
    name           TEXT    NOT NULL UNIQUE,
    salt           BLOB    NOT NULL,
    key_id         BLOB    NOT NULL CHECK (length(key_id) = 8),
    key_version    INTEGER NOT NULL,
    master_version INTEGER NOT NULL,
    suspended_at   INTEGER,
    created_at     INTEGER NOT NULL,
    generation     INTEGER NOT NULL CHECK (generation >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    org_id     BLOB    NOT NULL REFERENCES organizations (org_id),
    project_id BLOB    NOT NULL UNIQUE CHECK (length(project_id) = 16),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, project_id),
    UNIQUE (org_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    org_id      BLOB    NOT NULL,
    key_id      TEXT    NOT NULL UNIQUE CHECK (length(key_id) = 12),
    project_id  BLOB    NOT NULL,
    name        TEXT    NOT NULL,
    prefix      TEXT    NOT NULL,
    environment TEXT    NOT NULL CHECK (environment <> ''),
    -- JSON arrays of text; NULL = unrestricted, [] = nothing.
    providers    TEXT,
    allow_models TEXT,
    deny_models  TEXT   NOT NULL,
    disabled_at INTEGER,
    revoked_at  INTEGER,
    created_at  INTEGER NOT NULL,
    generation  INTEGER NOT NULL CHECK (generation >= 0),
    PRIMARY KEY (org_id, key_id),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_project ON keys (org_id, project_id);

CREATE TABLE key_secrets (
    org_id       BLOB    NOT NULL,
    key_id       TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    scheme       TEXT    NOT NULL,
    pepper       INTEGER,
    digest       BLOB    NOT NULL,
    last4        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (org_id, key_id, version),
    FOREIGN KEY (org_id, key_id) REFERENCES keys (org_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    org_id        BLOB    NOT NULL REFERENCES organizations (org_id),
    credential_id BLOB    NOT NULL UNIQUE CHECK (length(credential_id) = 16),
    project_id    BLOB    CHECK (length(project_id) = 16),
    environment   TEXT    CHECK (environment <> ''),
    provider      TEXT    NOT NULL CHECK (provider <> ''),
    name          TEXT    NOT NULL CHECK (name <> ''),
    generation    INTEGER NOT NULL CHECK (generation >= 0),
    mask          TEXT    NOT NULL,
    sealed        BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (org_id, credential_id),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id)
) STRICT, WITHOUT ROWID;

-- NULLs are distinct in a unique index, so the optional parts count as empty here; no id or name is empty.
CREATE UNIQUE INDEX credentials_by_slot
    ON credentials (org_id, coalesce(project_id, x''), coalesce(environment, ''), provider, name);

CREATE TABLE instance_secrets (
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE master_checks (
    version     INTEGER NOT NULL PRIMARY KEY,
    check_value BLOB    NOT NULL CHECK (length(check_value) = 8),
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    seq        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    nonce      BLOB    NOT NULL CHECK (length(nonce) = 16),
    subject    TEXT    NOT NULL
               CHECK (subject IN ('credential', 'instance', 'key', 'organization', 'project')),
    org_id     BLOB    CHECK (length(org_id) = 16),
    subject_id BLOB,
    CHECK ((org_id IS NULL) = (subject = 'instance')),
    CHECK ((subject_id IS NULL) = (subject IN ('instance', 'organization')))
) STRICT;

-- What was done, by whom; the last change that came of it is `seq`. org_id is NULL for the instance.
CREATE TABLE audit_drafts (
    draft_id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    seq        INTEGER NOT NULL REFERENCES changes (seq),
    org_id     BLOB    CHECK (length(org_id) = 16),
    at         INTEGER NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL
) STRICT;

CREATE TABLE nodes (
    node_id     BLOB    NOT NULL PRIMARY KEY CHECK (length(node_id) = 16),
    description TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    applied     INTEGER NOT NULL CHECK (applied >= 0)
) STRICT, WITHOUT ROWID;

-- Below what the code promises, whoever writes: an end stays an end, a row stays with its tenant.

CREATE TRIGGER organizations_keep_identity BEFORE UPDATE ON organizations
WHEN NEW.org_id <> OLD.org_id OR NEW.generation <> OLD.generation + 1
BEGIN SELECT raise(ABORT, 'an organization keeps its id and its generation steps by one'); END;

CREATE TRIGGER keys_keep_identity BEFORE UPDATE ON keys
WHEN NEW.org_id <> OLD.org_id OR NEW.key_id <> OLD.key_id OR NEW.generation <> OLD.generation + 1
BEGIN SELECT raise(ABORT, 'a key keeps its id and its tenant and its generation steps by one'); END;

CREATE TRIGGER keys_stay_revoked BEFORE UPDATE ON keys
WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at
BEGIN SELECT raise(ABORT, 'a revoked key stays revoked'); END;

CREATE TRIGGER key_secrets_stay_ended BEFORE UPDATE ON key_secrets
WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
    OR (OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at))
BEGIN SELECT raise(ABORT, 'a secret stays revoked and its expiry is never extended'); END;

-- Append-only. REPLACE deletes without firing a delete trigger unless recursive_triggers is on, which is a
-- setting of each connection: hence a guard on insert as well.

CREATE TRIGGER audit_drafts_no_update BEFORE UPDATE ON audit_drafts
BEGIN SELECT raise(ABORT, 'audit_drafts is append-only'); END;

CREATE TRIGGER audit_drafts_no_delete BEFORE DELETE ON audit_drafts
BEGIN SELECT raise(ABORT, 'audit_drafts is append-only'); END;

CREATE TRIGGER audit_drafts_no_replace BEFORE INSERT ON audit_drafts
WHEN EXISTS (SELECT 1 FROM audit_drafts WHERE draft_id = NEW.draft_id)
BEGIN SELECT raise(ABORT, 'audit_drafts is append-only'); END;

CREATE TRIGGER changes_no_update BEFORE UPDATE ON changes
BEGIN SELECT raise(ABORT, 'changes is append-only'); END;

CREATE TRIGGER changes_no_delete BEFORE DELETE ON changes
BEGIN SELECT raise(ABORT, 'changes is append-only'); END;

CREATE TRIGGER changes_no_replace BEFORE INSERT ON changes
WHEN EXISTS (SELECT 1 FROM changes WHERE seq = NEW.seq)
BEGIN SELECT raise(ABORT, 'changes is append-only'); END;
