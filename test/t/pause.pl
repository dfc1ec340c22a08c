# pause() with workers at work: a backlog rests without anybody running into
# it, and comes back after unpause(), a restart and a restore.  What is left
# behind when a process is erased goes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('pause', 'workflow.sweep_interval = 1s', 'workflow.max_executors = 2', 'log_statement = none');

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "job", "initial": "a", "states": {
		"a": {"on": {"go": "b"}}, "b": {}}}');
	SELECT workflow.define('{"id": "other", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}');
	SELECT count(*) FROM workflow.start_many('job', array_fill(NULL::jsonb, ARRAY[3000]))});

sub counted
{
	my ($query) = @_;

	return $node->safe_psql('postgres', "SELECT count(*) FROM $query");
}

#
# A backlog of a paused definition
#
as($node, 'clerk', q{SELECT workflow.pause('job'); SELECT count(workflow.post(id, 'go')) FROM workflow.processes});
wait_for($node, 'SELECT count(*) = 3000 FROM workflow.timer WHERE parked', 'the backlog to be parked');
is(counted(q{workflow.process WHERE states = '{b}'}), 0, 'what is due for a paused definition is parked');
as($node, 'clerk', q{SELECT workflow.post(workflow.start('other', key => 'one'), 'go')});
wait_for($node, q{SELECT states = '{b}' FROM workflow.processes WHERE definition = 'other'}, 'the other definition');
ok(1, 'other definitions of the owner go on');
wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the executors to rest');
my $batches = $node->safe_psql('postgres', q{SELECT sum(batches) FROM workflow.activity WHERE kind = 'executor'});
as($node, 'clerk', q{SELECT workflow.post_by_key('other', 'one', 'go')});
wait_for($node, q{SELECT step = 3 FROM workflow.processes WHERE definition = 'other'}, 'the other definition again');
cmp_ok($node->safe_psql('postgres', q{SELECT sum(batches) FROM workflow.activity WHERE kind = 'executor'}), '<', $batches + 10,
	'executors do not run into it again');

#
# A restart
#
$node->stop('immediate');
$node->start;
is(counted('workflow.pauses'), 1, 'a pause survives a crash');
my ($status, undef, $error) = $node->psql('postgres', q{SET ROLE clerk; SELECT workflow.start('job')});
like($error, qr/definition "job" is paused/, 'nothing is started after it');
as($node, 'clerk', q{SELECT workflow.post_by_key('other', 'one', 'go')});
wait_for($node, q{SELECT step = 4 FROM workflow.processes WHERE definition = 'other'}, 'executors after the crash');
is(counted('workflow.timer WHERE parked'), 3000, 'the backlog stays parked');

#
# A dump
#
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'and restored');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
is($node->safe_psql('copy', 'SELECT definition FROM workflow.pauses'), 'job', 'a pause survives that');
as($node, 'clerk', q{SELECT workflow.unpause('job')}, 'copy');
$node->poll_query_until('copy', q{SELECT count(*) = 3000 FROM workflow.process WHERE states = '{b}' AND definition = (SELECT id FROM workflow.definition WHERE name = 'job')})
	or die 'the copy does not go on';
is($node->safe_psql('copy', 'SELECT count(*) FROM workflow.timer'), 0, 'and ends there as well');
is(counted('workflow.timer WHERE parked'), 3000, 'while the original rests');

#
# A pause that somebody leaves open: sessions of that database look things up at each
# command, those of others do not.
#
sub lookups
{
	my ($database) = @_;
	my $send = q{SELECT count(*) FROM workflow.send_by_key('other', 'one', 'go');};

	# the first ones fill the session's caches
	return (split /\n/, as($node, 'clerk', qq{$send $send BEGIN; $send
		SELECT sum(pg_stat_get_xact_numscans(c.oid)) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
		WHERE COALESCE(i.indrelid, c.oid) IN (SELECT oid FROM pg_class
			WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'workflow') AND relname IN ('definition', 'owner'))}, $database))[-1];
}
my %before = map { $_ => lookups($_) } 'postgres', 'copy';
my $pauser = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$pauser->query_safe(q{BEGIN; SELECT workflow.unpause('job')});
is(lookups('copy'), $before{copy}, 'a pause that is open costs other databases nothing');
cmp_ok(lookups('postgres'), '>', $before{postgres}, 'its own looks things up');
$pauser->query_safe('ROLLBACK');
$pauser->quit;
is(lookups('postgres'), $before{postgres}, 'until it is over');

#
# The end of the pause
#
as($node, 'clerk', q{SELECT workflow.unpause('job')});
wait_for($node, q{SELECT count(*) = 3001 FROM workflow.process WHERE states = '{b}'}, 'the backlog');
ok(1, 'after unpause() all of it is delivered');
is(counted('workflow.timer') + counted('workflow.resting'), 0, 'nothing is left behind');

# Executors that are stopped between the end of the pause and its consequences:
as($node, 'clerk', q{SELECT workflow.pause('job'); SELECT count(workflow.post(id, 'go')) FROM workflow.processes WHERE definition = 'job'});
wait_for($node, 'SELECT count(*) = 3000 FROM workflow.timer WHERE parked', 'the backlog to be parked again');
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.enabled TO off; SELECT pg_reload_conf()});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executors to leave');
as($node, 'clerk', q{SELECT workflow.unpause('job')});
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.enabled});
$node->stop('immediate');
$node->start;
wait_for($node, 'SELECT count(*) = 0 FROM workflow.timer', 'the backlog after a crash');
is(counted('workflow.resting'), 0, 'a crash right after unpause() loses nothing');

#
# What is posted to a process while it is erased
#
my $poster = $node->background_psql('postgres');
$poster->query_safe(q{SET SESSION AUTHORIZATION clerk});
$poster->query_safe(q{BEGIN});
$poster->query_safe(q{SELECT workflow.post_by_key('other', 'one', 'go', at => now() + interval '1 year')});
as($node, 'clerk', q{SELECT workflow.erase(workflow.find('other', 'one'), true)});
wait_for($node, q{SELECT seen IS NOT NULL AND pending FROM workflow.erasure}, 'the survey');
$poster->query_safe(q{COMMIT});
$poster->quit;
wait_for($node, q{SELECT NOT pending FROM workflow.erasure}, 'the transaction to be over');
is(counted('workflow.timer'), 0, 'an event that was posted meanwhile, and is not due yet, is deleted');

$node->stop;
done_testing();
