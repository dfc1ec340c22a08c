# Disks that are full, devices in the place of files, and a database that is not to be trusted: what
# cannot be written is told of, what was there stays, the rest goes on, and nothing is written
# elsewhere. The server that holds the database and one that pulls from it do the same.
#
# In a namespace of its own, where an ordinary user may mount.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

use constant MS_BIND => 4096;

# Numbers of mount(2) and umount2(2), by machine.
use constant CALLS => { x86_64 => [ 165, 166 ], aarch64 => [ 40, 39 ] }->{ (POSIX::uname())[4] };

BEGIN
{
	if (!$ENV{WORKFLOW_MOUNTS})
	{
		my @unshare = qw(unshare --user --map-current-user --keep-caps --mount --kill-child);

		plan(skip_all => 'no way to mount is known for this machine') unless CALLS;
		plan(skip_all => 'no namespaces for users') if system(join(' ', @unshare) . ' true 2>/dev/null') != 0;
		$ENV{WORKFLOW_MOUNTS} = 1;
		exec @unshare, $^X, (map { "-I$_" } @INC), $0, @ARGV or die "exec: $!";
	}
}

umask 0022;
my $temp = PostgreSQL::Test::Utils::tempdir;

sub mount
{
	my ($what, $where, $type, $flags, $options) = @_;

	return syscall(CALLS->[0], $what, $where, $type, $flags, $options) == 0;
}

# A disk of 2 MB.
sub small_disk
{
	my ($name) = @_;

	mkdir "$temp/$name" or die "$temp/$name: $!";
	mount('tmpfs', "$temp/$name", 'tmpfs', 0, 'size=2m,mode=0755') or plan(skip_all => "no file system can be mounted: $!");
	return "workflow.file_directory = '$temp/$name'\n";
}

my $home = workflow_node('home', 'workflow.sweep_interval = 1s', small_disk('home'));
workflow_role($home, 'app');
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE FUNCTION bytes(letter text, size int) RETURNS bytea LANGUAGE sql AS $$SELECT convert_to(repeat(letter, size), 'UTF8')$$});
my $away = PostgreSQL::Test::Cluster->new('away');
$away->init;
$away->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nworkflow.runtime_id = 'away'\n"
	. "workflow.remote = 'host=" . $home->host . ' port=' . $home->port . " dbname=postgres user=link'\n" . small_disk('away'));
$away->start;

my %id = (away => 'away');

sub app { my ($sql) = @_; return as($home, 'app', $sql); }
sub written { my ($name, $path) = @_; return -f "$temp/$name/$path" ? slurp_file("$temp/$name/$path") : 'none'; }
sub in_short { my ($text) = @_; return length($text) > 20 ? substr($text, 0, 1) . ' * ' . length($text) : $text; }

sub wait_for_file
{
	my ($path, $content) = @_;

	foreach my $name (qw(home away))
	{
		my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;

		select(undef, undef, undef, 0.1) while $tries-- > 0 && in_short(written($name, $path)) ne $content;
		is(in_short(written($name, $path)), $content, "$name has $path");
	}
	return;
}

sub wait_for_error
{
	my ($path, $why) = @_;

	wait_for($home, "SELECT bool_or(errors->>'$id{$_}' ~ '$why') FROM workflow.file_requests WHERE path = '$path'", "$_ to say why $path is not written")
	  foreach qw(home away);
	return pass("both say of $path: $why");
}

# ---- a disk that is full -------------------------------------------------------------

app(q{SELECT FROM workflow.put_file('a', public.bytes('a', 500000)); SELECT FROM workflow.put_file('b', public.bytes('b', 1000000))});
wait_for_file('a', 'a * 500000');
wait_for_file('b', 'b * 1000000');
$id{home} = $home->safe_psql('postgres', q{SELECT id FROM workflow.runtimes WHERE kind = 'local'});
app(q{SELECT FROM workflow.put_file('a', public.bytes('A', 900000)); SELECT FROM workflow.put_file('c', 'small')});
wait_for_error('a', 'No space left on device');
wait_for_file('c', 'small');
wait_for_file('a', 'a * 500000');
foreach my $name (qw(home away))
{
	# it is tried again just now, perhaps
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;

	select(undef, undef, undef, 0.1) while $tries-- > 0 && -e "$temp/$name/.workflow/new";
	ok($tries > 0, "nothing is left of it at $name");
}
is($home->safe_psql('postgres', q{SELECT bool_and(file_lag > '0') FROM workflow.runtimes}), 't', 'both are behind');
app(q{SELECT workflow.delete_file('b')});
wait_for_file('a', 'A * 900000');

# ---- one without any room ------------------------------------------------------------------

sub fill
{
	my ($name) = @_;

	open(my $file, '>', "$temp/$name/filler") or die;
	1 while syswrite($file, 'x' x 4096);
	close($file);
	return;
}

fill($_) foreach qw(home away);
app(q{BEGIN; SELECT FROM workflow.put_file('instead', public.bytes('i', 500000)); SELECT workflow.delete_file('a'); COMMIT});
wait_for_file('instead', 'i * 500000');
ok(!-e "$temp/$_/a", "$_: what is deleted makes room for what comes with it") foreach qw(home away);
unlink "$temp/$_/filler" foreach qw(home away);

# ---- a device in the place of a file ----------------------------------------------------

app(q{SELECT FROM workflow.put_file('device', 'one')});
wait_for_file('device', 'one');
mount('/dev/null', "$temp/$_/device", '', MS_BIND, '') or die "bind: $!" foreach qw(home away);
app(q{SELECT FROM workflow.put_file('device', 'two'); SELECT FROM workflow.put_file('c', 'beside it')});
wait_for_error('device', 'could not rename');
wait_for_file('c', 'beside it');
ok(-c "$temp/$_/device", "it stays at $_") foreach qw(home away);
syscall(CALLS->[1], "$temp/$_/device", 0) == 0 or die "umount: $!" foreach qw(home away);
wait_for_file('device', 'two');

# ---- what cannot be deleted where all is compared ----------------------------------------------

mount('/dev/null', "$temp/home/device", '', MS_BIND, '') or die "bind: $!";
wait_for($home, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow files'}, 'the worker to end');
my $manifest = slurp_file("$temp/home/.workflow/manifest");
$manifest =~ s/^(.* )\d+$/${1}0/m;
truncate("$temp/home/.workflow/manifest", 0);
append_to_file("$temp/home/.workflow/manifest", $manifest);
my $since = -s $home->logfile;
app(q{SELECT workflow.delete_file('device')});
log_says($home, $since, qr/file "device" could not be deleted: /, 'is told of');
syscall(CALLS->[1], "$temp/home/device", 0) == 0 or die "umount: $!";
$home->safe_psql('postgres', 'SELECT workflow.wake()');
wait_until(sub { !-e "$temp/home/device" }, 'the file to go');
pass('and is tried again');

# ---- a database that does not remember what it is told ---------------------------------------------

$since = -s $away->logfile;
$home->safe_psql('postgres', q{
	CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER forget BEFORE INSERT ON workflow.file_receipt FOR EACH ROW WHEN (NEW.runtime = 'away') EXECUTE FUNCTION forget()});
app(q{SELECT FROM workflow.put_file('again', 'x')});
log_says($away, $since, qr/gives files again that it was told of/, 'who is given the same for ever does not go on');
$home->safe_psql('postgres', 'DROP FUNCTION forget CASCADE');
wait_for_file('again', 'x');
wait_for($home, q{SELECT file_lag = '0' FROM workflow.runtimes WHERE id = 'away'}, 'away to have all');

# ---- a directory that is not there yet ------------------------------------------------------------

$away->safe_psql('postgres', "ALTER SYSTEM SET workflow.file_directory = '$temp/later'");
$away->reload;
app(q{SELECT FROM workflow.put_file('e', 'later')});
wait_for($home, q{SELECT bool_or(errors->>'away' ~ 'workflow.file_directory: It cannot be looked at: No such file') FROM workflow.file_requests}, 'away to say why');
mkdir "$temp/later"; chmod 0755, "$temp/later";
wait_until(sub { -e "$temp/later/e" }, 'the directory to be tried again');
pass('is written to when it comes');
$away->safe_psql('postgres', 'ALTER SYSTEM RESET workflow.file_directory');
$away->reload;
wait_for_file('e', 'later');

# ---- a database in which somebody has written what put_file() refuses ----------------------

my $offset = -s $away->logfile;
append_to_file("$temp/outside", 'mine');
$home->safe_psql('postgres', q{
	INSERT INTO workflow.file (path, version, folded, size, sha256, owner, xid, at, newest)
	SELECT '../outside', 1, '../outside', 3, sha256('bad'), owner, pg_current_xact_id(), now(), true FROM workflow.file WHERE path = 'c' AND newest;
	INSERT INTO workflow.file_chunk VALUES ('../outside', 1, 0, 'bad')});
app(q{SELECT FROM workflow.put_file('d', 'since')});
my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
select(undef, undef, undef, 0.1) while $tries-- > 0 && log_since($away, $offset) !~ /the other server gives a file that makes no sense/;
like(log_since($away, $offset), qr/the other server gives a file that makes no sense/, 'a path that leads elsewhere is not even remembered');
wait_for($home, q{SELECT file_lag = '0' OR EXISTS (SELECT FROM workflow.file_receipt WHERE error ~ 'as a name') FROM workflow.runtimes WHERE kind = 'local'}, 'the server that has it to refuse it');
is(slurp_file("$temp/outside"), 'mine', 'nothing is written there');
$home->safe_psql('postgres', q{DELETE FROM workflow.file WHERE path = '../outside'; DELETE FROM workflow.file_chunk WHERE path = '../outside'});
wait_for_file('d', 'since');

$away->stop;
$home->stop;
done_testing();
