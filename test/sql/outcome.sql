\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Ends that are a failure.
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"outcome": "failure"}, "b": {"type": "final", "outcome": "bad"}, "c": {"type": "final", "outcome": 1}, "d": {"type": "final", "outcome": "success"}}}'),
    ARRAY['$.states.a.outcome: state of type "atomic" cannot have "outcome"', '$.states.b.outcome: must be "success" or "failure"', '$.states.c.outcome: must be of type string, not number'], 'outcome is a word of final states');
SELECT is(faults('{"id": "x", "initial": "a", "outcome": "failure", "states": {"a": {}}}'), ARRAY['$.outcome: unknown key "outcome"'], 'not of the root');

SELECT FROM workflow.define('{"id": "child", "initial": "a", "context": {"n": 1}, "output": {"n": {"@expr": "context->''n''"}}, "states": {
    "a": {"exit": {"type": "note", "params": "exit a"}, "on": {"good": "good", "bad": "bad", "both": {"target": "bad"}}, "after": {"1 day": "a"}},
    "good": {"type": "final"}, "bad": {"type": "final", "outcome": "failure", "exit": {"type": "note", "params": "exit bad"}}}}');
SELECT is((SELECT chart #>> '{states,bad,outcome}' FROM workflow.definitions WHERE name = 'child'), 'failure', 'it is in the canonical form');
CREATE FUNCTION app.ends(definition text, VARIADIC events text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid := workflow.start(definition);
    e text;
    before text := (SELECT coalesce(outcome, 'none') FROM workflow.processes WHERE id = p);
BEGIN
    FOREACH e IN ARRAY events LOOP
        PERFORM workflow.send(p, e);
    END LOOP;
    RETURN before || (SELECT format(' %s %s %s %s', status, states, coalesce(outcome, 'none'), output) FROM workflow.processes WHERE id = p);
END
$$;
SELECT is(ends('child', 'good'), 'none finalized {good} success {"n": 1}', 'an end');
SELECT is(notes(), 'exit a', '');
SELECT is(ends('child', 'bad'), 'none finalized {bad} failure {"n": 1}', 'an end that is a failure');
SELECT is(notes(), 'exit a, exit bad', 'it is an end like any other');
SELECT workflow.start('child') AS p \gset
SELECT workflow.cancel(:'p') \g /dev/null
SELECT is((SELECT format('%s %s', status, coalesce(outcome, 'none')) FROM workflow.processes WHERE id = :'p'), 'terminated none', 'what was cancelled has none');
SELECT workflow.start('child') AS p \gset
SELECT workflow.set_states(:'p', '{bad}') \g /dev/null
SELECT is((SELECT array_agg(outcome) FROM (SELECT outcome FROM workflow.processes WHERE id = :'p' UNION ALL SELECT outcome FROM workflow.get(:'p')) o), '{failure,failure}', 'what was put there has failed');
SELECT is((SELECT array_agg(format('%s %s', states, outcome) ORDER BY states) FROM workflow.search('child', status => '{finalized}')), ARRAY['{bad} failure', '{bad} failure', '{good} success'], 'search() shows it');

-- nested, and parallel
SELECT FROM workflow.define('{"id": "inner", "initial": "a", "states": {"a": {"initial": "b", "onDone": "end", "states": {"b": {"on": {"x": "c"}}, "c": {"type": "final", "outcome": "failure"}}}, "end": {"type": "final"}}}');
SELECT is(ends('inner', 'x'), 'none finalized {end} success ', 'one that ends a part only says nothing about the whole');
SELECT is((SELECT array_agg(concat_ws(' ', path, rule)) FROM workflow.lint('inner')), ARRAY['$.states.a.states.c inner_failure'], 'lint() tells');
SELECT FROM workflow.define('{"id": "both", "type": "parallel", "states": {
    "a": {"initial": "a1", "states": {"a1": {"on": {"x": "a2"}}, "a2": {"type": "final", "outcome": "failure", "output": 1}}},
    "b": {"initial": "b1", "states": {"b1": {"on": {"y": "b2"}}, "b2": {"type": "final", "output": 2}}}}}');
SELECT is(ends('both', 'x', 'y'), 'none finalized {a.a2,b.b2} success 2', 'regions are parts, and the last one has the output');
SELECT FROM workflow.define('{"id": "flat", "type": "parallel", "states": {"a": {"type": "final", "outcome": "failure"}, "b": {"initial": "b1", "states": {"b1": {"on": {"y": "b2"}}, "b2": {"type": "final"}}}}}');
SELECT is(ends('flat', 'y'), 'none finalized {a,b.b2} failure ', 'a region that is a final state is one of the root');

-- for a parent
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {
    "a": {"invoke": {"src": "child", "id": "c", "onDone": "well", "onError": {"target": "ill", "actions": {"type": "assign", "context": {"event": {"@expr": "event - ''process'' - ''at'' - ''due'' - ''actor''"}}}}}},
    "well": {"type": "final"}, "ill": {}}}');
SELECT workflow.start('parent') AS p \gset
SELECT workflow.work() \g /dev/null
SELECT id AS c FROM workflow.processes WHERE parent = :'p' \gset
SELECT FROM workflow.send(:'c', 'bad');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.check()), 0::bigint, 'its end is on the way');
SET ROLE regress_app;
SELECT workflow.work() \g /dev/null
SELECT is((SELECT format('%s %s %s', states, context, children) FROM workflow.processes WHERE id = :'p'), '{ill} {"event": {"data": {"n": 1}, "type": "error.invoke.c", "error": {"n": 1}}} ', 'its parent gets error.invoke with the output as data and error, and is rid of it');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.check()), 0::bigint, 'and it has come');
SET ROLE regress_app;
SELECT workflow.start('parent') AS p \gset
SELECT workflow.work() \g /dev/null
SELECT id AS c FROM workflow.processes WHERE parent = :'p' \gset
SELECT FROM workflow.send(:'c', 'good');
SELECT workflow.work() \g /dev/null
SELECT is(states(:'p'), 'well', 'and done.invoke as ever');

\set end :srcdir '/end.psql'
\i :end
