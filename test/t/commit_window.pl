# The moment in which a commit can be seen, and has neither told the caches of
# other sessions nor released its locks: nobody is woken by it before that is
# done, and who is awake anyway knows of pauses and calendars nevertheless.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('commit_window', 'workflow.sweep_interval = 1h', 'workflow.executor_idle_timeout = 1h',
	'workflow.max_executors = 4', 'workflow.retry_delay = 100ms', 'log_statement = none');
workflow_role($node, 'other');

#
# A breakpoint that can be loaded into a session
#
my $library = held_commit_library($node);
my $held = $node->basedir . '/held_commit.at';

# Commit these statements as far as that, call back, and go on.
sub held_commit
{
	my ($sql, $meanwhile) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 1);

	$session->query_safe(qq{LOAD '$library'});
	$session->query_safe(qq{BEGIN; SET LOCAL held_commit.at = '$held'; $sql});
	$session->query_until(qr/committing/, "\\echo committing\nCOMMIT;\n");
	wait_for($node, "SELECT (pg_stat_file('$held', true)).size IS NOT NULL", 'the commit to be held');
	$meanwhile->();
	unlink $held or die "$held: $!";
	$session->quit;
	return;
}

#
# Work of two owners. That of clerk notes which function it was, and whether it
# found a lock free.
#
$node->safe_psql('postgres', 'CREATE SCHEMA office; GRANT ALL ON SCHEMA office TO clerk');
sub note_as { my ($version) = @_; return qq{
	CREATE OR REPLACE FUNCTION office.note(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	\$\$ BEGIN RETURN context || jsonb_build_object('by', '$version', 'free', pg_try_advisory_xact_lock(77)); END \$\$} }
as($node, 'clerk', note_as('first'));
as($node, 'clerk', q{
	SET search_path TO office;
	SELECT workflow.define('{"id": "job", "initial": "a", "context": {}, "states": {
		"a": {"on": {"go": {"target": "a", "reenter": true, "actions": "note"}}}}}');
	SELECT workflow.start('job', key => 'one');
	SELECT workflow.define('{"id": "open", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "reenter": true}}}}}');
	SELECT workflow.start('open', key => 'one')});
as($node, 'other', q{
	SELECT workflow.define('{"id": "other", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "reenter": true}}}}}');
	SELECT workflow.start('other', key => 'one')});

# Have an event of a definition stepped by its executor, and that one rest.
sub stepped
{
	my ($role, $name) = @_;
	my $step = $node->safe_psql('postgres', "SELECT step FROM workflow.processes WHERE definition = '$name'");

	as($node, $role, "SELECT workflow.post_by_key('$name', 'one', 'go')");
	wait_for($node, "SELECT step > $step FROM workflow.processes WHERE definition = '$name'", "an event of $name");
	wait_for($node, qq{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'executors to rest');
	return;
}

sub noted { my ($what) = @_; return $node->safe_psql('postgres', "SELECT context->>'$what' FROM workflow.processes WHERE definition = 'job'") }

stepped('clerk', 'job');
is(noted('by'), 'first', 'the executor of clerk knows the function');
stepped('other', 'other');

#
# Who is woken
#
my $post = q{SELECT workflow.post_by_key('job', 'one', 'go')};
held_commit(qq{SET ROLE clerk; } . note_as('second') . qq{; SELECT pg_advisory_xact_lock(77); $post},
	sub { stepped('other', 'other') for 1 .. 5 });
wait_for($node, q{SELECT step = 3 FROM workflow.processes WHERE definition = 'job'}, 'the event');
is(noted('by'), 'second', 'who is woken by a commit runs the functions that it brought');
is(noted('free'), 'true', 'and finds its locks released');

#
# Who is awake: clerk's executor, by another commit
#
held_commit(qq{SET ROLE clerk; $post; SELECT workflow.pause('job')}, sub { stepped('clerk', 'open') });
wait_for($node, q{SELECT count(*) = 1 FROM workflow.timer WHERE parked}, 'the event to be parked');
is($node->safe_psql('postgres', q{SELECT step FROM workflow.processes WHERE definition = 'job'}), 3,
	'an event is not stepped in spite of a pause of the same commit');
as($node, 'clerk', q{SELECT workflow.unpause('job')});
wait_for($node, q{SELECT step = 4 FROM workflow.processes WHERE definition = 'job'}, 'the event after the pause');

# The same when it was prepared.
$node->safe_psql('postgres', qq{SET ROLE clerk; BEGIN; $post; SELECT workflow.pause('job'); PREPARE TRANSACTION 'pause'});
stepped('clerk', 'open');
$node->safe_psql('postgres', q{COMMIT PREPARED 'pause'});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.timer WHERE parked}, 'the event to be parked');
is($node->safe_psql('postgres', q{SELECT step FROM workflow.processes WHERE definition = 'job'}), 4, 'nor when that was prepared');

done_testing();
