# Measures of load by the real runtime: what was done is counted, whoever is killed in between,
# and where nothing is done nothing is written.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('load', 'workflow.runtime_idle_timeout = 1s', 'workflow.executor_idle_timeout = 1s', 'workflow.sweep_interval = 1s',
	'workflow.max_attempts = 1', 'restart_after_crash = on', 'max_prepared_transactions = 5', 'log_min_error_statement = panic');

$node->safe_psql('postgres', 'CREATE SCHEMA app AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE FUNCTION app.work(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_sleep(0.002);
		IF (params->>'n')::int % 10 = 0 THEN RAISE 'no'; END IF;
		RETURN params;
	END $$;
	CREATE FUNCTION app.spoil(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$;
	SELECT workflow.create_job('work', 'app.work', parameters => '{"n": "int"}', retry => '{"errors": "*", "maxAttempts": 1}');
	SELECT workflow.create_queue('line');
	SELECT workflow.create_job('outside', queue => 'line');
	SELECT workflow.define('{"id": "short", "initial": "a", "context": {"n": 0}, "states": {
		"a": {"after": {"1": [{"target": "spoilt", "guard": {"@expr": "(context->>''n'')::int % 10 = 0"}, "actions": "app.spoil"}, "b"]}},
		"b": {"after": {"1": "c"}}, "spoilt": {}, "c": {"type": "final"}}}')});
$node->safe_psql('postgres', q{SELECT workflow.grant_on('queue:line', 'clerk', 'claim')});

# What load() says of all times, and the same by the tables.
my $counted = q{SELECT string_agg(format('%s %s %s %s', kind, started, finished, failed), ', ' ORDER BY kind)
	FROM (SELECT kind, sum(started) AS started, sum(finished) AS finished, sum(failed) AS failed FROM workflow.load('2020-01-01', '2100-01-01', '50 years') GROUP BY kind) l};
my $truth = q{SELECT format('processes %s %s %s, runs %s %s %s', (SELECT count(*) FROM workflow.process WHERE step > 0),
	(SELECT count(*) FROM workflow.process WHERE status = 'finalized'), (SELECT count(*) FROM workflow.process WHERE status IN ('error', 'terminated') AND states <> '{}'),
	(SELECT count(begun) FROM workflow.run_history) + (SELECT count(*) FROM workflow.run WHERE state > 0),
	(SELECT count(*) FROM workflow.run_history WHERE state = 3), (SELECT count(*) FROM workflow.run_history WHERE state = 4))};
# By the minute, too: when rows of processes and runs say that it was.
my $by_minute = q{SELECT string_agg(format('%s %s %s', at, finished, failed), ', ' ORDER BY at) FROM (SELECT at, sum(finished) AS finished, sum(failed) AS failed
	FROM workflow.load(now() - interval '1 day', now() + interval '1 day', '1 minute', '{job}') GROUP BY at) l WHERE finished + failed > 0};
my $truth_by_minute = q{SELECT string_agg(format('%s %s %s', at, finished, failed), ', ' ORDER BY at) FROM (SELECT date_trunc('minute', ended_at) AS at,
	count(*) FILTER (WHERE state = 3) AS finished, count(*) FILTER (WHERE state = 4) AS failed FROM workflow.run_history WHERE state IN (3, 4) GROUP BY 1) h};
my $at_work = q{(SELECT count(*) FROM workflow.run) + (SELECT count(*) FROM workflow.timer WHERE NOT parked)};

sub rests
{
	my ($what) = @_;

	wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname IS NOT NULL}, "rest, $what");
	return;
}

# --- chaos: executors and clients are killed, the server goes down in the middle ----------------

# A client that does a little of everything, with savepoints that are rolled back, until it ends.
my $clients = q{
	CREATE PROCEDURE app.client(n int) LANGUAGE plpgsql AS $$
	DECLARE
		claimed record;
	BEGIN
		FOR i IN 1 .. n LOOP
			PERFORM workflow.start('short', jsonb_build_object('n', i));
			PERFORM workflow.run_job('work', jsonb_build_object('n', i));
			COMMIT;
			BEGIN
				PERFORM workflow.start('short', jsonb_build_object('n', i));
				RAISE 'no';
			EXCEPTION WHEN OTHERS THEN
			END;
			PERFORM workflow.run_job('outside');
			COMMIT;
			FOR claimed IN SELECT c.run, c.fence FROM workflow.claim('line', 'w' || pg_backend_pid(), 2, '5 seconds') c LOOP
				PERFORM workflow.complete(claimed.run, claimed.fence);
			END LOOP;
			COMMIT;
		END LOOP;
	END $$};
as($node, 'clerk', $clients);
foreach my $round (1 .. 4)
{
	my @runs = map { IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' user=clerk', '-c', 'CALL app.client(150)' ],
			'<', \undef, '>', \my $out, '2>', \my $err) } 1 .. 2;

	wait_for($node, "SELECT count(*) > 20 * $round FROM workflow.run_history", "some work of round $round");
	if ($round == 4)
	{
		$node->stop('immediate');
	}
	else
	{
		my $victim = $round == 2 ? q{backend_type LIKE 'workflow executor%'} : q{backend_type = 'client backend' AND usename = 'clerk'};
		my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE $victim LIMIT 1");
		kill 'KILL', $pid if $pid;
	}
	$_->finish foreach @runs;
	$node->start if $round == 4;
	wait_for($node, 'SELECT true', "the server, after round $round");
}
# what is claimed and lost comes back; nobody claims it any more
wait_for($node, q{SELECT count(*) = 0 FROM workflow.run WHERE state > 0}, 'leases that end');
as($node, 'clerk', q{SELECT workflow.cancel_run(run) FROM workflow.runs WHERE job = 'outside' AND state = 'waiting'});
wait_for($node, "SELECT $at_work = 0", 'all of it');
is($node->safe_psql('postgres', $counted), $node->safe_psql('postgres', $truth), 'as much was counted as there is, after the chaos');
is($node->safe_psql('postgres', $by_minute), $node->safe_psql('postgres', $truth_by_minute), 'in each minute');
is($node->safe_psql('postgres', q{SELECT sum(in_flight) FROM workflow.load_now WHERE kind = 'processes'}),
	$node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process WHERE step > 0 AND NOT workflow.is_over(status, states, step)}), 'and so many are under way');

# --- a prepared transaction ---------------------------------------------------------------------

as($node, 'clerk', q{BEGIN; SELECT workflow.start('short', '{"n": 1}'); PREPARE TRANSACTION 'p'});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $counted), $node->safe_psql('postgres', $truth), 'what is prepared does not count');
as($node, 'clerk', q{COMMIT PREPARED 'p'});
wait_for($node, "SELECT $at_work = 0", 'its timers');
is($node->safe_psql('postgres', $counted), $node->safe_psql('postgres', $truth), 'until it is committed');

# --- minutes that are over are summed, and nobody comes after that -------------------------------

wait_for($node, 'SELECT count(*) = 0 FROM workflow.load_note', 'the end of the minute', 180);
is($node->safe_psql('postgres', $counted), $node->safe_psql('postgres', $truth), 'sums say the same');
rests('when all is summed');
my $state = q{SELECT pg_snapshot_xmax(pg_current_snapshot()) || ' ' || (SELECT count(*) FROM workflow.load_minute) || ' ' || (SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname IS NOT NULL)};
my $before = $node->safe_psql('postgres', $state);
my $left = $node->safe_psql('postgres', q{SELECT ceil(60 - extract(second FROM now())) + 3});
sleep $left;
is($node->safe_psql('postgres', $state), $before, 'a minute without work writes nothing, and wakes nobody');

# One event wakes somebody, once.  A runtime that comes late sums at its start what there is by
# then, and nothing is left for later.
my $noted = 0;
for (1 .. 20)
{
	as($node, 'clerk', q{SELECT workflow.start('short', '{"n": 1}')});
	wait_for($node, "SELECT $at_work = 0", 'its timers');
	rests('before the minute is over');
	$noted = $node->safe_psql('postgres', 'SELECT count(*) FROM workflow.load_note');
	last if $noted > 0;
}
cmp_ok($noted, '>', 0, 'there is something to sum');
# for us the minute is over at once
my $over = $node->safe_psql('postgres', q{SELECT date_trunc('minute', now()) + interval '61 seconds'});
$node->safe_psql('postgres', "ALTER SYSTEM SET workflow.test_clock = '$over'");
$node->reload;
wait_for($node, 'SELECT count(*) = 0 FROM workflow.load_note', 'the sums, by a runtime that comes for them');
is($node->safe_psql('postgres', $counted), $node->safe_psql('postgres', $truth), 'sums say the same once more');


$node->stop;
done_testing();
