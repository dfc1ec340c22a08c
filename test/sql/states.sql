\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- {"note": "x"} in the definitions below stands for the action that notes x.
CREATE FUNCTION app.define(definition text) RETURNS int LANGUAGE sql AS
    $$ SELECT workflow.define(regexp_replace(definition, '\{"note": ("[^"]*")\}', '{"type": "note", "params": \1}', 'g')::json) $$;

-- entry and exit
SELECT FROM define('{
    "id": "nested", "initial": "outer", "entry": {"note": "+root"}, "exit": {"note": "-root"},
    "states": {
        "outer": {
            "entry": {"note": "+outer"}, "exit": {"note": "-outer"}, "initial": {"target": "inner", "actions": {"note": "initial of outer"}},
            "on": {"leave": {"target": "other", "actions": [{"note": "leaving"}, {"note": "left"}]}, "restart": {"target": "outer", "reenter": true},
                   "inside": ".second", "outside": {"target": ".second", "reenter": true}, "quit": "end"},
            "states": {
                "inner": {
                    "entry": {"note": "+inner"}, "exit": {"note": "-inner"}, "initial": "leaf",
                    "states": {
                        "leaf": {"entry": [{"note": "+leaf"}, {"note": "and more"}], "exit": {"note": "-leaf"},
                                 "on": {"self": {"target": "leaf", "actions": {"note": "self"}}, "anew": {"target": "leaf", "reenter": true, "actions": {"note": "anew"}},
                                        "next": "twig", "cross": "#nested.outer.second"}},
                        "twig": {"entry": {"note": "+twig"}, "exit": {"note": "-twig"}}}},
                "second": {"entry": {"note": "+second"}, "exit": {"note": "-second"}}}},
        "other": {"entry": {"note": "+other"}, "exit": {"note": "-other"}, "on": {"back": "outer", "deep": "outer.inner.twig"}},
        "end": {"type": "final", "entry": {"note": "+end"}, "exit": {"note": "-end"}}}}');
SELECT workflow.start('nested') AS p \gset
SELECT is(notes(), '+root, +outer, initial of outer, +inner, +leaf, and more', 'entry: from the outside in, the actions of the initial transition after those of its state');
SELECT is(states(:'p'), 'outer.inner.leaf', 'a state is named by its path');
SELECT FROM workflow.send(:'p', 'self');
SELECT is(notes(), 'self', 'a transition to itself does not leave a state');
SELECT FROM workflow.send(:'p', 'anew');
SELECT is(notes(), '-leaf, anew, +leaf, and more', 'with reenter it does');
SELECT FROM workflow.send(:'p', 'next');
SELECT is(notes(), '-leaf, +twig', 'between siblings their parent stays');
SELECT FROM workflow.send(:'p', 'inside');
SELECT is(notes(), '-twig, -inner, +second', 'exit: from the inside out; a transition to a descendant does not leave its source');
SELECT FROM workflow.send(:'p', 'outside');
SELECT is(notes(), '-second, -outer, +outer, +second', 'with reenter it does; no initial transition when another child is the target');
SELECT FROM workflow.send(:'p', 'restart');
SELECT is(notes(), '-second, -outer, +outer, initial of outer, +inner, +leaf, and more', 'a compound state is entered again by its initial transition');
SELECT FROM workflow.send(:'p', 'cross');
SELECT is(notes(), '-leaf, -inner, +second', 'a target may be given by its full name');
SELECT FROM workflow.send(:'p', 'leave');
SELECT is(notes(), '-second, -outer, leaving, left, +other', 'a parent''s transition leaves all that is inside; its actions run between exit and entry');
SELECT FROM workflow.send(:'p', 'deep');
SELECT is(notes(), '-other, +outer, +inner, +twig', 'a target inside enters all that is around it');
SELECT FROM workflow.send(:'p', 'quit');
SELECT is(notes(), '-twig, -inner, -outer, +end, -end, -root', 'the end: the exit actions of all that is active, the root''s last');
SELECT is(status(:'p') || ' ' || states(:'p'), 'finalized end', 'the final state is where it stands for ever');

-- the innermost state decides
SELECT FROM define('{
    "id": "inner first", "initial": "p", "on": {"a": {"actions": {"note": "root a"}}, "b": {"actions": {"note": "root b"}}, "c": {"actions": {"note": "root c"}}},
    "states": {"p": {"initial": "q", "on": {"a": {"actions": {"note": "p a"}}, "b": {"actions": {"note": "p b"}}},
        "states": {"q": {"on": {"a": {"actions": {"note": "q a"}}, "b": {"guard": false, "actions": {"note": "q b"}}}}}}}}');
SELECT workflow.start('inner first') AS p \gset
SELECT FROM workflow.send(:'p', 'a');
SELECT is(notes(), 'q a', 'the innermost state that has a transition takes it');
SELECT FROM workflow.send(:'p', 'b');
SELECT is(notes(), 'p b', 'one whose guard does not hold is none');
SELECT FROM workflow.send(:'p', 'c');
SELECT is(notes(), 'root c', 'the root is asked last');

-- onDone
SELECT FROM define('{
    "id": "done", "initial": "review",
    "states": {
        "review": {
            "initial": "first", "onDone": [{"target": "rejected", "guard": {"@expr": "context ? ''no''"}}, {"target": "accepted", "actions": {"note": "done"}}],
            "exit": {"note": "-review"},
            "states": {"first": {"on": {"ok": "second", "no": {"target": "end", "actions": {"type": "assign", "context": {"no": true}}}}}, "second": {"on": {"ok": "end"}},
                       "end": {"type": "final", "entry": {"note": "+end"}}}},
        "accepted": {"entry": {"note": "+accepted"}}, "rejected": {}}}');
SELECT workflow.start('done') AS p \gset
SELECT FROM workflow.send(:'p', 'ok');
SELECT FROM workflow.send(:'p', 'ok');
SELECT is(notes() || ': ' || states(:'p'), '+end, -review, done, +accepted: accepted', 'when a final child is entered the parent is done');
SELECT is(s.states, ARRAY['rejected'], 'onDone may have guards') FROM workflow.send(workflow.start('done'), 'no') s;
SELECT FROM define('{"id": "undone", "initial": "p", "states": {"p": {"initial": "a", "on": {"go": "q"}, "states": {"a": {"on": {"end": "b"}}, "b": {"type": "final"}}}, "q": {"type": "final"}}}');
SELECT workflow.start('undone') AS p \gset
SELECT FROM workflow.send(:'p', 'end');
SELECT is(status(:'p') || ' ' || states(:'p'), 'idled p.b', 'without onDone the process waits in the final child');
SELECT FROM workflow.send(:'p', 'go');
SELECT is(status(:'p'), 'finalized', 'where its parent may still lead on');

-- document order
SELECT notes() AS forget \gset
SELECT FROM define('{
    "id": "order", "initial": "zebra",
    "states": {"zebra": {"on": {"go": [{"target": "b", "guard": false}, {"target": "aardvark"}, {"target": "b"}]}}, "b": {}, "aardvark": {}}}');
SELECT is(states, ARRAY['aardvark'], 'transitions of an event are tried in the order in which they are written') FROM workflow.send(workflow.start('order'), 'go');
SELECT FROM define('{
    "id": "keys", "initial": "p",
    "states": {"p": {"type": "parallel", "states": {
        "long_name": {"entry": {"note": "+long_name"}, "exit": {"note": "-long_name"}}, "z": {"entry": {"note": "+z"}, "exit": {"note": "-z"}},
        "a": {"entry": {"note": "+a"}, "exit": {"note": "-a"}}}, "on": {"end": "q"}}, "q": {}}}');
SELECT FROM workflow.send(workflow.start('keys'), 'end');
SELECT is(notes(), '+long_name, +z, +a, -a, -z, -long_name', 'the order of keys is that of the text: jsonb would have another');
SELECT FROM define('{
    "id": "numbered", "initial": "p",
    "states": {"p": {"type": "parallel", "states": {"x": {"order": 3, "entry": {"note": "x"}}, "y": {"order": 1, "entry": {"note": "y"}}, "z": {"order": 2, "entry": {"note": "z"}}}}}}');
SELECT FROM workflow.start('numbered');
SELECT is(notes(), 'y, z, x', 'unless every sibling has an order');

-- wildcards
SELECT FROM define('{
    "id": "wild", "initial": "a",
    "states": {"a": {"on": {
        "*": {"actions": {"note": "*"}}, "order.*": {"actions": {"note": "order.*"}}, "order.line.*": {"actions": {"note": "order.line.*"}},
        "order.line.add": {"actions": {"note": "order.line.add"}}, "guarded.*": {"guard": {"@expr": "event->''data'' = ''1''"}, "actions": {"note": "guarded.*"}}}}}}');
SELECT workflow.start('wild') AS p \gset
SELECT is((SELECT string_agg(n, '; ' ORDER BY o) FROM unnest(ARRAY['order.line.add', 'order.line.drop', 'order.line', 'order.pay.now', 'order', 'orders', 'x', 'guarded.x']) WITH ORDINALITY e(e, o),
               LATERAL (SELECT CASE WHEN (workflow.send(:'p', e)).taken THEN notes() END) x(n)),
          'order.line.add; order.line.*; order.line.*; order.*; order.*; *; *; *', 'the exact name first, then the longest prefix, then *');
SELECT FROM workflow.send(:'p', 'guarded.x', '1');
SELECT is(notes(), 'guarded.*', 'a wildcard may have a guard');

-- ids and targets
SELECT FROM define('{
    "id": "targets", "initial": "a",
    "states": {"a": {"id": "start", "on": {"one": "#deep", "two": "b.c", "three": "#targets.b.d", "four": "#here.d"}},
               "b": {"id": "here", "initial": "c", "states": {"c": {"on": {"up": "#start"}}, "d": {"id": "deep"}}}}}');
SELECT is((SELECT string_agg(s.states[1], ' ' ORDER BY n) FROM unnest(ARRAY['one', 'two', 'three', 'four']) WITH ORDINALITY e(e, n), workflow.send(workflow.start('targets'), e) s),
          'b.d b.c b.d b.d', 'a target is a sibling, a path below one, an id, a path from the root or below an id');

\set end :srcdir '/end.psql'
\i :end
