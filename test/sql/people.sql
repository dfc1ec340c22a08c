\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What people may or have to do. Races are in specs/task-*.

CREATE PROCEDURE app.run() LANGUAGE plpgsql AS $$ BEGIN WHILE workflow.work(100) > 0 LOOP END LOOP; END $$;
CREATE FUNCTION app.wrong(task text, handlers text DEFAULT '{"go": {}}') RETURNS text LANGUAGE sql AS $$
    SELECT split_part((error(format('SELECT workflow.define(%L)', format('{"id": "f", "initial": "a", "states": {"a": {"on": %s, "task": %s}}}', handlers, task))))[3], ' (', 1) $$;
CREATE FUNCTION app.box_of(actor text, groups text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(COALESCE(i.title, i.state), ', ' ORDER BY i.n) FROM workflow.inbox(actor, groups => groups) WITH ORDINALITY i(task, process, definition, key, state, title, event, priority, due, claimed_by, data, events, n) $$;
CREATE FUNCTION app.task(process uuid) RETURNS uuid LANGUAGE sql AS
    $$ SELECT t.task FROM workflow.tasks t WHERE t.process = task.process $$;
CREATE FUNCTION app.story(process uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', a.act, a.actor, 'by ' || a.name, 'to ' || a.other, a.event, '"' || a.note || '"'), ', ' ORDER BY a.at, a.name)
    FROM workflow.approvals a WHERE a.process = story.process AND a.act IS NOT NULL $$;
CREATE FUNCTION app.vote(process uuid, event text, actor text, groups text[] DEFAULT NULL, note text DEFAULT NULL) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN v.taken THEN v.states::text WHEN v.counted THEN 'counted' ELSE 'ignored' END
       FROM workflow.complete_task(task(process), event, note => note, actor => actor, groups => groups) v $$;

-- what define() says
SELECT is(wrong(t.task), t.fault, t.task) FROM (VALUES
    ('5', '$.states.a.task: must be of type object, not number'),
    ('{}', '$.states.a.task: the task has no "for"'),
    ('{"for": []}', '$.states.a.task.for: the list of names is empty'),
    ('{"for": ""}', '$.states.a.task.for: the name is empty'),
    ('{"for": ["x", 5]}', '$.states.a.task.for[1]: must be of type string, not number'),
    ('{"for": {"x": 1}}', '$.states.a.task.for: must be of type array, not object'),
    ('{"for": {"@expr": "1 +"}}', '$.states.a.task.for: syntax error at end of input'),
    ('{"for": "x", "need": 0}', '$.states.a.task.need: must be "one", "all" or an integer from 1 to 16384'),
    ('{"for": "x", "need": "two"}', '$.states.a.task.need: must be "one", "all" or an integer from 1 to 16384'),
    ('{"for": "x", "any": "no"}', '$.states.a.task.any: the task has no event "no"'),
    ('{"for": "x", "comment": ["no"]}', '$.states.a.task.comment: the task has no event "no"'),
    ('{"for": "x", "events": ["done.state.a"]}', '$.states.a.task.events: nobody can send the event "done.state.a"'),
    ('{"for": "x", "priority": 3}', '$.states.a.task.priority: must be an integer between -2 and 2'),
    ('{"for": "x", "title": 3}', '$.states.a.task.title: must be of type string, not number'),
    ('{"for": "x", "due": "soon"}', '$.states.a.task.due: "soon" is not a delay'),
    ('{"for": "x", "onDue": {}}', '$.states.a.task.onDue: the task has no "due"'),
    ('{"for": "x", "onRemind": {}}', '$.states.a.task.onRemind: the task has no "remind"'),
    ('{"for": "x", "due": "1 h", "onDue": {"allow": "x"}}', '$.states.a.task.onDue.allow: an event that nobody sends cannot have "allow"'),
    ('{"for": "x", "who": 1}', '$.states.a.task.who: unknown key "who"')) t(task, fault);
SELECT is(wrong('{"for": "x"}', '{"a.*": {}}'), '$.states.a.task: no event ends the task', 'an event has a full name');
SELECT is((error($$SELECT workflow.define('{"id": "f", "initial": "a", "states": {"a": {"type": "final", "task": {"for": "x"}}}}')$$))[3],
    '$.states.a.task: state of type "final" cannot have "task"', 'nor has an end one');

-- one of those who may
SELECT FROM workflow.define('{
    "id": "leave", "initial": "asked", "context": {"days": 3, "for": ["boss", "clerks"]},
    "states": {
        "asked": {
            "task": {"for": {"@expr": "context->''for''"}, "title": {"@expr": "''Leave '' || (context->>''days'')"},
                "priority": {"@expr": "CASE WHEN (context->>''days'')::int > 10 THEN 1 ELSE 0 END"},
                "data": {"days": {"@expr": "context->''days''"}}, "due": "2 days", "onDue": "late", "remind": ["1 day", "36 hours"],
                "onRemind": {"actions": {"type": "note", "params": "remind"}}, "comment": "refuse"},
            "on": {"grant": {"target": "granted", "actions": {"type": "assign", "context": {"votes": {"@expr": "event->''votes''"}, "given": {"@expr": "event->''data''"}}}},
                "refuse": "refused", "if": {"target": "refused", "guard": {"@expr": "false"}}, "again": {"target": "asked", "reenter": true}}},
        "late": {"task": {"for": "chief"}, "on": {"grant": "granted"}},
        "granted": {"type": "final"}, "refused": {"type": "final"}
    }}') \g /dev/null
SELECT is((SELECT (d.chart #> '{states,asked,task}')::jsonb #- '{onDue}' #- '{onRemind}' FROM workflow.definitions d WHERE d.name = 'leave'),
    '{"for": {"@expr": "context->''for''"}, "need": 1, "title": {"@expr": "''Leave '' || (context->>''days'')"}, "priority": {"@expr": "CASE WHEN (context->>''days'')::int > 10 THEN 1 ELSE 0 END"},
      "data": {"days": {"@expr": "context->''days''"}}, "due": "2 days", "remind": ["1 day", "36 hours"], "comment": ["refuse"]}', 'the canonical form');
SELECT workflow.start('leave', key => 'a') AS a \gset
SELECT workflow.start('leave', '{"days": 12}', 'b') AS b \gset
SELECT workflow.start('leave', '{"for": "boss"}', 'c') AS c \gset
SELECT is(box_of('boss'), 'Leave 12, Leave 3, Leave 3', 'what a person is asked to do, the most urgent first');
SELECT is(box_of('cleo', '{clerks,others}'), 'Leave 12, Leave 3', 'also as one of a group');
SELECT is(box_of('cleo'), NULL, 'nobody else');
SELECT is((SELECT jsonb_agg(to_jsonb(i) - 'task' - 'process' - 'due') FROM workflow.inbox('boss', n => 1) i),
    '[{"definition": "leave", "key": "b", "state": "asked", "title": "Leave 12", "event": "grant", "priority": 1, "claimed_by": null, "data": {"days": 12}, "events": ["grant", "refuse", "if", "again"]}]', 'what a row says');
SELECT is((SELECT string_agg(i.key, ', ') FROM workflow.inbox('boss', task(:'b'), 1) i), 'a', 'page by page');
SELECT is((SELECT i.due FROM workflow.inbox('boss', n => 1) i), '2030-01-03 00:00+00', 'until when');
SELECT is((SELECT array_agg(c) FROM workflow.candidates(:'a', 'grant') c), '{boss,clerks}', 'whom an event is asked of');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''grant'', actor => ''cleo'')', task(:'a'))))[1:2], ARRAY['WF002', format('task %s is not for "cleo"', task(:'a'))], 'who is not asked');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''go'', actor => ''boss'')', task(:'a'))))[1:3], ARRAY['22023', 'the task has no event "go"', 'It has "grant", "refuse", "if", "again".'], 'what is not asked');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''refuse'', actor => ''boss'')', task(:'a'))))[2], '"refuse" needs a note', 'without saying why');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''refuse'', note => '' '', actor => ''boss'')', task(:'a'))))[2], '"refuse" needs a note', 'a blank is no note');
SELECT is(vote(:'a', 'if', 'boss'), 'ignored', 'an event that is not taken');
SELECT is(story(:'a') || box_of('boss'), NULL, 'leaves the task as it was');
SELECT is(box_of('boss'), 'Leave 12, Leave 3, Leave 3', 'with all whom it is for');
SELECT is((SELECT (v.taken, v.status, v.states, v.context -> 'given', v.deferred, v.counted)::text FROM workflow.complete_task(task(:'a'), 'grant', '{"x": 1}', 'fine', 'cleo', '{clerks}') v), '(t,finalized,{granted},"{""x"": 1}",f,t)', 'the event comes with the vote');
SELECT is(context(:'a') - 'days' - 'for', '{"given": {"x": 1}, "votes": [{"at": "2030-01-01T00:00:00+00:00", "actor": "cleo", "name": "clerks", "event": "grant", "note": "fine", "data": {"x": 1}}]}', 'with what was given and who gave it');
SELECT is(story(:'a'), 'vote cleo by clerks grant "fine"', 'and is remembered');
SELECT is((SELECT (a.closed_by, a.closed_event)::text FROM workflow.approvals a WHERE a.process = :'a'), '(cleo,grant)', 'with what closed it');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''grant'', actor => ''boss'')', (SELECT a.task FROM workflow.approvals a WHERE a.process = :'a'))))[1], 'WF010', 'it is closed');
SELECT is(box_of('boss'), 'Leave 12, Leave 3', 'and in no inbox');
SELECT is((SELECT string_agg(a.name, ', ' ORDER BY a.name) FROM workflow.approvals a WHERE a.process = :'b' AND a.act IS NULL), 'boss, clerks', 'open ones are among the approvals');
SELECT task(:'c') AS before \gset
SELECT FROM workflow.send(:'c', 'again', actor => 'fred');
SELECT isnt(task(:'c'), :'before', 'a state that is entered anew has another task');

-- who has it
SELECT is(workflow.claim_task(task(:'b'), 'cleo', '{clerks}'), true, 'a task is claimed');
SELECT is(workflow.claim_task(task(:'b'), 'cleo', '{clerks}'), true, 'twice');
SELECT is(workflow.claim_task(task(:'b'), 'boss'), false, 'by one');
SELECT is(box_of('boss') || '; ' || box_of('cleo'), 'Leave 3; Leave 12', 'and is in the inbox of that one only');
SELECT is((SELECT i.claimed_by FROM workflow.inbox('cleo') i), 'cleo', 'who has it');
SELECT is((SELECT array_agg(c) FROM workflow.candidates(:'b', 'grant') c), '{cleo}', 'who is the only candidate');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''grant'', actor => ''boss'')', task(:'b'))))[2], format('task %s is claimed by "cleo"', task(:'b')), 'others cannot do it');
SELECT is(workflow.release_task(task(:'b'), 'cleo'), true, 'it is given back');
SELECT is(workflow.release_task(task(:'b'), 'cleo'), false, 'once');
SELECT is(box_of('cleo', '{clerks}'), 'Leave 12', 'to all of them');
SELECT FROM workflow.assign(task(:'b'), 'dora', 'boss', 'you know him');
SELECT is(box_of('dora') || COALESCE(box_of('cleo', '{clerks}'), ''), 'Leave 12', 'it is given to somebody else');
SELECT FROM workflow.comment(task(:'b'), 'not me', 'dora');
SELECT FROM workflow.delegate(task(:'b'), 'emil', 'please', 'dora');
SELECT is(vote(:'b', 'refuse', 'emil', note => 'no'), '{refused}', 'and by that one to another');
SELECT is(story(:'b'), 'claim cleo by clerks, release cleo to cleo, assign boss to dora "you know him", comment dora "not me", delegate dora to emil "please", vote emil refuse "no"', 'all of which is remembered');
SELECT is(workflow.claim_task((SELECT DISTINCT a.task FROM workflow.approvals a WHERE a.process = :'b'), 'boss'), false, 'what is closed cannot be claimed');
SELECT is((error('SELECT workflow.claim_task(gen_random_uuid())'))[1], 'WF010', 'nor what is not there');
SELECT is((SELECT jsonb_agg(to_jsonb(o) - 'process') FROM workflow.outbox('emil') o),
    '[{"definition": "leave", "key": "b", "count": 1, "first": "2030-01-01T00:00:00+00:00", "last": "2030-01-01T00:00:00+00:00", "event": "refuse"}]', 'what somebody has done');
SELECT is((SELECT count(*) FROM workflow.outbox('dora') o), 0::bigint, 'which is votes');

-- time
CALL clock('2030-01-02 01:00+00');
CALL run();
SELECT is(notes(), 'remind', 'a reminder');
CALL clock('2030-01-02 13:00+00');
CALL run();
SELECT is(notes(), 'remind', 'another one');
SELECT FROM workflow.set_timer(:'c', 'task.due', '2030-01-05');
SELECT is((SELECT i.due FROM workflow.inbox('boss') i), '2030-01-05', 'which the inbox knows');
CALL clock('2030-01-04');
CALL run();
SELECT is(states(:'c'), 'asked', 'not yet');
CALL clock('2030-01-05');
CALL run();
SELECT is(states(:'c') || box_of('chief'), 'latelate', 'when it is due, somebody else is asked');
SELECT is(box_of('boss'), NULL, 'instead');

-- several votes
SELECT FROM workflow.define('{
    "id": "offer", "initial": "open", "context": {"for": ["a", "b", "c"]},
    "states": {
        "open": {"task": {"for": {"@expr": "context->''for''"}, "need": "all"}, "on": {"yes": "won", "no": "lost"}},
        "two": {"task": {"for": {"@expr": "context->''for''"}, "need": 2, "onUndecided": "tie"}, "on": {"red": "won", "blue": "lost", "green": "lost"}},
        "veto": {"task": {"for": {"@expr": "context->''for''"}, "need": 2, "any": "no"}, "on": {"yes": "won", "no": "lost"}},
        "won": {}, "lost": {}, "tie": {}
    }}') \g /dev/null
CREATE FUNCTION app.poll(state text, "for" text, VARIADIC votes text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    process uuid := workflow.start('offer', jsonb_build_object('for', poll.for::jsonb));
    result  text;
    vote    text;
BEGIN
    PERFORM workflow.set_states(process, ARRAY[state]);
    FOREACH vote IN ARRAY votes LOOP
        result := concat_ws(', ', result, vote(process, split_part(vote, ' ', 2), split_part(vote, ' ', 1), string_to_array(NULLIF(split_part(vote, ' ', 3), ''), '/')));
    END LOOP;
    RETURN result;
END $$;
SELECT is(poll(t.state, t.for, VARIADIC t.votes), t.result, concat_ws(' ', t.state, t.for, t.votes)) FROM (VALUES
    ('open', '["a", "b", "c"]', '{a yes,c yes,b yes}'::text[], 'counted, counted, {won}'),
    ('open', '["a", "b", "c"]', '{a yes,c no}', 'counted, {lost}'),
    ('open', '["a", "b", "c"]', '{a no}', '{lost}'),
    ('open', '"a"', '{a yes}', '{won}'),
    ('open', '["a", "g"]', '{x yes g,a yes g}', 'counted, {won}'),
    ('open', '["f", "g"]', '{x yes f/g,y yes g}', 'counted, {won}'),
    ('two', '["a", "b", "c"]', '{a red,b blue,c red}', 'counted, counted, {won}'),
    ('two', '["a", "b", "c"]', '{a red,b blue,c green}', 'counted, counted, {tie}'),
    ('two', '["a", "b", "c"]', '{a green,b green}', 'counted, {lost}'),
    ('two', '["g"]', '{x red g,y blue g,z green g,u blue g}', 'counted, counted, counted, {lost}'),
    ('veto', '["a", "b", "c"]', '{a yes,b no}', 'counted, {lost}'),
    ('veto', '["a", "b", "c"]', '{a yes,b yes}', 'counted, {won}')) t(state, "for", votes, result);
SELECT workflow.start('offer', '{"for": ["a", "b", "g"]}') AS p \gset
SELECT is(vote(:'p', 'yes', 'a'), 'counted', 'one of three');
SELECT is((error(format('SELECT vote(%L, ''no'', ''a'')', :'p')))[1:2], ARRAY['WF002', format('"a" has voted on task %s', task(:'p'))], 'who votes once');
SELECT is(box_of('a') || '-' || COALESCE(box_of('b'), ''), NULL, 'is not asked again');
SELECT is(vote(:'p', 'yes', 'x', '{g}'), 'counted', 'a group');
SELECT is((error(format('SELECT vote(%L, ''no'', ''y'', ''{g}'')', :'p')))[2], format('somebody else has voted on task %s for the groups of "y"', task(:'p')), 'has one vote');
SELECT is((error(format('SELECT workflow.claim_task(%L, ''b'')', task(:'p'))))[1:3], ARRAY['55000', format('task %s cannot be claimed', task(:'p')), 'It needs several votes.'], 'it belongs to nobody');
SELECT is((error(format('SELECT workflow.assign(%L, ''z'', ''b'')', task(:'p'))))[1:2], ARRAY['22023', format('task %s needs several votes', task(:'p'))], 'a part is assigned');
SELECT is((error(format('SELECT workflow.assign(%L, ''z'', ''b'', instead_of => ''q'')', task(:'p'))))[2], format('task %s is not for "q"', task(:'p')), 'that there is');
SELECT is((error(format('SELECT workflow.assign(%L, ''z'', ''b'', instead_of => ''a'')', task(:'p'))))[1:2], ARRAY['55000', format('"a" has voted on task %s', task(:'p'))], 'and is open');
SELECT is((error(format('SELECT workflow.assign(%L, ''a'', ''b'', instead_of => ''b'')', task(:'p'))))[2], format('task %s is for "a" already', task(:'p')), 'nobody gets two');
SELECT FROM workflow.delegate(task(:'p'), 'z', 'on holiday', 'b');
SELECT is((SELECT t.names::text || t.votes FROM workflow.tasks t WHERE t.process = :'p'), '{a,z,g}2', 'one votes for another');
SELECT is((error(format('SELECT vote(%L, ''no'', ''b'')', :'p')))[1], 'WF002', 'who does not any more');
SELECT is(vote(:'p', 'yes', 'z'), '{won}', 'all have agreed');
SELECT is((SELECT string_agg(a.name || ' ' || COALESCE(a.note, ''), ', ' ORDER BY a.at, a.name) FROM workflow.approvals a WHERE a.process = :'p'), 'a , b on holiday, g , z ', 'who has done what');

-- what cannot be made
SELECT is((error($$SELECT workflow.start('leave', '{"for": []}')$$))[1:2], ARRAY['22023', 'the task at $.states.asked.task is for nobody'], 'a task is for somebody');
SELECT is((error($$SELECT workflow.start('leave', '{"for": null}')$$))[2], 'whom the task at $.states.asked.task is for is not a name or a list of names', 'who has a name');
SELECT is((error($$SELECT workflow.start('leave', '{"for": ["a", ["b"]]}')$$))[2], 'whom the task at $.states.asked.task is for is not a name or a list of names', 'a plain one');
SELECT is((error($$SELECT workflow.start('leave', '{"for": {"a": "b"}}')$$))[2], 'whom the task at $.states.asked.task is for is not a name or a list of names', 'not two');
SELECT is((error($$SELECT workflow.start('leave', jsonb_build_object('for', (SELECT jsonb_agg(n::text) FROM generate_series(1, 16385) n)))$$))[1:3],
    ARRAY['22023', 'the task at $.states.asked.task is for too many names', 'It may be for 16384.'], 'nor a whole people');

-- rights
SELECT is(error($$SELECT workflow.inbox(n => 0)$$), ARRAY['22023', 'argument "n" must be between 1 and 1000'], 'a page has a size');
SELECT workflow.grant_on('leave', 'regress_clerk', 'send'), workflow.grant_on('leave', 'regress_clerk', 'start') \g /dev/null
SELECT workflow.start('leave', '{"for": ["regress_clerk", "boss"]}', 'd') AS d \gset
SELECT task(:'d') AS d_task \gset
SELECT is((SELECT array_agg(c) FROM workflow.candidates(:'d', 'grant') c), '{boss,regress_clerk}', 'names are names');
SELECT is((SELECT string_agg(c, ', ') FROM workflow.start('offer') p, LATERAL workflow.candidates(p, 'nothing') c), NULL, 'what nothing takes nobody may cause');
SELECT workflow.define('{"id": "both", "initial": "a", "states": {"a": {"task": {"for": ["regress_clerk", "boss"], "need": "all"}, "on": {"yes": "b", "no": "b"}}, "b": {}}}') \g /dev/null
SELECT workflow.grant_on('both', 'regress_clerk', 'send') \g /dev/null
SELECT workflow.start('both') AS both \gset
SELECT task(:'both') AS both_task \gset
SET ROLE regress_clerk;
SELECT is((SELECT string_agg(key, ', ') FROM workflow.inbox() WHERE definition = 'leave'), 'd', 'a role has an inbox');
SELECT is((SELECT count(*) FROM workflow.inbox('boss')), 0::bigint, 'and does not see that of others');
SELECT is((SELECT count(*) FROM workflow.inbox(groups => '{boss}')), 0::bigint, 'nor may it say what groups it has');
SELECT is((error(format('SELECT workflow.claim_task(%L, ''boss'')', :'d_task')))[1:2], ARRAY['WF002', 'role "regress_clerk" may not act for "boss"'], 'or be somebody else');
SELECT is((error(format('SELECT workflow.claim_task(%L, groups => ''{boss}'')', :'d_task')))[1:2], ARRAY['WF002', 'role "regress_clerk" may not say which groups somebody has'], 'or one of them');
SELECT is((error(format('SELECT workflow.assign(%L, ''friend'', instead_of => ''boss'')', :'both_task')))[1:2],
    ARRAY['WF002', '"regress_clerk" may not give away the vote of "boss"'], 'it does not give away the votes of others');
SELECT workflow.assign(:'both_task', 'friend', instead_of => 'regress_clerk') \g /dev/null
SELECT is(workflow.claim_task(:'d_task'), true, 'it does what is its own');
SET ROLE regress_stranger;
SELECT is((error(format('SELECT workflow.claim_task(%L)', :'d_task')))[1], 'WF002', 'a stranger does not');
SELECT is((SELECT count(*) FROM workflow.tasks), 0::bigint, 'or see any');
SET ROLE regress_app;

-- other ways of a process
SELECT is(workflow.release_task(:'d_task'), true, 'who may act for everybody gives a task back');
SELECT FROM workflow.cancel(:'d') \g /dev/null
SELECT is((SELECT DISTINCT (a.closed_at IS NOT NULL, a.closed_event)::text FROM workflow.approvals a WHERE a.process = :'d'), '(t,workflow.cancel)', 'cancel() closes a task');
SELECT workflow.start('leave', key => 'e') AS e \gset
SELECT FROM workflow.set_states(:'e', '{late}', false) \g /dev/null
SELECT is((SELECT string_agg(t.state, ', ') FROM workflow.tasks t WHERE t.process = :'e'), 'late', 'set_states() makes the tasks of the new states');
SELECT FROM workflow.define('{
    "id": "leave", "initial": "later", "states": {
        "later": {"task": {"for": "chief"}, "on": {"allow": "granted", "grant": "granted"}},
        "granted": {"type": "final"}}}') \g /dev/null
SELECT task(:'e') AS e_task \gset
SELECT is(workflow.claim_task(:'e_task', 'chief'), true, 'claimed before');
SELECT is((SELECT m.problems FROM workflow.migrate(:'e', mapping => '{"late": "later"}') m), NULL, 'a task goes to another version');
SELECT is((SELECT (t.task, t.state, t.claimed_by, t.events)::text FROM workflow.tasks t WHERE t.process = :'e'), format('(%s,later,chief,"{allow,grant}")', :'e_task'), 'with what was done');
SELECT FROM workflow.define('{"id": "leave", "initial": "later", "states": {"later": {"on": {"grant": "granted"}}, "granted": {"type": "final"}}}') \g /dev/null
SELECT is((SELECT m.problems #>> '{0,problem}' FROM workflow.migrate(:'e') m), 'task', 'if that has one');
SELECT is((SELECT count(*) FROM workflow.tasks t WHERE t.process = :'e'), 0::bigint, 'else it is closed');
SELECT FROM workflow.erase(:'e', true) \g /dev/null
SELECT is((SELECT count(*) FROM workflow.approvals a WHERE a.process = :'e'), 0::bigint, 'an erased process leaves nothing');

-- what lint() and the other views of a definition say
SELECT is((SELECT string_agg(l.rule || ' ' || l.path, ', ') FROM workflow.lint('{"id": "l", "initial": "a", "states": {
    "a": {"on": {"task.due.b": "b", "task.remind.b": "b"}}, "b": {"task": {"for": "x", "due": "1 h", "onDue": "a"}, "on": {"go": "a"}}}}'::json) l),
    'never_comes $.states.a.on["task.remind.b"]', 'lint() knows where the events of tasks come');
SELECT workflow.define('{"id": "all keys", "initial": "a", "delays": {"soon": "1 h"}, "on": {"task.remind.*": {"actions": {"type": "log"}}}, "states": {
    "a": {"task": {"onUndecided": "b", "for": ["x", {"@expr": "context->>''y''"}], "need": "all", "any": ["no"], "events": ["yes", "no"], "title": "T", "priority": -1, "data": [1, {"@expr": "2"}],
        "comment": true, "due": "soon", "onDue": [{"target": "b", "guard": {"@expr": "true"}}, {"actions": {"type": "log"}}], "remind": [1000, {"@expr": "interval ''1 s''"}]},
        "on": {"*": "b"}, "after": {"soon": "b"}}, "b": {}}}') AS version \gset
SELECT is(workflow.define((SELECT d.chart FROM workflow.definitions d WHERE d.name = 'all keys')), :version, 'the canonical form is one of itself');
SELECT is((SELECT string_agg(l ->> 'construct', ', ') FROM jsonb_array_elements(workflow.export('all keys')::jsonb #> '{meta,workflow,losses}') l WHERE l ->> 'construct' = 'task'), 'task', 'XState has no tasks');
SELECT ok(workflow.diagram('all keys') ~ 'task for x, .* \(all\)', 'a diagram has them');

-- who may cause what no task asks for
SELECT FROM workflow.define('{"id": "plain", "initial": "a", "context": {"n": 1}, "states": {"a": {"on": {
    "go": {"target": "b", "allow": {"role": "regress_clerk"}}, "all": "b", "none": {"target": "b", "guard": {"@expr": "false"}},
    "data": {"target": "b", "guard": {"@expr": "event->''data'' ? ''x''"}}}}, "b": {}}}') \g /dev/null
SELECT workflow.grant_on('plain', 'regress_clerk', 'send') \g /dev/null
SELECT workflow.start('plain') AS q \gset
CREATE FUNCTION app.who(process uuid, event text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(c, ', ') FROM workflow.candidates(process, event) c WHERE c ~ '^regress' $$;
SELECT is(who(:'q', e), w, e) FROM (VALUES ('go', 'regress_clerk'), ('all', 'regress_app, regress_clerk'), ('none', NULL),
    ('data', 'regress_app, regress_clerk'), ('nothing', NULL)) t(e, w);

-- who has asked does not approve
CREATE FUNCTION app.asker(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql RETURN event->>'actor' = context->>'by';
SELECT FROM workflow.define('{"id": "four eyes", "initial": "a", "context": {"by": "ann"}, "states": {
    "a": {"task": {"for": "managers", "need": 2}, "on": {
        "approve": {"target": "b", "allow": {"deny": {"fn": "app.asker"}}, "guard": {"@expr": "jsonb_array_length(event->''votes'') = 2"}}, "refuse": "b"}},
    "b": {}}}') \g /dev/null
SELECT workflow.start('four eyes') AS f \gset
SELECT task(:'f') AS f_task \gset
SELECT is((error(format('SELECT workflow.complete_task(%L, ''approve'', actor => ''ann'', groups => ''{managers}'')', :'f_task')))[1:2],
    ARRAY['WF002', '"ann" is not allowed to send "approve" now'], 'a vote that does not decide yet takes what allow says');
SELECT is((SELECT counted FROM workflow.complete_task(:'f_task', 'approve', actor => 'bob', groups => '{managers}')), true, 'others vote');
SELECT is((error(format('SELECT workflow.complete_task(%L, ''approve'', actor => ''ann'', groups => ''{managers}'')', :'f_task')))[1], 'WF002', 'nor does one that decides pass');
SELECT is((SELECT taken FROM workflow.complete_task(:'f_task', 'approve', actor => 'cid', groups => '{managers}')), true, 'two others have decided');
SELECT workflow.start('four eyes') AS f \gset
SELECT task(:'f') AS f_task \gset
SELECT is((SELECT counted FROM workflow.complete_task(:'f_task', 'refuse', actor => 'ann', groups => '{managers}')), true, 'of another event everybody');

-- what is simulated
SELECT is((SELECT jsonb_agg(e) FROM workflow.simulate('offer', script => '[{"event": "yes"}]') s, jsonb_array_elements(s.effects) e WHERE e ->> 'effect' = 'asked'),
    '[{"effect": "asked", "state": "open", "names": ["a", "b", "c"], "title": null}]', 'a simulation tells who would be asked');
SELECT is((SELECT count(*) FROM workflow.tasks t WHERE t.made_at > '2030-01-05' AND t.definition = 'offer' AND t.names = '{nobody}'), 0::bigint, 'and asks nobody');
\set end :srcdir '/end.psql'
\i :end
