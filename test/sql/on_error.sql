\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- How on_error is written; what it does, in executors, is for the TAP tests.
CREATE FUNCTION app.policy(policy text) RETURNS text[] LANGUAGE sql AS
    $$ SELECT faults(format('{"id": "x", "initial": "a", "on_error": %s, "states": {"a": {}, "b": {}}}', policy)) $$;
CREATE FUNCTION app.canonical(policy text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v int := workflow.define(format('{"id": "x", "initial": "a", "on_error": %s, "states": {"a": {}, "b": {}}}', policy)::json);
BEGIN
    RETURN concat_ws(' ', chart -> 'on_error', chart -> 'on') FROM workflow.definitions WHERE name = 'x' AND version = v;
END
$$;
SELECT is(policy('{}'), ARRAY['no error'], 'on_error may say nothing');
SELECT is(policy('[]'), ARRAY['$.on_error: must be of type object, not array'], 'it is an object');
SELECT is(policy('{"retries": []}'), ARRAY['$.on_error.retries: unknown key "retries"'], 'with known keys');
SELECT is(policy('{"retry": [{"errors": ["*"]}, {"errors": "23"}, {"errors": ["23505", "P0001"], "intervalSeconds": 0.5, "maxAttempts": 0, "backoffRate": 1.5, "maxDelaySeconds": 60, "jitter": "none"}]}'),
    ARRAY['no error'], 'retry: a list');
SELECT is(policy('{"retry": {"errors": ["unique_violation", "235", "a"]}}'),
    ARRAY['$.on_error.retry.errors[0]: "unique_violation" is not an error code (Write an SQLSTATE ("23505"), a class ("23") or "*".)',
          '$.on_error.retry.errors[1]: "235" is not an error code (Write an SQLSTATE ("23505"), a class ("23") or "*".)',
          '$.on_error.retry.errors[2]: "a" is not an error code (Write an SQLSTATE ("23505"), a class ("23") or "*".)'], 'retry: errors');
SELECT is(policy('{"retry": {}}'), ARRAY['$.on_error.retry: "errors" is missing (Write "*" for all errors.)'], 'retry: which errors');
SELECT is(policy('{"retry": {"errors": "*", "intervalSeconds": -1, "maxAttempts": -1, "backoffRate": 0.5, "maxDelaySeconds": "1", "jitter": "half"}}'),
    ARRAY['$.on_error.retry.intervalSeconds: must be between 0 and 3.1536e+10', '$.on_error.retry.maxAttempts: must be between 0 and 1e+15',
          '$.on_error.retry.backoffRate: must be between 1 and 1000', '$.on_error.retry.maxDelaySeconds: must be of type number, not string',
          '$.on_error.retry.jitter: must be "none" or "full"'], 'retry: numbers');
SELECT is(policy('{"then": "error"}') || policy('{"then": "terminate"}') || policy('{"then": {"event": "failed"}}') || policy('{"then": {"event": "error.step"}}') || policy('{"then": {"target": "b"}}'),
    array_fill('no error'::text, ARRAY[5]), 'then');
SELECT is(policy('{"then": "explode"}'), ARRAY['$.on_error.then: must be "error", "terminate", {"event": ...} or {"target": ...}'], 'then: a word');
SELECT is(policy('{"then": {"event": "error.execution"}}'), ARRAY['$.on_error.then.event: names that begin with "error." are the engine''s own (Use "error.step" or a name of your own.)'], 'then: an event');
SELECT is((policy('{"then": {"target": "c"}}'))[1] LIKE '$.on\_error.then.target: %', true, 'then: a target');
SELECT is(policy('{"then": {"target": "b", "allow": "x"}}'), ARRAY['$.on_error.then.allow: an event that nobody sends cannot have "allow" (Use a guard.)'], 'then: nobody sends it');
SELECT is(canonical('{"retry": {"errors": "*"}, "then": {"target": "b"}}'), '{"retry":{"errors":"*"},"then":{"event":"error.step"}} {"error.step":[{"target":["#b"]}]}',
    'in the canonical form a target is a transition of the root');

SELECT is(policy('{"retry": [{"errors": "*", "maxAttempts": 99999999}, {"errors": "*", "maxAttempts": "unlimited"}, {"errors": "*", "maxAttempts": 32001}]}'),
    ARRAY['no error'], 'retry: without end, or as ASL writes it');
SELECT is(policy('{"retry": {"errors": "*", "maxAttempts": 1e16}}'), ARRAY['$.on_error.retry.maxAttempts: must be between 0 and 1e+15'], 'retry: there is an end to numbers');
SELECT is(policy('{"retry": {"errors": "*", "maxAttempts": "for ever"}}'),
    ARRAY['$.on_error.retry.maxAttempts: "for ever" is not a number of attempts (Write a number, or "unlimited".)'], 'retry: there is one word');

-- In states and transitions.
CREATE FUNCTION app.canonical_of(definition text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v int := workflow.define(definition::json);
    d record;
BEGIN
    SELECT * INTO d FROM workflow.definitions WHERE name = definition::json ->> 'id' AND version = v;
    IF workflow.define(d.chart) <> v THEN
        RAISE 'the canonical form is another definition';
    END IF;
    RETURN d.chart #> path::text[];
END
$$;
SELECT is(canonical_of('{"id": "s", "initial": "a", "states": {"a": {"step_timeout": "1 s", "on_error": {"retry": {"errors": "*"}, "then": {"target": "b"}}, "on": {"x": {"target": "b", "step_timeout": null,
        "on_error": {"then": {"target": "c", "guard": true, "on_error": {"then": "error"}}}}, "y": {"on_error": {"then": {"target": "b"}}}}}, "b": {}, "c": {}}}', '{states,a}'),
    '{"step_timeout":"1 s","on_error":{"retry":{"errors":"*"},"then":{"event":"error.step.a"}},"on":{"x":[{"target":["#b"],"step_timeout":null,"on_error":{"then":{"event":"error.step.a.#2"}}}],"y":[{"on_error":{"then":{"event":"error.step.a.#3"}}}],"error.step.a":[{"target":["#b"]}],"error.step.a.#2":[{"target":["#c"],"on_error":{"then":"error"}}],"error.step.a.#3":[{"target":["#b"]}]}}',
    'a target is a transition of the state, for an event of its own');
SELECT is(canonical_of('{"id": "i", "initial": "a", "states": {"a": {"invoke": {"src": "s", "id": "k", "onError": {"target": "a", "on_error": {"then": "error"}}}, "onDone": null,
        "always": {"guard": false, "on_error": {}}, "after": {"1 s": {"on_error": {"retry": []}, "step_timeout": -1}}}}}', '{states,a}')::json #>> '{always,0,on_error}', '{}', 'under always, after and invoke, too');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"initial": {"target": "b", "on_error": {}}, "states": {"b": {}, "h": {"type": "history", "on_error": {"then": "error"}, "step_timeout": 1},
        "f": {"type": "final", "on_error": {"then": "error"}, "step_timeout": {"@expr": "1"}}}, "step_timeout": {"duration": "PT1H", "calendar": "c"}}}}'),
    ARRAY['$.states.a.step_timeout: "step_timeout" cannot be working time (Write a duration: "5 seconds".)', '$.states.a.initial.on_error: unknown key "on_error"',
          '$.states.a.states.h.on_error: state of type "history" cannot have "on_error"', '$.states.a.states.h.step_timeout: state of type "history" cannot have "step_timeout"',
          '$.states.a.states.f.on_error: state of type "final" cannot have "on_error"', '$.states.a.states.f.step_timeout: must be a constant'], 'where they cannot be');
SELECT is(canonical_of('{"id": "root", "initial": "a", "on_error": {"then": {"target": "a"}}, "step_timeout": -1, "states": {"a": {"on_error": {"then": {"event": "error.step"}}}}}', '{}')::jsonb - 'states',
    '{"id": "root", "initial": {"target": ["#a"]}, "step_timeout": null, "on_error": {"then": {"event": "error.step"}}, "on": {"error.step": [{"target": ["#a"]}]}}', 'the root is written as before');

-- step_timeout: the innermost counts, of the place where the code is written.
CREATE FUNCTION app.slow(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep(600) $$;
CREATE FUNCTION app.is_slow(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_sleep(600) IS NOT NULL $$;
-- that which is seen to have had time: it sleeps longer than the limits of others
CREATE FUNCTION app.nap(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep(0.06) $$;
CREATE FUNCTION app.limited(definition text, VARIADIC events text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid;
    e text;
BEGIN
    p := workflow.start(definition);
    FOREACH e IN ARRAY events LOOP
        PERFORM workflow.send(p, e);
    END LOOP;
    RETURN app.states(p);
EXCEPTION WHEN query_canceled THEN
    RETURN SQLERRM;
END
$$;
SELECT FROM workflow.define('{"id": "limits", "initial": "quick", "states": {
    "quick": {"step_timeout": "20 ms", "on": {"slow": {"actions": "slow"}, "nap": {"step_timeout": null, "actions": "nap"}, "guard": {"guard": "is_slow", "target": "free"},
                                              "go": "free", "to entry": "entry", "to limited": "limited", "plain": "plain"}},
    "free": {"on": {"nap": {"actions": "nap"}, "slow": {"step_timeout": 20, "actions": "slow"}, "loop": {"step_timeout": 20, "target": "plain"}}},
    "entry": {"step_timeout": 0, "entry": "nap"}, "limited": {"step_timeout": "0.02 s", "entry": "slow"}, "plain": {"entry": "slow", "initial": "p", "states": {"p": {}}}}}');
SELECT is(limited('limits', 'slow'), 'canceling step due to "step_timeout" of its definition', 'of a state');
SELECT is(limited('limits', 'guard'), 'canceling step due to "step_timeout" of its definition', 'for guards');
SELECT is(limited('limits', 'nap'), 'quick', 'of a transition, which has none');
SELECT is(limited('limits', 'go', 'nap'), 'free', 'only there');
SELECT is(limited('limits', 'go', 'slow'), 'canceling step due to "step_timeout" of its definition', 'of a transition alone');
SELECT is(limited('limits', 'to entry'), 'entry', 'of the state that is entered');
SELECT is(limited('limits', 'to limited'), 'canceling step due to "step_timeout" of its definition', 'which may be less');
SELECT is(limited('limits', 'plain'), 'canceling step due to "step_timeout" of its definition', 'a state that says nothing is entered in the time of where it came from');
SELECT is(limited('limits', 'go', 'loop'), 'canceling step due to "step_timeout" of its definition', 'or of the transition that leads there');

\set end :srcdir '/end.psql'
\i :end
