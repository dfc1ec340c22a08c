\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "claim", "initial": "open", "context": {"n": 1},
    "on": {"drop": "dropped", "note.*": {"actions": {"type": "note", "params": "note"}}},
    "states": {
        "open": {
            "initial": "new", "after": {"30 days": "dropped"}, "onDone": "dropped",
            "on": {"sign": {"target": "signed", "guard": {"@expr": "(context->>''n'')::int > 1"}}, "drop": {"guard": false}},
            "states": {"new": {"on": {"assign": "assigned", "sign": {"guard": {"@expr": "event->''data'' IS NOT NULL"}}}}, "assigned": {"on": {"pay": "end"}}, "end": {"type": "final"}}},
        "signed": {"on": {"drop": {"guard": {"@expr": "event->>''actor'' = ''boss''"}}}},
        "dropped": {"type": "final"}}}');
SELECT workflow.start('claim', key => 'C1') AS p \gset

-- available_events
SELECT is((SELECT array_agg(format('%s %s', e.event, e.enabled)) FROM workflow.available_events(:'p') e),
    ARRAY['drop t', 'note.* t', 'sign ', 'assign t'],
    'what the active states have a handler for, from the outside in; guards are asked without data; timers and onDone are left out');
SELECT FROM workflow.send(:'p', 'assign');
SELECT is((SELECT array_agg(format('%s %s', e.event, e.enabled)) FROM workflow.available_events(:'p') e),
    ARRAY['drop t', 'note.* t', 'sign f', 'pay t'], 'as the process stands');
SELECT is((SELECT step FROM workflow.get(:'p')), 2, 'looking is no step');
SELECT workflow.start('claim', '{"n": 2}') AS q \gset
SELECT FROM workflow.send(:'q', 'sign');
SELECT is((SELECT array_agg(format('%s %s', e.event, e.enabled)) FROM workflow.available_events(:'q', actor => 'boss') e),
    ARRAY['drop t', 'note.* t'], 'guards see the actor');
SELECT FROM workflow.suspend(:'q');
SELECT is((SELECT count(*) FROM workflow.available_events(:'q')), 0::bigint, 'a suspended process takes nothing');
SELECT FROM workflow.resume(:'q');
SELECT FROM workflow.send(:'q', 'drop');
SELECT is((SELECT count(*) FROM workflow.available_events(:'q')), 0::bigint, 'nor does one that is over');
SELECT is((SELECT count(*) FROM workflow.available_events(workflow.start('claim', at => '2030-02-01'))), 0::bigint, 'nor one that has not started');
SELECT is((error('SELECT workflow.available_events(''01234567-89ab-7def-8000-000000000000'')'))[1], 'WF001', 'a process has to exist');

-- get
SELECT is((error('SELECT workflow.get(''01234567-89ab-7def-8000-000000000000'')'))[1], 'WF001', 'get() of no process: WF001');
SELECT is((SELECT g::text FROM workflow.get(:'p') g), format('(%s,claim,1,C1,idled,f,{open.assigned},"{""n"": 1}",2,"2030-01-01 00:00:00+00","2030-01-01 00:00:00+00",,,,,)', :'p'),
          'get() tells where a process stands');
CALL clock('2030-01-02');
SELECT FROM workflow.send(:'p', 'note.it');
SELECT is((SELECT format('%s %s', started_at, updated_at) FROM workflow.get(:'p')), '2030-01-01 00:00:00+00 2030-01-02 00:00:00+00', 'when it was started and when it took its last step');

-- views, for people
SELECT is((SELECT v::text FROM workflow.processes v WHERE id = :'p'),
    format('(%s,claim,1,C1,idled,f,{open.assigned},"{""n"": 1}",3,regress_app,"2030-01-01 00:00:00+00","2030-01-02 00:00:00+00",,,,,,)', :'p'), 'processes');
SELECT FROM workflow.post(:'p', 'pay', '{"by": 1}', '2030-01-20', 'payment', 'ann');
SELECT is((SELECT array_agg(concat_ws(' ', definition, key, event, name, state, due, parked, attempts, actor, data) ORDER BY due) FROM workflow.timers WHERE process = :'p'),
    ARRAY['claim C1 pay payment 2030-01-20 00:00:00+00 f 0 ann {"by": 1}', 'claim C1 after.30 days.open 30 days open 2030-01-31 00:00:00+00 f 0'], 'timers');
SELECT is((SELECT array_agg(concat_ws(' ', definition, key, step, at, event, taken, from_states, to_states, due, actor, data) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
    ARRAY['claim C1 1 2030-01-01 00:00:00+00 workflow.start t {} {open.new} regress_app',
          'claim C1 2 2030-01-01 00:00:00+00 assign t {open.new} {open.assigned} regress_app',
          'claim C1 3 2030-01-02 00:00:00+00 note.it t {open.assigned} {open.assigned} regress_app'], 'process_history');
SELECT is((SELECT format('%s %s %s %s', name, version, owner, chart ->> 'id') FROM workflow.definitions), 'claim 1 regress_app claim', 'definitions');
SELECT columns_are('workflow', 'errors', ARRAY['process', 'definition', 'key', 'status', 'states', 'event', 'attempts', 'given_up', 'at', 'sqlstate', 'message', 'detail', 'hint', 'context', 'due', 'actor', 'data', 'name', 'state', 'since', 'handled', 'tenant'], 'errors: what went wrong, and where');
SELECT columns_are('workflow', 'activity', ARRAY['kind', 'pid', 'owner', 'state', 'since', 'steps', 'batches', 'wait_reason',
    'process', 'definition', 'event', 'event_since', 'sqlstate', 'message', 'failed_at', 'looks', 'run', 'job', 'progress', 'wait_event_type', 'wait_event'], 'activity: the workers');
SELECT lives_ok('SELECT * FROM workflow.activity', 'can be looked at');

-- a key whose process is gone (somebody deleted the row)
SELECT workflow.start('claim', key => 'gone') AS p \gset
RESET ROLE;
DELETE FROM workflow.process WHERE id = :'p';
DELETE FROM workflow.timer WHERE process = :'p';
DELETE FROM workflow.history WHERE process = :'p';
SET ROLE regress_app;
SELECT is(app.error('SELECT workflow.find(''claim'', ''gone'')'), ARRAY['WF001', format('process %s does not exist', :'p')], 'a key whose process row is gone finds nothing');
SELECT is((app.error('SELECT workflow.send_by_key(''claim'', ''gone'', ''drop'')'))[1], 'WF001', 'nor does a command reach it');
RESET ROLE;
DELETE FROM workflow.key WHERE process = :'p';

-- looking sees what this transaction has done, in the same statement, too
SET ROLE regress_app;
SELECT workflow.start('claim', key => 'stable') AS p \gset
SELECT is((SELECT ARRAY[s.states, (workflow.get(:'p')).states]::text FROM workflow.send(:'p', 'assign') s), '{{open.assigned},{open.assigned}}', 'get() after a command in the same statement');
SELECT is((SELECT g.step FROM workflow.get(workflow.start('claim', key => 'new')) g), 1, 'of what it started');
SELECT is(workflow.find('claim', left('newer ' || workflow.start('claim', key => 'newer'), 5)) IS NOT NULL, true, 'find() of the key that it took');
CREATE FUNCTION app.pick(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.note (text) VALUES ('asked');
    PERFORM workflow.start('claim');
    RETURN true;
END
$$;
SELECT FROM workflow.define('{"id": "picky", "initial": "a", "states": {"a": {"on": {"go": {"guard": "pick"}}}}}');
SELECT workflow.start('picky') AS q \gset
SELECT notes() AS forget \gset
SELECT is((SELECT e::text FROM workflow.available_events(:'q') e), '(go,t,,,,,)', 'guards that write may do so');
SELECT is(notes(), 'asked', 'as if the event were sent');

-- and an action may look, and look in vain, before its step is written
CREATE FUNCTION app.peek(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    found text := (workflow.get((event ->> 'process')::uuid)).states[1];
BEGIN
    PERFORM workflow.find('claim', 'nobody has this one');
    RETURN context;
EXCEPTION WHEN SQLSTATE 'WF001' THEN
    RETURN context || jsonb_build_object('found', found, 'events', (SELECT count(*) FROM workflow.available_events(workflow.find('claim', 'stable'))));
END
$$;
SELECT FROM workflow.define('{"id": "peeks", "initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": "peek"}}}, "b": {}}}');
SELECT is((s.states, s.context)::text, '({b},"{""found"": ""a"", ""events"": 4}")', 'an action may look') FROM workflow.send(workflow.start('peeks', key => 'peek'), 'go') s;
SELECT is((SELECT g.states FROM workflow.get(workflow.find('peeks', 'peek')) g), ARRAY['b'], 'and its step is written');

\set end :srcdir '/end.psql'
\i :end
