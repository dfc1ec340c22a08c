# Parents and children of two owners, worked by executors: they find each
# other's events, also across crashes; a child that fails tells its parent.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('invoke', 'workflow.max_executors = 4', 'workflow.retry_delay = 10ms', 'workflow.max_attempts = 2');

workflow_role($node, 'baker');
as($node, 'baker', q{
	SELECT workflow.define('{"id": "bake", "initial": "oven", "output": {"loaf": {"@expr": "context->''n''"}},
		"states": {"oven": {"after": {"5": "cool"}}, "cool": {"after": {"5": "out"}}, "out": {"type": "final"}}}');
	SELECT workflow.grant_on('bake', 'clerk', 'start')});
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "baking", "context": {"n": 0},
		"states": {
			"baking": {"type": "parallel", "onDone": "done", "on": {"drop": "dropped"}, "states": {
				"one": {"initial": "wait", "states": {
					"wait": {"invoke": {"id": "first", "src": "bake", "input": {"n": {"@expr": "context->''n''"}},
						"onDone": {"target": "ok", "actions": {"type": "assign", "context": {"loaf": {"@expr": "event->''output''->''loaf''"}}}}}},
					"ok": {"type": "final"}}},
				"two": {"initial": "wait", "states": {
					"wait": {"invoke": {"id": "second", "src": "bake", "onDone": "ok"}}, "ok": {"type": "final"}}}}},
			"done": {"type": "final"}, "dropped": {"type": "final"}}}')});

sub all_is_well
{
	my ($n, $what) = @_;

	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.process WHERE status NOT IN ('finalized', 'terminated'))}, $what);
	is($node->safe_psql('postgres', q{
		SELECT count(*) FILTER (WHERE states = '{done}' AND context->'n' = context->'loaf'), count(*) FILTER (WHERE children IS NOT NULL)
		FROM workflow.processes WHERE definition = 'order' AND status = 'finalized' AND states <> '{dropped}'}), "$n|0",
		"$what: each parent got the output of its own child, and has none left");
	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM workflow.process c LEFT JOIN workflow.process p ON p.id = c.parent
		WHERE c.invoke IS NOT NULL AND (p.id IS NULL OR NOT (c.status = 'finalized' OR p.states = '{dropped}'))}), '0',
		"$what: no child is lost, none was cancelled by mistake");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.timer'), '0', "$what: nothing is left to do");
	return;
}

as($node, 'clerk', q{SELECT count(workflow.start('order', jsonb_build_object('n', i))) FROM generate_series(1, 100) i});
all_is_well(100, 'at rest');

# Crashes at any moment of a larger number.
as($node, 'clerk', q{SELECT count(s) FROM workflow.start_many('order', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(101, 400) i)) s});
for my $done (400, 600, 900)
{
	wait_for($node, "SELECT count(*) >= $done FROM workflow.process WHERE status = 'finalized'", "$done at their end");
	$node->stop('immediate');
	$node->start;
}
all_is_well(400, 'after crashes');

# Parents let go of children that are about to start, and of some at work.
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "long", "initial": "a", "states": {"a": {"after": {"1 day": "b"}}, "b": {}}}');
	SELECT workflow.define('{"id": "keeper", "initial": "a", "states": {
		"a": {"invoke": {"id": "l", "src": "long"}, "on": {"drop": "dropped"}}, "dropped": {"type": "final"}}}');
	BEGIN;
	SELECT count(s) FROM workflow.start_many('keeper', array_fill(NULL::jsonb, ARRAY[100])) s;
	SELECT count(workflow.send(id, 'drop')) FROM workflow.processes WHERE definition = 'keeper';
	COMMIT;
	SELECT count(s) FROM workflow.start_many('keeper', array_fill(NULL::jsonb, ARRAY[100])) s});
wait_for($node, q{SELECT count(*) = 100 FROM workflow.processes WHERE definition = 'long' AND status = 'idled'}, 'children at work');
as($node, 'clerk', q{SELECT count(workflow.send(id, 'drop')) FROM workflow.processes WHERE definition = 'keeper' AND status = 'idled'});
all_is_well(400, 'with parents that let go');
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE status = 'terminated') FROM workflow.processes WHERE definition = 'long'}),
	'200|200', 'children are cancelled with the state that invoked them');

# A child that fails.
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF event->>'actor' IS DISTINCT FROM 'mender' THEN
			RAISE EXCEPTION 'the oven is cold' USING ERRCODE = 'ZZ001';
		END IF;
	END $$;
	SELECT workflow.define('{"id": "weak", "initial": "a", "states": {
		"a": {"after": {"1": {"target": "b", "actions": "shop.fail"}}, "on": {"help": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "stillborn", "initial": "a", "states": {"a": {"entry": "shop.fail"}}}');
	SELECT workflow.define('{"id": "patient", "initial": "a", "states": {
		"a": {"invoke": {"id": "w", "src": "weak", "onDone": "fine"}}, "fine": {"type": "final"}}}');
	SELECT workflow.define('{"id": "nervous", "initial": "a", "states": {
		"a": {"invoke": {"id": "w", "src": "weak", "onDone": "fine", "onError": {"target": "sorry",
			"actions": {"type": "assign", "context": {"error": {"@expr": "event->''data''"}}}}}},
		"fine": {"type": "final"}, "sorry": {"type": "final"}}}');
	SELECT workflow.define('{"id": "unlucky", "initial": "a", "states": {
		"a": {"invoke": {"id": "w", "src": "stillborn", "onError": "sorry"}}, "sorry": {"type": "final"}}}');
	SELECT workflow.start('patient', key => 'p'), workflow.start('nervous', key => 'n'), workflow.start('unlucky', key => 'u')});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.processes WHERE key IN ('n', 'u') AND states = '{sorry}'}, 'onError');
is($node->safe_psql('postgres', q{SELECT context->'error' FROM workflow.processes WHERE key = 'n'}),
	'{"message": "the oven is cold", "sqlstate": "ZZ001"}', 'a parent gets to know of what its child died');
wait_for($node, q{SELECT count(*) = 2 FROM workflow.processes WHERE definition IN ('weak', 'stillborn') AND status = 'terminated' AND states = '{}'}, 'the failed children to be cancelled with the state that invoked them');
pass('children that failed are cancelled with the state that invoked them');

wait_for($node, q{SELECT EXISTS (SELECT FROM workflow.process_history WHERE key = 'p' AND event = 'error.invoke.w')}, 'the patient one to hear of it');
is($node->safe_psql('postgres', q{
	SELECT p.status, p.states, c.status, NOT h.taken FROM workflow.processes p JOIN workflow.processes c ON c.parent = p.id
	JOIN workflow.process_history h ON h.process = p.id AND h.event LIKE 'error%' WHERE p.key = 'p'}), 'idled|{a}|error|t',
	'a parent without onError waits for somebody to mend its child');
as($node, 'clerk', q{SELECT workflow.send(c.id, 'help') FROM workflow.processes p JOIN workflow.processes c ON c.parent = p.id WHERE p.key = 'p'});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'p'}, 'the patient one');
pass('then it goes on');

#
# A child that failed, was helped, and has ended before its parent hears of either
#
as($node, 'clerk', q{
	CREATE FUNCTION shop.late_fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE $$no$$; END';
	SELECT workflow.define('{"id": "late child", "initial": "a", "on_error": {"retry": {"errors": "*", "maxAttempts": 0}},
		"states": {"a": {"on": {"boom": {"actions": "shop.late_fail"}, "end": "done"}}, "done": {"type": "final"}}}');
	SELECT workflow.define('{"id": "late parent", "initial": "waits", "states": {"waits": {"invoke": {"id": "kid", "src": "late child", "onDone": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('late parent', key => 'late')});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.processes WHERE definition = 'late child' AND status = 'idled'}, 'the child');
as($node, 'clerk', q{
	SELECT workflow.suspend(workflow.find('late parent', 'late'));
	SELECT workflow.post(id, 'boom') FROM workflow.processes WHERE definition = 'late child'});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.processes WHERE definition = 'late child' AND status = 'error'}, 'its failure');
as($node, 'clerk', q{
	SELECT workflow.send(id, 'end') FROM workflow.processes WHERE definition = 'late child';
	SELECT workflow.resume(workflow.find('late parent', 'late'))});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'late'}, 'its parent');
ok(1, 'a parent hears of both, and goes on');

$node->stop;
done_testing();
