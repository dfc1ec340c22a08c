\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- t/costs.pl has the executors, and what becomes of it in shared memory.

RESET ROLE;
CREATE ROLE regress_monitor IN ROLE workflow_monitor;
CREATE ROLE regress_admin IN ROLE workflow_admin;
SET ROLE regress_app;
CREATE TABLE app.line (n int);
CREATE FUNCTION app.write(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO app.line SELECT * FROM generate_series(1, 10) $$;
CREATE FUNCTION app.lines() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM app.line $$;
CREATE FUNCTION app.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM lines(); RAISE 'no'; END $$;
CREATE FUNCTION app.twice(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb((params->>'n')::int * 2) $$;
SELECT FROM workflow.define('{"id": "order", "initial": "a", "states": {"a": {"on": {
    "write": {"actions": "app.write"}, "fail": {"actions": "app.fail"}, "nothing": {"guard": {"@expr": "1 = 1"}, "actions": {"type": "assign", "context": {"n": 1}}},
    "go": {"guard": {"@expr": "app.lines() >= 20"}, "target": "b"}}}, "b": {"type": "final"}}}');
SELECT FROM workflow.create_job('twice', 'app.twice', parameters => '{"n": "int"}');
SELECT FROM workflow.create_job('select', 'SELECT count(*) FROM app.line');
SELECT FROM workflow.create_job('broken', 'SELECT 1 / $n', parameters => '{"n": "int"}');

-- What there is of this test, in one text a line.
CREATE FUNCTION app.costs() RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(concat_ws(' ', kind, definition, job, version, function, calls || '/' || failures) ORDER BY kind, function COLLATE "C", version), '{}')
    FROM workflow.action_costs $$;

SELECT is(costs(), '{}', 'nothing was called');
SELECT workflow.start('order') AS p \gset
SELECT is(costs(), '{}', 'and what is built in is not measured');
SELECT FROM workflow.send(:'p', 'write');
SELECT FROM workflow.send(:'p', 'write');
SELECT FROM workflow.send(:'p', 'nothing');
SELECT is((error($$SELECT workflow.send(%L, 'fail')$$, :'p'))[2], 'no', 'an action fails');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(costs(), ARRAY['definition order 1 app.fail 1/1', 'definition order 1 app.lines() >= 20 1/0', 'definition order 1 app.write 2/0'],
    'calls are counted, those that failed, too');
SELECT is((SELECT (wal_records >= 20, wal_bytes > 500, shared_blks_hit + shared_blks_read > 0, total_time > 0, max_time <= total_time,
                   mean_time = total_time / 2, since <= clock_timestamp())::text FROM workflow.action_costs WHERE function = 'app.write'), '(t,t,t,t,t,t,t)', 'with what they cost');
SELECT is((SELECT (wal_records, wal_bytes, shared_blks_hit + shared_blks_read > 0)::text FROM workflow.action_costs WHERE function = 'app.lines() >= 20'), '(0,0,t)',
    'what only reads writes nothing');

-- jobs
SELECT is(workflow.call_job('twice', '{"n": 2}'), '4', 'a job is called');
SELECT FROM workflow.run_job('twice', '{"n": 3}');
SELECT FROM workflow.run_job('select');
SELECT is(workflow.work_runs(), 2, 'and runs');
SELECT is((error($$SELECT workflow.call_job('broken', '{"n": 0}')$$))[1], '22012', 'one fails');
SELECT is((costs())[4:], ARRAY['job broken 1 SELECT 1 / $n 1/1', 'job select 1 SELECT count(*) FROM app.line 1/0', 'job twice 1 app.twice 2/0'], 'commands, too');

-- versions are told apart
SELECT FROM workflow.create_job('twice', 'app.twice', parameters => '{"n": "numeric"}');
SELECT is(workflow.call_job('twice', '{"n": 2}'), '4', 'another version');
SELECT is((costs())[6:], ARRAY['job twice 1 app.twice 2/0', 'job twice 2 app.twice 1/0'], 'has its own');

-- a text that is too long is cut where a character ends
SELECT FROM workflow.create_job('long', format('SELECT %L', repeat('ä', 150)));
SELECT FROM workflow.call_job('long');
SELECT is((SELECT function FROM workflow.action_costs WHERE job = 'long'), 'SELECT ''' || repeat('ä', 96), 'the first 200 bytes');

-- off
RESET ROLE;
SET LOCAL workflow.track_costs TO off;
SET ROLE regress_app;
SELECT FROM workflow.call_job('select');
SELECT is((SELECT calls FROM workflow.action_costs WHERE job = 'select'), 1::bigint, 'nothing is measured');
SELECT is((error('SET workflow.track_costs TO on'))[1], '42501', 'which is the superuser''s to say');
RESET ROLE;
SET LOCAL workflow.track_costs TO on;

-- who sees what
SET ROLE regress_stranger;
SELECT is(costs(), '{}', 'a stranger sees nothing');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('order', 'regress_stranger', 'read');
SELECT FROM workflow.grant_on('job:select', 'regress_stranger', 'read');
SET ROLE regress_stranger;
SELECT is((SELECT array_agg(DISTINCT COALESCE(definition, job) ORDER BY COALESCE(definition, job)) FROM workflow.action_costs), '{order,select}', 'but what it may read');
SELECT is((error('SELECT workflow.reset_action_costs()'))[1], '42501', 'and resets nothing');
SET ROLE regress_app;
SET LOCAL workflow.tenant TO 'acme';
SELECT is(costs(), '{}', 'a session for a tenant does not see what others cost');
RESET workflow.tenant;
SELECT is((error('SELECT workflow.reset_action_costs()'))[1], '42501', 'nor does the owner');
SET ROLE regress_monitor;
SELECT is((SELECT count(*) > 6 FROM workflow.action_costs), true, 'a monitor sees all');
SELECT is((error('SELECT workflow.reset_action_costs()'))[1], '42501', 'and resets nothing');
SELECT matches(workflow.metrics(), '\nworkflow_action_calls_total\{definition="order",job=""\} 4\n', 'metrics() has them by definition');
SELECT matches(workflow.metrics(), '\nworkflow_action_calls_total\{definition="",job="twice"\} 3\n', 'and job');

-- definitions that are gone
SELECT is((SELECT count(*) FROM workflow.action_costs WHERE definition = 'order'), 3::bigint, 'they are there');
RESET ROLE;
SAVEPOINT a;
SELECT FROM workflow.erase(:'p');
SET ROLE regress_app;
SELECT FROM workflow.drop_definition('order');
SELECT is((SELECT count(*) FROM unnest(costs()) c WHERE c LIKE 'definition%'), 0::bigint, 'of what was dropped nothing is shown');
SET ROLE regress_monitor;
SELECT is((SELECT count(*) FROM workflow.action_costs WHERE kind = 'definition' AND definition IS NULL), 0::bigint, 'to nobody');
ROLLBACK TO a;

-- anew
SET ROLE regress_admin;
SELECT is(workflow.reset_action_costs() >= 8, true, 'all are forgotten');
SET ROLE regress_app;
SELECT is(costs(), '{}', 'there are none');
SELECT FROM workflow.call_job('select');
SELECT is(costs(), ARRAY['job select 1 SELECT count(*) FROM app.line 1/0'], 'and they are counted anew');
\set end :srcdir '/end.psql'
\i :end
