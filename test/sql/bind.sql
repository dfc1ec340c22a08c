\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Rows of users that carry the states of processes. Executors and dumps are in
-- t/table_trigger.pl, who locks what first in specs/bound-rows.

CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) > 0 LOOP END LOOP; END $$;
CREATE TABLE app.orders (id int PRIMARY KEY, state text, note text);
CREATE FUNCTION app.carried() RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(concat_ws(' ', id, coalesce(state, '-'), note), ', ' ORDER BY id) FROM app.orders $$;
GRANT ALL ON app.orders TO regress_clerk, regress_stranger;
SELECT FROM workflow.define('{"id": "order", "initial": "open", "states": {
    "open": {"on": {"pay": "paid", "stay": {}, "split": "both"}, "after": {"1 day": "late"}},
    "paid": {"on": {"back": "open", "end": "over"}}, "late": {}, "over": {"type": "final"},
    "both": {"type": "parallel", "states": {
        "left": {"initial": "a", "states": {"a": {"on": {"l": "b"}}, "b": {}}},
        "right": {"initial": "c", "states": {"c": {}}}}}}}');
SELECT workflow.grant_on('order', 'regress_clerk', 'start', 'send') \g /dev/null
CREATE VIEW app.shown AS SELECT * FROM orders;
CREATE TABLE app.plain (id int, state text);
CREATE UNIQUE INDEX ON app.plain (id) WHERE id > 0;
CREATE UNIQUE INDEX ON app.plain (id, state);

-- what is refused
SELECT is(refused(format('SELECT workflow.bind(%s)', a)), r, a) FROM (VALUES
    ($$NULL, 'orders', 'id', 'state'$$, '22004 argument "definition" must not be null'),
    ($$'order', NULL, 'id', 'state'$$, '22004 argument "on_table" must not be null'),
    ($$'order', 'orders', NULL, 'state'$$, '22004 argument "key_column" must not be null'),
    ($$'order', 'orders', 'id', NULL$$, '22004 argument "state_column" must not be null'),
    ($$'nothing', 'orders', 'id', 'state'$$, 'WF006 definition "nothing" does not exist'),
    ($$'order', 4711, 'id', 'state'$$, '42P01 table 4711 does not exist'),
    ($$'order', 'pg_class', 'oid', 'relname'$$, '42501 must be owner of table pg_class'),
    ($$'order', 'shown', 'id', 'state'$$, '42809 processes cannot be bound to "shown"'),
    ($$'order', 'orders', 'nothing', 'state'$$, '42703 table "orders" has no column "nothing"'),
    ($$'order', 'orders', 'id', 'nothing'$$, '42703 table "orders" has no column "nothing"'),
    ($$'order', 'orders', 'ctid', 'state'$$, '42703 table "orders" has no column "ctid"'),
    ($$'order', 'orders', 'id', 'id'$$, '22023 key and state of a process must be in two columns'),
    ($$'order', 'orders', 'note', 'state'$$, '42P10 column "note" of table "orders" has no unique index'),
    ($$'order', 'plain', 'id', 'state'$$, '42P10 column "id" of table "plain" has no unique index')) t(a, r);
SELECT is(refused($$ SELECT workflow.unbind('order') $$), '42704 definition "order" is not bound', 'nothing is bound');
SELECT is(refused($$ SELECT workflow.unbind(NULL) $$), '22004 argument "definition" must not be null', 'null is none');
SELECT is(refused($$ SELECT workflow.unbind('nothing') $$), 'WF006 definition "nothing" does not exist', 'there must be one');
SET ROLE regress_stranger;
CREATE TABLE pg_temp.own (id int PRIMARY KEY, state text);
SELECT is(refused($$ SELECT workflow.bind('order', 'orders', 'id', 'state') $$), '42501 must be owner of table orders', 'a table of another');
SELECT is(refused($$ SELECT workflow.bind('order', 'pg_temp.own', 'id', 'state') $$), '42809 processes cannot be bound to "own"', 'one that is temporary');
DROP TABLE pg_temp.own;
SET ROLE regress_app;

-- a row carries the state
INSERT INTO orders SELECT g FROM generate_series(1, 4) g;
SELECT workflow.start('order', key => '4') \g /dev/null
SELECT is(refused($$ SELECT workflow.bind('order', 'orders', 'id', 'state') $$), 'no error', 'processes are bound');
SELECT is(error($$ SELECT workflow.bind('order', 'orders', 'id', 'state') $$), ARRAY['42710', 'definition "order" is bound already', 'HINT: workflow.unbind() ends that.'], 'once');
SELECT is((SELECT to_jsonb(b) - 'created_at' FROM workflow.bindings b), '{"definition": "order", "on_table": "orders", "key_column": "id", "state_column": "state", "state": "ready"}', 'the view shows it');
SELECT workflow.start('order', key => '1') AS p \gset
SELECT is(carried(), '1 open, 2 -, 3 -, 4 -', 'from its start on');
SELECT FROM workflow.send(:'p', 'pay');
SELECT is(carried(), '1 paid, 2 -, 3 -, 4 -', 'a command');
SELECT FROM workflow.send_by_key('order', '4', 'stay');
SELECT is(carried(), '1 paid, 2 -, 3 -, 4 open', 'of one that is older than that with its next step');
SELECT FROM workflow.send(:'p', 'back');
SELECT FROM workflow.send(:'p', 'split');
SELECT is(carried(), '1 both.left.a,both.right.c, 2 -, 3 -, 4 open', 'all states of regions');
SELECT FROM workflow.set_states(:'p', '{open}');
SELECT is(carried(), '1 open, 2 -, 3 -, 4 open', 'what an operator does');
SELECT workflow.start_many('order', ARRAY['{}', '{}', '{}']::jsonb[], ARRAY['2', '3', '100']) \g /dev/null
SELECT is(carried(), '1 open, 2 open, 3 open, 4 open', 'many at once, one of them without a row');
SELECT workflow.start('order') IS NOT NULL AS without \gset
SELECT is(:'without', true, 'one without a key has none');
SELECT FROM workflow.send_many(ARRAY(SELECT id FROM workflow.processes WHERE key IN ('2', '3')), '{pay}');
SELECT is(carried(), '1 open, 2 paid, 3 paid, 4 open', 'commands to many');
CALL clock('2030-01-03 00:00+00');
CALL run();
SELECT is(carried(), '1 late, 2 paid, 3 paid, 4 late', 'timers');
SELECT FROM workflow.send_by_key('order', '2', 'end');
SELECT is(carried(), '1 late, 2 over, 3 paid, 4 late', 'to the end');
SELECT FROM workflow.cancel((SELECT id FROM workflow.processes WHERE key = '3'));
SELECT is(carried(), '1 late, 2 over, 3 -, 4 late', 'of one that was cancelled null');

-- nobody else writes it
SELECT is(error($$ UPDATE orders SET state = 'paid' WHERE id = 1 $$), ARRAY['42501', 'column "state" of table "orders" carries the states of processes of "order"',
    'It is written by their steps only.', 'HINT: Send the process an event.'], 'not even the owner');
SET ROLE regress_clerk;
SELECT is((error($$ UPDATE app.orders SET state = NULL WHERE id = 1 $$))[1], '42501', 'nor others');
RESET ROLE;
SELECT is((error($$ UPDATE app.orders SET state = NULL WHERE id = 1 $$))[1], '42501', 'nor a superuser');
SET ROLE regress_app;
UPDATE orders SET note = 'x', state = state WHERE id = 1;
SELECT is(carried(), '1 late x, 2 over, 3 -, 4 late', 'the rest of the row is free');
-- not by a trigger that hides it
CREATE FUNCTION app.sneak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.state := 'paid'; RETURN NEW; END $$;
CREATE TRIGGER zz BEFORE UPDATE OF note ON orders FOR EACH ROW EXECUTE FUNCTION sneak();
SELECT is((error($$ UPDATE orders SET note = 'y' WHERE id = 1 $$))[1], '42501', 'nor a trigger before');
DROP TRIGGER zz ON orders;
-- nor within the write of a step
CREATE FUNCTION app.spread() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE app.orders SET state = 'paid' WHERE id = 1; RETURN NULL; END $$;
CREATE TRIGGER zz AFTER UPDATE ON orders FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION spread();
INSERT INTO orders VALUES (5);
SELECT is((error($$ SELECT workflow.start('order', key => '5') $$))[1], 'no error', 'a row of its own');
DROP TRIGGER zz ON orders;
CREATE TRIGGER zz AFTER UPDATE ON orders FOR EACH ROW WHEN (NEW.id = 5) EXECUTE FUNCTION spread();
SELECT is((error($$ SELECT workflow.send_by_key('order', '5', 'pay') $$))[1], '42501', 'a trigger after does not write those of others');
SELECT is(carried(), '1 late x, 2 over, 3 -, 4 late, 5 open', 'and the step was not');
DROP TRIGGER zz ON orders;

-- it runs as the owner, whoever sends
CREATE TABLE app.seen (who text);
CREATE FUNCTION app.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.seen VALUES (current_user); RETURN NULL; END $$;
CREATE TRIGGER zz AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION see();
SET ROLE regress_clerk;
SELECT FROM workflow.send_by_key('order', '5', 'pay');
SET ROLE regress_app;
SELECT is((SELECT string_agg(who, ', ') FROM seen), 'regress_app', 'as the owner of the definition');
SELECT is(carried(), '1 late x, 2 over, 3 -, 4 late, 5 paid', 'it is written');
CREATE OR REPLACE FUNCTION app.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE planted (); RETURN NULL; END $$;
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.send_by_key('order', '5', 'back') $$))[1], '42501', 'restricted in the session of another');
SET ROLE regress_app;
DROP TRIGGER zz ON orders;

-- the table changes
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases ADD COLUMN more int;
SELECT FROM workflow.send_by_key('order', '5', 'back');
SELECT is((SELECT state FROM purchases WHERE id = 5), 'open', 'a table with another name');
ALTER TABLE purchases RENAME TO orders;
DROP VIEW shown;
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
SELECT FROM workflow.send_by_key('order', '5', 'pay');
SELECT is((SELECT state FROM orders WHERE id = 5), 'paid', 'keys of another type');
ALTER TABLE orders DISABLE TRIGGER workflow_bound;
SELECT is((SELECT state FROM workflow.bindings), 'disabled', 'a guard that sleeps is shown');
UPDATE orders SET state = 'open' WHERE id = 5;
ALTER TABLE orders ENABLE TRIGGER workflow_bound;
SELECT FROM workflow.send_by_key('order', '5', 'back');
INSERT INTO orders VALUES (200);
SELECT is(refused($$ SELECT workflow.start('order', key => 'x') $$), '22P02 invalid input syntax for type bigint: "x"', 'a key that no row can have');
RESET ROLE;
ALTER TABLE app.orders OWNER TO regress_clerk;
REVOKE ALL ON app.orders FROM regress_app;
SELECT is(refused($$ SELECT workflow.send_by_key('order', '5', 'pay') $$), '42501 permission denied for table orders', 'the owner of the definition has to be allowed to');
ALTER TABLE app.orders OWNER TO regress_app;
SET ROLE regress_app;

-- an enum, and the columns that a name needs quotes for
CREATE TYPE app.phase AS ENUM ('open', 'shut');
CREATE TABLE app."My Doors" ("Door ""No""" text UNIQUE, "My State" phase);
SELECT FROM workflow.define('{"id": "door", "initial": "open", "states": {"open": {"on": {"turn": "shut", "break": "broken"}}, "shut": {}, "broken": {}}}');
SELECT workflow.bind('door', '"My Doors"', 'Door "No"', 'My State') \g /dev/null
INSERT INTO "My Doors" VALUES ('it''s "1"');
SELECT FROM workflow.start('door', key => 'it''s "1"');
SELECT is((SELECT d::text FROM "My Doors" d), '("it''s ""1""",open)', 'a state of an enum');
SELECT is(refused($$ SELECT workflow.send_by_key('door', 'it''s "1"', 'break') $$), '22P02 invalid input value for enum phase: "broken"', 'that does not have all');

-- its end
SELECT is((error($$ SELECT workflow.drop_definition('door') $$))[1], '2BP01', 'a definition that has processes');
SELECT FROM workflow.cancel((SELECT id FROM workflow.processes WHERE definition = 'door'));
SELECT FROM workflow.erase((SELECT id FROM workflow.processes WHERE definition = 'door'));
SELECT is(error($$ SELECT workflow.drop_definition('door') $$), ARRAY['2BP01', 'cannot drop definition "door": table app."My Doors" carries the states of its processes',
    'HINT: Call workflow.unbind() before that.'], 'or is bound');
SELECT lives_ok($$ SELECT workflow.unbind('door') $$, 'it is unbound');
SELECT lives_ok($$ SELECT workflow.drop_definition('door') $$, 'and goes');
SELECT workflow.unbind('order') \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal), 0::bigint, 'the guard goes with it');
UPDATE orders SET state = 'free' WHERE id = 5;
SELECT FROM workflow.send_by_key('order', '5', 'pay');
SELECT is((SELECT state FROM orders WHERE id = 5), 'free', 'rows are their own again');
CREATE TRIGGER workflow_bound AFTER UPDATE ON orders FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state)
    EXECUTE FUNCTION workflow.bound_row('order');
SELECT is(error($$ SELECT workflow.bind('order', 'orders', 'id', 'state') $$), ARRAY['no error'], 'a guard that a dump of the schema alone has brought is made anew');
DROP TABLE orders;
SELECT is((SELECT on_table || ' ' || state FROM workflow.bindings), 'app.orders no table', 'a table is dropped, as ever');
RESET ROLE;
SELECT is((SELECT string_agg(concat_ws(' ', problem, detail), ', ') FROM workflow.check()), 'binding without trigger order', 'check() tells');
SET ROLE regress_app;
SELECT lives_ok($$ SELECT workflow.send_by_key('order', '5', 'back') $$, 'processes go on without');
SELECT workflow.unbind('order') \g /dev/null

\set end :srcdir '/end.psql'
\i :end
