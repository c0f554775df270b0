-- Surveys and their answers.

CREATE TABLE surveys (
    key uuid PRIMARY KEY,
    program_id text NOT NULL REFERENCES programs,
    -- The manager's own name for it, by which segments and campaigns ask.
    id text NOT NULL,
    -- By language.
    title jsonb NOT NULL,
    -- In their order; texts by language. Changed only while there are no answers.
    questions jsonb NOT NULL,
    -- For whom: everybody, or whom the rule selects that this segment had; it may have changed since or be gone.
    segment_id uuid,
    rule jsonb,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (program_id, id)
);

-- Whoever answers has locked the member, so the check of the reference waits for nobody.
CREATE TABLE survey_answers (
    id uuid NOT NULL,
    survey uuid NOT NULL REFERENCES surveys,
    member_id uuid NOT NULL REFERENCES members,
    -- By question: a score, the options chosen as a list, or a text.
    answers jsonb NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (survey, member_id)
);
CREATE UNIQUE INDEX survey_answers_newest ON survey_answers (survey, id);
CREATE INDEX survey_answers_member ON survey_answers (member_id);

-- The survey that a campaign asks its members to answer.
ALTER TABLE campaigns ADD COLUMN survey text;
ALTER TABLE campaigns ADD FOREIGN KEY (program_id, survey) REFERENCES surveys (program_id, id);
