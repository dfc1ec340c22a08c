# The programs of doc/clients that keep the files of a runtime, as they stand there: a new one
# takes everything over, one that is killed goes on, one that has lost its disk begins anew, and a
# link that somebody plants leads nowhere.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $clients = "$FindBin::Bin/../../doc/clients";
my $modules = ($ENV{WORKFLOW_NODE} // '') . '/node_modules';
my $python = '/usr/bin/python3';
my $temp = PostgreSQL::Test::Utils::tempdir;
my $main = $$;
my ($child, $disk, @command);

sub works { my (@call) = @_; return system("@call >/dev/null 2>&1") == 0; }

my %programs = (
	python => works("$python -c 'import psycopg'") && [ $python, "$clients/files.py" ],
	node => -d "$modules/pg" && works('node --version') && [ 'node', "$clients/files.js" ]);

plan skip_all => 'neither python3-psycopg nor WORKFLOW_NODE with pg, see test/setup' unless grep { $_ } values %programs;

$SIG{TERM} = $SIG{INT} = sub { exit 1 };
END
{
	my $status = $?;
	kill 'KILL', $child if $$ == $main && $child;
	$? = $status;
}

my $node = workflow_node('files_client', "listen_addresses = '127.0.0.1'", 'workflow.sweep_interval = 1s');
workflow_role($node, 'app');
$node->safe_psql('postgres', 'GRANT workflow_runtime TO app');
# The next one is there at once; and no program that has to wait for its disk, or for a processor, is dead.
$node->safe_psql('postgres', q{SELECT workflow.set_setting('alive_signal_interval', '100 ms'), workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3000')});

sub app { my ($sql) = @_; return as($node, 'app', $sql); }
sub written { my ($path) = @_; return -f "$disk/$path" ? slurp_file("$disk/$path") : 'none'; }

sub start
{
	defined($child = fork) or die "fork: $!";
	return if $child;
	@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE PGSSLMODE NODE_PATH)} = ('127.0.0.1', $node->port, 'app', 'postgres', 'disable', $modules);
	open(STDERR, '>>', "$temp/log");
	exec @command, 'client', $disk or die "exec: $!";
}

sub stop { kill 'KILL', $child; waitpid($child, 0); $child = undef; return; }

sub wait_for_file
{
	my ($path, $content, $what) = @_;

	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return pass($what) if written($path) eq $content;
		select undef, undef, undef, 0.1;
	}
	return fail($what);
}

sub takes_files_over
{
	my ($kind) = @_;

	app(q{SELECT FROM workflow.put_file('a/Ελλ.txt', 'one'); SELECT FROM workflow.put_file('run', '#!', '0755');
		SELECT FROM workflow.put_file('large', convert_to(repeat('0123456789', 250000), 'UTF8'))});
	start();
	wait_for_file('a/Ελλ.txt', 'one', 'a new one takes everything over');
	wait_for_file('large', '0123456789' x 250000, 'in parts what is large');
	is(sprintf('%o', (stat "$disk/run")[2] & 0777), '755', 'with modes');
	stop();
	app(q{SELECT FROM workflow.put_file('a/Ελλ.txt', 'two'); SELECT workflow.delete_file('run')});
	start();
	wait_for_file('a/Ελλ.txt', 'two', 'one that was killed goes on');
	wait_for_file('run', 'none', 'and deletes');
	app(q{BEGIN; SELECT FROM workflow.put_file('x/y/z', '1'); COMMIT});
	wait_for_file('x/y/z', '1', 'a file in a directory');
	app(q{BEGIN; SELECT workflow.delete_file('x/y/z'); SELECT FROM workflow.put_file('x', '2'); COMMIT});
	wait_for_file('x', '2', 'and one in its place');
	stop();
	system('rm', '-r', $disk);
	mkdir $disk;
	start();
	wait_for_file('a/Ελλ.txt', 'two', 'one that has lost its disk begins anew');
	wait_for_file('large', '0123456789' x 250000, 'with everything');
	mkdir "$temp/outside of $kind";
	symlink("$temp/outside of $kind", "$disk/b") or die;
	app(q{SELECT FROM workflow.put_file('b/c', 'x'); SELECT FROM workflow.put_file('d', 'y')});
	wait_for_file('d', 'y', 'what can be written is');
	wait_for($node, q{SELECT bool_or(errors->>'client' = 'a link leads out of the directory') FROM workflow.file_requests WHERE path = 'b/c'}, 'an error');
	ok(!-e "$temp/outside of $kind/c", 'and a link that somebody has planted leads nowhere');
	unlink "$disk/b";
	wait_for_file('b/c', 'x', 'without it the file is written');
	stop();
	app(q{SELECT count(workflow.delete_file(path)) FROM workflow.files});
	return;
}

# Each with a disk of its own, as one runtime after the other, which begins with nothing.
foreach my $kind (sort keys %programs)
{
	SKIP:
	{
		skip("what $kind needs is not there", 1) unless $programs{$kind};
		@command = @{ $programs{$kind} };
		$disk = "$temp/disk of $kind";
		mkdir $disk;
		subtest($kind => \&takes_files_over, $kind);
	}
}

$node->stop;
done_testing();
