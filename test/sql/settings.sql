\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What the author's code gives does not depend on the settings of whoever
-- sends the command: the time zone is the author's, values are read and
-- written as in a server that nobody has configured.
CREATE FUNCTION app.shown(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN context || jsonb_build_object('called', concat_ws(' | ', '2030-07-01 12:00+00'::timestamptz::text, '2030-02-01'::date::text,
        '1 day 2 hours'::interval::text, (1::float8 / 3)::text, '\x01ff'::bytea::text, '01/02/2030'::date - '2030-01-01'::date));
END
$$;
SET LOCAL timezone TO 'Europe/Berlin';
SELECT FROM workflow.define($$ {
    "id": "show", "initial": "a", "context": {"zero": 0},
    "states": {
        "a": {"on": {
            "show": {"target": "b", "actions": ["shown", {"type": "assign", "context": {
                "float": {"@expr": "((context->>'zero')::float8 + 1.0::float8 / 3)::text"},
                "real": {"@expr": "((context->>'zero')::float4 + 1.0::float4 / 3::float4)::text"},
                "bytea": {"@expr": "decode('01' || (context->>'zero') || '0', 'hex')::text"},
                "number": {"@expr": "(context->>'zero')::float8 + 1.0::float8 / 3"},
                "time": {"@expr": "to_timestamp((context->>'zero')::int)::text"},
                "json": {"@expr": "to_jsonb(to_timestamp(0))"},
                "span": {"@expr": "make_interval(days => 1, hours => 2 + (context->>'zero')::int)"},
                "day": {"@expr": "('01/02/203' || (context->>'zero'))::date - date '2030-01-01'"},
                "null": {"@expr": "(context->>'none') = NULL"},
                "quoted": {"@expr": "quote_ident('a' || (context->>'zero')) || 'x\\y'"}}}]}}},
        "b": {"after": {"1 day": "c", "1 day 01:00": "c", "P1D": "c"}},
        "c": {}}}$$);
SET LOCAL timezone TO 'UTC';
CALL clock('2030-03-30 12:00+00');  -- the clocks go forward in Berlin that night
CREATE FUNCTION app.show(p uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    context jsonb := (workflow.send(p, 'show')).context;
BEGIN
    SET LOCAL intervalstyle TO 'postgres';
    RETURN (context - 'zero')::text || ' ' || (SELECT string_agg(due - '2030-03-31 00:00+00' || '', ' ' ORDER BY due, name)
        FROM workflow.timers t WHERE process = p);
END
$$;
SELECT workflow.start('show') AS p \gset
SELECT show(:'p') AS plain \gset
SELECT is(:'plain'::text, '{"day": 1, "json": "1970-01-01T01:00:00+01:00", "null": null, "real": "0.33333334", "span": "1 day 02:00:00", "time": "1970-01-01 01:00:00+01", "bytea": "\\x0100", "float": "0.3333333333333333", "called": "2030-07-01 14:00:00+02 | 2030-02-01 | 1 day 02:00:00 | 0.3333333333333333 | \\x01ff | 1", "number": 0.3333333333333333, "quoted": "a0x\\y"} 11:00:00 11:00:00 12:00:00',
    'the time zone is the author''s: a day is 23 hours long');
SET LOCAL timezone TO 'America/New_York';
SET LOCAL datestyle TO 'German, DMY';
SET LOCAL intervalstyle TO 'sql_standard';
SET LOCAL extra_float_digits TO -5;
SET LOCAL bytea_output TO 'escape';
SET LOCAL transform_null_equals TO on;
SET LOCAL quote_all_identifiers TO on;
SET LOCAL array_nulls TO off;
SELECT workflow.start('show') AS p \gset
SELECT FROM workflow.send(:'p', 'show');
SELECT ARRAY[current_setting('timezone'), current_setting('datestyle'), current_setting('intervalstyle'), current_setting('extra_float_digits'), current_setting('bytea_output')] AS now \gset
SELECT workflow.start('show') AS p \gset
CREATE TEMPORARY TABLE result AS SELECT show(:'p') AS text;
SET LOCAL timezone TO 'UTC';
SET LOCAL datestyle TO 'ISO, YMD';
SET LOCAL intervalstyle TO 'postgres';
SELECT is(text, :'plain'::text, 'a session with other settings gets the same') FROM result;
SELECT is(:'now'::text, '{America/New_York,"German, DMY",sql_standard,-5,escape}', 'and keeps its own');

-- nor where nothing but built-in immutable code runs, or none at all
SET LOCAL timezone TO 'Europe/Berlin';
SELECT FROM workflow.define($$ {"id": "float", "initial": "a", "context": {"x": 1}, "states": {"a": {"on": {"go": {"actions": {"type": "assign", "context": {"x": {"@expr": "((context->>'x')::float8 / 3)::text"}}}}}, "after": {"1 day": "b"}}, "b": {}}}$$);
SELECT FROM workflow.define($$ {"id": "bytea", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "assign", "context": {"x": {"@expr": "decode(event->>'data', 'hex')::text"}}}}}}}}$$);
SET LOCAL timezone TO 'UTC';
-- compiled by then
SELECT FROM workflow.send(workflow.start('float'), 'go');
SELECT FROM workflow.send(workflow.start('bytea'), 'go', '"00ff"');
SET LOCAL extra_float_digits TO -5;
SET LOCAL bytea_output TO 'escape';
SELECT workflow.start('float') AS p \gset
SELECT is((workflow.send(:'p', 'go')).context, '{"x": "0.3333333333333333"}', 'a number as text');
SELECT is((workflow.send(workflow.start('bytea'), 'go', '"00ff"')).context, '{"x": "\\x00ff"}', 'bytes as text');
SELECT is(timers(:'p'), '1 day 2030-03-31 11:00:00', 'a delay');

-- the same chart in another time zone is another definition
SELECT is(workflow.define(source), 2, 'another time zone makes another version') FROM workflow.definitions WHERE name = 'show';
SELECT is(workflow.define(source), 2, 'the same one does not') FROM workflow.definitions WHERE name = 'show' AND version = 2;
SELECT is(array_agg(time_zone ORDER BY version), ARRAY['Europe/Berlin', 'UTC'], 'definitions show it') FROM workflow.definitions WHERE name = 'show';
SELECT workflow.start('show') AS p \gset
SELECT FROM workflow.send(:'p', 'show');
SELECT is(min(due), '2030-03-31 12:00+00', 'in which a day has 24 hours') FROM workflow.timers WHERE process = :'p';

\set end :srcdir '/end.psql'
\i :end
