# Bulk operations by the real executors: each item is done once, whatever ends executors and
# the server in the middle, with the rights of who has asked for it, who is given way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $ITEMS = 20_000;

my $node = workflow_node('bulk', 'workflow.max_executors = 6', 'workflow.runtime_idle_timeout = 1s', 'workflow.executor_idle_timeout = 1s',
	'workflow.sweep_interval = 1h', 'restart_after_crash = on', 'autovacuum = off');

workflow_role($node, $_) foreach 'boss', 'other';
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "open", "context": {"n": 0}, "states": {
		"open": {"on": {"count": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->''n'')::int + 1"}}}}, "close": "closed"}},
		"closed": {"type": "final"}}}');
	SELECT workflow.grant_on('order', 'boss', 'send')});
as($node, 'clerk', qq{SELECT count(*) FROM workflow.start_many('order', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, $ITEMS)))});

sub ask
{
	my ($role, $act, $filter, $changes) = @_;

	return as($node, $role, sprintf(q{SELECT workflow.bulk('%s', '%s', %s)}, $act, $filter, $changes ? "'$changes'" : 'NULL'));
}

sub stands
{
	my ($bulk, $what) = @_;

	return $node->safe_psql('postgres', "SELECT $what FROM workflow.bulks WHERE id = '$bulk'");
}

sub fits
{
	is($node->safe_psql('postgres', q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', 'everything fits together');
	return;
}

# Kill an executor that does an operation now.
sub kill_executor
{
	wait_until(sub {
		my ($pid) = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM workflow.activity WHERE kind = 'executor' AND owner = 'boss' AND pid IS NOT NULL});
		return $pid && kill('KILL', $pid);
	}, 'an executor');
	return;
}

# Somebody has the last process, across crashes, too: no operation comes to its end before it is let go.
sub hold
{
	$node->safe_psql('postgres', q{BEGIN; SELECT FROM workflow.process ORDER BY id DESC LIMIT 1 FOR UPDATE; PREPARE TRANSACTION 'held'});
	return;
}

sub let_go
{
	$node->safe_psql('postgres', q{COMMIT PREPARED 'held'});
	return;
}

# How an operation ends, when nothing more is done.
sub end_of { my ($bulk) = @_; return as($node, 'boss', "CALL workflow.await_bulk('$bulk', '3 minutes')"); }

# --- crashes -----------------------------------------------------------------------------------

hold();
my $bulk = ask('boss', 'send', '{"definition": "order"}', '{"event": "count"}');
my $at = 0;

foreach my $how ('an executor', 'the server', 'an executor once more')
{
	$at += $ITEMS / 5;
	wait_for($node, "SELECT done >= $at OR state = 'finished' FROM workflow.bulks WHERE id = '$bulk'", "the operation before $how ends");
	isnt(stands($bulk, 'state'), 'finished', "it is in the middle when $how ends");
	if ($how eq 'the server')
	{
		$node->stop('immediate');
		$node->start;
		next;
	}
	my $since = -s $node->logfile;

	kill_executor();
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $since);
	$node->poll_query_until('postgres', 'SELECT true');
}
let_go();
wait_for($node, "SELECT state = 'finished' FROM workflow.bulks WHERE id = '$bulk'", 'the end of the operation');
is(stands($bulk, q{concat_ws(' ', total, done, skipped, refused, failed, locked, rate > 0, eta IS NULL)}), "$ITEMS $ITEMS 0 0 0 0 t t", 'all are done');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT context->>'n', ', ') FROM workflow.process}), '1', 'each once');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || count(DISTINCT process) FROM workflow.history WHERE event = 'count'}), "$ITEMS $ITEMS", 'as the history has it');
fits();

# --- progress, pauses, commands ------------------------------------------------------------------

hold();
$bulk = ask('boss', 'send', '{"definition": "order"}', '{"event": "count"}');
wait_for($node, "SELECT done > 100 FROM workflow.bulks WHERE id = '$bulk'", 'some items');
is(as($node, 'boss', "SELECT workflow.pause_bulk('$bulk', 'lunch')"), 't', 'who pauses it is given way');
my $done = stands($bulk, 'done');
cmp_ok($done, '<', $ITEMS, 'in the middle');
is(stands($bulk, q{concat_ws(' ', state, reason, total)}), "paused lunch $ITEMS", 'it says so');

# What holds a paused operation: nothing.
wait_for_count($node, 0, q{pg_stat_activity WHERE backend_type LIKE 'workflow executor%' AND backend_xmin IS NOT NULL});
pass('no snapshot');
is(as($node, 'boss', "SELECT workflow.resume_bulk('$bulk')"), 't', 'it goes on');
wait_for($node, "SELECT locked = 1 AND done = $ITEMS - 1 FROM workflow.bulks WHERE id = '$bulk'", 'all but the one that somebody has');
is(stands($bulk, 'state'), 'running', 'it waits for that one, and for nobody else');
let_go();
is(end_of($bulk), 'finished', 'then that one is done, too');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT context->>'n', ', ') FROM workflow.process}), '2', 'each once more');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.bulk_item}), '0', 'nothing is left of what was locked');
like(refusal($node, 'other', "CALL workflow.await_bulk('$bulk')"), qr/WF002/, 'others do not wait for it');

# --- rights ---------------------------------------------------------------------------------------

hold();
$bulk = ask('boss', 'send', '{"definition": "order"}', '{"event": "count"}');
wait_for($node, "SELECT done > 100 FROM workflow.bulks WHERE id = '$bulk'", 'some items');
as($node, 'clerk', q{SELECT workflow.revoke_on('order', 'boss', 'send')});
let_go();
is(end_of($bulk), 'stopped', 'a right that is taken stops it');
is(stands($bulk, 'reason'), 'role "boss" may not send processes of "order" any more', 'with the reason');
is(stands($bulk, 'refused + failed'), '0', 'and no item pays for it');
as($node, 'clerk', q{SELECT workflow.grant_on('order', 'boss', 'send')});
as($node, 'boss', "SELECT workflow.resume_bulk('$bulk')");
is(end_of($bulk), 'finished', 'it goes on when it is back');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT context->>'n', ', ') FROM workflow.process}), '3', 'each once');

# A superuser may ask, too; no code runs as one.
$bulk = $node->safe_psql('postgres', q{SELECT workflow.bulk('cancel', '{"definition": "order"}', note => 'sold')});
is($node->safe_psql('postgres', "CALL workflow.await_bulk('$bulk', '3 minutes')"), 'finished', 'as a superuser');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status::text, ', ') FROM workflow.process}), 'terminated', 'all are cancelled');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT note, ', ') FROM workflow.process_history WHERE event = 'workflow.cancel'}), 'sold', 'with the note');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.audit WHERE act = 'cancel'}), '0', 'not noted a million times');
fits();

# --- what ends the server -----------------------------------------------------------------------

# An item that ends the server each time is found, and left; the others are done once.
$node->safe_psql('postgres', 'GRANT pg_execute_server_program TO clerk; CREATE SCHEMA shop; GRANT ALL ON SCHEMA shop TO clerk');
as($node, 'clerk', q{
	CREATE FUNCTION shop.crash(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF context->>'n' = '70' THEN
			EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
			PERFORM pg_sleep(60);
		END IF;
	END $$;
	SELECT workflow.define('{"id": "mine", "initial": "a", "states": {"a": {"on": {"go": {"actions": "shop.crash"}}}}}');
	SELECT count(*) FROM workflow.start_many('mine', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, 100) n))});
$bulk = ask('clerk', 'send', '{"definition": "mine"}', '{"event": "go"}');
wait_for($node, "SELECT state = 'finished' FROM workflow.bulks WHERE id = '$bulk'", 'the end of what crashes');
is(stands($bulk, q{concat_ws(' ', done, failed)}), '99 1', 'one has failed');
is($node->safe_psql('postgres', q{SELECT concat_ws(' ', context->>'n', result, code, message) FROM workflow.bulk_items JOIN workflow.process ON id = item WHERE result IN ('failed', 'refused')}),
	'70 failed 57P02 the server ended while it was done, again and again', 'the one to blame');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || count(DISTINCT process) FROM workflow.history WHERE event = 'go'}), '99 99', 'each of the others is done once');
fits();

# --- a role that goes ------------------------------------------------------------------------------

$node->safe_psql('postgres', 'DROP OWNED BY other; DROP ROLE other');
is(ask('boss', 'suspend', '{"definition": "order"}') ne '', 1, 'asked for');
wait_for($node, q{SELECT bool_and(state = 'finished') FROM workflow.bulks}, 'all ends');
$node->safe_psql('postgres', 'DROP OWNED BY boss; DROP ROLE boss');
is($node->safe_psql('postgres', q{SELECT count(DISTINCT role) FROM workflow.bulks}), '3', 'who has only asked for what has ended can be dropped');
fits();
$node->stop;
done_testing();
