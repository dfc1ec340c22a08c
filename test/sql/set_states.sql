\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set gives_up :srcdir '/gives_up.psql'
\i :begin

CREATE FUNCTION fail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'it fails'; END $$;
CREATE FUNCTION who(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES (event::text) $$;
SELECT FROM workflow.define('{
    "id": "job", "initial": "a",
    "states": {
        "a": {"entry": {"type": "note", "params": "+a"}, "exit": {"type": "note", "params": "-a"},
              "after": {"1 hour": "late"}, "on": {"go": "b", "boom": "broken"}},
        "b": {"initial": "c",
              "entry": {"type": "note", "params": "+b"}, "exit": {"type": "note", "params": "-b"},
              "after": {"1 day": "late"}, "onDone": {"target": "late", "actions": {"type": "note", "params": "b done"}},
              "states": {
                  "c": {"entry": {"type": "note", "params": "+c"}, "exit": {"type": "note", "params": "-c"}, "after": {"2 hours": "d"}},
                  "d": {"entry": {"type": "note", "params": "+d"}, "exit": {"type": "note", "params": "-d"}, "after": {"3 hours": "c"}},
                  "f": {"type": "final"},
                  "back": {"type": "history"}}},
        "p": {"type": "parallel", "entry": {"type": "note", "params": "+p"},
              "onDone": {"target": "late", "actions": {"type": "note", "params": "p done"}},
              "states": {
                  "x": {"initial": "x1", "states": {"x1": {"after": {"1 hour": "x2"}}, "x2": {}, "xf": {"type": "final"}}},
                  "y": {"initial": "y1", "states": {"y1": {}, "y2": {"after": {"1 week": "y1"}}, "yf": {"type": "final"}}}}},
        "skip": {"entry": {"type": "note", "params": "+skip"}, "always": {"target": "late", "actions": {"type": "note", "params": "always"}}},
        "sender": {"entry": [{"type": "raise", "event": "inner"}, {"type": "send", "event": "outer"}],
                   "on": {"inner": {"actions": {"type": "note", "params": "inner"}}, "outer": {"target": "late"}}},
        "seer": {"entry": "who"},
        "broken": {"entry": "fail", "on": {"go": "a"}},
        "late": {"entry": {"type": "note", "params": "+late"}},
        "return": {"on": {"go": "b.back"}},
        "end": {"type": "final", "entry": {"type": "note", "params": "+end"}}}}');

-- A process in "a", what it noted forgotten.
CREATE FUNCTION fresh() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE p uuid := workflow.start('job');
BEGIN
    PERFORM notes();
    RETURN p;
END $$;
-- Where a move led: states, notes, timers.
CREATE FUNCTION moved(process uuid, states text, execute boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v workflow.verdict := workflow.set_states(process, states::text[], execute);
BEGIN
    RETURN format('%s %s %s | %s | %s', v.taken, v.status, v.states, notes(), timers(process));
END $$;

-- with actions
SELECT fresh() AS p \gset
SELECT is(moved(:'p', '{b}'), 't idled {b.c} | -a, +b, +c | 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00',
          'states are left and entered with their actions and timers, compound ones by default');
CALL clock('2030-01-01 01:00+00');
SELECT is(moved(:'p', '{b.d}'), 't idled {b.d} | -c, +d | 3 hours 2030-01-01 04:00:00, 1 day 2030-01-02 00:00:00',
          'what is active before and after stays as it is, and its timers run on');
SELECT is(moved(:'p', '{b.d}'), 't idled {b.d} |  | 3 hours 2030-01-01 04:00:00, 1 day 2030-01-02 00:00:00',
          'the states where it is: nothing happens');
SELECT is(moved(:'p', '{b.d,b,b.d}'), 't idled {b.d} |  | 3 hours 2030-01-01 04:00:00, 1 day 2030-01-02 00:00:00',
          'a state and one inside of it: the inner one');
SELECT is((SELECT format('%s %s %s>%s %s %s', step, taken, from_states, to_states, actor, data) FROM workflow.process_history WHERE process = :'p' AND event = 'workflow.set_states' ORDER BY step LIMIT 1),
          '2 t {a}>{b.c} regress_app {"states": ["b"], "execute": true}', 'the history tells who did what');
SELECT FROM workflow.set_states(:'p', '{return}', actor => 'boss');
SELECT is((SELECT actor FROM workflow.process_history WHERE process = :'p' ORDER BY step DESC LIMIT 1), 'boss', 'on whose behalf');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(states(:'p'), 'b.d', 'history states remember what was left');
SELECT notes() AS forget \gset
SELECT is(moved(:'p', '{p.y.y2}'), 't idled {p.x.x1,p.y.y2} | -d, -b, +p | 1 hour 2030-01-01 02:00:00, 1 week 2030-01-08 01:00:00',
          'regions that are not named are entered by default');
SELECT is(moved(:'p', '{p.y.y1,p.x.x2}'), 't idled {p.x.x2,p.y.y1} |  | ', 'a state of each region');
SELECT is(moved(:'p', '{p.x.xf,p.y.yf}'), 't idled {late} | p done, +late | ', 'the step goes on: done events');
SELECT is(moved(:'p', '{skip}'), 't idled {late} | +skip, always, +late | ', 'and automatic transitions');
SELECT is(moved(:'p', '{sender}'), 't idled {late} | inner, +late | ', 'and what was raised and sent');
SELECT is(moved(:'p', '{b.f}'), 't idled {late} | +b, -b, b done, +late | ', 'and the end of a compound state');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{seer}', actor => 'boss') v), '{seer}', 'actions run');
SELECT is(notes()::jsonb - 'process' - 'at', '{"type": "workflow.set_states", "data": {"states": ["seer"], "execute": true}, "actor": "boss"}',
          'they see the event workflow.set_states');
SELECT is(moved(:'p', '{job}'), 't idled {a} | +a | 1 hour 2030-01-01 02:00:00', 'the whole by default');
SELECT is((error('SELECT workflow.set_states(%L, ''{broken}'')', :'p'))[2], 'it fails', 'errors of actions are errors of the call');
SELECT is(states(:'p'), 'a', 'and nothing has happened');
SELECT FROM workflow.post(:'p', 'nothing', at => '2031-01-01');
SELECT is(moved(:'p', '{end}'), 't finalized {end} | -a, +end | ', 'a final state ends the process');
SELECT is((error('SELECT workflow.set_states(%L, ''{a}'')', :'p'))[1], 'WF004', 'then it is over');

-- without
CALL clock('2030-01-01 00:00+00');
SELECT fresh() AS p \gset
SELECT is(moved(:'p', '{b}', false), 't idled {b.c} |  | 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00',
          'without actions: states and timers');
SELECT is(moved(:'p', '{return}', false), 't idled {return} |  | ', 'timers of what is left end');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(states(:'p'), 'b.c', 'history is remembered');
SELECT notes() AS forget \gset
SELECT is(moved(:'p', '{skip}', false), 't idled {skip} |  | ', 'no transition follows');
SELECT is(moved(:'p', '{sender}', false), 't idled {sender} |  | ', 'nothing is sent');
SELECT is(moved(:'p', '{b.f}', false), 't idled {b.f} |  | 1 day 2030-01-02 00:00:00', 'nothing is raised');
SELECT is(moved(:'p', '{p.x.xf,p.y.yf}', false), 't idled {p.x.xf,p.y.yf} |  | ', 'by parallel states neither');
SELECT is(moved(:'p', '{broken}', false), 't idled {broken} |  | ', 'what would fail does not');
SELECT is(moved(:'p', '{end}', false), 't finalized {end} |  | ', 'a final state ends the process');

-- regions of which none is named
SELECT FROM workflow.define('{
    "id": "regions", "initial": "work",
    "states": {
        "work": {"type": "parallel", "entry": {"type": "note", "params": "+work"}, "onDone": "over", "after": {"1 year": "over"}, "states": {
            "goods": {"initial": "picking", "states": {
                "picking": {"exit": {"type": "note", "params": "-picking"}, "after": {"1 hour": "packed"}, "on": {"picked": "packed"}},
                "packed": {"entry": {"type": "note", "params": "+packed"}, "after": {"2 hours": "sent"}}, "sent": {"type": "final"}, "last": {"type": "history"}}},
            "paper": {"initial": "printing", "states": {
                "printing": {"after": {"3 hours": "signed"}, "on": {"printed": "signed"}},
                "signed": {"entry": {"type": "note", "params": "+signed"}, "exit": {"type": "note", "params": "-signed"}, "after": {"4 hours": "filed"}, "on": {"file": "filed"}},
                "filed": {"type": "final"}}},
            "inner": {"initial": "none", "states": {"none": {"on": {"split": "both"}}, "both": {"type": "parallel", "states": {
                "x": {"initial": "x1", "states": {"x1": {}, "x2": {}}},
                "y": {"initial": "y1", "states": {"y1": {"on": {"next": "y2"}}, "y2": {"after": {"5 hours": "y1"}}}}}}}}}},
        "aside": {}, "over": {"type": "final"}}}');
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('regions') AS p \gset
SELECT FROM workflow.send_many(ARRAY[:'p', :'p', :'p']::uuid[], ARRAY['printed', 'split', 'next']);
SELECT timers(:'p') AS before, notes() AS forget \gset
SELECT is(moved(:'p', '{work.goods.packed}'), 't idled {work.goods.packed,work.paper.signed,work.inner.both.x.x1,work.inner.both.y.y2} | -picking, +packed | '
          || replace(:'before', '1 hour 2030-01-01 01:00:00', '2 hours 2030-01-01 02:00:00'), 'regions that are not named stay where they are, timers and all');
SELECT is(moved(:'p', '{work.inner.both.x.x2}', false), 't idled {work.goods.packed,work.paper.signed,work.inner.both.x.x2,work.inner.both.y.y2} |  | '
          || replace(:'before', '1 hour 2030-01-01 01:00:00', '2 hours 2030-01-01 02:00:00'), 'those of a parallel state inside of one, too');
SELECT is(states(:'p') = array_to_string((SELECT v.states FROM workflow.set_states(:'p', '{work.paper}') v), ', '), false, 'a region by its name');
SELECT is(states(:'p'), 'work.goods.packed, work.paper.printing, work.inner.both.x.x2, work.inner.both.y.y2', 'begins anew, alone');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work.inner.both}') v), '{work.goods.packed,work.paper.printing,work.inner.both.x.x1,work.inner.both.y.y1}', 'a parallel state by its name: all of its regions');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work.inner.none,work.paper.signed}') v), '{work.goods.packed,work.paper.signed,work.inner.none}', 'out of a parallel state, and another region');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work.paper.filed}') v), '{work.goods.packed,work.paper.filed,work.inner.none}', 'to the end of a region');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work.goods.picking}') v), '{work.goods.picking,work.paper.filed,work.inner.none}', 'which is at its end and stays there');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{aside}') v), '{aside}', 'out of all');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work.inner.both.y.y2}') v), '{work.goods.picking,work.paper.printing,work.inner.both.x.x1,work.inner.both.y.y2}', 'back: where nothing was active the default is entered');
SELECT notes() AS forget \gset
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{work}') v), '{work.goods.picking,work.paper.printing,work.inner.none}', 'the whole by its name');
SELECT is(notes(), '', 'what is active before and after is not entered again');

-- what cannot be
SELECT fresh() AS p \gset
SELECT is(error('SELECT workflow.set_states(%L, ''{nowhere}'')', :'p'),
          ARRAY['22023', 'definition "job" version 1 has no state "nowhere"', 'HINT: States are named by their path, such as "review.waiting".'], 'a name that there is not');
SELECT is((error('SELECT workflow.set_states(%L, ''{b.back}'')', :'p'))[:2], ARRAY['22023', '"b.back" is a history state'], 'a history state');
SELECT is((error('SELECT workflow.set_states(%L, ''{b.c,b.d}'')', :'p'))[:2], ARRAY['22023', 'states "b.c" and "b.d" cannot be active together'], 'two children of a compound state');
SELECT is((error('SELECT workflow.set_states(%L, ''{p.x,p.y.y2,late,p.x.x2}'')', :'p'))[2], 'states "p.y.y2" and "late" cannot be active together', 'a region and a state outside of it');
SELECT is((error('SELECT workflow.set_states(%L, ''{}'')', :'p'))[1], '22023', 'no states');
SELECT is((error('SELECT workflow.set_states(%L, NULL)', :'p'))[1], '22004', 'null');
SELECT is((error('SELECT workflow.set_states(%L, ''{a,NULL}'')', :'p'))[1], '22004', 'null among them');
SELECT is((error('SELECT workflow.set_states(''01234567-89ab-7def-8000-000000000000'', ''{a}'')'))[1], 'WF001', 'no such process');
SELECT workflow.start('job', at => '2030-02-01') AS later \gset
SELECT is((error('SELECT workflow.set_states(%L, ''{a}'')', :'later'))[1], 'WF003', 'a process that has not started');

-- suspended
SELECT fresh() AS p \gset
SELECT FROM workflow.suspend(:'p');
SELECT is(moved(:'p', '{b}'), 't idled {b.c} | -a, +b, +c | 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00', 'a suspended process is moved');
SELECT is((SELECT array_agg(parked) FROM workflow.timers WHERE process = :'p'), '{t,t}', 'and stays suspended: its timers wait');
SELECT is(workflow.resume(:'p'), true, 'until it is resumed');
SELECT is((SELECT array_agg(parked) FROM workflow.timers WHERE process = :'p'), '{f,f}', 'then they run');
SELECT FROM workflow.suspend(:'p');
SELECT FROM workflow.post(:'p', 'x', at => '2030-01-01');
SELECT FROM workflow.work(100);
SELECT is((SELECT bool_and(parked) FROM workflow.timers WHERE process = :'p'), true, 'what is posted waits');
SELECT FROM workflow.set_states(:'p', '{end}');
RESET ROLE;
SELECT is((SELECT array_agg(format('%s %s', suspended, parked)) FROM workflow.process p JOIN workflow.timer t ON t.process = p.id WHERE p.id = :'p'), '{"f f"}', 'what has ended is not suspended');
SET ROLE regress_app;
SELECT is(workflow.work(100), 1, 'so that what was posted is dropped when it is due');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.timer WHERE process = :'p'), 0::bigint, 'and nothing is left');
SET ROLE regress_app;

-- Failures as an executor records them: no executor works here.
RESET ROLE;
\i :gives_up
SET ROLE regress_app;
SELECT fresh() AS p \gset
SELECT FROM workflow.post(:'p', 'kept', at => '2031-01-01');
RESET ROLE;
SELECT gives_up(:'p', 'terminated', 'go');
SELECT gives_up(:'p', 'terminated', 'after.1 hour.a', 'a', '1 hour');
SET ROLE regress_app;
SELECT is(moved(:'p', '{b}', false), 't idled {b.c} |  | go 2030-01-01 00:00:00, 2 hours 2030-01-01 02:00:00, 1 day 2030-01-02 00:00:00, kept 2031-01-01 00:00:00',
          'a terminated process goes on; what was given up is delivered again, but for timers of states that it left');
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 0::bigint, 'nothing is left of its failures');
SELECT is((SELECT bool_or(parked) FROM workflow.timers WHERE process = :'p'), false, 'nothing is parked');
SELECT is(workflow.work(100), 1, 'it comes');
SELECT fresh() AS p \gset
RESET ROLE;
SELECT gives_up(:'p', 'error', 'after.1 hour.a', 'a', '1 hour');
SET ROLE regress_app;
SELECT is(moved(:'p', '{a}'), 't idled {a} |  | 1 hour 2030-01-01 00:00:00', 'in error, to where it is: its timer is tried again');
SELECT fresh() AS p \gset
RESET ROLE;
SELECT gives_up(:'p', 'error', 'go');
UPDATE workflow.process SET suspended = true WHERE id = :'p';
SET ROLE regress_app;
SELECT is(moved(:'p', '{late}'), 't idled {late} | -a, +late | ', 'one that is suspended keeps what was given up');
SELECT is((SELECT array_agg(event) FROM workflow.errors WHERE process = :'p'), '{go}', 'for resume()');
SELECT FROM workflow.resume(:'p');
SELECT is(timers(:'p'), 'go 2030-01-01 00:00:00', 'which delivers it');
-- a start that was given up
SELECT workflow.start('job', at => '2030-01-01') AS p \gset
RESET ROLE;
DELETE FROM workflow.timer WHERE process = :'p';
SELECT gives_up(:'p', 'terminated', 'workflow.start');
SET ROLE regress_app;
SELECT is(moved(:'p', '{b.d}'), 't idled {b.d} | +b, +d | 3 hours 2030-01-01 03:00:00, 1 day 2030-01-02 00:00:00', 'a process whose start failed is entered where the operator says');
SELECT is((SELECT count(*) FROM workflow.errors WHERE process = :'p'), 0::bigint, 'it does not start again');
SELECT is((SELECT array_agg(format('%s %s', step, event) ORDER BY step) FROM workflow.process_history WHERE process = :'p'), '{"1 workflow.set_states"}', 'that is its first step');

-- children
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "foreign", "initial": "a", "states": {"a": {}}}');
SELECT FROM workflow.grant_on('foreign', 'regress_app', 'start');
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "child", "initial": "a", "states": {"a": {"on": {"end": "z"}}, "z": {"type": "final"}}}');
SELECT FROM workflow.define('{"id": "parent", "initial": "a", "states": {
    "a": {"on": {"go": "b"}}, "b": {"invoke": {"id": "c", "src": "child", "onDone": "a"}},
    "bad": {"invoke": {"id": "n", "src": "foreign", "onError": "a"}},
    "caught": {"after": {"wait": "a"}, "on": {"error.execution": "a"}}},
    "delays": {"wait": {"@expr": "(context->>''wait'')::interval"}}}');
SET ROLE regress_clerk;
SELECT FROM workflow.revoke_on('foreign', 'regress_app', 'start');
SET ROLE regress_app;
SELECT workflow.start('parent', '{"wait": "a while"}') AS p \gset
SELECT FROM workflow.set_states(:'p', '{b}', false);
SELECT FROM workflow.work(100);
SELECT (children->>'c')::uuid AS c FROM workflow.get(:'p') \gset
SELECT is(status(:'c'), 'idled', 'a state that is entered without actions invokes');
SELECT FROM workflow.set_states(:'p', '{a}', false);
SELECT FROM workflow.work(100);
SELECT is(status(:'c'), 'terminated', 'and cancels when it is left');
SELECT FROM workflow.set_states(:'p', '{b}');
SELECT FROM workflow.work(100);
SELECT (children->>'c')::uuid AS c FROM workflow.get(:'p') \gset
SELECT is((SELECT v.status FROM workflow.set_states(:'c', '{z}', false) v), 'finalized', 'a child is put at its end');
SELECT FROM workflow.work(100);
SELECT is(states(:'p'), 'a', 'its parent is told');
SELECT is((error('SELECT workflow.set_states(%L, ''{bad}'', false)', :'p'))[:2], ARRAY['WF002', 'permission denied to start definition "foreign"'], 'without actions, what cannot be invoked is an error');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{bad}') v), '{a}', 'with them, an event');
SELECT is((error('SELECT workflow.set_states(%L, ''{caught}'', false)', :'p'))[1], '22007', 'and so are errors that would be events');
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{caught}') v), '{a}', 'if transitions were taken');

-- who may
SELECT fresh() AS p \gset
SELECT FROM workflow.grant_on('job', 'regress_clerk', 'start', 'send', 'read');
SET ROLE regress_clerk;
SELECT is((app.error('SELECT workflow.set_states(%L, ''{b}'')', :'p'))[:2], ARRAY['WF002', 'must be owner of definition "job"'], 'not who may send');
SET ROLE regress_stranger;
SELECT is((app.error('SELECT workflow.set_states(%L, ''{b}'')', :'p'))[1], 'WF002', 'not a stranger');
RESET ROLE;
GRANT workflow_admin TO regress_stranger;
SET ROLE regress_stranger;
SELECT is((SELECT v.states FROM workflow.set_states(:'p', '{b}') v), '{b.c}', 'but a member of workflow_admin');
RESET ROLE;
SET ROLE regress_app;
SELECT is(notes(), '-a, +b, +c', 'the actions run as the owner');

-- from within
CREATE FUNCTION self(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM workflow.set_states((event->>'process')::uuid, '{a}'); END $$;
SELECT FROM workflow.define('{"id": "self", "initial": "a", "states": {"a": {"on": {"go": {"actions": "self"}}}}}');
SELECT workflow.start('self') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''go'')', :'p'))[1], 'WF005', 'an action cannot move its own process');

\set end :srcdir '/end.psql'
\i :end
