# An action that crashes its backend, and with that the server, comes to rest
# in error after three restarts; the others go on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('crasher', 'restart_after_crash = on', 'workflow.max_executors = 4');

$node->safe_psql('postgres', q{
	CREATE SCHEMA shop AUTHORIZATION clerk;
	GRANT pg_execute_server_program TO clerk});
as($node, 'clerk', q{
	CREATE TABLE shop.note (n int PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
	CREATE TABLE shop.fault (kind text);
	INSERT INTO shop.fault VALUES ('crash');
	CREATE FUNCTION shop.crash() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(0.3);
		EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
		PERFORM pg_sleep(60);
	END $$;
	CREATE FUNCTION shop.do(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO shop.note VALUES ((context->>'n')::int);
		PERFORM pg_sleep(0.003); -- long enough for a backlog that several executors would share
		IF context->>'kind' = 'bad' AND EXISTS (SELECT FROM shop.fault WHERE kind = 'crash') THEN
			PERFORM shop.crash();
		END IF;
	END $$;
	SELECT workflow.define('{"id": "order", "initial": "new", "context": {"n": 0, "kind": "good"},
		"states": {
			"new": {"after": {"1 day": {"target": "packed", "actions": "shop.do"}}, "on": {"drop": "dropped"}},
			"packed": {"type": "final"},
			"dropped": {"type": "final"}}}')});

# Somebody else's event that takes long is under way at each crash.
workflow_role($node, 'baker');
$node->safe_psql('postgres', 'CREATE SCHEMA bakery AUTHORIZATION baker');
as($node, 'baker', q{
	CREATE FUNCTION bakery.bake(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(3)';
	SELECT workflow.define('{"id": "bread", "initial": "dough",
		"states": {"dough": {"after": {"0": {"target": "baked", "actions": "bakery.bake"}}, "on": {"drop": "baked"}},
			"baked": {"type": "final"}}}');
	SELECT workflow.start('bread', key => 'rye')});

# The bad one lies among good ones, and more come while the server recovers.
as($node, 'clerk', q{
	BEGIN;
	SELECT count(workflow.set_timer(s.id, '1 day', now() + n * interval '1 millisecond'))
	FROM workflow.start_many('order', ARRAY(
		SELECT jsonb_build_object('n', i, 'kind', CASE i WHEN 30 THEN 'bad' ELSE 'good' END)
		FROM generate_series(1, 1000) i)) WITH ORDINALITY s(id, n);
	COMMIT});

wait_for($node, q{SELECT status = 'error' FROM workflow.process WHERE context->>'kind' = 'bad'}, 'the bad one to be given up');
wait_for($node, q{SELECT count(*) = 999 FROM workflow.processes WHERE definition = 'order' AND status = 'finalized'}, 'the good ones');
wait_for($node, q{SELECT status <> 'idled' FROM workflow.process WHERE key = 'rye'}, 'the slow one');

my @crashes = slurp_file($node->logfile) =~ /was terminated by signal 9/g;
is(scalar @crashes, 3, 'the server crashed three times');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT n) FROM shop.note}), '999|999', 'each good one was done once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.note WHERE n = 30}), '0', 'the bad one left nothing behind');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure}), '1', 'none of the good ones was blamed');
like($node->safe_psql('postgres', q{
		SELECT status, states, sqlstate, given_up, message FROM workflow.errors}),
	qr/^error\|\{new\}\|57P02\|t\|the server or the executor ended each time while this step was under way$/, 'the bad one is told as such');

# Later work is not affected.
as($node, 'clerk', q{
	SELECT workflow.set_timer(workflow.start('order', '{"n": 1001}', 'late'), '1 day', now())});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.process WHERE key = 'late'}, 'later work');

# Its cause mended, it can go on.
as($node, 'clerk', q{DELETE FROM shop.fault; SELECT workflow.resume(process) FROM workflow.errors});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.process WHERE context->>'kind' = 'bad'}, 'the bad one to go on');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT n) FROM shop.note}), '1001|1001', 'once it is mended, it goes on');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure}), '0', 'and is no error any more');

# A command that crashes its backend is its client's business: it never
# happened, and nobody repeats it.
as($node, 'clerk', q{
	CREATE FUNCTION shop.crash(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT shop.crash()';
	SELECT workflow.define('{"id": "bomb", "initial": "a",
		"states": {"a": {"on": {"go": {"target": "b", "actions": "shop.crash"}, "rest": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.start('bomb', key => 'b')});
my ($status, $out, $err) = $node->psql('postgres', q{SELECT workflow.send_by_key('bomb', 'b', 'go')},
	extra_params => [ '-U', 'clerk' ]);
isnt($status, 0, 'a command that crashes its backend has no verdict');
wait_for($node, q{SELECT states = '{a}' FROM workflow.process WHERE key = 'b'}, 'the server to come back');
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('bomb', 'b', 'rest')).states}), '{b}', 'another one is taken');

$node->stop;
done_testing();
