\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Errors of user code, and what they leave: by hand work() raises them, an
-- executor retries (the TAP tests).
CREATE TABLE app.stock (item text PRIMARY KEY, n int CHECK (n >= 0));
INSERT INTO app.stock VALUES ('bolt', 1);
CREATE FUNCTION app.take(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES ('taken'); UPDATE app.stock SET n = n - 1 WHERE item = context ->> 'item' $$;
CREATE FUNCTION app.refuse(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no more %', context ->> 'item' USING ERRCODE = 'AB123', DETAIL = 'it is gone', HINT = 'buy some'; END $$;
SELECT FROM workflow.define('{
    "id": "shop", "initial": "a", "context": {"item": "bolt", "n": 0},
    "states": {
        "a": {"after": {"1 hour": {"actions": ["take"], "target": "b"}},
              "on": {"take": {"target": "b", "actions": [{"type": "assign", "context": {"n": 1}}, "take", {"type": "note", "params": "after"}]},
                     "refuse": {"actions": [{"type": "assign", "context": {"n": 2}}, {"type": "note", "params": "before"}, "refuse"]},
                     "guard": {"target": "b", "guard": {"@expr": "1 / (context->>''n'')::int = 1"}}}},
        "b": {"entry": {"type": "note", "params": "enter b"}}}}');
SELECT workflow.start('shop') AS first \gset
SELECT workflow.start('shop') AS second \gset
SELECT FROM workflow.send(:'first', 'take');
SELECT is(notes(), 'taken, after, enter b', 'as long as there is stock');
SELECT is(error('SELECT workflow.send(%L, ''take'')', :'second'),
    ARRAY['23514', 'new row for relation "stock" violates check constraint "stock_n_check"', 'Failing row contains (bolt, -1).'],
    'an error of an action is an error of the command');
SELECT is(notes() || states(:'second') || (context(:'second') ->> 'n'), 'a0', 'which undoes all that the step has done: actions, states and context');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'second'), 1::bigint, 'there is no history of it');
SELECT is(error('SELECT workflow.send(%L, ''refuse'')', :'second'), ARRAY['AB123', 'no more bolt', 'it is gone', 'HINT: buy some'], 'SQLSTATE, message, detail and hint are those of the action');
SELECT is(error('SELECT workflow.send(%L, ''guard'')', :'second'), ARRAY['22012', 'division by zero'], 'an error in a guard is one, too');
SELECT is(timers(:'second'), '1 hour 2030-01-01 01:00:00', 'timers go on');
UPDATE app.stock SET n = 1;
SELECT is((workflow.send(:'second', 'take')).states, ARRAY['b'], 'after the cause has gone the command passes');
SELECT is(notes(), 'taken, after, enter b', 'and everything is done once');

CREATE FUNCTION app.context_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    context text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN context;
END
$$;
SELECT workflow.start('shop') AS p \gset
SELECT matches(context_of(format('SELECT workflow.send(%L, ''refuse'')', :'p')), format('event "refuse" of workflow "shop", process %s', :'p'), 'the context of the error names event, definition and process');

-- work() by hand
CALL clock('2030-01-01 01:00+00');
SELECT is((error('SELECT workflow.work(100)'))[1], '23514', 'work() raises what an action raises');
SELECT is(timers(:'p'), '1 hour 2030-01-01 01:00:00', 'and the timer is still there');
SELECT is((SELECT count(*) FROM workflow.errors), 0::bigint, 'it does not count as an attempt');
UPDATE app.stock SET n = 1;
SELECT is(workflow.work(100) || states(:'p'), '1b', 'it fires when the cause has gone');
SELECT workflow.start('shop') AS p \gset
SELECT workflow.start('shop') AS q \gset
UPDATE app.stock SET n = 1;
CALL clock('2030-01-01 02:00+00');
SELECT is((error('SELECT workflow.work(100)'))[1], '23514', 'an error in a batch');
SELECT is(states(:'p') || states(:'q') || (SELECT n FROM app.stock), 'aa1', 'undoes all of it');
SELECT is(workflow.work(1), 1, 'one by one');
SELECT is(states(:'p') || states(:'q'), 'ba', 'what can be done is done');
SELECT is((error('SELECT workflow.work(1)'))[1], '23514', 'what cannot is not');

-- errors on the way into the first state
SELECT FROM workflow.cancel(:'p');
SELECT FROM workflow.cancel(:'q');
SELECT FROM workflow.define('{"id": "stillborn", "initial": "a", "states": {"a": {"entry": "refuse"}}}');
SELECT is((error('SELECT workflow.start(''stillborn'', key => ''S1'')'))[1], 'AB123', 'an error of an entry action is an error of start()');
SELECT is((error('SELECT workflow.find(''stillborn'', ''S1'')'))[1], 'WF001', 'there is no process then, and the key is free');
SELECT workflow.start('stillborn', at => '2030-01-01 03:00+00') AS p \gset
CALL clock('2030-01-01 03:00+00');
SELECT is((error('SELECT workflow.work(100)'))[1], 'AB123', 'of a process that starts later it is one of work()');
SELECT is(status(:'p'), 'initialized', 'and the process waits');

-- going on after an error in the same transaction
SELECT FROM workflow.cancel(:'p');
SELECT notes() AS forget \gset
CREATE FUNCTION app.try(p uuid, event text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (workflow.send(p, event)).states[1];
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
UPDATE app.stock SET n = 1;
SELECT workflow.start('shop') AS p \gset
SELECT is(try(:'p', 'refuse') || ' ' || try(:'p', 'refuse') || ' ' || try(:'p', 'guard') || ' ' || try(:'p', 'take') || ' ' || try(:'p', 'take'), 'AB123 AB123 22012 b b',
          'a block that catches the error can go on with the same process');
SELECT is(notes(), 'taken, after, enter b', 'nothing of what failed is left');
CREATE FUNCTION app.many(out result text) LANGUAGE plpgsql AS $$
DECLARE
    p uuid;
BEGIN
    result := '';
    FOR i IN 1..5 LOOP
        p := workflow.start('shop');
        UPDATE app.stock SET n = i % 2;
        result := result || ' ' || try(p, 'take');
    END LOOP;
END
$$;
SELECT is(many(), ' b 23514 b 23514 b', 'the same action fails and works in turn, in one transaction');
SELECT is((SELECT count(*) FROM app.note), 9::bigint, 'each that worked has had its effects, the others none');

-- an action that catches its own error
CREATE FUNCTION app.careful(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    UPDATE app.stock SET n = -1;
    RETURN context;
EXCEPTION WHEN check_violation THEN
    RETURN context || '{"failed": true}';
END
$$;
SELECT FROM workflow.define('{"id": "careful", "initial": "a", "states": {"a": {"entry": "careful"}}}');
SELECT is(context(workflow.start('careful')), '{"failed": true}', 'an action may catch its own errors');

-- a function that is gone, or changed its type
CREATE FUNCTION app.vanish(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS '';
SELECT FROM workflow.define('{"id": "gone", "initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": "vanish"}}}, "b": {}}}');
SELECT workflow.start('gone') AS p \gset
DROP FUNCTION app.vanish(jsonb, jsonb);
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1:2], ARRAY['42883', 'function app.vanish(context jsonb, event jsonb) does not exist'], 'a function that was dropped is an error when it is needed');
CREATE FUNCTION app.vanish(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"new": 1}'::jsonb $$;
SELECT is((workflow.send(:'p', 'go')).context, '{"new": 1}', 'when it is there again the process goes on');

-- its own process
CREATE FUNCTION app.itself(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM workflow.send((event ->> 'process')::uuid, 'x'); END $$;
CREATE FUNCTION app.through_post(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM workflow.post((event ->> 'process')::uuid, 'x', id => 'p'); PERFORM workflow.post((event ->> 'process')::uuid, 'x', id => 'p'); END $$;
CREATE FUNCTION app.another(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS
    $$ BEGIN RETURN context || jsonb_build_object('other', (workflow.send((context ->> 'other')::uuid, 'x')).states); END $$;
SELECT FROM workflow.define('{"id": "itself", "initial": "a", "states": {"a": {"on": {"send": {"actions": "itself"}, "post": {"actions": "through_post"}, "other": {"actions": "another"}, "x": "b"}}, "b": {}}}');
SELECT workflow.start('itself') AS p \gset
SELECT is(error('SELECT workflow.send(%L, ''send'')', :'p'),
    ARRAY['WF005', 'the process is being stepped by this very session', 'HINT: An action reaches its own process with the actions "raise" and "send", or with workflow.post().'],
    'WF005: an action cannot send to its own process');
SELECT is(try(:'p', 'post'), 'a', 'but post to it');
SELECT is((SELECT count(*) FROM workflow.timers WHERE process = :'p'), 1::bigint, 'the second post with an id replaces the first, there, too');
SELECT is(workflow.work(100) || states(:'p'), '1b', 'it is delivered afterwards');
SELECT workflow.start('itself') AS other \gset
SELECT workflow.start('itself', jsonb_build_object('other', :'other')) AS p \gset
SELECT is((workflow.send(:'p', 'other')).context -> 'other', '["b"]', 'an action may send to another process of the same definition');
SELECT is(states(:'other'), 'b', 'which takes its transition in the same transaction');

-- a timer that is to be tried again, and whose state is left before
RESET ROLE;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "left", "initial": "a", "states": {"a": {"after": {"1 day": "b"}, "on": {"go": "b"}}, "b": {}}}');
SELECT workflow.start('left') AS p \gset
RESET ROLE;
UPDATE workflow.timer SET attempts = 1 WHERE process = :'p';
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message)
    SELECT process, seq, now(), due, 1, false, event, 'P0001', 'no' FROM workflow.timer WHERE process = :'p';
SET ROLE regress_app;
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 1::bigint, 'an event that is to be tried again is an error');
SELECT FROM workflow.send(:'p', 'go');
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 0::bigint, 'until its state is left');

-- a posted event that is to be tried again, and is taken back or replaced before
SELECT FROM workflow.post(:'p', 'x', at => '2031-01-01', id => 'one');
SELECT FROM workflow.post(:'p', 'x', at => '2031-01-01', id => 'two');
RESET ROLE;
UPDATE workflow.timer SET attempts = 1 WHERE process = :'p';
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, sqlstate, message)
    SELECT process, seq, now(), due, 1, false, event, name, 'P0001', 'no' FROM workflow.timer WHERE process = :'p';
SET ROLE regress_app;
SELECT is(workflow.cancel_event(:'p', 'one'), true, 'an event that is to be tried again can be taken back');
SELECT is((SELECT string_agg(name, ' ') FROM workflow.errors WHERE process = :'p'), 'two', 'and is no error any more');
SELECT FROM workflow.post(:'p', 'x', at => '2031-01-01', id => 'two');
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 0::bigint, 'nor is one that is replaced');

-- one that was given up is still to come as well: resume() would deliver it
SELECT FROM workflow.define('{"id": "taken back", "initial": "a", "states": {"a": {"on": {"stop": {"actions": {"type": "cancel", "id": "one"}}, "x": {}}}}}');
SELECT workflow.start('taken back') AS p \gset
RESET ROLE;
CREATE FUNCTION app.give_up(p uuid, VARIADIC ids text[]) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, sqlstate, message)
    SELECT p, nextval('workflow.timer_seq_seq'), now(), now(), 1, true, 'x', i, 'P0001', 'no' FROM unnest(ids) i $$;
SET ROLE regress_app;
SELECT FROM app.give_up(:'p', 'one', 'two', 'three');
SELECT is(workflow.cancel_event(:'p', 'one'), true, 'an event that was given up can be taken back');
SELECT is(workflow.cancel_event(:'p', 'one'), false, 'once');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM workflow.errors WHERE process = :'p'), 'three two', 'and is no error any more');
SELECT FROM workflow.post(:'p', 'x', id => 'two');
SELECT is((SELECT string_agg(name, ' ') FROM workflow.errors WHERE process = :'p'), 'three', 'another one with its id takes its place');
SELECT FROM app.give_up(:'p', 'one');
SELECT is((SELECT effects->0->>'effect' FROM workflow.dry_run(:'p', 'stop')), 'transition', 'nothing is taken back for a trial');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM workflow.errors WHERE process = :'p'), 'one three', 'of it');
SELECT FROM workflow.send(:'p', 'stop');
SELECT is((SELECT string_agg(name, ' ') FROM workflow.errors WHERE process = :'p'), 'three', 'the action cancel takes one back, too');
SELECT is(workflow.work(100), 1, 'the other one of the id is delivered');
SELECT FROM workflow.cancel_event(:'p', 'three');
SELECT is(workflow.resume(:'p'), false, 'and nothing is left for resume()');

-- a timer that was started anew after it had been given up, and was given up again: it is one timer
SELECT FROM workflow.define('{"id": "anew", "initial": "a", "states": {"a": {"after": {"1 day": {"actions": {"type": "assign", "context": {"n": {"@expr": "COALESCE((context->>''n'')::int, 0) + 1"}}}}}, "on": {"x": {}}}}}');
SELECT workflow.start('anew') AS p \gset
RESET ROLE;
WITH gone AS (DELETE FROM workflow.timer WHERE process = :'p' RETURNING *)
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, state, sqlstate, message)
SELECT process, s, now(), due, 1, true, event, name, state, 'P0001', 'no' FROM gone, unnest(ARRAY[seq, nextval('workflow.timer_seq_seq')]) s;
SET ROLE regress_app;
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 2::bigint, 'a timer was given up twice');
SELECT is(workflow.resume(:'p'), true, 'it is resumed');
SELECT is((SELECT array_agg(name) FROM workflow.timers WHERE process = :'p'), '{1 day}', 'and goes off once');

\set end :srcdir '/end.psql'
\i :end
