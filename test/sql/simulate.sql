\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION app.broken(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'broken' USING DETAIL = 'in pieces', HINT = 'mend it', ERRCODE = 'P0042';
END
$$;
CREATE FUNCTION app.meddle(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    SET work_mem TO '1MB';
    PERFORM set_config('app.mine', 'set', false);
    PERFORM workflow.send((context ->> 'other')::uuid, 'look');
    PERFORM workflow.post((context ->> 'other')::uuid, 'pay');
    PERFORM workflow.start('loan', key => 'from an action');
    RETURN context || jsonb_build_object('other', workflow.get((context ->> 'other')::uuid)::text);
END
$$;
SELECT FROM workflow.define('{
    "id": "loan", "initial": "asked", "context": {"granted": null},
    "states": {
        "asked": {
            "after": {"P1D": "late"},
            "exit": {"type": "note", "params": "leaves"},
            "on": {
                "grant": [
                    {"target": "granted", "guard": {"@expr": "(event->''data''->>''amount'')::int <= 100"},
                     "actions": {"type": "assign", "context": {"granted": {"@expr": "event->''data''->''amount''"}}}},
                    {"target": "checked"}],
                "look": {"actions": {"type": "note", "params": "looked"}},
                "fail": {"actions": [{"type": "note", "params": "before"}, "broken"]},
                "meddle": {"actions": "meddle"}}},
        "late": {"after": {"PT1H": "asked"}},
        "checked": {"on": {"grant": "granted"}},
        "granted": {
            "entry": [
                {"type": "raise", "event": {"type": "inside", "data": 1}},
                {"type": "send", "event": "remind", "delay": "PT2H", "id": "r"},
                {"type": "send", "event": {"type": "now", "data": {"a": 1}}},
                {"type": "cancel", "id": "r"},
                {"type": "log", "label": "granted", "value": {"@expr": "context->''granted''"}},
                {"type": "assign", "context": {"@expr": "context || ''{\"all\": true}''"}}],
            "on": {"pay": "paid"}},
        "paid": {"type": "final"}}}');
SELECT FROM workflow.grant_on('loan', 'regress_clerk', 'start', 'send');
SELECT workflow.start('loan', key => 'L1') AS p \gset
SELECT workflow.start('loan', '{"other": null}') AS other \gset

-- All that a step could leave behind: every row of ours, and how many were written.
RESET ROLE;
CREATE FUNCTION app.traces(OUT traces text) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    relation regclass;
    part text;
BEGIN
    traces := format('%s %s %s', current_setting('work_mem'), current_setting('workflow.test_clock'), current_setting('app.mine', true));
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace IN ('workflow'::regnamespace, 'app'::regnamespace) AND relkind = 'r' ORDER BY oid LOOP
        EXECUTE format('SELECT coalesce(string_agg(t.ctid || t::text, '';'' ORDER BY t.ctid), '''') FROM %s t', relation) INTO part;
        traces := traces || E'\n' || relation || part || (
            SELECT format('%s %s %s', n_tup_ins, n_tup_upd, n_tup_del) FROM pg_stat_xact_all_tables WHERE relid = relation);
    END LOOP;
END
$$;
CREATE FUNCTION app.rows() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT regexp_replace(traces(), '\d+ \d+ \d+$', '', 'ng') $$;
GRANT EXECUTE ON FUNCTION app.traces(), app.rows() TO PUBLIC;
SET ROLE regress_app;

-- ---- dry_run ------------------------------------------------------------------

SELECT rows() AS before \gset
SELECT is((d.taken, d.status, d.states, d.context)::text, '(t,idled,{granted},"{""all"": true, ""granted"": 80}")', 'a dry run gives the verdict that send() would give')
FROM workflow.dry_run(:'p', 'grant', '{"amount": 80}') d;
SELECT is(d.effects, '[
    {"effect": "transition", "source": "asked", "targets": ["granted"], "path": "$.states.asked.on.grant[0]"},
    {"effect": "exited", "state": "asked"},
    {"effect": "action", "action": "note", "params": "leaves", "path": "$.states.asked.exit[0]"},
    {"effect": "disarmed", "state": "asked", "timer": "P1D", "due": "2030-01-02T00:00:00+00:00"},
    {"effect": "action", "action": "assign", "keys": ["granted"], "path": "$.states.asked.on.grant[0].actions[0]"},
    {"effect": "entered", "state": "granted"},
    {"effect": "raised", "event": "inside", "data": 1, "path": "$.states.granted.entry[0]"},
    {"effect": "sent", "event": "remind", "id": "r", "due": "2030-01-01T02:00:00+00:00", "path": "$.states.granted.entry[1]"},
    {"effect": "sent", "event": "now", "due": "2030-01-01T00:00:00+00:00", "data": {"a": 1}, "path": "$.states.granted.entry[2]"},
    {"effect": "cancelled", "id": "r", "path": "$.states.granted.entry[3]"},
    {"effect": "action", "action": "log", "label": "granted", "value": 80, "path": "$.states.granted.entry[4]"},
    {"effect": "action", "action": "assign", "expression": "context || ''{\"all\": true}''", "path": "$.states.granted.entry[5]"},
    {"effect": "received", "event": "now", "taken": false}]', 'and what would happen, in order')
FROM workflow.dry_run(:'p', 'grant', '{"amount": 80}') d;
SELECT is(d::text, '(t,idled,{checked},"{""granted"": null}","[{""path"": ""$.states.asked.on.grant[1]"", ""effect"": ""transition"", ""source"": ""asked"", ""targets"": [""checked""]}, '
    '{""state"": ""asked"", ""effect"": ""exited""}, {""path"": ""$.states.asked.exit[0]"", ""action"": ""note"", ""effect"": ""action"", ""params"": ""leaves""}, '
    '{""due"": ""2030-01-02T00:00:00+00:00"", ""state"": ""asked"", ""timer"": ""P1D"", ""effect"": ""disarmed""}, {""state"": ""checked"", ""effect"": ""entered""}]",f)', 'guards decide as ever')
FROM workflow.dry_run(:'p', 'grant', '{"amount": 800}', actor => 'ann') d;
SELECT is(d::text, '(f,idled,{asked},"{""granted"": null}",[],f)', 'an event that nothing handles would be ignored') FROM workflow.dry_run(:'p', 'pay') d;
SELECT is((d.taken, d.states, d.effects -> 0, d.effects -> -1 ->> 'effect', d.effects -> -1 ->> 'sqlstate', d.effects -> -1 ->> 'message', d.effects -> -1 ->> 'detail', d.effects -> -1 ->> 'hint')::text,
          '(f,{asked},"{""path"": ""$.states.asked.on.fail[0]"", ""effect"": ""transition"", ""source"": ""asked""}",error,P0042,broken,"in pieces","mend it")',
          'an action that fails is reported, after what came before it')
FROM workflow.dry_run(:'p', 'fail') d;
SELECT is((d.taken, d.effects -> -1 ->> 'effect', d.effects -> -1 ->> 'sqlstate')::text, '(f,error,22P02)', 'a guard that fails, too') FROM workflow.dry_run(:'p', 'grant', '{"amount": "x"}') d;
SELECT is(rows(), :'before', 'none of them left anything');

SELECT traces() AS before \gset
SELECT ok(NOT taken, 'a step without actions') FROM workflow.dry_run(:'other', 'pay');
SELECT is(traces(), :'before', 'writes nothing at all, not even to undo it');

-- what actions do to others
SELECT workflow.start('loan', jsonb_build_object('other', :'other')) AS q \gset
SELECT rows() AS before \gset
SELECT is((d.taken, d.effects -> 1, d.context ->> 'other' ~ ',asked,|\{asked\}')::text, '(t,"{""path"": ""$.states.asked.on.meddle[0].actions[0]"", ""action"": ""meddle"", ""effect"": ""action""}",t)', 'an action that commands, posts to and starts others')
FROM workflow.dry_run(:'q', 'meddle') d;
SELECT is(rows(), :'before', 'leaves nothing with them, and no setting');
SELECT is(workflow.work(100), 0, 'nothing waits for an executor');
SELECT throws_ok('SELECT workflow.find(''loan'', ''from an action'')', 'WF001', NULL, 'what it started is unknown');

-- refusals
SELECT is(error('SELECT workflow.dry_run(''00000000-0000-7000-8000-000000000000'', ''pay'')'), ARRAY['WF001', 'process 00000000-0000-7000-8000-000000000000 does not exist'], 'there must be a process');
SELECT is((error('SELECT workflow.dry_run(%L, ''after.x'')', :'p'))[1], '22023', 'and an event that can be sent');
SELECT is((error('SELECT workflow.dry_run(%L, NULL)', :'p'))[1], '22004', 'named');
SELECT workflow.suspend(:'q') AS suspended \gset
SELECT is(d::text, format('(f,idled,{asked},"{""other"": ""%s"", ""granted"": null}","[{""hint"": ""workflow.resume() lets it go on."", ""effect"": ""refused"", ""message"": ""process %s is suspended"", ""sqlstate"": ""WF003""}]",f)', :'other', :'q'),
          'what send() would refuse is told with its SQLSTATE') FROM workflow.dry_run(:'q', 'look') d;
SELECT workflow.start('loan', at => '2031-01-01') AS later \gset
SELECT is((d.status, d.effects -> 0 ->> 'sqlstate', d.effects -> 0 ->> 'message')::text, format('(initialized,WF003,"process %s has not started yet")', :'later'), 'before the start') FROM workflow.dry_run(:'later', 'look') d;
SELECT FROM workflow.cancel(:'q');
SELECT is((d.status, d.effects -> 0 ->> 'sqlstate')::text, '(terminated,WF004)', 'after the end') FROM workflow.dry_run(:'q', 'look') d;

-- rights
SET ROLE regress_clerk;
SELECT is((d.taken, d.states)::text, '(t,{granted})', 'who may send may try') FROM workflow.dry_run(:'p', 'grant', '{"amount": 1}') d;
SET ROLE regress_stranger;
SELECT is((error('SELECT workflow.dry_run(%L, ''look'')', :'p'))[1:2], ARRAY['WF002', 'permission denied to send to processes of definition "loan"'], 'nobody else');
SET ROLE regress_app;

-- a process with children, errors that are events
SELECT FROM workflow.define('{"id": "kid", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}');
SELECT FROM workflow.define('{
    "id": "mother", "initial": "a", "states": {
        "a": {"on": {"have": "b"}},
        "b": {"invoke": {"id": "k", "src": "kid", "input": {"n": {"@expr": "1 + 1"}}}, "on": {
            "tell": {"actions": [{"type": "send", "target": "#_k", "event": "hm"}, {"type": "send", "target": "#_k", "event": "later", "delay": "PT1H"}, {"type": "send", "target": "#_nobody", "event": "hm"}]},
            "leave": "a", "break": {"actions": "broken"}, "error.execution": {"target": "c"}}},
        "c": {"type": "final"}},
    "output": {"@expr": "''done''::text"}}');
SELECT workflow.start('mother') AS q \gset
SELECT rows() AS before \gset
SELECT is(d.effects -> -1, '{"effect": "invoked", "id": "k", "src": "kid", "input": {"n": 2}, "path": "$.states.b.invoke[0]"}', 'a child would be invoked') FROM workflow.dry_run(:'q', 'have') d;
SELECT is(rows(), :'before', 'and is not there');
SELECT FROM workflow.send(:'q', 'have');
SELECT rows() AS before \gset
SELECT is(array(SELECT e - 'path' FROM jsonb_array_elements(d.effects) e WHERE e ->> 'effect' NOT IN ('transition', 'entered', 'exited')), ARRAY[
    '{"effect": "sent", "event": "hm", "target": "#_k", "due": "2030-01-01T00:00:00+00:00"}', '{"effect": "sent", "event": "later", "target": "#_k", "due": "2030-01-01T01:00:00+00:00"}',
    '{"effect": "raised", "event": "error.communication", "data": {"reason": "no such child", "target": "#_nobody"}}']::jsonb[], 'the child of a process that exists would get what it is sent') FROM workflow.dry_run(:'q', 'tell') d;
SELECT is((SELECT jsonb_agg(e) FROM jsonb_array_elements(d.effects) e WHERE e ->> 'effect' = 'stopped'), '[{"effect": "stopped", "id": "k"}]', 'or be cancelled') FROM workflow.dry_run(:'q', 'leave') d;
SELECT is((d.taken, d.status, (SELECT array_agg(coalesce(e ->> 'event', e ->> 'state', e ->> 'action', e ->> 'id')) FROM jsonb_array_elements(d.effects) e WHERE e ->> 'effect' <> 'transition'), d.effects -> -1)::text,
          '(t,finalized,"{broken,error.execution,b,k,c,c,mother,c}","{""state"": ""c"", ""effect"": ""done"", ""output"": ""done""}")', 'an error that is handled is an event') FROM workflow.dry_run(:'q', 'break') d;
SELECT is(rows(), :'before', 'nothing has come of any of it');

-- where it is called from
CREATE FUNCTION app.try(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT context || jsonb_build_object('tried', (workflow.dry_run((event ->> 'process')::uuid, 'try')).effects -> 0 ->> 'sqlstate',
                                         'other', (workflow.dry_run((event -> 'data' ->> 'other')::uuid, 'grant', '{"amount": 3}')).states) $$;
SELECT FROM workflow.define('{"id": "trying", "initial": "a", "states": {"a": {"on": {"try": {"actions": "try"}}}}}');
SELECT workflow.start('trying') AS q \gset
SELECT rows() AS before \gset
SELECT is(d.context, '{"tried": "WF005", "other": ["granted"]}', 'within a dry run, of another process and of its own')
FROM workflow.dry_run(:'q', 'try', jsonb_build_object('other', :'p')) d;
SELECT is(rows(), :'before', 'nothing is left of either');
SELECT is(s.context, '{"tried": "WF005", "other": ["granted"]}', 'within a step in earnest')
FROM workflow.send(:'q', 'try', jsonb_build_object('other', :'p')) s;
CREATE FUNCTION app.in_blocks(process uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    tried text;
BEGIN
    BEGIN
        tried := (workflow.dry_run(process, 'grant', '{"amount": 3}')).states;
        PERFORM workflow.send(process, 'grant', '{"amount": 300}');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        tried := tried || (workflow.dry_run(process, 'fail')).states::text;
    END;
    RETURN tried || (SELECT states::text FROM workflow.get(process));
END
$$;
SELECT is(in_blocks(:'p'), '{granted}{asked}{asked}', 'within blocks that are rolled back');
SAVEPOINT before;
SET LOCAL transaction_read_only TO on;
SELECT error('SELECT workflow.dry_run(%L, ''look'')', :'p') AS dry, error('SELECT count(*) FROM workflow.simulate(''loan'', ''[]'')') AS simulated \gset
ROLLBACK TO before;
SELECT is(:'dry'::text[], '{25006,"cannot execute workflow.dry_run() in a read-only transaction"}', 'a transaction that may not write is told so');
SELECT is(:'simulated'::text[], '{25006,"cannot execute workflow.simulate() in a read-only transaction"}', 'by simulate(), too');

-- pgTAP's results_eq() opens cursors, which the actions of another role refuse.
CREATE FUNCTION app.all_of(query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    EXECUTE format('SELECT array_agg(q::text) FROM (%s) q', query) INTO result;
    RETURN result;
END
$$;

-- ---- simulate -----------------------------------------------------------------

SELECT rows() AS before \gset
SELECT is(all_of($$
    SELECT at, event, kind, taken, from_states, to_states, status::text, context, error FROM workflow.simulate('loan', '[
        {"after": "25 hours"},
        {"event": "grant", "data": {"amount": 500}},
        {"event": "unheard"},
        {"after": 1500, "event": "grant"},
        {"at": "2030-06-01 12:00+00", "event": "pay", "actor": "ann"}]', start => '2030-03-01 00:00+00') $$),
    all_of($$VALUES
        (timestamptz '2030-03-01 00:00+00', 'workflow.start', 'start', true, '{}'::text[], '{asked}'::text[], 'idled', '{"granted": null}'::jsonb, NULL::jsonb),
        ('2030-03-02 00:00+00', 'after.P1D.asked', 'timer', true, '{asked}', '{late}', 'idled', '{"granted": null}', NULL),
        ('2030-03-02 01:00+00', 'after.PT1H.late', 'timer', true, '{late}', '{asked}', 'idled', '{"granted": null}', NULL),
        ('2030-03-02 01:00+00', 'grant', 'command', true, '{asked}', '{checked}', 'idled', '{"granted": null}', NULL),
        ('2030-03-02 01:00+00', 'unheard', 'command', false, '{checked}', '{checked}', 'idled', '{"granted": null}', NULL),
        ('2030-03-02 01:00:01.5+00', 'grant', 'command', true, '{checked}', '{granted}', 'idled', '{"all": true, "granted": null}', NULL),
        ('2030-03-02 01:00:01.5+00', 'now', 'self', false, '{granted}', '{granted}', 'idled', '{"all": true, "granted": null}', NULL),
        ('2030-06-01 12:00+00', 'pay', 'command', true, '{granted}', '{paid}', 'finalized', '{"all": true, "granted": null}', NULL)$$),
    'a row for each event that reaches the process, each at its time');
SELECT is((SELECT array_agg(effect ->> 'effect' ORDER BY n) FROM workflow.simulate('loan', '[{"event": "look"}]') s, jsonb_array_elements(s.effects) WITH ORDINALITY e(effect, n) WHERE s.event = 'look'),
          ARRAY['transition', 'action'], 'with its effects');
SELECT is((SELECT array_agg(at ORDER BY at) FROM workflow.simulate('loan', '[]')), ARRAY[timestamptz '2030-01-01 00:00+00'], 'a simulation begins now');
SELECT is((SELECT (context ->> 'granted', status)::text FROM workflow.simulate('loan', '[]', '{"granted": 7}')), '(7,idled)', 'with an input');
SELECT is((SELECT array_agg(format('%s %s %s %s', event, taken, states, error ->> 'sqlstate') ORDER BY n) FROM (
              SELECT event, taken, to_states AS states, error, row_number() OVER () AS n FROM workflow.simulate('loan', '[{"event": "fail"}, {"event": "look"}, {"event": "grant"}, {"event": "grant"}, {"event": "pay"}, {"event": "pay"}]')) s),
          ARRAY['workflow.start t {asked} ', 'fail f {asked} P0042', 'look t {asked} ', 'grant t {checked} ', 'grant t {granted} ', 'now f {granted} ', 'pay t {paid} ', 'pay f {paid} WF004'],
          'commands that fail or are refused are rows with an error, and the script goes on');
SELECT is(rows(), :'before', 'nothing is left of any of it');

-- until nothing is left to do
SELECT is((SELECT array_agg(format('%s %s', event, to_char(at, 'DD HH24:MI')) ORDER BY at) FROM workflow.simulate('{
        "id": "ends", "initial": "a", "states": {
            "a": {"after": {"P1D": "b"}, "entry": {"type": "send", "event": "hello", "delay": "PT36H"}},
            "b": {"on": {"hello": "c"}, "after": {"P1Y": "a"}}, "c": {"after": {"0": "d"}}, "d": {}}}'::json, '[{"until_idle": true}]') s),
          ARRAY['workflow.start 01 00:00', 'after.P1D.a 02 00:00', 'hello 02 12:00', 'after.0.c 02 12:00'], 'timers run until none is left');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[{"until_idle": true}]'', max_events => 20)'))[1:2],
          ARRAY['54000', 'the simulation did not end after 20 events'], 'or until there were too many events');
SELECT is((SELECT count(*) FROM workflow.simulate('loan', '[{"after": "49 hours"}]', max_events => 4)), 4::bigint, 'as many as are allowed are');
SELECT is((SELECT (count(*), max(at), (array_agg(context ORDER BY at DESC))[1])::text FROM workflow.simulate('{
        "id": "reminds", "initial": "a", "context": {"n": 0},
        "states": {"a": {"after": {"P1D": {"target": "a", "reenter": true, "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}}}}'::json,
        '[{"after": "365 days"}]')), '(366,"2031-01-01 00:00:00+00","{""n"": 365}")', 'a reminder a day, for a year');

-- timers of the author's own making
CREATE FUNCTION app.post_twice(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT workflow.post((event ->> 'process')::uuid, 'late', '{"n": 1}', clock_timestamp() + interval '1000 years', id => 'x');
    SELECT workflow.post((event ->> 'process')::uuid, 'soon', '{"n": 2}', '2030-01-01 05:00+00', id => 'x', actor => 'me');
$$;
SELECT is((SELECT array_agg(format('%s %s %s', event, to_char(at, 'HH24:MI'), context) ORDER BY at) FROM workflow.simulate('{
        "id": "posts", "initial": "a", "context": {}, "on": {"soon": {"actions": {"type": "assign", "context": {"@expr": "context || jsonb_build_object(''by'', event->''actor'', ''n'', event->''data''->''n'')"}}}},
        "states": {"a": {"entry": "post_twice", "after": {"PT1H": {"target": "b"}}}, "b": {}}}'::json, '[{"until_idle": true}]')),
          ARRAY['workflow.start 00:00 {}', 'after.PT1H.a 01:00 {}', 'soon 05:00 {"n": 2, "by": "me"}'], 'what its actions post to it, it gets; the same id replaces');

-- failures of timers
SELECT is((SELECT array_agg(format('%s %s %s', event, status, error ->> 'sqlstate') ORDER BY n) FROM (
              SELECT *, row_number() OVER () AS n FROM workflow.simulate('{
                  "id": "fails", "initial": "a", "states": {
                      "a": {"after": {"PT1H": {"actions": "broken"}, "PT2H": "c"}, "on": {"go": "b"}},
                      "b": {"entry": {"type": "send", "event": "x", "delay": "PT1H"}, "always": "c"},
                      "c": {"on": {"error.x": "b"}, "initial": "d", "states": {"d": {"entry": {"type": "send", "event": "y", "delay": 1}}}}}}'::json,
                  '[{"after": "90 minutes"}, {"event": "nothing"}, {"after": "1 day"}, {"event": "go"}]')) s),
          ARRAY['workflow.start idled ', 'after.PT1H.a error P0042', 'nothing error ', 'after.PT2H.a idled ', 'y idled ', 'go idled '], 'a timer that fails is given up as an executor would in the end');
SELECT is((SELECT array_agg(format('%s %s %s', event, status, error ->> 'sqlstate') ORDER BY n) FROM (
              SELECT *, row_number() OVER () AS n FROM workflow.simulate('{
                  "id": "stuck", "initial": "a", "states": {"a": {"entry": {"type": "raise", "event": "x", "delay": "PT1H"}, "always": {"target": "b", "guard": {"@expr": "event->>''type'' = ''x'' AND 1 / (context->>''n'')::int > 0"}}}, "b": {}}}'::json,
                  '[{"until_idle": true}, {"event": "go"}]', '{"n": 0}')) s),
          ARRAY['workflow.start idled ', 'x terminated 22012', 'go terminated WF003'], 'where nothing leads out of it the process waits for resume()');
SELECT is((SELECT array_agg((event, kind, taken, from_states, status, context, error ->> 'message')::text) FROM workflow.simulate('{
        "id": "never", "initial": "a", "states": {"a": {"entry": "broken"}}}'::json, '[{"event": "go"}]')),
          ARRAY['(workflow.start,start,f,,,,broken)'], 'a start that fails ends it');

-- children are played
SELECT is((SELECT array_agg(format('%s %s %s %s', event, kind, to_states, context) ORDER BY n) FROM (
              SELECT *, row_number() OVER () AS n FROM workflow.simulate('{
                  "id": "parent", "initial": "a", "context": {}, "states": {
                      "a": {"invoke": {"id": "kid", "src": "child", "input": {"n": {"@expr": "1 + 1"}},
                                       "onDone": {"target": "b", "actions": {"type": "assign", "context": {"got": {"@expr": "event->''output''"}}}}},
                            "on": {"tell": {"actions": {"type": "send", "target": "#_kid", "event": "hello"}}}},
                      "b": {"invoke": {"src": "other", "onError": {"target": "c", "actions": {"type": "assign", "context": {"why": {"@expr": "event->''data''"}}}}}, "on": {"leave": "c"}},
                      "c": {}}}'::json,
                  '[{"event": "tell"}, {"after": "1 hour", "done": "kid", "output": [7]}, {"error": "b.0", "data": "lost"}]')) s),
          ARRAY['workflow.start start {a} {}', 'tell command {a} {}', 'done.invoke.kid reply {b} {"got": [7]}', 'error.invoke.b.0 reply {c} {"got": [7], "why": "lost"}'],
          'the script answers for children');
SELECT is((SELECT jsonb_agg(e.effect ORDER BY s.n, e.n) FROM (SELECT *, row_number() OVER () AS n FROM workflow.simulate('{
                  "id": "parent", "initial": "a", "states": {
                      "a": {"invoke": {"id": "kid", "src": "child", "input": {"n": {"@expr": "1 + 1"}}}, "on": {"tell": {"actions": {"type": "send", "target": "#_kid", "event": "hello"}}, "leave": "b"}}, "b": {}}}'::json,
                  '[{"event": "tell"}, {"event": "leave"}, {"event": "tell"}]', start => '2030-01-01 00:00+00')) s, jsonb_array_elements(s.effects) WITH ORDINALITY e(effect, n) WHERE e.effect ->> 'effect' IN ('invoked', 'sent', 'stopped')),
          '[{"effect": "invoked", "id": "kid", "src": "child", "input": {"n": 2}, "path": "$.states.a.invoke[0]"},
            {"effect": "sent", "event": "hello", "target": "#_kid", "due": "2030-01-01T00:00:00+00:00", "path": "$.states.a.on.tell[0].actions[0]"},
            {"effect": "stopped", "id": "kid"}]', 'and their coming and going is told');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[{"after": 1, "done": "kid"}]'')'))[1:3], ARRAY['22023', 'no child "kid" is running at 2030-01-01 00:00:00.001+00', 'The error is in element 1 of the script.'], 'who is not there cannot answer');

-- wrong scripts
SELECT is((error(format('SELECT count(*) FROM workflow.simulate(''loan'', %L)', script)))[:CASE WHEN element IS NULL THEN 2 ELSE 3 END],
          ARRAY['22023', message] || CASE WHEN element IS NOT NULL THEN ARRAY[format('The error is in element %s of the script.', element)] END, script)
FROM (VALUES ('{}', 'a script is a JSON array of objects', NULL), ('"x"', 'a script is a JSON array of objects', NULL), (NULL, 'a script is a JSON array of objects', NULL),
             ('[1]', 'an element of a script must be an object', 1), ('[{}, []]', 'an element of a script must be an object', 2),
             ('[{"even": "x"}]', 'unknown key "even"', 1), ('[{"event": 1}]', '"event" is not a string', 1),
             ('[{"event": "a", "done": "b"}]', '"event", "done" and "error" exclude each other', 1),
             ('[{"after": 1, "at": "2030-01-01"}]', '"after" and "at" exclude each other', 1),
             ('[{"after": -1}]', '"after" is out of range', 1), ('[{"after": "-1 day"}]', 'time does not go backwards', 1),
             ('[{"after": 1}, {"at": "2030-01-01 00:00+00"}]', 'time does not go backwards', 2), ('[{"at": "infinity"}]', 'the time is not finite', 1),
             ('[{"until_idle": 1}]', '"until_idle" is neither true nor false', 1), ('[{"after": true}]', '"after" is not a string', 1)) w(script, message, element);
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[{"after": "soon"}]'')'))[1], '22007', 'a duration is one');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[{"event": "done.state.a"}]'')'))[1], '22023', 'the engine''s own events cannot be sent');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[]'', start => ''infinity'')'))[1], '22008', 'it begins at some time');

-- whose
SELECT is((error('SELECT count(*) FROM workflow.simulate(''nobody'', ''[]'')'))[1], 'WF006', 'a name that is not defined');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[]'', version => 9)'))[1], 'WF006', 'nor its version');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''{"id": "x", "initial": "a", "states": {"a": {"entry": "number one"}}}''::json, ''[]'')'))[1], 'WF007', 'faults of a definition are told as define() tells them');
SET ROLE regress_clerk;
SELECT is((SELECT array_agg(to_states::text) FROM workflow.simulate('loan', '[{"event": "look"}]')), ARRAY['{asked}', '{asked}'], 'who may start and send may simulate');
SELECT is((SELECT (to_states, context)::text FROM workflow.simulate('{"id": "loan", "initial": "mine", "context": {"me": {"@expr": "current_user::text"}}, "states": {"mine": {}}}'::json, '[]')), '({mine},"{""me"": ""regress_clerk""}")', 'anybody may simulate a definition of their own, whatever its name');
SET ROLE regress_stranger;
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[]'')'))[1], 'WF002', 'others may not');
RESET ROLE;
SELECT is((error('SELECT count(*) FROM workflow.simulate(''{"id": "x", "initial": "a", "states": {"a": {}}}''::json, ''[]'')'))[1:2], ARRAY['WF002', 'a superuser cannot own a definition'], 'superusers are as unwelcome as with define()');
SET ROLE regress_app;

-- the clock is what it was, however it ends
CREATE FUNCTION app.cancelled(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN query_canceled THEN
    RETURN SQLERRM;
END
$$;
SET statement_timeout TO '200ms';
SELECT cancelled('SELECT count(*) FROM workflow.simulate(''{"id": "x", "initial": "a", "states": {"a": {"after": {"1": {"target": "a", "reenter": true}}}}}''::json, ''[{"until_idle": true}]'', start => ''1999-01-01'', max_events => 2000000000)') AS cancelled \gset
RESET statement_timeout;
SELECT is(:'cancelled'::text, 'canceling statement due to statement timeout', 'a simulation can be interrupted');
SELECT is((SELECT started_at FROM workflow.get(workflow.start('loan'))), timestamptz '2030-01-01 00:00+00', 'and the clock is what it was');
SELECT is((error('SELECT count(*) FROM workflow.simulate(''loan'', ''[{"after": 5}, 1]'', start => ''1999-01-01'')'))[1], '22023', 'after an error');
SELECT is((SELECT started_at FROM workflow.get(workflow.start('loan'))), timestamptz '2030-01-01 00:00+00', 'too');
CREATE FUNCTION app.nested(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT context || jsonb_build_object('inner', (SELECT max(s.at) FROM workflow.simulate('loan', '[{"after": "2 days"}]', start => '2040-01-01 00:00+00') s), 'outer', workflow.start('loan')) $$;
CREATE FUNCTION app.started(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT $1 || jsonb_build_object('outer', started_at) FROM workflow.get(($1 ->> 'outer')::uuid) $$;
SELECT is((SELECT context FROM workflow.simulate('{"id": "nests", "initial": "a", "states": {"a": {"entry": ["nested", "started"]}}}'::json, '[]', start => '2035-01-01 00:00+00')),
          '{"inner": "2040-01-02T01:00:00+00:00", "outer": "2035-01-01T00:00:00+00:00"}', 'a simulation within a simulation has a clock of its own');

-- Played in earnest, the same comes of it.
SELECT FROM workflow.define('{
    "id": "whole", "initial": "p", "context": {"n": 0}, "on": {"again": ".p", "back": ".p.x.hist"},
    "states": {
        "p": {"type": "parallel", "after": {"PT50M": {"actions": {"type": "note", "params": "fifty"}}}, "states": {
            "x": {"initial": "x1", "states": {
                "hist": {"type": "history"},
                "x1": {"after": {"PT1H": {"target": "x2", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
                "x2": {"entry": {"type": "send", "event": "mine", "id": "m", "delay": "PT10M"}, "exit": {"type": "cancel", "id": "m"}, "on": {"mine": "x3", "undo": "x1"}},
                "x3": {"type": "final"}}},
            "y": {"initial": "y1", "states": {
                "y1": {"after": {"PT90M": {"target": "y2", "keep": true}}, "on": {"y": {"actions": {"type": "send", "event": "self"}}, "self": {"target": "y1", "reenter": true}}},
                "y2": {"type": "final"}}}},
            "onDone": "q"},
        "q": {"entry": {"type": "raise", "event": "r"}, "on": {"r": {"target": "z", "guard": {"@expr": "(context->>''n'')::int > 1"}}, "s": "z"}},
        "z": {"type": "final"}}}');
CREATE FUNCTION app.in_earnest(script jsonb) RETURNS TABLE (at timestamptz, event text, taken boolean, from_states text[], to_states text[]) LANGUAGE plpgsql AS $$
DECLARE
    process_id uuid;
    row record;
BEGIN
    FOR row IN SELECT s.at, s.event, s.kind FROM workflow.simulate('whole', script, start => '2032-01-01 00:00+00') s WHERE s.error IS NULL LOOP
        CALL app.clock(row.at);
        CASE row.kind
            WHEN 'start' THEN process_id := workflow.start('whole');
            WHEN 'timer' THEN PERFORM workflow.work(1000);
            WHEN 'command' THEN PERFORM workflow.send(process_id, row.event);
            ELSE NULL;
        END CASE;
    END LOOP;
    CALL app.clock('2030-01-01 00:00+00');
    RETURN QUERY SELECT h.at, h.event, h.taken, h.from_states, h.to_states FROM workflow.process_history h WHERE h.process = process_id ORDER BY h.step;
END
$$;
SELECT is(all_of(format($$SELECT * FROM in_earnest(%L)$$, script)), all_of(format($$SELECT at, event, taken, from_states, to_states FROM workflow.simulate('whole', %L, start => '2032-01-01 00:00+00') WHERE error IS NULL$$, script)), 'in earnest the same happens: ' || script)
FROM (VALUES ('[{"until_idle": true}]'),
             ('[{"after": "30 min", "event": "y"}, {"after": "35 min", "event": "undo"}, {"after": "55 min"}, {"event": "y"}, {"until_idle": true}, {"event": "s"}]'),
             ('[{"after": "62 min", "event": "again"}, {"after": "62 min", "event": "back"}, {"after": "5 min", "event": "again"}, {"until_idle": true}]')) s(script);

-- each row has the context as its step left it
SELECT FROM workflow.define('{
    "id": "counts", "initial": "a", "context": {"n": 0},
    "states": {"a": {"on": {"count": {"actions": [
        {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}},
        {"type": "choose", "branches": [{"guard": {"@expr": "(context->>''n'')::int < 9"}, "actions": {"type": "send", "event": "count"}}]}]}}}}}');
SELECT is((SELECT string_agg(context::text, ' ') FROM workflow.simulate('counts', '[{"event": "count"}]')),
    (SELECT string_agg(jsonb_build_object('n', n)::text, ' ' ORDER BY n) FROM generate_series(0, 9) n), 'each row has the context as its own step left it');

-- events that are kept: over several others, until they are taken, cancelled or too late
SELECT FROM workflow.define('{
    "id": "keeper", "initial": "a", "context": {"got": []},
    "states": {
        "a": {"defer": ["D", "E"], "on": {"next": "b", "forget": {"actions": {"type": "cancel", "id": "e"}}, "send": {"actions": {"type": "send", "event": "E", "id": "e", "delay": 1}}}},
        "b": {"defer": ["E"], "on": {"next": "c", "D": {"actions": {"type": "assign", "context": {"got": {"@expr": "context->''got'' || (event->''data'')"}}}}}},
        "c": {"on": {"E": "d", "D": "d", "quit": "e"}},
        "d": {}, "e": {"type": "final"}}}');
CREATE FUNCTION app.kept(script jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', event, kind, taken::text, array_to_string(to_states, ','), nullif((context->'got')::text, '[]')), ', ') FROM workflow.simulate('keeper', script) $$;
SELECT is(kept(script), result, 'kept events: ' || script::text)
FROM (VALUES
    ('[{"event": "D"}, {"event": "G"}]'::jsonb, 'workflow.start start true a, D command false a, G command false a'),
    ('[{"event": "D", "data": 1}, {"event": "G"}, {"event": "D", "data": 2}, {"event": "G"}, {"event": "next"}, {"event": "G"}]',
     'workflow.start start true a, D command false a, G command false a, D command false a, G command false a, next command true b, D self true b [1], D self true b [1, 2], G command false b [1, 2]'),
    ('[{"event": "E"}, {"event": "next"}, {"event": "D", "data": 1}, {"after": 1}, {"event": "next"}]',
     'workflow.start start true a, E command false a, next command true b, D command true b [1], next command true c [1], E self true d [1]'),
    ('[{"event": "send"}, {"after": 1}, {"event": "G"}, {"event": "forget"}, {"event": "G"}, {"event": "next"}, {"event": "next"}]',
     'workflow.start start true a, send command true a, E timer false a, G command false a, forget command true a, G command false a, next command true b, next command true c'),
    ('[{"event": "D"}, {"event": "E"}, {"event": "G"}, {"after": "1 day"}, {"until_idle": true}]', 'workflow.start start true a, D command false a, E command false a, G command false a')
) v(script, result);
SELECT is((SELECT string_agg(event, ' ') FROM workflow.simulate('{"id":"m","initial":"a","states":{"a":{"defer":["D"]}}}'::json, '[{"event":"D"},{"event":"G"},{"event":"G"}]')),
    'workflow.start D G G', 'of a definition that is not stored, too');
SELECT workflow.start('keeper') AS p \gset
SELECT FROM workflow.send(:'p', 'D', '1');
SELECT is((SELECT (taken, deferred, states)::text FROM workflow.dry_run(:'p', 'G')), '(f,f,{a})', 'a dry run with an event that is kept');
SELECT is((SELECT (taken, deferred, states, context->'got')::text FROM workflow.dry_run(:'p', 'next')), '(t,f,{b},[1])', 'which it delivers');

-- functions that do not exist yet
SET client_min_messages TO warning;
CREATE FUNCTION app.unready(script jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', event, taken::text, array_to_string(to_states, ','), error->>'message'), ', ') FROM workflow.simulate('{
        "id": "unready", "initial": "a", "states": {
            "a": {"entry": "tellSomebody", "always": {"guard": "isEarly", "target": "b"},
                "on": {"go": [{"guard": "isOk", "actions": {"type": "tellSomebody", "params": 1}, "target": "b"}, "c"], "may": {"allow": {"fn": "isBoss", "deny": {"fn": "isSick"}}, "target": "c"}}},
            "b": {"on": {"back": "a"}},
            "c": {"on": {"fit": {"guard": "exists_already", "target": "a"}}}}}'::json, script) $$;
CREATE FUNCTION app.exists_already(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SELECT is(unready(script), result, 'functions that do not exist: ' || script::text) FROM (VALUES
    ('[{"event": "back"}]'::jsonb, 'workflow.start true b, back true b'),
    ('[{"guards": {"isEarly": false}}, {"event": "go"}]', 'workflow.start true a, go true b'),
    ('[{"guards": {"isEarly": false, "isOk": false}, "event": "go"}, {"event": "fit"}]', 'workflow.start true a, go true c, fit false c'),
    ('[{"guards": {"isEarly": false}}, {"guards": {"isEarly": false, "exists_already": true, "isOk": false}, "event": "go"}, {"event": "fit"}, {"guards": {"isEarly": false, "isOk": false}, "event": "go"}, {"event": "fit"}]', 'workflow.start true a, go true c, fit true a, go true c, fit false c'),
    ('[{"guards": {"isEarly": false}, "event": "may"}]', 'workflow.start true a, may true c')) v (script, result);
SELECT is((error(format('SELECT unready(%L)', script)))[2:3], ARRAY[message, 'The error is in element 1 of the script.'], message) FROM (VALUES
    ('[{"guards": {"isLate": true}}]', 'no guard is the function "isLate"'), ('[{"guards": {"isOk": 1}}]', 'the answer of a guard is neither true nor false'),
    ('[{"guards": [true]}]', '"guards" is not an object of booleans by the names of functions')) v (script, message);
SELECT is((error($$SELECT workflow.simulate('whole', '[{"guards": {}}]')$$))[2], 'the guards of a definition that is stored are its functions', 'those of a stored definition are what they are');

-- SQL reads the clock of the simulation
CREATE FUNCTION app.clocks(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN jsonb_build_object('now', now(), 'statement', statement_timestamp(), 'setting', current_setting('workflow.test_clock')::timestamptz);
END
$$;
SELECT now() AS now, current_setting('workflow.test_clock') AS setting \gset
SELECT is(jsonb_agg(context->'now' = to_jsonb(at) AND context->'statement' = to_jsonb(at) AND context->'setting' = to_jsonb(at)), '[true, true, true]', 'now() is the time of the simulation')
FROM workflow.simulate('{"id": "c", "initial": "a", "states": {"a": {"entry": "clocks", "after": {"1 day": {"target": "a", "reenter": true}}}}}'::json, '[{"after": "2 days"}]', start => '2040-01-01');
SELECT is(now() = :'now' AND current_setting('workflow.test_clock') = :'setting', true, 'and afterwards as before');
SELECT is(string_agg(to_char(at, 'YYYY-MM-DD HH24:MI'), ', '), '2040-01-01 00:00, 2040-01-02 00:00, 2040-01-03 00:00, 2040-01-04 00:00', 'a delay until a time after now() ends once a day')
FROM workflow.simulate('{"id": "c", "initial": "a", "delays": {"tomorrow": {"@expr": "date_trunc(''day'', now()) + interval ''1 day''"}}, "states": {"a": {"after": {"tomorrow": {"target": "a", "reenter": true}}}}}'::json, '[{"after": "3 days 1 hour"}]', start => '2040-01-01');
SELECT is((error($$SELECT workflow.simulate('{"id": "c", "initial": "a", "states": {"a": {"after": {"0": {"target": "a", "reenter": true}}}}}'::json, '[{"until_idle": true}]')$$))[1], '54000', 'an error in it');
SELECT is(now() = :'now' AND current_setting('workflow.test_clock') = :'setting', true, 'leaves the time as it was');

-- on_error: retries at their times, then the target, the event or the end
CREATE FUNCTION app.played(definition text, script jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', to_char(at, 'DD HH24:MI:SS'), event, array_to_string(to_states, ','), status, error->>'sqlstate', to_char((error->>'retry_at')::timestamptz, 'HH24:MI:SS')), ', ')
    FROM workflow.simulate(definition::json, script, start => '2030-01-01') $$;
SELECT is(played(format('{"id": "s", "initial": "a", "context": {"z": 0}, %s
    "states": {"a": {"after": {"1 day": {"target": "b", "guard": {"@expr": "1/(context->>''z'')::int = 1"}}}, "on": {"mend": {"actions": {"type": "assign", "context": {"z": 1}}}}},
        "b": {"type": "final"}, "plan_b": {"after": {"1 h": {"target": "b", "guard": {"@expr": "1/(context->>''z'')::int = 1"}}}}, "over": {"type": "final"}}}', on_error), script::jsonb), result, on_error || script)
FROM (VALUES
    ('', '[{"after": "2 days"}]', '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a error 22012'),
    ('"on_error": {"retry": {"errors": "*", "maxAttempts": 0}, "then": {"target": "over"}},', '[{"after": "2 days"}]',
     '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a idled 22012, 02 00:00:00 error.step over finalized'),
    ('"on_error": {"retry": {"errors": "22", "maxAttempts": 2, "intervalSeconds": 60, "backoffRate": 10}, "then": "terminate"},', '[{"until_idle": true}]',
     '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a idled 22012 00:01:00, 02 00:01:00 after.1 day.a a idled 22012 00:11:00, 02 00:11:00 after.1 day.a a terminated 22012'),
    ('"on_error": {"retry": {"errors": "22", "maxAttempts": 5, "intervalSeconds": 3600, "backoffRate": 1}},', '[{"after": "25:30:00", "event": "mend"}, {"until_idle": true}]',
     '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a idled 22012 01:00:00, 02 01:00:00 after.1 day.a a idled 22012 02:00:00, 02 01:30:00 mend a idled, 02 02:00:00 after.1 day.a b finalized'),
    ('"on_error": {"retry": {"errors": "40", "maxAttempts": 5}, "then": {"event": "mend"}},', '[{"after": "1 day"}]',
     '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a idled 22012, 02 00:00:00 mend a idled'),
    ('"on_error": {"then": {"event": "unheard"}},', '[{"after": "1 day"}]', '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a error 22012'),
    ('"on_error": {"then": {"target": "plan_b"}},', '[{"until_idle": true}]',
     '01 00:00:00 workflow.start a idled, 02 00:00:00 after.1 day.a a idled 22012, 02 00:00:00 error.step plan_b idled, 02 01:00:00 after.1 h.plan_b plan_b error 22012')) v (on_error, script, result);
\set fails '{"guard": {"@expr": "1/(context->>''z'')::int = 1"}, "target": "z"}'
SELECT is(played(replace('{"id": "s", "initial": "a", "context": {"z": 0}, "on_error": {"retry": {"errors": "*", "maxAttempts": 0}, "then": {"event": "failed"}},
    "states": {"a": {"after": {"0": FAILS}, "on": {"failed": "b"}}, "b": {"after": {"1 h": "a"}}, "z": {"type": "final"}}}', 'FAILS', :'fails'), '[{"after": "1:30:00"}]'),
    '01 00:00:00 workflow.start a idled, 01 00:00:00 after.0.a a idled 22012, 01 00:00:00 failed b idled, 01 01:00:00 after.1 h.b a idled, 01 01:00:00 after.0.a a idled 22012, 01 01:00:00 failed b idled',
    'after a timer for which it had to wait it is told again');
SELECT is(played(replace('{"id": "s", "initial": "a", "context": {"z": 0}, "on_error": {"retry": {"errors": "*", "maxAttempts": 0}, "then": {"event": "failed"}},
    "states": {"a": {"after": {"0": FAILS}, "on": {"failed": "b"}}, "b": {"after": {"0": FAILS}, "on": {"failed": "c"}}, "c": {"after": {"0": FAILS}}, "z": {"type": "final"}}, "on": {"failed": ".a"}}', 'FAILS', :'fails'), '[{"until_idle": true}]'),
    '01 00:00:00 workflow.start a idled, 01 00:00:00 after.0.a a idled 22012, 01 00:00:00 failed b idled, 01 00:00:00 after.0.b b idled 22012, 01 00:00:00 failed c idled, 01 00:00:00 after.0.c c idled 22012, 01 00:00:00 failed a idled, 01 00:00:00 after.0.a a error 22012',
    'each handler is told once');
SELECT is(played('{"id": "s", "initial": "a", "on_error": {"retry": {"errors": "*", "maxAttempts": 1, "intervalSeconds": 60}, "then": {"event": "error.step"}},
    "states": {"a": {"invoke": {"src": "kid", "id": "k", "onDone": {"actions": "broken"}}, "on": {"error.step": "b"}}, "b": {"entry": {"type": "assign", "context": {"@expr": "event->''data''"}}}}}',
    '[{"done": "k", "output": 1}, {"until_idle": true}]'),
    '01 00:00:00 workflow.start a idled, 01 00:00:00 done.invoke.k a idled P0042 00:01:00, 01 00:01:00 done.invoke.k a idled P0042, 01 00:01:00 error.step b idled', 'the reply of a child, too');

-- what an author calls and computes
SELECT FROM workflow.define('{
    "id": "secret", "initial": "a", "states": {"a": {"on": {"go": {"actions": [
        {"type": "note", "params": "hidden"}, {"type": "assign", "context": {"@expr": "context || context"}}]}}}}}');
SELECT workflow.start('secret') AS p \gset
SELECT FROM workflow.grant_on('secret', 'regress_clerk', 'send', 'start');
CREATE FUNCTION app.told(process uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', e->>'effect', e - '{effect,path}'::text[]), ', ' ORDER BY n) FROM workflow.dry_run(process, 'go') d, jsonb_array_elements(d.effects) WITH ORDINALITY j (e, n) WHERE e->>'effect' = 'action' $$;
SELECT is(told(:'p'), 'action {"action": "note", "params": "hidden"}, action {"action": "assign", "expression": "context || context"}', 'dry_run() tells the owner what is called and computed');
SET ROLE regress_clerk;
SELECT is(told(:'p'), 'action {}, action {"action": "assign"}', 'who may send only learns that it is');
SELECT is((SELECT count(*) FROM workflow.simulate('secret', '[{"event": "go"}]') s, jsonb_array_elements(s.effects) e WHERE e ?| '{params,expression}'), 0::bigint, 'from simulate() too');
SET ROLE regress_app;

-- a time that cannot be read is said to be of an element
CREATE FUNCTION app.place_of(script jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE place text;
BEGIN
    PERFORM FROM workflow.simulate('{"id": "x", "initial": "a", "states": {"a": {}}}'::json, script);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS place = PG_EXCEPTION_CONTEXT;
    RETURN SQLSTATE || ' ' || split_part(place, E'\n', 1);
END $$;
SELECT is(place_of('[{"after": "1 s"}, {"after": "1 fortnight"}]'), '22007 element 2 of the script', 'a duration that is none');
SELECT is(place_of('[{"at": "tomorow"}]'), '22007 element 1 of the script', 'an instant');

\set end :srcdir '/end.psql'
\i :end
