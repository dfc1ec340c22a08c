# Executors of one lane that are after the same timers: who comes too late takes
# others, and does not take all that is due for locked.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

use constant MANY => 12000;

my $node = workflow_node('rivals', 'workflow.max_executors = 2', 'workflow.batch_size = 5', 'workflow.enabled = off',
	'workflow.sweep_interval = 1h', 'synchronous_commit = off');

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {
		"new": {"after": {"1 millisecond": "done"}}, "done": {"type": "final"}}}');
	SELECT workflow.define('{"id": "lamp", "initial": "on", "states": {"on": {"on": {"note": {}}}}}');
	SELECT workflow.start('lamp', key => 'lamp')});
as($node, 'clerk', "SELECT count(*) FROM workflow.start_many('order', array_fill(NULL::jsonb, ARRAY[${\ MANY}]))");
$node->safe_psql('postgres', 'VACUUM ANALYZE workflow.process, workflow.timer');

# Whenever a command lets go of a process, executors begin at the first timer
# again, where they meet.
$node->safe_psql('postgres', 'ALTER SYSTEM SET workflow.enabled = on');
$node->reload;
my $left = qq{SELECT count(*) FROM workflow.processes WHERE definition = 'order' AND status <> 'finalized'};
my $tries = 0;
while ($node->safe_psql('postgres', $left) > 0 && $tries++ < 1000)
{
	as($node, 'clerk', join(';', ("SELECT workflow.send_by_key('lamp', 'lamp', 'note')") x 100));
}
is($node->safe_psql('postgres', $left), '0', 'all is done');
# who has committed counts just after that
wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'executors to rest');
my ($steps, $batches, $looks) = split /\|/,
  $node->safe_psql('postgres', q{SELECT sum(steps), sum(batches), sum(looks) FROM workflow.workers() WHERE kind = 'executor'});
is($steps, MANY, 'once');
note("$batches batches, $looks looks");
cmp_ok($looks, '<', $batches * 1.2, 'executors do not look in vain while work is there');

done_testing();
