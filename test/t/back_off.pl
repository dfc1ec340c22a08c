# An executor whose due work is locked by somebody who does not tell us when the
# lock is free: it does what is due behind it, and looks again, also where the clock
# of the timers stands still. (neighbours.pl counts how often.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('back_off', 'workflow.executor_idle_timeout = 1h', 'workflow.runtime_idle_timeout = 1h',
	'workflow.sweep_interval = 1h', "workflow.test_clock = '2001-01-01 12:00:00+00'");

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"on": {"go": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('order', key => 'first'), workflow.start('order', key => 'second')});
my $process = $node->safe_psql('postgres', q{SELECT process FROM workflow.key WHERE key = 'first'});
sub status { return "SELECT status = 'finalized' FROM workflow.processes WHERE key = '$_[0]'" }

# An executor that is there, and has nothing to do.
as($node, 'clerk', q{SELECT workflow.post_by_key('order', 'second', 'go')});
wait_for($node, status('second'), 'the executor');

my $holder = $node->background_psql('postgres', on_error_stop => 1);
$holder->query_safe("BEGIN; SELECT FROM workflow.process WHERE id = '$process' FOR UPDATE");
as($node, 'clerk', qq{SELECT workflow.post('$process', 'go')});
as($node, 'clerk', q{SELECT workflow.start('order', key => 'third'); SELECT workflow.post_by_key('order', 'third', 'go')});
wait_for($node, status('third'), 'what is due behind it');

# The lock goes, and nobody tells: the clock of the timers stands still.
$holder->query_safe('ROLLBACK');
$holder->quit;
wait_for($node, status('first'), 'the next look');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'nothing failed');

$node->stop;
done_testing();
