# What becomes of events whose step fails in a worker, as `on_error` says; and
# errors that are events, in batches.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# The settings would try for minutes: what ends sooner ends by on_error.
my $node = workflow_node('on_error',
	'workflow.max_executors = 2',
	'workflow.batch_time = 1min',
	'workflow.max_attempts = 1000',
	'workflow.retry_delay = 1min');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.tried (process uuid, at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE shop.told (process uuid, event jsonb);
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'no more %', context->>'what' USING ERRCODE = context->>'code', DETAIL = 'sold', HINT = 'wait'; END $$;
	CREATE FUNCTION shop.tell(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO shop.told VALUES ((event->>'process')::uuid, event) $$;
	CREATE FUNCTION shop.define(name text, policy json) RETURNS int LANGUAGE sql AS $$
		SELECT workflow.define(json_build_object('id', name, 'initial', 'a', 'on_error', policy,
			'context', json '{"what": "bolts", "code": "SH001"}',
			'states', json '{"a": {"on": {"go": {"target": "b", "actions": "shop.fail"},
			                              "failed": {"target": "d", "actions": "shop.tell"},
			                              "worse": {"actions": "shop.fail"}}},
			                 "b": {}, "c": {"entry": "shop.tell"}, "d": {}}'))
	$$;
	CREATE FUNCTION shop.run(definition text, code text DEFAULT 'SH001', event text DEFAULT 'go') RETURNS uuid LANGUAGE plpgsql AS $$
	DECLARE
		p uuid := workflow.start(definition, jsonb_build_object('code', code));
	BEGIN
		PERFORM workflow.post(p, event, '{"n": 7}', actor => 'ann');
		RETURN p;
	END $$;
	SELECT shop.define('error', '{"retry": {"errors": "*", "maxAttempts": 2, "intervalSeconds": 0.01, "backoffRate": 1}, "then": "error"}');
	SELECT shop.define('terminate', '{"retry": [], "then": "terminate"}');
	SELECT shop.define('event', '{"retry": [{"errors": ["SH002"], "maxAttempts": 0}, {"errors": ["SH"], "maxAttempts": 3, "intervalSeconds": 0, "jitter": "full"}], "then": {"event": "failed"}}');
	SELECT shop.define('target', '{"retry": [], "then": {"target": "c"}}');
	SELECT shop.define('nobody', '{"retry": [], "then": {"event": "nothing"}}');
	SELECT shop.define('itself', '{"retry": [], "then": {"event": "worse"}}');});

# Where a process stands once its event was given up, after how many attempts.
sub outcome
{
	my ($definition, $code) = @_;
	my $p = as($node, 'clerk', "SELECT shop.run('$definition', '" . ($code // 'SH001') . "')");

	wait_for($node, "SELECT EXISTS (SELECT FROM workflow.errors WHERE process = '$p' AND given_up)");
	return ($p, as($node, 'clerk', "SELECT concat_ws(' ', p.status, e.attempts, e.sqlstate, e.event) FROM workflow.processes p JOIN workflow.errors e ON e.process = p.id WHERE p.id = '$p' AND e.event = 'go'"));
}

my ($p, $end) = outcome('error');
is($end, 'error 3 SH001 go', 'maxAttempts counts those after the first');
($p, $end) = outcome('terminate');
is($end, 'terminated 1 SH001 go', 'no entry, no further attempt; terminated although a command would lead out');
is(as($node, 'clerk', "SELECT workflow.resume('$p')"), 't', 'it can be resumed');
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.errors WHERE process = '$p' AND given_up)");
pass('and fails again');

($p, $end) = outcome('event', 'SH002');
like($end, qr/^idled 1 SH002 go$/, 'the first entry that fits is the one');
wait_for($node, "SELECT states = '{d}' FROM workflow.process WHERE id = '$p'");
is(as($node, 'clerk', "SELECT event->'data' FROM shop.told WHERE process = '$p'"),
	'{"data": {"n": 7}, "hint": "wait", "event": "go", "detail": "sold", "message": "no more bolts", "attempts": 1, "sqlstate": "SH002"}',
	'the process is told all there is to know');
is(as($node, 'clerk', "SELECT event->>'actor' FROM shop.told WHERE process = '$p'"), 'ann', 'on behalf of who sent what failed');
($p, $end) = outcome('event', 'SH003');
like($end, qr/ 4 SH003 go$/, 'an entry may be for a class');
($p, $end) = outcome('event', 'XY003');
like($end, qr/ 1 XY003 go$/, 'what no entry is for, is not tried again');

($p, $end) = outcome('target');
wait_for($node, "SELECT states = '{c}' FROM workflow.process WHERE id = '$p'");
is(as($node, 'clerk', "SELECT event->>'type' FROM shop.told WHERE process = '$p'"), 'error.step', 'a target is reached by the event error.step');
($p, $end) = outcome('nobody');
is($end, 'error 1 SH001 go', 'where nobody would listen the process stops as without on_error');
$p = as($node, 'clerk', q{SELECT shop.run('itself')});
wait_for($node, "SELECT status = 'error' FROM workflow.process WHERE id = '$p'");
is(as($node, 'clerk', "SELECT string_agg(event, ' ' ORDER BY event COLLATE \"C\") FROM workflow.errors WHERE process = '$p' AND given_up"), 'go worse',
	'the process is not told that it could not be told');

# ---- errors that are events, many at once

as($node, 'clerk', q{
	CREATE TABLE shop.n (n int);
	CREATE FUNCTION shop.writes(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO shop.n VALUES (1) $$;
	CREATE FUNCTION shop.waits(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE lock_not_available; END $$;
	SELECT workflow.define('{"id": "many", "initial": "a", "states": {
		"a": {"on": {"go": {"target": "b", "actions": ["shop.writes", "shop.fail"]}, "wait": {"target": "b", "actions": "shop.waits"}, "error.execution": "c"}},
		"b": {"on": {"error.execution": "c"}}, "c": {}}}');});
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.enabled = off});
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.runtime_activity() WHERE kind = 'executor'});
as($node, 'clerk', q{SELECT count(workflow.post(p, 'go')) FROM workflow.start_many('many', array_fill('{"what": "luck", "code": "SH001"}'::jsonb, ARRAY[300])) p});
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.enabled = on});
$node->reload;
wait_for($node, q{SELECT count(*) = 300 FROM workflow.processes WHERE definition = 'many' AND states = '{c}'});
is(as($node, 'clerk', 'SELECT count(*) FROM shop.n'), '300', 'what was done before the error stays');
cmp_ok($node->safe_psql('postgres', q{SELECT max(n) FROM (SELECT count(*) AS n FROM workflow.history WHERE event = 'go' AND process IN (SELECT id FROM workflow.processes WHERE definition = 'many') GROUP BY xmin) s}),
	'<=', 48, 'a batch ends before its subtransactions fill the shared cache');
is(as($node, 'clerk', q{SELECT count(*) FROM workflow.errors e WHERE definition = 'many'}), '0', 'none of them counts as an attempt');

# A conflict is tried again, not told.
$p = as($node, 'clerk', q{SELECT workflow.start('many')});
as($node, 'clerk', "SELECT workflow.post('$p', 'wait')");
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.errors WHERE process = '$p' AND sqlstate = '55P03')");
is(as($node, 'clerk', "SELECT states FROM workflow.get('$p')"), '{a}', 'conflicts are tried again, no event is made of them');

# ---- what is kept for later is as durable as everything

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "keeps", "initial": "a", "states": {"a": {"defer": ["x"], "on": {"go": "b"}}, "b": {"on": {"x": "c"}}, "c": {"type": "final"}}}')});
$p = as($node, 'clerk', q{SELECT workflow.start('keeps')});
as($node, 'clerk', "SELECT workflow.post('$p', 'x')");
wait_for($node, "SELECT count(*) = 1 FROM workflow.deferred WHERE process = '$p'");
$node->stop('immediate');
$node->start;
as($node, 'clerk', "SELECT workflow.post('$p', 'go')");
wait_for($node, "SELECT status = 'finalized' FROM workflow.process WHERE id = '$p'");
pass('an event that was kept is worked after a crash');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.deferred'), '0', 'once');

$node->stop;
done_testing();
