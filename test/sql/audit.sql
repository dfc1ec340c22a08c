\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Who has done what: each act leaves one row, with the role and the login. Here somebody
-- logs in as regress_clerk, and is regress_app then.
RESET ROLE;
GRANT regress_app TO regress_clerk;
CREATE ROLE regress_admin LOGIN IN ROLE workflow_admin;
CREATE ROLE regress_monitor LOGIN IN ROLE workflow_monitor;
-- what came since the last call; ids are shown as such
CREATE TABLE app.shown (at timestamptz, act text, kind text, object text, role text, login text, actor text, detail jsonb, note text);
CREATE FUNCTION app.new() RETURNS SETOF app.shown LANGUAGE sql SECURITY DEFINER AS $$
    SELECT at, act, kind, CASE WHEN object ~ '^[0-9a-f-]{36}$' THEN 'id' ELSE object END, role, login, actor, detail, note FROM workflow.audit
    EXCEPT ALL SELECT * FROM app.shown $$;
CREATE FUNCTION app.acts() RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    rows app.shown[] := ARRAY(SELECT n FROM app.new() n);
BEGIN
    INSERT INTO app.shown SELECT * FROM unnest(rows);
    RETURN ARRAY(SELECT concat_ws(' ', act, kind, object, role || '/' || login, 'for ' || actor, detail::text, 'note: ' || note)
                 FROM unnest(rows) ORDER BY act COLLATE "C", detail::text COLLATE "C");
END $$;
SET SESSION AUTHORIZATION regress_clerk;
SET ROLE regress_app;
SET search_path TO app, public;

-- definitions
SELECT FROM workflow.define('{"id": "order", "initial": "a", "context": {"n": 1}, "states": {
    "a": {"after": {"1 day": "b"}, "on": {"go": "b"}}, "b": {"on": {"end": "c"}}, "c": {"type": "final"}}}');
SELECT is(acts(), ARRAY['define definition order regress_app/regress_clerk {"version": 1}'], 'define');
SELECT FROM workflow.define('{"id": "order", "initial": "a", "context": {"n": 1}, "states": {
    "a": {"after": {"1 day": "b"}, "on": {"go": "b"}}, "b": {"on": {"end": "c"}}, "c": {"type": "final"}}}');
SELECT is(acts(), '{}', 'what is the same is not defined');
SELECT FROM workflow.grant_on('order', 'regress_stranger', 'read');
SELECT FROM workflow.revoke_on('order', 'regress_stranger', 'read');
SELECT FROM workflow.pause('order');
SELECT FROM workflow.unpause('order');
SELECT is(acts(), ARRAY['grant_on definition order regress_app/regress_clerk {"role": "regress_stranger", "privilege": "read"}',
    'pause definition order regress_app/regress_clerk',
    'revoke_on definition order regress_app/regress_clerk {"role": "regress_stranger", "privilege": "read"}',
    'unpause definition order regress_app/regress_clerk'], 'grant_on, pause, revoke_on, unpause');

-- processes; what is everyday work is not noted
SELECT workflow.start('order') AS p \gset
SELECT workflow.start('order') AS q \gset
SELECT FROM workflow.send(:'q', 'go');
SELECT FROM workflow.post(:'q', 'end');
SELECT is(workflow.work(), 1, 'an event');
SELECT is(acts(), '{}', 'start, send, post and work are no acts');
SELECT is(workflow.suspend(:'p', 'boss', 'wait'), true, 'suspend');
SELECT is(workflow.suspend(:'p', 'boss', 'wait'), false, 'twice');
SELECT is(acts(), ARRAY['suspend process id regress_app/regress_clerk for boss {"definition": "order"} note: wait'], 'leaves one row');
SELECT is(workflow.resume(:'p', note => 'go on'), true, 'resume');
SELECT is(workflow.resume(:'p'), false, 'twice');
SELECT is(acts(), ARRAY['resume process id regress_app/regress_clerk for regress_app {"definition": "order"} note: go on'], 'leaves one row');
SELECT FROM workflow.set_timer(:'p', '1 day', '2030-01-05');
SELECT FROM workflow.reset_timer(:'p', '1 day');
SELECT is(acts(), ARRAY['reset_timer process id regress_app/regress_clerk for regress_app {"due": "2030-01-02T00:00:00+00:00", "name": "1 day", "definition": "order"}',
    'set_timer process id regress_app/regress_clerk for regress_app {"due": "2030-01-05T00:00:00+00:00", "name": "1 day", "definition": "order"}'], 'set_timer, reset_timer');
SELECT FROM workflow.set_context(:'p', '{"secret": 42}', note => 'mend');
SELECT FROM workflow.set_states(:'p', '{b}', patch => '{"secret": 43}', note => 'move');
SELECT is(acts(), ARRAY['set_context process id regress_app/regress_clerk for regress_app {"definition": "order"} note: mend',
    'set_states process id regress_app/regress_clerk for regress_app {"states": ["b"], "execute": true, "definition": "order"} note: move'],
    'set_context and set_states, without the data');
SELECT is(workflow.define('{"id": "order", "initial": "a", "context": {"n": 1}, "states": {"a": {}, "b": {"on": {"end": "c"}}, "c": {"type": "final"}}}'), 2, 'another version');
SELECT FROM acts();
SELECT FROM workflow.migrate(:'p', dry_run => true);
SELECT is(acts(), '{}', 'a dry run is no act');
SELECT FROM workflow.migrate(:'p', note => 'new');
SELECT FROM workflow.migrate(:'p', 1);
SELECT count(*) FROM workflow.migrate_many('order', 2, states => '{b}', note => 'all') \g /dev/null
SELECT count(*) FROM workflow.migrate_many('order', 2, states => '{b}', note => 'none') \g /dev/null
SELECT is(acts(), ARRAY['migrate process id regress_app/regress_clerk for regress_app {"to": 1, "from": 2, "definition": "order"}',
    'migrate process id regress_app/regress_clerk for regress_app {"to": 2, "from": 1, "definition": "order"} note: new',
    'migrate_many definition order regress_app/regress_clerk for regress_app {"to": 2, "count": 1, "states": ["b"]} note: all'],
    'migrate; migrate_many leaves one row for all of them');
SELECT FROM workflow.cancel(:'p', note => 'enough');
SELECT is(acts(), ARRAY['cancel process id regress_app/regress_clerk for regress_app {"definition": "order"} note: enough'], 'cancel');
SELECT is((SELECT count(*) FROM workflow.audit WHERE note IN ('enough', 'wait')), 2::bigint, 'what was said');
SELECT FROM workflow.erase(:'p');
SELECT is((SELECT array_agg(concat_ws(' ', act, detail::text, note) ORDER BY act COLLATE "C") FROM workflow.audit WHERE kind = 'process'),
    ARRAY['cancel', 'erase {"force": false, "definition": "order"}', 'migrate', 'migrate', 'reset_timer', 'resume', 'set_context', 'set_states', 'set_timer', 'suspend'],
    'is erased with the process; that it was done stays');
SELECT FROM acts();

-- jobs, queues, limits
SELECT FROM workflow.create_queue('line', max_parallel => 3);
SELECT FROM workflow.alter_queue('line', '{"max_parallel": 4}');
SELECT FROM workflow.pause_queue('line', 'bank holiday');
SELECT FROM workflow.resume_queue('line');
SELECT FROM workflow.create_limit('cap', 2);
SELECT FROM workflow.alter_limit('cap', '{"max": 3}');
SELECT is(acts(), ARRAY['alter_limit limit cap regress_app/regress_clerk {"max": 3}', 'alter_queue queue line regress_app/regress_clerk {"max_parallel": 4}',
    'create_limit limit cap regress_app/regress_clerk', 'create_queue queue line regress_app/regress_clerk',
    'pause_queue queue line regress_app/regress_clerk note: bank holiday', 'resume_queue queue line regress_app/regress_clerk'], 'queues and limits');
SELECT is(workflow.create_job('sum', 'SELECT $a / $b', '{"a": "int", "b": "int"}', queue => 'line', result => 'int', cache => '{}', retry => '{"errors": "*", "maxAttempts": 0}'), 1, 'a job');
SELECT is(workflow.create_job('sum', 'SELECT $a / $b', '{"a": "int", "b": "int"}', queue => 'line', result => 'int', cache => '{}', retry => '{"errors": "*", "maxAttempts": 0}'), 1, 'the same');
SELECT FROM workflow.grant_on('job:sum', 'regress_stranger', 'run');
SELECT is(workflow.call_job('sum', '{"a": 4, "b": 2}'), '2', 'a call');
SELECT is(workflow.flush_cache('sum'), 1::bigint, 'flush_cache');
SELECT is(acts(), ARRAY['create_job job sum regress_app/regress_clerk {"version": 1}', 'flush_cache job sum regress_app/regress_clerk {"count": 1}',
    'grant_on job sum regress_app/regress_clerk {"role": "regress_stranger", "privilege": "run"}'], 'jobs');

-- runs
SELECT workflow.run_job('sum', '{"a": 1, "b": 1}', at => '2031-01-01') AS r \gset
SELECT FROM workflow.run_jobs('sum', ARRAY['{"a": 1, "b": 2}', '{"a": 2, "b": 2}']::jsonb[], at => '2031-01-01');
SELECT is(acts(), '{}', 'run_job is no act');
SELECT is(workflow.alter_runs('{"job": "sum"}', '{"priority": 1, "params": {"a": 7, "b": 1}}'), 3::bigint, 'three runs are changed');
SELECT is(workflow.alter_runs('{"job": "sum", "key": "none"}', '{"priority": 1}'), 0::bigint, 'or none');
SELECT is(acts(), ARRAY['alter_runs run regress_app/regress_clerk {"count": 3, "filter": {"job": "sum"}, "changes": {"params": "...", "priority": 1}}'],
    'alter_runs leaves one row, without the parameters');
SELECT is(workflow.cancel_run(:'r'), 'aborted', 'cancel_run');
SELECT is(workflow.cancel_run(:'r'), 'aborted', 'twice');
SELECT is(acts(), ARRAY['cancel_run run id regress_app/regress_clerk {"job": "sum", "force": false}'], 'leaves one row');
SELECT is(workflow.retry_run(:'r'), true, 'retry_run');
SELECT is(acts(), ARRAY['retry_run run id regress_app/regress_clerk {"job": "sum"}'], 'too');
SELECT is(workflow.redrive('sum'), 0::bigint, 'nothing has failed');
SELECT is(acts(), '{}', 'so nothing is done');
SELECT is(workflow.create_job('out', queue => 'line', retry => '{"errors": "*", "maxAttempts": 0}'), 1, 'a job that fails');
SELECT workflow.run_job('out') IS NOT NULL AND workflow.run_job('out') IS NOT NULL AS made \gset
SELECT workflow.fail(run, fence, '{"code": "x"}') FROM workflow.claim('line', 'w', 2, jobs => '{out}') \g /dev/null
SELECT FROM acts();
SELECT is(workflow.redrive('out', since => '2029-01-01 00:00+00'), 2::bigint, 'two have failed');
SELECT is(acts(), ARRAY['redrive run regress_app/regress_clerk {"job": "out", "count": 2, "since": "2029-01-01T00:00:00+00:00"}'],
    'redrive leaves one row for both');

-- schedules
SELECT FROM workflow.create_schedule('nightly', 'sum', cron => '0 3 * * *', params => '{"a": 1, "b": 1}');
SELECT FROM workflow.alter_schedule('nightly', '{"cron": "0 4 * * *", "params": {"a": 2, "b": 1}}');
SELECT FROM workflow.pause_schedule('nightly', 'holidays');
SELECT FROM workflow.resume_schedule('nightly');
SELECT FROM workflow.grant_on('schedule:nightly', 'regress_stranger', 'read');
SELECT workflow.trigger_now('nightly') AS made \gset
SELECT count(*) FROM workflow.backfill('nightly', '2029-12-01', '2029-12-03') \g /dev/null
SELECT FROM workflow.drop_schedule('nightly');
SELECT is((SELECT array_agg(replace(a, :'made', 'id')) FROM unnest(acts()) a), ARRAY['alter_schedule schedule nightly regress_app/regress_clerk {"cron": "0 4 * * *", "params": "..."}',
    'backfill schedule nightly regress_app/regress_clerk {"count": 2, "to_at": "2029-12-03T00:00:00+00:00", "from_at": "2029-12-01T00:00:00+00:00"}',
    'create_schedule schedule nightly regress_app/regress_clerk', 'drop_schedule schedule nightly regress_app/regress_clerk',
    'grant_on schedule nightly regress_app/regress_clerk {"role": "regress_stranger", "privilege": "read"}',
    'pause_schedule schedule nightly regress_app/regress_clerk note: holidays', 'resume_schedule schedule nightly regress_app/regress_clerk',
    'trigger_now schedule nightly regress_app/regress_clerk {"made": "id"}'], 'schedules');

-- table triggers
SELECT FROM workflow.create_table_trigger('watch', 'app.note', 'insert', job => 'out');
SELECT FROM workflow.drop_table_trigger('watch');
SELECT is(acts(), ARRAY['create_table_trigger table_trigger watch regress_app/regress_clerk', 'drop_table_trigger table_trigger watch regress_app/regress_clerk'], 'table triggers');

CREATE TABLE app.bound (k text PRIMARY KEY, s text);
SELECT FROM workflow.define('{"id": "bound", "initial": "a", "states": {"a": {}}}');
SELECT FROM acts();
SELECT FROM workflow.bind('bound', 'app.bound', 'k', 's');
SELECT FROM workflow.unbind('bound');
SELECT is(acts(), ARRAY['bind definition bound regress_app/regress_clerk {"table": "app.bound", "key_column": "k", "state_column": "s"}', 'unbind definition bound regress_app/regress_clerk'], 'bindings');
SELECT FROM workflow.drop_definition('bound');
SELECT FROM acts();

-- calendars
SELECT FROM workflow.define_calendar('office', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
SELECT FROM workflow.drop_calendar('office');
SELECT is(acts(), ARRAY['define_calendar calendar office regress_app/regress_clerk', 'drop_calendar calendar office regress_app/regress_clerk'], 'calendars');

-- what is rolled back, or fails, was not done
SAVEPOINT before;
SELECT FROM workflow.pause_queue('line', 'never');
SELECT FROM workflow.cancel_run(:'r');
ROLLBACK TO before;
SELECT is((error('SELECT workflow.drop_queue(''line'')'))[1], 'WF017', 'what is refused');
SELECT is(acts(), '{}', 'leaves nothing, nor does what is rolled back');

-- who sees it
SELECT is((SELECT count(*) > 10 FROM workflow.audit), true, 'the owner sees what was done with what is theirs');
SELECT is((error('SELECT FROM workflow.act'))[1], '42501', 'nobody reads the table');
RESET SESSION AUTHORIZATION;
SELECT FROM workflow.adopt();
SELECT is(acts(), ARRAY[format('adopt database %s %s/%s', current_database(), current_user, session_user)], 'adopt');
SET SESSION AUTHORIZATION regress_stranger;
SELECT is((SELECT count(*) FROM workflow.audit), 0::bigint, 'others see nothing, even if they may run a job');
SELECT is(workflow.create_queue('mine') IS NULL, false, 'but what they have done with their own');
SELECT is((SELECT array_agg(act) FROM workflow.audit), ARRAY['create_queue'], 'is theirs to see');
SET SESSION AUTHORIZATION regress_app;
SELECT is((SELECT count(*) FROM workflow.audit WHERE act = 'adopt' OR object = 'mine'), 0::bigint, 'an owner sees nothing of others, or of administrators');
SET SESSION AUTHORIZATION regress_monitor;
SELECT is((SELECT count(*) FROM workflow.audit WHERE act = 'adopt' OR object IN ('mine', 'line')), 6::bigint, 'a monitor sees all');
SET SESSION AUTHORIZATION regress_admin;
SELECT is((SELECT count(*) FROM workflow.audit WHERE act = 'adopt' OR object IN ('mine', 'line')), 6::bigint, 'so does an administrator');
SELECT is(workflow.cancel_run(:'r', true, actor => 'boss'), 'aborted', 'who does what is no business of others');
RESET SESSION AUTHORIZATION;
SELECT FROM app.acts();
SELECT is((SELECT role || '/' || login || '/' || actor FROM workflow.audit WHERE act = 'cancel_run' AND detail->>'force' = 'true'), 'regress_admin/regress_admin/boss', 'under their own name, and for whom');

-- owners change
SELECT is(workflow.change_owner('job:out', 'regress_clerk', 'moved'), true, 'a job is given away');
SELECT is(acts(), ARRAY[format('change_owner job out %s/%s {"to": "regress_clerk", "from": "regress_app"} note: moved', current_user, session_user)], 'with a row');
SET SESSION AUTHORIZATION regress_clerk;
SELECT is((SELECT count(*) FROM workflow.audit WHERE object = 'out' AND act = 'change_owner'), 1::bigint, 'which the new owner sees');
RESET SESSION AUTHORIZATION;

-- dropped
SELECT workflow.cancel_run(run) FROM workflow.runs WHERE state = 'waiting' \g /dev/null
SELECT FROM workflow.drop_job('out');
SELECT FROM workflow.drop_job('sum');
SELECT FROM workflow.drop_queue('line');
SELECT FROM workflow.drop_limit('cap');
SELECT FROM workflow.erase(:'q');
SELECT FROM workflow.drop_definition('order', note => 'the end');
SELECT is((SELECT array_agg(a ORDER BY a COLLATE "C") FROM unnest(acts()) a WHERE a ~ '^drop'), ARRAY(SELECT format(t, current_user, session_user) FROM unnest(ARRAY[
    'drop_definition definition order %s/%s {"versions": [1, 2]} note: the end', 'drop_job job out %s/%s', 'drop_job job sum %s/%s', 'drop_limit limit cap %s/%s', 'drop_queue queue line %s/%s']) t ORDER BY t COLLATE "C"), 'dropped');
SELECT is((SELECT count(*) FROM workflow.definition_change WHERE definition = 'job:sum' AND gone IS NULL), 0::bigint, 'what was granted on the job is history');

-- it expires: with the ring, and, if the retention is short all of a sudden, by itself
SELECT is((SELECT count(*) > 20 FROM workflow.act), true, 'acts');
CALL app.clock('2030-01-20 00:00+00');
SELECT is((SELECT done FROM workflow.expire('30 days')), true, 'are kept');
SELECT is((SELECT count(*) > 20 FROM workflow.act), true, 'for so long');
SELECT FROM workflow.create_limit('late', 1);
SELECT is((SELECT done FROM workflow.expire('10 days')), true, 'and go');
SELECT is((SELECT array_agg(object) FROM workflow.act WHERE act <> 'expire'), ARRAY['late'], 'then');
SELECT is((SELECT count(*) FROM workflow.definition_change), 0::bigint, 'also of what was dropped');
CREATE FUNCTION app.turn(days int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    CALL app.clock('2030-01-20 00:00+00'::timestamptz + days * interval '1 day');
    PERFORM workflow.expire('70 days');
    RETURN (SELECT slot FROM workflow.ring) || ' ' || (SELECT count(*) FROM workflow.act WHERE object = 'late');
END $$;
SELECT is((SELECT array_agg(app.turn(n * 10 + 1) ORDER BY n) FROM generate_series(1, 6) n)::text ~ ' 1', true, 'the ring turns');
SELECT is(app.turn(100) || app.turn(111) || app.turn(122) || app.turn(133) ~ ' 0$', true, 'and comes to where it was noted');
SELECT is_empty('SELECT * FROM workflow.check()', 'all fits together');

\set end :srcdir '/end.psql'
\i :end
