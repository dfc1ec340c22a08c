\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION app.paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.number(context jsonb, event jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.many(context jsonb, event jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT context';
CREATE FUNCTION app.limited(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';

-- versions
\set door '{"id": "door", "initial": "shut", "states": {"shut": {"on": {"open": "opened"}}, "opened": {"on": {"shut": "shut"}}}}'
\set longer '{"id": "door", "initial": "shut", "states": {"shut": {"on": {"open": "opened"}}, "opened": {"on": {"shut": {"target": "shut"}, "break": "broken"}}, "broken": {"type": "final"}}}'
SELECT is(workflow.define(:'door'), 1, 'the first version of a name is 1');
SELECT is(workflow.define(:'door'), 1, 'the same definition again is the same version');
SELECT is(workflow.define(replace(:'door', '"opened"}', '[{ "target" : "opened" }] }')::json), 1,
          'another spelling of the same chart is the same version');
SELECT is(workflow.define(:'longer'), 2, 'a changed definition is a new version');
SELECT is(workflow.define(:'longer'::text), 2, 'a text is taken, too');
SELECT is(workflow.define(definition => :'longer'::json), 2, 'as well as json');
SELECT is((error(format('SELECT workflow.define(%L::jsonb)', :'longer')))[1], '42883', 'but no jsonb, which has lost the order of the keys');
SELECT is((error(format('SELECT workflow.define(%L)', c)))[1], '22P02', 'and no text that is no JSON: ' || c) FROM unnest(ARRAY['', '{', 'door']) c;
SELECT is(workflow.define(:'door'), 3, 'going back to an older one is a new version, too');
SELECT is(workflow.define('{"id": "gate", "initial": "a", "states": {"a": {}}}'), 1, 'another name counts for itself');
SELECT results_eq(
    $$ SELECT version, owner::text COLLATE "default", search_path, created_at FROM workflow.definitions WHERE name = 'door' ORDER BY 1 $$,
    $$ SELECT v, 'regress_app', 'app, public, pg_temp', '2030-01-01 00:00+00'::timestamptz FROM generate_series(1, 3) v $$,
    'every version is kept, with its owner and the search_path of its author, pg_temp last');
SELECT is((SELECT source::text FROM workflow.definitions WHERE name = 'door' AND version = 2), :'longer',
          'the source is kept as it was written');
SELECT is(workflow.define('{"id": "calls", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "guard": "paid"}}}}}'), 1,
          'a definition that names a function is version 1');
CREATE OR REPLACE FUNCTION app.paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SELECT is(workflow.define('{"id": "calls", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "guard": "paid"}}}}}'), 2,
          'after one of its functions has changed the same text is a new version');
SELECT is((SELECT count(DISTINCT functions ->> 'app.paid(pg_catalog.jsonb,pg_catalog.jsonb)')::int FROM workflow.definitions WHERE name = 'calls'), 2,
          'each version keeps the hash of the functions it names');
SELECT isnt(workflow.define('{"id": "order", "initial": "b", "states": {"b": {}, "a": {}}}'),
            workflow.define('{"id": "order", "initial": "b", "states": {"a": {}, "b": {}}}'),
            'another order of the states is another version: document order has a meaning');

-- faults
SELECT is(error($$ SELECT workflow.define('{"id": "x", "initial": "a", "states": {"a": {"onn": {}}}}') $$),
          ARRAY['WF007', 'the definition has 1 fault', '$.states.a.onn: unknown key "onn" (Did you mean "on"?)'],
          'one fault: SQLSTATE WF007, with its path and a hint');
SELECT is((SELECT array_agg(f ORDER BY f COLLATE "C") FROM unnest(faults('{
    "id": "x", "initial": "nowhere", "colour": "red",
    "states": {
        "a": {"on": {"go": "b", "stop": {"target": "c", "guard": "unknown_guard"}}, "after": {"soon": "a"}},
        "b c": {"entry": ["unknown_action", {"type": "assign", "context": {"n": {"@expr": "1 +"}}}]},
        "c": {"type": "finall"}
    }}')) f),
    ARRAY[
    '$.colour: unknown key "colour"',
    '$.initial: there is no state "nowhere"',
    '$.states.a.after.soon: "soon" is not a delay (Write milliseconds ("1000"), ISO 8601 ("PT30M"), an interval ("30 minutes"), or a name in the root''s `delays`.)',
    '$.states.a.on.go: there is no state "b"',
    '$.states.a.on.stop.guard: function unknown_guard(context jsonb, event jsonb) does not exist',
    '$.states.c.type: there is no state type "finall" (Did you mean "final"?)',
    '$.states["b c"].entry[0]: function unknown_action(context jsonb, event jsonb) does not exist',
    '$.states["b c"].entry[1].context.n: syntax error at end of input',
    E'HINT: Create the missing functions:\nCREATE FUNCTION unknown_guard(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;\n'
    'CREATE FUNCTION unknown_action(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;'],
    'all faults are found at once, those of the structure and those of functions and expressions');
SELECT is(faults('{"initial": "a", "states": {"a": {}}}'),
    ARRAY['$: "id" is missing (Write the name of the definition.)'], 'a definition needs a name');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"entry": [
        {"type": "raise", "event": "workflow.cancel"}, {"type": "raise", "event": {"type": "done.mine"}},
        {"type": "sendParent", "event": {"type": "done.invoke.x"}}, {"type": "sendTo", "to": "#_x", "event": "error.x"},
        {"type": "send", "target": {"@expr": "context->>''to''"}, "event": "error.x"},
        {"type": "send", "target": {"@expr": "context->>''to''"}, "event": "workflow.forward"},
        {"type": "send", "target": "#_internal", "event": "after.x"}, {"type": "send", "event": "error.x"}]}}}'), ARRAY[
    '$.states.a.entry[0].event: event "workflow.cancel" cannot be sent: names that begin with "workflow." are the engine''s own (Use a name of your own.)',
    '$.states.a.entry[2].event.type: event "done.invoke.x" cannot be sent: names that begin with "done." are the engine''s own (Use a name of your own.)',
    '$.states.a.entry[3].event: event "error.x" cannot be sent: names that begin with "error." are the engine''s own (Use a name of your own.)',
    '$.states.a.entry[5].event: event "workflow.forward" cannot be sent: names that begin with "workflow." are the engine''s own (Use a name of your own.)'],
    'an event that could never be sent is a fault, as far as name and receiver are written down');
SELECT is(faults('{"id": "x", "states": {"a": {}, "b": {}}}'),
    ARRAY['$: "initial" is missing (Name the child that is entered first.)'], 'a compound state needs an initial one');
SELECT is(faults('[1, 2]'), ARRAY['$: must be of type object, not array'], 'a definition is an object');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "target": "b"}}}, "b": {}}}'),
    ARRAY['$.states.a.on.go: key "target" appears more than once'], 'a key may be there only once');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"type": "final", "on": {"go": "a"}}}}'),
    ARRAY['$.states.a.on: state of type "final" cannot have "on"'], 'a final state reacts to nothing');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"after": {"1 day 99:99": "a", "PT": "a", "-5": "a"}}}}'),
    ARRAY[
    '$.states.a.after.PT: "PT" is not a delay (Write milliseconds ("1000"), ISO 8601 ("PT30M"), an interval ("30 minutes"), or a name in the root''s `delays`.)',
    '$.states.a.after["-5"]: "-5" is not a delay (Write milliseconds ("1000"), ISO 8601 ("PT30M"), an interval ("30 minutes"), or a name in the root''s `delays`.)',
    '$.states.a.after["1 day 99:99"]: interval field value out of range: "1 day 99:99"'],
    'durations are checked');

-- functions
CREATE FUNCTION app.guarded(guard text) RETURNS text[] LANGUAGE sql AS $$
    SELECT faults(format('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": {"guard": %s}}}}}', guard)) $$;
SELECT is(guarded('"paid"'), ARRAY['no error'], 'a guard may be a function that returns boolean');
SELECT is(guarded('"app.paid"'), ARRAY['no error'], 'its name may be qualified');
SELECT is(guarded('"number"'),
    ARRAY['$.states.a.on.go.guard: guard number must return boolean, not integer'], 'a guard must return boolean');
SELECT is(guarded('"limited"'),
    ARRAY['$.states.a.on.go.guard: function limited(context jsonb, event jsonb) does not exist (There is a function with the argument params: add "params", or remove the argument.)'],
    'a function with params needs params');
SELECT is(guarded('{"type": "limited", "params": {"n": 1}}'), ARRAY['no error'], 'and has them');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"entry": ["number", "many"]}}}'),
    ARRAY['$.states.a.entry[0]: action number must return jsonb or void, not integer (Return the new context as jsonb, or nothing.)',
          '$.states.a.entry[1]: "many" is not a plain function'],
    'an action must return jsonb or void, one row');
SELECT is(guarded('"paid(); DROP TABLE app.note"'),
    ARRAY['$.states.a.on.go.guard: invalid name syntax (Name a function, or write an expression as {"@expr": "..."}.)'],
    'a function''s name is nothing but a name');
SELECT is(guarded('{"type": "stateIm", "stateId": "a"}'),
    ARRAY['$.states.a.on.go.guard.type: there is no built-in guard "stateIm" (Did you mean "stateIn"?)'],
    'one that has the keys of a built-in guard, and nearly its name, is told as that');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"entry": [
        {"type": "assing", "context": {"n": 1}}, {"type": "assing"}, {"type": "number", "parms": 1}]}}}'),
    ARRAY['$.states.a.entry[0].type: there is no built-in action "assing" (Did you mean "assign"?)',
          '$.states.a.entry[2].parms: unknown key "parms" (Did you mean "params"?)',
          '$.states.a.entry[1]: function assing(context jsonb, event jsonb) does not exist',
          E'HINT: Create the missing functions:\nCREATE FUNCTION assing(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;'],
    'so of an action');
SELECT is(faults('{"id": "x", "initial": "a", "delays": {"soon": "3 dayz"}, "states": {"a": {"after": {"soon": "a"}}}}'),
    ARRAY['$.delays.soon: "3 dayz" is not a delay (Write milliseconds ("1000"), ISO 8601 ("PT30M"), an interval ("30 minutes"), or a name in the root''s `delays`.)'],
    'a delay that has a name is at fault where it stands, not where it is used');

-- expressions
CREATE FUNCTION app.expression(text text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(regexp_replace(f, '^\$\.states\.a\.on\.go\.guard(\.@expr|\["@expr"\])?: ', ''), E'\n')
    FROM unnest(guarded(json_build_object('@expr', text)::text)) f $$;
SELECT is(expression('(context->>''total'')::numeric > 100 AND event->''data'' ? ''by'''), 'no error', 'an expression sees context and event');
SELECT is(expression('true, false'), 'not a single SQL expression: true, false', 'two targets are refused');
SELECT is(expression('1) FROM x'), 'syntax error at or near ")"', 'the end of a bracket that was never opened is refused');
SELECT is(expression('true FROM pg_authid'), 'not a single SQL expression: true FROM pg_authid', 'FROM is refused');
SELECT is(expression('true WHERE false'), 'not a single SQL expression: true WHERE false', 'WHERE is refused');
SELECT is(expression('true; SELECT true'), 'syntax error at or near ";"', 'a second statement is refused');
SELECT is(expression('true;'), 'syntax error at or near ";"', 'so is a semicolon');
SELECT is(expression(';'), 'syntax error at or near ";"', 'or nothing but one');
SELECT is(expression('true UNION SELECT false'), 'syntax error at or near "UNION"', 'UNION is refused');
SELECT is(expression('true AS yes'), 'not a single SQL expression: true AS yes', 'an alias is refused');
SELECT is(expression('true INTO app.x'), 'syntax error at or near "INTO"', 'INTO is refused');
SELECT is(expression('DISTINCT true'), 'not a single SQL expression: DISTINCT true', 'DISTINCT is refused');
SELECT is(expression('true ORDER BY 1'), 'not a single SQL expression: true ORDER BY 1', 'ORDER BY is refused');
SELECT is(expression('true LIMIT 1'), 'not a single SQL expression: true LIMIT 1', 'LIMIT is refused');
SELECT is(expression('true OFFSET 1'), 'not a single SQL expression: true OFFSET 1', 'OFFSET is refused');
SELECT is(expression('true FETCH FIRST ROW ONLY'), 'not a single SQL expression: true FETCH FIRST ROW ONLY', 'FETCH is refused');
SELECT is(expression('true GROUP BY ()'), 'not a single SQL expression: true GROUP BY ()', 'GROUP BY is refused');
SELECT is(expression('true HAVING true'), 'not a single SQL expression: true HAVING true', 'HAVING is refused');
SELECT is(expression('true WINDOW w AS ()'), 'not a single SQL expression: true WINDOW w AS ()', 'WINDOW is refused');
SELECT is(expression('true FOR UPDATE'), 'not a single SQL expression: true FOR UPDATE', 'FOR UPDATE is refused');
SELECT is(expression('SELECT true'), 'syntax error at or near "SELECT"', 'a query is refused');
SELECT is(expression('WITH x AS (SELECT) true'), 'syntax error at or near "WITH"', 'WITH is refused');
SELECT is(expression('VALUES (true)'), 'syntax error at or near "("', 'VALUES is refused');
SELECT is(expression('x := true'), 'syntax error at or near ":="', 'an assignment is refused');
SELECT is(expression('*'), 'not a single SQL expression: *', 'a star is refused');
SELECT is(expression('context.*'), 'not a single SQL expression: context.*', 'and another star');
SELECT is(expression('EXISTS (SELECT FROM pg_authid)'),
          'an expression cannot contain a sub-select (Put the query into a SQL function and name that.)', 'a sub-select is refused');
SELECT is(expression('(SELECT true)'),
          'an expression cannot contain a sub-select (Put the query into a SQL function and name that.)', 'a scalar sub-select is refused');
SELECT is(expression('''a'' = ANY (ARRAY(SELECT ''a''))'),
          'an expression cannot contain a sub-select (Put the query into a SQL function and name that.)', 'an array sub-select is refused');
SELECT is(expression('count(*) > 1'),
          'an expression cannot contain an aggregate, window or set-returning function (Put the query into a SQL function and name that.)',
          'an aggregate is refused');
SELECT is(expression('row_number() OVER () > 1'),
          'an expression cannot contain an aggregate, window or set-returning function (Put the query into a SQL function and name that.)',
          'a window function is refused');
SELECT is(expression('generate_series(1, 2) > 1'), 
          'an expression cannot contain an aggregate, window or set-returning function (Put the query into a SQL function and name that.)',
          'a set-returning function is refused');
SELECT is(faults('{"id": "x", "initial": "a", "context": {"n": {"@expr": "generate_series(1, 2)"}}, "states": {"a": {}}}'),
    ARRAY['$.context.n: an expression cannot contain an aggregate, window or set-returning function (Put the query into a SQL function and name that.)'],
    'in a value, too');
SELECT is(expression('total > 1'), 'column "total" does not exist (An expression knows context and event, both of type jsonb, and states, of type text[]: context->>''name''.)',
          'there are no columns but context and event');
SELECT is(expression('context.total > 1'),
          'missing FROM-clause entry for table "context" (An expression knows context and event, both of type jsonb, and states, of type text[]: context->>''name''.)',
          'context is no table');
SELECT is(expression('$1 > 1'), 'there is no parameter $1', 'there are no parameters');
SELECT is(expression('42'), 'argument of a guard must be type boolean, not type integer', 'a guard is boolean');
SELECT is(expression(''), 'the expression is empty', 'an empty expression is refused');
SELECT is(expression('true -- yes'), 'no error', 'a comment does no harm');
SELECT is(expression('paid(context, event)'), 'no error', 'an expression may call functions');

-- where in the author's text
CREATE FUNCTION app.fee(jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT FROM workflow.define('{"id": "fee", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "guard": {"@expr": "1 < 2 AND fee(context) = 1"}}}}}}');
SELECT workflow.start('fee') AS p \gset
DROP FUNCTION app.fee(jsonb);
SAVEPOINT s;
\set ON_ERROR_STOP 0
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT workflow.send(:'p', 'go');
\set VERBOSITY terse
\set ON_ERROR_STOP 1
ROLLBACK TO s;

-- owners
SET ROLE regress_clerk;
SELECT is(error('SELECT workflow.define(''{"id": "door", "initial": "a", "states": {"a": {}}}'')'),
    ARRAY['WF002', 'definition "door" belongs to role "regress_app"'], 'another role cannot define a name that is taken');
SELECT is((error(format('SELECT workflow.define(%L)', jsonb_build_object('id', p || 'x', 'initial', 'a', 'states', '{"a": {}}'::jsonb))))[1:2],
    ARRAY['22023', format('the name of a definition must not begin with "%s"', p)], 'nor one by which grant_on() means something else: ' || p)
    FROM unnest(ARRAY['job:', 'queue:', 'schedule:', 'limit:']) p;
RESET ROLE;
SELECT is((error('SELECT workflow.define(''{"id": "mine", "initial": "a", "states": {"a": {}}}'')'))[1:2],
    ARRAY['WF002', 'a superuser cannot own a definition'], 'a superuser cannot define');
SELECT matches((error('SELECT workflow.define(''{"id": "mine", "initial": "a", "states": {"a": {}}}'')'))[4],
    'HINT: CREATE ROLE app LOGIN; GRANT workflow_user TO app; SET ROLE app;', 'and is told what to do');
CREATE ROLE regress_nologin NOLOGIN;
GRANT workflow_user TO regress_nologin;
SET ROLE regress_nologin;
SELECT is(error('SELECT workflow.define(''{"id": "mine", "initial": "a", "states": {"a": {}}}'')'),
    ARRAY['WF002', 'role "regress_nologin" cannot own a definition: it may not log in',
          'Executors log in as the owner of the work.',
          'HINT: ALTER ROLE regress_nologin LOGIN, or SET ROLE to another role first.'],
    'a role that may not log in cannot define');
RESET ROLE;
SELECT is((error('DROP ROLE regress_app'))[1], '2BP01', 'an owner of definitions cannot be dropped');

-- what is stored can be read
SET ROLE regress_app;
SELECT is((error(format('SELECT workflow.define(%L)', '{"id": "deep", "initial": "a", "states": {"a": {"entry": ' || repeat('{"type": "foreach", "array": [], "item": "x", "actions": ', 200) || '{"type": "log"}' || repeat('}', 200) || '}}}')))[1:3],
    ARRAY['WF007', 'the definition has faults when it is written without shorthand', '$: nested deeper than 320 levels'], 'a definition that is too deep in its canonical form');

-- a large one can be cancelled
CREATE FUNCTION app.is_cancelled(command text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN false;
EXCEPTION WHEN query_canceled THEN
    RETURN true;
END
$$;
CREATE TABLE app.large AS SELECT format('SELECT workflow.define(%L)', '{"id": "large", "initial": "a", "states": {"a": {"on": {' || string_agg(format('"e%s": null', n), ',') || '}}}}') AS command FROM generate_series(1, 300000) n;
SET LOCAL statement_timeout TO '200ms';
SELECT is(is_cancelled(command), true, 'a definition that takes long can be cancelled') FROM app.large;
RESET statement_timeout;
SELECT is((faults(format('{"id": "long", "initial": "a", "states": {"a": {"on": {"x": "#%s"}}}}', repeat('a.', 1000000))))[1] LIKE '$.states.a.on.x: there is no state %', true, 'a target with a million parts is none');
SELECT is(array_length(faults(format('{"id": "odd", "initial": "a", "states": {"a": {%s}}}', (SELECT string_agg(format('"k%s": 1', n), ',') FROM generate_series(1, 200000) n))), 1), 201, 'of faults without number the first are told');
SELECT is(f[203:], ARRAY['and 51 more'], 'and the others are counted') FROM error(format('SELECT workflow.define(%L)', format('{"id": "odd", "initial": "a", "states": {"a": {%s}}}', (SELECT string_agg(format('"k%s": 1', n), ',') FROM generate_series(1, 251) n)))) e (f) WHERE f[2] = 'the definition has 251 faults';
SELECT ok(length(f) < 4000, 'messages and hints are clipped') FROM unnest(faults(format('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": "%1$s"}}, "b": {"initial": "%1$s", "states": {"%1$s": {}}}}}', repeat('n', 100000)))) f;

-- what jsonb cannot hold is a fault in its place: it is found here, and not at the start
SELECT is(faults(format('{"id": "x", "initial": "a", %s, "states": {"a": {"on": {"go": "a"}}}}', part)), ARRAY[fault || ' (Before the point jsonb has room for 131,072 digits, behind it for 16,383.)'], left(part, 80))
FROM (VALUES ('"context": {"limit": 1e200000}', '$.context.limit: number 1e200000 is beyond the range of jsonb'),
    ('"context": {"l": [1, {"a": -1E+131072}]}', '$.context.l[1].a: number -1E+131072 is beyond the range of jsonb'),
    ('"meta": {"m": 1e-16384}', '$.meta.m: number 1e-16384 is beyond the range of jsonb'),
    ('"meta": [0e-16384]', '$.meta[0]: number 0e-16384 is beyond the range of jsonb'),
    ('"entry": {"type": "note", "params": {"p": 1e200000}}', '$.entry.params.p: number 1e200000 is beyond the range of jsonb'),
    ('"entry": {"type": "raise", "event": {"type": "go", "data": [1e999999999999]}}', '$.entry.event.data[0]: number 1e999999999999 is beyond the range of jsonb'),
    ('"output": 1e200000', '$.output: number 1e200000 is beyond the range of jsonb'),
    ('"context": {"n": 1' || repeat('0', 131072) || '}', '$.context.n: number 1000000000000000000000000000000000000000... is beyond the range of jsonb')) p (part, fault);
SELECT is((faults(format('{"id": "x", "initial": "a", "meta": %s, "states": {"a": {}}}', n)) = ARRAY['no error']), fits, 'jsonb decides: ' || left(n, 20))
FROM (VALUES ('1e131071'), ('1e131072'), ('9999e131068'), ('0.001e131074'), ('0.001e131075'), ('0e200000'), ('1e-16383'), ('1.5e-16382'), ('1.5e-16383'), ('0.0e-16382'), ('0.0e-16383'), ('1e2147483648'), ('123456789e-20')) v (n),
    LATERAL (SELECT (error(format('SELECT %L::jsonb', n)))[1] = 'no error') j (fits);
SELECT is(regexp_replace((faults(definition))[1], ', line .*', ''), fault, left(definition, 80))
FROM (VALUES ('{"id": "x", "description": "a\u0000b", "initial": "a", "states": {"a": {}}}', '$.description: not valid JSON'),
    ('{"id": "x", "context": {"a": 1, "k\u0000": 1}, "initial": "a", "states": {"a": {}}}', '$.context["k\u0000"]: not valid JSON'),
    ('{"id": "x", "context": {"a": [1, {"b": 2}, "\ud800"]}, "initial": "a", "states": {"a": {}}}', '$.context.a[2]: not valid JSON'),
    ('{"id": "x", "context": {"a b": {"c": "\udc00"}}, "initial": "a", "states": {"a": {}}}', '$.context["a b"].c: not valid JSON'),
    ('{"\u0000": 1, "id": "x"}', '$["\u0000"]: not valid JSON'),
    ('{"id": "x", "meta": {"q\"]": {"\u0000": 1}}}', '$.meta["q\"]"]["\u0000"]: not valid JSON'),
    ('["a", "\u0000"]', '$[1]: not valid JSON'), ('"\u0000"', '$: not valid JSON'),
    ('{"id": "x", "meta": {"a": ' || repeat('[', 319) || repeat(']', 319) || '}}', '$: nested deeper than 320 levels')) p (definition, fault);

-- words of other languages
SELECT is(faults('{"id": "k", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final", "data": {"sum": 1}}}}'),
    ARRAY['$.states.b.data: unknown key "data" (Did you mean "output"?)'], 'the output of a final state is "data" in XState 4');
SELECT is(faults('{"id": "k", "initial": "a", "states": {"a": {"invoke": {"src": "k", "data": {"n": 1}}}}}'),
    ARRAY['$.states.a.invoke.data: unknown key "data" (Did you mean "input"?)'], 'and the input of a child');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"on": {"*": {"actions": {"type": "xstate.forwardTo", "target": "kid"}}}}}}'),
    ARRAY['$.states.a.on["*"].actions: there is no built-in action "xstate.forwardTo" (Write {"type": "send", "target": "#_ID", "event": {"type": {"@expr": "event->>''type''"}, "data": {"@expr": "event->''data''"}}}.)'], 'to forward is to send');
SELECT is(faults('{"id": "x", "initial": "a", "predictableActionArguments": true, "tsTypes": {}, "schema": {}, "strict": true, "devTools": true, "delimiter": ".", "preserveActionOrder": true,
    "states": {"a": {"onEntry": "note", "onExit": [], "activities": ["beep"], "internal": true, "on": {"go": {"target": "a", "action": []}}}}}'), ARRAY[
    '$.predictableActionArguments: unknown key "predictableActionArguments" (Actions always run in their order: leave it out.)',
    '$.tsTypes: unknown key "tsTypes" (It is for the TypeScript compiler: leave it out.)',
    '$.schema: unknown key "schema" (It is for the TypeScript compiler: leave it out.)',
    '$.strict: unknown key "strict" (Leave it out: the setting workflow.unknown_events says what becomes of unknown events.)',
    '$.devTools: unknown key "devTools" (There is no such switch here: leave it out.)',
    '$.delimiter: unknown key "delimiter" (The delimiter is always ".": leave it out.)',
    '$.preserveActionOrder: unknown key "preserveActionOrder" (Actions always run in their order: leave it out.)',
    '$.states.a.onEntry: unknown key "onEntry" (Did you mean "entry"?)',
    '$.states.a.onExit: unknown key "onExit" (Did you mean "exit"?)',
    '$.states.a.activities: unknown key "activities" (Begin it in "entry" and end it in "exit", or invoke a definition.)',
    '$.states.a.internal: unknown key "internal" (It belongs to a transition; without a target, or with one inside, that is internal anyway.)',
    '$.states.a.on.go.action: unknown key "action" (Did you mean "actions"?)'], 'keys of XState are known by name');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"timeout": "1 h", "onError": "b", "retry": {}}, "b": {"type": "end"}}}'), ARRAY[
    '$.states.b.type: there is no state type "end" (Write "type": "final".)',
    '$.states.a.timeout: unknown key "timeout" (Write "after": {"30 s": "STATE"}; of a job, it belongs to its "invoke".)',
    '$.states.a.onError: unknown key "onError" (It belongs to an "invoke"; of code that fails, "on_error" says it.)',
    '$.states.a.retry: unknown key "retry" (Write "on_error": {"retry": [{"errors": "*", "maxAttempts": 3}]}; of a job, it is said in its "invoke".)'], 'what a state does not say, others do');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"task": {"for": "x", "assignee": "y", "onTimeout": "b"}, "on": {"go": "b"}}, "b": {}}}'), ARRAY[
    '$.states.a.task.assignee: unknown key "assignee" (Did you mean "for"?)',
    '$.states.a.task.onTimeout: unknown key "onTimeout" (Did you mean "onDue"?)'], 'nor a task');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": {"actions": [{"type": "xstate.send", "to": "kid"}, {"type": "xstate.stop"}, {"type": "xstate.assign"}, {"type": "send", "event": "e", "to": 1}]}}}}}'), ARRAY[
    '$.states.a.on.go.actions[0]: action has no "event" (To pass on what came, as XState''s forwardTo() does, write "event": {"type": {"@expr": "event->>''type''"}, "data": {"@expr": "event->''data''"}}.)',
    '$.states.a.on.go.actions[1]: there is no built-in action "xstate.stop" (A child ends when the state that invokes it is left.)',
    '$.states.a.on.go.actions[2]: "assign" needs a "context" (Write each key and its value, {"@expr": "..."} for a computed one; functions of JavaScript are lost in JSON.)',
    '$.states.a.on.go.actions[3].to: the receiver must be a string or {"@expr": ...} (Write "#_parent", "#_" and the id of an invoke, or the id of a process.)'],
    'and what JSON makes of its actions');
SELECT is(regexp_replace((faults(definition))[1], ' \(.*', ''), fault, fault) FROM (VALUES
    ('{"Comment": "c", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}', '$: this is the Amazon States Language, which define() does not read'),
    ('{"document": {"dsl": "1.0.0"}, "do": [{"a": {"set": {}}}]}', '$: this is Serverless Workflow, which define() does not read'),
    ('{"id": "o", "specVersion": "0.8", "start": "a", "states": [{"name": "a"}]}', '$: this is Serverless Workflow, which define() does not read'),
    ('{"id": "m", "key": "m", "initial": "a", "transitions": [], "states": {}}', '$: this is a compiled machine of XState, which define() does not read'),
    (to_json('<?xml version="1.0"?><scxml/>'::text)::text, '$: this is SCXML, which define() does not read'),
    (to_json('<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>'::text)::text, '$: this is BPMN, which define() does not read'),
    (to_json('<Process/>'::text)::text, '$: this is XML, which define() does not read'),
    ('{"name": "n", "nodes": [{"id": "1"}], "connections": {}, "settings": {}}', '$: this is a workflow of n8n, which define() does not read'),
    ('[{"id": "1", "type": "tab"}, {"id": "2", "type": "inject", "wires": [["3"]]}]', '$: this is a list of nodes, as that of Node-RED, which define() does not read'),
    ('{"nodes": [], "edges": []}', '$: this is a graph of nodes and edges, which define() does not read'),
    ('{"name": "n", "version": 1, "schemaVersion": 2, "tasks": [{"type": "SIMPLE"}]}', '$: this is a workflow of Conductor, which define() does not read'),
    ('{"$schema": "s", "actions": {}, "triggers": {}}', '$: this is a workflow of Azure Logic Apps, which define() does not read'),
    ('{"main": {"params": [], "steps": []}}', '$: this is a workflow of Google Cloud, which define() does not read'),
    ('{"id": "e", "activities": [], "connections": []}', '$: this is a workflow of Elsa, which define() does not read'),
    ('{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}', '$: this is a template of CloudFormation, which define() does not read'),
    ('{"apiVersion": "v1", "kind": "Workflow", "spec": {}}', '$: this is a resource of Kubernetes, which define() does not read'),
    ('{"$type": "bpmn:Definitions", "id": "d", "rootElements": []}', '$: this is BPMN, which define() does not read'),
    ('{"resourceId": "c", "stencilset": {}, "childShapes": []}', '$: this is BPMN, which define() does not read'),
    ('[{"id": "a"}]', '$: must be of type object, not array'), ('"{}"', '$: must be of type object, not string')) d (definition, fault);
SELECT is((faults('{"id": "x", "main": {}, "nodes": [], "edges": [], "initial": "a", "states": {"a": {}}}'))[1], '$.main: unknown key "main"', 'what has states is a definition of ours');
SELECT is(error(format('SELECT workflow.define(%L::text)', definition)), array_remove(ARRAY['22P02', 'invalid input syntax for type json', detail, hint], NULL), definition) FROM (VALUES
    ('<?xml version="1.0"?><scxml initial="a"><state id="a"/></scxml>', 'JSON data, line 1: Token "<" is invalid.', 'HINT: This is SCXML, which define() does not read. Translate it: <state id> becomes a key of "states", <transition event> one of "on", <onentry> "entry", cond "guard", In() {"type": "stateIn"}.'),
    ('<Process/>', 'JSON data, line 1: Token "<" is invalid.', 'HINT: This is XML, which define() does not read. A definition is JSON: {"id": ..., "initial": ..., "states": {...}}.'),
    (E'id: x\nstates: {}', 'JSON data, line 1: Token "id" is invalid.', 'HINT: A definition is JSON: {"id": ..., "initial": ..., "states": {...}}; of a machine of XState it is JSON.stringify(machine.config).'),
    ('{ id: "x", states: {} }', 'JSON data, line 1: Token "id" is invalid.', 'HINT: A definition is JSON: {"id": ..., "initial": ..., "states": {...}}; of a machine of XState it is JSON.stringify(machine.config).'),
    ('{"id": "x",}', 'JSON data, line 1: Expected string, but found "}".', NULL)) t (definition, detail, hint);
SELECT is((error(format('SELECT workflow.define(%L)', E'\ufeff{}')))[4], 'HINT: It begins with a byte order mark: store the file without.', 'a mark of Windows');
SELECT is(array_length(faults('{"Comment": "c", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'), 1), 1, 'and nothing else is said of it');

SELECT is(hint, expected, place || ' ' || key) FROM (VALUES
    ('state', 'Retry', 'Write "on_error": {"retry": [{"errors": "*", "maxAttempts": 3}]}; of a job, it is said in its "invoke".'),
    ('state', 'Next', 'Write "always": "STATE".'), ('transition', 'Next', 'Did you mean "target"?'),
    ('state', 'Catch', 'Write "on_error": {"then": {"target": "STATE"}}.'),
    ('state', 'action', 'Write "entry", "exit", or "actions" of a transition.'), ('state', 'enter', 'Did you mean "entry"?'),
    ('state', 'Result', 'Change the context with the action "assign", in "entry" or in a transition.'),
    ('state', 'MaxConcurrency', 'Write "invoke" with "map": {"over": ..., "concurrency": ..., "tolerate": ...}.'),
    ('state', 'HeartbeatSeconds', 'Write "after": {"30 s": "STATE"}. An event with "reenter": true begins it anew.'),
    ('state', 'Cause', 'Write "type": "final", "outcome": "failure", and what is to be known as "output".'),
    ('state', 'cond', 'It belongs to a transition.'), ('state', 'context', 'There is one context, that of the root: Change the context with the action "assign", in "entry" or in a transition.'),
    ('state', 'params', 'Change the context with the action "assign", in "entry" or in a transition.'),
    ('action', 'params', 'What a built-in guard or action takes is written beside its "type".'),
    ('root', 'definition', 'Store what is in it.'), ('root', 'machineConfig', 'Store what is in it.'),
    ('root', 'actions', 'Write "entry", "exit", or "actions" of a transition; a list of what they do stays out: they are SQL functions of these names.'),
    ('state', 'isFinal', 'Write "type": "final".'), ('state', 'tasks', 'Did you mean "task"?'), ('state', 'actor', NULL),
    ('transition', 'if', 'Did you mean "guard"?'), ('transition', 'id', 'A transition has no id: leave it out, or put it into "meta".'),
    ('transition', 'event', 'The event is the key: "on": {"EVENT": {"target": ...}}.'), ('transition', 'do', NULL),
    ('task', 'onDone', 'What people choose are events of the state: "on": {"EVENT": ...}.'), ('task', 'assignee', 'Did you mean "for"?'),
    ('retry', 'ErrorEquals', 'Did you mean "errors"?'), ('retry', 'JitterStrategy', 'Did you mean "jitter"?'),
    ('root', 'name', 'The name of a definition is its "id", that of a state its key.'), ('root', 'variables', 'Did you mean "context"?')) k (place, key, expected),
    LATERAL (SELECT substring(fault FROM format('unknown key "%s" \((.*)\)$', key)) AS hint FROM unnest(faults(replace(CASE place
        WHEN 'root' THEN '{"id": "x", "initial": "a", "KEY": 1, "states": {"a": {}}}'
        WHEN 'state' THEN '{"id": "x", "initial": "a", "states": {"a": {"KEY": 1}}}'
        WHEN 'transition' THEN '{"id": "x", "initial": "a", "states": {"a": {"on": {"go": {"KEY": 1}}}}}'
        WHEN 'task' THEN '{"id": "x", "initial": "a", "states": {"a": {"task": {"for": "ann", "KEY": 1}, "on": {"go": "a"}}}}'
        WHEN 'action' THEN '{"id": "x", "initial": "a", "states": {"a": {"entry": {"type": "assign", "context": {}, "KEY": 1}}}}'
        WHEN 'retry' THEN '{"id": "x", "initial": "a", "on_error": {"retry": {"errors": "*", "KEY": 1}}, "states": {"a": {}}}' END, 'KEY', key))) fault
        WHERE fault LIKE format('%%unknown key "%s"%%', key)) h;
SELECT is((faults(format('{"id": "x", "initial": "a", "states": {"a": {"type": "%s"}}}', type)))[1], format('$.states.a.type: there is no state type "%s"%s', type, ' (' || hint || ')'), type)
    FROM (VALUES ('Task', 'Leave the type out, and write "entry", "invoke" or "task".'), ('choice', 'Leave the type out, and write a list of transitions with guards under "always".'),
        ('Fail', 'Write "type": "final", "outcome": "failure", and what is to be known as "output".'), ('finall', 'Did you mean "final"?'), ('strange', 'It is atomic, compound, parallel, final or history.')) t (type, hint);
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"on": [{"event": "go", "target": "a"}], "after": [{"delay": 5, "target": "a"}], "initial": "b", "states": [{"name": "b"}]}}}'), ARRAY[
    '$.states.a.states: must be of type object, not array (The name is the key: "states": {"NAME": {...}}.)',
    '$.states.a.initial: there is no state "b"',
    '$.states.a.on: must be of type object, not array (The event is the key: "on": {"EVENT": {"target": ...}}.)',
    '$.states.a.after: must be of type object, not array (The delay is the key: "after": {"30 s": {"target": ...}}.)'], 'lists where names are keys');

-- two keys that mean the same: neither is ignored
SELECT is(faults(format('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": %s}}}}', transition)), ARRAY['$.states.a.on.go' || fault], transition) FROM (VALUES
    ('{"guard": true, "cond": false}', ': "guard" and "cond" mean the same (Use one of them.)'),
    ('{"target": "a", "reenter": true, "internal": true}', ': "reenter": true and "internal": true contradict each other (Use one of them.)'),
    ('{"guard": {"type": "stateIn", "stateId": "#x.a", "state": "#x"}}', '.guard: "stateId" and "state" mean the same (Use one of them.)'),
    ('{"guard": {"type": "xstate.not", "guard": true, "params": {"guard": false}}}', '.guard.params: "guard" stands beside "params" and in it (Use one of them.)'),
    ('{"guard": {"type": "xstate.or", "params": {"guards": [true], "guard": false}}}', '.guard.params.guard: unknown key "guard" (Did you mean "guards"?)'),
    ('{"actions": {"type": "choose", "branches": [], "conds": []}}', '.actions: "branches" and "conds" mean the same (Use one of them.)'),
    ('{"actions": {"type": "choose", "branches": [{"guard": true, "cond": true}]}}', '.actions.branches[0]: "guard" and "cond" mean the same (Use one of them.)'),
    ('{"actions": {"type": "assign", "context": {"a": 1}, "assignment": {"b": 1}}}', '.actions: "context" and "assignment" mean the same (Use one of them.)'),
    ('{"actions": {"type": "send", "event": "e", "target": "#_parent", "to": "#_kid"}}', '.actions: "target" and "to" mean the same (Use one of them.)'),
    ('{"actions": {"type": "cancel", "id": "a", "sendId": "b"}}', '.actions: "id" and "sendId" mean the same (Use one of them.)'),
    ('{"actions": {"type": "log", "value": 1, "args": [2]}}', '.actions: "value" and "args" mean the same (Use one of them.)')) t (transition, fault);

-- functions that do not exist are told of once
SELECT is(faults(format('{"id": "x", "initial": "a", "states": {"a": {"entry": "notify", "on": {%s, "x": {"guard": {"type": "isOk", "params": 1}}, "y": {"actions": "app.notify2"}}}}}',
        (SELECT string_agg(format('"e%s": {"guard": "isOk", "target": "a", "actions": "notify"}', n), ', ') FROM generate_series(1, 5) n))),
    ARRAY['$.states.a.entry: function notify(context jsonb, event jsonb) does not exist; it is named in 6 places, also at $.states.a.on.e1.actions, $.states.a.on.e2.actions, $.states.a.on.e3.actions, ...',
        '$.states.a.on.e1.guard: function isOk(context jsonb, event jsonb) does not exist; it is named in 5 places, also at $.states.a.on.e2.guard, $.states.a.on.e3.guard, $.states.a.on.e4.guard, ...',
        '$.states.a.on.x.guard: function isOk(context jsonb, event jsonb, params jsonb) does not exist',
        '$.states.a.on.y.actions: function app.notify2(context jsonb, event jsonb) does not exist',
        E'HINT: Create the missing functions:\nCREATE FUNCTION notify(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;\n'
        'CREATE FUNCTION isOk(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;\n'
        'CREATE FUNCTION isOk(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;\n'
        'CREATE FUNCTION app.notify2(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;'],
    'with the number of places, the first of them and the statements to paste');
DO $$ BEGIN EXECUTE substring((faults('{"id": "x", "initial": "a", "states": {"a": {"entry": "pasted", "on": {"x": {"guard": {"type": "pastedToo", "params": 1}}}}}}'))[3] FROM 'functions:(.*)'); END $$;
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"entry": "pasted", "on": {"x": {"guard": {"type": "pastedToo", "params": 1}}}}}}'), ARRAY['no error'], 'which do');

\set end :srcdir '/end.psql'
\i :end
