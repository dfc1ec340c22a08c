# After a crash: who is counted, who waits, and what neither of them costs.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# A backlog of so few suspects that all of it can be looked at.
my $node = workflow_node('careful', 'workflow.max_executors = 2', 'workflow.careful_backlog = 10', 'workflow.enabled = off');

workflow_role($node, 'baker');
foreach my $owner (qw(clerk baker))
{
	$node->safe_psql('postgres', "CREATE SCHEMA $owner AUTHORIZATION $owner");
	as($node, $owner, qq{
		CREATE FUNCTION $owner.wait(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(1)';
		SELECT workflow.define('{"id": "wait of $owner", "initial": "new",
			"states": {"new": {"on": {"go": {"target": "over", "actions": "$owner.wait"}}}, "over": {"type": "final"}}}')});
}

# What waits for the gate does so across a crash, too.
sub close_gate
{
	$node->safe_psql('postgres', q{BEGIN; SELECT pg_advisory_xact_lock(1); PREPARE TRANSACTION 'gate'});
	return;
}

sub open_gate
{
	$node->safe_psql('postgres', q{COMMIT PREPARED 'gate'});
	return;
}

sub crash
{
	$node->stop('immediate');
	$node->start;
	return;
}

sub enable
{
	my ($on) = @_;

	$node->append_conf('postgresql.conf', "workflow.enabled = $on");
	$node->reload;
	return;
}

my $waiting = q{(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)};
my $counted = q{SELECT string_agg(f.sqlstate || ' ' || f.attempts || ' ' || f.given_up, ', ' ORDER BY p.definition)
	FROM workflow.failure f JOIN workflow.processes p ON p.id = f.process WHERE p.definition LIKE 'wait of %'};

#
# A child that is suspended, or has failed, is told to end by its parent: that is
# done, and does not keep others from being counted.
#
enable('on');
as($node, 'clerk', q{
	CREATE FUNCTION clerk.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE $$no$$; END';
	SELECT workflow.define('{"id": "bread", "on_error": {"retry": {"errors": "*", "maxAttempts": 0}, "then": "terminate"}, "initial": "oven",
		"states": {"oven": {"on": {"burn": {"actions": "clerk.fail"}}}}}');
	SELECT workflow.define('{"id": "order", "initial": "baking",
		"states": {"baking": {"invoke": [{"id": "one", "src": "bread"}, {"id": "two", "src": "bread"}], "on": {"drop": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('order')});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.processes WHERE definition = 'bread' AND status = 'idled'}, 'the children');
as($node, 'clerk', q{
	SELECT workflow.suspend(id) FROM workflow.processes WHERE invoke = 'one';
	SELECT workflow.post(id, 'burn') FROM workflow.processes WHERE invoke = 'two'});
wait_for($node, q{SELECT status = 'terminated' FROM workflow.processes WHERE invoke = 'two'}, 'the child that fails');
enable('off');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'executors to leave');
as($node, 'clerk', q{
	SELECT workflow.send(id, 'drop') FROM workflow.processes WHERE definition = 'order';
	SELECT workflow.post(workflow.start('wait of clerk'), 'go')});
close_gate();
crash();
enable('on');
wait_for($node, "SELECT $waiting = 1", 'the step of the one that waits');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process WHERE invoke IS NOT NULL AND status = 'terminated' AND states = '{}'}), 2,
	'children that were suspended or failed are cancelled after a crash');
is($node->safe_psql('postgres', "$counted AND p.definition = 'wait of clerk'"), '57P02 1 false', 'who comes after them is counted');

open_gate();
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'wait of clerk'}, 'the one that waits');

#
# Of two that were under way at a crash one waits for the other, however often it
# asks.
#
close_gate();
as($node, $_, "SELECT workflow.post(workflow.start('wait of $_'), 'go')") foreach qw(clerk baker);
wait_for($node, "SELECT $waiting = 2", 'the steps of both');
crash();
wait_for($node, "SELECT $waiting = 2", 'both steps to be counted');
is($node->safe_psql('postgres', $counted), '57P02 1 false, 57P02 1 false', 'both were under way');
crash();
wait_for($node, "SELECT $waiting = 2 OR (SELECT count(*) = 2 AND max(looks) > 40 FROM workflow.workers() WHERE kind = 'executor')", 'one of them to ask often enough');
is($node->safe_psql('postgres', "SELECT $waiting"), 1, 'the other one still waits for its trial');
is($node->safe_psql('postgres', q{SELECT string_agg(attempts::text, ' ' ORDER BY attempts) FROM workflow.failure WHERE sqlstate = '57P02'}), '1 2', 'and was not counted');
open_gate();
wait_for_count($node, 3, q{workflow.processes WHERE definition LIKE 'wait of %' AND status = 'finalized'});
is($node->safe_psql('postgres', $counted), '', 'nobody is blamed');

#
# An error of a step that was counted before is its first.
#
enable('off');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'executors to leave');
as($node, 'clerk', q{
	CREATE SEQUENCE clerk.runs;
	CREATE FUNCTION clerk.count(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'run %', nextval('clerk.runs'); END $$;
	SELECT workflow.define('{"id": "again", "on_error": {"retry": {"errors": "*", "intervalSeconds": 0, "maxAttempts": 2}, "then": "error"},
		"initial": "new", "states": {"new": {"on": {"go": {"actions": "clerk.count"}}}}}');
	SELECT workflow.post(workflow.start('again'), 'go')});
crash();
enable('on');
wait_for($node, q{SELECT given_up FROM workflow.errors WHERE definition = 'again'}, 'it to be given up');
is($node->safe_psql('postgres', q{SELECT attempts, message FROM workflow.errors WHERE definition = 'again'}), '3|run 3',
	'what fails after a crash is tried as often as at any time');

$node->stop;
done_testing();
