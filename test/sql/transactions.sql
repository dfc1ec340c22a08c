\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "t", "initial": "a",
    "states": {"a": {"after": {"1 hour": "b"}, "entry": {"type": "note", "params": "+a"}, "on": {"go": {"target": "b", "actions": {"type": "note", "params": "go"}}, "stay": {"actions": {"type": "note", "params": "stay"}}}},
               "b": {"on": {"end": "c"}}, "c": {"type": "final"}}}');
CREATE FUNCTION app.rows() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s processes, %s timers, %s steps, %s keys', (SELECT count(*) FROM workflow.processes), (SELECT count(*) FROM workflow.timers),
                  (SELECT count(*) FROM workflow.process_history), (SELECT count(key) FROM workflow.processes)) $$;

-- rolled back
SAVEPOINT s;
SELECT workflow.start('t', key => 'K') AS p \gset
SELECT FROM workflow.send(:'p', 'stay');
SELECT is(rows(), '1 processes, 1 timers, 2 steps, 1 keys', 'before the rollback everything is there');
ROLLBACK TO s;
SELECT is(rows(), '0 processes, 0 timers, 0 steps, 0 keys', 'start() and send() rolled back leave nothing');
SELECT is(notes(), '', 'nor do their actions');
SELECT is((error('SELECT workflow.find(''t'', ''K'')'))[1], 'WF001', 'the key is free');
SELECT isnt(workflow.start('t', key => 'K'), :'p', 'for another process');
SELECT workflow.find('t', 'K') AS p \gset
SELECT notes() AS forget \gset
SAVEPOINT s;
SELECT is((workflow.send(:'p', 'go', id => 'c1')).states, ARRAY['b'], 'a command with an id');
ROLLBACK TO s;
SELECT is(states(:'p') || timers(:'p') || notes(), 'a1 hour 2030-01-01 01:00:00', 'rolled back: state and timers are as they were');
SELECT is((workflow.send(:'p', 'stay', id => 'c1')).states, ARRAY['a'], 'its id is not known either');
SELECT is(notes(), 'stay', 'it was a first one');
SAVEPOINT s;
SELECT FROM workflow.post(:'p', 'go');
SELECT FROM workflow.set_timer(:'p', '1 hour', '2031-01-01');
SELECT FROM workflow.suspend(:'p');
ROLLBACK TO s;
SELECT is(timers(:'p'), '1 hour 2030-01-01 01:00:00', 'post, set_timer and suspend are undone as well');
SAVEPOINT s;
SELECT FROM workflow.cancel(:'p');
ROLLBACK TO s;
SELECT is(status(:'p'), 'idled', 'and cancel');
SAVEPOINT s;
SELECT FROM workflow.define('{"id": "t", "initial": "z", "states": {"z": {}}}');
SELECT is(states(workflow.start('t')), 'z', 'a new version is there at once');
ROLLBACK TO s;
SELECT is(states(workflow.start('t')), 'a', 'and gone with the rollback: no cache remembers it');
SELECT is(workflow.define('{"id": "t", "initial": "y", "states": {"y": {}}}'), 2, 'its number is given again');
SELECT is(states(workflow.start('t')), 'y', 'to another one');
SAVEPOINT s;
SELECT FROM workflow.define('{"id": "fresh", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('fresh') AS fresh \gset
ROLLBACK TO s;
SELECT is((error('SELECT workflow.start(''fresh'')'))[1], 'WF006', 'a definition that was rolled back does not exist');

-- released
SAVEPOINT s;
SELECT is((workflow.send(:'p', 'go')).states, ARRAY['b'], 'a savepoint that is released');
RELEASE s;
SELECT is(states(:'p'), 'b', 'keeps what was done in it');

-- in one statement
SELECT is((SELECT array_agg((workflow.send(id, 'stay')).states[1] COLLATE "default") FROM (SELECT workflow.start('t', version => 1) AS id FROM generate_series(1, 3)) x), ARRAY['a', 'a', 'a'],
          'start and send in one statement see each other');
WITH made AS (SELECT workflow.start('t', version => 1, key => 'W') AS id)
SELECT is((workflow.send(id, 'go')).states, ARRAY['b'], 'and in a WITH') FROM made;

-- in a trigger, in a procedure, in a cursor
CREATE TABLE app.orders (id int PRIMARY KEY, process uuid);
CREATE FUNCTION app.start_order() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.process := workflow.start('t', jsonb_build_object('order', NEW.id), version => 1); RETURN NEW; END $$;
CREATE TRIGGER start_order BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.start_order();
INSERT INTO app.orders SELECT n FROM generate_series(1, 10) n;
SELECT is((SELECT count(DISTINCT (g.context ->> 'order')::int) FROM app.orders o, workflow.get(o.process) g WHERE g.context ->> 'order' = o.id::text), 10::bigint, 'a trigger may start processes');
CREATE FUNCTION app.send_all(event text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    o record;
    n int := 0;
BEGIN
    FOR o IN SELECT * FROM app.orders ORDER BY id LOOP
        BEGIN
            PERFORM workflow.send(o.process, event);
            IF o.id % 2 = 0 THEN
                RAISE EXCEPTION 'even';
            END IF;
            n := n + 1;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
    RETURN n;
END
$$;
SELECT is(send_all('go'), 5, 'of ten commands, each in a block of its own, five');
SELECT is((SELECT string_agg(states(process), '' ORDER BY id) FROM app.orders), 'bababababa', 'count, the others were undone');

-- waiting
SELECT is((error('CALL workflow.await(%L)', :'p'))[1], '25001', 'await() refuses to hold a transaction open');

\set end :srcdir '/end.psql'
\i :end
