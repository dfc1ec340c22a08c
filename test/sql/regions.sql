\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin
CREATE FUNCTION app.define(definition text) RETURNS int LANGUAGE sql AS
    $$ SELECT workflow.define(regexp_replace(definition, '\{"note": ("[^"]*")\}', '{"type": "note", "params": \1}', 'g')::json) $$;

-- parallel
SELECT FROM define('{
    "id": "order", "initial": "work",
    "states": {
        "work": {
            "type": "parallel", "onDone": "done", "entry": {"note": "+work"}, "exit": {"note": "-work"},
            "on": {"cancel": "cancelled", "tick": {"actions": {"note": "tick of work"}}},
            "states": {
                "payment": {"initial": "open", "entry": {"note": "+payment"}, "exit": {"note": "-payment"},
                    "states": {"open": {"after": {"7 days": "#cancelled"}, "on": {"pay": "paid", "both": "paid"}}, "paid": {"type": "final"}}},
                "parcel": {"initial": "packing", "entry": {"note": "+parcel"}, "exit": {"note": "-parcel"},
                    "states": {"packing": {"on": {"pack": "sent", "both": "sent", "tick": {"actions": {"note": "tick of packing"}}}}, "sent": {"type": "final"}}}}},
        "done": {"type": "final"}, "cancelled": {"id": "cancelled", "type": "final"}}}');
SELECT workflow.start('order') AS p \gset
SELECT is(notes(), '+work, +payment, +parcel', 'all regions are entered, in document order');
SELECT is(states(:'p'), 'work.payment.open, work.parcel.packing', 'a process is in one state of each');
SELECT FROM workflow.send(:'p', 'pay');
SELECT is(states(:'p') || notes(), 'work.payment.paid, work.parcel.packing', 'an event moves the region that handles it');
SELECT is(timers(:'p'), '', 'the timers of its state end with that');
SELECT FROM workflow.send(:'p', 'pack');
SELECT is(status(:'p') || notes(), 'finalized-parcel, -payment, -work', 'when the last region is done so is the whole; exit in the reverse order');
SELECT workflow.start('order') AS p \gset
SELECT notes() AS forget \gset
SELECT FROM workflow.send(:'p', 'both');
SELECT is(states(:'p'), 'done', 'an event may move several regions');
SELECT workflow.start('order') AS p \gset
SELECT notes() AS forget \gset
SELECT FROM workflow.send(:'p', 'tick');
SELECT is(notes(), 'tick of work, tick of packing', 'an event that one region handles reaches the parent from the others, too');
SELECT FROM workflow.send(:'p', 'cancel');
SELECT is(states(:'p') || notes(), 'cancelled-parcel, -payment, -work', 'a transition of the parallel state leaves all regions');
SELECT workflow.start('order') AS p \gset
SELECT FROM workflow.send(:'p', 'pack');
CALL clock('2030-01-08');
SELECT is(workflow.work(100) || states(:'p'), '1cancelled', 'a timer of one region may lead out of all');

-- conflicts
SELECT FROM define('{
    "id": "conflict", "initial": "p",
    "states": {
        "p": {"type": "parallel", "on": {"go": "outer"}, "states": {
            "r": {"initial": "a", "states": {"a": {"on": {"go": "#first", "both": "#first", "inner": "b"}}, "b": {}}},
            "s": {"initial": "a", "on": {"inner": "#second"}, "states": {"a": {"on": {"both": "#second"}}}}}},
        "outer": {}, "first": {"id": "first"}, "second": {"id": "second"}}}');
SELECT is(states, ARRAY['first'], 'of two transitions that leave the same states the inner one wins') FROM workflow.send(workflow.start('conflict'), 'go');
SELECT is(states, ARRAY['first'], 'or the first in document order') FROM workflow.send(workflow.start('conflict'), 'both');
SELECT is(states, ARRAY['p.r.b', 'p.s.a'], 'the first in document order, even when it leaves less') FROM workflow.send(workflow.start('conflict'), 'inner');

-- several targets
SELECT FROM define('{
    "id": "targets", "initial": "x",
    "states": {"x": {"on": {"go": {"target": ["p.r.b", "p.s.b"]}, "one": "p.s.b"}},
        "p": {"type": "parallel", "states": {"r": {"initial": "a", "states": {"a": {}, "b": {}}}, "s": {"initial": "a", "states": {"a": {}, "b": {}}}}}}}');
SELECT is(states, ARRAY['p.r.b', 'p.s.b'], 'a transition may have a target in each region') FROM workflow.send(workflow.start('targets'), 'go');
SELECT is(states, ARRAY['p.r.a', 'p.s.b'], 'regions without one are entered by default') FROM workflow.send(workflow.start('targets'), 'one');

-- a region of itself (R1) and reentering
SELECT FROM define('{
    "id": "region", "initial": "p",
    "states": {"p": {"type": "parallel", "entry": {"note": "+p"}, "exit": {"note": "-p"}, "states": {
        "r": {"initial": "a", "entry": {"note": "+r"}, "exit": {"note": "-r"}, "on": {"again": {"target": "r", "reenter": true}}, "states": {"a": {"on": {"next": "b"}}, "b": {}}},
        "s": {"initial": "a", "entry": {"note": "+s"}, "exit": {"note": "-s"}, "states": {"a": {"on": {"next": "b"}}, "b": {}}}}}}}');
SELECT workflow.start('region') AS p \gset
SELECT FROM workflow.send(:'p', 'next');
SELECT notes() AS forget \gset
SELECT FROM workflow.send(:'p', 'again');
SELECT is(notes() || ': ' || states(:'p'), '-s, -r, +r, +s: p.r.a, p.s.a', 'a region that reenters itself: the parallel state stays, all its regions are entered again');

-- nested
SELECT FROM define('{
    "id": "nested", "initial": "p",
    "states": {"p": {"type": "parallel", "onDone": "end", "states": {
        "r": {"type": "parallel", "states": {
            "x": {"initial": "a", "states": {"a": {"on": {"one": "b"}}, "b": {"type": "final"}}},
            "y": {"initial": "a", "states": {"a": {"on": {"two": "b"}}, "b": {"type": "final"}}}}},
        "s": {"initial": "a", "states": {"a": {"on": {"three": "b"}}, "b": {"type": "final"}}}}}, "end": {"type": "final"}}}');
SELECT workflow.start('nested') AS p \gset
SELECT is(string_agg(s.status::text, ' ' ORDER BY n), 'idled idled finalized', 'parallel inside of parallel is done when all is') FROM unnest(ARRAY['three', 'one', 'two']) WITH ORDINALITY e(e, n), workflow.send(:'p', e) s;

-- history
SELECT FROM define('{
    "id": "memory", "initial": "work",
    "states": {
        "work": {
            "initial": "a", "on": {"pause": "paused"},
            "states": {
                "a": {"on": {"next": "b"}},
                "b": {"initial": "x", "states": {"x": {"on": {"next": "y"}}, "y": {}}},
                "shallow": {"type": "history"}, "deep": {"type": "history", "history": "deep"},
                "default": {"type": "history", "target": "b.y"}}},
        "paused": {"on": {"shallow": "work.shallow", "deep": "work.deep", "restart": "work", "default": "work.default"}},
        "fresh": {}}}');
CREATE FUNCTION app.come_back(VARIADIC events text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    p uuid := workflow.start('memory');
    event text;
BEGIN
    FOREACH event IN ARRAY events LOOP
        PERFORM workflow.send(p, event);
    END LOOP;
    RETURN states(p);
END
$$;
SELECT is(come_back('pause', 'shallow'), 'work.a', 'history: back to where it was');
SELECT is(come_back('next', 'next', 'pause', 'shallow'), 'work.b.x', 'shallow history remembers the child, which is entered by default');
SELECT is(come_back('next', 'next', 'pause', 'deep'), 'work.b.y', 'deep history remembers all below');
SELECT is(come_back('next', 'next', 'pause', 'restart', 'pause', 'deep'), 'work.a', 'the last time counts');
SELECT is(come_back('next', 'pause', 'default'), 'work.b.x', 'a default is not needed when there is something to remember');
SELECT FROM define('{
    "id": "first time", "initial": "outside",
    "states": {
        "outside": {"on": {"default": "work.default", "none": "work.none"}},
        "work": {"initial": {"target": "a", "actions": {"note": "initial"}}, "states": {"a": {}, "b": {},
            "default": {"type": "history", "target": {"target": "b", "actions": {"note": "default"}}}, "none": {"type": "history"}}}}}');
SELECT is(states[1] || ' ' || notes(), 'work.b default', 'with nothing to remember the default is taken, with its actions') FROM workflow.send(workflow.start('first time'), 'default');
SELECT is(states[1] || ' ' || notes(), 'work.a initial', 'or the initial transition of the parent') FROM workflow.send(workflow.start('first time'), 'none');
SELECT FROM define('{
    "id": "both", "initial": "p",
    "states": {"p": {"type": "parallel", "on": {"pause": "q"}, "states": {
            "r": {"initial": "a", "states": {"a": {"on": {"next": "b"}}, "b": {}}}, "s": {"initial": "a", "states": {"a": {}, "b": {}}}, "h": {"type": "history", "history": "deep"}}},
        "q": {"on": {"back": "p.h"}}}}');
SELECT workflow.start('both') AS p \gset
SELECT FROM workflow.send(:'p', 'next');
SELECT FROM workflow.send(:'p', 'pause');
SELECT FROM workflow.send(:'p', 'back');
SELECT is(states(:'p'), 'p.r.b, p.s.a', 'deep history of a parallel state remembers every region');
SELECT workflow.start('both') AS other \gset
SELECT FROM workflow.send(:'p', 'pause');
SELECT FROM workflow.send(:'other', 'pause');
SELECT is(array_agg(format('%s', s.states) ORDER BY s.states), ARRAY['{p.r.a,p.s.a}', '{p.r.b,p.s.a}'], 'each process has a memory of its own')
FROM workflow.send_many(ARRAY[:'p', :'other']::uuid[], ARRAY['back']) s;

\set end :srcdir '/end.psql'
\i :end
