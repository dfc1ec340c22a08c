# What keeps another instance from doing runs, and who sees that: its database is not there, has no
# extension, or was restored from a backup and has less than it has told.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $home = workflow_node('a', 'workflow.sweep_interval = 1s');
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3')});
as($home, 'clerk', q{
	SELECT workflow.create_queue('far', placement => '{runtime:B}'), workflow.create_queue('any', placement => '{runtime:B,local}');
	SELECT workflow.create_job('put', 'SELECT $n', '{"n": "int"}', queue => 'far'), workflow.create_job('frail', 'SELECT 1 / count(*) FROM pg_roles WHERE rolname = ''mended''', queue => 'far'), workflow.create_job('here', 'SELECT $n', '{"n": "int"}', queue => 'any')});
my $away = workflow_node('b', 'wal_level = replica', 'max_wal_senders = 5', 'workflow.sweep_interval = 1s', "workflow.runtime_id = 'B'",
	"workflow.remote = 'host=" . $home->host . ' port=' . $home->port . " dbname=postgres user=link'", "workflow.remote_database = 'work'");

sub run_of { return as($home, 'clerk', "SELECT workflow.run_job('$_[0]', '{\"n\": $_[1]}')"); }
sub ends
{
	my ($run, $runtime, $what) = @_;

	wait_for($home, "SELECT state IN ('finished', 'failed') FROM workflow.get_run('$run')", "run $run to end");
	is($home->safe_psql('postgres', "SELECT state, CASE runtime WHEN 'B' THEN 'B' ELSE 'here' END FROM workflow.get_run('$run')"), "finished|$runtime", $what);
	return;
}
sub trouble
{
	my ($like, $state) = @_;

	wait_for($away, "SELECT state = '$state' AND trouble ~ '$like' FROM workflow.membership", "trouble: $like");
	pass("membership is $state, and tells: $like");
	return;
}
sub wait_until_well
{
	wait_for($away, q{SELECT state = 'alive' AND trouble IS NULL AND courier_pid IS NOT NULL FROM workflow.membership}, 'B to be well');
	return;
}
sub told
{
	wait_for_in($away, 'work', 'SELECT bool_and(told_at IS NOT NULL) FROM workflow.outcomes', 'all to be told');
	return $away->safe_psql('work', 'SELECT max(number) FROM workflow.outcomes');
}
sub runtime { return $home->safe_psql('postgres', "SELECT $_[0] FROM workflow.runtimes WHERE id = 'B'"); }

# ---- no database -------------------------------------------------------------------------

trouble('workflow.remote_database is "work", and there is no such database', 'refused');
wait_for($home, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'B'}, 'B to have said so');
like(runtime(q{info ->> 'trouble'}), qr/there is no such database/, 'the other server shows it, too');
ends(run_of('here', 1), 'here', 'and does what would be placed on B');

$away->safe_psql('postgres', 'CREATE DATABASE work');
trouble('database "work" has no extension workflow', 'alive');
$away->safe_psql('work', q{CREATE EXTENSION workflow; CREATE ROLE worker LOGIN; SELECT workflow.map_owner('clerk', 'worker')});
wait_until_well();
is(runtime(q{info ? 'trouble'}), 'f', 'nothing is wrong any more');
ends(run_of('put', 1), 'B', 'a run is done');

$away->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE work');
$away->safe_psql('postgres', 'DROP DATABASE work WITH (FORCE)');
trouble('there is no such database', 'refused');
wait_for($home, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'B'}, 'B to give up what it had');
$away->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO work');
trouble('database "work" is a copy, until workflow.adopt', 'alive');
$away->safe_psql('work', 'SELECT workflow.adopt()');
wait_until_well();
ends(run_of('put', 1), 'B', 'which has all that was told, and goes on');

# ---- restored from a backup ------------------------------------------------------------------

ends(run_of('put', $_), 'B', "run $_ is done") foreach 1 .. 3;
my $frail = as($home, 'clerk', q{SELECT workflow.run_job('frail')});
wait_for($home, "SELECT state = 'failed' FROM workflow.get_run('$frail')", 'one to fail');
my $kept = told();
is($home->safe_psql('postgres', q{SELECT outcomes FROM workflow.runtime WHERE id = 'B'}), $kept, 'the primary knows the last number');
$away->backup('early');

my @lost = map { run_of('put', $_) } 4 .. 6;
ends($_, 'B', "run $_ is done after the backup") foreach @lost;

# One that had failed is done later than all of them.
$away->safe_psql('work', 'CREATE ROLE mended');
is(as($home, 'clerk', "SELECT workflow.retry_run('$frail')"), 't', 'the one that has failed is done once more');
ends($frail, 'B', 'with success');
push @lost, $frail;
my $told = told();
cmp_ok($told, '>', $kept, 'more was told');

# A crash loses nothing, and is no restore.
$away->stop('immediate');
$away->start;
wait_until_well();
is(runtime('restored_to IS NULL AND approved'), 't', 'a server that was killed has all that it has told');

$away->stop;
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($away, 'early');
my $offset = -s $home->logfile;
$restored->start;
$away = $restored;
trouble('was restored from a backup', 'alive');
is(runtime('restored_to IS NOT NULL, approved'), 't|f', 'the primary has seen that');
is($home->safe_psql('postgres', q{
		SELECT array_agg(r.run ORDER BY r.run) FROM workflow.runs r JOIN workflow.runtimes t ON t.id = r.runtime WHERE t.id = 'B' AND r.ended_at > t.restored_to}),
	$home->safe_psql('postgres', "SELECT array_agg(run ORDER BY run) FROM unnest('{" . join(',', @lost) . "}'::uuid[]) run"),
	'and knows whose outcomes may be lost');
log_says($home, $offset, qr/LOG:  workflow runtime "B" has less than it has told.*\n.*of 4 runs .*${\ join ', ', @lost}/, 'the log has them');

my $run = run_of('put', 7);
wait_for($home, "SELECT waits_for = 'placement' FROM workflow.get_run('$run')", 'a run of B to wait');
ends(run_of('here', 7), 'here', 'other runs go elsewhere');
$away->restart;
trouble('was restored from a backup', 'alive');
is($home->safe_psql('postgres', "SELECT state FROM workflow.get_run('$run')"), 'waiting', 'a restart changes nothing');

$home->safe_psql('postgres', q{SELECT workflow.approve_runtime('B')});
ends($run, 'B', 'when somebody has approved it, it is done');
wait_until_well();
is(runtime('restored_to IS NULL AND approved'), 't', 'and it is a runtime as any other');
told();
$away->restart;
wait_until_well();
is(runtime('restored_to IS NULL AND approved'), 't', 'which it stays');

# ---- what has expired is not lost ------------------------------------------------------------

my $last = $away->safe_psql('work', q{UPDATE workflow.outcome SET told_at = told_at - interval '2 days'; SELECT max(number) FROM workflow.outcome});
wait_for_in($away, 'work', 'SELECT count(*) = 1 FROM workflow.outcomes', 'outcomes to expire');
is($away->safe_psql('work', 'SELECT number FROM workflow.outcomes'), $last, 'the last one stays');
$away->restart;
wait_until_well();
is(runtime('restored_to IS NULL AND approved'), 't', 'by which it is known to have all');

# ---- an extension that was made anew ---------------------------------------------------------

$away->safe_psql('work', q{DROP EXTENSION workflow CASCADE; CREATE EXTENSION workflow; SELECT workflow.map_owner('clerk', 'worker')});
$run = run_of('put', 8);
trouble('was restored from a backup', 'alive');
is(runtime('restored_to, approved'), '-infinity|f', 'has nothing of what was told');
is($home->safe_psql('postgres', "SELECT state FROM workflow.get_run('$run')"), 'waiting', 'and does nothing');
$home->safe_psql('postgres', q{SELECT workflow.approve_runtime('B')});
ends($run, 'B', 'until somebody has approved it');

$away->stop;
$home->stop;
done_testing();
