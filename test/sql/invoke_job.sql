\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set invoke :srcdir '/invoke.psql'
\i :begin
\i :invoke

-- States that invoke jobs. An outside worker ends the runs; races are in specs/, real
-- executors in t/invoke_job.pl.

-- What is wrong with an invoke.
CREATE FUNCTION app.wrong(invoke text) RETURNS text LANGUAGE sql AS $$
    SELECT (error(format('SELECT workflow.define(%L)', format('{"id": "f", "initial": "a", "states": {"a": {"invoke": %s}}}', invoke))))[3] $$;
CREATE FUNCTION app.states_of_runs(process uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(r.state, ' ' ORDER BY r.run) FROM workflow.runs r WHERE r.process = states_of_runs.process $$;

SELECT workflow.create_queue('desk') \g /dev/null
SELECT workflow.create_queue('fast') \g /dev/null
SELECT workflow.create_job('charge', queue => 'desk', parameters => '{"sum": {"type": "numeric", "check": "value > 0"}}', priority => 1) \g /dev/null

-- what define() says
SELECT is(wrong('{"job": "no"}'), '$.states.a.invoke: job "no" does not exist (Make it with workflow.create_job() first.)', 'a job must be there');
SELECT is(wrong(t.invoke), t.fault, t.invoke) FROM (VALUES
    ('{"job": ""}', '$.states.a.invoke: "job" is empty'),
    ('{"job": 5}', '$.states.a.invoke.job: must be of type string, not number'),
    ('{"job": "job:charge"}', $_$$.states.a.invoke.job: the name of a job has no ":"$_$),
    ('{"job": "charge", "src": "x"}', '$.states.a.invoke: invoke has "src" and "job"'),
    ('{"job": "charge", "queu": "x"}', '$.states.a.invoke.queu: unknown key "queu" (Did you mean "queue"?)'),
    ('{"job": "charge", "queue": 5}', '$.states.a.invoke.queue: must be of type string, not number'),
    ('{"job": "charge", "queue": "dsk"}', '$.states.a.invoke.queue: queue "dsk" does not exist (Make it with workflow.create_queue() first.)'),
    ('{"job": "charge", "queue": "job:no"}', '$.states.a.invoke.queue: queue "job:no" does not exist (Make it with workflow.create_queue() first.)'),
    ('{"job": "charge", "queue": ""}', '$.states.a.invoke.queue: "queue" is empty'),
    ('{"job": "charge", "partition": true}', '$.states.a.invoke.partition: must be of type string, not boolean'),
    ('{"job": "charge", "priority": 3}', '$.states.a.invoke.priority: must be an integer between -2 and 2'),
    ('{"job": "charge", "priority": 0.5}', '$.states.a.invoke.priority: must be an integer between -2 and 2'),
    ('{"job": "charge", "timeout": "soon"}', '$.states.a.invoke.timeout: "soon" is not a delay (Write milliseconds ("1000"), ISO 8601 ("PT30M"), an interval ("30 minutes"), or a name in the root''s `delays`.)'),
    ('{"job": "charge", "timeout": {"duration": "PT1H", "calendar": "c"}}', NULL),
    ('{"job": "charge", "retry": {"maxAttempts": 3}}', '$.states.a.invoke.retry: "errors" is missing (Write "*" for all errors.)'),
    ('{"job": "charge", "retry": [{"errors": "*", "maxAttempts": -1}]}', '$.states.a.invoke.retry[0].maxAttempts: must be between 0 and 1e+15'),
    ('{"job": "charge", "heartbeat": 5}', '$.states.a.invoke.heartbeat: a job has no "heartbeat" (A worker has a lease, which it extends with workflow.extend().)'),
    ('{"src": "f", "queue": "x"}', '$.states.a.invoke.queue: "queue" is for jobs'),
    ('{"src": "f", "priority": 1}', '$.states.a.invoke.priority: "priority" is for jobs')) t(invoke, fault) WHERE t.fault IS NOT NULL;
SELECT is((error(format('SELECT workflow.define(%L)', '{"id": "own", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "queue": "job:charge"}}}}')))[1], 'no error', 'a job has a queue of its own');
SELECT workflow.create_queue('passing') \g /dev/null
SELECT workflow.define('{"id": "passes", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "queue": "passing", "onDone": "b"}}, "b": {"type": "final"}}}') \g /dev/null
SELECT is((SELECT count(*) FROM workflow.lint('passes')), 0::bigint, 'a queue that is there');
SELECT workflow.drop_queue('passing') \g /dev/null
SELECT is((SELECT array_agg(concat_ws(' | ', rule, path, message, hint)) FROM workflow.lint('passes')),
    ARRAY['missing_queue | $.states.a.invoke.queue | queue "passing" does not exist | Make it with workflow.create_queue().'], 'and one that was dropped');
SELECT is(wrong('{"job": "' || repeat('x', 201) || '"}'), '$.states.a.invoke.job: the name of a job has at most 200 bytes', 'a name may be too long');
RESET ROLE;
SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.define(''{"id": "f", "initial": "a", "states": {"a": {"invoke": {"job": "charge"}}}}'')'))[3],
          '$.states.a.invoke: permission denied to run job "charge" (Its owner can allow it with workflow.grant_on(''job:NAME'', ..., ''run'').)', 'the author must be allowed to run it');
RESET ROLE;
SET ROLE regress_app;

SELECT FROM workflow.define('{
    "id": "order", "initial": "paying", "context": {"sum": 7},
    "states": {
        "paying": {
            "invoke": {"job": "charge", "id": "pay", "input": {"sum": {"@expr": "context->''sum''"}},
                       "onDone": {"target": "paid", "actions": {"type": "assign", "context": {"receipt": {"@expr": "event->''output''"}}}},
                       "onError": {"target": "failed", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''error''"}}}}},
            "on": {"withdraw": "withdrawn", "again": {"target": "paying", "reenter": true}}
        },
        "paid": {"type": "final"}, "failed": {}, "withdrawn": {"on": {"again": "paying"}}
    }}') \g /dev/null
SELECT is((SELECT (d.chart #> '{states,paying,invoke,0}')::jsonb - '{onDone,onError}'::text[] FROM workflow.definitions d WHERE d.name = 'order'),
          '{"id": "pay", "job": "charge", "input": {"sum": {"@expr": "context->''sum''"}}}', 'the canonical form');

-- done
SELECT workflow.start('order', actor => 'ann') AS p \gset
SELECT is((SELECT format('%s %s %s %s %s %s %s %s', job, state, queue, priority, params, started_by, actor, invoke) FROM workflow.runs WHERE process = :'p'),
          'charge waiting desk 1 {"sum": 7} regress_app ann pay', 'the run is made in the step, as the owner of the definition');
SELECT is((SELECT g.children -> 'pay' ->> 'run' FROM workflow.get(:'p') g)::uuid, (SELECT run FROM workflow.runs WHERE process = :'p'), 'the process shows it');
SELECT is(claimed(), '{"sum": 7}', 'a worker gets the input');
SELECT is(complete('{"no": 1}'), 1::bigint, 'and ends it');
SELECT is((SELECT format('%s %s', event, data) FROM workflow.timers WHERE process = :'p'), 'done.invoke.pay {"no": 1}', 'its end is an event of the process');
CALL run();
SELECT is(states(:'p') || ' ' || context(:'p'), 'paid {"sum": 7, "receipt": {"no": 1}}', 'which takes it');
SELECT is((SELECT children FROM workflow.get(:'p')), NULL, 'and has the run no more');
SELECT workflow.start('order') AS p \gset
SELECT claimed() \g /dev/null
SAVEPOINT s;
SELECT complete() \g /dev/null
ROLLBACK TO s;
CALL run();
SELECT is(states(:'p'), 'paying', 'what is rolled back was no end');
SELECT complete() \g /dev/null
CALL run();
SELECT is(context(:'p'), '{"sum": 7, "receipt": null}', 'a run may have no result');

-- not done
SELECT workflow.start('order') AS p \gset
SELECT claimed() \g /dev/null
SELECT is(failed('{"code": "card", "message": "declined"}', false), 'waiting', 'an attempt that fails is none of its business');
CALL run();
SELECT is(states(:'p'), 'paying', 'as long as others follow');
CALL clock('2030-01-01 00:01+00');
SELECT claimed() \g /dev/null
SELECT is(failed('{"code": "card", "message": "declined"}'), 'failed', 'the last one that fails');
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p') -> 'error' ->> 'code'), 'failed card', 'is an error of the process');
SELECT is((SELECT data ->> 'message' FROM workflow.process_history WHERE process = :'p' AND event = 'error.invoke.pay'), 'declined', 'which its history has');
SELECT workflow.start('order') AS p \gset
SELECT is((SELECT workflow.cancel_run(run) FROM workflow.runs WHERE process = :'p'), 'aborted', 'somebody cancels the run');
CALL run();
SELECT is(context(:'p') -> 'error', '{"code": "aborted", "message": "the run was cancelled"}', 'and the process hears of that');

-- without onError it waits until the run is mended
SELECT FROM workflow.define('{"id": "patient", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "id": "j", "onDone": "b"}}, "b": {"type": "final"}}}') \g /dev/null
SELECT workflow.start('patient') AS p \gset
SELECT claimed() \g /dev/null
SELECT failed('{"code": "x"}') \g /dev/null
CALL run();
SELECT is(states(:'p') || ' ' || story(:'p'), 'a workflow.start, error.invoke.j -', 'without onError the process waits');
SELECT is((SELECT workflow.retry_run(run) FROM workflow.runs WHERE process = :'p'), true, 'for somebody who has it done once more');
SELECT claimed() \g /dev/null
SELECT complete() \g /dev/null
CALL run();
SELECT is(states(:'p'), 'b', 'then it goes on');

-- what cannot be made
SELECT workflow.start('order', '{"sum": -1}') AS p \gset
SELECT is(states(:'p') || ' ' || (context(:'p') -> 'error' ->> 'code'), 'failed WF013', 'wrong parameters are an error of the process, in the same step');
SELECT is(states_of_runs(:'p'), NULL, 'and no run is made');
SELECT is((error('SELECT workflow.cancel(workflow.start(''patient''))'))[1], 'no error', 'parameters may be left out');
SELECT FROM workflow.define('{"id": "strict", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "input": {"sum": -1}}}}}') \g /dev/null
SELECT is((error('SELECT workflow.start(''strict'')'))[1], 'WF013', 'without onError the step fails');
SELECT FROM workflow.define('{"id": "list", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "input": {"@expr": "''[1]''::jsonb"}}}}}') \g /dev/null
SELECT is((error('SELECT workflow.start(''list'')'))[2], 'the input for "charge" at $.states.a.invoke[0] is not a JSON object', 'the input is an object');
SELECT workflow.create_queue('tight', max_waiting => 1, on_full => 'refuse') \g /dev/null
SELECT FROM workflow.define('{"id": "tight", "initial": "a", "context": {"queue": "tight"}, "states": {"a": {
    "invoke": {"job": "charge", "queue": {"@expr": "context->''queue''"}, "onError": {"target": "b", "actions": {"type": "assign", "context": {"e": {"@expr": "event->''error''->>''code''"}}}}}}, "b": {}}}') \g /dev/null
SELECT workflow.start('tight') AS p \gset
SELECT workflow.start('tight') AS q \gset
SELECT is(states(:'p') || ' ' || states(:'q') || ' ' || (context(:'q') ->> 'e'), 'a b WF011', 'a queue may be full');
SELECT workflow.start('tight', '{"queue": "none"}') AS p \gset
SELECT is(context(:'p') ->> 'e', 'WF010', 'or not be there');
SELECT is((error('SELECT workflow.start(''tight'', ''{"queue": 5}'')'))[2], '"queue" of the job at $.states.a.invoke[0] is not a string', 'it is a string');

-- what the invoke says of the run
SELECT FROM workflow.define('{"id": "told", "initial": "a", "context": {"customer": "c1", "urgent": 2}, "delays": {"short": "10 minutes"}, "states": {"a": {
    "invoke": {"job": "charge", "queue": "fast", "priority": {"@expr": "context->''urgent''"}, "partition": {"@expr": "context->>''customer''"}, "timeout": "short",
               "retry": {"errors": ["busy"], "maxAttempts": 1, "intervalSeconds": 60}, "onDone": "b", "onError": "c"}}, "b": {}, "c": {}}}') \g /dev/null
SELECT is((SELECT (d.chart #> '{states,a,invoke,0}')::jsonb - '{onDone,onError}'::text[] FROM workflow.definitions d WHERE d.name = 'told'),
          '{"id": "a.0", "job": "charge", "queue": "fast", "retry": {"errors": ["busy"], "maxAttempts": 1, "intervalSeconds": 60}, "timeout": "short",
            "priority": {"@expr": "context->''urgent''"}, "partition": {"@expr": "context->>''customer''"}}', 'all of it is in the canonical form');
SELECT workflow.start('told') AS p \gset
SELECT is((SELECT format('%s %s %s', queue, priority, partition) FROM workflow.runs WHERE process = :'p'), 'fast 2 c1', 'queue, priority, partition');
SELECT claimed('fast') \g /dev/null
SELECT is((SELECT deadline::text FROM app.mine), '2030-01-01 00:11:00+00', 'a timeout');
SELECT is(failed('{"code": "busy"}', false), 'waiting', 'retries');
CALL clock('2030-01-01 00:02+00');
SELECT claimed('fast') \g /dev/null
SELECT is(failed('{"code": "busy"}', false), 'failed', 'so many');
CALL run();
SELECT is(states(:'p'), 'c', 'are in place of those of the job');
SELECT workflow.start('told', '{"urgent": 9}') AS p \gset
SELECT is(states(:'p'), 'c', 'a priority may be wrong');

-- the state is left
SELECT workflow.start('order') AS p \gset
SELECT FROM workflow.send(:'p', 'withdraw');
SELECT is(states_of_runs(:'p'), 'aborted', 'a run that waits is cancelled with its state');
SELECT workflow.start('order') AS p \gset
SELECT claimed() \g /dev/null
SELECT FROM workflow.send(:'p', 'withdraw');
SELECT is(states_of_runs(:'p'), 'running', 'one that runs goes on, until it is told');
SELECT is(complete('{"no": 2}'), 1::bigint, 'it may end first');
SELECT is((SELECT count(*) FROM workflow.timers WHERE process = :'p'), 0::bigint, 'which the process does not hear any more');
SELECT workflow.start('order') AS p \gset
SELECT claimed() \g /dev/null
SELECT complete('{"no": 2}') \g /dev/null
SELECT FROM workflow.send(:'p', 'withdraw');
SELECT FROM workflow.send(:'p', 'again');
CALL run();
SELECT is(story(:'p'), 'workflow.start, withdraw, again, done.invoke.pay -', 'an end that comes late is ignored');
SELECT is(states(:'p') || ' ' || states_of_runs(:'p'), 'paying finished waiting', 'and is not taken for that of the next run');
SELECT FROM workflow.send(:'p', 'again');
SELECT is(states_of_runs(:'p'), 'finished aborted waiting', 'who enters the state anew has a new run');
SELECT FROM workflow.cancel(:'p');
SELECT is(states_of_runs(:'p'), 'finished aborted aborted', 'the end of the process is the end of its runs');
SELECT workflow.start('order') AS p \gset
SELECT FROM workflow.erase(:'p', true);
SELECT is(states_of_runs(:'p'), NULL, 'its erasure leaves nothing of them');
SELECT FROM workflow.define('{"id": "loose", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "detached": true, "onDone": "c"}, "on": {"leave": "b"}}, "b": {}, "c": {}}}') \g /dev/null
SELECT workflow.start('loose') AS p \gset
SELECT FROM workflow.send(:'p', 'leave');
SELECT is(states_of_runs(:'p'), 'waiting', 'a detached one goes on');
SELECT claimed() \g /dev/null
SELECT complete() \g /dev/null
CALL run();
SELECT is(states(:'p') || ' ' || story(:'p'), 'b workflow.start, leave, done.invoke.a.0 -', 'and its process does not care');
SELECT FROM workflow.define('{"id": "passing", "initial": "a", "states": {"a": {"invoke": {"job": "charge"}, "always": "b"}, "b": {"on": {"go": {"target": "a"}}}}}') \g /dev/null
SELECT workflow.start('passing') AS p \gset
SELECT is(states_of_runs(:'p'), NULL, 'a state that is left in the same step has no run');

-- several, and events to them
SELECT FROM workflow.define('{"id": "two", "initial": "a", "states": {"a": {"entry": {"type": "send", "target": "#_one", "event": "hello"},
    "invoke": [{"job": "charge", "id": "one", "onDone": {"actions": {"type": "assign", "context": {"one": true}}}}, {"job": "charge", "id": "two"}],
    "on": {"error.communication": {"actions": {"type": "assign", "context": {"why": {"@expr": "event->''data''->>''reason''"}}}}}}}}') \g /dev/null
SELECT workflow.start('two') AS p \gset
SELECT is(states_of_runs(:'p') || ' ' || (context(:'p') ->> 'why'), 'waiting waiting a run takes no events', 'a state may have several runs; they take no events');
SELECT FROM workflow.cancel(:'p');

-- a try leaves nothing
SELECT is((SELECT array_agg(e.effect) FROM workflow.dry_run((workflow.start('passing')), 'go') d, jsonb_array_elements(d.effects) e(effect) WHERE e.effect ->> 'effect' IN ('invoked', 'stopped')),
          ARRAY['{"id": "a.0", "effect": "invoked", "job": "charge", "path": "$.states.a.invoke[0]"}', '{"id": "a.0", "effect": "stopped"}']::jsonb[], 'dry_run() shows the run');
SELECT workflow.start('order') AS p \gset
SELECT is((SELECT e.effect FROM workflow.dry_run(:'p', 'withdraw') d, jsonb_array_elements(d.effects) e(effect) WHERE e.effect ->> 'effect' = 'stopped'), '{"id": "pay", "effect": "stopped"}', 'and that it would be cancelled');
SELECT is(states_of_runs(:'p'), 'waiting', 'which it is not');
SELECT is((SELECT count(*) FROM workflow.dry_run(:'p', 'again')), 1::bigint, 'nor is one made');
SELECT is(states_of_runs(:'p'), 'waiting', 'by a try');
SELECT is((SELECT string_agg(format('%s %s', s.event, s.to_states), ', ') FROM workflow.simulate('order', '[{"done": "pay", "output": {"no": 5}}]') s), 'workflow.start {paying}, done.invoke.pay {paid}', 'in a simulation the script answers for it');
SELECT is((SELECT string_agg(format('%s %s', s.event, s.context -> 'error'), ', ') FROM workflow.simulate('order', '[{"error": "pay", "data": {"code": "x"}}]') s), 'workflow.start , error.invoke.pay {"code": "x"}', 'or fails');
SELECT FROM workflow.cancel(:'p');

-- migration
SELECT FROM workflow.define('{"id": "moving", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "id": "j", "onDone": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.start('moving') AS p \gset
SELECT FROM workflow.define('{"id": "moving", "initial": "a", "states": {"a": {"invoke": [{"job": "charge", "id": "j", "onDone": "c"}, {"job": "charge", "id": "k"}]}, "c": {}}}') \g /dev/null
SELECT is((SELECT count(*) FROM workflow.migrate(:'p')), 1::bigint, 'a process gets another version');
SELECT is(states_of_runs(:'p'), 'waiting waiting', 'its run goes on, and what is new is made');
SELECT FROM workflow.define('{"id": "moving", "initial": "a", "states": {"a": {"invoke": {"src": "patient", "id": "j", "onDone": "c"}}, "c": {}}}') \g /dev/null
SELECT is((SELECT count(*) FROM workflow.migrate(:'p')), 1::bigint, 'and another one');
SELECT is(states_of_runs(:'p'), 'aborted aborted', 'that invokes no jobs');
SELECT is((SELECT jsonb_typeof(children -> 'j') FROM workflow.get(:'p')), 'string', 'but a process by the same id');

-- rights
SELECT workflow.grant_on('job:charge', 'regress_clerk', 'run') \g /dev/null
SELECT workflow.grant_on('queue:desk', 'regress_clerk', 'use') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "guest", "initial": "a", "states": {"a": {"invoke": {"job": "charge", "id": "j", "onError": {"target": "b", "actions": {"type": "assign", "context": {"e": {"@expr": "event->''error''"}}}}}}, "b": {}}}') \g /dev/null
SELECT workflow.start('guest') AS p \gset
SELECT is((SELECT format('%s %s', state, started_by) FROM workflow.runs WHERE process = :'p'), 'waiting regress_clerk', 'who may run the job may have a state run it');
RESET ROLE;
SET ROLE regress_app;
SELECT is(claimed(), '{}', 'its worker is another one');
SELECT failed('{"code": "c", "message": "m", "detail": "secret"}') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
CALL run();
SELECT is((context(:'p') -> 'e') - 'at'::text, '{"code": "c", "message": "m"}', 'who may not read the job is not told all of its errors');
RESET ROLE;
SET ROLE regress_app;
SELECT workflow.revoke_on('job:charge', 'regress_clerk', 'run') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
SELECT workflow.start('guest') AS p \gset
SELECT is(context(:'p') -> 'e' ->> 'code', 'WF002', 'a right may be gone');
RESET ROLE;
SET ROLE regress_app;

-- how it is shown
SELECT ok(workflow.diagram('order') LIKE '%job charge%', 'a diagram has the job');
SELECT ok(workflow.export('order')::text LIKE '%"src":"charge"%', 'so has the export');
RESET ROLE;
SELECT is((SELECT string_agg(c::text, ', ') FROM workflow.check() c), NULL, 'all fits together');

-- erase() takes along what its runs were about
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "private", "initial": "a", "context": {"sum": 4711}, "states": {
    "a": {"invoke": {"job": "charge", "input": {"sum": {"@expr": "context->''sum''"}}, "onDone": "b"}}, "b": {"type": "final"}}}');
SELECT workflow.start('private') AS p \gset
SELECT is(claimed(), '{"sum": 4711}', 'a run has data of its process');
SELECT FROM app.mine m, workflow.write_log('info', 'charged 4711', run => m.run, fence => m.fence);
SELECT is(complete('4711'), 1::bigint, 'so has its result');
CALL run();
SELECT is((SELECT count(*) FROM workflow.runs WHERE params ->> 'sum' = '4711'), 1::bigint, 'which is kept');
SELECT FROM workflow.erase(:'p');
SELECT is((SELECT count(*) FROM workflow.runs WHERE params ->> 'sum' = '4711') + (SELECT count(*) FROM workflow.run_logs WHERE message ~ '4711'), 0::bigint,
          'until the process is erased');
SELECT workflow.start('private') AS p \gset
SELECT claimed() \g /dev/null
DELETE FROM app.mine WHERE params IS DISTINCT FROM '{"sum": 4711}';
SELECT FROM workflow.erase(:'p', true);
SELECT FROM app.mine m, workflow.write_log('info', 'charged 4711', run => m.run, fence => m.fence);
SELECT is(complete('4711'), 1::bigint, 'a run may be under way then');
SELECT is((SELECT count(*) FROM workflow.runs WHERE params ->> 'sum' = '4711') + (SELECT count(*) FROM workflow.run_logs WHERE message ~ '4711'), 0::bigint,
          'and nothing is kept of what it comes to');

\set end :srcdir '/end.psql'
\i :end
