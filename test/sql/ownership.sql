\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Whose a definition is, and what becomes of it when its owner goes: handing
-- over, removing, grants of roles that are gone, and the history of all that.

RESET ROLE;
CREATE ROLE regress_team LOGIN IN ROLE workflow_user;
CREATE ROLE regress_boss LOGIN IN ROLE workflow_admin;
CREATE ROLE regress_sleeper IN ROLE workflow_user;
CREATE ROLE regress_nobody LOGIN;
GRANT regress_team TO regress_clerk;
SET ROLE regress_clerk;
SELECT FROM workflow.define('{"id": "contract", "initial": "open", "context": {}, "states": {
    "open": {"on": {"sign": {"actions": {"type": "assign", "context": {"who": {"@expr": "current_user::text"}}}}}, "after": {"2 days": {"target": "open", "reenter": true, "actions": {"type": "assign", "context": {"who": {"@expr": "current_user::text"}}}}}}}}');
SELECT FROM workflow.define('{"id": "other", "initial": "a", "states": {"a": {"after": {"2 days": "a"}}}}');
SELECT workflow.start('contract') AS p, workflow.start('other') AS q \gset
SELECT workflow.start('contract') AS asleep \gset
SELECT FROM workflow.suspend(:'asleep');
SELECT FROM workflow.grant_on('contract', 'regress_stranger', 'read', 'send');
SELECT FROM workflow.pause('contract');
SELECT workflow.start('other') AS gone \gset
SELECT FROM workflow.erase(:'gone', true);

-- who may
SELECT is((error('SELECT workflow.change_owner(''contract'', ''regress_app'')'))[1:2], ARRAY['WF002', 'must be able to SET ROLE "regress_app"'], 'nobody has code run as a role that is not theirs');
SET ROLE regress_boss;
SELECT is((app.error('SELECT workflow.change_owner(''contract'', ''regress_app'')'))[1], 'WF002', 'nor do administrators');
SET ROLE regress_stranger;
SELECT is((app.error('SELECT workflow.change_owner(''contract'', ''regress_stranger'')'))[1:2], ARRAY['WF002', 'must be owner of definition "contract"'], 'nor takes somebody what is not theirs');
SELECT is((app.error('SELECT workflow.drop_definition(''contract'')'))[1], 'WF002', 'or removes it');
RESET ROLE;
SELECT is((app.error('SELECT workflow.change_owner(''contract'', ''regress_sleeper'')'))[1:2], ARRAY['WF002', 'role "regress_sleeper" cannot own a definition: it may not log in'], 'the new owner may log in');
SELECT is((app.error('SELECT workflow.change_owner(''contract'', ''regress_nobody'')'))[1:2], ARRAY['WF002', 'role "regress_nobody" cannot own a definition: it is no member of workflow_user'], 'is a member of workflow_user');
SELECT is((app.error(format('SELECT workflow.change_owner(''contract'', %L)', current_user)))[1:2], ARRAY['WF002', 'a superuser cannot own a definition'], 'and no superuser');
SELECT is((app.error('SELECT workflow.change_owner(''nothing'', ''regress_team'')'))[1], 'WF006', 'a definition must be there');

-- handing over one of two
SET ROLE regress_clerk;
SELECT is(workflow.change_owner('contract', 'regress_team', note => 'she leaves'), true, 'an owner who is a member of the new one gives');
SELECT is(workflow.change_owner('contract', 'regress_team'), false, 'once');
SELECT is((SELECT string_agg(DISTINCT owner::text, ',') FROM workflow.definitions WHERE name = 'contract'), 'regress_team', 'it is that role''s');
SELECT is((SELECT owner::text FROM workflow.pauses), 'regress_team', 'with its pause');
SELECT is((SELECT owner::text FROM workflow.erasures), 'regress_clerk', 'an erased process of another definition is not');
RESET ROLE;
SELECT is((SELECT string_agg(format('%s %s %s', d.name, o.name, t.parked), ', ' ORDER BY d.name, t.parked) FROM workflow.timer t JOIN workflow.owner o ON o.id = t.owner
           JOIN workflow.process p ON p.id = t.process JOIN workflow.definition d ON d.id = p.definition),
    'contract regress_team f, contract regress_clerk t, other regress_clerk f', 'timers follow but for those that are parked');
SET ROLE regress_team;
SELECT FROM workflow.unpause('contract');
SELECT is((workflow.send(:'p', 'sign')).context, '{"who": "regress_team"}', 'its code runs as the new owner');
SELECT FROM workflow.resume(:'asleep');
CALL app.clock('2030-01-03 00:00+00');
SET ROLE regress_clerk;
SELECT is(workflow.work(10), 1, 'the old owner has its other timer');
SET ROLE regress_team;
SELECT is(workflow.work(10), 2, 'and the new one those that followed, the one that was parked, too');
SELECT is(app.context(:'asleep'), '{"who": "regress_team"}', 'as the new owner');
SET ROLE regress_stranger;
SELECT is((workflow.send(:'p', 'sign')).taken, true, 'grants stay');

-- an executor of the old owner comes upon a timer that has not followed
RESET ROLE;
UPDATE workflow.timer t SET owner = (SELECT id FROM workflow.owner WHERE name = 'regress_clerk') WHERE process = :'p';
CALL app.clock('2030-01-05 00:00+00');
SET ROLE regress_clerk;
SELECT FROM workflow.work(10);
RESET ROLE;
SELECT is((SELECT o.name::text FROM workflow.timer t JOIN workflow.owner o ON o.id = t.owner WHERE process = :'p'), 'regress_team', 'it does not fire it, but gives it to the new one');
SET ROLE regress_team;
SELECT is(workflow.work(10), 2, 'who does');

-- REASSIGN OWNED, DROP OWNED, DROP ROLE
SET ROLE regress_clerk;
SELECT FROM workflow.define_calendar('office', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
RESET ROLE;
SELECT is((app.error('DROP OWNED BY regress_clerk'))[1:2], ARRAY['2BP01', 'what role "regress_clerk" owns cannot be dropped because processes depend on it'], 'DROP OWNED is refused to who owns definitions');
SELECT is((app.error('DROP ROLE regress_clerk'))[1:3], ARRAY['2BP01', 'role "regress_clerk" cannot be dropped because some objects depend on it', 'owner of definition "other" in workflow'], 'DROP ROLE says what it is');
SELECT is((app.error('REASSIGN OWNED BY regress_clerk TO regress_nobody'))[1], 'WF002', 'REASSIGN OWNED to a role that cannot own it is refused');
REASSIGN OWNED BY regress_clerk TO regress_team;
SELECT is((SELECT string_agg(format('%s %s', name, owner), ', ' ORDER BY name) FROM workflow.definitions WHERE owner <> 'regress_app'), 'contract regress_team, other regress_team', 'else it hands all over');
SELECT is((SELECT owner::text FROM workflow.calendars), 'regress_team', 'calendars');
SELECT is((SELECT owner::text FROM workflow.erasures), 'regress_team', 'and erasures, too');
DROP OWNED BY regress_clerk;
DROP ROLE regress_clerk;
SELECT is((SELECT count(*) FROM workflow.check()), 0::bigint, 'then the role can be dropped');
CREATE ROLE regress_clerk LOGIN IN ROLE workflow_user;
SET ROLE regress_clerk;
SELECT is(workflow.define('{"id": "new", "initial": "a", "states": {"a": {}}}'), 1, 'and another one of its name begins anew');
SELECT is((SELECT count(*) FROM workflow.definitions), 1::bigint, 'with what is its own');
SELECT is(workflow.drop_definition('new'), 1, 'which it can remove');
RESET ROLE;
DROP ROLE regress_clerk;
SELECT pass('and then be dropped');

-- removing
SET ROLE regress_team;
SELECT is((app.error('SELECT workflow.drop_definition(''contract'')'))[1:2], ARRAY['2BP01', 'cannot drop definition "contract": there are processes of version 1'], 'what processes have stays');
SELECT is(workflow.define('{"id": "contract", "initial": "open", "states": {"open": {}}}'), 2, 'a second version');
SELECT is(workflow.define('{"id": "contract", "initial": "closed", "states": {"closed": {}}}'), 3, 'and a third');
SELECT is(workflow.drop_definition('contract', 3, note => 'a mistake'), 1, 'one that no process has goes');
SELECT is((app.error('SELECT workflow.start(''contract'', version => 3)'))[1], 'WF006', 'and is not there any more');
SELECT is((SELECT version FROM workflow.processes WHERE id = workflow.start('contract')), NULL, 'the newest is the one before');
SELECT is((SELECT max(version) FROM workflow.processes WHERE definition = 'contract'), 2, 'of which there is a process then');
SELECT is(workflow.define('{"id": "contract", "initial": "closed", "states": {"closed": {"type": "final"}}}'), 4, 'its number is not given again');
SELECT is((app.error('SELECT workflow.drop_definition(''contract'', 7)'))[1:2], ARRAY['WF006', 'definition "contract" has no version 7'], 'a version must be there');
SELECT is((SELECT string_agg(format('%s %s %s', event, version, COALESCE(note, data::text)), E'\n' ORDER BY seq) FROM workflow.definition_history WHERE definition = 'contract' AND event <> 'workflow.grant_on'),
E'workflow.define 1 
workflow.pause  
workflow.change_owner  she leaves
workflow.unpause  
workflow.define 2 
workflow.define 3 
workflow.drop_definition 3 a mistake
workflow.define 4 ', 'its history has it all');
SELECT is((SELECT string_agg(format('%s %s %s', event, actor, data), E'\n' ORDER BY seq) FROM workflow.definition_history WHERE definition = 'contract' AND event = 'workflow.grant_on'),
E'workflow.grant_on regress_clerk {"role": "regress_stranger", "privilege": "read"}
workflow.grant_on regress_clerk {"role": "regress_stranger", "privilege": "send"}', 'with who did it');
SELECT count(e) FROM workflow.processes p, LATERAL workflow.erase(p.id, true) e WHERE p.definition = 'contract' \g /dev/null
SELECT is(workflow.drop_definition('contract'), 3, 'without processes all versions go');
SELECT is((SELECT count(*) FROM workflow.definition_history WHERE definition = 'contract'), 0::bigint, 'its history is not its owner''s any more');
SELECT is(workflow.define('{"id": "contract", "initial": "a", "states": {"a": {}}}'), 1, 'the name is free');
SELECT is((SELECT count(*) FROM workflow.definition_history WHERE definition = 'contract'), 1::bigint, 'and has a history of its own');
SET ROLE regress_stranger;
SELECT is((SELECT count(*) FROM workflow.definitions), 0::bigint, 'grants on the former one are gone');
SET ROLE regress_boss;
SELECT is((SELECT count(*) FROM workflow.definition_history WHERE definition = 'contract') > 10, true, 'administrators see what was');
RESET ROLE;
SELECT FROM workflow.expire('1 day');
SELECT is((SELECT count(*) FROM workflow.definition_history WHERE definition = 'contract') > 10, true, 'until it expires');
CALL app.clock('2030-02-05 00:00+00');
SELECT FROM workflow.expire('1 day');
SELECT is((SELECT count(*) FROM workflow.definition_history WHERE definition = 'contract'), 1::bigint, 'like a process that has ended');

-- grants follow roles
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "pay", "initial": "a", "states": {"a": {"on": {"go": {}}}}}');
RESET ROLE;
CREATE ROLE regress_bob LOGIN IN ROLE workflow_user;
SET ROLE regress_app;
SELECT FROM workflow.grant_on('pay', 'regress_bob', 'start', 'send', 'read', 'act');
RESET ROLE;
DROP ROLE regress_bob;
SELECT is((SELECT count(*) FROM workflow.permission WHERE definition = 'pay'), 0::bigint, 'DROP ROLE takes its grants along');
CREATE ROLE regress_bob LOGIN IN ROLE workflow_user;
SELECT workflow.adopt() AS n \gset
SET ROLE regress_bob;
SELECT is((SELECT count(*) FROM workflow.definitions), 0::bigint, 'so that the next of its name has none');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('pay', 'regress_bob', 'read');
RESET ROLE;
DROP OWNED BY regress_bob;
SELECT is((SELECT count(*) FROM workflow.permission WHERE definition = 'pay'), 0::bigint, 'so does DROP OWNED');
SELECT is((SELECT string_agg(format('%s %s', event, note), ', ' ORDER BY seq) FROM workflow.definition_history WHERE definition = 'pay' AND note IS NOT NULL),
    'workflow.revoke_on DROP ROLE, workflow.revoke_on DROP ROLE, workflow.revoke_on DROP ROLE, workflow.revoke_on DROP ROLE, workflow.revoke_on DROP OWNED', 'which its history has');
-- one that was dropped in another database
INSERT INTO workflow.permission (definition, role, name, privilege) VALUES ('pay', 4294967290, 'regress_bob', 'read');
SELECT workflow.adopt() AS n \gset
SELECT is((SELECT count(*) FROM workflow.permission WHERE definition = 'pay'), 0::bigint, 'adopt() finds no role by its name at home');
INSERT INTO workflow.permission (definition, role, name, privilege) VALUES ('pay', 4294967290, 'regress_bob', 'read');
SET ROLE regress_app;
SELECT FROM workflow.define('{"id": "pay", "initial": "b", "states": {"b": {}}}');
RESET ROLE;
SELECT is((SELECT count(*) FROM workflow.permission WHERE definition = 'pay'), 0::bigint, 'nor does define()');
INSERT INTO workflow.permission (definition, role, name, privilege) VALUES ('pay', 0, 'regress_bob', 'read');
SELECT workflow.adopt() AS n \gset
SELECT is((SELECT role::regrole::text FROM workflow.permission WHERE definition = 'pay'), 'regress_bob', 'but for one that came with a dump');

-- rights before locks
SET ROLE regress_app;
SELECT workflow.start('pay', version => 1) AS p \gset
RESET ROLE;
CREATE FUNCTION app.locks() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT string_agg(p.xmax::text, ',') FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition WHERE d.name = 'pay' $$;
SELECT app.locks() AS before \gset
SET ROLE regress_stranger;
SELECT is((app.error(c, :'p'))[1] || ' ' || (app.locks() = :'before'), 'WF002 true', c || ' of a stranger locks nothing')
FROM unnest(ARRAY['SELECT workflow.send(%L, ''go'')', 'SELECT workflow.send(%L, ''go'', nowait => true)', 'SELECT workflow.send(%L, ''go'', id => ''1'')',
    'SELECT workflow.send_many(ARRAY[%L::uuid], ARRAY[''go''])', 'SELECT workflow.send_many(ARRAY[%L::uuid], ARRAY[''go''], nowait => true)',
    'SELECT workflow.suspend(%L)', 'SELECT workflow.resume(%L)', 'SELECT workflow.cancel(%L)', 'SELECT workflow.set_timer(%L, ''x'', ''2030-01-01'')',
    'SELECT workflow.reset_timer(%L, ''x'')', 'SELECT workflow.cancel_event(%L, ''x'')', 'SELECT workflow.post(%L, ''go'', id => ''x'')',
    'SELECT workflow.set_states(%L, ''{a}'')', 'SELECT workflow.migrate(%L)', 'SELECT workflow.erase(%L)']) c;
\set end :srcdir '/end.psql'
\i :end
