# What actions cost, as executors and sessions leave it in shared memory: bounded, of one
# extension, and gone with the server.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('costs', 'workflow.max_costs = 3', 'workflow.max_attempts = 1', 'restart_after_crash = on', 'workflow.executor_idle_timeout = 1s');

$node->safe_psql('postgres', 'CREATE SCHEMA app AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE app.line (n int);
	CREATE FUNCTION app.act(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO app.line VALUES (1) $$;
	CREATE FUNCTION app.spoil(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$;
	CREATE PROCEDURE app.long(params jsonb) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.line VALUES (2); COMMIT; INSERT INTO app.line VALUES (3); END $$;
	CREATE FUNCTION app.many(params jsonb[]) RETURNS jsonb[] LANGUAGE sql AS $$ SELECT params $$;
	SELECT workflow.create_job('long', 'app.long', mode => 'tracked');
	SELECT workflow.create_job('many', 'app.many');
	SELECT workflow.define('{"id": "act", "initial": "a", "states": {"a": {"after": {"1": {"target": "b", "actions": "app.act"}}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "bad", "initial": "a", "states": {"a": {"after": {"1": {"target": "b", "actions": "app.spoil"}}}, "b": {"type": "final"}}}')});

my $costs = q{SELECT coalesce(string_agg(concat_ws(' ', definition, job, function, calls || '/' || failures), ', ' ORDER BY function COLLATE "C"), '') FROM workflow.action_costs};

# --- what executors do -----------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.start('act') FROM generate_series(1, 20); SELECT workflow.start('bad'); SELECT workflow.run_job('long')});
wait_for($node, q{SELECT (SELECT count(*) FROM workflow.processes WHERE status = 'finalized') = 20 AND (SELECT count(*) FROM workflow.errors WHERE given_up) = 1
	AND (SELECT count(*) FROM workflow.runs WHERE state = 'finished') = 1}, 'the work');
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', definition, job, function, calls >= CASE function WHEN 'app.act' THEN 20 ELSE 1 END), ', ' ORDER BY function COLLATE "C") FROM workflow.action_costs}),
	'act app.act t, long app.long t, bad app.spoil t', 'executors measure what they call, and what they do once more');
is($node->safe_psql('postgres', q{SELECT sum(failures) FROM workflow.action_costs WHERE function <> 'app.spoil'}), '0', 'that has not failed');
is($node->safe_psql('postgres', q{SELECT bool_and(calls = failures) FROM workflow.action_costs WHERE function = 'app.spoil'}), 't', 'each failure is one');
is($node->safe_psql('postgres', q{SELECT wal_records >= 2 AND wal_bytes > 0 FROM workflow.action_costs WHERE job = 'long'}), 't', 'a procedure that commits has all of its WAL');

# --- it is bounded ---------------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.start('act') FROM generate_series(1, 5)});
wait_for($node, q{SELECT count(*) = 25 FROM workflow.processes WHERE status = 'finalized'}, 'more of it');
as($node, 'clerk', q{SELECT workflow.run_job('many')});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.runs WHERE state = 'finished'}, 'a fourth function');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || bool_or(function = 'app.many') FROM workflow.action_costs}), '3 true', 'what was called longest ago makes room');

# The session that had the place of what made room finds another one.
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$session->query_safe(q{SELECT workflow.create_job('j' || i, 'SELECT ' || i) FROM generate_series(1, 9) i});
$session->query_safe(q{SELECT workflow.call_job('j' || i) FROM generate_series(1, 9) i, generate_series(1, 5)});
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || bool_and(calls BETWEEN 1 AND 5) FROM workflow.action_costs}), '3 true', 'and so they do in turns');
$session->query_safe(q{SELECT workflow.call_job('j1') FROM generate_series(1, 5)});
is($node->safe_psql('postgres', q{SELECT calls >= 5 FROM workflow.action_costs WHERE job = 'j1'}), 't', 'each counts for its own');

# --- another extension -----------------------------------------------------------------

$session->quit;
$node->safe_psql('postgres', q{DROP EXTENSION workflow CASCADE; CREATE EXTENSION workflow});
is($node->safe_psql('postgres', $costs), '', 'what was measured for another extension is not shown');
as($node, 'clerk', q{SELECT workflow.create_job('one', 'SELECT 1'); SELECT workflow.call_job('one')});
is($node->safe_psql('postgres', $costs), 'one SELECT 1 1/0', 'what is called now is');

# --- a crash, and none of it -----------------------------------------------------------

my $sleeper = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ], on_error_stop => 0);
$sleeper->query_safe(q{SELECT workflow.create_job('sleep', 'SELECT pg_sleep(1000)')});
$sleeper->query_until(qr/begun/, "\\echo begun\nSELECT workflow.call_job('sleep');\n");
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}, 'a call that is under way');
my $log = -s $node->logfile;
kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log);
eval { $sleeper->quit };
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
is($node->safe_psql('postgres', $costs), '', 'after a crash it begins anew');
as($node, 'clerk', q{SELECT workflow.call_job('one')});
is($node->safe_psql('postgres', $costs), 'one SELECT 1 1/0', 'and goes on');

$node->append_conf('postgresql.conf', 'workflow.max_costs = 0');
$node->restart;
as($node, 'clerk', q{SELECT workflow.call_job('one')});
is($node->safe_psql('postgres', $costs), '', 'without a place nothing is kept');
is($node->safe_psql('postgres', 'SELECT workflow.reset_action_costs()'), '0', 'nor forgotten');

$node->stop;
done_testing();
