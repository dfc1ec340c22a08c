\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Runs that wait for others: run_job(..., after), park(runs). What follows is seen at once
-- where one transaction sees all of it; what is not, in t/after.pl.

CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
CREATE FUNCTION app.looks(run uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', g.state, g.waits_for, g.error ->> 'code') FROM workflow.get_run(looks.run) g $$;
-- Ends the run that is claimed next: its number, and how.
CREATE FUNCTION app.ends(finishes boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    claimed record;
BEGIN
    SELECT * INTO claimed FROM workflow.claim('mail', 'w1');
    IF claimed.run IS NULL THEN
        RETURN 'none';
    END IF;
    IF finishes THEN
        PERFORM workflow.complete(claimed.run, claimed.fence);
    ELSE
        PERFORM workflow.fail(claimed.run, claimed.fence, '{}', final => true);
    END IF;
    RETURN claimed.params ->> 'n';
END $$;
RESET ROLE;
CREATE VIEW app.run_wait AS SELECT * FROM workflow.run_wait;
GRANT SELECT ON app.run_wait TO PUBLIC;
SET ROLE regress_app;
SELECT workflow.create_queue('mail') \g /dev/null
SELECT workflow.create_job('letter', queue => 'mail') \g /dev/null

-- after
SELECT workflow.run_job('letter', '{"n": 1}') AS one \gset
SELECT workflow.run_job('letter', '{"n": 2}') AS two \gset
SELECT workflow.run_job('letter', '{"n": 3}', after => ARRAY[:'one', :'two', :'one']::uuid[]) AS three \gset
SELECT workflow.run_job('letter', '{"n": 4}', after => ARRAY[:'three']::uuid[]) AS four \gset
SELECT workflow.run_job('letter', '{"n": 5}', after => '{}') AS five \gset
SELECT is(looks(:'three'), 'waiting runs', 'a run waits for others');
SELECT is((SELECT waiting FROM workflow.queues), 5::bigint, 'in its queue');
SELECT is(ends(), '1', 'the first one ends');
SELECT is(looks(:'three'), 'waiting runs', 'that is not enough');
SELECT is(ends(), '2', 'the second, too');
SELECT is(looks(:'three'), 'waiting worker', 'now it may be done');
SELECT is(ends() || ends() || ends(), '345', 'and so the one behind it');
SELECT is_empty('SELECT FROM app.run_wait', 'nothing of that is left');
SELECT is(workflow.run_job('letter', '{"n": 6}', after => ARRAY[:'one', :'four']::uuid[]) IS NOT NULL, true, 'who waits for what has ended');
SELECT is(ends(), '6', 'does not wait');
SELECT workflow.run_job('letter', '{"n": 7}', at => '2030-01-01 01:00+00', after => ARRAY[:'one']::uuid[]) AS later \gset
SELECT is(looks(:'later'), 'waiting due', 'but until its time');
SELECT is(workflow.cancel_run(:'later'), 'aborted', 'or never');

-- one that does not finish
SELECT workflow.run_job('letter', '{"n": 1}') AS one \gset
SELECT workflow.run_job('letter', '{"n": 2}') AS two \gset
SELECT workflow.run_job('letter', '{"n": 3}', after => ARRAY[:'one', :'two']::uuid[]) AS cancelled \gset
SELECT workflow.run_job('letter', '{"n": 4}', after => ARRAY[:'one', :'two']::uuid[], after_failed => 'skip') AS skipped \gset
SELECT workflow.run_job('letter', '{"n": 5}', after => ARRAY[:'one', :'two']::uuid[], after_failed => 'run') AS done \gset
SELECT workflow.run_job('letter', '{"n": 6}', after => ARRAY[:'cancelled']::uuid[]) AS behind_cancelled \gset
SELECT workflow.run_job('letter', '{"n": 7}', after => ARRAY[:'skipped']::uuid[]) AS behind_skipped \gset
SELECT is(ends(false), '1', 'one fails');
SELECT is(looks(:'cancelled'), 'aborted cancelled', 'who waited for it is not done');
SELECT is((SELECT error - 'code' FROM workflow.get_run(:'cancelled')),
          jsonb_build_object('run', :'one', 'message', format('run %s, which it waited for, has not finished', :'one')), 'and says why');
SELECT is(looks(:'behind_cancelled'), 'aborted cancelled', 'nor who waited for that');
SELECT is(looks(:'skipped'), 'finished skipped', 'or is skipped');
SELECT is(looks(:'behind_skipped'), 'waiting turn', 'so that others go on');
SELECT is(looks(:'done'), 'waiting runs', 'or waits for the others');
SELECT is(workflow.cancel_run(:'two'), 'aborted', 'that are aborted');
SELECT is(looks(:'done'), 'waiting worker', 'then it is done');
SELECT is(ends() || ends(), '57', 'so the others are');
SELECT is(workflow.retry_run(:'cancelled'), true, 'one that was aborted is done once more');
SELECT is(looks(:'cancelled'), 'waiting worker cancelled', 'it waits for nobody');
SELECT is(ends(), '3', 'now it is done');
SELECT workflow.run_job('letter', '{"n": 8}', after => ARRAY[:'one']::uuid[]) AS late \gset
SELECT is(looks(:'late'), 'aborted cancelled', 'who comes late does not wait');

-- one that waits is cancelled, and expires
SELECT workflow.run_job('letter', '{"n": 1}') AS one \gset
SELECT workflow.run_job('letter', '{"n": 2}', after => ARRAY[:'one']::uuid[]) AS two \gset
SELECT is(workflow.cancel_run(:'two'), 'aborted', 'one that waits is cancelled');
SELECT is_empty('SELECT FROM app.run_wait', 'nothing of that is left');
SELECT is(ends() || ends(), '1none', 'and is not done');

-- a chain
DO $$
DECLARE
    before uuid;
BEGIN
    FOR i IN 1..50 LOOP
        before := workflow.run_job('letter', jsonb_build_object('n', i), after => CASE WHEN i > 1 THEN ARRAY[before] END);
    END LOOP;
END $$;
SELECT is((SELECT string_agg(ends(), ' ') FROM generate_series(1, 20)), (SELECT string_agg(i::text, ' ') FROM generate_series(1, 20) i), 'one after the other');
SELECT is(ends(false), '21', 'until one fails');
SELECT is((SELECT count(*) FROM workflow.runs WHERE state = 'aborted' AND params ->> 'n' > '21' AND error ->> 'code' = 'cancelled' AND ended_at = now()), 0::bigint, 'by the clock of the test');
SELECT is((SELECT waiting FROM workflow.queues), 0::bigint, 'so none of the others is done');

-- park
SELECT workflow.run_job('letter', '{"n": "parent"}') AS parent \gset
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT workflow.run_job('letter', '{"n": 1}') AS one \gset
SELECT workflow.run_job('letter', '{"n": 2}') AS two \gset
SELECT lives_ok(format('SELECT workflow.park(runs => %L, run => %L, fence => %s)', ARRAY[:'one', :'two']::uuid[], :'run', :fence), 'a run waits for those that it has made');
SELECT is(looks(:'parent'), 'waiting runs', 'so it says');
SELECT is(ends(false) || ends(), '12', 'they end, how does not matter');
SELECT is(looks(:'parent'), 'waiting worker', 'it goes on');
SELECT run, fence, attempt FROM workflow.claim('mail', 'w1') \gset
SELECT is(:attempt, 1, 'no attempt is counted');
SELECT lives_ok(format('SELECT workflow.park(runs => %L, run => %L, fence => %s)', ARRAY[:'one', :'two']::uuid[], :'run', :fence), 'for those that have ended');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'parent'::uuid, 'it does not wait');
SELECT lives_ok(format('SELECT workflow.park(runs => ''{}'', run => %L, fence => %s)', :'run', :fence), 'nor for none');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT workflow.run_job('letter', '{"n": 3}', partition => 'p', priority => -2) AS three \gset
SELECT lives_ok(format('SELECT workflow.park(''2030-01-01 00:01+00'', ''go'', %L, %s, %L)', :'run', :fence, ARRAY[:'three']::uuid[]), 'for all kinds at once');
SELECT is(looks(:'parent'), 'waiting signal', 'it waits');
CALL clock('2030-01-01 00:01+00');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'parent'::uuid, 'the time is there first');
SELECT is_empty('SELECT FROM app.run_wait', 'it waits for nobody any more');
SELECT lives_ok(format('SELECT workflow.park(''2030-01-01 00:02+00'', ''go'', %L, %s, %L)', :'run', :fence, ARRAY[:'three']::uuid[]), 'once more');
SELECT is(workflow.signal(:'parent', 'go'), true, 'the event is there first');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'parent'::uuid, 'it goes on');
SELECT lives_ok(format('SELECT workflow.park(''2030-01-01 00:02+00'', ''come'', %L, %s, %L)', :'run', :fence, ARRAY[:'three']::uuid[]), 'once more');
SELECT is(ends(), '3', 'the run is there first');
SELECT run, fence FROM workflow.claim('mail', 'w1') \gset
SELECT is(:'run'::uuid, :'parent'::uuid, 'it goes on');
SELECT is(refused(format('SELECT workflow.park(run => %L, fence => %s, runs => %L)', :'run', :fence, ARRAY[:'run']::uuid[])), '22023 a run cannot wait for its own end', 'that it cannot wait for');
SELECT is(workflow.complete(:'run', :fence), true, 'to its end');
SELECT is_empty('SELECT FROM app.run_wait', 'nothing is left');

-- what is refused
SELECT is(refused(format('SELECT workflow.run_job(''letter'', after => %L, after_failed => %L)', a, f)), r, r) FROM (VALUES
    ('{00000000-0000-0000-0000-000000000000}', 'cancel', 'WF010 run 00000000-0000-0000-0000-000000000000 does not exist'),
    ('{NULL}', 'cancel', '22004 element 1 of "after" is null'), (NULL, NULL, '22004 argument "after_failed" must not be null'),
    (NULL, 'fail', '22023 after_failed must be "cancel", "run" or "skip", not "fail"')) t(a, f, r);
SELECT workflow.grant_on('queue:mail', 'regress_clerk', 'use') \g /dev/null
SET ROLE regress_clerk;
SELECT workflow.create_job('own', queue => 'mail') \g /dev/null
SELECT is(refused(format('SELECT workflow.run_job(''own'', after => %L)', ARRAY[:'one']::uuid[])), 'WF002 permission denied to read job "letter"', 'who may not see a run does not wait for it');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
