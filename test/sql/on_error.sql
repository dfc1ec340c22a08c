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
SELECT is(policy('{"retry": {"errors": "*", "intervalSeconds": -1, "maxAttempts": 100000, "backoffRate": 0.5, "maxDelaySeconds": "1", "jitter": "half"}}'),
    ARRAY['$.on_error.retry.intervalSeconds: must be between 0 and 3.1536e+10', '$.on_error.retry.maxAttempts: must be between 0 and 32000',
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

\set end :srcdir '/end.psql'
\i :end
