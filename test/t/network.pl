# Servers with a network of their own, whose cables are pulled in the middle of work: another
# instance that does runs, and a synchronous standby. A connection that is half open keeps
# nobody waiting for longer than it may, and nothing is done twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Network;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

my ($land, $island, $reef) = network_machines(3);
my $silence = 3;    # seconds

# ---- three servers ---------------------------------------------------------------

my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(allows_streaming => 1);
$home->append_conf('postgresql.conf', join("\n",
	"shared_preload_libraries = 'workflow'",
	'max_worker_processes = 32',
	"listen_addresses = '$land->{address}'",
	'wal_sender_timeout = 2s',
	'workflow.sweep_interval = 1s', ''));
$home->append_conf('pg_hba.conf', "host all,replication all 10.99.0.0/24 trust");
network_within($land, sub { $home->start });
$home->safe_psql('postgres', qq{
	CREATE EXTENSION workflow;
	CREATE ROLE clerk LOGIN;
	GRANT workflow_user TO clerk;
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app AUTHORIZATION clerk});
as($home, 'clerk', q{
	CREATE TABLE app.done (run text, place text);
	CREATE FUNCTION app.work(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done VALUES (run->>'run', 'home'); SELECT '"home"'::jsonb$$;
	SELECT workflow.create_queue('far', placement => '{runtime:island,local}');
	SELECT workflow.create_job('work', 'app.work', queue => 'far')});

my $away = PostgreSQL::Test::Cluster->new('island');
$away->init;
$away->append_conf('postgresql.conf', join("\n",
	"shared_preload_libraries = 'workflow'",
	'max_worker_processes = 32',
	"workflow.runtime_id = 'island'",
	"workflow.remote = 'host=$land->{address} port=" . $home->port . " dbname=postgres user=link'",
	"workflow.remote_database = 'work'", ''));
network_within($island, sub { $away->start });
$away->safe_psql('postgres', 'CREATE DATABASE work');
$away->safe_psql('work', q{
	CREATE EXTENSION workflow;
	CREATE ROLE worker LOGIN;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.done (run text, place text);
	CREATE FUNCTION app.work(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done VALUES (run->>'run', 'island'); SELECT pg_advisory_xact_lock_shared((params->>'gate')::int); SELECT '"island"'::jsonb$$;
	RESET ROLE;
	SELECT workflow.map_owner('clerk', 'worker')});

# Over there it ends when nobody has the lock of its number.
sub run_of { my ($gate) = @_; return as($home, 'clerk', qq{SELECT workflow.run_job('work', '{"gate": $gate}')}); }

sub wait_for_end
{
	my ($run) = @_;

	wait_for($home, "SELECT state = 'finished' FROM workflow.get_run('$run')", "run $run");
	return $home->safe_psql('postgres', "SELECT result FROM workflow.get_run('$run')");
}

# At both ends: at home it lives until it was silent for too long, and it may have heard of that or not.
sub wait_until_it_lives
{
	wait_for($home, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'island'}, 'the island, at home');
	wait_for_in($away, 'work', q{SELECT state = 'alive' FROM workflow.membership}, 'the island');
	return;
}

my $at_work = q{FROM pg_stat_activity WHERE datname = 'work' AND backend_type = 'workflow placed' AND wait_event = 'advisory'};
sub wait_for_work_there { wait_for($away, "SELECT count(*) = 1 $at_work", 'work over there'); return; }

sub done_at { my ($server, $database, $run) = @_; return $server->safe_psql($database, "SELECT count(*) FROM app.done WHERE run = '$run'"); }

# After how many seconds the island is dead, at both ends: a minute, but where it is to die.
sub set_silence
{
	my ($seconds) = @_;

	$home->safe_psql('postgres', "SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '$seconds')");
	wait_for($home, q{SELECT agreed FROM workflow.settings WHERE name = 'number_of_skipped_intervals_to_suppose_death'}, 'the island to agree');
	return;
}

# ---- a cable that is pulled --------------------------------------------------------

wait_until_it_lives();
is(wait_for_end(run_of(0)), '"island"', 'a run is done over there');

# While it works: whoever waits hears of the end at home.
my $gates = $away->background_psql('work');
$gates->query_safe('SELECT pg_advisory_lock(1), pg_advisory_lock(2)');
my $run = run_of(1);
wait_for_work_there();
set_silence($silence);
my $began = time;
network_cut($island);
is(wait_for_end($run), '"home"', 'a run of a server that is cut off is done by the next placement');
note(sprintf('%.1f s after the cable was pulled, with a death after %d s', time - $began, $silence));
wait_for($home, q{SELECT state <> 'alive' FROM workflow.runtimes WHERE id = 'island'}, 'it to be dead');
pass('it was declared dead');
wait_for($away, "SELECT count(*) = 0 $at_work", 'the island to stop');
pass('it knows by itself that it is out of time, and has stopped');
is(done_at($home, 'postgres', $run), 1, 'once here');
is($away->safe_psql('work', "SELECT count(*) FROM app.done WHERE run = '$run'"), 0, 'and not over there');

# What it has done, and cannot tell.
set_silence(60);
network_heal($island);
wait_until_it_lives();
is(wait_for_end(run_of(0)), '"island"', 'the cable is back, and so is the server');
$run = run_of(2);
wait_for_work_there();
network_cut($island);
$gates->quit;
wait_for_in($away, 'work', "SELECT count(*) = 1 FROM app.done WHERE run = '$run'", 'the end over there');
network_heal($island);
is(wait_for_end($run), '"island"', 'a cable that is pulled for a moment costs nothing');
is(done_at($home, 'postgres', $run), 0, 'it was done there alone');

# Half open while it stops; once more, where a machine that stalls has made it late.
my $took = 10;
for (my $tries = 0; $tries < 3 && $took >= 10; $tries++)
{
	network_cut($island);
	$began = time;
	$away->stop('fast');
	$took = time - $began;
	note(sprintf('%.2f s', $took));
	network_heal($island);
	network_within($island, sub { $away->start });
	wait_until_it_lives();
}
cmp_ok($took, '<', 10, 'a server that is cut off stops without waiting for the network');
is(wait_for_end(run_of(0)), '"island"', 'and comes back');

# ---- a synchronous standby that is cut off ------------------------------------------------

$home->backup('copy');
my $spare = PostgreSQL::Test::Cluster->new('spare');
$spare->init_from_backup($home, 'copy', has_streaming => 1);
$spare->append_conf('postgresql.conf', join("\n",
	"primary_conninfo = 'host=$land->{address} port=" . $home->port . " user=postgres application_name=spare'",
	'wal_receiver_timeout = 2s', "listen_addresses = ''", ''));
network_within($reef, sub { $spare->start });
$home->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = 'spare'");
$home->safe_psql('postgres', 'ALTER SYSTEM SET workflow.require_sync = on');
$home->reload;
wait_for($home, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'the standby');
as($home, 'clerk', q{SELECT workflow.create_queue('outside'), workflow.create_job('outside', queue => 'outside'), workflow.run_job('outside')});
network_cut($reef);
wait_for($home, q{SELECT count(*) = 0 FROM pg_stat_replication}, 'the primary to notice');
like(refusal($home, 'clerk', q{SELECT * FROM workflow.claim('outside', 'w')}), qr/WF019/, 'no claim while nobody confirms it');
network_heal($reef);
wait_for($home, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'the standby to come back');
# it is cut off after two seconds of silence, also by a busy machine
my $claimed = '';
wait_until(sub {
	$claimed = ($home->psql('postgres', q{SELECT count(*) FROM workflow.claim('outside', 'w')}, extra_params => [ '-U', 'clerk' ]))[1];
	return $claimed eq '1';
}, 'a claim');
is($claimed, 1, 'and one when it is back');

$away->stop('fast');
$spare->stop('fast');
$home->stop('immediate');
done_testing();
