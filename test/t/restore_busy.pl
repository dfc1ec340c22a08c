# A dump that is made while work is going on, and a recovery to a time in the
# middle of it, are each the state of one moment: all fits together, and what
# actions wrote goes with what processes remember.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;
use World;

my $origin = PostgreSQL::Test::Cluster->new('origin');
$origin->init(has_archiving => 1, allows_streaming => 1);
$origin->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.sweep_interval = 1s
});
$origin->start;
$origin->safe_psql('postgres', 'CREATE DATABASE shop');
$origin->safe_psql('shop', 'CREATE EXTENSION workflow');
workflow_role($origin, 'clerk');
$origin->safe_psql('shop', 'CREATE SCHEMA office AUTHORIZATION clerk');

# Ticks for ever, each a row in a table of the author and one more in the
# context; posts to the next, and starts children that come and go.
my $ring = q{
	CREATE TABLE office.tick (who text, n int, PRIMARY KEY (who, n));
	CREATE FUNCTION office.tick(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
		INSERT INTO office.tick SELECT context->>'who', (context->>'n')::int
	$$;
	CREATE FUNCTION office.pass_on(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
		SELECT workflow.post_by_key('ring', context->>'next', 'passed', context->'n')
	$$;
	SELECT workflow.define('{"id": "visitor", "initial": "in", "states": {"in": {"after": {"50": "out"}}, "out": {"type": "final"}}}');
	SELECT workflow.define('{
		"id": "ring", "initial": "tick", "context": {"n": 0, "visits": 0, "passed": 0},
		"on": {"passed": {"actions": {"type": "assign", "context": {"passed": {"@expr": "(context->>''passed'')::int + 1"}}}}},
		"states": {"tick": {
			"invoke": {"id": "visitor", "src": "visitor", "onDone": {"actions": {"type": "assign", "context": {"visits": {"@expr": "(context->>''visits'')::int + 1"}}}}},
			"after": {"300": {"target": "tick", "reenter": true, "actions": [
				{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}, "office.tick", "office.pass_on"]}}}}}');
	SELECT workflow.start('ring', key => k::text, input => jsonb_build_object('who', k::text, 'next', (k % 5 + 1)::text)) FROM generate_series(1, 5) k};

# What actions did against what contexts say; the rings are alike whatever the moment.
my $books = q{
	SELECT count(*) FILTER (WHERE (context->>'n')::int <> (SELECT count(*) FROM office.tick t WHERE t.who = context->>'who')),
		sum((context->>'n')::int) = sum((context->>'passed')::int)
			+ (SELECT count(*) FROM workflow.timer WHERE event = 'passed')
	FROM workflow.processes WHERE definition = 'ring'};

sub goes_on
{
	my ($node, $database) = @_;
	my $before = $node->safe_psql($database, q{SELECT max((context->>'n')::int) FROM workflow.processes WHERE definition = 'ring'});

	wait_in($node, $database, qq{
		SELECT min((context->>'n')::int) > $before + 2 AND min((context->>'visits')::int) > 0 FROM workflow.processes
		WHERE definition = 'ring'}, 'the ring');
	return;
}

as($origin, 'clerk', $ring, 'shop');
goes_on($origin, 'shop');

#
# Dumps
#
my $files = $origin->basedir;
my %dump = (
	custom => [ [ '-Fc', '-f', "$files/custom" ], [ "$files/custom" ] ],
	parallel => [ [ '-Fd', '-j2', '-f', "$files/parallel" ], [ '-j2', "$files/parallel" ] ]);
foreach my $how (sort keys %dump)
{
	$origin->command_ok([ 'pg_dump', @{ $dump{$how}[0] }, 'shop' ], "pg_dump, $how, while work is going on");
	goes_on($origin, 'shop');
	$origin->safe_psql('postgres', "CREATE DATABASE $how");
	$origin->command_ok([ 'pg_restore', '--exit-on-error', '-d', $how, @{ $dump{$how}[1] } ], "pg_restore, $how");
	is(problems($origin, $how), '', "$how: all fits together");
	is($origin->safe_psql($how, $books), '0|t', "$how: and with what actions wrote");
	my $rows = rows_of($origin, $how);

	goes_on($origin, 'shop');
	is(rows_of($origin, $how), $rows, "$how: does nothing while the original goes on");
	$origin->safe_psql($how, 'SELECT workflow.adopt()');
	goes_on($origin, $how);
	$origin->safe_psql($how, q{SELECT workflow.pause('ring')});
	is(problems($origin, $how), '', "$how: goes on, and fits together then");
	$origin->safe_psql('postgres', "DROP DATABASE $how");
}

#
# Point-in-time recovery
#
$origin->backup('base');
goes_on($origin, 'shop');
# A moment in which nothing is done, so that it can be described.
sub rest
{
	my ($enabled) = @_;

	$origin->safe_psql('postgres', "ALTER SYSTEM SET workflow.enabled = $enabled");
	$origin->reload;
	return;
}

rest('off');
wait_in($origin, 'shop', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow executor'}, 'rest');
my $rows = rows_of($origin, 'shop');
my $ticks = $origin->safe_psql('shop', 'SELECT count(*) FROM office.tick');
my $then = $origin->safe_psql('shop', 'SELECT clock_timestamp()');
rest('on');
goes_on($origin, 'shop');
as($origin, 'clerk', q{SELECT workflow.start('visitor', key => 'too late')}, 'shop');
my $file = $origin->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
wait_for($origin, "SELECT last_archived_wal >= '$file' FROM pg_stat_archiver", 'the archive');

sub recover
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init_from_backup($origin, 'base', has_restoring => 1, standby => 0);
	$node->append_conf('postgresql.conf', join("\n", 'archive_mode = off', "recovery_target_time = '$then'",
		"recovery_target_action = 'promote'", @settings, ''));
	$node->start;
	wait_for($node, 'SELECT NOT pg_is_in_recovery()', 'the end of recovery');
	return $node;
}

my $clone = recover('clone', 'workflow.enabled = off');
is(rows_of($clone, 'shop'), $rows, 'recovery to a time: every row of that time, none that came later');
is($clone->safe_psql('shop', 'SELECT count(*) FROM office.tick'), $ticks, 'and what actions had written by then');
is(problems($clone, 'shop'), '', 'all fits together');
goes_on($origin, 'shop');
is(rows_of($clone, 'shop'), $rows, 'with workflow.enabled = off it stays like that');
like(as($clone, 'clerk', q{SELECT workflow.start('visitor', key => 'new')}, 'shop'), qr/^[0-9a-f-]{36}$/, 'though it takes commands');

# The stamp fits: a replacement goes on by itself, timers of the meantime included.
$origin->stop('immediate');
$clone->safe_psql('postgres', 'ALTER SYSTEM SET workflow.enabled = on');
$clone->reload;
goes_on($clone, 'shop');
wait_in($clone, 'shop', q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'new'}, 'the new one');
is($clone->safe_psql('shop', $books), '0|t', 'a server that was recovered goes on from there');
is(problems($clone, 'shop'), '', 'in order');
is($clone->safe_psql('shop', q{SELECT count(*) FROM workflow.processes WHERE key = 'too late'}), 0, 'without what came later');
$clone->stop;

my $replacement = recover('replacement');
goes_on($replacement, 'shop');
ok(1, 'one that is enabled goes on as soon as it is up');

$replacement->stop;
done_testing();
