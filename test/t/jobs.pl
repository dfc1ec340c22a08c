# Runs of jobs by the real executors: atomic ones are done exactly once whatever ends
# executors and the server, tracked ones are found when they are lost, and limits hold
# as the runs see it themselves.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('jobs', 'workflow.max_executors = 6', 'workflow.retry_delay = 100ms',
	'restart_after_crash = on');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE mark (n int, began timestamptz, ended timestamptz);
	CREATE FUNCTION one(params jsonb) RETURNS jsonb LANGUAGE sql AS
		'INSERT INTO mark VALUES ((params->>''n'')::int); SELECT params';
	CREATE FUNCTION nap(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE began timestamptz := clock_timestamp();
	BEGIN
		PERFORM pg_sleep((params->>'s')::float8);
		INSERT INTO mark VALUES ((params->>'n')::int, began, clock_timestamp());
	END $$;
	-- as long as somebody holds the gate
	CREATE FUNCTION pass(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_advisory_xact_lock(7);
		INSERT INTO mark VALUES ((params->>'n')::int);
	END $$;
	CREATE PROCEDURE parts(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 3 LOOP
			INSERT INTO mark VALUES (i);
			COMMIT;
		END LOOP;
	END $$;
	CREATE FUNCTION picky(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF (params->>'n')::int % 10 = 3 THEN RAISE 'not %', params; END IF;
		INSERT INTO mark VALUES ((params->>'n')::int);
	END $$;
	SELECT workflow.create_job('one', 'one');
	SELECT workflow.create_job('nap', 'nap', mode => 'tracked');
	SELECT workflow.create_job('pass', 'pass', mode => 'tracked');
	SELECT workflow.create_job('parts', 'parts', mode => 'tracked');
	SELECT workflow.create_job('picky', 'picky', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}');
	SELECT workflow.create_job('slow', 'nap', mode => 'tracked', timeout => '100 milliseconds', retry => '{"errors": "*", "maxAttempts": 0}');
	SELECT workflow.create_queue('narrow', max_parallel => 2);
	SELECT workflow.create_job('narrow', 'nap', mode => 'tracked', queue => 'narrow');
	SELECT workflow.create_job('narrow_gate', 'pass', mode => 'tracked', queue => 'narrow');
	SELECT workflow.create_queue('gap', max_parallel => 1, min_gap => '100 milliseconds');
	SELECT workflow.create_job('gap', 'nap', queue => 'gap');
	SELECT workflow.create_queue('each', partition_limit => 1);
	SELECT workflow.create_job('each', 'nap', mode => 'tracked', queue => 'each');
	SELECT workflow.create_limit('seats', max => 3);
	SELECT workflow.create_job('pair', 'nap', mode => 'tracked', limits => '{"seats": 2}')});

# What is left of runs, of a job.
sub left
{
	my ($job) = @_;

	return "workflow.run r JOIN workflow.job j ON j.id = r.job WHERE j.name = '$job'";
}

sub wait_for_end
{
	my ($job) = @_;

	wait_for($node, 'SELECT NOT EXISTS (SELECT FROM ' . left($job) . ')', "the end of $job");
	return;
}

# How runs of a job have ended: state, attempts that failed, how many.
sub ends
{
	my ($job) = @_;

	return $node->safe_psql('postgres', qq{SELECT workflow.run_state(h.state), h.attempts, count(*)
		FROM workflow.run_history h JOIN workflow.job j ON j.id = h.job WHERE j.name = '$job' GROUP BY 1, 2 ORDER BY 1, 2});
}

# The most that were at it at one time, as they saw it.
sub most_at_once
{
	return $node->safe_psql('postgres', q{SELECT max(n) FROM (SELECT count(*) AS n FROM shop.mark a
		JOIN shop.mark b ON b.began <= a.began AND b.ended > a.began GROUP BY a.ctid) c});
}

# --- atomic runs ---------------------------------------------------------------------------

my $runs = 20000;
as($node, 'clerk', qq{SELECT count(*) FROM workflow.run_jobs('one',
	(SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, $runs) n))});
for my $try (1 .. 6)
{
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM shop.mark');

	last if $before == $runs;
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
	if ($try == 3)
	{
		$node->stop('immediate');
		$node->start;
	}
	wait_for($node, "SELECT count(*) > $before FROM shop.mark", 'more of them');
}
wait_for_end('one');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM shop.mark'), "$runs|$runs",
	'each atomic run was done exactly once');
is(ends('one'), "finished|0|$runs", 'and has finished once');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT count(*) FROM workflow.run_jobs('picky',
	(SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, 40) n))});
wait_for_end('picky');
is(ends('picky'), "failed|2|4\nfinished|0|36", 'those that fail are tried again alone, and fail; the others are done');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.mark'), 36, 'and nothing of those is left');

# --- tracked runs ----------------------------------------------------------------------------

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('parts')});
wait_for_end('parts');
is($node->safe_psql('postgres', 'SELECT array_agg(n ORDER BY n) FROM shop.mark'), '{1,2,3}', 'a procedure commits');
is(ends('parts'), 'finished|0|1', 'and ends');
as($node, 'clerk', q{SET search_path = shop;
	SELECT workflow.create_job('whole', 'parts', retry => '{"errors": "*", "maxAttempts": 0}'); SELECT workflow.run_job('whole')});
wait_for_end('whole');
is($node->safe_psql('postgres', q{SELECT error->>'code', error->>'hint' FROM workflow.runs WHERE job = 'whole'}),
	'2D000|Only the procedure of a tracked job can COMMIT, and no function that it calls.', 'that of an atomic job does not');

as($node, 'clerk', q{SELECT workflow.run_job('slow', '{"s": 60}')});
wait_for_end('slow');
is(ends('slow'), 'failed|1|1', 'a run that takes longer than its job allows fails');

# Executors that wait at the gate, and how often their run has been lost.
my $at_gate = q{SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted};
my $losses = 'SELECT r.losses FROM ' . left('pass');
my $gate;

sub close_gate
{
	$gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(7)');
	return;
}

close_gate();
as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('pass', '{"n": 1}')});
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM ($at_gate) r");
wait_for($node, "SELECT ($losses) = 1", 'the loss');
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run once more');
kill 'KILL', $node->safe_psql('postgres', $at_gate);
wait_for_end('pass');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.mark'), 1, 'a run that was lost is done again, once');
is(ends('pass'), 'finished|0|1', 'and no attempt is counted');

close_gate();
my $run = as($node, 'clerk', q{SELECT workflow.run_job('pass', '{"n": 2}')});
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run');
is(as($node, 'clerk', q{SELECT job, run, event_since < now() FROM workflow.activity WHERE run IS NOT NULL}), "pass|$run|t",
	'activity shows which run an executor is at');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$run')"), 'aborting', 'a run that runs is asked to stop');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$run', true)"), 'aborting', 'or is interrupted');
wait_for_end('pass');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$run')"), 'aborted', 'and is aborted then');
$gate->quit;

# one whose end cannot be recorded, by another forced cancellation while the first one holds its row
close_gate();
$run = as($node, 'clerk', q{SELECT workflow.run_job('pass', '{"n": 4}')});
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run');
my $canceller = $node->background_psql('postgres');
my $log = -s $node->logfile;
$canceller->query_safe("BEGIN; SELECT workflow.cancel_run('$run', true)");
wait_for($node, q{SELECT bool_or(a.backend_type = 'workflow executor') FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND l.locktype = 'transactionid'}, 'its executor to wait for the row');
$canceller->query_safe("SELECT workflow.cancel_run('$run', true)");
wait_until(sub { slurp_file($node->logfile, $log) =~ /ERROR:  canceling statement/ }, 'it to be interrupted once more');
is($canceller->query_safe("SELECT state FROM workflow.runs WHERE run = '$run'"), 'aborting', 'it has not ended');
$canceller->query_safe('COMMIT');
$canceller->quit;
wait_for_end('pass');
is(as($node, 'clerk', "SELECT state FROM workflow.runs WHERE run = '$run'"), 'aborted', 'and ends when its row is free');
$gate->quit;

# one that is atomic, which others do not see running
as($node, 'clerk', q{SELECT workflow.create_job('still', 'SELECT pg_sleep($s)', '{"s": "float8"}', result => 'none')});
$run = as($node, 'clerk', q{SELECT workflow.run_job('still', '{"s": 1000}')});
my $behind = as($node, 'clerk', q{SELECT workflow.run_job('still', '{"s": 0}')});
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.activity WHERE run = '$run')", 'an executor to be at it');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$run', true)"), 'aborting', 'one that is atomic is interrupted, too');
as($node, 'clerk', "CALL workflow.await_run(ARRAY['$run', '$behind']::uuid[], timeout => '3 minutes')");
is(as($node, 'clerk', q{SELECT state, attempt FROM workflow.runs WHERE job = 'still' ORDER BY run}), "aborted|0\nfinished|1",
	'that is no attempt, and concerns no other run');

# a shutdown, which is not the fault of what is under way
as($node, 'clerk', q{SELECT workflow.create_job('held', 'SELECT pg_sleep($s)', '{"s": "float8"}', mode => 'tracked', result => 'none')});
$run = as($node, 'clerk', q{SELECT workflow.run_job('held', '{"s": 1000}')});
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.activity WHERE run = '$run')", 'an executor to be at it');
$node->restart;
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.activity WHERE run = '$run')", 'one to be at it again');
is(as($node, 'clerk', "SELECT state, losses FROM workflow.runs WHERE run = '$run'"), 'running|0', 'a run that was shut down has no loss');

# one that lasts: the runtime meets what it leaves before it ends itself
as($node, 'clerk', q{SELECT workflow.create_queue('outside'); SELECT workflow.create_job('letter', queue => 'outside'); SELECT workflow.run_job('letter')});
my $client = $node->background_psql('postgres');
my $pidfile = $node->data_dir . '/postmaster.pid';
kill 'TERM', slurp_file($pidfile) =~ /^(\d+)/;
wait_until(sub { slurp_file($pidfile) =~ /^stopping/m }, 'the shutdown to begin');
$client->query_safe(q{SELECT FROM workflow.claim('outside', 'w', 1, '100 milliseconds')});
foreach my $time (1, 2)
{
	wait_until(sub { $client->query_safe("SELECT count(*) FROM workflow.activity WHERE run = '$run'") }, 'an executor to be at it');
	$log = -s $node->logfile;
	$client->query_safe("SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE run = '$run'");
	wait_until(sub { slurp_file($node->logfile, $log) =~ /run $run of job "held" was lost/ }, 'the runtime to find it');
	wait_until(sub { $client->query_safe(q{SELECT lease_until < clock_timestamp() FROM workflow.runs WHERE job = 'letter'}) eq 't' }, 'the end of a lease');
}
is($client->query_safe("SELECT losses FROM workflow.runs WHERE run = '$run'"), 0, 'nor while the shutdown is under way');
is($client->query_safe(q{SELECT state FROM workflow.runs WHERE job = 'letter'}), 'running', 'and leases that nobody can extend do not end');
$client->quit;
wait_until(sub { !-e $pidfile }, 'the end of the server');
$node->_update_pid(0);
$node->start;
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.activity WHERE run = '$run')", 'an executor to be at it');
as($node, 'clerk', "SELECT workflow.cancel_run('$run', true); CALL workflow.await_run(ARRAY['$run']::uuid[])");

# --- limits ----------------------------------------------------------------------------------

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('narrow', '{"s": 0.05}') FROM generate_series(1, 12)});
wait_for($node, 'SELECT count(*) >= 3 FROM shop.mark', 'some of them');
$node->stop('immediate');
$node->start;
wait_for_end('narrow');
cmp_ok(most_at_once(), '<=', 2, 'no more runs than the queue allows, also after a crash');
close_gate();
as($node, 'clerk', q{SELECT workflow.run_job('narrow_gate', jsonb_build_object('n', n)) FROM generate_series(1, 3) n});
wait_for($node, "SELECT count(*) = 2 FROM ($at_gate) g", 'as many as it allows');
is(as($node, 'clerk', q{SELECT array_agg(waits_for) FROM workflow.runs WHERE job = 'narrow_gate' AND state = 'waiting'}), '{slot}',
	'no fewer either; who waits says for what');
$gate->quit;
wait_for_end('narrow_gate');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('each', '{"s": 0.02}', partition => p)
	FROM unnest('{a,b,c}'::text[]) p, generate_series(1, 4)});
wait_for_end('each');
cmp_ok(most_at_once(), '<=', 3, 'no more runs than partitions');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.mark'), 12, 'and all are done');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('pair', '{"s": 0.02}') FROM generate_series(1, 5)});
wait_for_end('pair');
is(most_at_once(), 1, 'two runs of two units do not go into three');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.run_job('gap', '{"s": 0}') FROM generate_series(1, 4)});
wait_for_end('gap');
is($node->safe_psql('postgres', q{SELECT bool_and(began - before >= '100 milliseconds')
	FROM (SELECT began, lag(ended) OVER (ORDER BY began) AS before FROM shop.mark) g}), 't', 'the gap is kept');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.pause_queue('narrow', 'lunch');
	SELECT workflow.run_job('narrow', '{"s": 0}'); SELECT workflow.run_job('nap', '{"s": 0}')});
wait_for_end('nap');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ' . left('narrow')), 1, 'a queue that is paused rests');
as($node, 'clerk', q{SELECT workflow.resume_queue('narrow')});
wait_for_end('narrow');

# --- what a procedure leaves behind --------------------------------------------------------------

as($node, 'clerk', q{
	SET search_path = shop;
	CREATE PROCEDURE untidy(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		CREATE TEMP TABLE mine (n int);
		PERFORM pg_advisory_lock(77);
		COMMIT;
		INSERT INTO mark VALUES (77);
		IF params ? 'fails' THEN RAISE 'untidy'; END IF;
	END $$;
	TRUNCATE mark;
	SELECT workflow.create_queue('single', max_parallel => 1);
	SELECT workflow.create_job('untidy', 'untidy', mode => 'tracked', queue => 'single', retry => '{"errors": "*", "maxAttempts": 0}');
	SELECT workflow.run_jobs('untidy', '{"{}", "{\"fails\": true}", "{}"}')});
wait_for_end('untidy');
is($node->safe_psql('postgres', q{SELECT array_agg(workflow.run_state(h.state) || COALESCE(' ' || (h.error->>'message'), '') ORDER BY h.begun)
	FROM workflow.run_history h JOIN workflow.job j ON j.id = h.job WHERE j.name = 'untidy'}), '{finished,"failed untidy",finished}',
	'temporary tables of a procedure that commits do not meet the next one');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77}), 0, 'its locks end with it');

# --- nothing to do ---------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE FUNCTION is_quiet() RETURNS boolean LANGUAGE plpgsql AS $$
	DECLARE
		looks CONSTANT numeric := (SELECT sum(a.looks) FROM workflow.activity a WHERE kind = 'executor');
	BEGIN
		PERFORM pg_sleep(1);
		RETURN looks = (SELECT sum(a.looks) FROM workflow.activity a WHERE kind = 'executor');
	END $$});
as($node, 'clerk', q{SELECT workflow.create_job('tick', 'SELECT 1'); SELECT workflow.create_schedule('ticks', 'tick', every => '1 second')});
wait_for($node, 'SELECT made > 1 FROM workflow.schedules', 'a schedule that fires');
as($node, 'clerk', q{SELECT workflow.drop_schedule('ticks')});
wait_for($node, 'SELECT is_quiet()', 'a second in which no executor looks for work');
ok(1, 'executors without work do not look for it');

unlike(log_since($node), qr/as taken, and runs have/, 'the runtime has not found a permit that was counted wrongly');
$node->stop;
done_testing();
