-- What is kept of requests, for how long, and what must not go.

-- There is one table of traces for each month, made when its first trace comes and dropped as a whole when all of it is due:
-- `traces_2026_11`. This is the list of them.
CREATE TABLE trace_months (
    month TEXT NOT NULL PRIMARY KEY CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]'),
    name  TEXT NOT NULL UNIQUE CHECK (name = 'traces_' || replace(month, '-', '_'))
) STRICT, WITHOUT ROWID;

-- The sums of a day over the requests of one key to one model that ended alike. `at` is the last of them, so that a sum is
-- as old as what is youngest in it.
CREATE TABLE rollups (
    org_id     BLOB    NOT NULL,
    project_id BLOB    NOT NULL,
    key_id     TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    provider   TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    -- '' where it was not refused.
    cause      TEXT    NOT NULL,
    at         INTEGER NOT NULL CHECK (at >= day AND at < day + 86400000000),
    requests   INTEGER NOT NULL CHECK (requests > 0),
    input      INTEGER NOT NULL CHECK (input >= 0),
    cached     INTEGER NOT NULL CHECK (cached >= 0),
    output     INTEGER NOT NULL CHECK (output >= 0),
    cost       INTEGER NOT NULL,
    unpriced   INTEGER NOT NULL CHECK (unpriced >= 0),
    latency    INTEGER NOT NULL CHECK (latency >= 0),
    UNIQUE (org_id, project_id, key_id, day, provider, model, outcome, cause),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id),
    FOREIGN KEY (org_id, key_id) REFERENCES keys (org_id, key_id)
) STRICT;

-- Traces that nobody could write in time, by day.
CREATE TABLE trace_losses (
    day  INTEGER NOT NULL PRIMARY KEY,
    lost INTEGER NOT NULL CHECK (lost > 0)
) STRICT;

-- What was written of limits, in days and in parts per million; NULL = inherited. Without an organization: the instance.
CREATE TABLE retention_settings (
    org_id       BLOB REFERENCES organizations (org_id),
    project_id   BLOB,
    request_meta INTEGER CHECK (request_meta BETWEEN 1 AND 36500),
    body_sample  INTEGER CHECK (body_sample BETWEEN 1 AND 36500),
    audit        INTEGER CHECK (audit BETWEEN 1 AND 36500),
    rollup       INTEGER CHECK (rollup BETWEEN 1 AND 36500),
    opening      INTEGER CHECK (opening BETWEEN 1 AND 36500),
    sampling_ppm INTEGER CHECK (sampling_ppm BETWEEN 0 AND 1000000),
    CHECK (project_id IS NULL OR org_id IS NOT NULL),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id)
) STRICT;

CREATE UNIQUE INDEX retention_settings_by_owner
    ON retention_settings (coalesce(org_id, x''), coalesce(project_id, x''));

CREATE TABLE legal_holds (
    hold_id    BLOB    NOT NULL PRIMARY KEY CHECK (length(hold_id) = 16),
    org_id     BLOB REFERENCES organizations (org_id),
    project_id BLOB,
    key_id     TEXT,
    from_at    INTEGER,
    until_at   INTEGER,
    reason     TEXT    NOT NULL CHECK (reason <> ''),
    placed_by  TEXT    NOT NULL CHECK (placed_by <> ''),
    placed_at  INTEGER NOT NULL,
    CHECK (org_id IS NOT NULL OR (project_id IS NULL AND key_id IS NULL)),
    CHECK (from_at < until_at),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, project_id),
    FOREIGN KEY (org_id, key_id) REFERENCES keys (org_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER legal_holds_no_update BEFORE UPDATE ON legal_holds
BEGIN SELECT raise(ABORT, 'a legal hold is placed and lifted, not changed'); END;

-- What a run of retention has removed until now: written with each of its transactions, so that a crash forgets nothing.
CREATE TABLE retention_removals (
    run  TEXT    NOT NULL,
    name TEXT    NOT NULL,
    rows INTEGER NOT NULL CHECK (rows >= 0),
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
