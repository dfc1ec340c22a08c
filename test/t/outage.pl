# A total outage: the server is stopped, with timers that become due meanwhile, and nobody
# but application servers does what is due. When it is back all of it is done in their
# turns, by whichever of them live, once and none before its time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $timers = 2000;
my $node = workflow_node('outage', 'workflow.max_executors = 0', 'workflow.max_job_executors = 0');

$node->safe_psql('postgres', 'GRANT workflow_runtime TO clerk; CREATE SCHEMA app AUTHORIZATION clerk');
as($node, 'clerk', qq{
	CREATE TABLE app.rung (n int, pid int DEFAULT pg_backend_pid());
	CREATE FUNCTION app.ring(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		'INSERT INTO app.rung VALUES ((context->>''n'')::int)';
	SELECT workflow.define('{"id": "alarm", "initial": "set", "context": {"n": 0}, "states": {
		"set": {"after": {"3 seconds": {"target": "over", "actions": "app.ring"}}}, "over": {"type": "final"}}}');
	SELECT count(workflow.start('alarm', jsonb_build_object('n', n))) FROM generate_series(1, $timers) n});
my $due = as($node, 'clerk', 'SELECT max(due) FROM workflow.timers');
my %epoch = map { $_ => as($node, 'clerk', "SELECT epoch FROM workflow.register_runtime('$_', fingerprint => '$_')") } qw(r1 r2 r3);

$node->stop('immediate');
$node->start;
wait_for($node, "SELECT clock_timestamp() > '$due'", 'the last timer to be due');
is($node->safe_psql('postgres', 'SELECT count(*) FROM app.rung'), 0, 'nobody has done anything');

# The third one does not come back; the others take their turns until nothing is left.
my @runtimes = map { { id => $_, epoch => $epoch{$_} } } qw(r1 r2);
my %turns;
for (my $tries = 0; $tries < 10 * $PostgreSQL::Test::Utils::timeout_default; $tries++)
{
	last if $node->safe_psql('postgres', "SELECT count(*) = $timers FROM app.rung") eq 't';
	foreach my $runtime (@runtimes)
	{
		my $beat = as($node, 'clerk', "SELECT ok, mine OR everybody FROM workflow.beat('$runtime->{id}', $runtime->{epoch})");

		die "$runtime->{id} is fenced" unless $beat =~ /^t/;
		next unless $beat eq 't|t';
		$turns{ $runtime->{id} }++;
		as($node, 'clerk', "CALL workflow.work_turn('$runtime->{id}', $runtime->{epoch}, 300)");
	}
}
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM app.rung'), "$timers|$timers", 'all of them are done, each once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.process_history WHERE at < due'), 0, 'none before its time');
is(join(' ', sort keys %turns), 'r1 r2', 'both have done some');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'all is well');

$node->stop;
done_testing();
