-- plain.sql: the reference of drains. What an engine cannot do without when it
-- fires a timer for good: the timer goes, the row of its process says the new
-- state and context, a line of history is added. Each batch is one statement and
-- one commit, and sessions leave each other's timers alone. There is no chart,
-- guard, right or error: only what is stored.
--
-- Tables, indexes and fillfactor are those of ../shared/bench/reference.sql,
-- version 2, and so is what is written; `make bench MEASURES=references` compares
-- the two. A process has room for a second version of its row in its page, so
-- that updates are HOT.
--
-- plain.load(many), then plain.drain(size) in as many sessions as there are
-- executors.

\set ON_ERROR_STOP 1

CREATE SCHEMA plain;
CREATE TABLE plain.process (
    id         uuid PRIMARY KEY,
    definition int NOT NULL,
    status     smallint NOT NULL,
    states     text[] NOT NULL,
    context    jsonb NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 45);
CREATE TABLE plain.timer (
    process uuid NOT NULL,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    event   text NOT NULL,
    due     timestamptz NOT NULL,
    PRIMARY KEY (process, seq)
);
CREATE INDEX timer_due ON plain.timer (due);
CREATE TABLE plain.history (
    process     uuid NOT NULL,
    at          timestamptz NOT NULL,
    event       text NOT NULL,
    from_states text[] NOT NULL,
    to_states   text[] NOT NULL
);
CREATE INDEX history_process ON plain.history (process, at);

CREATE PROCEDURE plain.load(many int) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE plain.history, plain.timer, plain.process;
    INSERT INTO plain.process (id, definition, status, states, context, updated_at)
        SELECT to_char(i, 'FM00000000000000000000000000000000')::uuid, 1, 2, ARRAY['waiting'],
               jsonb_build_object('n', 0, 'customer', 'c-17', 'total', 250), now()
        FROM generate_series(1, many) i;
    INSERT INTO plain.timer (process, event, due)
        SELECT p.id, 'after.waiting', now() FROM plain.process p ORDER BY p.id;
    COMMIT;
END $$;

CREATE PROCEDURE plain.drain(size int) LANGUAGE plpgsql AS $$
DECLARE
    fired bigint := 1;
BEGIN
    WHILE fired > 0 LOOP
        WITH event AS (
            DELETE FROM plain.timer t
            WHERE t.ctid = ANY (ARRAY(SELECT d.ctid FROM plain.timer d WHERE d.due <= now()
                                      ORDER BY d.due FOR UPDATE SKIP LOCKED LIMIT size))
            RETURNING t.process, t.event
        ), line AS (
            INSERT INTO plain.history (process, at, event, from_states, to_states)
            SELECT e.process, now(), e.event, ARRAY['waiting'], ARRAY['done'] FROM event e
        )
        UPDATE plain.process p
        SET status = 3, states = ARRAY['done'], context = jsonb_set(p.context, ARRAY['n'], '1'), updated_at = now()
        FROM event e WHERE e.process = p.id;
        GET DIAGNOSTICS fired = ROW_COUNT;
        COMMIT;
    END LOOP;
END $$;

-- worker_drain's reference: tasks, and those that are done.
CREATE TABLE plain.task (n int PRIMARY KEY, params jsonb NOT NULL, worker text, until timestamptz);
CREATE INDEX ON plain.task (n) WHERE worker IS NULL;
CREATE TABLE plain.task_done (n int PRIMARY KEY, params jsonb NOT NULL, at timestamptz NOT NULL);

-- latency's reference: a queue, and what its worker noted.
CREATE TABLE plain.bell (n int PRIMARY KEY);
CREATE TABLE plain.seen (n int, at timestamptz);
