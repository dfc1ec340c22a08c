\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

CREATE FUNCTION app.paid(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION app.paid(context jsonb, event jsonb, params jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';

SELECT workflow.define('{"id": "order", "initial": {"target": "cart", "actions": {"type": "note", "params": "new"}},
 "states": {
  "cart": {
   "entry": {"type": "assign", "context": {"n": 0, "m": 1}},
   "exit": [{"type": "raise", "event": "left", "delay": "2 hours"}, {"type": "cancel", "id": "mail"}],
   "on": {
    "add": {"actions": {"type": "log", "label": "more"}},
    "pay": [{"guard": {"type": "and", "guards": ["paid", {"type": "not", "guard": {"@expr": "context ?   ''debt''"}}]}, "target": "work"},
            {"guard": {"type": "or", "guards": [{"type": "paid", "params": {"by": "card"}}, {"type": "stateIn", "stateId": "work"}]}, "target": "cart", "reenter": true}]},
   "after": {"3 days": {"target": "gone", "keep": true}, "1000": {"actions": {"type": "send", "event": "later", "target": "x"}}}},
  "work": {"type": "parallel", "onDone": "gone", "on": {"back": ".pack.h"},
   "states": {
    "pack": {"initial": "a", "states": {"a": {"always": {"target": "b"}}, "b": {"type": "final"}, "h": {"history": "deep", "target": "b"}}},
    "bill": {"initial": "c", "states": {"c": {"on": {"billed": "d"}}, "d": {"type": "final"}}}}},
  "gone": {"type": "final"}}}') \g /dev/null

SELECT is(workflow.diagram('order'), $$stateDiagram-v2
    [*] --> s1 : / note(#34;new#34;)
    state "cart" as s1
    s1 : entry / assign n, m
    s1 : exit / raise left after 2 hours, cancel mail
    s1 : add / log more
    s1 : after 1000 ms / send later to x
    state "work" as s2 {
        state "pack" as s3 {
            [*] --> s4
            state "a" as s4
            state "b" as s5
            state "h #40;H#42;#41;" as s6
            s5 --> [*]
        }
        --
        state "bill" as s7 {
            [*] --> s8
            state "c" as s8
            state "d" as s9
            s9 --> [*]
        }
    }
    state "gone" as s10
    s10 --> [*]
    s6 --> s5
    s1 --> s2 : pay [paid and not context #63; 'debt']
    s1 --> s1 : pay [paid(#123;#34;by#34;#58;#34;card#34;#125;) or in work] (reenter)
    s1 --> s10 : after 3 days (kept)
    s2 --> s6 : back
    s2 --> s10 : done
    s4 --> s5 : always
    s8 --> s9 : billed
$$, 'Mermaid: states in states, regions, initial, final, history, and what is written at them');

SELECT is(workflow.diagram('order', format => 'dot'), $$digraph "order" {
    compound=true;
    newrank=true;
    node [shape=box, style=rounded];
    i0 [shape=point, width=0.15, label=""];
    s1 [label="cart\nentry / assign n, m\lexit / raise left after 2 hours, cancel mail\ladd / log more\lafter 1000 ms / send later to x\l"];
    subgraph cluster_2 {
        label="work";
        graph [style=rounded, color="black", penwidth=1];
        s2 [shape=point, style=invis, label=""];
        subgraph cluster_3 {
            label="pack";
            graph [style=dashed, color="black", penwidth=1];
            s3 [shape=point, style=invis, label=""];
            i3 [shape=point, width=0.15, label=""];
            s4 [label="a"];
            s5 [label="b", peripheries=2];
            s6 [label="h (H*)", shape=ellipse];
        }
        subgraph cluster_7 {
            label="bill";
            graph [style=dashed, color="black", penwidth=1];
            s7 [shape=point, style=invis, label=""];
            i7 [shape=point, width=0.15, label=""];
            s8 [label="c"];
            s9 [label="d", peripheries=2];
        }
    }
    s10 [label="gone", peripheries=2];
    i0 -> s1 [label="/ note(\"new\")"];
    i3 -> s4 [label=""];
    s6 -> s5 [label=""];
    i7 -> s8 [label=""];
    s1 -> s2 [label="pay [paid and not context ? 'debt']", lhead=cluster_2];
    s1 -> s1 [label="pay [paid({\"by\":\"card\"}) or in work] (reenter)"];
    s1 -> s10 [label="after 3 days (kept)"];
    s2 -> s6 [label="back"];
    s2 -> s10 [label="done", ltail=cluster_2];
    s4 -> s5 [label="always"];
    s8 -> s9 [label="billed"];
}
$$, 'Graphviz: the same');

-- a process
SELECT workflow.start('order') AS process \gset
SELECT is((SELECT array_agg(l) FROM regexp_split_to_table(workflow.diagram(:'process'::uuid), E'\n') l WHERE l ~ '^ *class'),
    ARRAY['    classDef active fill:#ffe082,stroke:#e65100,color:#000', '    class s1 active'],
    'the active state of a process is marked');
SELECT taken FROM workflow.send(:'process', 'pay') \g /dev/null
SELECT is((SELECT array_agg(l) FROM regexp_split_to_table(workflow.diagram(:'process'::uuid), E'\n') l WHERE l ~ '^ *class s'),
    ARRAY['    class s2 around', '    class s3 around', '    class s5 active', '    class s7 around', '    class s8 active'],
    'so are all regions, and what the active states lie in');
SELECT is((SELECT array_agg(l) FROM regexp_split_to_table(workflow.diagram(:'process'::uuid, 'dot'), E'\n') l WHERE l ~ 'e65100'),
    ARRAY['        graph [style=rounded, color="#e65100", penwidth=2];',
          '            graph [style=dashed, color="#e65100", penwidth=2];',
          '            s5 [label="b", peripheries=2, style="filled,rounded", fillcolor="#ffe082", color="#e65100"];',
          '            graph [style=dashed, color="#e65100", penwidth=2];',
          '            s8 [label="c", style="filled,rounded", fillcolor="#ffe082", color="#e65100"];'],
    'and in the other format');
SELECT workflow.define('{"id": "order", "initial": "only", "states": {"only": {}}}') AS version \g /dev/null
SELECT matches(workflow.diagram('order'), '"only" as s1', 'the newest version is drawn');
SELECT matches(workflow.diagram('order', 1), '"cart" as s1', 'or the one that is asked for');
SELECT matches(workflow.diagram(:'process'::uuid), '"cart" as s1', 'or that of the process');
SELECT workflow.cancel(:'process') \g /dev/null
SELECT doesnt_match(workflow.diagram(:'process'::uuid), 'active', 'when it is over nothing is marked');

-- the root
SELECT workflow.define('{"id": "lamp", "initial": "off", "on": {"smash": null, "reset": ".off"}, "states": {"off": {"on": {"flip": "on"}}, "on": {"on": {"flip": "off"}}}}') \g /dev/null
SELECT is(workflow.diagram('lamp'), $$stateDiagram-v2
    [*] --> s0
    state "lamp" as s0 {
        [*] --> s1
        state "off" as s1
        state "on" as s2
    }
    note right of s0
        smash
    end note
    s0 --> s1 : reset
    s1 --> s2 : flip
    s2 --> s1 : flip
$$, 'a root that reacts itself is drawn, with a note');
SELECT workflow.define('{"id": "still"}') \g /dev/null
SELECT is(workflow.diagram('still'), E'stateDiagram-v2\n    [*] --> s0\n    state "still" as s0\n', 'so is one without states');

-- hostile names
SELECT chr(64258) || $$"}]);%%{init: {}}%% \" --> [*] : x & <b>end note</b> direction LR #quot; :::a %$$ || E'\n\t\\' AS bad \gset
SELECT workflow.define(json_build_object('id', :'bad', 'initial', 'a', 'on', json_build_object(:'bad' || 'r', NULL), 'states', json_build_object(
    'a', json_build_object('entry', json_build_object('type', 'note', 'params', :'bad'),
        'on', json_build_object(:'bad', json_build_object('target', 'b' || replace(:'bad', '.', ''), 'guard', json_build_object('@expr', '1 = 1 /*' || :'bad' || '*/')))),
    'b' || :'bad', json_build_object('after', json_build_object('1 day', 'a'))))) \g /dev/null
SELECT workflow.start(:'bad') AS process \gset
SELECT is((SELECT array_agg(l) FROM regexp_split_to_table(workflow.diagram(:'process'::uuid), E'\n') l WHERE l !~ ('^ *(|stateDiagram-v2|}|note right of s\d+|end note|classDef (active|around) [^ ]+|class s\d+ (active|around)'
    '|state "([^]["{}:;#%<>&\\*|~`$@^!?()]|#\d+;)*" as s\d+( {)?|(s\d+|\[\*\]) --> (s\d+|\[\*\])( : ([^"{}:;#%<>&\\*]|#\d+;)*)?|s\d+ : ([^"{}:;#%<>&\\*]|#\d+;)*|([^"{}:;#%<>&\\*]|#\d+;)*)$')), NULL,
    'Mermaid: whatever a name holds, each line is of one of the forms that we write');
SELECT is((SELECT count(*)::int FROM regexp_matches(workflow.diagram(:'process'::uuid), 'end note', 'g')), 1,
    'no name ends a note');
SELECT doesnt_match(workflow.diagram(:'process'::uuid), 'direction', 'or turns the picture');
SELECT is((SELECT array_agg(l) FROM regexp_split_to_table(workflow.diagram(:'process'::uuid, 'dot'), E'\n') l WHERE l !~ ('^ *(|}|digraph S {|subgraph cluster_\d+ {|label=S;|(compound|newrank)=true;'
    '|(node|graph|[si]\d+|[si]\d+ -> s\d+) \[\w+=(\w|[.]|S)+(, \w+=(\w|[.]|S)+)*\];)$')
    AND regexp_replace(l, '"([^"\\]|\\.)*"', 'S', 'g') !~ ('^ *(|}|digraph S {|subgraph cluster_\d+ {|label=S;|(compound|newrank)=true;'
    '|(node|graph|[si]\d+|[si]\d+ -> s\d+) \[\w+=(\w|[.])+(, \w+=(\w|[.])+)*\];)$')), NULL,
    'Graphviz: the same');
SELECT doesnt_match(workflow.diagram(:'process'::uuid, 'dot'), '&(?!amp;)', 'and no entity but ours');
SELECT workflow.define(json_build_object('id', 'long', 'initial', 'a', 'states', json_build_object('a',
    json_build_object('on', json_build_object('go', json_build_object('guard', json_build_object('@expr', '''' || repeat('ä', 200) || ''' = '''''), 'actions', '[]'::json)))))) \g /dev/null
SELECT is((regexp_match(workflow.diagram('long'), 's1 : (.*)\n'))[1], 'go [''' || repeat('ä', 200) || '...]',
    'long expressions are cut, between two characters');

-- refusals
SELECT is(error($$ SELECT workflow.diagram('order', format => 'svg') $$),
    ARRAY['22023', 'unknown format "svg" of a diagram', 'HINT: Formats are mermaid and dot.'], 'there are two formats');
SELECT is((error($$ SELECT workflow.diagram('nothing') $$))[1], 'WF006', 'there must be a definition');
SELECT is((error($$ SELECT workflow.diagram('order', 9) $$))[1], 'WF006', 'and the version');
SELECT is((error($$ SELECT workflow.diagram('00000000-0000-0000-0000-000000000000'::uuid) $$))[1], 'WF001', 'or a process');
SELECT is((error($$ SELECT workflow.diagram(NULL::text) $$))[1], '22004', 'null is none');

-- rights
SELECT workflow.start('lamp') AS process \gset
SET ROLE regress_clerk;
SELECT is((error($$ SELECT workflow.diagram('order') $$))[1], 'WF002', 'a definition is drawn for those who may read it');
SELECT is((error('SELECT workflow.diagram(%L::uuid)', :'process'))[1], 'WF002', 'a process, too');
SET ROLE regress_app;
SELECT workflow.grant_on('order', 'regress_clerk', 'read') \g /dev/null
SELECT workflow.define('{"id": "secret", "initial": "a", "states": {"a": {"entry": {"type": "note", "params": "hidden"},
    "on": {"go": {"guard": {"@expr": "''hidden'' <> ''''"}, "target": "b", "actions": {"type": "note", "params": "hidden"}}}}, "b": {}}}') \g /dev/null
SELECT workflow.grant_on('secret', 'regress_clerk', 'start') \g /dev/null
SET ROLE regress_clerk;
SELECT matches(workflow.diagram('order'), '"only" as s1', 'who was granted read may');
SELECT workflow.start('secret') AS process \gset
SELECT is(workflow.diagram(:'process'::uuid), $$stateDiagram-v2
    [*] --> s1
    state "a" as s1
    state "b" as s2
    s1 --> s2 : go
    classDef active fill:#ffe082,stroke:#e65100,color:#000
    class s1 active
$$, 'who started a process sees states and events, but not what the definition computes');

-- names of white space, descriptions, where a process stands
SET ROLE regress_app;
SELECT workflow.define('{"id": "blank", "initial": " ", "states": {" ": {"on": {"\t": "\u0001", "go": {"target": "in", "description": "to\n the inner one", "guard": {"@expr": "true"}}}},
    "\u0001": {"description": "does\n nothing", "entry": {"type": "log", "value": 1}},
    "in": {"initial": "a", "description": "  ", "states": {"a": {}, "\r": {"type": "history"}}}}}') \g /dev/null
SELECT is(workflow.diagram('blank'), $$stateDiagram-v2
    [*] --> s1
    state "s1" as s1
    state "s2" as s2
    s2 : does nothing
    s2 : entry / log 1
    state "in" as s3 {
        [*] --> s4
        state "a" as s4
        state "s5 #40;H#41;" as s5
    }
    s1 --> s2 : #63;
    s1 --> s3 : go - to the inner one
$$, 'names of white space, and what the author says of states and transitions');
SELECT is((regexp_match(workflow.diagram('blank', format => 'dot'), 's5 \[[^\n]*'))[1], 's5 [label="s5 (H)", shape=ellipse];', 'in Graphviz, too');
SELECT workflow.start('blank') AS process \gset
SELECT FROM workflow.send(:'process', 'go');
SELECT is(regexp_replace(workflow.diagram(:'process'::uuid), '.*\n    s1 --> s3[^\n]*\n', ''), $$    classDef around fill:#fffdf5,stroke:#e65100,color:#000
    class s3 around
    classDef active fill:#ffe082,stroke:#e65100,color:#000
    class s4 active
$$, 'the state in which a process is stands out from those around it');

-- one that is longer than Mermaid draws
SELECT workflow.define(format('{"id": "long", "initial": "s1", "states": {%s, "s601": {}}}', string_agg(format('"s%s": {"on": {"event %s": {"target": "s%s", "guard": {"@expr": "%s"}}}}', n, n, n + 1, repeat('true AND ', 30) || 'true'), ', '))::json) FROM generate_series(1, 600) n \g /dev/null
SELECT ok(length(d) <= 50000 AND d ~ E'^stateDiagram-v2\n    %% Shortened: in full this diagram has [0-9]+ characters, and Mermaid draws 50000, unless its setting maxTextSize is higher.\n' AND d ~ 's600 --> s601 : event 600', 'a long one is shortened and says so')
FROM workflow.diagram('long') d;

-- what happens on errors
SELECT workflow.define('{"id": "dunning", "initial": "a", "on_error": {"retry": {"errors": ["40", "55P03"], "maxAttempts": 5}, "then": {"target": "lost"}},
    "states": {"a": {"on_error": {"retry": {"errors": "*", "maxAttempts": 2}, "then": "terminate"}, "after": {"1 day": "b"}},
        "b": {"on": {"go": {"target": "a", "on_error": {"then": {"event": "told"}}}}}, "lost": {"type": "final"}}}') \g /dev/null
SELECT is(workflow.diagram('dunning'), $$stateDiagram-v2
    [*] --> s0
    state "dunning" as s0 {
        [*] --> s1
        state "a" as s1
        s1 : on error #42; retry 2 times then terminate
        state "b" as s2
        state "lost" as s3
        s3 --> [*]
    }
    note right of s0
        on error 40 55P03 retry 5 times then given up
    end note
    s0 --> s3 : given up
    s1 --> s2 : after 1 day
    s2 --> s1 : go (on error 40 55P03 retry 5 times then told)
$$, 'on_error of the root, a state and a transition');

\set end :srcdir '/end.psql'
\i :end
