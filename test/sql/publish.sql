\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Events for whoever waits for them. Races are in specs/ and t/publish.pl.

CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) > 0 LOOP END LOOP; END $$;
CREATE FUNCTION app.wrong(state text) RETURNS text LANGUAGE sql AS $$
    SELECT (error(format('SELECT workflow.define(%L)', format('{"id": "f", "initial": "a", "states": {"a": %s}}', state))))[3] $$;
CREATE FUNCTION app.story(process uuid) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(h.event || CASE WHEN h.taken THEN '' ELSE ' -' END, ', ' ORDER BY h.step) FROM workflow.process_history h WHERE h.process = story.process $$;
RESET ROLE;
CREATE FUNCTION app.awaited() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT string_agg(format('%s %s=%s', state, event, correlation), ', ' ORDER BY state, event, correlation) FROM workflow.awaited $$;
SET ROLE regress_app;

-- what define() says
SELECT is(wrong(t.state), t.fault, t.state) FROM (VALUES
    ('{"always": {"target": "a", "correlate": "x", "guard": {"@expr": "false"}}}', '$.states.a.always.correlate: only an event with a full name can have "correlate"'),
    ('{"after": {"1 s": {"correlate": "x"}}}', '$.states.a.after["1 s"].correlate: only an event with a full name can have "correlate"'),
    ('{"on": {"*": {"correlate": "x"}}}', '$.states.a.on["*"].correlate: only an event with a full name can have "correlate"'),
    ('{"on": {"paid.*": {"correlate": "x"}}}', '$.states.a.on["paid.*"].correlate: only an event with a full name can have "correlate"'),
    ('{"on": {"paid": {"correlate": {"@expr": "1 +"}}}}', '$.states.a.on.paid.correlate: syntax error at end of input')) t(state, fault);

SELECT FROM workflow.define('{
    "id": "order", "initial": "open", "context": {"no": null, "heard": []},
    "states": {
        "open": {"on": {
            "paid": {"target": "paid", "correlate": {"@expr": "context->''no''"}, "actions": {"type": "assign", "context": {"heard": {"@expr": "context->''heard'' || jsonb_build_array(event->''data'', event->''actor'')"}}}},
            "lost": [{"correlate": "all", "actions": {"type": "assign", "context": {"heard": {"@expr": "context->''heard'' || ''\"lost\"''::jsonb"}}}}],
            "again": {"target": "open", "reenter": true}, "end": "over"}},
        "paid": {"on": {"back": "open"}},
        "over": {"type": "final"}
    }}') \g /dev/null
SELECT is((SELECT (d.chart #> '{states,open,on,paid,0,correlate}')::jsonb FROM workflow.definitions d WHERE d.name = 'order'), '{"@expr": "context->''no''"}', 'the canonical form');

-- those that wait
SELECT workflow.start('order', '{"no": "17"}') AS a \gset
SELECT workflow.start('order', '{"no": 17}') AS b \gset
SELECT workflow.start('order', '{"no": "18"}') AS c \gset
SELECT workflow.start('order') AS d \gset
SELECT is(awaited(), 'open lost=all, open lost=all, open lost=all, open lost=all, open paid=17, open paid=17, open paid=18', 'states wait for what is computed on their entry, text or number');
SELECT is(workflow.publish('paid', '17', '{"sum": 5}', actor => 'regress_app'), 2::bigint, 'publish() reaches those that wait for it');
SELECT is(workflow.publish('paid', '19'), 0::bigint, 'or nobody');
SELECT is(workflow.publish('other', '17'), 0::bigint, 'of another event');
CALL run();
SELECT is(states(:'a') || states(:'b') || states(:'c'), 'paidpaidopen', 'they get the event');
SELECT is(context(:'a') -> 'heard', '[{"sum": 5}, "regress_app"]', 'with its data and actor');
SELECT is(workflow.publish('paid', '17'), 0::bigint, 'a state that is left waits no longer');
SELECT is(workflow.publish('lost', 'all'), 2::bigint, 'many may wait for the same');
CALL run();
SELECT is(context(:'c') ->> 'heard', '["lost"]', 'a constant will do');
SELECT is(workflow.publish('lost', 'all'), 2::bigint, 'a state that stays waits on');
SELECT FROM workflow.send(:'c', 'again');
SELECT is(workflow.publish('paid', '18'), 1::bigint, 'as does one that is entered anew');
SELECT FROM workflow.set_context(:'d', '{"no": "20"}');
SELECT is(workflow.publish('paid', '20'), 0::bigint, 'what is computed holds until then');
SELECT FROM workflow.send(:'d', 'again');
SELECT is(workflow.publish('paid', '20'), 1::bigint, 'and is computed anew');
SELECT FROM workflow.cancel(:'c');
SELECT FROM workflow.send(:'d', 'end');
SELECT is(awaited(), NULL, 'nobody waits who is over');

-- kept
SELECT is(workflow.publish('paid', '30', '1', keep => '1 hour'), 0::bigint, 'an event may be kept');
SELECT workflow.start('order', '{"no": "30"}') AS a \gset
CALL run();
SELECT is(states(:'a') || (context(:'a') #>> '{heard,0}'), 'paid1', 'for a process that begins to wait');
SELECT workflow.start('order', '{"no": "30"}') AS b \gset
CALL run();
SELECT is(states(:'b'), 'paid', 'and for the next one');
SELECT FROM workflow.send(:'a', 'back');
CALL run();
SELECT is(states(:'a') || ' ' || story(:'a'), 'open workflow.start, paid, back', 'each gets it once');
SELECT workflow.start('order', '{"no": "31"}') AS c \gset
SELECT is(workflow.publish('paid', '31', '2', keep => '1 hour'), 1::bigint, 'who waits already gets it now');
CALL run();
SELECT FROM workflow.send(:'c', 'back');
CALL run();
SELECT is(story(:'c'), 'workflow.start, paid, back', 'and not again');
CALL clock('2030-01-01 01:00+00');
SELECT workflow.start('order', '{"no": "30"}') AS d \gset
CALL run();
SELECT is(states(:'d'), 'open', 'not for ever');
SELECT is((error('SELECT workflow.publish(' || t.args || ')'))[1:2]::text, t.error, t.args) FROM (VALUES
    ('NULL, ''x''', '{22004,"argument \"event\" must not be null"}'), ('''e'', NULL', '{22004,"argument \"correlation\" must not be null"}'),
    ('''e'', ''''', '{22023,"correlation must not be empty"}'), ('''done.x'', ''x''', '{22023,"event \"done.x\" cannot be sent: names that begin with \"done.\" are the engine''s own"}'),
    ('''e'', ''x'', keep => ''0''', '{22023,"argument \"keep\" must be positive and finite"}'), ('''e'', ''x'', keep => ''-1 s''', '{22023,"argument \"keep\" must be positive and finite"}'),
    ('''e'', repeat(''x'', 1025)', '{22001,"the correlation is too long"}')) t(args, error);
SELECT is((error('SELECT workflow.start(''order'', ''{"no": [1]}'')'))[1:2]::text, '{22023,"the correlation at $.states.open.on.paid[0].correlate is not a string or a number"}', 'a list is no correlation');
SELECT is((error('SELECT workflow.start(''order'', ''{"no": ""}'')'))[1], '22023', 'nor is nothing');

-- rights
SELECT FROM workflow.start('order', '{"no": "40"}');
RESET ROLE;
SET ROLE regress_clerk;
SELECT is(workflow.publish('paid', '40', keep => '1 hour'), 0::bigint, 'who may not send reaches nobody');
RESET ROLE;
SET ROLE regress_app;
SELECT workflow.start('order', '{"no": "40"}') AS a \gset
CALL run();
SELECT is(states(:'a'), 'open', 'nor later');
SELECT workflow.grant_on('order', 'regress_clerk', 'send') \g /dev/null
RESET ROLE;
SET ROLE regress_clerk;
SELECT is(workflow.publish('paid', '40'), 2::bigint, 'who may send does');
SELECT is((error('SELECT workflow.publish(''paid'', ''40'', actor => ''boss'')'))[1], 'WF002', 'but not for others');
RESET ROLE;
SET ROLE regress_app;

-- others
SELECT is((SELECT count(*) FROM workflow.dry_run(:'a', 'again')), 1::bigint, 'a try');
SELECT is((SELECT string_agg(format('%s %s', s.event, s.to_states), ', ') FROM workflow.simulate('order', '[{"event": "paid"}]', input => '{"no": "77"}') s), 'workflow.start {open}, paid {paid}', 'and a simulation');
SELECT is(workflow.publish('paid', '77'), 0::bigint, 'leave nobody waiting');
SELECT count(workflow.cancel(p.id)) FROM workflow.processes p WHERE p.status = 'idled' AND p.definition = 'order' \g /dev/null
SELECT workflow.start('order', '{"no": "50"}') AS a \gset
SELECT FROM workflow.define('{"id": "order", "initial": "open", "states": {"open": {"on": {"paid": {"target": "paid", "correlate": {"@expr": "''no '' || (context->>''no'')"}}}}, "paid": {}}}') \g /dev/null
SELECT is((workflow.migrate(:'a')).to_version, 2, 'with another version');
SELECT is(awaited(), 'open paid=no 50', 'a process waits for what that says');
SELECT is(workflow.publish('paid', 'no 50', '{"x": 1}', '1 hour'), 1::bigint, 'and gets it');
CALL run();
SELECT is(states(:'a'), 'paid', 'also');
SELECT workflow.start('order', '{"no": "51"}') AS a \gset
SELECT FROM workflow.erase(:'a', true);
SELECT is(awaited(), NULL, 'one that is erased waits for nothing');
RESET ROLE;
SELECT is((SELECT string_agg(c::text, ', ') FROM workflow.check() c), NULL, 'all fits together');

\set end :srcdir '/end.psql'
\i :end
