# publish() with `keep`, and processes that begin to wait for the event at the same time:
# the runtime delivers what neither has seen, once, also after a crash.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('publish', 'workflow.max_executors = 2');

as($node, 'clerk', q{SELECT FROM workflow.define('{"id": "order", "initial": "a", "context": {"no": 0, "n": 0}, "states": {"a": {"on": {
	"paid": {"correlate": {"@expr": "context->''no''"}, "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}')});

sub session
{
	return $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'clerk' ]);
}

sub wait_for_paid
{
	my ($no, $what) = @_;

	wait_for($node, "SELECT bool_and(context->>'n' = '1') FROM workflow.processes WHERE context->>'no' = '$no'", $what);
	return;
}

sub start { return "SELECT count(workflow.start('order', '{\"no\": $_[0]}'));"; }
sub publish { return "SELECT workflow.publish('paid', '$_[0]', keep => '1 hour');"; }

# the process commits last
my $one = session();
$one->query_safe('BEGIN; ' . start(1));
is(as($node, 'clerk', publish(1)), 0, 'an event that nobody waits for, as far as can be seen');
$one->query_safe('COMMIT');
wait_for_paid(1, 'the process that began to wait');

# the event commits last
my $two = session();
$two->query_safe('BEGIN; ' . publish(2));
as($node, 'clerk', start(2));
$two->query_safe('COMMIT');
wait_for_paid(2, 'the event that came meanwhile');

# both at once, and others between them
$one->query_safe('BEGIN; ' . start(3));
$two->query_safe('BEGIN; ' . publish(3));
as($node, 'clerk', start(3));
$two->query_safe('COMMIT');
as($node, 'clerk', start(3));
$one->query_safe('COMMIT');
wait_for_paid(3, 'three processes');
wait_for($node, 'SELECT bool_and(settled) FROM workflow.published', 'everybody has what is kept');

# somebody else writes all the time: what is kept waits for that, and nothing waits for it
my $three = $node->background_psql('postgres', on_error_stop => 1);
$three->query_safe('BEGIN; SELECT pg_current_xact_id();');
as($node, 'clerk', publish(5));
wait_for($node, q{SELECT horizon IS NOT NULL AND NOT settled FROM workflow.published WHERE correlation = '5'}, 'an event that is looked after while others write');
as($node, 'clerk', q{SELECT count(workflow.publish('paid', n::text, keep => '1 hour')) FROM generate_series(100, 300) n});
$one->query_safe('BEGIN; ' . start(6));
as($node, 'clerk', publish(6));
$one->query_safe('COMMIT');
wait_for_paid(6, 'a process that began to wait, behind hundreds of events that are not settled');
is($node->safe_psql('postgres', q{SELECT sqlstate FROM workflow.activity WHERE kind = 'housekeeping'}), '', 'and housekeeping has met no error');
$three->query_safe('COMMIT');
wait_for($node, 'SELECT bool_and(settled) FROM workflow.published', 'everybody has what is kept, when that has ended');
$three->quit;

# what the runtime does before that fails
$node->safe_psql('postgres', 'ALTER TABLE workflow.run_request RENAME COLUMN what TO what_not');
as($node, 'clerk', publish(7));
wait_for($node, q{SELECT settled FROM workflow.published WHERE correlation = '7'}, 'an event that is looked after nevertheless');
wait_for($node, q{SELECT sqlstate = '42703' FROM workflow.activity WHERE kind = 'housekeeping'}, 'the error');
$node->safe_psql('postgres', 'ALTER TABLE workflow.run_request RENAME COLUMN what_not TO what');

# a crash in between: what has committed is delivered
$one->query_safe('BEGIN; ' . start(4));
as($node, 'clerk', publish(4));
as($node, 'clerk', start(4));
$node->stop('immediate');
$node->start;
wait_for_paid(4, 'the process that has committed');
wait_for($node, 'SELECT bool_and(settled) FROM workflow.published', 'everybody has what is kept, after a crash');
is($node->safe_psql('postgres', q{SELECT string_agg(context->>'n', ' ') FROM workflow.processes}), '1 1 1 1 1 1 1', 'each has its event once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process_history WHERE event = 'paid' AND taken}), 7, 'and took it once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'all fits together');

done_testing();
