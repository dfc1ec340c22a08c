\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Who may send what: `allow` against the actor.
RESET ROLE;
CREATE ROLE regress_manager;
CREATE ROLE regress_intern;
CREATE ROLE regress_boss LOGIN IN ROLE regress_manager;
CREATE ROLE regress_trainee LOGIN IN ROLE regress_manager, regress_intern;
CREATE ROLE regress_web LOGIN;
GRANT workflow_user TO regress_boss, regress_trainee, regress_web;
SET ROLE regress_app;
CREATE TABLE app.deputy (name text PRIMARY KEY);
INSERT INTO app.deputy VALUES ('ann@example.com');
CREATE FUNCTION app.is_deputy(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS
    $$ SELECT EXISTS (SELECT FROM app.deputy WHERE name = event ->> 'actor') $$;
CREATE FUNCTION app.is_blocked(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS
    $$ SELECT event ->> 'actor' = context ->> 'blocked' $$;
SELECT FROM workflow.define('{
    "id": "leave", "initial": "asked", "context": {"days": 3, "blocked": "nobody"},
    "states": {
        "asked": {"on": {
            "approve": {"target": "approved", "allow": {"role": ["regress_manager"], "fn": "app.is_deputy", "deny": {"role": "regress_intern", "fn": "is_blocked"}},
                        "guard": {"@expr": "(context->>''days'')::int < 10"}},
            "withdraw": "gone",
            "comment": [{"allow": "regress_manager", "actions": {"type": "note", "params": "from a manager"}}, {"actions": {"type": "note", "params": "from anybody"}}],
            "everybody": {"allow": {"deny": {"role": ["regress_intern"]}}, "actions": {"type": "note", "params": "everybody"}},
            "self": {"actions": {"type": "raise", "event": "approve"}}}},
        "approved": {"type": "final"}, "gone": {"type": "final"}}}');
SELECT workflow.grant_on('leave', 'regress_clerk', 'start', 'send', 'read');
SELECT workflow.grant_on('leave', 'regress_boss', 'send', 'read');
SELECT workflow.grant_on('leave', 'regress_trainee', 'send', 'read');
SELECT workflow.start('leave') AS p \gset

SET ROLE regress_clerk;
SELECT is(error('SELECT workflow.send(%L, ''approve'')', :'p'),
    ARRAY['WF002', '"regress_clerk" is not allowed to send "approve" now',
          'It takes role "regress_manager" or the consent of function is_deputy, and is denied to role "regress_intern" or the consent of function is_blocked.'],
    'WF002: whoever is not allowed is told what it takes');
SELECT is(states(:'p') || (SELECT count(*) FROM workflow.process_history WHERE process = :'p'), 'asked1', 'and nothing has happened');
SELECT is((SELECT string_agg(event || ' ' || enabled, ', ') FROM workflow.available_events(:'p')),
          'approve false, withdraw true, comment true, everybody true, self true', 'available_events() knows');
SELECT FROM workflow.send(:'p', 'comment');
SELECT FROM workflow.send(:'p', 'everybody');
SET ROLE regress_app;
SELECT is(notes(), 'from anybody, everybody', 'where another transition may be taken, that one is');
SET ROLE regress_trainee;
SELECT is((error('SELECT workflow.send(%L, ''approve'')', :'p'))[1], 'WF002', 'who is denied is not allowed, whatever else he is');
SELECT is((error('SELECT workflow.send(%L, ''everybody'')', :'p'))[2:3], ARRAY['"regress_trainee" is not allowed to send "everybody" now', 'It is denied to role "regress_intern".'], 'deny alone: everybody else');
SET ROLE regress_boss;
SELECT is((SELECT enabled FROM workflow.available_events(:'p') WHERE event = 'approve'), true, 'a member of the role is allowed');
SELECT FROM workflow.send(:'p', 'comment');
SET ROLE regress_app;
SELECT is(notes(), 'from a manager', 'in the first transition that he is allowed to cause');
SET ROLE regress_boss;
SELECT is((workflow.send(:'p', 'approve')).states, ARRAY['approved'], 'and takes it');

-- in the name of others
SET ROLE regress_app;
SELECT workflow.start('leave') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''approve'', actor => ''bob@example.com'')', :'p'))[1], 'WF002', 'an actor need not be a role');
SELECT is((SELECT enabled FROM workflow.available_events(:'p', 'ann@example.com') WHERE event = 'approve'), true, 'the owner may ask for anybody');
SELECT is((workflow.send(:'p', 'approve', actor => 'ann@example.com')).states, ARRAY['approved'], 'and send for anybody: a function knows who may');
SELECT workflow.start('leave', '{"blocked": "ann@example.com"}') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''approve'', actor => ''ann@example.com'')', :'p'))[1], 'WF002', 'a function may deny');
SELECT is((workflow.send(:'p', 'approve', actor => 'regress_manager')).states, ARRAY['approved'], 'the role itself is one of its members');
SELECT workflow.start('leave') AS p \gset
SET ROLE regress_clerk;
SELECT is(error('SELECT workflow.send(%L, ''approve'', actor => ''regress_boss'')', :'p'),
    ARRAY['WF002', 'role "regress_clerk" may not act for "regress_boss"', 'HINT: The owner of definition "leave" can allow it to act for everybody with workflow.grant_on(..., ''act'').'],
    'nobody is somebody else because he says so');
SELECT is((error('SELECT workflow.post(%L, ''approve'', actor => ''regress_boss'')', :'p'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'post()');
SELECT is((error('SELECT workflow.cancel(%L, actor => ''regress_boss'')', :'p'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'cancel()');
SELECT is((error('SELECT workflow.start(''leave'', actor => ''regress_boss'')'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'start()');
SELECT is((error('SELECT workflow.start_many(''leave'', ARRAY[NULL::jsonb], actor => ''regress_boss'')'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'start_many()');
SELECT is((error('SELECT workflow.send_many(ARRAY[%L]::uuid[], ARRAY[''approve''], actor => ''regress_boss'')', :'p'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'send_many()');
SELECT is((error('SELECT workflow.available_events(%L, ''regress_boss'')', :'p'))[2], 'role "regress_clerk" may not act for "regress_boss"', 'available_events()');
SELECT lives_ok(format('SELECT workflow.send(%L, ''comment'', actor => ''regress_clerk'')', :'p'), 'for oneself');
SET ROLE regress_boss;
SELECT is((workflow.send(:'p', 'approve', actor => 'regress_manager')).states, ARRAY['approved'], 'and for a role that one belongs to');
SET ROLE regress_app;
SELECT workflow.start('leave') AS p \gset
SELECT workflow.grant_on('leave', 'regress_web', 'send', 'read');
SET ROLE regress_web;
SELECT is((error('SELECT workflow.send(%L, ''approve'', actor => ''regress_boss'')', :'p'))[1], 'WF002', 'an application with a login of its own may not');
SET ROLE regress_app;
SELECT workflow.grant_on('leave', 'regress_web', 'act');
SET ROLE regress_web;
SELECT is((SELECT workflow.may(id, 'act') FROM workflow.definitions WHERE name = 'leave'), true, 'unless it was given the privilege');
SELECT is((workflow.send(:'p', 'approve', actor => 'regress_boss')).states, ARRAY['approved'], '"act": it speaks for everybody');
SET ROLE regress_app;
SELECT is((SELECT actor FROM workflow.process_history WHERE process = :'p' AND event = 'approve'), 'regress_boss', 'the history has the actor');

-- guards come after
SELECT workflow.start('leave', '{"days": 30}') AS p \gset
SET ROLE regress_clerk;
SELECT is(s.taken, false, 'where the guard does not hold anyway, the event is ignored') FROM workflow.send(:'p', 'approve') s;
SET ROLE regress_app;

-- posted: refused when it arrives
SELECT workflow.start('leave') AS p \gset
SET ROLE regress_clerk;
SELECT workflow.post(:'p', 'approve');
SET ROLE regress_app;
SELECT is(workflow.work(10) || states(:'p'), '1asked', 'a posted event is refused when it is delivered');
SELECT is((SELECT format('%s %s %s', taken, reason, actor) FROM workflow.process_history WHERE process = :'p' AND event = 'approve'), 'f refused regress_clerk', 'as the history tells');
SET ROLE regress_boss;
SELECT workflow.post(:'p', 'approve');
SET ROLE regress_app;
SELECT is(workflow.work(10) || states(:'p'), '1approved', 'one from who is allowed is not');

-- what a process does itself
SELECT workflow.start('leave') AS p \gset
SET ROLE regress_clerk;
SELECT is((workflow.send(:'p', 'self')).states, ARRAY['approved'], 'what a process raises needs nobody''s consent');
SET ROLE regress_app;
SET client_min_messages TO error;
SELECT FROM workflow.define('{
    "id": "own", "initial": "a",
    "states": {"a": {"allow": {"role": ["regress_manager"]}, "after": {"1 hour": {"actions": {"type": "send", "event": "go"}}},
        "on": {"go": "b", "tell": {"allow": {"deny": {"role": "regress_nobody"}}, "actions": {"type": "send", "event": "go"}}, "error.execution": "c", "in": {"target": "d"}}, "onDone": "c",
        "initial": "x", "states": {"x": {"on": {"end": "y", "go": {"allow": "regress_clerk", "target": "#own.c"}}}, "y": {"type": "final"}}},
        "b": {}, "c": {}, "d": {}}}');
SELECT workflow.grant_on('own', 'regress_clerk', 'send', 'read');
SELECT workflow.grant_on('own', 'regress_boss', 'send', 'read');
SELECT workflow.start('own') AS p \gset
SELECT workflow.start('own') AS q \gset
SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.send(%L, ''in'')', :'p'))[3], 'It takes role "regress_manager".', 'allow of a state is for all events that it handles');
SELECT is((error('SELECT workflow.send(%L, ''end'')', :'p'))[3], 'It takes role "regress_manager".', 'and for those of the states in it');
SELECT is((workflow.send(:'q', 'go')).states, ARRAY['c'], 'unless they have their own');
SELECT is((workflow.send(:'p', 'tell')).states, ARRAY['c'], 'what a process sends to itself is on behalf of who sent that event');
SET ROLE regress_app;
SELECT workflow.start('own') AS p \gset
CALL clock('2030-01-01 01:00+00');
SELECT is(workflow.work(10) || states(:'p'), '1c', 'what a timer sends is on nobody''s behalf, and allowed');

-- from one owner's process to another's
CALL clock('2030-01-01 00:00+00');
SELECT workflow.start('leave') AS p \gset
SELECT workflow.start('leave') AS q \gset
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "relay", "initial": "a", "states": {"a": {
    "after": {"1 minute": {"actions": {"type": "send", "event": "approve", "target": {"@expr": "context->>''to''"}}}},
    "on": {"pass": {"actions": {"type": "send", "event": "approve", "target": {"@expr": "context->>''to''"}}}}}}}');
SELECT workflow.start('relay', jsonb_build_object('to', :'p')) AS relay \gset
SELECT FROM workflow.send(:'relay', 'pass', actor => 'regress_boss');
SET ROLE regress_app;
SELECT workflow.work(10) AS n \gset
SELECT is((SELECT format('%s %s', reason, actor) FROM workflow.process_history WHERE process = :'p' AND event = 'approve'), 'refused regress_clerk', 'the owner of a process cannot make it speak for others, either');
SET ROLE regress_clerk;
CALL clock('2030-01-01 00:01+00');
SELECT workflow.work(10) AS n \gset
SET ROLE regress_app;
SELECT workflow.work(10) AS n \gset
SELECT is((SELECT array_agg(format('%s %s', reason, actor)) FROM workflow.process_history WHERE process = :'p' AND event = 'approve'), ARRAY['refused regress_clerk', 'refused regress_clerk'], 'nor a timer of its own');
SELECT workflow.grant_on('leave', 'regress_clerk', 'act');
SET ROLE regress_clerk;
SELECT FROM workflow.send(:'relay', 'pass', actor => 'regress_boss');
SET ROLE regress_app;
SELECT is(workflow.work(10) || states(:'p'), '1approved', 'with the privilege it can');

-- a function that fails
CREATE FUNCTION app.cannot_tell(context jsonb, event jsonb) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'cannot tell'; END $$;
SELECT FROM workflow.define('{"id": "unsure", "initial": "a", "states": {"a": {"on": {"in": {"target": "b", "allow": {"fn": "cannot_tell"}}, "out": {"target": "b", "allow": {"deny": {"fn": "cannot_tell"}}}}}, "b": {}}}');
SELECT is((error('SELECT workflow.send(%L, ''in'')', workflow.start('unsure')))[1:2], ARRAY['P0001', 'cannot tell'], 'an error of the function is one of the step');
SELECT FROM workflow.define('{"id": "sure", "initial": "a", "states": {"a": {"on": {"error.execution": null, "in": {"target": "b", "allow": {"fn": "cannot_tell"}}, "out": {"target": "b", "allow": {"deny": {"fn": "cannot_tell"}}}}}, "b": {}}}');
SELECT is((workflow.send(workflow.start('sure'), 'in')).states, ARRAY['a'], 'where errors are events, it does not allow');
SELECT is((workflow.send(workflow.start('sure'), 'out')).states, ARRAY['a'], 'and does deny');

-- define()
SELECT is(faults('{"id": "x", "initial": "a", "states": {"a": {"on": {"go": {"allow": {"fn": "app.no_such"}}, "error.x": {"allow": "x"}, "x": {"allow": {}}, "y": {"allow": {"roles": ["a"]}}},
        "after": {"1 h": {"allow": "x"}}, "always": {"guard": false, "allow": "x"}}}}'),
    ARRAY['$.states.a.always.allow: an event that nobody sends cannot have "allow" (Use a guard.)',
          '$.states.a.on.x.allow: neither "role" nor "fn" is given (Write {"role": [...]} or {"fn": "..."}.)',
          '$.states.a.on.y.allow.roles: unknown key "roles" (Did you mean "role"?)',
          '$.states.a.on["error.x"].allow: an event that nobody sends cannot have "allow" (Use a guard.)',
          '$.states.a.after["1 h"].allow: an event that nobody sends cannot have "allow" (Use a guard.)',
          '$.states.a.on.go.allow.fn: function app.no_such(context jsonb, event jsonb) does not exist',
          E'HINT: Create the missing functions:\nCREATE FUNCTION app.no_such(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;'],
    'faults of allow');
SELECT workflow.define('{"id": "misspelt", "initial": "a", "states": {"a": {"allow": "regress_nobody", "on": {"x": {}, "y": {}}}}}') AS v \gset
SELECT is((SELECT chart #>> '{states,a,on,x,0,allow}' FROM workflow.definitions WHERE name = 'misspelt'), '{"role":["regress_nobody"]}', 'in the canonical form allow is at the transitions');

-- nobody is not everybody
SET LOCAL client_min_messages TO error;
SELECT FROM workflow.define('{"id": "closed", "initial": "a", "states": {"a": {"on": {"x": {"target": "b", "allow": []}, "y": {"target": "b", "allow": {"role": [], "deny": "regress_clerk"}}}}, "b": {}}}');
SELECT workflow.start('closed') AS p \gset
SELECT is((error('SELECT workflow.send(%L, ''x'')', :'p'))[1:3], ARRAY['WF002', '"regress_app" is not allowed to send "x" now', 'Nobody is allowed to send it.'], 'an empty list of roles allows nobody');
SELECT is((error('SELECT workflow.send(%L, ''y'')', :'p'))[1], 'WF002', 'with deny, too');
SELECT is((SELECT array_agg(rule || ' ' || message) FROM workflow.lint('closed') WHERE rule = 'warning'), ARRAY['warning nobody is allowed to cause the transition', 'warning nobody is allowed to cause the transition'], 'define() warns of it');
SELECT is(faults('{"id": "closed", "initial": "a", "states": {"a": {"on": {"x": {"allow": {"fn": null}}}}}}'), ARRAY['$.states.a.on.x.allow: neither "role" nor "fn" is given (Write {"role": [...]} or {"fn": "..."}.)'], 'null names nobody');
SELECT is(faults('{"id": "closed", "initial": "a", "states": {"a": {"on": {"x": {"allow": {"deny": {"fn": null}}}}}}}'), ARRAY['$.states.a.on.x.allow.deny: neither "role" nor "fn" is given (Write {"role": [...]} or {"fn": "..."}.)'], 'nor does it deny');

\set end :srcdir '/end.psql'
\i :end
