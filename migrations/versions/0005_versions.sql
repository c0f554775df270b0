-- A version of a definition comes into force at an instant; every member knows under which one they were settled, so
-- that what they have is carried over into the next, once.

-- The default is for code of the version before, which publishes what is in force at once.
ALTER TABLE program_versions ADD COLUMN valid_from timestamptz NOT NULL DEFAULT now();
UPDATE program_versions SET valid_from = created_at;

ALTER TABLE members ADD COLUMN version integer NOT NULL DEFAULT 0;
UPDATE members m SET version = p.version FROM programs p WHERE p.id = m.program_id;
