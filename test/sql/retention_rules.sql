\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Retention by rules, and archives.
SELECT FROM workflow.define('{"id": "order", "context": {"n": 0}, "initial": "a", "states": {"a": {"on": {"go": "won", "no": "lost"}},
    "won": {"type": "final"}, "lost": {"type": "final", "outcome": "failure"}}}');
SELECT FROM workflow.define('{"id": "other", "initial": "a", "states": {"a": {"on": {"go": "won"}}, "won": {"type": "final"}}}');
SELECT workflow.create_queue('mail') \g /dev/null
SELECT workflow.create_job('send', 'SELECT $n::int / $n::int', queue => 'mail') \g /dev/null
SELECT workflow.create_job('bill', 'SELECT 1') \g /dev/null
RESET ROLE;
CREATE PROCEDURE app.at(since interval) LANGUAGE sql AS $$ CALL app.clock('2030-01-01 00:00+00'::timestamptz + since) $$;
-- Another piece until there is none, as the runtime does it: how many processes went.
CREATE FUNCTION app.expire(retention interval DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint := 0;
    e record;
BEGIN
    LOOP
        e := workflow.expire(retention);
        n := n + e.expired;
        EXIT WHEN e.done;
    END LOOP;
    RETURN n;
END $$;
CREATE FUNCTION app.keys() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(key, ', ' ORDER BY key) FROM workflow.process $$;
CREATE FUNCTION app.runs() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(key, ', ' ORDER BY key) FROM workflow.run_history $$;
CREATE FUNCTION app.rules() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', for_what, outcome, coalesce(keep::text, 'for ever'), archive_to, state), ', ' ORDER BY for_what, outcome) FROM workflow.retention $$;

-- Each has its time, by what became of it.
SET ROLE regress_app;
SELECT workflow.set_retention('order', '1 day') \g /dev/null
SELECT workflow.set_retention('order', '3 days', 'failed') \g /dev/null
SELECT workflow.set_retention('order', NULL, 'aborted') \g /dev/null
SELECT workflow.set_retention('queue:mail', '2 days') \g /dev/null
SELECT workflow.set_retention('job:send', '1 day', 'failed') \g /dev/null
SELECT is(rules(), 'job:send failed 1 day ready, order aborted for ever ready, order failed 3 days ready, order 1 day ready, queue:mail 2 days ready', 'rules are seen');
SELECT count(workflow.start('order', key => k)) FROM unnest('{won,lost,cancelled,lives}'::text[]) k \g /dev/null
SELECT workflow.start('other', key => 'other') \g /dev/null
SELECT FROM workflow.send_by_key('order', 'won', 'go');
SELECT FROM workflow.send_by_key('order', 'lost', 'no');
SELECT FROM workflow.send_by_key('other', 'other', 'go');
SELECT workflow.cancel(workflow.find('order', 'cancelled')) \g /dev/null
SELECT workflow.run_job('send', '{"n": 1}', key => 'sent'), workflow.run_job('send', '{"n": 1}', key => 'moved', queue => 'job:bill'), workflow.run_job('bill', key => 'billed', queue => 'mail') \g /dev/null
SELECT is(workflow.work_runs(), 3, 'runs end');
SELECT workflow.run_job('send', '{"n": 0}', key => 'unsent', at => '2030-01-01 00:00+00') AS unsent \gset
SELECT workflow.cancel_run(:'unsent') \g /dev/null
RESET ROLE;
UPDATE workflow.run_history SET state = 4 WHERE key = 'unsent';
CALL at('23 hours');
SELECT is(expire(), 0::bigint, 'nothing before its time');
CALL at('25 hours');
SELECT is(expire(), 1::bigint, 'a day after its end one goes that has done well');
SELECT is(keys(), 'cancelled, lives, lost, other', 'others stay, and those for which there is no rule');
SELECT is(runs(), 'billed, moved, sent', 'what has failed goes by the rule of its job, and not by that of its queue');
CALL at('49 hours');
SELECT is(expire() || runs(), '0moved', 'after two days what was in the queue goes, of whatever job');
CALL at('73 hours');
SELECT is(expire() || keys(), '1cancelled, lives, other', 'after three what has failed');
CALL at('400 days');
SELECT is(expire() || keys(), '0cancelled, lives, other', 'for ever is long');
SELECT is(expire('1 day') || keys(), '1cancelled, lives', 'a retention that is given is for what no rule is for');
SELECT is(runs(), NULL, 'runs, too');
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'all fits together');

-- A rule that keeps longer than the ring does: history and runs are carried forward.
SET ROLE regress_app;
SELECT FROM workflow.send_by_key('order', 'lives', 'go');
SELECT workflow.set_retention('order', '100 days', 'finished'), workflow.set_retention('job:send', '100 days') \g /dev/null
SELECT workflow.run_job('send', '{"n": 1}', key => 'long'), workflow.run_job('bill', key => 'short') \g /dev/null
SELECT is(workflow.work_runs(), 2, 'runs end');
RESET ROLE;
INSERT INTO workflow.run_log (run, n, attempt, at, severity, message, slot) SELECT run, 1, 1, ended_at, 'info', key, slot FROM workflow.run_history;
DO $$ BEGIN FOR day IN 401 .. 490 LOOP CALL app.at(day * interval '1 day'); PERFORM app.expire('7 days'); END LOOP; END $$;
SELECT is((SELECT count(*) FROM workflow.ring WHERE since > '2031-04-01'), 1::bigint, 'the ring has turned');
SELECT is(keys() || ': ' || runs(), 'cancelled, lives: long', 'what rules keep is there');
SELECT is((SELECT string_agg(message, ', ') FROM workflow.run_log), 'long', 'with what it has said');
SELECT is((SELECT string_agg(h.step::text, ', ' ORDER BY h.step) FROM workflow.history h JOIN workflow.process p ON p.id = h.process WHERE p.key = 'lives'), '1, 2', 'and its history');
SELECT is((SELECT workflow.run_job('send', '{"n": 1}', key => 'long') = run FROM workflow.run_history), true, 'its key is its own');
DO $$ BEGIN FOR day IN 491 .. 505 LOOP CALL app.at(day * interval '1 day'); PERFORM app.expire('7 days'); END LOOP; END $$;
SELECT is(keys() || coalesce(runs(), ''), 'cancelled', 'until its time has come');
SELECT is((SELECT count(*) FROM workflow.run_log) + (SELECT count(*) FROM workflow.run_key), 0::bigint, 'nothing of it is left');

-- Archives.
SET ROLE regress_app;
SELECT workflow.drop_retention('order', 'finished') \g /dev/null
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, process uuid PRIMARY KEY, key text, outcome text, states text[], context jsonb, ended_at timestamptz, history jsonb,
    document jsonb, "Odd ""name" text DEFAULT 'odd', double text GENERATED ALWAYS AS (key || key) STORED, by text DEFAULT current_user, path text DEFAULT current_setting('search_path'));
CREATE TABLE runs (run uuid, job text, version bigint, params jsonb, result json, log jsonb, outcome varchar);
SELECT workflow.set_retention('order', '1 day', archive_to => 'orders'), workflow.set_retention('job:send', '1 day', archive_to => 'app.runs') \g /dev/null
SELECT is(rules(), 'job:send failed 1 day ready, job:send 1 day runs ready, order aborted for ever ready, order failed 3 days ready, order 1 day orders ready, queue:mail 2 days ready', 'archives are named');
SELECT count(workflow.start('order', '{"n": 5}', key => 'k' || k)) FROM generate_series(1, 250) k \g /dev/null
SELECT count(*) FROM generate_series(1, 250) k, workflow.send_by_key('order', 'k' || k, 'go') \g /dev/null
SELECT workflow.run_job('send', '{"n": 1}') \g /dev/null
SELECT is(workflow.work_runs(), 1, 'a run ends');
SELECT is(workflow.work_bulks(), 0, 'before somebody has looked there is nothing to archive');
RESET ROLE;
CALL at('520 days');
SELECT is(expire(), 0::bigint, 'what has an archive is left to it');
SELECT is((SELECT count(*) FROM workflow.process), 251::bigint, 'all of it');
SET ROLE regress_app;
SELECT workflow.work_bulks() AS n \gset
SELECT ok(:n BETWEEN 1 AND 100, 'its owner archives');
SELECT is((SELECT string_agg(archived::text, ' ' ORDER BY for_what) FROM workflow.retention WHERE archive_to IS NOT NULL), '0 ' || :n, 'some at a time');
DO $$ BEGIN WHILE workflow.work_bulks() > 0 LOOP END LOOP; END $$;
RESET ROLE;
SELECT is(keys(), 'cancelled', 'what is archived is removed');
SELECT is((SELECT count(*) FROM workflow.history) + (SELECT count(*) FROM workflow.key) + (SELECT count(*) FROM workflow.run_history), 3::bigint, 'with all of it, but for what is kept');
SELECT is((SELECT format('%s %s %s %s %s %s %s', count(*), count(DISTINCT process), min(outcome), min(states::text), min(context::text), min(ended_at), max("Odd ""name")) FROM orders),
    '250 250 finished {won} {"n": 5} 2031-05-21 00:00:00+00 odd', 'rows are what they were');
SELECT is((SELECT double || ' ' || by || ' ' || path FROM orders WHERE key = 'k7'), 'k7k7 regress_app app, public, pg_temp', 'written by the owner, with its path');
SELECT is((SELECT (history #>> '{1,event}') || jsonb_array_length(history) || (document ->> 'definition') FROM orders WHERE key = 'k7'), 'go2order', 'with their history, and as a document');
SELECT is((SELECT format('%s %s %s %s %s %s', job, version, params, result, log, outcome) FROM app.runs), 'send 1 {"n": 1} 1  finished', 'runs, too');
SELECT is((SELECT string_agg(concat_ws(' ', archived, failed, state), ', ' ORDER BY for_what) FROM workflow.retention WHERE archive_to IS NOT NULL), '1 0 ready, 250 0 ready', 'and are counted');
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'all fits together');

-- What cannot be archived is not removed.
SET ROLE regress_app;
ALTER TABLE orders ADD CHECK (key <> 'bad');
SELECT count(workflow.start('order', key => k)) FROM unnest('{bad,good}'::text[]) k \g /dev/null
SELECT count(*) FROM unnest('{bad,good}'::text[]) k, workflow.send_by_key('order', k, 'go') \g /dev/null
RESET ROLE;
CALL at('522 days');
SELECT is(expire() || keys(), '0bad, cancelled, good', 'they are due');
SET ROLE regress_app;
SELECT is((error('SELECT workflow.work_bulks()'))[1:2], ARRAY['23514', 'new row for relation "orders" violates check constraint "orders_key_check"'], 'an error of the table is that of who works by hand');
ALTER TABLE orders DROP CONSTRAINT orders_key_check;
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.work_bulks(); RETURN NULL; END $$;
CREATE TRIGGER again AFTER INSERT ON orders EXECUTE FUNCTION again();
SELECT is((error('SELECT workflow.work_bulks()'))[1:2], ARRAY['WF005', 'something is being archived by this very session'], 'nothing is archived twice');
DROP TRIGGER again ON orders;
DROP TABLE runs;
SELECT is((SELECT string_agg(state, ', ' ORDER BY for_what) FROM workflow.retention WHERE archive_to IS NOT NULL), 'no table, ready', 'a table that is gone');
SELECT is(workflow.work_bulks(), 2, 'when there is none any more');
RESET ROLE;
SELECT is(keys(), 'cancelled', 'they go');
SET ROLE regress_app;
SELECT workflow.set_retention('order', '1 day') \g /dev/null
SELECT is((SELECT archive_to IS NULL AND archived = 0 FROM workflow.retention WHERE for_what = 'order' AND outcome IS NULL), true, 'a rule in place of another');

-- Who may, and what.
CREATE FUNCTION set(args text) RETURNS text[] LANGUAGE sql AS $$ SELECT (error('SELECT workflow.set_retention(' || args || ')'))[1:2] $$;
CREATE TABLE nothing (a int, b text);
CREATE TABLE wrong (process int);
CREATE TABLE more (process uuid, a int NOT NULL);
CREATE VIEW seen AS SELECT * FROM more;
CREATE TEMP TABLE temporary (process uuid);
SELECT is(set($$'order', '1 day', NULL, 'nothing'$$), ARRAY['22023', 'table "nothing" has no column for an archive'], 'no column');
SELECT is(set($$'order', '1 day', NULL, 'wrong'$$), ARRAY['22023', 'column "process" of table "wrong" has type integer, and gets a value of type uuid'], 'a type that does not fit');
SELECT is(set($$'order', '1 day', NULL, 'more'$$), ARRAY['22023', 'column "a" of table "more" gets no value'], 'a column that nobody fills');
SELECT is(set($$'order', '1 day', NULL, 'seen'$$), ARRAY['42809', '"seen" cannot be an archive'], 'a view');
SELECT is(set($$'order', '1 day', NULL, 'temporary'$$), ARRAY['42809', '"temporary" cannot be an archive'], 'a temporary table');
SELECT is(set($$'order', '1 day', NULL, 0$$), ARRAY['42P01', 'table 0 does not exist'], 'no table');
SELECT is(set($$'order', '1 day', NULL, 'workflow.process'$$), ARRAY['42501', 'role "regress_app" must be allowed to insert into table "process"'], 'one of ours');
SELECT is(set($$'order', '59 seconds'$$), ARRAY['22023', 'keep must be at least a minute, and not longer than 36600 days'], 'too short');
SELECT is(set($$'order', '178000000 years'$$), ARRAY['22023', 'keep must be at least a minute, and not longer than 36600 days'], 'too long');
SELECT is(set($$'order', '71582788 months -2147483639 days'$$), ARRAY['22023', 'keep must have no negative part'], 'a day, of which the months alone are before all times');
SELECT is(set($$'order', '1 day', 'expired'$$), ARRAY['22023', 'there is no outcome "expired"'], 'processes do not expire so');
SELECT is(set($$NULL, '1 day'$$), ARRAY['22004', 'argument "for_what" must not be null'], 'of nothing');
SELECT is(set($$'nobody', '1 day'$$), ARRAY['WF006', 'definition "nobody" does not exist'], 'no such definition');
SELECT is(set($$'job:nobody', '1 day'$$), ARRAY['WF010', 'job "nobody" does not exist'], 'no such job');
SELECT is(set($$'schedule:x', '1 day'$$), ARRAY['22023', 'a retention is for a definition, a job or a queue'], 'of a schedule there is none');
SELECT is(workflow.drop_retention('other'), false, 'none to be dropped');
SET ROLE regress_clerk;
SELECT is(set($$'order', '1 day'$$), ARRAY['WF002', 'must be owner of definition "order"'], 'for its owner');
SELECT is(set($$'job:send', '1 day'$$), ARRAY['WF002', 'must be owner of job "send"'], 'the same');
SELECT is((SELECT count(*) FROM workflow.retention), 0::bigint, 'others see nothing');
RESET ROLE;
GRANT workflow_admin TO regress_clerk;
SET ROLE regress_clerk;
SELECT is(set($$'order', '2 days'$$), ARRAY['no error'], 'or an administrator');
SELECT is(set($$'order', '2 days', NULL, 'orders'$$), ARRAY['WF002', 'must have the rights of the owner of definition "order" to name an archive'], 'who does not choose what code the owner runs');
RESET ROLE;
SELECT is((SELECT string_agg(act || ' ' || kind || ' ' || object || ' ' || detail, ', ') FROM (SELECT * FROM workflow.audit WHERE act ~ 'retention' ORDER BY at DESC, detail ->> 'keep' DESC LIMIT 1) a), 'set_retention definition order {"keep": "2 days", "outcome": null, "archive_to": null}', 'it is noted');

-- They go with what they are for.
SET ROLE regress_app;
SELECT workflow.set_retention('order', '1 day', 'finished', 'orders') \g /dev/null
RESET ROLE;
SELECT workflow.change_owner('order', 'regress_stranger'), workflow.change_owner('queue:mail', 'regress_stranger') \g /dev/null
SELECT is((SELECT string_agg(for_what || ' ' || state, ', ' ORDER BY for_what, outcome) FROM workflow.retention WHERE owner = 'regress_stranger'), 'order ready, order ready, order not allowed, order ready, queue:mail ready', 'to another owner');
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'all fits together');
SET ROLE regress_app;
SELECT workflow.create_job('send', 'SELECT 1') \g /dev/null
SELECT workflow.drop_job('send') \g /dev/null
SET ROLE regress_stranger;
SELECT workflow.drop_queue('mail') \g /dev/null
SELECT workflow.erase(id) FROM workflow.processes WHERE definition = 'order' \g /dev/null
SELECT workflow.drop_definition('order') \g /dev/null
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.keep), 0::bigint, 'to nobody');

\set end :srcdir '/end.psql'
\i :end
