-- plain3.sql: the reference of workflow3. Three steps one after the other, each
-- committed before the next is taken up. A step's timer goes, the row of the
-- process says where it is, a line of history and a row of the user's are added,
-- and the timer of the next step. The row of the user's is written set by set:
-- to call a function for each is the engine's business.
--
-- Tables, indexes, fillfactor and what is written are those of
-- ../shared/bench/reference3.sql; `make bench MEASURES=references` compares the
-- two. It is at its best with batches of 1,000.
--
-- plain3.load(many), then plain3.drain(size) in as many sessions as there are
-- executors.

\set ON_ERROR_STOP 1

CREATE SCHEMA plain3;
CREATE TABLE plain3.process (
    id         uuid PRIMARY KEY,
    definition int NOT NULL,
    status     smallint NOT NULL,
    states     text[] NOT NULL,
    context    jsonb NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 45);
CREATE TABLE plain3.timer (
    process uuid NOT NULL,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    event   text NOT NULL,
    due     timestamptz NOT NULL,
    PRIMARY KEY (process, seq)
);
CREATE INDEX timer_due ON plain3.timer (due, seq);
CREATE TABLE plain3.history (
    process     uuid NOT NULL,
    at          timestamptz NOT NULL,
    event       text NOT NULL,
    from_states text[] NOT NULL,
    to_states   text[] NOT NULL
);
CREATE INDEX history_process ON plain3.history (process, at);
CREATE TABLE plain3.effect (
    process uuid NOT NULL,
    step    text NOT NULL,
    at      timestamptz NOT NULL
);

CREATE PROCEDURE plain3.load(many int) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE plain3.effect, plain3.history, plain3.timer, plain3.process;
    INSERT INTO plain3.process (id, definition, status, states, context, updated_at)
        SELECT to_char(i, 'FM00000000000000000000000000000000')::uuid, 1, 2, ARRAY['s1'],
               jsonb_build_object('n', 0, 'customer', 'c-17', 'total', 250), now()
        FROM generate_series(1, many) i;
    INSERT INTO plain3.timer (process, event, due) SELECT p.id, 's1', now() FROM plain3.process p ORDER BY p.id;
    COMMIT;
END $$;

-- What is locked may lead to more: a session that gets nothing is done only when
-- there is no timer at all.
CREATE PROCEDURE plain3.drain(size int) LANGUAGE plpgsql AS $$
DECLARE
    fired bigint;
BEGIN
    LOOP
        WITH event AS (
            DELETE FROM plain3.timer t
            WHERE t.ctid = ANY (ARRAY(SELECT d.ctid FROM plain3.timer d WHERE d.due <= now()
                                      ORDER BY d.due, d.seq FOR UPDATE SKIP LOCKED LIMIT size))
            RETURNING t.process, t.event AS step
        ), move AS (
            SELECT e.process, e.step, m.status, m.target FROM event e,
                LATERAL (VALUES ('s1', 2, 's2'), ('s2', 2, 's3'), ('s3', 3, 'done')) m(step, status, target)
            WHERE m.step = e.step
        ), effect AS (
            INSERT INTO plain3.effect (process, step, at) SELECT m.process, m.step, now() FROM move m
        ), line AS (
            INSERT INTO plain3.history (process, at, event, from_states, to_states)
            SELECT m.process, now(), m.step, ARRAY[m.step], ARRAY[m.target] FROM move m
        ), timer AS (
            INSERT INTO plain3.timer (process, event, due)
            SELECT m.process, m.target, now() FROM move m WHERE m.status = 2
        )
        UPDATE plain3.process p SET status = m.status, states = ARRAY[m.target], updated_at = now()
        FROM move m WHERE m.process = p.id;
        GET DIAGNOSTICS fired = ROW_COUNT;
        COMMIT;
        IF fired = 0 THEN
            EXIT WHEN NOT EXISTS (SELECT FROM plain3.timer);
            PERFORM pg_sleep(0.001);
        END IF;
    END LOOP;
END $$;
