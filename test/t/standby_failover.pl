# Two standbys that work for a primary: one is killed, the primary is, one is promoted, the
# other one follows it, the old primary comes back as a standby, and is promoted again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(allows_streaming => 1);
$home->append_conf('postgresql.conf', join("\n", "shared_preload_libraries = 'workflow'", 'max_worker_processes = 32',
	'restart_after_crash = on', 'workflow.sweep_interval = 1s', "workflow.runtime_id = 'H'", 'workflow.allow_superuser = on', ''));
$home->start;
$home->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($home, $_) foreach 'clerk', 'ann', 'bob';
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app;
	GRANT USAGE ON SCHEMA app TO PUBLIC;
	CREATE FUNCTION app.slow(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_sleep((params->>'s')::float); RETURN jsonb_build_object('standby', pg_is_in_recovery(), 'user', session_user); END$$;
	CREATE FUNCTION app.gated(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN jsonb_build_object('standby', pg_is_in_recovery()); END$$;
	CREATE FUNCTION app.release(params jsonb) RETURNS text LANGUAGE plpgsql AS
		$$BEGIN PERFORM set_config('transaction_read_only', 'off', false); RETURN 'free'; END$$;
	CREATE FUNCTION app.end(params jsonb) RETURNS void LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END$$;
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3')});
foreach my $role ('clerk', 'ann', 'bob', 'postgres')
{
	as($home, $role, qq{
		SELECT workflow.create_queue('$role', placement => '{standby}');
		SELECT workflow.create_job('slow $role', 'app.slow', queue => '$role'),
			workflow.create_job('gated $role', 'app.gated', queue => '$role'),
			workflow.create_job('release $role', 'app.release', queue => '$role', retry => '{"errors": "*", "maxAttempts": 0}'),
			workflow.create_job('end $role', 'app.end', queue => '$role', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}')});
}
$home->backup('base');

my @standbys = map { PostgreSQL::Test::Cluster->new($_) } 'one', 'two';
my $n = 0;
foreach my $standby (@standbys)
{
	# runs that wait are not to hold replay up
	$standby->init_from_backup($home, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nworkflow.runtime_id = 'S" . ++$n . "'\nworkflow.remote = 'host="
		. join(',', map { $_->host } $home, @standbys) . ' port=' . join(',', map { $_->port } $home, @standbys) . " dbname=postgres user=link'");
	$standby->start;
}

sub run_of { return as($_[0], $_[1], "SELECT workflow.run_job('$_[2] $_[1]', '{\"s\": " . ($_[3] // 0) . "}')"); }
sub ended
{
	my ($node, $run, $expected, $what) = @_;

	wait_for($node, "SELECT state IN ('finished', 'failed') FROM workflow.get_run('$run')", "run $run to end");
	like($node->safe_psql('postgres', "SELECT state, attempt, result, error ->> 'code', runtime FROM workflow.get_run('$run')"), $expected, $what);
	return;
}

sub wait_until_alive
{
	wait_for($_, q{SELECT state = 'alive' AND courier_pid IS NOT NULL FROM workflow.membership}, 'a standby to be alive') foreach @_;
	return;
}

wait_until_alive(@standbys);

# ---- what runs there ------------------------------------------------------------------------

ended($home, run_of($home, 'postgres', 'slow'), qr/^failed\|1\|\|WF002\|S/, 'a superuser has nothing done there');
ended($home, run_of($home, 'clerk', 'release'), qr/^failed\|1\|\|25001\|S/, 'nobody gets a transaction that can write');
ended($home, run_of($home, 'clerk', 'end'), qr/^failed\|2\|\|57P01\|S/, 'who ends its session fails, as its job has it');
foreach my $role ('clerk', 'ann', 'bob')
{
	$home->safe_psql('postgres', "SET ROLE $role; SELECT workflow.run_job('slow $role', '{\"s\": 0.01}') FROM generate_series(1, 40)");
}
wait_for($home, q{SELECT count(*) = 0 FROM workflow.runs WHERE state IN ('waiting', 'running')}, 'many runs of three roles to end');
is($home->safe_psql('postgres', q{SELECT count(*) FROM workflow.runs WHERE state = 'finished' AND result = jsonb_build_object('standby', true, 'user', split_part(job, ' ', 2))}),
	120, 'many runs of three roles, in few sessions');

# ---- who is killed ----------------------------------------------------------------------------

# Runs of the job "gated" end when the gates open; those of a server that crashes are open then.
my @gates;
sub close_gates
{
	@gates = map { $_->background_psql('postgres', on_error_stop => 1) } @standbys;
	$_->query_safe('SELECT pg_advisory_lock(1)') foreach @gates;
	return;
}
sub open_gates
{
	eval { $_->quit } foreach @gates;
	return;
}

close_gates();
my $run = run_of($home, 'clerk', 'gated');
wait_for($home, "SELECT state = 'running' FROM workflow.get_run('$run')", 'a run to begin');
my $at = $home->safe_psql('postgres', "SELECT runtime = 'S1' FROM workflow.get_run('$run')") eq 't' ? $standbys[0] : $standbys[1];
wait_for($at, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event = 'advisory'}, 'it to be under way');
kill KILL => $at->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event = 'advisory'});
open_gates();
ended($home, $run, qr/^finished\|1\|.*true/, 'a standby crashes: its run is done once more');
$at->poll_query_until('postgres', 'SELECT true');
wait_until_alive(@standbys);

close_gates();
$run = run_of($home, 'clerk', 'gated');
wait_for($home, "SELECT state = 'running' FROM workflow.get_run('$run')", 'a run to begin');
$home->stop('immediate');
open_gates();
sleep(3);
$home->start;
ended($home, $run, qr/^finished\|1\|.*true/, 'the primary crashes: it gets the result when it is back');
wait_until_alive(@standbys);

# ---- another primary -----------------------------------------------------------------------------

# However long the promotion takes: no run ends before it, and the other standby lives.
close_gates();
$home->safe_psql('postgres', q{SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '60')});
wait_for($home, q{SELECT agreed FROM workflow.settings WHERE name = 'number_of_skipped_intervals_to_suppose_death'}, 'both to agree');
my @runs = map { run_of($home, $_, 'gated') } 'clerk', 'ann', 'bob';
wait_for($home, q{SELECT count(*) = 3 FROM workflow.runs WHERE state = 'running'}, 'runs to begin');
my $epoch = $standbys[1]->safe_psql('postgres', 'SELECT epoch FROM workflow.membership');
$home->wait_for_catchup($_) foreach @standbys;
$home->stop('immediate');
$standbys[0]->promote;
$standbys[1]->enable_streaming($standbys[0]);
$standbys[1]->reload;
wait_for($standbys[0], q{SELECT kind = 'local' AND state = 'alive' FROM workflow.runtimes WHERE id = 'S1'}, 'it to be the primary');
open_gates();
ended($standbys[0], $_, qr/^finished\|1\|.*true.*\|S2$/, 'a standby is promoted: the other one does what there is') foreach @runs;
is($standbys[1]->safe_psql('postgres', 'SELECT epoch FROM workflow.membership'), $epoch, 'under the epoch that it had');
is($standbys[0]->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', id, kind, state), ', ' ORDER BY id) FROM workflow.runtimes}),
	'H local dead, S1 local alive, S2 standby alive', 'the cluster has another primary');

$standbys[0]->backup('later');
my $back = PostgreSQL::Test::Cluster->new('back');
$back->init_from_backup($standbys[0], 'later', has_streaming => 1);
$back->append_conf('postgresql.conf', "workflow.runtime_id = 'H'");
$back->start;
wait_until_alive($back);
is($standbys[0]->safe_psql('postgres', q{SELECT kind, state FROM workflow.runtimes WHERE id = 'H'}), 'standby|alive', 'the old primary is a standby under its id');

$standbys[0]->wait_for_catchup($back);
$standbys[0]->stop('fast');
$back->promote;
wait_for($back, q{SELECT count(*) = 1 FROM workflow.runtimes WHERE id = 'H' AND kind = 'local' AND state = 'alive'}, 'it to be the primary again');
$standbys[1]->append_conf('postgresql.conf', "workflow.remote = 'host=" . $back->host . ' port=' . $back->port . " dbname=postgres user=link'");
$standbys[1]->enable_streaming($back);
$standbys[1]->reload;
ended($back, run_of($back, 'clerk', 'slow'), qr/^finished\|1\|.*true.*\|S2$/, 'it is promoted again, and the other one is told of it');

unlike(log_since($_), qr/TRAP|PANIC/, $_->name . ' is well') foreach @standbys, $back;
$_->stop('immediate') foreach $standbys[1], $back;
done_testing();
