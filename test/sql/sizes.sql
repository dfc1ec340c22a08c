\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Much of something: ten times as much of it reads about ten times as many
-- rows, not a hundred times as many; also while the statistics still say that
-- there is nothing.
RESET ROLE;
ANALYZE workflow.process, workflow.key, workflow.timer, workflow.history, workflow.deferred;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "door", "initial": "a", "context": {"n": 0}, "states": {"a": {
    "on": {"ring": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}');
SELECT FROM workflow.define('{"id": "desk", "initial": "shut", "context": {"n": 0}, "states": {
    "shut": {"defer": "letter", "on": {"open": "open"}},
    "open": {"on": {"letter": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}');

-- Rows of a table that a command reads by its indexes and without them.
CREATE FUNCTION app.reads(relation regclass, command text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := pg_stat_get_xact_tuples_fetched(relation) + pg_stat_get_xact_tuples_returned(relation);
BEGIN
    EXECUTE command;
    RETURN pg_stat_get_xact_tuples_fetched(relation) + pg_stat_get_xact_tuples_returned(relation) - before;
END
$$;
-- The same of a command for n and for 10 n; null when that is in proportion.
CREATE FUNCTION app.grows(relation regclass, n int, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    few bigint := app.reads(relation, format(command, n));
    many bigint := app.reads(relation, format(command, 10 * n));
BEGIN
    RETURN CASE WHEN many > 20 * (few + n) THEN format('%s rows for %s, %s for %s', few, n, many, 10 * n) END;
END
$$;

SELECT is(grows('workflow.key', 1000, $$SELECT count(*) FROM workflow.start_many('door', array_fill(NULL::jsonb, ARRAY[%1$s]),
        (SELECT array_agg(%1$s || ' ' || i) FROM generate_series(1, %1$s) i))$$), NULL, 'start_many() with keys');
SELECT is(grows('workflow.process', 300, $$SELECT count(*) FROM workflow.send_many((SELECT array_agg(id) FROM (SELECT id FROM workflow.processes LIMIT %s) p), '{ring}')$$),
    NULL, 'send_many() to many');
SELECT is(grows('workflow.process', 100, $$SELECT count(*) FROM workflow.send_many((SELECT array_fill(workflow.start('door'), ARRAY[%s])), '{ring}')$$),
    NULL, 'send_many() to one');
SELECT is(grows('workflow.timer', 100, $$SELECT workflow.post(workflow.find('door', '1000 1'), 'ring', at => '2030-06-01', id => i || ' of %s') FROM generate_series(1, %1$s) i$$),
    NULL, 'events with an id that are posted to one process');
SELECT is(grows('workflow.timer', 100, $$SELECT workflow.cancel_event(workflow.find('door', '1000 1'), i || ' of %s') FROM generate_series(1, %1$s) i$$),
    NULL, 'and taken back');
SELECT is(grows('workflow.deferred', 100, $$SELECT count(*) FROM workflow.send_many((SELECT array_fill(workflow.start('desk', key => '%s'), ARRAY[%1$s])), '{letter}')$$), NULL,
    'events are kept for later by the hundred');
SELECT is(grows('workflow.deferred', 100, $$SELECT workflow.send(workflow.find('desk', '%s'), 'open')$$), NULL, 'and taken at once');
SELECT is(context(workflow.find('desk', '1000')), '{"n": 1000}', 'all of them');
SELECT is(grows('workflow.deferred', 100, $$SELECT workflow.send(p, 'letter') FROM workflow.start('desk', key => 'one by one %1$s') p, generate_series(1, %1$s) i$$), NULL,
    'or one by one');
CREATE FUNCTION app.work_all() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int := 0; t int; BEGIN
    LOOP t := workflow.work(100); EXIT WHEN t = 0; n := n + t; END LOOP; RETURN n; END $$;
SELECT is(grows('workflow.timer', 100, $$SELECT workflow.post(workflow.start('door', key => 'due'), 'ring') FROM generate_series(1, %s) UNION ALL SELECT CASE WHEN app.work_all() < 0 THEN workflow.post(NULL, NULL) END$$),
    NULL, 'due events of one process are worked');
SELECT is(context(workflow.find('door', 'due')), '{"n": 1100}', 'each once');
-- as much as the server of the tests lets a context have
SELECT is((SELECT context -> 'n' FROM workflow.start('door', jsonb_build_object('blob', repeat('x', 1000000))) p, workflow.send(p, 'ring')), '1', 'a large context goes on');
SELECT is((workflow.send(workflow.start('door', jsonb_build_object('blob', repeat('x', 1000000))), 'ring')).taken, true, 'again');
-- A large context is written where it changes, whatever else is done to its process.
SELECT FROM workflow.define('{"id": "vault", "initial": "a", "context": {"n": 0}, "search": {"n": "$.n"}, "states": {
    "a": {"defer": "letter", "on": {"note": {"actions": {"type": "note", "params": "x"}}, "ring": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}, "go": "b"},
        "after": {"1 day": "b"}}, "b": {"on": {"back": "a"}}}}');
SELECT FROM workflow.define('{"id": "vault", "initial": "a", "context": {"n": 0}, "search": {"n": "$.n"}, "states": {
    "a": {"on": {"note": {"actions": []}, "go": "b"}, "after": {"1 day": "b"}}, "b": {"on": {"back": "a"}}, "c": {}}}');
-- Pieces of large values that a command writes, into any of our tables.
CREATE FUNCTION app.pieces() RETURNS bigint LANGUAGE sql AS
    $$ SELECT sum(pg_stat_get_xact_tuples_inserted(reltoastrelid))::bigint FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND reltoastrelid <> 0 $$;
CREATE FUNCTION app.copies(process uuid, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := app.pieces();
BEGIN
    EXECUTE 'SELECT FROM workflow.' || format(command, process);
    RETURN CASE app.pieces() - before WHEN 0 THEN 'nothing' ELSE 'a copy' END;
END
$$;
SELECT workflow.start('vault', (SELECT jsonb_build_object('blob', string_agg(md5(i::text), '')) FROM generate_series(1, 30000) i), key => 'large', version => 1) AS v \gset
SELECT is(copies(:'v', c), CASE WHEN c ~ 'ring|set_context|patch' THEN 'a copy' ELSE 'nothing' END, c)
FROM unnest(ARRAY['send(%L, ''note'')', 'send(%L, ''note'', id => ''x'')', 'send(%L, ''note'', id => ''x'')', 'send(%L, ''letter'')', 'send(%L, ''ring'')',
    'send_many(ARRAY[%L::uuid], ''{note}'')', 'send(%L, ''go'')', 'send(%L, ''back'')', 'post(%L, ''note'')', 'work()', 'post(%L, ''letter'', id => ''l'')', 'cancel_event(%L, ''l'')',
    'suspend(%L)', 'post(%L, ''note'')', 'work()', 'resume(%L)', 'work()', 'set_timer(%L, ''1 day'', ''2031-01-01'')', 'reset_timer(%L, ''1 day'')',
    'set_states(%L, ''{b}'')', 'set_states(%L, ''{a}'', execute => false)', 'set_context(%L, ''{"m": 1}'')', 'pause(''vault'')', 'unpause(''vault'')',
    'dry_run(%L, ''go'')', 'migrate(%L, dry_run => true)', 'migrate(%L)', 'send(%L, ''note'')', 'set_states(%L, ''{c}'', patch => ''{"o": 1}'')', 'cancel(%L)', 'erase(%L)']) c;
-- many states: flat, in a list of regions, and one inside of the other
CREATE FUNCTION app.big(kind text, n int) RETURNS json LANGUAGE sql AS $$
    SELECT CASE kind
        WHEN 'flat' THEN format('{"id": "flat", "initial": "s1", "states": {%s}}',
            string_agg(format('"s%s": {"on": {"go": "s%s"}, "after": {"1 day": "s1"}}', i, i % n + 1), ','))
        WHEN 'parallel' THEN format('{"id": "parallel", "type": "parallel", "states": {%s}}',
            string_agg(format('"s%s": {"initial": "x", "states": {"x": {"on": {"go": "y"}}, "y": {}}}', i), ','))
        WHEN 'nested' THEN (SELECT string_agg(format('{"id": "%s", "initial": "s", "states": {"s": ', CASE i WHEN 1 THEN 'nested' ELSE 'n' || i END), '') FROM generate_series(1, n) i)
            || '{"on": {"go": {}}}' || repeat('}}', n)
    END::json FROM generate_series(1, n) i
$$;
SELECT is(workflow.define(big('flat', 5000)), 1, '5,000 states');
SELECT is(workflow.define(big('parallel', 1500)), 1, '1,500 regions of three');
SELECT is(workflow.define(big('nested', 60)), 1, '60 states one inside of the other');
SELECT is((error(format('SELECT workflow.define(%L)', big('nested', 5000))))[:3], ARRAY['WF007', 'the definition has 1 fault', '$: nested deeper than 320 levels'],
    '5,000 are refused');
SELECT is((SELECT cardinality(s.states) FROM workflow.start('parallel') p, workflow.send(p, 'go') s), 1500, 'regions step together');
SELECT is((SELECT s.states FROM workflow.start('flat') p, workflow.send(p, 'go') s), '{s2}', 'a flat one steps');
RESET ROLE;
SELECT is(reads(t, 'SELECT count(*) FROM workflow.check()') / count, 0::bigint, format('check() reads %s a few times', t))
FROM (SELECT 'workflow.key'::regclass, 20 * count(*) FROM workflow.key
      UNION ALL SELECT 'workflow.history_0', 20 * count(*) FROM workflow.history
      UNION ALL SELECT 'workflow.process', 50 * count(*) FROM workflow.process) c(t, count);

\set end :srcdir '/end.psql'
\i :end
