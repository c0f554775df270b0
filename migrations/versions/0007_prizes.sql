-- A contest is decided once: a return or a late sale after that changes the ranking, and no prize. It is known by its
-- first day, because a program may let it come again under the same id.

CREATE TABLE contest_results (
    program_id text NOT NULL REFERENCES programs,
    contest text NOT NULL,
    first date NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (program_id, contest, first)
);

CREATE TABLE contest_prizes (
    program_id text NOT NULL,
    contest text NOT NULL,
    first date NOT NULL,
    place integer NOT NULL CHECK (place > 0),
    -- Not a reference: its check would wait for whichever till serves the member, and the contest's others with it.
    member_id uuid NOT NULL,
    reward text NOT NULL,
    given_at timestamptz,
    PRIMARY KEY (program_id, contest, first, place),
    FOREIGN KEY (program_id, contest, first) REFERENCES contest_results
);
CREATE INDEX contest_prizes_to_give ON contest_prizes (program_id) WHERE given_at IS NULL;
