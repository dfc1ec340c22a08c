# Nothing is lost and nothing happens twice, whatever is killed.
#
# Each order waits for two timers and gets one command, from clients that
# repeat it with its id until they have a verdict; the action of every event
# inserts a row. Meanwhile executors, runtime and launcher are terminated at
# random, an executor is killed, and the server is stopped with "immediate"
# three times. At the end there are exactly the expected rows, states and
# history, and no timer fired early.
#
# From the environment:
#   WORKFLOW_CRASH_ORDERS  number of orders, three events each
#   WORKFLOW_CRASH_SEED    repeats the random choices of an earlier run
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

my $orders = $ENV{WORKFLOW_CRASH_ORDERS} // 5000;
my $clients = 3;
my $slice = 50;					# orders a transaction of a client
my $acts = 40;					# things done to the server
my $patience = 60000;			# ms; on a slow machine workers start so late
my $seed = $ENV{WORKFLOW_CRASH_SEED} // time;
srand($seed);
note("$orders orders, WORKFLOW_CRASH_SEED=$seed");

my $node = workflow_node('crash_safety',
	'restart_after_crash = on',
	'log_statement = none',
	'max_wal_size = 4GB',
	'workflow.max_executors = 3',
	# what nobody has announced is found later than that
	'workflow.sweep_interval = 5min');
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	-- no unique key: what happens twice is to be seen here
	CREATE TABLE shop.note (n int NOT NULL, event text NOT NULL, pid int NOT NULL DEFAULT pg_backend_pid(),
		began timestamptz NOT NULL DEFAULT now(), at timestamptz NOT NULL DEFAULT clock_timestamp());
	CREATE FUNCTION shop.note(context jsonb, event jsonb) RETURNS void LANGUAGE sql
		AS $$ INSERT INTO shop.note (n, event) VALUES ((context->>'n')::int, event->>'type') $$;
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"n": 0, "ms": 0, "paid": false},
		"delays": {"wait": {"@expr": "(context->>''ms'')::float8"}},
		"on": {"pay": {"actions": ["shop.note", {"type": "assign", "context": {"paid": true}}]}},
		"states": {
			"new": {"after": {"wait": {"target": "picked", "actions": "shop.note"}}},
			"picked": {"after": {"wait": {"target": "packed", "actions": "shop.note"}}},
			"packed": {
				"always": {"guard": {"@expr": "(context->>''paid'')::boolean"}, "target": "sent"},
				"on": {"pay": {"target": "sent", "actions": "shop.note"}}},
			"sent": {"type": "final"}}}')});
$node->safe_psql('postgres', q{
	CREATE TABLE shop.killed (kind text, pids int[], at timestamptz);
	CREATE TABLE shop.repeats (n int)});

#
# Clients
#

# What this SQL answers, or undef when the server was not there.
sub answer
{
	my ($sql) = @_;
	my ($stdout, $stderr) = ('', '');

	return undef unless IPC::Run::run(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . ' user=clerk', '-c', $sql ],
		'<', \undef, '>', \$stdout, '2>', \$stderr);
	chomp($stdout);
	return $stdout;
}

# Say it until there is an answer; returns how often it had to be repeated.
sub insist
{
	my ($sql, $expected) = @_;
	my $repeats = 0;
	my $got;

	while (!defined($got = answer($sql)))
	{
		die "gave up: $sql" if ++$repeats > 10 * $PostgreSQL::Test::Utils::timeout_default;
		usleep(100_000);		# clients do not hammer a server that is down
	}
	die "got \"$got\", not \"$expected\": $sql" if $got ne $expected;
	return $repeats;
}

# Every $clients-th slice of the orders.
sub be_client
{
	my ($client) = @_;
	my $repeats = 0;

	for (my $from = 1 + $client * $slice; $from <= $orders; $from += $clients * $slice)
	{
		my $to = $from + $slice - 1 < $orders ? $from + $slice - 1 : $orders;
		my $n = $to - $from + 1;

		$repeats += insist(qq{
			SELECT count(*) FROM workflow.start_many('order',
				ARRAY(SELECT jsonb_build_object('n', i, 'ms', floor(random() * 8000)) FROM generate_series($from, $to) i),
				ARRAY(SELECT i::text FROM generate_series($from, $to) i))}, $n);
		$repeats += insist(qq{
			SELECT count(*) FILTER (WHERE taken) FROM generate_series($from, $to) i,
				workflow.send_by_key('order', i::text, 'pay', id => 'pay ' || i)}, $n);
	}
	return $repeats;
}

my %running;
foreach my $client (0 .. $clients - 1)
{
	my $pid = fork() // die "cannot fork: $!";
	if ($pid == 0)
	{
		# Nothing of the parent's is cleaned up here.
		my $repeats = eval { be_client($client) };
		print STDERR "# client $client: $@" unless defined $repeats;
		POSIX::_exit(!defined $repeats ? 255 : $repeats > 254 ? 254 : $repeats);
	}
	$running{$pid} = 1;
}

#
# What is done to the server
#

# Terminate all workers of these kinds, or one of them.
sub terminate
{
	my ($limit, @kinds) = @_;
	my $kinds = join ', ', map { "'$_'" } @kinds;

	# may fail: the server may be coming up after a crash
	$node->psql('postgres', qq{
		WITH victim AS MATERIALIZED (
			SELECT kind, pid FROM workflow.activity WHERE kind IN ($kinds) AND pid IS NOT NULL
			ORDER BY random() LIMIT $limit),
		dead AS MATERIALIZED (SELECT kind, pid, pg_terminate_backend(pid) FROM victim)
		INSERT INTO shop.killed SELECT '$limit @kinds', array_agg(pid), clock_timestamp() FROM dead HAVING count(*) > 0});
	return;
}

sub kill_executor
{
	# not one that was terminated, which may end of that before
	my $alive = q{SELECT pid FROM workflow.activity WHERE kind = 'executor' AND pid <> ALL (SELECT unnest(pids) FROM shop.killed) LIMIT 1};

	wait_until(sub { my $pid = $node->safe_psql('postgres', $alive); return $pid && kill('KILL', $pid) }, 'an executor');
	return;
}

sub crash
{
	$node->stop('immediate');
	$node->start;
	return;
}

my @whim = (
	sub { terminate('ALL', 'executor') },
	sub { terminate('ALL', 'executor') },
	sub { terminate(1, 'executor') },
	sub { terminate(1, 'executor') },
	sub { terminate(1, 'runtime') },
	sub { terminate(1, 'launcher') },
	sub { terminate('ALL', 'executor', 'runtime') },
	sub { terminate('ALL', 'executor', 'runtime', 'launcher') });

my $events = 3 * $orders;
foreach my $act (1 .. $acts)
{
	wait_for($node, sprintf('SELECT count(*) >= %d FROM shop.note', $events * $act / ($acts + 4)), "act $act");
	if ($act == 8) { kill_executor() }
	elsif ($act == 16 || $act == 24 || $act == 32) { crash() }
	else { $whim[ rand @whim ]->() }
}

#
# What came of it
#
my $repeats = 0;
foreach my $pid (keys %running)
{
	waitpid($pid, 0);
	is($? & 127 || $? >> 8 == 255, '', 'a client got all its verdicts');
	$repeats += $? >> 8;
}
wait_for($node, qq{SELECT count(*) = $orders FROM workflow.process WHERE status = 'finalized'}, 'the end of all orders');
note("clients had to repeat $repeats transactions");
cmp_ok($repeats, '>', 0, 'clients were cut off');

my @ends = slurp_file($node->logfile) =~ /(was terminated by signal 9)/g;
is(scalar @ends, 1, 'the server crashed once of itself');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'and nothing went wrong inside');

is($node->safe_psql('postgres', q{SELECT event, count(*), count(DISTINCT n) FROM shop.note GROUP BY 1 ORDER BY 1}),
	"after.wait.new|$orders|$orders\nafter.wait.picked|$orders|$orders\npay|$orders|$orders", 'every action happened once');
is($node->safe_psql('postgres', q{SELECT states, status, step, count(*), count(DISTINCT key) FROM workflow.process GROUP BY 1, 2, 3}),
	"{sent}|finalized|4|$orders|$orders", 'every order was started once and is at its end');
is($node->safe_psql('postgres', q{
		SELECT steps, taken, events, count(*) FROM (
			SELECT array_agg(step ORDER BY step) AS steps, bool_and(taken) AS taken, array_agg(event ORDER BY event) AS events
			FROM workflow.history GROUP BY process) h GROUP BY 1, 2, 3}),
	"{1,2,3,4}|t|{after.wait.new,after.wait.picked,pay,workflow.start}|$orders", 'its history tells each event once');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM (
			SELECT from_states, lag(to_states) OVER (PARTITION BY process ORDER BY step) AS before FROM workflow.history) h
		WHERE from_states <> before}), 0, 'and hangs together');
is($node->safe_psql('postgres', q{
		SELECT (SELECT count(*) FROM workflow.timer), (SELECT count(*) FROM workflow.failure), (SELECT count(*) FROM workflow.receipt)}),
	"0|0|$orders", 'no timer is left, no event was counted as failed, each command has its receipt');
is($node->safe_psql('postgres', q{
		SELECT count(*), count(*) FILTER (WHERE n.began < h.due OR h.at < h.due) FROM workflow.history h
		JOIN workflow.process p ON p.id = h.process
		JOIN shop.note n ON n.n = (p.context->>'n')::int AND n.event = h.event
		WHERE h.due IS NOT NULL}), 2 * $orders . '|0', 'no timer fired before its time');

#
# How long nothing happened
#

# From the death of all executors to the first action of a new one.
my $gaps = $node->safe_psql('postgres', q{
	SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), max(ms) FROM (
		SELECT (SELECT round(extract(epoch FROM min(n.at) - k.at) * 1000) FROM shop.note n
			WHERE n.at > k.at AND n.event LIKE 'after%' AND n.pid <> ALL (k.pids)) AS ms
		FROM shop.killed k WHERE k.kind = 'ALL executor') k});
my ($n, $median, $longest) = split /\|/, $gaps;
note("all executors terminated, $n times: work went on after $median ms (median), $longest ms (longest)");
cmp_ok($longest, '<', $patience, 'terminated executors are replaced');

# From the end of recovery.
my @ready = slurp_file($node->logfile) =~ /^(\S+ \S+ \S+) .*database system is ready to accept connections/mg;
shift @ready;					# the first start was none
my @waits = map {
	$node->safe_psql('postgres', qq{
		SELECT round(extract(epoch FROM min(at) - '$_') * 1000) FROM shop.note WHERE at > '$_' AND event LIKE 'after%'})
} @ready;
note('after a crash work went on ' . join(', ', @waits) . ' ms after the end of recovery');
is(scalar @waits, 4, 'the server was down four times');
cmp_ok($_, '<', $patience, 'work goes on after a crash') foreach @waits;

$node->stop;
done_testing();
