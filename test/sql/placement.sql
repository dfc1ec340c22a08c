\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Where the runs of queues may be done, as far as one transaction shows it: nobody else than
-- this server is there. Runtimes that come, go and claim are in t/placement.pl.
CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
CREATE FUNCTION app.waits(run uuid) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', state, waits_for) FROM workflow.get_run(run) $$;
-- Claims as a worker; returns how many it got.
CREATE FUNCTION app.claimed(queue text, worker text, n int DEFAULT 10) RETURNS int LANGUAGE sql AS
    $$ SELECT count(*)::int FROM workflow.claim(queue, worker, n) $$;

SELECT workflow.create_queue('far', placement => '{runtime:r1}') \g /dev/null
SELECT workflow.create_job('note', 'SELECT 1', queue => 'far') \g /dev/null
SELECT workflow.create_job('letter', queue => 'far') \g /dev/null
SELECT workflow.run_job('note') AS run \gset
SELECT workflow.run_job('letter') AS letter \gset
SELECT is((SELECT placement FROM workflow.queues WHERE name = 'far'), '{runtime:r1}', 'the view shows where a queue is placed');
SELECT is(workflow.work_runs(), 0, 'this server does nothing of a queue that is placed elsewhere');
SELECT is(claimed('far', 'w1'), 0, 'nor does a worker get any');
SELECT is(waits(:'run') || ', ' || waits(:'letter'), 'waiting placement, waiting placement', 'they wait for somebody to come');

-- each element in turn, where only this server is
CREATE TABLE app.place (placement text[], here int, worker int, waits text);
INSERT INTO app.place VALUES
    ('{any}', 1, 1, ''), ('{local}', 1, 1, ''), ('{any,runtime:r1}', 1, 1, ''), ('{local,runtime:r1}', 1, 1, ''),
    ('{runtime:r1,any}', 1, 1, ''), ('{runtime:r1,standby,local}', 1, 1, ''), ('{role:engine,local}', 1, 1, ''),
    ('{runtime:r1}', 0, 0, 'placement'), ('{role:engine}', 0, 0, 'placement'), ('{standby}', 0, 0, 'placement'),
    ('{standby,role:engine,runtime:r1,runtime:r2}', 0, 0, 'placement');
CREATE FUNCTION app.tried(placement text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    run uuid;
    letter uuid;
    result text;
BEGIN
    PERFORM workflow.alter_queue('far', jsonb_build_object('placement', placement));
    run := workflow.run_job('note');
    letter := workflow.run_job('letter');
    result := concat_ws(' ', CASE waits_for WHEN 'placement' THEN 'placement' END, workflow.work_runs('far'), claimed('far', 'w1')) FROM workflow.get_run(run);
    PERFORM workflow.cancel_run(r.run) FROM workflow.runs r WHERE queue = 'far' AND state = 'waiting';
    RETURN result;
END $$;
SELECT workflow.cancel_run(run) FROM workflow.runs WHERE state = 'waiting' \g /dev/null
SELECT is(tried(placement), concat_ws(' ', NULLIF(waits, ''), here, worker), placement::text) FROM place;

-- it follows at once when it is changed
SELECT workflow.alter_queue('far', '{"placement": ["standby"]}') \g /dev/null
SELECT workflow.run_job('note', at => '2030-01-01 01:00+00') AS later \gset
SELECT is(waits(:'later'), 'waiting due', 'one that is not due waits for that');
CALL clock('2030-01-01 01:00+00');
SELECT is(waits(:'later'), 'waiting placement', 'and for a place then');
SELECT workflow.alter_queue('far', '{"placement": ["standby", "local"]}') \g /dev/null
SELECT is(workflow.work_runs(), 1, 'it is done when there is one');

-- limits of each of several that share the work
SELECT workflow.create_queue('each', max_parallel => 1, per => 'runtime') \g /dev/null
SELECT workflow.create_job('parcel', queue => 'each') \g /dev/null
SELECT workflow.create_job('box', 'SELECT 1', queue => 'each') \g /dev/null
SELECT count(workflow.run_job('parcel')) FROM generate_series(1, 6) \g /dev/null
SELECT is(claimed('each', 'w1') || ' ' || claimed('each', 'w2') || ' ' || claimed('each', 'w1'), '1 1 0', 'each worker has one');
SELECT workflow.run_job('box') AS box \gset
SELECT is(workflow.work_runs(), 1, 'and so has this server');
SELECT is((SELECT format('%s %s', running, waiting) FROM workflow.queues WHERE name = 'each'), '2 4', 'the others wait');
SELECT is(claimed('each', 'w3'), 1, 'one more who comes gets one');
SELECT workflow.alter_queue('each', '{"per": "cluster", "max_parallel": 4}') \g /dev/null
SELECT is(claimed('each', 'w4') || ' ' || claimed('each', 'w5'), '1 0', 'together they have as many as the queue has');
SELECT workflow.alter_queue('each', '{"per": "runtime", "max_parallel": 2}') \g /dev/null
SELECT is(claimed('each', 'w1') || ' ' || claimed('each', 'w6'), '1 1', 'and each its own again');

-- rates and gaps
SELECT workflow.create_queue('slow', rate => 1, rate_interval => '1 minute', per => 'runtime') \g /dev/null
SELECT workflow.create_job('drip', queue => 'slow') \g /dev/null
SELECT count(workflow.run_job('drip')) FROM generate_series(1, 4) \g /dev/null
SELECT is(claimed('slow', 'w1') || ' ' || claimed('slow', 'w1') || ' ' || claimed('slow', 'w2'), '1 0 1', 'each has the rate');

-- what a runtime calls
RESET ROLE;
GRANT workflow_runtime TO regress_app;
SET ROLE regress_app;
SELECT is(refused(format('SELECT FROM workflow.register_runtime(%s)', a)), r, a) FROM (VALUES
    ('''r1'', ''local''', '22023 invalid kind of runtime "local"'), ('''r1'', ''moon''', '22023 invalid kind of runtime "moon"'),
    ('''r1'', NULL', '22004 argument "kind" must not be null')) t(a, r);
SELECT is(refused(format('SELECT FROM workflow.claim_placed(%s)', a)), r, a) FROM (VALUES
    ('NULL, 1, 1', '22004 argument "id" must not be null'), ('''r1'', NULL, 1', '22004 argument "epoch" must not be null'),
    ('''r1'', 1, NULL', '22004 argument "n" must not be null'), ('''r1'', 1, 0', '22023 n must be between 1 and 10000, not 0'),
    ('''r1'', 1, 10001', '22023 n must be between 1 and 10000, not 10001'), ('''r1'', 1, 1', 'WF012 the epoch is not that of runtime "r1"'),
    ('''w1'', 1, 1', 'WF012 the epoch is not that of runtime "w1"')) t(a, r);
SELECT is(refused('CALL workflow.await_placed(''r1'', 1)'), '25001 workflow.await_placed() cannot run inside a transaction block or a function', 'waiting');

-- kinds; nobody else sees them before this commits
SELECT is((SELECT string_agg(format('%s %s', state, epoch IS NOT NULL), ' ') FROM
    (SELECT (workflow.register_runtime('r1', 'remote')).* UNION ALL SELECT (workflow.register_runtime('r2', 'standby', 'engine')).*) r),
    'alive t alive t', 'another server, and a standby');
SELECT is((SELECT string_agg(format('%s %s %s', id, kind, role), ', ' ORDER BY id) FROM workflow.runtimes WHERE id ~ '^r'),
    'r1 remote both, r2 standby engine', 'are shown as what they are');
SELECT is(waits(:'run'), 'aborted', 'views go on in a transaction that has changed runtimes');
\set end :srcdir '/end.psql'
\i :end
