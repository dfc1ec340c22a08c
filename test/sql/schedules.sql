\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Schedules: making, changing, pausing them; what is made when they are due, what becomes of
-- what was missed, and when they are suspended. When occurrences are is in recurrence.sql;
-- executors are in t/schedules.pl.
CREATE TABLE done (n int GENERATED ALWAYS AS IDENTITY, text text);
SELECT workflow.create_job('note', 'INSERT INTO app.done (text) VALUES ($text)', '{"text": "text"}') \g /dev/null
SELECT workflow.create_job('outside') \g /dev/null
SELECT workflow.define('{"id": "loan", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}') \g /dev/null
CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
-- Executors at work: all that is due by now.
CREATE FUNCTION app.work() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE workflow.work_schedules() > 0 LOOP END LOOP;
    WHILE workflow.work_runs() > 0 LOOP END LOOP;
END $$;
-- What was done since the last call.
CREATE FUNCTION app.texts() RETURNS text LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM app.done RETURNING *) SELECT coalesce(string_agg(text, ', ' ORDER BY n), '') FROM gone $$;
-- The runs of a schedule that are not over, by their keys, without its name.
CREATE FUNCTION app.waiting(schedule text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(coalesce(substr(key, length(schedule) + 2), 'by hand'), ', ' ORDER BY key), '') FROM workflow.runs
    WHERE actor = 'schedule:' || schedule AND state IN ('waiting', 'running', 'aborting') $$;
CREATE FUNCTION app.stands(schedule text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', state, to_char(next, 'MM-DD HH24:MI:SS'), 'made', made, 'skipped', skipped) FROM workflow.schedules WHERE name = schedule $$;

-- making
SELECT lives_ok($$ SELECT workflow.create_schedule('hourly', 'note', cron => '0 * * * *', params => '{"text": "$scheduled_at"}') $$, 'a schedule is made');
SELECT is((SELECT to_jsonb(s) - '{created_at}'::text[] FROM workflow.schedules s WHERE name = 'hourly'), '{
    "name": "hourly", "owner": "regress_app", "job": "note", "definition": null, "cron": "0 * * * *", "rule": null, "every": null,
    "zone": "UTC", "state": "active", "reason": null, "note": null, "next": "2030-01-01T01:00:00+00:00", "due": "2030-01-01T01:00:00+00:00",
    "last": null, "last_at": null, "last_id": null, "last_result": null, "made": 0, "skipped": 0, "attempts": 0,
    "params": {"text": "$scheduled_at"}, "starts": null, "ends": null, "overlap": "skip", "catch_up": "one", "gap": "next", "fold": "first",
    "jitter": null, "calendar": null, "priority": null, "engine": "workflow", "suspended_at": null, "queued": null, "tenant": null}', 'with what is so unless it is said');
SELECT is(error($$ SELECT workflow.create_schedule('hourly', 'note', cron => '0 * * * *') $$),
    ARRAY['42710', 'schedule "hourly" already exists', 'HINT: workflow.alter_schedule() changes it.'], 'a name is taken once');
SELECT is(refused(format('SELECT workflow.create_schedule(%s)', a)), r, a) FROM (VALUES
    ('NULL, ''note'', cron => ''0 * * * *''', '22004 argument "name" must not be null'),
    (''''', ''note'', cron => ''0 * * * *''', '22023 a schedule needs a name'),
    ('''a:b'', ''note'', cron => ''0 * * * *''', '22023 the name of a schedule must not contain ":"'),
    ('repeat(''x'', 201), ''note'', cron => ''0 * * * *''', '22001 the name of a schedule is too long'),
    ('''x'', cron => ''0 * * * *''', '22023 a schedule needs either a job or a definition'),
    ('''x'', ''note'', ''loan'', cron => ''0 * * * *''', '22023 a schedule needs either a job or a definition'),
    ('''x'', ''nothing'', cron => ''0 * * * *''', 'WF010 job "nothing" does not exist'),
    ('''x'', definition => ''nothing'', cron => ''0 * * * *''', 'WF006 definition "nothing" does not exist'),
    ('''x'', ''note''', '22023 a schedule needs a cron expression, a rule or an interval'),
    ('''x'', ''note'', cron => ''0 * * * *'', every => ''1 hour''', '22023 a schedule needs a cron expression, a rule or an interval'),
    ('''x'', ''note'', every => ''1 hour'', zone => ''Europe/Nowhere''', '22023 time zone "Europe/Nowhere" not recognized'),
    ('''x'', ''note'', every => ''1 hour'', zone => ''+02:00''', '22023 time zone "+02:00" is no name'),
    ('''x'', ''note'', every => ''1 hour'', starts => ''2031-01-01'', ends => ''2031-01-01''', '22023 a schedule must start before it ends'),
    ('''x'', ''note'', every => ''1 hour'', ends => ''2029-01-01''', '22023 the schedule has no occurrence from now on'),
    ('''x'', ''note'', every => ''1 hour'', overlap => ''wait''', '22023 overlap must be "skip", "queue", "allow" or "cancel", not "wait"'),
    ('''x'', ''note'', every => ''1 hour'', overlap => NULL', '22004 argument "overlap" must not be null'),
    ('''x'', ''note'', every => ''1 hour'', catch_up => ''some''', '22023 catch_up must be "one", "none" or "all", not "some"'),
    ('''x'', ''note'', every => ''1 hour'', gap => ''first''', '22023 gap must be "next" or "skip", not "first"'),
    ('''x'', ''note'', every => ''1 hour'', fold => ''next''', '22023 fold must be "first", "second" or "both", not "next"'),
    ('''x'', ''note'', every => ''1 hour'', jitter => ''-1 s''', '22023 jitter must be between 0 and 31 days'),
    ('''x'', ''note'', every => ''1 hour'', jitter => ''1 month''', '22023 jitter must be between 0 and 31 days'),
    ('''x'', ''note'', every => ''1 hour'', calendar => ''nowhere''', '42704 calendar "nowhere" does not exist'),
    ('''x'', ''note'', every => ''1 hour'', priority => 3', '22023 priority must be between -2 and 2'),
    ('''x'', definition => ''loan'', every => ''1 hour'', priority => 1', '22023 a schedule of a definition has no priority: processes have none'),
    ('''x'', ''note'', cron => ''0 * * * *'', engine => ''pg_cron''', '55000 extension "pg_cron" is not installed in this database'),
    ('''x'', ''note'', every => ''1 hour'', engine => ''steam''', '22023 there is no engine "steam"'),
    ('''x'', ''note'', every => ''1 hour'', params => ''[]''', '22023 params must be an object'),
    ('''x'', ''note'', every => ''1 hour'', params => ''{"other": 1}''', 'WF013 job "note" has no parameter "other"')) t(a, r);
SELECT is((SELECT count(*)::int FROM workflow.schedules), 1, 'nothing of that is left');

-- when it is due
SELECT is(ARRAY(SELECT workflow.next_times('hourly', 3)), '{"2030-01-01 01:00+00","2030-01-01 02:00+00","2030-01-01 03:00+00"}', 'its next times');
SELECT is((SELECT count(*)::int FROM workflow.next_times('hourly')), 10, 'ten of them');
SELECT is(refused(format('SELECT workflow.next_times(%s)', a)), r, a) FROM (VALUES
    ('''nothing''', 'WF010 schedule "nothing" does not exist'), ('''hourly'', 0', '22023 n must be between 1 and 10000'),
    ('''hourly'', 10001', '22023 n must be between 1 and 10000')) t(a, r);
SELECT is(workflow.work_schedules(), 0, 'nothing is due');
CALL clock('2030-01-01 01:00+00');
SELECT is(workflow.work_schedules(), 1, 'it is due');
SELECT is(workflow.work_schedules(), 0, 'once');
SELECT is((SELECT array_agg(ROW(job, key, actor, priority, params)::text) FROM workflow.runs),
    ARRAY['(note,hourly@2030-01-01T01:00:00Z,schedule:hourly,0,"{""text"": ""2030-01-01T01:00:00Z""}")'], 'a run is made that says for whom and when');
SELECT is(stands('hourly'), 'active 01-01 02:00:00 made 1 skipped 0', 'and the next one comes in an hour');
SELECT is((SELECT last_result FROM workflow.schedules), 'waiting', 'what became of the last one');
SELECT is(workflow.work_runs(), 1, 'it is done');
SELECT is((SELECT ROW(last, last_result)::text FROM workflow.schedules), '("2030-01-01 01:00:00+00",finished)', 'it has finished');
SELECT is(texts(), '2030-01-01T01:00:00Z', 'with the time of the occurrence');

-- what was missed: one for all of it, the last one
CALL clock('2030-01-01 05:30+00');
SELECT work() \g /dev/null
SELECT is(texts(), '2030-01-01T05:00:00Z', 'what was missed becomes one');
SELECT is(stands('hourly'), 'active 01-01 06:00:00 made 2 skipped 0', 'and then comes the next one');
SELECT lives_ok($$ SELECT workflow.alter_schedule('hourly', '{"catch_up": "none"}') $$, 'from now on nothing that was missed');
CALL clock('2030-01-01 07:30+00');
SELECT work() \g /dev/null
SELECT is(texts(), '', 'is made');
SELECT is(stands('hourly'), 'active 01-01 08:00:00 made 2 skipped 0', 'the next one is to come');
CALL clock('2030-01-01 08:00:59+00');
SELECT work() \g /dev/null
SELECT is(texts(), '2030-01-01T08:00:00Z', 'what is less than a minute late was not missed');
SELECT lives_ok($$ SELECT workflow.alter_schedule('hourly', '{"catch_up": "all"}') $$, 'or all of it');
CALL clock('2030-01-01 11:30+00');
SELECT work() \g /dev/null
SELECT is(texts(), '2030-01-01T09:00:00Z, 2030-01-01T10:00:00Z, 2030-01-01T11:00:00Z', 'one for each');
SELECT is(stands('hourly'), 'active 01-01 12:00:00 made 6 skipped 0', 'in their order');

-- in slices: a year of seconds is not one transaction
SELECT workflow.create_schedule('seconds', 'outside', every => '1 second', catch_up => 'all') \g /dev/null
CALL clock('2030-01-01 11:50+00');
SELECT is(workflow.work_schedules(), 1, 'a slice of what was missed');
SELECT is((SELECT made::int FROM workflow.schedules WHERE name = 'seconds'), 500, 'is some of it');
SELECT work() \g /dev/null
SELECT is(stands('seconds'), 'active 01-01 11:50:01 made 1200 skipped 0', 'and all in the end');
SELECT is((SELECT count(DISTINCT key)::int FROM workflow.runs WHERE job = 'outside'), 1200, 'each with a time of its own');
SELECT lives_ok($$ SELECT workflow.alter_schedule('seconds', '{"catch_up": "one", "overlap": "allow"}') $$, 'where one is enough');
CALL clock('2040-01-01 00:00+00');
SELECT workflow.alter_schedule('hourly', '{"catch_up": "one"}') \g /dev/null
SELECT is(workflow.work_schedules(1), 1, 'ten years of seconds');
SELECT is(workflow.work_schedules(1), 1, 'and ten of hours');
SELECT is((SELECT max(key) FROM workflow.runs WHERE job = 'outside'), 'seconds@2040-01-01T00:00:00Z', 'become one');
SELECT workflow.drop_schedule('seconds') \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.runs WHERE job = 'outside'), 1201, 'what it made stays when it is dropped');
SELECT is(refused($$ SELECT workflow.drop_schedule('seconds') $$), 'WF010 schedule "seconds" does not exist', 'it is dropped once');
SELECT workflow.drop_schedule('hourly') \g /dev/null
CALL clock('2041-01-01 00:00+00');
SELECT work() \g /dev/null
SELECT is(texts(), '2040-01-01T00:00:00Z', 'of the hours, too');

-- what is not over: it is left out
SELECT workflow.create_schedule(o, 'outside', every => '1 hour', overlap => o) FROM unnest('{skip,queue,allow,cancel}'::text[]) o \g /dev/null
CALL clock('2041-01-01 01:00+00');
SELECT is(workflow.work_schedules(), 4, 'four schedules are due');
CALL clock('2041-01-01 02:00+00');
SELECT work() \g /dev/null
SELECT is(waiting('skip'), '2041-01-01T01:00:00Z', 'skip: while one is not over the next one makes nothing');
SELECT is(waiting('queue'), '2041-01-01T01:00:00Z, 2041-01-01T02:00:00Z', 'queue: one waits');
SELECT is(waiting('allow'), '2041-01-01T01:00:00Z, 2041-01-01T02:00:00Z', 'allow: they are made beside it');
SELECT is(waiting('cancel'), '2041-01-01T02:00:00Z', 'cancel: the first one is cancelled');
SELECT is((SELECT waits_for FROM workflow.get_run((SELECT run FROM workflow.runs WHERE key = 'queue@2041-01-01T02:00:00Z'))), 'runs', 'what is queued waits for the first one');
CALL clock('2041-01-01 03:00+00');
SELECT work() \g /dev/null
SELECT is(waiting('queue'), '2041-01-01T01:00:00Z, 2041-01-01T02:00:00Z', 'queue: no more than one waits');
SELECT is((SELECT string_agg(concat(name, ' ', made, ' ', skipped), ', ' ORDER BY name) FROM workflow.schedules),
    'allow 3 0, cancel 3 0, queue 2 1, skip 1 2', 'what was left out is counted');
SELECT FROM workflow.cancel_run((SELECT run FROM workflow.runs WHERE key = 'queue@2041-01-01T01:00:00Z'));
SELECT is((SELECT waits_for FROM workflow.get_run((SELECT run FROM workflow.runs WHERE key = 'queue@2041-01-01T02:00:00Z'))), 'turn', 'the end of the first one, whatever it is, lets the next one go');
SELECT FROM workflow.cancel_run((SELECT last_id FROM workflow.schedules WHERE name = 'skip'));
CALL clock('2041-01-01 04:00+00');
SELECT work() \g /dev/null
SELECT is(waiting('skip'), '2041-01-01T04:00:00Z', 'skip: when it is over, the next one is made');
SELECT is(waiting('queue'), '2041-01-01T02:00:00Z, 2041-01-01T04:00:00Z', 'queue: and so may the next one wait');

-- by hand
SELECT workflow.trigger_now('skip') AS hand \gset
SELECT is((SELECT ROW(key, actor, state)::text FROM workflow.runs WHERE run = :'hand'), '(,schedule:skip,waiting)', 'a run is made by hand whatever was made before');
SELECT is((SELECT last_id FROM workflow.schedules WHERE name = 'skip'), :'hand', 'it is the last one');
SELECT FROM workflow.cancel_run((SELECT run FROM workflow.runs WHERE key = 'skip@2041-01-01T04:00:00Z'));
CALL clock('2041-01-01 05:00+00');
SELECT work() \g /dev/null
SELECT is(waiting('skip'), 'by hand', 'and is not over');
SELECT is((SELECT next FROM workflow.schedules WHERE name = 'skip'), '2041-01-01 06:00+00', 'the next occurrence stays where it is');
SELECT is(workflow.trigger_now('skip', due => true), NULL, 'nothing is due that was not fired');
SELECT is(refused('SELECT workflow.trigger_now(''skip'', NULL)'), '22004 argument "due" must not be null', 'due or not');
SELECT is(refused('SELECT workflow.trigger_now(''nothing'')'), 'WF010 schedule "nothing" does not exist', 'of a schedule that there is');

-- a pause
SELECT lives_ok($$ SELECT workflow.pause_schedule('allow', 'the bank is closed') $$, 'a schedule is paused');
SELECT is((SELECT ROW(state, note, next, due)::text FROM workflow.schedules WHERE name = 'allow'),
    '(paused,"the bank is closed","2041-01-01 06:00:00+00",)', 'and says why');
CALL clock('2041-01-01 08:30+00');
SELECT work() \g /dev/null
SELECT is((SELECT made::int FROM workflow.schedules WHERE name = 'allow'), 5, 'it makes nothing');
SELECT isnt(workflow.trigger_now('allow'), NULL, 'but by hand');
SELECT lives_ok($$ SELECT workflow.resume_schedule('allow') $$, 'the pause is over');
SELECT is((SELECT ROW(state, note, due)::text FROM workflow.schedules WHERE name = 'allow'), '(active,,"2041-01-01 06:00:00+00")', 'it was missed');
SELECT work() \g /dev/null
SELECT is(stands('allow'), 'active 01-01 09:00:00 made 7 skipped 0', 'and what was missed becomes one');
SELECT workflow.drop_schedule(name) FROM workflow.schedules \g /dev/null

-- backfill
SELECT workflow.create_schedule('daily', 'note', cron => '0 9 * * *', zone => 'Europe/Berlin', params => '{"text": "$scheduled_at"}', priority => 2) \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.backfill('daily', '2040-12-20', '2040-12-24')), 4, 'past occurrences are made');
SELECT is((SELECT count(*)::int FROM workflow.backfill('daily', '2040-12-19 08:00+00', '2040-12-25 08:00+00')), 3, 'those that were not, with both ends');
SELECT is((SELECT count(*)::int FROM workflow.backfill('daily', '2040-12-20', '2040-12-24')), 0, 'each once');
SELECT is((SELECT count(*)::int FROM workflow.backfill('daily', '2041-01-01', '2042-01-01')), 1, 'but none that are to come');
SELECT is((SELECT array_agg(DISTINCT priority) FROM workflow.runs WHERE job = 'note' AND state = 'waiting'), '{2}', 'they are as urgent as it says');
SELECT work() \g /dev/null
SELECT is(texts(), '2040-12-20T08:00:00Z, 2040-12-21T08:00:00Z, 2040-12-22T08:00:00Z, 2040-12-23T08:00:00Z, '
    '2040-12-19T08:00:00Z, 2040-12-24T08:00:00Z, 2040-12-25T08:00:00Z, 2041-01-01T08:00:00Z', 'they are done');
SELECT is(refused(format('SELECT workflow.backfill(%s)', a)), r, a) FROM (VALUES
    ('''daily'', NULL, now()', '22004 argument "from_at" must not be null'), ('''daily'', now(), NULL', '22004 argument "to_at" must not be null'),
    ('''daily'', ''-infinity'', now()', '22008 argument "from_at" must be finite'), ('''nothing'', now(), now()', 'WF010 schedule "nothing" does not exist'),
    ('''daily'', ''1900-01-01'', ''2040-01-01''', '54000 the schedule has too many occurrences between these times')) t(a, r);
SELECT is((SELECT count(*)::int FROM workflow.backfill('daily', '2041-01-01', '2040-01-01')), 0, 'between times in the wrong order there is nothing');

-- other settings
SELECT is(refused(format('SELECT workflow.alter_schedule(''daily'', %L)', c)), r, coalesce(c, 'null')) FROM (VALUES
    (NULL, '22004 argument "changes" must not be null'), ('[]', '22023 changes must be an object'), ('1', '22023 changes must be an object'),
    ('{"name": "x"}', '22023 there is no setting "name"'), ('{"engine": "pg_cron"}', '22023 there is no setting "engine"'),
    ('{"zone": "UTC+3"}', '22023 time zone "UTC+3" is no name'),
    ('{"cron": 5}', '22023 cron must be a string'), ('{"every": 5}', '22023 every must be an interval in a string'),
    ('{"starts": true}', '22023 starts must be a time in a string'), ('{"priority": "1"}', '22023 priority must be a number'),
    ('{"priority": 1.5}', '22P02 invalid input syntax for type integer: "1.5"'),
    ('{"priority": 5}', '22023 priority must be between -2 and 2'), ('{"overlap": null}', '22004 argument "overlap" must not be null'),
    ('{"overlap": "no"}', '22023 overlap must be "skip", "queue", "allow" or "cancel", not "no"'),
    ('{"every": "1 hour"}', '22023 a schedule needs a cron expression, a rule or an interval'), ('{"params": 1}', '22023 params must be an object'),
    ('{"every": "soon"}', '22007 invalid input syntax for type interval: "soon"'), ('{"job": "nothing"}', 'WF010 job "nothing" does not exist'),
    ('{"job": null}', '22023 a schedule needs either a job or a definition')) t(c, r);
SELECT lives_ok($$ SELECT workflow.alter_schedule('daily', '{"cron": null, "every": "1 day", "starts": "2041-01-05 12:00+00", "priority": null, "jitter": "1 hour"}') $$, 'some settings are changed');
SELECT is((SELECT ROW(next, cron, every, zone, priority)::text FROM workflow.schedules), '("2041-01-05 12:00:00+00",,"1 day",Europe/Berlin,)', 'the others stay');
SELECT ok(due > next AND due <= next + '1 hour', 'jitter puts it off a little') FROM workflow.schedules;
SELECT is((SELECT due FROM workflow.schedules), (SELECT due FROM workflow.schedules, workflow.alter_schedule('daily', '{"jitter": "1 hour"}')), 'always the same');
SELECT workflow.alter_schedule('daily', '{"jitter": null, "ends": "2041-01-06 13:00+00"}') \g /dev/null
SELECT is(ARRAY(SELECT workflow.next_times('daily')), '{"2041-01-05 12:00+00","2041-01-06 12:00+00"}', 'it ends');
CALL clock('2041-01-07 00:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(state, next, due)::text FROM workflow.schedules), '(ended,,)', 'and has ended then');
SELECT workflow.drop_schedule('daily') \g /dev/null

-- days off
SELECT workflow.define_calendar('office', '{"zone": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]]}, "holidays": ["2041-01-14"]}');
SELECT workflow.create_schedule('working', 'note', cron => '0 23 * * *', calendar => 'office') \g /dev/null

SELECT is((SELECT string_agg(to_char(t AT TIME ZONE 'Europe/Berlin', 'Dy DD HH24'), ', ') FROM workflow.next_times('working', 4) t),
    'Tue 08 00, Tue 15 00, Mon 21 00, Tue 22 00', 'days without working time, where the calendar is, are left out');
SELECT workflow.drop_calendar('office') \g /dev/null
SELECT is(refused($$ SELECT workflow.next_times('working') $$), '42704 calendar "office" does not exist', 'it needs its calendar');
SELECT workflow.drop_schedule('working') \g /dev/null

-- processes
SELECT workflow.create_schedule('loans', definition => 'loan', every => '1 hour', params => '{"by": "$schedule", "deep": [{"at": "$scheduled_at", "no": "$scheduled_at!"}]}') \g /dev/null
CALL clock('2041-01-07 01:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(p.definition, p.key, p.context)::text FROM workflow.processes p),
    '(loan,loans@2041-01-07T01:00:00Z,"{""by"": ""loans"", ""deep"": [{""at"": ""2041-01-07T01:00:00Z"", ""no"": ""$scheduled_at!""}]}")', 'a process is started');
SELECT is((SELECT last_result FROM workflow.schedules), 'idled', 'and seen in the schedule');
CALL clock('2041-01-07 02:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.processes), 1, 'while it is not over no other one is');
SELECT FROM workflow.send((SELECT last_id FROM workflow.schedules), 'go');
CALL clock('2041-01-07 03:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.processes), 2, 'then it is');
SELECT workflow.alter_schedule('loans', '{"overlap": "cancel"}') \g /dev/null
CALL clock('2041-01-07 04:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT string_agg(status::text, ', ' ORDER BY key) FROM workflow.processes), 'finalized, terminated, idled', 'or the first one is cancelled');
SELECT isnt(workflow.trigger_now('loans'), NULL, 'one is started by hand');
SELECT is((SELECT count(*)::int FROM workflow.backfill('loans', '2041-01-07 02:00+00', '2041-01-07 03:00+00')), 1, 'and what was left out is made up for');
SELECT workflow.drop_schedule('loans') \g /dev/null

-- a process that waits for the one before
CREATE FUNCTION app.loans() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(substr(key, 18, 5) || ' ' || status, ', ' ORDER BY key) FROM workflow.processes WHERE key ~ '^queue@' $$;
CREATE FUNCTION app.end_of(hour text) RETURNS void LANGUAGE sql AS $$
    SELECT workflow.send(id, 'go') FROM workflow.processes WHERE key = format('queue@2041-01-08T%s:00Z', hour) $$;
CALL clock('2041-01-08 00:30+00');
SELECT workflow.create_schedule('queue', definition => 'loan', every => '1 hour', starts => '2041-01-08 01:00+00', ends => '2041-01-08 06:00+00', overlap => 'queue', catch_up => 'none') \g /dev/null
CALL clock('2041-01-08 01:00+00');
SELECT work() \g /dev/null
CALL clock('2041-01-08 02:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(state, queued, next, due, made, skipped)::text FROM workflow.schedules),
    '(active,"2041-01-08 02:00:00+00","2041-01-08 03:00:00+00","2041-01-08 02:00:01+00",1,0)', 'queue: a process waits, which is looked at soon');
CALL clock('2041-01-08 02:10+00');
SELECT work() \g /dev/null
SELECT is((SELECT due FROM workflow.schedules), '2041-01-08 02:11+00', 'and again, less often the longer it waits');
CALL clock('2041-01-08 03:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(queued, next, made, skipped)::text FROM workflow.schedules), '("2041-01-08 02:00:00+00","2041-01-08 04:00:00+00",1,1)', 'no more than one waits');
SELECT end_of('01:00') \g /dev/null
CALL clock('2041-01-08 03:30+00');
SELECT work() \g /dev/null
SELECT is(loans(), '01:00 finalized, 02:00 idled', 'when the first one is over it is started, however late it is');
SELECT is((SELECT ROW(queued, next, due, made, skipped)::text FROM workflow.schedules), '(,"2041-01-08 04:00:00+00","2041-01-08 04:00:00+00",2,1)', 'and nothing waits');
CALL clock('2041-01-08 04:00+00');
SELECT work() \g /dev/null
SELECT end_of('02:00') \g /dev/null
CALL clock('2041-01-08 05:00+00');
SELECT work() \g /dev/null
SELECT is(loans(), '01:00 finalized, 02:00 finalized, 04:00 idled', 'what waited goes before what is due now');
SELECT is((SELECT queued FROM workflow.schedules), '2041-01-08 05:00+00', 'which waits then');
SELECT workflow.pause_schedule('queue'), end_of('04:00') \g /dev/null
CALL clock('2041-01-08 05:30+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(state, due, made)::text FROM workflow.schedules), '(paused,,3)', 'not in a pause');
SELECT workflow.resume_schedule('queue') \g /dev/null
CALL clock('2041-01-08 05:31+00');
SELECT work() \g /dev/null
SELECT is(loans(), '01:00 finalized, 02:00 finalized, 04:00 finalized, 05:00 idled', 'but when that is over');
CALL clock('2041-01-08 06:00+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(state, queued, next)::text FROM workflow.schedules), '(active,"2041-01-08 06:00:00+00",)', 'while one waits a schedule has not ended');
SELECT workflow.alter_schedule('queue', '{"overlap": "allow"}') \g /dev/null
CALL clock('2041-01-08 06:30+00');
SELECT work() \g /dev/null
SELECT is((SELECT ROW(state, queued, made, skipped)::text FROM workflow.schedules), '(ended,,5,1)', 'with another word for it, it waits no longer');
SELECT workflow.drop_schedule('queue') \g /dev/null

-- errors: of an executor they are recorded, by hand they are thrown
SELECT workflow.create_schedule('gone', 'spare', cron => '0 * * * *') FROM workflow.create_job('spare', 'SELECT 1') \g /dev/null
SELECT workflow.drop_job('spare') \g /dev/null
CALL clock('2041-01-08 07:00+00');
SELECT is(refused('SELECT workflow.work_schedules()'), 'WF010 job "spare" does not exist', 'a job that was dropped cannot be run');
SELECT is(refused('SELECT workflow.trigger_now(''gone'')'), 'WF010 job "spare" does not exist', 'nor by hand');
SELECT is(stands('gone'), 'active 01-08 07:00:00 made 0 skipped 0', 'the occurrence is the next one still');

-- rights
RESET ROLE;
SET ROLE regress_clerk;
SELECT is((SELECT count(*)::int FROM workflow.schedules), 0, 'others do not see it');
SELECT is(refused(format('SELECT workflow.%s', c)), 'WF002 permission denied to ' || r || ' schedule "gone"', c) FROM (VALUES
    ('next_times(''gone'')', 'read'), ('trigger_now(''gone'')', 'manage'), ('pause_schedule(''gone'')', 'manage'),
    ('resume_schedule(''gone'')', 'manage'), ('drop_schedule(''gone'')', 'manage'), ('alter_schedule(''gone'', ''{}'')', 'manage'),
    ('backfill(''gone'', now(), now())', 'manage'), ('grant_on(''schedule:gone'', ''regress_clerk'', ''read'')', 'manage')) t(c, r);
SELECT is(refused($$ SELECT workflow.create_schedule('mine', 'note', every => '1 hour') $$), 'WF002 permission denied to run job "note"', 'whoever makes one may run the job');
SELECT is(refused($$ SELECT workflow.create_schedule('mine', definition => 'loan', every => '1 hour') $$),
    'WF002 role "regress_clerk" may not start definition "loan"', 'or start the processes');
RESET ROLE;
SET ROLE regress_app;
SELECT is(refused(format('SELECT workflow.grant_on(%s)', a)), r, a) FROM (VALUES
    ('''schedule:nothing'', ''regress_clerk'', ''read''', 'WF010 schedule "nothing" does not exist'),
    ('''schedule:gone'', ''regress_clerk'', ''run''', '22023 unknown privilege "run"')) t(a, r);
SELECT lives_ok($$ SELECT workflow.grant_on('schedule:gone', 'regress_clerk', 'read') $$, 'others may read it');
RESET ROLE;
SET ROLE regress_clerk;
SELECT is((SELECT name FROM workflow.schedules), 'gone', 'and then they do');
SELECT is((SELECT count(*)::int FROM workflow.next_times('gone', 2)), 2, 'with its times');
SELECT is(refused('SELECT workflow.pause_schedule(''gone'')'), 'WF002 permission denied to manage schedule "gone"', 'but nothing else');
RESET ROLE;
SET ROLE regress_app;
SELECT lives_ok($$ SELECT workflow.grant_on('schedule:gone', 'regress_clerk', 'manage') $$, 'others may manage it');
SELECT workflow.alter_schedule('gone', '{"job": "note"}') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
SELECT isnt(workflow.trigger_now('gone'), NULL, 'with the rights of its owner');
SELECT lives_ok($$ SELECT workflow.alter_schedule('gone', '{"overlap": "allow"}') $$, 'change it');
SELECT is(refused($$ SELECT workflow.alter_schedule('gone', '{"job": "outside"}') $$), 'WF002 permission denied to run job "outside"', 'but not what it makes, beyond their own rights');
RESET ROLE;
SET ROLE regress_app;
SELECT is((SELECT array_agg(DISTINCT started_by) FROM workflow.runs WHERE actor = 'schedule:gone'), '{regress_app}', 'it is the owner who makes runs');

-- another owner
RESET ROLE;
SELECT is((SELECT string_agg(problem, ', ') FROM workflow.check()), NULL, 'everything fits together');
SELECT workflow.change_owner('schedule:gone', 'regress_clerk') \g /dev/null
SELECT is((SELECT owner FROM workflow.schedules)::text, 'regress_clerk', 'it is given to another role');
SET ROLE regress_clerk;
SELECT is(refused('SELECT workflow.work_schedules()'), 'WF002 permission denied to run job "note"', 'whose rights count from then on');
SELECT workflow.drop_schedule('gone') \g /dev/null
RESET ROLE;
SELECT is((SELECT count(*)::int FROM workflow.permission WHERE definition = 'schedule:gone'), 0, 'grants end with it');

-- housekeeping by pg_cron, which is not here: t/pg_cron.pl has it
SELECT is(refused(format('SELECT workflow.install_cron(%s)', a)), r, a) FROM (VALUES
    ('', '55000 extension "pg_cron" is not installed in this database'), ('NULL', '55000 extension "pg_cron" is not installed in this database'),
    ('''0''', '22023 the retention must be positive'), ('''200 years''', '22023 the retention must not be longer than 36600 days'), ('''1 month -40 days''', '22023 the retention must be positive')) t(a, r);
SELECT lives_ok('SELECT workflow.remove_cron()', 'where pg_cron is not installed nothing is to be removed');
SET ROLE regress_app;
SELECT is(refused('SELECT workflow.install_cron()'), '42501 permission denied for function install_cron', 'it is for administrators');

SELECT finish();
ROLLBACK;
