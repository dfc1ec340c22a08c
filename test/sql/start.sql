\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "order", "initial": "open", "context": {"lines": 0, "note": null, "tags": ["new"]},
    "entry": {"type": "note", "params": "enter order"},
    "states": {
        "open": {
            "entry": [{"type": "note", "params": "enter open"}, {"type": "assign", "context": {"opened": true}}],
            "on": {"close": "closed"},
            "after": {"1 day": "closed"}},
        "closed": {"type": "final"}}}');

-- start
SELECT workflow.start('order') AS p \gset
SELECT is((SELECT g::text FROM workflow.get(:'p') g),
    format('(%s,order,1,,idled,f,{open},"{""note"": null, ""tags"": [""new""], ""lines"": 0, ""opened"": true}",1,'
           '"2030-01-01 00:00:00+00","2030-01-01 00:00:00+00",,,,,)', :'p'),
    'a process is started with the initial context in the initial state');
SELECT is(notes(), 'enter order, enter open', 'entry actions run in the caller''s transaction, the outer state''s first');
SELECT is(timers(:'p'), '1 day 2030-01-02 00:00:00', 'the timers of its states run');
SELECT is(substr(:'p', 15, 1), '7', 'ids are UUIDs of version 7');
SELECT ok((SELECT bool_and(x.id >= x.before) FROM (
               SELECT left(id::text, 13) AS id, lag(left(id::text, 13)) OVER (ORDER BY n) AS before
               FROM (SELECT n, workflow.start('order') AS id FROM generate_series(1, 20) n) made) x),
          'that sort by the time they were made');

SELECT workflow.start('order', '{"lines": 3, "tags": [], "customer": {"name": "Ann"}}') AS p \gset
SELECT is(context(:'p'), '{"lines": 3, "note": null, "tags": [], "customer": {"name": "Ann"}, "opened": true}',
          'the input is laid over the initial context, key by key');
SELECT is(context(workflow.start('order', '{}')), '{"lines": 0, "note": null, "tags": ["new"], "opened": true}',
          'an empty input changes nothing');
SELECT is(error('SELECT workflow.start(''order'', ''[1]'')'),
    ARRAY['22023', 'the input of a process must be a JSON object'], 'an input that is no object is refused');
SELECT is(error('SELECT workflow.start(''order'', ''null'')'),
    ARRAY['22023', 'the input of a process must be a JSON object'], 'JSON null is no object');
SELECT is(error('SELECT workflow.start(NULL)'),
    ARRAY['22004', 'argument "definition" must not be null'], 'a definition must be named');
SELECT is(error('SELECT workflow.start(''ordr'')'),
    ARRAY['WF006', 'definition "ordr" does not exist', 'HINT: Store it with workflow.define().'], 'and must exist');

-- computed context
SELECT FROM workflow.define('{
    "id": "computed", "initial": "a",
    "context": {"total": {"@expr": "(event->''data''->>''net'')::int * 2"}, "by": {"@expr": "event->>''actor''"},
                "deep": {"list": [1, {"@expr": "1 + 1"}], "quoted": {"@literal": {"@expr": "1"}}}},
    "states": {"a": {}}}');
SELECT is(context(workflow.start('computed', '{"net": 21}', actor => 'ann')),
          '{"total": 42, "by": "ann", "net": 21, "deep": {"list": [1, 2], "quoted": {"@expr": "1"}}}',
          'expressions in the initial context see the input and the actor');
SELECT is(context(workflow.start('computed')) -> 'total', 'null', 'without an input they see none');
SELECT FROM workflow.define('{"id": "whole", "initial": "a", "context": {"@expr": "jsonb_build_object(''input'', event->''data'')"}, "states": {"a": {}}}');
SELECT is(context(workflow.start('whole', '{"n": 1}')), '{"n": 1, "input": {"n": 1}}', 'the whole context may be one expression');
SELECT FROM workflow.define('{"id": "bad", "initial": "a", "context": {"@expr": "to_jsonb(1)"}, "states": {"a": {}}}');
SELECT is(error('SELECT workflow.start(''bad'')'),
    ARRAY['22023', 'the initial context of "bad" is not a JSON object'], 'but has to give an object');

-- keys
SELECT notes() AS forget \gset
SELECT workflow.start('order', key => 'A-1') AS p \gset
SELECT is(workflow.start('order', '{"lines": 9}', key => 'A-1'), :'p', 'a second start with the same key gives the same process');
SELECT is(notes(), 'enter order, enter open', 'and starts nothing');
SELECT is(context(:'p') -> 'lines', '0', 'and changes nothing');
SELECT is(workflow.find('order', 'A-1'), :'p', 'find() finds it');
SELECT isnt(workflow.start('order', key => 'A-2'), :'p', 'another key is another process');
SELECT isnt(workflow.start('computed', key => 'A-1'), :'p', 'a key belongs to its definition');
SELECT FROM workflow.send(:'p', 'close');
SELECT is(workflow.start('order', key => 'A-1'), :'p', 'a key stays taken after the process has ended');
SELECT is(error('SELECT workflow.find(''order'', ''A-9'')'),
    ARRAY['WF001', 'no process of "order" has the key "A-9"'], 'an unknown key is refused with WF001');

-- versions
SELECT FROM workflow.define('{"id": "order", "initial": "draft", "states": {"draft": {}}}');
SELECT is(states(workflow.start('order')), 'draft', 'the newest version is started');
SELECT is(states(workflow.start('order', version => 1)), 'open', 'or the one that is asked for');
SELECT is((SELECT version FROM workflow.get(workflow.find('order', 'A-2'))), 1, 'a running process keeps its version');
SELECT is(workflow.start('order', key => 'A-2'), workflow.find('order', 'A-2'), 'a key counts for all versions');
SELECT is(error('SELECT workflow.start(''order'', version => 7)'),
    ARRAY['WF006', 'definition "order" has no version 7', 'HINT: Store it with workflow.define().'], 'an unknown version is refused');

-- start later
SELECT notes() AS forget \gset
SELECT workflow.start('order', version => 1, at => '2030-01-01 08:00+00', actor => 'ann') AS p \gset
SELECT is(status(:'p'), 'initialized', 'with a time the process is only made');
SELECT is(states(:'p'), '', 'it is in no state');
SELECT is(notes(), '', 'and no action runs');
SELECT is(error('SELECT workflow.send(%L, ''close'')', :'p'),
    ARRAY['WF003', format('process %s has not started yet', :'p')], 'a command is refused');
CALL clock('2030-01-01 07:59:59.999+00');
SELECT is(workflow.work(100), 0, 'before its time nothing happens');
CALL clock('2030-01-01 08:00+00');
SELECT is(workflow.work(100), 1, 'when the time has come it is started');
SELECT is(states(:'p') || ' ' || status(:'p'), 'open idled', 'then it is in its initial state');
SELECT is(notes(), 'enter order, enter open', 'and the entry actions have run');
SELECT is(timers(:'p'), '1 day 2030-01-02 08:00:00', 'timers count from then');
SELECT is((SELECT actor FROM workflow.process_history WHERE process = :'p'), 'ann', 'on behalf of who asked for it');

-- start_many
CALL clock('2030-01-01 00:00+00');
SELECT notes() AS forget \gset
SELECT is((SELECT array_agg(format('%s %s', g.context -> 'lines', g.states[1]) ORDER BY n)
    FROM workflow.start_many('order', ARRAY['{"lines": 1}', NULL, '{"lines": 3}']::jsonb[], version => 1)
         WITH ORDINALITY s(id, n), workflow.get(s.id) g),
    ARRAY['1 open', '0 open', '3 open'],
    'start_many() gives one process for each input, in their order');
SELECT is(notes(), 'enter order, enter open, enter order, enter open, enter order, enter open', 'entry actions run for each');
SELECT is((SELECT count(*) FROM workflow.start_many('order', array_fill('{}'::jsonb, ARRAY[2500]))), 2500::bigint, 'thousands at a time');
SELECT is((SELECT count(*) FROM workflow.start_many('order', '{}')), 0::bigint, 'no inputs, no processes');
SELECT is((SELECT array_agg(format('%s %s %s', s.id = workflow.find('order', 'A-1'), s.id = workflow.find('order', 'B-1'),
                                   coalesce(g.key, 'none')) ORDER BY n)
    FROM workflow.start_many('order', ARRAY['{}', '{}', '{}', '{}']::jsonb[], keys => ARRAY['A-1', 'B-1', NULL, 'B-1'])
         WITH ORDINALITY s(id, n), workflow.get(s.id) g),
    ARRAY['t f A-1', 'f t B-1', 'f f none', 'f t B-1'],
    'keys that exist, new ones, none, and one twice in a call');
SELECT is(error('SELECT workflow.start_many(''order'', ''{null,null}'', keys => ''{a}'')'),
    ARRAY['2202E', 'arguments "inputs" and "keys" must have the same number of elements', 'They have 2 and 1.'], 'as many keys as inputs');
SELECT is((SELECT status FROM workflow.start_many('order', '{null}', at => '2030-01-02') s(id), workflow.get(s.id)), 'initialized',
          'start_many() can start later, too');

\set end :srcdir '/end.psql'
\i :end
