# A run whose code crashes the server fails after three crashes; one that ends its executor
# does, too.  The others go on, and what was only under way with them is not blamed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('run_crasher', 'restart_after_crash = on');

$node->safe_psql('postgres', q{
	CREATE SCHEMA shop AUTHORIZATION clerk;
	GRANT pg_execute_server_program TO clerk});
as($node, 'clerk', q{
	CREATE TABLE shop.note (n int PRIMARY KEY);
	CREATE TABLE shop.fault (n int, kind text);
	INSERT INTO shop.fault VALUES (30, 'crash');
	CREATE FUNCTION shop.do(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		kind text := (SELECT f.kind FROM shop.fault f WHERE f.n = (params->>'n')::int);
	BEGIN
		INSERT INTO shop.note VALUES ((params->>'n')::int);
		IF kind = 'crash' THEN
			PERFORM pg_sleep(0.3);
			EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
			PERFORM pg_sleep(60);
		ELSIF kind = 'end' THEN
			PERFORM pg_terminate_backend(pg_backend_pid());
			PERFORM pg_sleep(60);
		END IF;
	END $$;
	SELECT workflow.create_job('order', 'shop.do')});

# Somebody else's run that takes long is under way at the first crash.
workflow_role($node, 'baker');
$node->safe_psql('postgres', 'CREATE SCHEMA bakery AUTHORIZATION baker');
as($node, 'baker', q{
	CREATE FUNCTION bakery.bake(params jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(2)';
	SELECT workflow.create_job('bread', 'bakery.bake');
	SELECT workflow.run_job('bread')});
as($node, 'clerk', q{SELECT count(*) FROM workflow.run_jobs('order', ARRAY(
	SELECT jsonb_build_object('n', i) FROM generate_series(1, 1000) i))});

my $ends = q{SELECT workflow.run_state(h.state), count(*) FROM workflow.run_history h JOIN workflow.job j ON j.id = h.job
	WHERE j.name = '%s' GROUP BY 1 ORDER BY 1};

wait_for($node, 'SELECT NOT EXISTS (SELECT FROM workflow.run)', 'all of them to end');
my @crashes = slurp_file($node->logfile) =~ /was terminated by signal 9/g;
is(scalar @crashes, 3, 'the server crashed three times');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM shop.note'), '999|999', 'each good one was done once');
is($node->safe_psql('postgres', sprintf($ends, 'order')), "failed|1\nfinished|999", 'the bad one failed');
is($node->safe_psql('postgres', q{SELECT params->>'n', error->>'code', losses FROM workflow.run_history WHERE state = 4}), '30|lost|3',
	'because it was lost each time');
is($node->safe_psql('postgres', sprintf($ends, 'bread')), 'finished|1', 'the slow one did not');

# An executor that its run ends is no crash, and the same in the end.
as($node, 'clerk', q{INSERT INTO shop.fault VALUES (1001, 'end');
	SELECT count(*) FROM workflow.run_jobs('order', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1001, 1010) i))});
wait_for($node, 'SELECT NOT EXISTS (SELECT FROM workflow.run)', 'the end of them');
is($node->safe_psql('postgres', q{SELECT params->>'n', error->>'code' FROM workflow.run_history WHERE state = 4 ORDER BY 1}), "1001|lost\n30|lost",
	'a run that terminates its executor each time fails');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.note'), '1008', 'and the others are done');
is(scalar(() = slurp_file($node->logfile) =~ /was terminated by signal 9/g), 3, 'without a crash');

# A run that ends its executor has no permit any more when its loss is counted.
as($node, 'clerk', q{INSERT INTO shop.fault VALUES (1011, 'end');
	SELECT workflow.create_queue('narrow', max_parallel => 1); SELECT workflow.create_job('alone', 'shop.do', queue => 'narrow');
	SELECT workflow.run_job('alone', '{"n": 1011}')});
wait_for($node, 'SELECT NOT EXISTS (SELECT FROM workflow.run)', 'its end');
is($node->safe_psql('postgres', q{SELECT losses FROM workflow.runs WHERE job = 'alone'}), 3, 'it was lost');
as($node, 'clerk', q{SELECT workflow.create_job('long', 'SELECT pg_sleep($s)', '{"s": "float8"}', mode => 'tracked', result => 'none', queue => 'narrow');
	SELECT workflow.run_job('long', '{"s": 1000}') FROM generate_series(1, 3)});
wait_for($node, q{SELECT count(*) FILTER (WHERE state = 'running') = 1 AND bool_or(waits_for = 'slot') FROM workflow.runs WHERE job = 'long'},
	'one of three to run');
pass('its queue has as many permits as before');
as($node, 'clerk', q{SELECT workflow.cancel_run(run, true) FROM workflow.runs WHERE job = 'long'});
wait_for($node, 'SELECT NOT EXISTS (SELECT FROM workflow.run)', 'their end');

# What was under way at a shutdown is not blamed for a crash that comes later.
as($node, 'baker', q{SELECT workflow.create_queue('oven'); SELECT workflow.create_job('cake', 'SELECT pg_sleep($s)', '{"s": "float8"}', queue => 'oven', result => 'none');
	SELECT workflow.run_job('cake', '{"s": 1000}')});
wait_for($node, q{SELECT EXISTS (SELECT FROM workflow.activity WHERE job = 'cake')}, 'an executor to be at it');
as($node, 'baker', q{SELECT workflow.pause_queue('oven')});
$node->restart;
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'workflow launcher')}, 'the launcher');
kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow launcher'});
wait_until(sub { slurp_file($node->logfile) =~ /"workflow launcher" \(PID \d+\) was terminated by signal 9/ }, 'the crash');
wait_for($node, 'SELECT true', 'the server');
as($node, 'baker', q{SELECT workflow.run_job('bread')});
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.runs WHERE job = 'bread' AND state <> 'finished')}, 'another run of its owner');
is($node->safe_psql('postgres', q{SELECT state, losses FROM workflow.runs WHERE job = 'cake'}), 'waiting|0', 'a run that a shutdown has met is not blamed');
as($node, 'baker', q{SELECT workflow.cancel_run(run) FROM workflow.runs WHERE job = 'cake'});

# A command that takes many runs at once: only the first of the call is known to have been under way.
as($node, 'clerk', q{INSERT INTO shop.fault VALUES (2407, 'crash');
	CREATE FUNCTION shop.do_many(params jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		one jsonb;
	BEGIN
		FOREACH one IN ARRAY params LOOP
			PERFORM shop.do(one);
		END LOOP;
	END $$;
	SELECT workflow.create_job('many', 'shop.do_many');
	SELECT count(*) FROM workflow.run_jobs('many', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(2001, 2500) i))});
wait_for($node, 'SELECT NOT EXISTS (SELECT FROM workflow.run)', 'the end of those, too');
is($node->safe_psql('postgres', sprintf($ends, 'many')), "failed|1\nfinished|499", 'of many at once only the bad one failed');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE n = 2407) FROM shop.note WHERE n > 2000}),
	'499|499|0', 'each good one was done once');
cmp_ok(scalar(() = slurp_file($node->logfile) =~ /was terminated by signal 9/g), '<=', 9, 'after a few crashes');

$node->stop;
done_testing();
