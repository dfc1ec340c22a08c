\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set gives_up :srcdir '/gives_up.psql'
\i :begin

SELECT is(workflow.define('{
    "id": "job", "initial": "a", "context": {"days": 3},
    "states": {
        "a": {"after": {"1 hour": "old", "2 hours": "old"}, "on": {"go": "b", "aside": "p", "leave": "old"}},
        "b": {"initial": "c", "after": {"1 day": "old"}, "on": {"out": "old"},
              "states": {
                  "c": {"after": {"2 hours": "d"}, "on": {"next": "d"}},
                  "d": {},
                  "back": {"type": "history"}, "deep": {"type": "history", "history": "deep"}}},
        "p": {"type": "parallel", "states": {
            "x": {"initial": "x1", "states": {"x1": {"after": {"1 hour": "x2"}}, "x2": {}}},
            "y": {"initial": "y1", "states": {"y1": {}, "y2": {}}}}},
        "old": {"on": {"again": "b.back", "knock": "a"}},
        "fired": {"after": {"1 minute": {"actions": {"type": "note", "params": "fired"}}}},
        "end": {"type": "final"}}}'), 1, 'a first version');
SELECT workflow.start('job') AS a \gset
SELECT FROM workflow.post(:'a', 'knock', at => '2030-01-02', actor => 'someone');
SELECT workflow.start('job') AS b \gset
SELECT FROM workflow.send(:'b', 'go');
SELECT workflow.start('job') AS p \gset
SELECT FROM workflow.send(:'p', 'aside');
SELECT workflow.start('job') AS old \gset
SELECT FROM workflow.send_many(ARRAY[:'old', :'old', :'old', :'old']::uuid[], ARRAY['go', 'next', 'out', 'nothing']);
SELECT workflow.start('job') AS later \gset
SELECT workflow.start('job', at => '2030-02-01') AS young \gset
SELECT workflow.start('job') AS over \gset
SELECT FROM workflow.set_states(:'over', '{end}');
SELECT workflow.start('job') AS fired \gset
SELECT FROM workflow.set_states(:'fired', '{fired}');
CALL clock('2030-01-01 00:01+00');
SELECT FROM workflow.work(100);
SELECT is(notes(), 'fired', 'a timer has fired');

-- The same states: b.c is called b.first, its timer too; a has another timer;
-- x and y are q.x and q.y; old is gone, and reacts to nothing any more.
SELECT is(workflow.define('{
    "id": "job", "initial": "a", "delays": {"wait": {"@expr": "make_interval(days => (context->>''days'')::int)"}},
    "states": {
        "a": {"entry": {"type": "note", "params": "+a"}, "after": {"1 hour": "new", "3 days": "new"}, "on": {"go": "b"}},
        "b": {"initial": "d", "entry": {"type": "note", "params": "+b"}, "after": {"1 day": "new"},
              "states": {
                  "first": {"entry": {"type": "note", "params": "+first"}, "after": {"2 hours": "d"}, "on": {"next": "d"}},
                  "d": {},
                  "memory": {"type": "history"}}},
        "q": {"type": "parallel", "states": {
            "x": {"initial": "x2", "states": {"x1": {"after": {"1 hour": "x2"}}, "x2": {}}},
            "y": {"initial": "y2", "states": {"y2": {}, "y3": {}}},
            "z": {"initial": "z1", "states": {"z1": {"entry": {"type": "note", "params": "+z1"}, "after": {"wait": "z2"}}, "z2": {}}}}},
        "fired": {"after": {"1 minute": {"actions": {"type": "note", "params": "fired"}}}},
        "new": {"on": {"again": "b.memory"}},
        "end": {"type": "final"}}}'), 2, 'a second version');

-- One row in words.
CREATE FUNCTION told(m workflow.migration) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s>%s %s kept %s armed %s dropped %s', m.from_version, m.to_version, m.states, m.timers_kept, m.timers_armed, m.timers_dropped)
        || coalesce((SELECT string_agg(format(' | %s %s', x->>'problem', x->>'name'), '' ORDER BY n) FROM jsonb_array_elements(m.problems) WITH ORDINALITY e(x, n)), '')
$$;
CREATE FUNCTION migrated(p uuid, mapping jsonb DEFAULT NULL, dry_run boolean DEFAULT false) RETURNS text LANGUAGE sql AS
    $$ SELECT told(workflow.migrate(p, NULL, mapping, dry_run)) $$;
CREATE FUNCTION stands(p uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT format('%s %s %s: ', version, status, states) || timers(p) FROM workflow.get(p) $$;

-- states by equal names, timers
SELECT is(migrated(:'a', NULL, true), '1>2 {a} kept {"after.1 hour.a"} armed {"after.3 days.a"} dropped {"after.2 hours.a"} | event knock', 'what would be');
SELECT is(stands(:'a'), '1 idled {a}: 1 hour 2030-01-01 01:00:00, 2 hours 2030-01-01 02:00:00, knock 2030-01-02 00:00:00', 'is not');
SELECT is(migrated(:'a'), '1>2 {a} kept {"after.1 hour.a"} armed {"after.3 days.a"} dropped {"after.2 hours.a"} | event knock', 'what is');
SELECT is(stands(:'a'), '2 idled {a}: 1 hour 2030-01-01 01:00:00, knock 2030-01-02 00:00:00, 3 days 2030-01-04 00:01:00',
          'timers of the same key keep their time, others go, new ones begin; what was posted stays');
SELECT is(notes(), '', 'no action runs');
SELECT is((SELECT format('%s %s %s>%s %s %s', step, taken, from_states, to_states, actor, data) FROM workflow.process_history WHERE process = :'a' ORDER BY step DESC LIMIT 1),
          '2 t {a}>{a} regress_app {"to_version": 2, "from_version": 1}', 'the history tells it');
SELECT is(migrated(:'a'), '2>2 {a} kept {} armed {} dropped {}', 'a process of that version already');
SELECT is((SELECT step FROM workflow.get(:'a')), 2, 'is left alone');
CALL clock('2030-01-01 01:00+00');
SELECT FROM workflow.work(100);
SELECT is(states(:'a'), 'new', 'it goes on under the new rules');

-- by a mapping
SELECT is((error('SELECT workflow.migrate(%L)', :'b'))[:3],
          ARRAY['22023', 'the process cannot be migrated from version 1 to version 2 of "job"',
                'State "b.c": version 2 has no state of this name, and the mapping does not say where it goes.'], 'a state that has no place is an error');
SELECT is(migrated(:'b', NULL, true), '1>2  kept {} armed {} dropped {} | state b.c', 'in a dry run a row');
SELECT is(stands(:'b'), '1 idled {b.c}: 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00', 'nothing has happened');
SELECT is(migrated(:'b', '{"b.c": "b.first"}'), '1>2 {b.first} kept {"after.1 day.b","after.2 hours.b.first"} armed {} dropped {}', 'a mapping says where it goes');
SELECT is(stands(:'b'), '2 idled {b.first}: 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00', 'its timers go with it');
SELECT is((SELECT data->'mapping' FROM workflow.process_history WHERE process = :'b' ORDER BY step DESC LIMIT 1), '{"b.c": "b.first"}', 'the history has the mapping');
CALL clock('2030-01-01 02:00+00');
SELECT FROM workflow.work(100);
SELECT is(states(:'b'), 'b.d', 'a renamed timer comes');

-- parallel states
SELECT is(migrated(:'p', '{"p": "q"}', true), '1>2 {q.x.x2,q.y.y2,q.z.z1} kept {} armed {after.wait.q.z.z1} dropped {}', 'what is inside of a mapped state keeps its place if it has one, and is entered by default otherwise');
SELECT is(states(:'p'), 'p.x.x2, p.y.y1', 'as it is');
SELECT is(migrated(:'p', '{"p": "q", "p.y.y1": "q.y.y3"}'), '1>2 {q.x.x2,q.y.y3,q.z.z1} kept {} armed {after.wait.q.z.z1} dropped {}', 'a new region is entered by default');
SELECT is(timers(:'p') || notes(), 'wait 2030-01-04 02:00:00', 'delays are evaluated over the context, actions do not run');

-- history
SELECT is(migrated(:'old', '{"old": "new"}', true), '1>2 {new} kept {} armed {} dropped {} | history b.back | history b.deep', 'what cannot be remembered is told');
SELECT is(migrated(:'old', '{"old": "new", "b.back": "b.memory"}'), '1>2 {new} kept {} armed {} dropped {} | history b.deep', 'history states go by names and mapping, too');
SELECT FROM workflow.send(:'old', 'again');
SELECT is(states(:'old'), 'b.d', 'and remember');

-- timers that have fired
SELECT is(migrated(:'fired'), '1>2 {fired} kept {} armed {} dropped {}', 'a timer that has fired is not armed again');

-- not started, over
SELECT is(migrated(:'young'), '1>2 {} kept {} armed {} dropped {}', 'a process that has not started is migrated');
SELECT is(stands(:'young'), '2 initialized {}: workflow.start 2030-02-01 00:00:00', 'it still starts later');
CALL clock('2030-02-01 00:00+00');
SELECT FROM workflow.work(100);
SELECT is(stands(:'young'), '2 idled {a}: 1 hour 2030-02-01 01:00:00, 3 days 2030-02-04 00:00:00', 'with the new version');
SELECT is((error('SELECT workflow.migrate(%L)', :'over'))[1], 'WF004', 'one that is over is not');
SELECT is((error('SELECT workflow.migrate(''01234567-89ab-7def-8000-000000000000'')'))[1], 'WF001', 'no such process');
SELECT is((error('SELECT workflow.migrate(%L, 7)', :'later'))[:2], ARRAY['WF006', 'definition "job" has no version 7'], 'no such version');

-- mappings that cannot be
CREATE FUNCTION wrong(p uuid, mapping jsonb) RETURNS text LANGUAGE sql AS
    $$ SELECT e[1] || ': ' || e[2] FROM error(format('SELECT workflow.migrate(%L, NULL, %L, true)', p, mapping)) e $$;
SELECT workflow.start('job', version => 1) AS q \gset
SELECT is(wrong(:'q', '[]'), '22023: a mapping must be a JSON object of states', 'no object');
SELECT is(wrong(:'q', '{"a": 1}'), '22023: a mapping must be a JSON object of states', 'no name');
SELECT is(wrong(:'q', '{"a": []}'), '22023: a mapping must be a JSON object of states', 'no names');
SELECT is(wrong(:'q', '{"a": {"b": "c"}}'), '22023: a mapping must be a JSON object of states', 'an object');
SELECT is(wrong(:'q', '{"a": [["b"]]}'), '22023: a mapping must be a JSON object of states', 'an array in an array');
SELECT is(wrong(:'q', '{"a": "nowhere"}'), '22023: definition "job" version 2 has no state "nowhere"', 'an unknown new state');
SELECT is(wrong(:'q', '{"nowhere": "a"}'), '22023: the mapping is for a state "nowhere" that no version of "job" which is migrated has', 'an unknown old state');
SELECT is(wrong(:'q', '{"a": "b.memory"}'), '22023: the mapping cannot send state "a" to "b.memory"', 'a history state for another');
SELECT is(wrong(:'q', '{"b.back": "a"}'), '22023: the mapping cannot send state "b.back" to "a"', 'and the other way round');
SELECT is(migrated(:'q', '{"a": ["q.x.x1", "q.y.y3"]}', true), '1>2 {q.x.x1,q.y.y3,q.z.z1} kept {"after.1 hour.q.x.x1"} armed {after.wait.q.z.z1} dropped {"after.2 hours.a"}', 'one state becomes several');
SELECT is(migrated(:'q', '{"a": ["new", "b"]}', true), '1>2  kept {} armed {} dropped {} | states b', 'which exclude each other');
SELECT is(migrated(:'q', '{"a": "end"}', true), '1>2  kept {} armed {} dropped {} | end end', 'migration does not end a process');
SELECT is(migrated(:'q', '{"job": "new"}', true), '1>2 {a} kept {"after.1 hour.a"} armed {"after.3 days.a"} dropped {"after.2 hours.a"}', 'the definition''s name is for what has no place');
SELECT FROM workflow.send(:'q', 'leave');
SELECT is(migrated(:'q', '{"job": "new"}', true), '1>2 {new} kept {} armed {} dropped {}', 'like this one');

-- what is suspended, what has failed
SELECT workflow.start('job', version => 1) AS q \gset
SELECT FROM workflow.suspend(:'q');
SELECT is(migrated(:'q'), '1>2 {a} kept {"after.1 hour.a"} armed {"after.3 days.a"} dropped {"after.2 hours.a"}', 'a suspended process is migrated');
SELECT is((SELECT format('%s %s', bool_and(p.suspended), array_agg(t.parked)) FROM workflow.processes p JOIN workflow.timers t ON t.process = p.id WHERE p.id = :'q'), 't {t,t}', 'and stays suspended');
RESET ROLE;
\i :gives_up
SET ROLE regress_app;
SELECT workflow.start('job', version => 1) AS q \gset
SELECT FROM workflow.send(:'q', 'go');
RESET ROLE;
SELECT FROM gives_up(:'q', 'error', 'after.2 hours.b.c', 'b.c', '2 hours');
SELECT FROM gives_up(:'q', 'error', 'knock');
SET ROLE regress_app;
SELECT is(migrated(:'q', '{"b.c": "b.first"}'), '1>2 {b.first} kept {"after.1 day.b","after.2 hours.b.first"} armed {} dropped {} | event knock', 'events that were given up go with it');
SELECT is((SELECT array_agg(event ORDER BY event) FROM workflow.errors WHERE process = :'q'), '{"after.2 hours.b.first",knock}', 'still given up');
SELECT is(status(:'q'), 'error', 'the process is as it was');
SELECT FROM workflow.resume(:'q');
SELECT is(timers(:'q'), '2 hours 2030-01-01 00:00:00, knock 2030-01-01 00:00:00, 1 day 2030-02-02 00:00:00', 'until it is resumed');
SELECT workflow.start('job', version => 1) AS q \gset
RESET ROLE;
SELECT FROM gives_up(:'q', 'terminated', 'after.2 hours.a', 'a', '2 hours');
SET ROLE regress_app;
SELECT is(migrated(:'q'), '1>2 {a} kept {"after.1 hour.a"} armed {"after.3 days.a"} dropped {"after.2 hours.a"}', 'a terminated one, too');
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'q'), 0::bigint, 'the failure of a timer that is gone goes');
SELECT is((SELECT array_agg(parked) FROM workflow.timers WHERE process = :'q'), '{t,t}', 'what was armed waits like the rest');

-- in bulk
SELECT is(workflow.define('{"id": "many", "initial": "a", "states": {"a": {"after": {"1 hour": "z"}, "on": {"b": "b.in"}}, "b": {"initial": "in", "states": {"in": {}}}, "gone": {}, "z": {"type": "final"}}, "on": {"lost": ".gone"}}'), 1, 'many of a version');
SELECT count(*) AS n FROM workflow.start_many('many', ARRAY(SELECT jsonb_build_object('n', n, 'odd', n % 2 = 1) FROM generate_series(1, 2500) n)) \gset
SELECT is(workflow.define('{"id": "many", "initial": "a", "context": {"new": true}, "states": {"a": {"after": {"1 hour": "z", "2 hours": "z"}, "on": {"b": "b.in"}}, "b": {"initial": "in", "states": {"in": {}}}, "z": {"type": "final"}}}'), 2, 'a second version');
SELECT FROM workflow.start('many');
SELECT FROM workflow.send_many((SELECT array_agg(id) FROM workflow.processes WHERE definition = 'many' AND (context->>'n')::int <= 10), ARRAY['b']);
SELECT FROM workflow.processes p CROSS JOIN LATERAL workflow.send(p.id, 'lost') v WHERE p.definition = 'many' AND p.context @> '{"n": 2500}';
CREATE FUNCTION tally(VARIADIC versions int[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s: %s', version, n), ', ' ORDER BY version) FROM (SELECT version, count(*) AS n FROM workflow.processes WHERE definition = 'many' GROUP BY version) v
$$;
SELECT is(tally(), '1: 2500, 2: 1', 'most are of the first');
SELECT is((SELECT count(*) || ' ' || count(problems) || ' ' || count(states) FROM workflow.migrate_many('many', dry_run => true)), '2500 1 2499', 'a dry run of all');
SELECT is((SELECT problems->0->>'name' FROM workflow.migrate_many('many', dry_run => true) WHERE states IS NULL), 'gone', 'tells which cannot');
SELECT is(tally(), '1: 2500, 2: 1', 'and changes nothing');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', states => '{b}')), 10::bigint, 'those in a state, or inside of it');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', context => '{"odd": true}', "limit" => 7)), 7::bigint, 'a limit');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', context => '{"odd": true}')), 1238::bigint, 'those whose context contains something');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', from_versions => '{3}')), 0::bigint, 'of a version that there is not');
SELECT is((error($$SELECT workflow.migrate_many('many', states => '{a,nowhere}')$$))[1:2], ARRAY['22023', 'no version of definition "many" has a state "nowhere"'], 'a state that there is not is refused');
SELECT is((error($$SELECT workflow.migrate_many('many', states => '{gone}', dry_run => true)$$))[1], 'no error', 'one of an old version is known');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', states => '{}')), 0::bigint, 'in no state');
SELECT is((SELECT count(*) || ' ' || count(states) || ' ' || sum(cardinality(timers_kept)) || ' ' || sum(cardinality(timers_armed)) FROM workflow.migrate_many('many', from_versions => '{1}', actor => 'ops')), '1245 1244 1244 1244', 'the rest');
SELECT is(tally(), '1: 1, 2: 2500', 'all but the one that has no place have moved');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE definition = 'many' AND event = 'workflow.migrate' AND actor = 'ops'), 1244::bigint, 'each with a line of history');
SELECT is((SELECT count(*) FROM workflow.timers WHERE definition = 'many' AND name = '2 hours'), 2490::bigint, 'and its timers');
SELECT is((SELECT format('%s %s', to_version, states) FROM workflow.migrate_many('many', mapping => '{"gone": "b.in"}')), '2 {b.in}', 'with a mapping that one, too');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many')), 0::bigint, 'then nothing is left to do');
SELECT is((SELECT count(*) FROM workflow.migrate_many('many', 1, states => '{b}')), 11::bigint, 'the way back');
SELECT is((error('SELECT workflow.migrate_many(''many'', mapping => ''{"nowhere": "a"}'')'))[1], '22023', 'a mapping for nothing');
SELECT is((error('SELECT workflow.migrate_many(''nothing'')'))[1], 'WF006', 'no such definition');
SELECT is((error('SELECT workflow.migrate_many(''many'', "limit" => -1)'))[1], '22023', 'a negative limit');

-- children
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "foreign", "initial": "a", "states": {"a": {}}}');
SELECT FROM workflow.grant_on('foreign', 'regress_app', 'start');
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "child", "initial": "a", "states": {"a": {"exit": {"type": "note", "params": "child left"}, "on": {"end": "z"}}, "z": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {
    "a": {"invoke": [{"id": "kept", "src": "child", "onDone": "z"}, {"id": "lost", "src": "child"}, {"id": "let", "src": "child", "detached": true}, {"src": "child"}], "on": {"go": "b"}},
    "b": {}, "z": {}}}');
SELECT workflow.start('parent') AS p \gset
SELECT workflow.start('parent') AS done \gset
SELECT FROM workflow.work(100);
SELECT children->>'kept' AS kept, children->>'lost' AS lost, children->>'let' AS let, children->>'a.3' AS unnamed FROM workflow.get(:'p') \gset
SELECT FROM workflow.send((SELECT (children->>'lost')::uuid FROM workflow.get(:'done')), 'end');
SELECT FROM workflow.work(100);
SELECT notes() AS forget \gset
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {
    "aa": {"invoke": [{"id": "kept", "src": "child", "onDone": "z"}, {"id": "new", "src": "child"}, {"src": "child"}]},
    "a": {"invoke": [{"id": "kept", "src": "child"}, {"id": "lost", "src": "child"}, {"id": "let", "src": "child"}, {"src": "child"}]},
    "b": {}, "z": {}}}');
SELECT is(migrated(:'p', '{"a": "aa"}', true), '1>2 {aa} kept {} armed {} dropped {} | child lost | child let | child a.3 | invoke new | invoke aa.2', 'what becomes of its children');
SELECT is((SELECT count(*) FROM workflow.processes WHERE parent = :'p'), 4::bigint, 'nothing, in a dry run');
SELECT is(migrated(:'p', '{"a": "aa"}'), '1>2 {aa} kept {} armed {} dropped {} | child lost | child let | child a.3 | invoke new | invoke aa.2', 'of its children');
SELECT is((SELECT array_agg(k ORDER BY k) FROM workflow.get(:'p'), jsonb_object_keys(children) k), '{aa.2,kept,new}', 'those invoked by the same id go on, others begin');
SELECT FROM workflow.work(100);
SELECT is(format('%s %s %s %s', status(:'kept'), status(:'lost'), status(:'let'), status(:'unnamed')), 'idled terminated idled terminated', 'and others are cancelled or let go');
SELECT is((SELECT status(id) FROM workflow.processes WHERE parent = :'p' AND invoke = 'new'), 'idled', 'a new one has started');
SELECT is(notes(), 'child left, child left', 'with its actions');
SELECT FROM workflow.send(:'kept', 'end');
SELECT FROM workflow.work(100);
SELECT is(states(:'p'), 'z', 'it tells its parent in the new version');
SELECT is(migrated(:'done'), '1>2 {a} kept {} armed {} dropped {}', 'a child that has done its work');
SELECT is((SELECT array_agg(k ORDER BY k) FROM workflow.get(:'done'), jsonb_object_keys(children) k), '{a.3,kept,let}', 'does not do it again');
SELECT workflow.start('parent') AS p \gset
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {"a": {"invoke": {"src": "foreign", "id": "x", "onError": "b"}}, "b": {}}}');
SET ROLE regress_clerk;
SELECT FROM workflow.revoke_on('foreign', 'regress_app', 'start');
SET ROLE regress_app;
SELECT is((error('SELECT workflow.migrate(%L)', :'p'))[:2], ARRAY['WF002', 'permission denied to start definition "foreign"'], 'one that cannot start is an error of the call');

-- errors of a delay
SELECT FROM workflow.define('{"id": "slow", "initial": "a", "states": {"a": {}}}');
SELECT workflow.start('slow', '{"wait": "a while"}') AS slow \gset
SELECT FROM workflow.define('{"id": "slow", "initial": "a", "delays": {"wait": {"@expr": "(context->>''wait'')::interval"}}, "states": {"a": {"after": {"wait": "b"}}, "b": {}}}');
SELECT is((error('SELECT workflow.migrate(%L)', :'slow'))[1], '22007', 'an expression for a delay that fails is an error of the call');
SELECT is((SELECT version FROM workflow.get(:'slow')), 1, 'and nothing has happened');

SELECT is((SELECT told(m) FROM workflow.migrate(:'slow', dry_run => true) m), '1>2  kept {} armed {} dropped {} | timer after.wait.a', 'in a dry run a row');

-- one of many for which an expression fails
SELECT notes() AS forget \gset
CREATE FUNCTION term(context jsonb) RETURNS interval LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.note (text) VALUES ('term');
    RETURN CASE WHEN context ? 'rate' THEN interval '1 day' * (1000 / (context->>'rate')::int) END;
END $$;
CREATE FUNCTION problems(mode text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format($q$SELECT string_agg(format('%%s: %%s%%s', p.key, m.states, (SELECT string_agg(format(' | %%s %%s: %%s', x->>'problem', x->>'name', x->>'message'), '') FROM jsonb_array_elements(m.problems) x)), E'\n' ORDER BY p.key)
        FROM workflow.migrate_many('lease' %s) m JOIN workflow.processes p ON p.id = m.process$q$, mode) INTO result;
    RETURN result;
END $$;
SELECT FROM workflow.define('{"id": "lease", "initial": "a", "states": {"a": {}}}');
SELECT FROM workflow.start('lease', '{"rate": 10}', key => 'l1');
SELECT FROM workflow.start('lease', '{"rate": 0}', key => 'l2');
SELECT FROM workflow.start('lease', '{"rate": 20}', key => 'l3');
SELECT FROM workflow.start('lease', key => 'l4');
SELECT FROM workflow.define('{"id": "lease", "initial": "a", "delays": {"term": {"@expr": "term(context)"}}, "states": {"a": {"after": {"term": "b", "1 hour": "b"}}, "b": {}}}');
SELECT is(problems(', dry_run => true'), E'l1: {a}\nl2:  | timer after.term.a: the delay of this timer cannot be computed: division by zero\nl3: {a}\nl4: {a} | timer after.term.a: the delay of this timer is null: it never goes off, unless workflow.set_timer() sets it', 'a dry run tells for which process a delay fails, and for which it is null');
SELECT is(notes(), '', 'and keeps nothing of what the expressions did');
SELECT is((SELECT array_agg(version) FROM workflow.processes WHERE definition = 'lease'), '{1,1,1,1}', 'nor of the migration');
SELECT is((SELECT count(*) FROM workflow.timers WHERE definition = 'lease'), 0::bigint, 'nor its timers');
SELECT is(problems() = problems(', dry_run => true'), false, 'it is done');
SELECT is(notes(), 'term, term, term', 'once for each that can go');
SELECT is((SELECT string_agg(key || version, ' ' ORDER BY key) FROM workflow.processes WHERE definition = 'lease'), 'l12 l21 l32 l42', 'the others go');
SELECT is((SELECT string_agg(key || ' ' || name, ', ' ORDER BY key, name) FROM workflow.timers WHERE definition = 'lease'), 'l1 1 hour, l1 term, l3 1 hour, l3 term, l4 1 hour', 'with their timers, the one without any');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE definition = 'lease' AND event = 'workflow.migrate'), 3::bigint, 'and with their history');
SELECT is((error('SELECT workflow.migrate(%L)', (SELECT id FROM workflow.processes WHERE key = 'l2')))[1], '22012', 'alone it is an error');
SELECT FROM workflow.set_context((SELECT id FROM workflow.processes WHERE key = 'l2'), '{"rate": 5}');
SELECT is((SELECT string_agg(states::text, ' ') FROM workflow.migrate_many('lease')), '{a}', 'what was repaired goes');
SELECT FROM workflow.define('{"id": "lease", "initial": "a", "search": {"rate": {"@expr": "100 / (context->>''rate'')::int"}}, "states": {"a": {"invoke": {"id": "c", "src": "child", "input": {"@expr": "jsonb_build_object(''n'', 1 / ((context->>''rate'')::int - 20))"}}}}}');
SELECT FROM workflow.set_context((SELECT id FROM workflow.processes WHERE key = 'l1'), '{"rate": 0}');
SELECT notes() AS forget \gset
SELECT is(problems(', dry_run => true'), E'l1:  | invoke c: it is invoked: the old version did not invoke it here | search : a value under "search" cannot be computed: division by zero\nl2: {a} | invoke c: it is invoked: the old version did not invoke it here\nl3:  | invoke c: it is invoked: the old version did not invoke it here | invoke c: this process cannot be invoked: division by zero\nl4: {a} | invoke c: it is invoked: the old version did not invoke it here', 'inputs and values that are searched for, too');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'child' AND parent IN (SELECT id FROM workflow.processes WHERE definition = 'lease')), 0::bigint, 'in a dry run nothing is invoked');
SELECT is((SELECT count(states) FROM workflow.migrate_many('lease')), 2::bigint, 'those that can go do');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'child' AND parent IN (SELECT id FROM workflow.processes WHERE definition = 'lease')), 2::bigint, 'and invoke');

-- damaged rows
SELECT FROM workflow.define('{"id": "torn", "initial": "a", "states": {"a": {"initial": "b", "states": {"b": {}, "h": {"type": "history"}}}}}');
SELECT count(workflow.start('torn', key => 'torn ' || n)) FROM generate_series(1, 9) n \gset
RESET ROLE;
UPDATE workflow.process p SET history = d.history::jsonb, states = COALESCE(d.states::text[], p.states), children = d.children::jsonb
FROM (VALUES ('torn 1', '[]', NULL, NULL), ('torn 2', '["a.b"]', NULL, NULL), ('torn 3', '{"a.h": "a.b"}', NULL, NULL), ('torn 4', '{"a.h": [1]}', NULL, NULL),
             ('torn 5', '{"a.h": ["a.b", "a.b", "a.b", "a.b", "a.b", "a.b", "a.b", "a.b", "a.b", "a.b", "a.b"]}', NULL, NULL), ('torn 6', '{"a.h": [["a.b"]]}', NULL, NULL),
             ('torn 7', NULL, '{NULL}', NULL), ('torn 8', NULL, '{nowhere}', NULL), ('torn 9', NULL, NULL, '["x"]')) d(key, history, states, children)
WHERE p.key = d.key;
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "torn", "initial": "a", "states": {"a": {"initial": "b", "states": {"b": {"after": {"1 day": {"target": "b", "reenter": true}}}, "h": {"type": "history"}}}}}');
SELECT is((SELECT string_agg(format('%s%s', p.key, (SELECT string_agg(' ' || (x->>'problem'), '') FROM jsonb_array_elements(m.problems) x)), ', ' ORDER BY p.key)
           FROM workflow.migrate_many('torn') m JOIN workflow.processes p ON p.id = m.process),
          'torn 1 error, torn 2 error, torn 3 error, torn 4 error, torn 5, torn 6 error, torn 7 error, torn 8 error, torn 9 error', 'what is damaged stays');
SELECT is((error('SELECT workflow.migrate(%L)', id))[1], 'XX001', 'alone it is an error') FROM workflow.processes WHERE key = 'torn 3';
RESET ROLE;
UPDATE workflow.process SET history = NULL, states = '{a.b}', children = NULL WHERE key LIKE 'torn %';
SET ROLE regress_app;

-- there and back
SELECT FROM workflow.define('{"id": "back", "initial": "a", "states": {"a": {}}}');
SELECT FROM workflow.define('{"id": "back", "initial": "a", "states": {"a": {"after": {"1 hour": {"actions": {"type": "note", "params": "fired"}}}}}}');
SELECT workflow.start('back') AS back \gset
SELECT FROM workflow.set_timer(:'back', '1 hour', '2029-01-01');
SELECT FROM workflow.work(1);
SELECT notes() AS forget \gset
SELECT FROM workflow.migrate(:'back', 1);
SELECT is((SELECT told(m) || ': ' || (m.problems->0->>'message') FROM workflow.migrate(:'back', 2, dry_run => true) m), '1>2 {a} kept {} armed {"after.1 hour.a"} dropped {} | timer after.1 hour.a: this timer went off before, under a version that has it, and begins anew', 'a timer that went off under the version to which a process comes back');

-- who may
SELECT FROM workflow.grant_on('job', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((app.error('SELECT workflow.migrate(%L)', :'later'))[:2], ARRAY['WF002', 'must be owner of definition "job"'], 'not who may send');
SELECT is((app.error('SELECT workflow.migrate(%L, dry_run => true)', :'later'))[1], 'WF002', 'not even to look');
SELECT is((app.error('SELECT workflow.migrate_many(''job'')'))[1], 'WF002', 'nor in bulk');
RESET ROLE;
GRANT workflow_admin TO regress_stranger;
SET ROLE regress_stranger;
SELECT is((SELECT to_version FROM workflow.migrate(:'later', mapping => '{"job": "new"}')), 2, 'but a member of workflow_admin');
RESET ROLE;
SET ROLE regress_app;

-- from within
CREATE FUNCTION self(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.migrate((event->>'process')::uuid); END $$;
SELECT FROM workflow.define('{"id": "self", "initial": "a", "states": {"a": {"on": {"go": {"actions": "self"}}}}}');
SELECT workflow.start('self') AS p \gset
SELECT FROM workflow.define('{"id": "self", "initial": "a", "states": {"a": {}}}');
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF005', 'an action cannot migrate its own process');

\set end :srcdir '/end.psql'
\i :end
