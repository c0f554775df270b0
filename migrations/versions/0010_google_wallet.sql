-- Google Wallet: what it said, what it was told, and how often.

-- What Google has of each class and object, by Google's id: one digest a field, so that nothing secret stands here. Only
-- one worker writes one of them at a time, else an older state could arrive after a newer one. This takes the place of
-- passes.google_fingerprint, which nothing reads any more; servers of the version before still write it.
CREATE TABLE google_resources (
    id text PRIMARY KEY,
    class_id text,
    digests jsonb,
    writing_until timestamptz
);

-- What Google says of a pass's holders, and when they were notified, by delivery: three a day is all that Google allows.
CREATE TABLE google_passes (
    card_id uuid PRIMARY KEY REFERENCES cards,
    holders integer NOT NULL DEFAULT 0 CHECK (holders >= 0),
    saved_at timestamptz,
    removed_at timestamptz,
    notices jsonb NOT NULL DEFAULT '{}'
);

-- Callbacks seen: Google may send each more than once. One that has ended is refused for that, so it may be forgotten.
CREATE TABLE google_nonces (nonce text PRIMARY KEY, expires_at timestamptz NOT NULL);
CREATE INDEX google_nonces_age ON google_nonces (expires_at);

-- One row for all workers: when the next turn to call Google is free.
CREATE TABLE google_pace (one boolean PRIMARY KEY DEFAULT true CHECK (one), free_at timestamptz NOT NULL);
INSERT INTO google_pace (free_at) VALUES ('-infinity');
