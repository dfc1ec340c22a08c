# A standby that cannot do what it has claimed, since it has not replayed that, steps aside; when
# another server, which has less WAL, becomes the primary, it works for that.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(allows_streaming => 1);
# a sender that is stopped by a signal is not to be taken for dead
$home->append_conf('postgresql.conf', join("\n", "shared_preload_libraries = 'workflow'", 'max_worker_processes = 32',
	'workflow.sweep_interval = 1s', "workflow.runtime_id = 'H'", 'wal_sender_timeout = 0', ''));
$home->start;
$home->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($home, 'clerk');
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE TABLE ballast (t text)});
as($home, 'clerk', q{
	SELECT workflow.create_queue('read', placement => '{standby}'), workflow.create_job('look', 'SELECT pg_is_in_recovery()', queue => 'read')});
$home->backup('base');
my @standbys = map { PostgreSQL::Test::Cluster->new($_) } 'one', 'two';
foreach my $n (1, 2)
{
	my $standby = $standbys[ $n - 1 ];

	$standby->init_from_backup($home, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "workflow.runtime_id = 'S$n'");
	# only the second one works
	$standby->append_conf('postgresql.conf', "workflow.remote = 'host=" . join(',', map { $_->host } $home, $standbys[0])
		. ' port=' . join(',', map { $_->port } $home, $standbys[0]) . " dbname=postgres user=link'") if $n == 2;
	$standby->start;
}
wait_for($standbys[1], q{SELECT state = 'alive' FROM workflow.membership}, 'the standby to be alive');
wait_for($home, q{SELECT count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'}, 'both to stream');
$home->wait_for_catchup($_) foreach @standbys;

# Neither gets any WAL from now on, of which there is a lot.
my @senders = split /\n/, $home->safe_psql('postgres', 'SELECT pid FROM pg_stat_replication');
kill STOP => @senders;
$home->safe_psql('postgres', q{INSERT INTO ballast SELECT repeat('x', 1000) FROM generate_series(1, 30000)});
my $run = as($home, 'clerk', q{SELECT workflow.run_job('look')});
wait_for($standbys[1], q{SELECT state = 'waiting' AND trouble LIKE '%too far behind%' FROM workflow.membership}, 'the standby to step aside');
is($home->safe_psql('postgres', "SELECT state FROM workflow.get_run('$run')"), 'waiting', 'what it has claimed it has given back');

$home->stop('immediate');
kill CONT => @senders;
$standbys[0]->promote;
$standbys[1]->enable_streaming($standbys[0]);
$standbys[1]->reload;
wait_for($standbys[1], q{SELECT state = 'alive' AND courier_pid IS NOT NULL FROM workflow.membership}, 'the standby to work for the new primary');
$run = as($standbys[0], 'clerk', q{SELECT workflow.run_job('look')});
wait_for($standbys[0], "SELECT state = 'finished' FROM workflow.get_run('$run')", 'the run to end');
is($standbys[0]->safe_psql('postgres', "SELECT result, runtime FROM workflow.get_run('$run')"), 'true|S2', 'and does what is placed on it');
unlike(log_since($standbys[1]), qr/TRAP|PANIC/, 'it is well');

$standbys[1]->stop;
$standbys[0]->stop;
done_testing();
