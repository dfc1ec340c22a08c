# Who reads on a standby sees what was committed on the primary before, and claims are
# refused where no standby confirms them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
autovacuum = off
wal_writer_delay = 10s
workflow.sweep_interval = 1h
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($node, 'clerk');
as($node, 'clerk', q{
	SELECT workflow.create_queue('mail'); SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.define('{"id": "leave", "initial": "asked", "states": {"asked": {"on": {"grant": "granted"}}, "granted": {}}}')});
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# What a session of clerk's reads on the standby, once it is where the primary was.
sub read_at
{
	my ($position, $query) = @_;
	return as($standby, 'clerk', "CALL workflow.wait_for_lsn('$position'); $query");
}

sub position { return as($node, 'clerk', 'SELECT workflow.commit_position()') }

#
# A reader sees its own command, also one that was acknowledged before it was on disk
#
foreach my $commit ('on', 'off')
{
	foreach my $n (1 .. 20)
	{
		my ($id, $position) = split /\n/, as($node, 'clerk', qq{
			SET synchronous_commit = $commit;
			SELECT workflow.start('leave', key => '$commit $n');
			SELECT workflow.commit_position()});
		is(read_at($position, "SELECT states FROM workflow.get('$id')"), "t\n{asked}", "synchronous_commit $commit, $n: a reader sees what was committed");
	}
}

#
# A position is reached, although nothing comes behind it: at the end of a segment, and of a page
#
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $position = position();
is($node->safe_psql('postgres', "SELECT '$position'::pg_lsn < pg_current_wal_insert_lsn()"), 't', 'what comes next begins behind the header of the page');
is(read_at($position, 'SELECT 1'), "t\n1", 'the end of a segment is reached');

# A message ends on a boundary when it is as long as is left of the page, without what is around its text.
my $around = 'SELECT pg_current_wal_insert_lsn() AS a \gset
	SELECT pg_logical_emit_message(false, \'\', repeat(\'x\', 1000)) \g /dev/null
	SELECT (pg_current_wal_insert_lsn() - :\'a\') - 1000 AS around \gset ';
my $at_end = 0;
for (1 .. 50)
{
	$node->safe_psql('postgres', "$around " . q{
		SELECT greatest(8192 - mod(pg_current_wal_insert_lsn() - '0/0', 8192) - :around, 300)::int AS n \gset
		SELECT pg_logical_emit_message(false, '', repeat('x', :n)) \g /dev/null});
	$position = position();
	last if $at_end = $node->safe_psql('postgres', "SELECT mod('$position'::pg_lsn - '0/0', 8192) = 0") eq 't';
}
ok($at_end, 'a record that ends where a page does');
is(read_at($position, 'SELECT 1'), "t\n1", 'the end of a page is reached');

#
# In its place only
#
like(refusal($node, 'clerk', 'BEGIN; SELECT workflow.start(\'leave\'); SELECT workflow.commit_position()'),
	qr/^25001: workflow.commit_position\(\) is to be called after COMMIT/, 'not before the commit');
like(refusal($standby, 'clerk', 'SELECT workflow.commit_position()'), qr/^25006: /, 'not on a standby');
like(refusal($standby, 'clerk', "BEGIN; CALL workflow.wait_for_lsn('0/0')"), qr/^25001: /, 'a reader in a transaction block would hold a snapshot');
is(as($node, 'clerk', "CALL workflow.wait_for_lsn('FFFFFFFF/FFFFFFFF')"), 't', 'on a primary nothing is waited for');

#
# While it waits
#
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$position = as($node, 'clerk', q{SELECT workflow.start('leave', key => 'late') \g /dev/null
	SELECT workflow.commit_position()});
is(as($standby, 'clerk', "CALL workflow.wait_for_lsn('$position', '10 ms')"), 'f', 'the time is up');
is(as($standby, 'clerk', "CALL workflow.wait_for_lsn('$position', '0')"), 'f', 'none at all');

sub begin_to_wait
{
	my ($lsn) = @_;
	my $session = $standby->background_psql('postgres', on_error_stop => 0);

	$session->query_safe(q{SET application_name = 'reader'; SET ROLE clerk});
	$session->{stdin} .= "CALL workflow.wait_for_lsn('$lsn', NULL);\n";
	$session->{run}->pump_nb;
	wait_for($standby, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'reader' AND wait_event_type = 'Extension'}, 'the reader to wait');
	return $session;
}
my $reader = begin_to_wait($position);
is($standby->safe_psql('postgres', q{SELECT backend_xmin IS NULL FROM pg_stat_activity WHERE application_name = 'reader'}), 't', 'who waits holds no snapshot');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'reader' AND locktype = 'relation'}), 0, 'nor a lock');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
wait_for($standby, q{SELECT state = 'idle' FROM pg_stat_activity WHERE application_name = 'reader'}, 'the reader to go on');
$reader->quit;

$reader = begin_to_wait('FFFFFFFF/FFFFFFFF');
$standby->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'reader'});
wait_for($standby, q{SELECT state = 'idle' FROM pg_stat_activity WHERE application_name = 'reader'}, 'the reader to be cancelled');
$reader->quit;

#
# workflow.require_sync
#
sub configure
{
	my (@lines) = @_;

	$node->append_conf('postgresql.conf', join("\n", @lines, ''));
	$node->reload;
	return;
}
# The settings have come to new sessions, and there are so many synchronous standbys.
sub wait_for_standbys
{
	my ($names, $n) = @_;

	wait_for($node, qq{SELECT current_setting('synchronous_standby_names') = '$names' AND count(*) = $n FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')}, "$n synchronous standbys");
	return;
}
my $claim = q{SELECT count(*) FROM workflow.claim('mail', 'w', lease => '1 hour')};
as($node, 'clerk', q{SELECT workflow.run_job('letter') FROM generate_series(1, 10)});
is(as($node, 'clerk', $claim), 1, 'without require_sync nobody asks');
configure('workflow.require_sync = on');
wait_for($node, q{SELECT current_setting('workflow.require_sync') = 'on'}, 'the setting');
like(refusal($node, 'clerk', $claim), qr/^WF019: no synchronous standby confirms a claim\nDETAIL:  The setting "synchronous_standby_names" names none\.\nHINT:  The setting "workflow.require_sync" asks/, 'no synchronous standby is named');
is(as($node, 'clerk', q{CALL workflow.await_work('mail', '10 ms')}), 'f', 'and there is nothing to be claimed');
configure(q{synchronous_standby_names = 'standby'});
wait_for_standbys('standby', 1);
is(as($node, 'clerk', $claim), 1, 'one streams');
is(as($node, 'clerk', q{CALL workflow.await_work('mail', '10 s')}), 't', 'and there is something to be claimed');
like(refusal($node, 'clerk', "SET synchronous_commit = local; $claim"), qr/^WF019: .*\nDETAIL:  The setting "synchronous_commit" of this session is local\./, 'a session that does not wait for it');
is(as($node, 'clerk', "SET synchronous_commit = remote_apply; $claim"), 1, 'one that waits for more');
configure(q{synchronous_standby_names = 'ANY 2 (standby, other)'});
wait_for_standbys('ANY 2 (standby, other)', 1);
like(refusal($node, 'clerk', $claim), qr/^WF019: .*\nDETAIL:  1 of the 2 that have to confirm a commit are streaming\./, 'of two one streams');
configure(q{synchronous_standby_names = 'ANY 1 (standby, other)'});
wait_for_standbys('ANY 1 (standby, other)', 1);
is(as($node, 'clerk', $claim), 1, 'one of two is enough');
$standby->stop;
wait_for_standbys('ANY 1 (standby, other)', 0);
like(refusal($node, 'clerk', $claim), qr/^WF019: .*\nDETAIL:  0 of the 1 that have to confirm a commit are streaming\./, 'the standby has gone');
is(as($node, 'clerk', q{SET synchronous_commit = local; SELECT count(*) FROM workflow.runs WHERE state = 'running'}), 4, 'and nothing was claimed');
$standby->start;
wait_for_standbys('ANY 1 (standby, other)', 1);
is(as($node, 'clerk', $claim), 1, 'it has come back');

#
# The standby becomes a primary while a reader waits
#
$reader = begin_to_wait('FFFFFFFF/FFFFFFFF');
configure(q{synchronous_standby_names = ''});
$node->stop;
$standby->promote;
wait_for($standby, q{SELECT state = 'idle' FROM pg_stat_activity WHERE application_name = 'reader'}, 'the reader to go on');
$reader->quit;
like(position_of($standby), qr{^[0-9A-F]+/[0-9A-F]+$}, 'and has positions of its own');

sub position_of { my ($server) = @_; return as($server, 'clerk', 'SELECT workflow.commit_position()') }

$standby->stop;
done_testing();
