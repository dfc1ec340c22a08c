# Another instance of PostgreSQL as a runtime, and runs of which one of the two servers has
# forgotten what the other one knows: none is claimed for ever, and nothing is done twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# Where B's other server is, a service says, and may say another one later.
my $services = PostgreSQL::Test::Utils::tempdir() . '/services';
sub lead_to
{
	my ($node) = @_;

	append_to_file("$services.new", "[primary]\nhost=" . $node->host . "\nport=" . $node->port . "\n");
	rename("$services.new", $services) or die "$services: $!";
	return;
}

my $home = workflow_node('a', 'wal_level = replica', 'max_wal_senders = 5', 'workflow.sweep_interval = 1s');
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app AUTHORIZATION clerk});
as($home, 'clerk', q{
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
	SELECT workflow.create_queue('far', placement => '{runtime:B}'), workflow.create_job('slow', 'app.slow', queue => 'far')});

lead_to($home);
$ENV{PGSERVICEFILE} = $services;
my $away = workflow_node('b', 'workflow.sweep_interval = 1s', "workflow.runtime_id = 'B'", "workflow.remote_database = 'postgres'",
	"workflow.remote = 'service=primary dbname=postgres user=link'");
$away->safe_psql('postgres', q{
	CREATE ROLE worker LOGIN;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.done (run text);
	-- as long as somebody has the lock of its number
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run'; SELECT pg_advisory_xact_lock_shared((params->>'n')::int); SELECT params$$;
	RESET ROLE;
	SELECT workflow.map_owner('clerk', 'worker')});

# Those of a number wait until it is opened.
my %gates;
sub close_gate
{
	my ($n) = @_;

	$gates{$n} = $away->background_psql('postgres');
	$gates{$n}->query_safe("SELECT pg_advisory_lock($n)");
	return;
}
sub open_gate { delete($gates{ $_[0] })->quit; return; }

sub run_of { return as($home, 'clerk', "SELECT workflow.run_job('slow', '{\"n\": $_[0]}')"); }
sub done { return $away->safe_psql('postgres', "SELECT count(*) FROM app.done WHERE run = '$_[0]'"); }
sub epoch { return $home->safe_psql('postgres', q{SELECT epoch FROM workflow.runtimes WHERE id = 'B'}); }
sub at_work
{
	my ($n) = @_;

	wait_for($away, "SELECT count(*) = $n FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event_type = 'Lock'", "$n runs to be under way");
	return;
}
sub once
{
	my ($run, $what) = @_;

	wait_for($home, "SELECT state = 'finished' FROM workflow.get_run('$run')", "$what: run $run to finish");
	is(done($run), 1, "$what: done once");
	return;
}
sub told
{
	wait_for($away, "SELECT count(*) = 1 FROM workflow.outcomes WHERE run = '$_[0]' AND told_at IS NOT NULL", "run $_[0] to be told");
	return;
}

wait_for($away, q{SELECT state = 'alive' FROM workflow.membership}, 'B to join');

# ---- a run is locked while the life ends in which it was claimed -----------------------------------

close_gate(1);
my $run = run_of(1);
at_work(1);
my $epoch = epoch();
my $locks = $home->background_psql('postgres');
$locks->query_safe("BEGIN; SELECT FROM workflow.run WHERE id = '$run' FOR UPDATE");
$away->safe_psql('postgres', 'SELECT pg_terminate_backend(courier_pid) FROM workflow.membership');
wait_for($home, "SELECT state = 'alive' AND epoch <> $epoch FROM workflow.runtimes WHERE id = 'B'", 'B to begin another life');
wait_for($away, q{SELECT courier_pid IS NOT NULL FROM workflow.membership}, 'B to claim again');
$locks->query_safe('ROLLBACK');
at_work(1);
open_gate(1);
once($run, 'its row was locked when B began anew');

# The same when it registers anew, as after a crash.
close_gate(1);
$run = run_of(1);
at_work(1);
$epoch = epoch();
$locks->query_safe("BEGIN; SELECT FROM workflow.run WHERE id = '$run' FOR UPDATE");
$away->stop('immediate');
delete $gates{1};
$away->start;
wait_for($home, "SELECT state = 'alive' AND epoch <> $epoch FROM workflow.runtimes WHERE id = 'B'", 'B to register anew');
wait_for($away, q{SELECT courier_pid IS NOT NULL FROM workflow.membership}, 'B to claim again');
$locks->query_safe('ROLLBACK');
once($run, 'its row was locked when B registered');
$locks->quit;

# ---- the extension there is made anew --------------------------------------------------------------

close_gate(1);
$run = run_of(1);
at_work(1);
$home->safe_psql('postgres', 'ALTER ROLE link CONNECTION LIMIT 1');
$home->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'link' AND query ~ 'await|claim|complete|extend|fail|told'});
open_gate(1);
wait_for($away, "SELECT count(*) = 1 FROM workflow.outcomes WHERE run = '$run' AND told_at IS NULL", 'a run to end that is not told');
$epoch = epoch();
$away->safe_psql('postgres', q{DROP EXTENSION workflow CASCADE; CREATE EXTENSION workflow; SELECT workflow.map_owner('clerk', 'worker')});
$home->safe_psql('postgres', 'ALTER ROLE link CONNECTION LIMIT -1');
wait_for($home, q{SELECT NOT approved FROM workflow.runtimes WHERE id = 'B'}, 'B to have less than it has told');
is(epoch(), $epoch, 'it lives on');
$home->safe_psql('postgres', q{SELECT workflow.approve_runtime('B')});
wait_for($home, "SELECT state = 'finished' FROM workflow.get_run('$run')", 'the run to finish');
is(done($run), 2, 'what an extension that was dropped has not told is done once more');

# ---- the primary has forgotten what it was told -----------------------------------------------------

close_gate(1);
close_gate(2);
$run = run_of(1);
my $other = run_of(2);
at_work(2);
$home->backup('early');
open_gate(1);
once($run, 'before the backup is needed');
told($run);
$home->stop('immediate');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($home, 'early');
$restored->start;
$home = $restored;
lead_to($home);
once($run, 'the primary was restored');
is($home->safe_psql('postgres', "SELECT state, attempt FROM workflow.get_run('$other')"), 'running|1', 'the other one goes on');
open_gate(2);
once($other, 'the primary was restored amid it');

# ---- what cannot be handed over is trouble of one run ----------------------------------------------

sub limit_files
{
	my ($bytes) = @_;
	my ($pid) = slurp_file($away->data_dir . '/postmaster.pid') =~ /^(\d+)/;

	system_or_bail('prlimit', "--pid=$pid", "--fsize=$bytes");
	$away->safe_psql('postgres', 'SELECT pg_terminate_backend(courier_pid) FROM workflow.membership');
	return;
}

limit_files('20000000:');
my $large = as($home, 'clerk', q{SELECT workflow.run_job('slow', jsonb_build_object('n', 1, 'x', repeat('x', 25000000)))});
wait_for($home, "SELECT error IS NOT NULL FROM workflow.run WHERE id = '$large'", 'a run to be too large');
is($home->safe_psql('postgres', "SELECT state, error ->> 'code' FROM workflow.get_run('$large')"), 'waiting|53200', 'which is a shortage');
$run = run_of(1);
once($run, 'what is not too large');
limit_files('unlimited');
once($large, 'when there is room again');

# ---- the id is another one's by now -----------------------------------------------------------------

close_gate(1);
$run = run_of(1);
at_work(1);
# nobody can end the life that it has under the first one
$home->safe_psql('postgres', q{
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '10');
	DROP ROLE link;
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'workflow link'});
wait_for($away, q{SELECT state = 'alive' AND id ~ '^B-' FROM workflow.membership}, 'B to live under another id');
my $id = $away->safe_psql('postgres', 'SELECT id FROM workflow.membership');
as($home, 'clerk', qq{SELECT workflow.alter_queue('far', '{"placement": ["runtime:$id"]}')});
open_gate(1);
once($run, 'the role was made anew that B logs in as');

unlike(log_since($away), qr/TRAP|PANIC/, 'B is well');
$away->stop;
$home->stop;
done_testing();
