# Runs that wait for others, where those who end and who wait do not see each other: what
# one transaction has not seen, the runtime sees after both.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('after', 'workflow.runtime_idle_timeout = 1s', 'workflow.sweep_interval = 1h',
	'max_prepared_transactions = 5', 'restart_after_crash = on');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE mark (n int, at int GENERATED ALWAYS AS IDENTITY);
	CREATE FUNCTION one(params jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO mark VALUES ((params->>''n'')::int)';
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.create_job('one', 'one')});

sub clerk
{
	my $session = $node->background_psql('postgres', on_error_stop => 1);

	$session->query_safe('SET ROLE clerk');
	return $session;
}

sub run_job
{
	my (@after) = @_;

	return as($node, 'clerk', "SELECT workflow.run_job('letter'" . (@after ? ", after => '{" . join(',', @after) . "}'" : '') . ')');
}

# Makes runs and claims them; returns id and fence of each.
sub claimed
{
	my ($n) = @_;

	run_job() for 1 .. $n;
	return map { [ split /\|/ ] } split /\n/, as($node, 'clerk', "SELECT run, fence FROM workflow.claim('mail', 'w', $n, '1 hour')");
}

sub complete { my ($run) = @_; return "SELECT workflow.complete('$run->[0]', $run->[1])"; }

sub wait_for_runtime_to_end
{
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'runtime' AND pid IS NOT NULL)}, 'the end of the runtime');
	return;
}

# The run waits for nobody any more; then it is cancelled.
sub goes_on
{
	my ($run, $name) = @_;

	wait_for($node, "SELECT ready FROM workflow.run WHERE id = '$run'", $name);
	is($node->safe_psql('postgres', "SELECT count(*) FROM workflow.run_wait WHERE run = '$run'"), 0, $name);
	as($node, 'clerk', "SELECT workflow.cancel_run('$run')");
	return;
}

my ($one, $two) = claimed(2);
my ($session, $other, $run);

# Two new sessions: what they may take in all is limited.
sub renew
{
	$_->quit foreach grep { defined } $session, $other;
	($session, $other) = (clerk(), clerk());
	return;
}

renew();

# the end is not committed when somebody begins to wait for it
$session->query_safe('BEGIN; ' . complete($one));
$run = run_job($one->[0]);
$session->query_safe('COMMIT');
goes_on($run, 'who begins to wait for a run whose end is not committed');

# who waits is not committed when it ends
($one) = claimed(1);
$session->query_safe("BEGIN; SELECT workflow.run_job('letter', after => '{$one->[0]}') AS run \\gset");
as($node, 'clerk', complete($one));
$run = $session->query_safe("COMMIT; SELECT :'run'");
$run =~ s/\s//g;
goes_on($run, 'who is committed after the end');

renew();
# the same where nobody looks after the database
($one) = claimed(1);
wait_for_runtime_to_end();
$session->query_safe("BEGIN; SELECT workflow.run_job('letter', after => '{$one->[0]}') AS run \\gset");
as($node, 'clerk', complete($one));
wait_for_runtime_to_end();
$run = $session->query_safe("COMMIT; SELECT :'run'");
$run =~ s/\s//g;
goes_on($run, 'a runtime is started for it');

renew();
# two ends, neither of which sees the other
($one, $two) = claimed(2);
$run = run_job($one->[0], $two->[0]);
$session->query_safe('BEGIN; ' . complete($one));
$other->query_safe('BEGIN; ' . complete($two));
$session->query_safe('COMMIT');
is($node->safe_psql('postgres', "SELECT ready FROM workflow.run WHERE id = '$run'"), 'f', 'one of two ends is not enough');
$other->query_safe('COMMIT');
goes_on($run, 'two ends that do not see each other');

# who waits is locked when it is to hear
($one) = claimed(1);
$run = run_job($one->[0]);
$session->query_safe("BEGIN; SELECT workflow.cancel_run('$run')");
as($node, 'clerk', complete($one));
$session->query_safe('ROLLBACK');
goes_on($run, 'who was locked hears of it later');

# prepared transactions
renew();
($one) = claimed(1);
$session->query_safe("BEGIN; SELECT workflow.run_job('letter', after => '{$one->[0]}') AS run \\gset\nPREPARE TRANSACTION 'w'");
as($node, 'clerk', complete($one));
$other->query_safe(q{COMMIT PREPARED 'w'});
$run = $session->query_safe("SELECT :'run'");
$run =~ s/\s//g;
goes_on($run, 'who waits was prepared');

# a crash between
($one, $two) = claimed(2);
$run = run_job($one->[0]);
renew();
$session->query_safe("BEGIN; SELECT workflow.run_job('letter', after => '{$two->[0]}') AS run \\gset\nPREPARE TRANSACTION 'w'");
my $prepared = $session->query_safe("SELECT :'run'");
$prepared =~ s/\s//g;
as($node, 'clerk', complete($two));
$session->query_safe('BEGIN; ' . complete($one));
$_->quit foreach $session, $other;
$node->stop('immediate');
$node->start;
as($node, 'clerk', q{COMMIT PREPARED 'w'});
goes_on($prepared, 'who waits was prepared before a crash');
as($node, 'clerk', complete($one));
goes_on($run, 'who waited before a crash');

# by executors: a tree of runs, each of which waits for several
as($node, 'clerk', q{
	DO $$
	DECLARE
		layer uuid[] := NULL;
		next uuid[];
	BEGIN
		FOR i IN 1..20 LOOP
			next := '{}';
			FOR j IN 1..20 LOOP
				next := next || workflow.run_job('one', jsonb_build_object('n', i), after => layer);
			END LOOP;
			layer := next;
		END LOOP;
	END $$});
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.run r JOIN workflow.job j ON j.id = r.job WHERE j.name = 'one')}, 'the end of the tree');
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(ordered) FROM (SELECT n >= lag(n) OVER (ORDER BY at) IS NOT FALSE AS ordered FROM shop.mark) m'),
	'400|t', 'each layer was done after the one before');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.run_wait'), 0, 'nothing is left of that');

$node->stop;
done_testing();
