\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Events that definitions declare: their data, checked by whatever route they come, and what
-- forms are told of them.

CREATE DOMAIN app.percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE app.form (definition json);
INSERT INTO app.form VALUES ('{
  "id": "order", "initial": "open", "timezone": "Europe/Vienna",
  "events": {
    "approve": {"title": "Approve", "title:de": "Genehmigen", "title:de-AT": "Bewilligen", "description": "Says yes", "meta": {"colour": "green"}, "data": {
      "amount": {"type": "numeric", "required": true, "check": "@value > 0", "title": "Amount", "title:de": "Betrag"},
      "discount": {"type": "app.percent", "default": 10},
      "on": {"type": "date", "default": {"@expr": "date ''2030-01-01'' + (params->>''discount'')::int"}}}},
    "note.*": {"title": "A note", "data": {"text": "text"}},
    "refuse": {"title": "Refuse"},
    "nothing": {"data": {}}
  },
  "states": {
    "open": {"on": {
      "approve": {"guard": {"@expr": "(event->''data''->>''amount'')::numeric < 1000"}, "target": "done", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}},
      "note.*": {"actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}},
      "nothing": {"actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}},
      "free": {"actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}},
      "refuse": "done"}},
    "done": {"type": "final"}}}');
SELECT workflow.define(definition) FROM app.form \g /dev/null
SELECT is((SELECT chart->'events'->'approve' FROM workflow.definitions WHERE name = 'order')::jsonb, '{
    "title": "Approve", "title:de": "Genehmigen", "title:de-AT": "Bewilligen", "description": "Says yes", "meta": {"colour": "green"}, "data": [
    {"name": "amount", "type": "numeric", "required": true, "check": {"@expr": "value > 0"}, "title": "Amount", "title:de": "Betrag"},
    {"name": "discount", "type": "app.percent", "default": 10},
    {"name": "on", "type": "date", "default": {"@expr": "date ''2030-01-01'' + (params->>''discount'')::int"}}]}', 'the canonical form');
SELECT is(workflow.define(definition), 1, 'which is the same the next time') FROM app.form;
SELECT is(workflow.define((SELECT chart FROM workflow.definitions WHERE name = 'order')), 1, 'and when it is defined itself');

-- send
SELECT workflow.start('order') AS p \gset
SELECT is((error(format('SELECT workflow.send(%L, %L, %L)', :'p', e, d)))[1:2], ARRAY['WF013', r], r) FROM (VALUES
    ('approve', NULL, 'parameter "amount" of event "approve" is missing'),
    ('approve', '{}', 'parameter "amount" of event "approve" is missing'),
    ('approve', '{"amount": null}', 'parameter "amount" of event "approve" must not be null'),
    ('approve', '{"amount": -1}', 'parameter "amount" of event "approve" violates its check'),
    ('approve', '{"amount": "much"}', 'wrong value of parameter "amount" of event "approve"'),
    ('approve', '{"amount": 1, "discount": 101}', 'wrong value of parameter "discount" of event "approve"'),
    ('approve', '{"amount": 1, "amuont": 1}', 'event "approve" has no parameter "amuont"'),
    ('approve', '[1]', 'the data of event "approve" must be an object'),
    ('approve', 'null', 'the data of event "approve" must be an object'),
    ('note.private', '{"txet": ""}', 'event "note.private" has no parameter "txet"'),
    ('nothing', '{"a": 1}', 'event "nothing" has no parameter "a"')) t(e, d, r);
SELECT is((SELECT step FROM workflow.get(:'p')), 1, 'nothing of this came to the process');
SELECT is((SELECT context FROM workflow.send(:'p', e, d)), jsonb_build_object('got', g), e) FROM (VALUES
    ('note.private', '{"text": 5}'::jsonb, '{"text": "5"}'::jsonb), ('note', '{"text": null}', '{"text": null}'), ('nothing', NULL, '{}'),
    ('free', '[1]', '[1]'), ('free', NULL, NULL)) t(e, d, g);
SELECT is(taken, false, 'guards see what fits') FROM workflow.send(:'p', 'approve', '{"amount": "1e3"}');
SELECT is((taken, context)::text, '(t,"{""got"": {""on"": ""2030-01-11"", ""amount"": 999, ""discount"": 10}}")', 'with defaults, as the types write it') FROM workflow.send(:'p', 'approve', '{"amount": "999"}');
SELECT is((SELECT data FROM workflow.process_history WHERE process = :'p' AND event = 'approve' AND taken), '{"on": "2030-01-11", "amount": 999, "discount": 10}', 'also in the history');

-- other routes
SELECT workflow.start('order', key => 'k') AS p \gset
SELECT is((error(format(q, :'p')))[1], 'WF013', q) FROM unnest(ARRAY[
    'SELECT workflow.post(%L, ''approve'')', 'SELECT workflow.post_by_key(''order'', ''k'', ''approve'')',
    'SELECT workflow.post_by_key(''order'', ''later'', ''approve'', early => ''1 day'')',
    'SELECT workflow.send_by_key(''order'', ''k'', ''approve'')', 'SELECT workflow.send_by_key(''order'', ''new'', ''approve'', start => ''{}'')',
    'SELECT workflow.send_many(ARRAY[%L]::uuid[], ''{approve}'')']) q;
SELECT is((SELECT count(*) FROM workflow.processes WHERE key = 'new'), 0::bigint, 'nothing was started');
SELECT workflow.start('order') AS q \gset
SELECT is((SELECT array_agg(concat_ws(' ', taken, sqlstate, message, context->'got')) FROM workflow.send_many(ARRAY[:'p', :'q', :'q']::uuid[], '{approve,approve,note}', ARRAY['{"amount": 0}', '{"amount": 1, "discount": 200}', '{"text": "x"}']::jsonb[], refusals => 'report')),
    '{"WF013 parameter \"amount\" of event \"approve\" violates its check","WF013 wrong value of parameter \"discount\" of event \"approve\"","t {\"text\": \"x\"}"}', 'refusals are reported');
SELECT workflow.post(:'p', 'note', '{"text": 7}') \g /dev/null
SELECT is((SELECT data FROM workflow.timers WHERE process = :'p'), '{"text": "7"}', 'what is posted has the data that are delivered');
SELECT workflow.work() \g /dev/null
SELECT is((SELECT context->'got' FROM workflow.get(:'p')), '{"text": "7"}', 'and delivered they are');
SELECT is((SELECT context->'got' FROM workflow.dry_run(:'p', 'note', '{"text": 8}')), '{"text": "8"}', 'a dry run does the same');
SELECT is((SELECT (taken, effects->0->>'message')::text FROM workflow.dry_run(:'p', 'nothing', '{"a": 1}')), '(f,"event ""nothing"" has no parameter ""a""")', 'and says what does not fit');
SELECT is((SELECT array_agg(error->>'sqlstate') FROM workflow.simulate('order', '[{"event": "approve"}]')), '{NULL,WF013}', 'as a simulation');
SELECT is((SELECT array_agg(context->'got') FROM workflow.simulate('order', '[{"event": "note", "data": {"text": 8}}]')), '{NULL,"{\"text\": \"8\"}"}', 'and so does a simulation');

-- the author's code runs as the author
CREATE FUNCTION app.seen(value int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN current_user = 'regress_app' AND current_setting('timezone') = 'Asia/Tokyo'; END $$;
SELECT workflow.define('{"id": "owned", "initial": "a", "timezone": "Asia/Tokyo", "events": {"go": {"data": {"n": {"type": "int", "check": "app.seen(value)"}, "t": {"type": "timestamptz", "default": "2030-01-01 09:00"}}}},
    "states": {"a": {"on": {"go": {"actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}}}}}}') \g /dev/null
SELECT workflow.grant_on('owned', 'regress_clerk', 'start', 'send') \g /dev/null
SET ROLE regress_clerk;
SET LOCAL timezone TO 'UTC';
SELECT is(context->'got', '{"n": 5, "t": "2030-01-01T09:00:00+09:00"}', 'with the author''s settings') FROM workflow.send(workflow.start('owned'), 'go', '{"n": "5"}');
SELECT is(workflow.event_schema('owned', 'go')->'properties'->'n'->'x-check', '"app.seen(value)"', 'who may send sees the schema');
SET ROLE regress_stranger;
SELECT is((error('SELECT workflow.event_schema(''owned'', ''go'')'))[1], 'WF002', 'a stranger does not');
SET ROLE regress_app;

-- available_events, event_schema
SELECT workflow.start('order') AS p \gset
SELECT is((SELECT array_agg(concat_ws(' ', event, coalesce(enabled::text, 'null'), reason, title, description, meta) ORDER BY event) FROM workflow.available_events(:'p', language => l)), a, l) FROM (VALUES
    ('de', '{"approve null data Genehmigen Says yes {\"colour\": \"green\"}","free true","note.* true A note","nothing true","refuse true Refuse"}'::text[]),
    ('de_AT', '{"approve null data Bewilligen Says yes {\"colour\": \"green\"}","free true","note.* true A note","nothing true","refuse true Refuse"}'),
    ('fr', '{"approve null data Approve Says yes {\"colour\": \"green\"}","free true","note.* true A note","nothing true","refuse true Refuse"}')) t(l, a);
SELECT is((SELECT schema FROM workflow.available_events(:'p', language => 'DE-ch') WHERE event = 'approve'), workflow.event_schema('order', 'approve', language => 'de'), 'the schema of an event');
SELECT is(workflow.event_schema('order', 'approve', 1, 'de') - '$schema', '{"title": "Genehmigen", "description": "Says yes", "type": "object", "required": ["amount"], "additionalProperties": false, "x-order": ["amount", "discount", "on"], "properties": {
    "amount": {"type": "number", "title": "Betrag", "x-type": "numeric", "x-check": "value > 0"},
    "discount": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647, "default": 10, "x-type": "app.percent"},
    "on": {"type": "string", "format": "date", "x-type": "date"}}}', 'with titles in a language');
SELECT is(workflow.event_schema('order', 'refuse') - '$schema', '{"title": "Refuse"}', 'any data');
SELECT is(workflow.event_schema('order', 'free'), NULL, 'an event that is not declared');
SELECT is((error('SELECT workflow.event_schema(''order'', ''approve'', 2)'))[1], 'WF006', 'the version has to exist');

-- nothing but what is declared
SELECT workflow.define('{"id": "strict", "initial": "a", "events": {"go": {}, "stay": true, "*": false}, "states": {"a": {"on": {"go": "a", "gone": "a", "*": "a"}}}}') \g /dev/null
SELECT workflow.start('strict') AS p \gset
SELECT is((error(format('SELECT workflow.send(%L, ''gone'')', :'p')))[1:2], '{WF013,"definition \"strict\" does not accept event \"gone\""}', 'events that are not declared are refused');
SELECT is(taken, true, 'others are not') FROM workflow.send(:'p', 'stay', '[1]');
SELECT is((SELECT array_agg(concat_ws(' ', event, enabled, reason)) FROM workflow.available_events(:'p')), '{"go t","gone f undeclared","* f undeclared"}', 'and not available');
SELECT is(workflow.event_schema('strict', 'gone'), 'false', 'nothing fits');

-- lint, export
SELECT is((SELECT array_agg(rule || ' ' || path) FROM workflow.lint('strict')), '{"undeclared_event $.states.a.on.gone"}', 'a handler of what is not accepted');
SELECT is((SELECT array_agg(rule || ' ' || path) FROM workflow.lint('{"id": "x", "initial": "a", "events": {"go": {}, "stay": {}, "later": {}, "note.*": {}, "x.y": {}, "*": false},
    "states": {"a": {"entry": {"type": "raise", "event": "own"}, "defer": ["later"], "on": {"go": "a", "own": "a", "note.private": "a", "x.*": "a", "error.*": "a"}}}}'::json)), '{"unused_event $.events.stay"}', 'events that are for nothing');
SELECT is((SELECT array_agg(rule || ' ' || path) FROM workflow.lint('{"id": "x", "initial": "a", "events": {"stay": false}, "states": {"a": {"on": {"stay": {"actions": {"type": "raise", "event": {"@expr": "''stay''"}}}}}}}'::json)), NULL, 'what the process may send to itself may come');
SELECT is((workflow.export('strict')->'meta'->'workflow'->'losses')::text, '[{"path":"$.events","construct":"events","message":"data of events are not checked"}]', 'an export says what is missing');

-- processes that send to each other
SELECT workflow.define('{"id": "sender", "initial": "a", "states": {"a": {"on": {"tell": {"actions": {"type": "send", "target": {"@expr": "event->''data''->>''to''"}, "event": {"type": "note.x", "data": {"@expr": "event->''data''->''what''"}}}},
    "error.communication": {"actions": {"type": "assign", "context": {"why": {"@expr": "event->''data''->>''reason''"}}}}}}}}') \g /dev/null
SELECT workflow.start('order') AS p, workflow.start('sender') AS s \gset
SELECT is(context->>'why', 'event "note.x" has no parameter "wrong"', 'the sender is told') FROM workflow.send(:'s', 'tell', jsonb_build_object('to', :'p', 'what', '{"wrong": 1}'::jsonb));
SELECT is(context->>'why', 'event "note.x" has no parameter "wrong"', 'or not') FROM workflow.send(:'s', 'tell', jsonb_build_object('to', :'p', 'what', '{"text": 1}'::jsonb));
SELECT workflow.work() \g /dev/null
SELECT is((SELECT context->'got' FROM workflow.get(:'p')), '{"text": "1"}', 'the data are those that are declared');

-- publish
SELECT workflow.define('{"id": "waits", "initial": "a", "events": {"paid": {"data": {"sum": "numeric", "by": {"type": "text", "default": "cash"}}}},
    "states": {"a": {"on": {"paid": {"target": "b", "correlate": "4711", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}}}}, "b": {}}}') \g /dev/null
SELECT workflow.define('{"id": "waits too", "initial": "a", "states": {"a": {"on": {"paid": {"target": "b", "correlate": "4711", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''data''"}}}}}}, "b": {}}}') \g /dev/null
SELECT workflow.start('waits') AS p, workflow.start('waits too') AS q \gset
SELECT is((error('SELECT workflow.publish(''paid'', ''4711'', ''{"sum": "x"}'')'))[1:2], '{WF013,"wrong value of parameter \"sum\" of event \"paid\""}', 'what is published has to fit all who wait');
SELECT is(workflow.publish('paid', '4711', '{"sum": "5"}'), 2::bigint, 'as this does');
SELECT workflow.work() \g /dev/null
SELECT is((SELECT array_agg(context->'got') FROM unnest(ARRAY[:'p', :'q']::uuid[]) i, workflow.get(i)), '{"{\"by\": \"cash\", \"sum\": 5}","{\"sum\": \"5\"}"}', 'each gets what it has declared');
SELECT workflow.publish('paid', '4711', '{"sum": "x"}', keep => '1 day') \g /dev/null
SELECT workflow.start('waits') AS p \gset
SELECT workflow.work() \g /dev/null
SELECT is((SELECT states FROM workflow.get(:'p')), '{a}', 'what was kept and does not fit is refused when it comes');
SELECT is((SELECT concat_ws(' ', event, taken, reason, data) FROM workflow.process_history WHERE process = :'p' AND event = 'paid'), 'paid f refused {"sum": "x"}', 'and the history says so');
SELECT workflow.publish('paid', '4711', '{"sum": "6"}', keep => '1 day') \g /dev/null
SELECT workflow.work() \g /dev/null
SELECT is((SELECT context->'got' FROM workflow.get(:'p')), '{"by": "cash", "sum": 6}', 'one that fits is taken');

-- tasks
SELECT workflow.define('{"id": "ask", "initial": "a", "events": {"yes": {"data": {"n": {"type": "int", "required": true}}}}, "states": {"a": {"task": {"for": ["x", "y"], "need": "all"}, "on": {"yes": {"target": "b", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''votes''"}}}}, "no": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.start('ask') AS p \gset
SELECT task AS t FROM workflow.inbox('x') \gset
SELECT is((error(format('SELECT workflow.complete_task(%L, ''yes'', actor => ''x'')', :'t')))[1:2], '{WF013,"parameter \"n\" of event \"yes\" is missing"}', 'a vote needs the data of its event');
SELECT workflow.complete_task(:'t', 'yes', '{"n": "1"}', actor => 'x') \g /dev/null
SELECT is((SELECT jsonb_path_query_array(context, '$.got[*].data') FROM workflow.complete_task(:'t', 'yes', '{"n": "2"}', actor => 'y')), '[{"n": 1}, {"n": 2}]', 'each has them as they are declared');

-- table triggers
CREATE TABLE app.payment (id int PRIMARY KEY, "order" text, text text, other int);
SELECT workflow.create_table_trigger('pays', 'payment', 'insert', definition => 'order', event => 'note.paid', key => 'new."order"') \g /dev/null
SELECT workflow.start('order', key => 'paid') AS p \gset
INSERT INTO app.payment VALUES (1, 'paid', 'thanks', 5), (2, 'nobody', 'x', 6);
SELECT workflow.work() \g /dev/null
SELECT is((SELECT context->'got' FROM workflow.get(:'p')), '{"text": "thanks"}', 'a row becomes the data that are declared');
SELECT workflow.create_table_trigger('approves', 'payment', 'update', definition => 'order', event => 'approve', key => 'new."order"') \g /dev/null
SELECT is((error('UPDATE app.payment SET other = 7'))[1:2], '{WF013,"parameter \"amount\" of event \"approve\" is missing"}', 'if it has them');

-- faults
SELECT is(array_to_string(faults(format('{"id": "bad", "initial": "a", "events": %s, "states": {"a": {}}}', e)), '; '), r, r) FROM (VALUES
    ('[]', '$.events: must be of type object, not array'),
    ('{"": {}}', '$.events[""]: the name of the event is empty'),
    ('{"done.state.a": {}}', '$.events["done.state.a"]: event "done.state.a" is one that only the engine sends (Declare what others send.)'),
    ('{"go": 5}', '$.events.go: must be of type object, not number'),
    ('{"go": {"dat": {}}}', '$.events.go.dat: unknown key "dat" (Did you mean "data"?)'),
    ('{"go": {"title:german language": ""}}', '$.events.go["title:german language"]: unknown key "title:german language"'),
    ('{"go": {"title:de": 5}}', '$.events.go["title:de"]: must be of type string, not number'),
    ('{"go": {"data": 5}}', '$.events.go.data: must be of type object, not number (Write {"amount": {"type": "numeric"}}.)'),
    ('{"go": {"data": {"n": {"type": "int", "sensitive": true}}}}', '$.events.go.data: data of events cannot be sensitive (Name the fields of the context that are, under "sensitive" of the root.)'),
    ('{"go": {"data": {"n": {"type": "nothing"}}}}', '$.events.go.data: type "nothing" does not exist'),
    ('{"go": {"data": {"n": {"type": "int", "default": "x"}}}}', '$.events.go.data: parameter "n" is not declared well: its default does not fit: invalid input syntax for type integer: "x"'),
    ('{"go": {"data": {"n": {"type": "int", "check": "nothing > 5"}}}, "come": {"data": {"x": {"typ": "int"}}}}',
     '$.events.come.data: parameter "x" is not declared well: unknown key "typ" (Did you mean "type"?); $.events.go.data: column "nothing" does not exist')) t(e, r);

\set end :srcdir '/end.psql'
\i :end
