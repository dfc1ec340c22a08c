# workflowctl: its page as it stands there; each command and each exit status; and nothing
# that is given to it becomes SQL, or shell.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('workflowctl');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nworkflow.max_executors = 2\n");
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGUSER} = 'postgres';
delete $ENV{PGAPPNAME};
my ($ctl) = grep { -x } map { "$_/workflowctl" } split /:/, $ENV{PATH};
ok($ctl, 'make install puts it beside psql');

# ctl(ARGUMENTS): its exit status, what it prints, and what it complains about
sub ctl
{
	my @arguments = @_;
	my ($out, $err);

	IPC::Run::run([ $ctl, @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# ends(STATUS, PATTERN, ARGUMENTS): it ends so, and prints that, here or there
sub ends
{
	my ($wanted, $pattern, @arguments) = @_;
	my ($status, $out, $err) = ctl(@arguments);
	my $name = 'workflowctl ' . join(' ', map { length > 40 ? substr($_, 0, 40) . '...' : $_ } @arguments);

	is($status, $wanted, "$name: exit status") or diag("$out$err");
	like($out . $err, $pattern, "$name: says so");
	return $out;
}

#
# The page, in a database of its own
#

# The blocks of the page: [line, info, text].
sub blocks
{
	my ($path) = @_;
	my (@blocks, $block);

	open(my $file, '<', $path) or die "cannot read $path: $!";
	while (<$file>)
	{
		if (!$block) { $block = [ $., $1, '' ] if /^```(.+?)\s*$/ }
		elsif (/^```\s*$/) { push @blocks, $block; undef $block }
		else { $block->[2] .= $_ }
	}
	close($file);
	return @blocks;
}

# What is shown, as a pattern: "..." is anything, and blanks are where you like.
sub pattern_of
{
	my ($text) = @_;

	return join '.*?', map { join '\s*', map { quotemeta } split ' ' } split /\Q...\E/, $text;
}

$ENV{PGDATABASE} = 'page';
$node->safe_psql('postgres', 'CREATE DATABASE page');
my $shown = '';
foreach my $block (blocks("$FindBin::Bin/../../doc/workflowctl.md"))
{
	my ($line, $info, $text) = @$block;

	if ($info eq 'sql')
	{
		$node->safe_psql('page', $text);
		$node->poll_query_until('page', q{SELECT count(*) = 0 FROM workflow.run}) or die 'waited in vain for runs';
	}
	elsif ($info =~ /^sh run(?: (\d+))?$/)
	{
		my $status = $1 // 0;

		$shown = '';
		IPC::Run::run([ 'sh', '-c', $text ], '<', \undef, '>', \$shown, '2>&1');
		is($? >> 8, $status, "page, line $line: ends as it says") or diag($shown);
	}
	elsif ($info eq 'text shows')
	{
		my $pattern = pattern_of($text);

		like($shown, qr/^\s*$pattern\s*$/s, "page, line $line: shows this");
	}
}
my $page = slurp_file("$FindBin::Bin/../../doc/workflowctl.md");

#
# Every command has its help, and is on the page
#
my (undef, $usage) = ctl('help');
my @commands = $usage =~ /^  (\w+) {2,}\S|^  (\w+) (?:ID|THING|\[)/mg;
@commands = grep { defined && $_ ne 'help' } @commands;
cmp_ok(scalar @commands, '>=', 9, 'there are commands');
foreach my $command (@commands)
{
	my (undef, $help) = ctl('help', $command);

	like($help, qr/^workflowctl \Q$command\E\b/, "$command has its help");
	is((ctl($command, '--help'))[1], $help, "... by --help, too");
	like($page, qr/\| .*`\Q$command\E`.* \|/, "... and is on the page");
}

#
# Each command
#
workflow_role($node, 'clerk') if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'}) == 0;
$ENV{PGDATABASE} = 'postgres';
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
$node->safe_psql('postgres', 'CREATE SCHEMA office AUTHORIZATION clerk');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "context": {"n": 0}, "initial": "a", "on_error": {"retry": [{"errors": "*", "maxAttempts": 0}]},
		"states": {"a": {"on": {"go": "b", "fail": {"guard": {"@expr": "1 / (context->>''n'')::int = 1"}, "target": "b"}}}, "b": {"type": "final"}}}');
	SELECT workflow.create_queue('line');
	SELECT workflow.create_job('outside', queue => 'line'), workflow.create_job('own');
	SELECT workflow.create_schedule('plan', 'own', every => '1 year', starts => '2100-01-01');
	SELECT workflow.create_alert('late', 'lag', NULL, '1 day');
	SELECT workflow.create_file_trigger('inbox', '/srv/inbox', job => 'outside');
	SELECT workflow.set_retention('order', '1 year');
	SELECT workflow.start('order', key => 'k1')});
my $process = $node->safe_psql('postgres', q{SELECT workflow.find('order', 'k1')});
my $run = as($node, 'clerk', q{SELECT workflow.run_job('outside', key => 'r1')});

ends(0, qr/versions.*0\.\d\.\d.*runtimes.*counts.*processes idled.*problems/s, 'status');
unlike(ends(0, qr/versions.*runtimes/s, qw(status --quick)), qr/counts|problems/, 'in a hurry it counts and checks nothing');
like(ends(0, qr/./, qw(status -U clerk)), qr/counts(?!.*problems)/s, 'who may not check everything is not told');
ends(0, qr/workers.*runtime .*runs/s, 'ps');
ends(0, qr/\Q$run\E.*outside/, qw(ps --state waiting --queue line));
unlike((ctl(qw(ps --state waiting --queue other)))[1], qr/\Q$run\E/, 'of another queue there is none');
ends(0, qr/(now.*queues.*){2}/s, qw(top -c 2 -s 1));
ends(0, qr/^1 .*workflow\.start taken/, 'tail', $process);
ends(0, qr/^1 .*workflow\.start taken/, qw(tail order k1));
ends(1, qr/there is no such process or run/, 'tail', '00000000-0000-7000-8000-000000000000');
ends(1, qr/invalid input syntax for type uuid/, 'tail', 'nobody');
ends(1, qr/no process|does not exist/, qw(tail order nobody));
ends(0, qr/0 rows|events/, 'errors');
ends(0, qr/order.*1 year.*ready/, 'retention');
$node->safe_psql('postgres', q{SELECT workflow.put_file('etc/motd', 'hello')});
ends(0, qr/files.*etc\/motd.*2cf24dba5fb0a30e.*waiting/s, 'files');
ends(0, qr/^\{"files": \[.*\], "waiting": \[\]\}$/, qw(files --json));
ends(0, qr/now.*order.*load.*processes.*order/s, qw(load --by definition), '--last', '1 day', '--bucket', '1 day');
ends(0, qr/^\{"now": \[.*\], "load": \[.*\]\}$/, qw(load --json));
ends(1, qr/./, qw(load --by nobody));

foreach my $thing ('order', 'queue:line', 'job:own', 'schedule:plan', 'alert:late', 'file_trigger:inbox', "process:$process")
{
	ends(0, qr/rests/, 'pause', $thing, 'a note');
	ends(0, qr/goes on/, 'resume', $thing);
}
ends(0, qr/job outside rests; 1 of its runs wait in other queues/, qw(-U clerk pause job:outside));
ends(1, qr/WF|does not exist/, qw(pause queue:nobody));
ends(1, qr/must be owner|permission denied|may not/, qw(pause queue:line -U), do { workflow_role($node, 'stranger'); 'stranger' });

# until it is over
my ($out, $err) = ('', '');
my $follower = IPC::Run::start([ $ctl, 'tail', '-f', $process ], '<', \undef, '>', \$out, '2>', \$err);
$follower->pump until $out =~ /workflow\.start/;
as($node, 'clerk', q{SELECT FROM workflow.send_by_key('order', 'k1', 'go')});
$follower->finish;
like($out, qr/workflow\.start.* go taken a -> b/s, 'tail -f goes on, and ends with the process');

# failures
as($node, 'clerk', q{SELECT workflow.start('order', key => 'k2'); SELECT workflow.post_by_key('order', 'k2', 'fail')});
as($node, 'clerk', q{SELECT workflow.fail(run, fence, '{"code": "E", "message": "the bank is shut"}', final => true) FROM workflow.claim('line', 'w')});
wait_for($node, q{SELECT given_up FROM workflow.errors}, 'an event that fails');
ends(4, qr/fail .*division by zero.*the bank is shut/s, 'errors');
ends(4, qr/division by zero/, qw(errors --definition order));
unlike((ctl(qw(errors --definition order)))[1], qr/the bank/, 'of a definition only');
ends(4, qr/^\{"events": \[\{.*"message":"division by zero"\}\], "runs": \[\{.*\}\]\}$/, qw(errors --json));
my ($status, $json) = ctl(qw(ps --json));
is($node->safe_psql('postgres', "SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(\$json\$$json\$json\$::jsonb) k"), 'runs runtimes workers', 'JSON is JSON');
ends(0, qr/^kind,pid,owner/m, qw(ps --csv));
ends(0, qr/is done once more/, 'redrive', $run);
ends(1, qr/is not one that has failed/, 'redrive', $run);
ends(0, qr/^runs done once more: 0/, qw(redrive --job own -n 5));

#
# What goes wrong
#
ends(2, qr/Commands:/);
ends(2, qr/there is no command "dance"/, 'dance');
ends(2, qr/there is no option --dance/, qw(ps --dance));
ends(2, qr/status has no option --job/, qw(status --job own));
ends(2, qr/-n needs a value/, qw(ps -n));
ends(2, qr/-n must be a number/, qw(ps -n), '1; DROP TABLE x');
ends(2, qr/takes 0 at most/, qw(ps x));
ends(2, qr/tail needs an id/, 'tail');
ends(3, qr/does not exist/, qw(-d nowhere ps));
ends(3, qr/./, qw(-p 1 ps));
ends(0, qr/^workers/, '-d', $node->connstr('postgres'), 'ps');
$node->safe_psql('postgres', 'CREATE DATABASE without');
ends(1, qr/the extension is not in this database: -d names another one/, qw(-d without status));

#
# What is given is a value
#
my @evil = (q{'; DROP TABLE office.safe; --}, q{$(touch evil) `touch evil`}, q{\! touch evil}, q{:'job'}, q{' OR true --}, "line\n\\! touch evil", q{"; select 1 \gexec}, '-- x', '%s%n', "\xc3\xa4\xf0\x9f\x98\x80");
as($node, 'clerk', 'CREATE TABLE office.safe (n int)');
chdir(PostgreSQL::Test::Utils::tempdir()) or die $!;
foreach my $evil (@evil)
{
	is((ctl('ps', '--job', $evil))[0], 0, 'as a job');
	is((ctl('ps', '--state', $evil))[0], 0, 'as a state');
	is((ctl('errors', '--definition', $evil))[0], 0, 'as a definition');
	is((ctl('load', '--by', $evil))[0], 1, 'as what load is by');
	is((ctl('load', '--last', $evil))[0], 1, 'as an interval');
	is((ctl('redrive', '--queue', $evil))[0], 1, 'as a queue');
	is((ctl('redrive', '--since', $evil))[0], 1, 'as a time');
	is((ctl('pause', '--', $evil))[0], 1, 'as a thing');
	is((ctl('pause', "queue:$evil"))[0], 1, 'as a queue that rests');
	is((ctl('tail', '--', 'order', $evil))[0], 1, 'as a key');
	is((ctl('pause', '--', 'queue:line', $evil))[0], 0, 'as a note');
	is($node->safe_psql('postgres', q{SELECT note FROM workflow.queues WHERE name = 'line'}), $evil, 'a note is what was given');
	is((ctl('resume', 'queue:line'))[0], 0, 'and it goes on');
}
ok(!-e 'evil', 'no command was run');
is($node->safe_psql('postgres', q{SELECT count(*) FROM office.safe}), 0, 'no SQL was, either');

# whoever may make objects where we would look them up
$node->safe_psql('postgres', q{
	CREATE FUNCTION public.evil(text, workflow.status) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''caught''; END';
	CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = workflow.status, FUNCTION = public.evil)});
ends(0, qr/processes finalized/, 'status');
$node->safe_psql('postgres', 'DROP FUNCTION public.evil CASCADE');

# something is wrong
$node->safe_psql('postgres', q{INSERT INTO workflow.resting VALUES ('order', '00000000-0000-7000-8000-000000000000')});
ends(4, qr/rest of no process/, 'status');

SKIP:
{
	skip 'no shellcheck', 1 unless grep { -x "$_/shellcheck" } split /:/, $ENV{PATH};
	is(system('shellcheck', '-s', 'sh', $ctl), 0, 'shellcheck finds nothing');
}

$node->stop;
done_testing();
