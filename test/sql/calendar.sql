\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- what a calendar may be
CREATE FUNCTION app.calendar_faults(calendar jsonb) RETURNS text[] LANGUAGE sql AS $$
    SELECT CASE WHEN e[1] = 'WF007' THEN e[3:] ELSE e END FROM error(format('SELECT workflow.define_calendar(''faulty'', %L)', calendar)) e
$$;
SELECT is(calendar_faults('{"zone": "Berlin2", "hours": {"mon": [["09:00", "17:00"]]}}'), ARRAY['$.zone: time zone "BERLIN2" is no name (Write a name of pg_timezone_names: "Europe/Berlin".)'], 'a zone of POSIX, 2 hours to the west');
SELECT is(calendar_faults('{"zone": "Europe/Nowhere", "hour": {}, "hours": {"mon": [["9:00", "17:00"], ["17:00", "09:00"], ["09:00"], "x"], "munday": [], "tue": 8,
                          "wed": [["09:00", "12:00"], ["11:00", "13:00"]], "thu": [["00:00", "24:01"]]},
                          "holidays": ["2026-02-29", 7, "2026-12-25"], "exceptions": {"2026-12-25": [], "tomorrow": []}}'),
    ARRAY['$.hour: unknown key "hour" (Did you mean "hours"?)',
          '$.zone: time zone "Europe/Nowhere" not recognized (See the view pg_timezone_names.)',
          '$.hours.mon[0][0]: must be a time of day (Write "09:00"; the end of a day is "24:00".)',
          '$.hours.mon[1]: must end after it begins (Split it at midnight: until "24:00", and from "00:00" on the next day.)',
          '$.hours.mon[2]: must be an array of two times (Write ["09:00", "17:00"].)',
          '$.hours.mon[3]: must be an array of two times (Write ["09:00", "17:00"].)',
          '$.hours.thu[0][1]: must be a time of day (Write "09:00"; the end of a day is "24:00".)',
          '$.hours.tue: must be of type array, not number',
          '$.hours.wed: times overlap',
          '$.hours.munday: there is no day "munday" (Days are mon, tue, wed, thu, fri, sat, sun.)',
          '$.holidays[0]: "2026-02-29" is not a date (Write "2026-12-25".)',
          '$.holidays[1]: must be of type string, not number',
          '$.exceptions.tomorrow: "tomorrow" is not a date (Write "2026-12-25".)',
          '$.exceptions["2026-12-25"]: the same date is at $.holidays[2]'],
    'all faults of a calendar are found at once');
SELECT is(calendar_faults('{"zone": "UTC", "hours": {"mon": []}, "holidays": ["2026-12-25"]}'),
    ARRAY['$: there is no working time at all (Give some day of the week "hours".)'], 'no working time at all is a fault');
SELECT is(calendar_faults('{"hours": {"mon": [["09:00", "17:00"]]}}'), ARRAY['$: "zone" is missing (Write the name of a time zone: "Europe/Berlin".)'], 'so is no time zone');
SELECT is(calendar_faults('[]'), ARRAY['$: must be of type object, not array'], 'or no object');
SELECT is((error($$ SELECT workflow.define_calendar('', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}') $$))[1], '22023', 'it needs a name');

-- adding
SELECT FROM workflow.define_calendar('berlin', '{"zone": "Europe/Berlin",
    "hours": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "tue": [["13:00", "17:00"], ["09:00", "12:00"]], "wed": [["09:00", "12:00"], ["13:00", "17:00"]],
              "thu": [["09:00", "12:00"], ["13:00", "17:00"]], "fri": [["09:00", "14:00"]], "sat": []},
    "holidays": ["2026-12-25"], "exceptions": {"2026-12-24": [["10:00", "11:30"]], "2026-12-27": [["08:00", "09:00"]]}}');
CREATE FUNCTION app.plus(start text, duration interval, calendar text DEFAULT 'berlin', zone text DEFAULT 'Europe/Berlin') RETURNS text LANGUAGE sql AS $$
    SELECT to_char(workflow.add_working_time(start::timestamp AT TIME ZONE zone, duration, calendar) AT TIME ZONE zone, 'Dy YYYY-MM-DD HH24:MI:SS')
$$;
SELECT is(plus(start, duration), result, format('%s + %s', start, duration)) FROM (VALUES
    ('2026-06-01 09:00', interval '3 hours', 'Mon 2026-06-01 12:00:00'),
    ('2026-06-01 09:00', '3 hours 1 second', 'Mon 2026-06-01 13:00:01'),
    ('2026-06-01 09:00', '7 hours', 'Mon 2026-06-01 17:00:00'),
    ('2026-06-01 10:00', '7 hours', 'Tue 2026-06-02 10:00:00'),
    ('2026-06-01 12:30', '0', 'Mon 2026-06-01 13:00:00'),
    ('2026-06-01 17:00', '0', 'Tue 2026-06-02 09:00:00'),
    ('2026-06-01 11:00', '0', 'Mon 2026-06-01 11:00:00'),
    ('2026-06-05 13:00', '2 hours', 'Mon 2026-06-08 10:00:00'),
    ('2026-06-06 11:00', '1 hour', 'Mon 2026-06-08 10:00:00'),
    ('2026-12-24 09:00', '2 hours', 'Sun 2026-12-27 08:30:00'),
    ('2026-06-01 10:00', '1 day', 'Tue 2026-06-02 10:00:00'),
    ('2026-06-01 16:30', '4 days', 'Fri 2026-06-05 14:00:00'),
    ('2026-06-01 16:30', '5 days', 'Mon 2026-06-08 16:30:00'),
    ('2026-06-05 12:30', '1 day', 'Mon 2026-06-08 13:00:00'),
    ('2026-06-06 23:00', '1 day', 'Tue 2026-06-09 09:00:00'),
    ('2026-12-23 16:00', '1 day', 'Thu 2026-12-24 11:30:00'),
    ('2026-12-23 16:00', '2 days', 'Sun 2026-12-27 09:00:00'),
    ('2026-06-01 10:00', '1 day 8 hours', 'Wed 2026-06-03 11:00:00'),
    ('2026-01-31 10:00', '1 month', 'Mon 2026-03-02 09:00:00'),
    ('2026-01-30 10:00', '1 month 1 day', 'Tue 2026-03-03 09:00:00'),
    ('2026-06-01 10:00', '1 year', 'Tue 2027-06-01 10:00:00')) v(start, duration, result);
SELECT is((error(format('SELECT workflow.add_working_time(now(), %L, ''berlin'')', d)))[1], '22023', d || ' is no duration') FROM unnest(ARRAY['-1 hour', '-1 day', '1 day -1 hour']) d;
SELECT is((error('SELECT workflow.add_working_time(''infinity'', ''1 hour'', ''berlin'')'))[1], '22008', 'nothing is added to infinity');
SELECT is((error(format('SELECT workflow.add_working_time(now(), %L, ''berlin'')', d)))[1], '22008', d || ' lead too far') FROM unnest(ARRAY['300000 years', '100000000 days', '2000000000 hours']) d;
SELECT is(error('SELECT workflow.add_working_time(now(), ''1 hour'', ''nowhere'')'),
    ARRAY['42704', 'calendar "nowhere" does not exist', 'HINT: Store it with workflow.define_calendar().'], 'the calendar has to exist');
SELECT is((error('SELECT workflow.working_time_between(now(), now(), ''nowhere'')'))[1], '42704', 'here, too');

-- between
SELECT is(workflow.working_time_between('2026-06-01 10:00+02', '2026-06-08 10:00+02', 'berlin'), interval '33 hours', 'a week has its hours');
SELECT is(workflow.working_time_between('2026-06-08 10:00+02', '2026-06-01 10:00+02', 'berlin'), interval '-33 hours', 'backwards they are negative');
SELECT is(workflow.working_time_between('2026-06-06 10:00+02', '2026-06-07 10:00+02', 'berlin'), interval '0', 'a week-end has none');
SELECT is(workflow.working_time_between('2026-06-01 11:59:59.5+02', '2026-06-01 12:30+02', 'berlin'), interval '0.5 seconds', 'parts of seconds count');
SELECT is(workflow.working_time_between('2026-12-24 00:00+01', '2026-12-28 00:00+01', 'berlin'), interval '2.5 hours', 'holidays and exceptions are what they are');
SELECT is(workflow.working_time_between('2000-01-01 00:00+01', '2400-01-01 00:00+01', 'berlin'), make_interval(hours => 146097 / 7 * 33) - interval '9.5 hours', 'four centuries');

-- around the clock, across changes of the clocks
SELECT FROM workflow.define_calendar('always', '{"zone": "Europe/Berlin", "hours": {"sun": [["00:00", "24:00"]], "mon": [["00:00", "24:00"]], "tue": [["00:00", "24:00"]],
    "wed": [["00:00", "24:00"]], "thu": [["00:00", "24:00"]], "fri": [["00:00", "24:00"]], "sat": [["00:00", "24:00"]]}}');
SELECT is(workflow.add_working_time('2026-01-01', '50000 hours 1 microsecond', 'always'), '2026-01-01'::timestamptz + interval '50000 hours 1 microsecond', 'where all time is working time, so many hours are so many hours');
SELECT is(extract(epoch FROM workflow.working_time_between('2026-01-01', '2036-01-01', 'always')), extract(epoch FROM '2036-01-01'::timestamptz - '2026-01-01'::timestamptz), 'the other way round, too');
SELECT is(workflow.working_time_between('2026-03-29 00:00+01', '2026-03-30 00:00+02', 'always'), interval '23 hours', 'a day of 23 hours');
SELECT is(workflow.working_time_between('2026-10-25 00:00+02', '2026-10-26 00:00+01', 'always'), interval '25 hours', 'a day of 25 hours');
SELECT is(plus('2026-03-28 10:00', '1 day', 'always'), 'Sun 2026-03-29 10:00:00', 'a day is a day');
SELECT FROM workflow.define_calendar('gap', '{"zone": "Europe/Berlin", "hours": {"sun": [["02:00", "02:30"], ["02:30", "02:45"], ["03:00", "04:00"]]}}');
SELECT is(workflow.working_time_between('2026-03-28 00:00+01', '2026-03-30 00:00+02', 'gap'), interval '1 hour', 'time that the clocks leave out is worked once, where it comes to lie');
SELECT is(workflow.working_time_between('2026-10-24 00:00+02', '2026-10-26 00:00+01', 'gap'), interval '1 hour 45 minutes', 'time that comes twice, the second time');
SELECT is(workflow.add_working_time('2026-03-28 00:00+01', '0', 'gap'), '2026-03-29 03:00+02', 'what begins in a gap begins after it');
SELECT FROM workflow.define_calendar('midnight', '{"zone": "America/Havana", "hours": {"sat": [["22:00", "24:00"]], "sun": [["00:00", "02:00"]]}}');
SELECT is(workflow.working_time_between('2026-03-07 12:00-05', '2026-03-09 12:00-04', 'midnight'), interval '3 hours', 'a change at midnight');
SELECT is(workflow.add_working_time('2026-03-07 12:00-05', '2.5 hours', 'midnight'), '2026-03-08 01:30-04', 'is no obstacle');

-- against counting minutes
CREATE TABLE app.minute AS SELECT zone, t, row_number() OVER (PARTITION BY zone ORDER BY t) AS n
    FROM unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) zone,
         (SELECT generate_series('2026-03-25'::timestamptz, '2026-04-08', '1 minute') UNION ALL SELECT generate_series('2026-10-22'::timestamptz, '2026-11-10', '1 minute')) m(t),
         LATERAL (VALUES (m.t AT TIME ZONE zone)) l(local)
    WHERE local::date NOT IN ('2026-03-31', '2026-11-03')
      AND (extract(isodow FROM local) < 6 AND local::time >= '22:00' OR extract(isodow FROM local) = 7 AND local::time < '06:00');
ALTER TABLE app.minute ADD PRIMARY KEY (zone, n), ADD UNIQUE (zone, t);
SELECT FROM unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) zone,
    LATERAL workflow.define_calendar(zone, jsonb_build_object('zone', zone, 'holidays', ARRAY['2026-03-31', '2026-11-03'], 'hours',
        (SELECT jsonb_object_agg(d, '[["22:00", "24:00"]]'::jsonb) FROM unnest(ARRAY['mon', 'tue', 'wed', 'thu', 'fri']) d) || '{"sun": [["00:00", "06:00"]]}'));
SELECT is(workflow.working_time_between(a, b, zone), (SELECT make_interval(mins => count(*)::int) FROM app.minute m WHERE m.zone = z.zone AND t >= a AND t < b),
          format('minutes in %s from %s to %s', zone, a, b))
FROM unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) z(zone),
     (VALUES ('2026-03-25'::timestamptz, '2026-04-08'::timestamptz), ('2026-03-28 17:23', '2026-04-01 03:11'), ('2026-10-22', '2026-11-10'), ('2026-10-31 05:59', '2026-11-02 01:01')) v(a, b);
CREATE TABLE app.sum AS SELECT z.zone, t, n, workflow.add_working_time(t, make_interval(mins => n), z.zone) AS due,
        (SELECT c.t + interval '1 minute' FROM app.minute c WHERE c.zone = z.zone
         AND c.n = n.n - 1 + (SELECT m.n FROM app.minute m WHERE m.zone = z.zone AND m.t >= s.t ORDER BY m.t LIMIT 1)) AS counted
    FROM unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) z(zone), unnest(ARRAY[1, 59, 361, 500]) n,
         (SELECT generate_series('2026-03-25'::timestamptz, '2026-03-31', '97 minutes') UNION ALL SELECT generate_series('2026-10-22'::timestamptz, '2026-11-02', '97 minutes')) s(t);
SELECT is((SELECT count(*) FROM app.sum WHERE due IS DISTINCT FROM counted), 0::bigint, 'and forwards');

-- only exceptions
SELECT FROM workflow.define_calendar('fair', '{"zone": "UTC", "exceptions": {"2026-05-01": [["10:00", "12:00"]], "2026-05-03": [["10:00", "11:00"]]}}');
SELECT is(workflow.add_working_time('2026-04-01', '3 hours', 'fair'), '2026-05-03 11:00+00', 'a calendar may have nothing but exceptions');
SELECT is(error('SELECT workflow.add_working_time(''2026-04-01'', ''4 hours'', ''fair'')'),
    ARRAY['22008', 'calendar "fair" has no more working time', 'It has no weekly hours, and its exceptions are over.'], 'then it has an end');
SELECT is((error('SELECT workflow.add_working_time(''2027-04-01'', ''0'', ''fair'')'))[1], '22008', 'behind which there is nothing');
SELECT is((error('SELECT workflow.add_working_time(''2026-05-01'', ''2 days'', ''fair'')'))[1], '22008', 'not in days either');
SELECT is(workflow.working_time_between('2000-01-01', '2100-01-01', 'fair'), interval '3 hours', 'between two times that is no matter');
SELECT is(workflow.working_time_between('2027-01-01', '2100-01-01', 'fair'), interval '0', 'nor after it');

-- in the language
SELECT is(faults('{"id": "x", "initial": "a", "delays": {
        "one": {"duration": "PT1H"}, "two": {"calendar": "berlin"}, "three": {"duration": "soon", "calendar": "berlin"}, "four": {"duration": "P1W", "calendar": "berlin"},
        "five": {"duration": "PT1H", "calendar": "nowhere"}, "six": {"duration": "PT1H", "calendar": "berlin", "zone": "UTC"}, "seven": {"duration": 5, "calendar": "berlin"}}, "states": {"a": {}}}'),
    ARRAY['$.delays.one: "calendar" is missing', '$.delays.two: "duration" is missing',
          '$.delays.three.duration: "soon" is not a duration (Write ISO 8601 ("PT16H", "P2D") or an interval ("16 hours", "2 days").)',
          '$.delays.four.duration: weeks cannot be counted in working time (Write working days: "P5D".)',
          '$.delays.six.zone: unknown key "zone"', '$.delays.seven.duration: must be of type string, not number',
          '$.delays.five: calendar "nowhere" does not exist (Store it with workflow.define_calendar().)'],
    'faults of delays, a missing calendar among them');
SELECT FROM workflow.define('{"id": "ticket", "initial": "open", "delays": {"answer": {"duration": "PT8H", "calendar": "berlin"}},
    "states": {"open": {"after": {"answer": "late"}, "on": {"wait": {"actions": [
                   {"type": "send", "event": "poke", "delay": {"duration": "P2D", "calendar": "berlin"}, "id": "s"}, {"type": "raise", "event": "prod", "delay": {"duration": "0 h", "calendar": "berlin"}, "id": "r"}]}}},
               "late": {}}}');
SELECT is((SELECT chart->'delays'->>'answer' FROM workflow.definitions WHERE name = 'ticket'), '{"duration":"PT8H","calendar":"berlin"}', 'the canonical form has it as it is');
SELECT is(workflow.define((SELECT chart FROM workflow.definitions WHERE name = 'ticket')), 1, 'and is the same definition');
CALL clock('2026-06-05 13:00+02');
SELECT workflow.start('ticket') AS p \gset
SELECT is(timers(:'p'), 'answer 2026-06-08 15:00:00', 'a timer in working time');
CALL clock('2026-06-06 13:00+02');
SELECT FROM workflow.send(:'p', 'wait');
SELECT is(timers(:'p'), 'r 2026-06-08 07:00:00, answer 2026-06-08 15:00:00, s 2026-06-10 07:00:00', 'delayed events, too');
SELECT FROM workflow.define_calendar('berlin', '{"zone": "Europe/Berlin", "hours": {"sat": [["00:00", "24:00"]]}}');
SELECT is(timers(:'p'), 'r 2026-06-08 07:00:00, answer 2026-06-08 15:00:00, s 2026-06-10 07:00:00', 'a calendar that changes leaves timers where they are');
SELECT is(workflow.reset_timer(:'p', 'answer'), '2026-06-06 21:00+02', 'one that is reset goes by the new one');
SELECT FROM workflow.drop_calendar('berlin');
SELECT is((error('SELECT workflow.reset_timer(%L, ''answer'')', :'p'))[1], '42704', 'after the calendar was dropped it cannot be');
SELECT is((error('SELECT workflow.start(''ticket'')'))[1], '42704', 'nor can the state be entered');
CALL clock('2026-06-07 13:00+02');
SELECT is(workflow.work(100) || states(:'p'), '1late', 'what is due fires all the same');
SELECT is((error('SELECT workflow.drop_calendar(''berlin'')'))[1], '42704', 'a calendar is dropped once');

-- rights
SET ROLE regress_clerk;
SELECT is((app.error($$ SELECT workflow.define_calendar('always', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}') $$))[1:2],
          ARRAY['WF002', 'calendar "always" belongs to role "regress_app"'], 'a calendar is its owner''s');
SELECT is((app.error($$ SELECT workflow.drop_calendar('always') $$))[1], 'WF002', 'to drop as well');
SELECT lives_ok($$ SELECT workflow.add_working_time(now(), '1 hour', 'always') $$, 'everybody may count in it');
SELECT is((SELECT owner::text FROM workflow.calendars WHERE name = 'always'), 'regress_app', 'and see it');
RESET ROLE;
GRANT workflow_admin TO regress_clerk;
SET ROLE regress_clerk;
SELECT lives_ok($$ SELECT workflow.drop_calendar('always') $$, 'workflow_admin may change all of them');
SAVEPOINT s;
SELECT FROM workflow.define_calendar('gone', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
SELECT is(workflow.add_working_time('2026-06-06', '1 hour', 'gone'), '2026-06-08 10:00+00', 'a calendar is there at once');
ROLLBACK TO s;
SELECT is((app.error($$ SELECT workflow.add_working_time('2026-06-06', '1 hour', 'gone') $$))[1], '42704', 'and gone when that is rolled back');

\set end :srcdir '/end.psql'
\i :end
