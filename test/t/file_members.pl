# Every member of a cluster has the same files: the server that holds the database, another one that
# pulls them over its link, and a standby that has their content already, whoever is killed
# meanwhile, and whoever comes late.
#
# FILES=10000 has so many; CI has fewer.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Digest::SHA;
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

my $files = $ENV{FILES} || 1000;
my $temp = PostgreSQL::Test::Utils::tempdir;
my $put_away = 0;

umask 0022;

sub directory
{
	my ($name) = @_;

	mkdir "$temp/$name" or die "$temp/$name: $!";
	chmod 0755, "$temp/$name";
	return "workflow.file_directory = '$temp/$name'\n";
}

# ---- the servers -----------------------------------------------------------------

my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(allows_streaming => 1);
$home->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nworkflow.sweep_interval = 1s\n"
	. "restart_after_crash = on\n" . directory('home'));
$home->start;
$home->safe_psql('postgres', q{
	CREATE EXTENSION workflow;
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3');
	CREATE FUNCTION bytes_of(n int, size int) RETURNS bytea LANGUAGE sql AS
		$$SELECT substr(decode(repeat(md5(n::text), size / 16 + 1), 'hex'), 1, size)$$});
workflow_role($home, 'app');

sub link_of
{
	my ($id) = @_;

	return "workflow.runtime_id = '$id'\nworkflow.remote = 'host=" . $home->host . ' port=' . $home->port . " dbname=postgres user=link'\n";
}

sub remote
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nrestart_after_crash = on\n"
		. "workflow.sweep_interval = 1s\n" . link_of($name) . directory($name));
	$node->start;
	return $node;
}

sub standby
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$home->backup($name);
	$node->init_from_backup($home, $name, has_streaming => 1);
	$node->append_conf('postgresql.conf', "restart_after_crash = on\n" . link_of($name) . directory($name));
	$node->start;
	return $node;
}

# ---- what they have --------------------------------------------------------------

sub app { my ($sql) = @_; return as($home, 'app', $sql); }

# Until the database says that a member has all.
sub wait_for_all
{
	my ($name) = @_;
	my $which = $name eq 'home' ? q{kind = 'local'} : "id = '$name'";

	wait_for($home, "SELECT file_lag = '0' FROM workflow.runtimes WHERE $which", "$name to have all files");
	return;
}

sub written { my ($name, $path) = @_; return -f "$temp/$name/$path" ? slurp_file("$temp/$name/$path") : 'none'; }

sub wait_for_file
{
	my ($name, $path, $content) = @_;

	wait_until(sub { written($name, $path) eq $content }, "$path: $content at $name");
	return pass("$name has $path");
}

# path => SHA-256 of all that lies there but what is the process's own
sub on_disk
{
	my ($name) = @_;
	my %found;

	find({ no_chdir => 1, wanted => sub {
		my $path = substr($_, length("$temp/$name") + 1);
		return $File::Find::prune = 1 if $path eq '.workflow';
		$found{$path} = -l $_ ? 'link' : Digest::SHA->new(256)->addfile($_, 'b')->hexdigest if !-d $_ || -l $_;
	} }, "$temp/$name/");
	return \%found;
}

sub stored
{
	return { map { split /\|/ } split /\n/, $home->safe_psql('postgres', q{SELECT path, encode(sha256, 'hex') FROM workflow.files}) };
}

sub same_as_stored
{
	my ($name, $what) = @_;
	my ($disk, $stored) = (on_disk($name), stored());
	my @differ = grep { ($disk->{$_} // '') ne ($stored->{$_} // '') } sort keys %{ { %$disk, %$stored } };

	return is("@differ[0 .. ($#differ > 9 ? 9 : $#differ)]", '', $what);
}

# What it has lies elsewhere now; a process that is at work goes on there.
sub put_away
{
	my ($name) = @_;

	rename("$temp/$name", "$temp/away " . ++$put_away) or die "$temp/$name: $!";
	return;
}

sub worker_of
{
	my ($node) = @_;

	return $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow files'});
}

# ---- all files, of which one is large --------------------------------------------

my $away = remote('away');
my $began = time;
app("SELECT FROM generate_series(1, $files - 1) n, LATERAL workflow.put_file('d' || n % 100 || '/f' || n, public.bytes_of(n,"
	. ' CASE WHEN n % 500 = 0 THEN 1 + n * 997 % 4000000 WHEN n = 1 THEN 1 ELSE 1 + n * 7919 % 20000 END))');
app(q{DO $$
	DECLARE upload bigint := workflow.begin_file('large');
	BEGIN
		FOR i IN 0 .. 3 LOOP
			PERFORM workflow.put_file_part(upload, i * 16777216::bigint, public.bytes_of(i, 16777216));
		END LOOP;
		PERFORM workflow.end_file(upload, sha256(public.bytes_of(0, 16777216) || public.bytes_of(1, 16777216)
			|| public.bytes_of(2, 16777216) || public.bytes_of(3, 16777216)));
	END$$});
note(sprintf('%d files were put in %.1f s', $files, time - $began));
$began = time;

# one is killed in the middle
wait_until(sub { -e "$temp/away/d1/f1" && worker_of($away) =~ /^(\d+)$/ && kill('KILL', $1) }, 'a process to kill');
ok(!grep({ -s $_ == 0 } glob("$temp/away/d*/*")), 'no file is torn when it is killed');
# as it may leave it: a part of what it was writing
append_to_file("$temp/away/.workflow/new", 'torn');
wait_until(sub { eval { $away->safe_psql('postgres', 'SELECT 1') } }, 'away to recover');

# one comes late
my $standby = standby('late');
foreach my $name (qw(home away late))
{
	wait_for_all($name);
	note(sprintf('%s has all after %.1f s', $name, time - $began));
}
is(scalar(keys %{ stored() }), $files, 'so many files are stored');
same_as_stored($_, "$_ has all files, by their hashes") foreach qw(home away late);
is(join(' ', map { s{.*/}{}r } glob("$temp/away/.workflow/*")), 'manifest', 'nothing is left of what was torn');
is($home->safe_psql('postgres', q{SELECT string_agg(kind::text, ' ' ORDER BY kind::text) FROM workflow.runtimes WHERE file_lag = '0'}), 'local remote standby',
	'the lag of each is known');
my $why = 'no runs are done: workflow.remote_database is not set';
is($home->safe_psql('postgres', q{SELECT info->>'trouble' FROM workflow.runtimes WHERE kind = 'remote'}), $why, 'who does no runs says so');

# ---- changes and deletions ---------------------------------------------------------

app(q{SELECT FROM workflow.put_file('Ελλ/日本語.txt', 'x'); SELECT FROM workflow.put_file('run', '#!', '0755'); SELECT workflow.delete_file('d2/f2')});
foreach my $name (qw(home away late))
{
	wait_for_file($name, 'Ελλ/日本語.txt', 'x');
	wait_for_file($name, 'run', '#!');
	wait_until(sub { !-e "$temp/$name/d2/f2" }, 'a deletion');
	is(sprintf('%o', (stat "$temp/$name/run")[2] & 07777), '755', 'with its mode');
}

# ---- what others do to the disk ------------------------------------------------------

foreach my $case ([ 'away', $away ], [ 'late', $standby ])
{
	my ($name, $node) = @$case;
	my $offset = -s $node->logfile;

	append_to_file("$temp/$name/d3/f3", 'more');
	unlink "$temp/$name/run";
	$node->reload;
	wait_for_file($name, 'run', '#!');
	wait_until(sub { -s "$temp/$name/d3/f3" == 1 + 3 * 7919 % 20000 }, 'the change to be put right');
	log_says($node, $offset, qr/file "d3\/f3" was changed by somebody else\n.*It was put right/, "$name: what was changed is reported");
	log_says($node, $offset, qr/file "run" was removed by somebody else/, 'and what was removed');
	mkdir "$temp/outside $name";
	rename("$temp/$name/d4", "$temp/outside $name/d4") or die;
	symlink("$temp/outside $name/d4", "$temp/$name/d4") or die;
	app("SELECT FROM workflow.put_file('d4/new $name', 'x')");
	wait_for($home, qq{SELECT errors->>'$name' ~ 'a link or a file is in the place of a directory' FROM workflow.file_requests WHERE path = 'd4/new $name'}, 'a refusal');
	ok(!-e "$temp/outside $name/d4/new $name", "$name: a link in the middle leads nowhere");
	unlink "$temp/$name/d4";
	wait_for_file($name, "d4/new $name", 'x');
	wait_for_all($name);
	same_as_stored($name, "$name has all again");
}

# ---- a disk that was lost, and one that was set back -----------------------------------

wait_until(sub { worker_of($away) eq '' }, 'the process to end');
system("cp -a '$temp/away' '$temp/before'") == 0 or die;
app(q{SELECT FROM workflow.put_file('since', 'x'); SELECT workflow.delete_file('run')});
wait_for_file('away', 'since', 'x');
wait_until(sub { !-e "$temp/away/run" && worker_of($away) eq '' }, 'the deletion');
put_away('away');
rename("$temp/before", "$temp/away") or die;
$away->reload;
wait_for_file('away', 'since', 'x');
wait_until(sub { !-e "$temp/away/run" }, 'the deletion again');
same_as_stored('away', 'a disk that was set back has what is stored');
put_away('away');
directory('away');
$away->reload;
wait_until(sub { worker_of($away) eq '' && -e "$temp/away/since" && -e "$temp/away/large" }, 'all files');
wait_for_all('away');
same_as_stored('away', 'a disk that was lost, too');

# ---- files of its own a runtime of another server does not write, nor loses those ---------

$away->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($away, 'app');
as($away, 'app', q{SELECT FROM workflow.put_file('own', 'x')});
$away->restart;
wait_for($away, q{SELECT count(*) = 1 FROM workflow.runtimes WHERE kind = 'local' AND state = 'alive'}, 'away to serve its own database');
wait_for($away, "SELECT state = 'alive' AND trouble = '$why' FROM workflow.membership", 'it to say that it does no runs, once it is a runtime');
$away->safe_psql('postgres', 'SELECT workflow.wake()');
wait_for_all('away');
ok(!-e "$temp/away/own", 'a runtime of another server writes no files of its own databases');
same_as_stored('away', 'and keeps those of the other');

# ---- a standby that is promoted writes itself, and others go on with it ----------------

$home->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', q{SELECT NOT pg_is_in_recovery()});
as($standby, 'app', q{SELECT FROM workflow.put_file('after', 'the failover'); SELECT workflow.delete_file('since')});
wait_for_file('late', 'after', 'the failover');
wait_until(sub { !-e "$temp/late/since" }, 'a deletion');
$away->append_conf('postgresql.conf', "workflow.remote = 'host=" . $standby->host . ' port=' . $standby->port . " dbname=postgres user=link'\n");
$away->reload;
wait_for_file('away', 'after', 'the failover');
wait_until(sub { !-e "$temp/away/since" }, 'a deletion');
$home = $standby;
wait_for_all('away');
same_as_stored($_, "$_ has all after the failover") foreach qw(away late);

# workflow.remote still leads to the server that was, which does not answer
$standby->restart;
as($standby, 'app', q{SELECT FROM workflow.put_file('after', 'a restart')});
wait_for_file('late', 'after', 'a restart');
wait_for_file('away', 'after', 'a restart');

ok(!-e "$temp/away/own", 'which it has not written since');
is($away->safe_psql('postgres', 'SELECT count(*) FROM workflow.file_cursor'), '0', 'nor has it begun to');
$away->stop;
$standby->stop;
done_testing();
