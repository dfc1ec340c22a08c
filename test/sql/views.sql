\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What the views ask of every row: is_over() and sees().

-- is_over(): against what is meant, of every status
SELECT bag_eq(
    $$ SELECT s::text, states, step FROM unnest(enum_range(NULL::workflow.status)) s, unnest(ARRAY['{}', '{a}']) states, unnest(ARRAY[0, 1]) step
       WHERE workflow.is_over(s, states::text[], step) $$,
    $$ VALUES ('finalized', '{}', 0), ('finalized', '{}', 1), ('finalized', '{a}', 0), ('finalized', '{a}', 1), ('terminated', '{}', 1) $$,
    'over is what reached its end, or was cancelled; not what failed, nor what could not start');

-- it becomes part of the query: no call is left of it, for whoever may ask
CREATE FUNCTION app.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END
$$;
CREATE FUNCTION app.is_inlined(query text) RETURNS text LANGUAGE sql AS $$
    SELECT format('is_over() %s, finalized %s', CASE WHEN p ~ 'is_over' THEN 'is called' ELSE 'is not there' END, CASE WHEN p ~ '''finalized''' THEN 'is' ELSE 'is not' END)
    FROM plan(query) p $$;
RESET ROLE;
SELECT is(app.is_inlined('SELECT FROM workflow.process p WHERE workflow.is_over(p.status, p.states, p.step)'), 'is_over() is not there, finalized is', 'is_over() is inlined');
SELECT is(app.is_inlined('SELECT workflow.is_over((SELECT p.status), p.states, p.step) FROM workflow.process p'), 'is_over() is called, finalized is not', 'this is how one would see that it is not');
SELECT is(app.is_inlined('SELECT * FROM workflow.inconsistencies'), 'is_over() is not there, finalized is', 'in check()');
GRANT workflow_monitor TO regress_stranger;
GRANT workflow_admin TO regress_clerk;
SET ROLE regress_app;
SELECT is(is_inlined('SELECT * FROM workflow.timers'), 'is_over() is not there, finalized is', 'in the view of timers');
SET ROLE regress_stranger;
SELECT is(app.is_inlined('SELECT * FROM workflow.inconsistencies'), 'is_over() is not there, finalized is', 'for a monitor');
SET ROLE regress_clerk;
SELECT is(app.is_inlined('SELECT * FROM workflow.inconsistencies'), 'is_over() is not there, finalized is', 'for an administrator');
RESET ROLE;
REVOKE workflow_monitor FROM regress_stranger;
REVOKE workflow_admin FROM regress_clerk;

-- the planner takes a function without a number for a thousand rows
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p WHERE p.pronamespace = 'workflow'::regnamespace AND p.proretset AND p.prorows >= 1000),
    NULL, 'the planner knows how many rows functions return');

-- sees(): whoever may read, and whoever started
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "doc", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}');
SELECT FROM workflow.define('{"id": "doc", "initial": "a", "states": {"a": {"on": {"go": "b", "back": "a"}}, "b": {}}}');
SELECT FROM workflow.define('{"id": "own", "initial": "a", "states": {"a": {}}}');
SELECT FROM workflow.grant_on('doc', 'regress_clerk', 'start');
SELECT FROM workflow.start('doc', version => 1);
SELECT FROM workflow.start('doc', version => 2);
SELECT FROM workflow.start('own');
SET ROLE regress_clerk;
SELECT FROM workflow.start('doc', version => 1);
SELECT is((SELECT string_agg(definition || version, ' ') FROM workflow.processes), 'doc1', 'a starter sees what it started');
SET ROLE regress_app;
SELECT is((SELECT string_agg(definition || version, ' ' ORDER BY definition, version) FROM workflow.processes), 'doc1 doc1 doc2 own1', 'the owner sees all');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.definition WHERE workflow.sees(NULL, 10) OR workflow.sees(id, NULL)), 0::bigint, 'nobody sees what there is not');

-- what is kept is of one role, and of one moment
SELECT id AS doc FROM workflow.definition WHERE name = 'doc' AND version = 1 \gset
CREATE FUNCTION app.looks(definition int, starter oid) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
    act text;
BEGIN
    -- one expression, kept for the whole transaction
    FOREACH act IN ARRAY ARRAY['SET LOCAL ROLE regress_app', 'SET LOCAL ROLE regress_stranger', 'SET LOCAL ROLE regress_clerk',
        $a$ SET LOCAL ROLE regress_app; SELECT workflow.grant_on('doc', 'regress_stranger', 'read'); SET LOCAL ROLE regress_stranger $a$,
        $a$ SET LOCAL ROLE regress_app; SELECT workflow.revoke_on('doc', 'regress_stranger', 'read'); SET LOCAL ROLE regress_stranger $a$,
        $a$ RESET ROLE; GRANT regress_app TO regress_stranger; SET LOCAL ROLE regress_stranger $a$,
        $a$ RESET ROLE; REVOKE regress_app FROM regress_stranger; SET LOCAL ROLE regress_stranger $a$]
    LOOP
        EXECUTE act;
        seen := seen || format('%s %s', current_user, workflow.sees(definition, starter));
    END LOOP;
    RESET ROLE;
    RETURN seen;
END
$$;
SELECT is(app.looks(:doc, oid), ARRAY['regress_app t', 'regress_stranger f', 'regress_clerk t',
        'regress_stranger t', 'regress_stranger f', 'regress_stranger t', 'regress_stranger f'],
    'an expression that is evaluated again and again follows roles and grants') FROM pg_roles WHERE rolname = 'regress_clerk';

RESET ROLE;

-- a process is found by its key through an index, also what belongs to it
SET ROLE regress_app;
SELECT FROM workflow.start_many('own', array_fill('{}'::jsonb, ARRAY[1000]), ARRAY(SELECT 'key ' || k FROM generate_series(1, 1000) k));
RESET ROLE;
ANALYZE workflow.process, workflow.history;
SET LOCAL enable_seqscan TO off;
SET ROLE regress_app;
SELECT is(regexp_match(plan(format('SELECT * FROM workflow.%s WHERE key = ''x''', v)), 'Index Cond: \(\(?p\.key = ''x''::text\)') IS NOT NULL, true, v || ' by key')
FROM unnest(ARRAY['processes', 'process_history', 'timers', 'errors', 'deferred_events']) v;

RESET ROLE;
\set end :srcdir '/end.psql'
\i :end
