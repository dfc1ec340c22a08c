\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- No executor works here. Code of jobs runs in call_job(); runs end by claim() and
-- complete() of an outside worker, or by cancel_run().
CREATE TABLE done (n int, text text DEFAULT '');
CREATE FUNCTION echo(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT params $$;
CREATE FUNCTION told(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_array(params, run) $$;
CREATE FUNCTION many(runs jsonb[]) RETURNS jsonb[] LANGUAGE sql AS $$ SELECT runs $$;
CREATE FUNCTION named(a int, b text DEFAULT 'y') RETURNS text LANGUAGE sql AS $$ SELECT b || a $$;
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$;
CREATE FUNCTION twice(a text) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION rows(params jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT params $$;
CREATE FUNCTION who(params jsonb) RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;
CREATE FUNCTION broken(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(1 / 0) $$;
CREATE PROCEDURE steps(params jsonb) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO done VALUES (1); COMMIT; END $$;
CREATE PROCEDURE pinned(params jsonb) LANGUAGE plpgsql SET search_path TO app AS $$ BEGIN COMMIT; END $$;
CREATE DOMAIN even AS int CHECK (value % 2 = 0);
CREATE TYPE pair AS (x int, y int);
-- The SQLSTATE of a command, and what a job answers.
CREATE FUNCTION code(command text) RETURNS text LANGUAGE sql AS $$ SELECT (error(command))[1] $$;
CREATE FUNCTION call(job text, params jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$ SELECT workflow.call_job(job, params)::text $$;
-- What is wrong with parameters.
CREATE FUNCTION wrong(job text, params jsonb) RETURNS text[] LANGUAGE sql AS
    $$ SELECT error(format('SELECT workflow.call_job(%L, %L)', job, params)) $$;
-- What is wrong with a job.
CREATE FUNCTION refused(command text, more text DEFAULT '') RETURNS text[] LANGUAGE sql AS
    $$ SELECT error(format('SELECT workflow.create_job(''bad'', %L %s)', command, more)) $$;

-- functions
SELECT is(workflow.create_job('echo', 'echo'), 1, 'a job is a function of its parameters');
SELECT is(call('echo', '{"a": 1}'), '{"a": 1}', 'which is called with them');
SELECT is(call('echo'), '{}', 'or without');
SELECT is(workflow.create_job('told', 'told'), 1, 'or one that is told of the run, too');
SELECT is(workflow.create_job('many', 'many'), 1, 'or of many runs at once');
SELECT is(workflow.create_job('named', 'app.named'), 1, 'or one that takes them by names');
SELECT is(call('named', '{"a": 1, "b": "x"}') || call('named', '{"b": "z", "a": 2}'), '"x1""z2"', 'in any order');
SELECT is(workflow.create_job('declared', 'named', '{"a": "int", "b": {"type": "text", "default": "x"}}'), 1, 'which may be declared');
SELECT is(call('declared', '{"a": "7"}'), '"x7"', 'with defaults of the job');
SELECT is((SELECT array_agg(format('%s %s', name, function) ORDER BY name) FROM workflow.jobs), ARRAY[
          'declared app.named(integer,pg_catalog.text)', 'echo app.echo(pg_catalog.jsonb)',
          'many app.many(pg_catalog.jsonb[])', 'named app.named(integer,pg_catalog.text)',
          'told app.told(pg_catalog.jsonb,pg_catalog.jsonb)'], 'the function is looked up once');
SELECT is(workflow.create_job('broken', 'broken'), 1, 'a function that fails');
SELECT is(code('SELECT workflow.call_job(''broken'')'), '22012', 'fails in call_job() with its own error');

-- statements
SELECT is(workflow.create_job('add', 'SELECT $a::int + $b::int'), 1, 'a job is a statement');
SELECT is(call('add', '{"a": "41", "b": 1}'), '42', 'with parameters by name');
SELECT is(workflow.create_job('twice', 'SELECT $a::int + $a::int'), 1, 'one that comes twice');
SELECT is(call('twice', '{"a": 4}'), '8', 'is one');
SELECT is(workflow.create_job('texts', $_$ SELECT '$a' || E'\'$b' || $tag$ $c '$d' $tag$ || $$ $e $$ AS "$f" /* $g /* $h */ $i */ -- $j$_$), 1,
          'strings, bodies, identifiers and comments have none');
SELECT is(call('texts'), $_$"$a'$b $c '$d'  $e "$_$, 'they stay as they are');
SELECT is(workflow.create_job('write', 'INSERT INTO done VALUES ($n, $text) RETURNING n', '{"n": "int", "text": "text"}'), 1, 'a statement that writes');
SELECT is(call('write', '{"n": 5, "text": "a"}'), '5', 'returns the first column of its first row');
SELECT is((SELECT array_agg(done::text) FROM done), ARRAY['(5,a)'], 'and has written in this transaction');
SELECT is(workflow.create_job('silent', 'DELETE FROM done'), 1, 'a statement that returns nothing');
SELECT is(call('silent'), NULL, 'has null as its result');
SELECT is((SELECT count(*) FROM done), 0::bigint, 'and was executed');
SELECT is(workflow.create_job('typed', 'SELECT 1.5', result => 'numeric(5,2)'), 1, 'the type of a result');
SELECT is(workflow.create_job('none', 'SELECT 1', result => 'none'), 1, 'or none');
SELECT is((SELECT array_agg(result ORDER BY name) FROM workflow.jobs WHERE name IN ('typed', 'none')), ARRAY['none', 'numeric(5,2)'], 'shows');
SELECT is(call('none'), NULL, 'and is not kept then');

-- procedures and tracked jobs
SELECT is(workflow.create_job('steps', 'steps', mode => 'tracked'), 1, 'a procedure');
SELECT is(workflow.create_job('slow', 'echo', mode => 'tracked', timeout => '1 min'), 1, 'a function that takes long');
SELECT is((error('SELECT workflow.call_job(''steps'')'))[1:2], ARRAY['0A000', 'job "steps" cannot be called'], 'are not called');
SELECT is((error('SELECT workflow.call_job(''slow'')')), ARRAY['0A000', 'job "slow" cannot be called', 'It is tracked.', 'HINT: Make a run of it with workflow.run_job().'], 'neither');
SELECT is((error('SELECT workflow.call_job(''many'')'))[3], 'It takes many runs at once.', 'nor what takes many runs');
SET client_min_messages TO error;
SELECT is(workflow.create_job('pinned', 'pinned', mode => 'tracked'), 1, 'one that cannot commit is warned of');
SET client_min_messages TO warning;
SELECT is(workflow.create_job('out'), 1, 'without a command workers do it');
SELECT is((error('SELECT workflow.call_job(''out'')'))[3], 'It has no command.', 'and nobody else');
SELECT is((SELECT array_agg(name || ' ' || mode ORDER BY name) FROM workflow.jobs WHERE name IN ('steps', 'out', 'echo')),
          ARRAY['echo atomic', 'out outside', 'steps tracked'], 'their modes');

-- versions
SELECT is(workflow.create_job('echo', 'echo'), 1, 'the same is the same version');
SELECT is(workflow.create_job('echo', 'echo', priority => 1), 2, 'something else the next one');
SELECT is(workflow.create_job('echo', 'echo', priority => 1), 2, 'which is the newest now');
SELECT is(workflow.create_job('echo', 'echo'), 3, 'also when it is as one before');
SELECT is(workflow.create_job('echo', 'echo', '{"a": "int"}'), 4, 'parameters');
SELECT is(workflow.create_job('echo', 'echo', '[{"name": "a", "type": "integer"}]'), 4, 'in another form are the same');
SELECT is(workflow.create_job('echo', 'echo', retry => '{"errors": ["X"], "maxAttempts": 2}'), 5, 'a retry');
SELECT is(workflow.create_job('echo', 'echo', start_within => '1 hour', on_lost => 'fail', description => 'says it again'), 6, 'all the rest');
SELECT is((SELECT (start_within, on_lost, description, owner, search_path, time_zone)::text FROM workflow.jobs WHERE name = 'echo' AND version = 6),
          '(01:00:00,fail,"says it again",regress_app,"app, public, pg_temp",UTC)', 'in the view');
SELECT is((SELECT count(*) FROM workflow.jobs WHERE name = 'echo'), 6::bigint, 'which has all versions');
SET LOCAL timezone TO 'Asia/Tokyo';
SELECT is(workflow.create_job('echo', 'echo', start_within => '1 hour', on_lost => 'fail', description => 'says it again'), 7, 'another time zone is another version');
SET LOCAL timezone TO 'UTC';

-- refusals
SELECT is(code($$ SELECT workflow.create_job(NULL, 'echo') $$), '22004', 'a job has a name');
SELECT is(error($$ SELECT workflow.create_job('', 'echo') $$), ARRAY['22023', 'the name of a job must not be empty, and have no ":"'], 'not an empty one');
SELECT is(code($$ SELECT workflow.create_job('a:b', 'echo') $$), '22023', 'no colon');
SELECT is(code($$ SELECT workflow.create_job(repeat('x', 1000), 'echo') $$), '22023', 'nor a long one');
SELECT is(refused('nix'), ARRAY['42883', 'function "nix" of the job does not exist',
          'HINT: It takes (params jsonb), (params jsonb, run jsonb), (runs jsonb[]), or parameters by name.'], 'the function exists');
SELECT is((refused('twice'))[1], '42725', 'there is one');
SELECT is((refused('rows'))[1], '0A000', 'that returns no set');
SELECT is((refused('sum'))[1] IN ('42809', '42883', '42725'), true, 'and is no aggregate');
SELECT is((refused('many', ', mode => ''tracked'''))[1], '0A000', 'many runs are atomic');
SELECT is(refused('SELECT 1; SELECT 2'), ARRAY['42601', 'the command of a job must be one statement', 'It has 2.', 'HINT: Write a function.'], 'one statement');
SELECT is((refused(''))[1] <> 'no error', true, 'not none');
SELECT is((refused('SELECT $1'))[1:3], ARRAY['42601', 'the command of a job has parameters by name, not by number', 'It has $1.'], 'names, not numbers');
SELECT is((refused('COMMIT AND CHAIN'))[1], '0A000', 'no transactions');
SELECT is((refused('VACUUM done'))[1], '0A000', 'nothing that is none');
SELECT is((refused('SELECT FROM nothing'))[1], '42P01', 'what it names exists');
SELECT is((refused('SELEKT 1'))[1], '42601', 'and it is SQL');
SELECT is((refused('SELECT $b::int', ', ''{"a": "int"}'''))[1:2], ARRAY['42P02', 'the command has a parameter "b" that is not declared'], 'with the parameters that are declared');
SELECT is((refused('echo', ', mode => ''fast'''))[1:2], ARRAY['22023', 'mode must be "atomic" or "tracked"'], 'mode');
SELECT is((refused('echo', ', priority => 3'))[1:2], ARRAY['22023', 'priority must be between -2 and 2'], 'priority');
SELECT is((refused('echo', ', on_lost => ''x'''))[1:2], ARRAY['22023', 'on_lost must be "retry" or "fail"'], 'on_lost');
SELECT is((refused('echo', ', timeout => ''0'''))[1:2], ARRAY['22023', 'timeout must be positive'], 'timeout');
SELECT is((refused('echo', ', start_within => ''-1 s'''))[1], '22023', 'start_within');
SELECT is((refused('echo', ', timeout => ''200 years'''))[1:2], ARRAY['22023', 'timeout must not be longer than 36600 days'], 'for ever is null');
SELECT is((refused('echo', ', timeout => ''300000 years -107999999 days'''))[1:2], ARRAY['22023', 'timeout must not be longer than 36600 days'], 'nor is any time so far away on the way');
SELECT is((refused('echo', ', partition => '''''))[1], '22023', 'partition');
SELECT is((refused('echo', ', partition => repeat(''x'', 1001)'))[1], '22001', 'a long one');
SELECT is((refused('echo', ', result => ''nothing'''))[1], '42704', 'result');
SELECT is((refused('echo', ', cache => ''{}'''))[1], '22023', 'cache');
SELECT is((refused('echo', ', queue => ''nothing'''))[1], 'WF010', 'queue');
SELECT is((refused('echo', ', limits => ''{"nothing": 1}'''))[1], 'WF010', 'limits');
SELECT is((refused('echo', ', limits => ''[]'''))[1], '22023', 'as an object');
SELECT is((refused('echo', ', retry => ''{"errors": "*", "maxAttempts": -1}'''))[1] <> 'no error', true, 'retry');
SELECT is((SELECT count(*) FROM workflow.jobs WHERE name = 'bad'), 0::bigint, 'nothing is left of it');

-- parameters
SELECT is((refused('echo', ', ''[1]'''))[1], '22023', 'parameters have names');
SELECT is((refused('echo', ', ''{"a": "nothing"}'''))[1] <> 'no error', true, 'types');
SELECT is((refused('echo', ', ''{"a": {"typ": "int"}}'''))[1], '22023', 'and nothing else');
SELECT is((error($$ SELECT workflow.create_job('default', 'echo', '{"a": {"type": "int", "default": "x"}}') $$))[1], '22023', 'a default that does not fit');
SELECT is((refused('echo', ', ''{"a": {"type": "int", "check": "value >"}}'''))[1] <> 'no error', true, 'checks that are expressions');
SELECT is(workflow.create_job('p', 'echo', '{
    "n": {"type": "int", "required": true, "check": "value > 0"},
    "even": "even", "pair": "pair", "day": "date", "list": "int[]",
    "text": {"type": "text", "default": "none"}}'), 1, 'parameters of all kinds');
SELECT is(call('p', '{"n": "7"}')::jsonb->'n', '7', 'a value is cast to its type');
SELECT is(call('p', '{"n": 7}')::jsonb->'text', '"none"', 'a default is put in');
SELECT is(call('p', '{"n": 7, "pair": {"x": 1}, "list": [1, "2"], "day": "2030-02-01", "even": 4}')::jsonb - 'text',
          '{"n": 7, "pair": {"x": 1, "y": null}, "list": [1, 2], "day": "2030-02-01", "even": 4}', 'rows and arrays, dates and domains');
SELECT is(wrong('p', '{}'), ARRAY['WF013', 'parameter "n" of job "p" is missing', 'It is a required integer.'], 'what is required must be there');
SELECT is(wrong('p', '{"n": null}'), ARRAY['WF013', 'parameter "n" of job "p" must not be null', 'It is a required integer.'], 'and be no null');
SELECT is(wrong('p', '{"n": "x"}'), ARRAY['WF013', 'wrong value of parameter "n" of job "p"', 'invalid input syntax for type integer: "x"'], 'a value has its type');
SELECT is(wrong('p', '{"n": -1}'), ARRAY['WF013', 'parameter "n" of job "p" violates its check', 'It must be so: value > 0'], 'passes its check');
SELECT is(workflow.create_job('at', 'echo', '{"n": {"type": "int", "check": "@value > 0"}}'), 1, 'an "@" before a check');
SELECT is((wrong('at', '{"n": -1}'))[2:3], ARRAY['parameter "n" of job "at" violates its check', 'It must be so: value > 0'], 'is not part of it');
SELECT is((wrong('p', '{"n": 1, "m": 2}'))[1:2], ARRAY['WF013', 'job "p" has no parameter "m"'], 'is declared');
SELECT is((wrong('p', '{"n": 1, "even": 3}'))[1], 'WF013', 'and is of its domain');
SELECT is((wrong('p', '{"n": 1, "day": "2030-02-30"}'))[1], 'WF013', 'a day that there is');
SELECT is((wrong('p', '{"n": [1]}'))[1], 'WF013', 'an array is no number');
SELECT is((wrong('p', '[1]'))[1:2], ARRAY['WF013', 'the parameters of job "p" must be an object'], 'together they are an object');
SELECT is((wrong('echo', '3'))[1], 'WF013', 'also where any will do');
SELECT is(code($$ SELECT workflow.run_job('p', '{"n": 0}') $$), 'WF013', 'run_job() looks as well');
SELECT is(code($$ SELECT workflow.run_jobs('p', ARRAY['{"n": 1}', '{"n": 0}']::jsonb[]) $$), 'WF013', 'and run_jobs()');
SELECT is(code($$ SELECT workflow.call_job('nothing') $$), 'WF010', 'the job exists');

-- runs
SELECT is(code($$ SELECT workflow.run_job('nothing') $$), 'WF010', 'a run is of a job');
SELECT is(code($$ SELECT workflow.run_job(NULL) $$), '22004', 'with a name');
SELECT workflow.run_job('out', '{"n": 1}') AS one \gset
SELECT workflow.run_job('out', '{"n": 2}') AS two \gset
SELECT isnt(:'one'::uuid, :'two'::uuid, 'without keys each is another one');
SELECT is((SELECT count(*) FROM workflow.run_jobs('out', ARRAY['{"n": 3}', '{"n": 4}']::jsonb[])), 2::bigint, 'many at once');
SELECT is((SELECT count(*) FROM workflow.run_jobs('out', '{}')), 0::bigint, 'or none');
SELECT is((SELECT array_agg(r = k) FROM (SELECT workflow.run_jobs('out', ARRAY['{}', '{}', '{}']::jsonb[], ARRAY['b', NULL, 'b']) r
           OFFSET 0) a, LATERAL (SELECT workflow.run_job('out', key => 'b') k) b), ARRAY[true, false, true], 'those of one key are one');
SELECT is(code($$ SELECT workflow.run_jobs('out', NULL) $$), '22004', 'params are needed');
SELECT is(code($$ SELECT workflow.run_jobs('out', ARRAY['{}']::jsonb[], ARRAY['a', 'b']) $$), '2202E', 'as many keys as params');
SELECT is(code($$ SELECT workflow.run_jobs('out', ARRAY['{}']::jsonb[], partitions => ARRAY['a', 'b']) $$), '2202E', 'and partitions');
SELECT is(code($$ SELECT workflow.run_job('out', priority => 3) $$), '22023', 'priorities go up to 2');
SELECT is(code($$ SELECT workflow.run_job('out', priority => -3) $$), '22023', 'and down to -2');
SELECT is(code($$ SELECT workflow.run_job('out', at => 'infinity') $$), '22008', 'a run is not for ever later');
SELECT is(code($$ SELECT workflow.run_job('out', partition => '') $$), '22023', 'a partition is not empty');
SELECT is(code($$ SELECT workflow.run_job('out', partition => repeat('x', 1001)) $$), '22001', 'nor long');
SELECT is(code($$ SELECT workflow.run_job('out', key => '') $$) <> 'no error', true, 'nor is a key empty');
SELECT is(code($$ SELECT workflow.run_job('out', key => repeat('x', 1025)) $$), '22001', 'or long');
SELECT is(code($$ SELECT workflow.run_job('out', on_conflict => 'x') $$), '22023', 'on_conflict is one of four');
SELECT is(code($$ SELECT workflow.run_job('out', queue => 'nothing') $$), 'WF010', 'the queue exists');

-- keys
CREATE FUNCTION finish(key text) RETURNS boolean LANGUAGE sql AS $$
    SELECT workflow.complete(c.run, c.fence) FROM workflow.claim('job:keyed', 'w', 10) c WHERE c.key = finish.key
$$;
SELECT FROM workflow.create_job('keyed');
SELECT workflow.run_job('keyed', '{"n": 1}', key => 'k') AS k \gset
SELECT is(workflow.run_job('keyed', '{"n": 2}', key => 'k'), :'k', 'existing: the run that there is');
SELECT is(workflow.run_job('keyed', key => 'k', on_conflict => 'active'), :'k', 'active: the same while it waits');
SELECT is(workflow.run_job('keyed', '{"n": 3}', key => 'k', on_conflict => 'replace'), :'k', 'replace: the same');
SELECT is(error($$ SELECT workflow.run_job('keyed', key => 'k', on_conflict => 'refuse') $$),
          ARRAY['WF016', 'a run of job "keyed" has the key "k" already', 'It is run ' || :'k' || '.'], 'refuse: an error');
SELECT isnt(workflow.run_job('out', key => 'k'), :'k', 'another job has keys of its own');
SELECT is((SELECT array_agg(format('%s %s %s', c.run = :'k', c.params, c.key)) FROM workflow.claim('job:keyed', 'w', 10) c), ARRAY['t {"n": 3} k'], 'it has the parameters of the last call');
SELECT is(workflow.run_job('keyed', '{"n": 4}', key => 'k', on_conflict => 'replace'), :'k', 'one that runs is left as it is');
SELECT is(workflow.cancel_run(:'k'), 'aborting', 'one that runs is told to stop');
SELECT workflow.run_job('keyed', key => 'l') AS l \gset
SELECT is(finish('l'), true, 'a run that has ended');
SELECT is(workflow.run_job('keyed', key => 'l'), :'l', 'is existing still');
SELECT is(code($$ SELECT workflow.run_job('keyed', key => 'l', on_conflict => 'refuse') $$), 'WF016', 'and refuses');
SELECT workflow.run_job('keyed', key => 'l', on_conflict => 'active') AS m \gset
SELECT isnt(:'m'::uuid, :'l'::uuid, 'but is not active');
SELECT is(workflow.run_job('keyed', key => 'l'), :'m', 'the new one has the key');
SELECT is(finish('l'), true, 'when that has ended');
SELECT isnt(workflow.run_job('keyed', key => 'l', on_conflict => 'replace'), :'m', 'there is nothing to replace');
SELECT is(code($$ SELECT workflow.run_job('keyed', '[]', key => 'n') $$), 'WF013', 'a call that is refused');
SELECT is((SELECT count(*) FROM workflow.claim('job:keyed', 'w', 10) c WHERE c.key = 'n'), 0::bigint, 'has made none');

-- cancelling
SELECT is(workflow.cancel_run(:'one'), 'aborted', 'a run that waits is aborted');
SELECT is(workflow.cancel_run(:'one'), 'aborted', 'and stays so');
SELECT is(workflow.cancel_run(:'two', force => true), 'aborted', 'with force, too');
SELECT is(workflow.cancel_run(:'l'), 'finished', 'one that has ended stays what it is');
SELECT is(error('SELECT workflow.cancel_run(''00000000-0000-7000-8000-000000000000'')'),
          ARRAY['WF010', 'run 00000000-0000-7000-8000-000000000000 does not exist', 'It may have ended so long ago that it is not remembered.'], 'there is such a run');
SELECT is(code('SELECT workflow.cancel_run(NULL)'), '22004', 'which is named');

-- queues and limits
SELECT FROM workflow.create_queue('q', max_parallel => 2, max_waiting => 2, on_full => 'refuse');
SELECT FROM workflow.create_limit('api', max => 5);
SELECT is(workflow.create_job('queued', queue => 'q', limits => '{"api": 2}'), 1, 'a job in a queue, with a limit');
SELECT is((SELECT count(workflow.run_job('queued')) FROM generate_series(1, 2)), 2::bigint, 'runs get into it');
SELECT is(error($$ SELECT workflow.run_job('queued') $$), ARRAY['WF011', 'queue "q" is full', '2 runs wait in it, of at most 2.'], 'until it is full');
SELECT is(code($$ SELECT workflow.run_job('out', queue => 'q') $$), 'WF011', 'for runs of other jobs as well');
SELECT is((SELECT (name, owner, max_parallel, max_waiting, on_full, paused, running, waiting)::text FROM workflow.queues),
          '(q,regress_app,2,2,refuse,f,0,2)', 'which the view shows');
SELECT is((SELECT (name, owner, max, rate)::text FROM workflow.limits), '(api,regress_app,5,)', 'there is one of limits');
SELECT is((SELECT (limits)::text FROM workflow.jobs WHERE name = 'queued'), '{"api": 2}', 'jobs name those that they take');
SELECT is((SELECT array_agg(queue ORDER BY name DESC) FROM workflow.jobs WHERE name IN ('queued', 'out')), ARRAY['q', 'job:out'], 'and the queue that their runs wait in');
SELECT is(code($$ SELECT workflow.drop_queue('q') $$), 'WF017', 'a queue with runs stays');
SELECT is(code($$ SELECT workflow.drop_limit('api') $$), 'WF017', 'so does a limit that a job names');
SELECT is(code($$ SELECT workflow.create_job('bad', queue => 'q', limits => '{"api": 0}') $$), '22023', 'units are positive');
SELECT is((error($$ SELECT workflow.create_job('bad', queue => 'q', limits => '{"api": 6}') $$))[1:3], ARRAY['22023', 'limit "api" has no 6 units at once', 'It has 5.'], 'there are as many');
SELECT is(code(format('SELECT workflow.create_job(''bad'', limits => %L)', l)), '22023', l) FROM unnest(ARRAY['{"api": 1.5}', '{"api": 1e30}', '{"api": null}', '{"api": -1e30}']) l;
SELECT lives_ok($$ SELECT workflow.pause_queue('q', 'no stock') $$, 'a queue is paused');
SELECT is((SELECT (paused, note)::text FROM workflow.queues), '(t,"no stock")', 'which shows');
SELECT is((SELECT count(*) FROM workflow.claim('q', 'w', 10)), 0::bigint, 'nothing is claimed from it');
SELECT FROM workflow.resume_queue('q');
SELECT is((SELECT count(*) FROM workflow.claim('q', 'w', 10)), 2::bigint, 'until it is resumed');
SELECT is((SELECT (paused, note, running, waiting, ready)::text FROM workflow.queues), '(f,,2,0,0)', 'they run');

-- dropping
SELECT workflow.create_job('short') AS v \gset
SELECT workflow.run_job('short') AS s \gset
SELECT is(error($$ SELECT workflow.drop_job('short') $$), ARRAY['WF017', 'job "short" has runs that wait or run', 'HINT: Cancel them with workflow.cancel_run().'], 'a job with runs stays');
SELECT is(workflow.cancel_run(:'s'), 'aborted', 'without');
SELECT lives_ok($$ SELECT workflow.drop_job('short') $$, 'it goes');
SELECT is((SELECT count(*) FROM workflow.jobs WHERE name = 'short'), 0::bigint, 'from the view');
SELECT is(code($$ SELECT workflow.run_job('short') $$), 'WF010', 'has no runs any more');
SELECT is(code($$ SELECT workflow.drop_job('short') $$), 'WF010', 'and is not dropped again');
SELECT is(workflow.cancel_run(:'s'), 'aborted', 'what has ended is remembered');
SELECT is(workflow.create_job('short'), 2, 'the name comes back with its next version');

-- rights
SELECT workflow.run_job('out') AS r \gset
SELECT FROM workflow.create_job('who', 'who');
SET ROLE regress_clerk;
SELECT is(app.code($$ SELECT workflow.create_job('who', 'app.who') $$), 'WF002', 'a name belongs to who made it first');
SELECT is(app.error($$ SELECT workflow.call_job('who') $$), ARRAY['WF002', 'permission denied to run job "who"',
          'HINT: Its owner can allow it with workflow.grant_on(''job:who'', ..., ''run'').'], 'others do not call it');
SELECT is(app.code($$ SELECT workflow.run_job('who') $$), 'WF002', 'nor make runs');
SELECT is(app.code($$ SELECT workflow.run_jobs('who', ARRAY['{}']::jsonb[]) $$), 'WF002', 'or many');
SELECT is(app.code($$ SELECT workflow.drop_job('who') $$), 'WF002', 'nor drop it');
SELECT is(app.code(format('SELECT workflow.cancel_run(%L)', :'r')), 'WF002', 'nor cancel runs');
SELECT is((SELECT count(*) FROM workflow.jobs), 0::bigint, 'nor see it');
SELECT is((SELECT count(*) FROM workflow.queues), 0::bigint, 'nor queues');
SET ROLE regress_app;
SELECT lives_ok($$ SELECT workflow.grant_on('job:who', 'regress_clerk', 'run') $$, 'its owner grants that');
SELECT FROM workflow.grant_on('job:out', 'regress_clerk', 'run');
SELECT is(code($$ SELECT workflow.grant_on('job:who', 'regress_clerk', 'start') $$), '22023', 'what there is for jobs');
SELECT is(code($$ SELECT workflow.grant_on('job:nothing', 'regress_clerk', 'run') $$), 'WF010', 'and jobs that there are');
SET ROLE regress_clerk;
SELECT is(workflow.call_job('who'), '"regress_app"', 'then it runs as its owner');
SELECT workflow.run_job('out') AS mine \gset
SELECT is(workflow.cancel_run(:'mine'), 'aborted', 'who made a run may cancel it');
SELECT is(app.code(format('SELECT workflow.cancel_run(%L)', :'r')), 'WF002', 'not those of others');
SELECT is(app.code($$ SELECT workflow.run_job('out', queue => 'q') $$), 'WF002', 'nor use queues that are not for him');
SELECT is(app.code($$ SELECT workflow.drop_job('who') $$), 'WF002', 'or drop the job');
SELECT is(app.code($$ SELECT workflow.create_job('hers', limits => '{"api": 1}') $$), 'WF002', 'or limits');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('job:who', 'regress_clerk', 'read');
SELECT FROM workflow.grant_on('job:out', 'regress_clerk', 'manage');
SET ROLE regress_clerk;
SELECT is((SELECT array_agg(name ORDER BY name) @> '{who}' FROM workflow.jobs), true, 'who may read sees it');
SELECT is(workflow.cancel_run(:'r'), 'aborted', 'who may manage cancels');
SET ROLE regress_app;
SELECT FROM workflow.revoke_on('job:who', 'regress_clerk', 'run');
SET ROLE regress_clerk;
SELECT is(app.code($$ SELECT workflow.call_job('who') $$), 'WF002', 'what is taken back is gone');
RESET ROLE;
GRANT workflow_monitor TO regress_stranger;
SET ROLE regress_stranger;
SELECT is((SELECT count(*) > 10 FROM workflow.jobs), true, 'workflow_monitor sees all');
RESET ROLE;
SELECT is((app.error($$ SELECT workflow.create_job('super', 'SELECT 1') $$))[1], 'WF002', 'a superuser owns no job');
SELECT is((app.error(format('SELECT workflow.%s', call)))[1:2], ARRAY['WF002', 'a superuser cannot own ' || what], 'the message says what: ' || what)
FROM (VALUES ('a job', $$create_job('super')$$), ('a schedule', $$create_schedule('super', job => 'who', every => '1 day')$$),
             ('an alert', $$create_alert('super', 'lag')$$), ('a table trigger', $$create_table_trigger('super', 'app.note', 'insert', job => 'who')$$),
             ('a file trigger', $$create_file_trigger('super', '/tmp', job => 'who')$$)) v (what, call);

-- keys that are given twice in one call
SET ROLE regress_app;
SELECT workflow.create_job('twice') \g /dev/null
CREATE TABLE app.twice AS SELECT id, n FROM workflow.run_jobs('twice', ARRAY['{"n": 1}', '{"n": 2}', '{"n": 3}', '{"n": 4}']::jsonb[], ARRAY['a', 'b', 'a', NULL])
    WITH ORDINALITY r(id, n);
SELECT is((SELECT string_agg((SELECT min(o.n) FROM app.twice o WHERE o.id = t.id)::text, ', ' ORDER BY t.n) FROM app.twice t), '1, 2, 1, 4', 'are those of one run');
SELECT is((SELECT count(*) FROM workflow.runs WHERE job = 'twice'), 3::bigint, 'which is made once');

\set end :srcdir '/end.psql'
\i :end
