# Another instance of PostgreSQL as a runtime of a primary that is lost: it finds the standby
# that was promoted, goes on under the epoch that it had, and its claims are its own.
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
$home->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nlisten_addresses = '127.0.0.1'");
$home->start;
$home->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($home, 'clerk');
$home->safe_psql('postgres', 'CREATE ROLE link LOGIN; GRANT workflow_runtime TO link; CREATE SCHEMA app AUTHORIZATION clerk');
as($home, 'clerk', q{
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
	SELECT workflow.create_queue('far', placement => '{runtime:B}'), workflow.create_job('slow', 'app.slow', queue => 'far')});
$home->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($home, 'base', has_streaming => 1);
$standby->start;

my $away = workflow_node('away', "workflow.runtime_id = 'B'", "workflow.remote_database = 'postgres'",
	"workflow.remote = 'host=127.0.0.1,127.0.0.1 port=" . $standby->port . ',' . $home->port . " dbname=postgres user=link'");
$away->safe_psql('postgres', q{
	CREATE ROLE worker LOGIN;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.done (run text);
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run'; SELECT pg_advisory_xact_lock_shared(1); SELECT params$$;
	RESET ROLE;
	SELECT workflow.map_owner('clerk', 'worker')});
wait_for($home, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join the primary, not the standby');

my $gate = $away->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
my $run = as($home, 'clerk', q{SELECT workflow.run_job('slow')});
wait_for($away, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event = 'advisory'}, 'the run to be under way');
my $epoch = $away->safe_psql('postgres', 'SELECT epoch FROM workflow.membership');
$home->wait_for_catchup($standby);
$home->stop('immediate');
$standby->promote;
$gate->quit;

wait_for($standby, "SELECT state = 'finished' FROM workflow.get_run('$run')", 'the new primary to have the result');
wait_for($away, q{SELECT state = 'alive' AND timeline = 2 FROM workflow.membership}, 'B to have found the new primary');
is($away->safe_psql('postgres', 'SELECT state, epoch, timeline FROM workflow.membership'), "alive|$epoch|2", 'B goes on with the new primary, under its epoch');
is($away->safe_psql('postgres', "SELECT count(*) FROM app.done WHERE run = '$run'"), 1, 'what it was at was done once');
is($standby->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), 1, 'by the claim that it had');

# The old primary is started once more, where B looks first.
$away->append_conf('postgresql.conf', "workflow.remote = 'host=127.0.0.1 port=" . $home->port . " dbname=postgres user=link'");
$home->start;
$away->reload;
wait_for($away, q{SELECT trouble ~ 'it is an old primary' FROM workflow.membership}, 'B to see that it is an old primary');
is($away->safe_psql('postgres', 'SELECT epoch IS NULL FROM workflow.membership'), 't', 'which it does not serve');

$home->stop('immediate');
$standby->stop('immediate');
$away->stop;
done_testing();
