\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- forms of `after`
SELECT FROM workflow.define('{
    "id": "forms", "initial": "a", "context": {"wait": "90 minutes", "until": "2030-05-05 12:00+00", "ms": 2500, "nothing": null},
    "delays": {
        "named": "2 hours", "number": 1500, "never": null, "minus": -1,
        "interval": {"@expr": "(context->>''wait'')::interval"},
        "instant": {"@expr": "(context->>''until'')::timestamptz"},
        "computed": {"@expr": "(context->>''ms'')::int * 2"},
        "fraction": {"@expr": "0.5"},
        "text": {"@expr": "''3 hours''"},
        "date": {"@expr": "(context->>''until'')::date"},
        "unknown": {"@expr": "(context->>''nothing'')::interval"},
        "minus one": {"@expr": "-1"}},
    "states": {"a": {"after": {
        "1000": "b", "PT30M": "b", "P1Y2M3DT4H5M6S": "b", "30 days": "b", "1h 15m": "b", "1 day 06:30": "b",
        "named": "b", "number": "b", "never": "b", "minus": "b", "interval": "b", "instant": "b", "computed": "b",
        "fraction": "b", "text": "b", "date": "b", "unknown": "b", "minus one": "b"}}, "b": {"type": "final"}}}');
SELECT workflow.start('forms') AS p \gset
SELECT results_eq(format('SELECT name COLLATE "default", due FROM workflow.timers WHERE process = %L', :'p') || ' ORDER BY seq',
    $$ VALUES ('1000', '2030-01-01 00:00:01+00'::timestamptz), ('PT30M', '2030-01-01 00:30+00'), ('P1Y2M3DT4H5M6S', '2031-03-04 04:05:06+00'),
              ('30 days', '2030-01-31 00:00+00'), ('1h 15m', '2030-01-01 01:15+00'), ('1 day 06:30', '2030-01-02 06:30+00'),
              ('named', '2030-01-01 02:00+00'), ('number', '2030-01-01 00:00:01.5+00'),
              ('interval', '2030-01-01 01:30+00'), ('instant', '2030-05-05 12:00+00'), ('computed', '2030-01-01 00:00:05+00'),
              ('fraction', '2030-01-01 00:00:00.0005+00'), ('text', '2030-01-01 03:00+00'), ('date', '2030-05-05 00:00+00') $$,
    'milliseconds, ISO 8601, intervals, names, expressions of every kind; null and -1 are never');
SELECT is((SELECT DISTINCT state FROM workflow.timers WHERE process = :'p'), 'a', 'a timer belongs to its state');
SELECT is(workflow.work(100), 0, 'nothing is due yet');
CALL clock('2030-01-01 00:00:00.000499+00');
SELECT is(workflow.work(100), 0, 'no timer comes early, not by a microsecond');
CALL clock('2030-01-01 00:00:00.0005+00');
SELECT is(workflow.work(100), 1, 'nor late');
SELECT is(timers(:'p'), '', 'the timers of a process that is over are dropped');
SELECT is((SELECT format('%s %s %s>%s', event, due, from_states, to_states) FROM workflow.process_history WHERE process = :'p' AND step = 2),
          'after.fraction.a 2030-01-01 00:00:00.0005+00 {a}>{b}', 'the history has the timer and its due time');
SELECT is(error($$ SELECT workflow.start('forms', '{"ms": -7}') $$),
          ARRAY['22008', 'delay of -14 milliseconds is out of range'], 'a negative delay other than -1 is an error');
SELECT is(error($$ SELECT workflow.start('forms', '{"wait": "soon"}') $$),
          ARRAY['22007', 'invalid input syntax for type interval: "soon"'], 'a delay that cannot be computed is one, too');

-- immediate
SELECT FROM workflow.define('{"id": "zero", "initial": "a", "states": {"a": {"after": {"0": "b"}}, "b": {"after": {"0": "c"}}, "c": {"type": "final"}}}');
SELECT workflow.start('zero') AS p \gset
SELECT is(states(:'p'), 'a', 'a delay of 0 is a timer like any other');
SELECT is(workflow.work(100), 1, 'due at once');
SELECT is(states(:'p'), 'b', 'each round takes one');
SELECT is(workflow.work(100), 1, 'and the next');
SELECT is(status(:'p'), 'finalized', 'the next one');

-- cancelled at exit, kept, started anew
SELECT FROM workflow.define('{
    "id": "exits", "initial": "a",
    "states": {
        "a": {"after": {"1 hour": "late"}, "on": {
            "go": "b", "again": {"target": "a", "reenter": true}, "look": {"actions": {"type": "note", "params": "looked"}}}},
        "b": {"after": {"2 hours": "late"}, "on": {"back": "a"}},
        "late": {}}}');
SELECT workflow.start('exits') AS p \gset
CALL clock('2030-01-01 00:30+00');
SELECT FROM workflow.send(:'p', 'look');
SELECT is(timers(:'p'), '1 hour 2030-01-01 01:00:00', 'a transition that does not leave the state leaves its timers alone');
SELECT FROM workflow.send(:'p', 'again');
SELECT is(timers(:'p'), '1 hour 2030-01-01 01:30:00', 'entering it again starts them anew');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(timers(:'p'), '2 hours 2030-01-01 02:30:00', 'leaving it cancels them');
SELECT FROM workflow.send(:'p', 'back');
SELECT is(timers(:'p'), '1 hour 2030-01-01 01:30:00', 'coming back starts them as if it were the first time');
CALL clock('2030-01-01 01:30+00');
SELECT is(workflow.work(100), 1, 'one of them fires');
SELECT is(states(:'p'), 'late', 'and takes its transition');
SELECT is(workflow.work(100), 0, 'those that were cancelled never do');

SELECT FROM workflow.define('{
    "id": "keeps", "initial": "a", "context": {"wait": "1 hour"},
    "delays": {"wait": {"@expr": "(context->>''wait'')::interval"}},
    "states": {
        "a": {"after": {"wait": {"target": "late", "keep": true}, "1 day": "late"}, "on": {
            "go": "b", "again": {"target": "a", "reenter": true, "actions": {"type": "assign", "context": {"wait": "9 hours"}}}}},
        "b": {"on": {"back": "a"}},
        "late": {}}}');
SELECT workflow.start('keeps') AS p \gset
CALL clock('2030-01-01 02:00+00');
SELECT FROM workflow.send(:'p', 'again');
SELECT is(timers(:'p'), 'wait 2030-01-01 02:30:00, 1 day 2030-01-02 02:00:00', 'with keep a running timer goes on when its state is entered again, others start anew');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(timers(:'p'), '', 'leaving the state cancels it all the same');
SELECT FROM workflow.send(:'p', 'back');
SELECT is(timers(:'p'), 'wait 2030-01-01 11:00:00, 1 day 2030-01-02 02:00:00', 'and coming back starts it anew');

-- never delivered after exit
SELECT FROM workflow.cancel(:'p');
SELECT notes() AS forget \gset
SELECT FROM workflow.define('{
    "id": "race", "initial": "a",
    "states": {
        "a": {"after": {"1000": "b", "PT1S": {"actions": {"type": "note", "params": "fired after exit"}}}},
        "b": {"after": {"PT1S": {"actions": {"type": "note", "params": "fired in b"}}}}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('race') AS p \gset
CALL clock('2030-01-01 00:00:05+00');
SELECT is(workflow.work(100), 2, 'two timers are due in one batch, the first leaves their state');
SELECT is(states(:'p') || notes(), 'b', 'then the second is not delivered any more');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'p'), 2::bigint, 'not even to be ignored');
SELECT is(timers(:'p'), 'PT1S 2030-01-01 00:00:06', 'and one of the same name in the new state has its own time');
CALL clock('2030-01-01 00:00:06+00');
SELECT is(workflow.work(100) || notes(), '1fired in b', 'at which it fires');

SELECT FROM workflow.define('{
    "id": "again", "initial": "a",
    "states": {"a": {"after": {"1000": {"target": "a", "reenter": true, "actions": {"type": "note", "params": "first"}},
                               "PT1S": {"actions": {"type": "note", "params": "second"}}}}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('again') AS p \gset
CALL clock('2030-01-01 00:00:05+00');
SELECT is(workflow.work(100) || notes(), '2first', 'nor when the state was left and entered again: that armed another timer');
SELECT is(timers(:'p'), '1000 2030-01-01 00:00:06, PT1S 2030-01-01 00:00:06', 'which has a time of its own');

-- order
SELECT FROM workflow.cancel(:'p');
SELECT FROM workflow.define('{
    "id": "ordered", "initial": "a",
    "states": {"a": {"after": {
        "3000": {"actions": {"type": "note", "params": "three"}},
        "2 s": {"actions": {"type": "note", "params": "two b"}},
        "1000": {"actions": {"type": "note", "params": "one"}},
        "PT2S": {"actions": {"type": "note", "params": "two a"}}}}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('ordered') AS p \gset
CALL clock('2030-01-01 00:01+00');
SELECT is(workflow.work(100), 4, 'timers that are overdue together');
SELECT is(notes(), 'one, two b, two a, three', 'are delivered in the order of their due times, equal ones in the order in which they were set');
SELECT is(timers(:'p'), '', 'and once');

-- set and reset
SELECT FROM workflow.define('{
    "id": "deadline", "initial": "a", "context": {"wait": "1 hour"},
    "delays": {"deadline": {"@expr": "(context->>''wait'')::interval"}, "reminder": null},
    "states": {"a": {"after": {"deadline": "late", "reminder": {"actions": {"type": "note", "params": "remember"}}}, "on": {"stop": "b"}}, "b": {}, "late": {}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('deadline') AS p \gset
SELECT is(timers(:'p'), 'deadline 2030-01-01 01:00:00', 'a timer that is never due has no row');
SELECT lives_ok(format('SELECT workflow.set_timer(%L, ''reminder'', ''2030-01-01 00:20+00'')', :'p'), 'set_timer() sets it');
SELECT lives_ok(format('SELECT workflow.set_timer(%L, ''deadline'', ''2030-01-01 05:00+00'')', :'p'), 'and moves a running one');
SELECT is(timers(:'p'), 'reminder 2030-01-01 00:20:00, deadline 2030-01-01 05:00:00', 'to the time it is given');
CALL clock('2030-01-01 00:30+00');
SELECT is(workflow.work(100) || notes(), '1remember', 'at which it fires');
SELECT is(workflow.reset_timer(:'p', 'deadline'), '2030-01-01 01:30+00'::timestamptz, 'reset_timer() starts a timer anew, as on entry, counted from now');
SELECT is(timers(:'p'), 'deadline 2030-01-01 01:30:00', 'once');
SELECT is(workflow.reset_timer(:'p', 'reminder'), NULL, 'one that is never due stays so');
SELECT FROM workflow.set_timer(:'p', 'reminder', '2030-01-01 06:00+00');
SELECT is(workflow.reset_timer(:'p', 'reminder'), NULL, 'or becomes so again');
SELECT is(timers(:'p'), 'deadline 2030-01-01 01:30:00', 'and is gone');
SELECT is(error('SELECT workflow.set_timer(%L, ''other'', now())', :'p'),
    ARRAY['WF008', 'no active state has a timer "other"', 'HINT: A timer is named by its key under "after".'], 'WF008: no such timer');
SELECT is((error('SELECT workflow.reset_timer(%L, ''other'')', :'p'))[1], 'WF008', 'nor to reset');
SELECT is((error('SELECT workflow.set_timer(%L, ''deadline'', ''infinity'')', :'p'))[1], '22008', 'a due time is finite');
SELECT is((error('SELECT workflow.set_timer(%L, ''deadline'', NULL)', :'p'))[1], '22004', 'and not null, of which nobody would hear otherwise');
SELECT is((error('SELECT workflow.set_timer(''01234567-89ab-7def-8000-000000000000'', ''deadline'', now())'))[1], 'WF001', 'the process has to exist');
SELECT FROM workflow.set_timer(:'p', 'deadline', '2020-01-01');
SELECT is(workflow.work(100), 1, 'a time in the past is due now');
SELECT is(states(:'p'), 'late', 'and fires');
SELECT is((error('SELECT workflow.set_timer(%L, ''deadline'', now())', :'p'))[1], 'WF008', 'in another state there is no such timer');
SET ROLE regress_stranger;
SELECT is((app.error('SELECT workflow.set_timer(%L, ''deadline'', now())', :'p'))[1], 'WF002', 'a stranger sets no timers');
SELECT is((app.error('SELECT workflow.reset_timer(%L, ''deadline'')', :'p'))[1], 'WF002', 'nor resets them');
SET ROLE regress_app;

SELECT workflow.start('deadline') AS p \gset
SELECT FROM workflow.set_timer(:'p', 'reminder', '2030-01-01 00:40+00');
SELECT FROM workflow.set_timer(:'p', 'deadline', '2030-01-01 00:41+00');
SELECT FROM workflow.set_timer(:'p', 'deadline', '2030-01-01 00:42+00');
SELECT is(timers(:'p'), 'reminder 2030-01-01 00:40:00, deadline 2030-01-01 00:42:00', 'a timer set twice is there once');

-- commands and timers
SELECT FROM workflow.cancel(:'p');
SELECT workflow.start('deadline') AS p \gset
CALL clock('2031-01-01 00:00+00');
SELECT FROM workflow.send(:'p', 'stop');
SELECT is(workflow.work(100), 0, 'a command that comes before the executor wins');
SELECT is(states(:'p'), 'b', 'though the timer was due: it was cancelled');

-- what an expression sees of the event
SELECT FROM workflow.define('{
    "id": "patient", "initial": "a", "context": {"asked": null},
    "delays": {"patience": {"@expr": "CASE event->>''type'' WHEN ''workflow.reset_timer'' THEN interval ''2 hours'' ELSE interval ''1 hour'' END"}},
    "states": {"a": {"after": {"patience": "late"}}, "late": {}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('patient') AS p \gset
SELECT is(workflow.reset_timer(:'p', 'patience'), '2030-01-01 02:00+00', 'reset_timer() is an event of its own to the expression');

\set end :srcdir '/end.psql'
\i :end
