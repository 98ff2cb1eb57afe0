-- What may be used up, and the durable books of what was.

-- Caps are a JSON array of [unit, window, amount], [] = unrestricted; a rate is a JSON array [requests, seconds, burst],
-- NULL = none.
ALTER TABLE organizations ADD COLUMN caps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN caps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE keys ADD COLUMN caps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE keys ADD COLUMN rate TEXT;

-- A project can be changed now, so it has a generation as organizations and keys have.
ALTER TABLE projects ADD COLUMN generation INTEGER NOT NULL DEFAULT 1 CHECK (generation >= 0);

CREATE TRIGGER projects_keep_identity BEFORE UPDATE ON projects
WHEN NEW.org_id <> OLD.org_id OR NEW.project_id <> OLD.project_id OR NEW.generation <> OLD.generation + 1
BEGIN SELECT raise(ABORT, 'a project keeps its id and its tenant and its generation steps by one'); END;

-- What each run of each node has drawn from each counter in each period, in the integers of the counter's unit. All
-- four amounts count as used; the sum over the runs of an account is what its cap limits.
CREATE TABLE shares (
    org_id       BLOB    NOT NULL REFERENCES organizations (org_id),
    unit         TEXT    NOT NULL,
    time_window  TEXT    NOT NULL,
    level        TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    period_start INTEGER NOT NULL,
    run_id       BLOB    NOT NULL CHECK (length(run_id) = 16),
    out          INTEGER NOT NULL CHECK (out >= 0),
    settled      INTEGER NOT NULL CHECK (settled >= 0),
    debt         INTEGER NOT NULL CHECK (debt >= 0),
    unaccounted  INTEGER NOT NULL CHECK (unaccounted >= 0),
    -- NULL = for ever.
    keep_until   INTEGER,
    PRIMARY KEY (org_id, unit, time_window, level, subject, period_start, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX shares_by_end ON shares (keep_until) WHERE keep_until IS NOT NULL;
