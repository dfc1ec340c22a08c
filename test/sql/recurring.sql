\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Delays that are recurrences.

SELECT workflow.define_calendar('office', '{"zone": "Europe/Vienna", "hours": {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]], "fri": [["09:00", "17:00"]]}}') \g /dev/null
-- A definition one of whose states enters itself each time that comes.
CREATE FUNCTION app.recurring(delay text, more text DEFAULT '') RETURNS uuid LANGUAGE sql AS $$
    SELECT workflow.define(format('{"id": "recurs", "initial": "a", "timezone": "Europe/Vienna", "delays": {"d": %s}, "states": {"a": {"after": {"d": {"target": "a", "reenter": true %s}}, "on": {"again": {"target": "a", "reenter": true}}}}}', delay, more)::json);
    SELECT workflow.start('recurs');
$$;
-- The next times of its timer, in Vienna, each of them worked when it is due.
CREATE FUNCTION app.times(process uuid, n int) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    times text[] := '{}';
    t timestamptz;
BEGIN
    FOR i IN 1 .. n LOOP
        SELECT due INTO t FROM workflow.timers WHERE timers.process = times.process;
        EXIT WHEN t IS NULL;
        times := times || to_char(t AT TIME ZONE 'Europe/Vienna', 'YYYY-MM-DD HH24:MI');
        CALL app.clock(t);
        PERFORM workflow.work();
    END LOOP;
    RETURN times;
END
$$;

-- every
SELECT app.recurring('{"every": "1 month", "anchor": "2029-10-31T09:00"}') AS p \gset
SELECT is(times(:'p', 5), '{"2030-01-31 09:00","2030-02-28 09:00","2030-03-31 09:00","2030-04-30 09:00","2030-05-31 09:00"}', 'the 31st stays the 31st');
CALL clock('2030-01-01');
SELECT app.recurring('{"every": "P1D", "anchor": "2030-03-29T02:30"}') AS p \gset
SELECT is(times(:'p', 4), '{"2030-03-29 02:30","2030-03-30 02:30","2030-03-31 03:00","2030-04-01 02:30"}', 'a time comes back after the night without it');
CALL clock('2030-01-01');
SELECT app.recurring('{"every": "1 day", "anchor": "2030-03-29T02:30", "gap": "skip"}') AS p \gset
SELECT is(times(:'p', 4), '{"2030-03-29 02:30","2030-03-30 02:30","2030-04-01 02:30","2030-04-02 02:30"}', 'or is left out there');
CALL clock('2030-01-01');
SELECT app.recurring('{"every": "90 minutes", "anchor": "2030-10-27T00:00:00+02:00"}') AS p \gset
SELECT is(times(:'p', 4), '{"2030-10-27 00:00","2030-10-27 01:30","2030-10-27 02:00","2030-10-27 03:30"}', 'hours go by');
CALL clock('2030-01-01');
SELECT app.recurring('{"every": "1 day", "anchor": "2030-01-01", "zone": "Asia/Tokyo"}') AS p \gset
SELECT is(times(:'p', 2), '{"2030-01-01 16:00","2030-01-02 16:00"}', 'in a zone of its own');

-- cron
CALL clock('2030-10-26');
SELECT app.recurring('{"cron": "30 2 * * *"}') AS p \gset
SELECT is(times(:'p', 3), '{"2030-10-26 02:30","2030-10-27 02:30","2030-10-28 02:30"}', 'a cron expression');
SELECT is((SELECT array_agg(e.due) FROM (SELECT due FROM workflow.process_history WHERE process = :'p' AND due IS NOT NULL ORDER BY step) e), '{2030-10-26 00:30+00,2030-10-27 00:30+00,2030-10-28 01:30+00}', 'the first one of two equal times');
CALL clock('2030-10-26');
SELECT app.recurring('{"cron": "30 2 * * *", "fold": "second"}') AS p \gset
SELECT is((times(:'p', 3), (SELECT array_agg(e.due) FROM (SELECT due FROM workflow.process_history WHERE process = :'p' AND due IS NOT NULL ORDER BY step) e))::text,
    '("{""2030-10-26 02:30"",""2030-10-27 02:30"",""2030-10-28 02:30""}",)', 'or the second');
SELECT is((SELECT array_agg(e.due) FROM (SELECT due FROM workflow.process_history WHERE process = :'p' AND due IS NOT NULL ORDER BY step) e), '{2030-10-26 00:30+00,2030-10-27 01:30+00,2030-10-28 01:30+00}', 'as it says');
CALL clock('2030-01-01 02:30+01');
SELECT app.recurring('{"cron": "30 2 * * *"}') AS p \gset
SELECT is(times(:'p', 1), '{"2030-01-02 02:30"}', 'not the time at which it begins');
CALL clock('2030-01-01');
SELECT app.recurring('{"cron": "0 9 * * *", "calendar": "office"}') AS p \gset
SELECT is(times(:'p', 4), '{"2030-01-01 09:00","2030-01-04 09:00","2030-01-07 09:00","2030-01-08 09:00"}', 'on working days only');
CALL clock('2030-01-01');
SELECT workflow.define_calendar('never', '{"zone": "Europe/Vienna", "exceptions": {"2020-05-01": [["10:00", "12:00"]]}}') \g /dev/null
SELECT app.recurring('{"cron": "0 9 * * *", "calendar": "never"}') AS p \gset
SELECT is(times(:'p', 1), '{}', 'of which there may be none');

-- rule
SELECT app.recurring('{"rule": "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "anchor": "2030-01-25T17:00"}') AS p \gset
SELECT is(times(:'p', 5), '{"2030-01-25 17:00","2030-02-22 17:00","2030-03-29 17:00"}', 'a rule, as often as it says');
SELECT is(states(:'p'), 'a', 'then there is no timer');

-- an anchor that is computed
CALL clock('2030-01-01');
SELECT workflow.define('{"id": "since", "initial": "a", "timezone": "Europe/Vienna", "states": {"a": {"after": {"d": {"target": "a", "reenter": true}}}}, "delays": {"d": {"every": "1 month", "anchor": {"@expr": "(context->>''since'')::date"}}}}') \g /dev/null
SELECT is(times(workflow.start('since', '{"since": "1999-12-31"}'), 3), '{"2030-01-31 00:00","2030-02-28 00:00","2030-03-31 00:00"}', 'an anchor from the context');
SELECT is(times(workflow.start('since', '{"since": "2031-12-24"}'), 2), '{"2031-12-24 00:00","2032-01-24 00:00"}', 'that is still to come');
SELECT is(times(workflow.start('since'), 1), '{}', 'without it there is no timer');
SELECT is((error('SELECT workflow.start(''since'', ''{"since": "infinity"}'')'))[1], '22023', 'it is a time');

-- what was missed
CALL clock('2030-01-01');
SELECT app.recurring('{"cron": "0 12 * * *"}') AS p \gset
CALL clock('2030-01-04 13:00');
SELECT workflow.work() \g /dev/null
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'p' AND due IS NOT NULL), 1::bigint, 'what was missed comes once');
SELECT is(timers(:'p'), 'd 2030-01-05 11:00:00', 'then the next one');
CALL clock('2030-01-01');
SELECT app.recurring('{"cron": "0 12 * * *", "catch_up": "all"}') AS p \gset
CALL clock('2030-01-04 13:00');
SELECT workflow.work(100) \g /dev/null
SELECT workflow.work(100) \g /dev/null
SELECT workflow.work(100) \g /dev/null
SELECT workflow.work(100) \g /dev/null
SELECT is((SELECT array_agg(to_char(due, 'DD HH24') ORDER BY step) FROM workflow.process_history WHERE process = :'p' AND due IS NOT NULL), '{"01 11","02 11","03 11","04 11"}', 'or each of them');
SELECT is(timers(:'p'), 'd 2030-01-05 11:00:00', 'then the next one');

-- keep, set_timer, reset_timer, migrate
SELECT app.recurring('{"cron": "0 12 * * *"}', ', "keep": true') AS p \gset
SELECT workflow.set_timer(:'p', 'd', '2030-01-10 00:00+00') \g /dev/null
SELECT workflow.send(:'p', 'again') \g /dev/null
SELECT is(timers(:'p'), 'd 2030-01-10 00:00:00', 'keep: it goes on with its time');
SELECT is(workflow.reset_timer(:'p', 'd'), '2030-01-05 11:00+00', 'reset_timer() works it out anew');
SELECT workflow.define('{"id": "recurs", "initial": "a", "timezone": "Europe/Vienna", "states": {"a": {"after": {"e": "a"}}}, "delays": {"e": {"cron": "0 8 * * 1"}}}') \g /dev/null
SELECT workflow.migrate(:'p') \g /dev/null
SELECT is(timers(:'p'), 'e 2030-01-07 07:00:00', 'a migrated process has the timer of the new version');

-- tasks, events for later, dry_run, simulate
SELECT workflow.define('{"id": "asks", "initial": "a", "timezone": "Europe/Vienna", "states": {"a": {"entry": {"type": "raise", "event": "later", "delay": {"cron": "0 6 * * *"}},
    "task": {"for": "x", "due": {"cron": "0 17 * * 5"}, "onDue": "b"}, "on": {"yes": "b", "go": "a"}}, "b": {}}}') \g /dev/null
SELECT workflow.start('asks') AS p \gset
SELECT is(timers(:'p'), 'task.due 2030-01-04 16:00:00, later 2030-01-05 05:00:00', 'tasks are due at such times, and events');
SELECT is((SELECT due FROM workflow.inbox('x')), '2030-01-04 16:00+00', 'as the inbox shows');
SELECT is((SELECT array_agg(to_char(at, 'MM-DD HH24:MI') ORDER BY at) FROM workflow.simulate('{"id": "x", "initial": "a", "timezone": "Europe/Vienna", "delays": {"d": {"every": "1 month", "anchor": "2029-10-31T09:00"}},
    "states": {"a": {"after": {"d": {"target": "a", "reenter": true}}}}}'::json, '[{"at": "2030-04-02"}]', start => '2030-01-01')), '{"01-01 00:00","01-31 08:00","02-28 08:00","03-31 07:00"}', 'a simulation lets the time pass');
SELECT workflow.define('{"id": "waits", "initial": "a", "timezone": "Europe/Vienna", "states": {"a": {"on": {"go": "b"}}, "b": {"after": {"d": "a"}}}, "delays": {"d": {"cron": "0 6 * * *"}}}') \g /dev/null
SELECT is((SELECT effects->3->>'due' FROM workflow.dry_run(workflow.start('waits'), 'go')), '2030-01-05T05:00:00+00:00', 'a dry run tells when it is due');

-- looks
SELECT workflow.define('{"id": "looks", "initial": "a", "delays": {"d": {"every": "PT30D", "anchor": "2030-01-01 09:00Z", "zone": "UTC", "gap": "skip", "fold": "second", "calendar": "office", "catch_up": "all"}, "e": {"cron": "@daily"}, "f": {"rule": "FREQ=DAILY", "anchor": {"@expr": "now()"}}},
    "states": {"a": {"after": {"d": "a", "e": "a", "f": "a"}, "on": {"y": null, "x": {"actions": {"type": "raise", "event": "y", "delay": {"cron": "0 0 * * *"}}}}}}}') \g /dev/null
SELECT is((SELECT chart->'delays' FROM workflow.definitions WHERE name = 'looks')::text, '{"d":{"every":"P30D","anchor":"2030-01-01 09:00Z","zone":"UTC","gap":"skip","fold":"second","calendar":"office","catch_up":"all"},"e":{"cron":"@daily"},"f":{"rule":"FREQ=DAILY","anchor":{"@expr":"now()"}}}', 'the canonical form');
SELECT is(workflow.define((SELECT chart FROM workflow.definitions WHERE name = 'looks')), 1, 'which means the same');
SELECT matches(workflow.diagram('looks', format => 'dot'), 'y after 0 0 \* \* \*', 'in a diagram');
SELECT is((workflow.export('looks')->'meta'->'workflow'->'implement'->'delays'->'e')::text, '{"cron":"@daily"}', 'XState has to be told');
SELECT is((SELECT count(*) FROM workflow.lint('looks')), 0::bigint, 'nothing is wrong with it');
SELECT workflow.drop_calendar('office') \g /dev/null
SELECT is((SELECT array_agg(rule || ' ' || path) FROM workflow.lint('looks')), '{"missing_calendar $.delays.d"}', 'but that its calendar was dropped');

-- faults
SELECT is(array_to_string(faults(format('{"id": "bad", "initial": "a", "delays": {"d": %s}, "states": {"a": {"after": {"d": "a"}}}}', d)), '; '), r, r) FROM (VALUES
    ('{"cron": "x"}', '$.delays.d: invalid cron expression: it has 1 field'),
    ('{"cron": "0 0 30 2 *"}', '$.delays.d: the cron expression "0 0 30 2 *" never comes'),
    ('{"cron": 5}', '$.delays.d.cron: must be of type string, not number'),
    ('{"cron": "* * * * *", "every": "1 day"}', '$.delays.d: one of "cron", "rule" and "every" must be given'),
    ('{"every": "1 day"}', '$.delays.d: "anchor" is missing (Write when it happens for the first time: "2026-01-31T09:00".)'),
    ('{"every": "1 day", "anchor": "31.1.2026"}', '$.delays.d.anchor: "31.1.2026" is not a time (Write when it happens for the first time: "2026-01-31T09:00".)'),
    ('{"every": "1 day", "anchor": "2026-02-30"}', '$.delays.d: date/time field value out of range: "2026-02-30"'),
    ('{"every": "1 day", "anchor": {"@expr": "interval ''1 day''"}}', '$.delays.d: the anchor of a recurrence must be a time (Cast it to timestamptz, timestamp or date.)'),
    ('{"every": "often", "anchor": "2026-01-01"}', '$.delays.d.every: "often" is not a duration (Write ISO 8601 ("P1M") or an interval ("1 month").)'),
    ('{"every": "0 days", "anchor": "2026-01-01"}', '$.delays.d: the interval of a recurrence must be at least one second'),
    ('{"every": "1 ms", "anchor": "2026-01-01"}', '$.delays.d: the interval of a recurrence must be at least one second'),
    ('{"cron": "0 0 * * *", "anchor": "2026-01-01"}', '$.delays.d.anchor: a cron expression has no anchor'),
    ('{"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "anchor": "2026-01-01"}', '$.delays.d: the recurrence rule "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" never comes'),
    ('{"rule": "FREQ=OFTEN", "anchor": "2026-01-01"}', '$.delays.d: invalid recurrence rule: "OFTEN" is not understood (It is YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY.)'),
    ('{"cron": "0 0 * * *", "zone": "UTC+3"}', '$.delays.d: time zone "UTC+3" is no name (Write a name of pg_timezone_names: "Europe/Berlin".)'),
    ('{"cron": "0 0 * * *", "zone": "Nowhere"}', '$.delays.d: time zone "Nowhere" not recognized (Write a name of pg_timezone_names: "Europe/Berlin".)'),
    ('{"cron": "0 0 * * *", "gap": "both"}', '$.delays.d.gap: must be "next" or "skip", not "both"'),
    ('{"cron": "0 0 * * *", "calendar": "none"}', '$.delays.d: calendar "none" does not exist (Store it with workflow.define_calendar().)'),
    ('{"cron": "0 0 * * *", "jitter": "1 s"}', '$.delays.d.jitter: unknown key "jitter"'),
    ('{"duration": "1 h", "calendar": "never", "anchor": "2026-01-01"}', '$.delays.d.anchor: unknown key "anchor"')) t(d, r);
SELECT is(faults('{"id": "bad", "initial": "a", "step_timeout": {"cron": "0 0 * * *"}, "states": {"a": {}}}'), '{"$.step_timeout: \"step_timeout\" cannot be a recurrence (Write a duration: \"5 seconds\".)"}', 'a limit is no recurrence');

\set end :srcdir '/end.psql'
\i :end
