\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Whatever is due now, until nothing is left to do.
CREATE PROCEDURE run() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..100 LOOP
        EXIT WHEN workflow.work(100) = 0;
    END LOOP;
END
$$;
CREATE FUNCTION child(parent uuid, invoke text) RETURNS uuid LANGUAGE sql AS
    $$ SELECT (g.children->>child.invoke)::uuid FROM workflow.get(child.parent) g $$;
CREATE FUNCTION story(process uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(event || CASE WHEN taken THEN '' ELSE ' (ignored)' END, ', ' ORDER BY step)
    FROM workflow.process_history h WHERE h.process = story.process
$$;

-- input, output, onDone
SELECT FROM workflow.define('{"id": "credit", "initial": "checking", "context": {"limit": {"@expr": "(context->>''amount'')::int * 2"}},
    "output": {"limit": {"@expr": "context->''limit''"}, "why": {"@expr": "event->''output''"}},
    "states": {
        "checking": {"on": {"ok": "good"}, "exit": {"type": "note", "params": "child left"}},
        "good": {"type": "final", "output": "checked"}}}');
SELECT FROM workflow.define('{"id": "loan", "initial": "checking", "context": {"amount": 5}, "states": {
    "checking": {
        "invoke": {"id": "check", "src": "credit", "input": {"amount": {"@expr": "context->''amount''"}},
                   "onDone": {"target": "decided", "actions": {"type": "assign", "context": {"result": {"@expr": "event->''output''"}}}}},
        "on": {"withdraw": "over"}},
    "decided": {}, "over": {}}}');
SELECT workflow.start('loan') AS p \gset
SELECT child(:'p', 'check') AS c \gset
SELECT is((SELECT format('%s %s %s %s', status, parent = :'p', invoke, context) FROM workflow.get(:'c')), 'initialized t check {}',
    'the child of a state is made when the step ends');
CALL run();
SELECT is(status(:'c') || ' ' || states(:'c'), 'idled checking', 'and starts by itself');
SELECT is(context(:'c'), '{"amount": 5, "limit": 10}', 'with its input laid over its context');
SELECT is((SELECT started_by FROM workflow.processes WHERE id = :'c'), 'regress_app', 'on behalf of the parent''s owner');
SELECT is((SELECT format('%s %s', taken, status) FROM workflow.send(:'c', 'ok')), 't finalized', 'it is a process like any other');
SELECT is((SELECT output FROM workflow.get(:'c')), '{"limit": 10, "why": "checked"}', 'the output of the root sees that of the final state');
CALL run();
SELECT is(states(:'p'), 'decided', 'its end is an event of its parent');
SELECT is(context(:'p')->'result', '{"limit": 10, "why": "checked"}', 'with its output');
SELECT is((SELECT children FROM workflow.get(:'p')), NULL, 'who has ended is no child any more');
SELECT is(story(:'p'), 'workflow.start, done.invoke.check', 'the parent''s history');
SELECT is(notes(), 'child left', 'the child left its states once');

-- cancelled with the state
SELECT workflow.start('loan') AS p \gset
SELECT child(:'p', 'check') AS c \gset
CALL run();
SELECT FROM workflow.send(:'p', 'withdraw');
SELECT is(status(:'c'), 'idled', 'a step does not touch another process');
CALL run();
SELECT is((SELECT format('%s %s', status, states) FROM workflow.get(:'c')), 'terminated {}', 'a child is cancelled when its state is left');
SELECT is(notes(), 'child left', 'its exit actions run');
SELECT is(story(:'c'), 'workflow.start, workflow.cancel', 'its history says so');
SELECT is(story(:'p'), 'workflow.start, withdraw', 'and its parent is told nothing');

-- before it has started
SELECT workflow.start('loan') AS p \gset
SELECT child(:'p', 'check') AS c \gset
SELECT FROM workflow.send(:'p', 'withdraw');
CALL run();
SELECT is(status(:'c'), 'terminated', 'a child can be cancelled right after its start');

-- with the end of the parent, level by level
SELECT FROM workflow.define('{"id": "middle", "initial": "a", "states": {"a": {"invoke": {"id": "inner", "src": "credit", "input": {"amount": 1}}}}}');
SELECT FROM workflow.define('{"id": "outer", "initial": "a", "states": {"a": {"invoke": {"id": "mid", "src": "middle"}, "on": {"stop": "z"}}, "z": {"type": "final"}}}');
SELECT workflow.start('outer') AS p \gset
CALL run();
SELECT child(:'p', 'mid') AS m \gset
SELECT child(:'m', 'inner') AS i \gset
SELECT is((SELECT format('%s %s', status, context) FROM workflow.get(:'i')), 'idled {"limit": 2, "amount": 1}', 'children may have children');
SELECT FROM workflow.cancel(:'p');
CALL run();
SELECT is(status(:'p') || ' ' || status(:'m') || ' ' || status(:'i'), 'terminated terminated terminated', 'all of them end with the first');
SELECT workflow.start('outer') AS p \gset
CALL run();
SELECT child(:'p', 'mid') AS m \gset
SELECT child(:'m', 'inner') AS i \gset
SELECT FROM workflow.send(:'p', 'stop');
CALL run();
SELECT is(status(:'p') || ' ' || status(:'m') || ' ' || status(:'i'), 'finalized terminated terminated', 'also when it comes to its own end');
SELECT workflow.start('outer') AS p \gset
CALL run();
SELECT child(:'p', 'mid') AS m \gset
SELECT child(:'m', 'inner') AS i \gset
SELECT FROM workflow.suspend(:'m');
SELECT FROM workflow.cancel(:'p');
CALL run();
SELECT is(status(:'m') || ' ' || status(:'i'), 'terminated terminated', 'one that is suspended, too');
SELECT FROM notes();

-- detached
SELECT FROM workflow.define('{"id": "careless", "initial": "a", "states": {
    "a": {"invoke": {"id": "c", "src": "credit", "detached": true, "input": {"amount": 1}, "onDone": "b"}, "on": {"go": "b"}}, "b": {"on": {"done.invoke.*": "c"}}, "c": {}}}');
SELECT workflow.start('careless') AS p \gset
CALL run();
SELECT child(:'p', 'c') AS c \gset
SELECT FROM workflow.send(:'p', 'go');
CALL run();
SELECT is(status(:'c'), 'idled', 'a detached child goes on');
SELECT FROM workflow.send(:'c', 'ok');
CALL run();
SELECT is(states(:'p') || ': ' || story(:'p'), 'b: workflow.start, go, done.invoke.c (ignored)', 'but its parent does not listen any more');

-- they talk to each other
SELECT FROM notes();
SELECT FROM workflow.define('{"id": "echo", "initial": "a", "states": {"a": {
    "entry": {"type": "send", "event": "hello", "target": "#_parent"},
    "on": {"say": {"actions": {"type": "send", "event": {"type": "said", "data": {"@expr": "event->''data''"}}, "target": "#_parent"}},
           "later": {"actions": {"type": "send", "event": {"type": "said", "data": "late"}, "target": "#_parent", "delay": "1 hour", "id": "l"}},
           "never mind": {"actions": {"type": "cancel", "id": "l"}}},
    "exit": {"type": "send", "event": "bye", "target": "#_parent"}}}}');
SELECT FROM workflow.define('{"id": "talker", "initial": "a", "context": {"heard": []}, "states": {
    "a": {
        "entry": {"type": "send", "event": {"type": "say", "data": "early"}, "target": "#_e"},
        "invoke": {"id": "e", "src": "echo"},
        "on": {"tell": {"actions": {"type": "send", "event": {"type": {"@expr": "event->''data''->>''event''"}, "data": "told"}, "target": "#_e"}},
               "tell later": {"actions": {"type": "send", "event": {"type": "say", "data": "delayed"}, "target": "#_e", "delay": 1000}},
               "wrong": {"actions": {"type": "send", "event": "x", "target": "#_nobody"}},
               "leave": "b", "back": {"target": "a", "reenter": true}}},
    "b": {}},
    "on": {"hello": {"actions": {"type": "note", "params": "hello"}},
           "bye": {"actions": {"type": "note", "params": "bye"}},
           "error.communication": {"actions": {"type": "assign", "context": {"problem": {"@expr": "event->''data''"}}}},
           "said": {"actions": {"type": "assign", "context": {"heard": {"@expr": "(context->''heard'') || jsonb_build_array(event->''data'')"}}}}}}');
SELECT workflow.start('talker') AS p \gset
CALL run();
SELECT is(notes(), 'hello', 'a child sends to #_parent');
SELECT is(context(:'p')->'heard', '["early"]', 'entry actions may send to a child that has its id, but has not started');
SELECT FROM workflow.send(:'p', 'tell', '{"event": "say"}');
CALL run();
SELECT is(context(:'p')->'heard', '["early", "told"]', 'and later on, by its invoke id');
SELECT FROM workflow.send(:'p', 'tell later');
CALL run();
SELECT is(context(:'p')->'heard', '["early", "told"]', 'a delayed event waits');
CALL clock('2030-01-01 00:00:01+00');
CALL run();
SELECT is(context(:'p')->'heard', '["early", "told", "delayed"]', 'and comes');
SELECT FROM workflow.send(:'p', 'wrong');
SELECT is(context(:'p')->'problem', '{"reason": "no such child", "target": "#_nobody"}', 'no such child: error.communication');
SELECT child(:'p', 'e') AS c \gset
SELECT FROM workflow.send(:'c', 'later');
SELECT is(timers(:'c') || ' / ' || timers(:'p'), 'l 2030-01-01 01:00:01 / ', 'until it is due, a delayed event is its sender''s');
SELECT FROM workflow.send(:'c', 'never mind');
SELECT is(timers(:'c'), '', 'who can cancel it');
SELECT FROM workflow.send(:'c', 'later');
CALL clock('2030-01-01 01:00:01+00');
CALL run();
SELECT is(context(:'p')->'heard'->>3, 'late', 'it comes from the child to the parent');

-- what a child says before and after it is let go
SELECT FROM workflow.send(:'c', 'say', '"before"');
SELECT FROM workflow.send(:'p', 'leave');
SELECT FROM workflow.send(:'c', 'say', '"after"');
CALL run();
SELECT is(context(:'p')->'heard', '["early", "told", "delayed", "late", "before"]', 'what was sent before the state was left counts, what came later does not');
SELECT is(notes(), '', 'nor what exit actions of a cancelled child send');
SELECT is(story(:'p'), 'workflow.start, hello, said, tell, said, tell later, said, wrong, said, leave, said, said (ignored)', 'it is recorded as ignored');

-- again: another child
SELECT workflow.start('talker') AS p \gset
CALL run();
SELECT child(:'p', 'e') AS c \gset
SELECT FROM workflow.send(:'p', 'back');
CALL run();
SELECT isnt(child(:'p', 'e'), :'c', 'a state that is entered anew has a new child');
SELECT is(status(:'c') || ' ' || status(child(:'p', 'e')), 'terminated idled', 'the old one is gone');
SELECT FROM notes();

-- an operator cancels the child; a definition that is gone or may not be started
SELECT FROM workflow.define('{"id": "handler", "initial": "a", "states": {
    "a": {"invoke": {"id": "c", "src": "credit", "input": {"amount": 1}, "onDone": "b", "onError": {"target": "failed", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}}}},
    "b": {}, "failed": {}}}');
SELECT workflow.start('handler') AS p \gset
CALL run();
SELECT workflow.cancel(child(:'p', 'c'));
CALL run();
SELECT is(states(:'p') || ' ' || (context(:'p')->'error'), 'failed {"message": "the process was cancelled", "sqlstate": "57014"}', 'onError: the child was cancelled');
SELECT FROM notes();

RESET ROLE;
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "private", "initial": "a", "states": {"a": {"type": "final"}}}');
SELECT workflow.grant_on('private', 'regress_app', 'start');
RESET ROLE;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "guest", "initial": "a", "states": {
    "a": {"invoke": {"id": "c", "src": "private", "onDone": "b", "onError": {"target": "failed", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}}}},
    "b": {}, "failed": {}}}');
SELECT workflow.start('guest') AS p \gset
CALL run();
RESET ROLE;
SET ROLE regress_clerk;
CALL app.run();
RESET ROLE;
SET ROLE regress_app;
CALL run();
SELECT is(states(:'p'), 'b', 'the child of another owner runs as that owner, its end comes back');
RESET ROLE;
SET ROLE regress_clerk;
SELECT workflow.revoke_on('private', 'regress_app', 'start');
RESET ROLE;
SET ROLE regress_app;
SELECT workflow.start('guest') AS p \gset
SELECT is(states(:'p') || ' ' || (context(:'p')->'error'), 'failed {"message": "permission denied to start definition \"private\"", "sqlstate": "WF002"}', 'what may not be started is an error for onError');
SELECT FROM workflow.define('{"id": "bold", "initial": "a", "states": {"a": {"invoke": "bold"}}}');
SELECT workflow.start('bold') AS p \gset
SELECT is((error('CALL run()'))[1:3], ARRAY['54000', 'cannot invoke definition "bold" at a depth of more than workflow.max_invoke_depth (100)',
    'It is invoked at $.states.a.invoke[0], without onError.'], 'processes that invoke themselves do not do so for ever');

-- faults
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"invoke": {"src": "nothing"}}}}'),
    ARRAY['$.states.a.invoke: definition "nothing" does not exist (Store it with workflow.define() first.)'], 'what is invoked must be there');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"invoke": {"src": "private"}}}}'),
    ARRAY['$.states.a.invoke: permission denied to start definition "private" (Its owner can allow it with workflow.grant_on().)'], 'and allowed');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"invoke": [{"src": "credit", "retry": [{"maxAttempts": 3}]}, {}]}}}'),
    ARRAY['$.states.a.invoke[1]: invoke has no "src" (Name a definition or a job.)',
          '$.states.a.invoke[0]: "retry", "timeout" and "heartbeat" are for jobs (A process retries with onError, and ends in time with "after".)'],
    'and named; what jobs have is not for processes');
SELECT FROM workflow.define('{"id": "wrong input", "initial": "a", "states": {"a": {"invoke": {"src": "credit", "input": [1]}}}}');
SELECT is((error('SELECT workflow.start(''wrong input'')'))[1:2], ARRAY['22023', 'the input for "credit" at $.states.a.invoke[0] is not a JSON object'], 'the input is an object');

\set end :srcdir '/end.psql'
\i :end
