# Claims go past what others are at: what is locked is walked over once, not by
# every claim; and it is not forgotten.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('cursor',
	'workflow.max_executors = 1',
	'workflow.batch_size = 20',
	'workflow.batch_time = 1d',	# no batch is ended early
	'workflow.enabled = off',
	'workflow.sweep_interval = 1h');

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new",
		"states": {"new": {"on": {"go": "packed"}}, "packed": {"type": "final"}}}');
	BEGIN;
	SELECT count(workflow.post(s, 'go')) FROM workflow.start_many('order', array_fill(null::jsonb, ARRAY[1000]),
		ARRAY(SELECT 'held ' || i FROM generate_series(1, 1000) i)) s;
	COMMIT;
	SELECT count(workflow.post(s, 'go')) FROM workflow.start_many('order', array_fill(null::jsonb, ARRAY[10000])) s});
# Stable numbers: what the executor reads, it reads by the index.
$node->safe_psql('postgres', 'VACUUM ANALYZE workflow.process, workflow.timer');

sub fetched
{
	return $node->safe_psql('postgres', q{SELECT idx_tup_fetch FROM pg_stat_all_indexes WHERE indexrelname = 'process_pkey'});
}

my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM workflow.process WHERE key LIKE 'held%' FOR UPDATE) p});
my $before = fetched();
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->reload;
wait_for($node, q{SELECT count(*) = 10000 FROM workflow.process WHERE status = 'finalized'}, 'those that nobody holds');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process WHERE key LIKE 'held%' AND status = 'finalized'}), '0',
	'what is held waits');
$holder->query_safe('ROLLBACK');
wait_for($node, q{SELECT count(*) = 11000 FROM workflow.process WHERE status = 'finalized'}, 'what was held');
ok(1, 'when it is let go, it is done');
wait_for($node, q{SELECT state = 'idle' FROM workflow.activity WHERE kind = 'executor'}, 'the executor to rest');
wait_for($node, qq{SELECT idx_tup_fetch >= $before + 11000 FROM pg_stat_all_indexes WHERE indexrelname = 'process_pkey'}, 'its statistics');

# 500 batches of 20; each over all that is held would make 500,000.
my $fetched = fetched() - $before;
note("$fetched rows of process read by id");
cmp_ok($fetched, '<', 250000, 'not every claim walked over what was held');

#
# What a command held while it was skipped, and which it gave a timer for later,
# comes next: not after all that became due behind it.
#
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->reload;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executor to leave');
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.note (at int GENERATED ALWAYS AS IDENTITY, n int);
	CREATE FUNCTION shop.do(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		'INSERT INTO shop.note (n) VALUES ((context->>$$n$$)::int); SELECT pg_advisory_xact_lock_shared(1)';
	SELECT workflow.define('{"id": "line", "initial": "new",
		"states": {
			"new": {"on": {"look": "looked", "go": {"target": "over", "actions": "shop.do"}}},
			"looked": {"after": {"1 day": "over"}, "on": {"go": {"target": "over", "actions": "shop.do"}}},
			"over": {"type": "final"}}}');
	SELECT count(workflow.post(s, 'go', at => now() - interval '1 hour' + n * interval '1 second'))
	FROM workflow.start_many('line', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(0, 100) i),
		ARRAY(SELECT 'line ' || i FROM generate_series(0, 100) i)) WITH ORDINALITY s(s, n)});
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
my $client = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$client->query_safe(q{BEGIN; SELECT workflow.send_by_key('line', 'line 0', 'look')});
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->reload;
wait_for($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'the first batch');
$client->query_safe('COMMIT');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
wait_for_count($node, 101, 'shop.note');
is($node->safe_psql('postgres', 'SELECT at FROM shop.note WHERE n = 0'), 21, 'what a command held comes next, whatever it has set off');

$_->quit foreach ($gate, $client, $holder);
$node->stop;
done_testing();
