\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Results that are kept: a job counts how often it was done. Runs are done by hand.
RESET ROLE;
-- what is kept, for the test: jobs, parameters and results
CREATE VIEW app.kept AS SELECT j.name, j.version, c.params::text, c.result, c.refresh_at, c.good_until
    FROM workflow.job_cache c JOIN workflow.job j ON j.id = c.job;
GRANT SELECT ON app.kept TO PUBLIC;
SET ROLE regress_app;
CREATE SEQUENCE done;
CREATE FUNCTION count_it(params jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT params::text || ' #' || nextval('app.done') $$;
CREATE FUNCTION broken(params jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT (1 / (params ->> 'by')::int) || ' #' || nextval('app.done') $$;
CREATE FUNCTION nothing(params jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT NULL FROM nextval('app.done') $$;
CREATE PROCEDURE slow(params jsonb) LANGUAGE sql AS $$ SELECT $$;
-- Make a job with such a cache, and say how often a job was done since the last call.
CREATE FUNCTION make(cache jsonb, command text DEFAULT 'count_it', name text DEFAULT 'count', result text DEFAULT 'text') RETURNS int
    LANGUAGE sql AS $$ SELECT workflow.create_job(name, command, cache => cache, result => result) $$;
CREATE FUNCTION times() RETURNS bigint LANGUAGE sql AS
    $$ SELECT CASE WHEN is_called THEN setval('app.done', 1, false) ELSE 0 END * 0 + CASE WHEN is_called THEN last_value ELSE 0 END FROM app.done $$;
CREATE FUNCTION call(params jsonb, job text DEFAULT 'count') RETURNS text LANGUAGE sql AS
    $$ SELECT workflow.call_job(job, params) #>> '{}' $$;
CREATE FUNCTION refused(cache text, more text DEFAULT ', result => ''text''') RETURNS text[] LANGUAGE sql AS
    $$ SELECT error(format('SELECT workflow.create_job(''bad'', ''count_it'', cache => %L %s)', cache, more)) $$;

-- what is kept
SELECT is(make('{}'), 1, 'a job whose results are kept');
SELECT is((SELECT cache FROM workflow.jobs), '{"fill": "calls", "max_entries": 1000}', 'by these rules');
SELECT is(call('{"a": 1}'), '{"a": 1} #1', 'what the first call had to do');
SELECT is(call('{"a": 1}'), '{"a": 1} #1', 'the second one gets');
SELECT is(call('{"a": 2}'), '{"a": 2} #2', 'not for other parameters');
SELECT is(call('{"a": 1.0}'), '{"a": 1.0} #3', 'not even for those that look else');
SELECT is(call('{"b": 1, "a": 1}') || call('{"a": 1, "b": 1}'), '{"a": 1, "b": 1} #4{"a": 1, "b": 1} #4', 'but in whatever order');
SELECT is(call('{"a": 1}'), '{"a": 1} #1', 'each has its own');
SELECT is(times(), 4::bigint, 'so often was it done');
SELECT is(make('{}', 'nothing', 'nothing'), 1, 'a job that returns null');
SELECT is(call('{}', 'nothing'), NULL, 'does so');
SELECT is(call('{}', 'nothing'), NULL, 'for the next one, too');
SELECT is(times(), 1::bigint, 'who gets what is kept');
SELECT is(make('{}', 'SELECT ($n::text || '' #'' || nextval(''app.done''))', 'typed'), 1, 'a statement');
SELECT is(workflow.create_job('typed', 'SELECT ($n || '' #'' || nextval(''app.done''))', '{"n": {"type": "numeric(5,2)", "default": 3}}',
                              cache => '{}', result => 'text'), 2, 'with declared parameters');
SELECT is(call('{"n": "1.5"}', 'typed'), '1.50 #1', 'which are brought to their type');
SELECT is(call('{"n": 1.50}', 'typed'), '1.50 #1', 'before they are compared');
SELECT is(call('{"n": 3}', 'typed') || call('{}', 'typed'), '3.00 #23.00 #2', 'with their defaults');
SELECT is(times(), 2::bigint, 'so often was that done');

-- runs
SELECT is(nextval('done'), 1::bigint, 'a number that nobody has');
SELECT is(call('{"a": 1}'), '{"a": 1} #1', 'what is kept');
SELECT isnt(workflow.run_job('count', '{"a": 1}'), NULL, 'a run');
SELECT is(workflow.work_runs(), 1, 'is done nevertheless');
SELECT is(call('{"a": 1}'), '{"a": 1} #2', 'and is what is kept from then on');
SELECT is(times(), 2::bigint, 'it was done once');
SELECT is((SELECT count(*) FROM kept WHERE params = '{"a": 1}'), 1::bigint, 'in place of what was there');
SELECT isnt(workflow.run_job('count', '{"a": 9}'), NULL, 'a run');
SELECT isnt(workflow.run_job('count', '{"a": 9}'), NULL, 'and another one');
SELECT is(workflow.work_runs(), 2, 'in one batch');
SELECT is(call('{"a": 9}'), '{"a": 9} #2', 'the last one counts');
SELECT is((SELECT count(*) FROM kept WHERE params = '{"a": 9}'), 1::bigint, 'alone');
SELECT is(times(), 2::bigint, 'both were done');
SELECT is(workflow.create_job('broken', 'broken', cache => '{}', result => 'text', retry => '{"errors": "*", "maxAttempts": 0}'), 1, 'a job that fails');
SELECT is((error('SELECT call(''{"by": 0}'', ''broken'')'))[1], '22012', 'in a call');
SELECT is((SELECT count(*) FROM kept WHERE name = 'broken'), 0::bigint, 'is not kept');
SELECT isnt(workflow.run_job('broken', '{"by": 1}', at => '2030-01-02', key => 'gone'), NULL, 'nor a run');
SELECT is(workflow.cancel_run(run), 'aborted', 'that is cancelled') FROM workflow.runs WHERE key = 'gone';
SELECT isnt(workflow.run_job('broken', '{"by": 1}', after => ARRAY[run], after_failed => 'skip'), NULL, 'or that was skipped') FROM workflow.runs WHERE key = 'gone';
SELECT is((SELECT count(*) FROM kept WHERE name = 'broken'), 0::bigint, 'which is finished, but was not done');

-- fill
SELECT is(make('{"fill": "runs"}'), 2, 'only runs fill');
SELECT is((SELECT count(*) FROM kept WHERE name = 'count'), 0::bigint, 'a new version has nothing');
SELECT is(call('{}') || call('{}'), '{} #1{} #2', 'each call does it');
SELECT isnt(workflow.run_job('count'), NULL, 'until a run');
SELECT is(workflow.work_runs(), 1, 'is done');
SELECT is(call('{}') || call('{}'), '{} #3{} #3', 'which all get');
SELECT is(times(), 3::bigint, 'so often');
SELECT is(make('{"fill": "runs", "max_entries": 1000}'), 2, 'what means the same is the same version');
SELECT is(call('{}'), '{} #3', 'and keeps what there is');

-- ages
SELECT is(make('{"max_age": "1 hour", "refresh_age": "00:10"}'), 3, 'results that grow old');
SELECT is((SELECT cache FROM workflow.jobs WHERE name = 'count' AND version = 3),
          '{"fill": "calls", "max_age": "01:00:00", "max_entries": 1000, "refresh_age": "00:10:00"}', 'so');
SELECT is(call('{}'), '{} #1', 'one is made');
SELECT is((SELECT ARRAY[refresh_at, good_until] FROM kept WHERE name = 'count'), ARRAY['2030-01-01 00:10+00', '2030-01-01 01:00+00']::timestamptz[], 'and has its times');
CALL clock('2030-01-01 00:09+00');
SELECT is(call('{}'), '{} #1', 'it is used');
SELECT is((SELECT count(*) FROM workflow.runs WHERE state = 'waiting'), 0::bigint, 'and that is all');
CALL clock('2030-01-01 00:10+00');
SELECT is(call('{}') || call('{}'), '{} #1{} #1', 'from here on, too');
SELECT is((SELECT array_agg(job || ' ' || version) FROM workflow.runs WHERE state = 'waiting'), ARRAY['count 3'], 'and a run is made, one');
SELECT is(workflow.work_runs(), 1, 'when that was done');
SELECT is(call('{}'), '{} #2', 'there is what it has returned');
CALL clock('2030-01-01 01:09:59+00');
SELECT is(call('{}'), '{} #2', 'for its hour');
CALL clock('2030-01-01 01:10+00');
SELECT is(call('{}'), '{} #3', 'and no longer');
SELECT is((SELECT count(*) FROM kept WHERE name = 'count'), 1::bigint, 'the old one is gone');
SELECT is(workflow.work_runs(), 1, 'the run that the last but one has made');
SELECT is(times(), 4::bigint, 'was done, too');

-- a run for which there is no place
RESET ROLE;
SET ROLE regress_app;
SELECT is(workflow.create_queue('full', max_waiting => 1, on_full => 'refuse') IS NULL, false, 'a queue');
SELECT is(workflow.create_job('count', 'count_it', queue => 'full', cache => '{"refresh_age": "1 min"}', result => 'text'), 4, 'that is full soon');
SELECT is(call('{}'), '{} #1', 'a result');
SELECT isnt(workflow.run_job('count', '{"other": 1}', at => '2031-01-01'), NULL, 'a run that waits');
CALL clock('2030-01-01 02:00+00');
SELECT is(call('{}') || call('{}'), '{} #1{} #1', 'nobody fails for want of a place');
SELECT is((SELECT count(*) FROM workflow.runs WHERE state = 'waiting'), 1::bigint, 'there is no run');
SELECT is(workflow.cancel_run(run), 'aborted', 'there is place') FROM workflow.runs WHERE state = 'waiting';
SELECT is(call('{}'), '{} #1', 'the next call');
SELECT is((SELECT count(*) FROM workflow.runs WHERE state = 'waiting'), 1::bigint, 'makes it');
SELECT is(workflow.work_runs(), 1, 'and then');
SELECT is(call('{}'), '{} #2', 'it is new');
SELECT is(times(), 2::bigint, 'so often');

-- a run that cannot be made for what its author wrote: who catches the error loses only what was done since
SELECT is(workflow.create_job('parted', 'count_it', partition => '@(1 / current_setting(''app.by'')::int)::text', cache => '{"refresh_age": "1 min"}', result => 'text'), 1, 'a job with an expression');
CREATE FUNCTION caught() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.outer', 'kept', true);
    BEGIN
        PERFORM set_config('app.inner', 'lost', true);
        PERFORM call('{}', 'parted');
    EXCEPTION WHEN division_by_zero THEN
        RETURN concat_ws(' ', SQLERRM, current_setting('app.outer'), NULLIF(current_setting('app.inner', true), ''));
    END;
    RETURN 'no error';
END $$;
SET app.by = 0;
SELECT is(call('{}', 'parted'), '{} #1', 'a result, for which there is no run');
CALL clock('2030-01-01 02:01+00');
SELECT is(caught(), 'division by zero kept', 'the error is that of the call');
SELECT is(caught(), 'division by zero kept', 'each time');
RESET app.by;
SELECT is(times(), 1::bigint, 'it was done once');

-- how many
SELECT is(make('{"max_entries": 2}'), 5, 'two at most');
SELECT is(call('{"a": 1}') || call('{"a": 2}') || call('{"a": 3}'), '{"a": 1} #1{"a": 2} #2{"a": 3} #3', 'of three');
SELECT is((SELECT array_agg(params ORDER BY params) FROM kept WHERE name = 'count'), ARRAY['{"a": 2}', '{"a": 3}'], 'the oldest goes');
SELECT is(count(workflow.run_job('count', jsonb_build_object('a', n))), 5::bigint, 'and of five runs') FROM generate_series(1, 5) n;
SELECT is(workflow.work_runs(), 5, 'in a batch');
SELECT is((SELECT array_agg(params ORDER BY params) FROM kept WHERE name = 'count'), ARRAY['{"a": 4}', '{"a": 5}'], 'too');
SELECT is(times(), 8::bigint, 'so often');

-- what others do
SELECT is(make('{}'), 6, 'all may stay');
SELECT is(call('{}'), '{} #1', 'one result');
SELECT is(workflow.grant_on('job:count', 'regress_clerk', 'run', 'read', 'manage') IS NULL, false, 'somebody else may run the job');
SET ROLE regress_clerk;
SELECT is(workflow.call_job('count'), '"{} #2"', 'and calls it');
SELECT is(workflow.call_job('count', '{"new": 1}'), '"{\"new\": 1} #3"', 'once');
SELECT is(workflow.call_job('count', '{"new": 1}'), '"{\"new\": 1} #4"', 'and again');
SET ROLE regress_app;
SELECT is(call('{}'), '{} #1', 'which changes nothing');
SELECT is((SELECT array_agg(params) FROM kept WHERE name = 'count'), ARRAY['{}'], 'and keeps nothing');
SET ROLE regress_clerk;
SELECT isnt(workflow.run_job('count'), NULL, 'a run that he makes');
SET ROLE regress_app;
SELECT is(workflow.work_runs(), 1, 'is done');
SELECT is(call('{}'), '{} #5', 'and renews it');
SELECT is((error('SELECT FROM workflow.job_cache'))[1], '42501', 'nobody reads the table');
SELECT is(workflow.create_job('outer', 'SELECT workflow.call_job(''count'')', result => 'text'), 1, 'a job that calls it');
SELECT is(call('{}', 'outer'), '{} #5', 'as the same role');
SELECT is(workflow.grant_on('job:outer', 'regress_clerk', 'run') IS NULL, false, 'for whoever');
SET ROLE regress_clerk;
SELECT is(workflow.call_job('outer'), '"{} #5"', 'calls that');
SELECT is(workflow.flush_cache('count', '{"other": 1}'), 0::bigint, 'who may manage it flushes other parameters');
SELECT is(workflow.flush_cache('count', '{}'), 1::bigint, 'or these');
SET ROLE regress_stranger;
SELECT is((error('SELECT workflow.flush_cache(''count'')'))[1], 'WF002', 'nobody else');
SET ROLE regress_app;
SELECT is(call('{}'), '{} #6', 'it is done anew');
SELECT is(call('{"a": 1}'), '{"a": 1} #7', 'so is another one');
SELECT is(workflow.flush_cache('count'), 2::bigint, 'both are flushed');
SELECT is((error('SELECT workflow.flush_cache(''nobody'')'))[1], 'WF010', 'of a job');
SELECT is((error('SELECT workflow.flush_cache(''typed'', ''{"x": 1}'')'))[1], 'WF013', 'with its parameters');
SELECT is(times(), 7::bigint, 'so often');

-- the transaction
SAVEPOINT before;
SELECT is(call('{"a": 1}'), '{"a": 1} #1', 'what is kept');
ROLLBACK TO before;
SELECT is((SELECT count(*) FROM kept WHERE name = 'count'), 0::bigint, 'is undone with the transaction');
SELECT is(call('{"a": 1}'), '{"a": 1} #2', 'and done by the next one');
SELECT is(times(), 2::bigint, 'so often');

-- jobs that cannot be called: outside, tracked, of many runs
SELECT is(workflow.create_job('rate', cache => '{"max_age": "1 hour"}', result => 'numeric'), 1, 'a job of workers');
SELECT is((error('SELECT call(''{"c": "CHF"}'', ''rate'')'))[1:2], ARRAY['0A000', 'job "rate" cannot be called'], 'has no result yet');
SELECT isnt(workflow.run_job('rate', '{"c": "CHF"}'), NULL, 'a run');
SELECT is(workflow.complete(run, fence, '0.93'), true, 'that a worker has done') FROM workflow.claim('job:rate', 'w');
SELECT is(call('{"c": "CHF"}', 'rate'), '0.93', 'has one');
CALL clock('2030-01-01 03:01+00');
SELECT is((error('SELECT call(''{"c": "CHF"}'', ''rate'')'))[1], '0A000', 'for its time');
SELECT is(workflow.create_job('slow', 'slow', mode => 'tracked', cache => '{}', result => 'text'), 1, 'or a tracked job');
SELECT is((error('SELECT workflow.call_job(''slow'')'))[1:3], ARRAY['0A000', 'job "slow" cannot be called', 'It is tracked.'], 'before its first run');

-- a chart invokes it: a run
SELECT is(workflow.define('{"id": "chart", "initial": "a", "states": {
    "a": {"invoke": {"job": "count", "input": {"chart": 1}, "onDone": "b"}}, "b": {"type": "final"}}}'), 1, 'a state that invokes it');
SELECT workflow.start('chart') AS process \gset
SELECT is(workflow.work_runs(), 1, 'makes a run');
SELECT is(call('{"chart": 1}'), '{"chart": 1} #1', 'which is kept');
SELECT is(workflow.work(), 1, 'its process ends');
SELECT is((SELECT count(*) FROM workflow.erase(:'process')), 1::bigint, 'and is erased');
SELECT is((SELECT count(*) FROM kept WHERE params = '{"chart": 1}'), 0::bigint, 'with what is kept of it');
SELECT is(times(), 1::bigint, 'so often');

-- the owner changes
SELECT is(call('{}'), '{} #1', 'a result');
RESET ROLE;
GRANT USAGE ON SCHEMA app TO regress_clerk;
GRANT USAGE, UPDATE ON SEQUENCE app.done TO regress_clerk;
SELECT is(workflow.change_owner('job:count', 'regress_clerk'), true, 'the job is given away');
SELECT is((SELECT count(*) FROM app.kept WHERE name = 'count'), 0::bigint, 'without what was kept');
SET ROLE regress_clerk;
SELECT is(workflow.call_job('count'), '"{} #2"', 'the new owner has his own');
RESET ROLE;
SELECT is(workflow.change_owner('job:count', 'regress_app'), true, 'it comes back');
SET ROLE regress_app;
SELECT is(call('{}'), '{} #3', 'without that');
SELECT is(times(), 3::bigint, 'so often');

-- what is deleted, and by whom: here nothing has a runtime
SELECT is(workflow.drop_job('count') IS NULL, false, 'the job is dropped');
SELECT is((SELECT count(*) FROM kept WHERE name = 'count'), 0::bigint, 'with what was kept');
SELECT is(make('{}'), 7, 'a job of the same name');
SELECT is(call('{}'), '{} #1', 'has nothing of it');
RESET ROLE;
SELECT is_empty('SELECT * FROM workflow.check()', 'all fits together');
SET ROLE regress_app;

-- bad input
SELECT is(refused('{}', ''), ARRAY['22023', 'cache needs a result', 'HINT: Give the type of the result, as "result".'], 'a type is necessary');
SELECT is((refused('{}', ', result => ''none'''))[1:2], ARRAY['22023', 'cache needs a result'], 'and a result');
SELECT is((refused('[]'))[1:2], ARRAY['22023', 'cache must be an object'], 'an object');
SELECT is((refused('1'))[1], '22023', 'no number');
SELECT is(refused('{"ttl": 1}'), ARRAY['22023', 'cache has no member "ttl"', 'HINT: It may have max_age, refresh_age, max_entries and fill.'], 'of these members');
SELECT is((refused('{"max_age": 1}'))[1:2], ARRAY['22023', '"max_age" of cache must be an interval in a string'], 'age');
SELECT is((refused('{"max_age": null}'))[1], '22023', 'null');
SELECT is((refused('{"max_age": "x"}'))[1], '22007', 'no interval');
SELECT is((refused('{"max_age": "0"}'))[1:2], ARRAY['22023', '"max_age" of cache must be positive'], 'zero');
SELECT is((refused('{"max_age": "-1 hour"}'))[1], '22023', 'negative');
SELECT is((refused('{"max_age": "1000 years"}'))[1:2], ARRAY['22023', '"max_age" of cache must be not longer than 36600 days'], 'too long');
SELECT is((refused('{"max_age": "1 hour", "refresh_age": "1 hour"}'))[1:2], ARRAY['22023', '"refresh_age" of cache must be less than "max_age"'], 'the one before the other');
SELECT is((refused('{"max_entries": 0}'))[1:2], ARRAY['22023', '"max_entries" of cache must be a whole number from 1 to 10000'], 'entries');
SELECT is((refused('{"max_entries": 10001}'))[1], '22023', 'too many');
SELECT is((refused('{"max_entries": 1.5}'))[1], '22023', 'a fraction');
SELECT is((refused('{"max_entries": 1e1000}'))[1], '22023', 'far too many');
SELECT is((refused('{"max_entries": "1"}'))[1], '22023', 'a string');
SELECT is((refused('{"fill": "x"}'))[1:2], ARRAY['22023', '"fill" of cache must be "calls" or "runs"'], 'fill');
SELECT is((refused('{"fill": true}'))[1], '22023', 'a word');

\set end :srcdir '/end.psql'
\i :end
