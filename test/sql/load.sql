\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What the runtime does when a minute is over is done by work_load() here; t/load.pl has the
-- runtime.

CREATE FUNCTION app.spoil(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$;
SELECT FROM workflow.define('{"id": "order", "initial": "open", "states": {
    "open": {"on": {"pay": "paid", "spoil": {"target": "paid", "actions": "app.spoil"}}, "after": {"1 hour": "late"}}, "late": {"on": {"pay": "paid"}}, "paid": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "rest", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}');
CREATE FUNCTION app.twice(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb((params->>'n')::int * 2) $$;
SELECT FROM workflow.create_job('twice', 'app.twice', parameters => '{"n": "int"}');
SELECT FROM workflow.create_queue('line');
SELECT FROM workflow.create_job('outside', queue => 'line', retry => '{"errors": "*", "maxAttempts": 1}');
SELECT FROM workflow.grant_on('queue:line', 'regress_app', 'claim');

-- What load() says of an hour, in one line a row: what there is of it.
CREATE FUNCTION app.load(from_at text, bucket interval DEFAULT '1 hour', by text[] DEFAULT '{}', origin timestamptz DEFAULT NULL, len interval DEFAULT '1 hour') RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(concat_ws(' ', to_char(l.at, 'DD HH24:MI'), l.kind, l.runtime, l.queue, l.job, l.definition, l.tenant,
                                        l.started || '/' || l.finished || '/' || l.failed || '/' || l.ended, 'steps ' || nullif(l.steps, 0),
                                        'in flight ' || l.in_flight || ', waiting ' || l.waiting) ORDER BY n), '{}')
    FROM workflow.load(('2030-01-' || from_at)::timestamptz, ('2030-01-' || from_at)::timestamptz + len, bucket, by, origin) WITH ORDINALITY l(
        at, kind, runtime, queue, job, definition, tenant, started, finished, failed, ended, steps, in_flight, waiting, lag, p50, p95, p99, busy, n) $$;

-- arguments
SELECT is((error(format('SELECT FROM workflow.load(%s)', arguments)))[1:2], wanted, wanted[2]) FROM (VALUES
    ($$NULL, now()$$, ARRAY['22004', 'argument "from_at" must not be null']),
    ($$now(), NULL$$, ARRAY['22004', 'argument "to_at" must not be null']),
    ($$now(), now(), NULL$$, ARRAY['22004', 'argument "bucket" must not be null']),
    ($$now(), now(), by => NULL$$, ARRAY['22004', 'argument "by" must not be null']),
    ($$'-infinity', now()$$, ARRAY['22023', 'from_at must not be infinite']),
    ($$now(), 'infinity'$$, ARRAY['22023', 'to_at must not be infinite']),
    ($$now(), now(), origin => 'infinity'$$, ARRAY['22023', 'origin must not be infinite']),
    ($$now(), now(), '59 seconds'$$, ARRAY['22023', 'a bucket is a minute or longer, up to a thousand years']),
    ($$now(), now(), '1 month -1 day'$$, ARRAY['22023', 'a bucket is a minute or longer, up to a thousand years']),
    ($$now(), now(), '178000000 years'$$, ARRAY['22023', 'a bucket is a minute or longer, up to a thousand years']),
    ($$now(), now(), by => '{colour}'$$, ARRAY['22023', 'load is not known by "colour"']),
    ($$now(), now(), by => '{NULL}'$$, ARRAY['22023', 'by must not contain null']),
    ($$now(), now() + interval '100001 minutes'$$, ARRAY['22023', 'there would be more than 100000 buckets'])) c(arguments, wanted);
SELECT is(load('01 10:00'), '{}', 'where nothing was done there is nothing');
SELECT is_empty($$SELECT * FROM workflow.load('2030-01-02', '2030-01-01')$$, 'nor from later to earlier');

-- buckets
CREATE FUNCTION app.buckets(from_at timestamptz, to_at timestamptz, bucket interval, origin timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(to_char(b.at, 'MM-DD HH24:MI'), ', ' ORDER BY b.at) FROM workflow.load_buckets(from_at, to_at, bucket, '{}', origin) b $$;
SELECT is(buckets('2030-01-01 10:07', '2030-01-01 10:31', '10 minutes'), '01-01 10:00, 01-01 10:10, 01-01 10:20, 01-01 10:30', 'minutes');
SELECT is(buckets('2030-01-01 10:07', '2030-01-15', '7 days'), '12-31 00:00, 01-07 00:00, 01-14 00:00', 'weeks begin on Mondays');
SELECT is(buckets('2030-01-31 10:07', '2030-03-02', '1 month'), '01-01 00:00, 02-01 00:00, 03-01 00:00', 'months with their first day');
SELECT is(buckets('2030-01-01 22:00', '2030-01-02 23:30', '1 day', '2000-01-01 23:00'), '12-31 23:00, 01-01 23:00, 01-02 23:00', 'a day line');
SELECT is(buckets('2030-01-30 00:00', '2030-05-01', '1 month', '2030-01-31'), '12-31 00:00, 01-31 00:00, 02-28 00:00, 03-31 00:00, 04-30 00:00', 'months from the 31st on');
SET LOCAL timezone TO 'Europe/Vienna';
SELECT is(buckets('2030-03-30 00:00', '2030-04-02', '1 day'), '03-30 00:00, 03-31 00:00, 04-01 00:00', 'days with 23 hours');
SELECT is((SELECT extract(epoch FROM until - at) / 3600 FROM workflow.load_buckets('2030-03-31 12:00', '2030-03-31 13:00', '1 day', '{}', NULL)), 23::numeric, 'are so long');
SET LOCAL timezone TO 'UTC';
SELECT is(buckets('1950-06-15 00:00', '1950-08-01', '1 month'), '06-01 00:00, 07-01 00:00', 'before the origin');
SELECT is((error($$SELECT buckets('294276-12-31', '294276-12-31 23:00', '1 month')$$))[1], '22008', 'to the end of time');

-- histograms
SELECT is(workflow.load_add('{1,2,5,1}', '{1,1,3,4}'), '{1,3,3,4,5,1}', 'histograms are added');
SELECT is(workflow.load_add(NULL, '{1,1}'), '{1,1}', 'to nothing');
SELECT is(workflow.load_add(NULL, NULL), NULL, 'nothing');
SELECT is((SELECT array_agg((error(format('SELECT workflow.load_add(%L, ''{}'')', a)))[1:2]) FROM unnest(ARRAY['{1}', '{1,NULL}', '{{1,2},{3,4}}', '{-1,1}', '{1000000,1}', '{1,-1}']) a),
    ARRAY[['22023', 'a histogram consists of buckets, each with its count'], ['22023', 'a histogram consists of buckets, each with its count'],
          ['22023', 'a histogram consists of buckets, each with its count'], ['22023', 'a histogram has no bucket -1 with a count of 1'],
          ['22023', 'a histogram has no bucket 1000000 with a count of 1'], ['22023', 'a histogram has no bucket 1 with a count of -1']], 'what is none is refused');
SELECT is(workflow.load_quantile('{7,1}', 0.5), interval '7 us', 'a part of one');
SELECT is(workflow.load_quantile('{3,50,4,45,5,4,6,1}', q), wanted * interval '1 us', format('%s of a hundred', q)) FROM (VALUES (0, 3), (0.5, 3), (0.51, 4), (0.95, 4), (0.96, 5), (1, 6)) q(q, wanted);
SELECT is(workflow.load_quantile('{}', 0.5), NULL, 'of nothing');
SELECT is((error($$SELECT workflow.load_quantile('{1,1}', 'nan')$$))[1], '22023', 'a part that is none');
SELECT is(workflow.load_add('{1,9223372036854775807}', '{1,1}'), '{1,9223372036854775807}', 'a count ends where bigint does');
SELECT is(workflow.load_quantile('{487,1}', 1) > interval '292000 years' * 0.9, true, 'the longest of all');

-- processes
CALL clock('2030-01-01 10:00:30+00');
SELECT workflow.start('order') AS one \gset
SELECT workflow.start('order') AS two \gset
SELECT workflow.start('order', at => '2030-01-01 10:30+00') AS later \gset
SELECT is(load('01 10:00'), '{"01 10:00 processes 2/0/0/0 steps 2"}', 'two have started, one will');
SELECT is((SELECT array_agg(format('%s %s %s', definition, in_flight, waiting)) FROM workflow.load_now), '{"order 2 0"}', 'and are under way');
CALL clock('2030-01-01 10:01:10+00');
SELECT FROM workflow.send(:'one', 'pay');
SELECT is(load('01 10:00', '1 minute'), '{"01 10:00 processes 2/0/0/0 steps 2","01 10:01 processes 0/1/0/1 steps 1"}', 'one has finished, a minute later');
SAVEPOINT a;
SELECT FROM workflow.send(:'two', 'pay');
SELECT is(load('01 10:01'), '{"01 10:00 processes 0/2/0/2 steps 2"}', 'another one');
ROLLBACK TO a;
SELECT is(load('01 10:01'), '{"01 10:00 processes 0/1/0/1 steps 1"}', 'which is rolled back');
CALL clock('2030-01-01 10:30:05+00');
SELECT is(workflow.work(), 1, 'the third one starts');
SELECT is((SELECT (kind, started, steps, lag)::text FROM workflow.load('2030-01-01 10:30', '2030-01-01 10:31')), '(processes,1,1,00:00:05)', 'five seconds late');
CALL clock('2030-01-01 11:00:31+00');
SELECT FROM workflow.cancel(:'later');
SELECT is(load('01 11:00'), '{"01 11:00 processes 0/0/0/1 steps 1"}', 'cancelled: it has ended, and neither finished nor failed');
SELECT is(workflow.work(), 1, 'the second one is late');
SELECT is((SELECT array_agg(format('%s %s', definition, in_flight)) FROM workflow.load_now), '{"order 1"}', 'and the only one');

-- what was summed
RESET ROLE;
CREATE TABLE app.before AS SELECT * FROM workflow.load('2030-01-01', '2030-01-02', by => '{definition,job,queue,runtime,tenant}');
SELECT is(workflow.work_load() > 0, true, 'what was noted is summed');
SELECT is((SELECT count(*) FROM workflow.load_note), 0::bigint, 'all of it');
SELECT results_eq('SELECT at, kind, definition, started, finished, failed, ended, steps, lag, p50, p99, busy FROM workflow.load(''2030-01-01'', ''2030-01-02'', by => ''{definition,job,queue,runtime,tenant}'')',
    'SELECT at, kind, definition, started, finished, failed, ended, steps, lag, p50, p99, busy FROM app.before', 'and load() says the same');
SELECT is((SELECT in_flight || ' ' || waiting FROM workflow.load_minute WHERE in_flight IS NOT NULL), '1 0', 'and how much is under way');
CREATE TABLE app.sums AS SELECT count(*) FROM workflow.load_minute;
SELECT is(workflow.work_load(), 0::bigint, 'there is no more');
SELECT is((SELECT count(*) FROM workflow.load_minute), (SELECT count FROM app.sums), 'and nothing is written then');
SET ROLE regress_app;

-- failures, and what is done about them
CALL clock('2030-01-01 12:00+00');
SELECT workflow.start('order') AS bad \gset
SELECT FROM workflow.post(:'bad', 'pay');
RESET ROLE;
-- as the executors leave it
UPDATE workflow.process SET status = 'error' WHERE id = :'bad';
SET ROLE regress_app;
SELECT FROM workflow.resume(:'bad');
SELECT is(workflow.work(), 1, 'it goes on');
SELECT is(load('01 12:00'), '{"01 12:00 processes 1/1/0/1 steps 3"}', 'and ends well');

-- one that is erased has ended, too
SELECT workflow.start('rest') AS gone \gset
SELECT FROM workflow.erase(:'gone', force => true);
SELECT is(load('01 12:00', by => '{definition}'), '{"01 12:00 processes order 1/1/0/1 steps 3","01 12:00 processes rest 1/0/0/1 steps 1"}', 'by definition');
SELECT is((SELECT count(*) FROM workflow.load_now WHERE definition = 'rest'), 0::bigint, 'none is under way');

-- runs
CALL clock('2030-01-01 13:00+00');
SELECT workflow.run_job('twice', '{"n": 1}') AS run \gset
SELECT is(workflow.work_runs(), 1, 'a run is done');
SELECT is((SELECT (started, finished, failed, ended, p50 IS NOT NULL, busy > 0)::text FROM workflow.load(now() - interval '1 day', now() + interval '10 years', '20 years', '{job}') WHERE job = 'twice'), '(1,1,0,1,t,t)', 'and counted');
SELECT workflow.run_job('outside') AS first \gset
SELECT workflow.run_job('outside') AS second \gset
SELECT workflow.run_job('outside', at => '2030-01-01 14:00+00') AS third \gset
SELECT run, fence FROM workflow.claim('line', 'w1', 1) \gset
SELECT is((SELECT sum(started) FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{runtime}') WHERE runtime = 'w1'), 1::numeric, 'what a worker has begun has started');
SELECT FROM workflow.complete(:'run', :fence);
SELECT is((SELECT (sum(started), sum(finished))::text FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{runtime}') WHERE runtime = 'w1'), '(1,1)', 'once');
SELECT run, fence FROM workflow.claim('line', 'w2', 1) \gset
SELECT FROM workflow.fail(:'run', :fence, '{"code": "broken"}', final => true);
SELECT FROM workflow.cancel_run(:'third');
SELECT is((SELECT array_agg(concat_ws(' ', runtime, queue, job, started, finished, failed, ended) ORDER BY runtime) FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{runtime,queue,job}') WHERE job = 'outside' AND runtime LIKE 'w_'),
    '{"w1 line outside 1 1 0 1","w2 line outside 1 0 1 1"}', 'by worker, queue and job');
SELECT is((SELECT (sum(started), sum(finished), sum(failed), sum(ended))::text FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{job}') WHERE job = 'outside'), '(2,1,1,3)', 'by job');
SELECT is((SELECT array_agg(DISTINCT kind) FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{queue}')), '{runs}', 'queues are of runs');
SELECT is((SELECT array_agg(DISTINCT kind) FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{definition}')), '{processes}', 'definitions of processes');
SELECT is((SELECT array_agg(DISTINCT kind ORDER BY kind) FROM workflow.load('2000-01-01', '2040-01-01', '50 years', '{definition,job}')), '{processes,runs}', 'and who asks for both has both');

-- truth
RESET ROLE;
SELECT is((SELECT (sum(started) FILTER (WHERE kind = 'processes'), sum(finished) FILTER (WHERE kind = 'processes'))::text FROM workflow.load('2000-01-01', '2040-01-01', '50 years')),
    (SELECT (count(*) + 1, count(*) FILTER (WHERE status = 'finalized'))::text FROM workflow.process WHERE step > 0), 'as many processes as there are, and one that was erased');
SELECT is((SELECT (sum(started) FILTER (WHERE kind = 'runs'), sum(finished) FILTER (WHERE kind = 'runs'), sum(failed) FILTER (WHERE kind = 'runs'))::text FROM workflow.load('2000-01-01', '2040-01-01', '50 years')),
    (SELECT (count(begun), count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4))::text FROM workflow.run_history), 'and runs');
SELECT is((SELECT sum(in_flight) FROM workflow.load_now WHERE kind = 'processes'), (SELECT count(*)::numeric FROM workflow.process WHERE step > 0 AND NOT workflow.is_over(status, states, step)), 'and as many are under way');

-- processes of before there were sums
DELETE FROM workflow.load_total;
DELETE FROM workflow.load_note;
SELECT is(workflow.work_load(), 0::bigint, 'processes of before');
SELECT is((SELECT sum(in_flight) FROM workflow.load_now WHERE kind = 'processes'), (SELECT count(*)::numeric FROM workflow.process WHERE step > 0 AND NOT workflow.is_over(status, states, step)), 'are under way');
SELECT FROM workflow.cancel(:'two');
SELECT is((SELECT sum(in_flight) FROM workflow.load_now WHERE kind = 'processes'), (SELECT nullif(count(*), 0)::numeric FROM workflow.process WHERE step > 0 AND NOT workflow.is_over(status, states, step)), 'until they end');

-- tenants, and who sees what
SET ROLE regress_app;
CALL clock('2030-01-02 10:00+00');
SELECT FROM workflow.start('rest', tenant => 'acme');
SELECT FROM workflow.start('rest', tenant => 'globex');
SELECT is(load('02 10:00', by => '{tenant}'), '{"02 10:00 processes acme 1/0/0/0 steps 1","02 10:00 processes globex 1/0/0/0 steps 1"}', 'by tenant');
SET LOCAL workflow.tenant TO 'acme';
SELECT is(load('02 10:00'), '{"02 10:00 processes 1/0/0/0 steps 1"}', 'a session for a tenant sees what is that one''s');
RESET workflow.tenant;
SET ROLE regress_stranger;
SELECT is(load('02 10:00'), '{}', 'a stranger sees nothing');
SELECT is((SELECT count(*) FROM workflow.load_now), 0::bigint, 'of what is, neither');
SELECT is((error('SELECT workflow.work_load()'))[1], '42501', 'and sums nothing');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('rest', 'regress_stranger', 'read');
SET ROLE regress_stranger;
SELECT is(load('02 10:00', by => '{definition}'), '{"02 10:00 processes rest 2/0/0/0 steps 2"}', 'but what it may read');

-- the critical path of a process
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "trip", "initial": "both", "states": {
    "both": {"type": "parallel", "onDone": "packed", "states": {
        "visa": {"initial": "asked", "states": {"asked": {"on": {"granted": "held"}}, "held": {"type": "final"}}},
        "tickets": {"initial": "wanted", "states": {"wanted": {"after": {"1 hour": "bought"}}, "bought": {"on": {"printed": "there"}}, "there": {"type": "final"}}}}},
    "packed": {"on": {"look": {"actions": {"type": "note", "params": "looked"}}}, "after": {"1 day": "gone"}}, "gone": {"type": "final"}}}');
CALL clock('2030-03-01 00:00+00');
SELECT workflow.start('trip') AS trip \gset
CALL clock('2030-03-01 01:00:10+00');
SELECT is(workflow.work(), 1, 'tickets are bought, ten seconds late');
CALL clock('2030-03-01 02:00+00');
SELECT FROM workflow.send(:'trip', 'printed');
CALL clock('2030-03-03 00:00+00');
SELECT FROM workflow.send(:'trip', 'granted');
CALL clock('2030-03-03 12:00+00');
SELECT FROM workflow.send(:'trip', 'nonsense');
CALL clock('2030-03-04 00:00+00');
SELECT is(workflow.work(), 1, 'gone');
SELECT is((SELECT array_agg(concat_ws(' ', event, waited_in, waited_for, took, 'late ' || late, round(share::numeric, 3)) ORDER BY step) FROM workflow.critical_path(:'trip')),
    ARRAY['workflow.start {} start 00:00:00 0.000', 'granted {both.visa.asked} event 2 days 0.667', 'after.1 day.packed {packed} timer 1 day late 00:00:00 0.333'], 'what the trip waited for, which were no tickets');
SELECT is((SELECT sum(took) FROM workflow.critical_path(:'trip')), interval '3 days', 'all of the time');
SELECT is_empty('SELECT * FROM workflow.critical_path(gen_random_uuid())', 'of no process');
SELECT is_empty('SELECT * FROM workflow.critical_path(NULL)', 'nor of null');
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.critical_path(:'trip')), 0::bigint, 'strangers see none');

-- and into children: of several the one that came last
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "leaf", "initial": "a", "context": {"hours": 1}, "states": {"a": {"after": {"1 hour": "b"}, "on": {"go": "b"}}, "b": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "branch", "initial": "a", "states": {"a": {"invoke": {"id": "leaf", "src": "leaf"}, "on": {"done.invoke.leaf": "b"}}, "b": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "tree", "initial": "a", "states": {
    "a": {"invoke": {"id": "each", "src": "branch", "map": {"over": [1, 2]}}, "on": {"done.invoke.each": "b"}},
    "b": {"invoke": {"id": "job", "job": "twice", "input": {"n": 1}}, "on": {"done.invoke.job": "c", "error.invoke.job": "c"}}, "c": {"type": "final"}}}');
CALL clock('2030-04-01 00:00+00');
SELECT workflow.start('tree') AS tree \gset
DO $$ BEGIN WHILE workflow.work() > 0 LOOP END LOOP; END $$;
SELECT id AS early FROM workflow.processes WHERE definition = 'leaf' ORDER BY id LIMIT 1 \gset
CALL clock('2030-04-01 00:10+00');
SELECT FROM workflow.send(:'early', 'go');
CALL clock('2030-04-01 01:00:30+00');
DO $$ BEGIN WHILE workflow.work() > 0 LOOP END LOOP; END $$;
CALL clock('2030-04-01 01:10:30+00');
SELECT is(workflow.work_runs(), 1, 'the job of the tree');
DO $$ BEGIN WHILE workflow.work() > 0 LOOP END LOOP; END $$;
SELECT is((SELECT array_agg(concat_ws(' ', repeat('>', depth), step, event, waited_in, waited_for, took, 'late ' || late, round(share::numeric, 2)) ORDER BY n)
           FROM workflow.critical_path(:'tree') WITH ORDINALITY p(step, event, waited_in, waited_for, since, until, took, late, share, depth, child, n)
           WHERE took > interval '0'), ARRAY[
    ' 2 done.invoke.each {a} child 01:00:30 late 00:00:00 0.86',
    '> 2 done.invoke.leaf {a} child 01:00:30 late 00:00:00 0.86',
    '>> 2 after.1 hour.a {a} timer 01:00:30 late 00:00:30 0.86',
    ' 3 done.invoke.job {b} child 00:10:00 late 00:00:00 0.14',
    '> 2 {} work 00:10:00 0.14'], 'what the tree waited for, of its leaves the one that came last, and of its job that it was done: runs begin in real time');
SELECT is((SELECT sum(took) FROM workflow.critical_path(:'tree') WHERE depth = 0), interval '01:10:30', 'all of the time, on each level');
SELECT is((SELECT array_agg(DISTINCT COALESCE((SELECT definition FROM workflow.processes WHERE id = p.child), (SELECT job FROM workflow.runs WHERE run = p.child)))
           FROM workflow.critical_path(:'tree') p WHERE depth > 0), '{branch,leaf,twice}', 'whose steps they are');
SELECT is((SELECT count(*) FROM workflow.critical_path(:'tree') p WHERE p.child = :'early'), 0::bigint, 'who was early kept nobody waiting');
SELECT FROM workflow.grant_on('tree', 'regress_stranger', 'read');
SET ROLE regress_stranger;
SELECT is((SELECT max(depth) FROM workflow.critical_path(:'tree')), 0, 'of children is shown what one may read');
RESET ROLE;

-- what waits is written down when it changes; it is looked at within a second, by real time
CALL clock('2030-04-02 00:00+00');
CREATE PROCEDURE app.minutes(n int) LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM set_config('workflow.test_clock', (current_setting('workflow.test_clock')::timestamptz + interval '1 minute')::text, true), pg_sleep(0.5), workflow.work_load();
    END LOOP;
END $$;
CREATE FUNCTION app.looks() RETURNS bigint LANGUAGE sql AS $$ SELECT count(DISTINCT minute) FROM workflow.load_minute WHERE in_flight IS NOT NULL AND minute >= '2030-04-02' $$;
SET ROLE regress_app;
SELECT workflow.run_job('outside') AS waits \gset
RESET ROLE;
DO $$ BEGIN WHILE app.looks() = 0 LOOP CALL app.minutes(1); END LOOP; END $$;
SELECT is((SELECT sum(waiting) FROM workflow.load_minute WHERE in_flight IS NOT NULL AND minute >= '2030-04-02' AND kind = 1), 1::numeric, 'a run waits');
CALL app.minutes(4);
SELECT is(app.looks(), 1::bigint, 'and while it merely does, nothing is written');
SET ROLE regress_app;
SELECT FROM workflow.run_job('outside');
RESET ROLE;
DO $$ BEGIN WHILE app.looks() = 1 LOOP CALL app.minutes(1); END LOOP; END $$;
SELECT is((SELECT waiting FROM workflow.load_minute WHERE in_flight IS NOT NULL AND kind = 1 ORDER BY minute DESC LIMIT 1), 2::bigint, 'two do');

-- minutes that are too old go
RESET ROLE;
SELECT FROM workflow.work_load();
CALL clock('2030-02-15 10:00+00');
SELECT FROM workflow.work_load();
SELECT is((SELECT count(*) FROM workflow.load_minute WHERE minute < '2030-01-16 10:00+00'), 0::bigint, 'after thirty days');
SELECT is((SELECT sum(started) FROM workflow.load_total WHERE kind = 0) > 0, true, 'and stay in the total');
-- a table of ours that is not ours alone
CREATE TRIGGER of_others BEFORE INSERT ON workflow.load_note FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT is((error($$SELECT workflow.start('rest')$$))[1:2], ARRAY['42809', 'table "workflow.load_note" has triggers, rules or columns that are not ours'], 'is refused');
DROP TRIGGER of_others ON workflow.load_note;
\set end :srcdir '/end.psql'
\i :end
