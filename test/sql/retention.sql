\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{"id": "short", "search": {"one": {"@expr": "1"}}, "initial": "a", "states": {"a": {"on": {"go": "b"}, "after": {"1 day": "b"}}, "b": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "long", "initial": "a", "states": {"a": {"on": {"go": {"actions": []}, "end": "b"}}, "b": {"type": "final"}}}');
RESET ROLE;
CREATE PROCEDURE app.at_day(n int) LANGUAGE sql AS $$ CALL app.clock('2030-01-01 00:00+00'::timestamptz + n * interval '1 day') $$;
-- Seven weeks: the ring moves once a week.
CREATE FUNCTION app.expire() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s %s %s', expired, carried, moved) FROM workflow.expire('49 days') $$;
CREATE FUNCTION app.slot() RETURNS int LANGUAGE sql AS $$ SELECT slot FROM workflow.ring $$;
CREATE FUNCTION app.rows() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s processes, %s keys, %s history, %s receipts', (SELECT count(*) FROM workflow.process),
        (SELECT count(*) FROM workflow.key), (SELECT count(*) FROM workflow.history), (SELECT count(*) FROM workflow.receipt)) $$;

SELECT is((SELECT workflow.expire()::text), '(0,0,f,t)', 'without a retention nothing expires');
SELECT is(expire(), '0 0 f', 'the first call starts the ring');
SELECT is(slot(), 0, 'which begins with its first partition');
CALL at_day(6);
SELECT is(expire(), '0 0 f', 'for a seventh of the retention it stays where it is');

-- One lives for ever, one ends soon, one ends late.
SELECT workflow.start('long', key => 'for ever') AS l \gset
SELECT workflow.start('short', key => 'soon') AS s \gset
SELECT workflow.start('long', key => 'late') AS e \gset
SELECT FROM workflow.send(:'s', 'go', id => 'first');
SELECT FROM workflow.send(:'l', 'go', id => 'first');
CALL at_day(7);
SELECT is(expire(), '0 0 t', 'then it moves on');
SELECT is(slot(), 1, 'to the next partition');
SELECT is(expire(), '0 0 f', 'once');
CALL at_day(20);
SELECT is(expire() || slot(), '0 0 t2', 'when it is late it moves once, too');
SELECT FROM workflow.send(:'e', 'end');
SELECT FROM workflow.send(:'l', 'go', id => 'second');
CALL at_day(27); SELECT FROM expire();
CALL at_day(34); SELECT FROM expire();
CALL at_day(41); SELECT FROM expire();
CALL at_day(48); SELECT FROM expire();
CALL at_day(55); SELECT is(expire() || slot(), '0 0 t7', 'the last partition');
SELECT is(rows(), '3 processes, 3 keys, 7 history, 3 receipts', 'everything is there');

CALL at_day(62);
SELECT is(expire() || slot(), '1 3 t0', 'what ended longer ago than the retention expires');
SELECT is(rows(), '2 processes, 2 keys, 5 history, 1 receipts', 'with its key, its history and its receipts');
SELECT is((SELECT string_agg(format('%s %s', step, slot), ', ' ORDER BY step) FROM workflow.history WHERE process = :'l'), '1 2, 2 2, 3 2',
    'the history of one that lives is carried forward, to where its last row is');
SELECT is((SELECT string_agg(format('%s %s', step, slot), ', ' ORDER BY step) FROM workflow.history WHERE process = :'e'), '1 2, 2 2',
    'of one that ended later, to where it ends');
SELECT is((error('SELECT workflow.get(%L)', :'s'))[1], 'WF001', 'an expired process is gone');
SELECT isnt(workflow.start('short', key => 'soon'), :'s', 'its key is free');
SELECT is((SELECT taken FROM workflow.send(:'l', 'go', id => 'first')), true, 'a command whose receipt has expired is a new one');
CALL at_day(69); SELECT is(expire() || slot(), '0 0 t1', 'a partition without any');
SELECT is((SELECT count(*) FROM workflow.history h JOIN workflow.ring r USING (slot) WHERE NOT EXISTS (SELECT FROM workflow.process p WHERE p.id = h.process)), 0::bigint, 'nothing is left where it was emptied');
CALL at_day(76); SELECT is(expire() || slot(), '1 3 t2', 'the one that ended late');
SELECT is((SELECT string_agg(step::text, ', ' ORDER BY step) FROM workflow.process_history WHERE process = :'l'), '1, 2, 3, 4', 'the living have all of theirs');

-- Size stays flat over the months.
CREATE TEMP TABLE size (month int, processes bigint, history bigint);
DO $$
BEGIN
    FOR day IN 77..400 LOOP
        CALL app.at_day(day);
        PERFORM workflow.start_many('short', array_fill('{}'::jsonb, ARRAY[10]));
        PERFORM workflow.send(id, 'go') FROM workflow.process p WHERE status = 'idled' AND key IS NULL;
        PERFORM workflow.expire('49 days');
        IF day % 30 = 0 THEN
            INSERT INTO size SELECT day / 30, (SELECT count(*) FROM workflow.process), (SELECT count(*) FROM workflow.history);
        END IF;
    END LOOP;
END
$$;
SELECT ok((SELECT max(processes) <= 10 * 57 AND min(processes) >= 10 * 49 FROM size WHERE month > 4), 'after the retention there is no more of anything');
SELECT ok((SELECT max(history) <= 2 * 10 * 57 FROM size WHERE month > 4), 'nor of history');
SELECT is((SELECT count(*) FROM workflow.history h, workflow.ring r WHERE h.slot <> (r.slot + 1) % 8 AND NOT EXISTS (SELECT FROM workflow.process p WHERE p.id = h.process)), 0::bigint, 'no history is left of what is gone, but where it is truncated next');
SELECT is((SELECT array_agg(DISTINCT p.id IS NOT NULL) FROM workflow.attribute a LEFT JOIN workflow.process p ON p.id = a.process), ARRAY[true], 'nor what it could be searched by');
SELECT is((SELECT string_agg(step::text, ', ' ORDER BY step) FROM workflow.process_history WHERE process = :'l'), '1, 2, 3, 4', 'the oldest lives on');

-- A child that has expired before its parent took notice of its end.
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "child", "initial": "a", "states": {"a": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {"a": {"invoke": {"id": "c", "src": "child", "onDone": "b"}}, "b": {}}}');
SELECT workflow.start('parent') AS p \gset
SELECT FROM workflow.suspend(:'p');
SELECT workflow.work(100) AS ignore \gset
RESET ROLE;
DO $$ BEGIN FOR day IN 401..470 LOOP CALL app.at_day(day); PERFORM workflow.expire('49 days'); END LOOP; END $$;
SELECT is((SELECT count(*) FROM workflow.processes WHERE parent = :'p'), 0::bigint, 'a child that is over expires');
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'its parent, which is suspended, has not lost it');
SET ROLE regress_app;
SELECT FROM workflow.resume(:'p');
SELECT is(workflow.work(100) || states(:'p'), '1b', 'and hears of its end');
RESET ROLE;

-- Whatever is stored of a process goes with it: one that has a row in every table.
CREATE FUNCTION app.tables_of(process uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text := '';
    place text;
    n bigint;
BEGIN
    FOR place IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'process'
        WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
    LOOP
        EXECUTE format('SELECT count(*) FROM workflow.%I WHERE process = $1', place) INTO n USING process;
        found := found || CASE WHEN n > 0 THEN place || ' ' ELSE '' END;
    END LOOP;
    RETURN found || (SELECT count(*) FROM workflow.process p WHERE p.id = tables_of.process);
END
$$;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "full", "search": {"one": {"@expr": "1"}}, "initial": "a", "states": {"a": {"defer": ["later"], "on": {"go": "b"}, "after": {"1 day": "b"}}, "b": {"type": "final"}}}');
SELECT workflow.start('full', key => 'expires') AS x \gset
SELECT workflow.start('full', key => 'erased') AS y \gset
SELECT FROM unnest(ARRAY[:'x', :'y']::uuid[]) u(process), workflow.send(u.process, 'later', id => 'l');
SELECT FROM workflow.pause('full');
CALL at_day(472);
SELECT workflow.work(100) AS ignore \gset
SELECT FROM workflow.unpause('full');
SELECT FROM workflow.send(:'x', 'go');
RESET ROLE;
-- of what is over nothing waits
INSERT INTO workflow.timer (process, due, owner, parked, event) SELECT u.process, '2100-01-01', d.owner, true, 'x' FROM unnest(ARRAY[:'x', :'y']::uuid[]) u(process), workflow.definition d WHERE d.name = 'full';
INSERT INTO workflow.deferred (process, at, state, event) SELECT :'x', now(), 'a', 'x';
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message)
SELECT id, 0, now(), now(), 1, true, 'x', 'XX000', '' FROM unnest(ARRAY[:'x', :'y']::uuid[]) id;
SELECT is(app.tables_of(id), 'attribute deferred failure history key receipt resting timer 1', 'rows in all tables') FROM unnest(ARRAY[:'x', :'y']::uuid[]) id;
SELECT is(workflow.erase(:'y', force => true)::text, '(2,2,1,1)', 'erase() tells how many there were');
SELECT is(app.tables_of(:'y'), 'erasure 0', 'nothing is left but the note that it was erased');
DO $$ BEGIN FOR day IN 473..540 LOOP CALL app.at_day(day); PERFORM workflow.expire('49 days'); END LOOP; END $$;
SELECT is(app.tables_of(:'x'), '0', 'nothing is left of what expires');

-- What was there before the ring, or is kept for longer than is asked for now.
TRUNCATE workflow.ring;
CALL at_day(600);
SET ROLE regress_app;
SELECT count(workflow.start('short', key => 'grown ' || n)) FROM generate_series(1, 30) n \gset
SELECT FROM generate_series(1, 25) n, workflow.send_by_key('short', 'grown ' || n, 'go', id => 'x');
RESET ROLE;
CREATE FUNCTION app.grown() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', status, n), ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM workflow.process WHERE key LIKE 'grown %' GROUP BY 1) s $$;
CALL at_day(1000);
SET ROLE regress_app;
SELECT FROM workflow.send_by_key('short', 'grown 26', 'go');
RESET ROLE;
CALL at_day(1001);
SELECT is(workflow.expire('49 days')::text, '(25,0,f,t)', 'what ended before the ring began to turn goes, however old the ring is');
SELECT is(grown(), 'idled 4, finalized 1', 'what ended later stays, and what lives');
SELECT is((SELECT count(*) FROM workflow.key WHERE key LIKE 'grown %'), 5::bigint, 'keys went with their processes');
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'all fits together');
SELECT is(workflow.expire('49 days')::text, '(0,0,f,t)', 'once');
SET ROLE regress_app;
SELECT FROM workflow.send_by_key('short', 'grown 27', 'go');
RESET ROLE;
CALL at_day(1031);
SELECT is((SELECT expired FROM workflow.expire('400 days')), 0::bigint, 'with a long retention both are kept');
SELECT is((SELECT expired FROM workflow.expire('29 days')), 2::bigint, 'which may become shorter');
SET ROLE regress_app;
SELECT FROM workflow.send_by_key('short', 'grown 28', 'go');
RESET ROLE;
DO $$ BEGIN FOR day IN 1032..1058 LOOP CALL app.at_day(day); PERFORM workflow.expire('28 days'); END LOOP; END $$;
DO $$ BEGIN FOR day IN 1059..1200 BY 10 LOOP CALL app.at_day(day); PERFORM workflow.expire('400 days'); END LOOP; END $$;
UPDATE workflow.ring SET since = '2000-01-01';
DO $$ BEGIN FOR day IN 1201..1220 LOOP CALL app.at_day(day); UPDATE workflow.ring SET since = '2000-01-01'; PERFORM workflow.expire('400 days'); END LOOP; END $$;
SELECT is(grown(), 'idled 2, finalized 1', 'or longer: however often the ring moves, nothing goes before its time');
SELECT is((SELECT string_agg(step::text, ', ' ORDER BY step) FROM workflow.process_history WHERE key = 'grown 28'), '1, 2', 'with its history');
-- In pieces: any session goes on where another one stopped.
UPDATE workflow.ring SET walk = (SELECT id FROM workflow.process WHERE key = 'grown 28'), walk_to = '2100-01-01', since = '2100-01-01';
CALL at_day(2000);
SELECT is(workflow.expire('49 days')::text, '(0,0,f,t)', 'a walk that is under way goes on from where it is');
SELECT is(workflow.expire('49 days')::text, '(1,0,f,t)', 'the next one begins anew');

-- who may, and what
SELECT is((error('SELECT workflow.expire(''0 days'')'))[1:2], ARRAY['22023', 'the retention must be positive'], 'no retention at all is a mistake');
-- In microseconds the second one is nearly 2^64.
SELECT is((error(format('SELECT workflow.expire(%L)', i)))[1:2], ARRAY['22023', 'the retention must be positive'], i) FROM (VALUES ('-178000000 years'), ('-7116799 months'), ('-9223372036854775807 us')) t(i);
SELECT workflow.start('short') AS kept \gset
SELECT FROM workflow.cancel(:'kept');
CALL at_day(2002);
SELECT is((SELECT expired FROM workflow.expire(i::interval)), 0::bigint, 'what is kept for ever stays: ' || i) FROM (VALUES
    ('178000000 years'), ('7116799 months 12 days 08:01:49.551617'), ('9223372036854775807 us'), ('600000 years')) t(i);
SELECT is((SELECT count(*) FROM workflow.processes WHERE id = :'kept'), 1::bigint, 'it is there');
SELECT is((SELECT expired > 0 FROM workflow.expire('1 day')), true, 'but not for a day');
SET ROLE regress_app;
SELECT is((error('CALL workflow.expire_all(''1 day'')'))[1:2], ARRAY['WF002', 'must be superuser or member of workflow_admin to call workflow.expire_all()'], 'for administrators');
SELECT is((error('SELECT workflow.expire(''1 day'')'))[1:2], ARRAY['WF002', 'must be superuser or member of workflow_admin to call workflow.expire()'], 'for administrators');

\set end :srcdir '/end.psql'
\i :end
