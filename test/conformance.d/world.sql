-- The world in which the cases are played: the clock, the functions that stand
-- for the suites' own, and what JavaScript makes of values. Run by a superuser.

CREATE EXTENSION workflow;
CREATE ROLE author LOGIN;
GRANT workflow_user TO author;
GRANT SET ON PARAMETER workflow.test_clock TO author;
CREATE ROLE manager;
CREATE ROLE mary IN ROLE manager;
CREATE SCHEMA conformance AUTHORIZATION author;
ALTER ROLE author SET search_path = conformance;
ALTER ROLE author SET timezone = 'UTC';
ALTER ROLE author SET client_min_messages = warning;

SET ROLE author;
SET search_path = conformance;

-- ---- functions of the cases

CREATE TABLE noted (n int GENERATED ALWAYS AS IDENTITY, type text);

-- A custom action: only that it ran, and when, is of interest.
CREATE FUNCTION note(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO noted (type) VALUES (params->>'type') $$;

-- A custom guard.
CREATE FUNCTION agree(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE sql AS
    $$ SELECT true $$;

-- The custom action "fails", and the custom guard: what they did is not to be seen.
CREATE FUNCTION fails(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO noted (type) VALUES (params->>'type');
    RAISE EXCEPTION '%', coalesce(params->>'message', 'it fails') USING ERRCODE = coalesce(params->>'code', 'CF001');
END
$$;
CREATE FUNCTION cannot_tell(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO noted (type) VALUES (params->>'type');
    RAISE EXCEPTION 'it fails' USING ERRCODE = 'CF002';
END
$$;
-- For "allow": the actor's name begins with a capital letter.
CREATE FUNCTION is_capital(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS
    $$ SELECT event->>'actor' ~ '^[A-Z]' $$;

-- ---- what happens in a case

-- What became of the last command: its error, if one was expected.
CREATE TABLE answer (sqlstate text, deferred boolean);

-- Store definitions: the faults of the first that has any.
CREATE FUNCTION define(VARIADIC definitions json[]) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    definition json;
    faults text;
BEGIN
    FOREACH definition IN ARRAY definitions LOOP
        PERFORM workflow.define(definition);
    END LOOP;
    RETURN '[]';
EXCEPTION WHEN SQLSTATE 'WF007' THEN
    GET STACKED DIAGNOSTICS faults = PG_EXCEPTION_DETAIL;
    RETURN to_json(string_to_array(faults, E'\n'));
END
$$;

-- Let so many milliseconds pass. All that is due meanwhile happens at its
-- time, the oldest first, each event in a transaction of its own.
CREATE PROCEDURE pass(ms float8) LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := current_setting('workflow.test_clock');
    until timestamptz := now + ms * interval '1 ms';
    due timestamptz;
BEGIN
    FOR i IN 1 .. 10000 LOOP
        SELECT min(t.due) INTO due FROM workflow.timers t WHERE NOT t.parked;
        IF due IS NULL OR due > until THEN
            PERFORM set_config('workflow.test_clock', until::text, false);
            RETURN;
        END IF;
        now := greatest(now, due);
        PERFORM set_config('workflow.test_clock', now::text, false);
        PERFORM workflow.work(1);
        COMMIT;
    END LOOP;
    RAISE 'it does not come to rest';
END
$$;

CREATE PROCEDURE start(definition text, INOUT process uuid) LANGUAGE plpgsql AS $$
BEGIN
    CALL clean();
    PERFORM set_config('workflow.test_clock', '2030-01-01 00:00:00+00', false);
    process := workflow.start(definition);
    COMMIT;
    CALL pass(0);
END
$$;

-- A command that may fail.
CREATE FUNCTION attempt(process uuid, event text, data jsonb, actor text) RETURNS answer LANGUAGE plpgsql AS $$
DECLARE
    result answer;
BEGIN
    IF event IS NULL THEN
        PERFORM workflow.cancel(process);
    ELSE
        result.deferred := s.deferred FROM workflow.send(process, event, data, actor => actor) s;
    END IF;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    result.sqlstate := SQLSTATE;
    RETURN result;
END
$$;

-- Let time pass, then send the event, if there is one, or cancel the process.
-- What is over hears no more. more: {"actor": on whose behalf, "down": nothing
-- was at work while the time passed, "cancel": ..., "fails": an error is expected}
CREATE PROCEDURE step(process uuid, ms float8, event text, data jsonb, more jsonb) LANGUAGE plpgsql AS $$
DECLARE
    actor text := more->>'actor';
BEGIN
    DELETE FROM answer;
    IF more ? 'down' THEN
        PERFORM set_config('workflow.test_clock', (current_setting('workflow.test_clock')::timestamptz + ms * interval '1 ms')::text, false);
        CALL pass(0);
    ELSE
        CALL pass(ms);
    END IF;
    IF event IS NULL AND NOT more ? 'cancel' THEN
        RETURN;
    END IF;
    IF (SELECT status NOT IN ('finalized', 'terminated') FROM workflow.get(process)) THEN
        IF more ? 'fails' THEN
            INSERT INTO answer SELECT * FROM attempt(process, event, data, actor);
        ELSIF event IS NULL THEN
            PERFORM workflow.cancel(process);
        ELSE
            INSERT INTO answer (deferred) SELECT s.deferred FROM workflow.send(process, event, data, actor => actor) s;
        END IF;
        COMMIT;
        CALL pass(0);
    END IF;
END
$$;

-- Where the process stands, and which actions ran since the last look.
CREATE FUNCTION look(process uuid) RETURNS json LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM noted RETURNING *)
    SELECT json_build_object('states', p.states, 'context', p.context, 'status', p.status,
        'sqlstate', (SELECT sqlstate FROM answer), 'deferred', (SELECT deferred FROM answer),
        'actions', (SELECT coalesce(json_agg(type ORDER BY n), '[]') FROM gone))
    FROM workflow.get(process) p
$$;

-- Is this command one that would be taken now?
CREATE FUNCTION enabled(process uuid, command text, actor text) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('enabled', coalesce(bool_or(enabled), false))
    FROM workflow.available_events(process, actor) WHERE event = command
$$;

-- ---- JavaScript's conversions; undefined, null and SQL's null are one value

CREATE FUNCTION js_number(value jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE coalesce(jsonb_typeof(value), 'null')
        WHEN 'number' THEN value::float8
        WHEN 'boolean' THEN value::boolean::int::float8
        WHEN 'null' THEN 0
        WHEN 'string' THEN
            CASE WHEN value #>> '{}' ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$' THEN (value #>> '{}')::float8
                WHEN value #>> '{}' ~ '^\s*$' THEN 0
                ELSE 'NaN' END
        ELSE 'NaN' END
$$;

CREATE FUNCTION js_text(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce(value #>> '{}', 'undefined') $$;

CREATE FUNCTION js_truth(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce(value, 'null') NOT IN ('null', 'false', '0', '""') $$;

CREATE FUNCTION js_typeof(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE coalesce(jsonb_typeof(value), 'null')
        WHEN 'null' THEN 'undefined' WHEN 'array' THEN 'object' ELSE jsonb_typeof(value) END
$$;

CREATE FUNCTION js_length(value jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(value)
        WHEN 'array' THEN jsonb_array_length(value)
        WHEN 'string' THEN length(value #>> '{}')
        WHEN 'object' THEN (value->>'length')::float8 END
$$;

CREATE FUNCTION js_add(a jsonb, b jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN 'string' IN (jsonb_typeof(a), jsonb_typeof(b))
        THEN to_jsonb(js_text(a) || js_text(b)) ELSE to_jsonb(js_number(a) + js_number(b)) END
$$;

-- ==
CREATE FUNCTION js_equal(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN nullif(a, 'null') IS NULL OR nullif(b, 'null') IS NULL THEN nullif(a, 'null') IS NOT DISTINCT FROM nullif(b, 'null')
        WHEN jsonb_typeof(a) = jsonb_typeof(b) THEN a = b
        WHEN jsonb_typeof(a) IN ('array', 'object') OR jsonb_typeof(b) IN ('array', 'object') THEN false
        ELSE js_number(a) = js_number(b) AND js_number(a) <> 'NaN' END
$$;

-- Below, at or above 0 as a is less than b, equal or greater.
CREATE FUNCTION js_compare(a jsonb, b jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(a) = 'string' AND jsonb_typeof(b) = 'string'
        THEN CASE WHEN a #>> '{}' COLLATE "C" < b #>> '{}' THEN -1 WHEN a = b THEN 0 ELSE 1 END
        ELSE sign(nullif(js_number(a), 'NaN') - nullif(js_number(b), 'NaN'))::int END
$$;

-- "1.5s", "500ms": a delay of SCXML.
CREATE FUNCTION js_milliseconds(value text) RETURNS float8 LANGUAGE sql STABLE AS
    $$ SELECT extract(epoch FROM value::interval)::float8 * 1000 $$;

RESET ROLE;

-- Everything that a case left behind, so that the next one is alone.
CREATE PROCEDURE conformance.clean() LANGUAGE sql SECURITY DEFINER AS $$
    DELETE FROM workflow.timer;
    DELETE FROM workflow.deferred;
    DELETE FROM conformance.answer;
    DELETE FROM workflow.process;
    DELETE FROM conformance.noted;
$$;
