# What dry_run() and simulate() leave behind in a session that really is the
# owner's, and what workers hear of them: nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('dry_run', 'workflow.max_executors = 4', 'workflow.sweep_interval = 86400',
	'workflow.executor_idle_timeout = 86400');

workflow_role($node, $_) foreach qw(quiet loud);
as($node, $_, qq{
	SELECT workflow.define('{"id": "$_", "initial": "a", "states": {"a": {"on": {"go": "a"}}}}');
	SELECT workflow.grant_on('$_', 'clerk', 'start', 'send');
	SELECT workflow.start('$_', key => 'one')}) foreach qw(quiet loud);

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk; GRANT CREATE ON DATABASE postgres TO clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.parent (id int PRIMARY KEY);
	CREATE TABLE shop.child (parent int REFERENCES shop.parent DEFERRABLE INITIALLY DEFERRED);
	CREATE FUNCTION shop.work(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO shop.child VALUES (1);
		CREATE TEMP TABLE scratch (i int);
		CREATE SCHEMA made;
		SET work_mem TO '1MB';
		NOTIFY heard;
		LISTEN heard;
		PERFORM workflow.define('{"id": "made", "initial": "a", "states": {"a": {}}}');
		PERFORM workflow.start('made');
		PERFORM workflow.post(workflow.find('quiet', 'one'), 'go');
		PERFORM workflow.send(workflow.find('quiet', 'one'), 'go');
		PERFORM workflow.start('quiet', at => now());
		RETURN context || '{"worked": true}';
	END
	$$;
	SELECT workflow.define('{"id": "order", "initial": "a", "states": {
		"a": {"on": {"go": {"target": "b", "actions": "shop.work"},
		             "far": {"actions": {"type": "send", "target": {"@expr": "event->''data''->>''to''"}, "event": "go"}}}},
		"b": {"after": {"PT0S": "c"}}, "c": {}}}');
	SELECT workflow.start('order', key => 'one')});

my $traces = q{SELECT string_agg(part, ';') FROM (
	SELECT (SELECT count(*) FROM shop.child) || current_setting('work_mem') AS part
	UNION ALL SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
	UNION ALL SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relpersistence = 't'
	UNION ALL SELECT string_agg(channel, ',') FROM pg_listening_channels() AS channel
	UNION ALL SELECT string_agg(name || version || states::text, ',' ORDER BY name) FROM workflow.processes p JOIN workflow.definitions d USING (version) WHERE d.name = p.definition) t};
my $before = as($node, 'clerk', $traces);

# One session: what it did before must not show in what it does after.
my $tries = q{
	SELECT taken, states, context FROM workflow.dry_run(workflow.find('order', 'one'), 'go');
	SELECT taken, states FROM workflow.dry_run(workflow.find('order', 'one'), 'far', jsonb_build_object('to', workflow.find('quiet', 'one')));
	SELECT string_agg(event || coalesce(error ->> 'message', ''), ',') FROM workflow.simulate('order', '[{"event": "go"}, {"until_idle": true}]');
	SELECT string_agg(event, ',') FROM workflow.simulate('quiet', '[{"event": "go"}]');};
my $tried = 't|{b}|{"worked": true}
t|{a}
workflow.start,go,after.PT0S.b
workflow.start,go';
is(as($node, 'clerk', $tries . $traces), "$tried\n$before", 'what a step would do to everything else, it does not do');
is(as($node, 'clerk', "BEGIN; $tries COMMIT; $traces"), "$tried\n$before", 'nor at a commit: a deferred constraint is not checked');
my ($code, $out, $err) = $node->psql('postgres', $tries . q{SELECT workflow.start('made')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/definition "made" does not exist/, 'a definition that was made in between is not known to the session');

# Workers: one that is woken looks what there is, in a transaction, even when
# there is nothing. The sweep would make it look, too.
sub post { my ($to) = @_; return as($node, 'clerk', "SELECT workflow.post(workflow.find('$to', 'one'), 'go')"); }
my $is_idle = q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor' AND owner = 'quiet'};
my $last = q{SELECT string_agg(a.pid || ' ' || a.state_change, ', ' ORDER BY a.pid) FROM pg_stat_activity a JOIN workflow.activity w USING (pid) WHERE w.owner = 'quiet'};

post('quiet');
wait_for($node, q{SELECT step > 1 FROM workflow.process WHERE id = (SELECT process FROM workflow.key WHERE definition = 'quiet')}, 'the event of the quiet one');
# and the one that has come to help if it was slow
wait_for($node, $is_idle, 'its executor to rest');
my $rests = $node->safe_psql('postgres', $last);
as($node, 'clerk', $tries) for 1 .. 3;
post('loud');
wait_for($node, q{SELECT step > 1 FROM workflow.process WHERE id = (SELECT process FROM workflow.key WHERE definition = 'loud')}, 'the event of the loud one');
wait_for($node, $is_idle, 'its executor to rest');
is($node->safe_psql('postgres', $last), $rests, 'no worker was woken');
post('quiet');
wait_for($node, q{SELECT step > 2 FROM workflow.process WHERE id = (SELECT process FROM workflow.key WHERE definition = 'quiet')}, 'one more event of the quiet one');
isnt($node->safe_psql('postgres', $last), $rests, 'which would have been seen');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.history h JOIN workflow.process p ON p.id = h.process JOIN workflow.definition d ON d.id = p.definition WHERE d.name = 'order'}), 1,
	'the process has had its start, and nothing else');

$node->stop;
done_testing();
