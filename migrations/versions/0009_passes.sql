-- What the wallets have of passes, and how fresh it is.

-- A member's passes, whenever something is written about the member; a program's passes, when all of them are looked at.
CREATE INDEX passes_member ON passes (member_id);
CREATE INDEX passes_program ON passes (program_id, card_id);

-- Since when the pass may show something else, and nobody has looked; null: it has been looked at.
ALTER TABLE passes ADD COLUMN look_since timestamptz;
CREATE INDEX passes_to_look_at ON passes (look_since) WHERE look_since IS NOT NULL;

-- When the device was last woken: the next push waits until a while after it.
ALTER TABLE apple_devices ADD COLUMN pushed_at timestamptz;

ALTER TABLE apple_registrations
    -- The tag of the pass's last change, or of the registration where that is later: a device may register with an old
    -- copy of the pass, and a tag of other passes that is newer than the change.
    ADD COLUMN tag bigint NOT NULL DEFAULT 0,
    -- What caused the first change that the device has not fetched; null: it has the newest pass.
    ADD COLUMN stale_since timestamptz,
    -- When the device was last told that there is something to fetch, and when it last fetched a change.
    ADD COLUMN told_at timestamptz,
    ADD COLUMN fetched_at timestamptz;
UPDATE apple_registrations r SET tag = p.tag FROM passes p WHERE p.card_id = r.card_id;
CREATE INDEX apple_registrations_stale ON apple_registrations (stale_since) WHERE stale_since IS NOT NULL;

-- A change that a device has fetched, and how long after its cause. Kept for some days.
CREATE TABLE pass_fetches (
    program_id text NOT NULL,
    fetched_at timestamptz NOT NULL,
    seconds double precision NOT NULL
);
CREATE INDEX pass_fetches_program ON pass_fetches (program_id, fetched_at) INCLUDE (seconds);
CREATE INDEX pass_fetches_time ON pass_fetches (fetched_at) INCLUDE (seconds);

-- All of them up to an instant, counted: what Prometheus reads may never fall. `below[n]`: how many took no longer than the
-- n-th bound.
CREATE TABLE pass_fetches_counted (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    up_to timestamptz NOT NULL,
    below bigint[] NOT NULL,
    fetches bigint NOT NULL,
    seconds double precision NOT NULL
);

-- How far a program's passes have been looked at, since something that all of them depend on has changed.
CREATE TABLE pass_walks (
    program_id text PRIMARY KEY REFERENCES programs,
    -- What it was that they depended on.
    shown text NOT NULL,
    noticed_at timestamptz NOT NULL,
    -- The last card done; null: all are.
    done_to uuid
);

-- Which pushes wait for a device. The worker alone writes many deliveries, and waits while this is made.
CREATE INDEX deliveries_target ON deliveries (channel, target) WHERE status = 'waiting';
