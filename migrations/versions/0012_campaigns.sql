-- Segments, campaigns and their audiences; and what is kept of purchases so that segments need not read all of them.

-- ── What members have bought ───────────────────────────────────────────────────────────────────────────────────

-- In which transaction of the database a row was written. Everything below the oldest one that is still open has been
-- committed or never will be: a reader who goes up to there misses nothing that commits late, however long an import
-- takes. Rows that are older than this column have none. Added first and given its default after that, no row is
-- rewritten.
ALTER TABLE transactions ADD COLUMN written_in bigint;
ALTER TABLE transactions ALTER COLUMN written_in SET DEFAULT pg_current_xact_id()::text::bigint;

-- One row: up to where new transactions have been looked through.
CREATE TABLE purchases_seen (one boolean PRIMARY KEY DEFAULT true CHECK (one), written_in bigint NOT NULL);
INSERT INTO purchases_seen (written_in) VALUES (0);

-- Whose purchases are to be counted anew. No table here refers to members: the check of a reference would wait for
-- whichever till serves the member, and that till for the worker.
CREATE TABLE purchases_to_count (member_id uuid PRIMARY KEY);
INSERT INTO purchases_to_count SELECT id FROM members WHERE status <> 'merged';

CREATE TABLE purchase_totals (
    member_id uuid PRIMARY KEY,
    last_day date,
    orders bigint NOT NULL,
    spend bigint NOT NULL,
    largest bigint
);

-- By name: the last day, counted from 1970, how many purchases, and what was paid. A row a member is a fifth of the size
-- of a row for each thing that each member has bought.
CREATE TABLE purchased_items (
    member_id uuid PRIMARY KEY,
    categories jsonb NOT NULL,
    skus jsonb NOT NULL,
    locations jsonb NOT NULL
);

-- ── Segments ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE segments (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    name text NOT NULL,
    rule jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX segments_name ON segments (program_id, lower(name));
