# Tenants with executors: policies of users' tables hold in steps, in send(), in runs, tracked
# ones with COMMIT included, and in rows that carry states; nothing of a tenant stays in an
# executor; sessions that are open hear that a role is confined; and nobody's hands reach
# across after a restore.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('tenants', 'workflow.max_executors = 1', 'workflow.max_job_executors = 1',
	'workflow.retry_delay = 100ms', 'workflow.max_attempts = 2', 'restart_after_crash = on');

workflow_role($node, 'web');
$node->safe_psql('postgres', 'CREATE SCHEMA clerk AUTHORIZATION clerk');

# A table of which each tenant sees its own rows only, the owner included, and in which
# everything that happens notes for whom.
as($node, 'clerk', q{
	CREATE TABLE note (tenant text NOT NULL DEFAULT workflow.tenant(), what text);
	ALTER TABLE note ENABLE ROW LEVEL SECURITY;
	ALTER TABLE note FORCE ROW LEVEL SECURITY;
	CREATE POLICY own ON note USING (tenant = workflow.tenant());
	CREATE TABLE paper (id text PRIMARY KEY, state text, tenant text NOT NULL);
	INSERT INTO paper VALUES ('a1', NULL, 'acme'), ('g1', NULL, 'globex'), ('g2', NULL, 'globex');
	ALTER TABLE paper ENABLE ROW LEVEL SECURITY;
	ALTER TABLE paper FORCE ROW LEVEL SECURITY;
	CREATE POLICY own ON paper USING (tenant = current_setting('workflow.tenant'));
	-- how many rows it sees, and one more
	CREATE FUNCTION note(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE sql AS $$
		WITH new AS (INSERT INTO note (what) VALUES (params #>> '{}') RETURNING 1)
		SELECT context || jsonb_build_object('seen', (SELECT count(*) FROM note)) FROM new $$;
	CREATE FUNCTION fail(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
	CREATE FUNCTION atomic(params jsonb) RETURNS text LANGUAGE sql AS
		$$ INSERT INTO note (what) VALUES ('atomic') RETURNING tenant $$;
	CREATE FUNCTION many(runs jsonb[]) RETURNS jsonb[] LANGUAGE sql AS $$
		WITH new AS (INSERT INTO note (what) SELECT 'many of ' || cardinality(runs))
		SELECT array_agg(to_jsonb(current_setting('workflow.tenant'))) FROM unnest(runs) $$;
	CREATE PROCEDURE tracked(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO note (what) VALUES ('first');
		COMMIT;
		INSERT INTO note (what) VALUES ('second');
		SET LOCAL workflow.tenant = 'other';
		ROLLBACK;
		SET workflow.tenant = 'other';
		COMMIT;
		SET workflow.tenant = 'acme';
		INSERT INTO note (what) VALUES ('third');
		COMMIT;
		IF params ? 'fail' THEN
			RAISE 'no';
		END IF;
	END $$});
as($node, 'clerk', q{
	SELECT workflow.create_job('atomic', 'atomic', result => 'text');
	SELECT workflow.create_job('many', 'many');
	SELECT workflow.create_job('tracked', 'tracked', mode => 'tracked', retry => '[]');
	SELECT workflow.create_job('whose', 'SELECT current_setting(''workflow.tenant'')', result => 'text');
	SELECT workflow.define('{"id": "order", "initial": "open", "states": {
		"open": {"entry": {"type": "note", "params": "entry"}, "after": {"100 ms": "later"}, "on": {"fail": {"actions": "fail"}}},
		"later": {"entry": {"type": "note", "params": "later"}, "invoke": {"src": "part", "onDone": "asked"}},
		"asked": {"task": {"for": "ann"}, "on": {"fail": {"actions": "fail"}, "do": {"target": "done", "actions": {"type": "note", "params": "done"}}}},
		"done": {"type": "final"}}}') WHERE workflow.define('{"id": "part", "initial": "a", "context": {"whose": {"@expr": "to_jsonb(workflow.tenant())"}},
			"states": {"a": {"entry": {"type": "note", "params": "child"}, "always": "b"}, "b": {"type": "final"}}}') > 0;
	SELECT workflow.bind('order', 'paper', 'id', 'state');
	SELECT workflow.grant_on('order', 'web', 'start', 'send', 'read', 'act');
	SELECT workflow.grant_on('job:' || j, 'web', 'run', 'read') FROM unnest(ARRAY['atomic', 'many', 'tracked', 'whose']) j});

# steps of two tenants in the batches of one executor
as($node, 'web', q{
	SELECT workflow.start('order', key => 'a1', at => now(), tenant => 'acme');
	SELECT workflow.start('order', key => 'g1', at => now(), tenant => 'globex');
	SELECT workflow.start('order', key => 'g2', at => now(), tenant => 'globex')});
wait_for($node, q{SELECT count(*) = 3 FROM workflow.tasks}, 'both ask for ann');
is($node->safe_psql('postgres', q{SELECT tenant, what, count(*) FROM clerk.note GROUP BY 1, 2 ORDER BY 1, 2}),
	join("\n", 'acme|child|1', 'acme|entry|1', 'acme|later|1', 'globex|child|2', 'globex|entry|2', 'globex|later|2'),
	'an executor works for whom it steps');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s', id, state), ', ' ORDER BY id) FROM clerk.paper}), 'a1 asked, g1 asked, g2 asked',
	'rows that carry states are written under the policy of their table');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s', tenant, context->>'whose'), ', ' ORDER BY tenant) FROM workflow.processes WHERE definition = 'part'}),
	'acme acme, globex globex, globex globex', 'and what they invoke is the tenant\'s');

# send(), by others than the owner, and by the owner
is(as($node, 'web', q{
	BEGIN;
	SET LOCAL workflow.tenant = 'acme';
	SELECT states FROM workflow.complete_task((SELECT task FROM workflow.inbox('ann')), 'do', actor => 'ann');
	COMMIT;
	SELECT '"' || current_setting('workflow.tenant') || '"'}), "{done}\n\"\"", 'a step in a session works for the tenant');
is(as($node, 'clerk', q{
	SELECT states FROM workflow.send((SELECT id FROM workflow.processes WHERE key = 'g1'), 'do');
	SELECT '"' || current_setting('workflow.tenant') || '"'}), "{done}\n\"\"", 'also in one that works for nobody');
is($node->safe_psql('postgres', q{SELECT string_agg(tenant, ' ' ORDER BY tenant) FROM clerk.note WHERE what = 'done'}), 'acme globex', 'each its own');

# procedures that wait
my $other = $node->safe_psql('postgres', q{SELECT id FROM workflow.processes WHERE key = 'g1'});
my $run = as($node, 'web', q{SELECT workflow.run_job('whose', tenant => 'globex', at => '2100-01-01')});
foreach my $call ("await('%s')", "await_run('{%s}')")
{
	my ($own, $none) = map {
		my $command = sprintf("CALL workflow.$call", $_);
		($node->psql('postgres', "SET workflow.tenant = 'acme'; $command", extra_params => [ '-U', 'web' ]))[2]
	} $call =~ /run/ ? $run : $other, '01234567-89ab-7def-8000-000000000000';
	s/[0-9a-f]{8}-[0-9a-f-]{27}/ID/g foreach $own, $none;
	like($own, qr/does not exist/, "$call of another tenant");
	is($own, $none, 'is as of nobody');
}
as($node, 'web', "SELECT workflow.cancel_run('$run')");

# errors of the code
as($node, 'web', q{SELECT workflow.post(id, 'fail') FROM workflow.processes WHERE key = 'g2'});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.errors WHERE given_up}, 'an event has failed');
is(as($node, 'web', q{SET workflow.tenant = 'acme'; SELECT count(*) FROM workflow.errors}), '0', 'errors of other tenants are not seen');
is(as($node, 'web', q{SET workflow.tenant = 'globex'; SELECT tenant, message FROM workflow.errors}), 'globex|no', 'those of the own are');

# runs, one after the other in one executor, of which nothing stays
as($node, 'web', q{
	BEGIN;
	SELECT workflow.run_job('atomic', tenant => t) FROM unnest(ARRAY['acme', 'globex', 'acme']) t;
	SELECT workflow.run_jobs('many', array_fill('{}'::jsonb, ARRAY[3]), tenant => t) FROM unnest(ARRAY['acme', 'globex']) t;
	SELECT workflow.run_job('tracked', tenant => 'acme');
	SELECT workflow.run_job('tracked', '{"fail": true}', tenant => 'acme');
	SELECT workflow.run_job('whose');
	COMMIT});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.runs WHERE ended_at IS NULL}, 'all runs have ended');
is($node->safe_psql('postgres', q{SELECT job, tenant, state, result, count(*) FROM workflow.runs GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3}),
	join("\n", 'atomic|acme|finished|"acme"|2', 'atomic|globex|finished|"globex"|1', 'many|acme|finished|"acme"|3', 'many|globex|finished|"globex"|3',
		'tracked|acme|failed||1', 'tracked|acme|finished||1', 'whose|globex|aborted||1', 'whose||finished|""|1'), 'runs work for their tenants, and those of nobody for nobody');
is($node->safe_psql('postgres', q{SELECT tenant, what, count(*) FROM clerk.note WHERE what ~ '^(first|second|third|many)' GROUP BY 1, 2 ORDER BY 1, 2}),
	join("\n", 'acme|first|2', 'acme|many of 3|1', 'acme|third|2', 'globex|many of 3|1'), 'in each of their transactions, and tenants are not mixed');
as($node, 'web', q{SELECT workflow.run_job('whose', key => 'after')});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs WHERE key = 'after' AND result = '""'}, 'what the code has set does not stay');

# a session that is open hears of it
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'web' ]);
like($session->query(q{SELECT count(DISTINCT tenant) FROM workflow.processes}), qr/^2$/m, 'a role sees all');
$node->safe_psql('postgres', q{SELECT workflow.confine('web', '{acme}')});
like($session->query(q{SELECT count(DISTINCT tenant) FROM workflow.processes}), qr/^1$/m, 'and one tenant from when it is confined on');
$session->query(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1});
$node->safe_psql('postgres', q{SELECT workflow.confine('web', '{globex}')});
like($session->query(q{SELECT workflow.tenant()}), qr/^globex$/m, 'whatever its snapshot shows');
$session->query(q{COMMIT});
$session->quit;

# a crash
my $pid = $node->safe_psql('postgres', q{SELECT pid FROM workflow.activity WHERE kind = 'executor' LIMIT 1});
as($node, 'clerk', q{SELECT workflow.start('order', key => 'a1', on_key => 'active', at => now(), tenant => 'acme')});
kill 'KILL', $pid if $pid ne '';
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM workflow.tasks WHERE tenant = 'acme'}) or die 'no task after a crash';
is($node->safe_psql('postgres', q{SELECT string_agg(c::text, ' ') FROM workflow.check() c}), '', 'everything fits together after a crash');

# another place: who was confined is
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'bash', '-c', 'pg_dump -Fc postgres | pg_restore -d copy' ], 'a dump is restored');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
is($node->safe_psql('copy', q{SELECT role, tenants FROM workflow.confined_roles}), 'web|{globex}', 'who was confined is, in a copy');
is(as($node, 'web', q{SELECT string_agg(DISTINCT tenant, ' ') FROM workflow.processes}, 'copy'), 'globex', 'and sees no more there');
is($node->safe_psql('copy', q{SELECT string_agg(c::text, ' ') FROM workflow.check() c}), '', 'everything fits together there');

# a role that was dropped takes that with it
$node->safe_psql('postgres', q{CREATE ROLE gone LOGIN IN ROLE workflow_user; SELECT workflow.confine('gone', '{acme}'); DROP OWNED BY gone; DROP ROLE gone});
as($node, 'clerk', q{SELECT workflow.define('{"id": "sweep", "initial": "a", "states": {"a": {}}}')});
is($node->safe_psql('postgres', q{SELECT string_agg(role, ' ') FROM workflow.confined_roles}), 'web', 'a role that was dropped is not confined any more');

done_testing();
