\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Steps are written past the executor where a table allows that; a table that
-- somebody has changed is written by statements.
SELECT count(*) FROM workflow.define($$ {"id": "walk", "initial": "a", "context": {"n": 0}, "states": {
    "a": {"after": {"1 minute": {"target": "b", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}}}}},
    "b": {"after": {"1 minute": "c"}},
    "c": {"type": "final"}}} $$) \g /dev/null

-- A walk from the start to the end: what is there of it then?
CREATE FUNCTION app.walk() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    walker uuid := workflow.start('walk');
    way text;
BEGIN
    CALL app.clock('2030-01-01 00:01+00');
    PERFORM workflow.work(10);
    CALL app.clock('2030-01-01 00:02+00');
    PERFORM workflow.work(10);
    SELECT string_agg(format('%s %s>%s', step, array_to_string(from_states, ','), array_to_string(to_states, ',')), ' ' ORDER BY step)
    INTO way FROM workflow.process_history h WHERE h.process = walker;
    CALL app.clock('2030-01-01 00:00+00');
    RETURN format('%s %s %s %s', way, app.status(walker), app.context(walker), app.timers(walker));
END $$;
\set way '''1 >a 2 a>b 3 b>c finalized {"n": 1} '''
SELECT is(app.walk(), :way, 'a walk');

-- triggers
RESET ROLE;
CREATE TABLE app.seen (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION app.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.seen (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME);
    RETURN CASE TG_OP WHEN 'DELETE' THEN old ELSE new END;
END $$;
-- What they saw since the last call, each with how often.
CREATE FUNCTION app.saw() RETURNS text LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM app.seen RETURNING what)
    SELECT string_agg(format('%s %s', what, times), ', ' ORDER BY what COLLATE "C")
    FROM (SELECT what, count(*) AS times FROM gone GROUP BY what) s
$$;
CREATE TRIGGER see BEFORE INSERT OR UPDATE ON workflow.process FOR EACH ROW EXECUTE FUNCTION app.see();
CREATE TRIGGER see AFTER INSERT ON workflow.history FOR EACH ROW EXECUTE FUNCTION app.see();
CREATE TRIGGER see AFTER INSERT OR DELETE ON workflow.timer FOR EACH ROW EXECUTE FUNCTION app.see();
SET ROLE regress_app;
SELECT is(app.walk(), :way, 'the same with triggers on the tables');
RESET ROLE;
SELECT is(app.saw(), 'DELETE timer 2, INSERT history_0 3, INSERT process 1, INSERT timer 2, UPDATE process 2', 'and each of them fires');
DROP TRIGGER see ON workflow.process;
DROP TRIGGER see ON workflow.history;
DROP TRIGGER see ON workflow.timer;
CREATE TRIGGER see AFTER INSERT ON workflow.history EXECUTE FUNCTION app.see();
SET ROLE regress_app;
SELECT is(app.walk(), :way, 'with one on the partitioned table itself');
RESET ROLE;
SELECT is(app.saw(), 'INSERT history 3', 'it fires');
DROP TRIGGER see ON workflow.history;
SET ROLE regress_app;
SELECT is(app.walk(), :way, 'and without');
RESET ROLE;
SELECT is(app.saw(), NULL, 'nothing fires');

-- columns and constraints
ALTER TABLE workflow.process ADD COLUMN remark text;
ALTER TABLE workflow.history ADD COLUMN remark text;
UPDATE workflow.process SET remark = 'kept';
SET ROLE regress_app;
SELECT is(app.walk(), :way, 'columns that we do not know become null');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.process WHERE remark IS NULL), 1::bigint, 'in new rows,');
SET ROLE regress_app;
SELECT workflow.start('walk') AS walker \gset
RESET ROLE;
UPDATE workflow.process SET remark = 'kept' WHERE id = :'walker';
SET ROLE regress_app;
CALL app.clock('2030-01-01 00:01+00');
SELECT is(workflow.work(10), 1, 'and a step');
RESET ROLE;
SELECT is((SELECT ROW(states, remark)::text FROM workflow.process WHERE id = :'walker'), '({b},kept)', 'leaves them as they are');
ALTER TABLE workflow.process DROP COLUMN remark;
ALTER TABLE workflow.process ADD COLUMN remark text NOT NULL DEFAULT 'filled in';
ALTER TABLE workflow.process ADD COLUMN twice int GENERATED ALWAYS AS (step * 2) STORED;
SET ROLE regress_app;
CALL app.clock('2030-01-01 00:00+00');
SELECT is(app.walk(), :way, 'with columns that are filled in');
RESET ROLE;
SELECT is((SELECT array_agg(DISTINCT ROW(remark, twice)::text) FROM workflow.process WHERE step = 3), '{"(\"filled in\",6)"}', 'they are');
ALTER TABLE workflow.process DROP COLUMN remark, DROP COLUMN twice;
ALTER TABLE workflow.history ADD CONSTRAINT few CHECK (step < 3) NOT VALID;
SET ROLE regress_app;
SELECT is((error('SELECT app.walk()'))[1:2], ARRAY['23514', 'new row for relation "history_0" violates check constraint "few"'], 'constraints are checked');
RESET ROLE;
ALTER TABLE workflow.history DROP CONSTRAINT few;

-- keys
SET ROLE regress_app;
SELECT workflow.start('walk') AS walker \gset
RESET ROLE;
INSERT INTO workflow.history (process, at, step, taken, event, from_states, to_states, slot)
    SELECT process, at, 2, taken, event, from_states, to_states, slot FROM workflow.history WHERE process = :'walker';
SET ROLE regress_app;
CALL app.clock('2030-01-01 00:01+00');
SELECT is((error('SELECT workflow.work(10)'))[1], '23505', 'keys are unique');
RESET ROLE;
DELETE FROM workflow.history WHERE process = :'walker' AND step = 2;

\set end :srcdir '/end.psql'
\i :end
