\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Bulk operations: what is done to which processes and runs, with whose rights, and what is
-- told of it. By hand; executors and crashes are in t/bulk.pl, sessions that meet in
-- specs/bulk-commands.spec.
CREATE FUNCTION app.refused(command text) RETURNS text LANGUAGE sql AS
    $$ SELECT array_to_string((error(command))[1:2], ' ') $$;
-- All that is due of the current role.
CREATE FUNCTION app.work(max int DEFAULT 100) RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int := 0; done int;
BEGIN
    LOOP done := workflow.work_bulks(max); EXIT WHEN done = 0; n := n + 1; END LOOP;
    RETURN n;
END $$;
-- How an operation stands: total, then done, skipped, refused, failed, locked.
CREATE FUNCTION app.stands(bulk uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', state, COALESCE(total::text, '-'), concat_ws('/', done, skipped, refused, failed, locked), reason)
    FROM workflow.bulks b WHERE b.id = bulk $$;
CREATE FUNCTION app.done(act text, filter jsonb, changes jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE b uuid := workflow.bulk(act, filter, changes);
BEGIN
    PERFORM app.work();
    RETURN app.stands(b);
END $$;
SELECT workflow.define('{"id": "order", "initial": "open", "context": {"n": 0}, "search": {"n": "$.n"}, "states": {
    "open": {"tags": ["early"], "initial": "new", "states": {"new": {}, "old": {}},
        "on": {"pay": "paid", "fail": {"target": "paid", "actions": {"type": "assign", "context": {"x": {"@expr": "1 / ((context->''n'')::int % 5)"}}}}}},
    "paid": {"on": {"ship": "shipped"}}, "shipped": {"type": "final"}}}') \g /dev/null
SELECT count(*) AS n FROM workflow.start_many('order', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(1, 20) i),
    ARRAY(SELECT 'o' || i FROM generate_series(1, 20) i)) \g /dev/null
CREATE FUNCTION app.p(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT workflow.find('order', 'o' || n) $$;
CREATE FUNCTION app.in_states() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(s, ', ' ORDER BY s) FROM (SELECT concat(states[1], CASE WHEN suspended THEN ' (suspended)' END, ' ', count(*)) AS s
    FROM workflow.processes WHERE definition = 'order' GROUP BY states[1], suspended) g $$;

-- what is asked for
SELECT is(refused(format('SELECT workflow.bulk(%s)', a)), r, a) FROM (VALUES
    ('NULL, ''{}''', '22004 argument "act" must not be null'),
    ('''send'', NULL', '22004 argument "filter" must not be null'),
    ('''send'', ''{}'', keep_all => NULL', '22004 argument "keep_all" must not be null'),
    ('''destroy'', ''{}''', '22023 there is no bulk operation "destroy"'),
    ('''cancel'', ''[]''', '22023 "filter" must be a JSON object'),
    ('''cancel'', ''1''', '22023 "filter" must be a JSON object'),
    ('''cancel'', ''{}''', '22023 the filter does not say whether to cancel processes or runs'),
    ('''cancel'', ''{"ids": []}''', '22023 the filter does not say whether to cancel processes or runs'),
    ('''cancel'', ''{"kind": "thing"}''', '22023 "kind" must be "process" or "run"'),
    ('''cancel'', ''{"kind": 1}''', '22023 "kind" must be a string'),
    ('''redrive'', ''{"kind": "process"}''', '22023 "kind" must be "run" to redrive'),
    ('''suspend'', ''{"kind": "run"}''', '22023 "kind" must be "process" to suspend'),
    ('''cancel'', ''{"definition": "order", "job": "x"}''', '22023 filter has an unknown key "definition"'),
    ('''suspend'', ''{"definitions": "order"}''', '22023 filter has an unknown key "definitions"'),
    ('''suspend'', ''{"job": "order"}''', '22023 filter has an unknown key "job"'),
    ('''redrive'', ''{"definition": "order"}''', '22023 filter has an unknown key "definition"'),
    ('''suspend'', ''{"definition": 1}''', '22023 "definition" must be a string'),
    ('''suspend'', ''{"definition": "none"}''', 'WF006 definition "none" does not exist'),
    ('''suspend'', ''{"definition": "order", "version": 2}''', 'WF006 definition "order" has no version 2'),
    ('''suspend'', ''{"definition": "order", "version": 1.5}''', '22023 "version" must be a whole number from 1 on'),
    ('''suspend'', ''{"definition": "order", "version": 1e100}''', '22023 "version" must be a whole number from 1 on'),
    ('''suspend'', ''{"version": 1}''', '22023 "version" is of a definition, and the filter names none'),
    ('''suspend'', ''{"tags": ["early"]}''', '22023 "tags" is of a definition, and the filter names none'),
    ('''suspend'', ''{"definition": "order", "tags": "late"}''', '22023 no version of definition "order" has a state with the tag "late"'),
    ('''suspend'', ''{"definition": "order", "attributes": {"m": 1}}''', '22023 no version of definition "order" has a searchable "m"'),
    ('''suspend'', ''{"definition": "order", "attributes": 1}''', '22023 "attributes" must be an object'),
    ('''suspend'', ''{"definition": "order", "state": 1}''', '22023 "state" must be a string or an array of strings'),
    ('''suspend'', ''{"definition": "order", "state": ["open", null]}''', '22023 "state" must be a string or an array of strings'),
    ('''suspend'', ''{"definition": "order", "status": "open"}''', '22023 "open" is no status of a process'),
    ('''suspend'', ''{"definition": "order", "suspended": "yes"}''', '22023 "suspended" must be true or false'),
    ('''suspend'', ''{"since": "soon"}''', '22007 invalid input syntax for type timestamp with time zone: "soon"'),
    ('''suspend'', ''{"ids": "all"}''', '22023 "ids" must be an array of ids of processes'),
    ('''suspend'', ''{"ids": ["all"]}''', '22023 "ids" must be an array of ids of processes'),
    ('''redrive'', ''{"ids": [1]}''', '22023 "ids" must be an array of ids of runs'),
    ('''suspend'', jsonb_build_object(''ids'', ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 100001)))', '54000 "ids" has 100001 elements, more than 100000'),
    ('''redrive'', ''{"state": "running"}''', '22023 "running" is no state of runs that can be redriven'),
    ('''cancel'', ''{"kind": "run", "state": "finished"}''', '22023 "finished" is no state of runs that can be cancelled'),
    ('''alter'', ''{"state": "running"}'', ''{}''', '22023 "running" is no state of runs that can be altered'),
    ('''redrive'', ''{"job": "none"}''', 'WF010 job "none" does not exist'),
    ('''redrive'', ''{"queue": "none"}''', 'WF010 queue "none" does not exist'),
    ('''suspend'', ''{"definition": "order"}'', ''{"event": "pay"}''', '22023 changes has an unknown key "event"'),
    ('''suspend'', ''{"definition": "order"}'', ''1''', '22023 changes must be a JSON object'),
    ('''send'', ''{"definition": "order"}''', '22023 "event" must be the name of an event'),
    ('''send'', ''{"definition": "order"}'', ''{"event": ""}''', '22023 "event" must be the name of an event'),
    ('''send'', ''{"definition": "order"}'', jsonb_build_object(''event'', repeat(''x'', 1025))', '22001 the name of an event is too long'),
    ('''send'', ''{"definition": "order"}'', ''{"event": "pay", "to": 1}''', '22023 changes has an unknown key "to"'),
    ('''migrate'', ''{}''', '22023 the filter does not say of which definition processes are migrated'),
    ('''migrate'', ''{"definition": "order"}'', ''{"version": 2}''', 'WF006 definition "order" has no version 2'),
    ('''migrate'', ''{"definition": "order"}'', ''{"version": "2"}''', '22023 "version" must be a whole number from 1 on'),
    ('''migrate'', ''{"definition": "order"}'', ''{"mapping": 1}''', '22023 "mapping" must be an object'),
    ('''cancel'', ''{"kind": "run"}'', ''{"force": 1}''', '22023 "force" must be true or false'),
    ('''alter'', ''{}'', ''{"colour": "red"}''', '22023 changes has an unknown key "colour"'),
    ('''alter'', ''{}'', ''{"priority": 7}''', '22023 "priority" must be a whole number between -2 and 2')) c(a, r);
SELECT is((SELECT count(*) FROM workflow.bulks), 0::bigint, 'what does not fit makes nothing');

-- processes
SELECT workflow.bulk('suspend', '{"definition": "order", "attributes": {"n": {">": 15}}}', note => 'a look first') AS b \gset
SELECT is(stands(:'b'), 'waiting - 0/0/0/0/0', 'nothing is done at once');
SELECT is((SELECT to_jsonb(b) - '{id, since}'::text[] FROM workflow.bulks b), '{
    "act": "suspend", "kind": "process", "filter": {"definition": "order", "attributes": {"n": {">": 15}}}, "changes": {}, "state": "waiting",
    "reason": null, "role": "regress_app", "login": "postgres", "actor": null, "note": "a look first", "total": null, "processed": 0, "done": 0,
    "skipped": 0, "refused": 0, "failed": 0, "locked": 0, "rate": null, "eta": null, "begun_at": null, "last_at": null, "ended_at": null,
    "keep_all": false, "tenant": null}'::jsonb || jsonb_build_object('login', session_user), 'what is seen of one');
SELECT is(work(), 2, 'it counts, then it works');
SELECT is(stands(:'b'), 'finished 5 5/0/0/0/0', 'all are done');
SELECT is(in_states(), 'open.new (suspended) 5, open.new 15', 'those that fit');
SELECT is((SELECT string_agg(DISTINCT concat_ws(' ', event, actor, note), ', ') FROM workflow.process_history WHERE event = 'workflow.suspend'),
    'workflow.suspend regress_app a look first', 'the history has its note');
SELECT is((SELECT string_agg(concat_ws(' ', act, kind, object = :'b', role, note, detail), ', ') FROM workflow.audit WHERE kind IN ('bulk', 'process')),
    'bulk bulk t regress_app a look first {"act": "suspend", "filter": {"attributes": "...", "definition": "order"}, "changes": {}}',
    'the audit has the operation, not each item');
SELECT is(done('resume', '{"definition": "order", "suspended": true}'), 'finished 5 5/0/0/0/0', 'resumed by what they are');
SELECT is(done('resume', '{"definition": "order"}'), 'finished 20 0/20/0/0/0', 'nothing to be resumed any more');
SELECT is(done('suspend', '{"definition": "order", "key": "o1"}'), 'finished 1 1/0/0/0/0', 'by key');
SELECT is(done('send', '{"definition": "order", "state": "open", "tags": "early"}', '{"event": "pay"}'), 'finished 20 19/0/1/0/0', 'a suspended one refuses');
SELECT is((SELECT string_agg(concat_ws(' ', item = p(1), result, code, message), ', ') FROM workflow.bulk_items), format('t refused WF003 process %s is suspended', p(1)), 'and says so');
SELECT is(in_states(), 'open.new (suspended) 1, paid 19', 'sent to');
SELECT is(done('send', '{"definition": "order", "state": ["paid", "open.new"], "suspended": false}', '{"event": "pay"}'), 'finished 19 0/0/19/0/0', 'who ignores an event refuses it');
SELECT is((SELECT string_agg(DISTINCT message, ', ') FROM workflow.bulk_items WHERE code IS NULL), 'no active state handles the event "pay"', 'and says so');
SELECT is(done('send', jsonb_build_object('ids', ARRAY[p(3), p(2), p(2), '00000000-0000-0000-0000-000000000001']), '{"event": "ship"}'),
    'finished 3 2/0/1/0/0', 'by ids, each once; one that there is not is refused');
SELECT is(done('cancel', '{"definition": "order", "state": "shipped"}'), 'finished 0 0/0/0/0/0', 'what is over is no item');
SELECT is(done('cancel', jsonb_build_object('kind', 'process', 'ids', ARRAY[p(3), p(4)])), 'finished 2 1/0/1/0/0', 'unless it is named');
SELECT is(done('cancel', '{"definition": "order", "since": "2030-01-01 00:00:01+00"}'), 'finished 0 0/0/0/0/0', 'since');
SELECT is(done('cancel', '{"definition": "order", "until": "2030-01-01 00:00+00"}'), 'finished 0 0/0/0/0/0', 'until');

-- errors of user code are those of their items
SELECT count(*) AS n FROM workflow.start_many('order', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(101, 120) i)) \g /dev/null
SELECT is(done('send', '{"definition": "order", "state": "open", "suspended": false}', '{"event": "fail"}'), 'finished 20 16/0/0/4/0', 'four fail');
SELECT is((SELECT string_agg(concat_ws(' ', context->>'n', code, message), ', ' ORDER BY (context->>'n')::int)
    FROM workflow.bulk_items JOIN workflow.processes ON id = item WHERE result = 'failed'),
    '105 22012 division by zero, 110 22012 division by zero, 115 22012 division by zero, 120 22012 division by zero', 'these four');
SELECT is((SELECT count(*) FROM workflow.processes WHERE definition = 'order' AND states = '{paid}' AND context ? 'x'), 16::bigint, 'the others are done');
SELECT workflow.bulk('cancel', '{"definition": "order", "state": "open", "suspended": false}', keep_all => true) AS b \gset
SELECT work() \g /dev/null
SELECT is((SELECT string_agg(result, ', ') FROM workflow.bulk_items WHERE bulk = :'b'), 'done, done, done, done', 'all results are kept if asked for');

-- slices
SELECT count(*) AS n FROM workflow.start_many('order', ARRAY(SELECT jsonb_build_object('n', i) FROM generate_series(201, 220) i)) \g /dev/null
SELECT workflow.bulk('send', '{"definition": "order", "state": "open", "suspended": false}', '{"event": "pay"}') AS b \gset
SELECT is(workflow.work_bulks(7), 1, 'a look');
SELECT is(workflow.work_bulks(7), 7, 'a slice');
SELECT is(stands(:'b'), 'running 20 7/0/0/0/0', 'as far as it came');
SELECT ok(workflow.pause_bulk(:'b', 'wait a moment') AND NOT workflow.pause_bulk(:'b'), 'paused, once');
SELECT is(workflow.work_bulks(7), 0, 'then nothing is done');
SELECT is(stands(:'b'), 'paused 20 7/0/0/0/0 wait a moment', 'it says why');
SELECT ok(workflow.resume_bulk(:'b') AND NOT workflow.resume_bulk(:'b'), 'resumed, once');
SELECT workflow.start('order') \g /dev/null
SELECT is(work(6), 3, 'it goes on where it was');
SELECT is(stands(:'b'), 'finished 20 20/0/0/0/0', 'to its end; what came within the millisecond does not count');
SELECT ok(NOT workflow.pause_bulk(:'b') AND NOT workflow.resume_bulk(:'b') AND NOT workflow.cancel_bulk(:'b'), 'what is over stays so');
SELECT workflow.bulk('cancel', '{"definition": "order", "state": "paid"}') AS b \gset
SELECT workflow.work_bulks(5), workflow.work_bulks(5) \g /dev/null
SELECT ok(workflow.cancel_bulk(:'b', 'a mistake'), 'cancelled');
SELECT is(stands(:'b'), 'cancelled 52 5/0/0/0/0 a mistake', 'what was done stays');
SELECT is(work(), 0, 'and nothing more is done');
SELECT is((SELECT string_agg(concat_ws(' ', act, note), ', ' ORDER BY at, act) FROM workflow.audit WHERE kind = 'bulk' AND act <> 'bulk'),
    'cancel_bulk a mistake, pause_bulk wait a moment, resume_bulk', 'the audit has that');

-- an item whose code is at operations itself
CREATE FUNCTION app.meddle(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE event->'data'->>'sql'; END $$;
SELECT workflow.define('{"id": "meddler", "initial": "a", "states": {"a": {"on": {"go": {"actions": "app.meddle"}}}}}'), workflow.start('meddler') \g /dev/null
SELECT is(done('send', '{"definition": "meddler"}', '{"event": "go", "data": {"sql": "SELECT workflow.work_bulks()"}}'), 'running 1 0/0/0/0/1', 'none inside of another one');
SELECT is((SELECT string_agg(concat_ws(' ', code, message), ', ') FROM workflow.bulk_items WHERE result = 'locked'), 'WF005 a bulk operation is being done by this very session', 'it is busy');
SELECT workflow.cancel_bulk(id) FROM workflow.bulks WHERE state = 'running' \g /dev/null
SELECT is(done('send', '{"definition": "meddler"}', '{"event": "go", "data": {"sql": "SELECT workflow.cancel_bulk(id) FROM workflow.bulks WHERE state IN (''waiting'', ''running'')"}}'),
    'running 1 0/0/0/0/1', 'nor ended by one of its items');
SELECT workflow.cancel_bulk(id) FROM workflow.bulks WHERE state = 'running' \g /dev/null

-- migration
SELECT workflow.define('{"id": "order", "initial": "open", "context": {"n": 0}, "states": {
    "open": {"on": {"pay": "paid"}}, "paid": {"on": {"ship": "shipped"}}, "shipped": {"type": "final"}}}') \g /dev/null
SELECT is(done('migrate', '{"definition": "order", "version": 1, "state": "paid"}', '{"version": 2, "patch": {"new": true}}'), 'finished 47 47/0/0/0/0', 'migrated');
SELECT is((SELECT string_agg(DISTINCT concat_ws(' ', version, context->'new', count), ', ') FROM (SELECT version, context, count(*) OVER ()
    FROM workflow.processes WHERE states = '{paid}') p), '2 true 47', 'with a patch');
SELECT is(done('migrate', '{"definition": "order"}'), 'finished 49 0/47/2/0/0', 'those of the version are left; where states have no place they stay');
SELECT is((SELECT string_agg(DISTINCT code, ', ') FROM workflow.bulk_items WHERE code LIKE '22%' AND result = 'refused'), '22023', 'with the reason');
SELECT is(done('migrate', '{"definition": "order", "version": 1}', '{"mapping": {"open.new": "open"}}'), 'finished 2 2/0/0/0/0', 'with a mapping');

-- runs
SELECT workflow.create_queue('q') \g /dev/null
SELECT workflow.create_job('j', 'SELECT 1 / $n::int', '{"n": "int"}', queue => 'q') \g /dev/null
SELECT count(*) AS n FROM workflow.run_jobs('j', ARRAY(SELECT jsonb_build_object('n', i % 2) FROM generate_series(1, 20) i)) \g /dev/null
SELECT is(done('alter', '{"job": "j", "queue": "q"}', '{"priority": 2}'), 'finished 20 20/0/0/0/0', 'altered');
SELECT is((SELECT string_agg(DISTINCT priority::text, ', ') FROM workflow.runs), '2', 'to that');
SELECT is(done('cancel', '{"queue": "q", "until": "2029-01-01"}'), 'finished 0 0/0/0/0/0', 'none that were due before');
SELECT is(done('cancel', jsonb_build_object('kind', 'run', 'ids', (SELECT jsonb_agg(run) FROM (SELECT run FROM workflow.runs ORDER BY run LIMIT 5) r))),
    'finished 5 5/0/0/0/0', 'cancelled by ids');
SELECT is((SELECT string_agg(concat(state, ' ', n), ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM workflow.runs GROUP BY state) s), 'aborted 5, waiting 15', 'only those');
CALL app.clock('2030-01-01 00:00:30+00');
SELECT is(done('redrive', '{"job": "j", "state": ["aborted", "expired"]}'), 'finished 5 5/0/0/0/0', 'redriven');
SELECT is(done('cancel', '{"job": "j"}', '{"force": true}'), 'finished 20 20/0/0/0/0', 'cancelled by job');
SELECT is(done('redrive', '{}'), 'finished 0 0/0/0/0/0', 'only failed ones are redriven by themselves');
SELECT is(done('redrive', '{"job": "j", "state": "aborted", "since": "2030-01-01", "until": "2030-01-02"}'), 'finished 0 0/0/0/0/0', 'what ends at the moment it was asked for came after it');
CALL app.clock('2030-01-01 00:01+00');
SELECT is(done('redrive', '{"job": "j", "state": "aborted", "since": "2030-01-01", "until": "2030-01-02"}'), 'finished 20 20/0/0/0/0', 'by when they ended');

-- rights
SELECT workflow.bulk('suspend', '{"definition": "order"}') AS mine \gset
SET ROLE regress_clerk;
SELECT is(refused(format('SELECT workflow.%s(%L)', f, :'mine')), format('WF002 permission denied for bulk operation %s', :'mine'), f)
FROM unnest(ARRAY['pause_bulk', 'resume_bulk', 'cancel_bulk']) f;
SELECT is(refused($$ SELECT workflow.pause_bulk('00000000-0000-0000-0000-000000000001') $$), 'WF010 bulk operation 00000000-0000-0000-0000-000000000001 does not exist', 'none');
SELECT is(refused($$ SELECT workflow.pause_bulk(NULL) $$), '22004 argument "bulk" must not be null', 'null');
SELECT is((SELECT count(*) FROM workflow.bulks) + (SELECT count(*) FROM workflow.bulk_items), 0::bigint, 'what others do is not seen');
SELECT is(refused($$ SELECT workflow.bulk('suspend', '{"definition": "order"}') $$), 'WF002 permission denied to send to processes of definition "order"', 'nor done');
SELECT is(refused($$ SELECT workflow.bulk('suspend', '{}') $$), 'WF002 there is no definition whose processes the current user may suspend', 'nor without its name');
SELECT is(refused($$ SELECT workflow.bulk('cancel', '{"job": "j"}') $$), 'WF002 permission denied to manage job "j"', 'nor runs');
SELECT is(done('cancel', '{"kind": "run"}'), 'finished 0 0/0/0/0/0', 'of which none is theirs');
SELECT workflow.define('{"id": "loan", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {}}}') \g /dev/null
SELECT count(*) AS n FROM workflow.start_many('loan', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, 3))) \g /dev/null
SELECT is(done('suspend', '{}'), 'finished 3 3/0/0/0/0', 'all are those that one may touch');
SELECT is(done('resume', jsonb_build_object('ids', (SELECT jsonb_agg(id) FROM workflow.processes) || jsonb_build_array('00000000-0000-0000-0000-000000000001'))),
    'finished 4 3/0/1/0/0', 'named or not');
SELECT is(refused($$ SELECT workflow.work_bulks(0) $$), '22023 max must be at least 1, not 0', 'at least one');
SET ROLE regress_app;
SELECT workflow.cancel_bulk(:'mine') \g /dev/null
SELECT workflow.grant_on('order', 'regress_clerk', 'send'), workflow.grant_on('job:j', 'regress_clerk', 'run') \g /dev/null
SET ROLE regress_clerk;
SELECT workflow.run_job('j', '{"n": 0}') \g /dev/null
SELECT is(done('cancel', '{"job": "j"}'), 'finished 1 1/0/0/0/0', 'who may make runs may end their own');
SELECT workflow.bulk('send', '{"definition": "order", "state": "paid"}', '{"event": "ship"}') AS b \gset
SELECT workflow.work_bulks(5), workflow.work_bulks(5) \g /dev/null
SELECT is(stands(:'b'), 'running 47 5/0/0/0/0', 'with a grant');
SET ROLE regress_app;
SELECT workflow.revoke_on('order', 'regress_clerk', 'send') \g /dev/null
SET ROLE regress_clerk;
SELECT work(5) \g /dev/null
SELECT is(stands(:'b'), 'stopped 47 5/0/0/0/0 role "regress_clerk" may not send processes of "order" any more', 'until it is taken back');
SET ROLE regress_app;
SELECT workflow.grant_on('order', 'regress_clerk', 'send') \g /dev/null
SET ROLE regress_clerk;
SELECT ok(workflow.resume_bulk(:'b'), 'it goes on');
SELECT work(20) \g /dev/null
SELECT is(stands(:'b'), 'finished 47 47/0/0/0/0', 'to the end');

-- what is hidden of data, and from whom
SET ROLE regress_app;
SELECT workflow.define('{"id": "card", "initial": "a", "context": {"iban": "DE500105"}, "sensitive": ["/iban"], "search": {"iban": "$.iban"}, "states": {
    "a": {"on": {"try": {"target": "b", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''iban'')::int"}}}}}}, "b": {}}}'),
    workflow.start('card') \g /dev/null
SELECT workflow.bulk('send', '{"definition": "card", "attributes": {"iban": "DE500105"}}', '{"event": "try", "data": {"iban": "DE500105"}}') AS b \gset
SELECT work() \g /dev/null
SELECT is(stands(:'b'), 'finished 1 0/0/0/1/0', 'it fails');
CREATE FUNCTION app.shown(bulk uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', b.filter->'attributes', b.changes->'data', i.message) FROM workflow.bulks b JOIN workflow.bulk_items i ON i.bulk = b.id WHERE b.id = shown.bulk $$;
SELECT is(shown(:'b'), '{"iban": "DE500105"} {"iban": "DE500105"} invalid input syntax for type integer: "DE500105"', 'who has asked sees with what');
RESET ROLE;
GRANT workflow_monitor TO regress_stranger;
SET ROLE regress_stranger;
SELECT is(shown(:'b'), '"***" "***" invalid input syntax for type integer: "***"', 'a monitor does not');
SELECT is((SELECT count(*) FROM workflow.audit a WHERE a::text LIKE '%DE500105%'), 0::bigint, 'nor does the audit');
SET ROLE regress_app;
SELECT workflow.define('{"id": "card", "initial": "a", "context": {"iban": "1"}, "sensitive": ["/iban"], "search": {"n": {"@expr": "(context->>''iban'')::int"}}, "states": {"a": {}}}') \g /dev/null
SELECT workflow.bulk('migrate', '{"definition": "card"}', '{"patch": {"iban": "DE700107"}}') AS b \gset
SELECT work() \g /dev/null
SELECT is((SELECT message FROM workflow.bulk_items WHERE bulk = :'b'), 'invalid input syntax for type integer: "DE700107"', 'a patch is seen');
SET ROLE regress_stranger;
SELECT is((SELECT message FROM workflow.bulk_items WHERE bulk = :'b'), 'invalid input syntax for type integer: "***"', 'by who has asked');
RESET ROLE;
REVOKE workflow_monitor FROM regress_stranger;

-- tags and attributes: of those that were there, still, and of those that are named
SET ROLE regress_app;
SELECT workflow.define('{"id": "parcel", "initial": "packed", "context": {"n": 0}, "search": {"n": "$.n"}, "states": {
    "packed": {"tags": ["here"], "on": {"ship": "gone"}}, "gone": {}}}') \g /dev/null
SELECT workflow.start('parcel', '{"n": 1}') AS one, workflow.start('parcel', '{"n": 2}') AS two \gset
SELECT is(done('suspend', jsonb_build_object('definition', 'parcel', 'attributes', '{"n": 1}'::jsonb, 'ids', ARRAY[:'one', :'two'])),
    'finished 2 1/0/1/0/0', 'a process that is named has to have the attributes');
SELECT workflow.bulk('resume', jsonb_build_object('definition', 'parcel', 'tags', '["here"]'::jsonb, 'ids', ARRAY[upper(:'two'), :'one', :'two', :'one'])) AS b \gset
SELECT is((SELECT filter->'ids' FROM workflow.bulks WHERE id = :'b'), to_jsonb(ARRAY[LEAST(:'one'::uuid, :'two'), GREATEST(:'one'::uuid, :'two')]), 'ids are named in their order, each once');
SELECT FROM workflow.cancel_bulk(:'b');
SELECT is((SELECT string_agg(concat(context->'n', suspended), ' ' ORDER BY context->'n') FROM workflow.processes WHERE definition = 'parcel'), '1t 2f', 'else it is left alone');
SELECT FROM workflow.resume(:'one') \g /dev/null
SELECT workflow.bulk('suspend', '{"definition": "parcel", "attributes": {"n": {">": 0}}}') AS a, workflow.bulk('suspend', '{"definition": "parcel", "tags": "here"}') AS b,
    pg_sleep(0.01) \gset
SELECT workflow.start('parcel', '{"n": 3}') AS three \gset
SELECT work() \g /dev/null
SELECT is((SELECT concat_ws(', ', stands(:'a'), stands(:'b'))), 'finished 2 2/0/0/0/0, finished 2 0/2/0/0/0', 'what was started later is no item');
SELECT is(suspended, false, 'nor is it touched') FROM workflow.processes WHERE id = :'three';
SELECT workflow.bulk('resume', '{"definition": "parcel", "tags": "here"}') AS b \gset
SELECT workflow.work_bulks(), workflow.work_bulks(1) \g /dev/null
RESET ROLE;
INSERT INTO workflow.bulk_item SELECT :'b', :'two', 'locked', NULL, 0, now();
UPDATE workflow.bulk SET phase = 2, position = '00000000-0000-0000-0000-000000000000', locked = 1 WHERE id = :'b';
SET ROLE regress_app;
SELECT FROM workflow.resume(:'two');
SELECT FROM workflow.send(:'two', 'ship');
SELECT FROM workflow.suspend(:'two');
SELECT work() \g /dev/null
SELECT is(stands(:'b'), 'finished 3 1/1/0/0/0', 'one that was locked has to have the tag still when it is free');
SELECT is(suspended, true, 'or it is left alone') FROM workflow.processes WHERE id = :'two';

-- times mean what they did where the operation was asked for
SET LOCAL timezone TO 'Asia/Tokyo';
SET LOCAL datestyle TO 'ISO, DMY';
SELECT workflow.bulk('suspend', '{"definition": "parcel", "since": "1/2/2030 8:30", "until": "2030-02-02 00:00 America/New_York"}') AS b, workflow.bulk('suspend', '{"definition": "parcel", "since": "yesterday"}') AS c \gset
SET LOCAL timezone TO 'UTC';
SET LOCAL datestyle TO 'ISO, YMD';
SELECT is(filter, '{"definition": "parcel", "since": "2030-01-31T23:30:00+00:00", "until": "2030-02-02T05:00:00+00:00"}', 'in the session of the executor, too') FROM workflow.bulks WHERE id = :'b';
SELECT is((filter->>'since')::timestamptz, (date_trunc('day', now() AT TIME ZONE 'Asia/Tokyo') - interval '1 day') AT TIME ZONE 'Asia/Tokyo', 'however late that comes') FROM workflow.bulks WHERE id = :'c';
SELECT workflow.cancel_bulk(:'b'), workflow.cancel_bulk(:'c') \g /dev/null
SET LOCAL timezone TO 'Asia/Tokyo';
SELECT workflow.bulk('alter', '{"kind": "run"}', '{"due": "2030-02-01 08:30", "priority": 1}') AS b \gset
SET LOCAL timezone TO 'UTC';
SELECT is(changes, '{"due": "2030-01-31T23:30:00+00:00", "priority": 1}', 'what is changed, too') FROM workflow.bulks WHERE id = :'b';
SELECT FROM workflow.cancel_bulk(:'b');

-- for a tenant
SET ROLE regress_app;
SET LOCAL workflow.tenant = 'acme';
SELECT workflow.start('card') AS ours, workflow.bulk('suspend', '{"definition": "card"}') AS b \gset
SET LOCAL workflow.tenant = 'globex';
SELECT is(stands(:'b'), NULL, 'it does not exist for another one');
SELECT is(refused(format('SELECT workflow.cancel_bulk(%L)', :'b')), format('WF010 bulk operation %s does not exist', :'b'), 'who cannot end it');
SET LOCAL workflow.tenant = '';
SELECT work() \g /dev/null
SELECT is(stands(:'b'), 'finished 1 1/0/0/0/0', 'whoever does it');
SELECT is((SELECT string_agg(concat_ws(' ', id = :'ours', tenant), ', ') FROM workflow.processes WHERE suspended AND definition = 'card'), 't acme', 'only what is the tenant''s');

SET LOCAL workflow.tenant = 'acme';
SELECT workflow.bulk('resume', '{"definition": "card"}') AS b \gset
SET LOCAL workflow.tenant = '';
SELECT workflow.bulk('resume', '{"definition": "card"}') AS c \gset
RESET ROLE;
SELECT FROM workflow.confine('regress_app', ARRAY['globex', 'initech']);
SET ROLE regress_app;
SELECT work() \g /dev/null
RESET ROLE;
SELECT is(stands(:'b'), 'stopped - 0/0/0/0/0 role "regress_app" may not work for tenant "acme" any more', 'a role that is confined meanwhile');
SELECT is(stands(:'c'), 'stopped - 0/0/0/0/0 role "regress_app" is confined to tenants by now', 'has nothing done for all');
SELECT FROM workflow.confine('regress_app', NULL);

-- a role that may not log in
RESET ROLE;
ALTER ROLE regress_clerk NOLOGIN;
SET ROLE regress_clerk;
SELECT is(refused($$ SELECT workflow.bulk('suspend', '{}') $$), 'WF002 role "regress_clerk" cannot have a bulk operation done: it may not log in', 'needs to log in');
RESET ROLE;
ALTER ROLE regress_clerk LOGIN;

-- erased, handed over, expired
SET ROLE regress_app;
SELECT workflow.bulk('suspend', '{"definition": "order"}', keep_all => true) AS b \gset
SELECT work() \g /dev/null
SELECT item AS p FROM workflow.bulk_items WHERE bulk = :'b' LIMIT 1 \gset
SELECT workflow.erase(:'p', force => true) \g /dev/null
SELECT is((SELECT count(*) FROM workflow.bulk_items WHERE item = :'p'), 0::bigint, 'what is erased has no results');
SELECT workflow.bulk('resume', '{"definition": "order"}') AS b \gset
RESET ROLE;
SELECT ok((error('DROP OWNED BY regress_app'))[4] LIKE '%workflow.cancel_bulk()%', 'how an operation is ended is told');
SELECT is((error('DROP OWNED BY regress_app'))[1:3], ARRAY['2BP01', 'what role "regress_app" owns cannot be dropped because processes depend on it',
    'owner of definition "order" in workflow'], 'work keeps a role');
REASSIGN OWNED BY regress_app TO regress_clerk;
SET ROLE regress_clerk;
SELECT is(work(), 0, 'nothing is done');
RESET ROLE;
SELECT is(stands(:'b'), 'cancelled - 0/0/0/0/0 what the role owned was given to another one', 'operations of one role are not those of another');
SELECT is((SELECT string_agg(problem, ', ') FROM workflow.check()), NULL, 'everything fits together');

SELECT finish();
ROLLBACK;
