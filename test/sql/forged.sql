\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Events of the engine are orders. Nobody can send one: not a caller, nor a
-- definition to another process, nor one that takes names from its callers.

-- What a stranger's definition can make of being somebody's child, and of the right
-- to send.
SET ROLE regress_stranger;
SELECT FROM workflow.define('{
    "id": "helper", "initial": "a", "states": {"a": {"on": {"go": {"actions":
        {"type": "sendParent", "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
        "error.execution": {"actions": {"type": "assign", "assignment": {"error": {"@expr": "event->''data''->>''message''"}}}}}}}}');
SELECT FROM workflow.grant_on('helper', 'regress_app', 'start');

SET ROLE regress_app;
CREATE FUNCTION app.pay(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO app.note (text) VALUES ('paid by ' || coalesce(event ->> 'actor', 'nobody')) $$;
SELECT FROM workflow.define('{"id": "vault", "initial": "a", "states": {"a": {"on": {"pay": {"actions": "pay"}, "error.invoke.help": "b"}}, "b": {}}}');
SELECT FROM workflow.define('{
    "id": "desk", "initial": "a", "states": {
        "a": {"invoke": {"src": "helper", "id": "help"}, "on": {
            "note": {"actions": {"type": "note", "params": "note"}},
            "echo": {"actions": {"type": "send", "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
            "later": {"actions": {"type": "send", "delay": 1000, "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
            "raise": {"actions": {"type": "raise", "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
            "error.mine": {"actions": {"type": "note", "params": "mine"}},
            "done.invoke.help": "b", "error.execution": {"actions": {"type": "note", "params": "refused"}}}},
        "b": {"type": "final"}}}');
SELECT FROM workflow.grant_on('desk', 'regress_clerk', 'start', 'send', 'read');

SET ROLE regress_clerk;
SELECT FROM workflow.define('{
    "id": "forger", "initial": "a", "states": {"a": {"on": {
        "go": {"actions": {"type": "send", "to": {"@expr": "event->''data''->>''to''"},
                           "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
        "late": {"actions": {"type": "send", "to": {"@expr": "event->''data''->>''to''"}, "delay": 1000,
                           "event": {"type": {"@expr": "event->''data''->>''name''"}, "data": {"@expr": "event->''data''"}}}},
        "error.execution": {"actions": {"type": "assign", "assignment": {"error": {"@expr": "event->''data''->>''message''"}}}}}}}}');
SELECT workflow.start('forger') AS forger \gset
SET ROLE regress_app;
SELECT workflow.start('vault') AS vault \gset
SELECT workflow.start('desk') AS desk \gset
SELECT workflow.work(100) \g /dev/null
RESET ROLE;
SELECT id AS helper FROM workflow.processes WHERE definition = 'helper' \gset
-- Everything that is due happens, for as many seconds.
CREATE PROCEDURE app.play() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3 LOOP
        CALL app.clock(('2030-01-01 00:00+00'::timestamptz + interval '1 minute' +
                        (current_setting('workflow.test_clock')::timestamptz - '2030-01-01 00:00+00'))::timestamptz);
        SET LOCAL ROLE regress_clerk; PERFORM workflow.work(100);
        SET LOCAL ROLE regress_stranger; PERFORM workflow.work(100);
        SET LOCAL ROLE regress_app; PERFORM workflow.work(100);
    END LOOP;
    RESET ROLE;
END
$$;

SET ROLE regress_clerk;
SELECT is((error('SELECT workflow.send(%L, ''pay'')', :'vault'))[1], 'WF002', 'the clerk may not send to the vault');
SELECT is((error(format('SELECT workflow.send(%L, %L)', :'desk', e)))[1], '22023', 'nobody sends ' || e)
FROM unnest(ARRAY['workflow.forward', 'workflow.cancel', 'workflow.start', 'done.invoke.help', 'error.execution', 'after.x', '']) e;

-- the desk would forward with the rights of its owner
SELECT workflow.send(:'forger', a, jsonb_build_object('to', :'desk', 'name', 'workflow.forward', 'process', :'vault', 'event', 'pay'))
FROM unnest(ARRAY['go', 'late']) a \g /dev/null
CALL app.play();
SELECT is(notes(), '', 'no definition forwards an order');
SET ROLE regress_clerk;
SELECT is(context(:'forger') ->> 'error', 'event "workflow.forward" cannot be sent: names that begin with "workflow." are the engine''s own', 'it is an error of its action');
SELECT workflow.send(:'forger', 'go', jsonb_build_object('to', :'desk', 'name', e))
FROM unnest(ARRAY['workflow.cancel', 'done.invoke.help', 'workflow.start']) e \g /dev/null
SELECT workflow.send(:'forger', 'go', jsonb_build_object('to', :'desk', 'name', 'note')) \g /dev/null
RESET ROLE;
CALL app.play();
SELECT is(status(:'desk') || ' ' || states(:'desk'), 'idled a', 'none is cancelled, or told that its child is done');
SELECT is(notes(), 'note', 'while other events arrive');

-- a child and its parent
SET ROLE regress_stranger;
SELECT workflow.send(:'helper', 'go', jsonb_build_object('name', e, 'process', :'vault', 'event', 'pay'))
FROM unnest(ARRAY['workflow.forward', 'workflow.cancel', 'done.invoke.help', 'note']) e \g /dev/null
SELECT is(context(:'helper') ->> 'error', 'event "done.invoke.help" cannot be sent: names that begin with "done." are the engine''s own', 'a child cannot, either');
RESET ROLE;
CALL app.play();
SELECT is(status(:'desk') || ' ' || states(:'desk'), 'idled a', 'its parent goes on');
SELECT is(notes(), 'note', 'and hears only what it may be told');

-- what a definition tells itself in the words of others
SET ROLE regress_clerk;
SELECT workflow.send(:'desk', e, jsonb_build_object('name', n, 'process', :'vault', 'event', 'pay'))
FROM unnest(ARRAY['echo', 'later', 'raise']) e, unnest(ARRAY['workflow.forward', 'workflow.cancel']) n \g /dev/null
RESET ROLE;
CALL app.play();
SELECT is(notes(), 'refused, refused, refused, refused, refused, refused', 'no order comes out of the data of an event');
SELECT is(status(:'desk') || ' ' || states(:'desk'), 'idled a', 'in no way');
SET ROLE regress_clerk;
SELECT workflow.send(:'desk', 'raise', '{"name": "error.mine"}') \g /dev/null
RESET ROLE;
SELECT is(notes(), 'mine', 'errors of its own it may raise');

-- An owner that became a superuser meanwhile runs nothing.
SET ROLE regress_app;
SELECT workflow.start('vault') AS vault \gset
RESET ROLE;
ALTER ROLE regress_app SUPERUSER;
SELECT is(error('SELECT workflow.send(%L, ''pay'')', :'vault'),
    ARRAY['WF002', 'the owner of the definition is a superuser', 'Guards and actions would run as superuser "regress_app".', 'HINT: Set workflow.allow_superuser to on to allow this.'],
    'no action runs as a superuser');
ALTER ROLE regress_app NOSUPERUSER;
SELECT is((workflow.send(:'vault', 'pay')).taken, true, 'until it is none again');

\set end :srcdir '/end.psql'
\i :end
