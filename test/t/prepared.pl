# Two-phase commit: who is told at the end of a prepared transaction. Those
# whom it concerns, and nobody when it concerns nobody.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('prepared',
	'max_prepared_transactions = 3',
	# so that nobody's executor has to make room, nor a runtime that has nothing to do
	'workflow.max_executors = 20', 'max_worker_processes = 64',
	'workflow.executor_idle_timeout = 1h',
	'workflow.runtime_idle_timeout = 1h',
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h');

my @owners = map { "owner$_" } 1 .. 6;
foreach my $role ('clerk', @owners)
{
	workflow_role($node, $role) if $role ne 'clerk';
	as($node, $role, qq{
		SELECT workflow.define('{"id": "door of $role", "initial": "a", "states": {
			"a": {"on": {"go": "b"}}, "b": {"on": {"go": "c"}}, "c": {"on": {"go": "a"}}}}');
		SELECT workflow.start('door of $role', key => 'k')});
}
$node->safe_psql('postgres', 'CREATE TABLE other (n int)');

sub state_is
{
	my ($role, $state, $what) = @_;
	wait_for($node, "SELECT states = '{$state}' FROM workflow.processes WHERE key = 'k' AND definition = 'door of $role'", $what);
	return ok(1, $what);
}

# Workers of the database, but the launcher.
sub workers
{
	return split /\n/, $node->safe_psql('postgres', q{
		SELECT pid FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type IN ('workflow runtime', 'workflow executor')});
}

# Scans of the tables that tell what is due. The workers report theirs when
# they end, and new ones take over.
sub scans
{
	foreach my $pid (workers())
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", 'a worker to leave');
	}
	wait_for($node, q{SELECT count(*) = 1 FROM workflow.activity WHERE kind = 'runtime' AND state = 'running'}, 'the runtime to be back');
	return $node->safe_psql('postgres', q{
		SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_all_tables
		WHERE schemaname = 'workflow' AND relname IN ('timer', 'owner')});
}

sub is_left_alone
{
	my ($sql, $what) = @_;
	my $before = scans();

	$node->safe_psql('postgres', $sql);
	my $grown = scans() - $before;
	note("$what: $grown scans");
	return cmp_ok($grown, '<', 60, "nobody looks for work after $what");
}

#
# What concerns nobody
#
my $prepare = q{BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION 'other';};
is_left_alone("$prepare COMMIT PREPARED 'other';" x 200, '200 times COMMIT PREPARED');
is_left_alone("$prepare ROLLBACK PREPARED 'other';" x 200, '200 times ROLLBACK PREPARED');

# Under as many identifiers as there may be, and with attempts of those who may not.
my @three = ('one', 'two', 'three');
my $round = join ' ', map({ "BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION '$_';" } @three),
  map({ "COMMIT PREPARED '$_';" } reverse @three);
is_left_alone($round x 70, '70 times three at a time');
$node->safe_psql('postgres', $prepare);
like(refusal($node, 'clerk', q{COMMIT PREPARED 'other'}), qr/^42501/, 'whose it is not may not commit it');
like(refusal($node, 'postgres', q{COMMIT PREPARED 'none'}), qr/^42704/, 'nor anybody what is not there');
is_left_alone(q{COMMIT PREPARED 'other'}, 'an attempt that failed');

#
# What concerns somebody
#
my $go = sub { my ($role) = @_; return "SELECT workflow.post_by_key('door of $role', 'k', 'go');" };
as($node, 'clerk', 'BEGIN; ' . $go->('clerk') . q{ PREPARE TRANSACTION 'other'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'other'});
state_is('clerk', 'b', 'an event is delivered, under an identifier that stood for nothing');

# Several owners: as many as are remembered one by one, and more.
foreach my $n (3, 6)
{
	my @some = @owners[0 .. $n - 1];
	my $posts = join ' ', map { $go->($_) } @some;
	my %was = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT substr(definition, 9), states[1] FROM workflow.processes WHERE key = 'k'});
	$node->safe_psql('postgres', "BEGIN; $posts PREPARE TRANSACTION 'many'");
	$node->safe_psql('postgres', q{COMMIT PREPARED 'many'});
	state_is($_, { a => 'b', b => 'c', c => 'a' }->{ $was{$_} }, "an event for each of $n owners: $_") foreach @some;
}

# Only those: the executors of others have not looked.
sub batches_of_others
{
	return $node->safe_psql('postgres', q{
		SELECT string_agg(owner || ' ' || batches, ', ' ORDER BY owner) FROM workflow.activity WHERE kind = 'executor' AND owner <> 'clerk' AND batches > 0});
}
wait_for($node, q{SELECT count(DISTINCT owner) = 6 AND bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor' AND owner <> 'clerk' AND batches > 0}, 'executors without work');
my $batches = batches_of_others();
foreach my $state ('c', 'a', 'b')
{
	as($node, 'clerk', 'BEGIN; ' . $go->('clerk') . q{ PREPARE TRANSACTION 'one'});
	$node->safe_psql('postgres', q{COMMIT PREPARED 'one'});
	state_is('clerk', $state, 'an event for one of several owners');
}
is(batches_of_others(), $batches, 'of which the others hear nothing');

# What was inserted after a savepoint, and what was rolled back to it.
as($node, 'owner1', 'BEGIN; SAVEPOINT s; ' . $go->('owner1') . q{ RELEASE s; SAVEPOINT t; } . $go->('owner1') . q{ ROLLBACK TO t; PREPARE TRANSACTION 'saved'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'saved'});
state_is('owner1', 'a', 'an event of a savepoint');

# What was waited for
my $waiter = $node->background_psql('postgres', extra_params => [ '-U', 'owner3' ]);
my $door = $node->safe_psql('postgres', q{SELECT workflow.find('door of owner3', 'k')});
my ($next) = map { { a => 'b', b => 'c', c => 'a' }->{$_} } $node->safe_psql('postgres', "SELECT states[1] FROM workflow.processes WHERE id = '$door'");
as($node, 'owner3', qq{BEGIN; SELECT workflow.send('$door', 'go'); PREPARE TRANSACTION 'step'});
$waiter->query_until(qr/^$/, "CALL workflow.await('$door', '$next', '1 hour'); SELECT 'reached';\n");
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL workflow.await%' AND state = 'active' AND wait_event IS NOT NULL}, 'somebody who waits');
$node->safe_psql('postgres', q{COMMIT PREPARED 'step'});
like($waiter->query_until(qr/reached/, "\n"), qr/reached/, 'a step that was waited for');
$waiter->quit;

# Any number of them between two that matter: an identifier is as good as new.
foreach my $i (1 .. 3)
{
	$node->safe_psql('postgres', "BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION '$_'") foreach ('one', 'two');
	as($node, 'clerk', 'BEGIN; ' . $go->('clerk') . q{ PREPARE TRANSACTION 'three'});
	$node->safe_psql('postgres', "COMMIT PREPARED '$_'") foreach ($i == 1 ? ('one', 'three', 'two') : $i == 2 ? ('three', 'one', 'two') : ('two', 'one', 'three'));
	state_is('clerk', ('b', 'c', 'a', 'b')[$i], 'an event, with all identifiers in use');
}

# What the runtime looks after: runs that have to begin in time, events that are kept for who
# is about to wait for them, word that is left of a run that another transaction has locked.
as($node, 'clerk', q{
	SELECT workflow.create_job('late', start_within => '0.1 seconds'), workflow.create_job('out');
	SELECT workflow.define('{"id": "bell", "initial": "a", "context": {"no": 1}, "states": {
		"a": {"on": {"ring": {"target": "b", "correlate": {"@expr": "context->''no''"}}}}, "b": {"type": "final"}}}')});
as($node, 'clerk', q{BEGIN; SELECT workflow.run_job('late', key => 'l'); PREPARE TRANSACTION 'late'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'late'});
wait_for($node, q{SELECT state = 'expired' FROM workflow.runs WHERE job = 'late'}, 'a run that is too late');
ok(1, 'a run that has to begin in time');

as($node, 'clerk', q{BEGIN; SELECT workflow.publish('ring', '1', keep => '1 hour'); PREPARE TRANSACTION 'ring'});
as($node, 'clerk', q{SELECT workflow.start('bell')});
$node->safe_psql('postgres', q{COMMIT PREPARED 'ring'});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'bell'}, 'a published event');
ok(1, 'an event for who has begun to wait for it meanwhile');

my $run = as($node, 'clerk', q{SELECT workflow.run_job('out')});
my $claimer = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'clerk' ]);
$claimer->query_safe(q{BEGIN; SELECT run FROM workflow.claim('job:out', 'w');});
as($node, 'clerk', qq{BEGIN; SELECT workflow.cancel_run('$run'); PREPARE TRANSACTION 'cancel'});
$claimer->query_safe('ROLLBACK');
$claimer->quit;
$node->safe_psql('postgres', q{COMMIT PREPARED 'cancel'});
wait_for($node, q{SELECT state = 'aborted' FROM workflow.runs WHERE job = 'out'}, 'a run that was cancelled');
ok(1, 'a run that was locked while it was cancelled');

# The extension itself
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', q{BEGIN; CREATE EXTENSION workflow; PREPARE TRANSACTION 'create'});
$node->safe_psql('second', q{COMMIT PREPARED 'create'});
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow runtime' AND datname = 'second'}, 'a runtime');
ok(1, 'an extension that is created has a runtime');
$node->safe_psql('second', q{BEGIN; DROP EXTENSION workflow; PREPARE TRANSACTION 'drop'});
$node->safe_psql('second', q{COMMIT PREPARED 'drop'});
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow runtime' AND datname = 'second'}, 'no runtime');
ok(1, 'one that is dropped has none');

#
# After a restart nobody knows what was prepared before it.
#
as($node, 'clerk', 'BEGIN; ' . $go->('clerk') . q{ PREPARE TRANSACTION 'ours'});
as($node, 'clerk', q{BEGIN; SELECT workflow.publish('ring', '2', keep => '1 hour'); PREPARE TRANSACTION 'ring'});
$node->safe_psql('postgres', $prepare);
$node->restart;
wait_for($node, q{SELECT count(*) = 1 FROM workflow.activity WHERE kind = 'runtime' AND state = 'running'}, 'the runtime to be back');
$node->safe_psql('postgres', q{COMMIT PREPARED 'ours'});
state_is('clerk', 'c', 'an event is delivered after a restart');
as($node, 'clerk', q{SELECT workflow.start('bell', '{"no": 2}')});
$node->safe_psql('postgres', q{COMMIT PREPARED 'ring'});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.processes WHERE definition = 'bell' AND status = 'finalized'}, 'a published event after a restart');
ok(1, 'and what is published to who has begun to wait for it meanwhile');
$node->safe_psql('postgres', q{COMMIT PREPARED 'other'});
is_left_alone("$prepare COMMIT PREPARED 'other';" x 200, 'a restart, by what was prepared since');

$node->stop;
done_testing();
