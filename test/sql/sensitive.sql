\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- declaring
SELECT is(faults('{"id": "x", "initial": "a", "sensitive": ["iban", "/a~2", 7, "/good", "", "/a~"], "states": {"a": {}}}'),
    ARRAY['$.sensitive[0]: a JSON pointer begins with "/" (Write "/iban", or "/card/number"; "/cards/*/number" is that of each card.)',
          '$.sensitive[1]: in a JSON pointer, "~" is followed by 0 or 1 ("~0" stands for "~", and "~1" for "/".)',
          '$.sensitive[2]: must be of type string, not number',
          '$.sensitive[4]: a JSON pointer begins with "/" (Write "/iban", or "/card/number"; "/cards/*/number" is that of each card.)',
          '$.sensitive[5]: in a JSON pointer, "~" is followed by 0 or 1 ("~0" stands for "~", and "~1" for "/".)'],
    'faults of what is declared sensitive');
SELECT is(faults('{"id": "x", "initial": "a", "sensitive": "/iban", "states": {"a": {}}}'), ARRAY['$.sensitive: must be of type array, not string'], 'it is an array');
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"sensitive": ["/iban"]}}}') <> '{}', true, 'of the root');

CREATE FUNCTION app.as_int(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS
    $$ BEGIN RETURN context || jsonb_build_object('n', (context->>'iban')::int); END $$;
SELECT is(workflow.define('{
    "id": "payment", "initial": "open",
    "context": {"iban": null, "cards": [], "amount": 1, "pin": 1234, "a/b": null},
    "sensitive": ["/iban", "/cards/*/number", "/pin", "/a~1b", "/nested"],
    "search": {"iban": "$.iban", "amount": "$.amount", "inner": "$.nested.x", "lower": {"@expr": "lower(context->>''iban'')"}, "double": {"@expr": "(context->>''amount'')::int * 2"}, "all": {"@expr": "context"}},
    "output": {"account": {"@expr": "context->''iban''"}, "text": {"@expr": "''to '' || (context->>''iban'')"}, "amount": {"@expr": "context->''amount''"}},
    "states": {
        "open": {
            "task": {"for": ["regress_clerk"], "title": {"@expr": "''Pay '' || (context->>''iban'')"}, "data": {"to": {"@expr": "context->''iban''"}}},
            "on": {"done": "over", "fail": {"target": "over", "actions": "as_int"}, "late": {"actions": {"type": "send", "event": {"type": "fail", "data": {"iban": "FR998877", "other": {"@expr": "context->''iban''"}}}, "delay": "1 hour"}},
                   "say": {"actions": {"type": "log", "label": "iban", "message": {"@expr": "context->''iban''"}}}}},
        "over": {"type": "final"}}}'), 1, 'defined');
SELECT is((SELECT chart->>'sensitive' FROM workflow.definitions WHERE name = 'payment'),
    '["/iban","/cards/*/number","/pin","/a~1b","/nested"]', 'the canonical form has it');
SELECT is(workflow.define((SELECT chart FROM workflow.definitions WHERE name = 'payment')), 1, 'and is the same definition');
SELECT is((SELECT array_agg(path ORDER BY path) FROM workflow.lint('payment') WHERE rule = 'sensitive_search'),
    '{$.search.all,$.search.iban,$.search.inner,$.search.lower}', 'lint() tells which attributes are for the owner');
SELECT is(workflow.export('payment')::jsonb #>> '{meta,workflow,losses}' LIKE '%sensitive%', true, 'an export tells what is lost');

SELECT FROM workflow.grant_on('payment', 'regress_clerk', 'start', 'send', 'read', 'act');
SELECT workflow.start('payment', '{"iban": "DE5001", "cards": [{"number": 41111111, "name": "x"}, {"number": null}, 7], "a/b": "DE5001", "nested": {"x": {"y": ["deep value"]}}}', key => 'k') AS p \gset
SELECT is(context(:'p'), '{"iban": "DE5001", "cards": [{"number": 41111111, "name": "x"}, {"number": null}, 7], "amount": 1, "pin": 1234, "a/b": "DE5001", "nested": {"x": {"y": ["deep value"]}}}',
    'the owner sees all');

-- what others see
CREATE FUNCTION app.masked() RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT '{"iban": "***", "cards": [{"number": "***", "name": "x"}, {"number": null}, 7], "amount": 1, "pin": "***", "a/b": "***", "nested": "***"}'::jsonb $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SET ROLE regress_clerk;
SELECT is(context(:'p'), masked(), 'a grantee sees no sensitive field in get()');
SELECT is((SELECT context FROM workflow.processes WHERE id = :'p'), masked(), 'nor in the view');
SELECT is((SELECT context FROM workflow.search('payment', attributes => '{"amount": 1}')), masked(), 'nor in search()');
SELECT is((SELECT count(*)::int FROM workflow.processes WHERE context->>'iban' = 'DE5001'), 0, 'nor by a condition');
SELECT is(error($$SELECT workflow.search('payment', attributes => '{"iban": "DE5001"}')$$),
    ARRAY['WF002', 'permission denied to search by attribute "iban"', 'It may show sensitive fields, in version 1 of the definition.', 'HINT: The owner of the definition can.'],
    'which cannot be searched for');
SELECT is((error($$SELECT workflow.search('payment', attributes => '{"lower": {">": "a"}}')$$))[1], 'WF002', 'nor compared');
SELECT is((error($$SELECT workflow.search('payment', order_by => 'inner')$$))[1], 'WF002', 'nor ordered by');
SELECT is((SELECT count(*)::int FROM workflow.search('payment', attributes => '{"double": 2}', order_by => 'double')), 1, 'others can');
SELECT is((SELECT title || ' ' || data FROM workflow.inbox()), 'Pay *** {"to": "***"}', 'an inbox has what a task quotes of it hidden');
SELECT is((SELECT title || ' ' || data FROM workflow.tasks), 'Pay *** {"to": "***"}', 'as the view has');
SELECT is((SELECT context FROM workflow.send(:'p', 'late')), masked(), 'a verdict has none');
SELECT is((SELECT data FROM workflow.timers WHERE process = :'p' AND event = 'fail'), '{"iban": "***", "other": "***"}', 'nor have events that wait: by their own names, and by value');
SELECT is(error($$SELECT workflow.send(%L, 'fail')$$, :'p'), ARRAY['22P02', 'invalid input syntax for type integer: "***"'], 'an error of a command does not quote it');
SELECT is((SELECT jsonb_build_array(context, (SELECT e->>'message' FROM jsonb_array_elements(effects) e WHERE e->>'effect' = 'error')) FROM workflow.dry_run(:'p', 'fail')),
    jsonb_build_array(masked(), 'invalid input syntax for type integer: "***"'), 'nor does a dry run');
SELECT is((SELECT error->>'message' FROM workflow.simulate('payment', '[{"event": "fail"}]', '{"iban": "secret"}') WHERE error IS NOT NULL),
    'invalid input syntax for type integer: "***"', 'nor a simulation');
SELECT is((error($$SELECT workflow.migrate_many('payment', context => '{"iban": "DE5001"}')$$))[1], 'WF002', 'nor can it be asked for by a migration');
RESET ROLE;
GRANT workflow_admin TO regress_stranger;
SET ROLE regress_stranger;
SELECT is(context(:'p'), masked(), 'an administrator does not see it either');
SELECT is((SELECT context FROM workflow.set_context(:'p', '{"iban": "GB7777", "amount": 2}', note => 'new: GB7777')), masked() || '{"amount": 2}', 'but may set it');
SELECT is((SELECT jsonb_build_array(data, note) FROM workflow.process_history WHERE event = 'workflow.set_context'),
    jsonb_build_array('{"patch": {"iban": "***", "amount": 2}}'::jsonb, 'new: ***'), 'and history tells that it was set');
SELECT is((error($$SELECT workflow.migrate_many('payment', context => '{"iban": "GB7777"}', dry_run => true)$$))[2],
    'permission denied to choose processes of "payment" by their context', 'and cannot choose by it');

-- failures of executors
SET ROLE regress_app;
CALL app.clock('2030-01-01 02:00+00');
CREATE FUNCTION app.failing() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM workflow.work();
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
SELECT is(failing(), 'invalid input syntax for type integer: "GB7777"', 'the owner''s own session is told');
RESET ROLE;
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, data, sqlstate, message, detail, hint, context)
    VALUES (:'p', 1, now(), now(), 1, true, 'fail', '{"iban": "FR998877"}', '22P02', 'no GB7777, nor FR998877', 'GB7777', 'h GB7777', 'c 1234, 12345');
SET ROLE regress_stranger;
SELECT is((SELECT jsonb_build_array(message, detail, hint, context, data) FROM workflow.errors), jsonb_build_array('no ***, nor ***', '***', 'h ***', 'c ***, ***5', '{"iban": "***"}'::jsonb), 'failures have it hidden');
SET ROLE regress_app;
SELECT is((SELECT jsonb_build_array(message, data) FROM workflow.errors), jsonb_build_array('no GB7777, nor FR998877', '{"iban": "FR998877"}'::jsonb), 'but not from the owner');

-- the end
SET ROLE regress_clerk;
SELECT is((SELECT taken FROM workflow.complete_task((SELECT task FROM workflow.inbox()), 'done', note => 'to GB7777')), true, 'done');
SELECT is((SELECT output FROM workflow.get(:'p')), '{"account": "***", "text": "to ***", "amount": 2}', 'the output has it hidden by value');
SELECT is((SELECT output FROM workflow.processes WHERE id = :'p'), '{"account": "***", "text": "to ***", "amount": 2}', 'in the view, too');
SELECT is((SELECT output FROM workflow.search('payment') WHERE id = :'p'), '{"account": "***", "text": "to ***", "amount": 2}', 'and in search()');
SELECT is((SELECT note FROM workflow.approvals WHERE act = 'vote'), 'to ***', 'as have notes');
SET ROLE regress_app;
SELECT is((SELECT output FROM workflow.get(:'p')), '{"account": "GB7777", "text": "to GB7777", "amount": 2}', 'the owner sees what there is');

-- another owner
RESET ROLE;
SELECT FROM workflow.change_owner('payment', 'regress_clerk');
SET ROLE regress_app;
SELECT is((SELECT output->>'account' FROM workflow.get(:'p')), '***', 'who owns the definition no more sees it no more');
SET ROLE regress_clerk;
SELECT is((SELECT output->>'account' FROM workflow.get(:'p')), 'GB7777', 'and who owns it now does');

-- jobs
SET ROLE regress_app;
SELECT is(workflow.create_job('charge', 'SELECT $iban::text::int', '{"iban": {"type": "text", "sensitive": true}, "n": "int"}'), 1, 'a job with a sensitive parameter');
SELECT is((SELECT parameters FROM workflow.jobs), '[{"name": "n", "type": "integer"}, {"name": "iban", "type": "text", "sensitive": true}]'::jsonb, 'which says so');
SELECT is(workflow.job_schema('charge') #> '{properties,iban,writeOnly}', 'true', 'its schema, too');
SELECT is((error($$SELECT workflow.create_job('x', 'SELECT 1', '{"iban": {"type": "text", "sensitive": "yes"}}')$$))[2],
    'parameter "iban" is not declared well: "sensitive" must be true or false', 'it is true or false');
SELECT FROM workflow.grant_on('job:charge', 'regress_clerk', 'run', 'read');
SET ROLE regress_clerk;
SELECT workflow.run_job('charge', '{"iban": "DE5001", "n": 5}') AS r \gset
SELECT is((SELECT params FROM workflow.runs WHERE run = :'r'), '{"iban": "***", "n": 5}', 'who made a run does not see it again');
RESET ROLE;
INSERT INTO workflow.run_log (run, n, attempt, at, severity, message, data, slot) VALUES (:'r', 1, 1, now(), 'info', 'pays DE5001', '{"to": "DE5001"}', 0);
UPDATE workflow.run SET error = '{"message": "not DE5001", "code": "22P02"}', progress = '{"note": "at DE5001"}' WHERE id = :'r';
SET ROLE regress_clerk;
SELECT is((SELECT jsonb_build_array(message, data) FROM workflow.run_logs), jsonb_build_array('pays ***', '{"to": "***"}'::jsonb), 'nor in its log');
SELECT is((SELECT jsonb_build_array(error, progress) FROM workflow.runs WHERE run = :'r'), jsonb_build_array('{"message": "not ***", "code": "22P02"}'::jsonb, '{"note": "at ***"}'::jsonb), 'nor in errors and progress');
SELECT is((SELECT jsonb_build_array(error, progress) FROM workflow.get_run(:'r')), jsonb_build_array('{"message": "not ***", "code": "22P02"}'::jsonb, '{"note": "at ***"}'::jsonb), 'nor in get_run()');
SET ROLE regress_app;
SELECT is((SELECT jsonb_build_array(error->>'message', progress->>'note') FROM workflow.get_run(:'r')), jsonb_build_array('not DE5001', 'at DE5001'), 'but the owner does');
SELECT is((SELECT params FROM workflow.runs WHERE run = :'r'), '{"iban": "DE5001", "n": 5}', 'in the view, too');
SELECT FROM workflow.create_schedule('nightly', job => 'charge', cron => '0 3 * * *', zone => 'UTC', params => '{"iban": "DE5001", "n": 1}');
SELECT FROM workflow.grant_on('schedule:nightly', 'regress_clerk', 'read');
SET ROLE regress_clerk;
SELECT is((SELECT params FROM workflow.schedules), '{"iban": "***", "n": 1}', 'parameters of a schedule, too');

-- the function itself
SELECT is(workflow.masked(NULL, ARRAY['/a'], '{"a": 1}'), '{"a": 1}', 'nobody''s is hidden from nobody');
SELECT is(workflow.masked(-1, ARRAY['/a'], '{"a": {"b": 1}, "c": [true, null, 1.50]}'), '{"a": "***", "c": [true, null, 1.50]}', 'an owner that does not exist is nobody');
SELECT is(workflow.masked(-1, ARRAY['/a'], '"long enough"', '{"a": "long"}'), '"*** enough"', 'a lone string');
SELECT is(workflow.masked(-1, ARRAY['/0'], '7'), '7', 'a lone number is at no pointer');
SELECT is(workflow.masked(-1, ARRAY['/0', '/*/x'], '[1, {"x": 2}]'), '["***", {"x": "***"}]', 'elements');
SELECT is(workflow.masked(-1, ARRAY['/a'], '{"a": "abcd", "b": "abcdef", "c": "xabcdx"}', '{"a": "abcdef"}'), '{"a": "***", "b": "***", "c": "x***x"}', 'the longest secret counts');
SELECT is(workflow.masked(-1, ARRAY['/a'], '{"a": "abc", "b": "abc"}'), '{"a": "***", "b": "abc"}', 'a short one is hidden where it stands only');
SELECT is(workflow.masked(-1, ARRAY['/a'], '{"a": [], "b": 12345, "c": 123456}', '{"a": [12345]}'), '{"a": "***", "b": "***", "c": 123456}', 'numbers are hidden as a whole');
SELECT is(workflow.masked(-1, ARRAY[NULL, '/a'], NULL), NULL, 'null is null');
SELECT is(workflow.masked_text(-1, ARRAY['/a'], 'x ' || repeat('q', 45) || ' y ' || repeat('q', 100) || ' z', jsonb_build_object('a', repeat('q', 100))),
    'x ***qqqqq y *** z', 'what was cut is hidden as far as messages quote');
SELECT is(workflow.masked_text(-1, ARRAY['/a'], t.context::text, t.context), '{"a": "***", "b": "x***x"}', 'also as JSON writes it')
    FROM (SELECT jsonb_build_object('a', v, 'b', 'x' || v || 'x') FROM (VALUES (E'two\nlines'), ('quotes " in it'), ('back\slash'), (E'\u0001\t\r"\\')) t(v)) t(context);
SELECT is(workflow.masked_text(-1, ARRAY['/a'], '{"a": "abc"}', '{"a": "a\"c"}'), '{"a": "abc"}', 'a short one is not longer for that');
SELECT is(workflow.masked_text(-1, NULL, 'abcd', '{"a": "abcd"}'), 'abcd', 'without pointers nothing is');

SELECT * FROM finish();
ROLLBACK;
