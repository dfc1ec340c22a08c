\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Which runs come next: priorities and ageing, shares of partitions, rates, and queues that
-- are full. Claimed by workers; ordered queues, executors and starts of the server are in
-- t/order.pl, where transactions end.

CREATE TABLE app.mine (run uuid, fence bigint, name text);
-- Claims; returns the names of what it got.
CREATE FUNCTION app.claimed(queue text, n int DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    WITH c AS (SELECT * FROM workflow.claim(claimed.queue, 'w1', claimed.n) WITH ORDINALITY),
         m AS (INSERT INTO app.mine SELECT c.run, c.fence, c.params ->> 'n' FROM c)
    SELECT string_agg(c.params ->> 'n', ' ' ORDER BY c.ordinality) INTO result FROM c;
    RETURN COALESCE(result, '');
END $$;
-- How many of each partition a claim gets.
CREATE FUNCTION app.shares(queue text, n int, times int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(p || ' ' || c, ', ' ORDER BY p) FROM (
        SELECT c.partition, count(*) FROM generate_series(1, shares.times) i
        CROSS JOIN LATERAL workflow.claim(shares.queue, 'w1', shares.n + 0 * i) c GROUP BY 1) s(p, c)
$$;
CREATE FUNCTION app.put(job text, n text, partition text DEFAULT 'p', priority int DEFAULT NULL, at timestamptz DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS
    $$ SELECT workflow.run_job(put.job, jsonb_build_object('n', put.n), partition => put.partition, priority => put.priority, at => put.at) $$;
CREATE FUNCTION app.ended(n text) RETURNS boolean LANGUAGE sql AS
    $$ SELECT workflow.complete(m.run, m.fence) FROM app.mine m WHERE m.name = ended.n $$;
CREATE FUNCTION app.failed(n text, code text DEFAULT 'busy') RETURNS text LANGUAGE sql AS
    $$ SELECT workflow.fail(m.run, m.fence, jsonb_build_object('code', failed.code)) FROM app.mine m WHERE m.name = failed.n $$;
CREATE FUNCTION app.looks(n text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', r.state, r.waits_for) FROM workflow.runs r WHERE r.params ->> 'n' = looks.n $$;

-- priorities
SELECT workflow.create_queue('desk', ageing => '10 minutes') \g /dev/null
SELECT workflow.create_job('form', queue => 'desk') \g /dev/null
SELECT put('form', 'low', priority => -2) \g /dev/null
SELECT put('form', 'high', priority => 2) \g /dev/null
SELECT put('form', 'mean', priority => 0) \g /dev/null
SELECT is(claimed('desk', 2), 'high mean', 'the most urgent runs come first');
SELECT put('form', 'one up', priority => -1) \g /dev/null
SELECT is(claimed('desk'), 'one up', 'what waits does so');
SELECT put('form', 'old', priority => -1, at => '2030-01-01 03:11+00') \g /dev/null
CALL clock('2030-01-01 03:25+00');
SELECT put('form', 'new', priority => 0) \g /dev/null
SELECT put('form', 'urgent', priority => 1) \g /dev/null
SELECT is(claimed('desk', 3), 'low urgent old', 'until it has waited for long enough; not before it was due');
SELECT is(claimed('desk'), 'new', 'and then the others');

-- shares
SELECT workflow.create_queue('shared', weights => '{"gold": 3}', ageing => NULL) \g /dev/null
SELECT workflow.create_job('task', queue => 'shared') \g /dev/null
SELECT count(*) FROM workflow.run_jobs('task', array_fill('{}'::jsonb, ARRAY[1000]),
    partitions => (SELECT array_agg(CASE WHEN i <= 800 THEN 'gold' WHEN i <= 900 THEN 'tin' ELSE 'wood' END) FROM generate_series(1, 1000) i)) \g /dev/null
SELECT is(shares('shared', 50), 'gold 30, tin 10, wood 10', 'partitions have shares by their weights');
SELECT is(shares('shared', 50), 'gold 30, tin 10, wood 10', 'each time');
SELECT ok(shares('shared', 1, 50) ~ '^gold (2[5-9]|3.), tin ([6-9]|1[0-5]), wood ([6-9]|1[0-5])$', 'also one by one');
SELECT workflow.alter_queue('shared', '{"weights": null}') \g /dev/null
SELECT is(shares('shared', 30), 'gold 10, tin 10, wood 10', 'without weights all have the same');
SELECT workflow.alter_queue('shared', '{"fair": false}') \g /dev/null
SELECT is(shares('shared', 30), 'gold 30', 'where they take no turns who came first is first');

-- rates
SELECT workflow.create_queue('gate', rate => 3, rate_interval => '1 hour') \g /dev/null
SELECT workflow.create_limit('calls', rate => 5, rate_interval => '1 hour') \g /dev/null
SELECT workflow.create_job('pass', queue => 'gate') \g /dev/null
SELECT workflow.create_job('call', limits => '{"calls": 2}') \g /dev/null
SELECT put('pass', 'p' || i) FROM generate_series(1, 5) i \g /dev/null
SELECT is(claimed('gate', 2), 'p1 p2', 'some begin');
SELECT is(ended('p1') AND ended('p2'), true, 'and end');
SELECT is(claimed('gate', 5), 'p3', 'but in the interval no more than the rate');
SELECT is(looks('p4') || ', ' || looks('p5'), 'waiting rate, waiting turn', 'the first of those that are left waits for that');
SAVEPOINT a;
SELECT workflow.alter_queue('gate', '{"rate": 4}') \g /dev/null
SELECT is(claimed('gate', 5), 'p4', 'a larger rate is had at once');
ROLLBACK TO a;
SELECT is(claimed('gate', 5), '', 'what was claimed counts, also when that was rolled back');
SELECT put('call', 'c' || i) FROM generate_series(1, 3) i \g /dev/null
SELECT is(claimed('job:call', 5), 'c1 c2', 'limits have rates, of which runs take units');
SELECT is(looks('c3'), 'waiting rate', 'the next one waits');

-- queues that are full
SELECT workflow.create_queue('short', max_waiting => 2, on_full => 'replace') \g /dev/null
SELECT workflow.create_job('news', queue => 'short') \g /dev/null
SELECT put('news', 'n' || i) FROM generate_series(1, 4) i \g /dev/null
SELECT is((SELECT string_agg(concat_ws(' ', params ->> 'n', state, error ->> 'code'), ', ' ORDER BY params ->> 'n') FROM workflow.runs WHERE job = 'news'),
          'n1 waiting, n2 aborted replaced, n3 aborted replaced, n4 waiting', 'in a full queue the newest one that waits is replaced');
SELECT is((error($$ SELECT put('news', 'n5', 'other') $$))[1:2], ARRAY['WF011', 'queue "short" is full'], 'of its partition, or none');
SELECT workflow.alter_queue('short', '{"on_full": "cancel running", "max_parallel": 1, "max_waiting": 1}') \g /dev/null
SELECT is(claimed('short', 2), 'n1', 'one runs');
SELECT put('news', 'n6') \g /dev/null
SELECT is(looks('n1') || ', ' || looks('n4') || ', ' || looks('n6'), 'aborting, waiting slot, waiting turn', 'or what runs is to stop');
SELECT is(workflow.extend(run, fence), 'cancel', 'which its worker hears') FROM app.mine WHERE name = 'n1';
SELECT is(failed('n1'), 'aborted', 'and does');

-- runtimes
SELECT workflow.create_queue('each', max_parallel => 1, per => 'runtime') \g /dev/null
SELECT workflow.create_job('piece', queue => 'each') \g /dev/null
SELECT put('piece', 'e' || i) FROM generate_series(1, 2) i \g /dev/null
SELECT is(claimed('each', 2), 'e1', 'each worker has the limits of a runtime');
SELECT is(looks('e2'), 'waiting worker', 'another one could do the next');
SELECT is(workflow.complete(run, fence), true, 'the end of one') FROM app.mine WHERE name = 'e1';

-- how full queues are
CREATE FUNCTION app.stands(queue text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', COALESCE(q.permits::text, '-'), q.running, q.waiting, r.params ->> 'n', q.head_waits_for)
    FROM workflow.queues q LEFT JOIN workflow.runs r ON r.run = q.head WHERE q.name = stands.queue $$;
SELECT workflow.create_queue('hall', 2) \g /dev/null
SELECT workflow.create_job('guest', queue => 'hall') \g /dev/null
SELECT is(stands('hall'), '0 0 0', 'an empty queue');
SELECT put('guest', 'late', at => '2031-01-01') \g /dev/null
SELECT is(stands('hall'), '0 0 1 late due', 'what is due later is the head if there is no other');
SELECT put('guest', 'h' || i) FROM generate_series(1, 3) i \g /dev/null
SELECT put('guest', 'urgent', priority => 2) \g /dev/null
SELECT is(stands('hall'), '0 0 5 urgent worker', 'who comes next, and what that waits for');
SELECT is(claimed('hall', 2), 'urgent h1', 'two of them');
SELECT is(stands('hall'), '2 2 3 h2 slot', 'have permits');
SELECT workflow.pause_queue('hall') \g /dev/null
SELECT is(stands('hall'), '2 2 3 h2 paused', 'a queue that is paused');
SELECT workflow.resume_queue('hall') \g /dev/null
SELECT workflow.grant_on('queue:hall', 'regress_clerk', 'read') \g /dev/null
SET ROLE regress_clerk;
SELECT is((SELECT concat_ws(' ', permits, head, head_waits_for) FROM workflow.queues), '2 slot', 'who may not read the job does not learn which run it is');
RESET ROLE;
SET ROLE regress_app;
SELECT is(stands('desk') ~ '^- ', true, 'where nothing is limited no permits are taken');
SELECT workflow.create_queue('paced', min_gap => '1 hour', ordered => true) \g /dev/null
SELECT workflow.create_job('step', queue => 'paced') \g /dev/null
SELECT put('step', 's' || i) FROM generate_series(1, 2) i \g /dev/null
SELECT is(claimed('paced'), 's1', 'the first one of an ordered queue');
SELECT is(stands('paced'), '1 1 1 s2 order', 'the second one waits for its end');

\set end :srcdir '/end.psql'
\i :end
