# Start, reload and shutdown of a server whose workers are busy, and servers on
# which they are not to work: workflow.enabled off, the library not preloaded,
# pg_upgrade.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();
use WorkflowTest;

my $node = workflow_node('server', 'workflow.max_executors = 3', 'workflow.sweep_interval = 1h');
workflow_role($node, 'idler');
workflow_role($node, 'worker');
start_clocks($node, 'postgres', 'clerk', 3);
start_clocks($node, 'postgres', 'idler', 1);
as($node, 'idler', q{SELECT workflow.suspend(id) FROM workflow.processes WHERE definition = 'clock of idler'});

sub configure
{
	my (@lines) = @_;

	$node->append_conf('postgresql.conf', join("\n", @lines, ''));
	$node->reload;
	return;
}

sub pids_of
{
	my ($owner) = @_;
	return $node->safe_psql('postgres', "SELECT pid FROM workflow.activity WHERE kind = 'executor' AND owner = '$owner'");
}

#
# SIGHUP: settings reach workers that run, busy and idle
#
my $clerks = pids_of('clerk');
wait_for($node, q{SELECT count(*) > 0 FROM workflow.activity WHERE kind = 'executor' AND owner = 'idler' AND state = 'idle'}, 'an idle executor');
configure('workflow.executor_idle_timeout = 1s');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor' AND owner = 'idler'}, 'the idle executor to leave');
ok(1, 'SIGHUP: an idle executor takes a shorter timeout at once');
wait_for_ticks($node, 'postgres');
# where two were busy, one may be idle by now
my %stays = map { $_ => 1 } split /\n/, $clerks;
ok(scalar(grep { $stays{$_} } split(/\n/, pids_of('clerk'))), 'a busy one stays');

# One event a transaction, with an action that shows in which it ran.
$node->safe_psql('postgres', 'CREATE TABLE seen (xid xid8 DEFAULT pg_current_xact_id()); GRANT INSERT ON seen TO workflow_user; GRANT CREATE ON SCHEMA public TO worker');
as($node, 'worker', q{
	CREATE FUNCTION public.see(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO public.seen DEFAULT VALUES';
	SELECT workflow.define('{"id": "seen", "initial": "a", "states": {"a": {"on": {"go": {"actions": "public.see"}}}}}');
	SELECT workflow.start('seen', key => 'a')});
my $seen = q{
	SELECT workflow.start_many('seen', array_fill(null::jsonb, ARRAY[20]));
	SELECT count(workflow.post(id, 'go')) FROM workflow.processes WHERE definition = 'seen'};
as($node, 'worker', $seen);
wait_for($node, 'SELECT count(*) = 21 FROM seen');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT xid) FROM seen'), '<', 21, 'events share transactions');
configure('workflow.batch_size = 1', 'workflow.executor_idle_timeout = 5min');
# told to the postmaster first, to the executors only after that
as($node, 'worker', q{SELECT workflow.post_by_key('seen', 'a', 'go')});
wait_for($node, 'SELECT count(*) = 22 FROM seen');
wait_for($node, q{SELECT setting = '1' FROM pg_settings WHERE name = 'workflow.batch_size'});
$node->safe_psql('postgres', 'TRUNCATE seen');
as($node, 'worker', $seen);
wait_for($node, 'SELECT count(*) = 41 FROM seen');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT xid) FROM seen'), 41, 'SIGHUP: batch_size reaches executors');
configure('workflow.batch_size = 200');

#
# workflow.enabled
#
configure('workflow.enabled = off');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executors to leave');
is(as($node, 'worker', q{SELECT (workflow.send_by_key('seen', 'a', 'go')).taken}), 't', 'enabled off: commands are taken');
as($node, 'worker', q{SELECT workflow.post_by_key('seen', 'a', 'go')});
my $reached = ticks($node, 'postgres');
wait_for($node, q{
	SELECT bool_and(wait_reason = 'workflow.enabled is off') AND count(*) = 2 FROM workflow.activity WHERE kind = 'owner'}, 'owners to wait');
is(ticks($node, 'postgres'), $reached, 'timers wait');
configure('workflow.enabled = on');
wait_for_ticks($node, 'postgres', 'once enabled');
ok(1, 'enabled on: work goes on');

# Off, and the runtime gone to rest; off from the start.
configure('workflow.enabled = off', 'workflow.runtime_idle_timeout = 1s');
wait_for($node, q{SELECT state = 'resting' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime to rest');
configure('workflow.enabled = on');
wait_for_ticks($node, 'postgres', 'once enabled');
ok(1, 'enabled on, with the runtime at rest');
configure('workflow.enabled = off');
$node->restart;
wait_for($node, q{SELECT count(*) > 0 FROM workflow.activity WHERE pid IS NOT NULL}, 'the launcher');
is($node->safe_psql('postgres', q{SELECT kind FROM workflow.activity WHERE pid IS NOT NULL}), 'launcher', 'enabled off at the start: only the launcher');
$reached = ticks($node, 'postgres');
as($node, 'worker', q{SELECT workflow.post_by_key('seen', 'a', 'go')});
is(ticks($node, 'postgres'), $reached, 'nothing is done');
configure('workflow.enabled = on', 'workflow.runtime_idle_timeout = 5min');
wait_for_ticks($node, 'postgres', 'once enabled');
ok(1, 'and on');

#
# Shutdown while executors are busy: fast at once, smart as soon as the last
# client has gone, and until then work goes on.
#
$node->safe_psql('postgres', 'CREATE TABLE nap (n int); GRANT ALL ON nap TO worker');
as($node, 'worker', q{
	CREATE FUNCTION public.nap(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		'INSERT INTO public.nap VALUES (1); SELECT pg_advisory_xact_lock(1)';
	SELECT workflow.define('{"id": "napping", "initial": "a", "states": {
		"a": {"after": {"0": {"target": "b", "actions": "public.nap"}}}, "b": {"type": "final"}}}')});
foreach my $mode ('fast', 'smart')
{
	my $log = -s $node->logfile;
	my $lock = $node->background_psql('postgres', on_error_die => 0);

	$lock->query_safe('SELECT pg_advisory_lock(1)');
	as($node, 'worker', qq{SELECT workflow.start('napping', key => '$mode')});
	wait_for($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'an executor inside of an action');
	if ($mode eq 'smart')
	{
		$reached = ticks($node, 'postgres');
		kill('TERM', slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/);
		# no new connection is let in, so we look through the one that is there
		my $ticking = 0;
		until ($ticking)
		{
			$ticking = 1 if $lock->query('SELECT min(step) > ' . ($reached + 5) . q{ FROM workflow.processes WHERE definition = 'clock of clerk'}) eq 't';
		}
		ok($ticking, 'smart shutdown: work goes on while a client is there');
		$lock->quit;
		my $gone = 0;
		for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
		{
			last if $gone = !-e $node->data_dir . '/postmaster.pid';
			Time::HiRes::usleep(100_000);
		}
		ok($gone, 'and ends with it');
		$node->_update_pid(0);
	}
	else
	{
		$node->stop($mode);
		ok(1, 'fast shutdown with an executor inside of an action');
		eval { $lock->{run}->finish };
	}
	unlike(log_since($node, $log), qr/PANIC|TRAP|was terminated by signal/, 'nothing went wrong inside');
	$node->start;
	like(log_since($node, $log), qr/database system was shut down at/, 'it was a clean shutdown');
	wait_for($node, qq{SELECT status = 'finalized' FROM workflow.processes WHERE key = '$mode'}, 'the interrupted action');
	wait_for_ticks($node, 'postgres', 'after the restart');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM nap'), $mode eq 'fast' ? 1 : 2, "the action that was interrupted ($mode) is done once");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'no event counts as failed');

#
# pg_upgrade: its servers load the library, and nothing of ours happens
#
$node->stop;
ok(run_log([ 'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', '-b --cluster-name=upgrade', 'start' ]), 'a server in binary upgrade mode starts');
$node->_update_pid(1);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%'}), 0, 'without workers');
$node->safe_psql('postgres', 'CREATE DATABASE upgraded');
is($node->safe_psql('postgres', q{DROP DATABASE upgraded; SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%'}), 0, 'whatever is created there');
$node->stop;					# a restart would keep the mode
$node->start;
wait_for_ticks($node, 'postgres', 'after pg_upgrade');
ok(1, 'then work goes on');

#
# The library is not preloaded
#
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $why = qr/^55000: workflow must be loaded via shared_preload_libraries\nHINT:  Add "workflow" to shared_preload_libraries in postgresql\.conf and restart the server\./;
like(refusal($node, 'clerk', q{SELECT workflow.start('x')}), $why, 'not preloaded: a command says what to do');
like(refusal($node, 'clerk', q{SELECT * FROM workflow.processes}), $why, 'and a view');
like(refusal($node, 'postgres', q{LOAD 'workflow'}), $why, 'and LOAD');
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
like(refusal($node, 'postgres', q{CREATE EXTENSION workflow}, 'fresh'), $why, 'and CREATE EXTENSION');
is($node->safe_psql('fresh', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'workflow'}), 0, 'which leaves nothing behind');
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM workflow.process}), 't', 'the data is there');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'");
$node->restart;
wait_for_ticks($node, 'postgres', 'once it is preloaded again');
ok(1, 'preloaded again: work goes on');

$node->stop;
done_testing();
