\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What the author's code sees beside context and data: states, key, at, due; and
-- the time zone of a definition.
CREATE FUNCTION app.see(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT context || jsonb_build_object('seen', event - 'process') $$;
SELECT FROM workflow.define('{"id": "see", "type": "parallel", "context": {"begun": {"@expr": "jsonb_build_array(event->''key'', event->''at'', states)"}}, "states": {
    "left": {"initial": "one", "states": {
        "one": {"on": {"go": {"target": "two", "guard": {"@expr": "''right.a'' = ANY (states)"}, "actions": {"type": "assign", "context": {"moving": {"@expr": "states"}}}}},
                "after": {"1 hour": {"target": "two", "actions": "see"}}, "exit": {"type": "assign", "context": {"leaving": {"@expr": "states"}}}},
        "two": {"entry": {"type": "assign", "context": {"entering": {"@expr": "to_jsonb(states)"}}}, "on": {"see": {"actions": "see"}}}}},
    "right": {"initial": "a", "states": {"a": {"on": {"next": "b"}}, "b": {"on": {"size": {"actions": {"type": "assign", "context": {"n": {"@expr": "cardinality(states)"}}}}}}}}}}');
SELECT workflow.start('see', key => 'k1') AS p \gset
SELECT is(context(:'p')->>'begun', '["k1", "2030-01-01T00:00:00+00:00", []]', 'at the start the process has a key, and is nowhere');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(context(:'p') - 'begun', '{"leaving": ["left.one", "right.a"], "moving": ["right.a"], "entering": ["left.two", "right.a"]}', 'states: the innermost active ones, as they are at that moment');
CALL clock('2030-01-01 00:10+00');
SELECT FROM workflow.send(:'p', 'see', actor => 'ann');
SELECT is(context(:'p')->'seen', '{"type": "see", "actor": "ann", "key": "k1", "at": "2030-01-01T00:10:00+00:00"}', 'a function sees key and time of the step');
SELECT workflow.post(:'p', 'see', at => '2030-01-01 00:15+00') \g /dev/null
CALL clock('2030-01-01 00:20+00');
SELECT workflow.work() \g /dev/null
SELECT is((context(:'p')->'seen') - 'actor', '{"type": "see", "key": "k1", "at": "2030-01-01T00:20:00+00:00", "due": "2030-01-01T00:15:00+00:00"}', 'and when what comes late was due');
SELECT FROM workflow.send(:'p', 'next');
SELECT is((SELECT enabled FROM workflow.available_events(:'p') WHERE event = 'go'), NULL, 'not there any more');
SELECT FROM workflow.send(:'p', 'size');
SELECT is(context(:'p')->>'n', '2', 'only atomic and final ones are counted');
SELECT workflow.start('see') AS p \gset
SELECT FROM workflow.send(:'p', 'next');
SELECT is((SELECT taken FROM workflow.send(:'p', 'go')), false, 'guards ask where the process is');
SELECT is((SELECT e.enabled FROM workflow.available_events(:'p') e WHERE e.event = 'go'), false, 'and so do questions');
CALL clock('2030-01-01 02:00+00');
SELECT workflow.work() \g /dev/null
SELECT is(context(:'p')->'seen', '{"type": "after.1 hour.left.one", "at": "2030-01-01T02:00:00+00:00", "due": "2030-01-01T01:20:00+00:00"}', 'a process without key; a timer of a state');

-- errors
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"always": {"guard": {"@expr": "states = 1"}, "target": "a"}, "on": {"x": {"guard": {"@expr": "state"}}}}}}'),
    ARRAY['$.states.a.always.guard: operator does not exist: text[] = integer (No operator matches the given name and argument types. You might need to add explicit type casts.)',
          '$.states.a.on.x.guard: column "state" does not exist (An expression knows context and event, both of type jsonb, and states, of type text[]: context->>''name''.)'], 'states is a text[]');
SELECT FROM workflow.define('{"id": "searched", "initial": "a", "search": {"s": {"@expr": "states"}}, "states": {"a": {}}}');
SELECT is((SELECT count(*) FROM workflow.start('searched') p, workflow.search('searched', attributes => '{"s": "a"}')), 0::bigint, 'what is searched for depends on the context alone');

-- the clock of a simulation
SELECT is((SELECT array_agg(context->'seen' ORDER BY seq) FILTER (WHERE event LIKE 'after%') FROM (SELECT row_number() OVER () AS seq, s.* FROM workflow.simulate('see', '[{"until_idle": true}]', start => '2031-01-01 00:00+00') s) s),
    ARRAY['{"type": "after.1 hour.left.one", "at": "2031-01-01T01:00:00+00:00", "due": "2031-01-01T01:00:00+00:00"}'::jsonb], 'a simulation has its own time');
SELECT FROM workflow.define('{"id": "monthly", "initial": "a", "delays": {"next": {"@expr": "date_trunc(''month'', (event->>''at'')::timestamptz + interval ''1 month'')"}}, "context": {"n": 0}, "states": {
    "a": {"after": {"next": {"target": "a", "reenter": true, "guard": {"@expr": "(context->>''n'')::int < 3"}, "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}');
SELECT is((SELECT array_agg(to_char(at, 'YYYY-MM-DD') ORDER BY at) FROM workflow.simulate('monthly', '[{"until_idle": true}]', start => '2031-01-10 00:00+00') WHERE event LIKE 'after%'),
    ARRAY['2031-02-01', '2031-03-01', '2031-04-01', '2031-05-01'], 'from which it counts on');

-- time zone
SET LOCAL timezone TO 'UTC';
SELECT is(faults(format('{"id": "z", "timezone": "%s", "initial": "a", "states": {"a": {}}}', zone)), CASE WHEN named THEN ARRAY['no error'] ELSE ARRAY[format('$.timezone: time zone "%s" is no name (Write a name of pg_timezone_names: "Europe/Berlin".)', zone)] END, zone)
    FROM (VALUES ('UTC+3', false), ('+02:00', false), ('Berlin2', false), ('Etc/GMT+5', true), ('est5edt', true), ('CET-1CEST', true)) z (zone, named);
SELECT is(faults('{"id": "z", "timezone": "Europe/Berlln", "initial": "a", "states": {"a": {}}}'), ARRAY['$.timezone: time zone "Europe/Berlln" not recognized (Write a name of pg_timezone_names: "Europe/Berlin".)'], 'a zone that is none');
SELECT is(faults('{"id": "z", "timezone": 1, "initial": "a", "states": {"a": {"timezone": "UTC"}}}'), ARRAY['$.timezone: must be of type string, not number', '$.states.a.timezone: unknown key "timezone"'], 'it is a name, at the root');
SELECT is(faults('{"id": "z", "timezone": "right/UTC", "initial": "a", "states": {"a": {}}}') <> '{no error}', true, 'no leap seconds');
SELECT is(workflow.define('{"id": "rent", "timezone": "Europe/Berlin", "initial": "a", "states": {"a": {"after": {"P1D": {"target": "b", "actions": {"type": "assign", "context": {"at": {"@expr": "event->>''at''"}, "there": {"@expr": "current_setting(''TimeZone'')"}}}}}}, "b": {"type": "final"}}}'), 1, 'a zone');
SET LOCAL timezone TO 'America/New_York';
SELECT is(workflow.define('{"id": "rent", "timezone": "europe/berlin", "initial": "a", "states": {"a": {"after": {"P1D": {"target": "b", "actions": {"type": "assign", "context": {"at": {"@expr": "event->>''at''"}, "there": {"@expr": "current_setting(''TimeZone'')"}}}}}}, "b": {"type": "final"}}}'), 1, 'the same from elsewhere, and however it is spelled');
SELECT is((SELECT concat_ws(' ', time_zone, chart->>'timezone') FROM workflow.definitions WHERE name = 'rent'), 'Europe/Berlin Europe/Berlin', 'it is stored');
SET LOCAL timezone TO 'UTC';
SELECT is((SELECT array_agg(concat_ws(' ', to_char(at AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24:MI'), context->>'at', context->>'there') ORDER BY at) FILTER (WHERE event LIKE 'after%') FROM workflow.simulate('rent', '[{"until_idle": true}]', start => '2027-03-27 12:00+01')),
    ARRAY['03-28 12:00 2027-03-28T12:00:00+02:00 Europe/Berlin'], 'its days and its code are there');
SELECT is((SELECT array_agg(to_char(at AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24:MI')) FILTER (WHERE event LIKE 'after%') FROM workflow.simulate('{"id": "u", "timezone": "Europe/Berlin", "initial": "a", "states": {"a": {"after": {"P1D": "b"}}, "b": {}}}'::json, '[{"until_idle": true}]', start => '2027-03-27 12:00+01')),
    ARRAY['03-28 12:00'], 'also of one that is not stored');
SELECT is(jsonb_path_query_first(workflow.export('rent')::jsonb, '$.meta.workflow.losses[*] ? (@.construct == "timezone")')->>'path', '$.timezone', 'an export tells that it is lost');

-- a history state is never active
SELECT FROM workflow.define('{"id": "h", "initial": "a", "states": {"a": {"initial": "b", "states": {"b": {}, "h": {"type": "history"}}, "on": {
    "x": [{"target": "#c", "guard": {"type": "stateIn", "stateId": "#a.h"}}, {"target": "#d", "guard": {"type": "not", "guard": {"type": "stateIn", "stateId": "#a.h"}}}]}}, "c": {}, "d": {}}}');
SELECT workflow.start('h') AS p \gset
SELECT is((SELECT states FROM workflow.send(:'p', 'x')), '{d}', 'so it is not fault to ask, but never true');
SELECT is((SELECT array_agg(concat_ws(' ', path, rule)) FROM workflow.lint('h') WHERE rule = 'dead'), ARRAY['$.states.a.on.x[0] dead'], 'lint() tells');

-- the actions of its default, beside the target
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"actions": "see", "initial": "b", "states": {"b": {}, "h": {"type": "history", "actions": "see"}, "g": {"type": "history", "target": {"target": "b", "actions": "see"}, "actions": "see"}}}}}'),
    ARRAY['$.states.a.actions: state of type "compound" cannot have "actions"', '$.states.a.states.h.actions: only the way to a target can have "actions" (Give the history state a "target".)',
          '$.states.a.states.g.actions: "actions" stand beside the target and in it (Use one of them.)'], 'of a history state with a target only, and once');

-- an action takes back what is kept for later, also when the state that keeps it is left
SELECT FROM workflow.define('{"id": "cc", "initial": "s4", "states": {"s3": {"on": {"*": "s4"}}, "s4": {"entry": {"type": "send", "event": "a.b", "delay": 30, "id": "i2"}, "defer": ["*"],
    "on": {"G": {"target": "s3", "actions": {"type": "cancel", "id": "i2"}}, "H": {"target": "s5"}, "I": "s3"}}, "s5": {"entry": {"type": "cancel", "id": "i2"}}}}');
CREATE FUNCTION app.taken_back(how text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid;
BEGIN
    CALL clock('2030-01-01 00:00:00+00');
    p := workflow.start('cc');
    CALL clock('2030-01-01 00:00:00.03+00');
    PERFORM workflow.work();
    PERFORM workflow.send(p, how);
    RETURN (SELECT string_agg(concat_ws(' ', event, taken, to_states, reason), ', ' ORDER BY step) FROM workflow.process_history WHERE process = p AND step > 1) ||
        (SELECT count(*) FROM workflow.deferred_events d WHERE d.process = p);
END
$$;
SELECT is(taken_back('G'), 'a.b f {s4} deferred, G t {s3}0', 'in the transition');
SELECT is(taken_back('H'), 'a.b f {s4} deferred, H t {s5}0', 'in the state that comes next');
SELECT is(taken_back('I'), 'a.b f {s4} deferred, I t {s3}, a.b t {s4}0', 'if nobody takes it back it is delivered');
SELECT is((SELECT string_agg(concat_ws(' ', event, taken, to_states), ', ') FROM workflow.simulate('cc', '[{"after": "1 second"}, {"event": "G"}]')), 'workflow.start t {s4}, a.b f {s4}, G t {s3}', 'in a simulation, too');

\set end :srcdir '/end.psql'
\i :end
