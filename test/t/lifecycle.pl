# Workers come with CREATE EXTENSION and go with DROP EXTENSION and DROP
# DATABASE; on a standby they start when it is promoted.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('lifecycle');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.sweep_interval = 1h
});
$node->start;

# A definition whose processes count their timers and never end.
my $clock = q{{"id": "clock", "initial": "tick", "context": {"n": 0},
	"states": {"tick": {"after": {"50": {"target": "tick", "reenter": true,
		"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}}}}}}}};

sub start_clocks
{
	my ($database, $n) = @_;

	as($node, 'clerk', qq{
		SELECT workflow.define(\$\$$clock\$\$);
		SELECT count(*) FROM workflow.start_many('clock', array_fill('{}'::jsonb, ARRAY[$n]))}, $database);
	wait_until($database, 'SELECT bool_and(step > 3) FROM workflow.process', "the clocks of $database to tick");
	return;
}

sub wait_until
{
	my ($database, $query, $what) = @_;

	$node->poll_query_until($database, $query) or die "waited in vain for $what";
	return;
}

# Workers of ours that are connected to a database.
sub workers
{
	my ($database) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'workflow%'});
}

#
# CREATE EXTENSION
#
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow launcher'}, 'the launcher');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow runtime'}, 'the probes to end');
is(workers('postgres'), 0, 'without the extension there are no workers');

$node->safe_psql('postgres', 'BEGIN; CREATE EXTENSION workflow; ROLLBACK');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('workflow runtime', 'workflow executor')}),
	0, 'CREATE EXTENSION rolled back starts none');
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
wait_for($node, q{SELECT state = 'running' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime');
ok(1, 'CREATE EXTENSION committed starts the runtime');
workflow_role($node, 'clerk');
start_clocks('postgres', 5);
is($node->safe_psql('postgres', q{SELECT count(DISTINCT owner) FROM workflow.activity WHERE kind = 'executor'}), 1, 'work starts executors');

#
# DROP EXTENSION, while they work
#
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION workflow; ROLLBACK');
my $before = $node->safe_psql('postgres', 'SELECT max(step) FROM workflow.process');
wait_for($node, "SELECT min(step) > $before FROM workflow.process", 'the clocks to tick on');
ok(1, 'after DROP EXTENSION rolled back, work goes on');

foreach my $round (1 .. 3)
{
	$node->safe_psql('postgres', 'DROP EXTENSION workflow');
	wait_for($node, q{
		SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('workflow runtime', 'workflow executor')}, 'the workers to end');
	# Dropped and created anew, which nobody may mistake for the old one.
	$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
	start_clocks('postgres', 2);
	$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION workflow; CREATE EXTENSION workflow; COMMIT');
	start_clocks('postgres', 3);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.process'), 3, "DROP and CREATE EXTENSION, round $round");
}
is($node->safe_psql('postgres', q{DROP EXTENSION workflow; DROP ROLE clerk; SELECT 'gone'}), 'gone',
	'an owner can be dropped once the extension is');
unlike(slurp_file($node->logfile), qr/deadlock detected|TRAP|PANIC/, 'workers and DROP EXTENSION do not deadlock');

#
# DROP DATABASE and those like it, while they work
#
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($node, 'clerk');
start_clocks('postgres', 2);
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow');
start_clocks('shop', 5);
cmp_ok(workers('shop'), '>=', 2, 'a second database has workers of its own');

$node->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO store');
$before = $node->safe_psql('store', 'SELECT max(step) FROM workflow.process');
wait_until('store', "SELECT min(step) > $before FROM workflow.process", 'the clocks of the renamed database');
ok(1, 'ALTER DATABASE RENAME: work goes on under the new name');

$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE store');
is($node->safe_psql('twin', 'SELECT count(*) FROM workflow.process'), 5, 'CREATE DATABASE TEMPLATE makes a copy');
$before = $node->safe_psql('store', 'SELECT max(step) FROM workflow.process');
wait_until('store', "SELECT min(step) > $before FROM workflow.process", 'the clocks of the copied database');
ok(1, 'and work goes on in the original');

$node->safe_psql('postgres', 'DROP DATABASE twin');
$node->safe_psql('postgres', 'DROP DATABASE store');
is(workers('store'), 0, 'DROP DATABASE: its workers are gone');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname NOT IN ('postgres')",
	'no worker to look for a dropped database');
$before = $node->safe_psql('postgres', 'SELECT max(step) FROM workflow.process');
wait_for($node, "SELECT min(step) > $before FROM workflow.process", 'the clocks of the other database');
unlike(slurp_file($node->logfile), qr/FATAL:.*(store|twin|does not exist)/, 'nobody tries to connect to it');

# WITH (FORCE), and one whose extension is not there any more.
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow');
start_clocks('shop', 1);
$node->safe_psql('postgres', 'DROP DATABASE shop WITH (FORCE)');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow');
start_clocks('shop', 1);
$node->safe_psql('shop', 'DROP EXTENSION workflow');
$node->safe_psql('postgres', 'DROP DATABASE shop');
ok(1, 'DROP DATABASE WITH (FORCE), and without the extension');

#
# Promotion
#
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "leave", "initial": "asked", "states": {"asked": {"after": {"1 second": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('leave', key => 'ann')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%'}), 0,
	'a standby has no workers');
my ($status, $out, $err) = $standby->psql('postgres', q{SELECT workflow.start('leave')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/read-only|recovery/, 'and takes no commands');
($status, $out, $err) = $standby->psql('postgres', q{SELECT workflow.dry_run(workflow.find('leave', 'ann'), 'go')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/cannot execute workflow.dry_run\(\) during recovery/, 'nor does it try them');
($status, $out, $err) = $standby->psql('postgres', q{SELECT count(*) FROM workflow.simulate('leave', '[]')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/cannot execute workflow.simulate\(\) during recovery/, 'or plays them');

$node->stop('immediate');
my $reached = $standby->safe_psql('postgres', 'SELECT max(step) FROM workflow.process');
$standby->promote;
wait_for($standby, "SELECT min(step) > $reached FROM workflow.process WHERE status <> 'finalized'", 'the clocks to tick on the new primary');
wait_for($standby, q{SELECT status = 'finalized' FROM workflow.process WHERE key = 'ann'}, 'the timer that was under way');
ok(1, 'after promotion work goes on');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure WHERE given_up}), 0, 'and nothing is given up');
is($standby->safe_psql('postgres', q{
		SELECT count(*) FROM (SELECT step - lag(step, 1, 0) OVER (PARTITION BY process ORDER BY step) AS by FROM workflow.history) h WHERE by <> 1}),
	0, 'with an unbroken history');

$standby->stop;
done_testing();
