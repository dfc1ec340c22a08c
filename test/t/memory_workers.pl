# Launcher, runtime and executor do not grow with the steps that are taken: a
# hundred thousand here, or as many as WORKFLOW_STEPS says.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

plan skip_all => 'no /proc' if !-r "/proc/$$/status";

my $steps = $ENV{WORKFLOW_STEPS} || 100_000;
my $round = 10_000;

# One executor, which stays, and commits for itself only.
my $node = workflow_node('memory_workers', 'workflow.max_executors = 1',
	'workflow.executor_idle_timeout = 1h', 'synchronous_commit = off', 'fsync = off');

# A guard, an expression, a function, an event to itself, another timer, a child
# that ends and a failure that is caught: whatever a step takes memory for.
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "errand", "initial": "a", "states": {"a": {"type": "final"}}}')});
$node->safe_psql('postgres', q{CREATE SCHEMA shop AUTHORIZATION clerk});
as($node, 'clerk', q{
	CREATE FUNCTION shop.is_even(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN (context->>'n')::int % 2 = 0; END $$;
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
	SELECT workflow.define('{"id": "clock", "initial": "a", "context": {"n": 0}, "states": {
		"a": {"on": {"tick": [
				{"guard": "shop.is_even", "target": "b", "actions": [{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]},
				{"target": "b", "actions": [{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}, {"type": "raise", "event": "tock"}]}]},
			"after": {"1 day": "b"}},
		"b": {"on": {"tick": "a", "tock": {}}, "after": {"2 days": "a"}},
		"c": {"invoke": {"src": "errand", "id": "e", "onDone": "a"}}},
		"on": {"go": ".c", "break": {"actions": "shop.fail"}, "error.*": {}}}');
	SELECT count(workflow.start('clock', key => 'c' || i)) FROM generate_series(1, 100) i});

# Private memory of a process in kB.
sub memory
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;

	return $kb;
}

sub round
{
	as($node, 'clerk', qq{
		SELECT count(workflow.post(p.id, CASE WHEN i % 100 = 0 THEN 'break' WHEN i % 100 = 1 THEN 'go' ELSE 'tick' END))
		FROM generate_series(1, $round / 100) i, workflow.processes p WHERE p.definition = 'clock'});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.timer WHERE due <= now())}, 'all of it is worked');
	return;
}

sub workers
{
	return map { $_ => (worker_pids($node, $_))[0] } qw(launcher runtime executor);
}

round() for 1 .. 3;
my %pids = workers();
my %before = map { $_ => memory($pids{$_}) } keys %pids;
for (my $done = 0; $done < $steps; $done += $round)
{
	round();
}
my %after = workers();
foreach my $kind (sort keys %pids)
{
	is($after{$kind}, $pids{$kind}, "the $kind is the same process");
	my $kb = memory($pids{$kind});

	note("$kind: $before{$kind} kB, after $steps steps $kb kB");
	cmp_ok($kb - $before{$kind}, '<', 1500, "the $kind does not grow");
}
cmp_ok($node->safe_psql('postgres', q{SELECT sum(step) FROM workflow.process}), '>=', $steps, 'so many steps were taken');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), '0', 'everything fits together');

$node->stop;
done_testing();
