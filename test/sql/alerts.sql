\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What the runtime does is done by work_alerts() here; t/alerts.pl has the runtime.

CREATE FUNCTION app.alert(name text) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s %s %s%s', state, value, to_char(since AT TIME ZONE 'UTC', 'HH24:MI:SS'), ': ' || reason) FROM workflow.alerts a WHERE a.name = alert.name $$;
-- The runs that alerts have made, and that were not looked at yet.
CREATE TABLE app.seen (run uuid);
CREATE FUNCTION app.told() RETURNS text[] LANGUAGE sql AS $$
    WITH new AS (SELECT r.* FROM workflow.runs r WHERE r.actor LIKE 'alert:%' AND r.run NOT IN (SELECT run FROM app.seen)),
    note AS (INSERT INTO app.seen SELECT run FROM new)
    SELECT coalesce(array_agg(format('%s %s %s %s/%s since %s', params->>'kind', params->>'alert', params->>'state', params->>'value', params->>'threshold',
                                     to_char((params->>'since')::timestamptz AT TIME ZONE 'UTC', 'HH24:MI:SS')) ORDER BY params->>'alert', params->>'state'), '{}') FROM new $$;

SELECT FROM workflow.create_job('page');
SELECT FROM workflow.create_job('form', parameters => '{"n": "int"}');

-- what is refused
SELECT is(error($$SELECT workflow.create_alert('a', 'lags')$$), ARRAY['22023', 'there is no kind of alert "lags"', 'HINT: Kinds are "lag", "failures", "waiting", "silent", "busy", "p95", "p99" and "failure_rate".'], 'a kind that there is not');
SELECT is((error(format('SELECT workflow.create_alert(%s)', arguments)))[2], message, message) FROM (VALUES
    ($$'', 'lag'$$, 'an alert needs a name'),
    ($$'a:b', 'lag'$$, 'the name of an alert must not contain ":"'),
    ($$repeat('a', 201), 'lag'$$, 'the name of an alert is too long'),
    ($$NULL, 'lag'$$, 'argument "name" must not be null'),
    ($$'a', NULL$$, 'argument "kind" must not be null'),
    ($$'a', 'lag', '[]'$$, 'the filter of an alert must be an object'),
    ($$'a', 'lag', '{"colour": "red"}'$$, 'unknown key "colour" of an alert''s filter'),
    ($$'a', 'lag', '{"queue": 1}'$$, '"queue" of an alert''s filter must be a string'),
    ($$'a', 'lag', '{"queue": "job:page", "job": "page"}'$$, 'the filter of an alert names one of queue, job and definition'),
    ($$'a', 'waiting'$$, 'an alert of kind "waiting" needs a filter'),
    ($$'a', 'lag', '{"definition": "loan", "state": "a"}'$$, '"state" goes with a definition, for an alert of kind "waiting"'),
    ($$'a', 'silent', '{"job": "page"}'$$, 'an alert of kind "silent" is of a runtime, and no other one is'),
    ($$'a', 'lag', '{"runtime": "r"}'$$, 'an alert of kind "silent" is of a runtime, and no other one is'),
    ($$'a', 'silent'$$, 'role "regress_app" may not see runtimes'),
    ($$'a', 'lag', '{"queue": "nowhere"}'$$, 'queue "nowhere" does not exist'),
    ($$'a', 'lag', '{"job": "nothing"}'$$, 'job "nothing" does not exist'),
    ($$'a', 'lag', '{"definition": "nothing"}'$$, 'definition "nothing" does not exist'),
    ($$'a', 'lag', NULL, '0'$$, 'threshold must be more than 0, and not longer than 36600 days'),
    ($$'a', 'lag', NULL, '-1 second'$$, 'threshold must be more than 0, and not longer than 36600 days'),
    ($$'a', 'lag', NULL, '1000000 years'$$, 'threshold must be more than 0, and not longer than 36600 days'),
    ($$'a', 'lag', NULL, 'soon'$$, 'invalid input syntax for type interval: "soon"'),
    ($$'a', 'failures', NULL, 'many'$$, 'invalid input syntax for type double precision: "many"'),
    ($$'a', 'failures', NULL, 'nan'$$, 'the threshold of an alert of kind "failures" is a whole number from 1 to 10000'),
    ($$'a', 'failures', NULL, 1.5$$, 'the threshold of an alert of kind "failures" is a whole number from 1 to 10000'),
    ($$'a', 'lag', lasting => '-1 s'$$, 'lasting must be at least 0, and not longer than 36600 days'),
    ($$'a', 'lag', keep => '1000 years'$$, 'keep must be at least 0, and not longer than 36600 days'),
    ($$'a', 'failures', within => '0'$$, 'within must be more than 0, and not longer than 36600 days'),
    ($$'a', 'busy', NULL, 0$$, 'the threshold of an alert of kind "busy" is a number above 0, up to 256000'),
    ($$'a', 'busy', NULL, 'nan'$$, 'the threshold of an alert of kind "busy" is a number above 0, up to 256000'),
    ($$'a', 'busy', NULL, interval '1 minute'$$, 'invalid input syntax for type double precision: "0 months 0 days 60000000 microseconds"'),
    ($$'a', 'failure_rate', NULL, 1.01$$, 'the threshold of an alert of kind "failure_rate" is a number above 0, up to 1'),
    ($$'a', 'failure_rate', NULL, '-0.1'$$, 'the threshold of an alert of kind "failure_rate" is a number above 0, up to 1'),
    ($$'a', 'p95'$$, 'an alert of kind "p95" needs a filter'),
    ($$'a', 'p99', '{}'$$, 'an alert of kind "p99" needs a filter'),
    ($$'a', 'p95', '{"job": "page"}', '0'$$, 'threshold must be more than 0, and not longer than 36600 days'),
    ($$'a', 'p95', '{"definition": "loan", "state": "a"}'$$, '"state" goes with a definition, for an alert of kind "waiting"'),
    ($$'a', 'busy', within => '59 seconds'$$, 'what was done is known by the minute: within must be a minute or more'),
    ($$'a', 'lag', job => 'nothing'$$, 'job "nothing" does not exist'),
    ($$'a', 'lag', job => 'form'$$, 'job "form" has no parameter "kind"')) c(arguments, message);
CREATE DOMAIN app.odd AS text CHECK (VALUE <> 'x');
SELECT FROM workflow.create_job('choosy', parameters => '{"alert": "app.odd"}');
SELECT FROM workflow.create_job('spread', partition => '@params->>''alert''');
SELECT is((SELECT array_agg((error(format('SELECT workflow.create_alert(''a'', ''lag'', job => %L)', job)))[1]) FROM unnest('{choosy,spread}'::text[]) job),
    '{0A000,0A000}', 'a job of which no run can be made without code of its author');
SELECT is((SELECT count(*)::int FROM workflow.alerts), 0, 'nothing of that is there');

-- lag
SELECT FROM workflow.create_alert('late', 'lag', '{"job": "form"}', '5 minutes', 'page', keep => '10 minutes');
SELECT is(alert('late'), 'quiet  00:00:00', 'made');
SELECT is(error($$SELECT workflow.create_alert('late', 'lag')$$), ARRAY['42710', 'alert "late" already exists', 'HINT: workflow.alter_alert() changes it.'], 'a name is taken once');
SELECT is(workflow.work_alerts(), 0, 'nothing is late');
SELECT is(alert('late'), 'quiet 0 00:00:00', 'and it was looked at');
SELECT workflow.run_job('form', '{"n": 1}', priority => 2, at => '2030-01-01 00:10+00') AS r1 \gset
SELECT workflow.run_job('form', '{"n": 2}') AS r2 \gset
CALL clock('2030-01-01 00:04:59+00');
SELECT is(workflow.work_alerts(), 0, 'not late yet');
SELECT is(alert('late'), 'quiet 299 00:00:00', 'but soon');
CALL clock('2030-01-01 00:05:00+00');
SELECT is(workflow.work_alerts(), 1, 'it begins');
SELECT is(alert('late'), 'firing 300 00:05:00', 'and fires since then');
SELECT is(told(), ARRAY['lag late begins 300/300 since 00:05:00'], 'a run tells of it');
CALL clock('2030-01-01 00:06:00+00');
SELECT is(workflow.work_alerts(), 0, 'it goes on');
SELECT is(told(), '{}', 'which nobody is told');
SELECT workflow.cancel_run(:'r2') \g /dev/null
SELECT is(workflow.work_alerts(), 0, 'it does not end at once');
SELECT is(alert('late'), 'firing 0 00:05:00', 'when nothing is late');
CALL clock('2030-01-01 00:15:30+00');
SELECT is(workflow.work_alerts(), 0, 'something is late again');
CALL clock('2030-01-01 00:16:30+00');
SELECT is((workflow.work_alerts(), alert('late'))::text, '(0,"firing 390 00:05:00")', 'and it has never ended');
SELECT workflow.cancel_run(:'r1') \g /dev/null
SELECT is(workflow.work_alerts(), 0, 'nothing is late any more');
CALL clock('2030-01-01 00:26:30+00');
SELECT is(workflow.work_alerts(), 1, 'it ends');
SELECT is(alert('late'), 'quiet 0 00:26:30', 'and is quiet');
SELECT is(told(), ARRAY['lag late ends 0/300 since 00:05:00'], 'which is told, with its beginning');
SELECT is((SELECT array_agg(key ORDER BY key) FROM workflow.runs WHERE actor = 'alert:late'), '{late@2030-01-01T00:05:00+00:00,late@2030-01-01T00:26:30+00:00}', 'runs have keys');

-- lag of timers, and of a queue
SELECT FROM workflow.define('{"id": "clock", "initial": "a", "states": {"a": {"after": {"1 minute": "b"}}, "b": {"type": "final"}}}');
SELECT FROM workflow.create_queue('desk');
SELECT FROM workflow.create_alert('timers', 'lag', '{"definition": "clock"}', 60);
SELECT FROM workflow.create_alert('all', 'lag', NULL, interval '2 minutes');
SELECT FROM workflow.create_alert('desk', 'lag', '{"queue": "desk"}', '1 minute');
SELECT workflow.start('clock') AS p \gset
SELECT workflow.run_job('form', '{"n": 3}', queue => 'desk') AS r3 \gset
CALL clock('2030-01-01 00:28:30+00');
SELECT is(workflow.work_alerts(), 2, 'a timer and a run of a worker are late');
SELECT is(ARRAY[alert('timers'), alert('all'), alert('desk')], ARRAY['firing 60 00:28:30', 'quiet 60 00:26:30', 'firing 120 00:28:30'], 'by their thresholds; what workers do is not the owner''s');
SELECT is(workflow.work(), 1, 'the timer is done');
SELECT is(workflow.work_alerts(), 0, 'and');
SELECT is((alert('timers'), alert('all'))::text, '("firing 0 00:28:30","quiet 0 00:26:30")', 'nothing is late');
SELECT FROM unnest('{timers,all,desk}'::text[]) name, workflow.drop_alert(name);
SELECT workflow.cancel_run(:'r3') \g /dev/null

-- for some time
SELECT FROM workflow.alter_alert('late', '{"threshold": 60, "lasting": "2 minutes", "keep": "0"}');
SELECT workflow.run_job('form', '{"n": 4}') AS r4 \gset
CALL clock('2030-01-01 00:30:00+00');
SELECT is((workflow.work_alerts(), alert('late'))::text, '(0,"pending 90 00:30:00")', 'over the threshold, it is pending');
SELECT workflow.cancel_run(:'r4') \g /dev/null
SELECT is((workflow.work_alerts(), alert('late'))::text, '(0,"quiet 0 00:30:00")', 'and quiet if that ends');
SELECT workflow.run_job('form', '{"n": 5}') AS r5 \gset
CALL clock('2030-01-01 00:31:00+00');
SELECT is(workflow.work_alerts(), 0, 'pending again');
CALL clock('2030-01-01 00:33:00+00');
SELECT is((workflow.work_alerts(), alert('late'))::text, '(1,"firing 180 00:33:00")', 'it begins when that has lasted');
SELECT is(told(), ARRAY['lag late begins 180/60 since 00:33:00'], 'told');

-- paused
SELECT FROM workflow.pause_alert('late', 'holidays');
SELECT is((SELECT (state, note)::text FROM workflow.alerts WHERE name = 'late'), '(paused,holidays)', 'it is paused');
SELECT is(workflow.work_alerts(), 0, 'and not looked at');
SELECT FROM workflow.resume_alert('late');
SELECT is((workflow.work_alerts(), alert('late'))::text, '(0,"pending 180 00:33:00")', 'after that it begins anew');
SELECT is(told(), '{}', 'nobody was told');
SELECT workflow.cancel_run(:'r5') \g /dev/null

-- a job that is not there any more
SELECT FROM workflow.alter_alert('late', '{"lasting": null}');
SELECT workflow.run_job('form', '{"n": 6}') AS r6 \gset
SELECT workflow.cancel_run(run) FROM workflow.runs WHERE job = 'page' \g /dev/null
SELECT FROM workflow.drop_job('page');
CALL clock('2030-01-01 00:36:00+00');
SELECT is((workflow.work_alerts(), alert('late'))::text, '(1,"firing 180 00:36:00: job ""page"" does not exist")', 'it begins, and tells why there is no run');
SELECT FROM workflow.create_job('page');
SELECT workflow.cancel_run(:'r6') \g /dev/null
SELECT is(workflow.work_alerts(), 1, 'it ends');
SELECT is(told(), ARRAY['lag late ends 0/60 since 00:36:00'], 'with a run');
SELECT FROM workflow.drop_alert('late');

-- failures
SELECT FROM workflow.create_alert('runs', 'failures', '{"job": "form"}', 2, 'page', within => '10 minutes', keep => '0');
SELECT FROM workflow.create_alert('events', 'failures', '{"definition": "clock"}', within => '10 minutes', keep => '0');
SELECT FROM workflow.create_alert('mine', 'failures', within => '10 minutes', keep => '0');
SELECT FROM workflow.create_alert('of queue', 'failures', '{"queue": "desk"}', within => '10 minutes', keep => '0');
RESET ROLE;
CREATE FUNCTION app.fail(run uuid, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO workflow.run_history (run, ended_at, state, job, queue, attempts, losses, due, placed, starter, started_by, level, params, slot)
    SELECT fail.run, fail.at, 4, j.id, -j.root, 1, 0, fail.at, fail.at, 10, 'x', 0, '{}', 0 FROM workflow.job j WHERE j.name = 'form' $$;
SELECT app.fail('00000000-0000-7000-8000-000000000001', '2030-01-01 00:30:00+00'), app.fail('00000000-0000-7000-8000-000000000002', '2030-01-01 00:35:00+00'),
    app.fail('00000000-0000-7000-8000-000000000003', '2030-01-01 00:36:00+00') \g /dev/null
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message)
    VALUES (:'p', 1, '2030-01-01 00:36:00+00', now(), 1, true, 'x', '22P02', 'm'), (:'p', 2, '2030-01-01 00:36:00+00', now(), 1, false, 'x', '22P02', 'm');
SET ROLE regress_app;
SELECT is(workflow.work_alerts(), 3, 'runs have failed, and an event');
SELECT is(ARRAY[alert('runs'), alert('events'), alert('mine'), alert('of queue')], ARRAY['firing 3 00:36:00', 'firing 1 00:36:00', 'firing 4 00:36:00', 'quiet 0 00:36:00'], 'counted');
SELECT is(told(), ARRAY['failures runs begins 3/2 since 00:36:00'], 'told');
CALL clock('2030-01-01 00:44:59+00');
SELECT is(workflow.work_alerts(), 0, 'still');
CALL clock('2030-01-01 00:45:00+00');
SELECT is((workflow.work_alerts(), alert('runs'))::text, '(1,"quiet 1 00:45:00")', 'until they are too old');
CALL clock('2030-01-01 00:46:00+00');
SELECT is(workflow.work_alerts(), 2, 'all of them');
SELECT FROM unnest(ARRAY(SELECT a.name FROM workflow.alerts a)) name, workflow.drop_alert(name);

-- tasks and runs that wait
SELECT FROM workflow.define('{"id": "loan", "initial": "asked", "states": {
    "asked": {"task": {"for": ["regress_clerk"]}, "on": {"yes": "checked"}}, "checked": {"task": {"for": ["regress_clerk"]}, "on": {"yes": "over"}}, "over": {"type": "final"}}}');
SELECT FROM workflow.create_alert('tasks', 'waiting too long', '{"definition": "loan"}', '1 hour', keep => '0');
SELECT FROM workflow.create_alert('checks', 'waiting', '{"definition": "loan", "state": "checked"}', '1 hour', keep => '0');
SELECT FROM workflow.create_alert('parked', 'waiting', '{"job": "form"}', '1 hour', keep => '0');
SELECT is((SELECT kind FROM workflow.alerts WHERE name = 'tasks'), 'waiting', 'another word for it');
SELECT workflow.start('loan') AS l1 \gset
CALL clock('2030-01-01 01:00:00+00');
SELECT workflow.start('loan') AS l2 \gset
SELECT workflow.send(:'l2', 'yes') \g /dev/null
SELECT workflow.run_job('page') AS first \gset
SELECT workflow.run_job('form', '{"n": 7}', after => ARRAY[:'first']::uuid[]) AS then \gset
CALL clock('2030-01-01 01:46:00+00');
SELECT is(workflow.work_alerts(), 1, 'a task is open for long');
SELECT is(ARRAY[alert('tasks'), alert('checks'), alert('parked')], ARRAY['firing 3600 01:46:00', 'quiet 2760 00:46:00', 'quiet 2760 00:46:00'], 'the oldest');
SELECT workflow.send(:'l1', 'yes') \g /dev/null
SELECT is((workflow.work_alerts(), alert('tasks'))::text, '(1,"quiet 2760 01:46:00")', 'it was done');
CALL clock('2030-01-01 02:00:00+00');
SELECT is(workflow.work_alerts(), 3, 'and others wait, a run for another one, too');
SELECT FROM unnest('{checks,tasks}'::text[]) name, workflow.drop_alert(name);

-- what was done, as load() has it
CALL clock('2030-01-01 03:00:30+00');
RESET ROLE;
INSERT INTO workflow.load_minute (minute, kind, what, queue, runtime, tenant, started, finished, failed, ended, steps, lag, lags, busy, took) VALUES
    ('2030-01-01 02:59+00', 1, (SELECT max(id) FROM workflow.job WHERE name = 'page'), 0, '', '', 10, 6, 2, 10, 0, 0, 0, 90, '{143,96,169,4}'),
    ('2030-01-01 02:59+00', 1, -1, 0, '', '', 10, 0, 10, 10, 0, 0, 0, 1000, '{169,100}'),
    ('2030-01-01 02:54+00', 1, (SELECT max(id) FROM workflow.job WHERE name = 'page'), 0, '', '', 10, 0, 10, 10, 0, 0, 0, 1000, '{169,100}'),
    ('2030-01-01 02:58+00', 0, (SELECT max(id) FROM workflow.definition WHERE name = 'loan'), 0, '', '', 3, 0, 1, 0, 9, 0, 0, 30, NULL);
SET ROLE regress_app;
SELECT FROM workflow.create_alert('slow', 'p95', '{"job": "page"}', '5 seconds', within => '5 minutes', keep => '0');
SELECT FROM workflow.create_alert('slower', 'p99', '{"job": "page"}', '5 seconds', within => '5 minutes', keep => '0');
SELECT FROM workflow.create_alert('rate', 'failure_rate', '{"job": "page"}', 0.25, within => '5 minutes', keep => '0');
SELECT FROM workflow.create_alert('loans', 'failure_rate', '{"definition": "loan"}', within => '5 minutes', keep => '0');
SELECT FROM workflow.create_alert('hot', 'busy', NULL, 0.4, within => '5 minutes', keep => '0');
SELECT FROM workflow.create_alert('desk', 'busy', '{"queue": "desk"}', 0.4, within => '5 minutes', keep => '0');
SELECT FROM workflow.work_alerts();
SELECT is((SELECT array_agg(name || ' ' || alert(name) ORDER BY name) FROM workflow.alerts WHERE kind IN ('busy', 'p95', 'p99', 'failure_rate')),
    '{"desk quiet 0 03:00:30","hot firing 0.4 03:00:30","loans firing 1 03:00:30","rate firing 0.25 03:00:30","slow quiet 1.015808 03:00:30","slower firing 9.961472 03:00:30"}',
    'of the last five minutes, and of the owner''s');
SELECT is((SELECT array_agg((threshold, within) ORDER BY name)::text FROM workflow.alerts WHERE name IN ('loans', 'slow')), '{"(0.1,00:05:00)","(5,00:05:00)"}', 'with their thresholds');
CALL clock('2030-01-01 03:05:30+00');
SELECT FROM workflow.work_alerts();
SELECT is((SELECT array_agg(DISTINCT state || ' ' || value) FROM workflow.alerts WHERE kind IN ('busy', 'p95', 'p99', 'failure_rate')), '{"quiet 0"}', 'which is over by now');
SELECT FROM unnest('{slow,slower,rate,loans,hot,desk}'::text[]) name, workflow.drop_alert(name);
CALL clock('2030-01-01 02:00:00+00');

-- whose it is
SET ROLE regress_clerk;
SELECT is((SELECT count(*)::int FROM workflow.alerts), 0, 'others do not see it');
SELECT is(error($$SELECT workflow.pause_alert('parked')$$), ARRAY['WF002', 'must be owner of alert "parked"', 'HINT: Members of workflow_admin may, too.'], 'nor change it');
SELECT is(error($$SELECT workflow.drop_alert('nothing')$$), ARRAY['WF010', 'alert "nothing" does not exist', 'HINT: Make it with workflow.create_alert().'], 'nor one that there is not');
SELECT is((SELECT array_agg((error(format('SELECT workflow.create_alert(''theirs'', ''waiting'', %L)', filter)))[1]) FROM unnest('{"{\"job\": \"form\"}","{\"queue\": \"desk\"}","{\"definition\": \"loan\"}"}'::text[]) filter),
    '{WF002,WF002,WF002}', 'nor look at what they may not read');
SELECT is((error($$SELECT workflow.create_alert('theirs', 'lag', job => 'page')$$))[1], 'WF002', 'nor run others'' jobs');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('loan', 'regress_clerk', 'read');
SET ROLE regress_clerk;
SELECT FROM workflow.create_alert('theirs', 'waiting', '{"definition": "loan"}', '1 minute');
SELECT is(workflow.work_alerts(), 1, 'what they may read they may look at');
SET ROLE regress_app;
SELECT FROM workflow.revoke_on('loan', 'regress_clerk', 'read');
SET ROLE regress_clerk;
SELECT is((workflow.work_alerts(), alert('theirs'))::text, '(0,"firing 3600 02:00:00: role ""regress_clerk"" may not read definition ""loan""")', 'as long as they may');
SELECT is(error($$SELECT workflow.alter_alert('theirs', '{"kind": "lag"}')$$), ARRAY['22023', 'there is no setting "kind"',
    'HINT: There are filter, threshold, job, lasting, keep and within.'], 'a setting that there is not');
SELECT is(error($$SELECT workflow.alter_alert('theirs', '{"filter": {"definition": "loan"}}')$$),
    ARRAY['WF002', 'role "regress_clerk" may not read definition "loan"', 'HINT: Its owner can allow it with workflow.grant_on().'], 'what is changed is checked');
SELECT is((SELECT array_agg((error(format('SELECT workflow.alter_alert(''theirs'', %L)', changes)))[2]) FROM unnest('{[],"{\"job\": 1}","{\"lasting\": 5}","{\"threshold\": true}"}'::text[]) changes),
    '{"changes must be an object","job must be a string","lasting must be a string","threshold must be a string"}', 'by their types');
SELECT is(error($$SELECT workflow.grant_on('alert:theirs', 'regress_app', 'read')$$), ARRAY['22023', 'unknown privilege "read"', 'HINT: There are no privileges on alerts.'], 'alerts are not granted');
RESET ROLE;
SELECT is(workflow.change_owner('alert:theirs', 'regress_app'), true, 'they can be given away');
SET ROLE regress_app;
SELECT is((workflow.work_alerts(), alert('theirs'))::text, '(0,"firing 3600 02:00:00")', 'and go on');
SELECT is((error($$SELECT workflow.define('{"id": "alert:x", "initial": "a", "states": {"a": {}}}')$$))[1], '22023', 'no definition has such a name');
RESET ROLE;
SET client_min_messages TO error;
REASSIGN OWNED BY regress_app TO regress_clerk;
RESET client_min_messages;
SELECT is((SELECT DISTINCT owner FROM workflow.alerts), 'regress_clerk', 'REASSIGN OWNED takes them along');
SELECT is((SELECT array_agg(DISTINCT act ORDER BY act) FROM workflow.audit WHERE kind = 'alert'),
    '{alter_alert,change_owner,create_alert,drop_alert,pause_alert,resume_alert}', 'the audit tells who did what');

-- what was made by hand
DELETE FROM workflow.failure;
\set end :srcdir '/end.psql'
\i :end
