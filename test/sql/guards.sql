\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- A guard that is there to be asked: which way a process takes.
CREATE FUNCTION app.is_large(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS
    $$ SELECT (context ->> 'total')::int > 100 $$;
CREATE FUNCTION app.above(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RETURN (context ->> 'total')::int > (params ->> 'limit')::int; END $$;
CREATE FUNCTION app.nothing(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT NULL::boolean';
CREATE FUNCTION app.ask(guard json, total int DEFAULT 0, data jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid;
BEGIN
    PERFORM workflow.define(format('{"id": "ask", "initial": "a", "states": {
        "a": {"on": {"go": [{"target": "yes", "guard": %s}, {"target": "no"}]}}, "yes": {}, "no": {}}}', guard)::json);
    p := workflow.start('ask', jsonb_build_object('total', total));
    RETURN (workflow.send(p, 'go', data)).states[1];
END
$$;
SELECT is(ask('"is_large"', 101) || ' ' || ask('"is_large"', 100), 'yes no', 'a guard is a function of the context');
SELECT is(ask('{"type": "app.above", "params": {"limit": 5}}', 6) || ' ' || ask('{"type": "app.above", "params": {"limit": 5}}', 5), 'yes no', 'with params');
SELECT is(ask('"nothing"'), 'no', 'null is false');
SELECT is(ask('{"@expr": "NULL"}'), 'no', 'in an expression, too');
SELECT is(ask('{"@expr": "(context->>''total'')::int = 7"}', 7), 'yes', 'a guard is an expression of the context');
SELECT is(ask('{"@expr": "event->''data''->>''by'' = ''ann''"}', data => '{"by": "ann"}'), 'yes', 'and of the event''s data');
SELECT is(ask('{"@expr": "event->>''type'' = ''go'' AND event->>''actor'' = ''regress_app'' AND event ? ''process''"}'), 'yes', 'its name, its actor and its process');
SELECT is(ask('{"@expr": "event->''data'' IS NULL"}'), 'yes', 'without data there is none');
SELECT is(ask('{"@expr": "is_large(context, event) OR (context->>''total'')::int = 1"}', 1), 'yes', 'an expression may call functions');
SELECT is(ask('true') || ask('false'), 'yesno', 'true and false are guards');
SELECT is(ask('{"type": "not", "guard": "is_large"}', 1), 'yes', 'not');
SELECT is(ask('{"type": "and", "guards": ["is_large", {"@expr": "true"}]}', 500), 'yes', 'and: all hold');
SELECT is(ask('{"type": "and", "guards": ["is_large", {"@expr": "false"}]}', 500), 'no', 'and: one does not');
SELECT is(ask('{"type": "or", "guards": ["is_large", {"@expr": "true"}]}', 1), 'yes', 'or: one holds');
SELECT is(ask('{"type": "or", "guards": ["is_large", {"@expr": "false"}]}', 1), 'no', 'or: none does');
SELECT is(ask('{"type": "and", "guards": []}') || ask('{"type": "or", "guards": []}'), 'yesno', 'and of nothing holds, or of nothing does not');
SELECT is(ask('{"type": "or", "guards": ["is_large", {"type": "and", "guards": [{"type": "not", "guard": false}, {"@expr": "(context->>''total'')::int >= 3"}]}]}', 3), 'yes', 'in any depth');
SELECT is(ask('{"type": "or", "guards": [true, {"@expr": "1 / (context->>''total'')::int > 0"}]}', 0), 'yes', 'what decides already is not asked further');

-- the first that holds
SELECT FROM workflow.define('{
    "id": "first", "initial": "a",
    "states": {
        "a": {"on": {"go": [
            {"target": "b", "guard": {"@expr": "(event->>''data'')::int = 1"}},
            {"target": "c", "guard": {"@expr": "(event->>''data'')::int < 3"}},
            {"target": "d", "guard": {"@expr": "(event->>''data'')::int = 2"}}]}},
        "b": {}, "c": {}, "d": {}}}');
SELECT is((SELECT string_agg(states[1], ' ' ORDER BY n) FROM generate_series(1, 3) n, workflow.send(workflow.start('first'), 'go', to_jsonb(n)) s), 'b c a',
          'the first transition whose guard holds is taken, in document order; when none holds, none');

-- guards see the context as it was before the step
SELECT FROM workflow.define('{
    "id": "before", "initial": "p", "context": {"n": 0},
    "states": {"p": {"type": "parallel", "states": {
        "r": {"initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": {"type": "assign", "context": {"n": 1}}}}}, "b": {}}},
        "s": {"initial": "a", "states": {"a": {"on": {"go": {"target": "b", "guard": {"@expr": "context->>''n'' = ''0''"}}}}, "b": {}}}}}}}');
SELECT is(s.states, ARRAY['p.r.b', 'p.s.b'], 'all guards see the context as it was before the first action') FROM workflow.send(workflow.start('before'), 'go') s;

-- stateIn
SELECT FROM workflow.define('{
    "id": "inside", "initial": "p",
    "states": {"p": {"type": "parallel", "states": {
        "door": {"initial": "shut", "states": {"shut": {"on": {"open": "open"}}, "open": {"id": "door_open", "on": {"shut": "shut"}}}},
        "light": {"initial": "off", "states": {
            "off": {"on": {"switch": {"target": "on", "guard": {"type": "stateIn", "stateId": "#door_open"}},
                           "night": {"target": "on", "guard": {"type": "stateIn", "params": {"stateId": "p.door.shut"}}}}},
            "on": {}}}}}}}');
SELECT workflow.start('inside') AS p \gset
SELECT is(s.taken, false, 'stateIn: the other region is not there') FROM workflow.send(:'p', 'switch') s;
SELECT FROM workflow.send(:'p', 'open');
SELECT is(s.taken, false, 'stateIn: nor here') FROM workflow.send(:'p', 'night') s;
SELECT is(s.states, ARRAY['p.door.open', 'p.light.on'], 'stateIn: now it is') FROM workflow.send(:'p', 'switch') s;

-- always
SELECT FROM workflow.define('{
    "id": "always", "initial": "a", "context": {"n": 0},
    "states": {
        "a": {"on": {"go": {"target": "b", "actions": {"type": "assign", "context": {"n": {"@expr": "event->''data''"}}}}}},
        "b": {"entry": {"type": "note", "params": "enter b"}, "exit": {"type": "note", "params": "exit b"},
              "always": [{"target": "small", "guard": {"@expr": "(context->>''n'')::int < 10"}}, {"target": "large", "guard": {"@expr": "(context->>''n'')::int > 100"}}],
              "on": {"add": {"actions": {"type": "assign", "context": {"n": {"@expr": "to_jsonb((context->>''n'')::int + 50)"}}}}}},
        "small": {"always": "end", "entry": {"type": "note", "params": "enter small"}}, "large": {}, "end": {"entry": {"type": "note", "params": "enter end"}}}}');
SELECT is(s.states, ARRAY['end'], 'always: transitions without an event are taken until none is enabled') FROM workflow.send(workflow.start('always'), 'go', '5') s;
SELECT is(notes(), 'enter b, exit b, enter small, enter end', 'passing through the states on the way');
SELECT workflow.start('always') AS p \gset
SELECT is(s.states, ARRAY['b'], 'always: with no guard that holds the process stays') FROM workflow.send(:'p', 'go', '50') s;
SELECT is(s.states, ARRAY['b'], 'they are looked at after every event') FROM workflow.send(:'p', 'add') s;
SELECT is(s.states, ARRAY['large'], 'that changes something') FROM workflow.send(:'p', 'add') s;
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'p'), 4::bigint, 'an event and all that follows is one step');
SELECT FROM workflow.define('{"id": "at once", "initial": "a", "states": {"a": {"always": "b"}, "b": {"type": "final"}}}');
SELECT is(status(workflow.start('at once')), 'finalized', 'always: a process may end in the call that starts it');

-- no end
SELECT FROM workflow.define('{"id": "loop", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"always": "c"}, "c": {"always": "b"}}}');
SELECT workflow.start('loop') AS p \gset
SELECT is(error('SELECT workflow.send(%L, ''go'')', :'p'),
    ARRAY['54000', 'a step did not end after 1000 microsteps',
          'HINT: Look for a cycle of "always" transitions or raised events; workflow.max_microsteps is the limit.'], 'a cycle of always is an error');
SELECT is(states(:'p'), 'a', 'that undoes the step');
SELECT FROM workflow.define('{"id": "echo", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "raise", "event": "go"}}}}}}');
SELECT is((error('SELECT workflow.send(%L, ''go'')', workflow.start('echo')))[1], '54000', 'so is an event that raises itself');
SELECT FROM workflow.define('{"id": "mirror", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "send", "event": "go"}}}}}}');
SELECT is((error('SELECT workflow.send(%L, ''go'')', workflow.start('mirror')))[1], '54000', 'or sends itself to its own process');
SELECT FROM workflow.define('{"id": "count", "initial": "a", "context": {"n": 0}, "states": {"a": {
    "always": {"guard": {"@expr": "(context->>''n'')::int < 900"}, "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}');
SELECT is(context(workflow.start('count')), '{"n": 900}', 'a loop that ends is none');

\set end :srcdir '/end.psql'
\i :end
