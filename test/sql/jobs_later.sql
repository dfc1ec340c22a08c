\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What becomes of jobs and runs in the course of time: runs that have ended expire, and
-- jobs, queues and limits get other owners.

RESET ROLE;
CREATE VIEW app.run AS SELECT * FROM workflow.run;
CREATE VIEW app.run_key AS SELECT * FROM workflow.run_key;
CREATE VIEW app.run_history AS SELECT * FROM workflow.run_history;
GRANT SELECT ON app.run, app.run_key, app.run_history TO PUBLIC;
SET ROLE regress_app;
SELECT workflow.create_queue('mail') \g /dev/null
SELECT workflow.create_job('letter', queue => 'mail') \g /dev/null
CREATE FUNCTION app.done(key text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    made uuid := workflow.run_job('letter', key => done.key);
    claimed record;
BEGIN
    SELECT * INTO claimed FROM workflow.claim('mail', 'w');
    PERFORM workflow.write_log('info', 'done', run => claimed.run, fence => claimed.fence);
    PERFORM workflow.complete(claimed.run, claimed.fence);
    RETURN made;
END $$;

-- a walk
SELECT done('old') AS old \gset
CALL clock('2030-01-01 01:00+00');
SELECT done('young') AS young \gset
SELECT workflow.run_job('letter', key => 'waits', at => '2031-01-01') AS waits \gset
SELECT is((SELECT count(*) FROM workflow.run_logs), 2::bigint, 'runs that have ended have logs');
SELECT is(workflow.run_job('letter', key => 'old'), :'old'::uuid, 'and their keys');
RESET ROLE;
SELECT is((SELECT done FROM workflow.expire('30 minutes')), true, 'what is old expires');
SET ROLE regress_app;
SELECT is((SELECT array_agg(key ORDER BY key) FROM workflow.runs), '{waits,young}', 'also runs');
SELECT is((SELECT array_agg(run) FROM workflow.run_logs), ARRAY[:'young']::uuid[], 'with their logs');
SELECT is((SELECT array_agg(key ORDER BY key) FROM app.run_key), '{waits,young}', 'and keys');
SELECT isnt(done('old'), :'old'::uuid, 'so that the key is free');

-- the ring
RESET ROLE;
DO $$ BEGIN
    FOR week IN 0..8 LOOP
        CALL app.clock('2030-02-01'::timestamptz + week * interval '7 days');
        PERFORM workflow.expire('49 days');
    END LOOP;
END $$;
SET ROLE regress_app;
SELECT is((SELECT array_agg(key ORDER BY key) FROM workflow.runs), '{waits}', 'the ring forgets all that has ended');
SELECT is_empty('SELECT FROM workflow.run_logs', 'logs, too');
SELECT is((SELECT array_agg(key) FROM app.run_key), '{waits}', 'and keys');
SELECT isnt(done('young'), :'young'::uuid, 'so that the key is free');
RESET ROLE;
DELETE FROM workflow.run_history;
SET ROLE regress_app;
SELECT isnt_empty($$ SELECT FROM app.run_key WHERE key = 'young' $$, 'a key that stays');
SELECT is((SELECT count(workflow.run_job('letter', key => 'young', on_conflict => c)) FROM unnest('{existing,refuse,active}'::text[]) c WHERE c <> 'refuse'), 2::bigint, 'is the next one''s');
SELECT is(workflow.cancel_run(workflow.run_job('letter', key => 'young')), 'aborted', 'which is cancelled');

-- keys that others have by now, versions that are done in another way, and who has made a run
SELECT workflow.run_job('letter', key => 'taken', at => '2031-01-01') AS first \gset
SELECT is(workflow.cancel_run(:'first'), 'aborted', 'a run with a key is cancelled');
SELECT workflow.run_job('letter', key => 'taken', at => '2031-01-01', on_conflict => 'active') AS second \gset
SELECT is(workflow.retry_run(:'first'), false, 'it is not done once more while another one has its key');
SELECT is(workflow.cancel_run(:'second'), 'aborted', 'when that is over');
SELECT is(workflow.retry_run(:'first'), true, 'it is');
SELECT is(workflow.run_job('letter', key => 'taken', on_conflict => 'active'), :'first'::uuid, 'and has its key again');
SELECT is(workflow.cancel_run(:'first'), 'aborted', 'and is cancelled');
SELECT workflow.create_job('moves', 'SELECT 1', partition => '@params->>''to''', queue => 'mail') \g /dev/null
SELECT workflow.run_job('moves', '{"to": "a"}', key => 'k', at => '2031-01-01') AS first \gset
SELECT workflow.create_job('moves', partition => '@params->>''to''', queue => 'mail') \g /dev/null
SELECT is(workflow.run_job('moves', '{"to": "b"}', key => 'k', on_conflict => 'replace'), :'first'::uuid, 'a run gets the parameters of a version that workers do');
SELECT is((SELECT format('%s %s %s', executor, partition, state) FROM app.run WHERE id = :'first'), '0 b 0', 'so they do it, in the partition of its parameters');
SELECT workflow.grant_on('job:letter', 'regress_clerk', 'run') \g /dev/null
SET ROLE regress_clerk;
SELECT workflow.run_job('letter', at => '2031-01-01') AS mine \gset
SELECT is(workflow.cancel_run(:'mine'), 'aborted', 'who has made a run may cancel it');
SELECT is(workflow.cancel_run(:'mine'), 'aborted', 'and is told when it has ended');
SET ROLE regress_app;
SELECT workflow.revoke_on('job:letter', 'regress_clerk', 'run'), workflow.cancel_run(:'first'), workflow.drop_job('moves') \g /dev/null

-- other owners
SELECT workflow.create_limit('licence', 5), workflow.create_queue('job:letter', 3), workflow.create_job('sum', 'SELECT 1') \g /dev/null
SELECT workflow.run_job('sum') AS sum \gset
SELECT is((error($$ SELECT workflow.change_owner('job:none', 'regress_clerk') $$))[1], 'WF010', 'a job that is not there has no owner');
SELECT is((error($$ SELECT workflow.change_owner('job:sum', 'regress_clerk') $$))[1], 'WF002', 'not everybody gives jobs away');
RESET ROLE;
SELECT is(workflow.change_owner('job:sum', 'regress_clerk'), true, 'a job is given to another role');
SELECT is(workflow.change_owner('job:sum', 'regress_clerk'), false, 'once');
SELECT is((SELECT owner FROM workflow.jobs WHERE name = 'sum'), 'regress_clerk', 'whose it is then');
SELECT is((SELECT o.role::regrole::text FROM app.run r JOIN workflow.owner o ON o.id = r.executor WHERE r.id = :'sum'), 'regress_clerk', 'and so its runs');
SELECT is(workflow.change_owner('queue:mail', 'regress_clerk'), true, 'so are queues');
SELECT is(workflow.change_owner('limit:licence', 'regress_clerk'), true, 'and limits');
SET ROLE regress_app;
SELECT is((error($$ SELECT workflow.create_job('sum', 'SELECT 2') $$))[1], 'WF002', 'the former owner has lost it');
SELECT is((error($$ SELECT workflow.pause_queue('mail') $$))[1], 'WF002', 'all of it');
SET ROLE regress_clerk;
SELECT is(workflow.create_job('sum', 'SELECT 2'), 2, 'the new owner makes a version');
RESET ROLE;
SELECT is((error('DROP OWNED BY regress_app'))[1] <> 'no error', true, 'who owns jobs is not dropped');
CREATE ROLE regress_giver LOGIN;
GRANT workflow_user TO regress_giver;
SET ROLE regress_giver;
SELECT is(workflow.create_job('gift', 'SELECT 1'), 1, 'who owns one job');
RESET ROLE;
SELECT is((error('DROP ROLE regress_giver'))[1], '2BP01', 'is not dropped');
SELECT is(workflow.change_owner('job:gift', 'regress_stranger'), true, 'until it is somebody else''s');
SELECT is((error('DROP OWNED BY regress_giver; DROP ROLE regress_giver'))[1], 'no error', 'then there is nothing in the way');
SELECT workflow.drop_job('gift') \g /dev/null
CREATE ROLE regress_giver LOGIN;
GRANT workflow_user TO regress_giver;
SET ROLE regress_giver;
SELECT is(workflow.create_job('loan', 'SELECT 1'), 1, 'who has owned one job');
SELECT workflow.run_job('loan') AS loan \gset
SELECT workflow.work_runs() \g /dev/null
SELECT workflow.drop_job('loan') \g /dev/null
SELECT is(workflow.create_job('loan', 'SELECT 1'), 2, 'which is his when it was dropped');
SELECT workflow.drop_job('loan') \g /dev/null
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.create_job('loan', 'SELECT 1') $$))[1], 'WF002', 'and nobody else''s');
RESET ROLE;
SELECT is((error('DROP ROLE regress_giver'))[1], 'no error', 'can be dropped');
SET ROLE regress_clerk;
SELECT is(workflow.create_job('loan', 'SELECT 1'), 3, 'then somebody else has the name');
SELECT is((error(format('SELECT FROM workflow.get_run(%L)', :'loan')))[1] <> 'no error', true, 'but not what it has left');
SELECT workflow.drop_job('loan') \g /dev/null
RESET ROLE;
REASSIGN OWNED BY regress_app TO regress_stranger;
SELECT is((SELECT string_agg(format('%s %s', name, owner), ', ' ORDER BY name, version) FROM workflow.jobs), 'letter regress_stranger, sum regress_clerk, sum regress_clerk', 'REASSIGN OWNED gives jobs');
SELECT is((SELECT string_agg(format('%s %s', name, owner), ', ' ORDER BY name) FROM workflow.queues), 'job:letter regress_stranger, mail regress_clerk', 'and queues');

\set end :srcdir '/end.psql'
\i :end
