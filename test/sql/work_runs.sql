\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
SET client_min_messages TO warning;
CREATE EXTENSION IF NOT EXISTS workflow_tap CASCADE;
\i :begin

-- Runs done by hand, in the caller's transaction: work_runs(), and the functions of
-- workflow_tap for the tests of users.
CREATE TABLE done (n int GENERATED ALWAYS AS IDENTITY, text text);
SELECT workflow.create_queue('first') \g /dev/null
SELECT workflow.create_queue('second') \g /dev/null
SELECT workflow.create_job('note', 'INSERT INTO app.done (text) VALUES ($text) RETURNING text') \g /dev/null
SELECT workflow.create_job('tracked', 'SELECT 1', mode => 'tracked') \g /dev/null
SELECT workflow.create_job('outside') \g /dev/null
SELECT workflow.create_job('broken', 'SELECT 1 / 0', queue => 'second') \g /dev/null
SELECT workflow.create_job('chain', $$ SELECT workflow.run_job('note', '{"text": "made by a run"}') $$) \g /dev/null
SELECT workflow.create_job('nested', 'SELECT workflow.work_runs()') \g /dev/null
SELECT workflow.create_job('again', $$ SELECT workflow.run_job('again') $$) \g /dev/null
-- waits for an event, and goes on when it was told
CREATE FUNCTION asks(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF workflow.checkpoint('answer') IS NULL THEN
        PERFORM workflow.save_checkpoint('asked', 'true');
        PERFORM workflow.park(event => 'answer');
        RETURN NULL;
    END IF;
    RETURN jsonb_build_array(workflow.checkpoint('asked'), workflow.checkpoint('answer'));
END $$;
SELECT workflow.create_job('asks', 'app.asks') \g /dev/null
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE sql AS $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
CREATE FUNCTION texts() RETURNS text LANGUAGE sql AS $$ SELECT coalesce(string_agg(text, ', ' ORDER BY n), '') FROM done $$;

SELECT is(workflow.work_runs(), 0, 'nothing is due');
SELECT workflow.run_job('note', '{"text": "later"}', priority => -1) AS later \gset
SELECT workflow.run_job('note', '{"text": "now"}', priority => 1) AS now \gset
SELECT workflow.run_job('note', '{"text": "other"}', queue => 'first') AS other \gset
SELECT workflow.run_job('note', '{"text": "tomorrow"}', at => '2030-01-02 00:00+00') AS tomorrow \gset
SELECT workflow.run_job('tracked') AS tracked \gset
SELECT workflow.run_job('outside') AS outside \gset
SELECT is(workflow.work_runs('first'), 1, 'a run of a queue is done');
SELECT is(texts(), 'other', 'and no other one');
SELECT is(workflow.work_runs(max => 1), 1, 'one run is done');
SELECT is(texts(), 'other, now', 'the most urgent one');
SELECT is(workflow.work_runs(), 1, 'the rest is');
SELECT is(texts(), 'other, now, later', 'that is due');
SELECT is((SELECT string_agg(concat_ws(' ', job, state), ', ' ORDER BY job) FROM workflow.runs WHERE state = 'waiting'),
    'note waiting, outside waiting, tracked waiting', 'tracked ones and those of workers are left out');
SELECT is((SELECT result FROM workflow.get_run(:'now')), '"now"', 'results are kept');
CALL clock('2030-01-02 00:00+00');
SELECT is(workflow.work_runs(), 1, 'and when the time has come');
RESET ROLE;
SET ROLE regress_clerk;
SELECT is(workflow.work_runs(), 0, 'another role has nothing to do');
RESET ROLE;
SET ROLE regress_app;

-- code that fails, waits, or does what it may not
SELECT workflow.run_job('broken') AS broken \gset
SELECT is(refused('SELECT workflow.work_runs()'), '22012 division by zero', 'an error of a run is one of the call');
SELECT is((SELECT concat_ws(' ', state, attempt) FROM workflow.get_run(:'broken')), 'waiting 0', 'and no attempt');
SELECT is((error('SELECT workflow.report_progress(1)'))[1], '22004', 'after which the session is at no run');
SELECT is(workflow.cancel_run(:'broken'), 'aborted', 'it is taken back');
SELECT workflow.run_job('nested') AS nested \gset
SELECT is(refused('SELECT workflow.work_runs()'), '0A000 a run cannot do other runs', 'a run does no runs');
SELECT is(workflow.cancel_run(:'nested'), 'aborted', 'it is taken back');
SELECT workflow.run_job('asks') AS asks \gset
SELECT is(workflow.work_runs(), 1, 'a run may wait for something');
SELECT is((SELECT concat_ws(' ', state, waits_for) FROM workflow.get_run(:'asks')), 'waiting signal', 'it does');
SELECT is(workflow.signal(:'asks', 'answer', '"yes"'), true, 'it is told');
SELECT is(workflow.work_runs(), 1, 'and goes on');
SELECT is((SELECT result FROM workflow.get_run(:'asks')), '[true, "yes"]', 'to its end');

-- workflow_tap
SELECT is(drain(), 0::bigint, 'nothing is left');
SELECT workflow.run_job('chain') AS chain \gset
SELECT run_enqueued('chain');
SELECT is(drain(), 2::bigint, 'what a run makes is done, too');
SELECT is(texts(), 'other, now, later, tomorrow, made by a run', 'in this transaction');
SELECT run_state_is(:'chain', 'finished');
SELECT workflow.run_job('broken') AS broken \gset
SELECT workflow.run_job('note', '{"text": "first"}', queue => 'first') \g /dev/null
SELECT is(drain('first'), 1::bigint, 'a queue is drained');
SELECT run_state_is(:'broken', 'waiting', 'the other one is not');
SELECT is(workflow.cancel_run(:'broken'), 'aborted', 'it is taken back');
SELECT workflow.define('{"id": "order", "initial": "open", "states": {
    "open": {"on": {"pay": "paid"}, "after": {"2 days": "late"}}, "paid": {}, "late": {}}}') \g /dev/null
SELECT workflow.start('order') AS process \gset
SELECT state_is(:'process', 'open');
SELECT timer_due(:'process', '2 days', '2030-01-04 00:00+00');
SELECT is(drain(), 0::bigint, 'no timer is due');
CALL clock('2030-01-04 00:00+00');
SELECT is(drain(), 1::bigint, 'then it is');
SELECT state_is(:'process', 'late', 'with a description');
SELECT workflow.define('{"id": "ask", "initial": "a", "states": {"a": {"task": {"for": ["ann", "ben"]}, "on": {"go": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.start('ask') AS ask \gset
SELECT task_for(:'ask', 'ann');
SELECT task_for(:'ask', 'ben', 'go', 'with an event');

-- a job that makes itself; tests that fail are in doc/testing.md
SELECT workflow.run_job('again') \g /dev/null
SELECT is(refused('SELECT drain()'), 'P0001 there is no end of work', 'a job that goes on for ever is noticed');
SELECT is(workflow.cancel_run((SELECT run FROM workflow.runs WHERE job = 'again')), 'aborted', 'it is taken back');

-- a function that is replaced, by one that is called in another way
CREATE FUNCTION app.replaced(params jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'before' $$;
SELECT workflow.create_job('replaced', 'app.replaced', result => 'text') \g /dev/null
SELECT workflow.run_job('replaced') AS r \gset
SELECT drain() \g /dev/null
SELECT is(result #>> '{}', 'before', 'a function is called') FROM workflow.runs WHERE run = :'r';
CREATE OR REPLACE FUNCTION app.replaced(params jsonb) RETURNS text LANGUAGE plpgsql SET work_mem TO '7MB' AS
    $$ BEGIN RETURN 'after, with ' || current_setting('work_mem'); END $$;
SELECT workflow.run_job('replaced') AS r \gset
SELECT drain() \g /dev/null
SELECT is(result #>> '{}', 'after, with 7MB', 'as it is by now, in another language') FROM workflow.runs WHERE run = :'r';
\set end :srcdir '/end.psql'
\i :end
