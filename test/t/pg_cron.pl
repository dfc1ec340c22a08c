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

# Since version 1.5 pg_cron has schedules of seconds; before, jobs begin with a minute. So what
# is waited for is arranged to come with the same one.
my ($minor) = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'}) =~ /^1\.(\d+)/;
my $often = defined $minor && $minor < 5 ? '* * * * *' : '1 seconds';

# The jobs of the page, as often as can be; its commands as they stand there.
my $page = slurp_file("$FindBin::Bin/../../doc/schedules.md");
my %job = $page =~ /cron\.schedule\('([^']+)', '[^']+', \$\$\s*(.*?)\s*\$\$\)/gs;
is_deeply([ sort keys %job ], [ 'bills', 'bills, if missed', 'reminders' ], 'the jobs of the page');
as($node, 'clerk', qq{SELECT cron.schedule('$_', '$often', \$job\$$job{$_}\$job\$)}) foreach ('bills', 'bills, if missed');

# Housekeeping, by an administrator who is no superuser, in the interval style that is furthest from ours.
$node->safe_psql('postgres', q{CREATE ROLE keeper LOGIN; GRANT workflow_admin TO keeper});
like(refusal($node, 'keeper', 'SELECT workflow.install_cron()'), qr/^42501: permission denied for schema cron/, 'pg_cron has to be allowed');
$node->safe_psql('postgres', q{GRANT USAGE ON SCHEMA cron TO keeper; ALTER ROLE keeper SET intervalstyle TO sql_standard});
as($node, 'keeper', q{SELECT workflow.install_cron('1 month 2 hours')});
as($node, 'keeper', q{SELECT workflow.install_cron()}) foreach 1 .. 2;
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', jobname, schedule, username, split_part(command, ';', 1)), '; ' ORDER BY jobname) FROM cron.job WHERE jobname ~ '^workflow'}),
	q{workflow housekeeping: check 30 3 * * * keeper DO $check$ DECLARE found pg_catalog.text; }
	. q{workflow housekeeping: expire 0 3 * * * keeper CALL workflow.expire_all('90 days')}, 'housekeeping is installed once');
as($node, 'keeper', q{SELECT workflow.install_cron(NULL)});
is($node->safe_psql('postgres', q{SELECT string_agg(jobname, ', ') FROM cron.job WHERE jobname ~ '^workflow'}), 'workflow housekeeping: check', 'without an end nothing expires');
as($node, 'keeper', q{SELECT workflow.install_cron('2 hours')});
$node->safe_psql('postgres', qq{UPDATE cron.job SET schedule = '$often' WHERE jobname ~ '^workflow'});

# A schedule that pg_cron fires.
as($node, 'clerk', q{
	SELECT workflow.create_job('note', 'SELECT 1');
	SELECT workflow.create_schedule('minutes', 'note', cron => '* * * * *', engine => 'pg_cron', overlap => 'allow')});
is($node->safe_psql('postgres', q{SELECT concat_ws(' ', jobname, schedule, username, command) FROM cron.job WHERE jobname ~ '^workflow:'}),
	q{workflow: minutes * * * * * clerk SELECT workflow.trigger_now('minutes', due => true)}, 'pg_cron knows it');

wait_for($node, q{SELECT count(DISTINCT j.jobname) = 4 FROM cron.job_run_details d JOIN cron.job j USING (jobid)
	WHERE d.status = 'succeeded' AND j.jobname !~ '^workflow:'}, 'a run of each job');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}), 0, 'none failed');
wait_for($node, q{SELECT count(*) >= 7 AND bool_and(status = 'finalized') FROM workflow.processes}, 'processes that ended');
is($node->safe_psql('postgres', q{SELECT count(*) = count(DISTINCT key) AND bool_and(started_by = 'clerk') FROM workflow.processes}),
	't', 'one for each night, by the role that scheduled them');

# What pg_cron cannot fire.
foreach my $case (
	[ q{every => '1 hour'}, qr/^22023: pg_cron needs a cron expression of five fields/ ],
	[ q{cron => '0 * * * * *'}, qr/^22023: pg_cron needs a cron expression of five fields/ ],
	[ q{cron => '0 * * * *', zone => 'Asia/Tokyo'}, qr/^22023: pg_cron works in time zone "GMT", not in "Asia\/Tokyo"/ ],
	[ q{cron => '0 * * * *', jitter => '1 s'}, qr/^22023: pg_cron has no jitter/ ])
{
	my ($arguments, $message) = @$case;

	like(refusal($node, 'clerk', "SELECT workflow.create_schedule('x', 'note', engine => 'pg_cron', $arguments)"), $message, "no $arguments");
}
wait_for($node, q{SELECT made >= 1 AND last_at < last + interval '50 seconds' FROM workflow.schedules WHERE name = 'minutes'}, 'pg_cron to fire it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname = 'workflow: minutes' AND d.status = 'failed'}),
	0, 'without an error');

# Then pg_cron does not fire it: terminated, the launcher of some versions comes back, so its
# job is put out of action. For us that time, and the minute that pg_cron has for it, pass at once.
my $inactive = $node->safe_psql('postgres', q{UPDATE cron.job SET active = false WHERE jobname = 'workflow: minutes'; SELECT clock_timestamp()});
wait_for($node, qq{SELECT count(*) FILTER (WHERE j.jobname = 'bills' AND d.start_time > '$inactive') > 0
	AND count(*) FILTER (WHERE j.jobname = 'workflow: minutes' AND d.end_time IS NULL) = 0
	FROM cron.job_run_details d JOIN cron.job j USING (jobid)}, 'pg_cron to begin others, and not that one');
my $made = $node->safe_psql('postgres', q{SELECT made FROM workflow.schedules});
my $late = $node->safe_psql('postgres', q{SELECT next + interval '61 seconds' FROM workflow.schedules});
$node->safe_psql('postgres', qq{ALTER SYSTEM SET workflow.test_clock = '$late'});
$node->reload;
wait_for($node, qq{SELECT made > $made AND last_at >= last + interval '1 minute' FROM workflow.schedules}, 'an executor to fire it');
is($node->safe_psql('postgres', q{SELECT count(*) = count(DISTINCT key) FROM workflow.runs WHERE actor = 'schedule:minutes'}), 't', 'each once');
as($node, 'clerk', q{SELECT workflow.drop_schedule('minutes')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname ~ '^workflow:'}), 0, 'its job ends with it');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.test_clock});
$node->reload;

# What check() finds is told where people look for jobs that failed.
$node->safe_psql('postgres', q{INSERT INTO workflow.attribute VALUES (gen_random_uuid(), 'bill', 'lost', '1')});
wait_for($node, q{SELECT EXISTS (SELECT FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname = 'workflow housekeeping: check'
	AND d.status = 'failed' AND d.return_message ~ 'has found: attribute of no process')}, 'what check() finds');
ok(1, 'the job that checks fails when something does not fit together, and says what');
as($node, 'keeper', 'SELECT workflow.remove_cron()') foreach 1 .. 2;
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname ~ '^workflow'}), 0, 'housekeeping is removed');

# The reminders of the page, by hand.
$node->safe_psql('postgres', q{CREATE SCHEMA shop AUTHORIZATION clerk; SET ROLE clerk;
	CREATE TABLE shop.customer (id int, owes numeric); INSERT INTO shop.customer SELECT n, n % 2 FROM generate_series(1, 10) n;
	SELECT workflow.define('{"id": "reminder", "initial": "a", "states": {"a": {}}}')});
is(as($node, 'clerk', $job{reminders}), 5, 'one for each customer');
is(as($node, 'clerk', "$job{reminders}; SELECT count(*) FROM workflow.processes WHERE definition = 'reminder'"), "5\n5", 'once a day');

done_testing();
