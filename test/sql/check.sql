\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- One of everything.
SELECT FROM workflow.define('{"id": "kid", "initial": "k", "states": {"k": {"on": {"end": "l"}}, "l": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "all", "initial": "a", "search": {"n": "$.n"}, "states": {
    "a": {"type": "parallel", "after": {"1 day": "b"}, "invoke": {"id": "c", "src": "kid"}, "on": {"go": "b"}, "states": {
        "x": {"initial": "x1", "states": {"x1": {"on": {"x": "x2"}}, "x2": {}}},
        "y": {"initial": "y1", "defer": ["later"], "states": {"y1": {"on": {"y": "y2"}}, "y2": {}}}}},
    "b": {"type": "final"}}}');
SELECT workflow.start('all', '{"n": 1}', key => 'k') AS p \gset
SELECT FROM workflow.work(10);
SELECT (children->>'c')::uuid AS c FROM workflow.get(:'p') \gset
SELECT FROM workflow.send(:'p', 'x', id => 'once');
SELECT FROM workflow.send(:'p', 'later');
SELECT FROM workflow.post(:'p', 'y', at => '2030-02-01');
SELECT FROM workflow.create_queue('desk');
SELECT FROM workflow.create_job('chore', queue => 'desk');
SELECT FROM workflow.run_job('chore', key => 'k');
SELECT FROM workflow.start('all', at => '2031-01-01', key => 'tomorrow');
SELECT workflow.find('all', 'tomorrow') AS t \gset
SELECT workflow.start('all', '{"n": 3}', key => 'over') AS o \gset
SELECT FROM workflow.work(10);
SELECT FROM workflow.send(:'o', 'go');
SELECT FROM workflow.work(10);
SELECT FROM workflow.grant_on('all', 'regress_clerk', 'send');
SELECT FROM workflow.suspend(workflow.start('all'));
SELECT FROM workflow.define('{"id": "asks", "initial": "a", "states": {"a": {"task": {"for": ["x", "y"], "need": 2}, "on": {"yes": "b", "no": "b"}}, "b": {"type": "final"}}}');
SELECT workflow.start('asks') AS a \gset
SELECT FROM workflow.complete_task((SELECT task FROM workflow.tasks WHERE process = :'a'), 'yes', actor => 'x');
RESET ROLE;

SELECT is((SELECT count(*) FROM workflow.check()), 0::bigint, 'nothing is wrong with what the functions wrote');

-- What check() says after a change, which is undone.
CREATE FUNCTION app.broken(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    BEGIN
        EXECUTE change;
        SELECT string_agg(DISTINCT problem, ', ' ORDER BY problem) INTO found FROM workflow.check();
        RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
    EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
        RETURN found;
    END;
END
$$;

SELECT is(broken(format('UPDATE workflow.process SET definition = 0 WHERE id = %L', :'c')), 'process without definition', 'process without definition');
SELECT is(broken('UPDATE workflow.definition SET owner = 0 WHERE name = ''kid'''), 'definition without owner, timer of another owner', 'definition without owner');
SELECT is(broken('UPDATE workflow.owner SET role = 1'), 'owner without role', 'owner without role');
SELECT is(broken('UPDATE workflow.permission SET role = 1'), 'permission of no role', 'permission of no role');
SELECT is(broken(format('UPDATE workflow.process SET states = ''{a.x.x2}'' WHERE id = %L', :'p')), 'history ends elsewhere, states that do not go together', 'states: a region is missing');
SELECT is(broken(format('UPDATE workflow.process SET states = ''{nowhere}'' WHERE id = %L', :'c')), 'history ends elsewhere, states that do not go together', 'states: no such state');
SELECT is(broken(format('UPDATE workflow.process SET status = ''running'' WHERE id = %L', :'p')), 'status does not fit', 'status does not fit');
SELECT is(broken(format('UPDATE workflow.process SET status = ''initialized'' WHERE id = %L', :'p')), 'status does not fit', 'status: started and not started');
SELECT is(broken(format('DELETE FROM workflow.timer WHERE process = %L', :'t')), 'start is lost', 'start is lost');
SELECT is(broken(format('UPDATE workflow.key SET process = %L WHERE key = ''k''', :'o')), 'key of no process, process does not have its key', 'key of another process');
SELECT is(broken('DELETE FROM workflow.key WHERE key = ''k'''), 'process does not have its key', 'process does not have its key');
SELECT is(broken('UPDATE workflow.timer SET process = gen_random_uuid() WHERE event = ''y'''), 'timer of no process', 'timer of no process');
SELECT is(broken('INSERT INTO workflow.erasure (process, at, owner, pending) SELECT gen_random_uuid(), now(), 1, true; UPDATE workflow.timer SET process = e.process FROM workflow.erasure e WHERE event = ''y'''), NULL, 'timer: of a process that was erased while somebody sent to it');
SELECT is(broken('UPDATE workflow.timer SET owner = 0'), 'timer of another owner', 'timer of another owner');
SELECT is(broken(format('UPDATE workflow.timer SET state = ''b'' WHERE state IS NOT NULL AND process = %L', :'p')), 'timer of a state that is not active', 'timer of a state that is not active');
SELECT is(broken(format('INSERT INTO workflow.timer (process, due, owner, event, name, state) SELECT process, due, owner, event, name, state FROM workflow.timer WHERE state IS NOT NULL AND process = %L', :'p')), 'timer runs twice', 'timer runs twice');
SELECT is(broken(format('UPDATE workflow.timer SET parked = true WHERE process = %L', :'p')), 'timer is parked for no reason', 'timer is parked for no reason');
SELECT is(broken(format('DELETE FROM workflow.history WHERE step = 1 AND process = %L', :'p')), 'history has gaps', 'history has gaps');
SELECT is(broken(format('UPDATE workflow.history SET to_states = ''{a}'' WHERE step = 1 AND process = %L', :'c')), 'history ends elsewhere', 'history ends elsewhere');
SELECT is(broken('INSERT INTO workflow.history (process, at, step, taken, event, from_states, to_states, slot) VALUES (gen_random_uuid(), now(), 1, true, ''x'', ''{}'', ''{}'', 0)'), 'history of no process', 'history of no process');
SELECT is(broken('UPDATE workflow.receipt SET process = gen_random_uuid()'), 'receipt of no process', 'receipt of no process');
SELECT is(broken(format('INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message) VALUES (gen_random_uuid(), 0, now(), now(), 1, true, ''x'', ''XX000'', '''')')), 'failure of no process', 'failure of no process');
SELECT is(broken(format('INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message) VALUES (%L, 0, now(), now(), 1, false, ''x'', ''XX000'', '''')', :'p')), 'failed event is lost', 'failed event is lost');
SELECT is(broken(format('INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message) SELECT process, seq, now(), now(), 1, true, ''x'', ''XX000'', '''' FROM workflow.timer WHERE process = %L LIMIT 1', :'p')), 'event was given up and is still to come', 'event was given up and is still to come');
SELECT is(broken(format('UPDATE workflow.process SET parent = NULL WHERE id = %L', :'c')), 'child is lost', 'child is lost');
SELECT is(broken(format('UPDATE workflow.process SET status = ''finalized'' WHERE id = %L', :'c')), 'end of a child is lost', 'end of a child is lost');
SELECT is(broken(format('UPDATE workflow.process SET children = ''{"c": "%s"}'' WHERE id = %L', :'c', :'o')), 'child is lost, children of what is over', 'children of what is over');
SELECT is(broken(format('UPDATE workflow.process SET children = %L WHERE id = %L', c, :'p')), 'child is lost', 'children: ' || c) FROM unnest(ARRAY['5', '[1]', '{"c": 5}', '{"c": {"c": [1]}}', '{"c": "x"}']) c;
SELECT is(broken('UPDATE workflow.run SET job = 0'), 'run of no job', 'run of no job');
SELECT is(broken('DELETE FROM workflow.queue WHERE name = ''desk'''), 'run in no queue', 'run in no queue');
SELECT is(broken('INSERT INTO workflow.run_history (run, ended_at, state, job, queue, attempts, losses, due, placed, starter, started_by, level, params, slot)
    SELECT id, now(), 3, job, queue, 0, 0, due, placed, starter, started_by, level, params, 0 FROM workflow.run'), 'run has ended and has not', 'run has ended and has not');
SELECT is(broken('UPDATE workflow.run SET state = 1'), 'state of a run does not fit', 'state of a run does not fit');
SELECT is(broken('UPDATE workflow.run SET fence = 1'), 'state of a run does not fit', 'a run that waits has no fence');
SELECT is(broken('UPDATE workflow.run SET ready = false, awaits = 1'), 'run waits for no other', 'run waits for no other');
SELECT is(broken('UPDATE workflow.run_key SET root = 0'), 'key of no job', 'key of no job');
SELECT is(broken('UPDATE workflow.deferred SET process = gen_random_uuid()'), 'deferred event of no process', 'deferred event of no process');
SELECT is(broken('UPDATE workflow.attribute SET process = gen_random_uuid()'), 'attribute of no process', 'attribute of no process');
SELECT is(broken('INSERT INTO workflow.resting (definition, process) VALUES (''all'', gen_random_uuid())'), 'rest of no process', 'rest of no process');
SELECT is(broken('INSERT INTO workflow.pause (definition, owner, at, by) VALUES (''none'', 1, now(), ''x'')'), 'pause of no definition', 'pause of no definition');
SELECT is(broken('UPDATE workflow.task SET state = ''c'''), 'task of nobody', 'task of a state that is not active');
SELECT is(broken('UPDATE workflow.task_seat SET name = ''z'''), 'task in a wrong inbox', 'task in the inbox of somebody else');
SELECT is(broken('UPDATE workflow.task_seat SET rank = 1'), 'task in a wrong inbox', 'at a wrong place');
SELECT is(broken('UPDATE workflow.task SET claimed_by = ''x'''), 'task in a wrong inbox', 'though another one has claimed it');
SELECT is(broken('DELETE FROM workflow.task_seat'), 'task in no inbox', 'task in no inbox');
SELECT is(broken('UPDATE workflow.task_act SET task = gen_random_uuid()'), 'act on no task', 'act on no task');
SELECT is(broken('INSERT INTO workflow.runtime (id, kind, role, state, epoch, login, approved, graced, since)
    VALUES (''r'', ''application'', ''both'', ''restore'', 1, 10, true, false, now())'), 'runtime that nobody recovers', 'runtime that nobody recovers');

-- who may look
SET ROLE regress_app;
SELECT is((error('SELECT count(*) FROM workflow.check()'))[1], '42501', 'check() is not for everybody');
RESET ROLE;
GRANT workflow_monitor TO regress_clerk;
SET ROLE regress_clerk;
SET LOCAL ROLE workflow_monitor;
SELECT is((SELECT count(*) FROM workflow.check()), 0::bigint, 'but for workflow_monitor');

\set end :srcdir '/end.psql'
\i :end
