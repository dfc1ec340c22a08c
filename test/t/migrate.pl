# Processes are migrated and moved while executors work on them; and a crash in
# the middle of a migration in bulk leaves nothing half done.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('migrate', 'workflow.max_executors = 3', 'workflow.batch_size = 20');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');

# Two versions of one thing, under other names: it counts by timers until it is
# told to stop. The second one has an empty region more.
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "count", "initial": "tick", "context": {"n": 0}, "on": {"stop": ".end"}, "states": {
		"tick": {"after": {"1": {"target": "tock", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
		"tock": {"after": {"0": "tick"}},
		"end": {"type": "final"}}}');
	SELECT workflow.define('{"id": "count", "initial": "work", "context": {"n": 0}, "on": {"stop": ".end"}, "states": {
		"work": {"type": "parallel", "states": {
			"on": {"initial": "tick", "states": {
				"tick": {"after": {"1": {"target": "tack", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
				"tack": {"after": {"0": "tick"}}}},
			"aside": {}}},
		"end": {"type": "final"}}}')});
my @back_and_forth = (
	q{'count', 2, '{"tick": "work.on.tick", "tock": "work.on.tack"}'},
	# what is aside has no place of its own on the way back
	q{'count', 1, '{"work.on.tick": "tick", "work.on.tack": "tock", "work.aside": "count"}'});

# All processes are told to stop; have they done each step once, and no other?
sub stop_and_count
{
	my ($what) = @_;

	as($node, 'clerk', q{SELECT count(*) FROM (SELECT workflow.post(id, 'stop') FROM workflow.processes WHERE status <> 'finalized') s});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.process WHERE status <> 'finalized')}, "the end: $what");
	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM workflow.process p
		WHERE (context->>'n')::int <> (SELECT count(*) FROM workflow.history h WHERE h.process = p.id AND h.taken AND h.event LIKE 'after.1.%')
		   OR step <> (SELECT count(*) FROM workflow.history h WHERE h.process = p.id)}),
		'0', "$what: context and history agree, no step is missing or came twice");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.timer'), '0', "$what: no timer is left");
	return;
}

as($node, 'clerk', q{SELECT count(s) FROM workflow.start_many('count', array_fill(NULL::jsonb, ARRAY[50]), version => 1) s});
my ($moved, $rounds) = (0, 0);
while ($moved < 500)
{
	$moved += as($node, 'clerk', "SELECT count(states) FROM workflow.migrate_many($back_and_forth[$rounds++ % 2])");
	die 'they are never free' if $rounds > 10000;
}
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.process WHERE (context->>'n')::int < 10)}, 'ten ticks of each');
stop_and_count('migrated by turns');

# Moved by hand while executors are at work.
as($node, 'clerk', q{SELECT count(s) FROM workflow.start_many('count', array_fill(NULL::jsonb, ARRAY[50]), version => 1) s});
for my $states ('{tock}', '{tick}', '{tock}', '{tick}')
{
	as($node, 'clerk', qq{
		SELECT count(v) FROM workflow.processes p CROSS JOIN LATERAL workflow.set_states(p.id, '$states', execute => false) v
		WHERE p.status <> 'finalized'});
}
stop_and_count('moved by hand');

# A crash when 1,500 of 3,000 have been moved: the delay of a new timer waits
# for a lock there.
as($node, 'clerk', q{
	CREATE FUNCTION shop.wait(context jsonb) RETURNS interval LANGUAGE plpgsql AS $$
	BEGIN
		IF (context->>'n')::int = 1500 THEN
			PERFORM pg_advisory_xact_lock_shared(1);
		END IF;
		RETURN '1 year';
	END $$;
	SELECT workflow.define('{"id": "many", "initial": "a", "states": {"a": {"after": {"1 day": "b"}}, "b": {"type": "final"}}}');
	SELECT count(s) FROM workflow.start_many('many', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1, 3000) i)) s;
	SELECT workflow.define('{"id": "many", "initial": "z", "delays": {"long": {"@expr": "shop.wait(context)"}}, "states": {
		"z": {"after": {"1 day": "b", "long": "b"}}, "b": {"type": "final"}}}')});
my $all = q{
	SELECT d.version, p.states, p.step, count(*), count(t.event), min(t.event), max(t.event)
	FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition JOIN workflow.timer t ON t.process = p.id
	WHERE d.name = 'many' GROUP BY 1, 2, 3};
my $gate = $node->background_psql('postgres');
my $operator = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'clerk' ]);
$gate->query_safe('SELECT pg_advisory_lock(1)');
$operator->query_until(qr/begun/, qq{\\echo begun
	SELECT count(*) FROM workflow.migrate_many('many', mapping => '{"a": "z"}');
});
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'clerk' AND wait_event_type = 'Lock' AND wait_event = 'advisory')},
	'the middle of the migration');
$node->stop('immediate');
eval { $_->quit } for ($operator, $gate);
$node->start;
is($node->safe_psql('postgres', $all), '1|{a}|1|3000|3000|after.1 day.a|after.1 day.a', 'a crash in the middle of a migration in bulk: nothing was done');
is(as($node, 'clerk', q{SELECT count(states) FROM workflow.migrate_many('many', mapping => '{"a": "z"}')}), '3000', 'then it is done');
is($node->safe_psql('postgres', $all), '2|{z}|2|6000|6000|after.1 day.z|after.long.z', 'as a whole');

$node->stop;
done_testing();
