\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Functions that decide about runs that were lost: who may set which. What becomes of the
-- runs is in test/t/restorer.pl.
SELECT workflow.create_queue('mail') \g /dev/null
SELECT workflow.create_job('letter', queue => 'mail') \g /dev/null
SELECT FROM workflow.define('{"id": "order", "initial": "a", "states": {"a": {"invoke": {"job": "letter", "id": "x"}, "on": {"go": "b"}}, "b": {}}}');
CREATE FUNCTION decide(runtime text, what uuid, context jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'retry' $$;
CREATE FUNCTION "De%cide ""s("(runtime text, what uuid, context jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '"fail"'::jsonb $$;
CREATE FUNCTION restorers() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', for_what, function, owner, active), ', ' ORDER BY for_what) FROM workflow.restorers $$;

-- Of jobs and definitions, which come and go.
SELECT workflow.set_restorer('job:letter', 'app.decide(text,uuid,jsonb)') \g /dev/null
SELECT workflow.set_restorer('order', 'app."De%cide ""s("(text,uuid,jsonb)') \g /dev/null
SELECT is(restorers(), 'job:letter app.decide regress_app t, order app."De%cide ""s(" regress_app t', 'there are two');
SELECT workflow.set_restorer('order', 'app.decide(text,uuid,jsonb)') \g /dev/null
SELECT is(restorers(), 'job:letter app.decide regress_app t, order app.decide regress_app t', 'another one takes its place');
SELECT workflow.set_restorer('order', NULL) \g /dev/null
SELECT workflow.set_restorer('order', NULL) \g /dev/null
SELECT is(restorers(), 'job:letter app.decide regress_app t', 'one is removed, once or twice');
SELECT workflow.set_restorer('order', 'app.decide(text,uuid,jsonb)') \g /dev/null

-- What cannot be one, or cannot have one.
CREATE FUNCTION few(runtime text, what uuid) RETURNS text LANGUAGE sql AS $$ SELECT 'retry' $$;
CREATE FUNCTION other(runtime text, what text, context jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'retry' $$;
CREATE FUNCTION number(runtime text, what uuid, context jsonb) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION many(runtime text, what uuid, context jsonb) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'retry' $$;
CREATE PROCEDURE proc(runtime text, what uuid, context jsonb) LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION pg_temp.brief(runtime text, what uuid, context jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'retry' $$;
CREATE FUNCTION set(for_what text, fn text) RETURNS text[] LANGUAGE sql AS $$
    SELECT (error(format('SELECT workflow.set_restorer(%L, %L)', for_what, fn)))[1:2] $$;
SELECT is(set('order', f), ARRAY['42P13', format('%s cannot be a restorer', replace(f, 'app.', ''))], f || ' cannot be one')
FROM unnest('{"app.few(text,uuid)","app.other(text,text,jsonb)","app.number(text,uuid,jsonb)","app.many(text,uuid,jsonb)","app.proc(text,uuid,jsonb)"}'::text[]) f;
SELECT is((set('order', 'pg_temp.brief(text,uuid,jsonb)'))[1], '42P13', 'nor can a temporary one');
SELECT is(set('order', '4711'), '{42883,"function with OID 4711 does not exist"}', 'nor one that is not there');
SELECT is(set(NULL, 'app.decide(text,uuid,jsonb)'), '{22004,"argument \"for_what\" must not be null"}', 'for nothing');
SELECT is(set('nobody', 'app.decide(text,uuid,jsonb)'), '{WF006,"definition \"nobody\" does not exist"}', 'for no definition');
SELECT is(set('job:nobody', 'app.decide(text,uuid,jsonb)'), '{WF010,"job \"nobody\" does not exist"}', 'for no job');
SELECT is(set(w, 'app.decide(text,uuid,jsonb)'), ARRAY['22023', format('"%s" cannot have a restorer', w)], w || ' cannot have one')
FROM unnest('{queue:mail,limit:x,restorer:order,job:restorer:order,job:restorer:job:letter}'::text[]) w;
SELECT is((error('SELECT workflow.create_job(''restorer:order'', ''SELECT 1'')'))[1], '22023', 'nobody else makes such a job');

-- Rights: it is the owner's, and runs as the owner.
REVOKE EXECUTE ON FUNCTION decide FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION decide FROM regress_app;
SELECT is(set('order', 'app.decide(text,uuid,jsonb)'), '{42501,"permission denied for function decide(text,uuid,jsonb)"}', 'who may not call it cannot have it called');
GRANT EXECUTE ON FUNCTION decide TO PUBLIC;
SELECT workflow.grant_on('job:letter', 'regress_clerk', 'read', 'run', 'manage') \g /dev/null
SET ROLE regress_clerk;
SELECT is(set('job:letter', 'app.decide(text,uuid,jsonb)'), '{WF002,"\"job:letter\" belongs to another role"}', 'not one who may manage it');
SELECT is(set('job:letter', NULL), '{WF002,"\"job:letter\" belongs to another role"}', 'neither is it removed');
SELECT is(set('order', 'app.decide(text,uuid,jsonb)'), '{WF002,"\"order\" belongs to another role"}', 'nor another role');
SELECT is(restorers(), NULL, 'and none is seen that cannot be read');
RESET ROLE;
SELECT is((set('order', 'app.decide(text,uuid,jsonb)'))[1], 'WF002', 'nor a superuser, as whom it would run');
GRANT regress_clerk TO regress_app;

-- Another owner: it is asked no more, until that one has set it.
SELECT workflow.change_owner('order', 'regress_clerk') \g /dev/null
SELECT is(restorers(), 'job:letter app.decide regress_app t, order app.decide regress_app f', 'of another owner it is not asked');
SET ROLE regress_clerk;
SELECT workflow.set_restorer('order', 'app.decide(text,uuid,jsonb)') \g /dev/null
SELECT is(restorers(), 'order app.decide regress_clerk t', 'who owns it now sets it anew');
RESET ROLE;
SELECT is(restorers(), 'job:letter app.decide regress_app t, order app.decide regress_clerk t', 'and that is the only one');

-- What it answers.
SET ROLE regress_clerk;
SELECT is(workflow.restorer_answer('01234567-89ab-7def-8000-000000000000', NULL, to_jsonb(w)), coalesce(w, 'default'), format('%s is an answer', coalesce(w, 'null')))
FROM unnest('{retry,fail,resume,default,NULL}'::text[]) w;
SELECT is((error(format('SELECT workflow.restorer_answer(''01234567-89ab-7def-8000-000000000000'', ''01234567-89ab-7def-8000-000000000000'', %L)', a)))[1], '22023', a || ' is none')
FROM unnest('{"\"Retry\"","\"\"","null",1,true,"[\"retry\"]","{}","{\"states\": []}","{\"states\": \"b\"}","{\"states\": [1]}","{\"states\": [null]}","{\"states\": {\"a\": 1}}","{\"states\": [\"b\"], \"then\": 1}","\"{\\\"states\\\": []}\""}'::text[]) a;
SELECT is((error('SELECT workflow.restorer_answer(''01234567-89ab-7def-8000-000000000000'', NULL, ''{"states": ["b"]}'')'))[1:2],
    '{22023,"the restorer of a job cannot answer with states"}', 'a job has no states');
SELECT workflow.start('order') AS p \gset
SELECT run AS run FROM workflow.runs WHERE process = :'p' \gset
SELECT is(workflow.restorer_answer(:'run', :'p', '{"states": ["b"]}'), 'default', 'nothing is done for a run that was not lost');
SELECT is(states(:'p'), 'a', 'and to its process');

-- It ends with what it is for, and with its function it decides no more.
SELECT workflow.cancel(:'p') \g /dev/null
RESET ROLE;
DELETE FROM workflow.run;
SET ROLE regress_app;
SELECT workflow.drop_job('letter') \g /dev/null
SELECT is(restorers(), 'order app.decide regress_clerk t', 'no job, no restorer');
SELECT workflow.create_job('letter', queue => 'mail') \g /dev/null
SELECT is(restorers(), 'order app.decide regress_clerk t', 'nor when there is another one');
RESET ROLE;
SELECT is((SELECT string_agg(c::text, ' ') FROM workflow.check() c), NULL, 'all fits together');
\set end :srcdir '/end.psql'
\i :end
