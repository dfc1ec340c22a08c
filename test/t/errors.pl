# What executors make of the errors of user code, and of an executor's end: an
# error is the event's, whatever its SQLSTATE says; getting into each other's
# way is nobody's; and whoever holds a process holds up nobody else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# One executor, so that runs can be counted.
my $node = workflow_node('errors',
	'workflow.max_executors = 1',
	'workflow.max_attempts = 3',
	'workflow.retry_delay = 10ms',
	'workflow.retry_max_delay = 20ms',
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.fault (kind text PRIMARY KEY);
	CREATE SEQUENCE shop.runs;
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		kind text := context->>'kind';
	BEGIN
		IF kind = 'good' THEN
			RETURN;
		END IF;
		PERFORM nextval('shop.runs');
		IF (context->>'times')::int >= currval('shop.runs') THEN
			RAISE 'fault %', kind USING ERRCODE = kind;
		END IF;
	END $$;
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"kind": "good", "times": 1000000},
		"states": {
			"new": {"on": {"go": {"target": "packed", "actions": "shop.fail"}}},
			"packed": {"type": "final"}}}')});

sub start
{
	my ($key, $kind, $times) = @_;

	$times //= 1000000;
	as($node, 'clerk', qq{
		SELECT setval('shop.runs', 1, false);
		SELECT workflow.start('order', '{"kind": "$kind", "times": $times}', key => '$key');
		SELECT workflow.post_by_key('order', '$key', 'go')});
	return;
}

sub wait_until_done
{
	my ($key) = @_;

	wait_for($node, qq{SELECT status = 'finalized' FROM workflow.process WHERE key = '$key'}, "order $key");
	return;
}

sub failure
{
	my ($key) = @_;

	wait_for($node, qq{SELECT count(*) = 1 FROM workflow.errors WHERE key = '$key' AND given_up}, "$key to be given up");
	return $node->safe_psql('postgres', qq{
		SELECT sqlstate, message, attempts, (SELECT last_value FROM shop.runs) FROM workflow.errors WHERE key = '$key'});
}

#
# Shortages of the server are nobody's attempt, also where user code meets them
# first: the event comes again until they are over, or have lasted too long.
#
foreach my $sqlstate ('53100', '53200', '58000', '58P01', '58030')
{
	start("s$sqlstate", $sqlstate);
	wait_for($node, qq{SELECT count(*) = 1 FROM workflow.errors WHERE key = 's$sqlstate'}, "$sqlstate to be shown");
	is($node->safe_psql('postgres', qq{SELECT sqlstate, message, attempts, given_up, status FROM workflow.errors WHERE key = 's$sqlstate'}),
		"$sqlstate|fault $sqlstate|0|f|idled", "an action that meets $sqlstate has no attempt less");
	wait_for($node, q{SELECT last_value > 3 FROM shop.runs}, 'more tries than attempts');
	$node->safe_psql('postgres', q{SELECT setval('shop.runs', 2000000)});
	wait_until_done("s$sqlstate");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM workflow.errors WHERE key = 's$sqlstate'}), 0, 'and goes on when that is over');
}

# What had failed before has the attempts that it had.
start('both', '53100');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.errors WHERE key = 'both'}, 'the shortage');
$node->safe_psql('postgres', q{
	UPDATE workflow.failure SET since = since - interval '1 day' WHERE process = (SELECT id FROM workflow.process WHERE key = 'both')});
is(failure('both') =~ s/\|\d+$//r, '53100|fault 53100|3', 'what lasts longer than workflow.shortage_limit is a failure like any other');
$node->safe_psql('postgres', q{SELECT workflow.resume(id) FROM workflow.process WHERE key = 'both'; SELECT setval('shop.runs', 2000000)});
wait_until_done('both');

# A failure that cannot be recorded: a pause, and others meanwhile.
$node->safe_psql('postgres', q{
	CREATE FUNCTION shop.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'as if there were no room' USING ERRCODE = 'disk_full'; END $$;
	CREATE TRIGGER no_room BEFORE INSERT ON workflow.failure FOR EACH ROW EXECUTE FUNCTION shop.no_room()});
my $lines = -s $node->logfile;
start('no room', 'P0001');
foreach my $n (1 .. 3)
{
	# others are done between two tries
	start("beside $n", 'good');
	wait_until_done("beside $n");
	my $tries = $node->safe_psql('postgres', q{SELECT last_value FROM shop.runs});
	wait_for($node, qq{SELECT last_value > $tries FROM shop.runs}, 'another try');
}
my ($paused, $unpaused) = split /\|/, $node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE status = 'finalized'), count(*) FILTER (WHERE status = 'idled') FROM workflow.process WHERE key LIKE 'beside%' OR key = 'no room'});
is("$paused|$unpaused", '3|1', 'an event whose failure cannot be recorded keeps nobody from anything');
$node->safe_psql('postgres', 'DROP TRIGGER no_room ON workflow.failure');
is(failure('no room') =~ s/\|\d+$//r, 'P0001|fault P0001|3', 'it fails when there is room for that');

# Others that sound like it: said by user code, they are as good a failure as any.
foreach my $sqlstate ('25006', '57P02')
{
	start($sqlstate, $sqlstate);
	is(failure($sqlstate), "$sqlstate|fault $sqlstate|3|3", "an action that raises $sqlstate fails");
}

#
# What the server's log is told: each event that is given up, when that is
# recorded; attempts if that is wanted. Not too much of it.
#
log_says($node, $lines, qr/WARNING:  workflow gave up event "go" of process \S+ of "order" with key "no room" after 3 attempts: P0001: fault P0001\n/,
	'an event that is given up is in the log');
unlike(log_since($node), qr/attempt \d+ of event/, 'attempts are not');
$lines = -s $node->logfile;
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.log_attempts = on});
$node->reload;
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "lots", "initial": "a", "on_error": {"retry": {"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.01}},
		"context": {"kind": "P0002", "times": 1000000}, "states": {"a": {"on": {"go": {"actions": "shop.fail"}}}}}');
	SELECT count(workflow.post(s, 'go', '{"secret": "hunter2"}')) FROM workflow.start_many('lots', array_fill('{}'::jsonb, ARRAY[25])) s});
wait_for($node, q{SELECT count(*) = 25 FROM workflow.errors WHERE definition = 'lots' AND given_up}, 'all of them');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.log_attempts; ALTER SYSTEM SET workflow.enabled = off});
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executor to leave');
my $log = log_since($node, $lines);
is(scalar(() = $log =~ /WARNING:  workflow gave up event "go" of process \S+ of "lots" after 2 attempts: P0002/g), 10, 'ten lines of one kind');
is(scalar(() = $log =~ /LOG:  workflow: attempt 1 of event "go" of process \S+ of "lots" failed: P0002: fault P0002/g), 10, 'and ten of attempts');
like($log, qr/WARNING:  workflow gave up 15 more events of "lots" with SQLSTATE P0002/, 'then the number of the others');
like($log, qr/LOG:  workflow: 15 more attempts of events of "lots" failed with SQLSTATE P0002/, 'here, too');
unlike(join("\n", grep { /workflow( gave up|: attempt)/ } split /\n/, $log), qr/hunter2/, 'no data of an event is in the log');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.enabled});
$node->reload;

#
# Conflicts: an event that meets one alone is put off, at no attempt; one that
# meets nothing else has an error.
#
foreach my $sqlstate ('40001', '40P01', '55P03')
{
	start("c$sqlstate", $sqlstate, 15);
	wait_until_done("c$sqlstate");
	is($node->safe_psql('postgres', q{SELECT last_value FROM shop.runs}), 16, "15 times $sqlstate are no failure");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM workflow.errors WHERE key = 'c$sqlstate'}), 0, 'and no attempt');

	start("f$sqlstate", $sqlstate);
	is(failure("f$sqlstate"), "$sqlstate|fault $sqlstate|3|22", "$sqlstate time and again is one, from the 20th on");
}

#
# The failure of an event whose process is locked by the time it is recorded.
# Nobody waits for that lock: others' events are done meanwhile.
#
as($node, 'clerk', q{
	CREATE FUNCTION shop.gate(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM nextval('shop.runs');
		PERFORM pg_advisory_xact_lock_shared(1);
		RAISE 'closed';
	END $$;
	SELECT workflow.define('{"id": "door", "initial": "shut",
		"states": {
			"shut": {"on": {"go": {"target": "open", "actions": "shop.gate"}}},
			"open": {"type": "final"}}}')});

sub waits_for
{
	my ($locktype, $what) = @_;

	wait_for($node, qq{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = '$locktype'}, $what);
	return;
}

my $gate = $node->background_psql('postgres');
my $holder = $node->background_psql('postgres', on_error_stop => 0);
my $dropper = $node->background_psql('postgres', on_error_stop => 0);
$gate->query_safe('SELECT pg_advisory_lock(1)');
as($node, 'clerk', q{
	SELECT workflow.start('door', key => 'front');
	SELECT workflow.post_by_key('door', 'front', 'go')});
waits_for('advisory', 'the action');
# The holder takes the process over as soon as the action has failed. What the
# executor begins next is held up until then: by a DROP EXTENSION, which waits
# for the executor first and then for the holder, and is called off.
$holder->query_until(qr/^$/, q{BEGIN; SELECT FROM workflow.process WHERE key = 'front' FOR UPDATE; SELECT 'held';
});
waits_for('transactionid', 'the holder');
$dropper->query_until(qr/^$/, "DROP EXTENSION workflow;\n");
waits_for('object', 'DROP EXTENSION');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
$holder->query_until(qr/held/, "\n");
waits_for('relation', 'DROP EXTENSION once more');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DROP EXTENSION%'});

start('other', 'good');
wait_until_done('other');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure WHERE message = 'closed'}), 0,
	'a failure is not recorded while the process is held, and nobody waits for that');
$holder->query_safe('ROLLBACK');
wait_for($node, q{SELECT given_up FROM workflow.errors WHERE key = 'front'}, 'the failure');
is($node->safe_psql('postgres', q{SELECT message, attempts FROM workflow.errors WHERE key = 'front'}), 'closed|3', 'it is afterwards');
$_->quit foreach ($gate, $holder, $dropper);

#
# An event that ends its executor each time, before it has done a batch, comes
# under suspicion: worked alone, counted before, given up in the end.
#
as($node, 'clerk', q{
	CREATE FUNCTION shop.quit(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF context->>'n' = '3' THEN
			PERFORM pg_terminate_backend(pg_backend_pid());
			PERFORM pg_sleep(60);
		END IF;
	END $$;
	SELECT workflow.define('{"id": "quit", "initial": "new", "context": {"n": 0},
		"states": {
			"new": {"on": {"go": {"target": "over", "actions": "shop.quit"}}},
			"over": {"type": "final"}}}');
	SELECT count(workflow.post(s, 'go')) FROM workflow.start_many('quit', ARRAY(
		SELECT jsonb_build_object('n', i) FROM generate_series(1, 6) i)) s});
wait_for($node, q{SELECT given_up FROM workflow.errors WHERE definition = 'quit'}, 'the one that ends its executor');
is($node->safe_psql('postgres', q{SELECT f.sqlstate, p.context->>'n', p.status FROM workflow.failure f JOIN workflow.process p ON p.id = f.process
	WHERE f.sqlstate = '57P02' AND f.message <> 'fault 57P02'}), '57P02|3|error', 'the event that ends its executor is given up');
wait_for($node, q{SELECT count(*) = 5 FROM workflow.processes WHERE definition = 'quit' AND status = 'finalized'}, 'the others');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.errors WHERE definition = 'quit'}), 1, 'the others are done, none is blamed');

#
# Who is at work when somebody else terminates the executor, again and again,
# comes under suspicion, too, but is not blamed.
#
$gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(7)');
as($node, 'clerk', q{
	CREATE FUNCTION shop.patient(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(7)';
	SELECT workflow.define('{"id": "patient", "initial": "new",
		"states": {
			"new": {"on": {"go": {"target": "over", "actions": "shop.patient"}}},
			"over": {"type": "final"}}}');
	SELECT workflow.post(workflow.start('patient'), 'go')});
my $terminate = q{SELECT pg_terminate_backend(pid, 180000) FROM workflow.activity WHERE kind = 'executor' AND owner = 'clerk'};
for (1 .. 8)
{
	waits_for('advisory', 'its step');
	$node->safe_psql('postgres', $terminate);
}
is($node->safe_psql('postgres', q{SELECT f.sqlstate, f.attempts, f.given_up FROM workflow.failure f JOIN workflow.processes p ON p.id = f.process
	WHERE p.definition = 'patient'}), '57P02|1|f', 'one attempt was counted');

# Nor if a client has the process each time when the next executor comes, which
# then takes another one first.
as($node, 'clerk', q{SELECT workflow.post(workflow.start('patient'), 'go')});
$holder = $node->background_psql('postgres');
for (1 .. 3)
{
	waits_for('advisory', 'the step of the first one');
	$holder->query_until(qr/asks/, "\\echo asks\nBEGIN;\nSELECT 'has it' FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition
		WHERE d.name = 'patient' ORDER BY p.started_at LIMIT 1 FOR UPDATE OF p;\n");
	waits_for('transactionid', 'the client');
	$node->safe_psql('postgres', $terminate);
	$holder->query_until(qr/has it/, "\n");
	waits_for('advisory', 'the step of the other one');
	# before the next executor comes, or that might take the other one once more
	$holder->query_safe('ROLLBACK');
	$node->safe_psql('postgres', $terminate);
}
waits_for('advisory', 'a step');
is($node->safe_psql('postgres', q{SELECT f.sqlstate, f.attempts, f.given_up FROM workflow.failure f JOIN workflow.processes p ON p.id = f.process
	WHERE p.definition = 'patient'}), '57P02|1|f', 'an attempt is counted of the one that is under way, and only of that');
$holder->quit;
$gate->query_safe('SELECT pg_advisory_unlock(7)');
wait_for($node, q{SELECT bool_and(status = 'finalized') FROM workflow.processes WHERE definition = 'patient'}, 'those whose executors were terminated');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure f JOIN workflow.processes p ON p.id = f.process
	WHERE p.definition = 'patient'}), 0, 'nothing is left of the suspicion');
$gate->quit;

#
# An event that is to be tried again goes with the end of its process, and so
# does its failure: that could be told of for ever, and never be resumed.
#
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "ended", "initial": "new", "context": {"kind": "P0001", "times": 1000000},
		"on_error": {"retry": {"errors": "*", "maxAttempts": 5, "intervalSeconds": 3600}},
		"states": {
			"new": {"on": {"go": {"actions": "shop.fail"}, "end": {"target": "over", "actions": {"type": "assign", "context": {"n": {"@expr": "1"}}}}}},
			"over": {"type": "final"}}}')});
foreach my $how ('before its retry', 'in the batch of its retry', 'in the batch before')
{
	as($node, 'clerk', qq{SELECT workflow.post(workflow.start('ended', key => '$how'), 'go')});
	wait_for($node, qq{SELECT attempts = 1 AND NOT given_up FROM workflow.errors WHERE key = '$how'}, 'the first attempt');
	as($node, 'clerk', qq{SELECT workflow.send_by_key('ended', '$how', 'end')}) if $how eq 'before its retry';
	my ($process, $limit) = ("(SELECT id FROM workflow.process WHERE key = '$how')", $how eq 'in the batch before' ? 1 : 100);
	my $steps = $how eq 'before its retry' ? '' : qq{SELECT workflow.post_by_key('ended', '$how', 'end', at => now() - interval '1 hour');};
	$node->safe_psql('postgres', qq{
		BEGIN;
		UPDATE workflow.timer SET due = now() - interval '1 minute' WHERE process = $process;
		SET LOCAL ROLE clerk;
		$steps
		SELECT workflow.work($limit);
		SELECT workflow.work($limit);
		COMMIT});
	is($node->safe_psql('postgres', qq{
			SELECT p.status, (SELECT count(*) FROM workflow.timer t WHERE t.process = p.id), (SELECT count(*) FROM workflow.failure f WHERE f.process = p.id)
			FROM workflow.process p WHERE p.key = '$how'}), 'finalized|0|0', "a process that ends $how leaves no failure behind");
}

#
# What waits for a process whose start failed is shown: it is to come, when the
# process is resumed.
#
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "unborn", "initial": "new", "context": {"kind": "P0001", "times": 1000000},
		"states": {
			"new": {"entry": "shop.fail", "on": {"go": "over"}},
			"over": {"type": "final"}}}');
	SELECT workflow.start('unborn', key => 'u', at => '2100-01-01');
	SELECT workflow.post_by_key('unborn', 'u', 'go', at => '2100-01-02')});
my $unborn = "(SELECT id FROM workflow.process WHERE key = 'u')";
$node->safe_psql('postgres', qq{
	UPDATE workflow.timer SET due = now() WHERE event = 'workflow.start' AND process = $unborn; SELECT workflow.wake()});
wait_for($node, q{SELECT given_up FROM workflow.errors WHERE key = 'u'}, 'the start to be given up');
is(as($node, 'clerk', q{SELECT p.status, p.states, p.step, t.event, t.parked FROM workflow.timers t JOIN workflow.processes p ON p.id = t.process WHERE t.key = 'u'}),
	'terminated|{}|0|go|t', 'an event waits for a process whose start failed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), 0, 'which is in order');
as($node, 'clerk', q{
	CREATE OR REPLACE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
	SELECT workflow.resume(process) FROM workflow.errors WHERE key = 'u'});
wait_for($node, q{SELECT status = 'idled' FROM workflow.processes WHERE key = 'u'}, 'the start');
$node->safe_psql('postgres', qq{
	UPDATE workflow.timer SET due = now() WHERE process = $unborn; SELECT workflow.wake()});
wait_until_done('u');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.timers WHERE key = 'u'}), 0, 'and is delivered after resume()');

$node->stop;
done_testing();
