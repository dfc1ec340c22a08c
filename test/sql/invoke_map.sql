\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set invoke :srcdir '/invoke.psql'
\i :begin
\i :invoke

-- States that invoke jobs and definitions for each element of an array. An outside worker
-- ends the runs.

-- Ends the run of one element.
CREATE FUNCTION app.complete_one(item jsonb, result jsonb DEFAULT NULL) RETURNS boolean LANGUAGE sql AS
    $$ SELECT workflow.complete(m.run, m.fence, result) FROM app.mine m WHERE m.params -> 'item' = item $$;
CREATE FUNCTION app.fail_one(item jsonb, error jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT workflow.fail(m.run, m.fence, error, final => true) FROM app.mine m WHERE m.params -> 'item' = item $$;
CREATE FUNCTION app.wrong(invoke text) RETURNS text LANGUAGE sql AS $$
    SELECT (error(format('SELECT workflow.define(%L)', format('{"id": "f", "initial": "a", "states": {"a": {"invoke": %s}}}', invoke))))[3] $$;
CREATE FUNCTION app.map(process uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT format('%s of %s begun, %s running, %s failed', m ->> 'next', m ->> 'of', m ->> 'running', m ->> 'failed')
       FROM workflow.get(process) g, LATERAL (SELECT g.children -> 'm') x (m) $$;
CREATE FUNCTION app.states_of_runs(process uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(r.state, ' ' ORDER BY r.run) FROM workflow.runs r WHERE r.process = states_of_runs.process $$;
RESET ROLE;
CREATE FUNCTION app.elements() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM workflow.element $$;
SET ROLE regress_app;

SELECT workflow.create_queue('desk') \g /dev/null
SELECT workflow.create_job('pack', queue => 'desk') \g /dev/null
SELECT workflow.create_job('sum', queue => 'desk', parameters => '{"item": {"type": "int", "check": "value > 0"}}') \g /dev/null

-- what define() says
SELECT is(wrong(t.invoke), t.fault, t.invoke) FROM (VALUES
    ('{"job": "pack", "map": 5}', '$.states.a.invoke.map: must be of type object, not number'),
    ('{"job": "pack", "map": {}}', '$.states.a.invoke.map: map has no "over" (Write an array, or {"@expr": ...}.)'),
    ('{"job": "pack", "map": {"over": "x"}}', '$.states.a.invoke.map.over: must be of type array, not string'),
    ('{"job": "pack", "map": {"over": {"a": 1}}}', '$.states.a.invoke.map.over: must be of type array, not object'),
    ('{"job": "pack", "map": {"over": [], "at": 5}}', '$.states.a.invoke.map.at: unknown key "at" (Did you mean "as"?)'),
    ('{"job": "pack", "map": {"over": [], "as": ""}}', '$.states.a.invoke.map.as: "" cannot name the element'),
    ('{"job": "pack", "map": {"over": [], "as": "index"}}', '$.states.a.invoke.map.as: "index" cannot name the element'),
    ('{"job": "pack", "map": {"over": [], "concurrency": 0}}', '$.states.a.invoke.map.concurrency: must be an integer, at least 1'),
    ('{"job": "pack", "map": {"over": [], "concurrency": 1.5}}', '$.states.a.invoke.map.concurrency: must be an integer, at least 1'),
    ('{"job": "pack", "map": {"over": [], "tolerate": -1}}', '$.states.a.invoke.map.tolerate: must be an integer, at least 0'),
    ('{"job": "pack", "map": {"over": [], "tolerate": "all"}}', '$.states.a.invoke.map.tolerate: must be of type number, not string'),
    ('{"map": {"over": []}}', '$.states.a.invoke: invoke has no "src" (Name a definition or a job.)')) t(invoke, fault);

SELECT FROM workflow.define('{
    "id": "parcel", "initial": "packing", "context": {"items": ["a", "b", "c", "d"], "box": 7},
    "states": {
        "packing": {
            "invoke": {"job": "pack", "id": "m", "input": {"box": {"@expr": "context->''box''"}, "item": "none"},
                       "map": {"over": {"@expr": "context->''items''"}, "as": "item", "concurrency": 2},
                       "onDone": {"target": "packed", "actions": {"type": "assign", "context": {"all": {"@expr": "event->''output''"}, "failures": {"@expr": "event->''data''"}}}},
                       "onError": {"target": "broken", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''error''"}}}}},
            "on": {"stop": "stopped", "again": {"target": "packing", "reenter": true}}
        },
        "packed": {"type": "final"}, "broken": {}, "stopped": {}
    }}') \g /dev/null
SELECT is((SELECT d.chart #> '{states,packing,invoke,0,map}' FROM workflow.definitions d WHERE d.name = 'parcel')::jsonb,
          '{"as": "item", "over": {"@expr": "context->''items''"}, "concurrency": 2}', 'the canonical form');

-- so many at once, results in order
SELECT workflow.start('parcel') AS p \gset
SELECT is(map(:'p'), '2 of 4 begun, 2 running, 0 failed', 'as many begin as may');
SELECT is(claimed(), '{"box": 7, "item": "a", "index": 0} {"box": 7, "item": "b", "index": 1}', 'each has the input, the element, and its number');
SELECT complete_one('"b"', '"B"') \g /dev/null
CALL run();
SELECT is(map(:'p') || '; ' || story(:'p'), '3 of 4 begun, 2 running, 0 failed; workflow.start', 'where one ends the next begins, and the states hear nothing');
SELECT complete_one('"a"', '"A"') \g /dev/null
CALL run();
SELECT is(claimed(), '{"box": 7, "item": "c", "index": 2} {"box": 7, "item": "d", "index": 3}', 'the others');
SELECT is(complete('"X"'), 2::bigint, 'end at the same time');
SELECT is(workflow.work(1), 1, 'one of them is not the last');
SELECT is(states(:'p'), 'packing', 'so nothing happens');
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') ->> 'all'), 'packed ["A", "B", "X", "X"]', 'the last one is the end of all: results are in the order of the elements');
SELECT is(context(:'p') -> 'failures', 'null', 'without failures');
SELECT is(story(:'p'), 'workflow.start, done.invoke.m', 'one event tells of it');
SELECT is(elements(), 0::bigint, 'nothing is left of the elements');

-- none at all
SELECT workflow.start('parcel', '{"items": []}') AS p \gset
SELECT is(states(:'p') || ' ' || (context(:'p') ->> 'all'), 'packed []', 'an empty list is done at once');
SELECT is((error('SELECT workflow.start(''parcel'', ''{"items": 5}'')'))[1:2]::text, '{22023,"\"over\" of the map at $.states.packing.invoke[0] is not an array"}', 'what is no list is an error');

-- failures
SELECT workflow.start('parcel') AS p \gset
SELECT claimed() \g /dev/null
SELECT fail_one('"b"', '{"code": "torn", "message": "it is torn"}') \g /dev/null
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') -> 'error' ->> 'code') || ' ' || (context(:'p') -> 'error' ->> 'index'), 'broken torn 1', 'the first failure is one too many');
SELECT is(states_of_runs(:'p'), 'running failed', 'no other begins');
SELECT is(complete_one('"a"', '"A"'), true, 'the end of one that was under way');
CALL run();
SELECT is(story(:'p'), 'workflow.start, error.invoke.m', 'is not heard');
SELECT is(elements(), 0::bigint, 'nothing is left of the elements');
SELECT FROM workflow.define('{
    "id": "lenient", "initial": "a", "context": {"items": [1, 2, 3]},
    "states": {"a": {"invoke": {"job": "sum", "id": "m", "map": {"over": {"@expr": "context->''items''"}, "tolerate": 1},
                "onDone": {"target": "b", "actions": {"type": "assign", "context": {"all": {"@expr": "event->''output''"}, "failures": {"@expr": "event->''data''"}}}},
                "onError": {"target": "c", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''error''"}}}}}},
               "b": {}, "c": {}}}') \g /dev/null
SELECT workflow.start('lenient') AS p \gset
SELECT is(claimed(), '{"item": 1} {"item": 2} {"item": 3}', 'all at once; a job that does not know the number does not get it');
SELECT fail_one('2', '{"code": "x"}') \g /dev/null
CALL run();
SELECT is(map(:'p'), '3 of 3 begun, 2 running, 1 failed', 'a failure may be tolerated');
SELECT complete_one('1', '10'), complete_one('3', '30') \g /dev/null
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') ->> 'all'), 'b [10, null, 30]', 'it has no result');
SELECT is((context(:'p') #> '{failures,0,error}') - 'at'::text, '{"code": "x"}', 'and is told');
SELECT workflow.start('lenient') AS p \gset
SELECT claimed() \g /dev/null
SELECT fail_one('2', '{"code": "x"}'), fail_one('1', '{"code": "y"}') \g /dev/null
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') -> 'error' ->> 'code'), 'c y', 'the first failure beyond that is the error');
SELECT workflow.start('lenient', '{"items": [1, -2, 3]}') AS p \gset
SELECT is(map(:'p'), '3 of 3 begun, 2 running, 1 failed', 'an element may not be able to begin');
SELECT FROM workflow.cancel(:'p');
SELECT workflow.start('lenient', '{"items": [1, -2, -3, 4]}') AS p \gset
SELECT is(states(:'p') || ' ' || (context(:'p') -> 'error' ->> 'code') || ' ' || (context(:'p') -> 'error' ->> 'index'), 'c WF013 2', 'too many of those are an error at once');
SELECT is(states_of_runs(:'p'), NULL, 'and what has begun in the same step is not made');
SELECT workflow.start('lenient', '{"items": [-1]}') AS p \gset
SELECT is(states(:'p') || ' ' || (context(:'p') ->> 'all'), 'b [null]', 'all may fail, if that is tolerated');

-- without onError it waits until they are mended
SELECT FROM workflow.define('{"id": "patient", "initial": "a", "states": {"a": {"invoke": {"job": "sum", "id": "m", "map": {"over": [1, 2], "concurrency": 1}, "onDone": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.start('patient') AS p \gset
SELECT claimed() \g /dev/null
SELECT failed('{"code": "x"}') \g /dev/null
CALL run();
SELECT is(states(:'p') || ', ' || story(:'p') || ', ' || map(:'p'), 'a, workflow.start, error.invoke.m -, 1 of 2 begun, 0 running, 1 failed', 'without onError the process waits');
SELECT is((SELECT workflow.retry_run(run) FROM workflow.runs WHERE process = :'p'), true, 'for somebody who has it done once more');
SELECT claimed() \g /dev/null
SELECT complete() \g /dev/null
CALL run();
SELECT is(map(:'p'), '2 of 2 begun, 1 running, 0 failed', 'then the others follow');
SELECT claimed() \g /dev/null
SELECT complete() \g /dev/null
CALL run();
SELECT is(states(:'p'), 'b', 'to the end');
SELECT FROM workflow.define('{"id": "strict", "initial": "a", "states": {"a": {"invoke": {"job": "sum", "map": {"over": [-1]}}}}}') \g /dev/null
SELECT is((error('SELECT workflow.start(''strict'')'))[1:2]::text, '{WF013,"parameter \"item\" of job \"sum\" violates its check"}', 'what cannot begin is an error then');

-- the state is left
SELECT workflow.start('parcel') AS p \gset
SELECT FROM workflow.send(:'p', 'stop');
SELECT is(states_of_runs(:'p') || ' ' || elements(), 'aborted aborted 0', 'all are cancelled with their state');
SELECT workflow.start('parcel') AS p \gset
SELECT claimed() \g /dev/null
SELECT complete_one('"a"', '"A"') \g /dev/null
SELECT FROM workflow.send(:'p', 'again');
CALL run();
SELECT is(map(:'p') || ' ' || story(:'p'), '2 of 4 begun, 2 running, 0 failed workflow.start, again, done.invoke.m -', 'an end that comes late is ignored');
SELECT FROM workflow.cancel(:'p');
SELECT is(elements(), 0::bigint, 'nothing is left');
SELECT workflow.start('parcel') AS p \gset
SELECT FROM workflow.erase(:'p', true);
SELECT is(COALESCE(states_of_runs(:'p'), 'none') || ' ' || elements(), 'none 0', 'nor after an erasure, which takes its runs, too');

-- processes
SELECT FROM workflow.define('{"id": "box", "initial": "a", "context": {"item": null}, "output": {"@expr": "context->''item''"}, "states": {
    "a": {"entry": {"type": "send", "target": "#_parent", "event": {"type": "hello", "data": {"@expr": "context->''item''"}}}, "on": {"close": "b", "burn": "c"}}, "b": {"type": "final"}, "c": {"type": "final", "outcome": "failure"}}}') \g /dev/null
SELECT FROM workflow.define('{"id": "shelf", "initial": "a", "context": {"n": 0}, "states": {
    "a": {"invoke": {"src": "box", "id": "m", "map": {"over": ["x", "y", "z"], "concurrency": 2},
                     "onDone": {"target": "b", "actions": {"type": "assign", "context": {"all": {"@expr": "event->''output''"}}}},
                     "onError": {"target": "c", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''error''"}}}}},
          "on": {"hello": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}, "leave": "d"}}, "b": {}, "c": {}, "d": {}}}') \g /dev/null
SELECT workflow.start('shelf') AS p \gset
CALL run();
SELECT is(map(:'p') || ' ' || (context(:'p') ->> 'n'), '2 of 3 begun, 2 running, 0 failed 2', 'elements may be processes, which send to their parent');
SELECT is((SELECT string_agg(context::text, ' ' ORDER BY context::text) FROM workflow.processes WHERE parent = :'p'), '{"item": "x", "index": 0} {"item": "y", "index": 1}', 'each has its element');
SELECT FROM workflow.processes c, workflow.send(c.id, 'close') WHERE c.parent = :'p';
CALL run();
SELECT FROM workflow.processes c, workflow.send(c.id, 'close') WHERE c.parent = :'p' AND c.status = 'idled';
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') ->> 'all') || ' ' || (context(:'p') ->> 'n'), 'b ["x", "y", "z"] 3', 'their outputs are the result');
SELECT workflow.start('shelf') AS p \gset
CALL run();
SELECT FROM workflow.processes c, workflow.send(c.id, 'burn') WHERE c.parent = :'p' AND c.context ->> 'item' = 'y';
CALL run();
SELECT is(states(:'p') || ' ' || (SELECT string_agg(status::text, ' ' ORDER BY context::text) FROM workflow.processes WHERE parent = :'p'), 'c terminated finalized', 'an end that is a failure is one');
SELECT workflow.start('shelf') AS p \gset
CALL run();
SELECT FROM workflow.send(:'p', 'leave');
CALL run();
SELECT is((SELECT string_agg(status::text, ' ') FROM workflow.processes WHERE parent = :'p'), 'terminated terminated', 'they end with their state');
SELECT workflow.start('shelf') AS p \gset
SELECT FROM workflow.send(:'p', 'leave');
CALL run();
SELECT is((SELECT string_agg(status::text, ' ') FROM workflow.processes WHERE parent = :'p'), 'terminated terminated', 'also before they have started');

-- a try leaves nothing
SELECT workflow.start('parcel') AS p \gset
SELECT is((SELECT e.effect FROM workflow.dry_run(:'p', 'again') d, jsonb_array_elements(d.effects) e(effect) WHERE e.effect ->> 'effect' = 'invoked'),
          '{"id": "m", "job": "pack", "over": ["a", "b", "c", "d"], "path": "$.states.packing.invoke[0]", "input": {"box": 7, "item": "none"}, "effect": "invoked"}', 'dry_run() shows the map');
SELECT is(map(:'p') || ' ' || states_of_runs(:'p'), '2 of 4 begun, 2 running, 0 failed waiting waiting', 'and leaves the real one alone');
SELECT is((SELECT string_agg(format('%s %s', s.event, s.to_states), ', ') FROM workflow.simulate('parcel', '[{"done": "m", "output": [1, 2]}]') s), 'workflow.start {packing}, done.invoke.m {packed}', 'in a simulation the script answers for all');
SELECT is((SELECT string_agg(format('%s %s', s.event, s.to_states), ', ') FROM workflow.simulate('parcel', '[]', input => '{"items": []}') s), 'workflow.start {packed}', 'an empty list is done there, too');

-- migration
SELECT FROM workflow.define('{"id": "parcel", "initial": "packing", "states": {"packing": {"invoke": {"job": "sum", "id": "m", "map": {"over": [], "as": "x"}, "onDone": "packed"}}, "packed": {}}}') \g /dev/null
SELECT is((workflow.migrate(:'p')).to_version, 2, 'a process gets another version');
SELECT is(map(:'p'), '2 of 4 begun, 2 running, 0 failed', 'its map goes on');
SELECT claimed() \g /dev/null
SELECT complete_one('"a"') \g /dev/null
CALL run();
SELECT is(map(:'p'), '3 of 4 begun, 1 running, 1 failed', 'with the job of the new version');
SELECT FROM workflow.define('{"id": "parcel", "initial": "packing", "states": {"packing": {"invoke": {"job": "pack", "id": "m", "onDone": "packed"}}, "packed": {}}}') \g /dev/null
SELECT is((workflow.migrate(:'p')).to_version, 3, 'and one without a map');
SELECT is(elements(), 0::bigint, 'which ends it');
SELECT FROM workflow.define('{"id": "parcel", "initial": "packing", "states": {"packing": {"invoke": {"job": "pack", "id": "m", "map": {"over": []}, "onDone": "packed"}}, "packed": {}}}') \g /dev/null
SELECT is((workflow.migrate(:'p')).to_version, 4, 'and one with an empty list');
CALL run();
SELECT is(states(:'p'), 'packed', 'which is done');

-- many
SELECT workflow.start('parcel', version => 1, input => jsonb_build_object('items', (SELECT jsonb_agg(i) FROM generate_series(1, 300) i))) AS p \gset
DO $$ BEGIN
    FOR i IN 1..300 LOOP
        EXIT WHEN claimed() = '';
        PERFORM complete(to_jsonb(i));
        CALL run();
    END LOOP;
END $$;
SELECT is(states(:'p') || ' ' || jsonb_array_length(context(:'p') -> 'all'), 'packed 300', 'a list may be long');
SELECT ok(workflow.diagram('parcel', 1) LIKE '%job pack for each item%', 'a diagram has the map');
RESET ROLE;
SELECT is((SELECT string_agg(c::text, ', ') FROM workflow.check() c), NULL, 'all fits together');

\set end :srcdir '/end.psql'
\i :end
