\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Tenants: what belongs to another one does not exist. With executors, and with policies of
-- users' tables: t/tenants.pl.

CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) + workflow.work_runs() > 0 LOOP END LOOP; END $$;
-- What comes of a command, without the ids in it.
CREATE FUNCTION app.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, ''; '') FROM workflow.%s r', command) INTO result;
    RETURN regexp_replace(result, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID', 'g');
EXCEPTION WHEN OTHERS THEN
    RETURN regexp_replace(SQLSTATE || ' ' || SQLERRM, '[0-9a-f]{8}-[0-9a-f-]{27}', 'ID', 'g');
END
$$;
-- Work for a tenant in the rest of the transaction.
CREATE FUNCTION app.work_for(tenant text) RETURNS void LANGUAGE sql AS $$ SELECT set_config('workflow.tenant', COALESCE(tenant, ''), true) $$;
CREATE FUNCTION app.whose(process uuid) RETURNS text LANGUAGE sql AS $$ SELECT COALESCE(tenant, '-') FROM workflow.processes WHERE id = process $$;

-- a definition with something to see in each view, a job, and a worker's queue
CREATE FUNCTION app.fail(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
SELECT workflow.create_job('whose', 'SELECT to_jsonb(current_setting(''workflow.tenant''))', '{"n": "int"}', partition => '@workflow.tenant()',
    cache => '{"max_age": "1 day"}', result => 'jsonb') \g /dev/null
SELECT FROM workflow.define('{
    "id": "claim", "initial": "open", "search": {"n": "$.n"},
    "context": {"n": 1, "whose": {"@expr": "to_jsonb(workflow.tenant())"}},
    "states": {
        "open": {"defer": ["later"], "task": {"for": ["ann", "bob"], "need": "all"}, "after": {"30 days": "closed"},
            "on": {"close": "closed", "paid": {"correlate": {"@expr": "''c1''"}, "actions": {"type": "assign", "context": {"paid": true}}}, "fail": {"actions": "app.fail"},
                "look": {"actions": {"type": "assign", "context": {"seen": {"@expr": "to_jsonb(current_setting(''workflow.tenant''))"}}}},
                "tell": {"actions": {"type": "send", "event": "look", "to": {"@expr": "event->''data''->>''to''"}}},
                "call": "calling", "error.communication": {"actions": {"type": "assign", "context": {"refused": true}}}}},
        "calling": {"invoke": [{"id": "child", "src": "claim"}, {"id": "job", "job": "whose"}], "on": {"done.invoke.job": {"target": "open", "actions": {"type": "assign", "context": {"of_run": {"@expr": "event->''output''"}}}}}},
        "closed": {"type": "final"}}}') \g /dev/null
SELECT FROM workflow.create_queue('desk');
SELECT workflow.create_job('form', queue => 'desk') \g /dev/null
SELECT workflow.grant_on(o, 'regress_clerk', VARIADIC p::text[]) FROM (VALUES
    ('claim', '{start,send,read,act}'), ('job:form', '{run,read,manage}'), ('job:whose', '{run,read,manage}'),
    ('queue:desk', '{use,claim,read,manage}')) g(o, p) \g /dev/null

-- the application is a clerk: one login for all tenants
SET ROLE regress_clerk;
SELECT is(workflow.tenant(), NULL, 'a session works for nobody');
SELECT workflow.start('claim', key => 'K') AS p \gset
SELECT work_for('acme') \g /dev/null
SELECT is(workflow.tenant(), 'acme', 'or for a tenant');
SELECT workflow.start('claim', key => 'K') AS a \gset
SELECT is(workflow.start('claim', key => 'K'), :'a', 'keys are those of the tenant');
SELECT work_for('globex') \g /dev/null
SELECT workflow.start('claim', key => 'K') AS g \gset
SELECT isnt(:'a'::uuid, :'g', 'another one has the same');
SELECT is((SELECT array_agg(id) FROM workflow.start_many('claim', '{"{}",NULL}', '{K,L}') id)[1], :'g', 'start_many finds it, too');
SELECT is(workflow.find('claim', 'K'), :'g', 'and find()');
SELECT is(context, '{"n": 1, "whose": "globex"}', 'code knows whose a process is') FROM workflow.get(:'g');
SELECT work_for('acme') \g /dev/null
SELECT throws_ok($$SELECT workflow.find('claim', 'L')$$, 'WF001', 'no process of "claim" has the key "L"', 'the key of another one is none');
SELECT work_for(NULL) \g /dev/null
SELECT is(workflow.find('claim', 'K'), :'p', 'without a tenant keys are those of nobody');
SELECT is(whose(workflow.start('claim', key => 'K', tenant => 'acme')), 'acme', 'an argument is as good as the setting');
SELECT is((SELECT process FROM workflow.start_or_get('claim', key => 'K', tenant => 'globex')), :'g', 'of each that starts');
SELECT is((SELECT string_agg(whose(id), ' ') FROM workflow.start_many('claim', '{"{}","{}"}', tenant => 'zeta') id), 'zeta zeta', 'also of many');
SELECT is(slot, workflow.slot_of_key('K'), 'the slot of a key is the same for all') FROM workflow.slot(:'g');
SELECT work_for('acme') \g /dev/null
SELECT throws_ok($$SELECT workflow.start('claim', tenant => 'globex')$$, 'WF002', 'the session works for tenant "acme", not "globex"', 'the argument is not another one than the setting');
SELECT throws_ok($$SELECT workflow.run_job('whose', tenant => 'globex')$$, 'WF002', 'the session works for tenant "acme", not "globex"', 'nor for runs');
SELECT throws_ok(format($$SET LOCAL workflow.tenant = %L$$, repeat('x', 256)), '22023', NULL, 'a name has an end');

-- what a tenant's process makes is the tenant's
SELECT is(states::text, '{calling}', 'a process invokes a process and a run') FROM workflow.send(:'a', 'call');
SELECT (children ->> 'child')::uuid AS child, (children -> 'job' ->> 'run')::uuid AS invoked FROM workflow.get(:'a') \gset
SELECT is(whose(:'child'), 'acme', 'a child is the tenant''s');
SELECT is(tenant || ' in ' || partition, 'acme in acme', 'a run, too, and its partition may be') FROM workflow.runs WHERE run = :'invoked';
SET ROLE regress_app;
SELECT work_for(NULL) \g /dev/null
CALL run();
SELECT is(context->>'of_run', 'acme', 'what an executor does knows the tenant') FROM workflow.get(:'a');
SELECT is(current_setting('workflow.tenant'), '', 'and nothing of that stays');
SELECT is(context->>'seen', 'acme', 'so does what somebody else does to the process') FROM workflow.send(:'a', 'look');
SELECT is(current_setting('workflow.tenant'), '', 'whose setting is what it was');
SELECT workflow.call_job('whose', '{"n": 1}') \g /dev/null
SELECT work_for('acme') \g /dev/null
SELECT is(workflow.call_job('whose', '{"n": 1}'), '"acme"', 'what is kept of a job is one tenant''s');
SELECT work_for('globex') \g /dev/null
SELECT is(workflow.call_job('whose', '{"n": 1}'), '"globex"', 'and not another one''s');
SELECT workflow.create_schedule('nightly', 'whose', every => '1 day') \g /dev/null
SELECT work_for(NULL) \g /dev/null
SELECT is(tenant, 'globex', 'what a schedule makes is that of whoever has made the schedule') FROM workflow.runs WHERE run = workflow.trigger_now('nightly');
SELECT work_for('acme') \g /dev/null
SELECT is(replace((error($$SELECT workflow.trigger_now('nightly')$$))[2], 'nightly', 'X'), replace((error($$SELECT workflow.trigger_now('nowhere')$$))[2], 'nowhere', 'X'), 'for others there is no such schedule');

-- rows of users' tables
CREATE TABLE app.paper (id int, tenant text);
SELECT workflow.create_table_trigger('papers', 'app.paper', 'insert', 'whose', key => 'new.id::text') \g /dev/null
INSERT INTO app.paper VALUES (1), (2);
SELECT is((SELECT string_agg(DISTINCT tenant, ' ') FROM workflow.runs WHERE key IN ('1', '2')), 'acme', 'a trigger works for the tenant of the writer');

-- of each tenant: a failed event, a deferred one, an early one, runs of each kind
SELECT is((SELECT string_agg(w.tenant, ' ') FROM (VALUES ('acme', :'a'::uuid), ('globex', :'g')) w(tenant, id),
    LATERAL (SELECT work_for(w.tenant), workflow.send(w.id, 'later'), workflow.post(w.id, 'fail', id => 'f'), workflow.post_by_key('claim', 'soon', 'look', early => '1 day'),
                    workflow.run_job('form', key => 'R', at => '2031-01-01')) x), 'acme globex', 'something in each view');
SELECT work_for('globex') \g /dev/null
SELECT isnt(workflow.run_job('form', key => 'R'), NULL, 'keys of runs are those of the tenant, too');
SELECT work_for(NULL) \g /dev/null
SELECT is(count(DISTINCT run)::int, 2, 'one for each') FROM workflow.runs WHERE key = 'R';
SELECT run AS waits FROM workflow.runs WHERE key = 'R' AND tenant = 'globex' \gset
SET ROLE regress_clerk;
SELECT workflow.run_job('form', tenant => 'globex') AS claimed \gset
SELECT work_for('acme') \g /dev/null
SELECT is((SELECT count(*)::int FROM workflow.claim('desk', 'w')), 0, 'a worker that works for a tenant gets no other one''s runs');
SELECT work_for('globex') \g /dev/null
SELECT fence FROM workflow.claim('desk', 'w') \gset
SELECT workflow.write_log('info', 'begun', run => :'claimed', fence => :fence) \g /dev/null
SELECT task AS t FROM workflow.inbox('ann') WHERE process = :'g' \gset
SELECT isnt(:'t'::text, '', 'an inbox is the tenant''s');
SELECT workflow.comment(:'t', 'hm', 'ann') \g /dev/null

-- all views, of acme: nothing of globex, and nothing of nobody
SELECT work_for('acme') \g /dev/null
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.processes), 'acme', 'processes');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.process_history), 'acme', 'process_history');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.timers), 'acme', 'timers');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.deferred_events), 'acme', 'deferred_events');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.early_events), 'acme', 'early_events');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.tasks), 'acme', 'tasks');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.approvals), 'acme', 'approvals');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.runs), 'acme', 'runs');
SELECT is((SELECT count(*)::int FROM workflow.run_logs), 0, 'run_logs');
SELECT is((SELECT string_agg(t::text, ' ') FROM workflow.tenants t), format('(acme,%s,0,%s,%s,0,%s)',
    (SELECT count(*) FROM workflow.processes WHERE NOT workflow.is_over(status, states, step)), (SELECT count(*) FROM workflow.tasks), (SELECT count(*) FROM workflow.runs WHERE state = 'waiting'),
    (SELECT to_jsonb(min(due)) #>> '{}' FROM workflow.runs WHERE state = 'waiting' AND due <= now())), 'tenants') FROM (SELECT set_config('timezone', 'UTC', true)) s;
SELECT is((SELECT count(*)::int FROM workflow.schedules), 0, 'schedules');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.search('claim')), 'acme', 'search');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.search('claim', attributes => '{"n": 1}')), 'acme', 'search by what it is about');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.search('claim', order_by => 'n')), 'acme', 'search in order');
SELECT is((SELECT string_agg(DISTINCT app.whose(process), ' ') FROM workflow.inbox('ann')), 'acme', 'inbox');
-- no view that shows what is a tenant's is left out
SELECT is((SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
    WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind = 'v'
      AND pg_get_viewdef(c.oid) ~ '\m(process|run|run_history|task|schedule|early)\M [a-z]\M' AND pg_get_viewdef(c.oid) !~ 'sees_tenant|may_schedule'),
    'inconsistencies queues runtimes', 'what other views show is nobody''s');
SELECT is_empty('SELECT FROM workflow.queues WHERE head NOT IN (SELECT run FROM workflow.runs)', 'the head of a queue is shown to those who see it');

-- all functions: what belongs to globex is to acme as what was never there
CREATE TEMP TABLE call (command text);
INSERT INTO call VALUES
    ('get(%1$L)'), ('available_events(%1$L)'), ('diagram(%1$L)'), ('candidates(%1$L, ''close'')'), ('dry_run(%1$L, ''close'')'),
    ('send(%1$L, ''close'')'), ('send(%1$L, ''close'', nowait => true)'), ('send(%1$L, ''close'', if_step => 1)'),
    ('send_many(ARRAY[%1$L]::uuid[], ''{close}'')'), ('send_many(ARRAY[%1$L]::uuid[], ''{close}'', refusals => true)'),
    ('post(%1$L, ''close'')'), ('post(%1$L, ''close'', id => ''x'')'), ('cancel_event(%1$L, ''x'')'),
    ('set_timer(%1$L, ''30 days'', ''2031-01-01'')'), ('reset_timer(%1$L, ''30 days'')'), ('suspend(%1$L)'), ('resume(%1$L)'), ('cancel(%1$L)'),
    ('set_states(%1$L, ''{open}'')'), ('set_context(%1$L, ''{}'')'), ('erase(%1$L, force => true)'), ('migrate(%1$L)'), ('migrate(%1$L, dry_run => true)'),
    ('search(''claim'', after => %1$L, order_by => ''n'')'),
    ('get_run(%2$L)'), ('cancel_run(%2$L)'), ('retry_run(%2$L)'), ('signal(%2$L, ''x'')'), ('run_job(''form'', after => ARRAY[%2$L]::uuid[])'),
    ('alter_runs(jsonb_build_object(''ids'', ARRAY[%2$L]), ''{"priority": 1}'')'), ('run_waits_for(%2$L)'), ('critical_path(%1$L)'), ('critical_steps(%1$L)'), ('run_progress(%2$L)'),
    ('get_run(%3$L)'), ('cancel_run(%3$L)'), ('complete(%3$L, %5$s)'), ('complete_many(ARRAY[%3$L]::uuid[], ARRAY[%5$s])'), ('fail(%3$L, %5$s, ''{}'')'),
    ('release(%3$L, %5$s)'), ('decline(%3$L, %5$s)'), ('report_placed(%3$L, %5$s, ''{}'')'), ('extend(%3$L, %5$s)'), ('report_progress(1, run => %3$L, fence => %5$s)'), ('write_log(''info'', ''x'', run => %3$L, fence => %5$s)'),
    ('checkpoint(''x'', run => %3$L, fence => %5$s)'), ('save_checkpoint(''x'', ''1'', run => %3$L, fence => %5$s)'), ('park(run => %3$L, fence => %5$s)'),
    ('run_progress(%3$L)'), ('restorer_states(%2$L, %1$L, ''{"states": ["a"]}'')'), ('restorer_answer(%2$L, %1$L, ''{"states": ["a"]}'')'),
    ('inbox(''ann'', after => %4$L)'), ('claim_task(%4$L, ''ann'')'), ('release_task(%4$L, ''ann'')'), ('assign(%4$L, ''eve'', ''ann'', instead_of => ''ann'')'),
    ('delegate(%4$L, ''eve'', actor => ''ann'')'), ('comment(%4$L, ''x'', ''ann'')'), ('complete_task(%4$L, ''close'', actor => ''ann'')');
GRANT SELECT ON call TO PUBLIC;
SELECT is((SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) FROM pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) a(name, type)
    WHERE p.pronamespace = 'workflow'::regnamespace AND a.type IN ('uuid'::regtype, 'uuid[]'::regtype)
      AND a.name IN ('process', 'processes', 'run', 'runs', 'task', 'after')
      AND NOT EXISTS (SELECT FROM call c WHERE c.command LIKE p.proname || '(%')), 'await await_run outbox outcomes_kept', 'every function that is told an id');
\set none '''01234567-89ab-7def-8000-000000000000'''
SELECT is(outcome(format(command, :'g', :'waits', :'claimed', :'t', :fence)), outcome(format(command, :none, :none, :none, :none, :fence)),
    'of another tenant: ' || format(command, 'p', 'r', 'c', 't', 0)) FROM call;
SET ROLE regress_app;
SELECT is(outcome(format(command, :'g', :'waits', :'claimed', :'t', :fence)), outcome(format(command, :none, :none, :none, :none, :fence)),
    'also to the owner: ' || format(command, 'p', 'r', 'c', 't', 0)) FROM call;
SELECT is(workflow.redrive('form'), 0::bigint, 'redrive');
SELECT is(workflow.alter_runs('{"job": "form"}', '{"priority": 1}'), 1::bigint, 'alter_runs by the job changes what is there');
SELECT is((SELECT string_agg(DISTINCT app.whose(process), ' ') FROM workflow.migrate_many('claim', 1, dry_run => true)), NULL, 'migrate_many');
SELECT is(workflow.publish('paid', 'c1', keep => '1 day'), (SELECT count(*) FROM workflow.processes WHERE states = '{open}'), 'an event that is published is for the tenant''s processes');
SELECT is(states::text, '{open}', 'an action') FROM workflow.send(:'a', 'tell', jsonb_build_object('to', :'g'));
SELECT is(context->'refused', 'true', 'reaches no process of another tenant') FROM workflow.get(:'a');
SELECT work_for(NULL) \g /dev/null
SELECT workflow.cancel_event(process, 'f') FROM workflow.timers WHERE event = 'fail' \g /dev/null
SELECT step AS before FROM workflow.get(:'g') \gset
CALL run();
SELECT is(step, :before, 'nothing has happened to those of another tenant') FROM workflow.get(:'g');
SELECT is((SELECT count(*)::int FROM workflow.timers WHERE process = :'g'), 1, 'nor will it');
SELECT is(context->'paid', 'true', 'the event has come where it was to') FROM workflow.get(:'a');
SELECT is(context->'paid', NULL, 'and what is kept of it is not for others')
    FROM workflow.get(workflow.start('claim', tenant => 'globex'));
SELECT is((workflow.get(workflow.start('claim', key => 'soon', tenant => 'globex'))).context->'whose', '"globex"', 'who comes early is for the key of the tenant');
SELECT is((SELECT count(*)::int FROM workflow.early_events), 1, 'that of another one waits on');

-- roles that are confined
RESET ROLE;
CREATE ROLE regress_acme LOGIN IN ROLE regress_clerk;
CREATE ROLE regress_desk LOGIN IN ROLE regress_clerk;
SELECT FROM workflow.confine('regress_acme', '{acme}', 'contract 12');
SELECT FROM workflow.confine('regress_desk', '{acme,zeta}');
SELECT is((SELECT string_agg(format('%s %s', role, tenants), ', ' ORDER BY role) FROM workflow.confined_roles), 'regress_acme {acme}, regress_desk {acme,zeta}', 'roles are confined');
SELECT is(detail || jsonb_build_object('note', note), '{"role": "regress_acme", "tenants": ["acme"], "note": "contract 12"}', 'which is noted') FROM workflow.audit WHERE act = 'confine' AND object = 'regress_acme';
SELECT throws_ok($$SELECT workflow.confine(current_user, '{acme}')$$, '22023', NULL, 'nobody confines a superuser');
SET ROLE regress_acme;
SELECT is(workflow.tenant(), 'acme', 'who is confined to one works for that');
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.processes), 'acme', 'sees no other');
SELECT is(outcome(format(command, :'g', :'waits', :'claimed', :'t', :fence)), outcome(format(command, :none, :none, :none, :none, :fence)),
    'of another tenant, confined: ' || format(command, 'p', 'r', 'c', 't', 0)) FROM call;
SELECT is(workflow.find('claim', 'K'), :'a', 'has its keys');
SELECT is(whose(workflow.start('claim')), 'acme', 'makes what is its own');
SELECT is(tenant, 'acme', 'so are its runs') FROM workflow.runs WHERE run = workflow.run_job('whose');
SELECT throws_ok($$SELECT workflow.start('claim', tenant => 'globex')$$, 'WF002', 'role "regress_acme" may not work for tenant "globex"', 'and no other''s');
SELECT work_for('globex') \g /dev/null
SELECT throws_ok('SELECT count(*) FROM workflow.processes', 'WF002', 'role "regress_acme" may not work for tenant "globex"', 'it cannot set another one');
SELECT throws_ok(format('SELECT * FROM workflow.get(%L)', :'g'), 'WF002', 'role "regress_acme" may not work for tenant "globex"', 'whatever it calls');
SELECT throws_ok($$SELECT workflow.start('claim')$$, 'WF002', 'role "regress_acme" may not work for tenant "globex"', 'or makes');
SELECT work_for(NULL) \g /dev/null
SELECT throws_ok($$SELECT workflow.confine('regress_acme', NULL)$$, '42501', NULL, 'nor can it free itself');
DROP OWNED BY regress_acme;
SELECT is(workflow.tenant(), 'acme', 'in no way');
SELECT is((SELECT string_agg(role, ' ') FROM workflow.confined_roles), 'regress_acme', 'it knows of itself');
SET ROLE regress_desk;
SELECT throws_ok('SELECT workflow.tenant()', 'WF002', 'role "regress_desk" has to say for which tenant it works', 'who is confined to several has to say');
SELECT throws_ok('SELECT count(*) FROM workflow.runs', 'WF002', 'role "regress_desk" has to say for which tenant it works', 'who forgets sees nothing');
SELECT is(whose(workflow.start('claim', tenant => 'zeta')), 'zeta', 'the argument says it')
    FROM (SELECT work_for('zeta')) s;
SELECT work_for('acme') \g /dev/null
SELECT is((SELECT string_agg(DISTINCT COALESCE(tenant, '-'), ' ') FROM workflow.processes), 'acme', 'who says so works for one of them');
SELECT work_for('globex') \g /dev/null
SELECT throws_ok('SELECT workflow.tenant()', 'WF002', 'role "regress_desk" may not work for tenant "globex"', 'not for others');
RESET ROLE;
SELECT is((SELECT count(DISTINCT tenant)::int FROM workflow.processes), 1, 'whoever is not confined, but works for one, sees that one');
SELECT work_for(NULL) \g /dev/null
SELECT is((SELECT count(DISTINCT tenant)::int FROM workflow.processes), 3, 'or all');
SELECT FROM workflow.confine('regress_desk', '{*}');
SET ROLE regress_desk;
SELECT throws_ok('SELECT workflow.tenant()', 'WF002', 'role "regress_desk" has to say for which tenant it works', 'any one is one');
SELECT work_for('globex') \g /dev/null
SELECT is(workflow.tenant(), 'globex', 'that is said');
RESET ROLE;
-- members, of several
CREATE ROLE regress_member LOGIN IN ROLE regress_acme;
SELECT FROM workflow.confine('regress_desk', '{zeta}');
SET ROLE regress_member;
SELECT work_for(NULL) \g /dev/null
SELECT is(workflow.tenant(), 'acme', 'members are confined, too');
RESET ROLE;
GRANT regress_desk TO regress_member;
SET ROLE regress_member;
SELECT throws_ok('SELECT workflow.tenant()', 'WF002', 'role "regress_member" has to say for which tenant it works', 'to all that they are members of');
SELECT work_for('zeta') \g /dev/null
SELECT is(workflow.tenant(), 'zeta', 'of each');
RESET ROLE;
SELECT work_for(NULL) \g /dev/null
SAVEPOINT s;
SELECT FROM workflow.confine('regress_member', '{eta}');
SET LOCAL ROLE regress_member;
SELECT throws_ok('SELECT workflow.tenant()', 'WF002', NULL, 'what is changed counts at once');
ROLLBACK TO s;
SELECT FROM workflow.confine('regress_acme', NULL);
SET ROLE regress_acme;
SELECT is(workflow.tenant(), NULL, 'who is not confined any more works for all');
RESET ROLE;
SELECT FROM workflow.confine('regress_desk', NULL);
-- code of a process that names another tenant does so for itself only
SET ROLE regress_app;
CREATE FUNCTION app.turn_to(tenant text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('workflow.tenant', $1, false) $$;
SELECT FROM workflow.define('{"id": "turncoat", "initial": "a", "context": {"one": "", "two": "", "three": ""}, "states": {
    "a": {"on": {"go": {"target": "b", "actions": [
        {"type": "assign", "context": {"one": {"@expr": "app.turn_to(''eta'')"}}},
        {"type": "assign", "context": {"two": {"@expr": "app.turn_to(workflow.tenant())"}}}]}}},
    "b": {"entry": {"type": "assign", "context": {"three": {"@expr": "app.turn_to(workflow.tenant())"}}}}}}');
SELECT workflow.start('turncoat', tenant => 'zeta') AS turncoat \gset
SELECT is((SELECT context FROM workflow.send(:'turncoat', 'go')), '{"one": "eta", "two": "zeta", "three": "zeta"}', 'what follows works for the process''s');
SELECT is(current_setting('workflow.tenant'), '', 'and the session for whom it did');
RESET ROLE;
-- a definition of such a name has nothing to do with it
SELECT FROM workflow.confine('regress_desk', '{acme}');
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "tenant:acme", "initial": "a", "states": {"a": {}}}');
SELECT workflow.grant_on('tenant:acme', 'regress_desk', 'start') \g /dev/null
SELECT workflow.drop_definition('tenant:acme') \g /dev/null
SET ROLE regress_desk;
SELECT is(workflow.tenant(), 'acme', 'a definition of such a name takes nothing with it');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
