-- The audit logs: append-only, one of the instance (`log` is empty) and one of each organization (`log` is its id).
--
-- What is sealed is bytes here: nothing in this file hashes or signs. The guards below keep a log from being rewritten by
-- mistake, by whatever connection; who removes them first, or edits the file, is found by the signatures.

-- The end of each log that was begun, and the first record that is still there.
CREATE TABLE audit_logs (
    log      BLOB    NOT NULL PRIMARY KEY CHECK (length(log) IN (0, 16)),
    origin   TEXT    NOT NULL CHECK (origin <> ''),
    size     INTEGER NOT NULL CHECK (size > 0),
    root     BLOB    NOT NULL CHECK (length(root) = 32),
    frontier BLOB    NOT NULL CHECK (length(frontier) % 32 = 0),
    last     BLOB    NOT NULL CHECK (length(last) = 32),
    note     BLOB    NOT NULL,
    min_seq  INTEGER NOT NULL CHECK (min_seq BETWEEN 0 AND size - 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entries (
    log    BLOB    NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq >= 0),
    entry  BLOB    NOT NULL CHECK (length(entry) BETWEEN 1 AND 60000),
    hashes BLOB    NOT NULL CHECK (length(hashes) >= 32 AND length(hashes) % 32 = 0),
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- What private fields open to. No delete trigger and no foreign key: a DELETE of all rows has to wipe whole pages (see
-- audit_unscrubbed), and deleting one of them is how a value is erased.
CREATE TABLE audit_openings (
    log   BLOB    NOT NULL,
    seq   INTEGER NOT NULL,
    field TEXT    NOT NULL,
    salt  BLOB    NOT NULL CHECK (length(salt) = 32),
    value TEXT    NOT NULL,
    PRIMARY KEY (log, seq, field)
) STRICT, WITHOUT ROWID;

-- Hashes of records that were pruned; `below` is the minimum for which they are kept.
CREATE TABLE audit_retained (
    log        BLOB    NOT NULL,
    level      INTEGER NOT NULL CHECK (level BETWEEN 0 AND 255),
    node_index INTEGER NOT NULL CHECK (node_index >= 0),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    below      INTEGER NOT NULL,
    PRIMARY KEY (log, level, node_index)
) STRICT, WITHOUT ROWID;

-- Drafts whose change was made and which are not sealed yet; `size` was that of their log when they came.
CREATE TABLE audit_outbox (
    draft_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    log      BLOB    NOT NULL CHECK (length(log) IN (0, 16)),
    size     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    address  TEXT
) STRICT;

-- Tables of which rows were deleted whose bytes may still stand between the rows of a page.
CREATE TABLE audit_unscrubbed (
    name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('audit_openings', 'audit_outbox'))
) STRICT, WITHOUT ROWID;

-- Drafts of the versions before, which had no log: the first append to each log takes them.
INSERT INTO audit_outbox (log, size, at, actor, action, target)
    SELECT coalesce(org_id, x''), 0, at, actor_kind || ':' || actor_id, action, target FROM audit_drafts
    ORDER BY draft_id;

DROP TABLE audit_drafts;

-- Each guard says what is allowed, and what is neither true nor false (NULL) is not. All of them hold without
-- recursive_triggers as well: REPLACE finds nothing to replace.

CREATE TRIGGER audit_logs_begin BEFORE INSERT ON audit_logs
WHEN NOT coalesce(
    NEW.min_seq = 0
    AND NEW.size = (SELECT max(seq) + 1 FROM audit_entries WHERE log = NEW.log)
    AND NOT EXISTS (SELECT 1 FROM audit_logs WHERE log = NEW.log), 0)
BEGIN SELECT raise(ABORT, 'audit_logs is append-only: a log begins once, with its records'); END;

-- The minimum rises in the same statement as the log grows, so there is a record of whoever raised it.
CREATE TRIGGER audit_logs_grow BEFORE UPDATE ON audit_logs
WHEN NOT coalesce(
    NEW.log = OLD.log
    AND NEW.origin = OLD.origin
    AND NEW.size > OLD.size
    AND NEW.size = (SELECT max(seq) + 1 FROM audit_entries WHERE log = NEW.log)
    AND NEW.min_seq BETWEEN OLD.min_seq AND OLD.size, 0)
BEGIN SELECT raise(ABORT, 'audit_logs is append-only: a log grows, and keeps its name'); END;

CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs
BEGIN SELECT raise(ABORT, 'audit_logs is append-only'); END;

CREATE TRIGGER audit_entries_follow BEFORE INSERT ON audit_entries
WHEN NEW.seq IS NOT coalesce((SELECT max(seq) + 1 FROM audit_entries WHERE log = NEW.log), 0)
BEGIN SELECT raise(ABORT, 'audit_entries is append-only: a record follows the last one'); END;

CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN SELECT raise(ABORT, 'audit_entries is append-only'); END;

CREATE TRIGGER audit_entries_keep BEFORE DELETE ON audit_entries
WHEN NOT coalesce(OLD.seq < (SELECT min_seq FROM audit_logs WHERE log = OLD.log), 0)
BEGIN SELECT raise(ABORT, 'audit_entries is append-only: the record is not below the minimum'); END;

CREATE TRIGGER audit_openings_belong BEFORE INSERT ON audit_openings
WHEN NOT EXISTS (SELECT 1 FROM audit_entries WHERE log = NEW.log AND seq = NEW.seq)
    OR EXISTS (SELECT 1 FROM audit_openings WHERE log = NEW.log AND seq = NEW.seq AND field = NEW.field)
BEGIN SELECT raise(ABORT, 'audit_openings is append-only: a field of a record opens once'); END;

CREATE TRIGGER audit_openings_no_update BEFORE UPDATE ON audit_openings
BEGIN SELECT raise(ABORT, 'audit_openings is append-only'); END;

CREATE TRIGGER audit_retained_belong BEFORE INSERT ON audit_retained
WHEN NEW.below IS NOT (SELECT min_seq FROM audit_logs WHERE log = NEW.log)
    OR EXISTS (SELECT 1 FROM audit_retained
               WHERE log = NEW.log AND level = NEW.level AND node_index = NEW.node_index)
BEGIN SELECT raise(ABORT, 'audit_retained is append-only: a hash is kept once'); END;

CREATE TRIGGER audit_retained_no_update BEFORE UPDATE ON audit_retained
BEGIN SELECT raise(ABORT, 'audit_retained is append-only'); END;

CREATE TRIGGER audit_retained_keep BEFORE DELETE ON audit_retained
WHEN NOT coalesce(OLD.below < (SELECT min_seq FROM audit_logs WHERE log = OLD.log), 0)
BEGIN SELECT raise(ABORT, 'audit_retained is append-only: the hash is needed for the minimum'); END;

CREATE TRIGGER audit_outbox_no_replace BEFORE INSERT ON audit_outbox
WHEN EXISTS (SELECT 1 FROM audit_outbox WHERE draft_id = NEW.draft_id)
BEGIN SELECT raise(ABORT, 'audit_outbox is append-only'); END;

CREATE TRIGGER audit_outbox_no_update BEFORE UPDATE ON audit_outbox
BEGIN SELECT raise(ABORT, 'audit_outbox is append-only'); END;

CREATE TRIGGER audit_outbox_keep BEFORE DELETE ON audit_outbox
WHEN NOT coalesce(OLD.size < (SELECT size FROM audit_logs WHERE log = OLD.log), 0)
BEGIN SELECT raise(ABORT, 'audit_outbox is append-only: the draft is not sealed yet'); END;
