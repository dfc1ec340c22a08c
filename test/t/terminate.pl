# pg_terminate_backend() of anything at any time: launcher, runtime, executors,
# clients, other processes of PostgreSQL. Work goes on after each, every
# command and every timer has happened once at the end, and nobody is left
# behind. Then the same with SIGKILL, which restarts the server.
#
# From the environment:
#   WORKFLOW_TERMINATE       how many are terminated
#   WORKFLOW_TERMINATE_SEED  repeats the random choices of an earlier run
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use WorkflowTest;

my $times = $ENV{WORKFLOW_TERMINATE} // 60;
my $clients = 2;
my $seed = $ENV{WORKFLOW_TERMINATE_SEED} // time;
srand($seed);
note("$times times, WORKFLOW_TERMINATE_SEED=$seed");

my $node = workflow_node('terminate',
	'restart_after_crash = on',
	'workflow.max_executors = 3',
	'workflow.executor_idle_timeout = 1s');
workflow_role($node, 'other');
foreach my $role ('clerk', 'other')
{
	$node->safe_psql('postgres', "CREATE SCHEMA $role AUTHORIZATION $role");
	as($node, $role, qq{
		-- no unique key: what happens twice is to be seen here
		CREATE TABLE $role.note (process text NOT NULL, event text NOT NULL, n int NOT NULL);
		CREATE FUNCTION $role.note(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
			'INSERT INTO $role.note VALUES (context->>''k'', event->>''type'', coalesce((event->''data''->>''n'')::int, (context->>''n'')::int))';
		SELECT workflow.define('{"id": "clock of $role", "initial": "tick", "context": {"k": "", "n": 0},
			"on": {"count": {"actions": "$role.note"}},
			"states": {"tick": {"after": {"20": {"target": "tick", "reenter": true, "actions": ["$role.note",
				{"type": "assign", "context": {"n": {"\@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
		SELECT workflow.start('clock of $role', jsonb_build_object('k', i), i::text) FROM generate_series(1, 5) i});
}

#
# Clients: each counts, and repeats what it got no answer for with the same id
#
my $stop = $node->basedir . '/stop';
my %running;
my $parent = $$;
foreach my $client (1 .. $clients)
{
	my $pid = fork() // die "cannot fork: $!";
	if ($pid == 0)
	{
		# Nothing of the parent's is cleaned up here.
		my $n = 1;
		until (-e $stop || getppid() != $parent)
		{
			my $ok = IPC::Run::run(
				[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . ' user=clerk', '-c', qq{
					SELECT count(*) FROM generate_series($n, $n + 9) i,
						workflow.send_by_key('clock of clerk', '$client', 'count', jsonb_build_object('n', i), '$client ' || i)} ],
				'<', \undef, '>', \my $out, '2>', \my $err);
			$n += 10 if $ok;
			usleep(10_000) unless $ok;
		}
		open(my $file, '>', "$stop.$client") or POSIX::_exit(1);
		print $file $n - 1;
		close($file);
		POSIX::_exit(0);
	}
	$running{$client} = $pid;
}

#
# Terminate
#
my $killer = $node->background_psql('postgres');
$killer->set_query_timer_restart();	# its time is that of each query
# who is gone already is no error
$killer->query_safe('SET client_min_messages = error');
my %terminated;

# Work goes on: steps are counted by the history, of which the killer asks
# until there are more.
sub wait_for_steps
{
	my ($role) = @_;
	my $before = $killer->query_safe("SELECT sum(step) FROM workflow.process");

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $killer->query_safe("SELECT sum(step) > $before FROM workflow.process") eq 't';
		usleep(10_000);
	}
	die 'nothing happens any more';
}

for (my $n = 0; $n < $times;)
{
	my $kinds = $killer->query_safe(q{
		SELECT DISTINCT backend_type FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND (backend_type LIKE 'workflow%'
			OR backend_type IN ('client backend', 'autovacuum worker', 'logical replication launcher'))});
	my @kinds = sort split /\n/, $kinds;
	my $kind = $kinds[ rand @kinds ];
	my $done = $killer->query_safe(qq{
		SELECT count(*) FROM (
			SELECT pg_terminate_backend(pid) AS done FROM (
				SELECT pid FROM pg_stat_activity WHERE backend_type = '$kind' AND pid <> pg_backend_pid()
				ORDER BY random() LIMIT 1) v) t WHERE done});

	$terminated{$kind} += $done;
	$n += $done;
	# mostly one at a time, at times several at once
	wait_for_steps() if rand() < 0.8;
}
wait_for_steps();
note("terminated: " . join(', ', map { "$terminated{$_} $_" } sort keys %terminated));
foreach my $kind ('workflow launcher', 'workflow runtime', 'workflow executor', 'client backend')
{
	cmp_ok($terminated{$kind} // 0, '>', 0, "terminated: $kind");
}

#
# Nothing is lost, nothing happened twice
#
append_to_file($stop, 'stop');
my @counted;
foreach my $client (sort keys %running)
{
	waitpid($running{$client}, 0);
	is($?, 0, "client $client came to its end");
	push @counted, slurp_file("$stop.$client");
}

sub nothing_lost
{
	my ($when) = @_;

	is($node->safe_psql('postgres', q{
			SELECT string_agg(count || '|' || first || '|' || last, ' ' ORDER BY process) FROM (
				SELECT process, count(*), min(n) AS first, max(n) AS last FROM clerk.note WHERE event = 'count' GROUP BY process) c}),
		join(' ', map { "$_|1|$_" } @counted), "$when: every command happened once");
	foreach my $role ('clerk', 'other')
	{
		is($node->safe_psql('postgres', qq{
			SELECT count(*) FROM workflow.processes p, LATERAL (
				SELECT count(*), count(DISTINCT n) AS different, min(n) AS first, max(n) AS last FROM $role.note
				WHERE process = p.key AND event <> 'count') n
			WHERE p.definition = 'clock of $role' AND (n.count, n.different, n.first, n.last)
				IS DISTINCT FROM ((p.context->>'n')::int, (p.context->>'n')::int, 0, (p.context->>'n')::int - 1)}),
			0, "$when: every timer of $role fired once");
	}
	is($node->safe_psql('postgres', q{
			SELECT count(*) FROM (SELECT step - lag(step, 1, 0) OVER (PARTITION BY process ORDER BY step) AS by FROM workflow.history) h WHERE by <> 1}),
		0, "$when: the history is unbroken");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, "$when: no event counts as failed");
	return;
}
nothing_lost('terminated');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM pg_stat_activity a WHERE backend_type LIKE 'workflow%'
		AND NOT EXISTS (SELECT FROM workflow.activity w WHERE w.pid = a.pid)}), 0, 'no worker is left that nobody knows of');
unlike(log_since($node), qr/PANIC|TRAP|was terminated by signal|server process .* exited with exit code [2-9]/, 'nothing crashed');
$killer->quit;

#
# SIGKILL of each kind: all backends restart, slots are empty, work goes on
#
foreach my $kind ('workflow launcher', 'workflow runtime', 'workflow executor', 'client backend')
{
	my $log = -s $node->logfile;
	my $victim = $node->background_psql('postgres', on_error_die => 0);
	my $reached = steps_reached($node, 'postgres');
	my $crashed = sub { return log_since($node, $log) =~ /all server processes terminated; reinitializing/; };

	for my $try (0 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if $crashed->();
		# one that has left by itself meanwhile is none that was killed
		my $pid = $try % 50 == 0 && eval { $node->safe_psql('postgres', qq{
			SELECT pid FROM pg_stat_activity WHERE backend_type = '$kind' AND pid <> pg_backend_pid() LIMIT 1}) };
		kill('KILL', $pid) if $pid && !$crashed->();
		usleep(100_000);
	}
	wait_for_ticks($node, 'postgres', "after the crash of a $kind", $reached);
	like(log_since($node, $log), qr/all server processes terminated; reinitializing/, "SIGKILL of a $kind: the server restarts, and work goes on");
	eval { $victim->{run}->finish };
}
nothing_lost('killed');

#
# A runtime that cannot read the tables tries so less and less often, the executors
# work on, and owners that it knows get theirs. Here a view stands
# in the place of a table, which the runtime alone cannot read.
#
as($node, 'clerk', q{SELECT workflow.suspend(id) FROM workflow.processes WHERE definition = 'clock of clerk'});
wait_for($node, q{SELECT count(*) > 0 FROM workflow.activity WHERE kind = 'executor' AND owner = 'other'});
my $executors = $node->safe_psql('postgres', q{SELECT pid FROM workflow.activity WHERE kind = 'executor' AND owner = 'other' ORDER BY 1});
my $log = -s $node->logfile;
$node->safe_psql('postgres', q{
	CREATE FUNCTION none_for_the_runtime() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		IF (SELECT backend_type = 'workflow runtime' FROM pg_stat_activity WHERE pid = pg_backend_pid()) THEN
			RAISE EXCEPTION 'nothing for the runtime';
		END IF;
		RETURN true;
	END $$;
	BEGIN;
	ALTER TABLE workflow.owner RENAME TO owner_;
	CREATE VIEW workflow.owner AS SELECT * FROM workflow.owner_ WHERE none_for_the_runtime();
	COMMIT;
	SELECT workflow.wake()});

# One that is idle may give its place to somebody who needs it, and one that is busy may get help.
sub stay
{
	my ($executors, $name) = @_;
	my $pids = $executors =~ s/\n/,/gr;

	is($node->safe_psql('postgres', qq{SELECT count(*) > 0 FROM workflow.activity
		WHERE kind = 'executor' AND owner = 'other' AND pid IN ($pids)}), 't', $name);
	return;
}

my @failures;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	@failures = log_since($node, $log) =~ /^\S+ (\d+:\d+:\d+\.\d+) .*ERROR:  nothing for the runtime/mg;
	last if @failures >= 3;
	usleep(100_000);
}
my @at = map { my ($h, $m, $s) = split /:/; 60 * (60 * $h + $m) + $s } @failures;
cmp_ok(scalar @at, '>=', 3, 'a runtime that cannot read the tables tries again');
# never sooner than after 1, 2 seconds, and midnight may be in between
cmp_ok(($at[$_] - $at[$_ - 1]) - ($at[$_] < $at[$_ - 1] ? -86400 : 0), '>=', 2**($_ - 1) - 0.01, "not before its time, failure $_")
  foreach 1 .. 2;
my $reached = $node->safe_psql('postgres', 'SELECT max(step) FROM workflow.process WHERE NOT suspended');
wait_for($node, "SELECT min(step) > $reached FROM workflow.process WHERE NOT suspended", 'the executors to work without a runtime');
wait_for($node, q{
	SELECT state = 'running' AND wait_reason = 'the last look at the tables ended with an error' AND sqlstate = 'P0001'
	FROM workflow.activity WHERE kind = 'runtime'}, 'the word of it');
stay($executors, 'the executors have worked on');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
$reached = $node->safe_psql('postgres', 'SELECT max(step) FROM workflow.process WHERE NOT suspended');
wait_for($node, "SELECT min(step) > $reached FROM workflow.process WHERE NOT suspended", 'new executors');
ok(1, 'owners that it knows get new ones');
$node->safe_psql('postgres', 'BEGIN; DROP VIEW workflow.owner; ALTER TABLE workflow.owner_ RENAME TO owner; COMMIT; SELECT workflow.wake()');
wait_for($node, q{SELECT state = 'running' AND wait_reason IS NULL FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime to return');
as($node, 'clerk', q{SELECT workflow.resume(id) FROM workflow.processes WHERE definition = 'clock of clerk'});
wait_for_ticks($node, 'postgres', 'of all owners');
ok(1, 'and serves all owners again');
$executors = $node->safe_psql('postgres', q{SELECT pid FROM workflow.activity WHERE kind = 'executor' AND owner = 'other' ORDER BY 1});
my $runtime = $node->safe_psql('postgres', q{SELECT pid FROM workflow.activity WHERE kind = 'runtime'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($runtime)");
wait_for($node, "SELECT state = 'running' AND pid <> $runtime FROM workflow.activity WHERE kind = 'runtime'", 'the next runtime');
stay($executors, 'which takes the executors over');
unlike(log_since($node), qr/PANIC|TRAP/, 'nothing went wrong inside');
$node->stop;
done_testing();
