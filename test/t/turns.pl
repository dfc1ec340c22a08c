# Owners for whom shared memory has no room take turns after a crash, also if
# there is room for one of them while it has its turn.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('turns', 'workflow.max_owners = 1', 'workflow.max_executors = 4', 'workflow.enabled = off');

foreach my $database (qw(early late))
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION workflow');
}
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"on": {"go": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.post(workflow.start('order'), 'go')}, 'early');
foreach my $owner (qw(ann bob))
{
	workflow_role($node, $owner);
	$node->safe_psql('late', "CREATE SCHEMA $owner AUTHORIZATION $owner");
	as($node, $owner, qq{
		CREATE FUNCTION $owner.wait(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(1)';
		SELECT workflow.define('{"id": "of $owner", "initial": "new", "states": {
			"new": {"on": {"go": {"target": "over", "actions": "$owner.wait"}}}, "over": {"type": "final"}}}');
		SELECT workflow.post(workflow.start('of $owner'), 'go')}, 'late');
}
$node->safe_psql('late', q{BEGIN; SELECT pg_advisory_xact_lock(1); PREPARE TRANSACTION 'gate'});

# The one place is taken before anybody looks at the other two.
$node->safe_psql('postgres', 'ALTER DATABASE late ALLOW_CONNECTIONS false');
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->stop('immediate');
$node->start;
wait_for_in($node, 'early', q{SELECT status = 'finalized' FROM workflow.processes}, 'who has the place');
$node->safe_psql('postgres', 'ALTER DATABASE late ALLOW_CONNECTIONS true');
wait_for_in($node, 'late', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'the first turn');
is($node->safe_psql('late', q{SELECT count(*) FROM workflow.activity WHERE kind = 'executor'}), 1, 'one after the other');

# Who has its turn gets the place meanwhile, and another executor with it.
$node->safe_psql('postgres', 'DROP DATABASE early');
wait_for_in($node, 'late', q{SELECT count(*) = 2 FROM workflow.activity WHERE kind = 'executor' AND owner = 'ann'}, 'the place to be taken');
$node->safe_psql('late', q{COMMIT PREPARED 'gate'});
wait_for_in($node, 'late', q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'of ann'}, 'who had the first turn');
wait_for_in($node, 'late', q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'of bob'}, 'who comes next');
is($node->safe_psql('late', 'SELECT count(*) FROM workflow.failure'), 0, 'and has its turn');

$node->stop;
done_testing();
