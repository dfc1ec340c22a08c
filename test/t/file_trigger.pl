# File triggers on real directories: each file makes one run, whatever is planted, renamed or
# replaced, and whoever ends in the middle. Rows of FlowForce's documentation have their numbers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path remove_tree);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use WorkflowTest;

my $temp = PostgreSQL::Test::Utils::tempdir;
my $in = "$temp/in";
my $directories = 0;

make_path($in);
my $node = workflow_node('file_trigger', "workflow.trigger_directories = '$in'", 'workflow.sweep_interval = 1s',
	'restart_after_crash = on', 'log_statement = none', 'log_min_error_statement = panic');

$node->safe_psql('postgres', 'CREATE SCHEMA app AUTHORIZATION clerk');
workflow_role($node, 'other');
$node->safe_psql('postgres', "SELECT workflow.grant_on('directory:$in', 'clerk', 'watch')");
as($node, 'clerk', q{
	CREATE TABLE app.done (job text, file text);
	CREATE FUNCTION app.take(params jsonb, run jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO app.done SELECT run->>'job', params->>'triggerfile' $$;
	SELECT workflow.create_job('take', 'app.take');
	SELECT workflow.create_job('typed', 'INSERT INTO app.done VALUES ($job, $triggerfile)', '{"triggerfile": "text", "job": {"type": "text", "default": "typed"}}')});

sub clerk { return as($node, 'clerk', $_[0]); }
sub ask { return $node->safe_psql('postgres', $_[0]); }

# A directory of its own for each part.
sub new_directory
{
	my $directory = "$in/" . ++$directories;

	make_path($directory);
	return $directory;
}

# A file comes as it should: with all of its content, at once.
sub put
{
	my ($path, $content) = @_;
	my ($directory) = $path =~ m{^(.*)/};

	append_to_file("$temp/being_written", $content // 'x');
	rename("$temp/being_written", $path) or die "$path: $!";
	return;
}

# Which files have made runs that are done, each as often as it has, without their directory.
sub done
{
	my ($directory) = @_;

	return ask(qq{SELECT coalesce(string_agg(substr(file, length('$directory') + 2), ' ' ORDER BY file COLLATE "C"), '') FROM app.done
		WHERE file LIKE '$directory/%'});
}

sub done_comes_to
{
	my ($directory, $wanted, $what) = @_;

	wait_for($node, qq{SELECT coalesce(string_agg(substr(file, length('$directory') + 2), ' ' ORDER BY file COLLATE "C"), '') = '$wanted' FROM app.done
		WHERE file LIKE '$directory/%'}, "$what: $wanted");
	return is(done($directory), $wanted, $what);
}

# The watcher has looked so often since now: a look begins a transaction, which writes nothing.
sub looks
{
	my ($n) = @_;
	my $last = '';

	for (my $seen = -1; $seen < $n;)
	{
		wait_for($node, qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow watcher' AND xact_start IS NULL AND state_change::text <> '$last'}, 'a look');
		my $next = ask(q{SELECT state_change FROM pg_stat_activity WHERE backend_type = 'workflow watcher'});
		$seen++ if $next ne '' && $next ne $last;
		$last = $next;
	}
	return;
}

# A trigger has been looked for at least once.
sub looked_at
{
	my ($name) = @_;

	wait_for($node, qq{SELECT inode IS NOT NULL FROM workflow.file_trigger WHERE name = '$name'}, "a look for $name");
	return;
}

sub done_comes_to_count
{
	my ($directory, $count) = @_;

	wait_for($node, qq{SELECT count(*) >= $count FROM app.done WHERE file LIKE '$directory/%'}, "$count runs of $directory");
	return;
}

sub create
{
	my ($name, $directory, @more) = @_;

	clerk(join(', ', "SELECT workflow.create_file_trigger('$name', '$directory'", @more) . ')');
	return;
}

sub state_comes_to
{
	my ($name, $state, $reason) = @_;

	$reason =~ s/'/''/g;
	wait_for($node, qq{SELECT state = '$state' AND strpos(coalesce(reason, ''), '$reason') > 0 FROM workflow.file_triggers WHERE name = '$name'}, "$name: $state, $reason");
	return pass("$name: $state $reason");
}

my @quick = (q{"interval" => '1 second'}, q{job => 'take'});

# --- 21: the first save; renames; deletions ---------------------------------------------------------

my $a = new_directory();
put("$a/one.csv"); put("$a/two.csv"); put("$a/three.txt"); put("$a/.hidden.csv");
make_path("$a/below.csv"); put("$a/below.csv/deep.csv");
create('first', $a, q{pattern => '*.csv'}, @quick);
done_comes_to($a, 'one.csv two.csv', '20, 21: on the first save all files that are there make runs, of that directory only');
is(ask(q{SELECT DISTINCT actor FROM workflow.runs}), 'file_trigger:first', 'on its behalf');
is(ask(q{SELECT count(*) = 2 AND bool_and(r.state = 'finished' AND r.params->>'triggerfile' = f.path) FROM workflow.triggered_files f JOIN workflow.runs r USING (run)}), 't',
	'24: the path is the parameter triggerfile, and each file has its run');
rename("$a/two.csv", "$a/zwei.csv");
done_comes_to($a, 'one.csv two.csv zwei.csv', '21: a file that is renamed makes one');
unlink "$a/one.csv";
wait_for($node, q{SELECT count(*) = 1 FROM workflow.triggered_files}, 'the deletion to be seen');
is(done($a), 'one.csv two.csv zwei.csv', '21: a deletion makes none');
put("$a/one.csv");
done_comes_to($a, 'one.csv one.csv two.csv zwei.csv', 'a file that comes again is new');
append_to_file("$a/one.csv", 'more');
put("$a/last.csv");
done_comes_to($a, 'last.csv one.csv one.csv two.csv zwei.csv', "20: 'new' is not modified");
put("$a/one.csv", 'another file');
done_comes_to($a, 'last.csv one.csv one.csv one.csv two.csv zwei.csv', 'one that another is renamed to is another');

# --- nothing is written where nothing changes --------------------------------------------------------

# Whatever else writes now and then: there are three looks in a row without anything.
my $quiet = 0;
for (1 .. 20)
{
	my $before = ask('SELECT pg_snapshot_xmax(pg_current_snapshot()), pg_current_wal_insert_lsn()');
	looks(3);
	last if $quiet = $before eq ask('SELECT pg_snapshot_xmax(pg_current_snapshot()), pg_current_wal_insert_lsn()');
}
ok($quiet, 'looks where nothing changes write nothing');

# --- 20: modified, content, settling, times ------------------------------------------------------------

my $b = new_directory();
put("$b/f", 'abc');
create('modified', $b, q{"check" => 'modified'}, @quick);
create('content', $b, q{"check" => 'content'}, q{"interval" => '1 second'}, q{job => 'typed'});
wait_for($node, qq{SELECT count(*) = 2 FROM app.done WHERE file = '$b/f'}, 'both');
utime(1000, 1000, "$b/f");
wait_for($node, qq{SELECT count(*) = 2 FROM app.done WHERE file = '$b/f' AND job = 'take'}, "20: 'modified' when its time is another");
wait_for($node, qq{SELECT s.modified = to_timestamp(1000) FROM workflow.file_seen s JOIN workflow.file_trigger t ON t.id = s.trigger WHERE t.name = 'content'}, 'its content to be read');
is(ask(qq{SELECT count(*) FROM app.done WHERE file = '$b/f' AND job = 'typed'}), '1', "20: 'content' does not mind that");
my ($size, $time) = (stat "$b/f")[7, 9];
# who looks between the two would see another time
clerk(q{SELECT workflow.disable_file_trigger(name) FROM unnest('{modified,content}'::text[]) name});
open(my $file, '+<', "$b/f") or die $!;
print $file 'xyz';
close($file);
utime($time, $time, "$b/f");
is(join(' ', (stat "$b/f")[7, 9]), "$size $time", 'size and time are as they were');
clerk(q{SELECT workflow.enable_file_trigger(name) FROM unnest('{modified,content}'::text[]) name});
wait_for($node, qq{SELECT count(*) = 2 FROM app.done WHERE file = '$b/f' AND job = 'typed'}, "20: 'content' when its content is another");
is(ask(qq{SELECT encode(s.sha256, 'hex') FROM workflow.file_seen s JOIN workflow.file_trigger t ON t.id = s.trigger WHERE t.name = 'content'}), sha256_hex('xyz'), 'by its SHA-256');
looks(2);
is(ask(qq{SELECT count(*) FROM app.done WHERE file = '$b/f' AND job = 'take'}), '2', "20: 'modified' does not notice that");

my $c = new_directory();
put("$c/f");
create('settles', $c, q{settle => '1 hour'}, @quick);
create('later', $c, q{starts => now() + '1 day'}, @quick);
create('over', $c, q{ends => now()}, @quick);
create('slow', $c, q{job => 'take'});
done_comes_to($c, 'f', 'one that waits for nothing');
looked_at('settles');
is(ask(q{SELECT string_agg(name, ' ' ORDER BY name) FROM workflow.file_triggers WHERE made > 0 AND name IN ('settles', 'later', 'over', 'slow')}), 'slow',
	'20: one that has not settled, one that has not begun, one that is over');
is(ask(q{SELECT name, "interval", state FROM workflow.file_triggers WHERE name IN ('slow', 'over') ORDER BY name}), "over|00:00:01|ended\nslow|00:01:00|watched",
	'20: it looks once a minute if not told otherwise');
my $d = new_directory();
put("$d/f");
create('settling', $d, q{settle => '1 second'}, q{"check" => 'modified'}, @quick);
done_comes_to($d, 'f', '20: one that has settled makes a run');
append_to_file("$d/f", 'more');
done_comes_to($d, 'f f', 'and when it has settled again');
like(refusal($node, 'clerk', qq{SELECT workflow.create_file_trigger('x', '$d', "interval" => '0.9 seconds', job => 'take')}), qr/^22023/, '20: a second is the least');

# --- 23, 24: jobs and their parameters -----------------------------------------------------------------

my $e = new_directory();
clerk(q{SELECT workflow.create_job('needs', 'app.take', '{"triggerfile": "text", "more": {"type": "text", "required": true}}')});
like(refusal($node, 'clerk', qq{SELECT workflow.create_file_trigger('x', '$e', job => 'needs')}), qr/^WF013/, '23: a job whose parameters have no defaults cannot be run');
create('e1', $e, q{pattern => '*.a'}, q{"interval" => '1 second'}, q{job => 'typed'});
create('e2', $e, q{pattern => '*.b'}, q{"interval" => '1 second'}, q{job => 'typed'});
put("$e/1.a"); put("$e/2.b");
done_comes_to($e, '1.a 2.b', '23: a job has many triggers, and defaults');

# --- 25, 26: slots ----------------------------------------------------------------------------------------

my $f = new_directory();
my $g = new_directory();
my $runs = q{SELECT count(*) FROM workflow.runs WHERE job = 'slotted'};

clerk(q{SELECT workflow.create_queue('slot', 1); SELECT workflow.create_job('slotted', queue => 'slot')});
create('low', $f, q{"check" => 'modified'}, q{"interval" => '1 second'}, q{job => 'slotted'}, 'priority => -1');
create('high', $g, q{"interval" => '1 second'}, q{job => 'slotted'}, 'priority => 1');
looked_at($_) foreach 'low', 'high';
is(ask($runs), '0', '26: without files no slot is taken');
put("$f/$_") foreach 1 .. 3;
wait_for($node, "SELECT ($runs) = 3", 'runs');
my $claim = q{SELECT run || ' ' || fence || ' ' || (params->>'triggerfile') FROM workflow.claim('slot', 'w', 5, '1 hour')};
my @claimed = split /\n/, clerk($claim);
is(scalar @claimed, 1, '26: of several, one is worked off after the other');
is(clerk($claim), '', 'and the next one waits for its end');
foreach my $size (2, 3)
{
	append_to_file("$f/$_", 'x') foreach 1 .. 3;
	wait_for($node, qq{SELECT count(*) = 3 FROM workflow.triggered_files WHERE path LIKE '$f/%' AND size = $size}, 'changes to be seen');
}
is(ask($runs), '4', '25: runs of a file do not stack: one that waits finds it as it is, the one under way is followed by one');
put("$g/urgent");
wait_for($node, "SELECT ($runs) = 5", 'a run of a more urgent trigger');
my @order = map { (split m{/}, $claimed[0])[-1] } 1;
while (@claimed)
{
	my ($run, $fence) = split / /, $claimed[0];

	is(clerk("SELECT workflow.complete('$run', $fence)"), 't', 'a run ends');
	@claimed = split /\n/, clerk($claim);
	push @order, map { (split m{/}, $_)[-1] } @claimed;
}
is($order[1], 'urgent', '25: the next free slot is that of the more urgent trigger');
is(join(' ', sort @order), join(' ', sort 1 .. 3, $order[0], 'urgent'), 'all are done');

# --- 22: reported by others -----------------------------------------------------------------------------------

my $url = 'https://partner.example/feeds';
clerk(qq{SELECT workflow.create_file_trigger('feed', '$url', '*.xml', 'modified', job => 'take');
	SELECT workflow.create_file_trigger('etag', '$url', '*', 'content', job => 'take');
	SELECT workflow.create_file_trigger('elsewhere', '/srv/no/such/directory/here', '*', 'new', job => 'take')});
is(ask(q{SELECT string_agg(state, ' ') FROM workflow.file_triggers WHERE name IN ('feed', 'etag', 'elsewhere')}), 'reported reported reported', '22: others look there');
ask('CREATE ROLE app_server LOGIN IN ROLE workflow_runtime');
sub report { my ($arguments, $role) = @_; return as($node, $role // 'app_server', "SELECT workflow.report_file($arguments) IS NOT NULL"); }
is(report("'feed', '$url/a.xml', 10, '2030-01-01 00:00Z'"), 't', '22: the first report makes a run');
is(report("'feed', '$url/a.xml', 10, '2030-01-01 00:00Z'"), 'f', 'the same one none');
is(report("'feed', '$url/a.xml', 10, '2030-01-02 00:00Z'"), 't', '22: another Last-Modified does');
is(report("'feed', '$url/a.html', 10, '2030-01-02 00:00Z'"), 'f', 'what does not fit the pattern does not');
is(report("'etag', '$url/a.xml', NULL, NULL, sha256('a')"), 't', '22: or a content');
is(report("'etag', '$url/a.xml', NULL, NULL, sha256('a')"), 'f', 'the same none');
is(report("'etag', '$url/a.xml', NULL, NULL, sha256('b')"), 't', '22: another one does');
is(report("'elsewhere', '/srv/no/such/directory/here/x', 1, now()"), 't', 'a directory on another machine');
is(report("'elsewhere', '/srv/no/such/directory/here/x', NULL, NULL") . report("'elsewhere', '/srv/no/such/directory/here/x', 1, now()"), 'ft', 'a file that has gone and comes again is new');
like(refusal($node, 'other', "SELECT workflow.report_file('feed', '$url/b.xml', 1, now())"), qr/^WF002/, 'not everybody reports');
wait_for($node, qq{SELECT count(*) = 6 FROM app.done WHERE file LIKE '$url/%' OR file LIKE '/srv/%'}, 'all to be done');

# --- 27: what does not fit any more -----------------------------------------------------------------------------

my $h = new_directory();
put("$h/1");
create('h', $h, @quick);
done_comes_to($h, '1', 'before');
clerk(q{SELECT workflow.create_job('gone')});
create('orphan', $h, q{"interval" => '1 second'}, q{job => 'gone'});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs WHERE job = 'gone'}, 'a run');
clerk(q{SELECT workflow.cancel_run(run) FROM workflow.runs WHERE job = 'gone'; SELECT workflow.drop_job('gone')});
ask(q{SELECT workflow.disable_file_trigger('h', 'maintenance')});
put("$h/2");
state_comes_to('orphan', 'suspended', 'job "gone" does not exist');
is(done($h), '1', 'one that is disabled makes none');
clerk(q{SELECT workflow.create_job('gone'); SELECT workflow.enable_file_trigger('orphan'); SELECT workflow.enable_file_trigger('h')});
done_comes_to($h, '1 2', 'what has come meanwhile is not lost');
wait_for($node, q{SELECT count(*) = 2 FROM workflow.runs WHERE job = 'gone'}, '27: one that was suspended to go on');
is(ask(q{SELECT string_agg(state || coalesce(reason, ''), ' ') FROM workflow.file_triggers WHERE name IN ('h', 'orphan')}), 'watched watched', 'without a reason');
my $offset = -s $node->logfile;
ask("SELECT workflow.revoke_on('directory:$in', 'clerk', 'watch')");
state_comes_to('h', 'failing', 'may not watch the directory');
put("$h/3");
looks(3);
is(done($h), '1 2', 'a right that was revoked');
is(() = log_since($node, $offset) =~ /file trigger "h" cannot look into directory/g, 1, 'is told of once');
like(refusal($node, 'clerk', qq{SELECT workflow.create_file_trigger('x', '$h', job => 'take')}), qr/^WF002/, 'nobody looks into a directory without it');
ask("SELECT workflow.grant_on('directory:$in', 'clerk', 'watch')");
done_comes_to($h, '1 2 3', 'and granted again');

# --- one that is changed -----------------------------------------------------------------------------------------

my $altered = new_directory();
put("$altered/$_") foreach qw(a.csv b.csv c.txt);
create('altered', $altered, q{pattern => '*.csv', "interval" => '1 hour'}, q{job => 'take'});
done_comes_to($altered, 'a.csv b.csv', 'what fits');
clerk(q{SELECT workflow.alter_file_trigger('altered', '{"pattern": "*.txt", "interval": "1 second"}')});
done_comes_to($altered, 'a.csv b.csv c.txt', 'another pattern, at once');
clerk(q{SELECT workflow.alter_file_trigger('altered', '{"pattern": "*", "check": "content"}')});
looks(3);
is(done($altered), 'a.csv b.csv c.txt', 'one that brings back what is known, for whose contents it looks now');
put("$altered/c.txt", 'y');
done_comes_to_count($altered, 4);

# --- a queue that is full ---------------------------------------------------------------------------------------

my $i = new_directory();
put("$i/$_") foreach 1 .. 9;
clerk(q{SELECT workflow.create_queue('small', max_waiting => 5, on_full => 'refuse'); SELECT workflow.create_job('few', queue => 'small')});
create('full', $i, q{"interval" => '1 second'}, q{job => 'few'});
state_comes_to('full', 'failing', 'full');
is(ask(q{SELECT count(*) FROM workflow.runs WHERE job = 'few'}), '5', 'as many as there is room for');
clerk(q{SELECT workflow.complete(run, fence) FROM workflow.claim('small', 'w', 5)});
wait_for($node, q{SELECT count(*) = 9 FROM workflow.runs WHERE job = 'few'}, 'the others');
is(ask(qq{SELECT count(DISTINCT params->>'triggerfile') FROM workflow.runs WHERE job = 'few'}), '9', 'each once');

# --- what is planted ----------------------------------------------------------------------------------------------

my $outside = "$temp/outside";
make_path($outside);
append_to_file("$outside/secret", 'x');
my $j = new_directory();
put("$j/plain");
symlink("$outside/secret", "$j/link") or die $!;
symlink($outside, "$j/directory") or die $!;
symlink('nowhere', "$j/dangling") or die $!;
mkfifo("$j/pipe", 0600) or die $!;
append_to_file("$j/not \xFF text", 'x');
put("$j/Ελλ 日本語 \t\n\" ' \\ %s");
create('planted', $j, q{"check" => 'content'}, @quick);
wait_for($node, qq{SELECT count(*) >= 2 FROM app.done WHERE file LIKE '$j/%'}, 'files with names that are text');
put("$j/zz");
done_comes_to_count($j, 3);
unlink "$j/zz";
is(ask(qq{SELECT string_agg(encode(convert_to(substr(file, length('$j') + 2), 'UTF8'), 'hex'), ' ' ORDER BY file) FROM app.done WHERE file LIKE '$j/%' AND file NOT LIKE '%/zz'}),
	join(' ', map { unpack('H*', $_) } 'plain', "Ελλ 日本語 \t\n\" ' \\ %s"), 'no links, pipes and directories');
is(ask(q{SELECT skipped, state FROM workflow.file_triggers WHERE name = 'planted'}), '1|watched', 'a name that is no text is left out, and counted');
is(() = log_since($node, $offset) =~ /file trigger "planted" leaves out 1 files/g, 1, 'and told of once');

# a directory that is, or becomes, a link
my $k = new_directory();
make_path("$k/deep/deeper");
put("$k/deep/deeper/1");
create('deep', "$k/deep/deeper", @quick);
done_comes_to("$k/deep/deeper", '1', 'a directory below one that is listed');
make_path("$outside/deeper");
append_to_file("$outside/deeper/stolen", 'x');
rename("$k/deep", "$k/away") or die $!;
symlink($outside, "$k/deep") or die $!;
state_comes_to('deep', 'failing', 'A link or a file is in the place of a directory');
unlink "$k/deep";
state_comes_to('deep', 'failing', 'does not exist');
rename("$k/away", "$k/deep") or die $!;
put("$k/deep/deeper/2");
done_comes_to("$k/deep/deeper", '1 2', 'no link is followed, and what was known is known still');

# a file system that is not mounted for a while
rename("$k/deep/deeper", "$k/unmounted") or die $!;
make_path("$k/deep/deeper");
put("$k/deep/deeper/3");
done_comes_to("$k/deep/deeper", '1 2 3', 'another directory in its place');
state_comes_to('deep', 'failing', 'Another directory is in its place');
remove_tree("$k/deep/deeper");
rename("$k/unmounted", "$k/deep/deeper") or die $!;
put("$k/deep/deeper/4");
done_comes_to("$k/deep/deeper", '1 2 3 4', 'what was there before makes no run once more');
state_comes_to('deep', 'watched', '');

# or that has been replaced for good
rename("$k/deep/deeper", "$k/unmounted") or die $!;
make_path("$k/deep/deeper");
state_comes_to('deep', 'failing', 'Another directory is in its place');
is(ask(q{SELECT count(*) FROM workflow.triggered_files WHERE trigger = 'deep'}), '3', 'what has gone with it is remembered,');
clerk(q{SELECT workflow.enable_file_trigger('deep')});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.triggered_files WHERE trigger = 'deep'}, 'it to be forgotten');
state_comes_to('deep', 'watched', '');

# directories of the server
my $data = $node->data_dir;
symlink($outside, "$temp/listed") or die $!;
make_path("$temp/late");
put("$temp/late/1");
ask("SELECT workflow.grant_on('directory:$temp', 'clerk', 'watch')");
create('late', "$temp/late", @quick);
create('listed', "$temp/listed", @quick);
is(ask(q{SELECT string_agg(state, ' ') FROM workflow.file_triggers WHERE name IN ('late', 'listed')}), 'reported reported', 'directories that are not listed');
ask("ALTER SYSTEM SET workflow.trigger_directories = '$in', '$data', '$temp/late', '$temp/listed'");
$node->reload;
done_comes_to("$temp/late", '1', 'one that is listed later');
state_comes_to('listed', 'failing', 'A link or a file is in the place of a directory');
ask("SELECT workflow.grant_on('directory:/', 'other', 'watch')");
wait_for($node, "SELECT workflow.is_watched('$data/base')", 'the setting');
as($node, 'other', q{SELECT workflow.create_job('mine')});
as($node, 'other', qq{SELECT workflow.create_file_trigger('spy', '$data/base', job => 'mine')});
state_comes_to('spy', 'failing', 'with data of the server');
is(ask(q{SELECT made FROM workflow.file_triggers WHERE name = 'spy'}), '0', 'are none');

# --- who ends in the middle ------------------------------------------------------------------------------------------

my $l = new_directory();
my $files = 0;
create('many', $l, @quick);
create('many contents', $l, q{"check" => 'content'}, q{"interval" => '1 second'}, q{job => 'typed'});
foreach my $round (1 .. 6)
{
	my $made = ask(q{SELECT sum(made) FROM workflow.file_triggers WHERE name LIKE 'many%'});

	put("$l/" . ++$files) foreach 1 .. 150;
	# some of them have made their runs, perhaps not all
	wait_for($node, "SELECT sum(made) > $made FROM workflow.file_triggers WHERE name LIKE 'many%'", 'runs');
	if ($round % 2)
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		my $pid = ask(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}) or die 'nobody watches';

		kill 'KILL', $pid;
		$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die 'the server does not come back';
	}
}
# a look that finds this one would find others anew, too
put("$l/" . ++$files);
wait_for($node, qq{SELECT count(*) >= 2 FROM app.done WHERE file = '$l/$files'}, 'the last one');
wait_for($node, qq{SELECT count(*) >= 2 * $files FROM app.done WHERE file LIKE '$l/%'}, 'all to be done');
is(ask(qq{SELECT count(*), count(DISTINCT (job, file)), count(DISTINCT file) FROM app.done WHERE file LIKE '$l/%'}), join('|', 2 * $files, 2 * $files, $files),
	'whoever ends in the middle: each file makes one run');
is(ask(qq{SELECT count(*) FROM workflow.triggered_files WHERE path LIKE '$l/%'}), 2 * $files, 'and is known');

# --- whose it is --------------------------------------------------------------------------------------------------------

my $m = new_directory();
create('given', $m, @quick);
ask(q{GRANT USAGE ON SCHEMA app TO other; SELECT workflow.change_owner('file_trigger:given', 'other')});
put("$m/1");
state_comes_to('given', 'suspended', 'permission denied to run job "take"');
clerk(q{SELECT workflow.grant_on('job:take', 'other', 'run')});
as($node, 'other', q{SELECT workflow.enable_file_trigger('given')});
done_comes_to($m, '1', 'a trigger that was given to another role, which may run the job');
is(ask(q{SELECT started_by FROM workflow.runs WHERE actor = 'file_trigger:given'}), 'other', 'on behalf of that');

is(ask('SELECT * FROM workflow.check()'), '', 'all fits together');

# --- another database, which is renamed and dropped while it is watched --------------------------------------------------

my $n = new_directory();
ask('CREATE DATABASE shop');
$node->safe_psql('shop', "CREATE EXTENSION workflow; SELECT workflow.grant_on('directory:$n', 'clerk', 'watch')");
as($node, 'clerk', qq{SELECT workflow.create_job('take'); SELECT workflow.create_file_trigger('t', '$n', "interval" => '1 second', job => 'take')}, 'shop');
put("$n/1");
wait_for_in($node, 'shop', q{SELECT count(*) = 1 FROM workflow.runs}, 'a run in another database');
wait_for($node, q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}, 'a watcher in each');
ask('ALTER DATABASE shop RENAME TO store');
put("$n/2");
wait_for_in($node, 'store', q{SELECT count(*) = 2 FROM workflow.runs}, 'a run after it was renamed');
pass('a watcher does not keep a database from being renamed');
ask('DROP DATABASE store');
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}, 'one watcher');
pass('or dropped');

# --- a name that is not in the encoding of the database -------------------------------------------------------------------

my $p = new_directory();
my $untold = "$p/\xE6\x97\xA5";
ask(q{CREATE DATABASE western TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
$node->safe_psql('western', "CREATE EXTENSION workflow; SELECT workflow.grant_on('directory:$p', 'clerk', 'watch')");
put($untold);
put("$p/1");
as($node, 'clerk', qq{SELECT workflow.create_job('take'); SELECT workflow.create_file_trigger('t', '$p', "check" => 'modified', "interval" => '1 second', job => 'take')}, 'western');
sub western_comes_to
{
	my ($runs, $skipped) = @_;

	return wait_for_in($node, 'western', qq{SELECT made = $runs AND skipped = $skipped FROM workflow.file_triggers}, "$runs runs, $skipped left out");
}
western_comes_to(1, 1);
append_to_file($untold, 'more');
put("$p/2");
wait_for_in($node, 'western', q{SELECT made = 2 FROM workflow.file_triggers}, 'a second run');
# the look that finds this one has found what is more
put("$p/3");
wait_for_in($node, 'western', q{SELECT made = 3 FROM workflow.file_triggers}, 'a third run');
is($node->safe_psql('western', 'SELECT skipped FROM workflow.file_triggers'), '1', 'a name that the database cannot have is counted once');
unlink($untold) or die $!;
western_comes_to(3, 0);
pass('and not any more when it has gone');
ask('DROP DATABASE western');
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}, 'one watcher');

# --- a file that takes hours to read -------------------------------------------------------------------------------------

my $o = new_directory();
create('huge', $o, q{"check" => 'content'}, q{"interval" => '1 second'}, q{job => 'take'});
looked_at('huge');
ask('CREATE DATABASE shop');
open(my $huge, '>', "$o/huge") or die $!;
truncate($huge, 2**42) or die $!;
my $watcher = ask(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow watcher' AND datname = 'postgres'});
sub is_reading
{
	return 0 + (grep { (readlink($_) // '') =~ m{^\Q$o\E/\w} } glob("/proc/$watcher/fd/*"));
}
sub reading_comes_to
{
	my ($wanted) = @_;

	foreach (1 .. 1800)
	{
		return if is_reading() == $wanted;
		usleep(100_000);
	}
	die 'waited in vain for ' . ($wanted ? 'a file to be read' : 'a file not to be read any more');
}
SKIP:
{
	skip 'there is no /proc', 4 unless grep { readlink($_) } glob("/proc/$watcher/fd/*");
	reading_comes_to(1);
	# who drops a database waits until all processes have closed its files
	ask(q{SET statement_timeout = '120s'; DROP DATABASE shop});
	ok(is_reading(), 'a database is dropped while a file is read');
	unlink("$o/huge") or die $!;
	reading_comes_to(0);
	is(ask(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow watcher' AND datname = 'postgres'}), $watcher,
		'a file that is deleted is not read to its end, and by the same watcher');
	# who may not watch any more when a file was read, which takes until then
	open(my $long, '>', "$temp/being_written") or die $!;
	truncate($long, 2**32) or die $!;
	rename("$temp/being_written", "$o/long") or die $!;
	reading_comes_to(1);
	kill 'STOP', $watcher;
	is_reading() or die 'the file was read too soon';
	ask("SELECT workflow.revoke_on('directory:' || d, 'clerk', 'watch') FROM unnest('{$in,$temp}'::text[]) d");
	kill 'CONT', $watcher;
	reading_comes_to(0);
	state_comes_to('huge', 'failing', 'may not watch');
	is(ask(q{SELECT made FROM workflow.file_triggers WHERE name = 'huge'}), '0', 'a right that is revoked while a file is read is asked for again');
	ask("SELECT workflow.grant_on('directory:$in', 'clerk', 'watch')");
}
close($huge);
clerk(q{SELECT workflow.drop_file_trigger('huge')});
unlink("$o/huge", "$o/long");

# Nobody watches where there is nothing to be watched.
ask('SELECT workflow.drop_file_trigger(name) FROM workflow.file_triggers');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}, 'the watcher to end');
is(ask('SELECT count(*) FROM workflow.file_seen'), '0', 'nothing is remembered of triggers that were dropped');
create('again', $m, @quick);
done_comes_to($m, '1 1', 'another one comes when there is, for which all files are new');
ask('DROP EXTENSION workflow CASCADE');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow watcher'}, 'the watcher to end with the extension');

done_testing();
