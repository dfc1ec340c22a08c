# Which runs come next, as the runs see it themselves: in an ordered queue one after the
# other, whoever owns them and however often one fails; no more of them in an interval
# than a rate allows, and not too soon after each other, also over starts of the server;
# the most urgent first; and partitions in turn.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('order', 'workflow.max_executors = 6', 'workflow.retry_delay = 100ms',
	'restart_after_crash = on');

workflow_role($node, 'cook');
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE mark (id int GENERATED ALWAYS AS IDENTITY, n int, p text, began timestamptz, ended timestamptz);
	CREATE TABLE mended (at timestamptz);
	CREATE SEQUENCE attempt;
	CREATE FUNCTION note(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE began timestamptz := clock_timestamp();
	BEGIN
		IF params ? 'fails' AND nextval('shop.attempt') <= (params->>'fails')::int THEN RAISE 'not yet'; END IF;
		IF params ? 'broken' AND NOT EXISTS (SELECT FROM shop.mended) THEN RAISE 'broken'; END IF;
		PERFORM pg_sleep((params->>'s')::float8);
		INSERT INTO shop.mark (n, p, began, ended) VALUES ((params->>'n')::int, params->>'p', began, clock_timestamp());
	END $$;
	GRANT USAGE ON SCHEMA shop TO cook;
	GRANT INSERT ON mark TO cook;
	GRANT SELECT ON mended TO cook;
	GRANT USAGE ON SEQUENCE attempt TO cook;
	SELECT workflow.create_queue('line', ordered => true);
	SELECT FROM workflow.grant_on('queue:line', 'cook', 'use');
	SELECT workflow.create_job('fry', 'note', queue => 'line');
	SELECT workflow.create_job('outside', queue => 'line', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}');
	SELECT workflow.create_queue('strict', ordered => true, on_failed => 'block');
	SELECT workflow.create_job('strict', 'note', queue => 'strict', retry => '{"errors": "*", "maxAttempts": 0}');
	SELECT workflow.create_queue('pace', rate => 10, rate_interval => '2 seconds');
	SELECT workflow.create_job('pace', 'note', queue => 'pace');
	SELECT workflow.create_queue('slow', rate => 5, rate_interval => '1 hour');
	SELECT workflow.create_job('slow', 'note', queue => 'slow');
	SELECT workflow.create_limit('slow', rate => 5, rate_interval => '1 hour');
	SELECT workflow.create_job('call', 'note', limits => '{"slow": 2}', mode => 'tracked');
	SELECT workflow.create_queue('rest', max_parallel => 1, min_gap => '1 hour');
	SELECT workflow.create_job('rest', 'note', queue => 'rest');
	SELECT workflow.create_queue('desk', max_parallel => 1);
	SELECT workflow.create_job('desk', 'note', queue => 'desk');
	SELECT workflow.create_queue('fair');
	SELECT workflow.create_job('fair', 'note', queue => 'fair')});
as($node, 'cook', q{
	SELECT workflow.create_job('roast', 'shop.note', queue => 'line', mode => 'tracked');
	SELECT workflow.create_job('boil', 'shop.note', queue => 'line')});

sub marks
{
	my ($what, $where) = @_;

	return $node->safe_psql('postgres', "SELECT $what FROM shop.mark " . ($where // ''));
}

# Until nothing of the queue is left, but what waits for that.
sub wait_for_end
{
	my ($queue, $left) = @_;

	wait_for($node, qq{SELECT NOT EXISTS (SELECT FROM workflow.runs WHERE queue = '$queue' AND ended_at IS NULL
		AND COALESCE(waits_for, state) NOT IN ('turn', 'order', '} . ($left // 'none') . "'))", "the end of $queue");
	return;
}

# What runs of a queue wait for, or are.
sub states
{
	my ($queue) = @_;

	return $node->safe_psql('postgres', qq{SELECT string_agg(DISTINCT COALESCE(waits_for, state), ' ') FROM workflow.runs
		WHERE queue = '$queue'});
}

sub restart
{
	$node->stop('immediate');
	$node->start;
	return;
}

# --- order --------------------------------------------------------------------------------------

# of three jobs, two owners, atomic and tracked ones
$node->safe_psql('postgres', q{
	SELECT workflow.pause_queue('line');
	DO $$
	BEGIN
		FOR i IN 1 .. 90 LOOP
			EXECUTE 'SET ROLE ' || CASE i % 3 WHEN 0 THEN 'clerk' ELSE 'cook' END;
			PERFORM workflow.run_job((ARRAY['fry', 'roast', 'boil'])[i % 3 + 1], jsonb_build_object('n', i, 'p', i / 3 % 4),
				partition => (i / 3 % 4)::text, priority => i % 5 - 2);
			RESET ROLE;
		END LOOP;
	END $$;
	SELECT workflow.resume_queue('line')});
wait_for($node, 'SELECT count(*) > 10 FROM shop.mark', 'some of them');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
restart();
wait_for_end('line');
is(marks('count(*), count(DISTINCT n)'), '90|90', 'all of an ordered queue are done once');
is(marks('count(*)', q{a JOIN shop.mark b ON b.p = a.p AND b.n > a.n AND (b.id < a.id OR b.began < a.ended)}), 0,
	'one after the other in each partition, whoever owns them');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT setval('shop.attempt', 1, false);
	SELECT workflow.pause_queue('line');
	SELECT workflow.run_job('fry', '{"n": 1, "fails": 2}'), workflow.run_job('fry', '{"n": 2}'), workflow.run_job('fry', '{"n": 3}');
	SELECT workflow.resume_queue('line')});
wait_for_end('line');
is(marks('array_agg(n ORDER BY id)'), '{1,2,3}', 'one that is tried again keeps its place');

# workers: outputs of statements, each in a transaction of its own
is(as($node, 'clerk', q{
	CREATE FUNCTION shop.looks() RETURNS text LANGUAGE sql AS $$
		SELECT string_agg(concat_ws(' ', r.params->>'n', COALESCE(r.waits_for, r.state)), ', ' ORDER BY r.params->>'n')
		FROM workflow.runs r WHERE r.job = 'outside' AND r.ended_at IS NULL $$;
	SELECT FROM workflow.run_jobs('outside', ARRAY['{"n": 1}', '{"n": 2}', '{"n": 3}']::jsonb[]);
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT 'claimed', params->>'n' FROM workflow.get_run(:'run') g JOIN workflow.runs USING (run);
	SELECT 'none', count(*) FROM workflow.claim('line', 'w', 5);
	SELECT shop.looks();
	SELECT workflow.park(event => 'go', run => :'run', fence => :fence);
	SELECT 'parked', count(*) FROM workflow.claim('line', 'w', 5);
	SELECT shop.looks();
	SELECT workflow.signal(:'run', 'go');
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT workflow.fail(:'run', :fence, '{"code": "x"}', now() + '1 hour');
	SELECT 'waits', count(*) FROM workflow.claim('line', 'w', 5);
	SELECT shop.looks();
	SELECT workflow.alter_queue('line', '{"on_failed": "block"}');
	SELECT workflow.retry_run(:'run');
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT workflow.fail(:'run', :fence, '{"code": "x"}', final => true);
	SELECT 'blocks', count(*) FROM workflow.claim('line', 'w', 5);
	SELECT shop.looks();
	SELECT running, waiting FROM workflow.queues WHERE name = 'line';
	SELECT workflow.redrive('outside');
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT workflow.fail(:'run', :fence, '{"code": "x"}', final => true);
	SELECT shop.looks();
	SELECT workflow.cancel_run(:'run');
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT workflow.fail(:'run', :fence, '{"code": "x"}', final => true);
	SELECT workflow.alter_queue('line', '{"on_failed": "skip"}');
	SELECT shop.looks();
	SELECT run, fence FROM workflow.claim('line', 'w', 5) \gset
	SELECT workflow.complete(:'run', :fence)}),
	join("\n", 'claimed|1', 'none|0', '1 running, 2 order, 3 order', '', 'parked|0', '1 signal, 2 order, 3 order', 't',
		'waiting', 'waits|0', '1 retry, 2 order, 3 order', '', 't', 'failed', 'blocks|0', '1 failed, 2 order, 3 order', '0|2',
		'1', 'failed', '1 failed, 2 order, 3 order', 'aborted', 'failed', '', '3 worker', 't'),
	'workers get the first run of a partition and no other, whatever that waits for');

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.pause_queue('strict');
	SELECT workflow.run_job('strict', '{"n": 1, "broken": true}'), workflow.run_job('strict', '{"n": 2}'), workflow.run_job('strict', '{"n": 3}', partition => 'p');
	SELECT workflow.resume_queue('strict')});
wait_for($node, 'SELECT count(*) = 1 FROM shop.mark', 'the one of another partition');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs WHERE queue = 'strict' AND state = 'failed'}, 'the failure');
restart();
as($node, 'clerk', q{SELECT workflow.run_job('strict', '{"n": 4}', partition => 'p')});
wait_for($node, 'SELECT count(*) = 2 FROM shop.mark', 'one more of another partition');
is(states('strict'), 'failed finished order', 'one that has failed blocks those behind it');
as($node, 'clerk', q{INSERT INTO shop.mended VALUES (now()); SELECT workflow.retry_run(run) FROM workflow.runs WHERE queue = 'strict' AND state = 'failed'});
wait_for_end('strict');
is(marks('array_agg(n ORDER BY id)'), '{3,4,1,2}', 'until it is tried once more');

# --- rates and gaps ---------------------------------------------------------------------------------

as($node, 'clerk', q{TRUNCATE shop.mark;
	SELECT FROM workflow.run_jobs('pace', (SELECT array_agg(jsonb_build_object('n', i)) FROM generate_series(1, 35) i))});
wait_for($node, 'SELECT count(*) > 14 FROM shop.mark', 'some of them');
restart();
wait_for_end('pace', 'none');
wait_for($node, 'SELECT count(*) = 35 FROM shop.mark', 'all of them');
# by when they were begun: their first statement comes later, on a busy machine much later
my $paced = q{(SELECT started_at AS began FROM workflow.runs WHERE queue = 'pace')};
cmp_ok($node->safe_psql('postgres', qq{SELECT max(c) FROM $paced a,
		LATERAL (SELECT count(*) AS c FROM $paced b WHERE b.began >= a.began AND b.began < a.began + interval '2 seconds') w}),
	'<=', 10, 'no more begin in an interval than the rate allows, also over a crash');
cmp_ok($node->safe_psql('postgres', qq{SELECT extract(epoch FROM min(after)) FROM (SELECT began - lag(began, 10) OVER (ORDER BY began) AS after FROM $paced a) b}),
	'<', 4, 'and no less, where nothing else is in the way');

as($node, 'clerk', q{TRUNCATE shop.mark;
	SELECT FROM workflow.run_jobs('slow', array_fill('{"n": 1}'::jsonb, ARRAY[6]));
	SELECT FROM workflow.run_jobs('call', array_fill('{"n": 2}'::jsonb, ARRAY[3]));
	SELECT FROM workflow.run_jobs('rest', array_fill('{"n": 3}'::jsonb, ARRAY[2]))});
my $used = '5|2|1';
wait_for($node, 'SELECT count(*) = 8 FROM shop.mark', 'as many as may');
restart();
as($node, 'clerk', q{SELECT workflow.run_job('desk', '{"n": 4}')});
wait_for($node, 'SELECT count(*) = 9 FROM shop.mark', 'a run without a rate');
wait_for($node, q{SELECT count(*) = 3 FROM workflow.runs WHERE waits_for IN ('rate', 'gap')}, 'all counters to be known');
is(marks('count(*) FILTER (WHERE n = 1), count(*) FILTER (WHERE n = 2), count(*) FILTER (WHERE n = 3)'), $used,
	'what has begun and ended before a start of the server counts');
is(states('slow') . ', ' . states('job:call') . ', ' . states('rest'), 'finished rate, finished rate, finished gap', 'which shows');

# --- priorities and shares ----------------------------------------------------------------------------

as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.pause_queue('desk');
	SELECT workflow.run_job('desk', jsonb_build_object('n', p), priority => p, partition => (p % 2)::text) FROM generate_series(-2, 2) p;
	SELECT workflow.resume_queue('desk')});
wait_for_end('desk');
is(marks('array_agg(n ORDER BY id)'), '{2,1,0,-1,-2}', 'the most urgent runs are done first');

# most of them are of one partition
as($node, 'clerk', q{TRUNCATE shop.mark; SELECT workflow.pause_queue('fair');
	SELECT FROM workflow.run_jobs('fair', (SELECT array_agg(jsonb_build_object('n', i, 'p', CASE WHEN i <= 20000 THEN 0 ELSE i % 100 + 1 END)) FROM generate_series(1, 21000) i),
		partitions => (SELECT array_agg((CASE WHEN i <= 20000 THEN 0 ELSE i % 100 + 1 END)::text) FROM generate_series(1, 21000) i));
	SELECT workflow.resume_queue('fair')});
wait_for($node, 'SELECT count(*) = 1000 FROM shop.mark WHERE p <> \'0\'', 'the small ones');
cmp_ok(marks('count(*)', q{WHERE p = '0' AND id < (SELECT max(id) FROM shop.mark WHERE p <> '0')}), '<', 8000,
	'one with many runs does not keep the others from theirs');
wait_for_end('fair');

unlike(log_since($node), qr/as taken, and runs have/, 'the runtime has not found a permit that was counted wrongly');
$node->stop;
done_testing();
