\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- names and data in any script
SELECT FROM workflow.define('{
    "id": "заказ ☕", "initial": "új", "context": {"имя": "Żółć", "emoji": "👩‍👩‍👧", "quote": "a\"b''c\\d", "newline": "x\ny\tz"},
    "states": {"új": {"after": {"1 day": "終わり"}, "on": {"支払う": {"target": "終わり", "guard": {"@expr": "event->''data''->>''名'' = ''田中''"}, "actions": {"type": "note", "params": "оплачено ☕"}}}},
               "終わり": {"type": "final"}}}');
SELECT workflow.start('заказ ☕', '{"ключ": "значение"}', key => 'ключ №1 🔑') AS p \gset
SELECT is(context(:'p'), '{"имя": "Żółć", "emoji": "👩‍👩‍👧", "quote": "a\"b''c\\d", "newline": "x\ny\tz", "ключ": "значение"}', 'contexts keep every character');
SELECT is((workflow.send_by_key('заказ ☕', 'ключ №1 🔑', '支払う', '{"名": "田中"}', id => 'команда')).states, ARRAY['終わり'], 'names of definitions, states, events and keys may be in any script');
SELECT is(notes(), 'оплачено ☕', 'as well as params');
SELECT is(chart ->> 'id', 'заказ ☕', 'the canonical form keeps them') FROM workflow.definitions;
SELECT FROM workflow.define('{"id": "escaped", "initial": "a", "context": {"x": "\u0416\ud83d\ude00"}, "states": {"a": {}}}');
SELECT is(context(workflow.start('escaped')) ->> 'x', 'Ж😀', 'escapes are understood');
SELECT matches((faults('{"id": "x", "initial": "a", "context": {"x": "\u0000"}, "states": {"a": {}}}'))[1], '^\$', 'the character 0 is a fault');
SELECT FROM workflow.define('{"id": "it''s \"quoted\"; DROP TABLE x; --", "initial": "a''b", "states": {"a''b": {"on": {"go''s": "b\"c"}}, "b\"c": {}}}');
SELECT is(states, ARRAY['b"c'], 'quotes in names do no harm') FROM workflow.send(workflow.start('it''s "quoted"; DROP TABLE x; --', key => ''''), 'go''s');
SELECT FROM workflow.define('{"id": "percent %s %L %d", "initial": "a%s", "states": {"a%s": {"entry": {"type": "note", "params": "%n"}, "on": {"x%s": {"guard": {"@expr": "(event->>''type'')::int = 1"}}}}}}');
SELECT is((error('SELECT workflow.send((SELECT workflow.start(''percent %s %L %d'')), ''x%s'')'))[1:2], ARRAY['22P02', 'invalid input syntax for type integer: "x%s"'], 'nor does anything that looks like a format');

-- sizes of contexts
SELECT FROM workflow.define('{
    "id": "big", "initial": "a", "context": {},
    "states": {"a": {"on": {"set": {"actions": {"type": "assign", "context": {"x": {"@expr": "repeat(''x'', (event->>''data'')::int)"}}}},
                            "put": {"actions": {"type": "assign", "context": {"x": {"@expr": "event->''data''"}}}}, "touch": {"actions": {"type": "assign", "context": {"n": 1}}}}}}}');
SELECT workflow.start('big') AS p \gset
SELECT is(context(:'p'), '{}', 'an empty context');
SELECT is(length((workflow.send(:'p', 'set', to_jsonb(n))).context ->> 'x'), n, format('one of %s bytes', n)) FROM unnest(ARRAY[0, 1, 2000, 8000, 100000, 1000000]) n;
SELECT is(length((workflow.send(:'p', 'touch')).context ->> 'x'), 1000000, 'a large context is kept when something else is changed');
SELECT pg_size_bytes(current_setting('workflow.max_context_size')) AS limit \gset
SELECT is(error(format('SELECT workflow.send(%%L, ''set'', ''%s'')', :limit + 1000), :'p'),
    ARRAY['54000', format('the new context is larger than workflow.max_context_size (%s kB)', :limit / 1024), 'HINT: Keep large data in tables of your own and their keys in the context.'], 'there is a limit');
SELECT is(error(format($$ SELECT workflow.start('big', jsonb_build_object('x', repeat('x', %s))) $$, :limit + 1000)),
    ARRAY['54000', format('the new context is larger than workflow.max_context_size (%s kB)', :limit / 1024), 'HINT: Keep large data in tables of your own and their keys in the context.'], 'for the input of start(), too');
SELECT is((SELECT count(*) FROM jsonb_object_keys(context(workflow.start('big', (SELECT jsonb_object_agg('key ' || n, n) FROM generate_series(1, 10000) n))))), 10000::bigint, 'ten thousand keys');
SELECT is((workflow.send(:'p', 'put', (repeat('[', 1000) || repeat(']', 1000))::jsonb)).context -> 'x' #>> '{}', repeat('[', 1000) || repeat(']', 1000), 'a thousand levels');
SELECT is((workflow.send(:'p', 'put', '123456789012345678901234567890.123456789')).context ->> 'x', '123456789012345678901234567890.123456789', 'numbers of any length');
SELECT is((workflow.send(:'p', 'put', x)).context -> 'x', x, format('data %s', x)) FROM unnest(ARRAY['null', 'true', '1e-5', '""', '[]', '{}']::jsonb[]) x;

-- sizes of definitions and names
SELECT is(workflow.define(format('{"id": "long", "initial": "s1", "states": {%s}}',
          (SELECT string_agg(format('"s%s": {"on": {"next": "s%s"}}', n, n % 2000 + 1), ', ') FROM generate_series(1, 2000) n))::json), 1, 'two thousand states');
SELECT is((workflow.send(workflow.start('long'), 'next')).states, ARRAY['s2'], 'work like two');
SELECT is((workflow.send(workflow.start('deep'), 'go')).states[1], (SELECT string_agg('s' || n, '.' ORDER BY n) FROM generate_series(1, 50) n), 'fifty levels')
FROM workflow.define((SELECT '{"id": "deep", "initial": "s1", "on": {"go": ".' || string_agg('s' || n, '.' ORDER BY n) || '"}, "states": {' || string_agg(format('"s%s": {%s', n, CASE WHEN n < 50 THEN format('"initial": "s%s", "states": {', n + 1) END), '' ORDER BY n) || '}' || repeat('}}', 50)
                      FROM generate_series(1, 50) n)::json);
SELECT is((workflow.send(workflow.start(repeat('n', 500), key => repeat('k', 1000)), repeat('e', 500))).states[1], repeat('s', 500), 'names of hundreds of characters')
FROM workflow.define(format('{"id": "%1$s", "initial": "a", "states": {"a": {"on": {"%2$s": "%3$s"}}, "%3$s": {}}}', repeat('n', 500), repeat('e', 500), repeat('s', 500))::json);

-- instants at the edges
SELECT workflow.start('big') AS p \gset
SELECT is((error('SELECT workflow.post(%L, ''touch'', at => ''infinity'')', :'p'))[1], '22008', 'an event cannot be posted for infinity');
SELECT is((error('SELECT workflow.post(%L, ''touch'', at => ''-infinity'')', :'p'))[1], '22008', 'nor for minus infinity');
SELECT FROM workflow.post(:'p', 'touch', at => '0001-01-01 BC');
SELECT is(workflow.work(100), 1, 'one from antiquity comes at once');
SELECT FROM workflow.post(:'p', 'touch', at => '290000-01-01');
SELECT is(workflow.work(100), 0, 'one for a far future waits');

-- a function that is altered while it runs, and is used
-- once more from inside: by then its expression has been compiled anew. The
-- parameter is large so that the memory of the old one would be given back.
CREATE FUNCTION app.inside(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF context ? 'other' THEN
        EXECUTE event ->> 'data';
        PERFORM workflow.send((context ->> 'other')::uuid, 'go');
    END IF;
    RETURN context || jsonb_build_object('n', length(params #>> '{}'));
END
$$;
SELECT FROM workflow.define(format('{"id": "inside", "initial": "a", "states": {"a": {"on": {"go": {"target": "b", "actions": {"type": "inside", "params": "%s"}}}}, "b": {}}}', repeat('x', 1000000))::json);
CREATE FUNCTION app.run_inside(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    second uuid := workflow.start('inside');
    first uuid := workflow.start('inside', jsonb_build_object('other', second));
BEGIN
    RETURN ((workflow.send(first, 'go', to_jsonb(command))).context ->> 'n') || ' ' || (context(second) ->> 'n');
END
$$;
SELECT is(run_inside('ALTER FUNCTION app.inside(jsonb, jsonb, jsonb) COST 200'), '1000000 1000000', 'a function may be altered while it runs');
SELECT is(run_inside('ALTER FUNCTION app.inside(jsonb, jsonb, jsonb) COST 300'), '1000000 1000000', 'more than once');
SELECT is(context(workflow.start('inside')), '{}', 'and all goes on');

-- contexts are put together byte by byte: as || does it, whatever is in them
SET LOCAL check_function_bodies TO off;
SELECT setseed(0.5) IS NULL AS seeded \gset
CREATE FUNCTION app.any_value(depth int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE (random() * 9)::int
        WHEN 0 THEN 'null' WHEN 1 THEN to_jsonb(random() > 0.5) WHEN 2 THEN to_jsonb(round((random() * 10 ^ (random() * 30)::int)::numeric, (random() * 5)::int))
        WHEN 3 THEN to_jsonb(repeat('ü', (random() * 10)::int)) WHEN 4 THEN '[]' WHEN 5 THEN '{}' WHEN 6 THEN to_jsonb(repeat('x', (random() * 300)::int))
        WHEN 7 THEN CASE WHEN depth > 0 THEN jsonb_build_array(any_value(depth - 1), any_value(depth - 1)) ELSE '0' END
        ELSE CASE WHEN depth > 0 THEN any_object((random() * 5)::int, depth - 1) ELSE '1' END END
$$;
CREATE FUNCTION app.any_object(keys int, depth int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(left(md5(((random() * 100)::int)::text), 1 + (random() * 5)::int), any_value(depth)), '{}') FROM generate_series(1, keys)
$$;
CREATE TABLE app.pair AS SELECT n, any_object(n * 7 % 120, 1) AS a, any_object(n * 5 % 90, 1) AS b FROM generate_series(1, 100) n;
SELECT FROM workflow.define('{"id": "merge", "initial": "a", "context": {"a": {"@expr": "context->''a''"}}, "states": {"a": {"on": {"put": {"actions": [
    {"type": "assign", "context": {"a": {"@expr": "event->''data''"}, "bb": 1, "c": [{"@expr": "event->''data''"}]}}]}}}}}');
SELECT is(count(*), 100::bigint, 'the input of a process is laid over its context as || does it')
FROM (SELECT n, a, b, context(workflow.start('merge', b || jsonb_build_object('a', a), n::text)) AS c FROM app.pair) p
WHERE c = b || jsonb_build_object('a', a) AND c::text = (b || jsonb_build_object('a', a))::text
    AND NOT EXISTS (SELECT FROM jsonb_each(b) e WHERE e.key <> 'a' AND c -> e.key IS DISTINCT FROM e.value);
SELECT is(count(*), 100::bigint, 'so is an assignment')
FROM (SELECT b || jsonb_build_object('a', b, 'bb', 1, 'c', jsonb_build_array(b)) AS d, (workflow.send_by_key('merge', n::text, 'put', b)).context AS c FROM app.pair) p
WHERE c = d AND c::text = d::text AND c::text::jsonb = c;

-- names, keys and ids: 1,024 bytes; random ones, which do not compress
CREATE FUNCTION app.long(bytes int) RETURNS text LANGUAGE sql AS
    $$ SELECT left(string_agg(md5(i::text), '' ORDER BY i), bytes) FROM generate_series(1, 1 + bytes / 32) i $$;
CREATE FUNCTION app.too_long(what text, bytes int) RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY['22001', what || ' is too long', format('It has %s bytes, of 1024 that are allowed.', bytes),
                 'HINT: Keep long values in the context or the data of an event, and a hash of them here.'] $$;
SELECT FROM workflow.define(format('{"id": "%s", "initial": "a", "states": {"a": {"on": {"*": null}}}}', long(1024))::json);
SELECT workflow.start(long(1024), key => long(1024)) AS p \gset
SELECT is(workflow.find(long(1024), long(1024)), :'p', 'a definition and a key with names of 1,024 bytes');
SELECT is((workflow.send_by_key(long(1024), long(1024), long(1024), id => long(1024))).taken, true, 'an event and a command, too');
SELECT FROM workflow.post(:'p', long(1024), id => long(1024));
SELECT is(workflow.work(100), 1, 'posted, too');
SELECT is(faults(format('{"id": "%s", "initial": "a", "states": {"a": {}}}', long(1025))), ARRAY['$: "id" is longer than 1024 bytes'], 'a longer name of a definition is a fault');
SELECT is(error(format('SELECT workflow.start(%L, key => %L)', 'big', long(1025))), too_long('the key of a process', 1025), 'a longer key: 22001');
SELECT is(error(format('SELECT workflow.start_many(%L, ARRAY[null, null]::jsonb[], ARRAY[%L, %L])', 'big', 'short', long(100000))), too_long('the key of a process', 100000), 'in start_many(), too');
SELECT is(error(format('SELECT workflow.start(%L, key => %L)', 'big', repeat('ü', 513))), too_long('the key of a process', 1026), 'bytes count');
SELECT is(error(format('SELECT workflow.send(%%L, %L, id => %L)', 'x', long(1025)), :'p'), too_long('the id of an event', 1025), 'a longer id of a command');
SELECT is(error(format('SELECT workflow.send_many(ARRAY[%%L]::uuid[], ARRAY[%L], ids => ARRAY[%L])', 'x', long(1025)), :'p'), too_long('the id of an event', 1025), 'in send_many(), too');
SELECT is(error(format('SELECT workflow.post(%%L, %L, id => %L)', 'x', long(1025)), :'p'), too_long('the id of an event', 1025), 'of one that is posted');
SELECT is(error(format('SELECT workflow.send(%%L, %L)', long(1025)), :'p'), too_long('the name of an event', 1025), 'a longer name of an event');
SELECT is((error(format('SELECT workflow.find(%L, %L)', 'big', long(100000))))[1], 'WF001', 'nobody has a longer key');

-- what an expression gives outlives the plan of the expression
CREATE FUNCTION app.rate() RETURNS jsonb IMMUTABLE LANGUAGE sql AS
    $$ SELECT jsonb_build_object('rate', coalesce(nullif(current_setting('app.rate', true), ''), '1')::int) $$;
CREATE FUNCTION app.raise(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF context ? 'raise' THEN
        PERFORM set_config('app.rate', '2', true);
        GRANT USAGE ON SCHEMA app TO regress_clerk;     -- makes all plans invalid
    END IF;
END $$;
SELECT FROM workflow.define('{"id": "rates", "initial": "a", "states": {"a": {"on": {"go": {"actions": [
    {"type": "app.raise"}, {"type": "send", "event": {"type": "due", "data": {"@expr": "app.rate()"}}, "delay": "1 hour"}]}}}}}');
SELECT workflow.start('rates') AS p \gset
SELECT workflow.start('rates', '{"raise": true}') AS q \gset
SELECT FROM workflow.send_many(ARRAY[:'p', :'q']::uuid[], ARRAY['go']);
SELECT is((SELECT string_agg(data::text, ' ' ORDER BY seq) FROM workflow.timers WHERE process IN (:'p', :'q')), '{"rate": 1} {"rate": 2}', 'a constant is kept when its expression is planned anew');
-- an owner who was dropped, and made again: sessions that know the definition hear of it
RESET ROLE;
CREATE ROLE regress_owner LOGIN;
GRANT workflow_user TO regress_owner;
SET ROLE regress_owner;
SELECT FROM workflow.define('{"id": "orphan", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "assign", "context": {"who": {"@expr": "current_user::text"}}}}}}}}');
SELECT workflow.start('orphan') AS p \gset
RESET ROLE;
-- as in another database while it is not looked at: the role goes, and we hear nothing
SELECT role AS lost FROM workflow.owner WHERE name = 'regress_owner' \gset
UPDATE workflow.owner SET role = 0 WHERE role = :lost;
DROP OWNED BY regress_owner;
DELETE FROM pg_shdepend WHERE refobjid = :lost AND objid = 'workflow.owner'::regclass;
DROP ROLE regress_owner;
UPDATE workflow.owner SET role = :lost WHERE name = 'regress_owner';
CREATE ROLE regress_owner LOGIN IN ROLE workflow_user;
SET ROLE regress_owner;
SELECT is((app.error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF002', 'a role of the same name is another one');
RESET ROLE;
SELECT workflow.adopt() AS n \gset
SELECT is((workflow.send(:'p', 'go')).context, '{"who": "regress_owner"}', 'until adopt(): then actions run as that role');
SET ROLE regress_owner;
SELECT is((workflow.send(:'p', 'go')).taken, true, 'and it is the owner');
SET ROLE regress_app;

\set end :srcdir '/end.psql'
\i :end
