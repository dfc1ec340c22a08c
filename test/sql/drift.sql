\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION book(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE sql RETURN context || params;
RESET ROLE;
CREATE SCHEMA other AUTHORIZATION regress_app;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "order", "initial": "a", "states": {"a": {"on": {
    "pay": {"guard": "paid", "actions": [{"type": "note", "params": 1}, {"type": "book", "params": {}}], "target": "a"}}}}}');
CREATE FUNCTION drift() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s %s %s %s', definition, version, regexp_replace(function, '\(.*', ''), problem), ', ' ORDER BY version, function), '')
    FROM workflow.drift
$$;

SELECT is(drift(), '', 'nothing has changed');
SELECT is((SELECT functions ->> 'app.paid(pg_catalog.jsonb,pg_catalog.jsonb)' ~ '^[0-9a-f]{32}$' FROM workflow.definitions), true, 'a version keeps a hash of each function');
SET LOCAL search_path TO other, app, public;
SELECT is(drift(), '', 'the path of who looks has no part in it');
SET LOCAL search_path TO app, public;

SAVEPOINT s;
CREATE OR REPLACE FUNCTION paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SELECT is(drift(), 'order 1 app.paid changed', 'CREATE OR REPLACE FUNCTION');
SELECT is((SELECT defined <> present FROM workflow.drift), true, 'with both hashes');
SELECT is(workflow.define('{"id": "order", "initial": "a", "states": {"a": {"on": {
    "pay": {"guard": "paid", "actions": [{"type": "note", "params": 1}, {"type": "book", "params": {}}], "target": "a"}}}}}'), 2, 'the same text is a new version');
SELECT is(drift(), 'order 1 app.paid changed', 'in which nothing has changed');
CREATE OR REPLACE FUNCTION paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
SELECT is(drift(), 'order 2 app.paid changed', 'back to what it was');
ROLLBACK TO s;

CREATE OR REPLACE FUNCTION book(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE sql RETURN params || context;
SELECT is(drift(), 'order 1 app.book changed', 'a body that is parsed');
ROLLBACK TO s;
ALTER FUNCTION paid SET work_mem TO '1MB';
SELECT is(drift(), 'order 1 app.paid changed', 'ALTER FUNCTION SET');
ROLLBACK TO s;
ALTER FUNCTION paid SECURITY DEFINER;
SELECT is(drift(), 'order 1 app.paid changed', 'ALTER FUNCTION SECURITY DEFINER');
ROLLBACK TO s;
ALTER FUNCTION paid IMMUTABLE;
SELECT is(drift(), 'order 1 app.paid changed', 'ALTER FUNCTION IMMUTABLE');
ROLLBACK TO s;
RESET ROLE;
ALTER FUNCTION paid OWNER TO regress_clerk;
SET ROLE regress_app;
SELECT is(drift(), 'order 1 app.paid changed', 'ALTER FUNCTION OWNER');
ROLLBACK TO s;
DROP FUNCTION paid;
SELECT is(drift(), 'order 1 app.paid missing', 'DROP FUNCTION');
SELECT is((SELECT present FROM workflow.drift), NULL, 'it has no hash');
CREATE FUNCTION paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
SELECT is(drift(), '', 'and created again as it was');
ROLLBACK TO s;
ALTER FUNCTION paid RENAME TO unpaid;
SELECT is(drift(), 'order 1 app.paid missing', 'ALTER FUNCTION RENAME');
ROLLBACK TO s;
ALTER FUNCTION paid SET SCHEMA other;
SELECT is(drift(), 'order 1 app.paid missing', 'ALTER FUNCTION SET SCHEMA');
ROLLBACK TO s;
RESET ROLE;
ALTER FUNCTION paid OWNER TO regress_clerk;
REVOKE EXECUTE ON FUNCTION paid FROM PUBLIC;
SET ROLE regress_app;
SELECT is(drift(), 'order 1 app.paid not allowed', 'REVOKE EXECUTE');
ROLLBACK TO s;
RESET ROLE;
ALTER SCHEMA app OWNER TO regress_clerk;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
SELECT is((SELECT array_agg(DISTINCT problem) FROM workflow.drift), '{"not allowed"}', 'REVOKE USAGE ON SCHEMA');
DROP SCHEMA app CASCADE;
SELECT is((SELECT array_agg(DISTINCT problem) FROM workflow.drift), '{missing}', 'DROP SCHEMA');
ROLLBACK TO s;

-- who may see it
CREATE OR REPLACE FUNCTION paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
RESET ROLE;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
CREATE ROLE regress_monitor;
GRANT workflow_monitor TO regress_monitor;
SET ROLE regress_monitor;
SELECT is((SELECT problem FROM workflow.drift), 'changed', 'workflow_monitor, without rights on the functions');
RESET ROLE;
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.drift), 0::bigint, 'a stranger sees nothing');
RESET ROLE;

-- nothing of ours
DROP FUNCTION paid;
CREATE FUNCTION jsonb_concat_of(a jsonb, b jsonb, c jsonb) RETURNS jsonb LANGUAGE sql RETURN a || b || c;
CREATE AGGREGATE paid(jsonb, jsonb) (SFUNC = jsonb_concat_of, STYPE = jsonb);
SELECT is(drift(), 'order 1 app.paid missing', 'an aggregate in its place');
ROLLBACK TO s;

\set end :srcdir '/end.psql'
\i :end
