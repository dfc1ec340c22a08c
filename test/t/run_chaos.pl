# Runs of all kinds while executors are terminated, workers killed and the server stopped
# in the middle of everything: atomic ones are done exactly once, each part of a tracked
# procedure is, and runs of outside workers at least once, with exactly one completion
# that counts. CHAOS says how many times as many runs as usually: with 50 there are 100,000
# atomic, 20,000 tracked ones and 50,000 of outside workers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $times = $ENV{CHAOS} || 1;
my ($atomic, $tracked, $outside) = (2000 * $times, 400 * $times, 1000 * $times);
my $lease = '3 seconds';
my $node = workflow_node('run_chaos', 'workflow.max_job_executors = 4', 'max_worker_processes = 20');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE row (n int);
	CREATE TABLE part (n int, k int);
	CREATE TABLE call (run uuid);
	CREATE TABLE own (run uuid);
	CREATE FUNCTION add(params jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO row VALUES ((params->>''n'')::int)';
	CREATE PROCEDURE parts(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		FOR k IN 1 .. 3 LOOP
			CONTINUE WHEN workflow.checkpoint('part ' || k) IS NOT NULL;
			INSERT INTO part VALUES ((params->>'n')::int, k);
			PERFORM workflow.save_checkpoint('part ' || k, 'true');
			COMMIT;
		END LOOP;
	END $$;
	SELECT workflow.create_queue('out', max_parallel => 100000, partition_limit => 100000);
	SELECT workflow.create_job('add', 'add');
	SELECT workflow.create_job('parts', 'parts', mode => 'tracked');
	SELECT workflow.create_job('out', queue => 'out')});

sub make_runs
{
	my ($job, $n) = @_;

	as($node, 'clerk', qq{SELECT count(*) FROM workflow.run_jobs('$job', ARRAY(
		SELECT jsonb_build_object('n', n) FROM generate_series(1, $n) n))});
	return;
}

# --- workers ---------------------------------------------------------------------------------

# What a worker does for the world outside is a call here; what it writes in this database
# is part of the transaction in which the runs are completed. One that has nothing to do
# waits, so that it is still there when the lease of one that was killed is over.
my $turn = qq{
CALL workflow.await_work('out', '1 second') \\g /dev/null
SELECT coalesce(array_agg(run), '{}') AS runs, coalesce(array_agg(fence), '{}') AS fences
	FROM workflow.claim('out', 'worker', 20, '$lease') \\gset
INSERT INTO shop.call SELECT unnest(:'runs'::uuid[]);
WITH taken AS (SELECT run FROM workflow.complete_many(:'runs', :'fences') t(run)) INSERT INTO shop.own SELECT run FROM taken;
};
my $script = $node->basedir . '/worker.sql';
append_to_file($script, $turn x 2000);
my @workers;

sub start_worker
{
	my ($i) = @_;

	my ($in, $out, $err) = ('', '', '');
	$workers[$i] = IPC::Run::start(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $script, $node->connstr('postgres') . ' user=clerk' ],
		\$in, \$out, \$err);
	return;
}

sub kill_worker
{
	my ($i) = @_;

	return unless defined $workers[$i];
	$workers[$i]->kill_kill(grace => 0);
	$workers[$i] = undef;
	return;
}

# --- chaos -------------------------------------------------------------------------------------

my $ended = 'SELECT count(*) FROM workflow.run_history';
my $all = $atomic + $tracked + $outside;
my $stops = 0;

make_runs('add', $atomic);
make_runs('parts', $tracked);
make_runs('out', $outside);
start_worker($_) foreach 0 .. 3;
srand(4711);
for (;;)
{
	my $now = $node->safe_psql('postgres', $ended);

	last if $now == $all;
	if ($stops < 3 && $now > $all * ($stops + 1) / 4)
	{
		$stops++;
		$node->stop('immediate');
		$node->start;
	}
	elsif (rand() < 0.5)
	{
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity
			WHERE kind = 'executor' AND pid IS NOT NULL ORDER BY random() LIMIT 1});
	}
	kill_worker(int rand 4);
	for my $i (0 .. 3)
	{
		kill_worker($i) if defined $workers[$i] && !$workers[$i]->pumpable;
		start_worker($i) unless defined $workers[$i];
	}
	wait_for($node, "SELECT n > $now FROM ($ended) e(n)", 'more of them');
}
kill_worker($_) foreach 0 .. 3;

# --- what has become of them ---------------------------------------------------------------------

sub is_once
{
	my ($table, $columns, $wanted, $name) = @_;

	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT ($columns)) FROM shop.$table"), "$wanted|$wanted", $name);
	return;
}

is_once('row', 'n', $atomic, 'each atomic run was done exactly once');
is_once('part', 'n, k', 3 * $tracked, 'and so was each part of a procedure');
is_once('own', 'run', $outside, 'and what a worker writes where it completes a run');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT run) FROM shop.call'), $outside, 'workers have called for each run');
is($node->safe_psql('postgres', q{SELECT j.name, workflow.run_state(h.state), count(*), count(DISTINCT run)
	FROM workflow.run_history h JOIN workflow.job j ON j.id = h.job GROUP BY 1, 2 ORDER BY 1, 2}),
	"add|finished|$atomic|$atomic\nout|finished|$outside|$outside\nparts|finished|$tracked|$tracked",
	'each run has finished once');
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM workflow.run), (SELECT count(*) FROM workflow.checkpoint)'), '0|0', 'nothing is left of them');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'everything fits together');
note('calls made again: ', $node->safe_psql('postgres', "SELECT count(*) - $outside FROM shop.call"));

unlike(log_since($node), qr/as taken, and runs have/, 'the runtime has not found a permit that was counted wrongly');
$node->stop;
done_testing();
