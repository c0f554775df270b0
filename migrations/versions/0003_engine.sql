-- What the engine's newer parts keep: memberships, pending units, dates of lots, badges, stock, contests.
-- Every column has a default that is right for the rows that are there, so nothing is rewritten and older code that
-- still runs beside this schema goes on working.

ALTER TABLE members
    -- Whatever time brings on a schedule is posted up to then. A default that is worked out once costs no rewrite.
    ADD COLUMN settled_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN tier_counted_from date,
    ADD COLUMN tier_uncounted bigint NOT NULL DEFAULT 0,
    ADD COLUMN tier_floor text,
    ADD COLUMN tier_floor_until date,
    ADD COLUMN referred_by uuid REFERENCES members,
    -- None: no membership, and never was one.
    ADD COLUMN membership jsonb;
UPDATE members SET settled_at = joined_at WHERE joined_at > settled_at;
CREATE INDEX members_referred_by ON members (referred_by) WHERE referred_by IS NOT NULL;

-- The code that a member gives to friends.
CREATE TABLE referral_codes (
    program_id text NOT NULL REFERENCES programs,
    code text NOT NULL,
    member_id uuid NOT NULL UNIQUE REFERENCES members,
    PRIMARY KEY (program_id, code)
);

CREATE TABLE membership_changes (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members,
    membership jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX membership_changes_member ON membership_changes (member_id, id);
CREATE TRIGGER membership_changes_are_immutable BEFORE UPDATE OR DELETE ON membership_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ── The ledger ─────────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE entries ADD COLUMN expires_at timestamptz, ADD COLUMN usable_at timestamptz;
ALTER TABLE lots ADD COLUMN usable_at timestamptz;

-- A lot's end was moved: from when to when, after how many of the member's entries. Until the first of these it is the
-- one with which the lot began.
CREATE TABLE lot_dates (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members,
    lot_id uuid NOT NULL,
    position integer NOT NULL,
    previous timestamptz,
    expires_at timestamptz,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX lot_dates_lot ON lot_dates (member_id, lot_id, id);
CREATE TRIGGER lot_dates_are_immutable BEFORE UPDATE OR DELETE ON lot_dates
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE tier_changes
    ADD COLUMN counted_from date,
    ADD COLUMN uncounted bigint NOT NULL DEFAULT 0,
    ADD COLUMN floor text,
    ADD COLUMN floor_until date,
    -- None: before this column was there; then the id tells (`uuid_time`).
    ADD COLUMN recorded_at timestamptz;

-- When a UUIDv7 was made: for rows that are older than their column `recorded_at`.
CREATE FUNCTION uuid_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) $$;

-- None: before this column was there; then they were made at once.
ALTER TABLE redemptions ADD COLUMN recorded_at timestamptz;
ALTER TABLE vouchers ADD COLUMN valid_from date;

-- ── The till ───────────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE transactions
    -- What units paid of each line, in minor units; how many pieces of each line were a reward.
    ADD COLUMN by_units jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN free jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN membership text NOT NULL DEFAULT 'none';

-- ── Badges, stock, contests ────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE badges (
    member_id uuid NOT NULL REFERENCES members,
    badge text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (member_id, badge)
);

CREATE TABLE reward_stock (
    program_id text NOT NULL REFERENCES programs,
    reward text NOT NULL,
    taken bigint NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (program_id, reward)
);

CREATE TABLE contest_entrants (
    program_id text NOT NULL REFERENCES programs,
    member_id uuid NOT NULL REFERENCES members,
    contest text NOT NULL,
    alias text NOT NULL,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, contest)
);
-- Nobody takes part under another one's name.
CREATE UNIQUE INDEX contest_entrants_alias ON contest_entrants (program_id, contest, lower(alias));
