\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Trace contexts, and the spans of what happens in them. With executors, an exporter and
-- transactions that take long: t/trace.pl.

CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) + workflow.work_runs() > 0 LOOP END LOOP; END $$;
-- A context of the trace that is 32 times t, and the span that is 16 times s.
CREATE FUNCTION app.trace(t text, s text, flags text DEFAULT '01') RETURNS text LANGUAGE sql AS
    $$ SELECT '00-' || repeat(t, 32) || '-' || repeat(s, 16) || '-' || flags $$;
CREATE FUNCTION app.traced(traceparent text) RETURNS void LANGUAGE sql AS $$ SELECT set_config('workflow.traceparent', COALESCE(traceparent, ''), true) $$;
-- Where code is: the letter of its trace; with an action, in the context.
CREATE FUNCTION app.here() RETURNS text LANGUAGE sql AS $$ SELECT current_setting('workflow.traceparent') $$;
CREATE FUNCTION app.note_here(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT context || jsonb_build_object('here', app.here()) $$;
-- Spans that were not told of before, and below what they hang: a span of ours, by its name; one
-- that has not ended; or the digit of one of the caller's.
CREATE TABLE app.told (trace_id text, span_id text, name text, UNIQUE (trace_id, span_id));
CREATE FUNCTION app.spans(OUT trace text, OUT name text, OUT below text, OUT kind text, OUT status text, OUT links text) RETURNS SETOF record LANGUAGE sql AS $$
    WITH new AS (INSERT INTO app.told SELECT s.trace_id, s.span_id, s.name FROM workflow.spans() s ON CONFLICT DO NOTHING RETURNING *),
        spans AS (SELECT * FROM app.told UNION ALL SELECT * FROM new)
    SELECT left(s.trace_id, 1), s.name, COALESCE(p.name, CASE WHEN s.parent_span_id ~ '^(.)\1*$' THEN left(s.parent_span_id, 1) ELSE 'to come' END), s.kind, concat_ws(': ', s.status, s.status_message), l.name
    FROM workflow.spans() s JOIN new USING (trace_id, span_id)
    LEFT JOIN spans p ON p.span_id = s.parent_span_id AND p.trace_id = s.trace_id
    LEFT JOIN workflow.ended_spans l ON l.span_id = s.links -> 0 ->> 'span_id' AND l.trace_id = s.links -> 0 ->> 'trace_id'
    ORDER BY 1, 2, 3
$$;

-- What a role that peeps would have called for each row, before others are left out.
CREATE FUNCTION app.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE 'told of %', $1; END $$;

SELECT workflow.create_job('look', 'SELECT app.here()', result => 'text') \g /dev/null
CREATE FUNCTION app.many(params jsonb[]) RETURNS jsonb[] LANGUAGE sql AS $$ SELECT array_agg(to_jsonb(app.here())) FROM unnest(params) $$;
SELECT workflow.create_job('many', 'app.many') \g /dev/null
SELECT workflow.create_queue('desk') \g /dev/null
SELECT workflow.create_job('form', queue => 'desk') \g /dev/null
SELECT workflow.define('{"id": "part", "initial": "a", "states": {"a": {"entry": "app.note_here", "always": "b"}, "b": {"type": "final"}}}') \g /dev/null
SELECT workflow.define('{"id": "order", "initial": "open", "states": {
    "open": {"on": {
        "look": {"actions": "app.note_here"},
        "make": {"actions": {"type": "assign", "context": {"run": {"@expr": "to_jsonb(workflow.run_job(''look''))"}}}},
        "again": {"actions": {"type": "send", "event": "look"}},
        "later": {"actions": {"type": "send", "event": "look", "delay": "1 minute"}},
        "tell": {"actions": {"type": "send", "event": "look", "to": {"@expr": "event->''data''->>''to''"}}},
        "news": {"correlate": {"@expr": "''c''"}, "actions": "app.note_here"},
        "stray": {"actions": [{"type": "assign", "context": {"x": {"@expr": "to_jsonb(set_config(''workflow.traceparent'', app.trace(''9'', ''9''), false))"}}}, "app.note_here"]},
        "lose": "lost", "all": "all", "list": "list"}, "after": {"1 hour": {"actions": "app.note_here"}}},
    "all": {"type": "parallel", "states": {
        "part": {"initial": "on", "states": {"on": {"invoke": {"src": "part", "onDone": "off"}}, "off": {"type": "final"}}},
        "run": {"initial": "on", "states": {"on": {"invoke": {"job": "look", "onDone": "off"}}, "off": {"type": "final"}}},
        "desk": {"initial": "on", "states": {"on": {"invoke": {"job": "form", "onDone": "off"}}, "off": {"type": "final"}}}}, "onDone": "end"},
    "list": {"invoke": {"job": "look", "map": {"over": [1, 2, 3], "concurrency": 1}, "onDone": "end"}},
    "lost": {"type": "final", "outcome": "failure"}, "end": {"type": "final"}}}') \g /dev/null

-- what a context is
SELECT is(array_agg(outcome), '{22023}', 'what is none is refused') FROM (
    SELECT DISTINCT (error(format('SELECT workflow.start(''order'', traceparent => %L)', t)))[1] AS outcome FROM unnest(ARRAY[
        '', '00', 'x', 'ff-' || repeat('1', 32) || '-' || repeat('1', 16) || '-01', trace('1', '0'), trace('0', '1'), trace('1', '1') || '-',
        trace('1', '1') || '0', upper(trace('a', '1')), trace('g', '1'), trace('1', '1', '0'), trace('1', '1', 'xx'),
        replace(trace('1', '1'), '-', '_'), '0' || trace('1', '1'), ' ' || trace('1', '1'), repeat('1', 55), repeat('-', 100000),
        '01-' || repeat('1', 32) || '-' || repeat('1', 16) || '-01x']) t) o;
SELECT is(error('SELECT workflow.run_job(''look'', traceparent => ''x'')'), ARRAY['22023', '"x" is no trace context',
    'HINT: It is version-trace-span-flags, as in "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": 2, 32, 16 and 2 lower-case hexadecimal digits; neither trace nor span is all zeroes.'], 'with a hint');
SELECT is((error(format('SELECT FROM workflow.%s, traceparent => ''x'')', f)))[1:2], ARRAY['22023', '"x" is no trace context'], 'by ' || f)
FROM unnest('{"start_or_get(''order''","start_many(''order'', ''{}''","send(''00000000-0000-7000-8000-000000000000'', ''e''","send_many(''{}'', ''{}''",
    "send_by_key(''order'', ''k'', ''e''","post(''00000000-0000-7000-8000-000000000000'', ''e''","post_by_key(''order'', ''k'', ''e''","publish(''e'', ''c''",
    "run_job(''look''","run_jobs(''look'', ''{}''"}'::text[]) f;
SELECT is((error('SELECT traced(''x'')'))[1], '22023', 'nor can it be set');
SELECT traced('cc-' || repeat('1', 32) || '-' || repeat('2', 16) || '-ff-and-more') \g /dev/null
SELECT is(here(), trace('1', '2', '03'), 'one of a later version is one of ours, with the flags that we know');
SELECT traced(NULL) \g /dev/null
SELECT is(workflow.span_id(trace('1', '2'), id, n), left(encode(sha256(convert_to(trace('1', '2') || id || ':' || n, 'UTF8')), 'hex'), 16), 'an id that anybody can compute')
FROM gen_random_uuid() id, unnest('{0,1,2147483647,-1}'::int[]) n;
SELECT is((error('SELECT workflow.span_id(''x'', gen_random_uuid())'))[1], '22023', 'of a context');

-- without one there is nothing
SELECT workflow.start('order', key => 'plain') AS plain \gset
SELECT is(context ->> 'here', '', 'a process in no trace, whose code finds none') FROM workflow.send(:'plain', 'look');
SELECT is(count(*), 0::bigint, 'has no spans') FROM workflow.spans();

-- a process in the trace of its start, with commands of other traces, and of none
SELECT workflow.start('order', key => 'first', traceparent => trace('a', '1')) AS p \gset
SELECT is(here(), '', 'an argument is not the session''s');
SELECT is(context ->> 'here', format('00-%s-%s-01', repeat('b', 32), workflow.span_id(trace('b', '2'), :'p', 2)), 'code finds the span of its step')
FROM workflow.send(:'p', 'look', traceparent => trace('b', '2'));
SELECT traced(trace('c', '3')) \g /dev/null
SELECT is(left(context ->> 'here', 35), '00-' || repeat('c', 32), 'the setting is as good') FROM workflow.send(:'p', 'look');
SELECT is(left(context ->> 'here', 35), '00-' || repeat('b', 32), 'but an argument wins') FROM workflow.send(:'p', 'look', traceparent => trace('b', '2'));
SELECT is(left(context ->> 'here', 35), '00-' || repeat('c', 32), 'code that leaves its trace does so for itself') FROM workflow.send(:'p', 'stray');
SELECT is(here(), trace('c', '3'), 'the session stays where it is');
SELECT traced(NULL) \g /dev/null
SELECT is(left(context ->> 'here', 35), '00-' || repeat('a', 32), 'without any it is the trace of the process') FROM workflow.send(:'p', 'look');
SELECT * FROM spans();

-- what a step makes hangs below it
SELECT FROM workflow.send(:'p', 'make', traceparent => trace('b', '4'));
SELECT FROM workflow.send(:'p', 'again', traceparent => trace('c', '5'));
SELECT FROM workflow.send(:'p', 'later', traceparent => trace('d', '6'));
SELECT FROM workflow.send(:'p', 'tell', jsonb_build_object('to', :'plain'), traceparent => trace('e', '7'));
CALL clock('2030-01-01 00:10+00');
CALL run();
SELECT is(left(context(:'plain') ->> 'here', 35), '00-' || repeat('e', 32), 'a process in no trace is in that of its event');
SELECT is(left(result #>> '{}', 35), '00-' || repeat('b', 32), 'the code of a run finds the trace') FROM workflow.get_run((context(:'p') ->> 'run')::uuid);
SELECT is(result #>> '{}', format('00-%s-%s-01', trace_id, span_id), 'and its span') FROM workflow.get_run((context(:'p') ->> 'run')::uuid) r, workflow.spans() s
WHERE s.attributes ->> 'workflow.run' = context(:'p') ->> 'run';
SELECT is(here(), '', 'and nothing of that stays');
SELECT * FROM spans();

-- what is posted, early, published and kept
SELECT workflow.post(:'plain', 'look', traceparent => trace('a', '2')) \g /dev/null
SELECT workflow.post_by_key('order', 'plain', 'look', id => 'x', once => 'y', traceparent => trace('b', '2')) \g /dev/null
SELECT workflow.post_by_key('order', 'second', 'look', early => '1 day', traceparent => trace('c', '2')) \g /dev/null
SELECT is(workflow.publish('news', 'c', keep => '1 day', traceparent => trace('d', '2')), 2::bigint, 'two wait for it');
SELECT workflow.start('order', key => 'second') AS second \gset
CALL run();
SELECT trace, name, below, count(*) FROM spans() GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT is(count(*), 3::bigint, 'also for who comes later') FROM workflow.spans() WHERE name = 'order news';

-- what rows of users' tables make
CREATE TABLE app.item (id text PRIMARY KEY);
SELECT workflow.create_table_trigger('look', 'item', 'insert', 'look'), workflow.create_table_trigger('begin', 'item', 'insert', definition => 'order', key => 'new.id'),
    workflow.create_table_trigger('tell', 'item', 'update', definition => 'order', event => 'look', key => 'new.id') \g /dev/null
SELECT traced(trace('e', '2')) \g /dev/null
INSERT INTO app.item VALUES ('row');
SELECT traced(trace('f', '2')) \g /dev/null
UPDATE app.item SET id = id;
SELECT traced(NULL) \g /dev/null
CALL run();
SELECT * FROM spans();

-- timers of states belong to the process
CALL clock('2030-01-01 01:30+00');
CALL run();
SELECT trace, name, below, kind FROM spans();

-- children, runs and workers; many at once
SELECT is(count(*), 2::bigint, 'many') FROM workflow.start_many('order', '{NULL,NULL}', '{m1,m2}', traceparent => trace('a', '3'));
SELECT taken FROM workflow.send_many(ARRAY(SELECT workflow.find('order', k) FROM unnest('{m1,m2}'::text[]) k), '{all,list}', traceparent => trace('b', '3'));
CALL run();
SELECT run, fence, traceparent AS given FROM workflow.claim('desk', 'w') \gset
SELECT traced(:'given') \g /dev/null
SELECT workflow.run_job('look') \g /dev/null
SELECT workflow.complete(:'run', :fence) \g /dev/null
SELECT traced(NULL) \g /dev/null
CALL run();
SELECT is(states(workflow.find('order', k)), 'end', 'done') FROM unnest('{m1,m2}'::text[]) k;
SELECT * FROM spans();
SELECT is(array_agg(DISTINCT left(result #>> '{}', 1)), '{NULL}', 'what is done for several at once is in no span')
FROM workflow.run_jobs('many', '{NULL,NULL}', traceparent => trace('c', '3')) r LEFT JOIN workflow.runs u ON u.run = r;
CALL run();
SELECT trace, name, below FROM spans();

-- a migration is a step, whose code and children are below it
SELECT workflow.define('{"id": "moved", "initial": "a", "states": {"a": {}}}') \g /dev/null
SELECT workflow.start('moved', traceparent => trace('a', '6')) AS moved \gset
SELECT workflow.define('{"id": "moved", "initial": "a", "states": {"a": {"invoke": {"job": "look", "input": {"here": {"@expr": "to_jsonb(app.here())"}}}}}}') \g /dev/null
SELECT traced(trace('b', '6')) \g /dev/null
SELECT states FROM workflow.migrate(:'moved', dry_run => true);
SELECT states FROM workflow.migrate(:'moved');
SELECT traced(NULL) \g /dev/null
CALL run();
SELECT is(params ->> 'here', format('00-%s-%s-01', repeat('b', 32), workflow.span_id(trace('b', '6'), :'moved', 2)), 'code finds the span of the migration') FROM workflow.runs WHERE process = :'moved';
SELECT * FROM spans();
SELECT workflow.start('moved', version => 1, traceparent => trace('c', '6')) AS moved \gset
SELECT states FROM workflow.migrate(:'moved');
CALL run();
SELECT trace, name, below FROM spans();

-- ends: in failure, cancelled, done once more; and what is not sampled
SELECT workflow.start('order', key => 'lost', traceparent => trace('a', '4')) AS lost \gset
SELECT workflow.start('order', key => 'cancelled', traceparent => trace('b', '4')) AS cancelled \gset
SELECT FROM workflow.send(:'lost', 'lose');
SELECT workflow.cancel(:'cancelled') \g /dev/null
SELECT workflow.run_job('form', traceparent => trace('c', '4')) \g /dev/null
SELECT run, fence FROM workflow.claim('desk', 'w') \gset
SELECT workflow.fail(:'run', :fence, '{"code": "x", "message": "out of paper"}', final => true) \g /dev/null
SELECT workflow.run_job('form', key => 'gone', traceparent => trace('d', '4')) AS gone \gset
SELECT workflow.cancel_run(:'gone') \g /dev/null
SELECT workflow.start('order', key => 'unsampled', traceparent => trace('e', '4', '00')) AS unsampled \gset
SELECT is(right(context ->> 'here', 3), '-00', 'a trace that is not sampled is handed on') FROM workflow.send(:'unsampled', 'look');
SELECT * FROM spans();
SELECT attributes - '{workflow.process,workflow.run}'::text[] FROM workflow.spans() s WHERE s.attributes ->> 'workflow.process' = :'lost' OR s.attributes ->> 'workflow.run' = :'gone' ORDER BY 1;
SELECT is(workflow.retry_run(:'gone'), true, 'once more');
SELECT run, fence, traceparent AS given FROM workflow.claim('desk', 'w') \gset
SELECT workflow.complete(:'run', :fence) \g /dev/null
SELECT * FROM spans();

-- who sees what
SELECT count(*) AS n FROM workflow.spans() \gset
SET ROLE regress_stranger;
SELECT is(count(*), 0::bigint, 'nothing for who may read nothing') FROM workflow.spans();
SELECT is(count(*), 0::bigint, 'nor is a function of theirs called for it') FROM workflow.ended_spans WHERE tell(name);
SET ROLE regress_app;
SELECT workflow.grant_on('order', 'regress_stranger', 'read') \g /dev/null
SET ROLE regress_stranger;
SELECT is(array_agg(DISTINCT attributes ->> 'workflow.definition'), '{order}', 'who may read a definition') FROM workflow.spans();
RESET ROLE;
GRANT workflow_monitor TO regress_clerk;
SET ROLE regress_clerk;
SELECT is(count(*), :n::bigint, 'a monitor') FROM workflow.spans();
SELECT is((error('SELECT FROM workflow.history'))[1], '42501', 'by the view only');
RESET ROLE;
REVOKE workflow_monitor FROM regress_clerk;
SET ROLE regress_app;
SET LOCAL workflow.tenant = 'acme';
SELECT is(count(*), 0::bigint, 'and for a tenant its own') FROM workflow.spans();
SELECT workflow.start('order', traceparent => trace('f', '5')) \g /dev/null
SELECT is(array_agg(attributes ->> 'workflow.tenant'), '{acme}', 'these') FROM workflow.spans();
SET LOCAL workflow.tenant = '';

-- since, and behind a snapshot; of these spans the transaction is under way
SELECT is(count(*), 0::bigint, 'since then nothing') FROM workflow.spans('infinity');
SELECT is(count(*), (SELECT count(*) FROM workflow.spans()), 'since ever all') FROM workflow.spans('-infinity');
SELECT is(bool_and(ended_at >= '2030-01-01 01:30+00'), true, 'since some time some') FROM workflow.spans('2030-01-01 01:30+00');
SELECT is(count(DISTINCT position::text), 1::bigint, 'the position is one') FROM workflow.spans();
SELECT is(count(*), 0::bigint, 'behind what comes nothing is') FROM workflow.spans(NULL, (pg_current_xact_id()::text::bigint + 100 || ':' || pg_current_xact_id()::text::bigint + 100 || ':')::pg_snapshot);
SELECT is(array_agg(ended_at ORDER BY ended_at), array_agg(ended_at), 'the first ones come first') FROM workflow.spans();

-- what is forgotten has no spans
RESET ROLE;
SELECT workflow.erase(:'lost') \g /dev/null
SET ROLE regress_app;
SELECT is(count(*), 0::bigint, 'nor what was erased') FROM workflow.spans() WHERE attributes ->> 'workflow.process' = :'lost';
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
