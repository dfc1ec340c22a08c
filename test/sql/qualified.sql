\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Functions, operators and types that a definition has found stay those that it
-- calls, whatever others put in front of them in its search_path.

RESET ROLE;
CREATE SCHEMA s1;
GRANT CREATE, USAGE ON SCHEMA s1 TO regress_app, regress_stranger;
CREATE SCHEMA s2 AUTHORIZATION regress_app;
GRANT USAGE ON SCHEMA s2 TO PUBLIC;
SET LOCAL search_path TO s1, s2, app, public;
SET ROLE regress_app;
CREATE FUNCTION s2.g(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION s2.a(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT params';
CREATE FUNCTION s2.yes(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION s2.h(text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION s2.same(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR s2.=== (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = s2.same);
CREATE DOMAIN s2.small AS int CHECK (VALUE < 10);
\set shadow '{"id": "shadow", "initial": "a", "states": {"a": {"on": {"go": {"guard": "g", "target": "b"}, "set": {"actions": {"type": "a", "params": {"n": 1}}, "allow": {"fn": "yes", "deny": {"fn": "g"}}}, "call": {"guard": {"@expr": "h(context->>''x'') AND lower(''A'') = ''a''"}, "target": "b"}, "op": {"guard": {"@expr": "context === context"}, "target": "b"}, "domain": {"actions": {"type": "assign", "context": {"n": {"@expr": "5::small"}}}}}}, "b": {}}}'
SELECT is(workflow.define(:'shadow'), 1, 'a definition with names of several kinds');
SELECT is((SELECT array_agg(DISTINCT m[1] ORDER BY m[1]) FROM workflow.definitions, regexp_matches(chart::text, '"(?:type|fn)":"([^"]*[gs])"|"type":"(s2.a)"', 'g') m WHERE name = 'shadow' AND m[1] IS NOT NULL),
    ARRAY['s2.g', 's2.yes'], 'the canonical form has functions with their schemas');
SELECT is((SELECT array_agg(k ORDER BY k) FROM workflow.definitions, jsonb_object_keys(functions) k WHERE name = 'shadow'),
    ARRAY['operator s2.===(pg_catalog.jsonb,pg_catalog.jsonb)', 's2.a(pg_catalog.jsonb,pg_catalog.jsonb,pg_catalog.jsonb)', 's2.g(pg_catalog.jsonb,pg_catalog.jsonb)', 's2.h(pg_catalog.text)', 's2.same(pg_catalog.jsonb,pg_catalog.jsonb)', 's2.yes(pg_catalog.jsonb,pg_catalog.jsonb)'], 'what expressions call is among the functions');
SELECT is((SELECT count(*) FROM workflow.drift), 0::bigint, 'all is as it was');
SELECT workflow.start('shadow') AS p \gset
SELECT is((workflow.send(:'p', 'go')).taken, false, 'a guard says no');
SELECT is((workflow.send(:'p', 'call')).taken, false, 'so does an expression');
SELECT is((workflow.send(:'p', 'op')).taken, false, 'and an operator');
SELECT is((workflow.send(:'p', 'domain')).context, '{"n": 5}', 'and there is a domain');

-- somebody puts theirs in front
SET ROLE regress_stranger;
CREATE FUNCTION s1.g(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION s1.h(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION s1.same(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR s1.=== (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = s1.same);
CREATE DOMAIN s1.small AS int CHECK (VALUE < 3);
SET ROLE regress_app;
SELECT is((workflow.send(:'p', 'go')).taken, false, 'a function that is named stays the one that was found');
SELECT is((app.error('SELECT workflow.send(%L, ''call'')', :'p'))[1:3],
    ARRAY['55000', 'expression "h(context->>''x'') AND lower(''A'') = ''a''" would call function s1.h(pg_catalog.text)', 'When it was stored, it called function s2.h(pg_catalog.text).'], 'an expression that would call another one is refused, with both');
SELECT is((app.error('SELECT workflow.send(%L, ''op'')', :'p'))[1:3],
    ARRAY['55000', 'expression "context === context" would call function s1.same(pg_catalog.jsonb,pg_catalog.jsonb), operator s1.===(pg_catalog.jsonb,pg_catalog.jsonb)', 'When it was stored, it called function s2.same(pg_catalog.jsonb,pg_catalog.jsonb), operator s2.===(pg_catalog.jsonb,pg_catalog.jsonb).'], 'so with an operator');
SELECT is((app.error('SELECT workflow.send(%L, ''domain'')', :'p'))[1:3],
    ARRAY['55000', 'expression "5::small" would call type s1.small', 'When it was stored, it called type s2.small.'], 'so with a type');
SELECT is((workflow.send(:'p', 'set')).context, '{"n": 1}', 'functions with parameters and those of allow are found');

-- in place of what the server has
SET LOCAL search_path TO s1, s2, pg_catalog, app, public;
SELECT is(workflow.define('{"id": "low", "initial": "a", "states": {"a": {"on": {"go": {"guard": {"@expr": "lower(''A''::text) = ''a''"}, "target": "b"}}}, "b": {}}}'), 1, 'pg_catalog need not come first');
SELECT workflow.start('low') AS q \gset
SET ROLE regress_stranger;
CREATE FUNCTION s1.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''x''::text';
SET ROLE regress_app;
SELECT is((app.error('SELECT workflow.send(%L, ''go'')', :'q'))[1:3],
    ARRAY['55000', 'expression "lower(''A''::text) = ''a''" would call function s1.lower(pg_catalog.text)', 'When it was stored, it called function pg_catalog.lower(pg_catalog.text).'], 'a function of pg_catalog is not replaced either');
SET LOCAL search_path TO s1, s2, app, public;
SET ROLE regress_stranger;
DROP FUNCTION s1.lower(text);
DROP OPERATOR s1.=== (jsonb, jsonb);
DROP FUNCTION s1.h(text), s1.same(jsonb, jsonb);
DROP DOMAIN s1.small;
SET ROLE regress_app;
SELECT is((workflow.send(:'p', 'call')).taken, false, 'when it is gone, all is as before');
CREATE OR REPLACE FUNCTION s2.h(text) RETURNS boolean LANGUAGE sql AS 'SELECT NOT false';
SELECT is((SELECT string_agg(function || ' ' || problem, ', ') FROM workflow.drift), 's2.h(pg_catalog.text) changed', 'a function of an expression that changed is drift');

-- for readers
SELECT is(workflow.diagram('shadow') ~ 's2\.', false, 'a diagram shows names without a schema of the path');
SELECT is(workflow.export('shadow')::text ~ 's2\.', false, 'so does an export');

-- one that was stored before: names as they were written
RESET ROLE;
UPDATE workflow.definition SET calls = NULL, functions = functions - 's2.h(pg_catalog.text)' - 's2.same(pg_catalog.jsonb,pg_catalog.jsonb)' - 'operator s2.===(pg_catalog.jsonb,pg_catalog.jsonb)',
    chart = replace(replace(replace(chart::text, '"s2.g"', '"g"'), '"s2.a"', '"a"'), '"s2.yes"', '"yes"')::json WHERE name = 'shadow';
INSERT INTO workflow.definition (name, version, owner, source, chart, search_path, functions, created_at, time_zone)
SELECT 'old', 1, owner, replace(source::text, '"shadow"', '"old"')::json, replace(chart::text, '"shadow"', '"old"')::json, search_path, functions, created_at, time_zone FROM workflow.definition WHERE name = 'shadow';
SET ROLE regress_app;
SELECT workflow.start('old') AS p \gset
SELECT is((workflow.send(:'p', 'go')).taken, false, 'a name means the first in the path of the functions that were found then');
SELECT is((workflow.send(:'p', 'set')).context, '{"n": 1}', 'whatever it has for arguments');
SET ROLE regress_stranger;
DROP FUNCTION s1.g(jsonb, jsonb);
SET ROLE regress_app;
SELECT is(workflow.define(replace(:'shadow', '"shadow"', '"old"')::json), 1, 'the same text makes no new version');
SELECT is(workflow.define(replace(:'shadow', '"shadow"', '"old"')::json), 1, 'nor the next time');

-- "$user" in the path, as it is where nobody has set one
RESET ROLE;
CREATE SCHEMA regress_app AUTHORIZATION regress_app;
SET LOCAL search_path TO "$user", app, public;
SET ROLE regress_app;
CREATE FUNCTION regress_app.own(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TYPE regress_app."a(b" AS (x int);
CREATE FUNCTION regress_app.odd(regress_app."a(b") RETURNS boolean LANGUAGE sql AS 'SELECT true';
\set mine '{"id": "mine", "initial": "a", "states": {"a": {"on": {"go": {"guard": "own", "target": "b"}, "odd": {"guard": {"@expr": "odd(NULL)"}, "target": "b"}}}, "b": {}}}'
SELECT is(workflow.define(:'mine'), 1, 'a function of the schema that is called as its owner, and an odd name');
RESET ROLE;
UPDATE workflow.definition SET calls = NULL, functions = functions - 'regress_app.odd(regress_app."a(b")', chart = replace(chart::text, '"regress_app.own"', '"own"')::json WHERE name = 'mine';
SET ROLE regress_app;
SELECT is(workflow.define(:'mine'), 1, 'the same text makes no new version');
SELECT workflow.start('mine') AS p \gset
SELECT is((workflow.send(:'p', 'go')).taken, true, 'and its function is found');

-- so with all other code of authors: what jobs do and check, data of events, table triggers,
-- and rows that carry states
RESET ROLE;
SET LOCAL search_path TO s1, s2, app, public;
SET ROLE regress_app;
CREATE FUNCTION s2.p(jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION s2.t(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE TABLE s2.log (t text);
CREATE TABLE s2.item (k varchar PRIMARY KEY, st varchar(20));
CREATE TABLE s2.other (k text);
INSERT INTO s2.other VALUES ('o');
SELECT workflow.create_job('plain', 'INSERT INTO s2.log VALUES (t($k))', '{"k": "text"}') \g /dev/null
SELECT workflow.create_job('table', 'INSERT INTO log VALUES ($k)', '{"k": "text"}') \g /dev/null
SELECT workflow.create_job('check', parameters => '{"x": {"type": "numeric", "check": "p(params)"}}') \g /dev/null
SELECT workflow.create_job('default', parameters => '{"x": {"type": "text", "default": {"@expr": "t(''a'')"}}}') \g /dev/null
SELECT workflow.create_job('part', partition => '@t(params->>''x'')') \g /dev/null
SELECT workflow.create_table_trigger('others', 's2.other', 'insert', 'part', "key" => 't(new.k)') \g /dev/null
SELECT workflow.create_table_trigger('items', 's2.other', 'update', 'part', "when" => 'p(new)') \g /dev/null
\set data '{"id": "data", "initial": "a", "events": {"go": {"data": {"x": {"type": "numeric", "check": "p(params)"}}}}, "states": {"a": {"on": {"go": "b"}}, "b": {}}}'
SELECT workflow.define(:'data') \g /dev/null
SELECT workflow.start('data', key => '1') \g /dev/null
SELECT workflow.define('{"id": "bound", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.bind('bound', 's2.item', 'k', 'st') \g /dev/null
INSERT INTO s2.item VALUES ('i');
SET ROLE regress_stranger;
CREATE FUNCTION s1.p(jsonb) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''theirs''; END';
CREATE FUNCTION s1.t(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''theirs''; END';
CREATE FUNCTION s1.eq(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''theirs''; END';
CREATE OPERATOR s1.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = s1.eq);
CREATE OPERATOR s1.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = s1.eq);
CREATE TABLE s1.log (t text);
GRANT ALL ON s1.log TO regress_app;
SET ROLE regress_app;
SELECT workflow.run_job('plain', '{"k": "a"}') AS r \gset
SELECT is((app.error('SELECT workflow.work_runs()'))[1:3],
    ARRAY['55000', 'statement "INSERT INTO s2.log VALUES (t($1))" would call function s1.t(pg_catalog.text)', 'When it was stored, it called function s2.t(pg_catalog.text).'], 'a statement calls no function of others');
SELECT workflow.cancel_run(:'r') \g /dev/null
SELECT workflow.run_job('table', '{"k": "a"}') AS r \gset
SELECT is((app.error('SELECT workflow.work_runs()'))[1:3],
    ARRAY['55000', 'statement "INSERT INTO log VALUES ($1)" would call table s1.log', 'When it was stored, it called table s2.log.'], 'and writes to no table of others');
SELECT is(workflow.create_job('table', 'INSERT INTO log VALUES ($k)', '{"k": "text"}'), 2, 'which another version of the job may');
SELECT workflow.cancel_run(:'r') \g /dev/null
SELECT is((app.error('SELECT workflow.run_job(''check'', ''{"x": 1}'')'))[1:2], ARRAY['55000', 'expression "p(params)" would call function s1.p(pg_catalog.jsonb)'], 'so with a check');
SELECT is((app.error('SELECT workflow.run_job(''default'')'))[1:2], ARRAY['55000', 'expression "t(''a'')" would call function s1.t(pg_catalog.text)'], 'a default');
SELECT is((app.error('SELECT workflow.run_job(''part'', ''{"x": "a"}'')'))[1:2], ARRAY['55000', 'expression "t(params->>''x'')" would call function s1.t(pg_catalog.text)'], 'a partition');
SELECT is((app.error('SELECT workflow.send_by_key(''data'', ''1'', ''go'', ''{"x": 1}'')'))[1:2], ARRAY['55000', 'expression "p(params)" would call function s1.p(pg_catalog.jsonb)'], 'a check of data of an event');
SELECT is((app.error('INSERT INTO s2.other VALUES (1)'))[1:2], ARRAY['55000', 'expression "t(new.k)" would call function s1.t(pg_catalog.text)'], 'the key of a table trigger');
SELECT is((app.error('UPDATE s2.other SET k = k'))[1:2], ARRAY['55000', 'expression "p(new)" would call function s1.p(pg_catalog.jsonb)'], 'and its condition');
SELECT workflow.start('bound', key => 'i') AS p \gset
SELECT (workflow.send(:'p', 'go')).taken \g /dev/null
SELECT is(st::text, 'b', 'rows are found and compared by operators of the server') FROM s2.item;
CREATE TABLE s2.later (k varchar PRIMARY KEY, st varchar(20));
INSERT INTO s2.later VALUES ('i', 'a');
SELECT workflow.define('{"id": "later", "initial": "a", "states": {"a": {}}}') \g /dev/null
SELECT workflow.bind('later', 's2.later', 'k', 'st') \g /dev/null
SELECT is((app.error('UPDATE s2.later SET st = ''b'''))[1], '42501', 'and whoever writes to them calls nothing of others');
SET ROLE regress_stranger;
DROP FUNCTION s1.p(jsonb), s1.t(text);
SET ROLE regress_app;
SELECT is((app.error('SELECT workflow.run_job(''check'', ''{"x": 1}'')'))[1], 'no error', 'when they are gone, all is as before');
SELECT is((app.error('INSERT INTO s2.other VALUES (1)'))[1], 'no error', 'for rows, too');

\set end :srcdir '/end.psql'
\i :end
