\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Errors of user code that become events: in definitions that have a
-- transition for error.execution.
CREATE TABLE app.stock (item text PRIMARY KEY, n int CHECK (n >= 0));
INSERT INTO app.stock VALUES ('bolt', 0);
CREATE FUNCTION app.take(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES ('taken'); UPDATE app.stock SET n = n - 1 $$;
CREATE FUNCTION app.fail(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.note (text) VALUES ('lost');
    RAISE EXCEPTION 'no more %', params ->> 'what' USING ERRCODE = coalesce(params ->> 'code', 'AB123'), DETAIL = 'it is gone', HINT = 'buy some';
END
$$;
CREATE FUNCTION app.throws(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO app.note (text) VALUES ('guard'); RAISE EXCEPTION 'I do not know'; END $$;
-- What a state does with an error: it keeps what it was told.
CREATE FUNCTION app.with_handler(states json, context json DEFAULT '{}', handler json DEFAULT '{}') RETURNS int LANGUAGE sql AS $$
    SELECT workflow.define(format('{"id": "t", "initial": "a", "context": %s,
        "on": {"error.execution": {"actions": [{"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}]}},
        "states": %s}', context, states)::json)
$$;
CREATE FUNCTION app.got(p uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', context #>> '{error,kind}', context #>> '{error,sqlstate}', context #>> '{error,path}') FROM workflow.get(p) $$;

-- actions
SELECT FROM with_handler('{
    "a": {"on": {"go": {"target": "b", "actions": [
            {"type": "note", "params": "before"}, {"type": "fail", "params": {"what": "bolts"}}, {"type": "note", "params": "after"}]},
          "take": {"target": "b", "actions": "take"}},
          "exit": {"type": "note", "params": "exit a"}},
    "b": {"entry": {"type": "note", "params": "enter b"}}}');
SELECT workflow.start('t') AS p \gset
SELECT is(s.taken, true, 'an event whose action fails is taken') FROM workflow.send(:'p', 'go') s;
SELECT is(states(:'p'), 'b', 'and the target is reached');
SELECT is(notes(), 'exit a, before, enter b', 'of an action that fails nothing is left, of those before it everything; the rest of the list is left out');
SELECT is(context(:'p') -> 'error',
    '{"kind": "action", "path": "$.states.a.on.go[0].actions[1]", "sqlstate": "AB123", "message": "no more bolts", "detail": "it is gone", "hint": "buy some"}',
    'the event tells what failed, where, and why');
SELECT is((SELECT array_agg(event ORDER BY step) FROM workflow.process_history WHERE process = :'p'), ARRAY['workflow.start', 'go'], 'it is part of the step');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'take');
SELECT is(got(:'p') || ' ' || notes() || (SELECT n FROM app.stock), 'action 23514 $.states.a.on.take[0].actions[0] exit a, enter b0', 'what a function wrote before it failed is undone');
SELECT is(context(:'p') #> '{error,hint}', 'null', 'what there is not, is null');

-- what is without a handler
SELECT FROM workflow.define('{"id": "none", "initial": "a", "states": {"a": {"on": {"*": {"actions": {"type": "note", "params": "any"}}, "go": {"actions": {"type": "fail", "params": {}}}}}}}');
SELECT is((error('SELECT workflow.send(%L, ''go'')', workflow.start('none')))[1], 'AB123', 'without a transition for it an error is an error; "*" is none');
SELECT is(notes(), '', 'and nothing is left');
SELECT FROM workflow.define('{"id": "elsewhere", "initial": "a", "states": {
    "a": {"on": {"*": {"actions": {"type": "note", "params": "any"}},
                 "go": {"actions": [{"type": "note", "params": "x"}, {"type": "fail", "params": {"what": "luck"}}]}, "next": "b"}},
    "b": {"on": {"error.*": "c", "go": {"actions": {"type": "fail", "params": {}}}}}, "c": {}}}');
SELECT workflow.start('elsewhere') AS p \gset
SELECT is(error('SELECT workflow.send(%L, ''go'')', :'p'), ARRAY['AB123', 'no more luck', 'it is gone', 'HINT: buy some'], 'an error that no active state takes is an error of the step, with all that belongs to it');
SELECT is(notes() || states(:'p'), 'a', 'which is undone');
SELECT FROM workflow.send(:'p', 'next');
SELECT is((workflow.send(:'p', 'go')).states, ARRAY['c'], 'error.* is a transition for it');
SELECT FROM workflow.define('{"id": "target", "initial": "a", "states": {
    "a": {"on": {"go": {"target": "b", "actions": {"type": "fail", "params": {}}}, "error.execution": "wrong"}},
    "b": {"on": {"error.execution": "c"}}, "c": {}, "wrong": {}}}');
SELECT is((workflow.send(workflow.start('target'), 'go')).states, ARRAY['c'], 'it is worked where the transition led to, as every event');
SELECT FROM workflow.define('{"id": "guarded", "initial": "a", "states": {
    "a": {"on": {"go": {"actions": {"type": "fail", "params": {"code": "22012"}}}, "come": {"actions": {"type": "fail", "params": {"code": "22013"}}},
                 "error.execution": {"guard": {"@expr": "event->''data''->>''sqlstate'' = ''22012''"}, "target": "b"}}}, "b": {}}}');
SELECT workflow.start('guarded') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''come'')', :'p'))[1], '22013', 'a guard of the transition may choose');
SELECT is((workflow.send(:'p', 'go')).states, ARRAY['b'], 'among errors');
SELECT FROM workflow.define('{"id": "again", "initial": "a", "states": {
    "a": {"on": {"go": {"actions": {"type": "fail", "params": {"what": "1"}}}, "error.execution": {"actions": {"type": "fail", "params": {"what": "2"}}}}}}}');
SELECT is((error('SELECT workflow.send(%L, ''go'')', workflow.start('again')))[1], '54000', 'one that fails again and again is a cycle like any other');
SELECT FROM workflow.define('{"id": "nothing", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "fail", "params": {"what": "1"}}}, "error.execution": null}}}}');
SELECT is((workflow.send(workflow.start('nothing'), 'go')).states, ARRAY['a'], 'an error may be handled by doing nothing');

-- guards
SELECT FROM with_handler('{
    "a": {"on": {"go": [{"target": "b", "guard": "throws"}, {"target": "c"}],
                 "not": [{"target": "b", "guard": {"type": "not", "guard": "throws"}}, {"target": "c"}],
                 "or": [{"target": "b", "guard": {"type": "or", "guards": ["throws", true]}}, {"target": "c"}],
                 "expr": [{"target": "b", "guard": {"@expr": "1 / (context->>''n'')::int = 1"}}, {"target": "c"}],
                 "pick": {"target": "c", "actions": {"type": "choose", "branches": [
                     {"guard": "throws", "actions": {"type": "note", "params": "first"}}, {"actions": {"type": "note", "params": "second"}}]}}}},
    "b": {}, "c": {}}', '{"n": 0}');
SELECT is(s.states, ARRAY['c'], 'a guard that fails does not hold') FROM workflow.send(workflow.start('t'), 'go') s;
SELECT is(s.states, ARRAY['c'], 'neither does its contrary') FROM workflow.send(workflow.start('t'), 'not') s;
SELECT is(s.states, ARRAY['c'], 'nor anything that it is part of') FROM workflow.send(workflow.start('t'), 'or') s;
SELECT workflow.start('t') AS p \gset
SELECT is(s.states, ARRAY['c'], 'an expression that fails does not hold') FROM workflow.send(:'p', 'expr') s;
SELECT is(got(:'p'), 'guard 22012 $.states.a.on.expr[0].guard', 'and says so');
SELECT is(notes(), '', 'of what guards did nothing is left');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'pick');
SELECT is(notes() || ' ' || got(:'p'), 'second guard P0001 $.states.a.on.pick[0].actions[0].branches[0].guard', 'of choose, the next branch is taken');
SELECT workflow.start('t') AS p \gset
SELECT is((SELECT string_agg(event || ' ' || enabled, ', ') FROM workflow.available_events(:'p')), 'go true, not true, or true, expr true, pick true', 'looking which events are available meets the same errors,');
SELECT is(got(:'p') || notes(), '', 'and they leave nothing');

-- every other place
SELECT FROM with_handler('{
    "a": {"on": {"assign": {"actions": [{"type": "assign", "context": {"x": 1, "y": {"@expr": "1 / (context->>''n'')::int"}}}, {"type": "note", "params": "after"}]},
                 "whole": {"actions": {"type": "assign", "context": {"@expr": "''[]''::jsonb"}}},
                 "send": {"actions": [{"type": "send", "event": "more", "delay": {"@expr": "(context->>''bad'')::interval"}}]},
                 "raise": {"actions": [{"type": "raise", "event": {"@expr": "context->''n''"}}]},
                 "to": {"actions": [{"type": "send", "event": "more", "target": {"@expr": "context->''n''"}}]},
                 "data": {"actions": [{"type": "send", "event": {"type": "more", "data": {"@expr": "(context->>''bad'')::int"}}, "target": "00000000-0000-0000-0000-000000000000"}]},
                 "cancel": {"actions": {"type": "cancel", "id": {"@expr": "context->''n''"}}},
                 "log": {"actions": {"type": "log", "value": {"@expr": "1 / (context->>''n'')::int"}}},
                 "array": {"actions": [{"type": "foreach", "array": {"@expr": "context->''n''"}, "item": "i", "actions": {"type": "note", "params": "item"}}]},
                 "out": "o.f"}},
    "o": {"initial": "g", "states": {"g": {}, "f": {"type": "final", "output": {"@expr": "1 / (context->>''n'')::int"}}}, "onDone": {"target": "a", "actions": {"type": "assign", "context": {"done": {"@expr": "coalesce(event->''output'', ''\"nothing\"'')"}}}}}}',
    '{"n": 0, "bad": "bad"}');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'assign');
SELECT is(got(:'p') || notes() || (context(:'p') ? 'x'), 'assign 22012 $.states.a.on.assign[0].actions[0]false', 'assign: none of its values is set');
SELECT FROM workflow.send(:'p', 'whole');
SELECT is(got(:'p'), 'assign 22023 $.states.a.on.whole[0].actions[0]', 'a context that is no object');
SELECT FROM workflow.send(:'p', 'send');
SELECT is(got(:'p') || timers(:'p'), 'send 22007 $.states.a.on.send[0].actions[0]', 'send: its delay');
SELECT FROM workflow.send(:'p', 'raise');
SELECT is(got(:'p'), 'raise 22023 $.states.a.on.raise[0].actions[0]', 'raise: the name of the event');
SELECT FROM workflow.send(:'p', 'to');
SELECT is(got(:'p'), 'send 22023 $.states.a.on.to[0].actions[0]', 'send: the target');
SELECT FROM workflow.send(:'p', 'data');
SELECT is(got(:'p'), 'send 22P02 $.states.a.on.data[0].actions[0]', 'send: the data');
SELECT FROM workflow.send(:'p', 'cancel');
SELECT is(got(:'p'), 'cancel 22023 $.states.a.on.cancel[0].actions[0]', 'cancel');
SELECT FROM workflow.send(:'p', 'log');
SELECT is(got(:'p'), 'log 22012 $.states.a.on.log[0].actions[0]', 'log');
SELECT FROM workflow.send(:'p', 'array');
SELECT is(got(:'p') || notes(), 'foreach 22023 $.states.a.on.array[0].actions[0]', 'foreach: what is no array');
SELECT is((workflow.send(:'p', 'out')).context -> 'done', '"nothing"', 'output: the parent is done, and has none');
SELECT matches(got(:'p'), '^output 22012', 'which is an error, too');
SELECT FROM workflow.define('{"id": "delays", "initial": "a", "context": {"bad": "bad"}, "delays": {"bad": {"@expr": "(context->>''bad'')::interval"}},
    "states": {"a": {"after": {"bad": "b", "1 hour": "b"}, "on": {"error.execution": {"actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}}}}, "b": {}}}');
SELECT workflow.start('delays') AS p \gset
SELECT is(got(:'p') || ' ' || timers(:'p'), 'delay 22007 $.delays.bad 1 hour 2030-01-01 01:00:00', 'after: a timer whose delay fails is not started, the others are');
SELECT matches((error('SELECT workflow.reset_timer(%L, ''bad'')', :'p'))[1], '22007', 'in reset_timer() it is an error');

-- blocks
SELECT FROM with_handler('{
    "a": {"exit": [{"type": "note", "params": "exit 1"}, {"type": "fail", "params": {}}, {"type": "note", "params": "exit 2"}],
          "on": {"go": {"target": "b", "actions": {"type": "note", "params": "go"}}}},
    "b": {"initial": "c", "entry": [{"type": "note", "params": "entry 1"}, {"type": "fail", "params": {}}, {"type": "note", "params": "entry 2"}],
          "states": {"c": {"entry": {"type": "note", "params": "entry c"}}}}}');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'go');
SELECT is(notes() || ' ' || states(:'p'), 'exit 1, go, entry 1, entry c b.c', 'exit, transition and entry of each state are blocks of their own');
SELECT is(got(:'p'), 'action AB123 $.states.b.entry[1]', 'each error is an event');
SELECT FROM with_handler('{"a": {"on": {"go": {"actions": [
    {"type": "foreach", "array": [1, 0, 2], "item": "i", "index": "n", "actions": [
        {"type": "note", "params": "round"},
        {"type": "assign", "context": {"sum": {"@expr": "10 / (context->>''i'')::int"}}},
        {"type": "choose", "branches": [{"guard": true, "actions": {"type": "note", "params": "inner"}}]}]},
    {"type": "note", "params": "after"}]}}}}');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'go');
SELECT is(notes() || ' ' || got(:'p') || ' ' || (context(:'p') ->> 'sum') || ' ' || (context(:'p') ->> 'n'), 'round, inner, round assign 22012 $.states.a.on.go[0].actions[0].actions[1] 10 1', 'an error ends a loop, and the list it is in');
SELECT FROM workflow.define('{"id": "both", "initial": "p", "states": {"p": {"type": "parallel", "on": {"error.execution": {"actions": {"type": "note", "params": "error"}}}, "states": {
    "l": {"initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": {"type": "fail", "params": {}}}}}, "b": {"entry": {"type": "note", "params": "l"}}}},
    "r": {"initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": {"type": "note", "params": "r go"}}}}, "b": {"entry": {"type": "note", "params": "r"}}}}}}}}');
SELECT is((workflow.send(workflow.start('both'), 'go')).states, ARRAY['p.l.b', 'p.r.b'], 'regions go on');
SELECT is(notes(), 'r go, l, r, error', 'each with its own actions');

-- start, end, cancel
SELECT FROM with_handler('{"a": {"entry": {"type": "fail", "params": {}}}}');
SELECT is(got(workflow.start('t')), 'action AB123 $.states.a.entry[0]', 'an entry action of the first state may fail');
SELECT FROM with_handler('{"a": {"on": {"go": "f", "stop": "g"}}, "f": {"type": "final", "entry": {"type": "fail", "params": {}}}, "g": {"type": "final", "exit": {"type": "fail", "params": {}}}}');
SELECT workflow.start('t') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'AB123', 'at the end nobody is left to take an error: it is one of the step');
SELECT is((error('SELECT workflow.send(%L, ''stop'')', :'p'))[1] || states(:'p'), 'AB123a', 'in exit actions, too');
SELECT FROM with_handler('{"a": {"exit": {"type": "fail", "params": {}}}}');
SELECT workflow.start('t') AS p \gset
SELECT is((error('SELECT workflow.cancel(%L)', :'p'))[1] || status(:'p'), 'AB123idled', 'and of cancel()');

-- what is not caught
SELECT FROM with_handler('{"a": {"on": {"go": {"actions": {"type": "fail", "params": {"code": "40P01"}}}, "lock": {"actions": {"type": "fail", "params": {"code": "55P03"}}},
    "stop": {"actions": {"type": "fail", "params": {"code": "57014"}}}, "memory": {"actions": {"type": "fail", "params": {"code": "53200"}}},
    "corrupt": {"actions": {"type": "fail", "params": {"code": "XX001"}}}, "loop": {"actions": {"type": "raise", "event": "loop"}}}}}');
SELECT workflow.start('t') AS p \gset
CREATE FUNCTION app.state_of(p uuid, event text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM workflow.send(p, event);
    RETURN 'none';
EXCEPTION WHEN query_canceled OR OTHERS THEN
    RETURN SQLSTATE || CASE WHEN SQLERRM LIKE 'canceling%' THEN ': ' || SQLERRM ELSE '' END;
END
$$;
SELECT is((SELECT string_agg(state_of(:'p', e), ' ' ORDER BY n) FROM unnest(ARRAY['go', 'lock', 'stop', 'memory', 'corrupt', 'loop']) WITH ORDINALITY u(e, n)),
          '40P01 55P03 57014 53200 XX001 54000', 'conflicts, cancellation, shortage, corruption and a step without end are no events');

-- settings, cursors and roles are as they were
CREATE FUNCTION app.change(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ SELECT set_config('app.setting', 'set', false), set_config('app.local', 'set', true) $$;
CREATE FUNCTION app.changed(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT context || jsonb_build_object('is', concat_ws(' ', current_setting('app.setting', true), current_setting('app.local', true), current_user)) $$;
CREATE FUNCTION app.change_and_fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('app.setting', 'failed', false); SET LOCAL search_path TO pg_catalog; RAISE 'failed'; END $$;
CREATE FUNCTION app.opens(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ DECLARE c refcursor := 'left_open'; BEGIN OPEN c FOR SELECT 1; RAISE 'failed'; END $$;
SELECT FROM with_handler('{"a": {"on": {"go": {"target": "b", "actions": ["change"]}}, "exit": ["change_and_fail"]},
    "b": {"entry": ["changed"], "on": {"open": {"actions": ["opens"]}, "pure": {"guard": {"@expr": "(context->>''is'') <> ''''"}, "target": "c"}}}, "c": {}}');
SELECT workflow.grant_on('t', 'regress_clerk', 'start', 'send', 'read');
SELECT workflow.start('t') AS p \gset
SELECT FROM workflow.send(:'p', 'go');
SELECT is(context(:'p') ->> 'is', 'set set regress_app', 'settings last for the step, except those of what failed');
SELECT is(concat(current_setting('app.setting', true), '/', current_setting('search_path')), '/app, public', 'and no longer');
SET ROLE regress_clerk;
SELECT workflow.start('t') AS p \gset
SELECT is((workflow.send(:'p', 'go')).context ->> 'is', 'set set regress_app', 'in the session of another role, too');
SELECT is(current_user || concat(current_setting('app.setting', true), '/', current_setting('search_path')), 'regress_clerk/app, public', 'whose role and settings are as before');
SELECT is((workflow.send(:'p', 'open')).context #>> '{error,message}', 'failed', 'a cursor that was left open goes with the error');
SELECT is((SELECT count(*) FROM pg_cursors WHERE name = 'left_open'), 0::bigint, 'it does');
SELECT is((workflow.send(:'p', 'pure')).states, ARRAY['c'], 'the process goes on');
SET ROLE regress_app;

-- restricted operations in a client's session are refused, not caught
CREATE FUNCTION app.temporary(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMPORARY TABLE x (); END $$;
SELECT FROM with_handler('{"a": {"on": {"go": {"target": "b", "actions": ["temporary"]}}}, "b": {}}');
SELECT workflow.start('t') AS p \gset
SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1] || states(:'p'), '42501a', 'what cannot be done in a client''s session is refused');
SET ROLE regress_app;

-- user code that steps another process
CREATE FUNCTION app.tell(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM workflow.send((context ->> 'other')::uuid, 'go'); PERFORM workflow.send((context ->> 'other')::uuid, 'gone'); RAISE 'told'; END $$;
SELECT FROM with_handler('{"a": {"on": {"tell": {"target": "b", "actions": ["tell"]}, "go": "b"}}, "b": {}}');
SELECT workflow.start('t') AS other \gset
SELECT workflow.start('t', jsonb_build_object('other', :'other')) AS p \gset
SELECT is((workflow.send(:'p', 'tell')).states, ARRAY['b'], 'an action that has sent to another process may fail');
SELECT is(states(:'other') || (SELECT count(*) FROM workflow.process_history WHERE process = :'other'), 'a1', 'then the other process has heard nothing');
SELECT is((workflow.send(:'other', 'go')).states, ARRAY['b'], 'and goes its way');

-- functions that vanish, and come back
CREATE FUNCTION app.vanish(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS '';
SELECT FROM with_handler('{"a": {"on": {"go": {"target": "b", "actions": ["vanish"]}}}, "b": {}}');
SELECT workflow.start('t') AS p \gset
DROP FUNCTION app.vanish(jsonb, jsonb);
SELECT FROM workflow.send(:'p', 'go');
SELECT is(got(:'p'), 'action 42883 $.states.a.on.go[0].actions[0]', 'a function that was dropped is an error like any other');

-- in work()
SELECT FROM with_handler('{"a": {"after": {"1 hour": {"target": "b", "actions": {"type": "fail", "params": {}}}}}, "b": {"entry": {"type": "note", "params": "b"}}}');
SELECT count(*) AS n FROM workflow.start_many('t', array_fill('{}'::jsonb, ARRAY[100])) \gset
CALL clock('2030-01-01 01:00+00');
CREATE FUNCTION app.work_all() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    rounds int := 0;
BEGIN
    WHILE EXISTS (SELECT FROM workflow.timers WHERE due <= '2030-01-01 01:00+00') LOOP
        PERFORM workflow.work(200);
        rounds := rounds + 1;
    END LOOP;
    RETURN rounds;
END
$$;
SELECT ok(work_all() > 0, 'a batch of events that fail is worked');
SELECT is((SELECT count(*) FROM workflow.processes WHERE states = '{b}' AND context #>> '{error,path}' LIKE '%after%'), 100::bigint, 'each error is an event of its own process');

-- What an action does to a process that happens to be in the same batch.
CREATE FUNCTION app.moves(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM workflow.send((context ->> 'other')::uuid, 'go'); END $$;
SELECT FROM with_handler('{"a": {"on": {"move": {"target": "b", "actions": "moves"}, "go": "c", "note": {"actions": []}}}, "b": {}, "c": {"on": {"note": "d"}}, "d": {}}');
SELECT workflow.start('t') AS q \gset
SELECT workflow.start('t', jsonb_build_object('other', :'q')) AS p \gset
SELECT FROM workflow.post(:'p', 'move');
SELECT FROM workflow.post(:'q', 'note');
SELECT is((error('SELECT workflow.work(100)'))[1], '55P03', 'is no error of the process, but of the batch');
SELECT is(workflow.work(1) || got(:'p') || states(:'p') || states(:'q'), '1bc', 'alone, it meets nothing');
SELECT is(workflow.work(1) || states(:'q'), '1d', 'nor does what comes after it');

-- step_timeout
CREATE FUNCTION app.sleeps(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN OTHERS THEN END $$;
SELECT FROM workflow.define('{"id": "slow", "initial": "a", "step_timeout": "20 ms", "states": {"a": {"on": {
    "sleep": {"actions": "sleeps"}, "error.execution": null, "fast": {"actions": {"type": "note", "params": "fast"}},
    "pure": {"guard": {"@expr": "(repeat(''a'', 297 + length(event->>''type'')) || ''b'') ~ ''^(a*)(a*)(a*)(a*)(a*)\\1\\2\\3\\4\\5b$''"}}}}}}');
SELECT workflow.start('slow') AS p \gset
SELECT is(state_of(:'p', 'sleep'), '57014: canceling step due to "step_timeout" of its definition', 'step_timeout of the definition; no event is made of it');
SELECT is((workflow.send(:'p', 'fast')).taken, true, 'the next step has its own time');
SELECT notes() AS forget \gset
SELECT is(state_of(:'p', 'pure'), '57014: canceling step due to "step_timeout" of its definition', 'an expression has no more time than a function');
SELECT FROM workflow.define('{"id": "unhurried", "initial": "a", "step_timeout": "0 s", "states": {"a": {"on": {"go": {"actions": {"type": "note", "params": "slow"}}}}}}');
SELECT is((workflow.send(workflow.start('unhurried'), 'go')).taken, true, 'no time at all means no limit, as in settings');
SELECT notes() AS forget \gset
SELECT is(faults('{"id": "x", "initial": "a", "step_timeout": {"@expr": "1"}, "states": {"a": {}}}'), ARRAY['$.step_timeout: must be a constant'], 'it is the same for every process');
SELECT is(faults('{"id": "x", "initial": "a", "delays": {"short": {"duration": "1 minute", "calendar": "office"}}, "step_timeout": "short", "states": {"a": {}}}'),
    ARRAY['$.step_timeout: "step_timeout" cannot be working time (Write a duration: "5 seconds".)',
          '$.delays.short: calendar "office" does not exist (Store it with workflow.define_calendar().)'], 'nor does a server keep office hours');

\set end :srcdir '/end.psql'
\i :end
