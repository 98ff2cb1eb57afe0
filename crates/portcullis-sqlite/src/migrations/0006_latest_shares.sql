-- The shares of a counter's latest period are kept, however late it is: a clock that ran ahead for a moment must not make
-- anybody forget what was used in the period that runs.

-- Whether a later period of the same counter has a share.
ALTER TABLE shares ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1));

UPDATE shares SET superseded = 1 WHERE EXISTS (
    SELECT 1 FROM shares AS later
    WHERE later.org_id = shares.org_id AND later.unit = shares.unit AND later.time_window = shares.time_window
      AND later.level = shares.level AND later.subject = shares.subject AND later.period_start > shares.period_start);

DROP INDEX shares_by_end;
CREATE INDEX superseded_shares_by_end ON shares (keep_until) WHERE superseded = 1;

CREATE TRIGGER shares_are_superseded_by_later_ones AFTER INSERT ON shares
BEGIN
    -- Those of the period before it; those of still earlier ones have been since that one began.
    UPDATE shares SET superseded = 1
    WHERE org_id = NEW.org_id AND unit = NEW.unit AND time_window = NEW.time_window AND level = NEW.level
      AND subject = NEW.subject AND superseded = 0
      AND period_start = (
          SELECT max(period_start) FROM shares
          WHERE org_id = NEW.org_id AND unit = NEW.unit AND time_window = NEW.time_window AND level = NEW.level
            AND subject = NEW.subject AND period_start < NEW.period_start);
    -- Itself, if it comes late.
    UPDATE shares SET superseded = 1
    WHERE org_id = NEW.org_id AND unit = NEW.unit AND time_window = NEW.time_window AND level = NEW.level
      AND subject = NEW.subject AND period_start = NEW.period_start AND run_id = NEW.run_id
      AND EXISTS (
          SELECT 1 FROM shares AS later
          WHERE later.org_id = NEW.org_id AND later.unit = NEW.unit AND later.time_window = NEW.time_window
            AND later.level = NEW.level AND later.subject = NEW.subject AND later.period_start > NEW.period_start);
END;
