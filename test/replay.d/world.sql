-- The bank in which the log is replayed: who owns the workflows, what their
-- guards and actions do, and what the players may do. Run by a superuser in a
-- database of its own; the variables loan and ledger hold the definitions.

CREATE EXTENSION workflow;
CREATE SCHEMA office AUTHORIZATION bank;
GRANT USAGE ON SCHEMA office TO clerk;
SET ROLE bank;
SET search_path = office;

-- What executors wrote; nothing here keeps them from writing it twice.
CREATE TABLE letter (case_id text NOT NULL, kind text NOT NULL);
CREATE TABLE booked (case_id text NOT NULL, amount int NOT NULL);

-- Loans are granted from 1,000 to 99,000 euros, on an offer that is still good.
CREATE FUNCTION may_grant(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (context->>'amount')::int BETWEEN 1000 AND 99000 AND (context->>'offers')::int >= 1
$$;

CREATE FUNCTION print_letter(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO office.letter VALUES (context->>'case', event->'data'->>'kind')
$$;

CREATE FUNCTION book_loan(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO office.booked VALUES (event->'data'->>'case', (event->'data'->>'amount')::int)
$$;

SELECT workflow.define(:'ledger') \g /dev/null
SELECT workflow.define(:'loan') \g /dev/null
SELECT workflow.grant_on('ledger', 'clerk', 'start') \g /dev/null
SELECT workflow.grant_on('loan', 'clerk', 'start', 'send') \g /dev/null

RESET ROLE;

-- What the players sent, and heard; filled when they are done.
CREATE TABLE office.input (
    case_id text NOT NULL,
    n       int NOT NULL,       -- order in which it was sent
    seq     int NOT NULL,       -- order in which it was recorded
    event   text NOT NULL,
    amount  int NOT NULL,
    actor   text NOT NULL,
    taken   boolean NOT NULL    -- the verdict that the player heard first
);

-- Refusals that are known, and why: as known.tsv has them, and one by one.
CREATE TABLE office.known_range (case_id text NOT NULL, seqs text NOT NULL, reason text NOT NULL);
CREATE VIEW office.known AS
    SELECT case_id, seq, reason
    FROM office.known_range, regexp_split_to_table(seqs, ',') range,
        generate_series(split_part(range, '-', 1)::int, split_part(range, '-', -1)::int) seq;
