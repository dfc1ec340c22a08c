-- A database with everything in it, for the tests of dumps, copies and upgrades.
-- Run by psql as the superuser, with executors at work, in a database that has
-- the extension; the time is set by the caller to 2030-01-01 (and stands
-- still). Roles clerk, courier, guest, visitor exist and may use workflow.
--
-- What is started here and not driven to an end goes on by itself when the time
-- is later: everything is due by 2030-03-01, when office.broken is empty.
\set ON_ERROR_STOP 1
\set QUIET 1
SET timezone TO 'UTC';

CREATE SCHEMA office AUTHORIZATION clerk;
SET ROLE clerk;
SET search_path TO office, public;
CREATE TABLE office.note (n int GENERATED ALWAYS AS IDENTITY, who text, what text);
CREATE TABLE office.broken (device text PRIMARY KEY);
INSERT INTO office.broken VALUES ('printer'), ('stamp');
CREATE FUNCTION office.note(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO office.note (who, what) VALUES (context ->> 'who', params #>> '{}') $$;
CREATE FUNCTION office.need(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM office.broken WHERE device = params #>> '{}') THEN
        RAISE EXCEPTION '% is broken', params #>> '{}';
    END IF;
END $$;

SELECT workflow.define('{
    "id": "order", "initial": "new", "context": {"who": null, "notes": 0}, "search": {"who": "$.who", "notes": "$.notes"},
    "states": {
        "new": {
            "after": {"30 days": {"target": "packed", "actions": {"type": "office.note", "params": "packed"}}},
            "on": {"note": {"actions": [{"type": "assign", "context": {"notes": {"@expr": "(context->>''notes'')::int + 1"}}},
                                        {"type": "office.note", "params": "noted"}]},
                   "stop": "stopped", "tick": "new", "later": {"actions": {"type": "office.note", "params": "later"}}}},
        "packed": {"always": "done"},
        "done": {"type": "final"}, "stopped": {"type": "final"}}}') \g /dev/null
SELECT workflow.define('{
    "id": "child", "initial": "small", "context": {"who": null},
    "states": {"small": {"after": {"25 days": {"target": "tall", "actions": {"type": "office.note", "params": "grew"}}}}, "tall": {"type": "final"}},
    "output": {"tall": true}}') \g /dev/null
SELECT workflow.define_calendar('office', '{"zone": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]], "wed": [["09:00", "12:00"]]}}') \g /dev/null
SELECT workflow.define('{
    "id": "visit", "initial": "asked", "context": {"who": null},
    "states": {"asked": {"after": {"1 day": {"target": "asked", "reenter": true, "guard": {"@expr": "false"}},
                                   "hours": "received"}}, "received": {"type": "final"}},
    "delays": {"hours": {"@expr": "workflow.add_working_time(''2030-01-01 00:00+00'', ''10 hours'', ''office'')"}}}') \g /dev/null
-- of the next version, with which the second child is started, one does not wait
SELECT workflow.define('{
    "id": "family", "initial": "both", "context": {"who": null, "result": null},
    "states": {
        "both": {"type": "parallel", "onDone": "grown", "states": {
            "left": {"initial": "waits", "states": {
                "waits": {"invoke": {"id": "child", "src": "child", "input": {"who": {"@expr": "context->''who''"}},
                    "onDone": {"target": "has", "actions": {"type": "assign", "context": {"result": {"@expr": "event->''output''"}}}}}},
                "has": {"type": "final"}}},
            "right": {"initial": "a", "states": {"a": {"after": {"35 days": "b"}}, "b": {"type": "final"}}}}},
        "grown": {"invoke": {"id": "second", "src": "child", "input": {"who": "second"}, "onDone": "over"}},
        "over": {"type": "final"}}}') \g /dev/null
SELECT workflow.define('{
    "id": "shy", "initial": "busy", "context": {"who": null, "heard": []},
    "states": {
        "busy": {"defer": ["say"], "after": {"40 days": "free"}},
        "free": {"on": {"say": {"actions": {"type": "assign", "context": {"heard": {"@expr": "(context->''heard'') || (event->''data'')"}}}}}}}}') \g /dev/null
SELECT workflow.define('{
    "id": "letter", "initial": "printing", "context": {"who": null},
    "on_error": {"retry": {"errors": "*", "maxAttempts": 0}},
    "states": {
        "printing": {"after": {"0": {"target": "printed", "actions": {"type": "office.need", "params": "printer"}}}, "on": {"skip": "printed"}},
        "printed": {"type": "final"}}}') \g /dev/null
SELECT workflow.define('{
    "id": "form", "initial": "a", "context": {"who": null},
    "on_error": {"retry": {"errors": "*", "maxAttempts": 3, "intervalSeconds": 2592000}},
    "states": {"a": {"after": {"0": {"target": "b", "actions": {"type": "office.need", "params": "stamp"}}}}, "b": {"type": "final"}}}') \g /dev/null
SELECT workflow.define('{
    "id": "memory", "initial": "on", "context": {"who": null},
    "states": {
        "on": {"initial": "low", "states": {"low": {"on": {"up": "high"}}, "high": {}, "last": {"type": "history"}}, "on": {"off": "off"}},
        "off": {"after": {"45 days": "on.last"}}}}') \g /dev/null
SELECT workflow.define('{
    "id": "rest", "initial": "a", "context": {"who": null},
    "states": {"a": {"after": {"10 days": "b"}}, "b": {"after": {"1 day": "c"}}, "c": {}}}') \g /dev/null
SELECT workflow.grant_on('order', 'guest', 'start', 'send'), workflow.grant_on('order', 'visitor', 'send', 'read') \g /dev/null

SELECT workflow.start('order', key => 'open', input => '{"who": "open"}') AS open,
       workflow.start('order', key => 'ended', input => '{"who": "ended"}') AS ended,
       workflow.start('order', key => 'cancelled', input => '{"who": "cancelled"}') AS cancelled,
       workflow.start('order', key => 'suspended', input => '{"who": "suspended"}') AS suspended,
       workflow.start('order', key => 'moved', input => '{"who": "moved"}') AS moved \gset
SELECT workflow.send(:'open', 'note', id => 'first'), workflow.send(:'open', 'nonsense', '{"a": [1, "ü", null]}'),
       workflow.post(:'open', 'later', '[1]', at => '2030-02-10 00:00+00', id => 'reminder'),
       workflow.send(:'ended', 'stop'), workflow.cancel(:'cancelled'),
       workflow.suspend(:'suspended'), workflow.set_timer(:'moved', '30 days', '2030-02-20 00:00+00') \g /dev/null
SELECT workflow.start('order', key => 'later', input => '{"who": "later"}', at => '2030-01-20 00:00+00'),
       workflow.start('order', key => 'lost', input => '{"who": "lost"}', at => '2030-02-20 00:00+00') \g /dev/null
SELECT workflow.start('family', key => 'family', input => '{"who": "family"}'), workflow.start('memory', key => 'memory') AS memory \gset
SELECT workflow.send(:'memory', 'up'), workflow.send(:'memory', 'off') \g /dev/null
SELECT workflow.start('shy', key => 'shy') AS shy \gset
SELECT workflow.send(:'shy', 'say', '"one"'), workflow.send(:'shy', 'say', '"two"') \g /dev/null
SELECT workflow.start('visit', key => 'visit'), workflow.start('rest', key => 'rest'), workflow.start('order', key => 'erased') AS erased \gset
SELECT workflow.pause('rest') \g /dev/null
SELECT workflow.start('letter', key => 'given up'), workflow.start('form', key => 'tried again') \g /dev/null
-- a second version, with processes of both
SELECT workflow.define('{
    "id": "child", "initial": "small", "context": {"who": null},
    "states": {"small": {"after": {"26 days": {"target": "tall", "actions": {"type": "office.note", "params": "grew"}}, "0": {"guard": {"@expr": "context->>''who'' = ''second''"}, "target": "tall"}}}, "tall": {"type": "final"}},
    "output": {"tall": "very"}}') \g /dev/null
RESET ROLE;

SET ROLE guest;
SELECT workflow.start('order', key => 'of guest', input => '{"who": "of guest"}') AS of_guest \gset
SELECT workflow.send(:'of_guest', 'note') \g /dev/null
RESET ROLE;

SET ROLE courier;
SELECT workflow.define('{
    "id": "parcel", "initial": "here", "context": {"n": 0},
    "states": {"here": {"after": {"20 days": {"target": "there", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
               "there": {"type": "final"}}}') \g /dev/null
SELECT workflow.start_many('parcel', array_fill('{}'::jsonb, ARRAY[3]), ARRAY['p1', 'p2', 'p3']) \g /dev/null
RESET ROLE;
