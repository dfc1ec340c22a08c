\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Events that are kept until the states that defer them are left.
SELECT FROM workflow.define('{
    "id": "shop", "initial": "packing", "context": {"log": ""},
    "states": {
        "packing": {"defer": ["address", "note.*"], "exit": {"type": "note", "params": "exit packing"},
                    "on": {"packed": "sending", "fail": "failed", "look": {"actions": {"type": "note", "params": "look"}}, "stop": "end"}},
        "sending": {"on": {"address": {"actions": {"type": "assign", "context": {"log": {"@expr": "(context->>''log'') || (event->>''type'') || coalesce(event->''data''#>>''{}'', '''')"}}}},
                           "note.x": {"target": "packing", "actions": {"type": "assign", "context": {"log": {"@expr": "(context->>''log'') || (event->>''type'')"}}}},
                           "packed": {"actions": {"type": "note", "params": "packed again"}}}},
        "failed": {}, "end": {"type": "final"}}}');
SELECT workflow.start('shop') AS p \gset
SELECT is(string_agg(format('%s %s %s', e, d.taken, d.deferred), ', ' ORDER BY e), 'address f t, look t f, other f f', 'dry_run() says which events would be kept for later')
FROM unnest(ARRAY['address', 'other', 'look']) e, workflow.dry_run(:'p', e) d;
SELECT is(format('%s %s %s', s.taken, s.deferred, s.states), 'f t {packing}', 'send() says that an event is kept for later') FROM workflow.send(:'p', 'address', '1', actor => 'ann') s;
SELECT is(format('%s %s', s.taken, s.deferred), 'f f', 'one that no state defers is ignored') FROM workflow.send(:'p', 'other') s;
SELECT is(format('%s %s', s.taken, s.deferred), 't f', 'one that is handled is taken') FROM workflow.send(:'p', 'look') s;
SELECT FROM workflow.send(:'p', 'address', '2');
SELECT is((SELECT array_agg(format('%s %s %s %s %s', event, state, data, actor, at) ORDER BY seq) FROM workflow.deferred_events WHERE process = :'p'),
    ARRAY['address packing 1 ann 2030-01-01 00:00:00+00', 'address packing 2 regress_app 2030-01-01 00:00:00+00'], 'what waits can be seen');
SELECT is((SELECT array_agg(format('%s %s %s', event, taken, coalesce(reason, '-')) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
    ARRAY['workflow.start t -', 'address f deferred', 'other f unknown', 'look t -', 'address f deferred'], 'the history tells it from what was ignored');
SELECT notes() AS forget \gset
SELECT is(format('%s %s %s', s.taken, s.states, s.context->>'log'), 't {sending} address1address2', 'when the state is left they are worked, in their order, in the same call') FROM workflow.send(:'p', 'packed') s;
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 0::bigint, 'then nothing waits');
SELECT is((SELECT array_agg(format('%s %s %s', event, taken, actor) ORDER BY step) FROM workflow.process_history WHERE process = :'p' AND step > 5),
    ARRAY['packed t regress_app', 'address t ann', 'address t regress_app'], 'each is a step of its own, on behalf of who sent it');

-- back into the deferring state
SELECT workflow.start('shop') AS p \gset
SELECT FROM unnest(ARRAY['address', 'note.x', 'address', 'note.y']) e, workflow.send(:'p', e) s;
SELECT is(format('%s %s', s.states, s.context->>'log'), '{packing} addressnote.x', 'one that leads back leaves the rest waiting') FROM workflow.send(:'p', 'packed') s;
SELECT is((SELECT array_agg(event ORDER BY seq) FROM workflow.deferred_events WHERE process = :'p'), ARRAY['address', 'note.y'], 'in their order');
SELECT FROM workflow.send(:'p', 'note');
SELECT is((SELECT array_agg(event ORDER BY seq) FROM workflow.deferred_events WHERE process = :'p'), ARRAY['address', 'note.y', 'note'], 'before what comes later');
SELECT is(format('%s %s', s.states, s.context->>'log'), '{sending} addressnote.xaddress', 'what nobody handles then is ignored') FROM workflow.send(:'p', 'packed') s;
SELECT is((SELECT array_agg(format('%s %s %s', event, taken, coalesce(reason, '-')) ORDER BY step) FROM workflow.process_history WHERE process = :'p' AND step > 11),
    ARRAY['note.y f -', 'note f -'], 'and recorded so') ;

-- left for a state that does not handle them; the end
SELECT workflow.start('shop') AS p \gset
SELECT FROM workflow.send(:'p', 'address');
SELECT FROM workflow.send(:'p', 'fail');
SELECT is((SELECT array_agg(format('%s %s', event, taken) ORDER BY step) FROM workflow.process_history WHERE process = :'p'), ARRAY['workflow.start t', 'address f', 'fail t', 'address f'], 'a state that knows nothing of it ignores it');
SELECT workflow.start('shop') AS p \gset
SELECT FROM workflow.send(:'p', 'address');
SELECT FROM workflow.send(:'p', 'stop');
SELECT is(status(:'p') || (SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 'finalized0', 'at the end they are dropped');
SELECT workflow.start('shop') AS p \gset
SELECT FROM workflow.send(:'p', 'address');
SELECT workflow.cancel(:'p');
SELECT is(status(:'p') || (SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 'terminated0', 'and with cancel()');

-- posted events, ids, receipts
SELECT workflow.start('shop') AS p \gset
SELECT workflow.post(:'p', 'address', '1', id => 'one');
SELECT workflow.post(:'p', 'address', '2', id => 'two');
SELECT workflow.post(:'p', 'note.x');
SELECT is(workflow.work(10), 3, 'posted events are delivered');
SELECT is((SELECT array_agg(concat_ws(' ', event, name) ORDER BY seq) FROM workflow.deferred_events WHERE process = :'p'), ARRAY['address one', 'address two', 'note.x'], 'and kept');
SELECT is(workflow.cancel_event(:'p', 'one'), true, 'cancel_event() takes one back by its id');
SELECT is(workflow.cancel_event(:'p', 'one'), false, 'once');
SELECT workflow.post(:'p', 'address', '3', id => 'two');
SELECT is((SELECT array_agg(event ORDER BY seq) FROM workflow.deferred_events WHERE process = :'p'), ARRAY['note.x'], 'a post with its id replaces one');
SELECT is(workflow.work(10), 1, 'which comes again');
SELECT notes() AS forget \gset
SELECT workflow.post(:'p', 'packed');
SELECT workflow.post(:'p', 'look');
SELECT is(workflow.work(10) || (context(:'p') ->> 'log') || states(:'p'), '2note.xpacking', 'what was kept is worked before newer events of the same batch');
SELECT is(notes(), 'exit packing, look', 'the newer one comes after it');
SELECT is((SELECT array_agg(data::text) FROM workflow.deferred_events WHERE process = :'p'), ARRAY['3'], 'the other one waits again');
SELECT is(format('%s %s', s.taken, s.deferred), 'f t', 'a command with an id') FROM workflow.send(:'p', 'address', '4', id => 'c') s;
SELECT is(format('%s %s', s.taken, s.deferred), 'f t', 'has its verdict again') FROM workflow.send(:'p', 'address', '4', id => 'c') s;
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 2::bigint, 'and is kept once');
SELECT is((SELECT array_agg(format('%s %s', taken, deferred)) FROM workflow.send_many(ARRAY[:'p', :'p']::uuid[], ARRAY['address', 'packed'])), ARRAY['f t', 't f'], 'send_many()');
SELECT is(context(:'p') ->> 'log', 'note.xaddress3address4address', 'one command after the other');

-- in memory: what a process sends to itself while it starts
SELECT FROM workflow.define('{
    "id": "self", "initial": "a", "context": {"n": 0},
    "states": {
        "a": {"defer": ["count"], "entry": [{"type": "send", "event": "count"}, {"type": "send", "event": "count", "id": "x"}, {"type": "send", "event": "count"}, {"type": "send", "event": "next"}],
              "on": {"next": "b"}},
        "b": {"on": {"count": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}');
SELECT workflow.start('self') AS p \gset
SELECT is(states(:'p') || context(:'p'), 'b{"n": 3}', 'nothing of it needs a row');

-- actions cancel by id
SELECT FROM workflow.define('{
    "id": "forget", "initial": "a", "context": {"n": 0},
    "states": {"a": {"defer": ["count"], "on": {"forget": {"actions": {"type": "cancel", "id": "x"}}, "next": "b"}},
               "b": {"on": {"count": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}');
SELECT workflow.start('forget') AS p \gset
SELECT workflow.post(:'p', 'count', id => 'x');
SELECT workflow.post(:'p', 'count', id => 'y');
SELECT workflow.work(10) AS n \gset
SELECT FROM workflow.send(:'p', 'forget');
SELECT is((workflow.send(:'p', 'next')).context, '{"n": 1}', 'the action cancel takes one back, too');

-- regions
SELECT FROM workflow.define('{
    "id": "regions", "initial": "p", "context": {"n": 0},
    "states": {"p": {"type": "parallel", "states": {
        "l": {"initial": "a", "states": {"a": {"defer": ["x"], "on": {"l": "b"}}, "b": {}}},
        "r": {"initial": "a", "states": {"a": {"on": {"r": "b"}}, "b": {"on": {"x": {"actions": {"type": "note", "params": "x"}}}}}}}}}}');
SELECT workflow.start('regions') AS p \gset
SELECT is((workflow.send(:'p', 'x')).deferred, true, 'a region defers what no other handles');
SELECT notes() AS forget \gset
SELECT FROM workflow.send(:'p', 'r');
SELECT is(notes(), 'x', 'when another comes to handle it, it is taken');
SELECT is(format('%s %s', s.taken, s.deferred), 't f', 'from then on at once') FROM workflow.send(:'p', 'x') s;

-- enclosing states; every command; never the engine's own
SELECT FROM workflow.define('{
    "id": "outer", "initial": "o", "states": {
        "o": {"defer": ["*"], "initial": "a", "after": {"1 hour": {"guard": false, "target": "z"}}, "states": {"a": {"on": {"go": "b"}}, "b": {"on": {"go": "#z"}}}},
        "z": {"id": "z", "on": {"x": "y"}}, "y": {}}}');
SELECT workflow.start('outer') AS p \gset
SELECT FROM workflow.send(:'p', 'x');
SELECT is(s.states, ARRAY['o.b'], 'a state defers for those in it') FROM workflow.send(:'p', 'go') s;
CALL clock('2030-01-01 01:00+00');
SELECT is(workflow.work(10) || (SELECT string_agg(event, ' ') FROM workflow.deferred_events WHERE process = :'p'), '1x', 'a timer that is not taken has passed');
SELECT is(s.states, ARRAY['y'], 'until it is left itself') FROM workflow.send(:'p', 'go') s;

-- suspended processes keep them; the limit
SELECT workflow.start('shop') AS p \gset
SELECT FROM workflow.send(:'p', 'address');
SELECT workflow.suspend(:'p') AS s \gset
SELECT workflow.resume(:'p') AS s \gset
SELECT is((workflow.send(:'p', 'packed')).context ->> 'log', 'address', 'suspend() and resume() change nothing');
SELECT workflow.start('shop') AS p \gset
SELECT FROM generate_series(1, 1000) n, workflow.send(:'p', 'address', to_jsonb(n)) s;
SELECT is(error('SELECT workflow.send(%L, ''address'')', :'p'), ARRAY['54000', 'the process keeps 1000 events for later already', 'State "packing" defers "address"; workflow.max_deferred is the limit.'], 'there is a limit');
SELECT FROM workflow.send(:'p', 'packed');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'p' AND event = 'address' AND taken), 1000::bigint, 'up to which all are worked');

-- who may see it
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.deferred_events), 0::bigint, 'others see nothing');
SET ROLE regress_app;

-- in a simulation
SELECT is((SELECT array_agg(concat_ws(' ', event, taken, to_states)) FROM workflow.simulate('shop', '[{"event": "address", "data": 1}, {"event": "packed"}]')),
    ARRAY['workflow.start t {packing}', 'address f {packing}', 'packed t {sending}', 'address t {sending}'], 'a simulation keeps events, too');
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE definition = 'shop' AND data = '1'), 0::bigint, 'for itself');

-- allow and defer
SELECT FROM workflow.define('{
    "id": "later", "initial": "a", "states": {
        "a": {"defer": ["go"], "on": {"next": "b", "go": {"allow": "regress_clerk", "target": "c"}}},
        "b": {"on": {"go": {"allow": "regress_clerk", "target": "c"}}}, "c": {}}}');
SELECT workflow.start('later') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF002', 'what is refused is not kept');

-- a process that is put elsewhere without a step
SELECT FROM workflow.define('{
    "id": "desk", "initial": "busy", "context": {"log": ""},
    "states": {"busy": {"defer": ["call"], "on": {"free": "idle"}},
               "idle": {"on": {"call": {"actions": {"type": "assign", "context": {"log": {"@expr": "(context->>''log'') || (event->''data''#>>''{}'')"}}}}}}}}');
SELECT workflow.start('desk') AS p \gset
SELECT FROM unnest(ARRAY['1', '2']) d, workflow.send(:'p', 'call', d::jsonb) s;
SELECT is(format('%s %s', s.states, s.context->>'log'), '{idle} 12', 'set_states() works what waits') FROM workflow.set_states(:'p', '{idle}') s;
SELECT workflow.start('desk') AS p \gset
SELECT FROM unnest(ARRAY['1', '2']) d, workflow.send(:'p', 'call', d::jsonb, actor => 'regress_app') s;
SELECT is(format('%s %s', s.states, s.context->>'log'), '{idle} ', 'without actions it does nothing') FROM workflow.set_states(:'p', '{idle}', execute => false) s;
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 0::bigint, 'but nothing waits any longer');
SELECT is((SELECT string_agg(concat_ws(' ', event, data, actor, parked), ', ' ORDER BY due, seq) FROM workflow.timers WHERE process = :'p'), 'call 1 regress_app f, call 2 regress_app f', 'it is as if it had been posted');
SELECT is(workflow.work(10) || (context(:'p') ->> 'log'), '212', 'and is delivered');
SELECT workflow.start('desk') AS p \gset
SELECT FROM workflow.send(:'p', 'call', '1');
SELECT workflow.suspend(:'p') AS s \gset
SELECT is(format('%s %s', s.states, s.context->>'log'), '{idle} ', 'what is suspended works nothing') FROM workflow.set_states(:'p', '{idle}') s;
SELECT is(workflow.work(10), 0, 'until');
SELECT workflow.resume(:'p') AS s \gset
SELECT is(workflow.work(10) || (context(:'p') ->> 'log'), '11', 'it is resumed');

SELECT workflow.start('desk') AS p \gset
SELECT FROM unnest(ARRAY['1', '2']) d, workflow.send(:'p', 'call', d::jsonb) s;
SELECT workflow.start('desk') AS q \gset
SELECT FROM workflow.send(:'q', 'call', '3');
SELECT workflow.start('desk') AS r \gset
SELECT FROM workflow.send(:'r', 'call', '4');
SELECT FROM workflow.define('{
    "id": "desk", "initial": "busy", "context": {"log": ""},
    "states": {"busy": {"on": {"free": "idle", "call": {"actions": {"type": "assign", "context": {"log": {"@expr": "(context->>''log'') || (event->''data''#>>''{}'')"}}}}}}, "idle": {}}}');
SELECT is((workflow.migrate(:'p', dry_run => true)).problems, NULL, 'a version that defers nothing, and handles it');
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 2::bigint, 'a dry run leaves it');
SELECT FROM workflow.migrate(:'p');
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'p'), 0::bigint, 'nothing waits for ever for a state that does not defer it');
SELECT is(workflow.work(10) || (context(:'p') ->> 'log'), '212', 'it is delivered');
SELECT FROM workflow.define('{"id": "desk", "initial": "busy", "states": {"busy": {"defer": ["mail"], "on": {"free": "idle"}}, "idle": {}}}');
SELECT is((workflow.migrate(:'q')).problems->0->>'message', 'this event is kept for later, and no state of the new version reacts to it', 'what no state of the new version knows is told');
SELECT workflow.work(10) AS n \gset
SELECT is((SELECT string_agg(concat_ws(' ', event, taken, reason), ', ' ORDER BY step) FROM workflow.process_history WHERE process = :'q' AND event = 'call'), 'call f deferred, call f', 'and ignored');
SELECT FROM workflow.define('{"id": "desk", "initial": "busy", "states": {"busy": {"defer": ["call"], "on": {"free": "idle"}}, "idle": {"on": {"call": "busy"}}}}');
SELECT FROM workflow.migrate(:'r');
SELECT is((SELECT count(*) FROM workflow.deferred_events WHERE process = :'r'), 1::bigint, 'what is deferred still stays');
SELECT is((workflow.send(:'r', 'free')).states, '{busy}', 'and is worked when it need not wait');

\set end :srcdir '/end.psql'
\i :end
