# An owner's executors for one kind of work are idle when work of another kind comes:
# somebody who can do it hears of it at once, long before a sweep.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('kinds', 'workflow.sweep_interval = 1h', 'workflow.executor_idle_timeout = 1h');

my %work = (
	schedule => q{
		SELECT workflow.create_schedule('second', 'note', every => '1 second') WHERE NOT EXISTS (SELECT FROM workflow.schedules);
		SELECT workflow.resume_schedule('second')},
	step => q{SELECT workflow.start('order')},
	bulk => q{
		SELECT count(*) FROM workflow.start_many('draft', array_fill('{}'::jsonb, ARRAY[10]));
		SELECT workflow.bulk('cancel', '{"definition": "draft", "status": "idled"}')});
my %done = (
	schedule => q{SELECT next > now() AND last_at > resumed FROM workflow.schedules, (SELECT max(at) AS resumed FROM workflow.audit WHERE act = 'resume_schedule') r},
	step => q{SELECT NOT EXISTS (SELECT FROM workflow.processes WHERE definition = 'order' AND status <> 'finalized')},
	bulk => q{SELECT NOT EXISTS (SELECT FROM workflow.bulks WHERE ended_at IS NULL)});

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"after": {"0": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.define('{"id": "draft", "initial": "new", "states": {"new": {"on": {"go": "new"}}}}');
	SELECT workflow.create_job('note', 'SELECT 1')});

# Each kind comes when executors of those before it are idle, and once more when all are.
foreach my $kind (qw(schedule step bulk schedule step bulk))
{
	as($node, 'clerk', $work{$kind});
	wait_for($node, $done{$kind}, "the $kind");
	as($node, 'clerk', q{SELECT workflow.pause_schedule('second')}) if $kind eq 'schedule';
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor' AND state = 'busy')}, 'idle executors');
	ok(1, "a $kind is done");
}
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.workers() WHERE kind = 'executor' AND state = 'idle'}), '>=', 3,
	'by executors for each kind');

$node->stop;
done_testing();
