\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "job", "initial": "a", "on": {"poke": {"actions": {"type": "note", "params": "poked"}}},
    "states": {
        "a": {"after": {"1 hour": "late", "2 hours": {"actions": {"type": "note", "params": "two"}}}, "on": {"go": "b"}},
        "b": {}, "late": {"after": {"3 hours": "b"}}}}');
SELECT FROM workflow.define('{"id": "other", "initial": "a", "states": {"a": {"after": {"1 hour": "b"}}, "b": {}}}');

SELECT workflow.start('job', key => 'one') AS p \gset
SELECT workflow.start('job', at => '2030-01-01 00:30+00') AS q \gset
SELECT workflow.start('job') AS s \gset
SELECT workflow.start('other') AS o \gset
SELECT FROM workflow.suspend(:'s');

-- pausing
SELECT is(workflow.pause('job'), true, 'a definition is paused');
SELECT is(workflow.pause('job'), false, 'once');
SELECT is((SELECT array_agg(format('%s %s %s %s', definition, owner, at, by)) FROM workflow.pauses),
          ARRAY['job regress_app 2030-01-01 00:00:00+00 regress_app'], 'which shows in a view');
SELECT is(error('SELECT workflow.send(%L, ''go'')', :'p'),
          ARRAY['WF003', 'definition "job" is paused', 'None of its processes is started or stepped.', 'HINT: workflow.unpause() lets them go on.'],
          'commands are refused');
SELECT is((error('SELECT workflow.send_by_key(''job'', ''one'', ''go'')'))[1], 'WF003', 'by key, too');
SELECT is((error('SELECT workflow.send_many(ARRAY[%L]::uuid[], ARRAY[''go''])', :'p'))[1], 'WF003', 'and in sets');
SELECT is((error('SELECT workflow.cancel(%L)', :'p'))[1], 'WF003', 'cancel() runs exit actions: it is refused as well');
SELECT is((error('SELECT workflow.start(''job'')'))[1], 'WF003', 'nothing is started');
SELECT is((error('SELECT workflow.start(''job'', at => ''2031-01-01'')'))[1], 'WF003', 'not for later either');
SELECT is((error('SELECT workflow.start_many(''job'', ARRAY[NULL]::jsonb[])'))[1], 'WF003', 'nor in sets');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'job'), 3::bigint, 'and nothing is left of what was refused');
SELECT is(workflow.start('job', key => 'one'), :'p', 'who asks for a key that is taken gets its process');
SELECT is((SELECT count(*) FROM workflow.available_events(:'p')), 0::bigint, 'no events are available');
SELECT is((SELECT (d.taken, d.effects->0->>'effect', d.effects->0->>'sqlstate')::text FROM workflow.dry_run(:'p', 'go') d), '(f,refused,WF003)', 'which dry_run() tells, too');
SELECT is((SELECT count(*) FROM workflow.simulate('job', '[{"event": "poke"}]') WHERE taken), 2::bigint, 'a process of its own can be tried');
SELECT is((error('SELECT workflow.set_states(%L, ''{b}'')', :'p'))[1], 'WF003', 'nor does an operator step one');
SELECT is((SELECT states FROM workflow.set_states(:'s', '{a}', execute => false)), '{a}', 'but puts one into states without a step');
SELECT lives_ok(format('SELECT workflow.post(%L, ''poke'')', :'p'), 'events are posted');
SELECT is(workflow.define('{"id": "job", "initial": "a", "states": {"a": {}}}'), 2, 'a new version is defined');
SELECT is((error('SELECT workflow.start(''job'')'))[1], 'WF003', 'and rests, too');
SELECT lives_ok($$ SELECT workflow.start('other') $$, 'other definitions do not');

-- timers
CALL clock('2030-01-01 01:00+00');
SELECT is(workflow.work(100), 5, 'what is due is claimed');
SELECT is(states(:'p') || notes(), 'a', 'but not delivered');
SELECT is(status(:'q'), 'initialized', 'nothing starts that was to start later');
SELECT is(states(:'o'), 'b', 'other definitions go on');
SELECT is((SELECT array_agg(format('%s %s', event, parked) ORDER BY due) FROM workflow.timers WHERE process = :'p'),
          ARRAY['poke t', 'after.1 hour.a t', 'after.2 hours.a f'], 'what came due is parked, the rest is as it was');
SELECT is(workflow.work(100), 0, 'so that nobody runs into it again');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE process = :'p'), 1::bigint, 'nothing has happened to the process');
SELECT is(workflow.resume(:'s'), true, 'a suspended process is resumed');
SELECT is(workflow.work(100) || states(:'s'), '1a', 'and rests with the others');

-- ending the pause
CALL clock('2030-01-01 02:00+00');
SELECT is(workflow.unpause('job'), true, 'the pause ends');
SELECT is(workflow.unpause('job'), false, 'once');
SELECT is((SELECT count(*) FROM workflow.pauses), 0::bigint, 'it has left the view');
SELECT is(workflow.work(1), 1, 'a batch begins with the first that had to wait');
SELECT is(status(:'q') || notes(), 'initializedpoked', 'in the order of the due times');
SELECT is(workflow.work(100), 5, 'then comes everything else');
SELECT is((SELECT array_agg(format('%s %s', event, taken) ORDER BY step) FROM workflow.process_history WHERE process = :'p'),
          ARRAY['workflow.start t', 'poke t', 'after.1 hour.a t'], 'in its order: a timer that came due after the pause does not overtake');
SELECT is(states(:'q') || states(:'s'), 'alate', 'all of them go on');
SELECT is((SELECT count(*) FROM workflow.timers WHERE parked), 0::bigint, 'nothing is parked any more');
SELECT is((SELECT taken FROM workflow.send(:'q', 'go')), true, 'commands are taken again');

-- a process that had a reason of its own to rest
SELECT workflow.start('job', version => 1) AS p \gset
SELECT FROM workflow.pause('job');
SELECT FROM workflow.post(:'p', 'poke');
SELECT FROM workflow.work(100);
SELECT FROM workflow.suspend(:'p');
SELECT FROM workflow.unpause('job');
SELECT is(workflow.work(100) || notes(), '0', 'one that was suspended meanwhile stays so');
SELECT FROM workflow.resume(:'p');
SELECT is(workflow.work(100) || notes(), '1poked', 'until it is resumed');

-- paused again before all came back
SELECT FROM workflow.pause('job');
SELECT FROM workflow.post(:'p', 'poke');
SELECT FROM workflow.work(100);
SELECT FROM workflow.unpause('job');
SELECT FROM workflow.pause('job');
SELECT is(workflow.work(100) || notes(), '0', 'a second pause follows the first');
SELECT FROM workflow.unpause('job');
SELECT is(workflow.work(100) || notes(), '1poked', 'and ends for what the first one held back, too');

-- rows of processes that do not exist are work for nobody
RESET ROLE;
INSERT INTO workflow.resting (definition, process) VALUES ('job', gen_random_uuid());
SET ROLE regress_app;
SELECT FROM workflow.pause('job');
SELECT FROM workflow.post(:'p', 'poke');
SELECT FROM workflow.work(100);
SELECT FROM workflow.unpause('job');
SELECT is(workflow.work(100) || notes(), '1poked', 'what rests comes back, whatever else is there');
SELECT is(workflow.work(100), 0, 'then there is nothing to do');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.resting), 0::bigint, 'and nothing left to look for');
SET ROLE regress_app;

-- a savepoint
SAVEPOINT s;
SELECT FROM workflow.pause('job');
SELECT is((app.error('SELECT workflow.send(%L, ''poke'')', :'p'))[1], 'WF003', 'a pause is seen by its own transaction');
ROLLBACK TO s;
SELECT is((SELECT taken FROM workflow.send(:'p', 'poke')), true, 'and is gone when that is rolled back');

-- rights
SELECT is((error('SELECT workflow.pause(''nothing'')'))[1], 'WF006', 'the definition has to exist');
SELECT FROM workflow.grant_on('job', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((app.error('SELECT workflow.pause(''job'')'))[1], 'WF002', 'only its owner pauses it');
SELECT is((app.error('SELECT workflow.unpause(''job'')'))[1], 'WF002', 'and ends that');
SET ROLE regress_app;
SELECT FROM workflow.pause('job');
SET ROLE regress_clerk;
SELECT is((SELECT count(*) FROM workflow.pauses), 1::bigint, 'who may read sees it');
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.pauses), 0::bigint, 'a stranger does not');
RESET ROLE;
GRANT workflow_admin TO regress_stranger;
SET ROLE regress_stranger;
SELECT is(workflow.unpause('job'), true, 'workflow_admin may do it, too');

\set end :srcdir '/end.psql'
\i :end
