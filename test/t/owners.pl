# More owners than shared memory has room for: their work is done all the same,
# new work, work that is due later, and what a restart finds.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my @owners = map { "owner$_" } 1 .. 5;
my $node = workflow_node('owners',
	'workflow.max_owners = 2',
	'workflow.max_executors = 2',
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h');

foreach my $owner (@owners)
{
	workflow_role($node, $owner);
	$node->safe_psql('postgres', "CREATE SCHEMA $owner AUTHORIZATION $owner");
	as($node, $owner, qq{
		SELECT workflow.define('{"id": "$owner", "initial": "new",
			"states": {"new": {"after": {"0": "packed"}, "on": {"send": "sent"}},
				"packed": {"on": {"send": "sent", "later": "waiting"}},
				"waiting": {"after": {"2 seconds": "sent"}},
				"sent": {"type": "final"}}}')});
}

foreach my $round (1 .. 3)
{
	as($node, $_, "SELECT workflow.start_many('$_', array_fill(null::jsonb, ARRAY[100]))") foreach @owners;
	wait_for($node, q{SELECT count(*) = 500 FROM workflow.process WHERE states = '{packed}'}, 'work of five owners');
	ok(1, "round $round: due at once");

	as($node, $_, "SELECT count(workflow.post(id, 'send')) FROM workflow.processes WHERE definition = '$_' AND states = '{packed}'")
	  foreach reverse @owners;
	wait_for($node, qq{SELECT count(*) = $round * 500 FROM workflow.process WHERE states = '{sent}'}, 'events of five owners');
	ok(1, "round $round: events");
}

# Due later: nothing else wakes anybody then.
as($node, $_, "SELECT workflow.start('$_', key => 'k')") foreach @owners;
wait_for($node, q{SELECT count(*) = 5 FROM workflow.process WHERE states = '{packed}'}, 'five more');
as($node, $_, "SELECT workflow.send_by_key('$_', 'k', 'later')") foreach @owners;
wait_for($node, q{SELECT count(*) = 5 FROM workflow.process WHERE key = 'k' AND states = '{sent}'}, 'what was due later');
ok(1, 'due later');

# Found by a start of the server.
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->restart;
as($node, $_, "SELECT workflow.start('$_', key => 'r')") foreach @owners;
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->restart;
wait_for($node, q{SELECT count(*) = 5 FROM workflow.process WHERE key = 'r' AND states = '{packed}'}, 'what a restart finds');
ok(1, 'due before a restart');

log_says($node, 0, qr/WARNING:  too many owners of work for workflow/, 'the log says that there are too many');

$node->stop;
done_testing();
