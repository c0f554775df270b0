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

-- By name: the last day, counted from 1970, how many purchases, and what was paid. A row for each thing that each member
-- has bought would be many rows to write anew, and entries in indexes with them, each time a member is counted.
CREATE TABLE purchased_items (
    member_id uuid PRIMARY KEY,
    categories jsonb NOT NULL,
    skus jsonb NOT NULL,
    locations jsonb NOT NULL
);

-- In which fifth a place is, of so many, as `ntile` has it; those with equal figures have one place, the first of theirs.
CREATE FUNCTION fifth(place bigint, places bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN place <= places % 5 * (places / 5 + 1) THEN (place - 1) / (places / 5 + 1) + 1
                  ELSE places % 5 + (place - 1 - places % 5 * (places / 5 + 1)) / (places / 5) + 1 END $$;

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

-- ── Campaigns ──────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    name text NOT NULL,
    -- From which segment the rule was taken, which may have changed since or be gone; the rule is the campaign's own.
    segment_id uuid NOT NULL,
    rule jsonb NOT NULL,
    -- By language: title and body.
    texts jsonb NOT NULL,
    channels text[] NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    reward text,
    promotion text,
    experiment jsonb,
    purchases_within_days integer NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'scheduled', 'running', 'paused', 'done', 'cancelled')),
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    -- How many there are to whom it goes, once that is fixed.
    audience bigint,
    -- When nothing was left to do.
    finished_at timestamptz
);
CREATE INDEX campaigns_program ON campaigns (program_id, id);
CREATE INDEX campaigns_open ON campaigns (id) WHERE status IN ('scheduled', 'running', 'cancelled') AND finished_at IS NULL;

-- Who gets it, fixed at the start. No reference to members, as above.
CREATE TABLE campaign_members (
    campaign_id uuid NOT NULL REFERENCES campaigns,
    member_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'waiting'
        CHECK (status IN ('waiting', 'sent', 'withheld', 'control', 'cancelled', 'failed')),
    -- A member whose quiet hours these are comes later.
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    arm text,
    reason text,
    notification_id uuid,
    voucher_id uuid,
    -- When the message was filed, or would have been.
    at timestamptz,
    PRIMARY KEY (campaign_id, member_id)
);
CREATE INDEX campaign_members_waiting ON campaign_members (campaign_id, not_before, member_id) WHERE status = 'waiting';

-- Nothing stands in this column yet, and only workers write here: they wait, no till does.
ALTER TABLE deliveries ADD COLUMN campaign_id uuid;
CREATE INDEX deliveries_campaign ON deliveries (campaign_id, status) WHERE campaign_id IS NOT NULL;
