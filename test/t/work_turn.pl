# CALL work_turn(): where no executors do it, runtimes of application servers do what is due
# in their turns. Events that fail get attempts, all others are done; a backlog is told to
# everybody; whoever is not to work is refused; and several of them share the work, one of
# which is killed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('work_turn', 'workflow.max_executors = 0', 'workflow.max_job_executors = 0', 'workflow.retry_delay = 1h',
	'restart_after_crash = on');

foreach my $role (qw(app other))
{
	workflow_role($node, $role);
	$node->safe_psql('postgres', "GRANT workflow_runtime TO $role; CREATE SCHEMA $role AUTHORIZATION $role");
}
as($node, 'app', q{
	CREATE TABLE app.seen (n int, pid int DEFAULT pg_backend_pid());
	CREATE TABLE app.known (n int PRIMARY KEY);
	CREATE TABLE app.late (n int REFERENCES app.known DEFERRABLE INITIALLY DEFERRED);
	CREATE FUNCTION app.see(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN
		IF context->>'do' = 'fail' THEN RAISE 'bad luck'; END IF;
		IF context->>'do' = 'late' THEN INSERT INTO app.late VALUES (1); END IF;
		IF context->>'do' = 'sleep' THEN PERFORM pg_sleep(60); END IF;
		INSERT INTO app.seen VALUES ((context->>'n')::int);
	END$$;
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"n": 0, "do": ""}, "states": {
		"new": {"on": {"go": {"target": "over", "actions": "app.see"}}}, "over": {"type": "final"}}}')});

my %epoch;
sub register
{
	my ($id, $role) = @_;

	$epoch{$id} = as($node, $role // 'app', "SELECT epoch FROM workflow.register_runtime('$id')");
	return;
}
sub call { my ($id, $max) = @_; return "CALL workflow.work_turn('$id', $epoch{$id}, " . ($max // 1000) . ')'; }
sub turn { my ($id, $max, $role) = @_; return as($node, $role // 'app', call($id, $max)); }
sub refused { my ($sql, $role) = @_; return refusal($node, $role // 'app', $sql); }
sub orders { my ($from, $to, $do) = @_; return as($node, 'app', qq{SELECT count(workflow.post(workflow.start('order', jsonb_build_object('n', g, 'do', '$do'), key => '$do' || g), 'go'))
	FROM generate_series($from, $to) g}); }
sub everybody { my ($id) = @_; return as($node, 'app', "SELECT everybody FROM workflow.beat('$id', $epoch{$id})"); }

register('r1');
register('r2');
is(turn('r1'), 0, 'nothing is due');
is(everybody('r2'), 'f', 'so nobody is called');

# ---- batches

orders(1, 300, '');
is(turn('r1', 100), 100, 'a turn does what it is told to');
is(everybody('r2'), 't', 'there is more than one batch: everybody is to work');
is(as($node, 'app', "SELECT everybody FROM workflow.take_turn('r2', $epoch{r2})"), 't', 'take_turn() says so, too');
is(turn('r2'), 200, 'another one does what is left');
is(everybody('r1'), 'f', 'nobody is called any more');
is(as($node, 'app', q{SELECT count(*), count(DISTINCT n) FROM app.seen}), '300|300', 'each event is delivered once');

# ---- what fails

orders(301, 320, '');
orders(1, 1, 'fail');
orders(1, 1, 'late');
orders(321, 340, '');
is(turn('r1'), 40, 'what does not fail is done');
is(as($node, 'app', q{SELECT string_agg(key, ' ' ORDER BY key) FROM workflow.processes WHERE status <> 'finalized'}), 'fail1 late1', 'but for the two that fail');
is(as($node, 'app', q{SELECT string_agg(format('%s %s', attempts, event), ', ') FROM workflow.timers}), '1 go, 1 go', 'each has an attempt');
is(everybody('r1'), 'f', 'which is no backlog');
for (my $tries = 0; $tries < 200 && as($node, 'app', q{SELECT count(*) FROM workflow.timers}) > 0; $tries++)
{
	$node->safe_psql('postgres', 'UPDATE workflow.timer SET due = now()');
	turn('r1');
}
is(as($node, 'app', q{SELECT string_agg(format('%s %s', key, status), ', ' ORDER BY key) FROM workflow.processes WHERE status <> 'finalized'}),
	'fail1 error, late1 error', 'in the end they are given up');

# ---- runs and schedules

$node->append_conf('postgresql.conf', 'workflow.retry_delay = 50ms');
$node->reload;
wait_for($node, q{SELECT current_setting('workflow.retry_delay') = '50ms'});
as($node, 'app', q{
	SELECT workflow.create_job('short', 'SELECT 1'), workflow.create_job('long', 'SELECT 1', mode => 'tracked'),
		workflow.create_job('bad', 'SELECT 1 / 0', retry => '{"errors": "*", "maxAttempts": 1}');
	SELECT workflow.run_job('short', key => 's'), workflow.run_job('long', key => 'l'), workflow.run_job('bad', key => 'b')});
is(turn('r1'), 1, 'a run is done');
for (my $tries = 0; $tries < 200 && as($node, 'app', q{SELECT state FROM workflow.runs WHERE key = 'b'}) eq 'waiting'; $tries++)
{
	turn('r1');
}
is(as($node, 'app', q{SELECT string_agg(format('%s %s', key, state), ', ' ORDER BY key) FROM workflow.runs}), 'b failed, l waiting, s finished',
	'one fails after its attempts, and a tracked one waits for executors');
as($node, 'app', q{SELECT workflow.create_schedule('each', 'short', every => '1 second')});
for (my $tries = 0; $tries < 200 && as($node, 'app', q{SELECT count(*) FROM workflow.runs WHERE key LIKE 'each@%' AND state = 'finished'}) < 2; $tries++)
{
	turn('r1');
}
cmp_ok(as($node, 'app', q{SELECT count(*) FROM workflow.runs WHERE key LIKE 'each@%' AND state = 'finished'}), '>=', 2, 'schedules fire, and what they make is done');
as($node, 'app', q{SELECT workflow.drop_schedule('each')});

# ---- a pause

orders(341, 360, '');
as($node, 'app', q{SELECT workflow.pause('order')});
is(turn('r1'), 0, 'what is paused rests');
as($node, 'app', q{SELECT workflow.unpause('order')});
my $woken = 0;
for (my $tries = 0; $tries < 200 && $woken < 20; $tries++)
{
	$woken += turn('r1');
}
is($woken, 20, 'and comes back');

# ---- who may

orders(361, 362, '');
is(as($node, 'other', 'SELECT count(*) FROM workflow.runtimes WHERE id = $$r1$$'), 1, 'another role sees it');
like(refused(call('r1'), 'other'), qr/^WF018: /, 'a runtime is its role\'s');
register('r3', 'other');
is(turn('r3', 10, 'other'), 0, 'one does what its role owns');
like(refused("CALL workflow.work_turn('r1', 1, 10)"), qr/^WF012: /, 'by its epoch');
like(refused("CALL workflow.work_turn('r1', 1, 10); SELECT 1"), qr/^WF012: /, 'whoever sends it');
as($node, 'app', q{SELECT workflow.set_runtime_role('r2', 'interface')});
like(refused(call('r2')), qr/^WF002: .*may not work/, 'not as an interface');
like(refused('BEGIN; ' . call('r1')), qr/^25001: /, 'not in a transaction block');
like(refused(qq{DO \$\$DECLARE d int; BEGIN BEGIN CALL workflow.work_turn('r1', $epoch{r1}, 10, d); EXCEPTION WHEN division_by_zero THEN NULL; END; END\$\$}),
	qr/^25001: /, 'not in a savepoint');
like(refused('SET default_transaction_read_only = on; ' . call('r1')), qr/^25006: /, 'not where nothing may be written');
like(refused("CALL workflow.work_turn('r1', $epoch{r1}, $_)"), qr/^22023: /, "not so many: $_") foreach (0, -1, 1000001);
is(as($node, 'app', q{SELECT count(*) FROM workflow.timers}), 2, 'none of them has done anything');
is(as($node, 'app', qq{DO \$\$DECLARE d int; BEGIN CALL workflow.work_turn('r1', $epoch{r1}, 1, d); CALL workflow.work_turn('r1', $epoch{r1}, 1, d);
	IF d <> 1 THEN RAISE 'not one'; END IF; END\$\$; SELECT count(*) FROM workflow.timers}), 0, 'a procedure may call it');

# ---- its session

orders(365, 365, '');
is(as($node, 'app', "SET default_transaction_isolation = 'repeatable read'; " . call('r1')), 1, 'each batch has a snapshot of its own');
orders(363, 364, '');
is(as($node, 'app', 'CREATE TEMP TABLE mine (n int); PREPARE p AS SELECT 5; SELECT pg_advisory_lock(7) \g /dev/null' . "\n" .
	call('r1') . q{; EXECUTE p; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'; SELECT count(*) FROM mine}), "2\n5\n1\n0", 'what the session has stays');
orders(1, 1, 'sleep');
like(refused("SET statement_timeout = '300ms'; " . call('r1')), qr/^57014: canceling statement due to statement timeout/, 'who cancels it gets an error');
is(as($node, 'app', q{SELECT attempts FROM workflow.timers}), 0, 'which is no attempt');
is(as($node, 'app', q{SELECT string_agg(state, ' ') FROM (SELECT state FROM pg_stat_activity WHERE usename = 'app' AND state LIKE '%aborted%') a}), '', 'no transaction is left');
as($node, 'app', q{SELECT workflow.cancel(id) FROM workflow.processes WHERE key = 'sleep1'});

# ---- several of them, one of which is killed

as($node, 'app', 'TRUNCATE app.seen');
as($node, 'app', q{SELECT workflow.set_runtime_role('r2', 'both')});
register('r4');
orders(1001, 4000, '');
my @sessions = map { $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]) } 1 .. 3;
my $pid = $sessions[2]->query_safe('SELECT pg_backend_pid()');
foreach my $i (0 .. 2)
{
	$sessions[$i]->query_until(qr/begins/, "\\echo begins\n" . call((qw(r1 r2 r4))[$i], 100000) . ";\n");
}
wait_for($node, q{SELECT count(*) > 100 FROM app.seen}, 'some of the work');
kill 'KILL', $pid;
eval { $_->quit } foreach @sessions;
# while the server recovers, psql is refused
my $back = '';
while ($back ne '1')
{
	$back = eval { $node->safe_psql('postgres', 'SELECT 1') } // '';
}
as($node, 'app', qq{SELECT workflow.beat('r1', $epoch{r1})});
my $left = 1;
while ($left)
{
	$left = turn('r1', 100000);
}
is(as($node, 'app', q{SELECT count(*), count(DISTINCT n) FROM app.seen}), '3000|3000', 'all is done once, though one was killed');
is(as($node, 'app', q{SELECT count(*) FROM workflow.timers}), 0, 'nothing is left');

$node->stop;
done_testing();
