# Another instance of PostgreSQL as a runtime, while its processes are ended and killed, the
# cable is cut, and the server that it works for is stopped hard: each run is done once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Cable;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

my $seed = $ENV{CHAOS} || time;
note("CHAOS=$seed");
srand($seed);

my $home = workflow_node('home', "listen_addresses = '127.0.0.1'", 'workflow.sweep_interval = 1s', 'wal_writer_delay = 10s');
my $cable = Cable->new($home->port);
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	-- what it has told last is lost by a crash
	ALTER ROLE link SET synchronous_commit = off;
	CREATE SCHEMA app AUTHORIZATION clerk;
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3')});
as($home, 'clerk', q{
	CREATE FUNCTION app.nap(params jsonb, run jsonb) RETURNS int LANGUAGE sql AS 'SELECT 0';
	SELECT workflow.create_queue('far', placement => '{runtime:B}');
	SELECT workflow.create_job('nap', 'app.nap', queue => 'far', retry => '{"errors": "*", "maxAttempts": 1000, "intervalSeconds": 0.1}')});

my $away = workflow_node('away', 'restart_after_crash = on', "workflow.runtime_id = 'B'", "workflow.remote_database = 'postgres'",
	"workflow.remote = 'host=127.0.0.1 port=$cable->{port} dbname=postgres user=link'");
$away->safe_psql('postgres', q{
	CREATE ROLE worker LOGIN;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.done (run text);
	CREATE FUNCTION app.nap(params jsonb, run jsonb) RETURNS int LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run'; SELECT pg_sleep(0.05); SELECT (params->>'n')::int$$;
	RESET ROLE;
	SELECT workflow.map_owner('clerk', 'worker')});
as($home, 'clerk', q{SELECT count(*) FROM workflow.run_jobs('nap', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, 300) n))});

sub pause { select(undef, undef, undef, $_[0]); return; }

# A process of B; not while it starts anew.
sub pid_of
{
	my ($status, $pid) = $away->psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow $_[0]' ORDER BY random() LIMIT 1");
	return $status == 0 && $pid;
}

my @blows = (
	sub { $cable->cut; pause(rand(1)); $cable->heal; },
	sub { $cable->cut; pause(4); $cable->heal; },    # it is taken for dead
	sub { $home->stop('immediate'); $home->start; },
	sub { $home->stop('immediate'); pause(4); $home->start; },    # it has given up itself
	# one sleeps for longer than it may
	(map { my $kind = $_; sub { my $pid = pid_of($kind) or return; kill STOP => $pid; pause(4); kill CONT => $pid; } } qw(placed courier link)),
	(map { my $kind = $_; sub { my $pid = pid_of($kind); kill KILL => $pid if $pid; } } qw(placed courier link)),
	(map { my $kind = $_; sub { my $pid = pid_of($kind); kill TERM => $pid if $pid; } } qw(placed placed courier courier link link)));
my $end = time + 20;
# each once, and then what comes
foreach my $blow (@blows) { $blow->(); pause(rand(0.5)); }
while (time < $end) { $blows[ rand @blows ]->(); pause(rand(0.5)); }

wait_for($home, q{SELECT count(*) = 300 FROM workflow.runs WHERE job = 'nap' AND state = 'finished'}, 'all runs to finish');
is($away->safe_psql('postgres', 'SELECT count(*), count(DISTINCT run) FROM app.done'), '300|300', 'each run was done once');
is($home->safe_psql('postgres', q{SELECT count(*) FROM workflow.runs WHERE result::int = (params->>'n')::int}), 300, 'and its result is its own');
is($home->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'everything fits together');
unlike(log_since($home) . log_since($away), qr/TRAP|PANIC/, 'both are well');

$home->stop('immediate');
$away->stop;
$cable->end;
done_testing();
