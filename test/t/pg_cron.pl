# What doc/schedules.md says of pg_cron, with pg_cron: its jobs start processes,
# each occasion once; and schedules that pg_cron fires.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('pg_cron');
plan skip_all => 'needs pg_cron' unless -e $node->config_data('--sharedir') . '/extension/pg_cron.control';

$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'pg_cron,workflow'
max_worker_processes = 32
cron.use_background_workers = on
});
$node->start;
$node->safe_psql('postgres', q{CREATE EXTENSION workflow; CREATE EXTENSION pg_cron});
workflow_role($node, 'clerk');
$node->safe_psql('postgres', q{GRANT USAGE ON SCHEMA cron TO clerk});
as($node, 'clerk', q{SELECT workflow.define('{"id": "bill", "initial": "a", "states": {"a": {"after": {"0": "b"}}, "b": {"type": "final"}}}')});

# The jobs of the page, each minute; its commands as they stand there.
my $page = slurp_file("$FindBin::Bin/../../doc/schedules.md");
my %job = $page =~ /cron\.schedule\('([^']+)', '[^']+', \$\$\s*(.*?)\s*\$\$\)/gs;
is_deeply([ sort keys %job ], [ 'bills', 'bills, if missed', 'expire', 'reminders' ], 'the jobs of the page');
as($node, 'clerk', qq{SELECT cron.schedule('$_', '* * * * *', \$job\$$job{$_}\$job\$)}) foreach ('bills', 'bills, if missed');
$node->safe_psql('postgres', qq{SELECT cron.schedule('expire', '* * * * *', \$job\$$job{expire}\$job\$)});

wait_for($node, q{SELECT count(DISTINCT j.jobname) = 3 FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE d.status = 'succeeded'},
	'a run of each job');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}), 0, 'none failed');
wait_for($node, q{SELECT count(*) >= 7 AND bool_and(status = 'finalized') FROM workflow.processes}, 'processes that ended');
is($node->safe_psql('postgres', q{SELECT count(*) = count(DISTINCT key) AND bool_and(started_by = 'clerk') FROM workflow.processes}),
	't', 'one for each night, by the role that scheduled them');

# A schedule that pg_cron fires, and then does not: terminated, the launcher of some versions
# comes back, so its job is put out of action.
as($node, 'clerk', q{
	SELECT workflow.create_job('note', 'SELECT 1');
	SELECT workflow.create_schedule('minutes', 'note', cron => '* * * * *', engine => 'pg_cron', overlap => 'allow')});
is($node->safe_psql('postgres', q{SELECT concat_ws(' ', jobname, schedule, username, command) FROM cron.job WHERE jobname ~ '^workflow'}),
	q{workflow: minutes * * * * * clerk SELECT workflow.trigger_now('minutes', due => true)}, 'pg_cron knows it');
foreach my $case (
	[ q{every => '1 hour'}, qr/^22023: pg_cron needs a cron expression of five fields/ ],
	[ q{cron => '0 * * * * *'}, qr/^22023: pg_cron needs a cron expression of five fields/ ],
	[ q{cron => '0 * * * *', zone => 'Asia/Tokyo'}, qr/^22023: pg_cron works in time zone "GMT", not in "Asia\/Tokyo"/ ],
	[ q{cron => '0 * * * *', jitter => '1 s'}, qr/^22023: pg_cron has no jitter/ ])
{
	my ($arguments, $message) = @$case;

	like(refusal($node, 'clerk', "SELECT workflow.create_schedule('x', 'note', engine => 'pg_cron', $arguments)"), $message, "no $arguments");
}
wait_for($node, q{SELECT made = 1 AND last_at < last + interval '50 seconds' FROM workflow.schedules WHERE name = 'minutes'}, 'pg_cron to fire it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname = 'workflow: minutes' AND d.status = 'failed'}),
	0, 'without an error');
$node->safe_psql('postgres', q{UPDATE cron.job SET active = false WHERE jobname = 'workflow: minutes'});
my $made = $node->safe_psql('postgres', q{SELECT made FROM workflow.schedules});
my $next = $node->safe_psql('postgres', q{SELECT next FROM workflow.schedules});
wait_for($node, qq{SELECT clock_timestamp() > '$next'}, 'the time that pg_cron misses');
wait_for($node, qq{SELECT made > $made AND last_at >= last + interval '1 minute' FROM workflow.schedules}, 'an executor to fire it');
is($node->safe_psql('postgres', q{SELECT count(*) = count(DISTINCT key) FROM workflow.runs WHERE actor = 'schedule:minutes'}), 't', 'each once');
as($node, 'clerk', q{SELECT workflow.drop_schedule('minutes')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname ~ '^workflow'}), 0, 'its job ends with it');

# The reminders of the page, by hand.
$node->safe_psql('postgres', q{CREATE SCHEMA shop AUTHORIZATION clerk; SET ROLE clerk;
	CREATE TABLE shop.customer (id int, owes numeric); INSERT INTO shop.customer SELECT n, n % 2 FROM generate_series(1, 10) n;
	SELECT workflow.define('{"id": "reminder", "initial": "a", "states": {"a": {}}}')});
is(as($node, 'clerk', $job{reminders}), 5, 'one for each customer');
is(as($node, 'clerk', "$job{reminders}; SELECT count(*) FROM workflow.processes WHERE definition = 'reminder'"), "5\n5", 'once a day');

done_testing();
