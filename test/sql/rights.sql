\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Who may call what: every function, procedure and view of schema workflow
-- against everybody there is. What has no row here fails the test.

-- the cast
RESET ROLE;
CREATE ROLE regress_member LOGIN IN ROLE regress_app;       -- of the owner
CREATE ROLE regress_starter LOGIN IN ROLE workflow_user;    -- four with one privilege each
CREATE ROLE regress_sender LOGIN IN ROLE workflow_user;
CREATE ROLE regress_reader LOGIN IN ROLE workflow_user;
CREATE ROLE regress_actor LOGIN IN ROLE workflow_user, workflow_runtime;
CREATE ROLE regress_monitor LOGIN IN ROLE workflow_monitor;
CREATE ROLE regress_admin LOGIN IN ROLE workflow_admin;
CREATE ROLE regress_nobody LOGIN;

-- a definition with something to see in each view
SET ROLE regress_app;
CREATE FUNCTION app.stamp(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT context';
SELECT FROM workflow.define('{
    "id": "doc", "initial": "draft", "search": {"n": "$.n"}, "context": {"n": 1},
    "states": {
        "draft": {"tags": ["open"], "defer": ["wait"], "on": {"go": "done", "stay": {"actions": "app.stamp"}}, "after": {"1 day": "done"},
            "task": {"for": ["boss", "regress_sender", "regress_stranger"]}},
        "done": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "rest", "initial": "a", "states": {"a": {"on": {"go": "a"}}}}');
SELECT FROM workflow.define('{"id": "rest", "initial": "a", "states": {"a": {"on": {"go": "a", "come": "a"}}}}');
SELECT workflow.grant_on(d, 'regress_' || g || CASE g WHEN 'start' THEN 'er' WHEN 'send' THEN 'er' WHEN 'read' THEN 'er' ELSE 'or' END, g)
FROM unnest(ARRAY['doc', 'rest']) d, unnest(ARRAY['start', 'send', 'read', 'act']) g \g /dev/null
SELECT workflow.start('doc', key => 'K') AS p \gset
SELECT workflow.start('doc') AS over \gset
SELECT workflow.start('doc') AS gone \gset
SELECT workflow.start('rest', version => 1) AS old \gset
SELECT workflow.bulk('suspend', '{"definition": "rest"}') AS bulk \gset
SELECT FROM workflow.send(:'p', 'wait', traceparent => '00-11111111111111111111111111111111-2222222222222222-01');
SELECT FROM workflow.post_by_key('doc', 'later', 'go', early => '1 hour');
SELECT FROM workflow.post(:'p', 'stay', at => '2030-02-01 00:00+00', id => 'note');
SELECT FROM workflow.send(:'over', 'go');
SELECT FROM workflow.erase(:'gone', force => true);
SELECT FROM workflow.define_calendar('office', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
-- a job with runs in a queue, and who may what with them
SELECT FROM workflow.create_queue('desk');
SELECT FROM workflow.create_limit('cap', 3);
SELECT workflow.create_job('form', queue => 'desk') \g /dev/null
SELECT workflow.create_job('sum', 'SELECT 1') \g /dev/null
SELECT workflow.create_schedule('plan', 'sum', every => '1 hour') \g /dev/null
SELECT workflow.create_alert('late', 'lag') \g /dev/null
SELECT workflow.create_file_trigger('inbox', '/srv/regress', job => 'sum') \g /dev/null
SELECT workflow.set_retention('job:sum', '1 year', 'failed') \g /dev/null
CREATE TABLE app.sums (run uuid);
SELECT FROM workflow.put_file('docs/a', 'x');
CREATE TABLE app.page (id text PRIMARY KEY, state text);
CREATE TABLE app.leaf (id text PRIMARY KEY, state text);
SELECT workflow.bind('rest', 'app.page', 'id', 'state') \g /dev/null
SELECT workflow.create_table_trigger('notes', 'app.note', 'insert', 'sum') \g /dev/null
SELECT workflow.grant_on(o, 'regress_' || r, p) FROM (VALUES
    ('job:form', 'starter', 'run'), ('job:form', 'reader', 'read'), ('job:form', 'actor', 'manage'),
    ('queue:desk', 'starter', 'use'), ('queue:desk', 'sender', 'claim'), ('queue:desk', 'reader', 'read'), ('queue:desk', 'actor', 'manage'),
    ('schedule:plan', 'reader', 'read'), ('schedule:plan', 'actor', 'manage'),
    ('limit:cap', 'starter', 'use'), ('limit:cap', 'actor', 'manage')) g(o, r, p) \g /dev/null
SELECT workflow.run_job('form') AS claimed \gset
SELECT fence FROM workflow.claim('desk', 'worker') \gset
SELECT workflow.write_log('info', 'begun', run => :'claimed', fence => :fence) \g /dev/null
SELECT workflow.run_job('form') AS waits \gset
CREATE OR REPLACE FUNCTION app.stamp(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT context || ''{}''';
SET ROLE regress_starter;
SELECT workflow.start('doc') AS mine \gset
RESET ROLE;
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, sqlstate, message)
VALUES (:'p', 1000000, '2030-01-01', '2030-01-01', 5, true, 'go', 'XX000', 'secret');
-- and one of somebody else, which only those see who see everything
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "other", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('other') AS other \gset
RESET ROLE;
SELECT id AS doc FROM workflow.definition WHERE name = 'doc' \gset
SELECT id AS form FROM workflow.job WHERE name = 'form' \gset
SELECT id AS desk FROM workflow.queue \gset
SELECT id AS task FROM workflow.task WHERE process = :'p' \gset

-- What comes of a command that a role gives; nothing of it stays.
CREATE FUNCTION app.verdict(actor text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    IF actor <> 'super' THEN
        EXECUTE format('SET LOCAL ROLE %I', 'regress_' || actor);
    END IF;
    EXECUTE command INTO n;
    RAISE SQLSTATE 'RIGHT' USING MESSAGE = coalesce(n::text, 'ok');
EXCEPTION WHEN SQLSTATE 'RIGHT' THEN RETURN SQLERRM; WHEN OTHERS THEN RETURN SQLSTATE;
END
$$;
CREATE TABLE app.right (n int GENERATED ALWAYS AS IDENTITY, object text, command text, verdicts text);

-- The columns of verdicts are the actors of app.question; "=" is as for the one before.

-- functions: ok or the SQLSTATE
INSERT INTO app.right (object, command, verdicts) VALUES
-- of definitions
('define(json)', $$define('{"id": "new", "initial": "a", "states": {"a": {}}}'::json)$$, 'ok ok ok WF002 ok ok ok ok ok 42501 ='),
('define(json)', $$define('{"id": "doc", "initial": "a", "states": {"a": {}}}'::json)$$, 'ok WF002 = = = = = = = 42501 ='),
('define(text)', $$define('{"id": "doc", "initial": "a", "states": {"a": {}}}'::text)$$, 'ok WF002 = = = = = = = 42501 ='),
('grant_on(text,name,text[])', $$grant_on('doc', 'regress_stranger', 'read')$$, 'ok ok WF002 ok WF002 = = = = 42501 ='),
('revoke_on(text,name,text[])', $$revoke_on('doc', 'regress_reader', 'read')$$, 'ok ok WF002 ok WF002 = = = = 42501 ='),
('change_owner(text,name,text)', $$change_owner('doc', 'regress_app')$$, 'ok ok WF002 ok WF002 = = = = 42501 ='),
('drop_definition(text,integer,text)', $$drop_definition('rest', 1)$$, '2BP01 = = = WF002 = = = = 42501 ='),
('pause(text)', $$pause('doc')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('unpause(text)', $$unpause('doc')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('lint(json)', $$lint('{"id": "new", "initial": "a", "states": {"a": {}}}'::json)$$, 'ok ok ok WF002 ok ok ok ok ok 42501 ='),
('lint(text,integer)', $$lint('doc')$$, 'ok ok ok ok WF002 = ok WF002 = ok 42501'),
('export(text,integer)', $$export('doc')$$, 'ok ok ok ok WF002 = ok WF002 = ok 42501'),
('diagram(text,integer,text)', $$diagram('doc')$$, 'ok ok ok ok WF002 = ok WF002 = ok 42501'),
('may(integer,text)', $$may(%3$s, 'start')$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('masked(integer,text[],jsonb,jsonb,jsonb)', $$masked(1, '{/a}', '{}')$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('masked_text(integer,text[],text,jsonb,jsonb)', $$masked_text(1, '{/a}', 'x')$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('sees(integer,oid)', $$sees(%3$s, 10)$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('is_over(status,text[],integer)', $$is_over('idled', '{a}', 1)$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('function_state(text,oid)', $$function_state('app.stamp(jsonb, jsonb)', 10)$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('is_configuration(integer,text[])', $$is_configuration(%3$s, '{draft}')$$, '42501 = ok ok 42501 = = = = ok 42501'),
('"check"()', $$check()$$, '42501 = ok ok 42501 = = = = ok 42501'),
('migrate_many(text,integer,jsonb,integer[],text[],jsonb,boolean,integer,text,jsonb,text)', $$migrate_many('rest')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('migrate_many(text,integer,jsonb,integer[],text[],jsonb,boolean,integer,text,jsonb,text)', $$migrate_many('rest', dry_run => true)$$, 'ok ok ok ok WF002 = = = = 42501 ='),
-- to begin
('start(text,jsonb,text,integer,timestamp with time zone,text,text,text,text)', $$start('doc')$$, 'ok ok ok ok ok WF002 = = = 42501 ='),
('start(text,jsonb,text,integer,timestamp with time zone,text,text,text,text)', $$start('doc', key => 'K')$$, 'ok ok ok ok ok WF002 = = = 42501 ='),
('start(text,jsonb,text,integer,timestamp with time zone,text,text,text,text)', $$start('doc', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('start_or_get(text,jsonb,text,integer,timestamp with time zone,text,text,text,text)', $$start_or_get('doc', key => 'K')$$, 'ok ok ok ok ok WF002 = = = 42501 ='),
('start_or_get(text,jsonb,text,integer,timestamp with time zone,text,text,text,text)', $$start_or_get('doc', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('slot(uuid)', $$slot(%1$L)$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('slot_of_key(text)', $$slot_of_key('K')$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('start_many(text,jsonb[],text[],integer,timestamp with time zone,text,text,text,text)', $$start_many('doc', ARRAY[NULL]::jsonb[])$$, 'ok ok ok ok ok WF002 = = = 42501 ='),
('start_many(text,jsonb[],text[],integer,timestamp with time zone,text,text,text,text)', $$start_many('doc', ARRAY[NULL]::jsonb[], actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('simulate(text,jsonb,jsonb,integer,timestamp with time zone,integer,text)', $$simulate('doc', '[{"event": "go"}]')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('simulate(json,jsonb,jsonb,timestamp with time zone,integer,text)', $$simulate('{"id": "doc", "initial": "a", "states": {"a": {}}}'::json, '[{"event": "go", "actor": "boss"}]')$$, 'ok ok ok WF002 ok ok ok ok ok 42501 ='),
-- to go on
('send(uuid,text,jsonb,text,text,boolean,integer,text[],text)', $$send(%1$L, 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('send(uuid,text,jsonb,text,text,boolean,integer,text[],text)', $$send(%1$L, 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('send_many(uuid[],text[],jsonb[],text[],text,boolean,text,integer[],text[],text)', $$send_many(ARRAY[%1$L]::uuid[], ARRAY['go'])$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('send_many(uuid[],text[],jsonb[],text[],text,boolean,text,integer[],text[],text)', $$send_many(ARRAY[%1$L]::uuid[], ARRAY['go'], actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('send_by_key(text,text,text,jsonb,text,text,boolean,integer,text[],jsonb,text)', $$send_by_key('doc', 'K', 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('send_by_key(text,text,text,jsonb,text,text,boolean,integer,text[],jsonb,text)', $$send_by_key('doc', 'none', 'go')$$, 'WF001 = = = = = = WF002 = 42501 ='),
('send_by_key(text,text,text,jsonb,text,text,boolean,integer,text[],jsonb,text)', $$send_by_key('doc', 'K', 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('inbox(text,uuid,integer,text[])', $$inbox()$$, 'ok = = = = = = = = 42501 ='),
('outbox(text,uuid,integer)', $$outbox()$$, 'ok = = = = = = = = 42501 ='),
('candidates(uuid,text)', $$candidates(%1$L, 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('claim_task(uuid,text,text[])', $$claim_task(%12$L)$$, 'WF002 = = = = ok WF002 = = 42501 ='),
('claim_task(uuid,text,text[])', $$claim_task(%12$L, 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('claim_task(uuid,text,text[])', $$claim_task(%12$L, groups => '{boss}')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('release_task(uuid,text)', $$release_task(%12$L)$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('assign(uuid,text,text,text,text)', $$assign(%12$L, 'x')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('delegate(uuid,text,text,text,text[])', $$delegate(%12$L, 'x')$$, 'WF002 = = = = ok WF002 = = 42501 ='),
('comment(uuid,text,text,text[])', $$comment(%12$L, 'x')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('complete_task(uuid,text,jsonb,text,text,text[])', $$complete_task(%12$L, 'go')$$, 'WF002 = = = = ok WF002 = = 42501 ='),
('complete_task(uuid,text,jsonb,text,text,text[])', $$complete_task(%12$L, 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('publish(text,text,jsonb,interval,text,text)', $$publish('go', 'c')$$, 'ok = = = = = = = = 42501 ='),
('post(uuid,text,jsonb,timestamp with time zone,text,text,text,text)', $$post(%1$L, 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('post(uuid,text,jsonb,timestamp with time zone,text,text,text,text)', $$post(%1$L, 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('post_by_key(text,text,text,jsonb,timestamp with time zone,text,text,text,interval,text)', $$post_by_key('doc', 'K', 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('post_by_key(text,text,text,jsonb,timestamp with time zone,text,text,text,interval,text)', $$post_by_key('doc', 'K', 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('post_by_key(text,text,text,jsonb,timestamp with time zone,text,text,text,interval,text)', $$post_by_key('doc', 'none', 'go', early => '1 hour')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('cancel_event(uuid,text)', $$cancel_event(%1$L, 'note')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('set_timer(uuid,text,timestamp with time zone,text,text)', $$set_timer(%1$L, '1 day', '2031-01-01')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('reset_timer(uuid,text,text,text)', $$reset_timer(%1$L, '1 day')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('suspend(uuid,text,text)', $$suspend(%1$L)$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('resume(uuid,text,text)', $$resume(%1$L)$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('cancel(uuid,text,text)', $$cancel(%1$L)$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('cancel(uuid,text,text)', $$cancel(%1$L, actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('available_events(uuid,text,text)', $$available_events(%1$L)$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('available_events(uuid,text,text)', $$available_events(%1$L, actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('event_schema(text,text,integer,text)', $$event_schema('doc', 'go')$$, 'ok ok ok ok ok ok ok WF002 = ok 42501'),
('dry_run(uuid,text,jsonb,text)', $$dry_run(%1$L, 'go')$$, 'ok ok ok ok WF002 ok WF002 = = 42501 ='),
('dry_run(uuid,text,jsonb,text)', $$dry_run(%1$L, 'go', actor => 'boss')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('work(integer)', $$work(100)$$, 'ok ok ok ok ok ok ok ok ok 42501 ='),
('work_runs(text,integer)', $$work_runs()$$, 'ok ok ok ok ok ok ok ok ok 42501 ='),
-- of operators
('set_states(uuid,text[],boolean,text,jsonb,text)', $$set_states(%1$L, '{done}')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('set_context(uuid,jsonb,text,text)', $$set_context(%1$L, '{"x": 1}')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('migrate(uuid,integer,jsonb,boolean,text,jsonb,text)', $$migrate(%4$L)$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('migrate(uuid,integer,jsonb,boolean,text,jsonb,text)', $$migrate(%4$L, dry_run => true)$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('erase(uuid,boolean)', $$erase(%2$L)$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('erase(uuid,boolean)', $$erase(%1$L, force => true)$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('adopt()', $$adopt()$$, 'WF002 = ok ok WF002 = = = = 42501 ='),
('expire(interval)', $$expire('1 day')$$, 'WF002 = ok ok WF002 = = = = 42501 ='),
-- to look
('get(uuid)', $$get(%1$L)$$, 'ok ok ok ok WF002 = ok WF002 = ok 42501'),
('get(uuid)', $$get(%5$L)$$, 'ok ok ok ok ok WF002 ok WF002 = ok 42501'),
('find(text,text)', $$find('doc', 'K')$$, 'ok ok ok ok ok ok ok WF002 = ok 42501'),
('find(text,text)', $$find('doc', 'none')$$, 'WF001 = = = = = = WF002 = WF001 42501'),
('diagram(uuid,text)', $$diagram(%1$L::uuid)$$, 'ok ok ok ok WF002 = ok WF002 = ok 42501'),
('diagram(uuid,text)', $$diagram(%5$L::uuid)$$, 'ok ok ok ok ok WF002 ok WF002 = ok 42501'),
('tasks', $$$$, '2 = = = 1 0 2 0 = 2 42501'),
('approvals', $$$$, '6 = = = 3 0 6 0 = 6 42501'),
('search(text,text[],jsonb,text[],status[],integer,uuid,text,jsonb)', $$search('doc', '{nothing}')$$, '22023 = = = = = = ok ok 22023 42501'),
('search(text,text[],jsonb,text[],status[],integer,uuid,text,jsonb)', $$search('doc', states => '{nothing}')$$, '22023 = = = = = = ok ok 22023 42501'),
('search(text,text[],jsonb,text[],status[],integer,uuid,text,jsonb)', $$search('doc', attributes => '{"nothing": 1}')$$, '22023 = = = = = = ok ok 22023 42501'),
('library_version()', $$library_version()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('runtime_activity()', $$runtime_activity()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('workers()', $$workers()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
-- the procedure refuses a transaction before it looks at anything; its rights are in security.pl
('expire_all(interval)', $$expire_all('1 day')$$, 'WF002 = 25001 = WF002 = = = = 42501 ='),
('await(uuid,text,interval)', $$await(%1$L)$$, '25001 = = = = = = = = 42501 ='),
-- calendars
('define_calendar(text,jsonb)', $$define_calendar('new', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}')$$, 'ok ok ok ok ok ok ok ok ok 42501 ='),
('define_calendar(text,jsonb)', $$define_calendar('office', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('drop_calendar(text)', $$drop_calendar('office')$$, 'ok ok ok ok WF002 = = = = 42501 ='),
('add_working_time(timestamp with time zone,interval,text)', $$add_working_time('2030-01-01', '1 hour', 'office')$$, 'ok ok ok ok ok ok ok ok ok 42501 ='),
('working_time_between(timestamp with time zone,timestamp with time zone,text)', $$working_time_between('2030-01-01', '2030-02-01', 'office')$$, 'ok ok ok ok ok ok ok ok ok 42501 ='),
-- of jobs, queues and runs
('create_job(text,text,jsonb,text,text,jsonb,interval,integer,text,jsonb,text,jsonb,text,interval,text)', $$create_job('new')$$, 'ok = = WF002 ok = = = = 42501 ='),
('create_job(text,text,jsonb,text,text,jsonb,interval,integer,text,jsonb,text,jsonb,text,interval,text)', $$create_job('form', description => 'x')$$, 'ok WF002 = = = = = = = 42501 ='),
('create_job(text,text,jsonb,text,text,jsonb,interval,integer,text,jsonb,text,jsonb,text,interval,text)', $$create_job('new', queue => 'desk')$$, 'ok = = WF002 ok WF002 = = = 42501 ='),
('create_job(text,text,jsonb,text,text,jsonb,interval,integer,text,jsonb,text,jsonb,text,interval,text)', $$create_job('new', limits => '{"cap": 1}')$$, 'ok = = WF002 ok WF002 = = = 42501 ='),
('drop_job(text)', $$drop_job('form')$$, 'WF017 = = = WF002 = = WF017 WF002 42501 ='),
('call_job(text,jsonb)', $$call_job('sum')$$, 'ok = = = WF002 = = = = 42501 ='),
('flush_cache(text,jsonb)', $$flush_cache('sum')$$, 'ok = = = WF002 = = = = 42501 ='),
('may_job(integer,text)', $$may_job(%10$s, 'read')$$, 'ok = = = = = = = = = 42501'),
('may_queue(integer,text)', $$may_queue(%11$s, 'use')$$, 'ok = = = = = = = = = 42501'),
('queue_state(integer)', $$queue_state(%11$s)$$, 'ok = = = = = = = = = 42501'),
('run_job(text,jsonb,text,integer,timestamp with time zone,text,text,uuid[],text,interval,interval,text,text,text,text)', $$run_job('form')$$, 'ok = = = = WF002 = = = 42501 ='),
('run_job(text,jsonb,text,integer,timestamp with time zone,text,text,uuid[],text,interval,interval,text,text,text,text)', $$run_job('form', queue => 'job:form')$$, 'ok = = = = WF002 = = = 42501 ='),
('run_jobs(text,jsonb[],text[],text[],integer,timestamp with time zone,text,text,text)', $$run_jobs('form', ARRAY['{}']::jsonb[])$$, 'ok = = = = WF002 = = = 42501 ='),
('cancel_run(uuid,boolean,text)', $$cancel_run(%9$L)$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('get_run(uuid)', $$get_run(%9$L)$$, 'ok = = = WF002 = ok WF002 = ok 42501'),
('run_progress(uuid)', $$run_progress(%9$L)$$, 'ok = = = WF002 = ok WF002 = ok 42501'),
('job_schema(text,integer,text)', $$job_schema('form')$$, 'ok = = = ok WF002 ok WF002 = ok 42501'),
('retry_run(uuid)', $$retry_run(%9$L)$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('redrive(text,text,timestamp with time zone,integer)', $$redrive('form')$$, 'ok = = = = = = = = 42501 ='),
('alter_runs(jsonb,jsonb)', $$alter_runs('{}', '{}')$$, 'ok = = = = = = = = 42501 ='),
('run_state(smallint)', $$run_state(0::smallint)$$, 'ok = = = = = = = = = 42501'),
('run_waits_for(uuid)', $$run_waits_for(%9$L)$$, 'ok = = = = = = = = = 42501'),
('sees_run(integer,oid)', $$sees_run(%10$s, 10)$$, 'ok = = = = = = = = = 42501'),
('signal(uuid,text,jsonb)', $$signal(%9$L, 'x')$$, 'ok = = = = WF002 = = = 42501 ='),
('create_queue(text,integer,text,interval,integer,interval,integer,boolean,text,boolean,jsonb,integer,text,text[],interval,boolean)', $$create_queue('new')$$, 'ok = = = = = = = = 42501 ='),
('create_queue(text,integer,text,interval,integer,interval,integer,boolean,text,boolean,jsonb,integer,text,text[],interval,boolean)', $$create_queue('job:form')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('alter_queue(text,jsonb)', $$alter_queue('desk', '{}')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('drop_queue(text)', $$drop_queue('desk')$$, 'WF017 = = = WF002 = = WF017 WF002 42501 ='),
('pause_queue(text,text)', $$pause_queue('desk')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('resume_queue(text)', $$resume_queue('desk')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('create_limit(text,integer,integer,interval)', $$create_limit('new')$$, 'ok = = = = = = = = 42501 ='),
('alter_limit(text,jsonb)', $$alter_limit('cap', '{}')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('drop_limit(text)', $$drop_limit('cap')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('grant_on(text,name,text[])', $$grant_on('job:form', 'regress_stranger', 'read')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('grant_on(text,name,text[])', $$grant_on('queue:desk', 'regress_stranger', 'read')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
-- bulk operations
('bulk(text,jsonb,jsonb,text,text,boolean)', $$bulk('suspend', '{"definition": "doc"}')$$, 'ok = = = WF002 ok WF002 = = 42501 ='),
('bulk(text,jsonb,jsonb,text,text,boolean)', $$bulk('cancel', '{"job": "form"}')$$, 'ok = = = ok WF002 = ok WF002 42501 ='),
('pause_bulk(uuid,text)', $$pause_bulk(%13$L)$$, 'ok = ok = WF002 = = = = 42501 ='),
('resume_bulk(uuid)', $$resume_bulk(%13$L)$$, 'ok = ok = WF002 = = = = 42501 ='),
('cancel_bulk(uuid,text)', $$cancel_bulk(%13$L)$$, 'ok = ok = WF002 = = = = 42501 ='),
('await_bulk(uuid,interval,text)', $$await_bulk(%13$L)$$, '25001 = = = = = = = = 42501 ='),
('work_bulks(integer)', $$work_bulks()$$, 'ok = = = = = = = = 42501 ='),
-- of schedules
('create_schedule(text,text,text,text,text,text,jsonb,timestamp with time zone,timestamp with time zone,text,text,text,text,interval,text,integer,text,interval)', $$create_schedule('new', 'sum', every => '1 hour')$$, 'ok = = WF002 = = = = = 42501 ='),
('alter_schedule(text,jsonb)', $$alter_schedule('plan', '{}')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('drop_schedule(text)', $$drop_schedule('plan')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('pause_schedule(text,text)', $$pause_schedule('plan')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('resume_schedule(text)', $$resume_schedule('plan')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('trigger_now(text,boolean)', $$trigger_now('plan')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('backfill(text,timestamp with time zone,timestamp with time zone)', $$backfill('plan', '2029-12-31', '2030-01-01')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('next_times(text,integer)', $$next_times('plan', 1)$$, 'ok = = = WF002 = ok WF002 = ok 42501'),
('preview_schedule(text,text,text,timestamp with time zone,integer,timestamp with time zone,timestamp with time zone,text,text,interval,text)', $$preview_schedule('@daily', n => 1)$$, 'ok = = = = = = = = = 42501'),
('work_schedules(integer)', $$work_schedules()$$, 'ok = = = = = = = = 42501 ='),
('may_schedule(integer,text)', $$may_schedule(0, 'read')$$, 'ok = = = = = = = = = 42501'),
('grant_on(text,name,text[])', $$grant_on('schedule:plan', 'regress_stranger', 'read')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('grant_on(text,name,text[])', $$grant_on('limit:cap', 'regress_stranger', 'use')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
-- of alerts
('create_alert(text,text,jsonb,text,text,interval,interval,interval)', $$create_alert('new', 'lag')$$, 'ok = = WF002 ok = = = = 42501 ='),
('create_alert(text,text,jsonb,interval,text,interval,interval,interval)', $$create_alert('new', 'lag', NULL, interval '1 hour')$$, 'ok = = WF002 ok = = = = 42501 ='),
('create_alert(text,text,jsonb,numeric,text,interval,interval,interval)', $$create_alert('new', 'lag', NULL, 5)$$, 'ok = = WF002 ok = = = = 42501 ='),
('alter_alert(text,jsonb)', $$alter_alert('late', '{}')$$, 'ok = = = WF002 = = = = 42501 ='),
('drop_alert(text)', $$drop_alert('late')$$, 'ok = = = WF002 = = = = 42501 ='),
('pause_alert(text,text)', $$pause_alert('late')$$, 'ok = = = WF002 = = = = 42501 ='),
('resume_alert(text)', $$resume_alert('late')$$, 'ok = = = WF002 = = = = 42501 ='),
('work_alerts()', $$work_alerts()$$, 'ok = = = = = = = = 42501 ='),
-- of file triggers
('create_file_trigger(text,text,text,text,interval,interval,text,integer,timestamp with time zone,timestamp with time zone,boolean)', $$create_file_trigger('new', '/srv/regress', job => 'sum')$$, 'ok = = WF002 = = = = = 42501 ='),
('alter_file_trigger(text,jsonb)', $$alter_file_trigger('inbox', '{}')$$, 'ok = = = WF002 = = = = 42501 ='),
('drop_file_trigger(text)', $$drop_file_trigger('inbox')$$, 'ok = = = WF002 = = = = 42501 ='),
('enable_file_trigger(text)', $$enable_file_trigger('inbox')$$, 'ok = = = WF002 = = = = 42501 ='),
('disable_file_trigger(text,text)', $$disable_file_trigger('inbox')$$, 'ok = = = WF002 = = = = 42501 ='),
('report_file(text,text,bigint,timestamp with time zone,bytea)', $$report_file('inbox', '/srv/regress/a', 1, now())$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('is_watched(text)', $$is_watched('/srv/regress')$$, 'ok = = = = = = = = = 42501'),
('grant_on(text,name,text[])', $$grant_on('directory:/srv/regress', 'regress_stranger', 'watch')$$, 'WF002 = ok = WF002 = = = = 42501 ='),
('grant_on(text,name,text[])', $$grant_on('file_trigger:inbox', 'regress_stranger', 'read')$$, '22023 = = = = = = = = 42501 ='),
-- of retention
('set_retention(text,interval,text,regclass)', $$set_retention('doc', '1 day')$$, 'ok = = = WF002 = = = = 42501 ='),
('set_retention(text,interval,text,regclass)', $$set_retention('job:form', '1 day')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
('set_retention(text,interval,text,regclass)', $$set_retention('job:sum', '1 day', NULL, 'app.sums')$$, 'ok = WF002 ok WF002 = = = = 42501 ='),
('drop_retention(text,text)', $$drop_retention('queue:desk')$$, 'ok = = = WF002 = = ok WF002 42501 ='),
-- of load
('span_id(text,uuid,integer)', $$span_id('00-11111111111111111111111111111111-2222222222222222-01', %1$L)$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('span_position()', $$span_position()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('spans(timestamp with time zone,pg_snapshot)', $$spans()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('load(timestamp with time zone,timestamp with time zone,interval,text[],timestamp with time zone)', $$load('2030-01-01', '2030-01-02')$$, 'ok = = = = = = = = = 42501'),
('load_buckets(timestamp with time zone,timestamp with time zone,interval,text[],timestamp with time zone)', $$load_buckets('2030-01-01', '2030-01-02', '1 day', '{}', NULL)$$, 'ok = = = = = = = = = 42501'),
('load_add(bigint[],bigint[])', $$load_add('{1,2}', '{1,2}')$$, 'ok = = = = = = = = = 42501'),
('load_sum(bigint[])', $$load_sum('{1,2}')$$, '42803 = = = = = = = = = 42501'),
('load_quantile(bigint[],double precision)', $$load_quantile('{1,2}', 0.5)$$, 'ok = = = = = = = = = 42501'),
('critical_path(uuid)', $$critical_path(%1$L)$$, 'ok = = = = = = = = = 42501'),
('critical_steps(uuid)', $$critical_steps(%1$L)$$, 'ok = = = = = = = = = 42501'),
('action_cost_list()', $$action_cost_list()$$, 'ok = = = = = = = = = 42501'),
('reset_action_costs()', $$reset_action_costs()$$, '42501 = ok = 42501 = = = = = ='),
('metrics()', $$metrics()$$, '42501 = ok = 42501 = = = = ok 42501'),
('work_load()', $$work_load()$$, '42501 = ok = 42501 = = = = = ='),
('claim(text,text,integer,interval,text[],text,bigint)', $$claim('desk', 'w')$$, 'ok = = = WF002 ok WF002 = = 42501 ='),
('complete(uuid,bigint,jsonb,text)', $$complete(%7$L, %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('complete_many(uuid[],bigint[],jsonb[])', $$complete_many(ARRAY[%7$L]::uuid[], ARRAY[%8$s])$$, 'ok = = = WF002 = = = = 42501 ='),
('fail(uuid,bigint,jsonb,timestamp with time zone,boolean,text)', $$fail(%7$L, %8$s, '{}')$$, 'ok = = = WF002 = = = = 42501 ='),
('release(uuid,bigint,timestamp with time zone)', $$release(%7$L, %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('extend(uuid,bigint,interval)', $$extend(%7$L, %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('report_progress(bigint,bigint,text,uuid,bigint)', $$report_progress(1, run => %7$L, fence => %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('write_log(text,text,jsonb,uuid,bigint)', $$write_log('info', 'x', run => %7$L, fence => %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('save_checkpoint(text,jsonb,uuid,bigint)', $$save_checkpoint('x', '1', %7$L, %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('checkpoint(text,uuid,bigint)', $$checkpoint('x', %7$L, %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('park(timestamp with time zone,text,uuid,bigint,uuid[])', $$park(event => 'x', run => %7$L, fence => %8$s)$$, 'ok = = = WF002 = = = = 42501 ='),
('await_work(text,interval,boolean,text[],text)', $$await_work('desk')$$, '25001 = = = = = = = = 42501 ='),
('await_run(uuid[],text,interval)', $$await_run(ARRAY[%7$L]::uuid[])$$, '25001 = = = = = = = = 42501 ='),
-- of table triggers
('create_table_trigger(text,regclass,text,text,text,text,text,text)', $$create_table_trigger('new', 'app.note', 'insert', 'form')$$, 'ok = 42501 WF002 42501 = = = = = ='),
('drop_table_trigger(text)', $$drop_table_trigger('notes')$$, 'ok = = = WF002 = = = = 42501 ='),
('table_trigger()', $$table_trigger()$$, '42804 = = = = = = = = = 42501'),
('bind(text,regclass,text,text)', $$bind('doc', 'app.leaf', 'id', 'state')$$, 'ok = 42501 ok 42501 = = = = = ='),
('unbind(text)', $$unbind('rest')$$, 'ok = = = WF002 = = = = 42501 ='),
('bound_row()', $$bound_row()$$, '42804 = = = = = = = = = 42501'),
-- of runtimes
('register_runtime(text,text,text,text,jsonb)', $$register_runtime('new')$$, '42501 = ok ok 42501 = = ok 42501 = ='),
('beat(text,bigint,bigint,bigint)', $$beat('none', 1)$$, '42501 = ok ok 42501 = = ok 42501 = ='),
('heartbeat(text,bigint)', $$heartbeat('none', 1)$$, '42501 = ok ok 42501 = = ok 42501 = ='),
('take_turn(text,bigint,text)', $$take_turn('none', 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('service_turn(text,bigint)', $$service_turn('none', 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('claim_placed(text,bigint,integer,uuid[])', $$claim_placed('none', 1, 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('decline(uuid,bigint)', $$decline(%7$L, %8$s)$$, '42501 = ok = 42501 = = WF002 42501 = ='),
('report_placed(uuid,bigint,jsonb)', $$report_placed(%7$L, %8$s, '{}')$$, '42501 = ok = 42501 = = WF002 42501 = ='),
('outcome_told(text,bigint,bigint)', $$outcome_told('none', 1, 1)$$, '42501 = ok ok 42501 = = ok 42501 = ='),
('outcomes_kept(text,bigint,bigint,uuid[])', $$outcomes_kept('none', 1, 1, '{}')$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('await_placed(text,bigint,interval,boolean)', $$await_placed('none', 1)$$, '42501 = 25001 = 42501 = = 25001 42501 = ='),
('work_turn(text,bigint,integer,integer)', $$work_turn('none', 1, 1)$$, '42501 = 25001 = 42501 = = 25001 42501 = ='),
('shutdown_runtime(text,bigint)', $$shutdown_runtime('none', 1)$$, '42501 = WF018 = 42501 = = WF018 42501 = ='),
('set_runtime_role(text,text)', $$set_runtime_role('none', 'both')$$, '42501 = WF018 = 42501 = = WF018 42501 = ='),
('recover(text,text)', $$recover('none', 'none')$$, '42501 = WF018 = 42501 = = = = = ='),
('approve_runtime(text)', $$approve_runtime('none')$$, '42501 = WF018 = 42501 = = = = = ='),
('remove_runtime(text)', $$remove_runtime('none')$$, '42501 = WF018 = 42501 = = = = = ='),
('set_setting(text,text)', $$set_setting('timer_interval', '2 s')$$, '42501 = ok ok 42501 = = = = = ='),
('setting_list()', $$setting_list()$$, 'ok = = = = = = = = = 42501'),
('runtime_beats()', $$runtime_beats()$$, 'ok = = = = = = = = = 42501'),
('set_restorer(text,regprocedure)', $$set_restorer('job:form', NULL)$$, 'ok WF002 = = = = = = = 42501 ='),
('restorer_states(uuid,uuid,jsonb)', $$restorer_states(%1$L, NULL, '"retry"')$$, 'ok = = = = = = = = 42501 ='),
('restorer_answer(uuid,uuid,jsonb)', $$restorer_answer(%1$L, NULL, '"retry"')$$, 'ok = = = = = = = = 42501 ='),
('commit_position()', $$commit_position()$$, '25001 = = = = = = = = = 42501'),
('wait_for_lsn(pg_lsn,interval,boolean)', $$wait_for_lsn('0/0')$$, '25001 = = = = = = = = = 42501'),
-- of files
('put_file(text,bytea,text)', $$put_file('new', 'x')$$, 'ok = = = = = = = = 42501 ='),
('put_file(text,bytea,text)', $$put_file('docs/a', 'y')$$, 'ok = = = WF002 = = = = 42501 ='),
('begin_file(text,text)', $$begin_file('docs/a')$$, 'ok = = = WF002 = = = = 42501 ='),
('put_file_part(bigint,bigint,bytea)', $$put_file_part(0, 0, 'x')$$, 'WF010 = = = = = = = = 42501 ='),
('end_file(bigint,bytea)', $$end_file(0, sha256(''))$$, 'WF010 = = = = = = = = 42501 ='),
('delete_file(text)', $$delete_file('docs/a')$$, 'ok = = = WF002 = = = = 42501 ='),
('get_file(text,bigint)', $$get_file('docs/a')$$, 'ok = = = WF002 = = ok WF002 ok 42501'),
('get_file_part(text,bigint,bigint,integer)', $$get_file_part('docs/a', 1, 0, 1)$$, 'ok = = = WF002 = = ok WF002 ok 42501'),
('may_file(text,integer,text)', $$may_file('docs/a', 0, 'read')$$, 'ok = = = = = = = = = 42501'),
('pull_files(text,bigint,integer,boolean)', $$pull_files('none', 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('confirm_files(text,bigint,bigint[],text[])', $$confirm_files('none', 1, '{}')$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('forget_files(text,bigint)', $$forget_files('none', 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('file_position(text,bigint,xid8,bigint)', $$file_position('none', 1)$$, '42501 = WF012 = 42501 = = WF012 42501 = ='),
('grant_on(text,name,text[])', $$grant_on('file:docs/a', 'regress_stranger', 'read')$$, 'ok = = = WF002 = = = = 42501 ='),
('grant_on(text,name,text[])', $$grant_on('file:docs/', 'regress_stranger', 'read')$$, 'WF002 = ok = WF002 = = = = 42501 ='),
-- of remote
('map_owner(text,name)', $$map_owner('clerk', 'regress_nobody')$$, '42501 = WF002 ok 42501 = = = = = ='),
('unmap_owner(text)', $$unmap_owner('clerk')$$, '42501 = ok ok 42501 = = = = = ='),
('accept_remote(text)', $$accept_remote('1')$$, '42501 = = 55000 42501 = = = = = ='),
('membership_state()', $$membership_state()$$, '42501 = ok ok 42501 = = = = ok 42501'),
-- ours alone
('run_runtime(text,boolean,timestamp with time zone)', $$run_runtime('w', false)$$, 'ok = = = = = = = = = 42501'),
('install_cron(interval)', $$install_cron()$$, '42501 = 55000 55000 42501 = = = = = ='),
('remove_cron()', $$remove_cron()$$, '42501 = ok ok 42501 = = = = = ='),
('tenant()', $$tenant()$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('sees_tenant(text)', $$sees_tenant('acme')$$, 'ok ok ok ok ok ok ok ok ok ok 42501'),
('confine(name,text[],text)', $$confine('regress_clerk', '{acme}')$$, '42501 = ok ok 42501 = = = = = ='),
('wake()', $$wake()$$, '42501 = ok ok 42501 = = = = = =');

-- rows: how many each of them gets to see
INSERT INTO app.right (object, command, verdicts) VALUES
('definitions', $$$$, '3 3 4 4 0 = 3 0 = 4 42501'),
('processes', $$$$, '4 4 5 5 1 0 4 0 = 5 42501'),
('processes', $$WHERE id = %6$L$$, '0 = 1 1 0 = = = = 1 42501'),
('timers', $$$$, '3 3 3 3 1 0 3 0 = 3 42501'),
('process_history', $$$$, '6 6 7 7 1 0 6 0 = 7 42501'),
('deferred_events', $$$$, '1 1 1 1 0 = 1 0 = 1 42501'),
('errors', $$$$, '1 1 1 1 0 = 1 0 = 1 42501'),
('drift', $$$$, '1 1 1 1 0 = 1 0 = 1 42501'),
('audit', $$WHERE object = 'rest' AND act = 'define'$$, '2 2 2 2 0 = = = = 2 42501'),
('definition_history', $$WHERE definition = 'rest' AND event = 'workflow.define'$$, '2 2 2 2 0 = 2 0 = 2 42501'),
('pauses', $$$$, '1 1 1 1 0 = 1 0 = 1 42501'),
('early_events', $$$$, '1 1 1 1 0 = 1 0 = 1 42501'),
('erasures', $$$$, '1 1 1 1 0 = = = = 1 42501'),
('files', $$$$, '1 1 1 1 0 = = 1 0 1 42501'),
('file_versions', $$$$, '1 1 1 1 0 = = 1 0 1 42501'),
('file_requests', $$$$, '1 1 1 1 0 = = 1 0 1 42501'),
('confined_roles', $$$$, '0 = = = = = = = = = 42501'),
('tenants', $$$$, '0 = = = = = = = = = 42501'),
('calendars', $$$$, '1 1 1 1 1 1 1 1 1 1 42501'),
('activity', $$WHERE false$$, '0 = = = = = = = = = 42501'),
('inconsistencies', $$WHERE false$$, '42501 = 0 0 42501 = = = = 0 42501'),
('jobs', $$$$, '2 = = = 0 = 1 0 = 2 42501'),
('queues', $$$$, '1 = = = 0 = 1 0 = 1 42501'),
('bulks', $$$$, '1 = = = 0 = = = = 1 42501'),
('bulk_items', $$$$, '0 = = = = = = = = = 42501'),
('schedules', $$$$, '1 = = = 0 = 1 0 = 1 42501'),
('limits', $$$$, '1 = = = = = = = = = 42501'),
('runs', $$$$, '2 = = = 0 = 2 0 = 2 42501'),
('bindings', $$$$, '1 = = = 0 = 1 0 = 1 42501'),
('table_triggers', $$$$, '1 = = = 0 = = = = 1 42501'),
('alerts', $$$$, '1 = = = 0 = = = = 1 42501'),
('file_triggers', $$$$, '1 = = = 0 = = = = 1 42501'),
('triggered_files', $$$$, '0 = = = = = = = = = 42501'),
('retention', $$$$, '1 = = = 0 = = = = 1 42501'),
('ended_spans', $$WHERE attributes ->> 'workflow.event' = 'wait'$$, '1 = = = 0 = 1 0 = 1 42501'),
('load_now', $$WHERE kind = 'processes' AND definition = 'rest'$$, '1 = = = 0 = 1 0 = 1 42501'),
('action_costs', $$WHERE false$$, '0 = = = = = = = = = 42501'),
('load_minutes', $$WHERE false$$, '0 = = = = = = = = = 42501'),
('restorers', $$$$, '0 = = = = = = = = = 42501'),
('runtimes', $$WHERE kind <> 'local'$$, '0 = = = = = = = = = 42501'),
('settings', $$WHERE name = 'timer_interval'$$, '1 = = = = = = = = = 42501'),
('membership', $$$$, '42501 = 1 1 42501 = = = = 1 42501'),
('owner_map', $$$$, '42501 = 0 0 42501 = = = = 0 42501'),
('outcomes', $$$$, '42501 = 0 0 42501 = = = = = ='),
('run_logs', $$$$, '1 = = = 0 = 1 0 = 1 42501'),
('search(text,text[],jsonb,text[],status[],integer,uuid,text,jsonb)', $$('doc')$$, '3 3 3 3 1 0 3 0 = 3 42501'),
('search(text,text[],jsonb,text[],status[],integer,uuid,text,jsonb)', $$('doc', '{open}', '{"n": 1}')$$, '2 2 2 2 1 0 2 0 = 2 42501');

-- what was said above, one row a question
CREATE VIEW app.question AS
    SELECT r.n, r.object, r.command, a.actor, a.n AS column,
           (SELECT w.word FROM regexp_split_to_table(r.verdicts, ' ') WITH ORDINALITY w(word, n)
            WHERE w.n <= a.n AND w.word <> '=' ORDER BY w.n DESC LIMIT 1) AS wanted
    FROM app.right r, string_to_table('app member admin super starter sender reader actor stranger monitor nobody', ' ') WITH ORDINALITY a(actor, n);
CREATE FUNCTION app.answers(asked app.right, full_command text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', q.actor, app.verdict(q.actor, full_command)), ', ' ORDER BY q."column")
    FROM app.question q WHERE q.n = asked.n $$;
CREATE FUNCTION app.expected(asked app.right) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', q.actor, q.wanted), ', ' ORDER BY q."column") FROM app.question q WHERE q.n = asked.n $$;

SET search_path TO workflow, app, public;
SELECT bag_eq($$
    SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace
    UNION SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v' $$,
    'SELECT DISTINCT object FROM app.right', 'every function, procedure and view has a row in this table');
SET search_path TO app, public;

SELECT is_empty('SELECT object, command FROM app.right WHERE cardinality(string_to_array(verdicts, '' '')) <> 11', 'each row tells about everybody');
SET ROLE regress_app;
SELECT FROM workflow.pause('rest');
RESET ROLE;
SELECT is(answers(r, format('SELECT count(*) FROM workflow.' ||
                            CASE WHEN r.object ~ '^search' THEN 'search' ELSE r.object END || ' ' || r.command,
                            :'p', :'over', :'doc', :'old', :'mine', :'other', :'claimed', :'fence', :'waits', :'form', :'desk', :'task', :'bulk')),
          expected(r), format('rows of %s %s', substring(r.object, '^\w+'), regexp_replace(r.command, '%\d\$L', 'P', 'g')))
FROM app.right r WHERE r.verdicts ~ '^\d ' OR r.object IN ('inconsistencies', 'membership', 'owner_map', 'outcomes') ORDER BY r.n;
SET ROLE regress_app;
SELECT FROM workflow.unpause('rest');
SELECT workflow.work(100) \g /dev/null
RESET ROLE;
SELECT is(answers(r, format(CASE WHEN r.object ~ '^(await|await_work|await_placed|await_run|await_bulk|wait_for_lsn|expire_all|work_turn)\(' THEN 'CALL workflow.' ELSE 'SELECT NULL FROM workflow.' END || r.command,
                            :'p', :'over', :'doc', :'old', :'mine', :'other', :'claimed', :'fence', :'waits', :'form', :'desk', :'task', :'bulk')),
          expected(r), regexp_replace(r.command, '%\d\$[Ls]', 'P', 'g'))
FROM app.right r WHERE r.verdicts !~ '^\d ' AND r.object NOT IN ('inconsistencies', 'membership', 'owner_map', 'outcomes') ORDER BY r.n;

-- For two privileges together: who starts and sends may simulate, and speak
-- for nobody else; not in a script either.
SET ROLE regress_app;
SELECT FROM workflow.grant_on('doc', 'regress_stranger', 'start', 'send');
SELECT FROM workflow.grant_on('doc', 'regress_actor', 'start', 'send');
RESET ROLE;
SELECT is(app.verdict(a, c), v, format('%s: %s', a, c)) FROM (VALUES
    ('stranger', $$SELECT NULL FROM workflow.simulate('doc', '[{"event": "go"}]')$$, 'ok'),
    ('stranger', $$SELECT NULL FROM workflow.simulate('doc', '[{"event": "go"}]', actor => 'boss')$$, 'WF002'),
    ('stranger', $$SELECT NULL FROM workflow.simulate('doc', '[{"event": "go", "actor": "regress_stranger"}]')$$, 'ok'),
    ('stranger', $$SELECT NULL FROM workflow.simulate('doc', '[{"event": "go", "actor": "boss"}]')$$, 'WF002'),
    ('stranger', $$SELECT NULL FROM workflow.simulate('doc', '[{"done": "x", "actor": "boss"}]')$$, 'WF002'),
    ('actor', $$SELECT NULL FROM workflow.simulate('doc', '[{"event": "go", "actor": "boss"}]', actor => 'boss')$$, 'ok')) t(a, c, v);

\set end :srcdir '/end.psql'
\i :end
