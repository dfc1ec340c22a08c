\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION app.ok(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.ok(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
-- Something of the machine of a definition that is defined and exported.
CREATE FUNCTION app.machine(definition text) RETURNS json LANGUAGE sql AS
    $$ SELECT workflow.export(definition::json->>'id', workflow.define(definition::json)) $$;
CREATE FUNCTION app.state(state text) RETURNS text LANGUAGE sql AS
    $$ SELECT machine(format('{"id": "x", "initial": "a", "states": {"a": %s, "b": {}}}', state)) #>> '{states,a}' $$;
CREATE FUNCTION app.losses(definition text) RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg((l->>'construct') || ' ' || (l->>'path')), '{}') FROM json_array_elements(machine(definition) #> '{meta,workflow,losses}') l $$;
CREATE FUNCTION app.state_losses(state text) RETURNS text[] LANGUAGE sql AS
    $$ SELECT losses(format('{"id": "x", "initial": "a", "states": {"a": %s, "b": {}}}', state)) $$;

SELECT is(machine('{"id": "x", "initial": "zz", "context": {"n": 1}, "states": {"zz": {"on": {"go": "a"}}, "a": {"type": "final"}}}')::text,
    '{"id":"x","version":"1","context":{"n":1},"initial":"zz","states":{"zz":{"on":{"go":[{"target":"a"}]}},"a":{"type":"final"}},'
    '"meta":{"workflow":{"implement":{"guards":[],"actions":[],"actors":[],"delays":{}},"losses":[]}}}',
    'a plain machine, in the order of the text, and the report');

-- names
SELECT is(state('{"id": "me", "initial": "c", "states": {"c": {"on": {"up": "#me", "side": "d", "far": "#b", "down": {"target": "#me.e.f"}, "self": "c", "root": "#x"}}, "d": {}, "e": {"initial": "f", "states": {"f": {}}}}, "on": {"in": ".e.f", "b": "b"}}'),
    '{"id":"me","initial":"c","on":{"in":[{"target":".e.f"}],"b":[{"target":"b"}]},"states":{"c":{"on":{"up":[{"target":"#x.a"}],"side":[{"target":"d"}],"far":[{"target":"#x.b"}],'
    '"down":[{"target":"#x.a.e.f"}],"self":[{"target":"c"}],"root":[{"target":"#x"}]}},"d":{},"e":{"initial":"f","states":{"f":{}}}}}',
    'targets: a sibling, a state inside, any other from the root');
SELECT is(machine('{"id": "x.y", "initial": "a\\b", "on": {"go": ".a\\b"}, "states": {"a\\b": {"initial": "c", "states": {"c": {"on": {"x": "#a\\b"}}}}}}') #>> '{states,"a\\b",states,c,on}',
    '{"x":[{"target":"#x\\.y.a\\\\b"}]}', 'dots and backslashes in names are quoted');
SELECT is(state('{"on": {"done.invoke.i": "b", "xstate.error.actor.i": "b", "order.*": null, "*": {"actions": []}}}'),
    '{"on":{"xstate.done.actor.i":[{"target":"b"}],"xstate.error.actor.i":[{"target":"b"}],"order.*":[{}],"*":[{}]}}',
    'events of the engine by XState''s names');

-- guards and actions
SELECT is(state('{"on": {"go": [{"target": "b", "guard": {"type": "and", "guards": ["ok", {"type": "not", "guard": {"@expr": "true"}}]}}, {"guard": {"type": "stateIn", "stateId": "b"}}, {"guard": {"type": "ok", "params": {"n": 1}}, "reenter": true, "target": "a"}]}}'),
    '{"on":{"go":[{"target":"b","guard":{"type":"xstate.and","params":{"guards":[{"type":"ok"},{"type":"xstate.not","params":{"guard":{"type":"workflow.expr","params":{"expr":"true"}}}}]}}},'
    '{"guard":{"type":"xstate.stateIn","params":{"stateId":"#x.b"}}},{"target":"a","reenter":true,"guard":{"type":"ok","params":{"n":1}}}]}}',
    'guards: functions, expressions, built-in ones');
SELECT is(state('{"entry": [{"type": "note", "params": 1}, {"type": "assign", "context": {"n": {"@expr": "1"}}}, {"type": "raise", "event": "e", "delay": "PT1M"}, {"type": "send", "event": {"type": "f", "n": 1}, "id": "i"},
        {"type": "send", "event": "g", "target": "#_parent"}, {"type": "cancel", "id": "i"}, {"type": "log", "value": 1, "label": "l"}]}'),
    '{"entry":[{"type":"note","params":1},{"type":"xstate.assign","params":{"context":{"n":{"@expr":"1"}}}},{"type":"xstate.raise","params":{"event":{"type":"e"},"delay":60000}},'
    '{"type":"xstate.sendTo","params":{"event":{"type":"f","data":{"n":1}},"id":"i"}},{"type":"xstate.sendTo","params":{"to":"#_parent","event":{"type":"g"}}},'
    '{"type":"xstate.cancel","params":{"id":"i"}},{"type":"xstate.log","params":{"value":1,"label":"l"}}]}',
    'actions: functions and built-in ones');
SELECT is(state('{"exit": [{"type": "choose", "branches": [{"guard": "ok", "actions": {"type": "note", "params": 1}}]}, {"type": "foreach", "array": [1], "item": "i", "actions": {"type": "log", "value": 2}}]}'),
    '{"exit":[{"type":"workflow.choose","params":{"branches":[{"guard":{"type":"ok"},"actions":[{"type":"note","params":1}]}]}},'
    '{"type":"workflow.foreach","params":{"array":[1],"item":"i","actions":[{"type":"xstate.log","params":{"value":2}}]}}]}',
    'branches and loops');
SELECT is(machine('{"id": "x", "initial": "a", "delays": {"d": {"@expr": "interval ''1 h''"}}, "states": {"a": {"entry": {"type": "choose", "branches": [{"guard": {"type": "or", "guards": ["ok"]}, "actions": {"type": "note", "params": 1}}]},
        "after": {"d": "a"}}}}') #>> '{meta,workflow,implement}',
    '{"guards":["ok","xstate.or"],"actions":["note","workflow.choose"],"actors":[],"delays":{"d":{"@expr":"interval ''1 h''"}}}',
    'the report names all that is to be implemented, once');

-- delays
SELECT is(state('{"after": {"1000": "b", "1 s": {"actions": []}, "PT1H30M": "b", "01:00:00.5": "b"}}'),
    '{"after":{"1000":[{"target":"b"}],"delay 1 s":[{}],"5400000":[{"target":"b"}],"3600500":[{"target":"b"}]}}',
    'delays are milliseconds; of two that are the same the second has a name');
SELECT is(state_losses('{"after": {"1 day": "b", "P1M": {"target": "b", "keep": true}}}'),
    ARRAY['delay $.states.a.after["1 day"]', 'keep $.states.a.after.P1M', 'delay $.states.a.after.P1M', 'delay $.states.a.after.P1M'], 'days and months are of the calendar, and timers are kept');

-- what is lost
SELECT is(losses('{"id": "x", "initial": "a.c", "context": {"n": {"@expr": "1"}, "m": 2}, "states": {"a": {"initial": "b", "states": {"b": {}, "c": {}, "h": {"type": "history", "target": {"target": "b", "actions": {"type": "note", "params": 1}}}}}}}'),
    ARRAY['context $.context', 'initial $.initial', 'target $.states.a.states.h.target'], 'computed context, deep initial states, actions of history');
SELECT is((machine('{"id": "x", "initial": "a", "meta": {"by": "me"}, "context": {"n": {"@expr": "1"}, "m": 2}, "states": {"a": {"meta": [1], "tags": ["t"], "description": "d"}}}')::jsonb
    #- '{meta,workflow,implement}' #- '{meta,workflow,losses}') - 'version',
    '{"id": "x", "initial": "a", "context": {"n": null, "m": 2}, "meta": {"by": "me", "workflow": {"context": {"n": {"@expr": "1"}, "m": 2}}}, "states": {"a": {"meta": [1], "tags": ["t"], "description": "d"}}}'::jsonb,
    'what is computed is in the report, beside the author''s own meta');
SELECT is(state_losses('{"on": {"error.execution": "b", "error.communication": "b"}}'),
    ARRAY['event $.states.a.on["error.execution"]', 'event $.states.a.on["error.communication"]'], 'events that XState does not have');
SELECT is(losses('{"id": "x", "initial": "2", "states": {"2": {"id": "x.b"}, "1": {"type": "final", "output": {"@expr": "1"}}}}'),
    ARRAY['order $', 'id $.states["2"]', 'output $.states["1"]'], 'ids like default ids, computed output, states whose names are numbers');
SELECT is(losses('{"id": "x", "initial": "a", "sensitive": ["/n"], "events": {"e": {"title": "E"}}, "search": {"n": "$.n"}, "states": {"a": {"task": {"for": "ann"}, "on": {"e": {"target": "b", "correlate": 1}}}, "b": {}}}'),
    ARRAY['correlate $.states.a.on.e', 'task $.states.a.task', 'sensitive $.sensitive', 'events $.events', 'search $.search'],
    'what is published, people, and what the root says of data');

-- refusals
SELECT is((error($$ SELECT workflow.export('nothing') $$))[1], 'WF006', 'there must be a definition');
SELECT is((error($$ SELECT workflow.export('x', 999) $$))[1], 'WF006', 'and the version');
SELECT is((error($$ SELECT workflow.export(NULL) $$))[1], '22004', 'null is none');
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.export('x') $$))[1], 'WF002', 'for those who may read it');

\set end :srcdir '/end.psql'
\i :end
