-- Messages: what members want, what was sent, and why not.
-- Every new column has a default that is right for the rows that are there, so older code goes on beside it.

-- What a member does not want, by kind of message and channel, and when they sleep. No row: everything, and the
-- program's quiet hours. `quiet_from` = `quiet_until`: no quiet hours.
CREATE TABLE preferences (
    member_id uuid PRIMARY KEY REFERENCES members,
    unwanted jsonb NOT NULL DEFAULT '{}',
    quiet_from time,
    quiet_until time,
    changed_at timestamptz NOT NULL,
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);

-- Mailboxes that have sent mail back: nothing goes there any more.
CREATE TABLE dead_addresses (
    program_id text NOT NULL REFERENCES programs,
    address text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (program_id, address)
);

ALTER TABLE notifications
    ADD COLUMN class text NOT NULL DEFAULT 'service',
    -- What it is about, where it may be said only once: a voucher's id, a birthday's year, a campaign's id.
    ADD COLUMN about text,
    -- What has changed, so that a change that undoes it is known.
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}',
    -- By channel the reason why it does not go there; what goes out is in `deliveries`.
    ADD COLUMN withheld jsonb NOT NULL DEFAULT '{}',
    -- When it may go out first; none where it goes nowhere. This is what caps count.
    ADD COLUMN goes_at timestamptz,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN campaign_id uuid,
    ADD COLUMN opened_at timestamptz;
-- Nothing stands in these columns yet, and only workers write here: they wait, no till does.
CREATE UNIQUE INDEX notifications_about ON notifications (member_id, kind, about) WHERE about IS NOT NULL;
CREATE INDEX notifications_going ON notifications (member_id, goes_at) WHERE goes_at IS NOT NULL;
CREATE INDEX notifications_campaign ON notifications (campaign_id) WHERE campaign_id IS NOT NULL;

ALTER TABLE deliveries
    ADD COLUMN notification_id uuid,
    ADD COLUMN class text NOT NULL DEFAULT 'service',
    -- The hours in which nothing is sent, and where they are meant: `21:00 08:00 Europe/Paris`.
    ADD COLUMN quiet text,
    -- Why it did not go out, in a word that `services/reasons.py` puts into sentences.
    ADD COLUMN reason text,
    DROP CONSTRAINT deliveries_status_check,
    ADD CONSTRAINT deliveries_status_check
        CHECK (status IN ('waiting', 'accepted', 'dead', 'gone', 'late', 'replaced', 'withheld')) NOT VALID;
ALTER TABLE deliveries VALIDATE CONSTRAINT deliveries_status_check;

-- A phone gets one message after the other: who sends to it says until when, so that after an answer that it is gone
-- nothing else is on its way there.
ALTER TABLE devices ADD COLUMN busy_until timestamptz;
ALTER TABLE devices SET (fillfactor = 85);

-- How far each walk through the members has come.
CREATE TABLE reminder_walks (
    program_id text NOT NULL REFERENCES programs,
    kind text NOT NULL,
    day date NOT NULL,
    after uuid,
    ended_at timestamptz,
    PRIMARY KEY (program_id, kind)
);
