# A fast shutdown with executors amid all kinds of code: what answers interrupts has gone
# within a second, what does not when workflow.shutdown_timeout is over.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

my $node = workflow_node('shutdown', 'workflow.max_job_executors = 8', 'workflow.max_executors = 2', 'max_worker_processes = 32',
	q{log_line_prefix = '%n '}, 'wal_level = replica');
my $library = test_library($node, 'deaf');
my $file = $node->data_dir . '/deaf';
$node->safe_psql('postgres', qq{
	GRANT CREATE ON SCHEMA public TO clerk; CREATE TABLE door (); GRANT ALL ON door TO clerk;
	CREATE FUNCTION public.deaf() RETURNS void LANGUAGE c AS '$library', 'deaf'});
my %code = (
	sleeps => 'PERFORM pg_sleep(600)',
	loops => 'LOOP NULL; END LOOP',
	counts => q{PERFORM count(*) FROM generate_series(1, 1e12::bigint)},
	waits => 'LOCK TABLE public.door',
	asks => q{PERFORM pg_advisory_lock(1)},
	catches => q{LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP},
	commits => q{LOOP PERFORM txid_current(); COMMIT; END LOOP},
	writes => q{CREATE TEMPORARY TABLE big (t text); LOOP INSERT INTO big SELECT repeat('x', 100) FROM generate_series(1, 10000); END LOOP},
	deaf => 'PERFORM public.deaf()');
foreach my $name (sort keys %code)
{
	as($node, 'clerk', qq{CREATE PROCEDURE public.run_$name(params jsonb) LANGUAGE plpgsql AS \$\$ BEGIN $code{$name}; END \$\$;
		SELECT workflow.create_job('$name', 'public.run_$name', mode => 'tracked', on_lost => 'fail')});
}

# Have these jobs under way.
sub begin_runs
{
	my (@names) = @_;
	my $holder = $node->background_psql('postgres');

	$holder->query_safe('BEGIN; LOCK TABLE door; SELECT pg_advisory_lock(1)');
	as($node, 'clerk', qq{SELECT workflow.run_job('$_')}) foreach @names;
	my $n = @names;
	wait_for($node, "SELECT count(*) = $n FROM workflow.activity WHERE kind = 'executor' AND run IS NOT NULL", 'all runs to be under way');
	# what is known of before its code has begun
	wait_until(sub { -e $file }, 'code that does not answer') if grep { $_ eq 'deaf' } @names;
	return $holder;
}

# Between these two lines of the log (s).
sub between
{
	my ($log, $from, $to) = @_;
	my ($begin) = $log =~ /^(\d+\.\d+) \S+ +$from/m;
	my ($end) = $log =~ /^(\d+\.\d+) \S+ +$to/m;

	return $end - $begin;
}

#
# Eight tracked runs; a few times, where a busy machine has made them late
#
my ($log, $holder);
my ($took, $lost) = (1e9, 0);
for (my $tries = 0; $tries < 5 && $took >= 1; $tries++)
{
	$log = -s $node->logfile;
	$holder = begin_runs(grep { $_ ne 'deaf' } sort keys %code);
	$node->stop('fast');
	eval { $holder->{run}->finish };
	$took = between(log_since($node, $log), 'received fast shutdown request', 'shutting down');
	note("eight tracked runs: the shutdown waited for " . sprintf("%.3f", $took) . " s");
	unlike(log_since($node, $log), qr/PANIC|TRAP|exited with exit code [2-9]|was terminated by signal/, 'nothing went wrong inside');
	$log = -s $node->logfile;
	$node->start;
	like(log_since($node, $log), qr/database system was shut down at/, 'it was a clean shutdown');
	$lost += 8;
	wait_for($node, qq{SELECT count(*) = $lost FROM workflow.runs WHERE state = 'failed'}, 'the runs to be known as lost');
}
cmp_ok($took, '<', 1, 'eight tracked runs let a fast shutdown go on within a second');

#
# Code that does not answer: without a limit the server waits
#
sub stop_without_waiting
{
	my ($holder) = @_;

	$log = -s $node->logfile;
	kill('INT', slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/);
	eval { $holder->{run}->finish };
	return;
}
sub wait_for_end
{
	my $gone = 0;

	for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if $gone = !-e $node->data_dir . '/postmaster.pid';
		Time::HiRes::usleep(50_000);
	}
	ok($gone, 'the server has ended');
	$node->_update_pid(0);
	return;
}
sub wait_for_log
{
	my ($line) = @_;

	wait_until(sub { log_since($node, $log) =~ $line }, "a line $line");
	return;
}
$holder = begin_runs('deaf');
pass('code that does not answer is under way');
stop_without_waiting($holder);
wait_for_log(qr/received fast shutdown request/);
# it has passed where it would have been killed, had it a limit
Time::HiRes::usleep(300_000);
ok(-e $node->data_dir . '/postmaster.pid', 'the server waits for it');
unlink($file);
wait_for_end();
like(log_since($node, $log), qr/database system is shut down/, 'and ends cleanly');

#
# With a limit the executor ends itself, and that is told
#
$node->append_conf('postgresql.conf', q{workflow.shutdown_timeout = '300 ms'});
$node->start;
$lost += 1;
wait_for($node, qq{SELECT count(*) = $lost FROM workflow.runs WHERE state = 'failed'}, 'the deaf run to be known as lost');
$holder = begin_runs('deaf', 'sleeps');

# Not when it is terminated by somebody: that would be the end of all sessions.
my ($pid) = $node->safe_psql('postgres', q{SELECT pid, pg_terminate_backend(pid) FROM workflow.activity WHERE job = 'deaf'}) =~ /^(\d+)/;
Time::HiRes::usleep(600_000);
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'terminated by somebody it stays');
my $start = time;
stop_without_waiting($holder);
wait_for_end();
note(sprintf('code that does not answer, 0.3 s: ended after %.2f s', time - $start));
my $said = log_since($node, $log);
like($said, qr/workflow: an executor whose code does not answer ends itself, workflow\.shutdown_timeout after it was told to; this shutdown is not a clean one/, 'the log tells');
like($said, qr/abnormal database system shutdown/, 'so does the server');
unlink($file);
$log = -s $node->logfile;
$node->start;
like(log_since($node, $log), qr/database system was not properly shut down; automatic recovery in progress/, 'the next start recovers');
$lost += 2;
wait_for($node, qq{SELECT count(*) = $lost FROM workflow.runs WHERE state = 'failed'}, 'both runs to be known as lost');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow."check"()}), 0, 'and everything fits together');

# What answers is not in haste, however busy the machine is.
$node->append_conf('postgresql.conf', q{workflow.shutdown_timeout = '1 min'});
$node->reload;
wait_for($node, q{SELECT current_setting('workflow.shutdown_timeout') = '1min'}, 'another limit');
$log = -s $node->logfile;
$holder = begin_runs('sleeps', 'catches');
$node->stop('fast');
eval { $holder->{run}->finish };
like(log_since($node, $log), qr/database system is shut down/, 'what answers ends cleanly with a limit, too');
done_testing();
