\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set gives_up :srcdir '/gives_up.psql'
\i :begin

SELECT FROM workflow.define('{
    "id": "order", "initial": "a", "context": {"amount": 10, "who": {"name": "ann", "age": 7}, "list": [1, 2]},
    "search": {"amount": "$.amount", "name": {"@expr": "context->''who''->''name''"}},
    "states": {
        "a": {"entry": {"type": "note", "params": "+a"}, "always": {"target": "rich", "guard": {"@expr": "(context->>''amount'')::int > 1000"}},
              "on": {"go": "b", "look": {"actions": {"type": "assign", "context": {"seen": {"@expr": "context->''amount''"}}}}}},
        "b": {"entry": {"type": "assign", "context": {"entered with": {"@expr": "context->''amount''"}}}}, "rich": {}, "end": {"type": "final"}}}');
SELECT workflow.start('order') AS p \gset
SELECT notes() AS forget \gset
CREATE FUNCTION patched(p uuid, patch jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT context FROM workflow.set_context(p, patch) $$;
CREATE FUNCTION last(p uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', step, event, taken, from_states, to_states, actor, data, note) FROM workflow.process_history WHERE process = p ORDER BY step DESC LIMIT 1
$$;

SELECT is(patched(:'p', '{"amount": 2000, "new": {"a": 1, "b": null}}'), '{"amount": 2000, "who": {"name": "ann", "age": 7}, "list": [1, 2], "new": {"a": 1}}', 'members are set, and nulls inside of what is new are none');
SELECT is(states(:'p') || notes(), 'a', 'no transition is taken and no action runs');
SELECT is(last(:'p'), '2 | workflow.set_context | t | {a} | {a} | regress_app | {"patch": {"new": {"a": 1, "b": null}, "amount": 2000}}', 'the history tells it');
SELECT is(patched(:'p', '{"who": {"age": null, "name": "bob", "more": {"deep": {"er": 1}}}, "list": null, "nothing": null}'), '{"amount": 2000, "who": {"name": "bob", "more": {"deep": {"er": 1}}}, "new": {"a": 1}}', 'members of members, and what is removed');
SELECT is(patched(:'p', '{"who": [1, null], "new": 3, "amount": {"is": {"no": null, "number": 1}}}'), '{"amount": {"is": {"number": 1}}, "who": [1, null], "new": 3}', 'arrays and scalars take the place of what is there, an object that of a scalar');
SELECT is(patched(:'p', '{}'), '{"amount": {"is": {"number": 1}}, "who": [1, null], "new": 3}', 'an empty patch changes nothing');
SELECT is((SELECT format('%s %s %s %s', v.taken, v.status, v.states, v.context->'amount') FROM workflow.set_context(:'p', '{"amount": 12, "who": {"name": "bob"}}', 'boss', 'as agreed') v), 't idled {a} 12', 'it answers like send()');
SELECT is(last(:'p'), '6 | workflow.set_context | t | {a} | {a} | boss | {"patch": {"who": {"name": "bob"}, "amount": 12}} | as agreed', 'on whose behalf, and why');
SELECT FROM workflow.send(:'p', 'look');
SELECT is(context(:'p')->>'seen', '12', 'actions see it');
SELECT is((SELECT count(*) FROM workflow.search('order', attributes => '{"amount": 12, "name": "bob"}')), 1::bigint, 'search() finds it by what it is now');
SELECT is((SELECT count(*) FROM workflow.search('order', attributes => '{"amount": 10}')), 0::bigint, 'and not by what it was');

-- what cannot be
SELECT is((error(format('SELECT workflow.set_context(%%L, %L)', patch), :'p'))[:2], ARRAY['22023', 'the patch of a context must be a JSON object'], format('a patch is an object, not %s', patch))
FROM unnest('{[],"\"x\"",1,null,"[{}]"}'::text[]) patch WHERE patch IS NOT NULL;
SELECT is((error('SELECT workflow.set_context(%L, ''null'')', :'p'))[1], '22023', 'nor null of JSON');
SELECT is((error('SELECT workflow.set_context(%L, NULL)', :'p'))[1], '22004', 'nor null');
SELECT is((error('SELECT workflow.set_context(NULL, ''{}'')'))[1], '22004', 'a process is needed');
SELECT is((error('SELECT workflow.set_context(''01234567-89ab-7def-8000-000000000000'', ''{}'')'))[1], 'WF001', 'that there is');
SELECT is((error('SELECT workflow.set_context(%L, jsonb_build_object(''x'', repeat(''x'', current_setting(''workflow.max_context_size'')::int * 1024)))', :'p'))[1], '54000', 'a context that gets too large')
WHERE current_setting('workflow.max_context_size') ~ '^[0-9]+$';
SELECT is(last(:'p') LIKE '7 | look%', true, 'what fails leaves no trace');
SELECT workflow.start('order', at => '2030-02-01') AS later \gset
SELECT is((error('SELECT workflow.set_context(%L, ''{}'')', :'later'))[1], 'WF003', 'not before it has started');
SELECT FROM workflow.grant_on('order', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((app.error('SELECT workflow.set_context(%L, ''{}'')', :'p'))[1], 'WF002', 'not by those who may only send');
RESET ROLE;
GRANT workflow_admin TO regress_clerk;
SET ROLE regress_clerk;
SELECT is((SELECT context->>'by' FROM workflow.set_context(:'p', '{"by": "clerk"}')), 'clerk', 'but by a member of workflow_admin');
RESET ROLE;
REVOKE workflow_admin FROM regress_clerk;
SET ROLE regress_app;
CREATE FUNCTION self(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.set_context((event->>'process')::uuid, '{}'); END $$;
SELECT FROM workflow.define('{"id": "self", "initial": "a", "states": {"a": {"on": {"go": {"actions": "self"}}}}}');
SELECT workflow.start('self') AS q \gset
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'q'))[1], 'WF005', 'not by an action of its own');
SELECT FROM workflow.suspend(:'p');
SELECT is((SELECT context->>'n' FROM workflow.set_context(:'p', '{"n": 1}')), '1', 'a suspended process');
SELECT is((SELECT suspended FROM workflow.get(:'p')), true, 'stays suspended');
SELECT FROM workflow.resume(:'p');
RESET ROLE;
\i :gives_up
SELECT gives_up(:'p', 'error', 'go');
SET ROLE regress_app;
SELECT is((SELECT format('%s %s', v.status, v.context->>'n') FROM workflow.set_context(:'p', '{"n": 2}') v), 'error 2', 'one that has failed stays so');
SELECT FROM workflow.resume(:'p');
SELECT FROM workflow.work(100);
SELECT is(states(:'p'), 'b', 'until it is resumed');
-- a start that was given up because of the context
SELECT workflow.start('order', '{"amount": "much"}', at => '2030-01-01') AS q \gset
RESET ROLE;
DELETE FROM workflow.timer WHERE process = :'q';
SELECT gives_up(:'q', 'terminated', 'workflow.start');
SET ROLE regress_app;
SELECT is((SELECT format('%s %s', v.status, v.context->'amount') FROM workflow.set_context(:'q', '{"amount": 1}') v), 'terminated 1', 'one that could not start');
SELECT FROM workflow.resume(:'q');
SELECT FROM workflow.work(100);
SELECT is(format('%s %s', states(:'q'), context(:'q')->'amount'), 'a 1', 'starts with what was repaired');
SELECT FROM workflow.cancel(:'p');
SELECT is((error('SELECT workflow.set_context(%L, ''{}'')', :'p'))[1], 'WF004', 'not one that is over');
SELECT FROM workflow.set_states(:'q', '{end}');
SELECT is((error('SELECT workflow.set_context(%L, ''{}'')', :'q'))[1], 'WF004', 'by whatever end');

-- patch and note beside other orders, and orders that leave a row
SELECT workflow.start('order') AS p \gset
SELECT is((SELECT context->'entered with' FROM workflow.set_states(:'p', '{b}', patch => '{"amount": 77}', note => 'by phone', actor => 'boss')), '77', 'set_states() patches before entry actions run');
SELECT is(last(:'p'), '2 | workflow.set_states | t | {a} | {b} | boss | {"patch": {"amount": 77}, "states": ["b"], "execute": true} | by phone', 'and notes why');
SELECT is((error('SELECT workflow.set_states(%L, ''{a}'', patch => ''[]'')', :'p'))[1], '22023', 'a patch is an object there, too');
SELECT is(states(:'p'), 'b', 'else nothing happens');
SELECT FROM workflow.suspend(:'p', 'ann', 'lunch');
SELECT is(last(:'p'), '3 | workflow.suspend | t | {b} | {b} | ann | lunch', 'suspend() leaves a row');
SELECT FROM workflow.suspend(:'p');
SELECT is(last(:'p'), '3 | workflow.suspend | t | {b} | {b} | ann | lunch', 'once');
SELECT FROM workflow.resume(:'p', note => 'back');
SELECT is(last(:'p'), '4 | workflow.resume | t | {b} | {b} | regress_app | back', 'resume(), too');
SELECT is(workflow.resume(:'p'), false, 'nothing to resume');
SELECT is((SELECT step FROM workflow.get(:'p')), 4, 'is nothing to tell');
SELECT is(workflow.suspend(NULL) IS NULL AND workflow.resume(NULL) IS NULL, true, 'null for null');
SELECT FROM workflow.define('{"id": "timed", "initial": "a", "context": {"n": 1}, "states": {"a": {"after": {"1 day": "b"}}, "b": {}}}');
SELECT workflow.start('timed') AS t \gset
SELECT FROM workflow.set_timer(:'t', '1 day', '2030-01-05 00:00+00', 'ann', 'holidays');
SELECT is(last(:'t'), '2 | workflow.set_timer | t | {a} | {a} | ann | {"due": "2030-01-05T00:00:00+00:00", "name": "1 day"} | holidays', 'set_timer() tells which, and when');
SELECT is(workflow.reset_timer(:'t', '1 day', note => 'after all'), '2030-01-02 00:00+00', 'reset_timer()');
SELECT is(last(:'t'), '3 | workflow.reset_timer | t | {a} | {a} | regress_app | {"due": "2030-01-02T00:00:00+00:00", "name": "1 day"} | after all', 'too');
SELECT is((error('SELECT workflow.set_timer(%L, ''2 days'', now(), ''ann'', ''x'')', :'t'))[1], 'WF008', 'what fails');
SELECT is((SELECT step FROM workflow.get(:'t')), 3, 'leaves nothing');
SELECT FROM workflow.define('{"id": "timed", "initial": "a", "delays": {"d": {"@expr": "make_interval(days => (context->>''n'')::int)"}}, "states": {"a": {"after": {"1 day": "b", "d": "b"}}, "b": {}}}');
SELECT is((SELECT timers_armed FROM workflow.migrate(:'t', patch => '{"n": 9}', note => 'new rules')), '{after.d.a}', 'migrate() patches before delays are evaluated');
SELECT is(timers(:'t'), '1 day 2030-01-02 00:00:00, d 2030-01-10 00:00:00', 'as its timers show');
SELECT is(last(:'t'), '4 | workflow.migrate | t | {a} | {a} | regress_app | {"patch": {"n": 9}, "to_version": 2, "from_version": 1} | new rules', 'and notes why');
SELECT count(workflow.start('timed', version => 1)) FROM generate_series(1, 3) \gset
SELECT is((SELECT count(*) FROM workflow.migrate_many('timed', patch => '{"currency": "EUR"}', dry_run => true)), 3::bigint, 'migrate_many()');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'timed' AND context ? 'currency'), 0::bigint, 'a dry run patches nothing');
SELECT is((SELECT count(states) FROM workflow.migrate_many('timed', patch => '{"currency": "EUR"}', note => 'euro')), 3::bigint, 'patches all');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'timed' AND context->>'currency' = 'EUR'), 3::bigint, 'that it moves');
SELECT is((SELECT count(*) FROM workflow.process_history WHERE definition = 'timed' AND note = 'euro'), 3::bigint, 'with its note');
SELECT is((error('SELECT workflow.migrate_many(''timed'', patch => ''1'')'))[1], '22023', 'a patch is an object');
SELECT FROM workflow.cancel(:'t', 'boss', 'not wanted any more');
SELECT is(last(:'t'), '5 | workflow.cancel | t | {a} | {} | boss | not wanted any more', 'cancel() has a reason');
SELECT workflow.start('timed', at => '2030-02-01') AS t \gset
SELECT FROM workflow.suspend(:'t', note => 'wait');
SELECT FROM workflow.resume(:'t');
SELECT is((SELECT step FROM workflow.get(:'t')), 0, 'what has not started has no history');
SELECT FROM workflow.grant_on('timed', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((app.error(format('SELECT workflow.%s', c), :'t'))[1], 'WF002', format('nobody acts for others unasked: %s', c))
FROM unnest(ARRAY['suspend(%L, ''ann'')', 'resume(%L, ''ann'')', 'cancel(%L, ''ann'')']) c;
SET ROLE regress_app;

\set end :srcdir '/end.psql'
\i :end
