\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Hostile objects: of the caller, against the engine and against the owner.
CREATE FUNCTION app.pay(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payment (amount) VALUES ((event -> 'data' ->> 'amount')::int);
    RETURN context || jsonb_build_object('path', current_setting('search_path'), 'paid', (SELECT sum(amount) FROM payment));
END
$$;
CREATE TABLE app.payment (amount int);
SELECT FROM workflow.define('{
    "id": "bill", "initial": "open", "context": {"limit": 100},
    "states": {"open": {"on": {
        "pay": {"guard": {"@expr": "(event->''data''->>''amount'')::int <= (context->>''limit'')::int"}, "actions": "pay"},
        "twice": {"guard": {"@expr": "1 = 1 AND ''a'' || ''b'' = ''ab''"}}}}}}');
SELECT FROM workflow.grant_on('bill', 'regress_clerk', 'start', 'send');
SELECT workflow.start('bill') AS p \gset

RESET ROLE;
CREATE ROLE regress_thief LOGIN;
GRANT workflow_user, regress_clerk TO regress_thief;
CREATE SCHEMA evil AUTHORIZATION regress_thief;
SET ROLE regress_thief;
-- Everything is greater, equal and less, and tells who asked.
CREATE TABLE evil.loot (by name, what text);
GRANT ALL ON evil.loot TO PUBLIC;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
SELECT format('CREATE FUNCTION evil.yes(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS
                   $f$ BEGIN INSERT INTO evil.loot VALUES (current_user, %2$L); RETURN true; END $f$', t, 'operator of ' || t)
FROM unnest(ARRAY['int', 'uuid', 'text', 'timestamptz']) t \gexec
SELECT format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.yes)', t, o)
FROM unnest(ARRAY['int', 'uuid', 'text', 'timestamptz']) t, unnest(ARRAY['=', '<=', '>=']) o \gexec
CREATE FUNCTION evil.unnest(uuid[]) RETURNS SETOF uuid LANGUAGE sql AS $$ INSERT INTO evil.loot VALUES (current_user, 'unnest'); SELECT pg_catalog.unnest($1) $$;
CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE sql AS $$ INSERT INTO evil.loot VALUES (current_user, 'nextval'); SELECT 1::bigint $$;
CREATE FUNCTION evil.note(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO evil.loot VALUES (current_user, 'note') $$;
CREATE FUNCTION evil.pay(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO evil.loot VALUES (current_user, 'pay') $$;
CREATE FUNCTION evil.caught() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.loot VALUES (current_user, TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TABLE evil.payment (amount int);
CREATE TABLE evil.process (LIKE evil.payment);
CREATE TEMP TABLE payment (amount int);
CREATE TRIGGER caught BEFORE INSERT ON payment FOR EACH ROW EXECUTE FUNCTION evil.caught();
GRANT ALL ON payment TO PUBLIC;
CREATE TEMP TABLE process (id uuid, definition int, status text, states text[]);
CREATE TEMP TABLE timer (LIKE process);
CREATE TEMP TABLE wf_stepped (id uuid);
CREATE TEMP TABLE wf_armed (id uuid);
GRANT ALL ON process, timer, wf_stepped, wf_armed TO PUBLIC;

SET search_path TO evil, pg_temp, workflow, app, pg_catalog, public;
SELECT s.taken AS pay FROM workflow.send(:'p', 'pay', '{"amount": 7}') s \gset
SELECT s.taken AS much FROM workflow.send(:'p', 'pay', '{"amount": 700}') s \gset
SELECT s.taken AS twice FROM workflow.send(:'p', 'twice', id => 'id') s \gset
SELECT s.taken AS again FROM workflow.send(:'p', 'twice', id => 'id') s \gset
SELECT FROM workflow.post(:'p', 'pay', '{"amount": 1}', id => 'x');
SELECT FROM workflow.post(:'p', 'pay', '{"amount": 1}', id => 'x');
SELECT FROM workflow.cancel_event(:'p', 'x');
SELECT pg_catalog.count(*) AS events FROM workflow.available_events(:'p') \gset
SELECT pg_catalog.count(*) AS many FROM workflow.send_many(ARRAY[:'p']::uuid[], ARRAY['twice']) \gset
SELECT workflow.start('bill', key => 'E') AS started \gset
SELECT workflow.find('bill', 'E') AS found \gset
SELECT pg_catalog.count(*) AS many_started FROM workflow.start_many('bill', ARRAY[NULL]::jsonb[], ARRAY['F']) \gset
SELECT pg_catalog.count(*) AS processes FROM workflow.processes \gset
SELECT pg_catalog.count(*) AS timers FROM workflow.timers \gset
SELECT pg_catalog.count(*) AS steps FROM workflow.process_history \gset
SET search_path TO app, public;
SELECT is(array_agg(format('%s %s', by, what)), NULL, 'a path full of traps: nothing falls into them, with nobody''s rights') FROM evil.loot;
SELECT is(:'pay' || :'much' || :'twice' || :'again', 'tftt', 'commands are taken as ever, operators of guards are those of the definition''s path');
SELECT is((:'events', :'many', :'many_started')::text, '(2,1,1)', 'other calls do their work, too');
SELECT is(:'found'::uuid, :'started', 'keys are found');
SELECT is((:'processes', :'timers', :'steps')::text, '(2,0,2)', 'views show what they have to show');
SELECT is_empty('SELECT * FROM pg_temp.payment', 'nothing has gone to what only looks like the owner''s table');
SET ROLE regress_app;
SELECT is((SELECT array_agg(amount) FROM app.payment), ARRAY[7], 'the owner''s table has what it has to have');
SELECT matches(context(:'p') ->> 'path', '^app, public, pg_temp$', 'actions run with the path that their definition was stored with');

RESET ROLE;
DROP TABLE pg_temp.payment, pg_temp.process, pg_temp.timer, pg_temp.wf_stepped, pg_temp.wf_armed;
SET ROLE regress_app;

-- settings
CREATE FUNCTION app.settings(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT context || jsonb_build_object('work_mem', current_setting('work_mem'), 'path', split_part(current_setting('search_path'), ',', 1), 'mine', current_setting('app.mine', true)) $$;
CREATE FUNCTION app.settle(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET work_mem TO '1MB';
    PERFORM set_config('app.mine', 'set', false), set_config('search_path', 'nowhere', false);
END
$$;
SELECT FROM workflow.define('{
    "id": "settings", "initial": "a",
    "states": {"a": {"on": {"both": {"actions": ["settle", "app.settings"]}, "set": {"actions": "settle"}, "get": {"actions": "settings"}}}}}');
SELECT workflow.start('settings') AS p \gset
SET work_mem TO '3MB';
SELECT is((workflow.send(:'p', 'both')).context, '{"mine": "set", "path": "nowhere", "work_mem": "1MB"}', 'what an action sets counts for the rest of its event');
SELECT is(current_setting('work_mem') || ' ' || current_setting('search_path') || coalesce(current_setting('app.mine', true), ''), '3MB app, public', 'and is undone after it');
SELECT FROM workflow.post(:'p', 'set');
SELECT FROM workflow.post(:'p', 'get');
SELECT is(workflow.work(100), 2, 'in a batch');
SELECT is(context(:'p') ->> 'work_mem' || (context(:'p') ->> 'path') || coalesce(context(:'p') ->> 'mine', ''), '3MBapp', 'the next event does not see it');

-- restricted
CREATE FUNCTION app.temporary(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'CREATE TEMP TABLE scratch (n int)';
CREATE FUNCTION app.become(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'RESET ROLE'; END $$;
CREATE FUNCTION app.authorize(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; END $$;
CREATE FUNCTION app.plant(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'PREPARE planted AS SELECT 1'; END $$;
CREATE FUNCTION app.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE app.audited (n int);
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON app.audited DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.at_commit();
CREATE FUNCTION app.deferred(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO app.audited VALUES (1)';
CREATE FUNCTION app.command(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE event -> 'data' ->> 0; END $$;
SELECT FROM workflow.define('{
    "id": "restricted", "initial": "a",
    "states": {"a": {"on": {"command": {"actions": "command"}, "temp": {"actions": "temporary"}, "plant": {"actions": "plant"}, "role": {"actions": "become"}, "session": {"actions": "authorize"}, "deferred": {"actions": "deferred"}}}}}');
SELECT FROM workflow.grant_on('restricted', 'regress_clerk', 'send');
SELECT workflow.start('restricted') AS p \gset
SET ROLE regress_clerk;
SELECT is(error('SELECT workflow.send(%L, ''deferred'')', :'p'),
    ARRAY['42501', 'cannot fire deferred trigger within security-restricted operation',
          'HINT: A command runs its actions in the client''s session with restrictions. Send the event with workflow.post(), then an executor runs them as their owner.'],
    'in the session of somebody else an action may not leave a trigger for the commit: it would run as them');
SELECT is((error('SELECT workflow.send(%L, ''temp'')', :'p'))[1:2], ARRAY['42501', 'cannot create temporary table within security-restricted operation'], 'nor make temporary tables');
SELECT is((error('SELECT workflow.send(%L, ''plant'')', :'p'))[1:2], ARRAY['42501', 'cannot execute PREPARE within security-restricted operation'], 'nor prepare statements that the session would execute as its own');
SELECT is((error('SELECT workflow.send(%L, ''role'')', :'p'))[1:2], ARRAY['42501', 'cannot set parameter "role" within security-definer function'], 'nor become who is logged in');
SELECT is((error('SELECT workflow.send(%L, ''session'')', :'p'))[1:2], ARRAY['42501', 'cannot set parameter "session_authorization" within security-definer function'], 'nor anybody else');
-- What would be there when the action is over, or does not come back with a ROLLBACK.
PREPARE mine AS SELECT 'mine';
SELECT is((error(format('SELECT workflow.send(%L, ''command'', %L)', :'p', jsonb_build_array(c))))[1], s, c)
FROM (VALUES ('DEALLOCATE mine', '42501'), ('DEALLOCATE ALL', '42501'), ('PREPARE other AS SELECT 1', '42501'),
             ('DISCARD PLANS', '42501'), ('DISCARD TEMP', '42501'), ('DISCARD SEQUENCES', '42501'), ('DISCARD ALL', '42501'),
             ('LISTEN x', '42501'), ('UNLISTEN *', '42501'), ('DECLARE c CURSOR WITH HOLD FOR SELECT 1', '42501'), ('CLOSE ALL', '42501'),
             ('SET ROLE regress_app', '42501'), ('SET LOCAL ROLE regress_app', '42501'), ('SET SESSION AUTHORIZATION regress_app', '42501'),
             ('SET CONSTRAINTS ALL IMMEDIATE', '42501'), ('SET CONSTRAINTS ALL DEFERRED', '42501'), ('SET CONSTRAINTS app.at_commit DEFERRED', '42501'),
             ('COMMIT', '0A000'), ('ROLLBACK', '0A000'), ('SAVEPOINT s', '0A000'), ('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', '25001'),
             ('SET session_replication_role TO replica', '42501'), ('ALTER SYSTEM SET work_mem TO 64', '25001'),
             ('CREATE TABLE app.mine (n int)', '42501'), ('CREATE FUNCTION app.mine() RETURNS int RETURN 1', '42501'),
             ('SET row_security TO off', 'no error'), ('SET workflow.test_clock TO ''2040-01-01''', '42501'),
             ('SET app.mine TO ''value''', 'no error')) t(c, s);
-- What the session has, whoever has opened, locked or seeded it.
SELECT is((error(format('SELECT workflow.send(%L, ''command'', %L)', :'p', jsonb_build_array(format('SELECT %s(%s)', proname,
        (SELECT string_agg(format('%L::%s', '0', t::regtype), ', ' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY a(t, n)))))))[1], '42501', oid::regprocedure::text)
FROM (SELECT * FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
      AND proname ~ '^(lo(read|write)|lo_(open|close|tell|lseek|truncate)(64)?|setseed|pg_(try_)?advisory_(lock|unlock).*)$') p
ORDER BY oid::regprocedure::text COLLATE "C";
RESET ROLE;
SELECT lo_from_bytea(0, 'secret') AS secret \gset
CREATE FUNCTION app.alias(int, int) RETURNS bytea LANGUAGE internal STRICT AS 'be_loread';
SET ROLE regress_app;
CREATE OPERATOR app.<~> (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_catalog.loread);
CREATE AGGREGATE app.truncate(int) (SFUNC = lo_truncate, STYPE = int, INITCOND = 0);
CREATE FUNCTION app.in_sql() RETURNS bytea LANGUAGE sql AS 'SELECT loread(0, 1000)';
CREATE FUNCTION app.in_plpgsql() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    b bytea;
BEGIN
    b := loread(0, 1000);
    RETURN convert_from(b, 'UTF8');
END
$$;
CREATE FUNCTION app.in_chain() RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT app.in_plpgsql()'; RETURN ''; END $$;
CREATE FUNCTION app.in_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM lo_close(0); RETURN NEW; END $$;
CREATE TABLE app.watched (n int CHECK (n = 1 OR loread(0, n) IS NOT NULL));
CREATE TRIGGER watch BEFORE INSERT ON app.watched FOR EACH ROW WHEN (NEW.n = 1) EXECUTE FUNCTION app.in_trigger();
DO $do$
BEGIN
    CREATE FUNCTION app.seeded() RETURNS void LANGUAGE sql SET seed TO 0.5 AS 'SELECT';
EXCEPTION WHEN OTHERS THEN  -- from 16 on
    CREATE FUNCTION app.seeded() RETURNS void LANGUAGE sql AS 'SELECT setseed(0.5)';
END
$do$;
SELECT lo_from_bytea(0, 'mine') AS mine \gset
RESET ROLE;
-- It was prepared before anything was open, in this very transaction.
SELECT is(error('SELECT app.in_plpgsql()'), ARRAY['42704', 'invalid large-object descriptor: 0'], 'in its own right code of the owner may do all that');
SELECT lo_open(:secret, 393216) AS descriptor \gset
SELECT is((error(format('SELECT workflow.send(%L, ''command'', %L)', :'p', jsonb_build_array(format(c, :mine, :secret)))))[1], s, c)
FROM (VALUES ('SELECT app.in_plpgsql()', '42501'), ('SELECT app.in_chain()', '42501'), ('SELECT app.in_sql()', '42501'),
             ('SELECT app.alias(0, 1000)', '42501'), ('SELECT 0 OPERATOR(app.<~>) 1000', '42501'), ('SELECT app.truncate(0)', '42501'),
             ('INSERT INTO app.watched VALUES (1)', '42501'), ('INSERT INTO app.watched VALUES (1000)', '42501'),
             ('DO $x$ BEGIN PERFORM lo_close(0); EXCEPTION WHEN insufficient_privilege THEN PERFORM lo_open(0, 1); END $x$', '42501'),
             ('SET seed TO 0.5', '42501'), ('SET LOCAL seed TO 0.5', '42501'), ('SELECT set_config(''seed'', ''0.5'', true)', '42501'), ('SELECT app.seeded()', '42501'),
             ('SELECT lo_put(%1$s, 0, ''ours'')', 'no error'), ('SELECT lo_get(%1$s)', 'no error'), ('SELECT lo_get(%2$s)', '42501'),
             ('SELECT lo_from_bytea(0, ''other'')', 'no error'), ('SELECT pg_advisory_xact_lock(1), random()', 'no error')) t(c, s);
-- A function for everybody, which the session's own user has prepared under the very path of the definition.
CREATE FUNCTION app.for_all() RETURNS bytea LANGUAGE plpgsql AS $$ DECLARE b bytea; BEGIN b := loread(0, 0); RETURN b; END $$;
SET search_path TO app, public, pg_temp;
SELECT is(app.for_all(), '', 'the session reads its own');
SELECT is((error('SELECT workflow.send(%L, ''command'', ''["SELECT app.for_all()"]'')', :'p'))[1], '42501', 'by the same function an action does not');
SET search_path TO app, public;
SELECT is(convert_from(loread(:descriptor, 1000), 'UTF8') || convert_from(lo_get(:mine), 'UTF8'), 'secretours', 'nobody has touched what the session has open');
SELECT is((error(format('SELECT workflow.send(%L, ''command'', %L)', :'p', jsonb_build_array('SELECT ' || c))))[2:1 + cardinality(m)], m, c)
FROM (VALUES ('lo_tell(0)', ARRAY['actions cannot use descriptors of large objects in a session that is not their owner''s',
                  'Descriptors belong to the session, whoever has opened them. Functions that take an OID, such as lo_get(), are not restricted.']),
             ('pg_advisory_lock(1)', ARRAY['actions cannot take or release advisory locks of a session that is not their owner''s',
                  'Locks of the transaction, such as those of pg_advisory_xact_lock(), are not restricted.']),
             ('setseed(0)', ARRAY['actions cannot set the seed of random numbers in a session that is not their owner''s'])) t(c, m);
-- Connections that somebody else has logged in.
CREATE EXTENSION dblink SCHEMA public;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_app;
CREATE FUNCTION app.by_symbol(text, text) RETURNS text LANGUAGE c STRICT AS '$libdir/dblink', 'dblink_exec';
CREATE TABLE app.link AS
SELECT f.oid::regprocedure AS function, proname ~ '^dblink_(build|current|get_pkey)' AS harmless,
    format('SELECT %s(%s)', f.oid::regproc, (SELECT string_agg(format('%L::%s', CASE t WHEN 'text[]'::regtype THEN '{}' ELSE '0' END, t::regtype), ', ' ORDER BY n)
                                             FROM unnest(proargtypes) WITH ORDINALITY a(t, n))) AS call
FROM pg_proc f WHERE probin ~ 'dblink' AND proname <> 'dblink_fdw_validator';
SELECT is_empty(format($$ SELECT function FROM app.link WHERE harmless IS NOT DISTINCT FROM
        (coalesce((error(format('SELECT workflow.send(%%L, ''command'', %%L)', %L, jsonb_build_array(call))))[2], '') = 'actions cannot use dblink in a session that is not their owner''s') $$, :'p'),
    'actions cannot use any of them, but for what only writes texts');
SELECT cmp_ok(count(*)::int, '>', 30, 'functions of dblink') FROM app.link;
SELECT is((error('SELECT dblink_disconnect(''c'')'))[1], '08003', 'the session itself may');
SET ROLE regress_clerk;
EXECUTE mine \g /dev/null
SELECT is(current_setting('row_security') || coalesce(current_setting('app.mine', true), ''), 'on', 'the settings of the session are its own again');
RESET ROLE;
SET SESSION AUTHORIZATION regress_app;
SELECT is((error('SELECT workflow.send(%L, ''deferred'')', :'p'))[1], '42501', 'nor does it help that a superuser calls itself the owner');
SELECT is((error('SELECT workflow.send(%L, ''temp'')', :'p'))[1], '42501', 'who could call itself superuser again');
RESET SESSION AUTHORIZATION;
SELECT is((error('SELECT workflow.send(%L, ''command'', ''["SET CONSTRAINTS app.at_commit IMMEDIATE"]'')', :'p'))[1], 'no error', 'a constraint may be checked early');
SELECT is((error('SELECT workflow.send(%L, ''deferred'')', :'p'))[1], 'no error', 'then its trigger fires within the action');

\set end :srcdir '/end.psql'
\i :end
