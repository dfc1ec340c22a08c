\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "box", "initial": "open", "context": {"got": []},
    "states": {
        "open": {"on": {
            "put": {"actions": {"type": "assign", "context": {"got": {"@expr": "context->''got'' || (event->''data'')"}}}},
            "close": "closed"}},
        "closed": {"type": "final"}}}');
SELECT workflow.start('box', key => 'B1') AS p \gset

-- post
SELECT lives_ok(format('SELECT workflow.post(%L, ''put'', ''1'', actor => ''ann'')', :'p'), 'an event is posted');
SELECT is(context(:'p') -> 'got', '[]', 'it is not delivered in this call');
SELECT is(timers(:'p'), 'put 2030-01-01 00:00:00', 'but due now');
SELECT is(workflow.work(100), 1, 'it is delivered');
SELECT is(context(:'p') -> 'got', '[1]', 'by an executor');
SELECT is(timers(:'p'), '', 'once');
SELECT is(workflow.work(100), 0, 'and not again');
SELECT is((SELECT format('%s %s %s', actor, due, data) FROM workflow.process_history WHERE process = :'p' AND event = 'put'), 'ann 2030-01-01 00:00:00+00 1',
    'the history knows on whose behalf and for when');
SELECT FROM workflow.post(:'p', 'put', '2', '2030-01-03');
SELECT FROM workflow.post(:'p', 'put', '3', '2030-01-02');
SELECT FROM workflow.post_by_key('box', 'B1', 'put', '4', '2030-01-02');
SELECT is(timers(:'p'), 'put 2030-01-02 00:00:00, put 2030-01-02 00:00:00, put 2030-01-03 00:00:00', 'an event may be posted for later');
SELECT is(workflow.work(100), 0, 'then it waits');
CALL clock('2030-01-03');
SELECT is(workflow.work(100), 3, 'until it is due');
SELECT is(context(:'p') -> 'got', '[1, 3, 4, 2]', 'in the order of the due times, of equal ones in that of the posts');
SELECT FROM workflow.post(:'p', 'put', '5', '2029-01-01');
SELECT is(workflow.work(100), 1, 'a time that has passed is now');

-- before the start: one claim has the event, which is parked, and then the start
SELECT workflow.start('box', key => 'early', at => now() + interval '2 hours') AS e \gset
SELECT FROM workflow.post(:'e', 'put', '1', now() + interval '1 hour');
CALL clock('2030-01-03 03:00+00');
SELECT is(workflow.work(100), 2, 'an event that is due before the start comes with it');
SELECT is(workflow.work(100), 1, 'and is delivered behind it');
SELECT is(context(:'e') -> 'got', '[1]', 'once');
CALL clock('2030-01-03');

-- ids
SELECT FROM workflow.post(:'p', 'put', '"first"', '2030-02-01', 'reminder');
SELECT FROM workflow.post(:'p', 'put', '"second"', '2030-03-01', 'reminder');
SELECT is(timers(:'p'), 'reminder 2030-03-01 00:00:00', 'a post with the id of a pending one replaces it');
SELECT FROM workflow.post(:'p', 'put', '"other"', '2030-03-01', 'another');
SELECT is(workflow.cancel_event(:'p', 'reminder'), true, 'a posted event can be taken back by its id');
SELECT is(workflow.cancel_event(:'p', 'reminder'), false, 'once');
SELECT is(timers(:'p'), 'another 2030-03-01 00:00:00', 'others stay');
CALL clock('2030-03-01');
SELECT is(workflow.work(100), 1, 'what is left is delivered');
SELECT is(workflow.cancel_event(:'p', 'another'), false, 'what was delivered cannot be taken back');
SELECT is(context(:'p') -> 'got', '[1, 3, 4, 2, 5, "other"]', 'what was taken back or replaced never arrives');

-- to a process that is not there or over
SELECT FROM workflow.post(:'p', 'nobody knows it');
SELECT is(workflow.work(100), 1, 'an event that no state handles is delivered, too');
SELECT is((SELECT format('%s %s', event, taken) FROM workflow.process_history WHERE process = :'p' ORDER BY step DESC LIMIT 1), 'nobody knows it f', 'and recorded as ignored');
SELECT FROM workflow.post(:'p', 'put', '6', '2031-01-01');
SELECT FROM workflow.send(:'p', 'close');
SELECT is(timers(:'p'), '', 'at the end of a process its pending events are dropped');
SELECT is(error('SELECT workflow.post(%L, ''put'')', :'p'), ARRAY['WF004', format('process %s is over', :'p')], 'and no more are taken');
SELECT is(error('SELECT workflow.cancel_event(%L, ''x'')', :'p'), ARRAY['WF004', format('process %s is over', :'p')], 'nor taken back');
SELECT is(error('SELECT workflow.post(''01234567-89ab-7def-8000-000000000000'', ''put'')'),
    ARRAY['WF001', 'process 01234567-89ab-7def-8000-000000000000 does not exist'], 'a process has to exist');
SELECT is(error('SELECT workflow.post_by_key(''box'', ''B9'', ''put'')'), ARRAY['WF001', 'no process of "box" has the key "B9"'], 'so has a key');
SELECT workflow.start('box') AS p \gset
SELECT is((error('SELECT workflow.post(%L, ''done.state.x'')', :'p'))[1], '22023', 'names of the engine cannot be posted');
SET ROLE regress_stranger;
SELECT is((app.error('SELECT workflow.post(%L, ''put'')', :'p'))[1], 'WF002', 'a stranger cannot post');
SELECT is((app.error('SELECT workflow.cancel_event(%L, ''x'')', :'p'))[1], 'WF002', 'nor take back');
SET ROLE regress_app;

-- two in one batch, the first of which ends the process
SELECT FROM workflow.post(:'p', 'close');
SELECT FROM workflow.post(:'p', 'put', '9');
SELECT is(workflow.work(100), 2, 'when the first of two events ends the process');
SELECT is(context(:'p') -> 'got', '[]', 'the second is dropped');
SELECT is(status(:'p') || timers(:'p'), 'finalized', 'and nothing is left');

-- a posted event reaches a process that has not started
SELECT workflow.start('box', at => '2030-03-02') AS p \gset
SELECT FROM workflow.post(:'p', 'put', '1', '2030-03-03');
CALL clock('2030-03-03');
SELECT is(workflow.work(100), 2, 'start and event are due');
SELECT is(context(:'p') -> 'got', '[1]', 'the start comes first');

-- work
SELECT is(error('SELECT workflow.work(0)'), ARRAY['22023', 'max must be between 1 and ' || (SELECT max_val FROM pg_settings WHERE name = 'workflow.batch_size')], 'work() takes at least one');
SELECT workflow.start('box') AS p \gset
SELECT count(*) FROM generate_series(1, 5) n, workflow.post(:'p', 'put', to_jsonb(n)) \gset
SELECT is(workflow.work(2), 2, 'work() takes as many as it is told');
SELECT is(context(:'p') -> 'got', '[1, 2]', 'the first ones first');
SELECT is(workflow.work(2) + workflow.work(2), 3, 'and the rest later');
SET ROLE regress_clerk;
SELECT is(workflow.work(100), 0, 'work() steps the processes of the current role only');

\set end :srcdir '/end.psql'
\i :end
