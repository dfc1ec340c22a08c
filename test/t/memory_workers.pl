# Launcher, runtime and executors do not grow with what they do, nor do those who do runs of
# another server.
#
# An executor takes steps of every kind, WORKFLOW_STEPS in all (30,000, unless the
# environment says otherwise); the runtime sees executors come and go, the
# launcher runtimes and databases. What each holds is the sum of what is used in
# its memory contexts between batches, to the byte. What the C library has from
# the kernel goes up and down by megabytes with how full the batches are, and
# with what was freed between what is kept; it is looked at as a whole.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $steps = $ENV{WORKFLOW_STEPS} || 30_000;

# One executor, which stays. Statistics change only when the test says so: with
# them the size of what is planned anew.
my $node = workflow_node('memory_workers', 'autovacuum = off', 'workflow.max_executors = 1',
	'workflow.executor_idle_timeout = 1h', 'workflow.runtime_idle_timeout = 1h', 'workflow.sweep_interval = 1h',
	'synchronous_commit = off', 'fsync = off', q{log_line_prefix = '[%p] '}, 'lc_messages = C');

#
# What a process holds.
#

# The server whose processes are looked at.
my $where = $node;

# Bytes used in its memory contexts, by their names, and in all of them. Asked
# for while it waits for something to do; should a signal have had it begin with
# something nevertheless, that is not there any more the next time.
sub contexts
{
	my ($pid) = @_;
	my %least;

	foreach (1 .. 3)
	{
		my $offset = -s $where->logfile;
		my %used;

		$where->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
		wait_until(sub { log_since($where, $offset) =~ /^\[$pid\] LOG:  Grand total: /m }, "the contexts of $pid");
		foreach (log_since($where, $offset) =~ /^\[$pid\] LOG:  (.*)/mg)
		{
			$used{$1} += $2 if /^level: \d+; (.*?): \d+ total in .*; (\d+) used/;
			$used{'all of them'} = $1 if /^Grand total: .*; (\d+) used/;
		}
		%least = %used if !%least || $used{'all of them'} < $least{'all of them'};
	}
	return \%least;
}

# Private memory in kB, if the system tells it.
sub resident
{
	my ($pid) = @_;

	return undef if !-r "/proc/$pid/status";
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;

	return $kb;
}

# What became more, and by how much.
sub difference
{
	my ($before, $after) = @_;

	return join ', ', map { my $more = $after->{$_} - ($before->{$_} // 0); $more ? "$_ $more" : () }
		sort keys %$after;
}

sub pid_of
{
	my ($kind) = @_;
	my @pids = split /\n/, $where->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow $kind'");

	die "there are " . @pids . " ${kind}s" if @pids != 1;
	return $pids[0];
}

# The test of a kind of worker: do something some times, and then much more of it.
# What it keeps for good, a plan that is needed now and then, it does not take
# again and again: only who grows each time does grow.
sub stays
{
	my ($kind, $what, $few, $many, $allowed, $do) = @_;
	my $grown;

	$do->($few);
	my $pid = pid_of($kind);
	my $before = contexts($pid);
	foreach (1 .. 3)
	{
		$do->($many);
		my $after = contexts($pid);

		$grown = $after->{'all of them'} - $before->{'all of them'};
		note("$kind, $many times $what: $before->{'all of them'} bytes, then $after->{'all of them'}"
			  . ($grown ? ' (' . difference($before, $after) . ')' : ''));
		last if $grown < $allowed;
		$before = $after;
	}
	is(pid_of($kind), $pid, "$what: the $kind is the same process");
	cmp_ok($grown, '<', $allowed, "$what: the $kind does not grow");
	return;
}

#
# Executors: every kind of step, each in the definition of a server's life.
#
$node->safe_psql('postgres', q{CREATE SCHEMA shop AUTHORIZATION clerk});
as($node, 'clerk', q{
	CREATE FUNCTION shop.is_even(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN (context->>'n')::int % 2 = 0; END $$;
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
	CREATE FUNCTION shop.try(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$;
	CREATE SEQUENCE shop.attempts;
	CREATE FUNCTION shop.fail_first(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN IF nextval('shop.attempts') % 2 = 1 THEN RAISE 'not yet'; END IF; END $$;
	SELECT workflow.define('{"id": "errand", "initial": "a", "states": {"a": {"type": "final"}}}');
	SELECT workflow.define('{"id": "letter", "initial": "a", "context": {"n": 0}, "search": {"n": "$.n"}, "states": {
		"a": {"after": {"0": {"target": "b", "actions": {"type": "assign", "context": {"n": 1}}}}},
		"b": {"after": {"0": "c"}},
		"c": {"type": "final"}}}');
	SELECT workflow.define('{"id": "fax", "initial": "a",
		"on_error": {"retry": {"errors": "*", "intervalSeconds": 0, "maxAttempts": 1}, "then": {"event": "failed"}},
		"states": {"a": {"on": {"first": {"actions": "shop.fail_first"}, "never": {"actions": "shop.fail"}, "failed": {}}}}}');
	SELECT workflow.define('{"id": "clock", "initial": "a", "context": {"n": 0, "sum": 0, "lines": [1, 2, 3]}, "states": {
		"a": {
			"defer": "note",
			"on": {"tick": [
				{"guard": "shop.is_even", "target": "b", "actions": [{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]},
				{"target": "b", "actions": [{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}, {"type": "raise", "event": "tock"}]}]},
			"after": {"1 day": "b"}},
		"b": {"on": {"tick": "a", "tock": {}, "note": {}}, "after": {"2 days": "a"}},
		"c": {"invoke": {"src": "errand", "id": "e", "onDone": "a"}}},
		"on": {
			"go": ".c",
			"break": {"actions": "shop.fail"},
			"divide": {"guard": {"@expr": "1 / ((context->>''n'')::int * 0) = 0"}},
			"try": {"actions": "shop.try"},
			"each": {"actions": {"type": "foreach", "array": {"@expr": "context->''lines''"}, "item": "line", "index": "i", "actions": [
				{"type": "choose", "branches": [
					{"guard": {"@expr": "(context->>''line'')::int = 2"}, "actions": {"type": "send", "event": "nothing"}},
					{"actions": {"type": "assign", "context": {"sum": {"@expr": "(context->>''line'')::int"}}}}]}]}},
			"tell": {"actions": {"type": "send", "event": {"type": "nothing", "data": {"@expr": "context"}}, "target": {"@expr": "context->>''peer''"}}},
			"lose": {"actions": {"type": "send", "event": "nothing", "target": "00000000-0000-0000-0000-000000000000"}},
			"plan": {"actions": [{"type": "send", "event": "nothing", "delay": "1 day", "id": "plan"}, {"type": "cancel", "id": "plan"}]},
			"nothing": {},
			"error.*": {}}}');
	SELECT count(workflow.start('clock', jsonb_build_object('peer', workflow.start('clock')))) FROM generate_series(1, 50) i;
	SELECT count(workflow.start('fax')) FROM generate_series(1, 100) i});

# All that is due is done, and the executor waits.
sub all_done
{
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.timer WHERE due <= now())}, 'all of it is done');
	wait_for($node, q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the executor rests');
	return;
}

# So many of these events, in equal parts, by the hundred.
sub events
{
	my ($definition, @events) = @_;
	my $list = join ', ', map { "'$_'" } @events;

	return sub {
		my ($n) = @_;

		as($node, 'clerk', qq{
			SELECT count(workflow.post(p.id, e)) FROM generate_series(1, $n / 100 / cardinality(ARRAY[$list])),
				unnest(ARRAY[$list]) e, workflow.processes p WHERE p.definition = '$definition'});
		all_done();
	};
}

sub letters
{
	my ($n) = @_;

	as($node, 'clerk', "SELECT count(*) FROM workflow.start_many('letter', array_fill('{}'::jsonb, ARRAY[$n / 3]))");
	all_done();
	return;
}

# Something else that makes kept plans and expressions be made anew, and then a
# few steps; so many in all.
sub after_each
{
	my ($command, $tick) = @_;

	return sub {
		my ($n) = @_;

		foreach my $i (1 .. $n / 200)
		{
			as($node, 'clerk', sprintf($command, $i % 7 + 1));
			$tick->(200);
		}
	};
}

my $tick = events('clock', 'tick');
my $analyze = sub {
	my ($n) = @_;

	foreach (1 .. $n / 200)
	{
		$node->safe_psql('postgres', 'ANALYZE');
		$tick->(200);
	}
};

# What is done, and how many of the simplest steps one of it takes as long as.
my @kinds = (
	[ 'guards, expressions, timers', 1, $tick ],
	[ 'failures that are caught', 1, events('clock', 'break', 'divide') ],
	[ 'code that catches its own', 1, events('clock', 'try') ],
	[ 'loops', 1, events('clock', 'each') ],
	[ 'events to others', 1, events('clock', 'tell', 'lose') ],
	[ 'events that are taken back', 1, events('clock', 'plan') ],
	[ 'events kept for later', 1, events('clock', 'note', 'tick', 'tick') ],
	[ 'children', 1, events('clock', 'go') ],
	[ 'processes from start to end', 1, \&letters ],
	[ 'altered functions', 2, after_each('ALTER FUNCTION shop.is_even COST %d', $tick) ],
	[ 'statistics made anew', 2, $analyze ],
	[ 'failures that are tried again', 10, events('fax', 'first') ],
	[ 'failures that are given up', 10, events('fax', 'never') ]);

$tick->(1000);
my $executor = pid_of('executor');
my $resident = resident($executor);

foreach my $kind (@kinds)
{
	my ($what, $cost, $do) = @$kind;
	my $many = int($steps / @kinds / $cost / 600) * 600;

	stays('executor', $what, 600, $many || 600, 2000, $do);
}

SKIP:
{
	skip 'no /proc', 1 if !defined $resident;
	my $grown = resident($executor) - $resident;

	note("the executor has $resident kB of its own, and $grown kB more after all this");
	cmp_ok($grown, '<', 16_384, 'nor beside its memory contexts');
}

#
# The runtime: executors that come and go, and searches.
#
foreach my $role (qw(baker miller))
{
	workflow_role($node, $role);
	as($node, $role, q{
		SELECT workflow.define(format('{"id": "door of %s", "initial": "a", "states": {"a": {"on": {"ring": {}}, "after": {"1 day": {"target": "a", "reenter": true}}}}}', current_user)::json);
		SELECT workflow.start('door of ' || current_user, key => 'a')});
}

sub executors
{
	my ($n) = @_;

	foreach (1 .. $n / 2)
	{
		foreach my $role (qw(baker miller))
		{
			as($node, $role, q{SELECT workflow.post_by_key('door of ' || current_user, 'a', 'ring')});
			all_done();
		}
	}
	return;
}

# An UPDATE by hand is announced to nobody.
sub searches
{
	my ($n) = @_;

	foreach (1 .. $n)
	{
		$node->safe_psql('postgres', q{
			UPDATE workflow.timer t SET due = now() FROM workflow.process p WHERE p.id = t.process AND p.started_by = 'miller';
			SELECT workflow.wake()});
		all_done();
	}
	return;
}

my $cycles = int($steps / 1000) || 1;
stays('runtime', 'executors that come and go', 20, $cycles, 300, \&executors);
stays('runtime', 'searches', 20, $cycles, 300, \&searches);

#
# The launcher: runtimes that end, databases that come and go.
#
sub runtimes
{
	my ($n) = @_;

	foreach (1 .. $n)
	{
		my $pid = pid_of('runtime');

		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		wait_for($node, "SELECT count(*) = 1 FROM workflow.activity WHERE kind = 'runtime' AND pid <> $pid", 'another runtime');
	}
	return;
}

sub databases
{
	my ($n) = @_;

	foreach (1 .. $n)
	{
		$node->safe_psql('postgres', 'CREATE DATABASE shop TEMPLATE template_shop');
		$node->safe_psql('shop', 'SELECT workflow.adopt()');
		wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'workflow runtime'}, 'its runtime');
		$node->safe_psql('postgres', 'DROP DATABASE shop');
	}
	return;
}

stays('launcher', 'runtimes that end', 10, $cycles, 300, \&runtimes);
$node->safe_psql('postgres', 'CREATE DATABASE template_shop IS_TEMPLATE true');
$node->safe_psql('template_shop', 'CREATE EXTENSION workflow');
stays('launcher', 'databases that come and go', 5, int($cycles / 10) || 1, 300, \&databases);

#
# Runs of another server: the courier, the executor that does them, and the link, which is told
# often that the server is alive.
#
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$node->restart;
$node->safe_psql('postgres', q{CREATE ROLE link LOGIN; GRANT workflow_runtime TO link});
as($node, 'clerk', q{
	CREATE FUNCTION shop.echo(params jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT params';
	SELECT workflow.create_queue('far', placement => '{runtime:B}');
	SELECT workflow.create_job('echo', 'shop.echo', queue => 'far')});

$where = workflow_node('b', q{log_line_prefix = '[%p] '}, 'lc_messages = C', 'autovacuum = off', 'fsync = off',
	'workflow.max_remote_executors = 1', "workflow.runtime_id = 'B'", 'workflow.executor_idle_timeout = 1h',
	"workflow.remote = 'host=127.0.0.1 port=" . $node->port . " dbname=postgres user=link'", "workflow.remote_database = 'postgres'");
$where->safe_psql('postgres', q{
	SELECT workflow.map_owner('clerk', 'clerk');
	CREATE SCHEMA shop AUTHORIZATION clerk;
	SET ROLE clerk;
	CREATE FUNCTION shop.echo(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN
		IF params -> 'fail' IS NOT NULL THEN RAISE '%', params; END IF;
		RETURN params; END $$});
wait_for($node, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join');

# Runs with parameters and results of some size; every tenth fails.
sub placed
{
	my ($n) = @_;

	as($node, 'clerk', qq{
		SELECT count(workflow.run_job('echo', jsonb_build_object(CASE WHEN i % 10 = 0 THEN 'fail' ELSE 'text' END, repeat('x', 1000))))
		FROM generate_series(1, $n) i});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.runs WHERE job = 'echo' AND ended_at IS NULL)}, 'the runs to be done');
	return;
}

foreach my $kind (qw(courier placed link))
{
	stays($kind, 'runs of another server', 50, $cycles * 5, 2000, \&placed);
}

is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), '0', 'everything fits together');

$where->stop;
$node->stop;
done_testing();
