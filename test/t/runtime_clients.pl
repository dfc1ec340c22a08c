# The runtimes of doc/clients, as they stand there: one that is killed, one that sleeps through
# its death and wakes, a server that goes down and one that is told to end cost no run, and none
# is done twice. What a runtime had that has gone is done by the other.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use POSIX qw(setpgid WNOHANG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use WorkflowTest;

my $clients = "$FindBin::Bin/../../doc/clients";
my $modules = ($ENV{WORKFLOW_NODE} // '') . '/node_modules';
my $python = '/usr/bin/python3';
my $temp = PostgreSQL::Test::Utils::tempdir;
my $main = $$;
my %alive;

sub works { my (@command) = @_; return system("@command >/dev/null 2>&1") == 0; }

plan skip_all => 'no python3-psycopg' unless works("$python -c 'import psycopg'");
plan skip_all => 'no WORKFLOW_NODE with pg, see test/setup' unless -d "$modules/pg" && works('node --version');

$SIG{TERM} = $SIG{INT} = sub { exit 1 };
END
{
	if ($$ == $main)
	{
		my $status = $?;
		kill 'KILL', $_ foreach keys %alive;
		$? = $status;
	}
}

my $node = workflow_node('runtime_clients', "listen_addresses = '127.0.0.1'", 'workflow.sweep_interval = 1s');
my %where = (PGHOST => '127.0.0.1', PGPORT => $node->port, PGDATABASE => 'postgres', PGSSLMODE => 'disable', PGUSER => 'shop',
	NODE_PATH => $modules, PYTHONDONTWRITEBYTECODE => 1);
my %command = (python => [ $python, "$clients/ship.py" ], node => [ 'node', "$clients/ship.js" ]);

workflow_role($node, 'shop');
$node->safe_psql('postgres', q{
	GRANT workflow_runtime TO shop;
	CREATE SCHEMA shop AUTHORIZATION shop;
	SELECT workflow.set_setting('alive_signal_interval', '300 ms'), workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '10'),
		workflow.set_setting('timer_interval', '100 ms'), workflow.set_setting('service_timer_interval', '1 s')});
as($node, 'shop', q{
	CREATE TABLE shop.shipped (parcel int, by text);
	SELECT workflow.create_queue('parcels');
	SELECT workflow.create_job('ship', queue => 'parcels')});

sub start_runtime
{
	my ($kind) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$temp/$kind.log");
		open(STDERR, '>&', \*STDOUT);
		%ENV = (%ENV, %where);
		exec { $command{$kind}[0] } @{ $command{$kind} }, "of $kind", 'parcels' or POSIX::_exit(1);
	}
	$alive{$pid} = $kind;
	return $pid;
}

sub end_of
{
	my ($pid) = @_;

	for (my $tries = 20 * $PostgreSQL::Test::Utils::timeout_default; $tries > 0; $tries--)
	{
		if (waitpid($pid, WNOHANG) == $pid)
		{
			delete $alive{$pid};
			return $?;
		}
		usleep(50_000);
	}
	die "$alive{$pid} does not end";
}

my $parcels = 0;

sub order
{
	my ($count, $seconds) = @_;

	as($node, 'shop', qq{SELECT count(*) FROM workflow.run_jobs('ship', (SELECT array_agg(jsonb_build_object('parcel', n, 'seconds', $seconds))
		FROM generate_series($parcels + 1, $parcels + $count) n))});
	$parcels += $count;
	return;
}

# Orders so many until these runtimes have some of them in flight. A busy machine may look when all
# are done.
sub order_until_has
{
	my ($count, $seconds, @kinds) = @_;

	order($count, $seconds);
	foreach my $kind (@kinds)
	{
		wait_until(sub {
			my ($has, $left) = split /\|/, $node->safe_psql('postgres',
				"SELECT in_flight > 0, (SELECT count(*) FROM workflow.run) FROM workflow.runtimes WHERE id = 'of $kind'");

			order($count, $seconds) if $left == 0;
			return $has eq 't';
		}, "the runtime of $kind to have runs");
	}
	return;
}

sub is_shipped_once
{
	my ($what) = @_;

	wait_for($node, 'SELECT count(*) = 0 FROM workflow.run', "the end: $what");
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT parcel) FROM shop.shipped'), "$parcels|$parcels", "each once: $what");
	return;
}

sub wait_until_lives
{
	my ($kind) = @_;

	wait_for($node, "SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'of $kind'", "the runtime of $kind to live");
	return;
}

my %pid = map { $_ => start_runtime($_) } qw(python node);
wait_until_lives($_) foreach keys %pid;
my $by = 0;
for (my $tries = 0; $tries < 10 && $by < 2; $tries++)
{
	order(40, 0.05);
	is_shipped_once('at work');
	$by = $node->safe_psql('postgres', 'SELECT count(DISTINCT by) FROM shop.shipped');
}
is($by, 2, 'both were at it');

foreach my $kind (qw(python node))
{
	# Killed, and not started again before the other has done its work.
	order_until_has(6, 1, $kind);
	kill 'KILL', $pid{$kind};
	end_of($pid{$kind});
	is_shipped_once("the runtime of $kind was killed");
	wait_for($node, "SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'of $kind'", 'it to be recovered');
	$pid{$kind} = start_runtime($kind);
	wait_until_lives($kind);

	# Asleep past its death.
	my $epoch = $node->safe_psql('postgres', "SELECT epoch FROM workflow.runtimes WHERE id = 'of $kind'");
	order_until_has(6, 1, $kind);
	kill 'STOP', $pid{$kind};
	# all but what its open transaction has locked, if there is one
	wait_for($node, "SELECT state <> 'alive' FROM workflow.runtimes WHERE id = 'of $kind'", 'it to be missed');
	kill 'CONT', $pid{$kind};
	is_shipped_once("the runtime of $kind was asleep");
	wait_for($node, "SELECT state = 'alive' AND epoch <> $epoch FROM workflow.runtimes WHERE id = 'of $kind'", 'it to register anew');
}

order_until_has(10, 0.3, 'python');
$node->stop('immediate');
$node->start;
is_shipped_once('the server has crashed');

order_until_has(8, 1, qw(python node));
kill 'TERM', $_ foreach values %pid;
is(end_of($pid{$_}), 0, "the runtime of $_ ends when it is told to") foreach sort keys %pid;
is($node->safe_psql('postgres', q{SELECT string_agg(state::text, ' ') FROM workflow.runtimes WHERE kind = 'application'}), 'dead dead', 'both are dead');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.run WHERE fence IS NOT NULL OR losses > 0 OR attempts > 0'), 0,
	'and have given back what they had not done');
%pid = map { $_ => start_runtime($_) } qw(python node);
is_shipped_once('they were started again');
diag(map { "---- $_\n" . slurp_file($_) } glob("$temp/*.log")) unless Test::More->builder->is_passing;

done_testing();
