# A little of everything that workers do, in one server and in small numbers:
# timers, commands, children, lists, deferred events, failures and what becomes of
# them, pauses, retention, a crash amid of it with suspects, workers that are
# terminated, CREATE, ALTER and DROP EXTENSION. Each has a test of its own that
# looks closely; this one passes through all the code in a short time, for who
# watches it while it does (test/sanitize).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('all_at_work', 'restart_after_crash = on', 'workflow.max_executors = 3', 'workflow.max_attempts = 3',
	'workflow.retry_delay = 10ms', 'workflow.retry_max_delay = 20ms', 'workflow.sweep_interval = 1s', 'workflow.executor_idle_timeout = 1s');

workflow_role($node, 'baker');
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk; GRANT USAGE ON SCHEMA shop TO baker');
as($node, 'baker', q{
	SELECT workflow.define('{"id": "bake", "initial": "oven", "context": {"n": 0}, "output": {"loaf": {"@expr": "context->''n''"}},
		"states": {"oven": {"after": {"5": "cool"}}, "cool": {"after": {"5": "out"}}, "out": {"type": "final"}}}');
	SELECT workflow.grant_on('bake', 'clerk', 'start')});
as($node, 'clerk', q{
	CREATE TABLE shop.note (n int GENERATED ALWAYS AS IDENTITY, what text);
	CREATE TABLE shop.broken (what text PRIMARY KEY);
	INSERT INTO shop.broken VALUES ('mill'), ('oven');
	CREATE SEQUENCE shop.tries;
	CREATE FUNCTION shop.note(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO shop.note (what) VALUES (params #>> '{}') $$;
	CREATE FUNCTION shop.add(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
		$$ SELECT context || jsonb_build_object('sum', (context->>'sum')::int + (context->>'line')::int) $$;
	CREATE FUNCTION shop.is_big(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT (context->>'sum')::int > 100 $$;
	CREATE FUNCTION shop.need(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM shop.broken WHERE what = params #>> '{}') THEN
			RAISE '% is broken', params #>> '{}' USING ERRCODE = 'ZZ001', DETAIL = 'It is old.', HINT = 'Buy another.';
		END IF;
	END $$;
	CREATE FUNCTION shop.second_time(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF nextval('shop.tries') % 2 = 1 THEN
			RAISE serialization_failure;
		END IF;
	END $$;
	-- lists, branches, events of its own, children, a history state, regions, what is deferred
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"n": 0, "lines": [], "line": 0, "sum": 0, "big": 0},
		"search": {"sum": "$.sum"},
		"states": {
			"new": {
				"entry": [
					{"type": "foreach", "array": {"@expr": "context->''lines''"}, "item": "line", "index": "at", "actions": [
						"shop.add",
						{"type": "choose", "branches": [{"guard": {"@expr": "(context->>''line'')::int > 5"},
							"actions": {"type": "assign", "context": {"big": {"@expr": "(context->>''big'')::int + 1"}}}}]}]},
					{"type": "send", "event": {"type": "reminder", "n": 1}, "delay": "1 hour", "id": "reminder"},
					{"type": "raise", "event": "inside"}, {"type": "send", "event": "outside"},
					{"type": "log", "value": {"@expr": "context->''n''"}, "label": "new"}],
				"defer": ["letter"],
				"on": {"inside": {"actions": {"type": "shop.note", "params": "inside"}},
					"outside": {"actions": {"type": "shop.note", "params": "outside"}}},
				"after": {"20": [{"guard": "shop.is_big", "target": "refused"}, {"target": "baking"}]},
				"exit": {"type": "cancel", "id": "reminder"}},
			"baking": {"type": "parallel", "onDone": "sent", "states": {
				"oven": {"initial": "wait", "states": {
					"wait": {"invoke": {"id": "loaf", "src": "bake", "input": {"n": {"@expr": "context->''n''"}},
						"onDone": {"target": "ok", "actions": {"type": "assign", "context": {"loaf": {"@expr": "event->''output''->''loaf''"}}}},
						"onError": "ok"}},
					"ok": {"type": "final"}}},
				"desk": {"initial": "open", "states": {
					"open": {"on": {"letter": {"target": "read", "actions": {"type": "shop.note", "params": "letter"}}}},
					"read": {"type": "final"}}}}},
			"sent": {"type": "final"}, "refused": {"type": "final"}}}');
	SELECT workflow.define('{"id": "memory", "initial": "on", "states": {
		"on": {"initial": "low", "states": {"low": {"on": {"up": "high"}}, "high": {}, "last": {"type": "history"}}, "on": {"off": "off"}},
		"off": {"after": {"10": "on.last"}}}}');
	-- failures: given up, tried again, taken by the chart, those of a child
	SELECT workflow.define('{"id": "mill", "initial": "a", "states": {
		"a": {"after": {"1": {"target": "b", "actions": {"type": "shop.need", "params": "mill"}}}, "on": {"skip": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "twice", "initial": "a", "on_error": {"retry": {"errors": "*", "maxAttempts": 5, "intervalSeconds": 0.01}},
		"states": {"a": {"after": {"1": {"target": "b", "actions": "shop.second_time"}}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "careful", "initial": "a", "context": {"error": null}, "states": {
		"a": {"after": {"1": {"target": "b", "actions": [{"type": "shop.note", "params": "before"}, {"type": "shop.need", "params": "oven"}]}}},
		"b": {"on": {"error.*": {"target": "c", "actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}}}},
		"c": {"type": "final"}}}');
	SELECT workflow.define('{"id": "parent", "initial": "a", "states": {
		"a": {"invoke": {"id": "m", "src": "mill", "onDone": "b", "onError": "c"}}, "b": {"type": "final"}, "c": {"type": "final"}}}');
	SELECT workflow.define('{"id": "loop", "initial": "a", "states": {"a": {"after": {"1": "b"}}, "b": {"always": "c"}, "c": {"always": "b"}}}')});

sub ended
{
	my ($count, $definition, $state, $what) = @_;

	wait_for_count($node, $count, qq{workflow.processes WHERE definition = '$definition' AND states = '{$state}'});
	ok(1, $what);
	return;
}

#
# Work
#
as($node, 'clerk', q{
	SELECT count(*) FROM workflow.start_many('order', ARRAY(SELECT jsonb_build_object('n', i, 'lines', jsonb_build_array(i, 7)) FROM generate_series(1, 60) i),
		ARRAY(SELECT i::text FROM generate_series(1, 60) i));
	SELECT count(workflow.post_by_key('order', i::text, 'letter', to_jsonb(repeat('x', 10 * i)), id => 'letter')) FROM generate_series(1, 60) i;
	SELECT workflow.start('order', '{"lines": [99, 3]}', key => 'refused');
	SELECT count(workflow.start('order', '{"n": 61}', at => clock_timestamp() + '10 ms', key => 'later'))});
ended(60, 'order', 'sent', 'orders');
ended(1, 'order', 'refused', 'a guard');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM workflow.processes WHERE definition = 'order' AND states = '{sent}'
		AND context->'loaf' = context->'n' AND (context->>'sum')::int = (context->>'n')::int + 7 AND context ? 'at'}), 60, 'each has its loaf and its sum');
# one of them starts a moment later
wait_for($node, q{SELECT count(*) = 62 FROM shop.note WHERE what = 'outside'}, 'all to be there');
is($node->safe_psql('postgres', q{SELECT string_agg(what || ' ' || count, ', ' ORDER BY what) FROM (
		SELECT what, count(*) FROM shop.note GROUP BY what) n}), 'inside 62, letter 60, outside 62', 'every action ran once');
as($node, 'clerk', q{
	SELECT workflow.send_by_key('order', 'later', 'letter', '[]'), workflow.start('memory', key => 'm');
	SELECT workflow.send_by_key('memory', 'm', 'nonsense', '[1, {"a": "ü"}]', id => 'nonsense');
	SELECT workflow.send_by_key('memory', 'm', 'up'), workflow.send_by_key('memory', 'm', 'off')});
ended(61, 'order', 'sent', 'one that started later');
wait_for($node, q{SELECT step > 4 AND states = '{on.high}' FROM workflow.processes WHERE definition = 'memory'}, 'the history state');

#
# Failures
#
as($node, 'clerk', q{
	SELECT count(*) FROM workflow.start_many('mill', array_fill(NULL::jsonb, ARRAY[20]));
	SELECT count(*) FROM workflow.start_many('twice', array_fill(NULL::jsonb, ARRAY[10]));
	SELECT count(*) FROM workflow.start_many('careful', array_fill(NULL::jsonb, ARRAY[10]));
	SELECT count(*) FROM workflow.start_many('parent', array_fill(NULL::jsonb, ARRAY[5]));
	SELECT workflow.start('loop')});
ended(10, 'twice', 'b', 'what fails once is done at the second attempt');
ended(10, 'careful', 'c', 'a chart takes failures as events');
ended(5, 'parent', 'c', 'a parent hears of those of its child');
wait_for_count($node, 21, q{workflow.errors WHERE given_up AND status IN ('error', 'terminated')
	AND definition IN ('mill', 'loop') AND process NOT IN (SELECT id FROM workflow.process WHERE parent IS NOT NULL)});
is($node->safe_psql('postgres', q{SELECT DISTINCT sqlstate, message, detail, hint, attempts FROM workflow.errors WHERE definition = 'mill'}),
	'ZZ001|mill is broken|It is old.|Buy another.|3', 'what is given up is there with its cause');
as($node, 'clerk', q{
	DELETE FROM shop.broken;
	SELECT count(workflow.send(process, 'skip')) FROM (SELECT process FROM workflow.errors WHERE definition = 'mill' AND status = 'error' LIMIT 3) e;
	SELECT count(workflow.resume(process)) FROM workflow.errors WHERE definition = 'mill' AND status = 'error'});
ended(20, 'mill', 'b', 'and goes on when that is mended');

#
# Pauses, and what is done to processes that wait
#
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "job", "initial": "a", "states": {"a": {"on": {"go": "b"}, "after": {"1 day": "b"}}, "b": {"type": "final"}}}');
	SELECT count(*) FROM workflow.start_many('job', array_fill(NULL::jsonb, ARRAY[40]));
	SELECT workflow.pause('job');
	SELECT count(workflow.post(id, 'go')) FROM (SELECT id FROM workflow.processes WHERE definition = 'job' ORDER BY id LIMIT 30) p;
	SELECT count(workflow.suspend(id)) FROM (SELECT id FROM workflow.processes WHERE definition = 'job' ORDER BY id DESC LIMIT 5) p});
wait_for_count($node, 30, q{workflow.timer WHERE parked AND event = 'go'});
as($node, 'clerk', q{SELECT workflow.unpause('job')});
ended(30, 'job', 'b', 'a backlog after a pause');
as($node, 'clerk', q{
	SELECT count(workflow.set_timer(id, '1 day', clock_timestamp())) FROM workflow.processes WHERE definition = 'job' AND status = 'idled' AND NOT suspended;
	SELECT count(workflow.cancel(id)) FROM (SELECT id FROM workflow.processes WHERE suspended AND status = 'idled' LIMIT 2) p;
	SELECT count(workflow.erase(id, true)) FROM (SELECT id FROM workflow.processes WHERE suspended AND status = 'idled' LIMIT 1) p;
	SELECT count(workflow.resume(id)) FROM workflow.processes WHERE suspended AND status = 'idled'});
wait_for_count($node, 0, 'workflow.erasure WHERE pending');
ended(35, 'job', 'b', 'timers that were set');

# Transactions that take their time: prepared ones, and such as are undone in part.
$node->safe_psql('postgres', q{
	SET SESSION AUTHORIZATION clerk;
	BEGIN;
	SELECT workflow.start('job', key => 'prepared');
	SAVEPOINT s;
	SELECT workflow.start('job', key => 'undone');
	ROLLBACK TO s;
	SELECT workflow.post_by_key('job', 'prepared', 'go');
	PREPARE TRANSACTION 'p';});
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
ended(36, 'job', 'b', 'one that was prepared');

#
# A crash with a backlog, part of which failed before: suspects, one by one
#
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.enabled TO off; SELECT pg_reload_conf()});
wait_for_count($node, 0, q{workflow.activity WHERE kind = 'executor'});
as($node, 'clerk', q{
	INSERT INTO shop.broken VALUES ('mill');
	SELECT count(*) FROM workflow.start_many('job', array_fill(NULL::jsonb, ARRAY[20]));
	SELECT count(workflow.post(id, 'go')) FROM workflow.processes WHERE definition = 'job' AND status = 'idled';
	SELECT count(*) FROM workflow.start_many('mill', array_fill(NULL::jsonb, ARRAY[5]))});
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.enabled});
$node->stop('immediate');
$node->start;
ended(58, 'job', 'b', 'the backlog of a crash');
wait_for_count($node, 5, q{workflow.errors WHERE given_up AND definition = 'mill' AND status = 'error'});
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure f JOIN workflow.process p ON p.id = f.process
	WHERE p.definition = (SELECT id FROM workflow.definition WHERE name = 'job')}), 0, 'nobody is blamed for it');
as($node, 'clerk', q{DELETE FROM shop.broken; SELECT count(workflow.resume(process)) FROM workflow.errors WHERE definition = 'mill' AND status = 'error'});
ended(25, 'mill', 'b', 'failures after a crash');

#
# Workers that are terminated, one that is killed
#
start_clocks($node, 'postgres', 'clerk', 3);
start_clocks($node, 'postgres', 'baker', 2);
foreach my $kind (qw(executor runtime launcher))
{
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = '$kind' AND pid IS NOT NULL");
	wait_for_ticks($node, 'postgres', "after the end of the $kind");
	ok(1, "$kind terminated: work goes on");
}
my $reached = steps_reached($node, 'postgres');
my $log = -s $node->logfile;
# one that has nothing to do may end by itself before
wait_until(sub { my ($pid) = worker_pids($node, 'executor'); return $pid && kill('KILL', $pid) }, 'an executor to kill');
wait_for_ticks($node, 'postgres', 'after a crash', $reached);
log_says($node, $log, qr/all server processes terminated; reinitializing/, 'an executor is killed: work goes on');

# Settings, and somebody who asks.
$node->append_conf('postgresql.conf', "workflow.batch_size = 3\nworkflow.step_timeout = 1h\nworkflow.retention = 1h");
$node->reload;
wait_for_ticks($node, 'postgres', 'with other settings');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), 0, 'everything fits together');

#
# An extension of an older version, at work, is updated; then all go.
#
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', q{CREATE EXTENSION workflow VERSION '0.1.0'});
start_clocks($node, 'old', 'clerk', 2);
$node->safe_psql('old', 'ALTER EXTENSION workflow UPDATE');
wait_for_ticks($node, 'old', 'after ALTER EXTENSION UPDATE');
ok(1, 'ALTER EXTENSION UPDATE: work goes on');
$node->safe_psql('old', 'BEGIN; DROP EXTENSION workflow; CREATE EXTENSION workflow; COMMIT');
start_clocks($node, 'old', 'baker', 2);
ok(1, 'DROP and CREATE EXTENSION: the new one works');
$node->safe_psql('old', 'DROP EXTENSION workflow');
$node->safe_psql('postgres', 'DROP DATABASE old');
wait_for_ticks($node, 'postgres', 'in the other database');

#
# Retention: the clock jumps from here, until the ring came round. The runtime looks
# at it when it has looked for work, as it is told to here.
#
as($node, $_, q{SELECT count(workflow.suspend(id)) FROM workflow.processes WHERE definition LIKE 'clock%'}) foreach qw(clerk baker);
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process WHERE status = 'finalized'}), '>', 100, 'much is over');
my $now = $node->safe_psql('postgres', q{SELECT now()});
wait_for_count($node, 1, 'workflow.ring');
foreach my $round (1 .. 9)
{
	my $slot = $node->safe_psql('postgres', 'SELECT slot FROM workflow.ring');
	$node->append_conf('postgresql.conf', "workflow.test_clock = '" . $node->safe_psql('postgres', "SELECT '$now'::timestamptz + $round * interval '10 minutes'") . "'");
	$node->reload;
	wait_for($node, "SELECT slot <> $slot FROM workflow.ring WHERE workflow.wake() IS NOT NULL", 'the ring to move');
}
wait_for_count($node, 0, q{workflow.process WHERE status IN ('finalized', 'terminated')});
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM workflow.process}), 't', 'what is over expires, the rest stays');
$node->safe_psql('postgres', 'DROP EXTENSION workflow');
wait_for_count($node, 0, q{pg_stat_activity WHERE backend_type IN ('workflow runtime', 'workflow executor')});
ok(1, 'DROP EXTENSION: the workers end');

unlike(log_since($node), qr/TRAP|PANIC|deadlock detected/, 'nothing went wrong inside');
$node->stop;
done_testing();
