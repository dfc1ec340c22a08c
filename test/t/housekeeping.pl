# Housekeeping (what is over expires, timers of nobody go) fails, or meets what others
# hold: owners are served all the same, those too who have no executor yet; the log
# and activity say what is wrong, and it goes on when the cause is gone.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('housekeeping', 'workflow.retention = 7min', 'workflow.sweep_interval = 1s', 'workflow.max_executors = 3');
my $owners = 0;
my $chores = q{FROM workflow.activity WHERE kind = 'housekeeping'};
my $definition = q{'{"id": "order of %s", "initial": "new", "context": {"n": 1}, "search": {"n": "$.n"}, "states": {
	"new": {"after": {"0": "over"}, "on": {"note": null}}, "over": {"type": "final"}}}'};

# The work of an owner whom no worker has ever seen is done.
sub newcomer_is_served
{
	my ($when) = @_;
	my $owner = 'owner' . ++$owners;

	workflow_role($node, $owner);
	as($node, $owner, sprintf("SELECT workflow.define($definition)", $owner));
	as($node, $owner, "SELECT workflow.start('order of $owner')");
	wait_for($node, "SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'order of $owner'", "the work of $owner");
	ok(1, "$when: owners are served");
	return;
}

# Some time has passed, for the ring: it is to move on, over what is there.
sub let_time_pass
{
	$node->safe_psql('postgres', q{UPDATE workflow.ring SET since = since - interval '1 hour'});
	return;
}
my $slot = q{SELECT slot FROM workflow.ring};

newcomer_is_served('all is well');
wait_for($node, "SELECT state = 'idle' AND sqlstate IS NULL $chores", 'housekeeping');
ok(1, 'activity tells of housekeeping');

#
# It fails
#
$node->safe_psql('postgres', q{
	CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the ring is stuck' USING ERRCODE = 'XX001'; END $$;
	CREATE TRIGGER fail BEFORE UPDATE OF slot ON workflow.ring FOR EACH ROW EXECUTE FUNCTION public.fail()});
my $before = $node->safe_psql('postgres', $slot);
my $log = -s $node->logfile;
let_time_pass();
wait_for($node, "SELECT state = 'waiting' AND sqlstate = 'XX001' AND message = 'the ring is stuck' AND failed_at IS NOT NULL AND wait_reason ~ 'error' $chores", 'the error');
ok(1, 'activity shows the error');
log_says($node, $log, qr/ERROR:  the ring is stuck\n.*expiring what is over/s, 'so does the log');
newcomer_is_served('housekeeping fails');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.activity WHERE kind = 'runtime'}), 'running', 'the runtime does not end with it');
unlike(log_since($node), qr/runtime.*exited with exit code/, 'nor did it before');

# One part of it keeps no other from its own.
as($node, 'owner1', q{SELECT workflow.erase(id) FROM workflow.processes});
wait_for($node, 'SELECT count(*) = 0 FROM workflow.erasure WHERE pending', 'the erasure to be settled');
ok(1, 'what else there is to do is done');

$node->safe_psql('postgres', 'DROP TRIGGER fail ON workflow.ring; SELECT workflow.wake()');
wait_for($node, "SELECT slot <> $before FROM workflow.ring", 'the ring to move');
wait_for($node, "SELECT state = 'idle' $chores", 'housekeeping to be well');
ok(1, 'it goes on when the cause is gone');

#
# It meets an idle transaction that has erased a process
#
as($node, 'clerk', sprintf("SELECT workflow.define($definition)", 'clerk'));
as($node, 'clerk', q{SELECT workflow.start('order of clerk', key => 'mine', at => now() + interval '1 day')});
as($node, 'clerk', q{SELECT workflow.start('order of clerk', key => 'history')});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'history'});
$node->safe_psql('postgres', q{UPDATE workflow.process SET status = 'idled', states = '{new}' WHERE key = 'history'});
# All the way round, to the partition that it is in.
for (1 .. 7)
{
	my $at = $node->safe_psql('postgres', $slot);
	last if $node->safe_psql('postgres', "SELECT ($at + 1) % 8 = h.slot FROM workflow.history h JOIN workflow.process p ON p.id = h.process WHERE p.key = 'history' LIMIT 1") eq 't';
	let_time_pass();
	wait_for($node, "SELECT slot <> $at FROM workflow.ring", 'the ring to move');
}
my $client = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$client->query_safe(q{BEGIN; SELECT workflow.erase(workflow.find('order of clerk', 'history'), true)});
let_time_pass();
newcomer_is_served('a process is being erased');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'workflow runtime' AND wait_event_type = 'Lock'}), 0, 'no runtime waits for it');
$client->query_safe('ROLLBACK');

#
# It meets a table that is locked
#
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE workflow.erasure IN ACCESS EXCLUSIVE MODE');
$log = -s $node->logfile;
# somebody writes: a sweep is made
newcomer_is_served('a table is locked');
wait_for($node, "SELECT state = 'waiting' AND wait_reason = 'rows or tables are in use' $chores", 'housekeeping to wait');
newcomer_is_served('housekeeping waits for it');
as($node, 'clerk', q{SELECT workflow.post_by_key('order of clerk', k, 'note', early => e)
	FROM (VALUES ('soon', interval '1 millisecond'), ('later', '1 day')) early(k, e)});
wait_for($node, q{SELECT array_agg(key) = '{later}' FROM workflow.early_events}, 'the event that nobody came for to be deleted');
ok(1, 'the rest of it does not, and deletes early events when their time is over');
unlike(log_since($node, $log), qr/ERROR:.*lock/, 'that is no error');
$locker->query_safe('ROLLBACK');
$node->safe_psql('postgres', 'SELECT workflow.wake()');
wait_for($node, "SELECT state = 'idle' $chores", 'housekeeping to go on');
ok(1, 'it goes on');
$locker->quit;
$client->quit;

#
# It meets more than it does at a time: one sweep is enough
#
$node->append_conf('postgresql.conf', 'workflow.sweep_interval = 1h');
$node->restart;
wait_for($node, "SELECT state = 'idle' $chores", 'housekeeping after the start');
as($node, 'clerk', q{SELECT count(workflow.post_by_key('order of clerk', 'k' || i, 'note', early => '1 millisecond')) FROM generate_series(1, 2500) i});
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.early_events'), 2501, 'nobody has looked yet');
$node->safe_psql('postgres', 'SELECT workflow.wake()');
wait_for($node, q{SELECT array_agg(key) = '{later}' FROM workflow.early_events}, 'all of them to be deleted');
ok(1, 'however many expire, it goes on until they are gone');

is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'nothing failed');
$node->stop;
done_testing();
