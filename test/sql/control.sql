\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "job", "initial": "a", "exit": {"type": "note", "params": "-root"},
    "states": {
        "a": {"after": {"1 hour": "late"}, "on": {"go": "b", "end": "end"}, "exit": {"type": "note", "params": "-a"}},
        "b": {"initial": "c", "exit": {"type": "note", "params": "-b"}, "after": {"1 day": "late"}, "states": {"c": {"exit": {"type": "note", "params": "-c"}}}},
        "late": {}, "end": {"type": "final"}}}');

-- suspend, resume
SELECT workflow.start('job') AS p \gset
SELECT is(workflow.suspend(:'p'), true, 'a process is suspended');
SELECT is(workflow.suspend(:'p'), false, 'once');
SELECT is((SELECT format('%s %s %s', suspended, status, states) FROM workflow.get(:'p')), 't idled {a}', 'it stays where it is');
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF003', 'commands are refused');
SELECT is((SELECT array_agg(parked) FROM workflow.timers WHERE process = :'p'), ARRAY[true], 'its timers are parked');
SELECT FROM workflow.post(:'p', 'go');
CALL clock('2030-01-01 02:00+00');
SELECT FROM workflow.work(100);
SELECT is(states(:'p'), 'a', 'executors do not step it');
SELECT is((SELECT array_agg(event ORDER BY step) FROM workflow.process_history WHERE process = :'p'), '{workflow.start,workflow.suspend}', 'nor does anything else');
SELECT is(workflow.resume(:'p'), true, 'resume() lets it go on');
SELECT is(workflow.resume(:'p'), false, 'once');
SELECT is(workflow.work(100), 2, 'what has become due meanwhile');
SELECT is(states(:'p') || ' ' || notes(), 'b.c -a', 'is done now: the posted event came first, and the timer of the state that it left never comes');
SELECT is((SELECT array_agg(format('%s %s', event, taken) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
          ARRAY['workflow.start t', 'workflow.suspend t', 'workflow.resume t', 'go t'], 'in the order of the due times');
SELECT is((SELECT count(*) FROM workflow.timers WHERE process = :'p' AND parked), 0::bigint, 'nothing is parked any more');
SELECT notes() AS forget \gset

SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.suspend(:'p');
SELECT FROM workflow.set_timer(:'p', '1 hour', '2030-01-01 02:00+00');
SELECT is(workflow.work(100), 0, 'a timer that is set while the process is suspended waits, too');
SELECT FROM workflow.resume(:'p');
SELECT is(workflow.work(100) || states(:'p'), '1late', 'until it is resumed');
SELECT workflow.start('job', at => '2030-01-01 03:00+00') AS p \gset
SELECT FROM workflow.suspend(:'p');
CALL clock('2030-01-01 03:00+00');
SELECT is(workflow.work(100) || status(:'p'), '0initialized', 'a process that has not started can be suspended');
SELECT FROM workflow.resume(:'p');
SELECT is(workflow.work(100) || status(:'p'), '1idled', 'and resumed');

-- cancel
SELECT notes() AS forget \gset
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.send(:'p', 'go');
SELECT FROM workflow.post(:'p', 'go', at => '2031-01-01');
SELECT notes() AS forget \gset
SELECT lives_ok(format('SELECT workflow.cancel(%L, actor => ''boss'')', :'p'), 'a process is cancelled');
SELECT is(notes(), '-c, -b, -root', 'its exit actions run, from the inside out');
SELECT is((SELECT format('%s %s', status, states) FROM workflow.get(:'p')), 'terminated {}', 'it is terminated and in no state');
SELECT is(timers(:'p'), '', 'it has no timers');
SELECT is((SELECT format('%s %s>%s %s', event, from_states, to_states, actor) FROM workflow.process_history WHERE process = :'p' ORDER BY step DESC LIMIT 1),
          'workflow.cancel {b.c}>{} boss', 'the history says who it was');
SELECT is((error('SELECT workflow.cancel(%L)', :'p'))[1], 'WF004', 'it is over');
SELECT is((error(format('SELECT workflow.%s(%%L)', f), :'p'))[1], 'WF004', format('%s() of a process that is over: WF004', f)) FROM unnest(ARRAY['suspend', 'resume']) f;
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF004', 'send() to it, too');
SELECT workflow.start('job', at => '2030-02-01') AS p \gset
SELECT FROM workflow.cancel(:'p');
SELECT is(status(:'p') || timers(:'p') || notes(), 'terminated', 'what has not started can be cancelled: nothing runs');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.suspend(:'p');
SELECT FROM workflow.cancel(:'p');
SELECT is((SELECT format('%s %s', status, suspended) FROM workflow.get(:'p')), 'terminated f', 'what is suspended, too, and is so no longer');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.send(:'p', 'end');
SELECT is((error('SELECT workflow.cancel(%L)', :'p'))[1], 'WF004', 'what has come to its end cannot');
SELECT is((error(format('SELECT workflow.%s(''01234567-89ab-7def-8000-000000000000'')', f)))[1], 'WF001', format('%s() of no process: WF001', f))
FROM unnest(ARRAY['suspend', 'resume', 'cancel']) f;
SELECT workflow.start('job') AS p \gset
SET ROLE regress_stranger;
SELECT is((app.error(format('SELECT workflow.%s(%%L)', f), :'p'))[1], 'WF002', format('%s() by a stranger: WF002', f)) FROM unnest(ARRAY['suspend', 'resume', 'cancel']) f;

-- resume() from an action, of a process whose event is in the same batch
SET ROLE regress_app;
CREATE FUNCTION app.wake(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ SELECT workflow.resume((context ->> 'other')::uuid) $$;
SELECT FROM workflow.define('{"id": "sleeper", "initial": "a", "states": {"a": {"on": {"go": "b", "wake": {"actions": "wake"}}}, "b": {}}}');
SELECT workflow.start('sleeper') AS p \gset
SELECT workflow.start('sleeper', jsonb_build_object('other', :'p')) AS q \gset
SELECT FROM workflow.suspend(:'p');
SELECT FROM workflow.post(:'q', 'wake');
SELECT FROM workflow.post(:'p', 'go');
SELECT is((error('SELECT workflow.work(100)'))[1], '55P03', 'resume() from an action is refused when its process is in the same batch');
SELECT is(workflow.work(1), 1, 'alone, as an executor tries it then, it is not');
SELECT is(workflow.work(100) || states(:'p'), '1b', 'and the event that waited is delivered');

-- What can be undone, in each state of a process in which it can be done, leaves what
-- there was before; where it does not, what it leaves.
SELECT FROM workflow.define('{"id": "pair", "initial": "a", "context": {"n": 0}, "states": {
    "a": {"defer": "later", "on": {"go": "b", "add": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}, "after": {"1 day": "b"}},
    "b": {"on": {"later": "c"}}, "c": {"type": "final"}}}');
CREATE FUNCTION app.stands(p uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', g.status, CASE WHEN g.suspended THEN 'suspended' END, g.states, g.context,
        (SELECT string_agg(concat_ws('/', t.event, t.name, t.due, CASE WHEN t.parked THEN 'parked' END), ', ' ORDER BY t.due, t.event) FROM workflow.timers t WHERE t.process = p),
        (SELECT 'kept ' || string_agg(d.event, ', ') FROM workflow.deferred_events d WHERE d.process = p),
        (SELECT 'paused' FROM workflow.pauses WHERE definition = 'pair'))
    FROM workflow.get(p) g $$;
CREATE FUNCTION app.there_and_back(make text, there text, back text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid;
    result text;
    before text;
    worked int;
BEGIN
    BEGIN
        p := CASE WHEN make = 'late' THEN workflow.start('pair', at => '2030-06-01') ELSE workflow.start('pair') END;
        IF make NOT IN ('new', 'late') THEN
            EXECUTE format('SELECT workflow.' || make, p);
        END IF;
        before := stands(p);
        EXECUTE format('SELECT workflow.' || there, p);
        -- what was undone in vain would show
        worked := workflow.work();
        EXECUTE format('SELECT workflow.' || back, p);
        worked := workflow.work();
        result := CASE WHEN stands(p) = before THEN 'as before' ELSE stands(p) END;
        RAISE 'enough' USING ERRCODE = 'UN001';
    EXCEPTION
        WHEN SQLSTATE 'UN001' THEN RETURN result;
        WHEN OTHERS THEN RETURN SQLSTATE;
    END;
END
$$;
CREATE TABLE app.undone (make text, there text, result text);
INSERT INTO app.undone SELECT make, there, app.there_and_back(make, there, back)
FROM unnest(ARRAY['new', 'late', 'suspend(%L)', 'pause(''pair'')', 'send(%L, ''later'')', 'send(%L, ''go'')', 'cancel(%L)', 'set_states(%L, ''{c}'')']) make,
    (VALUES ('suspend(%L)', 'resume(%L)'), ('pause(''pair'')', 'unpause(''pair'')'),
        ('post(%L, ''add'', id => ''x'', at => ''2030-02-01'')', 'cancel_event(%L, ''x'')'),
        ('set_timer(%L, ''1 day'', ''2030-05-01'')', 'reset_timer(%L, ''1 day'')'),
        ('set_states(%L, ''{b}'', execute => false)', 'set_states(%L, ''{a}'', execute => false)'),
        ('set_context(%L, ''{"m": 1}'')', 'set_context(%L, ''{"m": null}'')')) pair(there, back);
SELECT set_eq($q$ SELECT make, split_part(there, '(', 1), result FROM app.undone WHERE result <> 'as before' $q$, $q$ VALUES
    -- what has not started has no timer and no state
    ('late', 'set_timer', 'WF008'), ('late', 'set_states', 'WF003'), ('late', 'set_context', 'WF003'),
    -- once is enough
    ('suspend(%L)', 'suspend', 'idled {a} {"n": 0} after.1 day.a/1 day/2030-01-02 03:00:00+00'),
    ('pause(''pair'')', 'pause', 'idled {a} {"n": 0} after.1 day.a/1 day/2030-01-02 03:00:00+00'),
    -- the event that was kept is taken there, and leads to the end
    ('send(%L, ''later'')', 'set_states', 'WF004'),
    -- there is no such timer; and another state than before
    ('send(%L, ''go'')', 'set_timer', 'WF008'),
    ('send(%L, ''go'')', 'set_states', 'idled {a} {"n": 0} after.1 day.a/1 day/2030-01-02 03:00:00+00'),
    -- over is over; a definition may be paused for all that
    ('cancel(%L)', 'suspend', 'WF004'), ('cancel(%L)', 'post', 'WF004'), ('cancel(%L)', 'set_timer', 'WF004'),
    ('cancel(%L)', 'set_states', 'WF004'), ('cancel(%L)', 'set_context', 'WF004'),
    ('set_states(%L, ''{c}'')', 'suspend', 'WF004'), ('set_states(%L, ''{c}'')', 'post', 'WF004'), ('set_states(%L, ''{c}'')', 'set_timer', 'WF004'),
    ('set_states(%L, ''{c}'')', 'set_states', 'WF004'), ('set_states(%L, ''{c}'')', 'set_context', 'WF004') $q$, 'what is undone leaves nothing');
SELECT is((SELECT count(*) FROM app.undone WHERE result = 'as before'), 30::bigint, 'in each state in which it can be done');

\set end :srcdir '/end.psql'
\i :end
