# The program of doc/clients that keeps the files of a runtime, as it stands there: a new one
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

my $python = '/usr/bin/python3';
my $program = "$FindBin::Bin/../../doc/clients/files.py";
my $temp = PostgreSQL::Test::Utils::tempdir;
my $disk = "$temp/disk";
my $main = $$;
my $child;

plan skip_all => 'no python3-psycopg' unless system("$python -c 'import psycopg' >/dev/null 2>&1") == 0;

$SIG{TERM} = $SIG{INT} = sub { exit 1 };
END
{
	my $status = $?;
	kill 'KILL', $child if $$ == $main && $child;
	$? = $status;
}

my $node = workflow_node('files_client', 'workflow.sweep_interval = 1s');
workflow_role($node, 'app');
$node->safe_psql('postgres', 'GRANT workflow_runtime TO app');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('alive_signal_interval', '100 ms'), workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '30')});
mkdir $disk;

sub app { my ($sql) = @_; return as($node, 'app', $sql); }
sub written { my ($path) = @_; return -f "$disk/$path" ? slurp_file("$disk/$path") : 'none'; }

sub start
{
	defined($child = fork) or die "fork: $!";
	return if $child;
	@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, 'app', 'postgres');
	open(STDERR, '>>', "$temp/log");
	exec $python, $program, 'client', $disk or die "exec: $!";
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
mkdir "$temp/outside";
symlink("$temp/outside", "$disk/b") or die;
app(q{SELECT FROM workflow.put_file('b/c', 'x'); SELECT FROM workflow.put_file('d', 'y')});
wait_for_file('d', 'y', 'what can be written is');
wait_for($node, q{SELECT errors->>'client' = 'a link leads out of the directory' FROM workflow.file_requests WHERE path = 'b/c'}, 'an error');
ok(!-e "$temp/outside/c", 'and a link that somebody has planted leads nowhere');
unlink "$disk/b";
wait_for_file('b/c', 'x', 'without it the file is written');
stop();
$node->stop;
done_testing();
