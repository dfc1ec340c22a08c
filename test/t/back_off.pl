# An executor whose due work is locked by somebody who does not tell us when the
# lock is free: it looks again at longer and longer intervals, also where the clock
# of the timers stands still, and does what is due behind it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

# One executor, of which the looks are counted: if it stalls, another one would come to help.
my $node = workflow_node('back_off', 'workflow.max_executors = 1', 'workflow.executor_idle_timeout = 1h', 'workflow.runtime_idle_timeout = 1h',
	'workflow.sweep_interval = 1h', "workflow.test_clock = '2001-01-01 12:00:00+00'");

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"on": {"go": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('order', key => 'first'), workflow.start('order', key => 'second')});
my $process = $node->safe_psql('postgres', q{SELECT process FROM workflow.key WHERE key = 'first'});
sub status { return "SELECT status = 'finalized' FROM workflow.processes WHERE key = '$_[0]'" }

# An executor that is there, and has nothing to do.
as($node, 'clerk', q{SELECT workflow.post_by_key('order', 'second', 'go')});
wait_for($node, status('second'), 'the executor');
wait_for($node, q{SELECT state = 'idle' FROM workflow.activity WHERE kind = 'executor'}, 'it to rest');

my $holder = $node->background_psql('postgres', on_error_stop => 1);
$holder->query_safe("BEGIN; SELECT FROM workflow.process WHERE id = '$process' FOR UPDATE");
my $looks = q{SELECT sum(looks) FROM workflow.workers() WHERE kind = 'executor'};
my $before = $node->safe_psql('postgres', $looks);
my $began = time;
as($node, 'clerk', qq{SELECT workflow.post('$process', 'go')});

# 1 + 2 + 4 ... + 512 + 1000 + 1000 + 1000 ms, and not 50 ms at most.
wait_for($node, "SELECT sum(looks) >= $before + 14 FROM workflow.workers() WHERE kind = 'executor'", 'fourteen looks');
cmp_ok(time - $began, '>', 2.5, 'the intervals grow');
as($node, 'clerk', q{SELECT workflow.start('order', key => 'third'); SELECT workflow.post_by_key('order', 'third', 'go')});
wait_for($node, status('third'), 'what is due behind it');

# The lock goes, and nobody tells: the clock of the timers stands still.
$holder->query_safe('ROLLBACK');
$holder->quit;
wait_for($node, status('first'), 'the next look');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'nothing failed');

$node->stop;
done_testing();
