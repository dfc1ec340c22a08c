# CREATE, ALTER and DROP EXTENSION, committed and rolled back, while work goes
# on: workers come and go with it, and never take one extension for another.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('extension');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
# what is not announced is not found within this test
workflow.sweep_interval = 1h
});
$node->start;
my $none = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('workflow runtime', 'workflow executor')};

# What a command warns of, and with what details.
sub warnings_of
{
	my ($database, $sql) = @_;
	my ($errors, $warnings) = ('', '');

	$node->psql($database, $sql, stderr => \$errors, on_error_die => 1);
	$warnings .= "$1: $2\n" while $errors =~ /WARNING:  (.*)\nDETAIL:  (.*)/g;
	return $warnings;
}

#
# Server start: the launcher looks into all databases, and into none twice
#
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow launcher'}, 'the launcher');
wait_for($node, $none, 'the probes to end');
ok(1, 'server start: without the extension no worker stays');

#
# CREATE EXTENSION
#
$node->safe_psql('postgres', 'BEGIN; CREATE EXTENSION workflow; ROLLBACK');
# A database that is created and looked into afterwards shows that the first
# would have been looked into.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION workflow');
wait_for_in($node, 'other', q{SELECT state = 'running' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime of another database');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type LIKE 'workflow%'}), 0,
	'CREATE EXTENSION rolled back starts no worker');
$node->safe_psql('postgres', 'DROP DATABASE other');

is(warnings_of('postgres', 'CREATE EXTENSION workflow'), '', 'roles that are there already, and that nobody has, are no news');
wait_for($node, q{SELECT state = 'running' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime');
ok(1, 'CREATE EXTENSION committed starts the runtime');
workflow_role($node, 'clerk');

# Whoever has the roles of another database has rights in this one, too.
$node->safe_psql('postgres', q{CREATE DATABASE other; CREATE ROLE deputy; GRANT clerk TO deputy; ALTER ROLE workflow_admin LOGIN});
is(warnings_of('other', 'CREATE EXTENSION workflow'),
	"role workflow_user exists already: Its members: clerk, deputy.\n"
	. "role workflow_admin exists already, and may log in: It has no members.\n",
	'roles that somebody has, or may log in with, are told of, and the roles of roles');
$node->safe_psql('postgres', q{DROP DATABASE other; DROP ROLE deputy; ALTER ROLE workflow_admin NOLOGIN});
start_clocks($node, 'postgres', 'clerk', 5);
is($node->safe_psql('postgres', q{SELECT count(DISTINCT owner) FROM workflow.activity WHERE kind = 'executor'}), 1, 'work starts executors');

#
# DROP EXTENSION, while they work
#
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; DROP EXTENSION workflow');
wait_for($node, q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'object' AND NOT granted}, 'an executor to wait for it');
$session->query_safe('ROLLBACK');
$session->quit;
wait_for_ticks($node, 'postgres', 'after the rollback');
ok(1, 'DROP EXTENSION rolled back: work goes on');

$node->safe_psql('postgres', 'DROP EXTENSION workflow');
wait_for($node, $none, 'the workers to end');
ok(1, 'DROP EXTENSION committed: the workers end');

#
# DROP and CREATE between two looks of the workers: they wait for the lock that
# the DROP holds, or are idle, and find another extension of the same name.
#
foreach my $round (1 .. 3)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION workflow') if $round == 1;
	start_clocks($node, 'postgres', 'clerk', 2);
	# an idle one of another owner, who has the same number later
	workflow_role($node, "idler$round");
	start_clocks($node, 'postgres', "idler$round", 1);
	as($node, "idler$round", q{SELECT workflow.suspend(id) FROM workflow.processes});

	my @before = worker_pids($node, 'executor');
	$session = $node->background_psql('postgres');
	$session->query_safe('SET client_min_messages = error; BEGIN; DROP EXTENSION workflow; CREATE EXTENSION workflow');
	$session->query_safe('COMMIT');
	$session->quit;
	as($node, "idler$round", q{
		SELECT workflow.define('{"id": "who", "initial": "a", "context": {"by": ""}, "states": {
			"a": {"after": {"0": {"target": "b", "actions": {"type": "assign", "context": {"by": {"@expr": "current_user || pg_backend_pid()"}}}}}},
			"b": {"type": "final"}}}');
		SELECT workflow.start('who')});
	wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'who'}, 'work in the new extension');
	my ($who) = $node->safe_psql('postgres', q{SELECT context->>'by' FROM workflow.processes WHERE definition = 'who'});
	like($who, qr/^idler$round\d+$/, "DROP and CREATE EXTENSION, round $round: the new owner's work is done by its own executor");
	ok(!(grep { $who eq "idler$round$_" } @before), 'which is not one that worked in the old extension');
	start_clocks($node, 'postgres', 'clerk', 3);
	is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.processes WHERE definition LIKE 'clock%'}), 3, 'and nothing of the old one is there');
}

#
# DROP and CREATE while nobody is there to see it: workers are off.
#
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executors to leave');
$node->safe_psql('postgres', 'DROP EXTENSION workflow');
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->reload;
start_clocks($node, 'postgres', 'clerk', 1);
ok(1, 'DROP and CREATE EXTENSION while workers are off');

#
# ALTER EXTENSION UPDATE, while they work: an update script of a later version
# that changes tables under them.
#
SKIP:
{
	my $control = $node->safe_psql('postgres', q{
		SELECT setting || '/extension/workflow.control' FROM pg_config WHERE name = 'SHAREDIR'});
	my ($directory) = $control =~ m{^(.*)/};
	skip 'the directory of extensions is not ours to write to', 3 unless -w $directory;
	my ($version) = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'workflow'});
	my $script = "$directory/workflow--$version--test.sql";

	# In the order in which everybody locks them. (Clients may have read what
	# they like before: see sql/update.sql.in for them.)
	append_to_file($script, q{
		LOCK TABLE workflow.process, workflow.timer;
		ALTER TABLE workflow.process ADD COLUMN test_column int DEFAULT 1;
		ALTER TABLE workflow.timer ADD COLUMN test_column int DEFAULT 1;
	});
	my $pid = join ' ', worker_pids($node, 'runtime');
	my $updated = eval { $node->safe_psql('postgres', q{ALTER EXTENSION workflow UPDATE TO 'test'}); 1 };
	my $why = $@;
	unlink $script;
	ok($updated, 'ALTER EXTENSION UPDATE is not kept out by workers') or diag $why;
	wait_for_ticks($node, 'postgres', 'after ALTER EXTENSION UPDATE');
	ok(1, 'ALTER EXTENSION UPDATE: work goes on');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'and no event counts as failed');
}

$node->safe_psql('postgres', 'DROP EXTENSION workflow');
is($node->safe_psql('postgres', q{DROP ROLE clerk; SELECT 'gone'}), 'gone', 'an owner can be dropped once the extension is');
unlike(log_since($node), qr/deadlock detected|TRAP|PANIC/, 'workers and commands on the extension do not deadlock');
$node->stop;
done_testing();
