-- A member who was merged into another one keeps their row, their ledger and what is on record of them; the cards in
-- their wallet go on leading to the member who stayed. NOT VALID and VALIDATE apart: the check of old rows holds no
-- lock that a sale would wait for.

ALTER TABLE members
    ADD COLUMN merged_into uuid REFERENCES members,
    -- Into whom first: `merged_into` leads on to who the person is now, this says who they were in between.
    ADD COLUMN merged_first_into uuid REFERENCES members,
    DROP CONSTRAINT members_status_check,
    ADD CONSTRAINT members_status_check CHECK (status IN ('active', 'guest', 'erased', 'merged')) NOT VALID,
    ADD CONSTRAINT members_merged CHECK ((status = 'merged') = (merged_into IS NOT NULL)) NOT VALID;
ALTER TABLE members VALIDATE CONSTRAINT members_status_check;
ALTER TABLE members VALIDATE CONSTRAINT members_merged;
CREATE INDEX members_merged_into ON members (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX members_merged_first_into ON members (merged_first_into) WHERE merged_first_into IS NOT NULL;

ALTER TABLE cards
    DROP CONSTRAINT cards_status_check,
    ADD CONSTRAINT cards_status_check CHECK (status IN ('active', 'blocked', 'replaced', 'merged')) NOT VALID;
ALTER TABLE cards VALIDATE CONSTRAINT cards_status_check;

-- Who had redeemed it, where the redemption has gone over to another one since: the past asks.
ALTER TABLE redemptions ADD COLUMN first_member_id uuid REFERENCES members;
CREATE INDEX redemptions_first_member ON redemptions (first_member_id) WHERE first_member_id IS NOT NULL;
