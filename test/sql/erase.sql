\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "job", "initial": "a", "exit": {"type": "note", "params": "left"},
    "states": {
        "a": {"after": {"1 hour": "b"}, "on": {"go": "b"}},
        "b": {"on": {"end": "c"}}, "c": {"type": "final"}}}');

-- what is over
SELECT workflow.start('job', '{"name": "Anna"}', key => 'anna') AS p \gset
SELECT workflow.start('job', '{"name": "Otto"}', key => 'otto') AS q \gset
SELECT FROM workflow.send(:'p', 'go', id => 'first');
SELECT FROM workflow.post(:'p', 'later', '{"name": "Anna"}', at => '2040-01-01');
SELECT is(error('SELECT workflow.erase(%L)', :'p'),
          ARRAY['WF009', 'the process is not over', 'HINT: End it with workflow.cancel() first; with "force" it is erased as it stands, without its exit actions.'],
          'a process that is not over is not erased');
SELECT FROM workflow.send(:'p', 'end', id => 'last');
SELECT notes() AS forget \gset
SELECT is((SELECT e FROM workflow.erase(:'p') e)::text, '(1,3,0,2)', 'one that is over is: the result counts what there was');
SELECT is((SELECT array_agg(format('%s %s', at, owner)) FROM workflow.erasures WHERE process = :'p'),
          ARRAY['2030-01-01 00:00:00+00 regress_app'], 'its id and the time are left');
SELECT is((error(format('SELECT workflow.%s', f), :'p'))[1], 'WF001', format('afterwards %s says that there is no such process', f))
FROM unnest(ARRAY['get(%L)', 'send(%L, ''go'')', 'send(%L, ''go'', id => ''first'')', 'post(%L, ''go'')', 'erase(%L)', 'cancel(%L)', 'suspend(%L)', 'resume(%L)',
                  'cancel_event(%L, ''x'')', 'set_timer(%L, ''1 hour'', now())', 'available_events(%L)']) f;
SELECT is((error('SELECT workflow.find(''job'', ''anna'')'))[1], 'WF001', 'its key is free');
SELECT is((SELECT count(*) FROM workflow.processes WHERE id = :'p') + (SELECT count(*) FROM workflow.timers WHERE process = :'p')
          + (SELECT count(*) FROM workflow.process_history WHERE process = :'p') + (SELECT count(*) FROM workflow.errors WHERE process = :'p'),
          0::bigint, 'no view shows it');
RESET ROLE;
CREATE FUNCTION app.holds(relation name, pattern text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM workflow.%I t WHERE t::text ~ $1)', relation) INTO found USING pattern;
    RETURN found;
END
$$;
SELECT is((SELECT array_agg(c.relname ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind = 'r'
           AND app.holds(c.relname, 'Anna|anna|' || :'p')),
          ARRAY['act_0', 'erasure']::name[], 'no table has anything of it but its id, in those of erasures and of acts');
SELECT is((SELECT array_agg(c.relname ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind = 'r'
           AND app.holds(c.relname, 'Anna|anna')), NULL, 'and nothing of its data');
SET ROLE regress_app;
SELECT is(states(:'q'), 'a', 'others are left alone');
SELECT isnt(workflow.start('job', key => 'anna'), :'p', 'the key can be given to another');
CALL clock('2040-01-01');
SELECT is(workflow.work(100), 2, 'its timers are gone');

-- what is not over
CALL clock('2030-01-01');
SELECT workflow.start('job', '{"name": "Anna"}', key => 'emma') AS p \gset
SELECT is((SELECT e FROM workflow.erase(:'p', force => true) e)::text || notes(), '(1,1,0,0)', 'with force one that is not over is erased, and no exit action runs');
SELECT workflow.start('job', at => '2031-01-01') AS p \gset
SELECT is((SELECT e FROM workflow.erase(:'p', true) e)::text, '(1,0,0,0)', 'or one that has not started');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.suspend(:'p');
SELECT is((SELECT e FROM workflow.erase(:'p', true) e)::text, '(1,2,0,0)', 'or that is suspended');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.cancel(:'p');
SELECT is((SELECT e FROM workflow.erase(:'p') e)::text, '(0,2,0,0)', 'what was cancelled is over');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.pause('job');
SELECT FROM workflow.post(:'p', 'go');
SELECT FROM workflow.work(100);
SELECT is((SELECT e FROM workflow.erase(:'p', true) e)::text, '(2,1,0,0)', 'what rests over a pause can be erased');
SELECT FROM workflow.unpause('job');
SELECT is(workflow.work(100), 0, 'and is not missed after it');

-- by an action
CREATE FUNCTION app.erase(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ SELECT FROM workflow.erase(coalesce(event->'data'->>'other', event->>'process')::uuid, true) $$;
SELECT FROM workflow.define('{"id": "eraser", "initial": "a", "states": {"a": {"on": {"erase": {"actions": "app.erase"}}}}}');
SELECT workflow.start('eraser') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''erase'')', :'p'))[1], 'WF005', 'an action cannot erase its own process');
SELECT lives_ok(format('SELECT workflow.send(%L, ''erase'', jsonb_build_object(''other'', %L))', :'p', :'q'), 'but another one');
SELECT is((error('SELECT workflow.get(%L)', :'q'))[1], 'WF001', 'which is gone');

-- children
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {
    "a": {"invoke": {"id": "kid", "src": "job", "input": {"name": "Anna"}, "onError": "b"}},
    "b": {"invoke": {"id": "kid", "src": "job", "detached": true}}}}');
SELECT workflow.start('parent') AS p \gset
SELECT FROM workflow.work(100);
SELECT children->>'kid' AS kid FROM workflow.get(:'p') \gset
SELECT is((SELECT e FROM workflow.erase(:'kid', true) e)::text, '(1,1,0,0)', 'a child is erased');
SELECT FROM workflow.work(100);
SELECT is(states(:'p'), 'b', 'its parent hears that there will be nothing more of it');
SELECT FROM workflow.work(100);
SELECT children->>'kid' AS kid FROM workflow.get(:'p') \gset
SELECT FROM workflow.erase(:'p', true);
SELECT FROM workflow.work(100);
SELECT is(status(:'kid'), 'idled', 'a detached child goes on when its parent is erased');
SELECT FROM workflow.cancel(:'kid');
SELECT workflow.start('parent') AS p \gset
SELECT FROM workflow.work(100);
SELECT children->>'kid' AS kid FROM workflow.get(:'p') \gset
SELECT FROM workflow.erase(:'p', true);
SELECT FROM workflow.work(100);
SELECT is(status(:'kid'), 'terminated', 'others end');
SELECT is((SELECT e FROM workflow.erase(:'kid') e)::text, '(0,2,0,0)', 'and are erased for themselves');

-- rights
SELECT FROM workflow.grant_on('job', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT workflow.start('job') AS p \gset
SELECT is((app.error('SELECT workflow.erase(%L, true)', :'p'))[1], 'WF002', 'only the owner of the definition erases');
SELECT is((SELECT count(*) FROM workflow.erasures), 0::bigint, 'and sees what was erased');
RESET ROLE;
GRANT workflow_admin TO regress_clerk;
SET ROLE regress_clerk;
SELECT lives_ok(format('SELECT workflow.erase(%L, true)', :'p'), 'or workflow_admin');
SELECT is((SELECT count(*) > 0 FROM workflow.erasures), true, 'who sees all');

\set end :srcdir '/end.psql'
\i :end
