# Actions that crash the server, of owners for whom shared memory has no room:
# they come to rest in error as anybody's, and no good event is blamed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# One of the three gets the only entry, so one of the two bad ones gets none.
my @owners = qw(bad1 bad2 good);
my $node = workflow_node('crasher_others', 'restart_after_crash = on', 'workflow.max_owners = 1', 'workflow.max_executors = 4');

foreach my $owner (@owners)
{
	workflow_role($node, $owner);
	$node->safe_psql('postgres', qq{
		CREATE SCHEMA $owner AUTHORIZATION $owner;
		GRANT pg_execute_server_program TO $owner});
	as($node, $owner, qq{
		CREATE TABLE $owner.note (n int PRIMARY KEY);
		CREATE TABLE $owner.fault (n int);
		INSERT INTO $owner.fault SELECT 5 WHERE '$owner' LIKE 'bad%';
		CREATE FUNCTION $owner.do(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS \$\$
		BEGIN
			INSERT INTO $owner.note VALUES ((context->>'n')::int);
			IF EXISTS (SELECT FROM $owner.fault f WHERE f.n = (context->>'n')::int) THEN
				EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
				PERFORM pg_sleep(60);
			END IF;
		END \$\$;
		SELECT workflow.define('{"id": "work of $owner", "initial": "new", "context": {"n": 0}, "states": {
			"new": {"on": {"go": {"target": "done", "actions": "$owner.do"}}}, "done": {"type": "final"}}}');
		SELECT count(*) FROM workflow.start_many('work of $owner', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1, 10) i))});
}

# All at once.  The first crash may cut off who has posted them.
$node->psql('postgres', q{SELECT count(workflow.post(id, 'go')) FROM (SELECT id FROM workflow.processes ORDER BY id) p});

my $finished = q{workflow.processes WHERE status = 'finalized'};
wait_for($node, q{SELECT count(*) = 2 FROM workflow.processes WHERE status = 'error'}, 'the bad ones to be given up');
wait_for_count($node, 28, $finished);
my @crashes = slurp_file($node->logfile) =~ /was terminated by signal 9/g;
cmp_ok(scalar @crashes, '>=', 3, 'the server crashed until an event had had its attempts');
cmp_ok(scalar @crashes, '<=', 6, 'and no more');
is($node->safe_psql('postgres', q{SELECT string_agg(definition || ' ' || sqlstate || ' ' || given_up, ', ' ORDER BY definition) FROM workflow.errors}),
	'work of bad1 57P02 true, work of bad2 57P02 true', 'the bad ones are told as such, none of the good ones was blamed');

# Back to normal: all owners at the same time, one that could not have its turn no bar.
as($node, $_, "DELETE FROM $_.fault; SELECT workflow.resume(process) FROM workflow.errors") foreach @owners;
wait_for_count($node, 30, $finished);
ok(1, 'mended, they go on');

$node->safe_psql('postgres', 'ALTER ROLE bad1 NOLOGIN');
as($node, $_, "SELECT workflow.start('work of $_', '{\"n\": 11}')") foreach qw(good bad2);
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION bad1; SELECT workflow.start('work of bad1', '{"n": 11}')});
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'executors to leave');
$node->safe_psql('postgres', q{SELECT count(workflow.post(id, 'go')) FROM workflow.processes WHERE status = 'idled'});
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->stop('immediate');
$node->start;
wait_for_count($node, 32, $finished);
ok(1, 'after another crash, others do not wait for the turn of an owner that may not log in');
$node->safe_psql('postgres', 'ALTER ROLE bad1 LOGIN');
wait_for_count($node, 33, $finished);
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'who is let in again goes on, too');

$node->stop;
done_testing();
