\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- One event, one list of actions: what becomes of the context?
CREATE FUNCTION app.act(actions text, context jsonb DEFAULT '{}', data jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM workflow.define(format('{"id": "act", "initial": "a", "states": {"a": {"on": {"go": {"actions": %s},
        "raised": {"actions": {"type": "assign", "context": {"heard": {"@expr": "event"}}}}}}}}', actions)::json);
    RETURN (workflow.send(workflow.start('act', context), 'go', data, actor => 'ann')).context;
END
$$;

-- functions
CREATE FUNCTION app.count(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT context || jsonb_build_object('n', coalesce((context ->> 'n')::int, 0) + 1) $$;
CREATE FUNCTION app.add(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
    $$ BEGIN RETURN jsonb_set(context, '{n}', to_jsonb((context ->> 'n')::int + (params ->> 'by')::int)); END $$;
CREATE FUNCTION app.lost(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE FUNCTION app.scalar(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '1'::jsonb $$;
CREATE FUNCTION app.by(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES (format('%s by %s: %s', event ->> 'type', event ->> 'actor', event -> 'data')) $$;
SELECT is(act('"count"'), '{"n": 1}', 'a function that returns jsonb gives the new context');
SELECT is(act('["count", "count", {"type": "app.add", "params": {"by": 40}}]'), '{"n": 42}', 'each sees what the one before made of it');
SELECT is(act('"by"', '{"n": 7}', '[1]'), '{"n": 7}', 'a function that returns void leaves the context as it is');
SELECT is(notes(), 'go by ann: [1]', 'and has its effect, knowing event, actor and data');
SELECT is(error($$ SELECT act('"lost"') $$),
    ARRAY['22004', 'action "lost" returned null where the new context is expected', 'HINT: Return the context, or declare the function as RETURNS void.'], 'null is no context');
SELECT is(error($$ SELECT act('"scalar"') $$), ARRAY['22023', 'the new context is not a JSON object'], 'nor is a scalar');

-- assign
SELECT is(act('{"type": "assign", "context": {"a": 1, "b": {"c": [null, true]}}}', '{"a": 0, "z": 0}'), '{"a": 1, "b": {"c": [null, true]}, "z": 0}',
          'assign: keys are set, others stay');
SELECT is(act('{"type": "assign", "context": {"a": {"@expr": "context->''b''"}, "b": {"@expr": "context->''a''"}}}', '{"a": 1, "b": 2}'), '{"a": 2, "b": 1}',
          'all expressions of one assign see the context as it was');
SELECT is(act('[{"type": "assign", "context": {"a": 5}}, {"type": "assign", "context": {"b": {"@expr": "context->''a''"}}}]'), '{"a": 5, "b": 5}', 'those of the next one see the new one');
SELECT is(act('{"type": "assign", "context": {"list": [{"@expr": "1 + 1"}, {"of": {"@expr": "event->''data''->>''x''"}}], "quoted": {"@literal": {"@expr": "1"}}}}', data => '{"x": "y"}'),
          '{"list": [2, {"of": "y"}], "quoted": {"@expr": "1"}}', 'expressions may stand anywhere in a value');
SELECT is(act('{"type": "assign", "context": {"int": {"@expr": "42"}, "text": {"@expr": "''t''"}, "numeric": {"@expr": "1.50"}, "bool": {"@expr": "1 < 2"}, "null": {"@expr": "NULL::int"},
                                              "array": {"@expr": "ARRAY[1, 2]"}, "date": {"@expr": "date ''2030-01-02''"}, "json": {"@expr": "json ''{\"a\": 1}''"}, "bigint": {"@expr": "9223372036854775807"}}}'),
          '{"int": 42, "text": "t", "numeric": 1.50, "bool": true, "null": null, "array": [1, 2], "date": "2030-01-02", "json": {"a": 1}, "bigint": 9223372036854775807}',
          'a value of any type becomes JSON');
SELECT is(act('{"type": "assign", "context": {"@expr": "jsonb_build_object(''only'', event->''data'') || context - ''old''"}}', '{"old": 1, "new": 2}', '3'), '{"only": 3, "new": 2}',
          'assign: the whole context from one expression');
SELECT is((error($$ SELECT act('{"type": "assign", "context": {"@expr": "to_jsonb(1)"}}') $$))[1], '22023', 'which has to be an object');
SELECT is(act('{"type": "xstate.assign", "assignment": {"a": 1}}'), '{"a": 1}', 'names as XState has them are understood');

-- raise
SELECT is(act('{"type": "raise", "event": "raised"}') -> 'heard' ->> 'type', 'raised', 'raise: an event to the process itself');
SELECT is(act('{"type": "raise", "event": {"type": "raised", "data": {"x": {"@expr": "context->''n''"}}}}', '{"n": 3}') -> 'heard' -> 'data', '{"x": 3}', 'with data');
SELECT is(act('{"type": "raise", "event": {"type": "raised", "x": 1, "y": {"@expr": "2"}}}') -> 'heard' -> 'data', '{"x": 1, "y": 2}', 'or keys of its own');
SELECT is(act('{"type": "raise", "event": {"@expr": "context->>''name''"}}', '{"name": "raised"}') -> 'heard' ->> 'type', 'raised', 'its name may be computed');
SELECT is(act('{"type": "raise", "event": "raised"}') -> 'heard' ->> 'actor', 'ann', 'on behalf of who sent the event that led to it');
SELECT is((error($$ SELECT act('{"type": "raise", "event": {"@expr": "context->>''none''"}}') $$))[1], '22023', 'an event without a name is an error');
SELECT FROM workflow.define('{
    "id": "queue", "initial": "a",
    "states": {
        "a": {"on": {"go": {"target": "b", "actions": [{"type": "send", "event": "sent"}, {"type": "raise", "event": "one"}, {"type": "raise", "event": "two"}, {"type": "note", "params": "go"}]}}},
        "b": {"entry": {"type": "note", "params": "enter b"},
              "on": {"*": {"actions": {"type": "note", "params": "any"}},
                     "one": {"actions": [{"type": "note", "params": "one"}, {"type": "raise", "event": "three"}]},
                     "two": {"actions": {"type": "note", "params": "two"}}, "three": {"actions": {"type": "note", "params": "three"}},
                     "sent": {"actions": {"type": "note", "params": "sent"}}}}}}');
SELECT workflow.start('queue') AS p \gset
SELECT FROM workflow.send(:'p', 'go');
SELECT is(notes(), 'go, enter b, one, two, three, sent', 'raised events come after the transition, in their order; sent ones after those, in a step of their own');
SELECT is((SELECT array_agg(event COLLATE "C" ORDER BY step) FROM workflow.process_history WHERE process = :'p'), ARRAY['workflow.start', 'go', 'sent'], 'as the history shows');

-- delayed raise and send, cancel
SELECT FROM workflow.define('{
    "id": "later", "initial": "a", "delays": {"soon": "1 minute"},
    "states": {
        "a": {"on": {
            "remind": {"actions": {"type": "raise", "event": {"type": "ring", "data": 1}, "delay": 5000, "id": "alarm"}},
            "again": {"actions": {"type": "send", "event": "ring", "delay": "soon", "id": "second"}},
            "long": {"actions": {"type": "raise", "event": "ring", "delay": {"@expr": "interval ''1 day''"}}},
            "never": {"actions": {"type": "raise", "event": "ring", "delay": null, "id": "never"}},
            "stop": {"actions": {"type": "cancel", "id": "alarm"}},
            "stop it": {"actions": {"type": "cancel", "id": {"@expr": "event->''data''->>''id''"}}},
            "short": {"actions": [{"type": "raise", "event": "ring", "delay": 5000, "id": "x"}, {"type": "cancel", "id": "x"}]},
            "move": "b"}},
        "b": {"on": {"ring": {"actions": {"type": "note", "params": "ring"}}, "end": "c"}},
        "c": {"type": "final"}}}');
SELECT workflow.start('later') AS p \gset
SELECT FROM workflow.send(:'p', 'remind');
SELECT FROM workflow.send(:'p', 'again');
SELECT FROM workflow.send(:'p', 'long');
SELECT FROM workflow.send(:'p', 'never');
SELECT is(timers(:'p'), 'alarm 2030-01-01 00:00:05, second 2030-01-01 00:01:00, ring 2030-01-02 00:00:00', 'events may be sent for later; a delay of null is never');
SELECT FROM workflow.send(:'p', 'stop');
SELECT is(timers(:'p'), 'second 2030-01-01 00:01:00, ring 2030-01-02 00:00:00', 'cancel takes one back by its id');
SELECT FROM workflow.send(:'p', 'stop it', '{"id": "second"}');
SELECT is(timers(:'p'), 'ring 2030-01-02 00:00:00', 'the id may be computed');
SELECT FROM workflow.send(:'p', 'short');
SELECT is(timers(:'p'), 'ring 2030-01-02 00:00:00', 'what is cancelled in the step that sent it is never there');
SELECT is(s.taken, true, 'to cancel what is not there does no harm') FROM workflow.send(:'p', 'stop') s;
SELECT FROM workflow.send(:'p', 'move');
SELECT is(timers(:'p'), 'ring 2030-01-02 00:00:00', 'an event that was sent does not depend on the state: it stays');
CALL clock('2030-01-02');
SELECT is(workflow.work(100) || notes(), '1ring', 'and is delivered wherever the process is by then');
SELECT workflow.start('later') AS p \gset
SELECT FROM workflow.send(:'p', 'remind');
SELECT FROM workflow.send(:'p', 'move');
SELECT FROM workflow.send(:'p', 'end');
SELECT is(status(:'p') || timers(:'p'), 'finalized', 'the end of the process drops it');
SELECT FROM workflow.define('{"id": "gone", "initial": "a", "entry": {"type": "raise", "event": "x", "delay": "1 day"}, "states": {"a": {"type": "final"}}}');
SELECT workflow.start('gone') AS p \gset
SELECT is(status(:'p') || timers(:'p'), 'finalized', 'even when it ends in the call that starts it');

-- a negative or immediate delay
SELECT FROM workflow.define('{"id": "soon", "initial": "a", "states": {
    "a": {"entry": {"type": "raise", "event": "x", "delay": 0}, "on": {"x": "b"}}, "b": {"entry": {"type": "send", "event": "y", "delay": 0}, "on": {"y": "c"}}, "c": {}}}');
SELECT is(states(workflow.start('soon')), 'c', 'a delay of 0 is none');

-- log
SET client_min_messages TO notice;
CREATE FUNCTION app.logged() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM act('{"type": "log", "label": "total", "value": {"@expr": "context->''n''"}}', '{"n": 3}'); END $$;
\set SHOW_CONTEXT never
SELECT FROM logged();
SELECT FROM act('{"type": "log"}');
SET client_min_messages TO warning;

-- choose and foreach
SELECT is(act('{"type": "choose", "branches": [
    {"guard": {"@expr": "(context->>''n'')::int > 5"}, "actions": {"type": "assign", "context": {"is": "large"}}},
    {"guard": {"@expr": "(context->>''n'')::int > 3"}, "actions": [{"type": "assign", "context": {"is": "middle"}}]},
    {"actions": {"type": "assign", "context": {"is": "small"}}}]}', jsonb_build_object('n', n)) ->> 'is', size, format('choose: %s is %s', n, size))
FROM (VALUES (9, 'large'), (5, 'middle'), (0, 'small')) v(n, size);
SELECT is(act('{"type": "choose", "branches": [{"guard": false, "actions": "count"}]}'), '{}', 'choose: nothing holds, nothing happens');
SELECT is(act('{"type": "foreach", "array": {"@expr": "context->''lines''"}, "item": "line", "index": "i", "actions": [
    {"type": "assign", "context": {"sum": {"@expr": "(context->>''sum'')::int + (context->''line''->>''n'')::int * ((context->>''i'')::int + 1)"}}}]}',
    '{"sum": 0, "lines": [{"n": 1}, {"n": 10}, {"n": 100}]}') -> 'sum', '321', 'foreach: runs its actions for each element, in their order');
SELECT is(act('{"type": "foreach", "array": [], "item": "x", "actions": "count"}'), '{}', 'foreach: not at all for none');
SELECT is((error($$ SELECT act('{"type": "foreach", "array": {"@expr": "context"}, "item": "x", "actions": "count"}') $$))[1], '22023', 'foreach: needs an array');
SELECT is(act('{"type": "foreach", "array": [1, 2], "item": "x", "actions": {"type": "choose", "branches": [{"guard": {"@expr": "context->''x'' = ''2''"}, "actions": "count"}]}}') -> 'n', '1',
          'one inside of the other');

-- to other processes
SELECT FROM workflow.define('{"id": "ear", "initial": "a", "states": {"a": {"on": {"hello": {"target": "b", "actions": {"type": "assign", "context": {"heard": {"@expr": "event"}}}}}}, "b": {"type": "final"}}}');
SELECT FROM workflow.define('{
    "id": "mouth", "initial": "a",
    "states": {"a": {"on": {
        "tell": {"actions": {"type": "sendTo", "to": {"@expr": "event->''data''->>''to''"}, "event": {"type": "hello", "data": 1}}},
        "tell later": {"actions": {"type": "send", "target": {"@expr": "event->''data''->>''to''"}, "event": "hello", "delay": "1 hour"}},
        "error.communication": {"actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''->>''reason''"}}}}}}}}');
SELECT workflow.start('ear') AS ear \gset
SELECT workflow.start('mouth') AS mouth \gset
SELECT FROM workflow.send(:'mouth', 'tell', jsonb_build_object('to', :'ear'), actor => 'bob');
SELECT is(states(:'ear'), 'a', 'an event to another process is not delivered in this step');
SELECT is(timers(:'ear'), 'hello 2030-01-02 00:00:00', 'it is due at once');
SELECT is(workflow.work(100), 1, 'and delivered');
SELECT is((context(:'ear') -> 'heard') - 'process' - 'at' - 'due', '{"type": "hello", "data": 1, "actor": "bob"}', 'on behalf of who sent the first');
SELECT FROM workflow.send(:'mouth', 'tell', jsonb_build_object('to', :'ear'));
SELECT is(context(:'mouth') ->> 'error', 'the process is over', 'to one that is over: error.communication');
SELECT FROM workflow.send(:'mouth', 'tell', '{"to": "01234567-89ab-7def-8000-000000000000"}');
SELECT is(context(:'mouth') ->> 'error', 'no such process', 'to one that does not exist');
SELECT FROM workflow.send(:'mouth', 'tell', '{"to": "mother"}');
SELECT is(context(:'mouth') ->> 'error', 'no such process', 'to something that is none');
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "private", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('private') AS private \gset
SET ROLE regress_app;
SELECT FROM workflow.send(:'mouth', 'tell', jsonb_build_object('to', :'private'));
SELECT is(context(:'mouth') ->> 'error', 'not allowed', 'to one that the sender''s owner may not send to');
SELECT workflow.start('ear') AS ear \gset
SELECT FROM workflow.send(:'mouth', 'tell later', jsonb_build_object('to', :'ear'));
SELECT is(timers(:'mouth') || ' / ' || timers(:'ear'), 'workflow.forward 2030-01-02 01:00:00 / ', 'a delayed one is the sender''s until then');

-- output
SELECT FROM workflow.define('{
    "id": "output", "initial": "work",
    "states": {
        "work": {"initial": "a", "onDone": {"target": "after", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''output''"}, "of": {"@expr": "event->>''type''"}}}},
                 "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final", "output": {"n": {"@expr": "event->''data''"}, "fix": true}}}},
        "after": {}}}');
SELECT is(s.context, '{"got": {"n": 5, "fix": true}, "of": "done.state.work"}', 'onDone gets the output of the final state') FROM workflow.send(workflow.start('output'), 'go', '5') s;

-- a loop that would never end can be cancelled
CREATE FUNCTION app.cancelled(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'came to an end';
EXCEPTION WHEN query_canceled THEN
    RETURN SQLERRM;
END
$$;
SELECT FROM workflow.define(format('{"id": "loop", "initial": "a", "context": {"n": %s}, "states": {"a": {"on": {"go": {"actions": %s}}}}}',
    (SELECT json_agg(n) FROM generate_series(1, 1000) n),
    replace(replace(replace(replace('#', '#', '{"type": "foreach", "array": {"@expr": "context->''n''"}, "item": "i", "actions": [#]}'),
        '#', '{"type": "foreach", "array": {"@expr": "context->''n''"}, "item": "j", "actions": [#]}'),
        '#', '{"type": "foreach", "array": {"@expr": "context->''n''"}, "item": "k", "actions": [#]}'), '#', '{"type": "assign", "context": {"x": 1}}'))::json);
SELECT workflow.start('loop') AS p \gset
SET LOCAL statement_timeout TO '200ms';
SELECT is(cancelled(format('SELECT workflow.send(%L, ''go'')', :'p')), 'canceling statement due to statement timeout', 'foreach can be interrupted');
RESET statement_timeout;

-- foreach makes a context for each item, and what was made of an earlier one stays
CREATE FUNCTION app.seen(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES (concat_ws(' ', event #> '{data,n}', event #> '{data,i}', event #> '{data,m}')) $$;
SELECT FROM workflow.define('{"id": "each", "initial": "a", "context": {"list": [[1], {"x": 2}, "three", null, 5.5]}, "states": {"a": {"on": {
    "go": {"actions": {"type": "foreach", "array": {"@expr": "context->''list''"}, "item": "i", "index": "n", "actions": [
        {"type": "raise", "event": {"type": "seen", "data": {"@expr": "context"}}},
        {"type": "assign", "context": {"m": {"@expr": "context->''n''"}}},
        {"type": "raise", "event": {"type": "seen", "data": {"@expr": "coalesce(context, event)"}}}]}},
    "seen": {"actions": "seen"}}}}}');
SELECT FROM workflow.send(workflow.start('each'), 'go');
SELECT is(notes(), '0 [1], 0 [1] 0, 1 {"x": 2} 0, 1 {"x": 2} 1, 2 "three" 1, 2 "three" 2, 3 null 2, 3 null 3, 4 5.5 3, 4 5.5 4',
    'an event raised with the context of an item keeps it');

-- one drops the definition of the process that begins with it
CREATE FUNCTION app.tear(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.drop_definition('torn'); END $$;
SELECT workflow.define('{"id": "torn", "initial": "a", "states": {"a": {"entry": "tear"}}}') \g /dev/null
SELECT is((app.error($$ SELECT workflow.start('torn') $$))[1:2], ARRAY['WF006', 'definition "torn" version 1 was dropped'], 'then the process does not begin');
SELECT is(workflow.drop_definition('torn'), 1, 'and the definition is there still');

\set end :srcdir '/end.psql'
\i :end
