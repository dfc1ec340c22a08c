# One bad event does not hold up the others.
#
# A batch of timers, all due at one instant: 10 raise an error, 5 take their time,
# 1 loops for ever in "always". The 984 others are done while the bad ones still
# wait for their second attempt; the bad ones are visible with their cause, and
# go on once they are resumed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# The second attempt comes when the test says so: see try_again().
my $node = workflow_node('poison',
	'workflow.batch_size = 1000',
	'workflow.max_executors = 2',
	'workflow.max_attempts = 3',
	'workflow.sweep_interval = 1s',
	'workflow.retry_delay = 1d',
	'workflow.retry_max_delay = 1d');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.fault (kind text PRIMARY KEY, takes interval);
	INSERT INTO shop.fault VALUES ('raises', NULL), ('slow', '100 ms'), ('loops', NULL);
	CREATE TABLE shop.done (n int PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
	CREATE SEQUENCE shop.runs;
	CREATE FUNCTION shop.do(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM nextval('shop.runs');
		INSERT INTO shop.done VALUES ((context->>'n')::int);
		CASE (SELECT kind FROM shop.fault WHERE kind = context->>'kind')
			WHEN 'raises' THEN
				RAISE 'order % cannot be packed', context->>'n' USING DETAIL = 'no box is large enough', ERRCODE = 'SH001';
			WHEN 'slow' THEN
				PERFORM pg_sleep_for((SELECT takes FROM shop.fault WHERE kind = 'slow'));
			ELSE
		END CASE;
	END $$;
	CREATE FUNCTION shop.turns(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql
		AS $$ SELECT context->>'kind' = 'loops' AND EXISTS (SELECT FROM shop.fault WHERE kind = 'loops') $$;
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"n": 0, "kind": "good"},
		"states": {
			"new": {"after": {"1 day": {"target": "packed", "actions": "shop.do"}}, "on": {"drop": "dropped"}},
			"packed": {"always": [{"guard": "shop.turns", "target": "again"}, {"target": "sent"}]},
			"again": {"always": "packed"},
			"sent": {"type": "final"},
			"dropped": {"type": "final"}}}')});

# Start 1,000 orders whose timers are all due in a moment; the bad ones lie
# among the good ones.
sub start_orders
{
	my ($from) = @_;

	as($node, 'clerk', qq{
		BEGIN;
		SELECT setval('shop.runs', 1, false);
		SELECT count(workflow.set_timer(s.id, '1 day', now()))
		FROM workflow.start_many('order', ARRAY(
			SELECT jsonb_build_object('n', $from + i, 'kind', CASE
				WHEN i % 100 = 50 THEN 'raises' WHEN i % 200 = 77 THEN 'slow' WHEN i = 500 THEN 'loops' ELSE 'good' END)
			FROM generate_series(0, 999) i)) s(id);
		COMMIT;});
	return;
}

# The good ones are done, and the bad ones have had one attempt each: nobody
# waited for a second one. A bad one undoes its batch once; the rest of that
# is done again, and no more than that.
sub not_held_up
{
	my ($bad) = @_;
	my $runs = $node->safe_psql('postgres', 'SELECT last_value FROM shop.runs');

	wait_for_count($node, $bad, 'workflow.errors WHERE NOT given_up');
	is($node->safe_psql('postgres', q{SELECT count(*), min(attempts), max(attempts) FROM workflow.errors WHERE status <> 'finalized'}),
		"$bad|1|1", 'the good ones are done before anything is tried twice');
	note("$runs runs of the action");
	cmp_ok($runs, '<', 1000 * ($bad + 2), 'a bad one has the others done once more at most');
	return;
}

# The second and the third attempt, at once. An UPDATE by hand is announced to
# nobody: it is found by the sweep.
sub try_again
{
	my ($bad) = @_;

	foreach my $attempt (2, 3)
	{
		$node->safe_psql('postgres', 'UPDATE workflow.timer SET due = now() WHERE attempts > 0');
		wait_for_count($node, $bad, "workflow.errors WHERE status <> 'finalized' AND attempts = $attempt");
	}
	return;
}

#
# As it is by default: a step may take as long as it takes.
#
start_orders(0);
wait_for($node, q{SELECT count(*) = 989 FROM workflow.process WHERE status = 'finalized'}, '989 orders sent');
not_held_up(11);
try_again(11);
wait_for($node, q{SELECT count(*) = 11 FROM workflow.errors WHERE given_up}, '11 events given up');
is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.done}), 989, 'what failed left nothing behind');
is($node->safe_psql('postgres', q{
		SELECT sqlstate, message, detail, attempts, status, count(*) FROM workflow.errors
		WHERE sqlstate = 'SH001' AND message = 'order 50 cannot be packed' GROUP BY 1, 2, 3, 4, 5}),
	'SH001|order 50 cannot be packed|no box is large enough|3|error|1',
	'an error is there with its cause');
is($node->safe_psql('postgres', q{
		SELECT sqlstate, count(*) FROM workflow.errors GROUP BY 1 ORDER BY 1}),
	"54000|1\nSH001|10", 'ten that raised, one that did not come to rest');
like($node->safe_psql('postgres', q{SELECT message || ' ' || hint FROM workflow.errors WHERE sqlstate = '54000'}),
	qr/did not end after 1000 microsteps.*always.*workflow\.max_microsteps/, 'the loop is told as such');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM workflow.errors
		WHERE context LIKE '%event "after.1 day.new" of workflow "order"%' AND event = 'after.1 day.new'}),
	11, 'with the event and the place');
is($node->safe_psql('postgres', q{SELECT status, states, count(*) FROM workflow.process WHERE status <> 'finalized' GROUP BY 1, 2}),
	'error|{new}|11', 'their processes are in error, where they were');

# A command leads out of it, too.
is(as($node, 'clerk', q{
		SELECT (workflow.send(process, 'drop')).status FROM workflow.errors WHERE message = 'order 50 cannot be packed'}),
	'finalized', 'a command is still possible');

# The cause is mended, the others go on where they stopped.
as($node, 'clerk', q{DELETE FROM shop.fault; SELECT workflow.resume(process) FROM workflow.errors WHERE status = 'error'});
wait_for($node, q{SELECT count(*) = 999 FROM workflow.process WHERE states = '{sent}'}, 'the resumed ones');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT n) FROM shop.done}), '999|999', 'each was done once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.errors WHERE status <> 'finalized'}), 0, 'no error is left');

#
# With a limit on the time of a step, the slow ones are as bad as the others. It is
# far from what the good ones take on a busy machine, and with sanitizers.
#
as($node, 'clerk', q{INSERT INTO shop.fault VALUES ('raises', NULL), ('slow', '10 min'), ('loops', NULL)});
$node->append_conf('postgresql.conf', "workflow.step_timeout = '2s'\n");
$node->reload;
wait_for($node, q{SELECT setting = '2000' FROM pg_settings WHERE name = 'workflow.step_timeout'});
start_orders(1000);
wait_for($node, q{SELECT count(*) = 984 FROM workflow.process
	WHERE (context->>'n')::int >= 1000 AND status = 'finalized'}, '984 orders sent');
not_held_up(16);
try_again(16);
wait_for($node, q{SELECT count(*) = 16 FROM workflow.errors WHERE given_up AND status = 'error'}, '16 events given up');
is($node->safe_psql('postgres', q{
		SELECT sqlstate, message, count(*) FROM workflow.errors WHERE sqlstate = '57014' GROUP BY 1, 2}),
	'57014|canceling step due to workflow.step_timeout|5', 'five took too long');
is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.done WHERE n >= 1000}), 984, 'and left nothing behind');

# The same limit holds for a command.
as($node, 'clerk', q{
	CREATE FUNCTION shop.sleep(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql
		AS $$ BEGIN PERFORM pg_sleep((event->'data'->>'s')::float); EXCEPTION WHEN query_canceled THEN NULL; END $$;
	SELECT workflow.define('{"id": "nap", "initial": "awake",
		"states": {"awake": {"on": {"sleep": {"target": "over", "actions": "shop.sleep"}}}, "over": {"type": "final"}}}');
	SELECT workflow.start('nap', key => 'a')});
my ($status, $out, $err) = $node->psql('postgres', q{SELECT workflow.send_by_key('nap', 'a', 'sleep', '{"s": 60}')},
	extra_params => [ '-U', 'clerk', '-v', 'VERBOSITY=verbose' ]);
like($err, qr/ERROR:  57014: canceling step due to workflow\.step_timeout/, 'a command that takes too long fails, also when its code makes light of it');
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('nap', 'a', 'sleep', '{"s": 0}')).status}), 'finalized', 'a quick one does not');

# Somebody else's cancel request is not lost over it, even on code that makes
# light of both.
as($node, 'clerk', q{
	CREATE SEQUENCE shop.naps;
	CREATE FUNCTION shop.doze(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..2 LOOP
			BEGIN
				PERFORM pg_sleep(600);
			EXCEPTION WHEN query_canceled THEN
				PERFORM nextval('shop.naps');
			END;
		END LOOP;
	END $$;
	CREATE FUNCTION shop.reason(command text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RETURN 'none';
	EXCEPTION WHEN query_canceled THEN
		RETURN SQLERRM;
	END $$;
	SELECT workflow.define('{"id": "doze", "initial": "awake",
		"states": {"awake": {"on": {"sleep": {"target": "over", "actions": "shop.doze"}}}, "over": {"type": "final"}}}');
	SELECT workflow.start('doze', key => 'a')});
my $sleeper = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$sleeper->query_until(qr/^$/, "SELECT shop.reason(\$\$SELECT workflow.send_by_key('doze', 'a', 'sleep')\$\$);\n");
wait_for($node, q{SELECT is_called FROM shop.naps}, 'the limit to pass');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT shop.reason%'});
like($sleeper->query_until(qr/due to/, "\n"), qr/canceling statement due to user request/, 'a cancel request that meets the limit is heard');
is($sleeper->query_safe('SELECT 1'), '1', 'once');
$sleeper->quit;

# Once the limit is gone, all of them are done.
as($node, 'clerk', q{DELETE FROM shop.fault WHERE kind <> 'slow'; UPDATE shop.fault SET takes = '100 ms'});
$node->append_conf('postgresql.conf', "workflow.step_timeout = 0\n");
$node->reload;
wait_for($node, q{SELECT setting = '0' FROM pg_settings WHERE name = 'workflow.step_timeout'});
as($node, 'clerk', q{SELECT workflow.resume(process) FROM workflow.errors WHERE status = 'error'});
wait_for($node, q{SELECT count(*) = 1000 FROM workflow.process WHERE (context->>'n')::int >= 1000 AND states = '{sent}'}, 'the resumed ones');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT n) FROM shop.done}), '1999|1999', 'each was done once');

#
# When an event has failed, it is free until that is recorded: another executor
# may step it, fail as well and record it first. That is one attempt all the same,
# or events would be given up early, and the second attempt not wait.
#
my $library = held_commit_library($node);
my $held = $node->basedir . '/held_commit.at';
$node->safe_psql('postgres', "CREATE FUNCTION shop.load() RETURNS void LANGUAGE c AS '$library', 'held_commit_load'");
as($node, 'clerk', qq{
	CREATE SEQUENCE shop.tries;
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		IF nextval('shop.tries') = 1 THEN
			PERFORM shop.load(), set_config('held_commit.at', '$held', true);
		END IF;
		RAISE 'this order is lost';
	END \$\$;
	SELECT workflow.define('{"id": "lost", "initial": "a", "states": {"a": {"on": {"ship": {"actions": "shop.fail"}}}}}');
	SELECT workflow.start('lost', key => 'a');
	SELECT workflow.post_by_key('lost', 'a', 'ship')});
wait_for($node, "SELECT (pg_stat_file('$held', true)).size IS NOT NULL", 'an executor to be held in the end of its transaction');
# It is not looked after: the other one comes.
wait_for_count($node, 1, q{workflow.errors WHERE definition = 'lost'});
unlink $held or die "$held: $!";
wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the executors to rest');
is($node->safe_psql('postgres', q{
		SELECT last_value, e.attempts, t.attempts, t.due > now() + '1 hour'
		FROM shop.tries, workflow.errors e JOIN workflow.timer t USING (process) WHERE e.definition = 'lost'}),
	'2|1|1|t', 'an event that two executors were at has had one attempt');

#
# Who sets no limit to what an event may cause has none, however many events of
# a process are stepped together.
#
$node->append_conf('postgresql.conf', "workflow.max_microsteps = 2147483647\n");
$node->reload;
wait_for($node, q{SELECT setting = '2147483647' FROM pg_settings WHERE name = 'workflow.max_microsteps'});
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "echo", "initial": "a", "states": {"a": {"on": {
		"call": {"actions": {"type": "send", "event": "answer"}}, "answer": {"actions": []}}}}}');
	SELECT workflow.start('echo', key => 'a');
	SELECT workflow.post_by_key('echo', 'a', 'call') FROM generate_series(1, 3)});
wait_for($node, q{SELECT EXISTS (SELECT FROM workflow.errors WHERE definition = 'echo') OR (SELECT step = 7 FROM workflow.processes WHERE definition = 'echo')});
is($node->safe_psql('postgres', q{SELECT message FROM workflow.errors WHERE definition = 'echo'}), '', 'the highest limit is none');

$node->stop;
done_testing();
