\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

SELECT FROM workflow.define('{"id": "trip", "initial": "on", "context": {"n": 0}, "states": {
    "on": {"on": {"end": "over", "add": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
    "over": {"type": "final"}}}');

-- on_key
SELECT workflow.start('trip', key => 'a') AS first \gset
SELECT is(workflow.start('trip', key => 'a'), :'first'::uuid, 'a key that is taken names the process that has it');
SELECT is(workflow.start('trip', key => 'a', on_key => 'existing'), :'first'::uuid, 'as on_key says by default');
SELECT is(error('SELECT workflow.start(''trip'', key => ''a'', on_key => ''refuse'')'),
    ARRAY['WF016', 'a process of "trip" has the key "a" already', format('It is process %s.', :'first')], 'it may be refused');
SELECT is(workflow.start('trip', key => 'a', on_key => 'active'), :'first'::uuid, 'and one that is not over counts with "active"');
SELECT FROM workflow.send(:'first', 'end');
SELECT is(workflow.start('trip', key => 'a'), :'first'::uuid, 'one that is over has its key still');
SELECT is((error('SELECT workflow.start(''trip'', key => ''a'', on_key => ''refuse'')'))[1], 'WF016', 'whatever is to be refused');
SELECT workflow.start('trip', '{"n": 5}', key => 'a', on_key => 'active') AS second \gset
SELECT isnt(:'second'::uuid, :'first', 'with "active" it does not count');
SELECT is(context(:'second'), '{"n": 5}', 'there is a new process');
SELECT is(workflow.find('trip', 'a'), :'second'::uuid, 'which has the key');
SELECT is((SELECT array_agg(id ORDER BY started_at, id = :'second') FROM workflow.processes WHERE definition = 'trip' AND key = 'a'),
    ARRAY[:'first', :'second']::uuid[], 'both show it');
SELECT is((SELECT taken FROM workflow.send_by_key('trip', 'a', 'add')), true, 'commands by key go to the new one');
SELECT is(workflow.start('trip', key => 'a', on_key => 'active'), :'second'::uuid, 'as long as it is not over');
SELECT FROM workflow.cancel(:'second');
SELECT workflow.start('trip', key => 'a', on_key => 'active') AS third \gset
SELECT isnt(:'third'::uuid, :'second', 'one that was cancelled is over, too');
RESET ROLE;
SELECT FROM workflow.erase(:'second');
SET ROLE regress_app;
SELECT is(workflow.find('trip', 'a'), :'third'::uuid, 'an older one that is erased does not take the key with it');
SELECT is(error('SELECT workflow.start(''trip'', key => ''b'', on_key => ''new'')'),
    ARRAY['22023', 'unknown value "new" of argument "on_key"', 'HINT: A key that is taken can be "existing", "refuse" or "active".'], 'nothing else is known');
SELECT is((error('SELECT workflow.start(''trip'', key => ''b'', on_key => NULL)'))[1], '22004', 'nor null');
SELECT isnt(workflow.start('trip', on_key => 'refuse'), workflow.start('trip', on_key => 'refuse'), 'without a key it means nothing');

-- the empty key
SELECT is(error('SELECT workflow.start(''trip'', key => '''')'),
    ARRAY['22023', 'the key of a process must not be empty', 'HINT: A process without a key has the key null.'], 'an empty key is refused');
SELECT is((error('SELECT workflow.start_or_get(''trip'', key => '''')'))[1], '22023', 'here, too');
SELECT is((error('SELECT workflow.start_many(''trip'', ARRAY[NULL, NULL]::jsonb[], ARRAY[''c'', ''''])'))[1], '22023', 'and among many');

-- nor is an id: all but the first command without one would be repetitions
SELECT is((error(format('SELECT workflow.%s', replace(c, 'P', quote_literal(:'second')))))[1:2], ARRAY['22023', 'the id of an event must not be empty'], c)
FROM unnest(ARRAY[$$send(P, 'add', id => '')$$, $$send_many(ARRAY[P::uuid], '{add}', ids => ARRAY[''])$$, $$send_by_key('trip', 'a', 'add', id => '')$$,
    $$post(P, 'add', id => '')$$, $$post(P, 'add', once => '')$$, $$post_by_key('trip', 'a', 'add', id => '')$$, $$post_by_key('trip', 'a', 'add', once => '')$$]) c;

-- start_or_get
SELECT * FROM workflow.start_or_get('trip', '{"n": 1}', 'd') \gset
SELECT ok(:'created', 'start_or_get() tells that the process is new');
SELECT is((SELECT ARRAY[process::text, created::text] FROM workflow.start_or_get('trip', '{"n": 2}', 'd')), ARRAY[:'process', 'false'], 'or that it was there');
SELECT is(context(:'process'), '{"n": 1}', 'with the input that it was started with');
SELECT FROM workflow.send(:'process', 'end');
SELECT is((SELECT created FROM workflow.start_or_get('trip', key => 'd', on_key => 'active')), true, 'on_key is for it, too');
SELECT is((error('SELECT workflow.start_or_get(''trip'', key => ''d'', on_key => ''refuse'')'))[1], 'WF016', 'all of it');
SELECT is((SELECT created FROM workflow.start_or_get('trip')), true, 'without a key each is new');

-- start_many
SELECT workflow.find('trip', 'a') AS a, workflow.find('trip', 'd') AS d \gset
SELECT FROM workflow.send(:'d', 'end');
SELECT is((SELECT array_agg(CASE s WHEN :'a' THEN 'a' WHEN :'d' THEN 'd' ELSE 'new' END ORDER BY n)
           FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[4]), ARRAY['d', 'a', NULL, 'e'], on_key => 'active') WITH ORDINALITY m(s, n)),
    ARRAY['new', 'a', 'new', 'new'], 'several keys, one of which names a process that is over');
SELECT is((SELECT count(DISTINCT s) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[3]), ARRAY['f', 'f', 'f'], on_key => 'active') s), 1::bigint, 'the same key several times');
SELECT is((SELECT count(DISTINCT s) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[3]), ARRAY['g', 'g', 'g']) s), 1::bigint, 'is one process');
SELECT is((error('SELECT workflow.start_many(''trip'', ARRAY[NULL, NULL]::jsonb[], ARRAY[''h'', ''a''], on_key => ''refuse'')'))[1], 'WF016', 'one key that is taken refuses all');
SELECT is((error('SELECT workflow.find(''trip'', ''h'')'))[1], 'WF001', 'and nothing is started');

-- Keys are taken in the order of their bytes, however many there are: two calls
-- with the same ones do not wait for each other in a circle.
CREATE TABLE made AS SELECT s, n FROM workflow.start_many('trip', (SELECT array_agg(jsonb_build_object('n', i) ORDER BY i DESC) FROM generate_series(1, 2500) i),
    (SELECT array_agg('many ' || i ORDER BY i DESC) FROM generate_series(1, 2500) i)) WITH ORDINALITY m(s, n);
SELECT is((SELECT count(*) FROM made m JOIN workflow.processes p ON p.id = m.s AND p.key = 'many ' || 2501 - n AND p.context->>'n' = (2501 - n)::text),
    2500::bigint, '2,500 keys from the last to the first, each with its input');
RESET ROLE;
SELECT is((SELECT string_agg(key, ' ' ORDER BY ctid) FROM workflow.key WHERE key LIKE 'many %'),
    (SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM workflow.key WHERE key LIKE 'many %'), 'were taken in their order');
SET ROLE regress_app;
SELECT is((SELECT count(DISTINCT s) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[2500]),
        (SELECT array_agg('many ' || i % 1500 + 1 ORDER BY i) FROM generate_series(1, 2500) i)) s), 1500::bigint, 'and name the same processes again');

-- slots
SELECT is(workflow.slot_of_key('order-4711'), ('x' || left(encode(sha256('order-4711'), 'hex'), 3))::bit(12)::int, 'the slot of a key is made of its SHA-256');
SELECT is(workflow.slot_of_key('Ä'), ('x' || left(encode(sha256('\xc384'), 'hex'), 3))::bit(12)::int, 'of its bytes in UTF-8');
SELECT is(workflow.slot_of_key(''), ('x' || left(encode(sha256(''), 'hex'), 3))::bit(12)::int, 'also if there are none');
SELECT is(workflow.slot(workflow.start('trip', key => 'order-4711')), workflow.slot_of_key('order-4711'), 'the id of a process carries that of its key');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'trip' AND workflow.slot(id) <> workflow.slot_of_key(key)), 0::bigint, 'each of them');
SELECT cmp_ok((SELECT count(DISTINCT workflow.slot(s)) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[500])) s), '>', 400::bigint, 'without a key a random one');
SELECT is((SELECT count(*) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[100])) s WHERE substr(s::text, 15, 1) <> '7' OR substr(s::text, 20, 1) !~ '[89ab]'),
    0::bigint, 'ids are UUIDs of version 7');
SELECT is((SELECT count(*) FROM (SELECT s, lag(s) OVER (PARTITION BY left(s::text, 13), workflow.slot(s) ORDER BY n) AS before
        FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[5000])) WITH ORDINALITY m(s, n)) o WHERE s < before),
    0::bigint, 'which sort in their order within a millisecond and slot');
SELECT FROM workflow.define('{"id": "guide", "initial": "a", "states": {"a": {"invoke": {"id": "it", "src": "trip"}}}}');
SELECT workflow.start('guide', key => 'alps') AS guide \gset
SELECT is((SELECT workflow.slot((children->>'it')::uuid) FROM workflow.get(:'guide')), workflow.slot_of_key('alps'), 'children carry that of their parent');
SELECT is(workflow.slot('00000000-0000-7fff-8000-000000000000'), 4095, 'a slot is read off the id');

-- once
CALL clock('2030-01-02 00:00+00');
SELECT workflow.start('trip') AS p \gset
SELECT FROM (SELECT workflow.post(:'p', 'add', once => 'o1'), workflow.post(:'p', 'add', once => 'o1'), workflow.post(:'p', 'add', once => 'o2')) x;
SELECT is((SELECT array_agg(once ORDER BY seq) FROM workflow.timers WHERE process = :'p'), ARRAY['o1', 'o1', 'o2'], 'nothing is decided before delivery');
SELECT FROM workflow.work(1);
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 2}', 'of two with the same id one is delivered');
SELECT is((SELECT step FROM workflow.get(:'p')), 3, 'the other one is no step');
SELECT FROM (SELECT workflow.post(:'p', 'add', once => 'o1')) x;
SELECT is(timers(:'p'), '', 'one that comes after it is not even kept');
SELECT is((SELECT taken FROM workflow.send(:'p', 'add', id => 'o2')), true, 'for a command with its id it was the first one');
SELECT is(context(:'p'), '{"n": 2}', 'which is not taken again');
SELECT FROM workflow.send(:'p', 'add', id => 'o3');
SELECT FROM (SELECT workflow.post(:'p', 'add', once => 'o3')) x;
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 3}', 'nor is one that came as a command first');
SELECT FROM (SELECT workflow.post(:'p', 'add', id => 'x', once => 'o4'), workflow.post(:'p', 'add', id => 'x', once => 'o5')) x;
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 4}', 'beside it there is the id of what is posted');
SELECT FROM (SELECT workflow.post(:'p', 'add', once => 'o4')) x;
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 5}', 'one that was replaced was not delivered');
SELECT FROM (SELECT workflow.post(:'p', 'end', once => 'o6')) x;
SELECT FROM workflow.work();
SELECT is(status(:'p'), 'finalized', 'the process ends');
SELECT FROM (SELECT workflow.post(:'p', 'end', once => 'o6'), workflow.post(:'p', 'add', once => 'o1')) x;
SELECT pass('what was delivered may be repeated after its end');
SELECT is((error('SELECT workflow.post(%L, ''add'', once => ''o7'')', :'p'))[1], 'WF004', 'anything else is refused');
SELECT is((error('SELECT workflow.post(%L, ''add'', once => repeat(''x'', 1025))', :'p'))[1], '22001', 'its length has a limit');
SET ROLE regress_stranger;
SELECT is((error('SELECT workflow.post(%L, ''add'', once => ''o1'')', :'p'))[1], 'WF002', 'strangers are told nothing');
SET ROLE regress_app;
SELECT workflow.start('trip', at => '2030-01-03') AS p \gset
SELECT FROM (SELECT workflow.post(:'p', 'add', once => 's'), workflow.post(:'p', 'add', once => 's')) x;
SELECT FROM workflow.work();
CALL clock('2030-01-04 00:00+00');
SELECT FROM workflow.work();
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 1}', 'also while it waits for the start');

-- early
SELECT is((error('SELECT workflow.post_by_key(''trip'', ''early'', ''add'')'))[1], 'WF001', 'an event for a key that nobody has');
SELECT FROM workflow.post_by_key('trip', 'early', 'add', '{"n": 1}', early => '1 hour');
SELECT FROM workflow.post_by_key('trip', 'early', 'add', id => 'x', early => '1 hour');
SELECT FROM workflow.post_by_key('trip', 'early', 'add', id => 'x', early => '2 hours', once => 'o');
SELECT FROM workflow.post_by_key('trip', 'other', 'end', early => '1 hour');
SELECT is((SELECT array_agg(format('%s %s %s %s', key, event, name, until) ORDER BY seq) FROM workflow.early_events),
    ARRAY['early add  2030-01-04 01:00:00+00', 'early add x 2030-01-04 02:00:00+00', 'other end  2030-01-04 01:00:00+00'], 'is kept');
SELECT is((error('SELECT workflow.find(''trip'', ''early'')'))[1], 'WF001', 'there is no process yet');
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.early_events), 0::bigint, 'strangers do not see it');
SELECT is((error('SELECT workflow.post_by_key(''trip'', ''early'', ''add'', early => ''1 hour'')'))[1], 'WF002', 'nor may they post');
SET ROLE regress_app;
SELECT workflow.start('trip', key => 'early') AS p \gset
SELECT is(timers(:'p'), 'add 2030-01-04 00:00:00, x 2030-01-04 00:00:00', 'it is given to the process that is started with the key');
SELECT is((SELECT array_agg(key) FROM workflow.early_events), '{other}', 'and not kept any more');
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 2}', 'which takes it');
SELECT FROM (SELECT workflow.post_by_key('trip', 'early', 'add', once => 'o', early => '1 hour'), workflow.post_by_key('trip', 'early', 'add', early => '1 hour')) x;
SELECT FROM workflow.work();
SELECT is(context(:'p'), '{"n": 3}', 'as what comes later');
CALL clock('2030-01-04 01:00+00');
SELECT workflow.start('trip', key => 'other') AS p \gset
SELECT is(timers(:'p'), '', 'what is too late is dropped');
SELECT is((SELECT count(*) FROM workflow.early_events), 0::bigint, 'and gone');
SELECT FROM generate_series(1, 3) i, workflow.post_by_key('trip', 'm' || i, 'end', early => '1 hour');
SELECT is((SELECT count(*) FROM workflow.start_many('trip', array_fill(NULL::jsonb, ARRAY[4]), ARRAY['m2', 'm4', 'm1', 'm3'])), 4::bigint, 'many processes');
SELECT FROM workflow.work();
SELECT is((SELECT array_agg(key ORDER BY key) FROM workflow.processes WHERE key IN ('m1', 'm2', 'm3', 'm4') AND status = 'finalized'), '{m1,m2,m3}', 'get what was kept for each');
SELECT is((error('SELECT workflow.post_by_key(''trip'', ''m1'', ''end'', early => ''1 hour'')'))[1], 'WF004', 'the key of one that is over is taken');
SELECT FROM workflow.start('trip', key => 'm1', on_key => 'active');
SELECT is((error('SELECT workflow.post_by_key(''trip'', ''m1'', ''end'', early => ''1 hour'')'))[1], 'no error', 'until there is a new one');
SELECT is(error('SELECT workflow.post_by_key(''trip'', ''z'', ''add'', early => ''-1 hour'')'),
    ARRAY['22023', 'argument "early" must be positive and finite'], 'a time that is over already is refused');
SELECT is((error('SELECT workflow.post_by_key(''nothing'', ''z'', ''add'', early => ''1 hour'')'))[1], 'WF006', 'so is an event for no definition');

SELECT FROM workflow.post_by_key('trip', 'never', 'add', early => '1 hour');

RESET ROLE;
-- A definition that is dropped takes its early events along.
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "brief", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}');
SELECT FROM workflow.post_by_key('brief', 'k', 'go', '"secret"', early => '1 year');
SELECT is((error($$SELECT workflow.post_by_key('brief', '', 'go', early => '1 year')$$))[1], '22023', 'no process will have an empty key');
SELECT FROM workflow.drop_definition('brief');
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "brief", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}');
SELECT is((SELECT count(*) FROM workflow.early_events WHERE definition = 'brief'), 0::bigint, 'who takes the name does not see them');
SELECT workflow.start('brief', key => 'k') AS p \gset
SELECT is((SELECT count(*) FROM workflow.timers WHERE process = :'p'), 0::bigint, 'nor get them');
RESET ROLE;

-- send, or start and send
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "sum", "initial": "a", "context": {"sum": 0, "by": null}, "states": {"a": {"on": {"add": {"actions": {"type": "assign", "context": {
    "sum": {"@expr": "(context->>''sum'')::int + (event->>''data'')::int"}}}}, "end": "z"}}, "z": {"type": "final"}}}') \g /dev/null
SELECT is((SELECT format('%s %s %s', s.taken, s.states, s.context) FROM workflow.send_by_key('sum', 'new', 'add', '5', start => '{"sum": 100}') s), 't {a} {"by": null, "sum": 105}', 'send_by_key() starts a process, and sends');
SELECT is((SELECT format('%s %s', s.taken, s.context ->> 'sum') FROM workflow.send_by_key('sum', 'new', 'add', '6', start => '{"sum": 100}') s), 't 111', 'and sends only when there is one');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'sum'), 1::bigint, 'which is the same');
SELECT is((SELECT format('%s %s', s.taken, s.context ->> 'sum') FROM workflow.send_by_key('sum', 'id', 'add', '1', id => 'i', start => '{}') s), 't 1', 'the command may have an id');
SELECT is((SELECT format('%s %s', s.taken, s.context ->> 'sum') FROM workflow.send_by_key('sum', 'id', 'add', '1', id => 'i', start => '{}') s), 't 1', 'and happens once');
SELECT is((SELECT format('%s %s', s.taken, s.states) FROM workflow.send_by_key('sum', 'over', 'end', start => '{}') s), 't {z}', 'it may be over at once');
SELECT is((error('SELECT workflow.send_by_key(''sum'', ''over'', ''add'', ''1'', start => ''{}'')'))[1], 'WF004', 'then it is not started anew');
SELECT is((error('SELECT workflow.send_by_key(''sum'', ''none'', ''add'', ''1'')'))[1], 'WF001', 'without start none is made');
SELECT is((error('SELECT workflow.send_by_key(''nothing'', ''none'', ''add'', ''1'', start => ''{}'')'))[1], 'WF006', 'of no definition none can be');
SELECT is((error('SELECT workflow.send_by_key(''sum'', '''', ''add'', ''1'', start => ''{}'')'))[1], '22023', 'the key is not empty');
SELECT is((error('SELECT workflow.send_by_key(''sum'', ''list'', ''add'', ''1'', start => ''[1]'')'))[1], '22023', 'the input is an object');
SELECT is((SELECT array_agg(h.event ORDER BY h.step)::text FROM workflow.process_history h JOIN workflow.processes p ON p.id = h.process WHERE p.key = 'id'), '{workflow.start,add}', 'the history has both');
SELECT workflow.grant_on('sum', 'regress_clerk', 'send') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.send_by_key(''sum'', ''other'', ''add'', ''1'', start => ''{}'')'))[1], 'WF002', 'who may send may not start');
SELECT is((SELECT s.taken FROM workflow.send_by_key('sum', 'new', 'add', '1', start => '{}') s), true, 'but send, when there is one');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
