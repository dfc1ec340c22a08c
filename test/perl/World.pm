
=head1 NAME

World - a database with everything in it, and what becomes of it

=head1 SYNOPSIS

  use World;

  my $node = world_node('origin');
  build_world($node, 'shop');
  my $rows = rows_of($node, 'shop');	# all of them, as they are stored
  ... copy it, now or while time stands still ...
  stays_quiet($node, 'copy', $rows, 'the copy');
  my $end = bring_to_end($node, 'shop');

The time of these servers is that of workflow.test_clock: it begins at
2030-01-01, and only bring_to_end() lets it go by.

=cut

package World;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

our @EXPORT = qw(world_node world_roles set_clock build_world rows_of sequences_of
  wait_in problems stays_quiet adopt bring_to_end $THEN);

# When all that was begun is due.
our $THEN = '2030-03-01 00:00+00';

my @settings = (
	'workflow.sweep_interval = 1s',
	'workflow.retry_delay = 1h',
	"workflow.test_clock = '2030-01-01 00:00+00'");

=head2 world_node(NAME)

A server with the four roles of the world.

=cut

sub world_node
{
	my ($name) = @_;
	my $node = workflow_node($name, @settings);

	world_roles($node, qw(courier guest visitor));
	return $node;
}

sub world_roles
{
	my ($node, @roles) = @_;

	workflow_role($node, $_) foreach @roles;
	return;
}

sub wait_in
{
	my ($node, $database, $query, $what) = @_;

	$node->poll_query_until($database, $query) or die "waited in vain for $what";
	return;
}

=head2 set_clock(NODE, TIME)

=cut

sub set_clock
{
	my ($node, $time) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET workflow.test_clock = '$time'");
	$node->reload;
	wait_for($node, "SELECT current_setting('workflow.test_clock') = '$time'", 'the clock');
	return;
}

sub run_file
{
	my ($node, $database, $file) = @_;

	return $node->safe_psql($database, slurp_file("$FindBin::Bin/../data/$file"));
}

=head2 build_world(NODE, DATABASE, VERSION)

What world.sql describes, in a new database, of a version of the extension, or
of the newest. Nothing is left to do there until
the clock is set; events have failed, for good and for now; history and receipts
are in three partitions.

=cut

sub build_world
{
	my ($node, $database, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION workflow' . ($version ? " VERSION '$version'" : ''));
	run_file($node, $database, 'world.sql');
	run_file($node, $database, 'world_jobs.sql') unless $version;
	$node->safe_psql($database, q{SELECT workflow.set_setting('timer_interval', '2 s')}) unless $version;
	$node->safe_psql($database, q{
		SELECT workflow.map_owner('somebody there', 'clerk');
		INSERT INTO workflow.outcome (run, round, fence, ended_at) VALUES ('01234567-89ab-7def-8000-000000000000', 1, 1, '2030-01-01 00:00+00')})
		unless $version;
	wait_in($node, $database, q{
		SELECT (SELECT count(*) FROM workflow.failure) = 2
			AND (SELECT count(*) FROM workflow.process WHERE parent IS NOT NULL AND step > 0) = 1
			AND NOT EXISTS (SELECT FROM workflow.timer WHERE due <= '2030-01-01 00:00+00' AND NOT parked)},
		'the beginning');
	foreach my $day (11, 12)
	{
		set_clock($node, "2030-01-$day 00:00+00");
		$node->safe_psql($database, qq{
			INSERT INTO workflow.ring (slot, since) VALUES (0, '2029-01-01') ON CONFLICT (one) DO UPDATE SET since = '2029-01-01';
			SELECT workflow.expire('700 days')});
		as($node, 'clerk', qq{
			SELECT workflow.send_by_key('order', 'open', 'tick', id => 'of day $day');
			SELECT workflow.send_by_key('shy', 'shy', 'say', '$day')}, $database);
	}
	# Due now, and resting.
	wait_in($node, $database, q{
		SELECT count(*) = 0 FROM workflow.timer WHERE due <= '2030-01-12 00:00+00' AND NOT parked}, 'timers to be parked');
	as($node, 'clerk', q{SELECT workflow.erase(workflow.find('order', 'erased'), force => true)}, $database);
	wait_in($node, $database, q{SELECT count(*) = 0 FROM workflow.erasure WHERE pending}, 'the erased');
	as($node, 'clerk', q{
		SELECT workflow.post_by_key('order', 'to come', 'note', early => '10 years');
		SELECT workflow.put_file('letters/head', 'Dear Grandma');
		SELECT workflow.put_file_part(workflow.begin_file('letters/foot'), 0, 'Yours')}, $database)
		unless $version;
	return;
}

=head2 rows_of(NODE, DATABASE)

Every row of every table of the extension, except the stamp, and the runtimes, which a
dump has not: a text to be compared. What was done counts the same before it is summed and
afterwards.

=cut

sub rows_of
{
	my ($node, $database) = @_;
	my @tables = split /\n/, $node->safe_psql($database, q{
		SELECT relname FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'r' AND relname NOT IN ('stamp', 'runtime') AND relname !~ '^load_'
		ORDER BY relname COLLATE "C"});
	my $load = q{SELECT 'load', kind, what, queue, runtime, tenant, sum(started), sum(finished), sum(failed), sum(ended), sum(steps), sum(lags)
		FROM (SELECT kind, what, queue, runtime, tenant, started, finished, failed, ended, steps, lags FROM workflow.load_total WHERE kind >= 0
			UNION ALL SELECT kind, what, queue, runtime, tenant, started, finished, failed, ended, steps, lags FROM workflow.load_note) l
		GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;};

	return $node->safe_psql($database, join "\n", q{SET timezone TO 'UTC';},
		(map { qq{SELECT '$_', t FROM workflow."$_" t ORDER BY t::text COLLATE "C";} } @tables), $load);
}

=head2 sequences_of(NODE, DATABASE)

=cut

sub sequences_of
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{
		SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'workflow' ORDER BY sequencename});
}

=head2 problems(NODE, DATABASE)

What workflow.check() finds.

=cut

sub problems
{
	my ($node, $database) = @_;

	# What was just restored has no statistics, without which check() is slow.
	return $node->safe_psql($database, 'ANALYZE; SELECT * FROM workflow.check()');
}

=head2 stays_quiet(NODE, DATABASE, ROWS, WHAT)

Tests that a database which has all reason to work does nothing, and refuses
commands: its rows are still those that it should have.

=cut

sub stays_quiet
{
	my ($node, $database, $rows, $what) = @_;

	is(rows_of($node, $database), $rows, "$what: has every row");
	foreach my $command (q{workflow.start('order')}, q{workflow.send_by_key('order', 'open', 'note')},
		q{workflow.post_by_key('order', 'open', 'note')}, q{workflow.resume(workflow.find('order', 'suspended'))},
		q{workflow.work(1)}, q{workflow.define('{"id": "x", "initial": "a", "states": {"a": {}}}')})
	{
		my ($status, $out, $err) = $node->psql($database, "SET ROLE clerk; SELECT $command",
			extra_params => [ '-v', 'VERBOSITY=verbose' ]);

		$command =~ /(\w+\.\w+)/;
		like($err, qr/ERROR:  55000: the workflows of this database were made in another one.*adopt/s, "$what: $1() is refused");
	}
	is($node->safe_psql($database, 'SELECT count(*) FROM workflow.processes'),
		$node->safe_psql($database, 'SELECT count(*) FROM workflow.process'), "$what: administrators may look at it");
	# Whoever is told to look at it finds that it is not to work here.
	$node->safe_psql($database, 'SELECT workflow.wake()');
	wait_in($node, $database, q{
		SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname = current_database()}, 'no worker');
	is(rows_of($node, $database), $rows, "$what: nothing runs");
	return;
}

=head2 adopt(NODE, DATABASE)

What adopt() gives. What is broken is repaired before, for all is due.

=cut

sub adopt
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, 'DELETE FROM office.broken; SELECT workflow.adopt()');
}

=head2 bring_to_end(NODE, DATABASE)

The clock stands at $THEN, or is set to it; what is broken is repaired, the
paused goes on, what was given up is delivered again. Returns the picture (see
picture.sql) of how all ended.

=cut

sub bring_to_end
{
	my ($node, $database) = @_;

	as($node, 'clerk', 'DELETE FROM office.broken', $database);
	set_clock($node, $THEN);
	wait_in($node, $database, qq{
		SELECT count(*) = 0 FROM workflow.timer t JOIN workflow.process p ON p.id = t.process
		WHERE t.due <= '$THEN' AND NOT t.parked}, 'all that is due');
	as($node, 'clerk', q{
		SELECT workflow.resume(process) FROM workflow.errors WHERE given_up;
		SELECT workflow.resume(id) FROM workflow.processes WHERE suspended;
		SELECT workflow.unpause('rest')}, $database);
	wait_in($node, $database, qq{
		SELECT (SELECT count(*) = 0 FROM workflow.timer WHERE due <= '$THEN')
			AND (SELECT count(*) = 0 FROM workflow.resting)}, 'the end');
	return run_file($node, $database, 'picture.sql');
}

1;
