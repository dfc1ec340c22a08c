\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Outside workers: claims, what they say of runs, and how they end them. Races are in
-- specs/, leases that end in t/workers.pl.

CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
-- Claims, and keeps what it got in app.mine; returns the keys, or else numbers of params.
CREATE TABLE app.mine (n int GENERATED ALWAYS AS IDENTITY, run uuid, fence bigint, job text, version int, params jsonb, key text,
                       partition text, attempt int, deadline timestamptz, lease_until timestamptz);
CREATE FUNCTION app.claimed(queue text, n int DEFAULT 1, jobs text[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    DELETE FROM app.mine;
    WITH c AS (INSERT INTO app.mine (run, fence, job, version, params, key, partition, attempt, deadline, lease_until)
               SELECT c.run, c.fence, c.job, c.version, c.params, c.key, c.partition, c.attempt, c.deadline, c.lease_until
               FROM workflow.claim(claimed.queue, 'w1', claimed.n, jobs => claimed.jobs) c RETURNING *)
    SELECT string_agg(COALESCE(c.key, c.params ->> 'n', c.job), ' ' ORDER BY c.n) INTO result FROM c;
    RETURN COALESCE(result, '');
END $$;
RESET ROLE;
CREATE VIEW app.run AS SELECT * FROM workflow.run;
CREATE VIEW app.run_history AS SELECT * FROM workflow.run_history;
CREATE VIEW app.checkpoint AS SELECT * FROM workflow.checkpoint;
GRANT SELECT ON app.run, app.run_history, app.checkpoint TO PUBLIC;
SET ROLE regress_app;

SELECT workflow.create_queue('mail') \g /dev/null
SELECT workflow.create_job('letter', queue => 'mail', timeout => '1 hour') \g /dev/null
SELECT workflow.create_job('parcel', queue => 'mail', retry => '[{"errors": ["busy"], "intervalSeconds": 10, "maxAttempts": 2}]') \g /dev/null

-- claim
SELECT is(claimed('mail'), '', 'nothing is there');
SELECT workflow.run_job('letter', '{"n": 1}', key => 'one', partition => 'p', actor => 'boss') AS one \gset
SELECT workflow.run_job('letter', '{"n": 2}', at => '2030-01-01 00:10+00') AS later \gset
SELECT is(claimed('mail', 5), 'one', 'what is due is claimed');
SELECT is((SELECT (m.job, m.version, m.params, m.key, m.partition, m.attempt, m.deadline, m.lease_until)::text FROM app.mine m),
          '(letter,1,"{""n"": 1}",one,p,1,"2030-01-01 01:00:00+00","2030-01-01 00:01:00+00")', 'and told');
SELECT ok((SELECT fence BETWEEN 1 AND 9007199254740991 FROM app.mine), 'with a fence that a double holds');
SELECT is((SELECT format('%s %s %s %s', workflow.run_state(state), ready, worker, claimer::regrole) FROM app.run WHERE id = :'one'), 'running f w1 regress_app',
          'the run has a claimer');
SELECT is(claimed('mail', 5), '', 'nobody else gets it');
SELECT is((SELECT format('%s %s', running, waiting) FROM workflow.queues), '1 1', 'it shows in the queue');
SELECT is(refused(format('SELECT FROM workflow.claim(%s)', a)), r, a) FROM (VALUES
    ('NULL, ''w''', '22004 argument "queue" must not be null'), ('''mail'', NULL', '22004 argument "worker" must not be null'),
    ('''mail'', ''''', '22023 worker must not be empty'), ('''no'', ''w''', 'WF010 queue "no" does not exist'),
    ('''mail'', ''w'', 0', '22023 n must be between 1 and 10000, not 0'), ('''mail'', ''w'', NULL', '22004 argument "n" must not be null'),
    ('''mail'', ''w'', lease => ''0''', '22023 lease must be positive'), ('''mail'', ''w'', lease => ''-1 s''', '22023 lease must be positive'),
    ('''mail'', ''w'', jobs => ''{}''', '22023 jobs must not be empty'), ('''mail'', ''w'', jobs => ''{no}''', 'WF010 job "no" does not exist'),
    ('''mail'', ''w'', jobs => ''{letter:}''', '22023 "letter:" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{letter:0}''', '22023 "letter:0" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{letter:-}''', '22023 "letter:-" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{letter:3-2}''', '22023 "letter:3-2" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{letter:1x}''', '22023 "letter:1x" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{letter:99999999999}''', '22023 "letter:99999999999" names no versions of a job'),
    ('''mail'', ''w'', jobs => ''{no:1}''', 'WF010 job "no" does not exist')) t(a, r);

-- complete
CALL clock('2030-01-01 00:10+00');
SELECT run AS run, fence AS fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'later'::uuid, 'one that is due later is claimed later');
SELECT is(workflow.complete(:'run', :fence + 1), false, 'a wrong fence ends nothing');
SELECT is(workflow.complete('00000000-0000-0000-0000-000000000000', 1), false, 'nor does one of no run');
SELECT is(workflow.complete(:'run', :fence, '{"ok": true}'), true, 'the right one does');
SELECT is((SELECT format('%s %s %s %s', workflow.run_state(state), result, worker, ended_at) FROM app.run_history WHERE run = :'run'),
          'finished {"ok": true} w1 2030-01-01 00:10:00+00', 'the run is finished');
SELECT is(workflow.complete(:'run', :fence), false, 'once');
SELECT is(workflow.complete(:'one', (SELECT fence FROM app.run WHERE id = :'one')), true, 'a lease that is over does not matter, if nobody took the run away');

-- levels, partitions, jobs
SELECT workflow.run_job('letter', jsonb_build_object('n', p || i), partition => p) FROM unnest('{a,b,c}'::text[]) p, generate_series(1, 5) i \g /dev/null
SELECT workflow.run_job('letter', '{"n": "urgent"}', priority => 2) \g /dev/null
SELECT workflow.run_job('letter', '{"n": "idle"}', priority => -1) \g /dev/null
SELECT workflow.run_job('parcel', '{"n": "parcel"}') \g /dev/null
SELECT is(claimed('mail', jobs => '{parcel}'), 'parcel', 'runs of some jobs are claimed');
SELECT is(claimed('mail'), 'urgent', 'the most urgent one comes first');
SELECT is((SELECT array_agg(DISTINCT left(w, 1) ORDER BY left(w, 1)) FROM string_to_table(claimed('mail', 3), ' ') w), '{a,b,c}', 'partitions have their share');
SELECT is((SELECT array_agg(DISTINCT left(claimed('mail'), 1)) FROM generate_series(1, 3)), '{a,b,c}', 'and turns');
SELECT is((SELECT count(*) FROM string_to_table(claimed('mail', 100), ' ')), 10::bigint, 'all the rest is claimed at once');
SELECT is((SELECT array_agg(run ORDER BY run) FROM app.mine WHERE run IN (SELECT workflow.complete_many(array_agg(run ORDER BY n DESC), array_agg(fence ORDER BY n DESC)) FROM app.mine)),
          (SELECT array_agg(run ORDER BY run) FROM app.mine), 'and completed');
SELECT is_empty(format('SELECT workflow.complete_many(ARRAY[%L::uuid], ARRAY[%s])', :'run', :fence), 'what is over is not taken');
SELECT is(refused($$ SELECT workflow.complete_many('{00000000-0000-0000-0000-000000000000}', '{}') $$), '2202E fences has 0 elements, and runs has 1', 'each has a fence');
SELECT is(refused($$ SELECT workflow.complete_many('{00000000-0000-0000-0000-000000000000}', '{NULL}') $$), '22004 element 1 of "fences" is null', 'each');

-- versions: a worker takes what its build can do
SAVEPOINT versions;
SELECT workflow.run_job('letter', '{"n": "v1a"}'), workflow.run_job('letter', '{"n": "v1b"}') \g /dev/null
SELECT workflow.create_job('letter', queue => 'mail', timeout => '2 hours') AS version \gset
SELECT workflow.run_job('letter', '{"n": "v2a"}'), workflow.run_job('letter', '{"n": "v2b"}'), workflow.run_job('parcel', '{"n": "p"}') \g /dev/null
SELECT is(:version, 2, 'there is a new version');
SELECT is(claimed('mail', 1, '{letter:2}'), 'v2a', 'one version, though others stand before it');
SELECT is(claimed('mail', 9, '{letter:3-}'), '', 'none of those to come');
SELECT is(claimed('mail', 9, '{letter:-1}'), 'v1a v1b', 'none of the newer ones');
SELECT is(claimed('mail', 9, '{letter:-1,letter:3-9}'), '', 'of neither range');
SELECT is(claimed('mail', 9, '{parcel:1-4,letter:1-2}'), 'v2b p', 'or of several jobs');
SELECT workflow.create_queue('lines', ordered => true) \g /dev/null
SELECT workflow.create_job('line', queue => 'lines') \g /dev/null
SELECT workflow.run_job('line', '{"n": "one"}') \g /dev/null
SELECT workflow.create_job('line', queue => 'lines', timeout => '2 hours') \g /dev/null
SELECT workflow.run_job('line', '{"n": "two"}') \g /dev/null
SELECT is(claimed('lines', 9, '{line:2}'), '', 'in an ordered queue one waits for the other, whoever can do it');
SELECT is(claimed('lines', 9, '{line:1}'), 'one', 'whose turn it is');
ROLLBACK TO versions;

-- ageing
SELECT workflow.run_job('letter', '{"n": "patient"}', priority => -2) \g /dev/null
CALL clock('2030-01-01 00:13:01+00');
SELECT workflow.run_job('letter', '{"n": "young"}', partition => 'q') \g /dev/null
SELECT is(claimed('mail'), 'patient', 'who waits gains priority');
SELECT is(claimed('mail'), 'young', 'and comes before others');

-- fail
SELECT workflow.run_job('parcel', '{"n": 1}') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy", "message": "later"}'), 'waiting', 'an attempt fails');
SELECT is((SELECT format('%s %s %s %s', attempts, due, error - 'at', fence) FROM app.run WHERE id = :'p'), '1 2030-01-01 00:13:11+00 {"code": "busy", "message": "later"} ',
          'and comes again, as the job says');
SELECT is(workflow.fail(:'run', :fence, '{}'), 'lost', 'who failed has it no more');
CALL clock('2030-01-01 00:14+00');
SELECT run, fence, attempt FROM workflow.claim('mail', 'w1') \gset
SELECT is(:attempt, 2, 'it is the second attempt');
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy"}', '2030-01-01 01:00+00'), 'waiting', 'it fails again');
SELECT is((SELECT due FROM app.run WHERE id = :'p'), '2030-01-01 01:00+00', 'and comes again when the worker says');
CALL clock('2030-01-01 01:00+00');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.fail(:'run', :fence, '{"code": "other"}'), 'failed', 'an error that the job does not name is the last');
SELECT is((SELECT format('%s %s %s', workflow.run_state(state), attempts, error ->> 'code') FROM app.run_history WHERE run = :'p'), 'failed 3 other', 'the run has failed');
SELECT workflow.run_job('parcel') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy"}', final => true), 'failed', 'or the worker says so');
SELECT is(refused(format('SELECT workflow.fail(%L, 1, %s)', :'run', e)), r, e) FROM (VALUES
    ('NULL', '22004 argument "error" must not be null'), ('''"oops"''', '22023 an error must be a JSON object'),
    ('''{}'', ''infinity''', '22008 retry_at must be finite')) t(e, r);
SELECT is(refused('SELECT workflow.complete(NULL, NULL)'), '22004 arguments "run" and "fence" must not be null', 'a run has to be named');
SELECT is(refused(format('SELECT workflow.complete(%L, NULL)', :'run')), '22004 argument "fence" must not be null', 'and its fence');

-- release, extend, cancel
SELECT workflow.run_job('parcel') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.release(:'run', :fence), true, 'a run is given back');
SELECT is((SELECT format('%s %s %s', attempts, due, worker) FROM app.run WHERE id = :'p'), '0 2030-01-01 01:00:00+00 ', 'no attempt is counted');
SELECT is(workflow.release(:'run', :fence), false, 'it is not the worker''s any more');
SELECT is(workflow.extend(:'run', :fence), 'lost', 'nor can that extend it');
SELECT run, fence FROM workflow.claim('mail', 'w1', lease => '10 minutes') \gset
SELECT is(workflow.extend(:'run', :fence, '1 hour'), 'go on', 'a lease is extended');
SELECT is((SELECT format('%s %s', lease, lease_until) FROM app.run WHERE id = :'p'), '01:00:00 2030-01-01 02:00:00+00', 'from now on');
SELECT is(workflow.cancel_run(:'p'), 'aborting', 'the run is cancelled');
SELECT is(workflow.extend(:'run', :fence), 'cancel', 'which the worker hears');
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy"}'), 'aborted', 'and stops');
SELECT is((SELECT workflow.run_state(state) FROM app.run_history WHERE run = :'p'), 'aborted', 'nothing comes again');
SELECT workflow.run_job('parcel') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.release(:'run', :fence, '2030-01-01 03:00+00'), true, 'a run is given back for later');
SELECT is((SELECT due FROM app.run WHERE id = :'p'), '2030-01-01 03:00+00', 'it is due then');
SELECT is(workflow.cancel_run(:'p'), 'aborted', 'a waiting one is cancelled at once');

-- progress and checkpoints
SELECT workflow.run_job('letter') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT lives_ok(format('SELECT workflow.report_progress(3, 10, ''third'', %L, %s)', :'run', :fence), 'a worker tells how far it is');
SELECT is((SELECT progress FROM app.run WHERE id = :'p'), '{"at": "2030-01-01T01:00:00+00:00", "done": 3, "note": "third", "total": 10}', 'which is kept');
SELECT is(refused(format('SELECT workflow.report_progress(3, run => %L, fence => 1)', :'run')), format('WF012 the fence is not that of run %s', :'run'), 'others do not');
SELECT is(workflow.checkpoint('half', :'run', :fence), NULL, 'nothing was saved');
SELECT lives_ok(format('SELECT workflow.save_checkpoint(''half'', ''{"at": 5}'', %L, %s)', :'run', :fence), 'a value is');
SELECT lives_ok(format('SELECT workflow.save_checkpoint(''half'', ''{"at": 6}'', %L, %s)', :'run', :fence), 'or another one');
SELECT is(workflow.checkpoint('half', :'run', :fence), '{"at": 6}', 'the last one counts');
SELECT is((error(format('SELECT workflow.save_checkpoint(''x'', ''1'', %L, 1)', :'run')))[1], 'WF012', 'others save nothing');
SELECT is(workflow.release(:'run', :fence), true, 'the run is given back');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(workflow.checkpoint('half', :'run', :fence), '{"at": 6}', 'the next worker finds it');
SELECT is(workflow.complete(:'run', :fence), true, 'and finishes');
SELECT is_empty('SELECT FROM app.checkpoint', 'then it is gone');

-- park and signal
SELECT workflow.run_job('letter') AS p \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(refused(format('SELECT workflow.park(run => %L, fence => %s)', :'run', :fence)), '22023 a run is parked until a time, for an event or for runs', 'for nothing it is not parked');
SELECT lives_ok(format('SELECT workflow.park(until => ''2030-01-01 02:00+00'', run => %L, fence => %s)', :'run', :fence), 'a run is parked until a time');
SELECT is(claimed('mail'), '', 'nobody gets it');
CALL clock('2030-01-01 02:00+00');
SELECT run, fence, attempt FROM workflow.claim('mail', 'w1') \gset
SELECT is(:attempt, 1, 'until then; no attempt is counted');
SELECT lives_ok(format('SELECT workflow.park(event => ''approved'', run => %L, fence => %s)', :'run', :fence), 'or for an event');
SELECT is((SELECT format('%s %s %s', ready, parked, fence) FROM app.run WHERE id = :'p'), 'f approved ', 'it holds nothing');
SELECT is((SELECT waiting FROM workflow.queues), 1::bigint, 'and waits');
SELECT is(workflow.signal(:'p', 'other'), true, 'another event');
SELECT is(claimed('mail'), '', 'does not matter');
SELECT is(workflow.signal(:'p', 'approved', '{"by": "boss"}'), true, 'it is told the event');
SELECT is(workflow.signal(:'p', 'approved', '{"by": "me"}'), false, 'once');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'p'::uuid, 'it goes on');
SELECT is(workflow.checkpoint('approved', :'run', :fence), '{"by": "boss"}', 'with what it was told');
SELECT is(workflow.checkpoint('other', :'run', :fence), 'null', 'null, too');
SELECT is(jsonb_build_array(workflow.checkpoint('other', :'run', :fence), workflow.checkpoint('approved', :'run', :fence)),
    '[null, {"by": "boss"}]', 'both in one statement');
SELECT lives_ok(format('SELECT workflow.park(event => ''approved'', run => %L, fence => %s)', :'run', :fence), 'who parks for what it was told');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'p'::uuid, 'goes on at once');
SELECT is(workflow.complete(:'run', :fence), true, 'to its end');
SELECT is(workflow.signal(:'p', 'late'), false, 'after which it is told nothing');
SELECT is((error($$ SELECT workflow.signal('00000000-0000-0000-0000-000000000000', 'x') $$))[1], 'WF010', 'there is no such run');

-- limits
SELECT workflow.create_queue('narrow', max_parallel => 2) \g /dev/null
SELECT workflow.create_job('slow', queue => 'narrow') \g /dev/null
SELECT count(workflow.run_job('slow', jsonb_build_object('n', i))) FROM generate_series(1, 5) i \g /dev/null
SELECT is((SELECT count(*) FROM string_to_table(claimed('narrow', 5), ' ')), 2::bigint, 'no more are claimed than may run');
SELECT is(claimed('narrow', 5), '', 'nor another time');
SELECT workflow.pause_queue('mail') \g /dev/null
SELECT workflow.run_job('letter') AS p \gset
SELECT is(claimed('mail'), '', 'nothing of a queue that is paused');
SELECT workflow.resume_queue('mail') \g /dev/null
SELECT isnt(claimed('mail'), '', 'until it goes on');
SELECT workflow.create_job('short', start_within => '1 minute') \g /dev/null
SELECT workflow.run_job('short') AS p \gset
CALL clock('2030-01-01 02:02+00');
SELECT is(claimed('job:short'), '', 'what was to start before is not started');
SELECT is((SELECT workflow.run_state(state) FROM app.run_history WHERE run = :'p'), 'expired', 'but expired');
SELECT workflow.run_job('short') AS p \gset
SELECT run, fence FROM workflow.claim('job:short', 'w1') \gset
CALL clock('2030-01-01 02:05+00');
SELECT is(workflow.fail(:'run', :fence, '{"code": "X"}'), 'waiting', 'what has begun in time');
CALL clock('2030-01-01 02:15+00');
SELECT isnt(claimed('job:short'), '', 'is done once more, however late');
SELECT workflow.run_job('short', key => 'k', debounce => '50 s') AS p \gset
CALL clock('2030-01-01 02:15:40+00');
SELECT is(workflow.run_job('short', key => 'k', debounce => '50 s'), :'p'::uuid, 'what is put off');
CALL clock('2030-01-01 02:17:20+00');
SELECT isnt(claimed('job:short'), '', 'has its time from then on');
SELECT workflow.run_job('short', at => '2030-01-01 02:18+00') AS p \gset
SELECT is(workflow.alter_runs('{"job": "short"}', '{"due": "2030-01-01 02:30+00"}'), 1::bigint, 'as has what is altered');
CALL clock('2030-01-01 02:30:30+00');
SELECT isnt(claimed('job:short'), '', 'until it begins');

-- timeouts
SELECT workflow.create_queue('brief'), workflow.create_job('brief', queue => 'brief', timeout => '1 minute') \g /dev/null
SELECT workflow.run_job('brief') AS p \gset
SELECT run, fence, lease_until, deadline FROM workflow.claim('brief', 'w1', lease => '1 hour') \gset
SELECT is(:'lease_until'::timestamptz, '2030-01-01 02:31:30+00', 'a lease ends with the timeout');
SELECT is(:'deadline'::timestamptz, :'lease_until', 'which the worker is told');
CALL clock('2030-01-01 02:31:00+00');
SELECT is(workflow.extend(:'run', :fence, '1 hour'), 'go on', 'before that the worker goes on');
SELECT is((SELECT lease_until FROM workflow.runs WHERE run = :'p'), :'lease_until', 'until then');
CALL clock('2030-01-01 02:31:30+00');
SELECT is(workflow.extend(:'run', :fence, '1 hour'), 'cancel', 'when it is over it is to stop');
SELECT is(workflow.complete(:'run', :fence), true, 'unless it is done, and nobody has taken the run');
SELECT workflow.run_job('brief') AS p \gset
SELECT run, fence FROM workflow.claim('brief', 'w1') \gset
SELECT is((error(format('SELECT workflow.complete(%L, %s, to_jsonb(repeat(''x'', 50000000)))', :'run', :fence)))[1:2],
    ARRAY['WF013', 'the result of job "brief" is too large'], 'a result has its limits');
SELECT is(workflow.complete(:'run', :fence, '1'), true, 'a smaller one is taken');
CALL clock('2030-01-01 02:02+00');

-- rights
SELECT workflow.run_job('letter', '{"n": "secret"}') AS p \gset
SET ROLE regress_clerk;
SELECT is(refused($$ SELECT FROM workflow.claim('mail', 'w2') $$), 'WF002 role "regress_clerk" may not claim from queue "mail"', 'not everybody claims');
SET ROLE regress_app;
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT workflow.grant_on('queue:mail', 'regress_clerk', 'claim') \g /dev/null
SET ROLE regress_clerk;
SELECT is(refused(format(c, :'run', :fence)), format('WF002 run %s was claimed by another role', :'run'), c) FROM unnest(ARRAY[
    'SELECT workflow.complete(%L, %s)', 'SELECT workflow.fail(%L, %s, ''{}'')', 'SELECT workflow.release(%L, %s)', 'SELECT workflow.extend(%L, %s)',
    'SELECT workflow.report_progress(1, run => %L, fence => %s)', 'SELECT workflow.checkpoint(''x'', %L, %s)',
    'SELECT workflow.save_checkpoint(''x'', ''1'', %L, %s)', 'SELECT workflow.park(''2031-01-01'', run => %L, fence => %s)']) c;
SELECT is((error(format('SELECT workflow.signal(%L, ''x'')', :'run')))[1], 'WF002', 'nor are others told');
SET ROLE regress_app;
SELECT is(workflow.release(:'run', :fence), true, 'the run is given back');
SET ROLE regress_clerk;
SELECT run, fence FROM workflow.claim('mail', 'w2', actor => 'boss') \gset
SELECT is(:'run'::uuid, :'p'::uuid, 'who was granted it claims');
SET ROLE regress_app;
SELECT workflow.revoke_on('queue:mail', 'regress_clerk', 'claim') \g /dev/null
SET ROLE regress_clerk;
SELECT is((error(format('SELECT workflow.complete(%L, %s)', :'run', :fence)))[1], 'WF002', 'and may end it as long as that lasts');
RESET ROLE;
SELECT is(workflow.complete(:'run', :fence), true, 'an administrator may');
SELECT is((SELECT format('%s %s', worker, actor) FROM app.run_history WHERE run = :'run'), 'w2 boss', 'the worker''s actor is kept');

-- who is a worker and nothing else
CREATE ROLE regress_hand LOGIN IN ROLE workflow_worker;
SET ROLE regress_app;
SELECT workflow.run_job('letter', key => 'by hand') AS p \gset
SET ROLE regress_hand;
SELECT is(refused($$ SELECT FROM workflow.claim('mail', 'hand') $$), 'WF002 role "regress_hand" may not claim from queue "mail"', 'workflow_worker alone claims nothing');
SET ROLE regress_app;
SELECT workflow.grant_on('queue:mail', 'regress_hand', 'claim', 'read') \g /dev/null
SET ROLE regress_hand;
SELECT run, fence, key FROM workflow.claim('mail', 'hand') \gset
SELECT is(:'key'::text, 'by hand', 'but from a queue that was granted to it');
SELECT is(workflow.extend(:'run', :fence), 'go on', 'keeps the run');
SELECT workflow.save_checkpoint('page', '1', :'run', :fence) \g /dev/null
SELECT is(workflow.checkpoint('page', :'run', :fence), '1', 'what it needs');
SELECT workflow.report_progress(1, 2, run => :'run', fence => :fence), workflow.write_log('info', 'half', run => :'run', fence => :fence) \g /dev/null
SELECT is((SELECT string_agg(name, ' ') FROM workflow.queues WHERE running > 0), 'mail', 'sees how full the queue is');
SELECT is(refused($$ SELECT workflow.run_job('letter') $$), 'WF002 permission denied to run job "letter"', 'makes the runs that it may make');
SELECT is(workflow.complete(:'run', :fence, '{"pages": 2}'), true, 'and ends the run');
SELECT is((error(c))[1], '42501', c) FROM unnest(ARRAY[
    $$ SELECT workflow.create_job('x', 'SELECT 1') $$, $$ SELECT workflow.create_queue('x') $$, $$ SELECT workflow.start('x') $$,
    $$ SELECT workflow.define('{}') $$, $$ SELECT FROM workflow.processes $$]) c;
RESET ROLE;

-- what is seen of runs
SET ROLE regress_app;
SELECT workflow.create_queue('desk') \g /dev/null
SELECT workflow.create_job('form', queue => 'desk', retry => '{"errors": "busy", "maxAttempts": 1}') \g /dev/null
SELECT workflow.run_job('form', '{"n": 1}', key => 'k', partition => 'p', priority => 1) AS one \gset
SELECT workflow.run_job('form', '{"n": 2}', partition => 'p', priority => 1) AS two \gset
SELECT workflow.run_job('form', at => '2031-01-01') AS later \gset
CREATE FUNCTION app.looks(run uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', g.state, g.waits_for, g.attempt) FROM workflow.get_run(looks.run) g $$;
SELECT is((SELECT g::text FROM workflow.get_run(:'one') g), format('(%s,form,1,desk,p,k,waiting,worker,0,"2030-01-01 02:02:00+00",,,,,,,)', :'one'), 'a run that waits');
SELECT is(looks(:'two'), 'waiting turn 0', 'one behind it');
SELECT is(looks(:'later'), 'waiting due 0', 'one that is due later');
SELECT workflow.pause_queue('desk') \g /dev/null
SELECT is(looks(:'one'), 'waiting paused 0', 'one whose queue is paused');
SELECT workflow.resume_queue('desk') \g /dev/null
SELECT run, fence FROM workflow.claim('desk', 'w1') \gset
SELECT is(looks(:'one'), 'running 1', 'one that runs');
SELECT is((SELECT array_agg(DISTINCT waits_for) FROM workflow.runs WHERE queue = 'narrow' AND state = 'waiting'), '{slot,turn}', 'others wait for a slot, or for their turn');
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy", "message": "no", "detail": "secret"}'), 'waiting', 'it fails');
SELECT is(looks(:'one'), 'waiting retry 1', 'and waits for its next attempt');
SELECT is(workflow.retry_run(:'one'), true, 'which it gets at once');
SELECT is(looks(:'one'), 'waiting worker 1', 'if somebody wants it');
SELECT is(workflow.retry_run(:'one'), false, 'once');
SELECT run, fence FROM workflow.claim('desk', 'w1') \gset
SELECT workflow.save_checkpoint('x', '1', :'run', :fence) \g /dev/null
SELECT is(workflow.fail(:'run', :fence, '{"code": "busy", "message": "no", "detail": "secret"}'), 'failed', 'it fails for good');
SELECT is((SELECT g::text FROM workflow.get_run(:'one') g),
          format('(%s,form,1,desk,p,k,failed,,2,"2030-01-01 02:02:00+00","2030-01-01 02:02:00+00","2030-01-01 02:02:00+00",,"{""at"": ""2030-01-01T02:02:00+00:00"", ""code"": ""busy"", ""detail"": ""secret"", ""message"": ""no""}",,w1,)', :'one'),
          'which is remembered');
SELECT is((SELECT array_agg(concat_ws(' ', state, waits_for, params ->> 'n', priority, started_by) ORDER BY params ->> 'n') FROM workflow.runs WHERE queue = 'desk'),
          ARRAY['failed 1 1 regress_app', 'waiting worker 2 1 regress_app', 'waiting due 0 regress_app'], 'all of them are in a view');
SELECT is(workflow.retry_run(:'one'), true, 'one that has failed is done once more');
SELECT is(looks(:'one'), 'waiting turn 0', 'with all attempts');
SELECT is(workflow.run_job('form', key => 'k'), :'one'::uuid, 'under its key');
SELECT run, fence FROM workflow.claim('desk', 'w1') \gset
SELECT is(workflow.complete(:'run', :fence), true, 'the other one is finished');
SELECT is(workflow.retry_run(:'two'), false, 'and not done again');
SELECT run, fence FROM workflow.claim('desk', 'w1') \gset
SELECT is(workflow.checkpoint('x', :'run', :fence), '1', 'what it has saved is there');
SELECT is(workflow.fail(:'run', :fence, '{}', final => true), 'failed', 'it fails again');
SELECT is(workflow.redrive(job => 'letter'), 0::bigint, 'of another job nothing has failed');
SELECT is(workflow.redrive(since => '2031-01-01'), 0::bigint, 'nor since a time');
SELECT is(workflow.redrive('form', 'desk', '2030-01-01', 5), 1::bigint, 'all that has failed is done once more');
SELECT is(looks(:'one'), 'waiting worker 0', 'so it waits');
SELECT is(refused('SELECT workflow.redrive("limit" => 0)'), '22023 limit must be at least 1, not 0', 'or nothing');
SELECT is((error($$ SELECT workflow.get_run('00000000-0000-0000-0000-000000000000') $$))[1], 'WF010', 'no run has this id');
SELECT is((error($$ SELECT workflow.retry_run('00000000-0000-0000-0000-000000000000') $$))[1], 'WF010', 'nor is it done again');
SET ROLE regress_clerk;
SELECT is((error(format('SELECT workflow.get_run(%L)', :'one')))[1], 'WF002', 'who may not read the job does not see its runs');
SELECT is((error(format('SELECT workflow.retry_run(%L)', :'one')))[1], 'WF002', 'nor do them once more');
SELECT is_empty($$ SELECT FROM workflow.runs WHERE job = 'form' $$, 'not in the view either');
SELECT is(workflow.redrive('form'), 0::bigint, 'nothing is theirs');
SET ROLE regress_app;
SELECT workflow.grant_on('job:form', 'regress_clerk', 'run') \g /dev/null
SET ROLE regress_clerk;
SELECT workflow.run_job('form', '{"n": 3}', priority => 2) AS mine \gset
SET ROLE regress_app;
SELECT run, fence FROM workflow.claim('desk', 'w1') \gset
SELECT is(workflow.fail(:'run', :fence, '{"message": "no", "detail": "secret"}', final => true), 'failed', 'who has made a run');
SET ROLE regress_clerk;
SELECT is((SELECT error - 'at' FROM workflow.get_run(:'mine')), '{"message": "no"}', 'is told what, but not where');
SELECT is((SELECT error - 'at' FROM workflow.runs WHERE run = :'mine'), '{"message": "no"}', 'in the view, too');
SELECT is(workflow.retry_run(:'mine'), true, 'and does it once more');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
