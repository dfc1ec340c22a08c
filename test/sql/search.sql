\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- declaring
SELECT is(faults('{"id": "x", "initial": "a", "search": {"one": "customer", "two": 7, "": "$.x", "three": {"@expr": "no_such_function(context)"}, "four": ["$.x"]}, "states": {"a": {}}}'),
    ARRAY['$.search.two: search attribute cannot be of type number (Write a path into the context ("$.customer.id") or {"@expr": ...}.)',
          '$.search[""]: the name is empty',
          '$.search.four: search attribute cannot be of type array (Write a path into the context ("$.customer.id") or {"@expr": ...}.)',
          '$.search.three: function no_such_function(jsonb) does not exist (No function matches the given name and argument types. You might need to add explicit type casts.)',
          '$.search.one: syntax error at end of jsonpath input'],
    'faults of what is declared searchable');
SELECT is(faults('{"id": "x", "initial": "a", "search": "$.x", "states": {"a": {}}}'), ARRAY['$.search: must be of type object, not string'], 'it is an object');

SELECT FROM workflow.define('{
    "id": "order", "initial": "open", "context": {"customer": null, "items": [], "total": 0, "notes": 0},
    "search": {"customer": "$.customer.id", "sku": "$.items[*].sku", "labels": "$.labels", "large": {"@expr": "(context->>''total'')::numeric > 100"}},
    "on": {
        "set": {"actions": {"type": "assign", "context": {"@expr": "context || (event->''data'')"}}},
        "note": {"actions": {"type": "assign", "context": {"notes": {"@expr": "(context->>''notes'')::int + 1"}}}}},
    "states": {
        "open": {"tags": ["waiting"], "initial": "new", "states": {
            "new": {"tags": "fresh", "on": {"check": "checked"}}, "checked": {"tags": ["checked", "good"], "on": {"pay": "#order.paid", "split": "#order.both"}}}},
        "both": {"type": "parallel", "tags": "split", "states": {
            "left": {"initial": "l1", "states": {"l1": {"tags": "good"}}}, "right": {"initial": "r1", "states": {"r1": {"tags": "waiting", "on": {"r": "r2"}}, "r2": {}}}}},
        "paid": {"type": "final", "tags": "good"}}}');
SELECT is((SELECT chart->>'search' FROM workflow.definitions WHERE name = 'order'),
    '{"customer":"$.customer.id","sku":"$.items[*].sku","labels":"$.labels","large":{"@expr":"(context->>''total'')::numeric > 100"}}', 'the canonical form has what is declared');
SELECT is(workflow.define((SELECT chart FROM workflow.definitions WHERE name = 'order')), 1, 'and is the same definition');

CREATE FUNCTION app.found(VARIADIC a text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE 'SELECT coalesce(string_agg(key, '' '' ORDER BY array_position(''{one,two,three,four,later,m1,m2,long,five,mine}'', key), key), '''') FROM workflow.search(''order'', ' || array_to_string(a, ', ') || ')' INTO result;
    RETURN result;
END $$;

-- Ids are in the order of starts, to the millisecond: wait for the next one.
CREATE FUNCTION app.tick(what anyelement) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began CONSTANT timestamptz := date_trunc('milliseconds', clock_timestamp());
BEGIN
    LOOP
        EXIT WHEN date_trunc('milliseconds', clock_timestamp()) > began;
    END LOOP;
END $$;
SELECT workflow.start('order', '{"customer": {"id": 17}, "items": [{"sku": "a"}, {"sku": "b"}, {"sku": "a"}], "total": 500, "labels": ["x", null, ["y"]]}', key => 'one') AS one \gset
SELECT FROM app.tick(0);
SELECT workflow.start('order', '{"customer": {"id": 17.0}, "items": [{"sku": "b"}], "labels": "x"}', key => 'two') AS two \gset
SELECT FROM app.tick(0);
SELECT workflow.start('order', '{"customer": {"id": "17"}, "labels": {"k": 1}}', key => 'three') AS three \gset
SELECT FROM app.tick(0);
SELECT workflow.start('order', key => 'four') AS four \gset

-- attributes
SELECT is(found($$attributes => '{"customer": 17}'$$), 'one two', 'found by a value: numbers are equal as numbers');
SELECT is(found($$attributes => '{"customer": "17"}'$$), 'three', 'and are no strings');
SELECT is(found($$attributes => '{"sku": "a"}'$$), 'one', 'a path may lead to several values');
SELECT is(found($$attributes => '{"sku": ["b", "a"]}'$$), 'one', 'a list asks for all of its elements');
SELECT is(found($$attributes => '{"labels": "x"}'$$), 'one two', 'a list in the context is its elements');
SELECT is(found($$attributes => '{"labels": {"k": 1}}'$$), 'three', 'an object is one value');
SELECT is(found($$attributes => '{"large": true}'$$), 'one', 'an expression');
SELECT is(found($$attributes => '{"large": false, "customer": 17}'$$), 'two', 'several have to hold together');
SELECT is(found($$attributes => '{"customer": 18}'$$), '', 'nothing has this value');
SELECT is(found($$attributes => '{}'$$), 'one two three four', 'no attribute asks for nothing');
SELECT is((error($$ SELECT workflow.search('order', attributes => '{"colour": "red"}') $$))[1:2], ARRAY['22023', 'no version of definition "order" has a searchable "colour"'], 'what is not declared is a mistake');
SELECT is((error($$ SELECT workflow.search('order', attributes => '{"sku": null}') $$))[1:2], ARRAY['22004', 'null cannot be searched for'], 'so is null');
SELECT is((error($$ SELECT workflow.search('order', attributes => '[]') $$))[1], '22023', 'or no object');
SELECT is((error($$ SELECT workflow.search('other') $$))[1], 'WF006', 'the definition has to exist');

-- kept up to date, written only when it changes
RESET ROLE;
CREATE TABLE app.before AS SELECT ctid AS place, * FROM workflow.attribute;
SELECT is((SELECT count(*) FROM app.before), 14::bigint, 'no null, nothing twice');
SELECT FROM workflow.send(:'one', 'note');
SELECT FROM workflow.send(:'one', 'check');
SELECT is((SELECT count(*) FROM workflow.attribute a JOIN app.before b ON b.place = a.ctid), 14::bigint, 'a step that changes no declared value writes nothing');
SELECT FROM workflow.send(:'one', 'set', '{"customer": {"id": 18}}');
SELECT is((SELECT array_agg(b.name || ' ' || b.value) FROM app.before b WHERE NOT EXISTS (SELECT FROM workflow.attribute a WHERE a.ctid = b.place)), ARRAY['customer 17'], 'one that does writes that');
SET ROLE regress_app;
SELECT is(found($$attributes => '{"customer": 17}'$$) || '|' || found($$attributes => '{"customer": 18}'$$), 'two|one', 'and is found by it');
SELECT FROM workflow.send(:'one', 'set', '{"customer": null, "items": [], "total": 5}');
SELECT is(found($$attributes => '{"customer": 18}'$$) || found($$attributes => '{"sku": "a"}'$$) || found($$attributes => '{"large": false}'$$), 'one two three four', 'values go, too');
SELECT is((error('SELECT workflow.send(%L, ''set'', ''{"total": "much"}'')', :'one'))[1], '22P02', 'an expression that fails fails the step');
SELECT FROM app.tick(0);
SELECT workflow.start('order', '{"customer": {"id": 99}}', key => 'later', at => '2031-01-01') AS later \gset
SELECT is(found($$attributes => '{"customer": 99}'$$), 'later', 'what has not started is found');
CALL clock('2031-01-01');
SELECT FROM workflow.post(:'later', 'set', '{"customer": {"id": 100}}');
SELECT FROM workflow.work(100);
SELECT is(found($$attributes => '{"customer": 99}'$$) || found($$attributes => '{"customer": 100}'$$), 'later', 'by what it has become then');
SELECT FROM workflow.start_many('order', ARRAY['{"customer": {"id": 7}}', '{"customer": {"id": 7}}']::jsonb[], ARRAY['m1', 'm2']);
SELECT is(found($$attributes => '{"customer": 7}'$$), 'm1 m2', 'processes that are started in sets');
SELECT FROM workflow.cancel(workflow.find('order', 'm1'));
SELECT is(found($$attributes => '{"customer": 7}'$$) || found($$attributes => '{"customer": 7}'$$, $$status => '{terminated}'$$), 'm1 m2m1', 'what is over is found as well');
SELECT FROM workflow.erase(workflow.find('order', 'm1'));
SELECT is(found($$attributes => '{"customer": 7}'$$), 'm2', 'what was erased is not');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.attribute a WHERE NOT EXISTS (SELECT FROM workflow.process p WHERE p.id = a.process)), 0::bigint, 'and leaves nothing');
SET ROLE regress_app;
SELECT FROM app.tick(0);
SELECT FROM workflow.start('order', jsonb_build_object('labels', repeat('long ', 20000)), key => 'long');
SELECT is((SELECT key FROM workflow.search('order', attributes => jsonb_build_object('labels', repeat('long ', 20000)))), 'long', 'a long value is no matter');
SELECT count(workflow.erase(id, true)) AS forget FROM workflow.processes WHERE key IN ('long', 'm2', 'later') \gset

-- tags and states
SELECT is(found($$tags => '{waiting}'$$), 'one two three four', 'found by a tag');
SELECT is(found($$tags => '{fresh}'$$) || '|' || found($$tags => '{checked}'$$), 'two three four|one', 'of the state that is active');
SELECT is(found($$states => '{open}'$$) || '|' || found($$states => '{open.checked}'$$), 'one two three four|one', 'by a state, or one around it');
SELECT FROM workflow.send(:'two', 'check');
SELECT FROM workflow.send(:'two', 'split');
SELECT FROM workflow.send(:'one', 'pay');
SELECT is(found($$tags => '{good}'$$), 'one two', 'also what is in a final state');
SELECT is(found($$tags => '{good, waiting}'$$) || '|' || found($$tags => '{good, waiting, split}'$$) || '|' || found($$tags => '{good, fresh}'$$), 'two|two|', 'several tags: all of them, whatever region they are in');
SELECT is(found($$states => '{both.right.r1, paid}'$$), 'one two', 'several states: one of them');
SELECT is(found($$tags => '{good}'$$, $$states => '{both}'$$, $$attributes => '{"sku": "b"}'$$, $$status => '{idled}'$$), 'two', 'all together');
SELECT is(found($$tags => '{good}'$$, $$status => '{finalized, error}'$$), 'one', 'by status');
SELECT is((error($$ SELECT workflow.search('order', tags => '{green}') $$))[1:2], ARRAY['22023', 'no version of definition "order" has a state with the tag "green"'], 'a tag that is nowhere is a mistake');
SELECT is((error($$ SELECT workflow.search('order', states => '{nowhere}') $$))[1:2], ARRAY['22023', 'no version of definition "order" has a state "nowhere"'], 'a state, too');
SELECT is((error($$ SELECT workflow.search('order', tags => ARRAY[NULL]) $$))[1], '22004', 'null is no tag');

-- pages
SELECT is(found($$"limit" => 2$$), 'one two', 'a page');
SELECT is(found($$"limit" => 2$$, format('after => %L', :'two')), 'three four', 'and the next');
SELECT is(found($$"limit" => 1$$, $$tags => '{fresh}'$$, format('after => %L', :'three')), 'four', 'with conditions');
SELECT is(found($$attributes => '{"large": false}'$$, $$"limit" => 1$$, format('after => %L', :'two')), 'three', 'of both kinds');
SELECT is((error(format('SELECT workflow.search(''order'', "limit" => %s)', l)))[1], '22023', 'no limit: ' || l) FROM unnest(ARRAY[0, -1, 10001]) l;

-- versions
SELECT FROM workflow.define('{"id": "order", "initial": "start", "search": {"customer": "$.who"}, "states": {"start": {"tags": "fresh"}, "paid": {"tags": "late"}}}');
SELECT FROM app.tick(0);
SELECT FROM workflow.start('order', '{"who": 17}', key => 'five');
SELECT is(found($$tags => '{fresh}'$$), 'three four five', 'a tag in several versions, on other states');
SELECT is(found($$tags => '{late}'$$), '', 'a state of the same name in another version has other tags');
SELECT is(found($$states => '{paid, start}'$$), 'one five', 'states of several versions');
SELECT is(found($$attributes => '{"customer": 17}'$$), 'two five', 'attributes of several versions');

-- rights
SET ROLE regress_clerk;
SELECT is((SELECT count(*) FROM workflow.search('order')), 0::bigint, 'who may not read finds nothing');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('order', 'regress_clerk', 'start');
SET ROLE regress_clerk;
SELECT FROM workflow.start('order', '{"who": 17}', key => 'mine');
SELECT is((SELECT array_agg(key) FROM workflow.search('order', attributes => '{"customer": 17}')), ARRAY['mine'], 'or what they started');
SELECT is((SELECT array_agg(key) FROM workflow.search('order', tags => '{fresh}')), ARRAY['mine'], 'by tag as well');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('order', 'regress_clerk', 'read');
SET ROLE regress_clerk;
SELECT is((SELECT count(*) FROM workflow.search('order', attributes => '{"customer": 17}')), 3::bigint, 'who may read finds all');
SELECT is((SELECT count(*) FROM workflow.search('order')), (SELECT count(*) FROM workflow.processes WHERE definition = 'order'), 'as in the view');
SELECT is((SELECT s FROM workflow.search('order', "limit" => 1) s)::text, (SELECT p FROM workflow.processes p WHERE definition = 'order' ORDER BY id LIMIT 1)::text, 'with its rows');

-- any of, ranges, order and pages
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "task", "initial": "a", "search": {"who": "$.who", "amount": "$.amount", "doc": "$.doc"}, "states": {"a": {"tags": "todo", "on": {"go": "b"}}, "b": {}}}');
SELECT FROM unnest(ARRAY['{"who": "ann", "amount": 5}', '{"who": "bob", "amount": 50, "doc": {">": 1, "x": 2}}', '{"who": ["ann", "eve"], "amount": 500}',
    '{"who": "eve", "amount": "50"}', '{"who": "bob"}', '{"who": "ann", "amount": 50}']::jsonb[]) WITH ORDINALITY u(input, n), app.tick(u.n), workflow.start('task', u.input, key => 't' || n);
CREATE FUNCTION app.tasks(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format('SELECT string_agg(key, '' '') FROM workflow.search(''task'', %s)', arguments) INTO found;
    RETURN found;
END $$;
SELECT is(app.tasks($$attributes => '{"who": {"any": ["ann", "eve"]}}'$$), 't1 t3 t4 t6', 'one of several values, each process once');
SELECT is(app.tasks($$attributes => '{"who": {"any": []}}'$$), NULL, 'none of no values');
SELECT is(app.tasks($$attributes => '{"who": {"any": ["ann"]}, "amount": {"any": [50, 5]}}'$$), 't1 t6', 'of two attributes');
SELECT is(app.tasks($$attributes => '{"amount": {">=": 50}}'$$), 't2 t3 t6', 'a range has one type');
SELECT is(app.tasks($$attributes => '{"amount": {">": 5, "<": 500}}'$$), 't2 t6', 'two ends');
SELECT is(app.tasks($$attributes => '{"amount": {"<=": "50"}}'$$), 't4', 'of strings');
SELECT is(app.tasks($$attributes => '{"amount": {"<": 100}, "who": "ann"}'$$), 't1 t6', 'beside a value');
SELECT is(app.tasks($$attributes => '{"amount": {"<": 100}, "who": ["ann", "eve"]}'$$), NULL, 'and all values of a list');
SELECT is(app.tasks($$attributes => '{"doc": {">": 1, "x": 2}}'$$), 't2', 'an object with other keys is a value');
SELECT is(app.tasks($$order_by => 'amount'$$), 't4 t1 t2 t6 t3 t5', 'in the order of an attribute, by id among equals, those without last');
SELECT is(app.tasks($$order_by => 'amount desc'$$), 't3 t2 t6 t1 t4 t5', 'or the other way round');
SELECT is(app.tasks($$order_by => 'who desc', tags => '{todo}'$$), 't3 t4 t2 t5 t1 t6', 'of several values the one that comes first');
SELECT is(app.tasks($$order_by => 'started_at DESC', "limit" => 2$$), 't1 t2', 'by time, equal ones by id');
CALL clock('2040-01-01 00:00+00');
SELECT FROM workflow.send_by_key('task', 't2', 'go');
SELECT is(app.tasks($$order_by => 'updated_at desc', "limit" => 1$$), 't2', 'what moved last');
CREATE FUNCTION app.pages(order_by text, size int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text := '';
    page uuid[];
    last uuid;
BEGIN
    LOOP
        SELECT array_agg(id) INTO page FROM workflow.search('task', order_by => pages.order_by, "limit" => size, after => last);
        EXIT WHEN page IS NULL;
        found := found || (SELECT string_agg(key, ' ' ORDER BY n) FROM unnest(page) WITH ORDINALITY u(id, n) JOIN workflow.processes p USING (id)) || ' | ';
        last := page[array_upper(page, 1)];
    END LOOP;
    RETURN found;
END $$;
SELECT is(app.pages('amount', 2), 't4 t1 | t2 t6 | t3 t5 | ', 'page by page');
SELECT is(app.pages('amount desc', 1), 't3 | t2 | t6 | t1 | t4 | t5 | ', 'one by one, the other way round');
SELECT is(app.pages(NULL, 4), 't1 t2 t3 t4 | t5 t6 | ', 'without order');
SELECT is(app.tasks(format($$order_by => 'amount', "limit" => 1, after => %L, after_value => '49'$$, workflow.find('task', 't6'))), 't2', 'after the value that it had on its page');
SELECT is(app.tasks(format($$order_by => 'started_at', after => %L, after_value => to_jsonb(%L::timestamptz)$$, p.id, p.started_at)), 't4 t5 t6', 'a time as the column has it')
FROM workflow.processes p WHERE p.id = workflow.find('task', 't3');
SELECT is((error(format($$SELECT workflow.search('task', order_by => 'started_at', after => %L, after_value => '49')$$, workflow.find('task', 't6'))))[1], '22023', 'and not another value');
SELECT is((error(format($$SELECT workflow.search('task', after => %L, after_value => '49')$$, workflow.find('task', 't6'))))[1], '22023', 'a value is not taken for nothing: without an order');
SELECT is((error($$SELECT workflow.search('task', order_by => 'amount', after_value => '49')$$))[1], '22023', 'and without a process');
SELECT is((error(format($$SELECT workflow.search('task', order_by => 'amount', after => %L)$$, gen_random_uuid())))[1], '22023', 'after what is not there');
SELECT is((error($$SELECT workflow.search('task', order_by => 'amout')$$))[1:2], ARRAY['22023', 'no version of definition "task" has a searchable "amout"'], 'no such order');
SELECT is((error(format($$SELECT workflow.search('task', attributes => %L)$$, a)))[1], c, 'not a condition: ' || a)
FROM (VALUES ('{"who": {"any": "ann"}}', '22023'), ('{"who": {"any": [null]}}', '22004'), ('{"who": {">": null}}', '22004'), ('{"whom": {"any": []}}', '22023')) v(a, c);
SELECT FROM workflow.grant_on('task', 'regress_clerk', 'start');
SELECT workflow.find('task', 't3') AS t \gset
SET ROLE regress_clerk;
SELECT FROM workflow.start('task', '{"amount": 7}', key => 'mine');
SELECT is(app.tasks($$order_by => 'amount'$$), 'mine', 'in whatever order, one finds what one may see');
SELECT is((error(format($$SELECT workflow.search('task', order_by => 'amount', after => %L)$$, :'t')))[1], '22023', 'and learns nothing of what one may not');

-- migration, expiry and erasure
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "moves", "initial": "a", "search": {"old": "$.n"}, "states": {"a": {}}}');
SELECT workflow.start('moves', '{"n": 7}') AS p \gset
SELECT FROM workflow.define('{"id": "moves", "initial": "a", "search": {"new": "$.n"}, "states": {"a": {"tags": ["later"]}}}');
SELECT is((SELECT array_agg(id) FROM workflow.search('moves', attributes => '{"old": 7}')), ARRAY[:'p'::uuid], 'an older version has its own attributes');
SELECT FROM workflow.migrate(:'p');
SELECT is((SELECT array_agg(id) FROM workflow.search('moves', attributes => '{"new": 7}', tags => '{later}')), ARRAY[:'p'::uuid], 'a process that migrates has those of its new version');
SELECT is((SELECT count(*) FROM workflow.search('moves', attributes => '{"old": 7}')), 0::bigint, 'and no others');
SELECT FROM workflow.erase(:'p', true);
SELECT is((SELECT count(*) FROM workflow.search('moves')), 0::bigint, 'what is erased is not found');

\set end :srcdir '/end.psql'
\i :end
