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

	wait_for($node, "SELECT EXISTS (SELECT FROM workflow.errors WHERE process = '$p' AND (given_up OR handled))");
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

# ---- on_error of states and transitions

as($node, 'clerk', q{
	CREATE FUNCTION shop.bad(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'bad' USING ERRCODE = 'SH009'; END $$;
	CREATE FUNCTION shop.refuses(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = 'SH008'; END $$;
	CREATE FUNCTION shop.caught(policy text) RETURNS text LANGUAGE sql AS $$
		SELECT format('{"retry": {"errors": "*", "maxAttempts": %s, "intervalSeconds": 0}, "then": {"target": "#%s"}}', split_part(policy, ' ', 1), split_part(policy, ' ', 2)) $$;
	SELECT workflow.define(format('{"id": "nested", "initial": "idle", "on_error": %s, "states": {
		"idle": {}, "timed": {"on_error": %s, "after": {"0": {"target": "outer", "actions": "shop.bad"}}},
		"flat": {"on_error": %s, "on": {"first": [{"guard": false, "on_error": %s}, {"target": "outer", "actions": "shop.bad", "on_error": %s}],
			       "guard": {"guard": "shop.refuses", "on_error": %s},
			       "enter": {"target": "entered", "on_error": %s}, "always": "checked", "plain": {"target": "outer", "actions": "shop.bad"}}},
		"outer": {}, "entered": {"entry": "shop.bad", "on_error": %s}, "checked": {"always": {"guard": "shop.refuses", "target": "outer", "on_error": %s}},
		"both": {"type": "parallel", "states": {
			"left": {"initial": "l", "states": {"l": {"on_error": %s, "on": {"go": "l2", "each": "l2"}}, "l2": {}}},
			"right": {"initial": "r", "states": {"r": {"on_error": %s, "on": {"go": {"target": "r2", "actions": "shop.bad"}, "each": "r2", "alone": {"actions": "shop.bad"}}}, "r2": {"entry": "shop.bad"}}}}},
		"retries": {"on_error": {"retry": {"errors": "*", "maxAttempts": 3, "intervalSeconds": 0}}, "on": {"x": {"actions": "shop.bad"}}},
		"at_1": {}, "at_2": {}, "at_3": {}, "at_4": {}, "at_5": {}, "at_6": {}, "at_7": {}, "at_8": {}, "at_9": {}, "at_10": {}}}',
		shop.caught('0 at_1'), shop.caught('1 at_2'), shop.caught('1 at_2'), shop.caught('0 at_3'), shop.caught('2 at_4'), shop.caught('0 at_5'), shop.caught('1 at_6'),
		shop.caught('0 at_7'), shop.caught('0 at_8'), shop.caught('2 at_9'), shop.caught('3 at_10'))::json);
	-- a process in this state, which is sent this event
	CREATE FUNCTION shop.nested(state text, event text) RETURNS uuid LANGUAGE plpgsql AS $$
	DECLARE
		p uuid := workflow.start('nested');
	BEGIN
		PERFORM workflow.set_states(p, ARRAY[state]);
		IF event <> 'timer' THEN
			PERFORM workflow.post(p, event);
		END IF;
		RETURN p;
	END $$;
	-- where it ended, and after how many attempts
	CREATE FUNCTION shop.ended(p uuid) RETURNS text LANGUAGE sql AS $$
		SELECT concat_ws(' ', g.states, e.attempts) FROM workflow.get(p) g, workflow.errors e WHERE e.process = p AND (e.given_up OR e.handled) $$;});
foreach my $case (
	[ 'timed', 'timer', '{at_2} 2', 'the timer of a state' ],
	[ 'flat', 'plain', '{at_2} 2', 'an event of a state' ],
	[ 'flat', 'first', '{at_4} 3', 'a transition: the one whose code fails' ],
	[ 'flat', 'guard', '{at_5} 1', 'a guard' ],
	[ 'flat', 'enter', '{at_6} 2', 'code of a state that is entered: the transition that leads there' ],
	[ 'flat', 'always', '{at_2} 2', 'a transition of a state that was not active: the state that the event found' ],
	[ 'both', 'go', '{at_10} 4', 'of two regions the one that fails' ],
	[ 'both', 'each', '{at_10} 4', 'also on the way in' ],
	[ 'both', 'alone', '{at_10} 4', 'or that alone handles it' ],
	[ 'retries', 'x', '{at_1} 4', 'retry and then come each from the innermost that has it' ])
{
	my ($state, $event, $expected, $name) = @$case;
	my $process = as($node, 'clerk', "SELECT shop.nested('$state', '$event')");

	wait_for($node, "SELECT states[1] LIKE 'at%' FROM workflow.process WHERE id = '$process'");
	is(as($node, 'clerk', "SELECT shop.ended('$process')"), $expected, $name);
}

# Without end: attempts go on, and are counted, beyond what a timer's row can count.
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "for ever", "initial": "a", "on_error": {"retry": [{"errors": "*", "maxAttempts": "unlimited", "intervalSeconds": 3600, "backoffRate": 1000}], "then": "terminate"},
		"states": {"a": {"after": {"0": {"target": "b", "actions": "shop.bad"}}}, "b": {}}}');
	SELECT workflow.define('{"id": "once more", "initial": "a", "on_error": {"retry": [{"errors": "*", "maxAttempts": 40000, "intervalSeconds": 3600, "backoffRate": 1}], "then": "terminate"},
		"states": {"a": {"after": {"0": {"target": "b", "actions": "shop.bad"}}}, "b": {}}}')});
foreach my $case ([ 'for ever', 1999999999, '2000000000 f idled' ], [ 'once more', 39999, '40000 f idled' ], [ 'once more', 40000, '40001 t terminated' ])
{
	my ($definition, $attempts, $expected) = @$case;
	my $process = as($node, 'clerk', "SELECT workflow.start('$definition')");

	wait_for($node, "SELECT count(*) = 1 FROM workflow.timer WHERE process = '$process' AND attempts = 1");
	$node->safe_psql('postgres', "BEGIN; SELECT FROM workflow.process WHERE id = '$process' FOR UPDATE;
		UPDATE workflow.failure SET attempts = $attempts WHERE process = '$process';
		UPDATE workflow.timer SET attempts = 32000, due = now() WHERE process = '$process'; COMMIT; SELECT workflow.wake()");
	wait_for($node, "SELECT attempts > $attempts FROM workflow.failure WHERE process = '$process'");
	is(as($node, 'clerk', "SELECT concat_ws(' ', e.attempts, e.given_up, p.status) FROM workflow.errors e JOIN workflow.processes p ON p.id = e.process WHERE p.id = '$process'"),
		$expected, "attempt $attempts of \"$definition\" and one more");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.timers t WHERE t.definition = 'for ever' AND t.due > now() + interval '900 years' AND t.attempts = 32000}), '1',
	'the pause is as long as it may be, and no longer');

# ---- what the definition has handled

# The failures of a process: g for given up, h for handled.
sub failures
{
	return as($node, 'clerk', "SELECT string_agg(event || CASE WHEN given_up THEN ' g' ELSE '' END || CASE WHEN handled THEN ' h' ELSE '' END, ', ' ORDER BY at) FROM workflow.errors WHERE process = '$_[0]'");
}

# Wait until it stands so: status and states.
sub stands
{
	my ($process, $so) = @_;
	return wait_for($node, "SELECT concat_ws(' ', status, suspended, states) = '$so' FROM workflow.process WHERE id = '$process'");
}

as($node, 'clerk', q{
	CREATE TABLE shop.bank (up boolean);
	INSERT INTO shop.bank VALUES (false);
	CREATE TABLE shop.paid (process uuid);
	CREATE FUNCTION shop.pay(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF NOT (SELECT up FROM shop.bank) THEN RAISE 'the bank does not answer'; END IF;
		INSERT INTO shop.paid VALUES ((event->>'process')::uuid);
	END $$;
	CREATE FUNCTION shop.wrap(name text, states json, top json DEFAULT '{"then": {"target": "compensate"}}', more json DEFAULT '{}') RETURNS int LANGUAGE sql AS $$
		SELECT workflow.define((jsonb_build_object('id', name, 'initial', (SELECT k FROM json_object_keys(states) k LIMIT 1),
			'on_error', jsonb '{"retry": [{"errors": "*", "maxAttempts": 0}]}' || top::jsonb) || more::jsonb || jsonb_build_object('states', states))::text::json)
	$$;});
as($node, 'clerk', q{SELECT shop.wrap('asks', '{"choosing": {"on": {"pay": {"actions": "shop.pay"}, "error.step": "asked"}},
	"asked": {"on": {"other way": "choosing", "end": "end"}}, "end": {"type": "final"}}', '{"then": {"event": "error.step"}}')});
my @asked = map { as($node, 'clerk', q{SELECT workflow.start('asks')}) } 1 .. 5;
as($node, 'clerk', "SELECT workflow.post('$_', 'pay')") foreach @asked;
stands($_, 'idled f {asked}') foreach @asked;
is(failures($asked[0]), 'pay h', 'what the definition has handled is not given up');
as($node, 'clerk', "SELECT workflow.send('$asked[0]', 'other way')");
$node->safe_psql('postgres', 'UPDATE shop.bank SET up = true');
is(as($node, 'clerk', "SELECT workflow.resume('$asked[0]')"), 'f', 'resume() finds nothing to do');
is(failures($asked[0]), 'pay h', 'and leaves it');
as($node, 'clerk', "SELECT workflow.post('$asked[0]', 'pay')");
wait_for($node, 'SELECT count(*) > 0 FROM shop.paid');
is(as($node, 'clerk', 'SELECT count(*) FROM shop.paid'), '1', 'nothing is done again but what is asked for');
is(failures($asked[0]), 'pay h', 'and what went well changes nothing');

# Each kind of end takes it along.
as($node, 'clerk', "SELECT workflow.send('$asked[1]', 'end')");
as($node, 'clerk', "SELECT workflow.cancel('$asked[2]')");
as($node, 'clerk', "SELECT workflow.set_states('$asked[3]', '{end}')");
as($node, 'clerk', "SELECT workflow.post('$asked[4]', 'end')");
stands($asked[4], 'finalized f {end}');
is(as($node, 'clerk', 'SELECT count(*) FROM workflow.errors WHERE process IN (' . join(', ', map { "'$_'" } @asked[1 .. 4]) . ')'), '0', 'nothing is left of it at the end, of whatever kind');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure f JOIN workflow.process p ON p.id = f.process WHERE workflow.is_over(p.status, p.states, p.step)}), '0', 'of nobody that is over');
$p = (outcome('nobody'))[0];
as($node, 'clerk', "SELECT workflow.set_states('$p', '{d}', execute => false)");
wait_for($node, "SELECT count(*) = 0 FROM workflow.timer WHERE process = '$p'");
($p) = outcome('error');
as($node, 'clerk', "SELECT workflow.cancel('$p')");
is(failures($p), '', 'nor of what was given up');
$node->safe_psql('postgres', 'UPDATE shop.bank SET up = false');

# A guard that does not want it: nobody has handled anything.
as($node, 'clerk', q{SELECT shop.wrap('picky', '{"a": {"after": {"0": {"target": "b", "actions": "shop.pay"}}, "on": {"go": "b",
	"error.step": {"target": "b", "guard": {"@expr": "event->''data''->>''sqlstate'' = ''23505''"}}}}, "b": {}}', '{"then": {"event": "error.step"}}')});
$p = as($node, 'clerk', q{SELECT workflow.start('picky')});
stands($p, 'error f {a}');
is(failures($p), 'after.0.a g', 'where no transition takes the event, the process stops');
as($node, 'clerk', q{SELECT shop.wrap('faulty', '{"a": {"after": {"0": {"target": "b", "actions": "shop.pay"}}, "on": {"go": "b",
	"error.step": {"target": "b", "guard": {"@expr": "1 / (context->>''zero'')::int = 1"}}}}, "b": {}}', '{"then": {"event": "error.step"}}', '{"context": {"zero": 0}}')});
$p = as($node, 'clerk', q{SELECT workflow.start('faulty')});
stands($p, 'error f {a}');
is(failures($p), 'after.0.a g', 'and where the guard itself fails');

# What is done about a failure fails in its turn: it ends.
my $pay = '{"target": "done", "actions": "shop.pay"}';
foreach my $case (
	[ 'a timer', qq({"work": {"after": {"0": $pay}}, "compensate": {"after": {"0": $pay}}, "done": {"type": "final"}}), 'error f {compensate}', 'after.0.work h, after.0.compensate g' ],
	[ 'a timer that waits', qq({"work": {"after": {"0": $pay}}, "compensate": {"after": {"20": $pay}}, "done": {"type": "final"}}), 'error f {compensate}', 'after.0.work h, after.20.compensate g' ],
	[ 'the second of two steps', qq({"work": {"after": {"0": $pay}}, "compensate": {"after": {"0": "second"}}, "second": {"after": {"0": $pay}}, "done": {"type": "final"}}), 'error f {second}', 'after.0.work h, after.0.second g' ],
	[ 'its entry', qq({"work": {"after": {"0": $pay}, "on": {"x": "done"}}, "compensate": {"entry": "shop.pay"}, "done": {"type": "final"}}), 'error f {work}', 'after.0.work g, error.step g' ],
	[ 'what follows at once', qq({"work": {"after": {"0": $pay}, "on": {"x": "done"}}, "compensate": {"always": $pay}, "done": {"type": "final"}}), 'error f {work}', 'after.0.work g, error.step g' ],
	[ 'what it raises', qq({"work": {"after": {"0": $pay}, "on": {"x": "done"}}, "compensate": {"entry": {"type": "raise", "event": "r"}, "on": {"r": $pay}}, "done": {"type": "final"}}), 'error f {work}', 'after.0.work g, error.step g' ],
	[ 'what it sends to itself for later', qq({"work": {"after": {"0": $pay}}, "compensate": {"entry": {"type": "raise", "event": "r", "delay": 20}, "on": {"r": $pay}}, "done": {"type": "final"}}), 'error f {compensate}', 'after.0.work h, r g' ],
	[ 'a child of it', qq({"work": {"after": {"0": $pay}}, "compensate": {"invoke": {"id": "c", "src": "dies", "onError": $pay}}, "done": {"type": "final"}}), 'error f {compensate}', 'after.0.work h, error.invoke.c g' ],
	[ 'one of two that hand it to each other', qq({"work": {"after": {"0": $pay}, "on": {"error.step": "one"}}, "one": {"after": {"0": $pay}, "on": {"error.step": "two"}}, "two": {"after": {"0": $pay}, "on": {"error.step": "one"}}, "done": {"type": "final"}}), 'error f {one}', 'after.0.work h, after.0.one h, after.0.two h, after.0.one g', '{"then": {"event": "error.step"}}' ])
{
	my ($what, $states, $so, $failures, $top) = @$case;

	as($node, 'clerk', q{SELECT workflow.define('{"id": "dies", "initial": "a", "states": {"a": {"entry": "shop.pay"}}, "on_error": {"retry": []}}')});
	as($node, 'clerk', "SELECT shop.wrap('loop', '$states'" . ($top ? ", '$top'" : '') . ')');
	$p = as($node, 'clerk', q{SELECT workflow.start('loop')});
	stands($p, $so);
	is(failures($p), $failures, "no loop where $what fails");
	$node->safe_psql('postgres', 'UPDATE shop.bank SET up = true');
	as($node, 'clerk', "SELECT workflow.resume('$p')");
	wait_for($node, "SELECT status = 'finalized' FROM workflow.process WHERE id = '$p'");
	is(failures($p), '', 'resume() goes on, to the end');
	$node->safe_psql('postgres', 'UPDATE shop.bank SET up = false');
}

# It is told again of what others send, and once it has got on.
as($node, 'clerk', q{SELECT shop.wrap('again', '{"a": {"on": {"pay": {"target": "b", "actions": "shop.pay"}, "error.step": {"actions": "shop.tell"}}}, "b": {}}', '{"then": {"event": "error.step"}}')});
$p = as($node, 'clerk', q{SELECT workflow.start('again')});
foreach my $n (1 .. 3)
{
	as($node, 'clerk', "SELECT workflow.post('$p', 'pay')");
	wait_for($node, "SELECT count(*) = $n FROM shop.told WHERE process = '$p'");
}
is(failures($p), 'pay h, pay h, pay h', 'what somebody sends three times is told three times');
as($node, 'clerk', q{SELECT shop.wrap('later', '{"work": {"after": {"0": {"target": "done", "actions": "shop.pay"}}, "on": {"error.step": "rest"}}, "rest": {"after": {"20": "work"}}, "done": {"type": "final"}}', '{"then": {"event": "error.step"}}')});
$p = as($node, 'clerk', q{SELECT workflow.start('later')});
wait_for($node, "SELECT count(*) >= 3 FROM workflow.failure WHERE process = '$p' AND handled");
$node->safe_psql('postgres', 'UPDATE shop.bank SET up = true');
stands($p, 'finalized f {done}');
pass('who rests between attempts goes on for as long as that takes');

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
