-- Times are timestamptz, days are program-local dates, money is in minor units, amounts of units in smallest steps.
-- `member_id` leads the keys of what belongs to a member. Ids are UUIDv7, so that id order is time order; the tables
-- that grow with every sale are partitioned by ranges of their ids, one a month.

CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

CREATE FUNCTION make_partitions(first date, months integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    month date;
BEGIN
    FOREACH parent IN ARRAY ARRAY['entries', 'transactions', 'outbox', 'deliveries'] LOOP
        FOR month IN SELECT (date_trunc('month', first) + n * interval '1 month')::date FROM generate_series(0, months - 1) n LOOP
            EXECUTE format(
                'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                parent || to_char(month, '_YYYY_MM'), parent,
                uuid_floor(month::timestamp AT TIME ZONE 'UTC'),
                uuid_floor((month + interval '1 month') AT TIME ZONE 'UTC'));
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are never changed; a correction is a new entry' USING ERRCODE = 'restrict_violation';
END $$;

-- ── Programs ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE programs (
    id text PRIMARY KEY,
    version integer NOT NULL,
    -- Counts the promotions started, so that whoever remembers a definition knows when it has more days.
    revision integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE promotion_days (
    program_id text NOT NULL REFERENCES programs,
    promotion text NOT NULL,
    first date NOT NULL,
    last date NOT NULL CHECK (last >= first),
    PRIMARY KEY (program_id, promotion, first)
);

CREATE TABLE program_versions (
    program_id text NOT NULL REFERENCES programs,
    version integer NOT NULL,
    source text NOT NULL,
    files jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (program_id, version)
);

CREATE TABLE locations (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    code text NOT NULL,
    name text NOT NULL,
    latitude double precision,
    longitude double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (program_id, code)
);

CREATE TABLE staff (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('cashier', 'manager', 'admin')),
    totp_secret text,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    UNIQUE (email)
);

CREATE TABLE keys (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    location_ids uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- ── Members ────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE members (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    email text,
    phone text,
    external_ref text,
    given_name text,
    family_name text,
    birth_date date,
    locale text NOT NULL,
    time_zone text,
    -- With which code they came: whoever gave it to them may be rewarded.
    referral_code text,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'guest', 'erased')),
    joined_at timestamptz NOT NULL,
    tier text,
    tier_since date,
    tier_until date,
    -- The ledger's chain: how many entries the member has, and the hash of the last.
    ledger_position integer NOT NULL DEFAULT 0,
    ledger_head bytea NOT NULL DEFAULT '',
    -- When time alone will next change something for this member.
    next_due timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (program_id, email),
    UNIQUE (program_id, phone),
    UNIQUE (program_id, external_ref)
);
CREATE INDEX members_due ON members (next_due) WHERE next_due IS NOT NULL;

CREATE TABLE consents (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members,
    kind text NOT NULL,
    granted boolean NOT NULL,
    terms_version text NOT NULL,
    channel text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX consents_member ON consents (member_id, id);

CREATE TABLE sign_in_codes (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    address text NOT NULL,
    code_hash bytea NOT NULL,
    -- What a newcomer filled in; the member is made when the code comes back.
    joining jsonb,
    tries_left integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX sign_in_codes_address ON sign_in_codes (program_id, address, created_at);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    member_id uuid REFERENCES members,
    staff_id uuid REFERENCES staff,
    created_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text,
    CHECK ((member_id IS NULL) <> (staff_id IS NULL))
);
CREATE INDEX sessions_member ON sessions (member_id) WHERE member_id IS NOT NULL;

CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions,
    issued_at timestamptz NOT NULL,
    used_at timestamptz,
    -- The hash of the key under which it was used: who asks again under it has lost the answer.
    used_under bytea
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE devices (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    member_id uuid NOT NULL REFERENCES members,
    fcm_token text NOT NULL,
    platform text NOT NULL CHECK (platform IN ('android', 'ios', 'web')),
    app_version text,
    created_at timestamptz NOT NULL,
    forgotten_at timestamptz,
    UNIQUE (program_id, fcm_token)
);
CREATE INDEX devices_member ON devices (member_id) WHERE forgotten_at IS NULL;

-- ── Cards and scans ────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE cards (
    id uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    member_id uuid NOT NULL REFERENCES members,
    number text NOT NULL UNIQUE CHECK (number ~ '^\d{14}$'),
    key_version smallint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked', 'replaced')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cards_member ON cards (member_id);

CREATE TABLE scans (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    card_id uuid NOT NULL REFERENCES cards,
    member_id uuid NOT NULL,
    key_id uuid NOT NULL,
    location_id uuid,
    step bigint,
    fresh boolean NOT NULL,
    at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
-- A rotating code belongs to the till that used it first.
CREATE UNIQUE INDEX scans_code ON scans (card_id, step) WHERE step IS NOT NULL;
CREATE INDEX scans_member ON scans (member_id, id);

CREATE TABLE wrong_codes (
    subject text NOT NULL,
    at timestamptz NOT NULL,
    reason text NOT NULL
);
CREATE INDEX wrong_codes_subject ON wrong_codes (subject, at);

-- ── The ledger ─────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE entries (
    id uuid NOT NULL PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL,
    position integer NOT NULL,
    unit text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('earn', 'bonus', 'redeem', 'hold', 'release', 'adjust', 'expire', 'reversal')),
    amount bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    source_id uuid,
    rule text,
    definition_version integer NOT NULL,
    reverses uuid,
    takes jsonb NOT NULL DEFAULT '[]',
    why jsonb NOT NULL DEFAULT '{}',
    hash bytea NOT NULL
) PARTITION BY RANGE (id);
CREATE TABLE entries_default PARTITION OF entries DEFAULT;
CREATE INDEX entries_member ON entries (member_id, position);
CREATE INDEX entries_source ON entries (source_id) WHERE source_id IS NOT NULL;
CREATE TRIGGER entries_are_immutable BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE lots (
    member_id uuid NOT NULL REFERENCES members,
    id uuid NOT NULL,
    unit text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    earned_at timestamptz NOT NULL,
    expires_at timestamptz,
    source_id uuid,
    PRIMARY KEY (member_id, id)
);
CREATE INDEX lots_live ON lots (member_id) WHERE remaining > 0;

CREATE TABLE accounts (
    member_id uuid NOT NULL REFERENCES members,
    unit text NOT NULL,
    available bigint NOT NULL,
    pending bigint NOT NULL DEFAULT 0 CHECK (pending >= 0),
    lifetime bigint NOT NULL,
    debt bigint NOT NULL CHECK (debt >= 0),
    expires_at timestamptz,
    PRIMARY KEY (member_id, unit)
);

CREATE TABLE day_measures (
    member_id uuid NOT NULL REFERENCES members,
    measure text NOT NULL,
    day date NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (member_id, measure, day)
);

CREATE TABLE rule_counts (
    member_id uuid NOT NULL REFERENCES members,
    rule text NOT NULL,
    period text NOT NULL,
    times bigint NOT NULL,
    units bigint NOT NULL,
    PRIMARY KEY (member_id, rule, period)
);

CREATE TABLE tier_changes (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members,
    previous text,
    tier text NOT NULL,
    since date NOT NULL,
    until date,
    at timestamptz NOT NULL,
    definition_version integer NOT NULL,
    reason jsonb NOT NULL
);
CREATE INDEX tier_changes_member ON tier_changes (member_id, id);

CREATE TABLE redemptions (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    key_id uuid,
    reward text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    takes jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('held', 'captured', 'released', 'expired')),
    made_at timestamptz NOT NULL,
    hold_expires_at timestamptz
);
CREATE INDEX redemptions_held ON redemptions (member_id) WHERE status = 'held';
CREATE INDEX redemptions_member ON redemptions (member_id, id);

CREATE TABLE vouchers (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    code text NOT NULL,
    reward text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    status text NOT NULL CHECK (status IN ('issued', 'reserved', 'redeemed', 'expired', 'cancelled')),
    issued_at timestamptz NOT NULL,
    valid_until date,
    redemption_id uuid NOT NULL REFERENCES redemptions,
    UNIQUE (program_id, code)
);
CREATE INDEX vouchers_open ON vouchers (member_id) WHERE status IN ('issued', 'reserved');
CREATE INDEX vouchers_member ON vouchers (member_id, id);

-- ── The till ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE transactions (
    id uuid NOT NULL PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('sale', 'return')),
    location_id uuid NOT NULL,
    external_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    currency text NOT NULL,
    -- Before discounts; what was paid or given back; each line's price after discounts; the part of each line left.
    amount bigint NOT NULL,
    paid bigint NOT NULL,
    lines jsonb NOT NULL,
    net jsonb NOT NULL,
    kept jsonb NOT NULL,
    voucher_ids uuid[] NOT NULL DEFAULT '{}',
    tier text,
    definition_version integer NOT NULL,
    sale_id uuid,
    key_id uuid,
    tender text,
    -- What the till was told; none for imported history.
    answer jsonb
) PARTITION BY RANGE (id);
CREATE TABLE transactions_default PARTITION OF transactions DEFAULT;
CREATE INDEX transactions_member ON transactions (member_id, id);
CREATE INDEX transactions_returns ON transactions (sale_id, id) WHERE sale_id IS NOT NULL;

CREATE TABLE receipts (
    location_id uuid NOT NULL,
    external_id text NOT NULL,
    transaction_id uuid NOT NULL,
    contents bytea NOT NULL,
    PRIMARY KEY (location_id, external_id)
);

CREATE TABLE check_ins (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    location_id uuid NOT NULL,
    key_id uuid,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX check_ins_member ON check_ins (member_id, id);

CREATE TABLE activities (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    kind text NOT NULL,
    external_id text NOT NULL,
    fields jsonb NOT NULL,
    key_id uuid,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    contents bytea NOT NULL,
    answer jsonb,
    UNIQUE (program_id, kind, external_id)
);
CREATE INDEX activities_member ON activities (member_id, id);

CREATE TABLE idempotency_keys (
    program_id text NOT NULL,
    caller uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (program_id, caller, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE outbox (
    id uuid NOT NULL PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL,
    notices jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    -- Why this row could not be worked on; it stays for a person to look at.
    failed text
) PARTITION BY RANGE (id);
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE INDEX outbox_waiting ON outbox (id) WHERE failed IS NULL;

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    program_id text NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    kind text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX notifications_member ON notifications (member_id, id);

CREATE TABLE deliveries (
    id uuid NOT NULL PRIMARY KEY,
    -- The same on every try; the phone shows one message with this id once.
    message_id uuid NOT NULL,
    program_id text NOT NULL,
    member_id uuid,
    kind text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('push', 'email', 'sms', 'apple', 'google')),
    target text NOT NULL,
    device_id uuid,
    title text,
    body text,
    data jsonb NOT NULL DEFAULT '{}',
    locale text NOT NULL,
    collapse_key text NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'accepted', 'dead', 'gone', 'late', 'replaced')),
    attempts integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease bigint NOT NULL DEFAULT 0,
    provider_id text,
    detail text,
    caused_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz
) PARTITION BY RANGE (id);
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;
CREATE INDEX deliveries_waiting ON deliveries (channel, next_try_at) WHERE status = 'waiting';
CREATE INDEX deliveries_member ON deliveries (member_id, id);
CREATE INDEX deliveries_age ON deliveries (status, id);

CREATE TABLE console_messages (
    id uuid PRIMARY KEY,
    channel text NOT NULL,
    recipient text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    code text,
    sent_at timestamptz NOT NULL
);

-- ── Passes ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- One row for all: updated in the transaction that changes passes, so that a tag is visible before any later one is
-- given out. A bare sequence would let a device miss a change that commits late.
CREATE TABLE pass_feed (one boolean PRIMARY KEY DEFAULT true CHECK (one), tag bigint NOT NULL);
INSERT INTO pass_feed (tag) VALUES (0);

CREATE TABLE passes (
    card_id uuid PRIMARY KEY REFERENCES cards,
    program_id text NOT NULL,
    member_id uuid NOT NULL,
    fingerprint text NOT NULL,
    tag bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    google_fingerprint text
);

CREATE TABLE apple_devices (
    id text NOT NULL,
    pass_type_id text NOT NULL,
    push_token text NOT NULL,
    registered_at timestamptz NOT NULL,
    PRIMARY KEY (id, pass_type_id)
);

CREATE TABLE apple_registrations (
    device_id text NOT NULL,
    pass_type_id text NOT NULL,
    card_id uuid NOT NULL REFERENCES cards,
    registered_at timestamptz NOT NULL,
    PRIMARY KEY (card_id, pass_type_id, device_id),
    FOREIGN KEY (device_id, pass_type_id) REFERENCES apple_devices (id, pass_type_id) ON DELETE CASCADE
);
CREATE INDEX apple_registrations_device ON apple_registrations (device_id, pass_type_id);

SELECT make_partitions((now() AT TIME ZONE 'UTC')::date, 13);
