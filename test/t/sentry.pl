# Several idle executors that sleep until the same timer: one wakes and does what is
# due, the others do not begin a transaction for it. And an executor that is not there
# yet is started a little before a timer whose time is known.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('sentry', 'workflow.max_executors = 4', 'workflow.batch_size = 1', 'workflow.sweep_interval = 1h');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE FUNCTION shop.nap(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(0.3)';
	SELECT workflow.define('{"id": "sleeper", "initial": "new", "states": {"new": {"after": {"0": {"target": "over",
		"actions": "shop.nap"}}}, "over": {"type": "final"}}}');
	SELECT workflow.define('{"id": "bell", "initial": "quiet", "states": {
		"quiet": {"after": {"100 milliseconds": {"target": "quiet", "reenter": true}}}}}')});

# Of what sleeps there is more than one executor can do.
my $idle = q{FROM workflow.activity WHERE kind = 'executor' AND state = 'idle'};
for (1 .. 20)
{
	last if $node->safe_psql('postgres', "SELECT count(*) $idle") == 4;
	as($node, 'clerk', q{SELECT count(*) FROM workflow.start_many('sleeper', array_fill('{}'::jsonb, ARRAY[12]))});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.timers)}, 'the sleepers');
}
is($node->safe_psql('postgres', "SELECT count(*) $idle"), 4, 'four executors are idle');

# A busy machine may keep the first one so long that the others look, too: not always.
my $vain = q{SELECT sum(looks) - sum(batches) FROM workflow.workers() WHERE kind = 'executor'};
my $rung = q{SELECT coalesce(max(step), 0) FROM workflow.processes WHERE definition = 'bell'};
my $looks;
as($node, 'clerk', q{SELECT workflow.start('bell')});
for (1 .. 20)
{
	my ($before, $step) = split /\|/, $node->safe_psql('postgres', "SELECT ($vain), ($rung)");
	wait_for($node, "SELECT ($rung) >= $step + 20", 'twenty rings');
	$looks = $node->safe_psql('postgres', $vain) - $before;
	last if $looks < 10;
}
cmp_ok($looks, '<', 10, 'twenty timers have one executor look each, not four');

# The history tells how late a start at a given time was: early is nobody.
as($node, 'clerk', q{SELECT workflow.cancel(id) FROM workflow.processes WHERE definition = 'bell'});
as($node, 'clerk', q{SELECT workflow.start('sleeper', at => now() + interval '1 second', key => 'later')});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'later'}, 'the start');
is($node->safe_psql('postgres', q{SELECT at >= due FROM workflow.process_history WHERE key = 'later' AND step = 1}), 't',
	'a start has its due time in the history');

# Without an executor: one is there before the timer is due, unless the machine is slow.
my $early;
for my $key (1 .. 20)
{
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor')}, 'no executor');
	as($node, 'clerk', qq{SELECT workflow.start('sleeper', at => now() + interval '1 second', key => 'cold $key')});
	wait_for($node, qq{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'cold $key'}, 'the cold start');
	$early = $node->safe_psql('postgres', qq{SELECT min(a.backend_start) < min(h.due) FROM workflow.process_history h,
		pg_stat_activity a JOIN workflow.activity w USING (pid) WHERE h.key = 'cold $key' AND h.step = 1 AND w.kind = 'executor'});
	last if $early eq 't';
}
is($early, 't', 'its executor was started before');

$node->stop;
done_testing();
