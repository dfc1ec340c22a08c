\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Rows of users' own tables that make runs of jobs, start processes, or are events.
-- Executors, crashes and dumps are in t/table_trigger.pl, deadlocks in specs/.

CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
-- What was made since the last call, and is forgotten then: each as these parameters say.
RESET ROLE;
CREATE FUNCTION app.made() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    WITH gone AS (DELETE FROM workflow.run RETURNING *)
    SELECT coalesce(string_agg(concat_ws(' ', j.name, g.key, g.params), '; ' ORDER BY g.seq), '')
    FROM gone g JOIN workflow.job j ON j.id = g.job $$;
CREATE FUNCTION app.makers() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT string_agg(DISTINCT concat_ws(' ', r.started_by, r.actor), ', ') FROM workflow.run r $$;
CREATE FUNCTION app.carriers() RETURNS text LANGUAGE sql AS
    $$ SELECT coalesce(string_agg(concat_ws(' on ', t.tgname, t.tgrelid::regclass), ', ' ORDER BY t.tgname), 'none')
       FROM pg_trigger t WHERE t.tgfoid = 'workflow.table_trigger'::regproc $$;
-- who writes has no right on anything of ours
CREATE ROLE regress_writer LOGIN;
SET ROLE regress_app;

CREATE TABLE app.item (id int PRIMARY KEY, state text, sum numeric);
GRANT ALL ON app.item TO regress_writer, regress_stranger;
SELECT workflow.create_job('any'), workflow.create_job('few', parameters => '{"id": "int", "op": "text", "state": {"type": "text", "check": "value <> ''bad''"}}'),
    workflow.create_job('all', parameters => '{"new": "jsonb", "old": "jsonb", "by": "text", "table": "text", "sum": "numeric"}') \g /dev/null

-- what is refused
SELECT is(refused(format('SELECT workflow.create_table_trigger(%s)', a)), r, a) FROM (VALUES
    ($$NULL, 'item', 'insert', 'any'$$, '22004 argument "name" must not be null'),
    ($$'t', NULL, 'insert', 'any'$$, '22004 argument "on_table" must not be null'),
    ($$'t', 'item', NULL, 'any'$$, '22004 argument "events" must not be null'),
    ($$'', 'item', 'insert', 'any'$$, '22023 a table trigger needs a name'),
    ($$repeat('x', 47), 'item', 'insert', 'any'$$, '22001 the name of a table trigger is too long'),
    ($$'t', 'item', '', 'any'$$, '22023 a table trigger needs an event'),
    ($$'t', 'item', 'or', 'any'$$, '22023 a table trigger needs an event'),
    ($$'t', 'item', 'insert, truncate', 'any'$$, '22023 unknown event "truncate" of a table trigger'),
    ($$'t', 'item', 'update of state', 'any'$$, '22023 unknown event "of" of a table trigger'),
    ($$'t', 'item', 'insert'$$, '22023 a table trigger needs a job or a definition, and not both'),
    ($$'t', 'item', 'insert', 'any', 'order'$$, '22023 a table trigger needs a job or a definition, and not both'),
    ($$'t', 'item', 'insert', 'any', event => 'x'$$, '22023 the event of a table trigger needs a definition and a key'),
    ($$'t', 'item', 'insert', definition => 'order', event => 'x'$$, '22023 the event of a table trigger needs a definition and a key'),
    ($$'t', 'item', 'insert', definition => 'order', event => '', key => 'id'$$, '22023 an event needs a name'),
    ($$'t', 'item', 'insert', 'nothing'$$, 'WF010 job "nothing" does not exist'),
    ($$'t', 'item', 'insert', definition => 'nothing'$$, 'WF006 definition "nothing" does not exist'),
    ($$'t', 4711, 'insert', 'any'$$, '42P01 table 4711 does not exist'),
    ($$'t', 'pg_class', 'insert', 'any'$$, '42501 must be owner of table pg_class'),
    ($$'t', 'item_pkey', 'insert', 'any'$$, '42809 "item_pkey" cannot have table triggers'),
    ($$'t', 'item', 'insert', 'any', key => 'nothing'$$, '42703 column "nothing" does not exist'),
    ($$'t', 'item', 'insert', 'any', key => 'new.nothing'$$, '42703 the table has no column "nothing"'),
    ($$'t', 'item', 'insert', 'any', key => 'other.id'$$, '42P01 missing FROM-clause entry for table "other"'),
    ($$'t', 'item', 'insert', 'any', key => ''$$, '42601 not a single SQL expression: '),
    ($$'t', 'item', 'insert', 'any', key => '(SELECT 1)'$$, '0A000 an expression cannot contain a sub-select'),
    ($$'t', 'item', 'insert', 'any', "when" => 'id'$$, '42804 argument of "when" must be type boolean, not type integer'),
    ($$'t', 'item', 'insert', 'any', "when" => 'true; DROP TABLE item'$$, '42601 syntax error at or near ";"')) t(a, r);
CREATE TEMP TABLE fleeting (id int);
SELECT is(refused($$ SELECT workflow.create_table_trigger('t', 'fleeting', 'insert', 'any') $$), '42809 "fleeting" cannot have table triggers', 'a temporary table');
CREATE VIEW app.items AS SELECT * FROM item;
SELECT is(refused($$ SELECT workflow.create_table_trigger('t', 'items', 'insert', 'any') $$), '42809 "items" cannot have table triggers', 'a view');
SELECT is(carriers(), 'none', 'nothing is left of that');

-- each kind of statement
SELECT is(refused($$ SELECT workflow.create_table_trigger('t', 'item', 'Insert OR update,delete', 'any') $$), 'no error', 'a table trigger is made');
SELECT is(carriers(), 'workflow_t_delete on item, workflow_t_insert on item, workflow_t_update on item', 'it is a trigger of the server for each event');
SELECT is(error($$ SELECT workflow.create_table_trigger('t', 'item', 'insert', 'any') $$), ARRAY['42710', 'table trigger "t" already exists', 'HINT: workflow.drop_table_trigger() drops it.'], 'a name is taken once');
SELECT is((SELECT to_jsonb(t) - 'created_at' FROM workflow.table_triggers t), '{"name": "t", "owner": "regress_app", "on_table": "item", "events": ["insert", "update", "delete"],
    "job": "any", "definition": null, "event": null, "key": null, "when": null, "state": "ready"}', 'the view shows it');
SET ROLE regress_writer;
INSERT INTO app.item VALUES (1, 'new', 1.50);
SELECT is(makers(), 'regress_app regress_writer', 'the owner makes the run, on behalf of who has written');
SELECT is(made(), 'any {"by": "regress_writer", "op": "insert", "new": {"id": 1, "sum": 1.50, "state": "new"}, "old": null, "table": "app.item"}', 'of an INSERT');
INSERT INTO app.item VALUES (2, 'new', 2), (3, 'new', 3);
SELECT is(made(), 'any {"by": "regress_writer", "op": "insert", "new": {"id": 2, "sum": 2, "state": "new"}, "old": null, "table": "app.item"}; '
    'any {"by": "regress_writer", "op": "insert", "new": {"id": 3, "sum": 3, "state": "new"}, "old": null, "table": "app.item"}', 'a run of each row, in their order');
UPDATE app.item SET state = 'paid' WHERE id < 3;
SELECT is(made(), 'any {"by": "regress_writer", "op": "update", "new": {"id": 1, "sum": 1.50, "state": "paid"}, "old": {"id": 1, "sum": 1.50, "state": "new"}, "table": "app.item"}; '
    'any {"by": "regress_writer", "op": "update", "new": {"id": 2, "sum": 2, "state": "paid"}, "old": {"id": 2, "sum": 2, "state": "new"}, "table": "app.item"}', 'of an UPDATE');
DELETE FROM app.item WHERE id = 3;
SELECT is(made(), 'any {"by": "regress_writer", "op": "delete", "new": null, "old": {"id": 3, "sum": 3, "state": "new"}, "table": "app.item"}', 'of a DELETE');
UPDATE app.item SET state = 'none' WHERE id = 100;
SELECT is(made(), '', 'of no row nothing');
INSERT INTO app.item VALUES (1, 'again'), (4, 'new') ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state;
SELECT is(made(), 'any {"by": "regress_writer", "op": "update", "new": {"id": 1, "sum": 1.50, "state": "again"}, "old": {"id": 1, "sum": 1.50, "state": "paid"}, "table": "app.item"}; '
    'any {"by": "regress_writer", "op": "insert", "new": {"id": 4, "sum": null, "state": "new"}, "old": null, "table": "app.item"}', 'of an INSERT that has updated');
MERGE INTO app.item USING (VALUES (2), (5)) v(id) ON item.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'merged');
SELECT is(made(), 'any {"by": "regress_writer", "op": "delete", "new": null, "old": {"id": 2, "sum": 2, "state": "paid"}, "table": "app.item"}; '
    'any {"by": "regress_writer", "op": "insert", "new": {"id": 5, "sum": null, "state": "merged"}, "old": null, "table": "app.item"}', 'of a MERGE');
COPY app.item (id) FROM STDIN;
6
7
\.
SELECT is(made(), 'any {"by": "regress_writer", "op": "insert", "new": {"id": 6, "sum": null, "state": null}, "old": null, "table": "app.item"}; '
    'any {"by": "regress_writer", "op": "insert", "new": {"id": 7, "sum": null, "state": null}, "old": null, "table": "app.item"}', 'of a COPY');
TRUNCATE app.item;
SELECT is(made(), '', 'nothing of a TRUNCATE');

-- its life
SELECT is(refused($$ SELECT * FROM workflow.table_triggers $$), '42501 permission denied for schema workflow', 'who has no right sees nothing');
SET ROLE regress_stranger;
SELECT is_empty('SELECT FROM workflow.table_triggers', 'a stranger neither');
SELECT is(error($$ SELECT workflow.drop_table_trigger('t') $$), ARRAY['WF002', 'must be owner of table trigger "t"', 'It belongs to role "regress_app".'], 'and does not drop it');
SET ROLE regress_app;
SELECT is(refused($$ SELECT workflow.drop_table_trigger(NULL) $$), '22004 argument "name" must not be null', 'null is none');
SELECT is(refused($$ SELECT workflow.drop_table_trigger('other') $$), 'WF010 table trigger "other" does not exist', 'there must be one');
ALTER TABLE app.item DISABLE TRIGGER workflow_t_insert;
SELECT is((SELECT state FROM workflow.table_triggers), 'disabled', 'one that is off is shown');
INSERT INTO app.item VALUES (1);
SELECT is(made(), '', 'and does nothing');
ALTER TABLE app.item ENABLE ALWAYS TRIGGER workflow_t_insert;
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO app.item VALUES (2);
SET session_replication_role = origin;
SELECT is(made(), '', 'what is replicated makes nothing, even of one that is always on');
SET ROLE regress_app;
ALTER TABLE app.item RENAME TO thing;
INSERT INTO app.thing VALUES (3);
SELECT is(made(), 'any {"by": "regress_app", "op": "insert", "new": {"id": 3, "sum": null, "state": null}, "old": null, "table": "app.thing"}', 'a table with another name has it still');
ALTER TABLE app.thing RENAME TO item;
SELECT lives_ok($$ SELECT workflow.drop_table_trigger('t') $$, 'it is dropped');
SELECT is(carriers(), 'none', 'with its triggers');
SELECT is_empty('SELECT FROM workflow.table_triggers', 'and gone');
SELECT workflow.create_table_trigger('t', 'item', 'insert, update', 'any') \g /dev/null
DROP TRIGGER workflow_t_insert ON item;
SELECT is((SELECT state FROM workflow.table_triggers), 'no trigger', 'one that was dropped by hand is missed');
RESET ROLE;
SELECT is((SELECT string_agg(concat_ws(' ', problem, detail), ', ') FROM workflow.check()), 'table trigger without trigger t', 'by check(), too');
SET ROLE regress_app;
SELECT workflow.drop_table_trigger('t') \g /dev/null
CREATE TABLE app.passing (id int);
SELECT workflow.create_table_trigger('t', 'passing', 'insert', 'any') \g /dev/null
DROP TABLE passing;
SELECT is((SELECT on_table || ' ' || state FROM workflow.table_triggers), 'app.passing no table', 'a table is dropped, as ever');
SELECT workflow.drop_table_trigger('t') \g /dev/null
TRUNCATE app.item;

-- whose rows they are
SELECT workflow.create_table_trigger('t', 'item', 'insert', 'any') \g /dev/null
RESET ROLE;
ALTER TABLE app.item OWNER TO regress_clerk;
SELECT is((SELECT state FROM workflow.table_triggers), 'not owner', 'the table is another''s');
SELECT is(error($$ INSERT INTO app.item VALUES (1) $$), ARRAY['WF002', 'the owner of table trigger "t" does not own table "item"',
    'HINT: Drop it with workflow.drop_table_trigger(), and have the owner of the table make it anew.'], 'whose rows are not for everybody');
ALTER TABLE app.item OWNER TO regress_app;
-- a trigger with the name of another's
SET ROLE regress_stranger;
CREATE TEMP TABLE mine (id int);
CREATE TRIGGER planted AFTER INSERT ON mine REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION workflow.table_trigger('t');
SELECT is(error($$ INSERT INTO mine VALUES (1) $$), ARRAY['WF010', 'table trigger "t" does not exist on table "mine"',
    'HINT: Make it anew with workflow.create_table_trigger(), or drop the triggers of the table that call workflow.table_trigger() with this name.'], 'makes no runs for it');
DROP TRIGGER planted ON mine;
CREATE TRIGGER planted BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION workflow.table_trigger('t');
SELECT is(refused($$ INSERT INTO mine VALUES (1) $$), '39P01 workflow.table_trigger() was not called as workflow.create_table_trigger() has it called', 'nor of another kind');
SELECT is(refused($$ SELECT workflow.table_trigger() $$), '39P01 workflow.table_trigger() was not called as workflow.create_table_trigger() has it called', 'nor by a call');
DROP TABLE mine;
-- the rights of its owner count
SET ROLE regress_clerk;
SELECT workflow.create_job('closed') \g /dev/null
SET ROLE regress_app;
SELECT is(refused($$ SELECT workflow.create_table_trigger('c', 'item', 'insert', 'closed') $$), 'WF002 permission denied to run job "closed"', 'when it is made');
SET ROLE regress_clerk;
SELECT workflow.grant_on('job:closed', 'regress_app', 'run') \g /dev/null
SET ROLE regress_app;
SELECT workflow.create_table_trigger('c', 'item', 'insert', 'closed') \g /dev/null
SET ROLE regress_writer;
INSERT INTO app.item VALUES (1);
SELECT isnt(made(), '', 'a writer without any');
SET ROLE regress_clerk;
SELECT workflow.revoke_on('job:closed', 'regress_app', 'run') \g /dev/null
SELECT is(refused($$ INSERT INTO app.item VALUES (2) $$), '42501 permission denied for table item', 'needs rights on the table only');
SET ROLE regress_writer;
SELECT is(refused($$ INSERT INTO app.item VALUES (2) $$), 'WF002 permission denied to run job "closed"', 'and when it is written');
SET ROLE regress_app;
SELECT workflow.drop_table_trigger('c'), workflow.drop_table_trigger('t') \g /dev/null
TRUNCATE app.item;

-- parameters
SELECT workflow.create_table_trigger('few', 'item', 'insert, delete', 'few') \g /dev/null
INSERT INTO item VALUES (1, 'new'), (2, NULL);
SELECT is(made(), 'few {"id": 1, "op": "insert", "state": "new"}; few {"id": 2, "op": "insert", "state": null}', 'a job gets what it declares: columns');
DELETE FROM item WHERE id = 1;
SELECT is(made(), 'few {"id": 1, "op": "delete", "state": "new"}', 'of the row there was');
SELECT is(error($$ INSERT INTO item VALUES (3, 'new'), (4, 'bad') $$), ARRAY['WF013', 'parameter "state" of job "few" violates its check', 'It must be so: value <> ''bad'''], 'what does not fit is an error of the statement');
SELECT workflow.drop_table_trigger('few'), workflow.create_table_trigger('all', 'item', 'update', 'all') \g /dev/null
UPDATE item SET sum = 7;
SELECT is(made(), 'all {"by": "regress_app", "new": {"id": 2, "sum": 7, "state": null}, "old": {"id": 2, "sum": null, "state": null}, "sum": 7, "table": "app.item"}', 'or of the rows as a whole');
SELECT workflow.drop_table_trigger('all') \g /dev/null
TRUNCATE app.item;

-- conditions and keys
SELECT workflow.create_table_trigger('paid', 'item', 'insert, update, delete', 'few', key => 'id || ''-'' || op', "when" => $$ coalesce(new.state, '') = 'paid' AND old.state IS DISTINCT FROM 'paid' $$) \g /dev/null
INSERT INTO item VALUES (1, 'new'), (2, 'paid'), (3, NULL);
SELECT is(made(), 'few 2-insert {"id": 2, "op": "insert", "state": "paid"}', 'only rows of which it is true');
UPDATE item SET state = 'paid' WHERE id < 3;
SELECT is(made(), 'few 1-update {"id": 1, "op": "update", "state": "paid"}', 'with a look at what was there before');
DELETE FROM item;
SELECT is(made(), '', 'null is not true');
INSERT INTO item VALUES (1, 'paid');
DELETE FROM item;
INSERT INTO item VALUES (1, 'paid');
SELECT is(made(), 'few 1-insert {"id": 1, "op": "insert", "state": "paid"}', 'of a key one run is made');
SELECT workflow.drop_table_trigger('paid'), workflow.create_table_trigger('whole', 'item', 'update', 'few', key => 'new ->> ''id''', "when" => '(new - ''sum'') <> (old - ''sum'')') \g /dev/null
UPDATE item SET sum = 3;
UPDATE item SET state = 'sent';
SELECT is(made(), 'few 1 {"id": 1, "op": "update", "state": "sent"}', 'rows as a whole are jsonb');
SELECT workflow.drop_table_trigger('whole'), workflow.create_table_trigger('nulls', 'item', 'update', 'few', key => 'state') \g /dev/null
UPDATE item SET state = NULL;
UPDATE item SET state = NULL;
SELECT is(made(), 'few {"id": 1, "op": "update", "state": null}; few {"id": 1, "op": "update", "state": null}', 'null is no key');
SELECT is(refused($$ UPDATE item SET state = '' $$), '22023 a key must not be empty', 'an empty one is an error');
SELECT is(refused($$ UPDATE item SET state = repeat('x', 1001) $$), '22001 a key is too long', 'as is a long one');
SELECT workflow.drop_table_trigger('nulls') \g /dev/null

-- code of the owner runs as the owner, with his path and settings
CREATE TABLE app.seen (who text, path text, zone text);
CREATE FUNCTION app.looks(id int) RETURNS boolean LANGUAGE sql AS
    $$ INSERT INTO app.seen VALUES (current_user, current_setting('search_path'), current_setting('timezone')) RETURNING true $$;
SELECT workflow.create_table_trigger('looks', 'item', 'insert', 'few', "when" => 'looks(id)') \g /dev/null
SET ROLE regress_writer;
SET timezone = 'Asia/Tokyo';
SET search_path = pg_catalog;
INSERT INTO app.item VALUES (10);
SET timezone = 'UTC';
SET search_path = app, public;
SET ROLE regress_app;
SELECT is((SELECT concat_ws(' ', who, path, zone) FROM seen), 'regress_app app, public, pg_temp UTC', 'an expression runs as its owner');
SELECT isnt(made(), '', 'the run is there');
CREATE OR REPLACE FUNCTION app.looks(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE planted (); RETURN true; END $$;
SET ROLE regress_writer;

SELECT is(left(refused($$ INSERT INTO app.item VALUES (11) $$), 5), '42501', 'restricted, as an action in send()');
SET ROLE regress_app;
SELECT workflow.drop_table_trigger('looks') \g /dev/null
-- values are written as the owner's settings say, whatever those of the writer
CREATE TYPE app.mood AS ENUM ('glad');
CREATE TYPE app.pair AS (a int, b timestamptz);
CREATE TABLE app.odd (at timestamptz, long interval, f float8, bytes bytea, mood mood, pair pair, dates date[], gone int, made int GENERATED ALWAYS AS (1) STORED);
ALTER TABLE app.odd DROP COLUMN gone;
SELECT workflow.create_table_trigger('odd', 'odd', 'insert', 'any') \g /dev/null
SET timezone = 'Asia/Tokyo'; SET intervalstyle = sql_standard; SET bytea_output = escape; SET extra_float_digits = -10; SET datestyle = 'German';
INSERT INTO odd VALUES ('2030-01-01 12:00+00', '1 day 2:03', 0.1::float8 + 0.2, '\x0a', 'glad', (1, '2030-01-01 12:00+00'), '{2030-01-02}');
SET timezone = 'UTC'; RESET intervalstyle; RESET bytea_output; RESET extra_float_digits; RESET datestyle;
SELECT is(made(), 'any {"by": "regress_app", "op": "insert", "new": {"f": 0.30000000000000004, "at": "2030-01-01T12:00:00+00:00", "long": "1 day 02:03:00", "made": 1, "mood": "glad",'
    ' "pair": {"a": 1, "b": "2030-01-01T12:00:00+00:00"}, "bytes": "\\x0a", "dates": ["2030-01-02"]}, "old": null, "table": "app.odd"}', 'all types');
-- an enum is its owner's, who can make a cast of it to json at any time: code of a stranger
RESET ROLE;
CREATE SCHEMA theirs AUTHORIZATION regress_stranger;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;
SET ROLE regress_stranger;
CREATE TYPE theirs.mood AS ENUM ('glad');
SET ROLE regress_app;
CREATE TABLE app.felt (mood theirs.mood);
GRANT INSERT ON felt TO regress_writer;
SELECT workflow.create_table_trigger('felt', 'felt', 'insert', 'any') \g /dev/null
SET ROLE regress_stranger;
CREATE FUNCTION theirs.tell(theirs.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE planted (); RETURN '"x"'; END $$;
CREATE CAST (theirs.mood AS json) WITH FUNCTION theirs.tell(theirs.mood);
SET ROLE regress_writer;
SELECT is(left(refused($$ INSERT INTO app.felt VALUES ('glad') $$), 5), '42501', 'which is restricted, too');
SET ROLE regress_app;
DROP TABLE felt;
SELECT workflow.drop_table_trigger('felt') \g /dev/null
-- the table changes
SELECT workflow.create_table_trigger('typed', 'odd', 'insert', 'any', "when" => 'new.made = 1') \g /dev/null
INSERT INTO odd DEFAULT VALUES;
SELECT isnt(made(), '', 'a condition on a column');
ALTER TABLE odd DROP COLUMN made, ADD COLUMN made bigint DEFAULT 1;
INSERT INTO odd DEFAULT VALUES;
SELECT matches(made(), '"made": 1.*"made": 1', 'that is another one now');
ALTER TABLE odd DROP COLUMN made;
SELECT is(refused($$ INSERT INTO odd DEFAULT VALUES $$), '42703 the table has no column "made"', 'and gone');
DROP TABLE odd;
SELECT workflow.drop_table_trigger('typed'), workflow.drop_table_trigger('odd') \g /dev/null

-- inheritance and partitions
CREATE TABLE app.parted (id int, state text) PARTITION BY LIST (id);
CREATE TABLE app.part1 PARTITION OF app.parted FOR VALUES IN (1);
CREATE TABLE app.part2 (state text, id int);
ALTER TABLE app.parted ATTACH PARTITION app.part2 FOR VALUES IN (2);
SELECT workflow.create_table_trigger('parent', 'parted', 'insert, update, delete', 'few', key => '''parent ''|| op || id'),
    workflow.create_table_trigger('leaf', 'part2', 'insert, update, delete', 'few', key => '''leaf '' || op || id') \g /dev/null
INSERT INTO parted VALUES (1, 'a'), (2, 'b');
SELECT is(made(), 'few parent insert1 {"id": 1, "op": "insert", "state": "a"}; few parent insert2 {"id": 2, "op": "insert", "state": "b"}', 'what is inserted into the parent is for its trigger, not the leaf''s');
INSERT INTO part2 VALUES ('c', 2);
SELECT is(made(), 'few leaf insert2 {"id": 2, "op": "insert", "state": "c"}', 'what is inserted into the leaf for the leaf''s');
UPDATE parted SET id = 2, state = state || '!' WHERE id = 1;
SELECT is(made(), 'few parent update2 {"id": 2, "op": "update", "state": "a!"}', 'a row that moves is one that is updated');
CREATE FUNCTION app.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER stay BEFORE INSERT ON part1 FOR EACH ROW EXECUTE FUNCTION stay();
SELECT is(refused($$ UPDATE parted SET id = 1 WHERE state = 'c' $$), '0A000 the old and the new rows of an update of table "parted" cannot be matched', 'unless it gets lost there');
DROP TABLE parted;
CREATE TABLE app.base (id int, state text);
CREATE TABLE app.derived (more int) INHERITS (app.base);
SELECT workflow.drop_table_trigger('parent'), workflow.drop_table_trigger('leaf'), workflow.create_table_trigger('base', 'base', 'insert, update', 'few') \g /dev/null
INSERT INTO derived VALUES (1, 'a');
SELECT is(made(), '', 'an insert into a child is not one into the table');
UPDATE base SET state = 'b';
SELECT is(made(), 'few {"id": 1, "op": "update", "state": "b"}', 'an update of the table is one of its children');
SELECT workflow.drop_table_trigger('base') \g /dev/null

-- processes and their events
SELECT workflow.define('{"id": "order", "initial": "open", "context": {"heard": []}, "states": {
    "open": {"on": {"changed": {"actions": {"type": "assign", "context": {"heard": {"@expr": "context->''heard'' || jsonb_build_array(event#>''{data,new,state}'', event->''actor'')"}}}}, "end": "over"}},
    "over": {"type": "final"}}}') \g /dev/null
CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) > 0 LOOP END LOOP; END $$;
CREATE FUNCTION app.orders() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', p.key, p.states[1], p.started_by, p.context ->> 'op', p.context ->> 'heard'), '; ' ORDER BY p.key)
    FROM workflow.processes p WHERE p.definition = 'order' $$;
TRUNCATE item;
SELECT workflow.create_table_trigger('start', 'item', 'insert', definition => 'order', key => 'id', "when" => 'id < 100'),
    workflow.create_table_trigger('tell', 'item', 'update', definition => 'order', event => 'changed', key => 'new.id', "when" => 'new.state <> old.state') \g /dev/null
SET ROLE regress_writer;
INSERT INTO item VALUES (1, 'a'), (2, 'b'), (100, 'c');
UPDATE item SET state = 'x' WHERE id IN (1, 100);
UPDATE item SET sum = 8;
SET ROLE regress_app;
SELECT is(orders(), '1 regress_app insert []; 2 regress_app insert []', 'processes are made, with their rows as input');
CALL run();
SELECT is(orders(), '1 open regress_app insert ["x", "regress_app"]; 2 open regress_app insert []', 'executors start them, and deliver what has happened to the rows');
SELECT FROM workflow.send_by_key('order', '1', 'end');
SET ROLE regress_writer;
UPDATE item SET state = 'y';
DELETE FROM item;
INSERT INTO item VALUES (1, 'again');
SET ROLE regress_app;
CALL run();
SELECT is(orders(), '1 over regress_app insert ["x", "regress_app"]; 2 open regress_app insert ["y", "regress_app"]', 'nothing comes to one that is over, nor to none; a key is taken once');
SELECT is(error($$ SELECT workflow.create_table_trigger('odd', 'item', 'update', definition => 'order', event => 'chnaged', key => 'id') $$), ARRAY['no error'], 'of an event that nobody knows there is a warning');
-- as far as its owner may
SELECT workflow.drop_table_trigger(name) FROM workflow.table_triggers \g /dev/null
SET ROLE regress_clerk;
SELECT workflow.define('{"id": "other", "initial": "a", "states": {"a": {"on": {"x": "a"}}}}') \g /dev/null
SET ROLE regress_app;
SELECT is(refused(format('SELECT workflow.create_table_trigger(''t'', ''item'', ''insert'', definition => ''other'', event => %L, key => ''id'')', e)), r, r) FROM (VALUES
    (NULL, 'WF002 permission denied to start definition "other"'), ('x', 'WF002 permission denied to send to processes of definition "other"')) t(e, r);

-- more rows than work_mem holds
SELECT workflow.create_job('many') \g /dev/null
SELECT workflow.create_table_trigger('bulk', 'item', 'insert,update', 'many') \g /dev/null
SET work_mem = '64kB';
INSERT INTO item SELECT i, repeat('x', 100) FROM generate_series(10001, 15000) i;
UPDATE item SET state = repeat('y', 100) WHERE id > 10000;
RESET work_mem;
SELECT is((SELECT count(*) || ' ' || count(DISTINCT params->'new') || ' ' || count(DISTINCT params->'old') FROM workflow.runs WHERE job = 'many'), '10000 10000 5001',
          'each of many rows makes a run');
SELECT workflow.drop_table_trigger('bulk') \g /dev/null
DELETE FROM item WHERE id > 10000;

-- code of its owner drops what it is about to make a process of
SELECT workflow.define('{"id": "fleeting", "initial": "a", "states": {"a": {}}}') \g /dev/null
CREATE FUNCTION app.dropping() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.drop_definition('fleeting'); RETURN 'key'; END $$;
SELECT workflow.create_table_trigger('fleeting', 'item', 'insert', definition => 'fleeting', key => 'app.dropping()') \g /dev/null
SELECT is(refused($$ INSERT INTO item VALUES (100) $$), 'WF006 definition "fleeting" version 1 was dropped', 'no process is made of a definition that the key has dropped');
SELECT workflow.drop_table_trigger('fleeting') \g /dev/null

-- the context of an error shows the row, as far as that makes sense
CREATE FUNCTION app.context_of(command text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE context text; BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN split_part(context, E'\n', 1);
END $$;
SELECT workflow.create_job('short', parameters => '{"state": {"type": "text", "check": "value = ''x''"}}') \g /dev/null
SELECT workflow.create_table_trigger('short', 'item', 'insert', 'short') \g /dev/null
SELECT is(context_of($$ INSERT INTO item VALUES (100, 'x'), (101, 'y') $$), 'table trigger "short", row 2 of the statement: {"state": "y"}', 'an error says which row it was');
SELECT is(context_of($$ INSERT INTO item VALUES (100, repeat('y', 20000)) $$), 'table trigger "short", row 1 of the statement: ...', 'not the whole of one that is large');
SELECT workflow.drop_table_trigger('short') \g /dev/null

-- rows of a statement with one key
SELECT workflow.create_job('once') \g /dev/null
SELECT workflow.create_table_trigger('once', 'item', 'insert', 'once', key => 'state') \g /dev/null
INSERT INTO item SELECT 2000 + i, i % 2 FROM generate_series(0, 2001) i;
INSERT INTO item VALUES (1998, '1'), (1999, '2'), (2000 - 3, '2'), (2000 - 4, NULL), (2000 - 5, NULL);
SELECT is((SELECT string_agg(coalesce(key, '-') || ' ' || (params #>> '{new,id}'), ', ' ORDER BY key, params #>> '{new,id}') FROM workflow.runs WHERE job = 'once'), '0 2000, 1 2001, 2 1999, - 1995, - 1996',
          'make one run, of the first of them');
SELECT workflow.drop_table_trigger('once') \g /dev/null
DELETE FROM item WHERE id > 1000;

-- a dump of the schema alone has the triggers, and not what they are of
CREATE TRIGGER workflow_left_insert AFTER INSERT ON item REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION workflow.table_trigger('left');
SELECT is(refused($$ INSERT INTO item VALUES (300) $$), 'WF010 table trigger "left" does not exist on table "item"', 'triggers alone make nothing');
SELECT workflow.create_job('left') \g /dev/null
SELECT is(error($$ SELECT workflow.create_table_trigger('left', 'item', 'insert', 'left') $$), ARRAY['no error'], 'made anew');
INSERT INTO item VALUES (300, 'left');
SELECT is((SELECT count(*) FROM workflow.runs WHERE job = 'left'), 1::bigint, 'they do, once');
SELECT workflow.drop_table_trigger('left') \g /dev/null
DELETE FROM item WHERE id = 300;

-- what it needs stays
SELECT workflow.create_table_trigger('t', 'item', 'insert', 'any') \g /dev/null
SELECT is(error($$ SELECT workflow.drop_job('any') $$), ARRAY['no error'], 'a job may be dropped');
SELECT is(refused($$ INSERT INTO item VALUES (200) $$), 'WF010 job "any" does not exist', 'which is an error of who writes then');
RESET ROLE;
SELECT lives_ok($$ DROP OWNED BY regress_stranger CASCADE $$, 'others do not matter');
SELECT is((error('DROP ROLE regress_app'))[1], '2BP01', 'its owner is not dropped');
SET ROLE regress_app;

\set end :srcdir '/end.psql'
\i :end
