# What waits for the end of a transaction, and transactions that get into each
# other's way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('transactions',
	'workflow.max_executors = 2',
	'workflow.executor_idle_timeout = 1h',
	'workflow.runtime_idle_timeout = 1h',
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h',
	"deadlock_timeout = '10ms'");

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new",
		"states": {"new": {"after": {"0": "packed"}}, "packed": {"on": {"send": "sent"}}, "sent": {"after": {"0": "over"}},
			"over": {"type": "final"}}}')});

sub states_of
{
	my ($key) = @_;
	return $node->safe_psql('postgres', "SELECT states FROM workflow.process WHERE key = '$key'");
}

#
# A COMMIT long after start() and send(): by then the timer is overdue, the
# workers have looked at later ones and rest, and nobody calls them but the
# COMMIT.
#
my $client = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$client->query_safe(q{BEGIN; SELECT workflow.start('order', key => 'late')});
as($node, 'clerk', q{SELECT workflow.start('order', key => 'other')});
wait_for($node, q{SELECT states = '{packed}' FROM workflow.process WHERE key = 'other'}, 'another order');
wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the workers to rest');
wait_for($node, q{SELECT bool_and(clock_timestamp() > since + '2 seconds') FROM workflow.activity WHERE kind = 'executor'},
	'the workers to rest a while');
is(states_of('late'), '', 'before COMMIT there is no process');
$client->query_safe('COMMIT');
wait_for($node, q{SELECT states = '{packed}' FROM workflow.process WHERE key = 'late'}, 'the timer of a start() committed late');
ok(1, 'COMMIT long after start() runs');
note($node->safe_psql('postgres', q{
	SELECT 'the timer was due ' || extract(epoch FROM at - due)::numeric(6,3) || ' s before it fired' FROM workflow.history
	WHERE due IS NOT NULL AND process = workflow.find('order', 'late')}));

$client->query_safe(q{BEGIN; SELECT workflow.send_by_key('order', 'late', 'send'); SAVEPOINT s;
	SELECT workflow.post_by_key('order', 'other', 'send'); ROLLBACK TO s});
wait_for($node, q{SELECT bool_and(state = 'idle' AND clock_timestamp() > since + '1 second') FROM workflow.activity WHERE kind = 'executor'},
	'the workers to rest a while');
is(states_of('late'), '{packed}', 'before COMMIT the command has done nothing');
$client->query_safe('COMMIT');
wait_for($node, q{SELECT states = '{over}' FROM workflow.process WHERE key = 'late'}, 'the timer after a send() committed late');
is(states_of('other'), '{packed}', 'what was rolled back to a savepoint did not happen');
$client->quit;

#
# Two-phase commit: only COMMIT PREPARED tells the workers, whoever issues it.
#
as($node, 'clerk', q{BEGIN; SELECT workflow.start('order', key => 'two'); PREPARE TRANSACTION 'start'});
as($node, 'clerk', q{BEGIN; SELECT workflow.send_by_key('order', 'other', 'send'); PREPARE TRANSACTION 'send'});
wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the workers to rest');
is(states_of('two'), '', 'a prepared start() has not happened yet');
$node->safe_psql('postgres', q{COMMIT PREPARED 'start'});
wait_for($node, q{SELECT states = '{packed}' FROM workflow.process WHERE key = 'two'}, 'COMMIT PREPARED of start()');
ok(1, 'COMMIT PREPARED wakes the workers');
is(states_of('other'), '{packed}', 'the other one waits on');
$node->safe_psql('postgres', q{COMMIT PREPARED 'send'});
wait_for($node, q{SELECT states = '{over}' FROM workflow.process WHERE key = 'other'}, 'COMMIT PREPARED of send()');

# A timer that falls due while a prepared transaction holds its process.
as($node, 'clerk', q{BEGIN; SELECT workflow.suspend(workflow.find('order', 'two')); PREPARE TRANSACTION 'suspend'});
as($node, 'clerk', q{SELECT workflow.post_by_key('order', 'two', 'send')});
wait_for($node, q{SELECT sum(batches) > 0 FROM workflow.activity WHERE kind = 'executor'});
is(states_of('two'), '{packed}', 'an event waits for the prepared transaction that holds its process');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'suspend'});
wait_for($node, q{SELECT states = '{over}' FROM workflow.process WHERE key = 'two'}, 'ROLLBACK PREPARED');
ok(1, 'ROLLBACK PREPARED wakes the workers');

# What was prepared before a restart is known to nobody after it: neither the
# owner of the first definition of a role, nor its work.
$node->safe_psql('postgres', 'CREATE DATABASE other');

sub prepare_first
{
	my ($idle_timeout) = @_;

	$node->safe_psql('other', 'CREATE EXTENSION workflow');
	as($node, 'clerk', q{
		BEGIN;
		SELECT workflow.define('{"id": "first", "initial": "a", "states": {"a": {"after": {"0": "b"}}, "b": {"type": "final"}}}');
		SELECT workflow.start('first', key => 'f');
		PREPARE TRANSACTION 'first'}, 'other');
	$node->append_conf('postgresql.conf', "workflow.runtime_idle_timeout = $idle_timeout");
	$node->restart;
	return;
}

prepare_first('1s');
foreach my $try ('resting', 'running')
{
	$node->poll_query_until('other', qq{SELECT state = '$try' FROM workflow.activity WHERE kind = 'runtime'})
	  or die "waited in vain for a runtime that is $try";
	$node->safe_psql('other', q{COMMIT PREPARED 'first'});
	$node->poll_query_until('other', q{SELECT states = '{b}' FROM workflow.process WHERE key = 'f'})
	  or die 'waited in vain for COMMIT PREPARED after a restart';
	ok(1, "COMMIT PREPARED after a restart wakes the workers, with the runtime $try");
	last if $try eq 'running';

	# The same once more, with a runtime that has looked and found nothing.
	$node->safe_psql('other', 'DROP EXTENSION workflow');
	prepare_first('1h');
}

#
# Two executors step actions that update the same hot rows, half of them in
# opposite order. Deadlocks are broken by the server; to the events they do
# not count as failures.
#
as($node, 'clerk', q{
	CREATE TABLE shop.stock (item int PRIMARY KEY, n int NOT NULL);
	INSERT INTO shop.stock SELECT i, 0 FROM generate_series(1, 2) i;
	CREATE FUNCTION shop.take(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		first int := 1 + (context->>'n')::int % 2;
	BEGIN
		UPDATE shop.stock SET n = n + 1 WHERE item = first;
		-- gives the other one time to take its first
		PERFORM pg_sleep(0.001);
		UPDATE shop.stock SET n = n + 1 WHERE item = 3 - first;
	END $$;
	SELECT workflow.define('{"id": "hot", "initial": "new", "context": {"n": 0},
		"states": {"new": {"after": {"0": {"target": "packed", "actions": "shop.take"}}}, "packed": {"type": "final"}}}');
	SELECT count(*) FROM workflow.start_many('hot', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1, 1000) i))});
wait_for($node, q{SELECT count(*) = 1000 FROM workflow.processes WHERE definition = 'hot' AND status = 'finalized'}, '1,000 orders');
is($node->safe_psql('postgres', 'SELECT DISTINCT n FROM shop.stock'), '1000', 'all have taken from both rows');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), '0', 'no attempt was lost');
my $deadlocks = $node->safe_psql('postgres', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'});
note("$deadlocks deadlocks");
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM workflow.activity WHERE kind = 'executor' AND steps > 0}), '2', 'two executors did it');
cmp_ok($deadlocks, '>', 0, 'and there were deadlocks');

$node->stop;
done_testing();
