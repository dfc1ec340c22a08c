-- The world in which the cases are played: the clock, the functions that stand
-- for the suites' own, and what JavaScript makes of values. Run by a superuser.

CREATE EXTENSION workflow;
CREATE ROLE author LOGIN;
GRANT workflow_user TO author;
GRANT SET ON PARAMETER workflow.test_clock TO author;
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

-- ---- what happens in a case

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

-- Let time pass, then send the event, if there is one. What is over hears no more.
CREATE PROCEDURE step(process uuid, ms float8, event text, data jsonb) LANGUAGE plpgsql AS $$
BEGIN
    CALL pass(ms);
    IF event IS NOT NULL AND (SELECT status NOT IN ('finalized', 'terminated') FROM workflow.get(process)) THEN
        PERFORM workflow.send(process, event, data);
        COMMIT;
        CALL pass(0);
    END IF;
END
$$;

-- Where the process stands, and which actions ran since the last look.
CREATE FUNCTION look(process uuid) RETURNS json LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM noted RETURNING *)
    SELECT json_build_object('states', p.states, 'context', p.context, 'status', p.status,
        'actions', (SELECT coalesce(json_agg(type ORDER BY n), '[]') FROM gone))
    FROM workflow.get(process) p
$$;

-- Is this command one that would be taken now?
CREATE FUNCTION enabled(process uuid, command text) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('enabled', coalesce(bool_or(enabled), false))
    FROM workflow.available_events(process) WHERE event = command
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
    DELETE FROM workflow.process;
    DELETE FROM conformance.noted;
$$;
