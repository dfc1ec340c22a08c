\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Queues and named limits: making, changing, pausing and dropping them. How they limit
-- runs is in workers.sql, and in t/ for executors.

-- A queue as it is set: the settings that are not null.
CREATE FUNCTION app.settings(name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(to_jsonb(q)) - '{name,created_at,running,waiting,ready,permits,head,head_waits_for}'::text[]
    FROM workflow.queues q WHERE q.name = settings.name $$;
-- The SQLSTATE and message of a command.
CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;

-- making
SELECT lives_ok($$ SELECT workflow.create_queue('plain') $$, 'a queue is made');
SELECT is(settings('plain'), '{"owner": "regress_app", "per": "cluster", "ordered": false, "on_failed": "skip", "fair": true,
                               "on_full": "wait", "placement": ["any"], "ageing": "00:01:00", "notify": false, "paused": false}',
          'with what is so unless it is said');
SELECT lives_ok($$ SELECT workflow.create_queue('full', 4, 'runtime', '1 second', 10, '1 minute', 2, true, 'block', false, '{"gold": 2.5}',
                                                100, 'refuse', '{local,any}', NULL, true) $$, 'one with all there is');
SELECT is(settings('full'), '{"owner": "regress_app", "max_parallel": 4, "per": "runtime", "min_gap": "00:00:01", "rate": 10, "rate_interval": "00:01:00",
                              "partition_limit": 2, "ordered": true, "on_failed": "block", "fair": false, "weights": {"gold": 2.5},
                              "max_waiting": 100, "on_full": "refuse", "placement": ["local", "any"], "notify": true, "paused": false}',
          'all of it is kept');
SELECT is(error($$ SELECT workflow.create_queue('plain') $$), ARRAY['42710', 'queue "plain" already exists', 'HINT: workflow.alter_queue() changes it.'],
          'a name is taken once');

-- names
SELECT is(refused(format('SELECT workflow.create_queue(%L)', n)), r, format('name "%s"', left(n, 10))) FROM (VALUES
    (NULL, '22004 argument "name" must not be null'), ('', '22023 a queue needs a name'),
    ('a:b', '22023 the name of a queue must not contain ":"'), ('queue:a', '22023 the name of a queue must not contain ":"'),
    (repeat('x', 201), '22001 the name of a queue is too long'), (repeat('x', 200), 'no error'),
    ('job:nothing', 'WF010 job "nothing" does not exist')) t(n, r);

-- settings that do not fit
SELECT is(refused(format('SELECT workflow.create_queue(''bad'', %s)', a)), r, a) FROM (VALUES
    ('max_parallel => 0', '22023 max_parallel must be at least 1, not 0'),
    ('max_parallel => -1', '22023 max_parallel must be at least 1, not -1'),
    ('partition_limit => 0', '22023 partition_limit must be at least 1, not 0'),
    ('max_waiting => 0', '22023 max_waiting must be at least 1, not 0'),
    ('min_gap => ''-1 second''', '22023 min_gap must not be negative'),
    ('min_gap => ''1000000 years''', '22023 min_gap must not be longer than 36600 days'),
    ('ageing => ''0''', '22023 ageing must be positive'),
    ('rate => 1', '22023 rate and rate_interval go together'),
    ('rate_interval => ''1 hour''', '22023 rate and rate_interval go together'),
    ('rate => 0, rate_interval => ''1 hour''', '22023 rate must be at least 1, not 0'),
    ('rate => 1, rate_interval => ''0''', '22023 rate_interval must be positive'),
    ('per => ''table''', '22023 per must be "cluster" or "runtime", not "table"'),
    ('per => NULL', '22004 per must not be null'),
    ('on_failed => ''stop''', '22023 on_failed must be "skip" or "block", not "stop"'),
    ('on_full => ''burst''', '22023 on_full must be "wait", "refuse", "replace" or "cancel running", not "burst"'),
    ('weights => ''[1]''', '22023 weights must be an object of positive numbers'),
    ('weights => ''{"a": 0}''', '22023 weights must be an object of positive numbers'),
    ('weights => ''{"a": "1"}''', '22023 weights must be an object of positive numbers'),
    ('weights => ''{"a": {"b": 1}}''', '22023 weights must be an object of positive numbers'),
    ('placement => ''{}''', '22023 placement must not be empty'),
    ('placement => ''{any,NULL}''', '22004 element 2 of "placement" is null'),
    ('placement => ''{moon}''', '22023 there is no placement "moon"'),
    ('placement => ''{role:both}''', '22023 there is no placement "role:both"'), ('placement => ''{runtime:}''', '22023 there is no placement "runtime:"'),
    ('placement => array_fill(''any''::text, ''{17}'')', '22023 placement has 17 elements, of 16 that are allowed'),
    ('ordered => NULL', '22004 ordered must not be null')) t(a, r);

-- changing
SELECT lives_ok($$ SELECT workflow.alter_queue('plain', '{"max_parallel": 3, "ageing": null, "placement": ["local"], "ordered": true, "weights": {"a": 1},
                                                          "min_gap": "2 hours", "on_full": "refuse"}') $$, 'some settings are changed');
SELECT is(settings('plain'), '{"owner": "regress_app", "per": "cluster", "max_parallel": 3, "ordered": true, "on_failed": "skip", "fair": true, "min_gap": "02:00:00",
                               "weights": {"a": 1}, "on_full": "refuse", "placement": ["local"], "notify": false, "paused": false}', 'the others stay');
SELECT lives_ok($$ SELECT workflow.alter_queue('plain', '{}') $$, 'or nothing');
SELECT is(refused(format('SELECT workflow.alter_queue(''plain'', %L)', c)), r, c) FROM (VALUES
    ('[]', '22023 changes must be an object'), ('{"size": 1}', '22023 there is no setting "size"'), ('{"name": "x"}', '22023 there is no setting "name"'),
    ('{"paused": true}', '22023 there is no setting "paused"'),
    ('{"max_parallel": "3"}', '22023 max_parallel must be a number'), ('{"max_parallel": 1.5}', '22P02 invalid input syntax for type integer: "1.5"'),
    ('{"max_parallel": 0}', '22023 max_parallel must be at least 1, not 0'), ('{"ordered": 1}', '22023 ordered must be true or false'),
    ('{"ordered": null}', '22004 ordered must not be null'), ('{"min_gap": 5}', '22023 min_gap must be an interval in a string'),
    ('{"min_gap": "soon"}', '22007 invalid input syntax for type interval: "soon"'), ('{"per": 1}', '22023 per must be a string'),
    ('{"placement": "any"}', '22023 placement must be an array of strings'), ('{"placement": [1]}', '22023 placement must be an array of strings'),
    ('{"rate": 5}', '22023 rate and rate_interval go together'), ('{"weights": 1}', '22023 weights must be an object of positive numbers')) t(c, r);
SELECT lives_ok($$ SELECT workflow.alter_queue('plain', '{"rate": 5, "rate_interval": "1 second"}') $$, 'what goes together is changed together');
SELECT is(refused($$ SELECT workflow.alter_queue('nothing', '{}') $$), 'WF010 queue "nothing" does not exist', 'there is no such queue');

-- pausing
SELECT lives_ok($$ SELECT workflow.pause_queue('plain', 'the gateway is down') $$, 'a queue is paused');
SELECT is((SELECT format('%s %s', paused, note) FROM workflow.queues WHERE name = 'plain'), 't the gateway is down', 'which shows, with the note');
SELECT lives_ok($$ SELECT workflow.pause_queue('plain') $$, 'again');
SELECT is((SELECT format('%s %s', paused, note) FROM workflow.queues WHERE name = 'plain'), 't ', 'with another note');
SELECT lives_ok($$ SELECT workflow.resume_queue('plain') $$, 'and goes on');
SELECT is((SELECT paused FROM workflow.queues WHERE name = 'plain'), false, 'it is not paused any more');
SELECT is(refused($$ SELECT workflow.pause_queue('nothing') $$), 'WF010 queue "nothing" does not exist', 'one that is not there is not paused');

-- a job's own queue
SELECT is(workflow.create_job('charge'), 1, 'a job that workers do');
SELECT is(refused($$ SELECT workflow.pause_queue('job:charge') $$), 'WF010 queue "job:charge" does not exist', 'its own queue is not limited');
SELECT lives_ok($$ SELECT workflow.create_queue('job:charge', max_parallel => 2) $$, 'until it is made');
SELECT is((SELECT max_parallel FROM workflow.queues WHERE name = 'job:charge'), 2, 'it shows');
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.alter_queue('job:charge', '{}') $$))[1], 'WF002', 'others do not change it');
SET ROLE regress_app;
SELECT lives_ok($$ SELECT workflow.drop_queue('job:charge') $$, 'it is dropped');
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.create_queue('job:charge') $$))[1], 'WF002', 'and not made by others');
SET ROLE regress_app;

-- who puts runs into a queue
SELECT workflow.create_job('mail', queue => 'full') AS mail \gset
SELECT isnt(workflow.run_job('mail'), NULL, 'a run is put into the queue of its job');
SELECT isnt(workflow.run_job('charge', queue => 'full'), NULL, 'or into the one that is named');
SELECT is((SELECT format('%s %s', running, waiting) FROM workflow.queues WHERE name = 'full'), '0 2', 'which shows');
SELECT is(refused($$ SELECT workflow.run_job('charge', queue => 'nothing') $$), 'WF010 queue "nothing" does not exist', 'there is no other');
SELECT lives_ok($$ SELECT workflow.alter_queue('full', '{"max_waiting": 3}') $$, 'only three may wait');
SELECT is(error($$ SELECT workflow.run_jobs('mail', ARRAY['{}', '{}']::jsonb[]) $$), ARRAY['WF011', 'queue "full" is full', '2 runs wait in it, of at most 3.'],
          'two more are too many');
SELECT isnt(workflow.run_job('mail', at => '2031-01-01'), NULL, 'one is not, though it is due later');
SELECT is(refused($$ SELECT workflow.run_job('mail') $$), 'WF011 queue "full" is full', 'that was the last');
SELECT lives_ok($$ SELECT workflow.alter_queue('full', '{"on_full": "wait"}') $$, 'if others may wait');
SELECT isnt(workflow.run_job('mail'), NULL, 'they do');
SELECT is((SELECT array_to_string((error($$ SELECT workflow.drop_queue('full') $$))[1:2], ' ')), 'WF017 queue "full" has runs', 'a queue with runs stays');

-- rights
SET ROLE regress_clerk;
SELECT workflow.create_job('letter') AS letter \gset
SELECT is(refused($$ SELECT workflow.run_job('letter', queue => 'full') $$), 'WF002 role "regress_clerk" may not use queue "full"', 'a queue is its owner''s');
SELECT is(refused(c), 'WF002 role "regress_clerk" may not manage queue "full"', c) FROM unnest(ARRAY[
    $$ SELECT workflow.alter_queue('full', '{}') $$, $$ SELECT workflow.pause_queue('full') $$, $$ SELECT workflow.resume_queue('full') $$,
    $$ SELECT workflow.drop_queue('full') $$]) c;
SELECT is_empty($$ SELECT FROM workflow.queues $$, 'who may not read it does not see it');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('queue:full', 'regress_clerk', 'use');
SET ROLE regress_clerk;
SELECT isnt(workflow.run_job('letter', queue => 'full'), NULL, 'unless it was granted to use it');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('queue:full', 'regress_clerk', 'read', 'manage');
SET ROLE regress_clerk;
SELECT is((SELECT array_agg(name) FROM workflow.queues), '{full}', 'or to see it');
SELECT lives_ok($$ SELECT workflow.pause_queue('full') $$, 'or to manage it');
SET ROLE regress_app;
SELECT FROM workflow.revoke_on('queue:full', 'regress_clerk', 'use');
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.run_job('letter', queue => 'full') $$))[1], 'WF002', 'until that is revoked');
SELECT is(refused($$ SELECT workflow.create_queue('full') $$), '42710 queue "full" already exists', 'its name is taken for everybody');
SET ROLE regress_app;

-- dropping
SELECT lives_ok($$ SELECT workflow.drop_queue('plain') $$, 'a queue without runs is dropped');
SELECT is_empty($$ SELECT FROM workflow.queues WHERE name = 'plain' $$, 'it is gone');
SELECT is(refused($$ SELECT workflow.drop_queue('plain') $$), 'WF010 queue "plain" does not exist', 'once');
SELECT lives_ok($$ SELECT workflow.create_queue('plain', 1) $$, 'its name is free');
SELECT is(workflow.create_job('page', queue => 'plain'), 1, 'a job names it');
SELECT lives_ok($$ SELECT workflow.drop_queue('plain') $$, 'which does not keep it');
SELECT is((error($$ SELECT workflow.run_job('page') $$))[1], 'WF010', 'but the job''s runs are refused');

-- limits
SELECT lives_ok($$ SELECT workflow.create_limit('gateway', 3) $$, 'a limit is made');
SELECT is(refused($$ SELECT workflow.create_limit('gateway') $$), '42710 limit "gateway" already exists', 'once');
SELECT lives_ok($$ SELECT workflow.alter_limit('gateway', '{"max": 5, "rate": 10, "rate_interval": "1 minute"}') $$, 'and changed');
SELECT is((SELECT format('%s %s %s %s', owner, max, rate, rate_interval) FROM workflow.limits), 'regress_app 5 10 00:01:00', 'which shows');
SELECT is(refused(c), r, c) FROM (VALUES
    ($$ SELECT workflow.create_limit('a:b') $$, '22023 the name of a limit must not contain ":"'),
    ($$ SELECT workflow.create_limit('bad', 0) $$, '22023 max must be at least 1, not 0'),
    ($$ SELECT workflow.create_limit('bad', rate => 1) $$, '22023 rate and rate_interval go together'),
    ($$ SELECT workflow.alter_limit('gateway', '{"min": 1}') $$, '22023 there is no setting "min"'),
    ($$ SELECT workflow.alter_limit('nothing', '{}') $$, 'WF010 limit "nothing" does not exist'),
    ($$ SELECT workflow.drop_limit('nothing') $$, 'WF010 limit "nothing" does not exist')) t(c, r);
SELECT is(workflow.create_job('pay', limits => '{"gateway": 2}'), 1, 'a job takes units of it');
SELECT is(refused($$ SELECT workflow.drop_limit('gateway') $$), 'WF017 limit "gateway" is in use', 'so it stays');
SELECT is(error($$ SELECT workflow.alter_limit('gateway', '{"max": 1}') $$),
    ARRAY['WF017', 'limit "gateway" cannot have less than 2 units', 'A run of job "pay" takes so many of them at once.',
        'HINT: Make a version of the job that takes fewer, and let its runs end or cancel them.'], 'it has as many units as the job takes');
SELECT is((error($$ SELECT workflow.alter_limit('gateway', '{"max": null, "rate": 1}') $$))[1], 'WF017', 'in any interval, too');
SELECT lives_ok($$ SELECT workflow.alter_limit('gateway', '{"max": 2}') $$, 'no more');
SELECT is(workflow.create_job('pay'), 2, 'until a version of the job does not');
SELECT lives_ok($$ SELECT workflow.alter_limit('gateway', '{"max": 1}') $$, 'then it is lowered');
SELECT lives_ok($$ SELECT workflow.drop_limit('gateway') $$, 'then it is dropped');

\set end :srcdir '/end.psql'
\i :end
