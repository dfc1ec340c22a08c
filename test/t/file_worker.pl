# The server that holds the database writes files itself: below its directory and nowhere else,
# whatever is planted there, and as they are stored, whoever changes them and whatever kills it.
use strict;
use warnings;

use Fcntl qw(:mode);
use File::Basename;
use FindBin;
use lib "$FindBin::Bin/../perl";

use Digest::MD5;
use Digest::SHA qw(sha256_hex);
use File::Find;
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

umask 0022;
my $node = workflow_node('file_worker', 'workflow.sweep_interval = 1s', 'restart_after_crash = on');
my $temp = PostgreSQL::Test::Utils::tempdir;
my $files = "$temp/files";
my $outside = "$temp/outside";
my $away = 0;

workflow_role($node, 'app');
make_path($files, $outside);
chmod 0755, $files;

sub app { my ($sql) = @_; return as($node, 'app', $sql); }
sub written { my ($path) = @_; return -f "$files/$path" ? slurp_file("$files/$path") : 'none'; }
sub set { my ($setting, $value) = @_; $node->safe_psql('postgres', "ALTER SYSTEM SET $setting = '$value'"); $node->reload; return; }
sub look { $node->safe_psql('postgres', 'SELECT workflow.wake()'); return; }

sub wait_for_file { my ($path, $content) = @_; wait_until(sub { written($path) eq $content }, "$path: $content"); return pass("$path is written"); }
sub wait_for_end { wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow files'}, 'the worker to end'); return; }
sub wait_for_error { my ($path, $why) = @_; wait_for($node, "SELECT count(*) > 0 FROM workflow.file_requests WHERE path = '$path' AND errors::text ~ '$why'", "$path: $why"); return pass("$path: $why"); }
sub wait_for_all { wait_for($node, q{SELECT file_lag = '0' FROM workflow.runtimes WHERE kind = 'local'}, 'all files to be taken over'); return; }

# Have 300 files put, and the worker killed amid them; the same with others if it has done them before.
sub kill_amid
{
	my ($put) = @_;
	my $killed;

	until ($killed)
	{
		my $one = $put->();

		wait_until(sub {
			my ($pid, $done) = split /\|/, $node->safe_psql('postgres', q{
				SELECT (SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow files' LIMIT 1), file_lag = '0' FROM workflow.runtimes WHERE kind = 'local'});

			$killed = $pid && -e $one && kill('KILL', $pid);
			return $killed || $done eq 't';
		}, 'a worker to kill');
	}
	return;
}

sub put_300 { my ($directory, $letter) = @_; app("SELECT FROM generate_series(1, 300) n, LATERAL workflow.put_file('$directory/' || n, convert_to(repeat('$letter', 100000), 'UTF8'))"); return "$files/$directory/10"; }

# Everything below the directory but what is the worker's own: path => SHA-256.
sub on_disk
{
	my %found;

	find({ no_chdir => 1, wanted => sub {
		return if $_ eq $files;
		my $path = substr($_, length($files) + 1);
		$File::Find::prune = 1, return if $path eq '.workflow';
		$found{$path} = -l $_ ? 'link' : sha256_hex(slurp_file($_)) if !-d $_ || -l $_;
	} }, $files);
	return \%found;
}

sub stored
{
	return { map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT path, encode(sha256, 'hex') FROM workflow.files}) };
}

#
# Directories that are refused.
#
my $data = $node->data_dir;
mkdir "$temp/open"; chmod 0777, "$temp/open";
foreach my $case ([ 'files', 'no absolute path' ], [ "$temp/none", 'cannot be looked at' ], [ '/dev/null', 'no directory' ],
	[ $data, 'with data of the server' ], [ "$data/base", 'with data of the server' ], [ dirname($data), '(data|configuration|programs|Others)' ], [ '/', '(data|configuration|programs)' ],
	[ '/etc', '(configuration|programs|does not belong)' ], [ "$temp/open", 'Others than the user' ])
{
	my ($directory, $why) = @$case;
	my $offset = -s $node->logfile;

	set('workflow.file_directory', $directory);
	look();
	wait_until(sub { log_since($node, $offset) =~ /files cannot be written to directory "\Q$directory\E"\n.*?DETAIL:  .*$why/s }, "a refusal of $directory");
	pass("$directory is refused");
}

#
# What is stored is written, and what is deleted goes.
#
app(q{SELECT FROM workflow.put_file('a/b/c.txt', 'one'); SELECT FROM workflow.put_file('run', '#!', '0755'); SELECT FROM workflow.put_file(' b', 'space'); SELECT FROM workflow.put_file('Ελλ/日本語.txt', 'x')});
set('workflow.file_directory', $files);
look();
wait_for_file('a/b/c.txt', 'one');
wait_for_file('Ελλ/日本語.txt', 'x');
wait_for_all();
is(sprintf('%o %o', (stat "$files/run")[2] & 07777, (stat "$files/a/b/c.txt")[2] & 07777), '755 644', 'modes');
app(q{SELECT FROM workflow.put_file('a/b/c.txt', 'two')});
wait_for_file('a/b/c.txt', 'two');
app(q{SELECT FROM workflow.delete_file('a/b/c.txt')});
wait_until(sub { !-e "$files/a" }, 'the file and its directories to go');
pass('what is deleted goes, with the directories that are empty then');
app(q{SELECT FROM workflow.put_file('a', 'a file now')});
wait_for_file('a', 'a file now');
app(q{BEGIN; SELECT workflow.delete_file('a'); SELECT FROM workflow.put_file('a/b', 'a directory again'); COMMIT});
wait_for_file('a/b', 'a directory again');
app(q{SELECT FROM workflow.put_file('large', convert_to(repeat('0123456789', 1500000), 'UTF8'))});
wait_until(sub { (-s "$files/large" // 0) == 15000000 }, 'a large file');
wait_for_all();
is_deeply(on_disk(), stored(), 'the disk has what is stored');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow files'}, 'the worker to end when there is nothing to do');

# A directory that comes later, as a file system that is mounted does.
set('workflow.file_directory', "$temp/later");
app(q{SELECT FROM workflow.put_file('mounted', 'x')});
wait_for_error('mounted', 'workflow.file_directory: It cannot be looked at: No such file or directory');
mkdir "$temp/later"; chmod 0755, "$temp/later";
wait_until(sub { -e "$temp/later/mounted" }, 'the directory to be tried again');
pass('a directory that comes is written to by itself');
set('workflow.file_directory', $files);
look();
wait_for_file('mounted', 'x');

# What is left by somebody who was killed between two directories.
app(q{SELECT FROM workflow.put_file('e/f/g', 'x')});
wait_for_file('e/f/g', 'x');
wait_for_end();
system('rm', '-r', "$files/e/f");
app(q{SELECT workflow.delete_file('e/f/g')});
wait_until(sub { !-e "$files/e" }, 'the directory above to go');

#
# A file that cannot be read in the database keeps no other one from being written; and while files are
# read, and written, the worker holds nothing that others wait for.
#
app(q{SELECT FROM workflow.put_file('damaged', (SELECT convert_to(string_agg(md5(n::text), '' ORDER BY n), 'UTF8') FROM generate_series(1, 10000) n))});
wait_for_file('damaged', join('', map { Digest::MD5::md5_hex($_) } 1 .. 10000));
wait_for_end();
set('workflow.file_directory', '');
look();
wait_for($node, q{SELECT file_lag IS NULL FROM workflow.runtimes WHERE kind = 'local'}, 'the server to be out of it');
my $toast = $node->safe_psql('postgres', q{SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 'workflow.file_chunk'::regclass});

# Have another last page in a table; returns the one that was there.
sub replace_page
{
	my ($page) = @_;

	$node->stop;
	open(my $pages, '+<', $node->data_dir . "/$toast") or die;
	seek($pages, -8192, 2);
	read($pages, my $before, 8192);
	seek($pages, -8192, 2);
	print $pages $page;
	close($pages);
	$node->start;
	return $before;
}

unlink "$files/damaged";
my $page = replace_page('x' x 8192);
app(q{SELECT FROM workflow.put_file('beside', 'x')});
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE workflow.file_chunk');
set('workflow.file_directory', $files);
look();
wait_for($node, q{SELECT bool_or(a.backend_type = 'workflow files') FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted}, 'the worker to wait');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'workflow files' AND backend_xid IS NULL}), '1', 'a file is read in a transaction of its own');
my ($said) = ($node->psql('template1', 'ALTER DATABASE postgres RENAME TO other'))[2];
like($said, qr/There is 1 other session/, 'who wants to rename the database does not wait for it, but for others');
$locker->query_safe('ROLLBACK');
$locker->quit;
wait_for_file('beside', 'x');
wait_for_error('damaged', 'invalid page');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.file_requests WHERE waiting <> '{}'}, 'all but one to be taken over');
pass('all others are');
$node->safe_psql('postgres', 'CREATE ROLE far LOGIN; GRANT workflow_runtime TO far');
my $epoch = as($node, 'far', q{SELECT epoch FROM workflow.register_runtime('far', fingerprint => 'x')});
is(as($node, 'far', "SELECT string_agg(path, ' ' ORDER BY path) FROM workflow.pull_files('far', $epoch) WHERE content IS NULL AND NOT deleted AND size < 1000000"), 'damaged', 'others pull all but what is in it');
replace_page($page);
wait_for_file('damaged', join('', map { Digest::MD5::md5_hex($_) } 1 .. 10000));
wait_for_all();

#
# What is planted leads nowhere.
#
app(q{SELECT FROM workflow.put_file('p/q/r', 'x')});
wait_for_file('p/q/r', 'x');
append_to_file("$outside/secret", 'secret');
unlink "$files/p/q/r"; rmdir "$files/p/q"; symlink($outside, "$files/p/q") or die;
app(q{SELECT FROM workflow.put_file('p/q/secret', 'y'); SELECT FROM workflow.put_file('p/q/r', 'z')});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.file_requests WHERE errors::text ~ 'a link or a file is in the place of a directory'}, 'a refusal');
is(join(' ', map { s{.*/}{}r } glob("$outside/*")), 'secret', 'a link in the middle is not followed');
is(slurp_file("$outside/secret"), 'secret', 'and nothing behind it is touched');
unlink "$files/p/q";
wait_for_file('p/q/r', 'z');
wait_for_file('p/q/secret', 'y');
pass('it goes on when the link has gone');
app(q{SELECT workflow.delete_file('p/q/secret'), workflow.delete_file(' b')});
wait_until(sub { !-e "$files/ b" }, 'a deletion');
wait_until(sub { !-e "$files/p/q/secret" }, 'a deletion');
foreach my $plant ([ 'a link', sub { symlink("$outside/secret", $_[0]) } ], [ 'a dangling link', sub { symlink("$outside/none", $_[0]) } ],
	[ 'a pipe', sub { system('mkfifo', $_[0]) == 0 } ], [ 'a hard link', sub { link("$outside/secret", $_[0]) } ])
{
	my ($what, $make) = @$plant;

	unlink "$files/p/q/r";
	$make->("$files/p/q/r") or die "$what: $!";
	app("SELECT FROM workflow.put_file('p/q/r', 'instead of $what')");
	wait_for_file('p/q/r', "instead of $what");
	is(slurp_file("$outside/secret") . (-e "$outside/none" ? ' written' : ''), 'secret', "$what in the place of a file is replaced, and not written to");
}
unlink "$files/p/q/r"; mkdir "$files/p/q/r"; append_to_file("$files/p/q/r/of somebody", 'x');
app(q{SELECT FROM workflow.put_file('p/q/r', 'w')});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.file_requests WHERE errors::text ~ 'a directory is in its place'}, 'a refusal');
is(slurp_file("$files/p/q/r/of somebody"), 'x', 'a directory in the place of a file is not deleted');
unlink "$files/p/q/r/of somebody"; rmdir "$files/p/q/r";
wait_for_file('p/q/r', 'w');

#
# What others change is reported, and put right, or kept.
#
my $offset = -s $node->logfile;
append_to_file("$files/large", 'more');
unlink "$files/run";
look();
wait_for_file('run', '#!');
wait_until(sub { -s "$files/large" == 15000000 }, 'the change to be put right');
log_says($node, $offset, qr/file "large" was changed by somebody else\n.*It was put right/, 'what was changed is reported');
log_says($node, $offset, qr/file "run" was removed by somebody else/, 'and what was removed');
is(sprintf('%o', (stat "$files/run")[2] & 07777), '755', 'with its mode');
append_to_file("$files/not ours", 'x');
app(q{SELECT FROM workflow.put_file('hidden', 'x', '0000')});
wait_until(sub { -e "$files/hidden" }, 'a file that nobody may read');
wait_for_end();
set('workflow.file_keep_changes', 'on');
$offset = -s $node->logfile;
append_to_file("$files/run", ' changed');
look();
wait_until(sub { log_since($node, $offset) =~ /file "run" was changed by somebody else\n.*It stays so/ }, 'a report');
is(written('run'), '#! changed', 'it is kept');
wait_for_end();
unlike(log_since($node, $offset), qr/file "hidden"/, 'one that nobody may read is as it was written');
my $manifest = slurp_file("$files/.workflow/manifest");
$manifest =~ s/^(.* )\d+$/${1}0/m;
truncate("$files/.workflow/manifest", 0);
append_to_file("$files/.workflow/manifest", $manifest);
app(q{SELECT FROM workflow.put_file('compared', 'x')});
wait_for_file('compared', 'x');
wait_for_end();
is(written('run'), '#! changed', 'also where all is compared');
app(q{SELECT workflow.delete_file('hidden')});
app(q{SELECT FROM workflow.put_file('run', '#! anew', '0755')});
wait_for_file('run', '#! anew');
set('workflow.file_keep_changes', 'off');
is(written('not ours'), 'x', 'what was never ours stays');
unlink "$files/not ours";

#
# Without a manifest, with one that is torn, and after the disk was set back, all is as it is stored.
#
wait_for_all();

# A worker may come once more, for what was changed while one was at work: it writes elsewhere.
sub put_away
{
	rename($files, "$temp/away " . ++$away) or die;
	return;
}

foreach my $loss ([ 'no manifest', sub { unlink "$files/.workflow/manifest" } ], [ 'half a manifest', sub { truncate "$files/.workflow/manifest", 100 } ],
	[ 'nothing at all', sub { put_away(); mkdir $files } ])
{
	my ($what, $lose) = @$loss;

	wait_for_end();
	$lose->();
	app("SELECT FROM workflow.put_file('after', '$what')");
	wait_for_file('after', $what);
	wait_for_all();
	is_deeply(on_disk(), stored(), "$what: the disk has what is stored");
}
wait_for_end();
append_to_file("$files/afte", 'of somebody');
$manifest = slurp_file("$files/.workflow/manifest");
truncate("$files/.workflow/manifest", 0);
append_to_file("$files/.workflow/manifest", ($manifest =~ /^(.*\n)/)[0] . ($manifest =~ /^(.* afte)r$/m)[0]);
app(q{SELECT FROM workflow.put_file('after', 'a torn path')});
wait_for_file('after', 'a torn path');
wait_for_all();
is(written('afte'), 'of somebody', 'a path that is torn is not one that was written');
unlink "$files/afte";
wait_for_end();
system('cp', '-a', $files, "$temp/backup") == 0 or die;
app(q{SELECT FROM workflow.put_file('since', 'x'); SELECT FROM workflow.put_file('after', 'y'); SELECT workflow.delete_file('run')});
wait_for_file('since', 'x');
wait_until(sub { !-e "$files/run" }, 'a deletion');
wait_for_end();
put_away();
rename("$temp/backup", $files) or die;
look();
wait_for_file('since', 'x');
wait_until(sub { !-e "$files/run" && written('after') eq 'y' }, 'a disk that was set back to be as it was');
is_deeply(on_disk(), stored(), 'a disk that was set back has what is stored');

#
# Killed in the middle, again and again: each file is the old one or the new one at any time.
#
put_300('k', 'a');
wait_for_all();
my $torn = 0;
foreach my $round (1 .. 4)
{
	kill_amid(sub { put_300('k', chr(ord('a') + $round)) });
	$torn += grep { my $text = slurp_file($_); $text ne substr($text, 0, 1) x 100000 } glob("$files/k/*");
	wait_until(sub { eval { $node->safe_psql('postgres', 'SELECT 1') } }, 'the server to recover');
}
is($torn, 0, 'no file is torn');
wait_for_all();
is_deeply(on_disk(), stored(), 'and in the end the disk has what is stored');
my $n = 0;
kill_amid(sub { put_300('n' . ++$n, 'n') });
wait_until(sub { eval { $node->safe_psql('postgres', 'SELECT 1') } }, 'the server to recover');
app(q{SELECT count(workflow.delete_file(path)) FROM workflow.files WHERE path ~ '^n\d+/'});
wait_for_all();
ok(!grep({ -e "$files/n$_" } 1 .. $n), 'what was written by one that was killed, and deleted since, is deleted');

#
# A database of its own for each directory.
#
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION workflow');
$offset = -s $node->logfile;
as($node, 'app', q{SELECT FROM workflow.put_file('intruder', 'x')}, 'other');
wait_until(sub { log_since($node, $offset) =~ /files cannot be written to directory "\Q$files\E"\n.*?DETAIL:  It has files of another database/s }, 'a refusal');
ok(!-e "$files/intruder", 'another database does not write there');
mkdir "$temp/other";
chmod 0755, "$temp/other";
$node->safe_psql('postgres', "ALTER DATABASE other SET workflow.file_directory = '$temp/other'");
$node->restart;
wait_until(sub { -e "$temp/other/intruder" }, 'the file in a directory of its own');
pass('but in a directory of its own');
$node->safe_psql('postgres', 'DROP DATABASE other');

#
# No directory any more: nothing is kept for this server.
#
set('workflow.file_directory', '');
look();
app(q{SELECT FROM workflow.put_file('after', 'all')});
wait_for($node, q{SELECT file_lag IS NULL FROM workflow.runtimes WHERE kind = 'local'}, 'the server to be out of it');
isnt(written('after'), 'all', 'nothing is written without a directory');
app(q{SELECT workflow.delete_file('since')});
set('workflow.file_directory', $files);
look();
wait_for_file('after', 'all');
wait_for_all();
is_deeply(on_disk(), stored(), 'what was changed meanwhile is taken over when there is one again');

is($node->safe_psql('postgres', 'SELECT * FROM workflow.check()'), '', 'everything fits together');
$node->stop;
done_testing();
