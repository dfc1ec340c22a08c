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
