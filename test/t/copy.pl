# A copied database is quiet until adopt(): then its work goes on there, and
# that of the original goes on in the original.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('copy', 'workflow.sweep_interval = 1s', 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10');

sub wait_in
{
	my ($database, $query, $what) = @_;

	$node->poll_query_until($database, $query) or die "waited in vain for $what";
	return;
}

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new",
		"states": {"new": {"after": {"1 day": "packed"}, "on": {"note": null}}, "packed": {"type": "final"}}}');
	SELECT workflow.start_many('order', array_fill(null::jsonb, ARRAY[3]), ARRAY['a', 'b', 'c'])}, 'shop');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE shop');

# All of it is due in the copy; nobody may look at it, who commands or what works.
$node->safe_psql('twin', 'UPDATE workflow.timer SET due = now()');
foreach my $command (q{workflow.start('order')}, q{workflow.send_by_key('order', 'a', 'note')},
	q{workflow.define('{"id": "x", "initial": "a", "states": {"a": {}}}')})
{
	my ($status, $out, $err) = $node->psql('twin', "SELECT $command", extra_params => [ '-U', 'clerk', '-v', 'VERBOSITY=verbose' ]);

	like($err, qr/ERROR:  55000: the workflows of this database were made in another one.*adopt/s, "$command is refused in the copy");
}
# Whoever is told to look at it finds it to be a copy.
$node->safe_psql('twin', 'SELECT workflow.wake()');
wait_in('twin', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname = 'twin'}, 'no worker');
is($node->safe_psql('twin', 'SELECT count(*), min(step), max(step) FROM workflow.process'), '3|1|1', 'nothing runs there');

is($node->safe_psql('twin', 'SELECT workflow.adopt()'), '1', 'adopt() finds one owner');
wait_in('twin', q{SELECT count(*) = 3 FROM workflow.process WHERE states = '{packed}'}, 'the orders of the copy');
ok(1, 'then its work goes on');
is(as($node, 'clerk', q{SELECT workflow.start('order', key => 'd') IS NOT NULL}, 'twin'), 't', 'and new work is taken');
is($node->safe_psql('shop', q{SELECT count(*) FROM workflow.process WHERE states = '{new}'}), '3', 'the original knows nothing of it');
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('order', 'a', 'note')).taken}, 'shop'), 't', 'commands go on there');
as($node, 'clerk', q{SELECT workflow.set_timer(workflow.find('order', 'a'), '1 day', now())}, 'shop');
wait_in('shop', q{SELECT states = '{packed}' FROM workflow.process WHERE key = 'a'}, 'the original');
ok(1, 'and work, too');

#
# By logical replication, which brings rows and no sequences: the new one is quiet
# until somebody switches over to it.
#
my $connection = 'host=' . $node->host . ' port=' . $node->port . ' dbname=shop';
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "fails", "initial": "a", "on_error": {"retry": [{"errors": "*", "maxAttempts": 0}]},
		"states": {"a": {"defer": ["kept"], "on": {"go": {"guard": {"@expr": "1 / (context->>''n'')::int = 1"}, "target": "a"}}}}}');
	SELECT workflow.start('fails', '{"n": 0}', key => 'f');
	SELECT workflow.post_by_key('fails', 'f', 'go');
	SELECT workflow.post_by_key('fails', 'early', 'go', early => '1 day');
	SELECT workflow.start('fails', '{"n": 1}', key => 'g');
	SELECT workflow.send_by_key('fails', 'g', 'kept');
	SELECT workflow.create_queue('desk'), workflow.create_limit('chairs', 1), workflow.publish('kept', 'nobody', keep => '1 day');
	SELECT workflow.create_job('chore', queue => 'desk');
	SELECT workflow.create_alert('late', 'lag', NULL, '1 minute');
	SELECT workflow.set_retention('job:chore', '1 day'), workflow.set_retention('job:chore', '2 days', 'failed');
	SELECT workflow.run_job('chore') FROM generate_series(1, 3);
	SELECT workflow.define('{"id": "ask", "initial": "a", "states": {"a": {"task": {"for": "ann"}, "on": {"go": "a"}}}}');
	SELECT workflow.start('ask');
	SELECT workflow.comment(task, 'once') FROM workflow.tasks}, 'shop');
wait_in('shop', q{SELECT given_up FROM workflow.errors}, 'one that fails');
$node->safe_psql('shop', 'CREATE PUBLICATION everything FOR ALL TABLES');
$node->safe_psql('shop', q{SELECT pg_create_logical_replication_slot('switch', 'pgoutput')});
$node->safe_psql('postgres', 'CREATE DATABASE successor');
$node->safe_psql('successor', 'CREATE EXTENSION workflow');
$node->safe_psql('successor', "CREATE SUBSCRIPTION switch CONNECTION '$connection' PUBLICATION everything WITH (create_slot = false)");
wait_in('successor', q{SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel}, 'the tables');
as($node, 'clerk', q{SELECT workflow.start('order', key => 'e')}, 'shop');
wait_in('successor', q{SELECT count(*) = 1 FROM workflow.process WHERE key = 'e'}, 'what comes later');
like(refusal($node, 'clerk', q{SELECT workflow.send_by_key('order', 'e', 'note')}, 'successor'), qr/adopt\(\)/, 'what is replicated is quiet');
$node->safe_psql('successor', 'DROP SUBSCRIPTION switch');
$node->safe_psql('successor', 'SELECT workflow.adopt()');
# A number that is given twice would be refused, or be that of somebody else's failure.
is(as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"on": {"note": null}, "after": {"1 day": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.post_by_key('order', 'e', 'note', at => now() + interval '1 day') FROM generate_series(1, 20);
	SELECT workflow.post_by_key('fails', 'f', 'go', at => now() + interval '1 day') FROM generate_series(1, 20);
	SELECT workflow.post_by_key('fails', 'early', 'go', early => '1 day');
	SELECT taken FROM workflow.send_by_key('fails', 'g', 'kept');
	SELECT count(*) FROM workflow.start_many('order', array_fill(null::jsonb, ARRAY[20]))}, 'successor'), join("\n", 2, ('') x 41, 'f', 20), 'all numbers go on where they were');
is($node->safe_psql('successor', q{SELECT count(*) FROM workflow.timer t JOIN workflow.failure f USING (process, seq) WHERE NOT f.given_up}), 0, 'also those of what has failed');
is(as($node, 'clerk', q{
	SELECT workflow.create_queue('bench'), workflow.create_limit('stools', 1), workflow.publish('kept', 'nobody', keep => '1 day');
	SELECT workflow.create_job('task', queue => 'bench');
	SELECT count(workflow.run_job('chore')) FROM generate_series(1, 3);
	SELECT count(*) FROM workflow.claim('desk', 'w', 10)}, 'successor'), "||0\n1\n3\n6", 'those of queues, limits, jobs and runs, too');
is(as($node, 'clerk', q{
	SELECT FROM workflow.tasks, workflow.comment(task, 'twice');
	SELECT string_agg(note, ', ' ORDER BY at) FROM workflow.approvals}, 'successor'), 'once, twice', 'and those of what people do');
is($node->safe_psql('successor', 'SELECT count(DISTINCT seq) FROM workflow.run'), 6, 'no run has the place of another one');
is(as($node, 'clerk', q{
	SELECT workflow.create_alert('later', 'lag', NULL, '1 minute');
	SELECT string_agg(name, ', ' ORDER BY name) FROM workflow.alerts}, 'successor'), "\nlate, later", 'and those of alerts');
is(as($node, 'clerk', q{
	SELECT workflow.set_retention('queue:desk', '1 day');
	SELECT count(*) FROM workflow.retention}, 'successor'), "\n3", 'and those of rules of retention');
workflow_role($node, 'novice');
is(as($node, 'novice', q{SELECT workflow.define('{"id": "mine", "initial": "a", "states": {"a": {}}}')}, 'successor'), 1, 'and those of owners');
is($node->safe_psql('successor', q{SELECT count(*) FROM workflow.check()}), 0, 'everything fits together');

$node->stop;
done_testing();
