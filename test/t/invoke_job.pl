# States that invoke jobs, done by the real executors: a process goes on exactly once for
# each run, whatever ends executors and the server in between; a run whose state is left
# is told, or is not done any more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('invoke_job', 'workflow.max_executors = 6', 'workflow.retry_delay = 100ms',
	'restart_after_crash = on');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE mark (n int);
	CREATE FUNCTION one(params jsonb) RETURNS jsonb LANGUAGE sql AS
		'INSERT INTO mark VALUES ((params->>''n'')::int); SELECT params->''n''';
	-- as long as somebody holds the gate
	CREATE FUNCTION pass(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_advisory_xact_lock(7);
		INSERT INTO mark VALUES ((params->>'n')::int);
	END $$;
	-- fails as long as the gate is shut
	CREATE FUNCTION try(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO mark VALUES (-1);
		IF NOT pg_try_advisory_xact_lock(7) THEN RAISE 'shut'; END IF;
	END $$;
	SELECT FROM workflow.create_job('one', 'one');
	SELECT FROM workflow.create_job('tracked', 'one', mode => 'tracked');
	SELECT FROM workflow.create_job('pass', 'pass', mode => 'tracked');
	SELECT FROM workflow.create_job('try', 'try', retry => '{"errors": "*", "maxAttempts": "unlimited", "intervalSeconds": 0.05, "backoffRate": 1}');
	SELECT FROM workflow.define('{"id": "chain", "initial": "a", "context": {"n": 0, "sum": 0}, "states": {
		"a": {"invoke": {"job": "one", "input": {"n": {"@expr": "context->''n''"}},
			"onDone": {"target": "b", "actions": {"type": "assign", "context": {"sum": {"@expr": "(context->>''sum'')::int + (event->>''output'')::int"}}}}}},
		"b": {"invoke": {"job": "tracked", "input": {"n": {"@expr": "context->''n''"}},
			"onDone": {"target": "c", "actions": {"type": "assign", "context": {"sum": {"@expr": "(context->>''sum'')::int + (event->>''output'')::int"}}}}}},
		"c": {"type": "final"}}}');
	CREATE FUNCTION list(first int) RETURNS int[] LANGUAGE sql AS 'SELECT array_agg(first + i) FROM generate_series(1, 20) i';
	CREATE FUNCTION element(params jsonb) RETURNS jsonb LANGUAGE sql AS
		'INSERT INTO mark VALUES ((params->>''item'')::int); SELECT params->''item''';
	SELECT FROM workflow.create_job('element', 'element');
	SELECT FROM workflow.define('{"id": "list", "initial": "a", "context": {"from": 0}, "states": {
		"a": {"invoke": {"job": "element", "map": {"concurrency": 3, "over": {"@expr": "to_jsonb(list((context->>''from'')::int))"}},
			"onDone": {"target": "b", "actions": {"type": "assign", "context": {"all": {"@expr": "event->''output''"}}}}}},
		"b": {"type": "final"}}}');
	SELECT FROM workflow.define('{"id": "wait", "initial": "a", "context": {"n": 0, "job": "pass"}, "states": {
		"a": {"invoke": {"job": "pass", "id": "j", "input": {"n": {"@expr": "context->''n''"}}, "onDone": "b"}, "on": {"leave": "c"}},
		"b": {}, "c": {}}}');
	SELECT FROM workflow.define('{"id": "retry", "initial": "a", "states": {
		"a": {"invoke": {"job": "try", "id": "j", "onDone": "b", "onError": "b"}, "on": {"leave": "c"}}, "b": {}, "c": {}}}');
});

# the SQL of a row of `shop` as clerk
sub ask { return as($node, 'clerk', "SET search_path = shop; $_[0]"); }

sub wait_for_state
{
	my ($process, $state, $what) = @_;

	wait_for($node, "SELECT state ~ '$state' FROM workflow.runs WHERE process = '$process'", $what);
	return;
}

# exactly once, though executors are ended and the server crashes
ask(q{SELECT count(*) FROM workflow.start_many('chain', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1, 100) i))});
my $over = q{SELECT count(*) FROM workflow.processes WHERE definition = 'chain' AND status = 'finalized'};
my ($kills, $crashes) = (0, 0);
wait_until(sub {
	my $n = ask($over);
	if ($kills < 6 && $n > 12 * $kills)
	{
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
		$kills++;
	}
	if ($crashes < 1 && $n > 40)
	{
		$node->stop('immediate');
		$node->start;
		$crashes++;
	}
	return $n == 100;
}, 'all processes have come to their end');
is(ask('SELECT count(*) FROM mark'), 200, 'each run was done');
is(ask('SELECT count(DISTINCT n) FROM mark'), 100, 'once for its process');
is(ask(q{SELECT count(*) FROM workflow.processes WHERE definition = 'chain' AND (context->>'sum')::int = 2 * (context->>'n')::int}), 100,
	'which has its result');
is(ask(q{SELECT count(*) FROM workflow.process_history WHERE event LIKE 'done.invoke%'}), 200, 'and was told once');

# for each element of a list, and executors are ended meanwhile
ask(q{SELECT count(*) FROM workflow.start_many('list', ARRAY(SELECT jsonb_build_object('from', 1000 * i) FROM generate_series(1, 5) i))});
$over = q{SELECT count(*) FROM workflow.processes WHERE definition = 'list' AND status = 'finalized'};
$kills = 0;
wait_until(sub {
	my $marks = ask('SELECT count(*) FROM mark WHERE n >= 1000');
	if ($kills < 3 && $marks > 20 * $kills)
	{
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
		$kills++;
	}
	if ($kills == 3 && $marks > 60)
	{
		$node->stop('immediate');
		$node->start;
		$kills++;
	}
	return ask($over) == 5;
}, 'all lists are done');
is(ask('SELECT count(*) FROM mark WHERE n >= 1000'), 100, 'each element was done once');
is(ask(q{SELECT count(*) FROM workflow.processes WHERE definition = 'list'
	AND context->'all' = (SELECT jsonb_agg((context->>'from')::int + i) FROM generate_series(1, 20) i)}), 5, 'the results are in order');
ask('DELETE FROM mark WHERE n >= 1000');

# a run whose state is left
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(7)');
my $p = ask(q{SELECT workflow.start('wait', '{"n": 1000}')});
wait_for_state($p, '^running$', 'a run is under way');
ask("SELECT taken FROM workflow.send('$p', 'leave')");
wait_for_state($p, '^aborting$', 'it is told when its state is left');
$gate->query_safe('SELECT pg_advisory_unlock(7)');
wait_for_state($p, 'finished|aborted', 'and ends');
is(ask("SELECT states FROM workflow.processes WHERE id = '$p'"), '{c}', 'which its process does not mind');
is(ask("SELECT count(*) FROM workflow.timers WHERE process = '$p'"), 0, 'nor hear');

# one that fails again and again
$gate->query_safe('SELECT pg_advisory_lock(7)');
$p = ask(q{SELECT workflow.start('retry')});
wait_for($node, "SELECT attempt > 2 FROM workflow.runs WHERE process = '$p'", 'a run that is tried again');
ask("SELECT taken FROM workflow.send('$p', 'leave')");
wait_for_state($p, '^aborted$', 'until its state is left');
$gate->query_safe('SELECT pg_advisory_unlock(7)');
$gate->quit;
# the executor may have heard it before the runtime could tell
wait_for_count($node, 0, 'workflow.run_request');
pass('no word of that is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'all fits together');

done_testing();
