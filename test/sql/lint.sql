\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION app.ok(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.good(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.found(definition text) RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(rule || ' ' || path ORDER BY n), '{}') FROM workflow.lint(definition::json) WITH ORDINALITY l (path, rule, message, hint, n) $$;
-- The same for the states of a chart that begins in "a" and may end in "z".
CREATE FUNCTION app.states_found(states text) RETURNS text[] LANGUAGE sql AS $$
    SELECT found(format('{"id": "x", "initial": "a", "states": {%s, "z": {"type": "final"}}}', states)) $$;

SELECT is(states_found('"a": {"on": {"go": "z"}}'), '{}', 'nothing is found where nothing is');

-- states
SELECT is(states_found('"a": {"on": {"go": "z"}}, "b": {"initial": "c", "states": {"c": {"on": {"x": "d"}}, "d": {}}}'), ARRAY['unreachable $.states.b'],
    'a state that nothing leads to, the outermost');
SELECT is(states_found('"a": {"on": {"go": "a"}}'), ARRAY['unreachable_final $.states.z'], 'a final state that nothing leads to');
SELECT is(states_found('"a": {"on": {"go": "#b.d"}}, "b": {"initial": "c", "on": {"y": "z"}, "states": {"c": {}, "d": {}}}'), ARRAY['unreachable $.states.b.states.c'],
    'the initial state of one that is always entered elsewhere');
SELECT is(states_found('"a": {"on": {"go": "#b.d", "come": "b"}}, "b": {"initial": "c", "on": {"y": "z"}, "states": {"c": {}, "d": {}}}'), '{}',
    'one way that takes the default is enough');
SELECT is(states_found('"a": {"on": {"go": "#b.r.d"}}, "b": {"type": "parallel", "on": {"y": "z"}, "states": {"r": {"initial": "c", "states": {"c": {}, "d": {}}},
    "s": {"initial": "e", "states": {"e": {}}}}}'), ARRAY['unreachable $.states.b.states.r.states.c'],
    'other regions are entered by default, the one of the target is not');
SELECT is(states_found('"a": {"on": {"go": "b.h"}}, "b": {"initial": "c", "on": {"y": "z"}, "states": {"c": {}, "h": {"type": "history"}}}'), '{}',
    'a history state leads to the default of its parent');
SELECT is(states_found('"a": {"on": {"go": "b.h", "x": "z"}}, "b": {"initial": "c", "on": {"y": "z"}, "states": {"c": {}, "d": {}, "h": {"type": "history", "target": "d"}, "i": {"type": "history"}}}'),
    ARRAY['unreachable $.states.b.states.c', 'unreachable $.states.b.states.i'], 'or to its own; and can be unreachable itself');
SELECT is(states_found('"a": {"on": {"go": {"target": "b", "guard": false}, "x": "z"}}, "b": {"on": {"x": "z"}}'),
    ARRAY['dead $.states.a.on.go', 'unreachable $.states.b'], 'a transition whose guard is false leads nowhere');
SELECT is(states_found('"a": {"on": {"go": "b", "x": "z"}}, "b": {}'), ARRAY['no_exit $.states.b'], 'a wait without exit');
SELECT is(states_found('"a": {"on": {"go": ".b"}, "initial": "b", "states": {"b": {}}, "after": {"1 day": "z"}}'), '{}', 'not if something around leads out');
SELECT is(states_found('"a": {"type": "parallel", "onDone": "z", "states": {"r": {"initial": "b", "states": {"b": {"on": {"go": "c"}}, "c": {"type": "final"}}}, "s": {}}}'),
    ARRAY['never_done $.states.a.onDone', 'no_exit $.states.a.states.s'], 'onDone of what is never done is no exit');
SELECT is(states_found('"a": {"type": "parallel", "states": {"r": {"initial": "b", "states": {"b": {"on": {"go": "#z"}}}}, "s": {}}}'), '{}',
    'what another region does may lead out');
SELECT is(states_found('"a": {"type": "parallel", "states": {"r": {"initial": "b", "states": {"b": {"on": {"go": "c"}}, "c": {}}}, "s": {}}, "on": {"x": "z"}}'), '{}',
    'or the state around all regions');
SELECT is(states_found('"a": {"type": "parallel", "states": {"r": {"initial": "b", "states": {"b": {"on": {"go": "c"}}, "c": {"on": {"go": "b"}}}}, "s": {}}}'),
    ARRAY['no_exit $.states.a.states.s', 'unreachable_final $.states.z'], 'but not what stays in another region');
SELECT is(states_found('"a": {"initial": "b", "states": {"b": {"on": {"x": "b"}}, "c": {"type": "final"}}, "onDone": "z"}'),
    ARRAY['never_done $.states.a.onDone', 'unreachable_final $.states.a.states.c'], 'a state is never done if its final state cannot be reached');
SELECT is(states_found('"a": {"type": "parallel", "states": {"r": {"initial": "b", "states": {"b": {"on": {"go": "c"}}, "c": {"type": "final"}}},
    "s": {"initial": "d", "on": {"done.state.a.r": "#z"}, "states": {"d": {}}}}}'), '{}', 'done of another state, which can be');

-- lists
SELECT is(states_found('"a": {"on": {"go": ["z", {"target": "z", "guard": "ok"}, "a"]}}'), ARRAY['dead $.states.a.on.go[1]', 'dead $.states.a.on.go[2]'],
    'what comes after one without a guard is dead');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": "ok"}, {"target": "a", "guard": "ok"}, "a"]}}'), ARRAY['repeated_guard $.states.a.on.go[1]'],
    'the same guard twice');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": {"type": "or", "guards": ["ok", "good"]}}, {"target": "a", "guard": {"type": "and", "guards": [{"@expr": "true"}, "good"]}}, "a"]}}'),
    ARRAY['repeated_guard $.states.a.on.go[1]'], 'or one that holds only if an earlier one does');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": {"type": "and", "guards": ["ok", "good"]}}, {"target": "a", "guard": "good"}, "a"]}}'), '{}',
    'the special case first is as it should be');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": "ok"}, {"target": "a", "guard": "good"}]}}'), ARRAY['no_otherwise $.states.a.on.go[0]'],
    'two guards and no otherwise');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": "ok"}, {"target": "a", "guard": {"type": "not", "guard": "ok"}}]}}'), '{}', 'unless one of them always holds');
SELECT is(states_found('"a": {"on": {"go": [{"target": "z", "guard": "ok"}, {"target": "a", "guard": "good"}], "*": "z"}}'), '{}', 'or somebody else takes the event');
SELECT is(states_found('"a": {"on": {"go": {"target": "z", "guard": "ok"}}}'), '{}', 'one guard alone says when a command is possible');
SELECT is(states_found('"a": {"after": {"1 day": {"target": "z", "guard": "ok"}}}'), ARRAY['no_otherwise $.states.a.after["1 day"]'], 'but a timer comes once');

-- automatic transitions and timers
SELECT is(states_found('"a": {"always": [{"target": "z", "guard": "ok"}, "b"], "on": {"x": "b"}, "after": {"1 h": "b"}}, "b": {"on": {"x": "z"}}'),
    ARRAY['transient $.states.a.on.x', 'transient $.states.a.after["1 h"]'], 'events and timers of a state that is left at once');
SELECT is(states_found('"a": {"always": {"target": "z", "guard": "ok"}, "on": {"x": "z"}}'), '{}', 'not if it may be rested in');
SELECT is(states_found('"a": {"always": "b"}, "b": {"always": {"target": "a"}}'), ARRAY['endless $.states.a.always', 'unreachable_final $.states.z'],
    'states that lead to each other without event or guard');
SELECT is(states_found('"a": {"always": ["b", "z"]}, "b": {"initial": "c", "states": {"c": {"always": "d"}, "d": {"always": "#a"}}}'),
    ARRAY['dead $.states.a.always[1]', 'endless $.states.a.always[0]', 'unreachable_final $.states.z'], 'through states inside');
SELECT is(states_found('"a": {"always": "b"}, "b": {"always": [{"target": "z", "guard": "ok"}, "a"]}'), '{}', 'a guard may end it');
SELECT is(states_found('"a": {"after": {"2 days": "z", "PT5H": {"target": "a", "reenter": true}, "30 min": {"actions": {"type": "log", "value": 1}}}}'),
    ARRAY['shadowed_timer $.states.a.after["2 days"]'], 'a timer that another one is always ahead of');
SELECT is(states_found('"a": {"initial": "b", "after": {"1 hour": "z"}, "states": {"b": {"after": {"59 min": "c"}}, "c": {"after": {"3600000": "b"}}}}'),
    ARRAY['shadowed_timer $.states.a.states.c.after["3600000"]'], 'one of a state around it, too');
SELECT is(states_found('"a": {"after": {"1 day": {"target": "z", "guard": "ok"}, "2 days": "z"}}'), ARRAY['no_otherwise $.states.a.after["1 day"]'], 'one with a guard may let it pass');
SELECT is(states_found('"a": {"after": {"24 hours": "z", "1 day": "z"}}'), '{}', 'a day may have 23 hours');
SELECT is(states_found('"a": {"after": {"1 month": "z", "32 days": "z"}}'), ARRAY['shadowed_timer $.states.a.after["32 days"]'], 'a month has 31 days at most');
-- a timer with "keep" runs on where its state is entered again
CREATE FUNCTION app.shadowed(states text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(path || coalesce(' ' || hint, '') ORDER BY n) FROM workflow.lint(format('{"id": "x", "initial": "a", "states": {%s, "z": {"type": "final"}}}', states)::json) WITH ORDINALITY l (path, rule, message, hint, n)
    WHERE rule = 'shadowed_timer' $$;
SELECT is(shadowed(states), found, states) FROM (VALUES
    ('"a": {"after": {"1 day": {"target": "a", "reenter": true}, "5 days": {"target": "z", "keep": true}}}', NULL),
    ('"a": {"after": {"1 day": {"target": "a", "reenter": true}, "5 days": "z"}}', ARRAY['$.states.a.after["5 days"] Write "keep": true, so that it runs on when the state is entered again.']),
    ('"a": {"after": {"1 day": {"target": "a", "reenter": true, "keep": true}, "5 days": "z"}}', ARRAY['$.states.a.after["5 days"] Write "keep": true, so that it runs on when the state is entered again.']),
    ('"a": {"after": {"1 day": "z", "5 days": {"target": "z", "keep": true}}}', ARRAY['$.states.a.after["5 days"]']),
    ('"a": {"after": {"1 day": "b", "5 days": {"target": "z", "keep": true}}}, "b": {"on": {"x": "a"}}', ARRAY['$.states.a.after["5 days"]']),
    ('"a": {"after": {"1 day": "b", "5 days": {"target": "z", "keep": true}}}, "b": {"always": "a"}', NULL),
    ('"a": {"after": {"1 day": "b", "5 days": {"target": "z", "keep": true}}}, "b": {"entry": {"type": "raise", "event": "x"}, "on": {"x": "a"}}', NULL),
    ('"a": {"initial": "b", "after": {"5 days": {"target": "z", "keep": true}, "1 day": {"target": ".b", "reenter": true}}, "states": {"b": {}}}', NULL),
    ('"a": {"initial": "b", "after": {"1 day": {"target": "a", "reenter": true}}, "states": {"b": {"after": {"5 days": {"target": "#z", "keep": true}}}}}', NULL),
    ('"a": {"initial": "b", "after": {"1 day": {"target": "a", "reenter": true}}, "states": {"b": {"after": {"5 days": "#z"}}}}', ARRAY['$.states.a.states.b.after["5 days"] Write "keep": true, so that it runs on when the state is entered again.'])) t (states, found);

-- events of the engine that tell of what does not exist
SELECT is(states_found('"a": {"on": {"done.state.nowhere": "z", "after.1 day.a": "z", "done.invoke.kid": "z", "error.invoke.kid": "z", "error.step": "z", "xstate.done.state.x.no": "z"}}'),
    ARRAY['never_comes $.states.a.on["done.state.nowhere"]', 'never_comes $.states.a.on["after.1 day.a"]', 'never_comes $.states.a.on["done.invoke.kid"]', 'never_comes $.states.a.on["error.invoke.kid"]',
        'never_comes $.states.a.on["error.step"]', 'never_comes $.states.a.on["xstate.done.state.x.no"]'], 'no state, timer or invoke of that name');
SELECT is(states_found('"a": {"initial": "b", "states": {"b": {"after": {"1 day": "c"}}, "c": {"type": "final"}}, "invoke": {"id": "kid", "src": "x"}, "on": {"done.state.a": "z", "after.1 day.a.b": "z", "done.invoke.kid": "z", "error.invoke.kid": "z", "done.state.*": "z", "error.*": "z"}}'),
    '{}', 'there is one');
SELECT is((SELECT array_agg(message || coalesce(' ' || hint, '')) FROM workflow.lint('{"id": "x", "initial": "alpha", "states": {"alpha": {"initial": "b", "invoke": {"id": "kid", "src": "x"}, "states": {"b": {"on": {"done.state.alpah": "#z", "done.invoke.kids": "#z"}}}}, "z": {"type": "final"}}}'::json)),
    ARRAY['event "done.state.alpah" never comes: there is no state "alpah" Did you mean "alpha"?', 'event "done.invoke.kids" never comes: no invoke has the id "kids" Did you mean "kid"?'], 'with a name that is similar');

-- what on_error sends, and nobody handles
SELECT is(states_found('"a": {"on_error": {"then": {"event": "failed"}}, "on": {"x": {"target": "z", "on_error": {"then": {"event": "refused"}}}, "go": "b"}}, "b": {"on_error": {"then": {"event": "lost"}}, "on": {"lost": "z"}}, "c": {"on": {"failed.*": "z"}}'),
    ARRAY['never_handled $.states.a.on.x.on_error.then.event', 'unreachable $.states.c'], 'an event that no state handles');
SELECT is((SELECT array_agg(path || ' ' || message) FROM workflow.lint('{"id": "x", "initial": "a", "on_error": {"then": {"event": "mistyped"}}, "states": {"a": {"on_error": {"retry": []}, "on": {"x": "a"}}}}'::json)),
    ARRAY['$.on_error.then.event event "mistyped" is sent by "on_error", and no state handles it'], 'at the root, told once');

SELECT is(states_found('"a": {"on_error": {"retry": []}, "on": {"error.step": "z", "error.step.a": "z", "done.something": "z", "error.nothing": "z", "workflow.start": "z", "error.*": "z", "error.execution": "z", "error.communication": "z"}}'),
    ARRAY['never_comes $.states.a.on["error.step"]', 'never_comes $.states.a.on["error.step.a"]', 'never_comes $.states.a.on["done.something"]', 'never_comes $.states.a.on["error.nothing"]', 'never_comes $.states.a.on["workflow.start"]'],
    'an event of the engine that it does not know, or that no policy sends');
SELECT is(states_found('"a": {"on_error": {"then": {"target": "z"}}, "entry": {"type": "raise", "event": "done.something"}, "on": {"done.something": "z"}}'), '{}', 'one that is sent');

-- what JSON loses of XState's actions
SELECT is(states_found('"a": {"entry": [{"type": "xstate.sendTo", "event": "go"}, {"type": "send", "event": "go"}, {"type": "send", "event": "go", "delay": 1, "id": 5},
    {"type": "choose", "branches": [{"guard": "ok", "actions": []}, {"actions": []}, {"actions": []}]}], "on": {"go": "z"}}'),
    ARRAY['warning $.states.a.entry[0]', 'warning $.states.a.entry[2].id', 'dead $.states.a.entry[3].branches[2]'], 'receivers, and guards that are functions');

-- what the process sends in vain
SELECT is(states_found('"a": {"entry": [{"type": "raise", "event": "tpyo"}, {"type": "choose", "branches": [{"guard": true, "actions": {"type": "send", "event": "late", "delay": "1 day"}}]}], "on": {"typo": "z"}}'),
    ARRAY['never_handled $.states.a.entry[0]', 'never_handled $.states.a.entry[1].branches[0].actions'], 'an event that it sends itself, and no state handles');
SELECT is(states_found('"a": {"entry": [{"type": "raise", "event": "one.two"}, {"type": "raise", "event": {"type": {"@expr": "''x''"}}}], "on": {"one.*": "z"}}'), '{}', 'what a wildcard takes, or nobody knows yet');
SELECT is(states_found('"a": {"entry": {"type": "raise", "event": "one"}, "always": {"guard": "ok", "target": "z"}}'), '{}', 'what a guard of an automatic transition may look for');
SELECT is((SELECT array_agg(concat_ws(' | ', rule, path, message, hint) ORDER BY n) FROM workflow.lint('{"id": "x", "initial": "a", "states": {"a": {
    "invoke": [{"id": "kid", "src": "x"}, {"id": "many", "src": "x", "map": {"over": []}}],
    "entry": [{"type": "send", "event": "e", "target": "#_kod"}, {"type": "send", "event": "e", "to": "kid"}, {"type": "send", "event": "e", "target": "#_many"},
        {"type": "send", "event": "e", "target": "#_kid"}, {"type": "send", "event": "e", "target": "#_parent"}, {"type": "send", "event": "e", "target": {"@expr": "context->>''id''"}},
        {"type": "send", "event": "e", "target": "00000000-0000-0000-0000-000000000000"}]}}}'::json) WITH ORDINALITY l (path, rule, message, hint, n) WHERE rule <> 'missing_definition'), ARRAY[
    'no_receiver | $.states.a.entry[0] | no invoke has the id "kod" | Did you mean "kid"?',
    'no_receiver | $.states.a.entry[1] | "kid" is no process | Write "#_parent", "#_" and the id of an invoke, or the id of a process.',
    'no_receiver | $.states.a.entry[2] | "#_many" takes no events: it invokes several processes'], 'receivers that do not exist');

SELECT is(states_found('"a": {"task": {"for": "ann", "events": ["grant", "refus"]}, "on": {"grant": "z", "refuse": "z"}}'), ARRAY['never_handled $.states.a.task.events'], 'what people may choose');
SELECT is(states_found('"a": {"on": {"paid": {"target": "z", "correlate": {"n": 1}}, "sent": {"target": "z", "correlate": 5}, "lost": {"target": "z", "correlate": "x"}, "gone": {"target": "z", "correlate": null}}}'),
    ARRAY['warning $.states.a.on.paid.correlate'], 'a correlation that is none');
SELECT is((SELECT array_agg(path || ' ' || message || ' ' || hint) FROM workflow.lint('{"id": "x", "initial": "a", "context": {"iban": null, "cards": []}, "sensitive": ["/ibna", "/iban", "/card/*/number", "/else", "/*"], "states": {"a": {"type": "final"}}}'::json)),
    ARRAY['$.sensitive[0] the context has no "ibna" Did you mean "iban"?', '$.sensitive[2] the context has no "card" Did you mean "cards"?'], 'a field that is called otherwise is not hidden');

-- names that match nothing
SELECT is(states_found('"a": {"defer": ["note*", "note.*", "done.*", "after.1 day.a"], "on": {"order*": "z", "*.paid": "z", "a.*.b": "z", "order.*": "z"}}'),
    ARRAY['no_wildcard $.states.a.on["order*"]', 'no_wildcard $.states.a.on["*.paid"]', 'no_wildcard $.states.a.on["a.*.b"]',
        'no_wildcard $.states.a.defer[0]', 'never_deferred $.states.a.defer[2]', 'never_deferred $.states.a.defer[3]'], 'a wildcard in the middle, and events that are never kept');
SELECT is((SELECT array_agg(rule || ' ' || path) FROM workflow.lint('{"id": "x", "initial": "a", "delays": {"soon": 5, "later": "1 day", "last": "2 days"}, "events": {"go*": false, "go": {}},
    "states": {"a": {"on": {"go": "z"}, "after": {"soon": "z"}, "entry": {"type": "raise", "event": "go", "delay": "last"}}, "z": {"type": "final"}}}'::json)),
    ARRAY['no_wildcard $.events["go*"]', 'unused_delay $.delays.later'], 'a delay that nothing uses');

-- what JSON loses of XState: guards and assigned values that are functions
SELECT is(states_found('"a": {"on": {"go": [{"target": "b"}, {"target": "c"}, {"target": "z"}]}}, "b": {"on": {"x": "z"}}, "c": {"on": {"x": "z"}}'),
    ARRAY['dead $.states.a.on.go[1]', 'dead $.states.a.on.go[2]', 'unreachable $.states.c'], 'what only dead transitions lead to is unreachable');
SELECT is(states_found('"a": {"entry": {"type": "xstate.assign", "assignment": {}}, "on": {"go": "z"}}'), ARRAY['warning $.states.a.entry.assignment'], 'an assign without values');

SELECT is(states_found('"a": {"entry": [{"type": "foreach", "array": {"n": 1}, "item": "i"}, {"type": "foreach", "array": [1], "item": "i", "index": "i"}, {"type": "foreach", "array": {"@expr": "context->''n''"}, "item": "i", "index": "n"}], "on": {"go": "z"}}'),
    ARRAY['warning $.states.a.entry[0].array', 'warning $.states.a.entry[1].index'], 'loops over what is no array, or whose keys are one');

-- what define() warns of
SELECT results_eq($$ SELECT path, rule, message, hint FROM workflow.lint('{"id": "x", "initial": "a", "onDone": "a", "states": {"a": {"on": {"go": ["a", "z"]}}, "z": {"type": "final"}}}'::json) $$,
    $$ VALUES ('$.onDone', 'warning', 'the root cannot react to its own end: "onDone" is left out', 'When the root is done, the process has ended.'),
        ('$.states.a.on.go[1]', 'dead', 'transition can never be taken: $.states.a.on.go[0] comes before it and has no guard', 'Put the transition without a guard last.'),
        ('$.states.z', 'unreachable_final', 'no transition leads to final state "z"', NULL) $$,
    'warnings of define() come first; findings have a message and a hint');

CREATE FUNCTION pg_temp.regions(targets text) RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(message ORDER BY path), '{}') FROM workflow.lint(format('{"id": "x", "type": "parallel", "on": {"go": {"target": %s}}, "states": {
        "a": {"initial": "b", "states": {"b": {}, "c": {}, "was": {"type": "history"}, "deep": {"type": "history", "history": "deep"}}},
        "r": {"initial": "s", "states": {"s": {}, "t": {}}},
        "all": {"type": "history"}}}', targets)::json) WHERE rule = 'warning'
$$;
SELECT is(pg_temp.regions('["#x.a.was", "#x.r.t", "#x.a.was"]'), '{}', 'a history state beside a state of another region');
SELECT is(pg_temp.regions(targets), ARRAY[format('"%s" and "%s" cannot be active together: the transition is left out', one, other)], targets)
    FROM (VALUES ('["#x.a.was", "#x.a.c"]', 'a.was', 'a.c'), ('["#x.a.deep", "#x.a.was"]', 'a.was', 'a.deep'),
        ('["#x.r.t", "#x.all"]', 'all', 'r.t'), ('["#x.a", "#x.a.was"]', 'a', 'a.was')) t(targets, one, other);

-- stored definitions
SET LOCAL client_min_messages TO error;
SELECT workflow.define('{"id": "kept", "initial": "a", "onDone": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.define('{"id": "kept", "initial": "a", "states": {"a": {"on": {"go": "a"}}}}') \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.lint('kept')), 0, 'the newest version of a stored definition');
SELECT is((SELECT array_agg(path ORDER BY path) FROM workflow.lint('kept', 1)), ARRAY['$.onDone', '$.states.b'],
    'or another one, with the paths of its author');

-- refusals
SELECT is(error($$ SELECT * FROM workflow.lint('{"id": "x", "initial": "a", "states": {"a": {"onn": {}}}}'::json) $$),
    ARRAY['WF007', 'the definition has 1 fault', '$.states.a.onn: unknown key "onn" (Did you mean "on"?)'], 'faults are faults');
SELECT is((error($$ SELECT * FROM workflow.lint('{"id": "x", "initial": "a", "states": {"a": {"entry": {"type": "assign", "context": {"n": {"@expr": "nothing(context)"}}}}}}'::json) $$))[1],
    'WF007', 'those of expressions, too');
SELECT is((SELECT array_agg(concat_ws(' | ', rule, path, message, hint) ORDER BY n) FROM workflow.lint('{"id": "x", "initial": "a", "states": {"a": {"entry": "nothing", "on": {"x": [{"guard": "nought", "target": "a"}, {"guard": "nought", "actions": "nothing"}]}}}}'::json) WITH ORDINALITY l (path, rule, message, hint, n)), ARRAY[
    'missing_function | $.states.a.entry | function nothing(context jsonb, event jsonb) does not exist; it is named in 2 places, also at $.states.a.on.x[1].actions | CREATE FUNCTION nothing(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;',
    'missing_function | $.states.a.on.x[0].guard | function nought(context jsonb, event jsonb) does not exist; it is named in 2 places, also at $.states.a.on.x[1].guard | CREATE FUNCTION nought(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;',
    'repeated_guard | $.states.a.on.x[1] | transition can never be taken: the guard of $.states.a.on.x[0], which comes before it, holds whenever its own does',
    'no_otherwise | $.states.a.on.x[0] | event is lost if no guard holds | Add a last transition without a guard.'],
    'functions that have still to be written are findings');
-- what was there when a version was stored, and was dropped since
SELECT FROM workflow.define('{"id": "guest", "initial": "a", "states": {"a": {"on": {"go": "a"}}}}');
SELECT FROM workflow.define_calendar('lint', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
SELECT FROM workflow.define('{"id": "host", "initial": "a", "delays": {"d": {"duration": "PT8H", "calendar": "lint"}},
    "states": {"a": {"invoke": {"src": "guest", "id": "g"}, "after": {"d": "b"}}, "b": {"on": {"go": "a"}}}}');
SELECT is((SELECT count(*) FROM workflow.lint('host')), 0::bigint, 'a version whose calendar and child are there');
SELECT FROM workflow.drop_definition('guest');
SELECT FROM workflow.drop_calendar('lint');
SELECT is((SELECT array_agg(concat_ws(' | ', rule, path, message, hint) ORDER BY n) FROM workflow.lint('host') WITH ORDINALITY l (path, rule, message, hint, n)), ARRAY[
    'missing_definition | $.states.a.invoke | definition "guest" does not exist | Store it with workflow.define().',
    'missing_calendar | $.delays.d | calendar "lint" does not exist | Store it with workflow.define_calendar().'], 'and one that has lost them');
-- what other languages compute is a constant here
SELECT is((SELECT array_agg(path || ' ' || message ORDER BY n) FROM workflow.lint('{"id": "x", "initial": "a", "output": "{{ o }}", "context": {"c": "${c}"}, "states": {
    "a": {"entry": {"type": "xstate.assign", "assignment": {"n": "{{ context.n + 1 }}", "m": {"@expr": "1"}}}, "exit": {"type": "log", "value": ["={{ $json.x }}"]},
        "on": {"go": {"target": "b", "actions": {"type": "choose", "branches": [{"actions": {"type": "assign", "context": {"f": "(ctx, e) => ctx.n", "p.$": "$.p"}}}]}}},
        "after": {"1 h": {"target": "b", "actions": {"type": "raise", "event": {"type": "go", "data": {"deep": [{"@expr": "1"}, {"q.$": "$$.q", "r": {"@expr": "2"}}]}}}}}},
    "b": {"type": "final", "output": {"x": "{% $n + 1 %}", "y": "function (x) { return äöüäöüäöüäöüäöüäöüäöü }"}}}}'::json) WITH ORDINALITY l (path, rule, message, hint, n) WHERE rule = 'not_computed'), ARRAY[
    '$.context "${c}" is a constant here: nobody computes it',
    '$ "{{ o }}" is a constant here: nobody computes it',
    '$.states.a.entry "{{ context.n + 1 }}" is a constant here: nobody computes it',
    '$.states.a.exit "={{ $json.x }}" is a constant here: nobody computes it',
    '$.states.a.on.go.actions.branches[0].actions "(ctx, e) => ctx.n" is a constant here: nobody computes it',
    '$.states.a.on.go.actions.branches[0].actions "p.$" is a constant here: nobody computes it',
    '$.states.a.after["1 h"].actions "q.$" is a constant here: nobody computes it',
    '$.states.b "{% $n + 1 %}" is a constant here: nobody computes it'], 'an expression of another language is data');
SELECT is((SELECT array_agg(rule) FROM workflow.lint('{"id": "x", "initial": "a", "context": {"mail": "Dear {{name}}, good day", "price": "$5", "cost.$": 5, "s": "(a) {b}", "set": "{}"}, "states": {"a": {"type": "final"}}}'::json)), NULL, 'a text with such a place in it is meant');
SELECT is((error('SELECT * FROM workflow.lint(NULL::json)'))[1], '22004', 'null is none');
SELECT is((error($$ SELECT * FROM workflow.lint('nothing') $$))[1], 'WF006', 'there must be a definition');
SELECT is((error($$ SELECT * FROM workflow.lint(' {"id": "x"}') $$))[3], 'HINT: This is a text, not a name: lint() and simulate() take it as json, ''{...}''::json; else store it with workflow.define().', 'whose text is no name');
SET ROLE regress_clerk;
SELECT is((error($$ SELECT * FROM workflow.lint('kept') $$))[1], 'WF002', 'for those who may read it');
RESET ROLE;
SELECT is((error($$ SELECT * FROM workflow.lint('{"id": "x", "initial": "a", "states": {"a": {}}}'::json) $$))[1], 'WF002',
    'a superuser cannot check code that it could not own');

-- guards that are nested deep: each pair of their parts is looked at once
SET ROLE regress_app;
CREATE FUNCTION app.nested(kind text, leaf text, depth int) RETURNS text LANGUAGE sql AS $$
    SELECT repeat(format('{"type": "%s", "guards": ["%s", ', kind, leaf), depth) || format('"%s"', leaf) || repeat(']}', depth) $$;
SELECT is(states_found(format('"a": {"on": {"go": [{"guard": %s, "target": "z"}, {"guard": %s, "target": "z"}, {"target": "z"}]}}', nested('or', 'good', 40), nested('and', 'ok', 40))), '{}', 'an "and" and an "or" that have nothing in common');
SELECT is(states_found(format('"a": {"on": {"go": [{"guard": %s, "target": "z"}, {"guard": %s, "target": "z"}, {"target": "z"}]}}', nested('or', 'ok', 40), nested('and', 'ok', 40))), ARRAY['repeated_guard $.states.a.on.go[1]'], 'and that have');

\set end :srcdir '/end.psql'
\i :end
