# After a crash, suspects whose processes clients lock between the moment in which
# an attempt is counted and the step: as often as that may happen, nothing is
# counted in the end, and none is blamed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

use constant SUSPECTS => 7;

my $node = workflow_node('suspects', 'workflow.max_executors = 1', 'workflow.enabled = off');
my $library = held_commit_library($node);
my $held = $node->basedir . '/held_commit.at';

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {
		"new": {"on": {"go": "done"}}, "done": {"type": "final"}}}');
	SELECT count(workflow.work()) FROM workflow.start_many('order', array_fill('{}'::jsonb, ARRAY[} . SUSPECTS . q{]))});
as($node, 'clerk', q{SELECT workflow.post(id, 'go') FROM workflow.processes});

# Every commit of clerk's executor is held.
$node->safe_psql('postgres', "ALTER ROLE clerk SET held_commit.at = '$held'");
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow, $library'\nworkflow.enabled = on\nrestart_after_crash = on");
$node->stop('immediate');
$node->start;

# Who is counted is locked, until all are; then they are left, and locked anew.
my $client = $node->background_psql('postgres');
my $most = 0;
foreach my $round (1 .. 4)
{
	my %locked;

	$client->query_safe('BEGIN');
	while (keys %locked < SUSPECTS)
	{
		wait_for($node, "SELECT (pg_stat_file('$held', true)).size IS NOT NULL", 'a commit to be held');
		my $counted = $client->query_safe(q{
			SELECT p.id, f.attempts FROM workflow.process p JOIN workflow.failure f ON f.process = p.id FOR UPDATE OF p SKIP LOCKED});
		foreach my $line (split /\n/, $counted)
		{
			my ($id, $attempts) = split /\|/, $line;

			$locked{$id} = 1;
			$most = $attempts if $attempts > $most;
		}
		unlink $held or die "$held: $!";
	}
	$client->query_safe('ROLLBACK');
}
$client->quit;
is($most, 1, 'an attempt that was not made does not count');

$node->safe_psql('postgres', q{
	ALTER ROLE clerk RESET held_commit.at;
	SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
wait_for($node, "SELECT (pg_stat_file('$held', true)).size IS NOT NULL", 'the last commit to be held');
unlink $held or die "$held: $!";
wait_for($node, q{SELECT bool_and(status = 'finalized') FROM workflow.processes}, 'all to be done');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.failure'), 0, 'nobody is blamed');

#
# Who locks the process may have taken the timer away, and what was counted with
# it, and then think better of it.
#
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executor to leave');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "slip", "initial": "new", "states": {
		"new": {"after": {"1 day": "done"}, "on": {"go": "done"}}, "done": {"type": "final"}}}');
	SELECT count(workflow.set_timer(id, '1 day', now() - interval '1 minute' + n * interval '1 second'))
	FROM workflow.start_many('slip', array_fill('{}'::jsonb, ARRAY[4])) WITH ORDINALITY s(id, n)});
my $first = $node->safe_psql('postgres', q{SELECT process FROM workflow.timer ORDER BY due LIMIT 1});
$node->safe_psql('postgres', "ALTER ROLE clerk SET held_commit.at = '$held'");
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->stop('immediate');
$node->start;

# Let commit after commit pass until this one, or another one, is counted last.
sub pass_until
{
	my ($last) = @_;

	for (;;)
	{
		wait_for($node, "SELECT (pg_stat_file('$held', true)).size IS NOT NULL", 'a commit to be held');
		my $process = $node->safe_psql('postgres', q{SELECT process FROM workflow.failure ORDER BY at DESC LIMIT 1});
		return if ($process eq $first) == $last && $process ne '';
		unlink $held or die "$held: $!";
	}
}

$client = $node->background_psql('postgres');
$most = 0;
foreach my $round (1 .. 4)
{
	pass_until(1);
	my $attempts = $node->safe_psql('postgres', "SELECT attempts FROM workflow.failure WHERE process = '$first'");
	$most = $attempts if $attempts > $most;
	$client->query_safe("BEGIN; SELECT workflow.send('$first', 'go')");
	pass_until(0);
	$client->query_safe('ROLLBACK');
}
$client->quit;
is($most, 1, 'what was to be taken back, and was locked, is taken back later');

# Some commit is held still.
$node->stop('immediate');
done_testing();
