\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- if_step and if_states
SELECT FROM workflow.define('{"id": "claim", "initial": "submitted", "states": {
    "submitted": {"on": {"approve": "review"}},
    "review": {"initial": "finance", "on": {"approve": "approved"}, "states": {"finance": {"on": {"next": "board"}}, "board": {}, "back": {"type": "history"}}},
    "approved": {"type": "final"}}}');
SELECT workflow.start('claim', key => 'c') AS p \gset
SELECT is((SELECT states FROM workflow.send(:'p', 'approve', actor => 'ann', if_states => '{submitted}', id => 'ann 1')), '{review.finance}', 'who is where they have seen it is served');
SELECT is(error('SELECT workflow.send(%L, ''approve'', actor => ''bob'', if_states => ''{submitted}'')', :'p'),
    ARRAY['WF014', format('process %s has moved on', :'p'), 'State "submitted" is not active.'], 'who comes too late is not');
SELECT is(error('SELECT workflow.send(%L, ''approve'', if_step => 1)', :'p'),
    ARRAY['WF014', format('process %s has moved on', :'p'), 'It is at step 2, not 1.'], 'a step tells the same');
SELECT is((SELECT states FROM workflow.send(:'p', 'approve', actor => 'ann', if_states => '{submitted}', id => 'ann 1')), '{review.finance}', 'a repetition gets the first verdict');
SELECT is((SELECT taken FROM workflow.send(:'p', 'next', if_step => 2, if_states => '{review,claim}')), true, 'a state that holds an active one is active');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{review,review.finance}'')', :'p'))[1], 'WF014', 'each of several must be');
SELECT is((error('SELECT workflow.send_by_key(''claim'', ''c'', ''approve'', if_step => 1)'))[1], 'WF014', 'by key, too');
SELECT is((error('SELECT workflow.send_by_key(''claim'', ''c'', ''approve'', if_states => ''{submitted}'')'))[1], 'WF014', 'both of them');
SELECT is(error('SELECT workflow.send(%L, ''approve'', if_states => ''{submited}'')', :'p'),
    ARRAY['22023', 'no version of definition "claim" has a state "submited"', 'HINT: States are named by their path, such as "review.waiting".'], 'a state that does not exist is an error');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{finance}'')', :'p'))[1], '22023', 'so is one without its path');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{review.back}'')', :'p'))[1], '22023', 'and one that is never active');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{review,NULL}'')', :'p'))[1], '22004', 'and null');
SELECT FROM workflow.suspend(:'p');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_step => 1)', :'p'))[1], 'WF014', 'of one that is suspended the same is said first');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{review}'')', :'p'))[1], 'WF003', 'and else that it is');
SELECT FROM workflow.resume(:'p');
SELECT FROM workflow.send(:'p', 'approve', if_states => '{}');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{review}'')', :'p'))[1], 'WF014', 'one that is over has moved on');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{approved}'')', :'p'))[1], 'WF004', 'unless it was seen so');
SET ROLE regress_stranger;
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_step => 1)', :'p'))[1], 'WF002', 'strangers are told nothing');
SET ROLE regress_app;
SELECT workflow.start('claim') AS old \gset
SELECT FROM workflow.define('{"id": "claim", "initial": "new", "states": {"new": {"on": {"renewed": "submitted"}}, "submitted": {}}}');
SELECT is((error('SELECT workflow.send(%L, ''approve'', if_states => ''{new}'')', :'old'))[1], 'WF014', 'a state of another version is one that it is not in');

-- send_many
SELECT workflow.start('claim', version => 1) AS a, workflow.start('claim', version => 1) AS b, workflow.start('claim', version => 1) AS c,
    '00000000-0000-7000-8000-000000000000' AS none \gset
SELECT FROM workflow.send(:'b', 'approve');
SELECT FROM workflow.suspend(:'c');
SELECT is((SELECT array_agg(concat_ws(' ', CASE m.process WHEN :'a' THEN 'a' WHEN :'b' THEN 'b' WHEN :'c' THEN 'c' WHEN :'none' THEN 'none' ELSE 'over' END,
        coalesce(taken::text, 'null'), states::text, sqlstate, replace(message, m.process::text, '*')) ORDER BY n)
    FROM workflow.send_many(ARRAY[:'a', :'p', :'b', :'none', :'c', :'a']::uuid[], '{approve}', refusals => 'report', if_states => '{submitted}')
        WITH ORDINALITY m(process, taken, status, states, context, deferred, sqlstate, message, n)),
    ARRAY['a true {review.finance}', 'over null WF014 process * has moved on', 'b null WF014 process * has moved on', 'none null WF001 process * does not exist',
        'c null WF003 process * is suspended', 'a null WF014 process * has moved on'], 'refusals are rows');
SELECT is((SELECT array_agg(concat_ws(' ', taken, states, sqlstate) ORDER BY n) FROM workflow.send_many(ARRAY[:'a', :'b', :'p']::uuid[], ARRAY['next', 'next', 'next'],
        ARRAY['{"x": 1}']::jsonb[], ARRAY['i1', 'i2', 'i3'], refusals => 'report') WITH ORDINALITY m(process, taken, status, states, context, deferred, sqlstate, message, n)),
    ARRAY['t {review.board}', 't {review.board}', 'WF004'], 'and others are done');
SELECT is((SELECT array_agg(DISTINCT data) FROM workflow.process_history WHERE process IN (:'a', :'b') AND event = 'next'), ARRAY['{"x": 1}']::jsonb[], 'one datum for all');
SELECT is((SELECT array_agg(concat_ws(' ', taken, sqlstate) ORDER BY n) FROM workflow.send_many(ARRAY[:'a', :'b', :'p']::uuid[], '{next}', ids => ARRAY['i1', 'i2', 'i3'], refusals => 'report',
        if_steps => '{1}') WITH ORDINALITY m(process, taken, status, states, context, deferred, sqlstate, message, n)), ARRAY['t', 't', 'WF014'], 'repeated, it tells the same of what was done');
SELECT is((SELECT array_agg(concat_ws(' ', taken, sqlstate) ORDER BY n) FROM workflow.send_many(ARRAY[:'a', :'b']::uuid[], '{approve}', refusals => 'report', if_steps => ARRAY[3, 2])
        WITH ORDINALITY m(process, taken, status, states, context, deferred, sqlstate, message, n)), ARRAY['t', 'WF014'], 'a step for each');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L, %L]::uuid[], ''{approve}'')', :'b', :'p')))[1], 'WF004', 'without it one refusal fails the call');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L, %L]::uuid[], ''{approve}'', refusals => ''fail'')', :'b', :'p')))[1], 'WF004', 'which may be said');
SELECT is(error(format('SELECT workflow.send_many(ARRAY[%L]::uuid[], ''{approve}'', refusals => ''skip'')', :'b')),
    ARRAY['22023', 'unknown value "skip" of argument "refusals"', 'HINT: A refusal can "fail" the call, or the call can "report" it.'], 'nothing else may');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L]::uuid[], ''{approve}'', if_steps => ''{1,2}'')', :'b')))[1], '2202E', 'as many steps');
SELECT is((SELECT step FROM workflow.get(:'b')), 3, 'nothing has happened');
SET ROLE regress_stranger;
SELECT is((SELECT array_agg(sqlstate) FROM workflow.send_many(ARRAY[:'a', :'none']::uuid[], '{approve}', refusals => 'report')), '{WF002,WF001}', 'what is not allowed is a refusal');
SET ROLE regress_app;

-- what actions throw is no refusal
CREATE FUNCTION meddle(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM workflow.send((event->'data'->>'other')::uuid, 'approve');
END $$;
SELECT FROM workflow.define('{"id": "meddler", "initial": "a", "states": {"a": {"on": {
    "meddle": {"actions": "meddle"}, "fail": {"actions": {"type": "assign", "context": {"x": {"@expr": "1 / (event->''data''->>''by'')::int"}}}},
    "guarded": {"target": "b", "allow": "regress_clerk"}}}, "b": {}}}');
SELECT workflow.start('meddler') AS m, workflow.start('meddler') AS n \gset
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L]::uuid[], ''{meddle}'', ARRAY[''{"other": "%s"}'']::jsonb[], refusals => ''report'')', :'m', :'p')))[1], 'WF004', 'a refusal that an action meets fails the call');
SELECT is((error(format('SELECT workflow.send_many(ARRAY[%L]::uuid[], ''{fail}'', ''{"{\"by\": 0}"}'', refusals => ''report'')', :'m')))[1], '22012', 'as any error of it');
SELECT is((SELECT array_agg(concat_ws(' ', taken, sqlstate, message) ORDER BY n) FROM workflow.send_many(ARRAY[:'m', :'n', :'m']::uuid[], ARRAY['guarded', 'guarded', 'meddle'],
        ARRAY[NULL, NULL, format('{"other": "%s"}', :'old')]::jsonb[], refusals => 'report') WITH ORDINALITY m(process, taken, status, states, context, deferred, sqlstate, message, n)),
    ARRAY['WF002 "regress_app" is not allowed to send "guarded" now', 'WF002 "regress_app" is not allowed to send "guarded" now', 't'], 'what "allow" keeps from a transition is one');
SELECT is((SELECT array_agg(format('%s %s', event, taken) ORDER BY step) FROM workflow.process_history WHERE process = :'m'), ARRAY['workflow.start t', 'meddle t'], 'and no step');

-- unknown events
SET LOCAL client_min_messages TO error;
SELECT is((SELECT format('%s %s', taken, deferred) FROM workflow.send(:'old', 'aprove')), 'f f', 'an event that nobody knows is not taken');
SELECT is((SELECT reason FROM workflow.process_history WHERE process = :'old' ORDER BY step DESC LIMIT 1), 'unknown', 'the history says why');
SELECT is((SELECT taken FROM workflow.send(:'old', 'renewed')), false, 'one that another version knows is not taken, either');
SELECT is((SELECT reason FROM workflow.process_history WHERE process = :'old' ORDER BY step DESC LIMIT 1), NULL, 'but is known');
SET LOCAL client_min_messages TO warning;
\set VERBOSITY default
SELECT FROM workflow.send(:'old', 'aproved');
SELECT FROM workflow.send(:'old', 'aproved');
SELECT FROM workflow.send_many(ARRAY[:'old']::uuid[], '{aproved}');
SELECT FROM workflow.send(:'m', 'aproved');
SELECT FROM workflow.post(:'old', 'posted');
SELECT FROM workflow.work();
\set VERBOSITY terse
SELECT is((SELECT reason FROM workflow.process_history WHERE process = :'old' ORDER BY step DESC LIMIT 1), 'unknown', 'posted ones are recorded so when they are delivered');
SET LOCAL workflow.unknown_events TO error;
SELECT is(error('SELECT workflow.send(%L, ''aprove'')', :'old'),
    ARRAY['WF015', 'no version of definition "claim" knows the event "aprove"', 'The setting workflow.unknown_events is "error".'], 'they may be refused');
SELECT is((SELECT array_agg(concat_ws(' ', taken, sqlstate)) FROM workflow.send_many(ARRAY[:'old', :'a']::uuid[], '{aprove}', refusals => 'report')), '{WF015,WF004}', 'each of several');
SELECT is((error('SELECT workflow.post(%L, ''aprove'')', :'old'))[1], 'WF015', 'when they are posted');
SELECT is((error('SELECT workflow.dry_run(%L, ''aprove'')', :'old'))[1], 'WF015', 'when they are tried');
SELECT is((error('SELECT workflow.send_by_key(''claim'', ''c'', ''aprove'')'))[1], 'WF004', 'what is over is over');
SELECT is((error('SELECT workflow.post_by_key(''claim'', ''z'', ''aprove'', early => ''1 hour'')'))[1], 'WF015', 'when they come early');
SELECT is((error('SELECT workflow.post_by_key(''claim'', ''z'', ''renewed'', early => ''1 hour'')'))[1], 'no error', 'and only they');
SELECT FROM workflow.define('{"id": "open", "initial": "a", "states": {"a": {"defer": ["later"], "on": {"order.*": "b"}}, "b": {"on": {"*": "a"}}}}');
SELECT FROM workflow.define('{"id": "kept", "initial": "a", "states": {"a": {"defer": ["later"], "on": {"order.*": "b"}}, "b": {}}}');
SELECT is((SELECT taken FROM workflow.send(workflow.start('open'), 'anything')), false, 'a wildcard knows all events');
SELECT is((SELECT reason FROM workflow.process_history WHERE event = 'anything'), NULL, 'in whatever state');
SELECT workflow.start('kept') AS k \gset
SELECT is((SELECT deferred FROM workflow.send(:'k', 'later')), true, 'what may be deferred is known');
SELECT is((SELECT array_agg(taken) FROM workflow.send_many(ARRAY[:'k', :'k', :'k']::uuid[], ARRAY['order.made', 'order.paid', 'later'])), '{t,f,f}', 'also in other states');
SELECT is((error('SELECT workflow.send(%L, ''order'')', :'k'))[1], 'no error', 'as is what a prefix matches');
SELECT is((error('SELECT workflow.send(%L, ''orders'')', :'k'))[1], 'WF015', 'and nothing else');

-- what actions send to others
SELECT FROM workflow.define('{"id": "sender", "initial": "a", "context": {"why": null}, "states": {"a": {"on": {
    "tell": {"actions": {"type": "send", "event": "tolled", "target": {"@expr": "event->''data''->>''to''"}}},
    "error.communication": {"actions": {"type": "assign", "context": {"why": {"@expr": "event->''data''->>''reason''"}}}}}}}}');
SELECT workflow.start('sender') AS s \gset
SET LOCAL workflow.unknown_events TO error;
SELECT FROM workflow.send(:'s', 'tell', jsonb_build_object('to', :'k'));
SELECT is(context(:'s')->>'why', NULL, 'what an action sends does not depend on a setting of the sender');
SET LOCAL workflow.unknown_events TO warning;
SET LOCAL client_min_messages TO error;
SELECT FROM workflow.work();
SET LOCAL client_min_messages TO warning;
SELECT is((SELECT reason FROM workflow.process_history WHERE process = :'k' ORDER BY step DESC LIMIT 1), 'unknown', 'it is sent, and ignored');

-- available_events
CREATE FUNCTION checked(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT (event->'data'->>'ok')::boolean $$;
CREATE FUNCTION opened(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN context->>'open'; END $$;
SELECT FROM workflow.define('{"id": "form", "initial": "a", "context": {"open": false}, "states": {"a": {"on": {
    "plain": {}, "closed": {"guard": {"@expr": "(context->>''open'')::boolean"}}, "paid": {"guard": {"@expr": "(event->''data''->>''amount'')::int > 10"}},
    "empty": {"guard": {"@expr": "event->''data'' IS NULL"}}, "mine": {"guard": {"@expr": "event->>''actor'' = ''ann''"}},
    "both": {"guard": {"type": "and", "guards": [{"@expr": "(context->>''open'')::boolean"}, {"@expr": "(event->''data''->>''n'')::int > 1"}]}},
    "either": {"guard": {"type": "or", "guards": [{"@expr": "(context->>''open'')::boolean"}, {"@expr": "(event->''data''->>''n'')::int > 1"}]}},
    "not": {"guard": {"type": "not", "guard": {"@expr": "(event->''data''->>''n'') IS NULL"}}},
    "function": {"guard": "checked"}, "other": {"guard": "opened"}, "clerks": {"allow": "regress_clerk"},
    "two": [{"guard": {"@expr": "false"}}, {"guard": {"@expr": "(event->''data''->>''n'')::int > 1"}}]}}}}');
SELECT workflow.start('form') AS f \gset
SELECT is((SELECT array_agg(concat_ws(' ', event, coalesce(enabled::text, 'null'), reason) ORDER BY event) FROM workflow.available_events(:'f')),
    ARRAY['both false guard', 'clerks false allow', 'closed false guard', 'either null data', 'empty true', 'function null data', 'mine false guard',
        'not null data', 'other null data', 'paid null data', 'plain true', 'two null data'], 'what only the data decides is left open');
SELECT is((SELECT array_agg(concat_ws(' ', event, coalesce(enabled::text, 'null'), reason) ORDER BY event) FROM workflow.available_events(:'f', 'ann') WHERE event IN ('mine', 'plain')),
    ARRAY['mine true', 'plain true'], 'who sends it is known');

-- a refusal that is reported leaves nothing to the next command
SELECT is((SELECT array_agg(coalesce(sqlstate, taken::text)) FROM workflow.send_many(ARRAY[:'f', :'f']::uuid[], ARRAY['clerks', 'plain'], refusals => 'report')),
    ARRAY['WF002', 'true'], 'one is refused, the next one is taken');
SELECT is((SELECT concat_ws(' ', event, taken, coalesce(reason, 'none')) FROM workflow.process_history WHERE process = :'f' ORDER BY step DESC LIMIT 1), 'plain t none', 'for no reason');

RESET ROLE;
\set end :srcdir '/end.psql'
\i :end
