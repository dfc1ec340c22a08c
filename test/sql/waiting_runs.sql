\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Runs that are put off and changed while they wait; partitions and defaults that jobs compute;
-- parameters as JSON Schema.

-- what waits: put off, changed
SELECT workflow.create_queue('put off') \g /dev/null
SELECT workflow.create_job('index', parameters => '{"n": "int"}', queue => 'put off') \g /dev/null
CALL clock('2030-02-01 00:00+00');
SELECT workflow.run_job('index', '{"n": 1}', key => 'k', debounce => '10 s', at_most => '25 s') AS r \gset
SELECT is((SELECT due FROM workflow.runs WHERE run = :'r'), '2030-02-01 00:00:10+00', 'a run is put off');
CALL clock('2030-02-01 00:00:08+00');
SELECT is(workflow.run_job('index', '{"n": 2}', key => 'k', debounce => '10 s', at_most => '25 s'), :'r'::uuid, 'the next call is the same run');
SELECT is((SELECT format('%s %s', due, params) FROM workflow.runs WHERE run = :'r'), '2030-02-01 00:00:18+00 {"n": 2}', 'put off again, with other parameters');
CALL clock('2030-02-01 00:00:17+00');
SELECT is(workflow.run_job('index', '{"n": 3}', key => 'k', debounce => '10 s', at_most => '25 s'), :'r'::uuid, 'and the next one');
SELECT is((SELECT due FROM workflow.runs WHERE run = :'r'), '2030-02-01 00:00:25+00', 'but not for ever');
CALL clock('2030-02-01 00:00:25+00');
SELECT run, fence FROM workflow.claim('put off', 'w') \gset
SELECT is(:'run'::uuid, :'r'::uuid, 'then it is done');
SELECT isnt(workflow.run_job('index', '{"n": 4}', key => 'k', debounce => '10 s'), :'r'::uuid, 'a call that comes meanwhile is another run');
SELECT is(workflow.complete(:'run', :fence), true, 'the first one ends');
SELECT is((error(format('SELECT workflow.run_job(''index'', %s)', a)))[1:2], ARRAY['22023', r], r) FROM (VALUES
    ('debounce => ''1 s''', 'debounce needs a key'), ('key => ''k'', at_most => ''1 s''', 'at_most needs debounce'),
    ('key => ''k'', debounce => ''0''', 'debounce must be positive'), ('key => ''k'', debounce => ''1 s'', at_most => ''-1 s''', 'at_most must be positive')) t(a, r);

SELECT workflow.create_queue('other') \g /dev/null
SELECT workflow.create_job('mine', parameters => '{"n": {"type": "int", "check": "value < 10"}}', queue => 'put off') \g /dev/null
SELECT workflow.run_job('mine', '{"n": 1}', key => 'one') AS one \gset
SELECT workflow.run_job('mine', '{"n": 2}', partition => 'p') AS two \gset
SELECT is(workflow.alter_runs('{"job": "mine", "key": "one"}', '{"priority": 2, "due": "2030-03-01 00:00+00", "params": {"n": "7"}, "partition": "q"}'), 1::bigint, 'a run that waits is changed');
SELECT is((SELECT format('%s %s %s %s', priority, due, params, partition) FROM workflow.runs WHERE run = :'one'), '2 2030-03-01 00:00:00+00 {"n": 7} q', 'in all of that');
SELECT is(workflow.alter_runs('{"queue": "put off", "partition": "p"}', '{"queue": "other", "partition": null}'), 1::bigint, 'or moved');
SELECT is((SELECT format('%s %s', queue, partition) FROM workflow.runs WHERE run = :'two'), 'other ', 'into another queue');
SELECT is(workflow.alter_runs(jsonb_build_object('ids', ARRAY[:'two', :'run']), '{"priority": 1}'), 1::bigint, 'only what waits');
SELECT is(workflow.alter_runs('{"job": "mine", "since": "2030-02-15", "until": "2030-03-15", "state": "waiting"}', '{"due": "2030-02-01"}'), 1::bigint, 'of a time');
SELECT is(workflow.alter_runs('{"job": "mine", "state": "failed"}', '{"priority": 1}'), 0::bigint, 'nothing that has ended');
SELECT is((error($$ SELECT workflow.alter_runs('{"job": "mine"}', '{"priority": 1.5}') $$))[1:2], ARRAY['22023', '"priority" must be a whole number between -2 and 2'], 'there are five priorities');
SELECT run, fence FROM workflow.claim('other', 'w') \gset
SELECT is(workflow.alter_runs('{"job": "mine"}', '{"priority": 0}'), 1::bigint, 'nor what runs');
SELECT is((error(format('SELECT workflow.alter_runs(%L, %L)', f, c)))[1:2], ARRAY[s, r], r) FROM (VALUES
    ('{"jobs": "x"}', '{}', '22023', 'filter has an unknown key "jobs"'), ('{}', '{"params": 1}', '22023', '"params" must be an object'),
    ('{}', '{"prio": 1}', '22023', 'changes has an unknown key "prio"'), ('[]', '{}', '22023', 'filter must be a JSON object'),
    ('{"ids": ["x"]}', '{}', '22023', '"ids" must be an array of ids of runs'), ('{"state": "over"}', '{}', '22023', '"over" is no state of a run'),
    ('{}', '{"priority": 3}', '22023', '"priority" must be a whole number between -2 and 2'), ('{}', '{"due": null}', '22023', '"due" must be a finite time'),
    ('{"job": "none"}', '{}', 'WF010', 'job "none" does not exist'), ('{"job": "mine"}', '{"queue": "none"}', 'WF010', 'queue "none" does not exist'),
    ('{"job": "mine"}', '{"params": {"n": 11}}', 'WF013', 'parameter "n" of job "mine" violates its check')) t(f, c, s, r);
SET ROLE regress_clerk;
SELECT is(workflow.alter_runs('{}', '{"priority": -1}'), 0::bigint, 'those of others are left alone');
SET ROLE regress_app;

-- the partition of a run, by its parameters
SELECT workflow.create_job('spread', parameters => '{"customer": "text", "n": "int"}', partition => '@params->>''customer''', queue => 'put off') \g /dev/null
SELECT workflow.run_job('spread', '{"customer": "ann"}') AS a \gset
SELECT workflow.run_job('spread', '{"n": 1}') AS b \gset
SELECT workflow.run_job('spread', '{"customer": "ann"}', partition => 'x') AS c \gset
SELECT is((SELECT array_agg(partition ORDER BY partition) FROM workflow.runs WHERE job = 'spread'), '{ann,x,NULL}', 'a job computes the partition of its runs');
SELECT is((error($$ SELECT workflow.create_job('bad', partition => '@params->>') $$))[1], '42601', 'if it can');
SELECT is((error($$ SELECT workflow.create_job('bad', partition => '@value') $$))[1], '42703', 'from what it knows');
SELECT is((error(format($$ SELECT workflow.run_job('spread', '{"customer": "%s"}') $$, repeat('x', 1001))))[1:2], ARRAY['WF013', 'the partition of a run of job "spread" is too long'], 'which is not too long');

-- defaults
SELECT is((error(format('SELECT workflow.create_job(''bad'', parameters => %L)', p)))[1:2], ARRAY['22023', r], r) FROM (VALUES
    ('{"n": {"type": "int", "default": "x"}}', 'parameter "n" is not declared well: its default does not fit: invalid input syntax for type integer: "x"'),
    ('{"n": {"type": "int", "default": 5, "check": "value > 5"}}', 'parameter "n" is not declared well: its default violates its check'),
    ('{"n": {"type": "int", "default": null, "required": true}}', 'parameter "n" is not declared well: it is required, and its default is null')) t(p, r);

-- job_schema
CREATE TYPE app.colour AS ENUM ('red', 'blue');
CREATE DOMAIN app.code AS varchar(5);
SELECT workflow.create_job('form', parameters => '{
    "n": {"type": "int", "required": true, "title": "Number", "check": "value > 0"}, "c": {"type": "app.colour", "default": "red"},
    "d": {"type": "date", "description": "when"}, "l": "numeric(5,2)[]", "j": "jsonb", "k": "app.code", "b": {"type": "bool", "required": true, "default": true}}',
    description => 'A form') \g /dev/null
SELECT is(workflow.job_schema('form'), '{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "form", "description": "A form", "type": "object",
    "required": ["n"], "additionalProperties": false, "properties": {
    "n": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647, "title": "Number", "x-type": "integer", "x-check": "value > 0"},
    "c": {"enum": ["red", "blue"], "default": "red", "x-type": "app.colour"}, "d": {"type": "string", "format": "date", "description": "when", "x-type": "date"},
    "l": {"type": "array", "items": {"type": "number"}, "x-type": "numeric(5,2)[]"}, "j": {"x-type": "jsonb"},
    "k": {"type": "string", "maxLength": 5, "x-type": "app.code"}, "b": {"type": "boolean", "default": true, "x-type": "boolean"}}}', 'a schema for forms');
SELECT workflow.create_job('form') \g /dev/null
SELECT is(workflow.job_schema('form') - '$schema', '{"title": "form", "type": "object"}', 'of the newest version');
SELECT is(workflow.job_schema('form', 1)->'description', '"A form"', 'or of another one');
SELECT is((error('SELECT workflow.job_schema(''form'', 3)'))[1:2], '{WF010,"job \"form\" has no version 3"}', 'that there is');
SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.job_schema(''form'')'))[1], 'WF002', 'for who may run it');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
