-- Messages on wallet passes.

ALTER TABLE deliveries
    DROP CONSTRAINT deliveries_channel_check,
    ADD CONSTRAINT deliveries_channel_check
        CHECK (channel IN ('push', 'email', 'sms', 'wallet', 'apple', 'google')) NOT VALID;
ALTER TABLE deliveries VALIDATE CONSTRAINT deliveries_channel_check;

-- Which messages a pass carries until their end, and since when; their words stand in `notifications`.
CREATE TABLE pass_messages (
    card_id uuid NOT NULL REFERENCES cards,
    notification_id uuid NOT NULL,
    put_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (card_id, notification_id)
);
CREATE INDEX pass_messages_end ON pass_messages (until);

-- The message that the lock screen was given last, on the pass or gone from it: an earlier one that outlives it is not
-- shown there a second time.
ALTER TABLE passes ADD COLUMN last_message_id uuid;
