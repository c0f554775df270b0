-- What is bought together, and what is recommended. Workers write all of it; no table refers to members, as in 0012.

-- What the things are that are sold, as the receipts name them, newest name first; and how popular they are: each member
-- who bought it counts for one, and for half of that after each 90 days.
CREATE TABLE sold_items (
    program_id text NOT NULL REFERENCES programs,
    sku text NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    named_on date NOT NULL,
    popularity real NOT NULL DEFAULT 0,
    PRIMARY KEY (program_id, sku)
);
CREATE INDEX sold_items_popular ON sold_items (program_id, popularity DESC) WHERE popularity > 0;

-- Who buys a thing also buys these others, itself among them where it is bought again; the likeliest first. A row a
-- thing, not one a pair: it is read whole.
CREATE TABLE bought_together (
    program_id text NOT NULL REFERENCES programs,
    sku text NOT NULL,
    others text[] NOT NULL,
    scores real[] NOT NULL,
    PRIMARY KEY (program_id, sku)
);

-- What a member is likely to buy next, for segments, which ask it of all members at once. Only members who agreed to
-- profiling have a row.
CREATE TABLE recommended_items (
    member_id uuid PRIMARY KEY,
    skus text[] NOT NULL,
    categories text[] NOT NULL
);
