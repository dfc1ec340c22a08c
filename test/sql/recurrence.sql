\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- When something recurs: cases by name. That others find the same, too, is in test/t/recurrence.pl.

-- What the clock on the wall shows, and how it stands to UTC, where that matters.
CREATE FUNCTION app.shown(t timestamptz, zone text, format text) RETURNS text LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
BEGIN
    PERFORM set_config('timezone', zone, true);
    RETURN to_char(t, format);
END $$;
CREATE FUNCTION app.times(cron text DEFAULT NULL, rule text DEFAULT NULL, zone text DEFAULT 'Europe/Berlin', from_at text DEFAULT '2026-01-01 00:00',
                          n int DEFAULT 4, starts text DEFAULT NULL, ends text DEFAULT NULL, gap text DEFAULT 'next', fold text DEFAULT 'first',
                          every interval DEFAULT NULL, format text DEFAULT 'MM-DD HH24:MI') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(shown(t, zone, format), ', ' ORDER BY t), '-')
    FROM workflow.preview_schedule(cron, rule, zone, from_at::timestamp AT TIME ZONE zone, n, starts::timestamp AT TIME ZONE zone,
                                   ends::timestamp AT TIME ZONE zone, gap, fold, every) t
$$;

-- ---- cron expressions: which days
SELECT is(times(cron, n => 5, format => 'Dy MM-DD'), expected, format('%s: %s', cron, name)) FROM (VALUES
    ('0 0 * * *', 'Thu 01-01, Fri 01-02, Sat 01-03, Sun 01-04, Mon 01-05', 'every day'),
    ('0 0 L * *', 'Sat 01-31, Sat 02-28, Tue 03-31, Thu 04-30, Sun 05-31', 'the last day of each month'),
    ('0 0 L-3 * *', 'Wed 01-28, Wed 02-25, Sat 03-28, Mon 04-27, Thu 05-28', 'three days before it'),
    ('0 0 1,L * *', 'Thu 01-01, Sat 01-31, Sun 02-01, Sat 02-28, Sun 03-01', 'a list with L'),
    ('0 0 LW * *', 'Fri 01-30, Fri 02-27, Tue 03-31, Thu 04-30, Fri 05-29', 'the last weekday'),
    ('0 0 15W * *', 'Thu 01-15, Mon 02-16, Mon 03-16, Wed 04-15, Fri 05-15', 'the weekday nearest to the 15th'),
    ('0 0 1W * *', 'Thu 01-01, Mon 02-02, Mon 03-02, Wed 04-01, Fri 05-01', 'nearest to the 1st, not in the month before'),
    ('0 0 31W * *', 'Fri 01-30, Tue 03-31, Fri 05-29, Fri 07-31, Mon 08-31', 'nearest to the 31st, not in the month behind it, nor where there is none'),
    ('0 0 * * FRIL', 'Fri 01-30, Fri 02-27, Fri 03-27, Fri 04-24, Fri 05-29', 'the last Friday'),
    ('0 0 * * 5L', 'Fri 01-30, Fri 02-27, Fri 03-27, Fri 04-24, Fri 05-29', 'by number'),
    ('0 0 * * MON#2', 'Mon 01-12, Mon 02-09, Mon 03-09, Mon 04-13, Mon 05-11', 'the second Monday'),
    ('0 0 * * 1#5', 'Mon 03-30, Mon 06-29, Mon 08-31, Mon 11-30, Mon 03-29', 'the fifth, where there is one'),
    ('0 0 * * MON#1,WED#3,7L', 'Mon 01-05, Wed 01-21, Sun 01-25, Mon 02-02, Wed 02-18', 'several of them'),
    ('0 0 * * 0', 'Sun 01-04, Sun 01-11, Sun 01-18, Sun 01-25, Sun 02-01', 'Sunday is 0'),
    ('0 0 * * 7', 'Sun 01-04, Sun 01-11, Sun 01-18, Sun 01-25, Sun 02-01', 'Sunday is 7'),
    ('0 0 * * FRI-SUN', 'Fri 01-02, Sat 01-03, Sun 01-04, Fri 01-09, Sat 01-10', 'Sunday ends a week'),
    ('0 0 * * sun-mon', 'Sun 01-04, Mon 01-05, Sun 01-11, Mon 01-12, Sun 01-18', 'and begins one'),
    ('0 0 * * 5-7', 'Fri 01-02, Sat 01-03, Sun 01-04, Fri 01-09, Sat 01-10', 'by numbers'),
    ('0 0 */10 * *', 'Thu 01-01, Sun 01-11, Wed 01-21, Sat 01-31, Sun 02-01', 'a step begins anew in each month'),
    ('0 0 20/5 FEB-APR/2 *', 'Fri 02-20, Wed 02-25, Mon 04-20, Sat 04-25, Thu 04-30', 'a step from a day on, and one of a range'),
    ('0 0 13 * FRI', 'Fri 01-02, Fri 01-09, Tue 01-13, Fri 01-16, Fri 01-23', 'both days restricted: either is enough'),
    ('0 0 13 * ?', 'Tue 01-13, Fri 02-13, Fri 03-13, Mon 04-13, Wed 05-13', 'a question mark restricts nothing'),
    ('0 0 ? * FRI', 'Fri 01-02, Fri 01-09, Fri 01-16, Fri 01-23, Fri 01-30', 'in either field'),
    ('0 0 13 * */1', 'Tue 01-13, Fri 02-13, Fri 03-13, Mon 04-13, Wed 05-13', 'nor does a step of 1'),
    ('0 0 1-31 * FRI', 'Thu 01-01, Fri 01-02, Sat 01-03, Sun 01-04, Mon 01-05', 'a range of all days does'),
    ('0 0 31 * *', 'Sat 01-31, Tue 03-31, Sun 05-31, Fri 07-31, Mon 08-31', 'the 31st, where there is one'),
    ('0 0 29 2 *', 'Tue 02-29, Sun 02-29, Fri 02-29, Wed 02-29, Mon 02-29', 'leap days'),
    ('@weekly', 'Sun 01-04, Sun 01-11, Sun 01-18, Sun 01-25, Sun 02-01', 'a name'),
    ('@monthly', 'Thu 01-01, Sun 02-01, Sun 03-01, Wed 04-01, Fri 05-01', 'a name'),
    (' @daily ', 'Thu 01-01, Fri 01-02, Sat 01-03, Sun 01-04, Mon 01-05', 'a name with space around it'),
    (E'0\t0  1,1   JAN,jul *', 'Thu 01-01, Wed 07-01, Fri 01-01, Thu 07-01, Sat 01-01', 'space of any kind, the same twice')) c(cron, expected, name);

-- ---- cron expressions: which times
SELECT is(times(cron, n => 5, format => 'HH24:MI:SS'), expected, format('%s: %s', cron, name)) FROM (VALUES
    ('@hourly', '00:00:00, 01:00:00, 02:00:00, 03:00:00, 04:00:00', 'each hour'),
    ('*/20 8-9 * * *', '08:00:00, 08:20:00, 08:40:00, 09:00:00, 09:20:00', 'a range of hours ends with its last one'),
    ('*/25 * * * *', '00:00:00, 00:25:00, 00:50:00, 01:00:00, 01:25:00', 'a step begins anew in each hour'),
    ('5/20 * * * *', '00:05:00, 00:25:00, 00:45:00, 01:05:00, 01:25:00', 'a step from a minute on'),
    ('*/15 30 12 * * *', '12:30:00, 12:30:15, 12:30:30, 12:30:45, 12:30:00', 'six fields: seconds'),
    ('59 59 23 * * *', '23:59:59, 23:59:59, 23:59:59, 23:59:59, 23:59:59', 'the last second of the day'),
    ('30-31,1,59 0 0 * * *', '00:00:01, 00:00:30, 00:00:31, 00:00:59, 00:00:01', 'lists are put in order')) c(cron, expected, name);

-- ---- rules of RFC 5545
SELECT is(times(rule => rule, starts => starts, from_at => starts, n => 5, format => 'Dy YYYY-MM-DD'), expected, format('%s: %s', rule, name)) FROM (VALUES
    ('FREQ=MONTHLY', '2026-01-31 09:00', 'Sat 2026-01-31, Tue 2026-03-31, Sun 2026-05-31, Fri 2026-07-31, Mon 2026-08-31', 'a rule leaves out what is not there'),
    ('FREQ=MONTHLY;BYMONTHDAY=-1', '2026-01-31 09:00', 'Sat 2026-01-31, Sat 2026-02-28, Tue 2026-03-31, Thu 2026-04-30, Sun 2026-05-31', 'the last day of each month'),
    ('RRULE:freq=monthly;byday=-1fr', '2026-01-01 09:00', 'Fri 2026-01-30, Fri 2026-02-27, Fri 2026-03-27, Fri 2026-04-24, Fri 2026-05-29', 'with its name, in small letters'),
    ('FREQ=YEARLY', '2024-02-29 09:00', 'Thu 2024-02-29, Tue 2028-02-29, Sun 2032-02-29, Fri 2036-02-29, Wed 2040-02-29', 'leap days'),
    ('FREQ=YEARLY;INTERVAL=3', '2024-02-29 09:00', 'Thu 2024-02-29, Fri 2036-02-29, Sat 2048-02-29, Sun 2060-02-29, Mon 2072-02-29', 'each fourth of them'),
    ('FREQ=YEARLY;BYDAY=20MO', '1997-05-19 09:00', 'Mon 1997-05-19, Mon 1998-05-18, Mon 1999-05-17, Mon 2000-05-15, Mon 2001-05-14', 'of RFC 5545: the 20th Monday of the year'),
    ('FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', '1997-05-12 09:00', 'Mon 1997-05-12, Mon 1998-05-11, Mon 1999-05-17, Mon 2000-05-15, Mon 2001-05-14', 'of RFC 5545: Monday of week 20'),
    ('FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8', '1996-11-05 09:00', 'Tue 1996-11-05, Tue 2000-11-07, Tue 2004-11-02, Tue 2008-11-04, Tue 2012-11-06', 'of RFC 5545: election day'),
    ('FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3', '1997-09-04 09:00', 'Thu 1997-09-04, Tue 1997-10-07, Thu 1997-11-06, Thu 1997-12-04, Wed 1998-01-07', 'of RFC 5545: the third of some weekdays'),
    ('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2', '1997-09-29 09:00', 'Mon 1997-09-29, Thu 1997-10-30, Thu 1997-11-27, Tue 1997-12-30, Thu 1998-01-29', 'of RFC 5545: the last weekday but one'),
    ('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO', '1997-08-05 09:00', 'Tue 1997-08-05, Sun 1997-08-10, Tue 1997-08-19, Sun 1997-08-24, Tue 1997-09-02', 'of RFC 5545: weeks that begin on Monday'),
    ('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU', '1997-08-05 09:00', 'Tue 1997-08-05, Sun 1997-08-17, Tue 1997-08-19, Sun 1997-08-31, Tue 1997-09-02', 'of RFC 5545: and on Sunday'),
    ('FREQ=WEEKLY;BYDAY=MO,TH;BYSETPOS=1', '2026-01-01 09:00', 'Mon 2026-01-05, Mon 2026-01-12, Mon 2026-01-19, Mon 2026-01-26, Mon 2026-02-02', 'the first week is a whole one, whenever the rule begins'),
    ('FREQ=MONTHLY;BYDAY=1SA,4SU,5FR;BYSETPOS=-3', '2026-01-01 09:00', 'Sat 2026-01-03, Sat 2026-05-02, Sat 2026-07-04, Sat 2026-10-03, Sat 2027-01-02', 'a position that is not there is left out'),
    ('FREQ=MONTHLY;BYDAY=MO,2TU', '2026-01-01 09:00', 'Mon 2026-01-05, Mon 2026-01-12, Tue 2026-01-13, Mon 2026-01-19, Mon 2026-01-26', 'each Monday, and the second Tuesday'),
    ('FREQ=YEARLY;BYWEEKNO=1,-1', '2026-12-26 09:00', 'Mon 2026-12-28, Tue 2026-12-29, Wed 2026-12-30, Thu 2026-12-31, Fri 2027-01-01', 'a week has all its days, on both sides of the year'),
    ('FREQ=YEARLY;BYYEARDAY=-1,366', '2026-01-01 09:00', 'Thu 2026-12-31, Fri 2027-12-31, Sun 2028-12-31, Mon 2029-12-31, Tue 2030-12-31', 'the last day of the year, once'),
    ('FREQ=DAILY;INTERVAL=10;COUNT=3', '2026-01-01 09:00', 'Thu 2026-01-01, Sun 2026-01-11, Wed 2026-01-21', 'COUNT'),
    ('FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2', '2026-01-15 09:00', 'Sat 2026-01-31, Tue 2026-03-31', 'COUNT of what there is'),
    ('FREQ=DAILY;UNTIL=20260103', '2026-01-01 09:00', 'Thu 2026-01-01, Fri 2026-01-02, Sat 2026-01-03', 'UNTIL a date: its whole day'),
    ('FREQ=DAILY;UNTIL=20260103T090000', '2026-01-01 09:00', 'Thu 2026-01-01, Fri 2026-01-02, Sat 2026-01-03', 'UNTIL a local time, which belongs to it'),
    ('FREQ=DAILY;UNTIL=20260103T080000Z', '2026-01-01 09:00', 'Thu 2026-01-01, Fri 2026-01-02, Sat 2026-01-03', 'UNTIL in UTC'),
    ('FREQ=DAILY;UNTIL=20260103T075959Z', '2026-01-01 09:00', 'Thu 2026-01-01, Fri 2026-01-02', 'a second less'),
    ('FREQ=DAILY;UNTIL=20251231', '2026-01-01 09:00', '-', 'a rule that is over before it begins'),
    ('FREQ=WEEKLY;BYDAY=MO', '2026-01-01 09:00', 'Mon 2026-01-05, Mon 2026-01-12, Mon 2026-01-19, Mon 2026-01-26, Mon 2026-02-02', 'a start that the rule does not name is none of its times')) r(rule, starts, expected, name);

SELECT is(times(rule => rule, starts => '2026-01-01 22:10:07', from_at => '2026-01-01 22:10:07', n => 5, format => 'HH24:MI:SS'), expected, rule) FROM (VALUES
    ('FREQ=HOURLY', '22:10:07, 23:10:07, 00:10:07, 01:10:07, 02:10:07'),
    ('FREQ=HOURLY;INTERVAL=5', '22:10:07, 03:10:07, 08:10:07, 13:10:07, 18:10:07'),
    ('FREQ=HOURLY;BYHOUR=9,17;BYMINUTE=0,30;BYSECOND=0', '09:00:00, 09:30:00, 17:00:00, 17:30:00, 09:00:00'),
    ('FREQ=MINUTELY;INTERVAL=45', '22:10:07, 22:55:07, 23:40:07, 00:25:07, 01:10:07'),
    ('FREQ=MINUTELY;INTERVAL=7;BYHOUR=9', '09:01:07, 09:08:07, 09:15:07, 09:22:07, 09:29:07'),
    ('FREQ=SECONDLY;INTERVAL=40;COUNT=3', '22:10:07, 22:10:47, 22:11:27'),
    ('FREQ=DAILY;BYHOUR=23,8;BYMINUTE=5', '23:05:07, 08:05:07, 23:05:07, 08:05:07, 23:05:07'),
    ('FREQ=DAILY;BYHOUR=8,9,10;BYSETPOS=-1', '10:10:07, 10:10:07, 10:10:07, 10:10:07, 10:10:07')) r(rule, expected);

-- ---- intervals
SELECT is(times(every => every, starts => starts, from_at => from_at), expected, format('%s from %s: %s', every, starts, name)) FROM (VALUES
    (interval '1 month', '2026-01-31 09:00', '2026-01-01', '01-31 09:00, 02-28 09:00, 03-31 09:00, 04-30 09:00', 'the 31st stays the 31st'),
    ('1 month', '2026-01-31 09:00', '2026-02-28 09:00', '02-28 09:00, 03-31 09:00, 04-30 09:00, 05-31 09:00', 'from wherever it is asked'),
    ('1 year', '2024-02-29 09:00', '2026-01-01', '02-28 09:00, 02-28 09:00, 02-29 09:00, 02-28 09:00', 'leap days come back'),
    ('1 day', '2026-03-28 02:30', '2026-01-01', '03-28 02:30, 03-29 03:00, 03-30 02:30, 03-31 02:30', '02:30 comes back after the night without it'),
    ('24 hours', '2026-03-28 02:30', '2026-01-01', '03-28 02:30, 03-29 03:30, 03-30 03:30, 03-31 03:30', 'hours are time that goes by'),
    ('1 day 12 hours', '2026-03-28 09:00', '2026-01-01', '03-28 09:00, 03-29 21:00, 03-31 09:00, 04-01 21:00', 'with days the clock on the wall counts'),
    ('2 weeks', '2026-01-01 09:00', '2026-06-01', '06-04 09:00, 06-18 09:00, 07-02 09:00, 07-16 09:00', 'the anchor may be long ago'),
    ('90 minutes', '2026-01-01 09:00', '2026-01-01', '01-01 09:00, 01-01 10:30, 01-01 12:00, 01-01 13:30', 'nothing is before the anchor')) e(every, starts, from_at, expected, name);
SELECT is(times(every => '1 second', starts => '2000-01-01', from_at => '9999-12-31 12:00', n => 1), '12-31 12:00', 'some 250,000,000,000 steps cost nothing');
SELECT is(times(every => '1.5 seconds', starts => '2026-01-01', n => 3, format => 'SS.MS'), '00.000, 01.500, 03.000', 'parts of seconds');

-- ---- gaps and folds
SELECT is(times(cron, zone => zone, from_at => from_at, n => 3, gap => gap, format => 'MM-DD HH24:MI TZH:TZM'), expected, format('gap %s, %s in %s: %s', gap, cron, zone, name)) FROM (VALUES
    ('next', '30 2 * * *', 'Europe/Berlin', '2024-03-30', '03-30 02:30 +01:00, 03-31 03:00 +02:00, 04-01 02:30 +02:00', 'at its end'),
    ('next', '30 2 * * *', 'Europe/Berlin', '2025-03-29', '03-29 02:30 +01:00, 03-30 03:00 +02:00, 03-31 02:30 +02:00', 'in each year'),
    ('skip', '30 2 * * *', 'Europe/Berlin', '2026-03-28', '03-28 02:30 +01:00, 03-30 02:30 +02:00, 03-31 02:30 +02:00', 'left out'),
    ('next', '0 2 * * *', 'Europe/Berlin', '2026-03-29', '03-29 03:00 +02:00, 03-30 02:00 +02:00, 03-31 02:00 +02:00', 'its first minute belongs to it'),
    ('next', '0 3 * * *', 'Europe/Berlin', '2026-03-29', '03-29 03:00 +02:00, 03-30 03:00 +02:00, 03-31 03:00 +02:00', 'its end does not'),
    ('next', '*/20 2 * * *', 'Europe/Berlin', '2026-03-29', '03-29 03:00 +02:00, 03-30 02:00 +02:00, 03-30 02:20 +02:00', 'several are one'),
    ('next', '30 2,3 * * *', 'Europe/Berlin', '2026-03-29', '03-29 03:00 +02:00, 03-29 03:30 +02:00, 03-30 02:30 +02:00', 'what follows has its own time'),
    ('next', '0 2,3 * * *', 'Europe/Berlin', '2026-03-29', '03-29 03:00 +02:00, 03-30 02:00 +02:00, 03-30 03:00 +02:00', 'at the same time they are one'),
    ('next', '30 * * * *', 'Europe/Berlin', '2026-03-29 01:00', '03-29 01:30 +01:00, 03-29 03:30 +02:00, 03-29 04:30 +02:00', 'each hour means hours that there are'),
    ('skip', '30 2 * * *', 'America/New_York', '2026-03-08', '03-09 02:30 -04:00, 03-10 02:30 -04:00, 03-11 02:30 -04:00', 'another day, the same'),
    ('next', '15 2 * * *', 'Australia/Lord_Howe', '2025-10-05', '10-05 02:30 +11:00, 10-06 02:15 +11:00, 10-07 02:15 +11:00', 'half an hour'),
    ('next', '45 2 * * *', 'Australia/Lord_Howe', '2025-10-05', '10-05 02:45 +11:00, 10-06 02:45 +11:00, 10-07 02:45 +11:00', 'and no longer'),
    ('next', '0 0 * * *', 'Africa/Cairo', '2024-04-25', '04-25 00:00 +02:00, 04-26 01:00 +03:00, 04-27 00:00 +03:00', 'a day that begins at one'),
    ('next', '0 12 * * *', 'Pacific/Apia', '2011-12-29', '12-29 12:00 -10:00, 12-31 00:00 +14:00, 12-31 12:00 +14:00', 'a day that there was not'),
    ('skip', '0 12 30 12 *', 'Pacific/Apia', '2011-12-01', '12-30 12:00 +14:00, 12-30 12:00 +14:00, 12-30 12:00 +14:00', 'left out for a year'),
    ('next', '30 2 * * *', 'Asia/Kolkata', '2026-03-29', '03-29 02:30 +05:30, 03-30 02:30 +05:30, 03-31 02:30 +05:30', 'a zone without changes')) g(gap, cron, zone, from_at, expected, name);

SELECT is(times(cron, zone => zone, from_at => from_at, n => 3, fold => fold, format => 'MM-DD HH24:MI TZH:TZM'), expected, format('fold %s, %s in %s: %s', fold, cron, zone, name)) FROM (VALUES
    ('first', '30 2 * * *', 'Europe/Berlin', '2024-10-27', '10-27 02:30 +02:00, 10-28 02:30 +01:00, 10-29 02:30 +01:00', 'once, in summer time'),
    ('second', '30 2 * * *', 'Europe/Berlin', '2025-10-26', '10-26 02:30 +01:00, 10-27 02:30 +01:00, 10-28 02:30 +01:00', 'once, in winter time'),
    ('both', '30 2 * * *', 'Europe/Berlin', '2026-10-25', '10-25 02:30 +02:00, 10-25 02:30 +01:00, 10-26 02:30 +01:00', 'twice'),
    ('both', '0,40 2 * * *', 'Europe/Berlin', '2026-10-25', '10-25 02:00 +02:00, 10-25 02:40 +02:00, 10-25 02:00 +01:00', 'in the order of time, not of the clock'),
    ('first', '0 3 * * *', 'Europe/Berlin', '2026-10-25', '10-25 03:00 +01:00, 10-26 03:00 +01:00, 10-27 03:00 +01:00', 'its end comes once'),
    ('second', '0 2 * * *', 'Europe/Berlin', '2026-10-25', '10-25 02:00 +01:00, 10-26 02:00 +01:00, 10-27 02:00 +01:00', 'its beginning comes twice'),
    ('first', '*/30 * * * *', 'Europe/Berlin', '2026-10-25 02:30', '10-25 02:30 +01:00, 10-25 03:00 +01:00, 10-25 03:30 +01:00', 'each half an hour means time that goes by'),
    ('first', '*/30 * * * *', 'America/New_York', '2026-11-01 00:30', '11-01 00:30 -04:00, 11-01 01:00 -04:00, 11-01 01:30 -04:00', 'also there'),
    ('second', '30 1 * * *', 'America/New_York', '2026-11-01', '11-01 01:30 -05:00, 11-02 01:30 -05:00, 11-03 01:30 -05:00', 'the second one'),
    ('both', '45 1 * * *', 'Australia/Lord_Howe', '2026-04-05', '04-05 01:45 +11:00, 04-05 01:45 +10:30, 04-06 01:45 +10:30', 'half an hour later'),
    ('both', '15 1 * * *', 'Australia/Lord_Howe', '2026-04-05', '04-05 01:15 +11:00, 04-06 01:15 +10:30, 04-07 01:15 +10:30', 'before it'),
    ('both', '30 23 * * *', 'America/Sao_Paulo', '2018-02-17', '02-17 23:30 -02:00, 02-17 23:30 -03:00, 02-18 23:30 -03:00', 'before midnight')) f(fold, cron, zone, from_at, expected, name);

-- All the nights when clocks changed in these three years, and all others: each day has one occurrence.
SELECT is((SELECT string_agg(concat_ws(' ', zone, day, n), ', ') FROM (
        SELECT zone, day::date, count(t) AS n
        FROM unnest('{Europe/Berlin,America/New_York,Australia/Lord_Howe,Africa/Cairo,Asia/Kolkata,UTC}'::text[]) zone
        CROSS JOIN generate_series('2024-01-01'::timestamp, '2026-12-31', '1 day') day
        LEFT JOIN (SELECT zone, (t AT TIME ZONE zone)::date AS day, t
                   FROM unnest('{Europe/Berlin,America/New_York,Australia/Lord_Howe,Africa/Cairo,Asia/Kolkata,UTC}'::text[]) zone,
                        workflow.preview_schedule('30 2 * * *', zone => zone, from_at => '2023-12-30', n => 1100) t) o USING (zone, day)
        GROUP BY 1, 2 HAVING count(t) <> 1) d), NULL, 'each day has one, whatever the clocks do');

-- ---- where it begins and ends
SELECT is(times('0 9 * * *', from_at => '2026-01-01 09:00'), '01-01 09:00, 01-02 09:00, 01-03 09:00, 01-04 09:00', 'from a time on, that time included');
SELECT is(times('0 9 * * *', from_at => '2026-01-01 09:00:00.000001', n => 1), '01-02 09:00', 'a moment later the next one counts');
SELECT is(times('0 9 * * *', from_at => '2026-01-01', starts => '2026-03-01', n => 1), '03-01 09:00', 'not before it starts');
SELECT is(times('0 9 * * *', ends => '2026-01-02 09:00'), '01-01 09:00, 01-02 09:00', 'its end belongs to it');
SELECT is(times('0 9 * * *', ends => '2025-01-01'), '-', 'over');
SELECT is(times('0 9 * * *', from_at => '9999-12-30', format => 'YYYY-MM-DD'), '9999-12-30, 9999-12-31', 'nothing is later than the year 9999');
SELECT is(times('0 9 1 1 *', from_at => '0001-01-02', n => 1, zone => 'UTC', format => 'YYYY-MM-DD'), '0002-01-01', 'the second year');
SELECT is((SELECT count(*) FROM workflow.preview_schedule('@daily')), 10::bigint, 'ten from now, if nothing is said');
SET LOCAL timezone TO 'America/New_York';
SELECT is((SELECT t FROM workflow.preview_schedule('0 9 * * *', from_at => '2026-01-01', n => 1) t), '2026-01-01 09:00-05'::timestamptz, 'the zone is that of the session, if none is named');
SET LOCAL timezone TO 'UTC';

SELECT FROM workflow.define_calendar('office', '{"zone": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]], "wed": [["09:00", "17:00"]]}, "holidays": ["2026-01-07"]}');
SELECT is((SELECT string_agg(to_char(t, 'Dy MM-DD'), ', ') FROM workflow.preview_schedule('0 12 * * *', from_at => '2026-01-01', n => 3, calendar => 'office') t), 'Mon 01-05, Mon 01-12, Wed 01-14', 'days without working time are left out');
SELECT is((error('SELECT FROM workflow.preview_schedule(''@daily'', calendar => ''nowhere'')'))[1], '42704', 'of a calendar that there is');

-- ---- what is refused, and where
SELECT is((error(format('SELECT FROM workflow.preview_schedule(cron => %L)', cron)))[2:], ARRAY[message] || detail, format('refused: "%s"', cron)) FROM (VALUES
    ('', 'invalid cron expression: it has 0 fields', ARRAY['The fields are: minute, hour, day of the month, month, day of the week; a sixth one in front is the second.']),
    ('* * * *', 'invalid cron expression: it has 4 fields', ARRAY['The fields are: minute, hour, day of the month, month, day of the week; a sixth one in front is the second.']),
    ('0 0 1 1 * * 2030', 'invalid cron expression: it has more than six fields', ARRAY['The fields are: minute, hour, day of the month, month, day of the week; a sixth one in front is the second.', 'HINT: For years, use a rule of RFC 5545, or the start and end of the schedule.']),
    ('60 * * * *', 'invalid cron expression: 60 is not in the range from 0 to 59', ARRAY['At position 1, in the field "minute".']),
    ('0 24 * * *', 'invalid cron expression: 24 is not in the range from 0 to 23', ARRAY['At position 3, in the field "hour".']),
    ('0 0 0 * *', 'invalid cron expression: 0 is not in the range from 1 to 31', ARRAY['At position 5, in the field "day of the month".']),
    ('0 0 1,32 * *', 'invalid cron expression: 32 is not in the range from 1 to 31', ARRAY['At position 7, in the field "day of the month".']),
    ('0 0 * 13 *', 'invalid cron expression: 13 is not in the range from 1 to 12', ARRAY['At position 7, in the field "month".']),
    ('0 0 * * 8', 'invalid cron expression: 8 is not in the range from 0 to 7', ARRAY['At position 9, in the field "day of the week".']),
    ('0 0 * * MON#6', 'invalid cron expression: 6 is not in the range from 1 to 5', ARRAY['At position 13, in the field "day of the week".']),
    ('*/0 * * * *', 'invalid cron expression: 0 is not in the range from 1 to 60', ARRAY['At position 3, in the field "minute".']),
    ('*/90 * * * *', 'invalid cron expression: 90 is not in the range from 1 to 60', ARRAY['At position 3, in the field "minute".']),
    ('99999999999999999999 * * * *', 'invalid cron expression: 99999 is not in the range from 0 to 59', ARRAY['At position 1, in the field "minute".']),
    ('0 22-2 * * *', 'invalid cron expression: the range 22-2 ends before it begins', ARRAY['At position 3, in the field "hour".', 'HINT: Write two ranges: 22-23,0-2.']),
    ('0 0 * foo *', 'invalid cron expression: "foo" is not understood', ARRAY['At position 7, in the field "month".', 'HINT: Allowed are numbers from 1 to 12, names of three letters, ranges, steps and lists.']),
    ('0 0 * * MONDAY', 'invalid cron expression: "MONDAY" is not understood', ARRAY['At position 9, in the field "day of the week".', 'HINT: Allowed are numbers from 0 to 7, names of three letters, ranges, steps and lists.']),
    ('0 0 * * L', 'invalid cron expression: "L" is not understood', ARRAY['At position 9, in the field "day of the week".', 'HINT: Allowed are numbers from 0 to 7, names of three letters, ranges, steps and lists.']),
    ('0 JAN * * *', 'invalid cron expression: "JAN" is not understood', ARRAY['At position 3, in the field "hour".', 'HINT: Allowed are numbers from 0 to 23, ranges, steps and lists.']),
    ('? * * * *', 'invalid cron expression: "?" is not understood', ARRAY['At position 1, in the field "minute".', 'HINT: Allowed are numbers from 0 to 59, ranges, steps and lists.']),
    ('1,,2 * * * *', 'invalid cron expression: a value is missing', ARRAY['At position 3, in the field "minute".']),
    ('-1 * * * *', 'invalid cron expression: "-1" is not understood', ARRAY['At position 1, in the field "minute".', 'HINT: Allowed are numbers from 0 to 59, ranges, steps and lists.']),
    ('H * * * *', 'invalid cron expression: "H" is not understood', ARRAY['At position 1, in the field "minute".', 'HINT: Allowed are numbers from 0 to 59, ranges, steps and lists.']),
    ('@reboot', 'invalid cron expression: "@reboot" is not a known name', ARRAY['HINT: The names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually.']),
    ('0 0 30 2 *', 'the cron expression "0 0 30 2 *" never comes', ARRAY['None of its months has such a day.']),
    ('0 0 31 4,6,9,11 *', 'the cron expression "0 0 31 4,6,9,11 *" never comes', ARRAY['None of its months has such a day.']),
    ('0 0 31W 2 *', 'the cron expression "0 0 31W 2 *" never comes', ARRAY['None of its months has such a day.'])) c(cron, message, detail);

SELECT is((error(format('SELECT FROM workflow.preview_schedule(rule => %L)', rule)))[2:], ARRAY[message] || detail, format('refused: "%s"', rule)) FROM (VALUES
    ('', 'invalid recurrence rule: "" is no part of a rule', ARRAY['At position 1.', 'HINT: A rule is one line like FREQ=MONTHLY;BYDAY=-1FR. DTSTART is an argument of its own; EXDATE and RDATE are not supported.']),
    (E'DTSTART:20260101T090000\nRRULE:FREQ=DAILY', 'invalid recurrence rule: "DTSTART" is no part of a rule', ARRAY['At position 1.', 'HINT: A rule is one line like FREQ=MONTHLY;BYDAY=-1FR. DTSTART is an argument of its own; EXDATE and RDATE are not supported.']),
    ('BYDAY=MO', 'invalid recurrence rule: it has no FREQ', ARRAY['HINT: A rule is one line like FREQ=MONTHLY;BYDAY=-1FR.']),
    ('FREQ=OFTEN', 'invalid recurrence rule: "OFTEN" is not understood', ARRAY['At position 6, in FREQ.', 'HINT: It is YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY.']),
    ('FREQ=DAILY;FREQ=DAILY', 'invalid recurrence rule: FREQ is there twice', ARRAY['At position 12.']),
    ('FREQ=DAILY;INTERVAL=0', 'invalid recurrence rule: 0 is not in the range from 1 to 1000000000', ARRAY['At position 21, in INTERVAL.']),
    ('FREQ=DAILY;INTERVAL=x', 'invalid recurrence rule: "x" is not understood', ARRAY['At position 21, in INTERVAL.', 'HINT: A number is expected here.']),
    ('FREQ=DAILY;COUNT=', 'invalid recurrence rule: a value is missing', ARRAY['At position 18, in COUNT.', 'HINT: A number is expected here.']),
    ('FREQ=DAILY;COUNT=2;UNTIL=20300101', 'invalid recurrence rule: COUNT cannot be used with UNTIL', '{}'),
    ('FREQ=DAILY;UNTIL=20260230', 'invalid recurrence rule: there is no such time as "20260230"', ARRAY['At position 18, in UNTIL.']),
    ('FREQ=DAILY;UNTIL=2026-02-20', 'invalid recurrence rule: "-02-20" is not understood', ARRAY['At position 22, in UNTIL.', 'HINT: UNTIL is 20261231, 20261231T235959 or, in UTC, 20261231T235959Z.']),
    ('FREQ=YEARLY;BYDAY=255SU', 'invalid recurrence rule: 255 is not in the range from 1 to 53', ARRAY['At position 19, in BYDAY.', 'HINT: Negative numbers count from the end.']),
    ('FREQ=MONTHLY;BYDAY=6SU', 'invalid recurrence rule: no month has more than five of a weekday', ARRAY['BYDAY has a number above 5, which counts in the month here.']),
    ('FREQ=WEEKLY;BYDAY=1SU', 'invalid recurrence rule: a number in BYDAY cannot be used with WEEKLY', '{}'),
    ('FREQ=DAILY;BYDAY=XX', 'invalid recurrence rule: "XX" is not understood', ARRAY['At position 18, in BYDAY.', 'HINT: Weekdays are MO, TU, WE, TH, FR, SA and SU.']),
    ('FREQ=MONTHLY;BYWEEKNO=2', 'invalid recurrence rule: BYWEEKNO cannot be used with MONTHLY', '{}'),
    ('FREQ=DAILY;BYYEARDAY=2', 'invalid recurrence rule: BYYEARDAY cannot be used with DAILY', '{}'),
    ('FREQ=WEEKLY;BYMONTHDAY=2', 'invalid recurrence rule: BYMONTHDAY cannot be used with WEEKLY', '{}'),
    ('FREQ=HOURLY;BYMINUTE=1,2;BYSETPOS=1', 'invalid recurrence rule: BYSETPOS cannot be used with HOURLY', '{}'),
    ('FREQ=DAILY;BYSETPOS=1', 'invalid recurrence rule: BYSETPOS has nothing to choose from', ARRAY['HINT: It needs another part that begins with BY.']),
    ('FREQ=DAILY;BYMONTHDAY=0', 'invalid recurrence rule: 0 is not in the range from 1 to 31', ARRAY['At position 23, in BYMONTHDAY.', 'HINT: Negative numbers count from the end.']),
    ('FREQ=DAILY;BYSECOND=60', 'invalid recurrence rule: 60 is not in the range from 0 to 59', ARRAY['At position 21, in BYSECOND.']),
    ('FREQ=DAILY BYDAY=MO', 'invalid recurrence rule: " BYDAY=MO" is not understood', ARRAY['At position 11, in FREQ.', 'HINT: A semicolon or the end is expected here.']),
    ('FREQ=DAILY;EXDATE=20260101', 'invalid recurrence rule: "EXDATE" is no part of a rule', ARRAY['At position 12.', 'HINT: A rule is one line like FREQ=MONTHLY;BYDAY=-1FR. DTSTART is an argument of its own; EXDATE and RDATE are not supported.']),
    ('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'the recurrence rule "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" never comes', ARRAY['No time from its start on is what all of its parts name.']),
    ('FREQ=SECONDLY;COUNT=1000000000', 'COUNT of a rule finer than a day is at most 10000', ARRAY['HINT: Use UNTIL.'])) r(rule, message, detail);

SELECT is((error(command))[1:2], ARRAY['22023', message], format('refused: %s', command)) FROM (VALUES
    ('SELECT FROM workflow.preview_schedule()', 'one of "cron", "rule" and "every" must be given'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', every => ''1 day'')', 'one of "cron", "rule" and "every" must be given'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', zone => ''UTC+3'')', 'time zone "UTC+3" is no name'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', zone => ''Europe/Atlantis'')', 'time zone "Europe/Atlantis" not recognized'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', n => 0)', 'n must be between 1 and 10000'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', gap => ''first'')', 'gap must be "next" or "skip", not "first"'),
    ('SELECT FROM workflow.preview_schedule(''@daily'', fold => ''next'')', 'fold must be "first", "second" or "both", not "next"'),
    ('SELECT FROM workflow.preview_schedule(rule => ''FREQ=DAILY'', starts => ''infinity'')', 'argument "starts" must be finite'),
    ('SELECT FROM workflow.preview_schedule(rule => ''FREQ=DAILY'', starts => ''12000-01-01'')', 'the start of a recurrence must be in the years 1 to 9999'),
    ('SELECT FROM workflow.preview_schedule(every => ''0'')', 'the interval of a recurrence must be at least one second'),
    ('SELECT FROM workflow.preview_schedule(every => ''1 month -1 day'')', 'the interval of a recurrence must be at least one second'),
    ('SELECT FROM workflow.preview_schedule(every => ''20000 years'')', 'the interval of a recurrence is too long'),
    ('SELECT FROM workflow.preview_schedule(repeat(''1,'', 1000) || ''1 * * * *'')', 'invalid cron expression: it is longer than 1000 bytes')) c(command, message);

-- ---- hostile ones end soon: all of these together take some milliseconds each at most
SET LOCAL statement_timeout TO '5s';
SELECT is((error(format('SELECT FROM workflow.preview_schedule(rule => %L, starts => ''2026-01-01'')', rule)))[1], outcome, format('ends soon: %s', rule)) FROM (VALUES
    ('FREQ=DAILY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30', '22023'),
    ('FREQ=WEEKLY;BYMONTH=2;BYDAY=SU;BYSETPOS=3', '22023'),
    ('FREQ=YEARLY;BYYEARDAY=366;BYMONTHDAY=30', '22023'),
    ('FREQ=YEARLY;BYYEARDAY=366;BYDAY=MO;BYWEEKNO=20;COUNT=100000', '22023'),
    ('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000000000', 'no error'),
    ('FREQ=WEEKLY;BYMONTH=2;BYDAY=SU;COUNT=1000000000', 'no error'),
    ('FREQ=MONTHLY;BYDAY=5SU;BYMONTH=2;COUNT=1000000000', 'no error'),
    ('FREQ=YEARLY;INTERVAL=1000000000', 'no error'),
    ('FREQ=HOURLY;INTERVAL=1000000000;BYMONTH=2;BYMONTHDAY=29', '22023'),
    ('FREQ=YEARLY;BYDAY=SU;BYSETPOS=366', '22023'),
    ('FREQ=MINUTELY;BYYEARDAY=366;BYDAY=MO;BYHOUR=3;BYMINUTE=0;COUNT=10000', '22023'),
    ('FREQ=SECONDLY;INTERVAL=1000000000', 'no error'),
    ('FREQ=SECONDLY;UNTIL=99991231', 'no error'),
    ('FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30', '22023'),
    ('FREQ=SECONDLY;INTERVAL=2;BYSECOND=1,3,5', '22023'),
    ('FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1', '22023'),
    ('FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=0;BYSECOND=0;BYMONTH=2;BYMONTHDAY=29', '22023')) h(rule, outcome);
SELECT is((SELECT count(*) FROM workflow.preview_schedule('* * * * * *', from_at => '0001-01-01 00:00+00', n => 10000)), 10000::bigint, 'ten thousand seconds');
RESET statement_timeout;

\set end :srcdir '/end.psql'
\i :end
