\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- PUBLIC
RESET ROLE;
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = 'workflow'::regnamespace AND a.grantee = 0 $$, 'PUBLIC may execute nothing');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
    WHERE c.relnamespace = 'workflow'::regnamespace AND a.grantee = 0 $$, 'PUBLIC may look at nothing');
SELECT is_empty($$
    SELECT t.oid::regtype FROM pg_type t, aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
    WHERE t.typnamespace = 'workflow'::regnamespace AND a.grantee = 0 AND (t.typtype = 'e' OR (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') $$, 'PUBLIC may use no type');
SELECT is_empty($$
    SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = 'workflow' AND a.grantee = 0 $$, 'PUBLIC may not even look into the schema');
SELECT is_empty($$
    SELECT c.oid::regclass, a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'S', 'p') AND a.grantee <> c.relowner $$, 'base tables and sequences are granted to nobody');
SELECT is_empty($$
    SELECT c.oid::regclass, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind = 'v' AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT' $$, 'views are granted for reading only');
SELECT is_empty($$ SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace AND prosecdef $$, 'no function is SECURITY DEFINER: rights are raised in C, for one statement');
SELECT is_empty($$
    SELECT oid::regclass FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v' AND NOT coalesce(reloptions, '{}') @> '{security_barrier=true}' $$, 'every view is a security barrier');
SELECT is_empty($$
    SELECT oid::regclass FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v'
        AND pg_get_viewdef(oid) ~ '\nUNION' AND pg_get_viewdef(oid) ~ '\m(sees|may)' $$, 'none that shows some rows only is a bare UNION ALL, which is no barrier');
SELECT bag_eq($$
    SELECT rolname::text COLLATE "default", rolcanlogin, rolsuper FROM pg_roles WHERE rolname ~ '^workflow_' $$,
    $$ VALUES ('workflow_user', false, false), ('workflow_monitor', false, false), ('workflow_admin', false, false), ('workflow_worker', false, false), ('workflow_runtime', false, false) $$, 'the roles can do nothing of themselves');
SELECT is((SELECT string_agg(proname, ' ' ORDER BY proname COLLATE "C") FROM pg_proc
           WHERE pronamespace = 'workflow'::regnamespace AND has_function_privilege('workflow_worker', oid, 'EXECUTE')),
    'await_run await_work cancel_run checkpoint claim commit_position complete complete_many extend fail get_run job_schema library_version masked masked_text may_job may_queue park queue_state release report_progress run_job run_jobs run_progress run_runtime run_state run_waits_for save_checkpoint sees_run sees_tenant signal tenant wait_for_lsn write_log',
    'workflow_worker may claim and end runs, and make and look at them, no more');
SELECT is((SELECT string_agg(relname, ' ' ORDER BY relname COLLATE "C") FROM pg_class
           WHERE relnamespace = 'workflow'::regnamespace AND relkind IN ('r', 'p', 'v') AND has_any_column_privilege('workflow_worker', oid, 'SELECT')),
    'queues run_logs runs', 'and looks at three views');

-- a view calls functions with the rights of who reads it
CREATE FUNCTION app.unreadable(role name) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    view regclass;
BEGIN
    PERFORM set_config('role', role, true);
    FOR view IN SELECT oid FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v' AND has_table_privilege(oid, 'SELECT') LOOP
        BEGIN
            EXECUTE format('SELECT * FROM %s', view);
        EXCEPTION WHEN insufficient_privilege THEN
            RETURN NEXT format('%s: %s', view, SQLERRM);
        END;
    END LOOP;
END $$;
SELECT is_empty(format('SELECT app.unreadable(%L)', rolname), rolname || ' can read the views that are granted to it')
FROM pg_roles WHERE rolname ~ '^workflow_' ORDER BY rolname COLLATE "C";
RESET ROLE;

CREATE ROLE regress_nobody LOGIN;
SET ROLE regress_nobody;
SELECT is((app.error('SELECT workflow.start(''x'')'))[1], '42501', 'without a role of ours there is nothing to call');
SELECT is((app.error('SELECT * FROM workflow.processes'))[1], '42501', 'nor to see');
SET ROLE regress_app;
SELECT is((error('SELECT * FROM workflow.process'))[1], '42501', 'tables are closed for workflow_user');
SELECT is((error('SELECT workflow.wake()'))[1], '42501', 'what only we need, too');

-- what one sees
SELECT FROM workflow.define('{"id": "shared", "initial": "a", "states": {"a": {"after": {"1 day": "a"}, "on": {"go": "b"}}, "b": {}}}');
SELECT FROM workflow.define('{"id": "private", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('shared', key => 'S') AS p \gset
SELECT FROM workflow.start('private');
CREATE FUNCTION app.sees() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s definitions, %s processes, %s timers, %s steps', (SELECT count(*) FROM workflow.definitions), (SELECT count(*) FROM workflow.processes),
                  (SELECT count(*) FROM workflow.timers), (SELECT count(*) FROM workflow.process_history)) $$;
SELECT is(sees(), '2 definitions, 2 processes, 1 timers, 2 steps', 'an owner sees all that is theirs');
SET ROLE regress_clerk;
SELECT is(sees(), '0 definitions, 0 processes, 0 timers, 0 steps', 'a stranger sees nothing');
SELECT is((error('SELECT workflow.start(''shared'')'))[1:2], ARRAY['WF002', 'permission denied to start definition "shared"'], 'cannot start');
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF002', 'cannot send');
SELECT is((error('SELECT workflow.send_by_key(''shared'', ''S'', ''go'')'))[1], 'WF002', 'not by key');
SELECT is((error('SELECT workflow.get(%L)', :'p'))[1:2], ARRAY['WF002', 'permission denied to read definition "shared"'], 'cannot get');
SELECT is((error('SELECT workflow.available_events(%L)', :'p'))[1], 'WF002', 'cannot ask for events');
SELECT is((error('SELECT workflow.find(''shared'', ''S'')'))[1], 'WF002', 'cannot find a process by its key');
SELECT is(error('SELECT workflow.send_by_key(''shared'', ''none'', ''go'')'), error('SELECT workflow.send_by_key(''shared'', ''S'', ''go'')'), 'nor learn which keys are taken');
SELECT is(error('SELECT workflow.find(''shared'', ''none'')'), error('SELECT workflow.find(''shared'', ''S'')'), 'from no function');
SELECT is((error('SELECT workflow.grant_on(''shared'', ''regress_clerk'', ''read'')'))[1], 'WF002', 'cannot grant');

-- grants
SET ROLE regress_app;
SELECT FROM workflow.grant_on('shared', 'regress_clerk', 'start');
SET ROLE regress_clerk;
SELECT lives_ok('SELECT workflow.start(''shared'')', 'granted start: can start');
SELECT is(sees(), '0 definitions, 1 processes, 1 timers, 1 steps', 'and sees what it has started itself');
SELECT is((SELECT g.id = p.id FROM workflow.processes p, workflow.get(p.id) g), true, 'and can get it');
SELECT is((SELECT (error('SELECT workflow.send(%L, ''go'')', id))[1] FROM workflow.processes), 'WF002', 'but not send to it');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('shared', 'regress_clerk', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((SELECT taken FROM workflow.send(:'p', 'go')), true, 'granted send: can send');
SELECT is(sees(), '1 definitions, 2 processes, 1 timers, 3 steps', 'granted read: sees all of that definition, and no other');
SELECT is(workflow.find('shared', 'S'), :'p', 'and finds its processes');
SELECT is((error('SELECT workflow.grant_on(''shared'', ''regress_stranger'', ''read'')'))[1:2], ARRAY['WF002', 'must be owner of definition "shared"'], 'but cannot hand it on');
SELECT is((SELECT actor FROM workflow.process_history WHERE process = :'p' AND event = 'go'), 'regress_clerk', 'the history knows who it was');
SET ROLE regress_app;
SELECT FROM workflow.revoke_on('shared', 'regress_clerk', 'send', 'read');
SET ROLE regress_clerk;
SELECT is(sees(), '0 definitions, 1 processes, 1 timers, 1 steps', 'what was revoked is gone');
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF002', 'with it the right to send');
SET ROLE regress_app;
SELECT is(error('SELECT workflow.grant_on(''shared'', ''regress_clerk'', ''delete'')'), ARRAY['22023', 'unknown privilege "delete"', 'HINT: Privileges are start, send, read and act.'], 'there are four privileges');
SELECT is((error('SELECT workflow.grant_on(''shared'', ''nobody_there'', ''read'')'))[1], '42704', 'a role has to exist');
SELECT is((error('SELECT workflow.grant_on(''nothing'', ''regress_clerk'', ''read'')'))[1], 'WF006', 'a definition, too');

-- membership
RESET ROLE;
CREATE ROLE regress_clerks NOLOGIN;
GRANT regress_clerks TO regress_stranger;
SET ROLE regress_app;
SELECT FROM workflow.grant_on('shared', 'regress_clerks', 'read');
SET ROLE regress_stranger;
SELECT is(sees(), '1 definitions, 2 processes, 1 timers, 3 steps', 'a grant to a role counts for its members');
RESET ROLE;
GRANT regress_app TO regress_clerk;
SET ROLE regress_clerk;
SELECT is(sees(), '2 definitions, 3 processes, 1 timers, 4 steps', 'a member of the owner is an owner');
RESET ROLE;
REVOKE regress_app FROM regress_clerk;

-- monitor and admin
CREATE ROLE regress_monitor LOGIN;
CREATE ROLE regress_admin LOGIN;
GRANT workflow_monitor TO regress_monitor;
GRANT workflow_admin TO regress_admin;
GRANT EXECUTE ON FUNCTION app.sees() TO PUBLIC;
SET ROLE regress_monitor;
SELECT is(sees(), '2 definitions, 3 processes, 1 timers, 4 steps', 'workflow_monitor sees everything');
SELECT is((SELECT id FROM workflow.get(:'p')), :'p', 'gets every process');
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], '42501', 'and sends to none');
SELECT is((error('SELECT workflow.cancel(%L)', :'p'))[1], '42501', 'nor cancels any');
SET ROLE regress_admin;
SELECT is(sees(), '2 definitions, 3 processes, 1 timers, 4 steps', 'workflow_admin sees everything');
SELECT lives_ok(format('SELECT workflow.cancel(%L)', :'p'), 'and can do everything with it');

-- the text of expressions and functions runs as the owner, not as who sends
RESET ROLE;
CREATE TABLE app.secret AS SELECT 42 AS n;
GRANT SELECT ON app.secret TO regress_app;
SET ROLE regress_app;
CREATE FUNCTION app.look_up(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT context || jsonb_build_object('n', n, 'user', current_user) FROM app.secret $$;
SELECT FROM workflow.define('{"id": "owners", "initial": "a", "context": {"start": {"@expr": "current_user::text"}}, "states": {"a": {"on": {"go": {"actions": "look_up", "guard": {"@expr": "current_user = ''regress_app''"}}}}}}');
SELECT FROM workflow.grant_on('owners', 'regress_clerk', 'start', 'send');
SET ROLE regress_clerk;
SELECT is((error('SELECT * FROM app.secret'))[1], '42501', 'what a sender may not read');
SELECT is((workflow.send(workflow.start('owners'), 'go')).context, '{"n": 42, "user": "regress_app", "start": "regress_app"}', 'the owner''s actions, guards and expressions may');
SELECT is(current_user::text, 'regress_clerk', 'and afterwards the sender is who they were');
RESET ROLE;
REVOKE SELECT ON app.secret FROM regress_app;
SET ROLE regress_app;
SELECT is((error('SELECT workflow.send(%L, ''go'')', workflow.start('owners')))[1], '42501', 'what is taken from the owner is taken from its actions');

\set end :srcdir '/end.psql'
\i :end
