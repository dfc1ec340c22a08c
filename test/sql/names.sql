\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Whatever somebody calls things, it is a value and never part of a command:
-- each name goes through everything that takes one and comes out as it went in.
CREATE TABLE app.name (n int GENERATED ALWAYS AS IDENTITY, name text);
INSERT INTO app.name (name) VALUES
    ('"; DROP TABLE app.name; --'), ($$'; DROP TABLE app.name; --$$), ($$') OR true --$$), ('$1'), ('%s %I %n'), ('a"b''c'),
    (E'two\nlines\tand tab'), ('\'), (E'\\''; --'), ('$$'), ('é ∑ 人 😀'), (U&'\202Eabc'), (repeat('x', 63)), (repeat('é', 64)),
    ('SELECT'), ('process'), ('{}'), ('[]'), ('null'), (' '), ('*'), ('/* */'), ('{"@expr": "1"}'), (repeat('n', 1000));

CREATE FUNCTION app.echo(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT context || jsonb_build_object('heard', event ->> 'type', 'actor', event ->> 'actor', 'said', event -> 'data') $$;

-- One process that is called so in every respect.
CREATE FUNCTION app.go_through(n text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text := replace(replace(n, '.', ''), '#', '');
    definition json := json_build_object('id', n, 'initial', state, 'context', json_build_object(n, n),
        'search', json_build_object(n, json_build_object('@expr', 'context->''said''')),
        'states', json_build_object(
            state, json_build_object('tags', json_build_array(n), 'defer', json_build_array('kept.' || n),
                'on', json_build_object('ev.' || n, json_build_object('actions', json_build_array('app.echo',
                    json_build_object('type', 'send', 'event', json_build_object('type', 'own ' || n, 'data', n), 'id', n, 'delay', 1000))),
                    'end', 'end of it')),
            'end of it', json_build_object('type', 'final', 'output', json_build_object(n, n))));
    p uuid;
    found record;
BEGIN
    PERFORM workflow.define(definition);
    PERFORM workflow.grant_on(n, 'regress_clerk', 'read');
    p := workflow.start(n, jsonb_build_object('in', n), key => n, actor => n);
    ASSERT workflow.start(n, key => n) = p, 'start';
    ASSERT workflow.find(n, n) = p, 'find';
    ASSERT (workflow.send(p, 'ev.' || n, to_jsonb(n), id => n, actor => n)).taken, 'send';
    ASSERT (workflow.send_by_key(n, n, 'ev.' || n, to_jsonb(n), id => n, actor => n)).taken, 'receipt';
    ASSERT (SELECT taken FROM workflow.send_many(ARRAY[p], ARRAY['ev.' || n], ARRAY[to_jsonb(n)], actor => n)), 'send_many';
    ASSERT (workflow.send(p, 'kept.' || n, id => 'k' || n)).deferred, 'defer';
    PERFORM workflow.post(p, 'ev.' || n, to_jsonb(n), id => n || '!', actor => n);
    PERFORM workflow.post_by_key(n, n, 'ev.' || n, to_jsonb(n), id => n || '!', actor => n);
    ASSERT workflow.cancel_event(p, n || '!'), 'cancel_event';
    ASSERT EXISTS (SELECT FROM workflow.available_events(p, n) e WHERE e.event = 'ev.' || n), 'available_events';
    ASSERT (workflow.dry_run(p, 'ev.' || n, to_jsonb(n), n)).taken, 'dry_run';
    ASSERT (SELECT bool_and(s.error IS NULL) FROM workflow.simulate(n, jsonb_build_array(jsonb_build_object('event', 'ev.' || n, 'data', n, 'actor', n)), actor => n) s), 'simulate';
    ASSERT (SELECT bool_and(s.error IS NULL) FROM workflow.simulate(definition, jsonb_build_array(jsonb_build_object('event', 'ev.' || n, 'data', n, 'actor', n)), actor => n) s), 'simulate json';
    ASSERT p IN (SELECT s.id FROM workflow.search(n, ARRAY[n], jsonb_build_object(n, n), ARRAY[state]) s), 'search';
    ASSERT workflow.diagram(n) <> workflow.diagram(p), 'diagram';
    ASSERT workflow.export(n) ->> 'id' = n, 'export';
    PERFORM workflow.lint(n);
    ASSERT workflow.pause(n) AND workflow.unpause(n), 'pause';
    PERFORM workflow.define_calendar(n, '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
    PERFORM workflow.add_working_time('2030-01-01', '1 hour', n), workflow.working_time_between('2030-01-01', '2030-01-02', n);
    ASSERT EXISTS (SELECT FROM workflow.calendars c WHERE c.name = n), 'calendars';
    PERFORM workflow.drop_calendar(n);
    ASSERT (workflow.set_states(p, ARRAY[state], actor => n)).states = ARRAY[state], 'set_states';
    PERFORM workflow.migrate(p, actor => n), workflow.migrate_many(n, actor => n);

    SELECT * INTO found FROM workflow.processes q WHERE q.id = p;
    ASSERT found.definition = n AND found.key = n AND found.states = ARRAY[state], 'processes';
    ASSERT found.context = jsonb_build_object(n, n, 'in', n, 'heard', 'ev.' || n, 'actor', n, 'said', n), 'context ' || found.context;
    ASSERT EXISTS (SELECT FROM workflow.process_history h WHERE h.process = p AND h.event = 'ev.' || n AND h.actor = n AND h.data = to_jsonb(n)), 'history';
    ASSERT EXISTS (SELECT FROM workflow.timers t WHERE t.process = p AND t.event = 'own ' || n AND t.name = n AND t.actor = n AND t.data = to_jsonb(n)), 'timers';
    ASSERT EXISTS (SELECT FROM workflow.deferred_events e WHERE e.process = p AND e.event = 'kept.' || n), 'deferred_events';
    ASSERT EXISTS (SELECT FROM workflow.definitions d WHERE d.name = n AND d.source::text = definition::text), 'definitions';
    ASSERT (workflow.send(p, 'end', actor => n)).status = 'finalized', 'end';
    ASSERT (workflow.get(p)).output = jsonb_build_object(n, n), 'output';
    PERFORM workflow.erase(p);
    RETURN 'as it is';
EXCEPTION WHEN assert_failure THEN RETURN SQLERRM; WHEN OTHERS THEN RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT is(app.go_through(name), 'as it is', format('name %s', n)) FROM app.name ORDER BY n;
SELECT is((SELECT count(*) FROM app.name), 24::bigint, 'nothing was dropped');

-- Nothing at all, too long, or what UTF-8 does not have.
SELECT is((error(c))[1], s, left(c, 60)) FROM (VALUES
    ($$SELECT workflow.define('{"id": "", "initial": "a", "states": {"a": {}}}')$$, 'WF007'),
    ($$SELECT workflow.define('{"id": "x\u0000", "initial": "a", "states": {"a": {}}}')$$, 'WF007'),
    ($$SELECT workflow.define(json_build_object('id', repeat('x', 1025), 'initial', 'a', 'states', '{"a": {}}'::json))$$, 'WF007'),
    ($$SELECT workflow.start('')$$, 'WF006'),
    ($$SELECT workflow.start('process', key => repeat('x', 1025))$$, '22001'),
    ($$SELECT workflow.start(repeat('x', 100000))$$, 'WF006'),
    ($$SELECT workflow.send(workflow.start('process'), '')$$, '22023'),
    ($$SELECT workflow.send(workflow.start('process'), repeat('x', 1025))$$, '22001'),
    ($$SELECT workflow.send(workflow.start('process'), 'x', id => repeat('x', 1025))$$, '22001'),
    ($$SELECT workflow.post(workflow.start('process'), 'x', id => repeat('x', 1025))$$, '22001'),
    ($$SELECT workflow.define_calendar('', '{"zone": "UTC", "hours": {}}')$$, '22023'),
    ($$SELECT workflow.grant_on('process', '"; DROP ROLE regress_clerk; --', 'read')$$, '42704'),
    ($$SELECT workflow.grant_on('process', 'regress_clerk', 'read''; --')$$, '22023'),
    ($$SELECT workflow.function_state('app.echo(jsonb, jsonb); DROP TABLE app.name; --', 10)$$, 'no error'),
    ($$SELECT workflow.search('process', '{"''; --"}')$$, '22023')) t(c, s);

-- A role may be called anything, too, and own definitions.
RESET ROLE;
CREATE ROLE """; DROP TABLE app.name; --" LOGIN;
GRANT workflow_user TO """; DROP TABLE app.name; --";
SET ROLE """; DROP TABLE app.name; --";
SELECT is(workflow.define('{"id": "mine", "initial": "a", "states": {"a": {"on": {"go": {"target": "b", "guard": {"@expr": "current_user = ''\"; DROP TABLE app.name; --''"}}}}, "b": {"type": "final"}}}'), 1, 'it defines');
SELECT is((SELECT owner FROM workflow.definitions), '"; DROP TABLE app.name; --', 'it owns');
SELECT is((workflow.send(workflow.start('mine'), 'go')).status::text, 'finalized', 'its expressions run as it');

-- A view shows no row to a function that only looks like a condition.
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "hidden", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('hidden', '{"secret": "of app"}', key => 'S') \g /dev/null
SELECT FROM workflow.grant_on('hidden', 'regress_clerk', 'start');
SET ROLE regress_clerk;
SELECT workflow.start('hidden', '{"own": "clerk"}') \g /dev/null
RESET ROLE;
CREATE SCHEMA spy AUTHORIZATION regress_clerk;
SET ROLE regress_clerk;
CREATE TABLE spy.seen (what text);
CREATE FUNCTION spy.look(what anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$ BEGIN INSERT INTO spy.seen VALUES (what::text); RETURN true; END $$;
CREATE FUNCTION spy.same(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$ BEGIN INSERT INTO spy.seen VALUES ($1); RETURN true; END $$;
CREATE OPERATOR spy.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = spy.same, RESTRICT = eqsel);
SELECT format('SELECT FROM workflow.%I v WHERE spy.look(v::text) OR v::text OPERATOR(spy.===) ''x''', relname) FROM pg_class
WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v' AND has_table_privilege(oid, 'SELECT') ORDER BY 1 \gexec
SELECT 1 FROM workflow.processes WHERE spy.look(context::text) AND key OPERATOR(spy.===) 'S' AND spy.look(id) \g /dev/null
SELECT is((SELECT count(*) > 0 FROM spy.seen WHERE what ~ 'own'), true, 'it sees what it may see');
SELECT is_empty($$ SELECT what FROM spy.seen WHERE what ~ 'of app' $$, 'and nothing else');
SELECT is_empty($$ SELECT * FROM pg_stats WHERE schemaname = 'workflow' $$, 'statistics show no values');
SELECT is((error('EXPLAIN SELECT * FROM workflow.process'))[1], '42501', 'nor is a plan made of what is closed');
SELECT is_empty($$ SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'p')
                   AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') $$, 'no table can be read, written, referred to or watched');
SELECT is((error(format('%s workflow.%I', c, 'process')))[1], '42501', c) FROM unnest(ARRAY['LOCK TABLE', 'TRUNCATE', 'DROP TABLE']) c;
SELECT is((error('CREATE TABLE workflow.mine (n int)'))[1], '42501', 'nothing can be made in the schema');
SELECT is((error('CREATE OR REPLACE VIEW workflow.processes AS SELECT 1'))[1], '42501', 'or replaced');

\set end :srcdir '/end.psql'
\i :end
