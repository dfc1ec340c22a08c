# Worker processes and connections run out, and are free again: what there is
# to do waits, says why, and goes on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

#
# max_worker_processes: four are left besides the launchers of PostgreSQL and
# ours. Parallel queries take them, as many as they are.
#
my $node = workflow_node('workers',
	'max_worker_processes = 6',
	'max_parallel_workers = 6',
	'workflow.max_executors = 2',
	'workflow.executor_idle_timeout = 1s',
	'workflow.runtime_idle_timeout = 1s',
	'workflow.sweep_interval = 1h');
my $force = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
my $parallel = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'};
my @holders;

sub hold
{
	my ($count) = @_;

	foreach (1 .. $count)
	{
		my $holder = $node->background_psql('postgres', on_error_stop => 0);
		$holder->query_safe("SET $force = on");
		$holder->query_until(qr/holding/, "\\echo holding\nSELECT pg_sleep(86400);\n");
		push @holders, $holder;
	}
	my $all = @holders;
	wait_for($node, "SELECT ($parallel) = $all", "$all parallel workers");
	return;
}

# End this many of the parallel queries.
sub let_go
{
	my ($count) = @_;
	my $left = @holders - $count;

	$node->safe_psql('postgres', qq{
		SELECT count(pg_cancel_backend(leader_pid)) FROM (
			SELECT leader_pid FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT $count) h});
	wait_for($node, "SELECT ($parallel) = $left", "$left parallel workers");
	$#holders -= $count;
	return;
}

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new",
		"states": {"new": {"after": {"0": "packed"}}, "packed": {"type": "final"}}}')});
my $packed = q{SELECT status = 'finalized' FROM workflow.processes WHERE key = };
as($node, 'clerk', q{SELECT workflow.start('order', key => 'before')});
wait_for($node, "$packed 'before'");
wait_for($node, q{SELECT state = 'resting' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime to rest');

hold(4);
as($node, 'clerk', q{SELECT workflow.start('order', key => 'meanwhile')});
wait_for($node, q{
	SELECT count(*) = 2 AND bool_and(wait_reason = 'max_worker_processes is exhausted') FROM workflow.activity
	WHERE kind = 'owner' AND state = 'waiting' OR kind = 'runtime' AND state = 'resting'}, 'the owner and the runtime to wait');
# Until somebody has tried often enough to say so.
my $log = 0;
until (log_since($node) =~ /out of background worker slots for workflow runtimes.*You might need to increase max_worker_processes/s)
{
	wait_for($node, 'SELECT true');
	die 'no word about the shortage' if ++$log > 10 * $PostgreSQL::Test::Utils::timeout_default;
}
ok(1, 'no worker for the runtime: the log says so');
is($node->safe_psql('postgres', "$packed 'meanwhile'"), 'f', 'work waits');
is(as($node, 'clerk', q{SELECT (workflow.get(workflow.start('order', at => 'tomorrow'))).status}), 'initialized', 'commands do not');

let_go(1);
wait_for($node, q{SELECT state = 'running' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime');
wait_for($node, q{SELECT wait_reason = 'max_worker_processes is exhausted' FROM workflow.activity WHERE kind = 'owner'}, 'the owner to wait for a worker');
ok(1, 'one worker is free, the runtime takes it: the owner waits, and that says why');
is($node->safe_psql('postgres', "$packed 'meanwhile'"), 'f', 'and its work');

let_go(1);
wait_for($node, "$packed 'meanwhile'");
ok(1, 'another one is free: work goes on');
let_go(2);

# Taken while the workers are at rest and given back before anybody asks.
wait_for($node, q{SELECT state = 'resting' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime to rest');
hold(4);
let_go(4);
as($node, 'clerk', q{SELECT workflow.start('order', key => 'after')});
wait_for($node, "$packed 'after'");
ok(1, 'all are free again');

# Two owners, who had two executors, share what is left to one.
workflow_role($node, 'other');
hold(2);
start_clocks($node, 'postgres', 'clerk', 2);
start_clocks($node, 'postgres', 'other', 2);
wait_for_ticks($node, 'postgres');
wait_for_ticks($node, 'postgres');
is($node->safe_psql('postgres', q{SELECT count(*) <= 1 FROM workflow.activity WHERE kind = 'executor' AND state <> 'starting'}), 't',
	'two owners take turns with one worker');
$node->stop('immediate');

#
# Two workers for two databases, in each an owner who can never be served, and
# waits longest: whoever can be is served, and runtimes are not started in vain.
#
$node = workflow_node('hopeless',
	'max_worker_processes = 4',
	'workflow.sweep_interval = 1h');
$node->safe_psql('postgres', 'CREATE ROLE leaver LOGIN; GRANT workflow_user TO leaver');
my $tick = q{SELECT workflow.define('{"id": "tick of %s", "initial": "p", "states": {"p": {"after": {"0": "q"}}, "q": {"type": "final"}}}')};
foreach my $database ('a', 'b')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION workflow');
	$node->safe_psql($database, sprintf("SET ROLE leaver; $tick", 'leaver'));
	$node->safe_psql($database, sprintf("SET ROLE clerk; $tick", 'clerk'));
}
# Only now: else it would be done.
$node->safe_psql('postgres', 'ALTER ROLE leaver NOLOGIN');
$node->safe_psql($_, q{SET ROLE leaver; SELECT workflow.start('tick of leaver')}) foreach 'a', 'b';
my $runtimes = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'workflow runtime'};
foreach my $round (1 .. 3)
{
	foreach my $database ('b', 'a')
	{
		$node->safe_psql($database, "SET ROLE clerk; SELECT workflow.start('tick of clerk', key => '$round')");
		wait_for_in($node, $database, "SELECT status = 'finalized' FROM workflow.processes WHERE key = '$round'", "round $round in $database");
		wait_for_in($node, $database, q{SELECT count(*) = 1 FROM workflow.activity WHERE kind = 'owner' AND wait_reason = $$the owner's role is not permitted to log in$$}, 'the reason');
	}
	ok(1, "round $round: who can be served is");
}
$node->safe_psql('postgres', 'ALTER ROLE leaver LOGIN');
wait_for_in($node, $_, q{SELECT count(*) = 0 FROM workflow.timer}, "the rest in $_") foreach 'a', 'b';
ok(1, 'and the others, when they can be');
$node->stop('immediate');

#
# max_connections, and then superuser_reserved_connections
#
$node = workflow_node('connections',
	'max_connections = 6',
	'superuser_reserved_connections = 2',
	'workflow.max_executors = 2',
	'workflow.sweep_interval = 1h');
start_clocks($node, 'postgres', 'clerk', 3);

# The session of a psql before may end after it: so one that we have sees that it has ended.
my $look = $node->background_psql('postgres');
sub wait_for_clients
{
	my ($count) = @_;

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $look->query_safe(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'}) eq $count;
		$look->query_safe('SELECT pg_sleep(0.01)');
	}
	die "there are not $count clients";
}

wait_for_clients(1);
my @clients = map { $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]) } 1 .. 3;
like(refusal($node, 'clerk', 'SELECT 1'), qr/remaining connection slots are reserved/, 'the connections are exhausted');
wait_for_ticks($node, 'postgres');
ok(1, 'work goes on');

wait_for_clients(4);
push @clients, map { $node->background_psql('postgres') } 1 .. 2;
like(refusal($node, 'postgres', 'SELECT 1'), qr/sorry, too many clients already/, 'those for superusers, too');

# From here we look through that one.
$look->query_safe('SET client_min_messages = error');
sub wait_through
{
	my ($query, $what) = @_;

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $look->query_safe($query) eq 't';
		$look->query_safe('SELECT pg_sleep(0.01)');
	}
	die "waited in vain for $what";
}

foreach my $kind (qw(executor runtime launcher))
{
	my $pids = $look->query_safe("SELECT array_agg(pid) FROM workflow.activity WHERE kind = '$kind' AND pid IS NOT NULL");
	my $reached = $look->query_safe('SELECT max(step) FROM workflow.process');

	$look->query_safe("SELECT pg_terminate_backend(p) FROM unnest('$pids'::int[]) p");
	wait_through("SELECT count(*) > 0 FROM workflow.activity WHERE kind = '$kind' AND pid <> ALL ('$pids'::int[])", "another $kind");
	wait_through("SELECT min(step) > $reached FROM workflow.process", 'the clocks to tick on');
	ok(1, "no connection is left: a terminated $kind is replaced");
}
is($clients[0]->query_safe(q{SELECT (workflow.get(workflow.start('clock of clerk'))).status}), 'idled', 'who is connected may command');

$_->quit foreach @clients, $look;
wait_for_ticks($node, 'postgres');
is(as($node, 'clerk', 'SELECT 1'), '1', 'connections are free again');
$node->stop;
done_testing();
