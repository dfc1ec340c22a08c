# What doc/schedules.md says of pg_cron, with pg_cron: its jobs start processes,
# each occasion once.
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

# The reminders of the page, by hand.
$node->safe_psql('postgres', q{CREATE SCHEMA shop AUTHORIZATION clerk; SET ROLE clerk;
	CREATE TABLE shop.customer (id int, owes numeric); INSERT INTO shop.customer SELECT n, n % 2 FROM generate_series(1, 10) n;
	SELECT workflow.define('{"id": "reminder", "initial": "a", "states": {"a": {}}}')});
is(as($node, 'clerk', $job{reminders}), 5, 'one for each customer');
is(as($node, 'clerk', "$job{reminders}; SELECT count(*) FROM workflow.processes WHERE definition = 'reminder'"), "5\n5", 'once a day');

done_testing();
