# Schedules by the real executors: each occurrence is made once whatever ends executors and
# the server, what was missed is made up for, and a schedule that does not fit any more says so.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('schedules', 'workflow.max_executors = 6', 'workflow.retry_delay = 50ms', 'workflow.retry_max_delay = 50ms',
	'workflow.max_attempts = 3', 'workflow.runtime_idle_timeout = 1s', 'workflow.executor_idle_timeout = 1s',
	'workflow.sweep_interval = 1h', 'restart_after_crash = on');

workflow_role($node, 'baker');
$node->safe_psql('postgres', 'CREATE SCHEMA shop; GRANT ALL ON SCHEMA shop TO clerk, baker');
$node->safe_psql('postgres', q{CREATE TABLE shop.mark (name text, at timestamptz, who name DEFAULT session_user, made timestamptz DEFAULT clock_timestamp());
	GRANT ALL ON shop.mark TO clerk, baker});
foreach my $role ('clerk', 'baker')
{
	as($node, $role, qq{
		SELECT workflow.create_job('mark of $role', 'INSERT INTO shop.mark (name, at) VALUES (\$name, \$at)',
			'{"name": "text", "at": "timestamptz"}');
		SELECT workflow.create_schedule('seconds of $role', 'mark of $role', every => '1 second', catch_up => 'all',
			params => '{"name": "\$schedule", "at": "\$scheduled_at"}')});
}

sub stands
{
	my ($name, $what) = @_;

	return $node->safe_psql('postgres', "SELECT $what FROM workflow.schedules WHERE name = '$name'");
}

# Marks until now, of each second one. Who has claimed some may be slower than who does the next ones,
# so all of it is waited for: what is missing for good, or there twice, never comes to that.
my $without_gap = q{max(at) > clock_timestamp() - interval '2 seconds' AND count(*) = count(DISTINCT at)
	AND count(*) = extract(epoch FROM max(at) - min(at)) + 1};

# The seconds of a schedule until now: none is missing, and none was made twice.
sub without_gap
{
	my ($role, $what) = @_;

	wait_for($node, "SELECT $without_gap FROM shop.mark WHERE name = 'seconds of $role'", "the seconds of $role, each once, $what");
	is($node->safe_psql('postgres', qq{SELECT bool_and(who = '$role') AND count(*) = count(DISTINCT at) FROM shop.mark WHERE name = 'seconds of $role'}),
		't', "each second of $role is made once, by its owner, $what");
	return;
}

# --- each once ---------------------------------------------------------------------------------

foreach my $role ('clerk', 'baker')
{
	wait_for($node, "SELECT count(*) >= 3 FROM shop.mark WHERE name = 'seconds of $role'", 'three seconds');
	without_gap($role, 'with nothing in the way');
}
wait_for($node, q{SELECT count(*) >= 5 FROM shop.mark WHERE made - at < interval '1 second'}, 'marks that are made in time');

# Executors are killed, whatever they are at.
foreach my $i (1 .. 3)
{
	my $since = -s $node->logfile;

	# one may leave by itself just then
	for (my $pid; !defined $pid || log_since($node, $since) !~ /\(PID $pid\) was terminated by signal 9/;)
	{
		wait_for($node, q{SELECT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor' AND pid IS NOT NULL)}, 'an executor');
		($pid) = worker_pids($node, 'executor');
		next unless defined $pid;
		kill 'KILL', $pid;
		wait_until(sub { !kill(0, $pid) }, 'it to have gone');
		# which is told just then
		select(undef, undef, undef, 0.5) if log_since($node, $since) !~ /\(PID $pid\) was terminated/;
	}
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $since);
	$node->poll_query_until('postgres', 'SELECT true');
	$node->poll_query_until('postgres', 'SELECT true');
}
without_gap($_, 'after crashes') foreach 'clerk', 'baker';

$node->stop('immediate');
sleep 3;
$node->start;
without_gap($_, 'after the server was away') foreach 'clerk', 'baker';
as($node, $_, "SELECT workflow.drop_schedule('seconds of $_')") foreach 'clerk', 'baker';
is($node->safe_psql('postgres', q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', 'everything fits together');

# --- a dump that is restored ----------------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.create_schedule('dumped', 'mark of clerk', every => '1 second', params => '{"name": "dumped", "at": "$scheduled_at"}', catch_up => 'all')});
wait_for($node, q{SELECT made >= 2 FROM workflow.schedules WHERE name = 'dumped'}, 'two occurrences');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'a dump amid work');
as($node, 'clerk', q{SELECT workflow.drop_schedule('dumped')});
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', 'copy', $dump ], 'is restored');
my $dumped = $node->safe_psql('copy', q{SELECT made FROM workflow.schedules WHERE name = 'dumped'});
$node->safe_psql('copy', 'SELECT pg_sleep(1.5)');
is($node->safe_psql('copy', q{SELECT made FROM workflow.schedules WHERE name = 'dumped'}), $dumped, 'in a copy nothing is fired');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
wait_for_in($node, 'copy', "SELECT $without_gap FROM shop.mark WHERE name = 'dumped'", 'the schedule of the copy, each second once');
pass('until it is adopted: then no occurrence is missing, and none was made twice');
$node->safe_psql('postgres', 'DROP DATABASE copy');

# --- nothing to do -----------------------------------------------------------------------------

sub wait_for_rest
{
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind IN ('runtime', 'executor') AND pid IS NOT NULL)},
		'the end of runtime and executors');
	return;
}

as($node, 'clerk', q{SELECT workflow.create_schedule('rarely', 'mark of clerk', every => '20 seconds', params => '{"name": "rarely", "at": "$scheduled_at"}')});
wait_for_rest();
ok(1, 'until it is due nobody is at work');
wait_for($node, q{SELECT count(*) >= 1 FROM shop.mark WHERE name = 'rarely'}, 'the launcher to have it fired');
wait_for($node, q{SELECT min(made - at) < interval '5 seconds' FROM shop.mark WHERE name = 'rarely'}, 'it, or one of the next ones, to be in time');
as($node, 'clerk', q{SELECT workflow.drop_schedule('rarely')});

# --- somebody has it ----------------------------------------------------------------------------

my $session = $node->background_psql('postgres', on_error_stop => 1);
$session->query_safe('SET ROLE clerk');
as($node, 'clerk', q{SELECT workflow.create_schedule('held', 'mark of clerk', every => '1 second', params => '{"name": "held"}', overlap => 'allow')});
$session->query_safe(q{BEGIN; SELECT workflow.pause_schedule('held'); SELECT pg_sleep(1.5)});
my $before = stands('held', 'made');
$session->query_safe('ROLLBACK');
wait_for($node, "SELECT made > $before FROM workflow.schedules WHERE name = 'held'", 'a schedule that was held');
ok(1, 'a schedule that somebody had is fired when it is free');
$session->query_safe(q{BEGIN; SELECT workflow.pause_schedule('held', 'closed'); COMMIT});
$before = stands('held', 'made');
$node->safe_psql('postgres', 'SELECT pg_sleep(1.5)');
is(stands('held', "made || ' ' || state || ' ' || note"), "$before paused closed", 'one that is paused is not');
as($node, 'clerk', q{SELECT workflow.resume_schedule('held')});
wait_for($node, "SELECT made > $before FROM workflow.schedules WHERE name = 'held'", 'a schedule that was paused');
as($node, 'clerk', q{SELECT workflow.drop_schedule('held')});

# --- what is not over ---------------------------------------------------------------------------

as($node, 'clerk', q{
	CREATE FUNCTION shop.pass(params jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock(7)';
	SELECT workflow.create_job('long', 'shop.pass', mode => 'tracked');
	SELECT workflow.create_job('cancelled', 'shop.pass', mode => 'tracked')});
$session->query_safe('SELECT pg_advisory_lock(7)');
as($node, 'clerk', qq{SELECT workflow.create_schedule('$_', 'long', every => '1 second', overlap => '$_')}) foreach 'skip', 'queue';
wait_for($node, q{SELECT count(*) = 2 FROM workflow.schedules WHERE skipped >= 2}, 'what is left out');
wait_for($node, q{SELECT count(*) = 2 FROM workflow.runs WHERE job = 'long' AND state = 'running'}, 'one of each to run');
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', actor, state, waits_for), ', ' ORDER BY actor, state) FROM workflow.runs
	WHERE actor IN ('schedule:skip', 'schedule:queue') AND state IN ('waiting', 'running')}),
	'schedule:queue running, schedule:queue waiting runs, schedule:skip running', 'one runs, and one waits that may');
as($node, 'clerk', qq{SELECT workflow.pause_schedule('$_')}) foreach 'skip', 'queue';
$session->query_safe('SELECT pg_advisory_unlock(7)');
wait_for($node, q{SELECT count(*) = 3 AND bool_and(state = 'finished') FROM workflow.runs WHERE actor IN ('schedule:skip', 'schedule:queue')}, 'the end of all of them');
ok(1, 'what waited is done when the first one is over');
as($node, 'clerk', qq{SELECT workflow.drop_schedule('$_')}) foreach 'skip', 'queue';

# --- what does not fit any more ------------------------------------------------------------------

as($node, 'clerk', q{
	SELECT workflow.create_job('letter', 'INSERT INTO shop.mark (name) VALUES (''letter'')');
	SELECT workflow.create_schedule('letters', 'letter', every => '1 second', overlap => 'allow')});
wait_for($node, q{SELECT made > 0 FROM workflow.schedules WHERE name = 'letters'}, 'a letter');
my $since = -s $node->logfile;
as($node, 'clerk', q{SELECT workflow.create_job('letter', 'SELECT 1', '{"to": {"type": "text", "required": true}}')});
wait_for($node, q{SELECT state = 'suspended' FROM workflow.schedules WHERE name = 'letters'}, 'a schedule that does not fit its job');
like(stands('letters', 'reason'), qr/"to"/, 'it says why');
log_says($node, $since, qr/WARNING:  schedule "letters" is suspended: .*"to"/, 'and the log does');
as($node, 'clerk', q{SELECT workflow.resume_schedule('letters')});
wait_for($node, q{SELECT state = 'suspended' FROM workflow.schedules WHERE name = 'letters'}, 'it does not fit still');
$before = stands('letters', 'made');
as($node, 'clerk', q{SELECT workflow.alter_schedule('letters', '{"params": {"to": "you"}}'); SELECT workflow.resume_schedule('letters')});
wait_for($node, "SELECT made > $before AND state = 'active' AND reason IS NULL FROM workflow.schedules WHERE name = 'letters'", 'what was resumed');
ok(1, 'when it fits, it goes on');

# The owner may not log in: nothing is lost.
$node->safe_psql('postgres', 'ALTER ROLE clerk NOLOGIN');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor' AND pid IS NOT NULL});
wait_for($node, q{SELECT reason = 'the owner may not log in' AND due < clock_timestamp() - interval '1 second' FROM workflow.schedules WHERE name = 'letters'},
	'a schedule whose owner may not log in');
$before = stands('letters', 'made');
$node->safe_psql('postgres', 'ALTER ROLE clerk LOGIN');
wait_for($node, "SELECT made > $before AND reason IS NULL FROM workflow.schedules WHERE name = 'letters'", 'the owner');
ok(1, 'when the owner may log in again, it goes on');
as($node, 'clerk', q{SELECT workflow.drop_schedule('letters')});

# Code that fails: the occurrence is tried again, and the schedule suspended in the end.
as($node, 'clerk', q{
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no flour'; END $$;
	SELECT workflow.define('{"id": "bread", "initial": "a", "states": {"a": {"entry": "shop.fail"}}}');
	SELECT workflow.create_schedule('breads', definition => 'bread', every => '1 second')});
wait_for($node, q{SELECT state = 'suspended' AND attempts = 3 AND reason = 'no flour' FROM workflow.schedules WHERE name = 'breads'}, 'a schedule whose processes fail');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.processes WHERE definition = 'bread'}), 0, 'nothing is left of them');
as($node, 'clerk', q{CREATE OR REPLACE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS '';
	SELECT workflow.resume_schedule('breads')});
wait_for($node, q{SELECT count(*) = 1 AND bool_and(actor = 'schedule:breads') FROM workflow.history h JOIN workflow.processes p ON p.id = h.process WHERE p.definition = 'bread'}, 'a process');
ok(1, 'when its code is well, a process is started');
as($node, 'clerk', q{SELECT workflow.drop_schedule('breads')});

# --- what ends the server --------------------------------------------------------------------------

# A first step that crashes the server: the schedule is suspended after three crashes, and one that
# was only due with it goes on.
$node->safe_psql('postgres', 'GRANT pg_execute_server_program TO clerk');
as($node, 'clerk', q{
	CREATE FUNCTION shop.crash(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
		PERFORM pg_sleep(60);
	END $$;
	SELECT workflow.define('{"id": "crash", "initial": "a", "states": {"a": {"entry": "shop.crash"}}}')});
my $crashes = () = log_since($node) =~ /was terminated by signal 9/g;
as($node, 'clerk', q{
	SELECT workflow.create_schedule('good', 'mark of clerk', every => '1 second', params => '{"name": "good", "at": "$scheduled_at"}', catch_up => 'all');
	SELECT workflow.create_schedule('bad', definition => 'crash', every => '1 second')});
foreach my $i (1 .. 100)
{
	last if (eval { stands('bad', 'state') } // '') eq 'suspended';
	sleep 1;
}
is(stands('bad', "state || ': ' || reason"), 'suspended: the server ended while it was fired, again and again', 'a schedule that ends the server is suspended');
is((() = log_since($node) =~ /was terminated by signal 9/g) - $crashes, 3, 'after three crashes');
wait_for($node, "SELECT $without_gap FROM shop.mark WHERE name = 'good'", 'the other one, each second once');
pass('the other one goes on, and has made each occurrence once');
as($node, 'clerk', qq{SELECT workflow.drop_schedule('$_')}) foreach 'good', 'bad';

# --- an outage, by the clock of the tests ---------------------------------------------------------

sub set_clock
{
	my ($time) = @_;

	$node->append_conf('postgresql.conf', "workflow.test_clock = '$time'");
	$node->stop('immediate');
	$node->start;
	return;
}
set_clock('2040-01-01 00:00+00');
as($node, 'clerk', qq{SELECT workflow.create_schedule('$_', 'mark of clerk', cron => '0 * * * *', zone => 'UTC', catch_up => '$_',
	params => '{"name": "\$schedule", "at": "\$scheduled_at"}')}) foreach 'one', 'none', 'all';
set_clock('2040-01-01 05:30+00');
wait_for($node, q{SELECT count(*) = 3 FROM workflow.schedules WHERE next = '2040-01-01 06:00+00'}, 'what was missed');
wait_for($node, q{SELECT count(*) >= 6 FROM shop.mark WHERE at >= '2040-01-01'}, 'and is made up for');
is($node->safe_psql('postgres', q{SELECT string_agg(name || ': ' || hours, '; ' ORDER BY name) FROM (
	SELECT name, string_agg(to_char(at AT TIME ZONE 'UTC', 'HH24'), ' ' ORDER BY at) AS hours FROM shop.mark WHERE at >= '2040-01-01' GROUP BY name) m}),
	'all: 01 02 03 04 05; one: 05', 'all of it, one for all, or nothing');
set_clock('2040-01-01 06:00+00');
wait_for($node, q{SELECT count(*) = 9 FROM shop.mark WHERE at >= '2040-01-01'}, 'what is in time');
ok(1, 'and each goes on when its time has come');
is($node->safe_psql('postgres', q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', 'everything fits together');

$node->stop;
done_testing();
