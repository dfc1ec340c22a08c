\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "loan", "initial": "asked", "context": {"granted": null},
    "states": {
        "asked": {"on": {
            "grant": [
                {"target": "granted", "guard": {"@expr": "(event->''data''->>''amount'')::int <= 100"},
                 "actions": {"type": "assign", "context": {"granted": {"@expr": "event->''data''->''amount''"}}}},
                {"target": "checked"}],
            "look": {"actions": {"type": "note", "params": "looked"}},
            "nothing": null}},
        "checked": {"on": {"grant": "granted"}},
        "granted": {"on": {"pay": "paid"}},
        "paid": {"type": "final"}}}');
SELECT workflow.start('loan', key => 'L1') AS p \gset

-- verdicts
SELECT is(s::text, '(t,idled,{asked},"{""granted"": null}",f)', 'a targetless transition is taken and leaves the state as it is')
FROM workflow.send(:'p', 'look') s;
SELECT is(notes(), 'looked', 'its actions run');
SELECT is(s::text, '(t,idled,{asked},"{""granted"": null}",f)', 'a transition without anything is taken, too')
FROM workflow.send(:'p', 'nothing') s;
SELECT is(s::text, '(f,idled,{asked},"{""granted"": null}",f)', 'an event that no active state handles is not taken')
FROM workflow.send(:'p', 'pay', '{"n": 1}', actor => 'ann') s;
SELECT is(h::text, format('(%s,loan,L1,4,"2030-01-01 00:00:00+00",pay,f,{asked},{asked},,ann,"{""n"": 1}",,,)', :'p'),
          'but it is recorded as ignored, with its data and its actor')
FROM workflow.process_history h WHERE process = :'p' AND step = 4;
SELECT is(s::text, '(t,idled,{granted},"{""granted"": 80}",f)', 'the data of a command is seen by guards and actions')
FROM workflow.send(:'p', 'grant', '{"amount": 80}') s;
SELECT is(s::text, '(t,finalized,{paid},"{""granted"": 80}",f)', 'the verdict of the last command tells that the process is over')
FROM workflow.send(:'p', 'pay') s;
SELECT is((SELECT array_agg(format('%s %s %s>%s', step, event, from_states, to_states) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
          ARRAY['1 workflow.start {}>{asked}', '2 look {asked}>{asked}', '3 nothing {asked}>{asked}', '4 pay {asked}>{asked}',
                '5 grant {asked}>{granted}', '6 pay {granted}>{paid}'], 'the history has every event that reached the process');
SELECT is((SELECT array_agg(DISTINCT actor COLLATE "C") FROM workflow.process_history WHERE process = :'p'), ARRAY['ann', 'regress_app'],
          'the actor is the current user unless another is named');

-- ids
SELECT workflow.start('loan') AS p \gset
SELECT is(s::text, '(t,idled,{checked},"{""granted"": null}",f)', 'a command with an id')
FROM workflow.send(:'p', 'grant', '{"amount": 1000}', id => 'c1') s;
SELECT is(s::text, '(t,idled,{checked},"{""granted"": null}",f)', 'repeated, gives the first verdict again')
FROM workflow.send(:'p', 'grant', '{"amount": 1000}', id => 'c1') s;
SELECT is(states(:'p'), 'checked', 'and changes nothing');
SELECT FROM workflow.send(:'p', 'grant', id => 'c2');
SELECT is(states(:'p'), 'granted', 'another id is another command');
SELECT is(s::text, '(t,idled,{checked},"{""granted"": null}",f)', 'the first verdict is what it was, though the process has moved on')
FROM workflow.send(:'p', 'grant', '{"amount": 1000}', id => 'c1') s;
SELECT is(s::text, '(f,idled,{granted},"{""granted"": null}",f)', 'a command that was ignored has a verdict, too')
FROM workflow.send(:'p', 'look', id => 'c3') s;
SELECT FROM workflow.send(:'p', 'pay', id => 'c4');
SELECT is(s::text, '(f,idled,{granted},"{""granted"": null}",f)', 'it is known even after the end of the process')
FROM workflow.send(:'p', 'look', id => 'c3') s;
SELECT is((SELECT step FROM workflow.get(:'p')), 5, 'repetitions take no step');
SELECT workflow.start('loan') AS other \gset
SELECT ok(taken, 'the same id sent to another process is another command') FROM workflow.send(:'other', 'grant', '{"amount": 1}', id => 'c3');

-- by key
SELECT is(s::text, '(t,idled,{asked},"{""granted"": null}",f)', 'send_by_key() reaches the process with the key')
FROM workflow.start('loan', key => 'L2'), workflow.send_by_key('loan', 'L2', 'look') s;
SELECT is(s::text, '(t,idled,{granted},"{""granted"": 7}",f)', 'with data and id')
FROM workflow.send_by_key('loan', 'L2', 'grant', '{"amount": 7}', 'k1') s;
SELECT is(s::text, '(t,idled,{granted},"{""granted"": 7}",f)', 'that count')
FROM workflow.send_by_key('loan', 'L2', 'grant', '{"amount": 7}', 'k1') s;

-- refusals
SELECT is(error('SELECT workflow.send(''01234567-89ab-7def-8000-000000000000'', ''look'')'),
    ARRAY['WF001', 'process 01234567-89ab-7def-8000-000000000000 does not exist'], 'WF001: no such process');
SELECT is(error('SELECT workflow.send_by_key(''loan'', ''L9'', ''look'')'),
    ARRAY['WF001', 'no process of "loan" has the key "L9"'], 'WF001: no such key');
SELECT is(error('SELECT workflow.send(%L, ''look'')', :'p'), ARRAY['WF004', format('process %s is over', :'p')], 'WF004: the process is over');
SELECT workflow.start('loan') AS p \gset
SET ROLE regress_stranger;
SELECT is(app.error('SELECT workflow.send(%L, ''look'')', :'p'),
    ARRAY['WF002', 'permission denied to send to processes of definition "loan"', 'HINT: Its owner can allow it with workflow.grant_on().'],
    'WF002: not allowed');
SET ROLE regress_app;
SELECT FROM workflow.suspend(:'p');
SELECT is(error('SELECT workflow.send(%L, ''look'')', :'p'),
    ARRAY['WF003', format('process %s is suspended', :'p'), 'HINT: workflow.resume() lets it go on.'], 'WF003: suspended');
SELECT FROM workflow.resume(:'p');
SELECT is(error('SELECT workflow.send(%L, NULL)', :'p'), ARRAY['22004', 'argument "event" must not be null'], 'an event needs a name');
SELECT is(error('SELECT workflow.send(NULL, ''look'')'), ARRAY['22004', 'argument "process" must not be null'], 'and a process');
SELECT is(error('SELECT workflow.send(%L, '''')', :'p'), ARRAY['22023', 'an event needs a name'], 'an empty name is none');
SELECT is(error(format('SELECT workflow.send(%%L, %L)', e), :'p'),
    ARRAY['22023', format('event "%s" cannot be sent: names that begin with "%s" are the engine''s own', e, split_part(e, '.', 1) || '.')],
    format('"%s" cannot be sent', e))
FROM unnest(ARRAY['after.1 day.asked', 'done.state.asked', 'error.execution', 'workflow.start']) e;
SELECT is((SELECT string_agg(event, ', ' ORDER BY step) FROM workflow.process_history WHERE process = :'p'), 'workflow.start, workflow.suspend, workflow.resume', 'refused commands leave no trace in the history');

-- an error in a guard
SELECT is(error('SELECT workflow.send(%L, ''grant'', ''{"amount": "many"}'')', :'p'),
    ARRAY['22P02', 'invalid input syntax for type integer: "many"'], 'an error in a guard is an error of the command');
SELECT is(states(:'p'), 'asked', 'which leaves the process where it was');
SELECT ok(taken, 'and able to go on') FROM workflow.send(:'p', 'grant', '{"amount": 1}');

-- send_many
SELECT notes() AS forget \gset
CREATE TEMP TABLE many AS SELECT n, workflow.start('loan', key => 'M' || n) AS id FROM generate_series(1, 4) n;
SELECT is(array_agg(format('%s %s %s %s', m.n, s.taken, s.status, s.states) ORDER BY s.n),
    ARRAY['4 t idled {asked}', '2 t idled {asked}', '1 t idled {asked}'], 'send_many() sends one event to each, in the order given')
FROM workflow.send_many((SELECT array_agg(id ORDER BY n DESC) FROM many WHERE n <> 3), ARRAY['look'])
     WITH ORDINALITY AS s(process, taken, status, states, context, deferred, sqlstate, message, n) JOIN many m ON m.id = s.process;
SELECT is(notes(), 'looked, looked, looked', 'and each runs its actions');
SELECT is(array_agg(format('%s %s %s %s', m.n, s.taken, s.states, s.context ->> 'granted') ORDER BY s.n),
    ARRAY['1 t {granted} 5', '2 f {asked} ', '3 t {checked} ', '3 t {granted} '],
    'or an event each, with data, some of them to one process, one after the other')
FROM workflow.send_many((SELECT array_agg(id ORDER BY o) FROM unnest(ARRAY[1, 2, 3, 3]) WITH ORDINALITY u(n, o) JOIN many USING (n)),
                        ARRAY['grant', 'pay', 'grant', 'grant'], ARRAY['{"amount": 5}', NULL, '{"amount": 500}', NULL]::jsonb[])
     WITH ORDINALITY AS s(process, taken, status, states, context, deferred, sqlstate, message, n) JOIN many m ON m.id = s.process;
SELECT is(array_agg(format('%s %s %s', m.n, s.taken, s.states) ORDER BY s.n),
    ARRAY['4 t {checked}', '4 t {checked}', '4 t {granted}', '2 t {checked}'],
    'ids count inside of a call: the second of two with the same id gets the verdict of the first')
FROM workflow.send_many((SELECT array_agg(id ORDER BY o) FROM unnest(ARRAY[4, 4, 4, 2]) WITH ORDINALITY u(n, o) JOIN many USING (n)),
                        ARRAY['grant'], ids => ARRAY['x', 'x', 'y', NULL])
     WITH ORDINALITY AS s(process, taken, status, states, context, deferred, sqlstate, message, n) JOIN many m ON m.id = s.process;
SELECT is(array_agg(format('%s %s', s.taken, s.states) ORDER BY s.n), ARRAY['t {checked}', 't {granted}', 'f {granted}', 't {checked}'],
    'and from call to call')
FROM workflow.send_many((SELECT array_agg(id ORDER BY o) FROM unnest(ARRAY[4, 4, 4, 4]) WITH ORDINALITY u(n, o) JOIN many USING (n)),
                        ARRAY['look', 'look', 'look', 'look'], ids => ARRAY['x', 'y', 'z', 'x'])
     WITH ORDINALITY AS s(process, taken, status, states, context, deferred, sqlstate, message, n);
SELECT is((error(format('SELECT workflow.send_many(%L, ARRAY[''grant''])',
                        (SELECT array_agg(id ORDER BY o) FROM unnest(ARRAY[2, 2, 2]) WITH ORDINALITY u(n, o) JOIN many USING (n)))))[1],
    'no error', 'the same command three times to one process');
SELECT is(states(id), 'granted', 'goes as far as it leads') FROM many WHERE n = 2;
SELECT workflow.start('loan') AS fresh \gset
SELECT FROM many, workflow.send_many(ARRAY[id], ARRAY['pay']) WHERE n = 1;
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L, %L]::uuid[], ARRAY[''look''])', :'fresh', (SELECT id FROM many WHERE n = 1))))[1], 'WF004',
    'one refusal');
SELECT is((SELECT step FROM workflow.get(:'fresh')), 1, 'fails the whole call');
SELECT is(error('SELECT workflow.send_many(ARRAY[%L, ''01234567-89ab-7def-8000-000000000000'']::uuid[], ARRAY[''look''])', :'fresh'),
    ARRAY['WF001', 'process 01234567-89ab-7def-8000-000000000000 does not exist'], 'so does a process that does not exist');
SELECT is(error('SELECT workflow.send_many(ARRAY[%L]::uuid[], ARRAY[''a'', ''b''])', :'fresh'), ARRAY['2202E', 'argument "events" must have one element, or as many as "processes"', 'It has 2, and "processes" has 1.'], 'as many events as processes, or one');
SELECT is(error('SELECT workflow.send_many(ARRAY[%L]::uuid[], ARRAY[''a''], ids => ''{}'')', :'fresh'), ARRAY['2202E', 'arguments "processes" and "ids" must have the same number of elements', 'They have 1 and 0.'], 'as many ids');
SELECT is(error('SELECT workflow.send_many(ARRAY[%L]::uuid[], ARRAY[''a''], data => ''{null,null}'')', :'fresh'), ARRAY['2202E', 'argument "data" must have one element, or as many as "processes"', 'It has 2, and "processes" has 1.'], 'as many data, or one');
SELECT is((error('SELECT workflow.send_many(ARRAY[%L, NULL]::uuid[], ARRAY[''a''])', :'fresh'))[1], '22004', 'no process is null');
SELECT is((SELECT count(*) FROM workflow.send_many('{}', '{look}')), 0::bigint, 'no processes, no verdicts');

-- several commands for one process in one call
SELECT workflow.start('loan') AS p \gset
SELECT workflow.start('loan') AS other \gset
SELECT is((SELECT array_agg(format('%s %s %s %s', process = :'p', taken, status, states)) FROM workflow.send_many(
        ARRAY[:'p', :'p', :'other', :'p', :'p']::uuid[], ARRAY['grant', 'grant', 'look', 'look', 'pay'],
        ARRAY['{"amount": 1000}', '{"amount": 1000}', null, null, null]::jsonb[])),
    ARRAY['t t idled {checked}', 't t idled {granted}', 'f t idled {asked}', 't f idled {granted}', 't t finalized {paid}'],
    'each command finds the process as the one before it left it, and has a verdict of its own');
SELECT is((SELECT array_agg(format('%s %s %s>%s', step, event, from_states, to_states) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
    ARRAY['1 workflow.start {}>{asked}', '2 grant {asked}>{checked}', '3 grant {checked}>{granted}', '4 look {granted}>{granted}', '5 pay {granted}>{paid}'],
    'all are in its history');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%%L, %%1$L, %%1$L, %%1$L]::uuid[], ARRAY[%L, %L, %L, %L])', 'grant', 'grant', 'pay', 'pay'), :'other'))[1],
    'WF004', 'one that comes after the end is refused');
SELECT is(states(:'other'), 'asked', 'and with it the whole call');
SELECT is((SELECT array_agg(format('%s %s', taken, states)) FROM workflow.send_many(
        ARRAY[:'other', :'other', :'other', :'other']::uuid[], ARRAY['grant', 'grant', 'grant', 'grant'],
        array_fill('{"amount": 1000}'::jsonb, ARRAY[4]), ARRAY['m1', 'm1', 'm2', 'm1'])),
    ARRAY['t {checked}', 't {checked}', 't {granted}', 't {checked}'], 'the same id twice in one call is one command');
SELECT is((SELECT step FROM workflow.get(:'other')), 4, 'which takes one step');
SELECT is(s::text, '(t,idled,{checked},"{""granted"": null}",f)', 'and is known later on') FROM workflow.send(:'other', 'grant', id => 'm1') s;


-- an action commands a process that the same call has a command for
CREATE FUNCTION domino(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF context->>'next' IS NOT NULL THEN
        PERFORM workflow.send((context->>'next')::uuid, 'push');
    END IF;
END
$$;
SELECT FROM workflow.define('{"id": "domino", "initial": "up", "context": {"next": null, "pushed": 0}, "states": {"up": {
    "on": {"push": {"actions": [{"type": "domino"}, {"type": "assign", "context": {"pushed": {"@expr": "(context->>''pushed'')::int + 1"}}}]}}}}}');
SELECT workflow.start('domino') AS last \gset
SELECT workflow.start('domino', jsonb_build_object('next', :'last')) AS first \gset
SELECT is((SELECT array_agg(s.context->>'pushed') FROM workflow.send_many(ARRAY[:'first', :'last']::uuid[], '{push}') s), '{1,2}', 'a command finds a process as an action of an earlier one left it');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L, %L]::uuid[], ''{push}'')', :'last', :'first')))[1], 'WF005', 'an action cannot command what the call is at already');

\set end :srcdir '/end.psql'
\i :end
