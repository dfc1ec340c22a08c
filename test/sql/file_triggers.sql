\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Files are reported here; t/file_trigger.pl has directories.

SELECT FROM workflow.create_job('take');
SELECT FROM workflow.create_job('form', parameters => '{"n": {"type": "int", "required": true}}');
SELECT FROM workflow.create_job('blind', parameters => '{"n": {"type": "int", "default": 1}}');
SELECT FROM workflow.create_job('typed', parameters => '{"triggerfile": "text", "n": {"type": "int", "default": 1}}');
SELECT FROM workflow.create_job('spread', partition => '@params->>''triggerfile''');
SELECT FROM workflow.create_job('choosy', parameters => '{"triggerfile": {"type": "text", "check": "value <> ''x''"}}');

-- The files of which a trigger has made runs.
CREATE FUNCTION app.made(name text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(params->>'triggerfile', ' ' ORDER BY params->>'triggerfile' COLLATE "C"), '') FROM workflow.runs r WHERE r.actor = 'file_trigger:' || made.name $$;
CREATE FUNCTION app.report(trigger text, name text, size bigint, modified timestamptz DEFAULT '2029-12-31 00:00+00', sha256 bytea DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
    SELECT workflow.report_file(trigger, '/srv/regress/' || name, size, modified, sha256) IS NOT NULL $$;

-- what is refused
SELECT is((error(format('SELECT workflow.create_file_trigger(%s)', arguments)))[1:2], ARRAY[code, message], message) FROM (VALUES
    ($$NULL, '/srv', job => 'take'$$, '22004', 'argument "name" must not be null'),
    ($$'', '/srv', job => 'take'$$, '22023', 'a file trigger needs a name'),
    ($$'a:b', '/srv', job => 'take'$$, '22023', 'the name of a file trigger must not contain ":"'),
    ($$repeat('a', 201), '/srv', job => 'take'$$, '22001', 'the name of a file trigger is too long'),
    ($$'a', NULL, job => 'take'$$, '22004', 'argument "directory" must not be null'),
    ($$'a', '', job => 'take'$$, '22023', 'invalid directory ""'),
    ($$'a', 'srv', job => 'take'$$, '22023', 'invalid directory "srv"'),
    ($$'a', '/', job => 'take'$$, '22023', 'invalid directory "/"'),
    ($$'a', '/srv/../etc', job => 'take'$$, '22023', 'invalid directory "/srv/../etc"'),
    ($$'a', '/srv/./etc', job => 'take'$$, '22023', 'invalid directory "/srv/./etc"'),
    ($$'a', '/srv//etc', job => 'take'$$, '22023', 'invalid directory "/srv//etc"'),
    ($$'a', '../etc', job => 'take'$$, '22023', 'invalid directory "../etc"'),
    ($$'a', 'https://', job => 'take'$$, '22023', 'invalid directory "https://"'),
    ($$'a', 'C:\in', job => 'take'$$, '22023', 'invalid directory "C:\in"'),
    ($$'a', '/srv', '', job => 'take'$$, '22023', 'invalid pattern ""'),
    ($$'a', '/srv', 'a/*', job => 'take'$$, '22023', 'invalid pattern "a/*"'),
    ($$'a', '/srv', '*', 'created', job => 'take'$$, '22023', 'there is no check "created"'),
    ($$'a', '/srv', '*', 'new', '999 milliseconds', job => 'take'$$, '22023', 'interval must be between 1 seconds and 366 days'),
    ($$'a', '/srv', '*', 'new', '-1 day', job => 'take'$$, '22023', 'interval must be between 1 seconds and 366 days'),
    ($$'a', '/srv', '*', 'new', '100 years', job => 'take'$$, '22023', 'interval must be between 1 seconds and 366 days'),
    ($$'a', '/srv', '*', 'new', '1 second', '-1 second', job => 'take'$$, '22023', 'settle must be between 0 seconds and 366 days'),
    ($$'a', '/srv'$$, '22004', 'argument "job" must not be null'),
    ($$'a', '/srv', job => 'nothing'$$, 'WF010', 'job "nothing" does not exist'),
    ($$'a', '/srv', job => 'form'$$, 'WF013', 'parameter "n" of job "form" is missing'),
    ($$'a', '/srv', job => 'spread'$$, '0A000', 'no run of job "spread" can be made for a file'),
    ($$'a', '/srv', job => 'choosy'$$, '0A000', 'no run of job "choosy" can be made for a file'),
    ($$'a', '/srv', job => 'take', priority => 3$$, '22023', 'priority must be between -2 and 2'),
    ($$'a', '/srv', job => 'take', starts => '2030-01-02', ends => '2030-01-01'$$, '22023', 'a file trigger must start before it ends')) c(arguments, code, message);
SELECT is((SELECT count(*)::int FROM workflow.file_triggers), 0, 'nothing of that is there');

-- the contract, by position
SELECT FROM workflow.create_file_trigger('inbox', '/srv/regress/', '*.csv', 'new', '1 second', '0', 'take');
SELECT is((SELECT ROW(directory, pattern, "check", "interval", settle, job, state, made)::text FROM workflow.file_triggers),
    '(/srv/regress,*.csv,new,00:00:01,00:00:00,take,reported,0)', 'a trigger');
SELECT is((error($$SELECT workflow.create_file_trigger('inbox', '/srv', job => 'take')$$))[1], '42710', 'its name is taken');
SELECT FROM workflow.create_file_trigger('plain', '/srv/regress', job => 'blind');
SELECT is((SELECT ROW(pattern, "check", "interval", settle, state)::text FROM workflow.file_triggers WHERE name = 'plain'), '(*,new,00:01:00,00:00:00,reported)', 'the defaults');
SELECT is(workflow.is_watched('/srv/regress'), false, 'this server does not look there');

-- new
SELECT is(report('inbox', 'a.csv', 1), true, 'a new file');
SELECT is(report('inbox', 'a.csv', 2, '2029-12-31 01:00+00'), false, 'which is modified');
SELECT is(report('inbox', 'b.txt', 1), false, 'one that does not fit');
SELECT is(report('inbox', '.c.csv', 1), false, 'a dot is only matched by a dot');
SELECT is(report('inbox', 'Ελλ "x"''\ %s.csv', 1), true, 'names of all scripts');
SELECT is(report('inbox', 'a.csv', NULL, NULL), false, 'one that has gone');
SELECT is(report('inbox', 'a.csv', NULL, NULL), false, 'for good');
SELECT is(report('inbox', 'a.csv', 2, '2029-12-31 01:00+00'), true, 'and comes again');
SELECT is(made('inbox'), '/srv/regress/a.csv /srv/regress/a.csv /srv/regress/Ελλ "x"''\ %s.csv', 'a run each, with its path');
SELECT is((SELECT made || ' ' || last_file FROM workflow.file_triggers WHERE name = 'inbox'), '3 /srv/regress/a.csv', 'which are counted');
SELECT is((SELECT string_agg(path, ' ' ORDER BY path COLLATE "C") FROM workflow.triggered_files), '/srv/regress/a.csv /srv/regress/Ελλ "x"''\ %s.csv', 'what is there');
SELECT is(report('plain', 'x', 1), true, 'a job that declares others');
SELECT is((SELECT params FROM workflow.runs WHERE actor = 'file_trigger:plain'), '{"n": 1}'::jsonb, 'gets these');

-- what is no file of it
SELECT is((error(format('SELECT workflow.report_file(%s)', arguments)))[1:2], ARRAY[code, message], arguments) FROM (VALUES
    ($$'inbox', '/srv/other/a.csv', 1, now()$$, '22023', '"/srv/other/a.csv" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress', 1, now()$$, '22023', '"/srv/regress" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/', 1, now()$$, '22023', '"/srv/regress/" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/x/a.csv', 1, now()$$, '22023', '"/srv/regress/x/a.csv" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/../a.csv', 1, now()$$, '22023', '"/srv/regress/../a.csv" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/..', 1, now()$$, '22023', '"/srv/regress/.." is no file of file trigger "inbox"'),
    ($$'inbox', 'a.csv', 1, now()$$, '22023', '"a.csv" is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/' || repeat('a', 1025), 1, now()$$, '22023', '"/srv/regress/' || repeat('a', 187) || '..." is no file of file trigger "inbox"'),
    ($$'inbox', '/srv/regress/a.csv', -1, now()$$, '22023', 'size must not be negative'),
    ($$'inbox', '/srv/regress/a.csv', 1, 'infinity'$$, '22023', 'modified must be finite'),
    ($$'inbox', '/srv/regress/a.csv', 1, now(), 'x'$$, '22023', 'sha256 must have 32 bytes'),
    ($$'nothing', '/srv/regress/a.csv', 1, now()$$, 'WF010', 'file trigger "nothing" does not exist'),
    ($$NULL, '/srv/regress/a.csv', 1, now()$$, '22004', 'argument "trigger" must not be null'),
    ($$'inbox', NULL, 1, now()$$, '22004', 'argument "path" must not be null')) c(arguments, code, message);

-- modified; runs that wait do not stack
SELECT FROM workflow.create_file_trigger('modified', '/srv/regress', '*', 'modified', job => 'take');
SELECT is((error($$SELECT report('modified', 'm', 1, NULL)$$))[1:2], ARRAY['22004', 'argument "modified" must not be null'], 'when, has to be said');
SELECT is(report('modified', 'm', 1), true, 'a file');
SELECT is(report('modified', 'm', 1), false, 'as it was');
SELECT is(report('modified', 'm', 2), true, 'larger');
SELECT is(report('modified', 'm', 2, '2029-12-31 02:00+00'), true, 'and later');
SELECT is(made('modified'), '/srv/regress/m', 'has one run that waits');
SELECT run AS run, fence AS fence FROM workflow.claim('job:take', 'w', jobs => '{take}', n => 100) WHERE params->>'triggerfile' = '/srv/regress/m' \gset
SELECT is(report('modified', 'm', 3), true, 'once that has begun');
SELECT is(made('modified'), '/srv/regress/m /srv/regress/m', 'another one');

-- content
SELECT FROM workflow.create_file_trigger('content', 'https://partner.example/feed', '*', 'content', job => 'typed', priority => 2);
SELECT is((error($$SELECT workflow.report_file('content', 'https://partner.example/feed/x?y=1', 1, now())$$))[1:2], ARRAY['22004', 'argument "sha256" must not be null'], 'what, has to be said');
SELECT is((SELECT array_agg(workflow.report_file('content', 'https://partner.example/feed/x?y=1', NULL, NULL, sha256(c::bytea)) IS NOT NULL ORDER BY n) FROM unnest('{a,a,b,a}'::text[]) WITH ORDINALITY u(c, n)),
    '{t,f,t,t}', 'by what is in it');
SELECT is((SELECT ROW(params, priority)::text FROM workflow.runs WHERE actor = 'file_trigger:content'), '("{""n"": 1, ""triggerfile"": ""https://partner.example/feed/x?y=1""}",2)', 'one that waits, with defaults');

-- changes: what is known of the files stays
SELECT FROM workflow.create_file_trigger('altered', '/srv/regress', '*.csv', job => 'take');
SELECT is(report('altered', 'a.csv', 1), true, 'a file');
SELECT FROM workflow.alter_file_trigger('altered', '{"check": "modified", "pattern": "*", "interval": "1 hour", "settle": "0", "job": "typed", "priority": -1, "starts": "2029-01-01 00:00+00", "ends": "2040-01-01 00:00+00"}');
SELECT is((SELECT ROW(pattern, "check", "interval", settle, job, priority, starts = '2029-01-01 00:00+00', ends = '2040-01-01 00:00+00', made)::text FROM workflow.file_triggers WHERE name = 'altered'),
    '(*,modified,01:00:00,00:00:00,typed,-1,t,t,1)', 'other settings');
SELECT is(report('altered', 'a.csv', 1), false, 'what has made a run makes none for that');
SELECT is(report('altered', 'b.txt', 1), true, 'what the pattern brings is new');
SELECT is((SELECT ROW(job, priority)::text FROM workflow.runs WHERE actor = 'file_trigger:altered' AND params->>'triggerfile' LIKE '%b.txt'), '(typed,-1)', 'and run as is said now');
SELECT FROM workflow.alter_file_trigger('altered', '{"check": "content", "priority": null, "starts": null, "ends": null, "interval": null}');
SELECT is((SELECT ROW("check", "interval", priority, starts, ends)::text FROM workflow.file_triggers WHERE name = 'altered'), '(content,00:01:00,,,)', 'null is the default');
SELECT run, fence FROM workflow.claim('job:typed', 'w', jobs => '{typed}', n => 100) \g /dev/null
SELECT is(report('altered', 'b.txt', 1, sha256 => sha256('b')), false, 'a file that looks as it did, now that contents count');
SELECT is(report('altered', 'b.txt', 1, sha256 => sha256('c')), true, 'has a content from then on');
SELECT is(report('altered', 'a.csv', 2, sha256 => sha256('a')), true, 'one that looks otherwise has another one');
SELECT FROM workflow.alter_file_trigger('altered', '{}');
SELECT is((error(format('SELECT workflow.alter_file_trigger(%s)', arguments)))[1:2], ARRAY[code, message], arguments) FROM (VALUES
    ($$NULL, '{}'$$, '22004', 'argument "name" must not be null'),
    ($$'altered', NULL$$, '22004', 'argument "changes" must not be null'),
    ($$'nothing', '{}'$$, 'WF010', 'file trigger "nothing" does not exist'),
    ($$'altered', '[]'$$, '22023', 'changes must be an object'),
    ($$'altered', '{"job": null}'$$, '22023', 'job must be a string'),
    ($$'altered', '{"job": 1}'$$, '22023', 'job must be a string'),
    ($$'altered', '{"job": "nothing"}'$$, 'WF010', 'job "nothing" does not exist'),
    ($$'altered', '{"job": "form"}'$$, 'WF013', 'parameter "n" of job "form" is missing'),
    ($$'altered', '{"check": "created"}'$$, '22023', 'there is no check "created"'),
    ($$'altered', '{"interval": 1}'$$, '22023', 'interval must be an interval in a string'),
    ($$'altered', '{"interval": "0 s"}'$$, '22023', 'interval must be between 1 seconds and 366 days'),
    ($$'altered', '{"settle": "soon"}'$$, '22007', 'invalid input syntax for type interval: "soon"'),
    ($$'altered', '{"priority": "high"}'$$, '22023', 'priority must be a number'),
    ($$'altered', '{"priority": 3}'$$, '22023', 'priority must be between -2 and 2'),
    ($$'altered', '{"starts": true}'$$, '22023', 'starts must be a time in a string'),
    ($$'altered', '{"starts": "2040-01-01", "ends": "2039-01-01"}'$$, '22023', 'a file trigger must start before it ends'),
    ($$'altered', '{"pattern": "a/b"}'$$, '22023', 'invalid pattern "a/b"'),
    ($$'altered', '{"directory": "/srv"}'$$, '22023', 'there is no setting "directory"')) c(arguments, code, message);
SELECT is((SELECT ROW(pattern, "check", "interval", job, made)::text FROM workflow.file_triggers WHERE name = 'altered'), '(*,content,00:01:00,typed,3)', 'nothing of that is there');

-- settling
SELECT FROM workflow.create_file_trigger('settling', '/srv/regress', '*', 'modified', settle => '10 seconds', job => 'take');
CALL clock('2030-01-01 00:01:00+00');
SELECT is(report('settling', 's', 1), false, 'a file that has come just now');
CALL clock('2030-01-01 00:01:09+00');
SELECT is(report('settling', 's', 1), false, 'and has not settled');
SELECT is(report('settling', 's', 2), false, 'or grows');
CALL clock('2030-01-01 00:01:18+00');
SELECT is(report('settling', 's', 2), false, 'which begins anew');
CALL clock('2030-01-01 00:01:19+00');
SELECT is(report('settling', 's', 2), true, 'and has an end');
SELECT is(report('settling', 's', 3), false, 'it is modified');
SELECT is(report('settling', 's', 2), false, 'and put back');
CALL clock('2030-01-01 00:02:00+00');
SELECT is(report('settling', 's', 2), false, 'which is nothing');
SELECT is(made('settling'), '/srv/regress/s', 'one run');

-- times, and rests
SELECT FROM workflow.create_file_trigger('timed', '/srv/regress', starts => '2030-01-02 00:00+00', ends => '2030-01-03 00:00+00', job => 'take');
SELECT is(report('timed', 't', 1), false, 'too early');
CALL clock('2030-01-02 00:00+00');
SELECT is(report('timed', 't', 1), true, 'in time');
CALL clock('2030-01-03 00:00+00');
SELECT is(report('timed', 'u', 1), false, 'too late');
SELECT FROM workflow.create_file_trigger('off', '/srv/regress', job => 'take', enabled => false);
SELECT is(report('off', 'o', 1), false, 'one that is not enabled');
SELECT FROM workflow.enable_file_trigger('off');
SELECT is(report('off', 'o', 1), true, 'until it is');
SELECT FROM workflow.disable_file_trigger('off', 'maintenance');
SELECT is((SELECT state || ' ' || note FROM workflow.file_triggers WHERE name = 'off'), 'disabled maintenance', 'why it rests');
SELECT is(report('off', 'p', 1), false, 'nothing is made');
SELECT is((error($$SELECT workflow.disable_file_trigger('off', repeat('x', 1000000))$$))[1], '22001', 'a note has an end');

-- patterns
SELECT is(count(*)::int, 0, 'patterns') FROM (VALUES
    ('*', 'a', true), ('*', '.a', false), ('.*', '.a', true), ('?', 'a', true), ('?', 'é', true), ('?', 'ab', false), ('?', '日', true),
    ('a*b*c', 'aXbYc', true), ('a*b*c', 'abc', true), ('a*b*c', 'acb', false), ('*.csv', '.csv', false), ('*.csv', 'x.CSV', false),
    ('a**', 'a', true), ('**a', 'bba', true), ('[ab]', 'a', false), ('[ab]', '[ab]', true), ('a?c', 'a日c', true), ('*日*', 'x日y', true),
    ('a\*', 'a\b', true), (repeat('*a', 60), repeat('a', 200), true), (repeat('*a', 60) || 'b', repeat('a', 200), false)) p(pattern, name, fits)
    CROSS JOIN LATERAL (SELECT workflow.create_file_trigger('p' || md5(p.pattern || p.name), '/srv/regress', p.pattern, job => 'take')) c
    CROSS JOIN LATERAL (SELECT report('p' || md5(p.pattern || p.name), p.name, 1) AS made WHERE c IS NOT NULL) m WHERE m.made <> p.fits;

-- whose it is
RESET ROLE;
SELECT FROM workflow.grant_on('job:take', 'regress_clerk', 'run');
SET ROLE regress_clerk;
SELECT is((SELECT count(*)::int FROM workflow.file_triggers) + (SELECT count(*)::int FROM workflow.triggered_files), 0, 'others see none');
SELECT is((error(command))[1], 'WF002', command) FROM unnest(ARRAY[$$SELECT workflow.drop_file_trigger('inbox')$$, $$SELECT workflow.enable_file_trigger('inbox')$$,
    $$SELECT workflow.alter_file_trigger('inbox', '{}')$$, $$SELECT workflow.report_file('inbox', '/srv/regress/z.csv', 1, now())$$]) command;
SELECT FROM workflow.create_file_trigger('mine', '/srv/regress', job => 'take');
SELECT is(report('mine', 'x', 1), true, 'who may run a job makes triggers of it');
RESET ROLE;
SELECT is((SELECT count(*)::int FROM workflow.run r WHERE r.actor = 'file_trigger:mine' AND r.started_by = 'regress_clerk'), 1, 'and runs, as that role');
SELECT FROM workflow.revoke_on('job:take', 'regress_clerk', 'run');
SET ROLE regress_clerk;
SELECT is((error($$SELECT report('mine', 'y', 1)$$))[1], 'WF002', 'as long as it may');
RESET ROLE;
SELECT is((error(format('SELECT workflow.grant_on(%L, %L, %L)', o, 'regress_clerk', p)))[1:2], ARRAY['22023', m], o) FROM (VALUES
    ('directory:srv', 'watch', 'invalid directory "srv"'), ('directory:/srv/', 'watch', 'invalid directory "/srv/"'), ('directory:https://a', 'watch', 'invalid directory "https://a"'),
    ('directory:', 'watch', 'invalid directory ""'), ('directory:/srv', 'read', 'unknown privilege "read"'), ('file_trigger:inbox', 'read', 'unknown privilege "read"')) g(o, p, m);
SELECT is((error($$SELECT workflow.change_owner('directory:/srv', 'regress_clerk')$$))[1:2], ARRAY['WF010', 'directory "/srv" belongs to nobody'], 'nobody owns a directory');
SELECT is((error($$SELECT workflow.change_owner('file_trigger:nothing', 'regress_clerk')$$))[1:2], ARRAY['WF010', 'file_trigger "nothing" does not exist'], 'no such trigger');
SELECT is(workflow.change_owner('file_trigger:off', 'regress_clerk'), true, 'one that is given away');
SELECT is((SELECT owner FROM workflow.file_triggers WHERE name = 'off'), 'regress_clerk', 'is the other one''s');

-- directories that are listed
SET LOCAL workflow.trigger_directories = '/srv, "/data/in, out"';
SELECT is((SELECT array_agg(workflow.is_watched(d) ORDER BY n) FROM unnest('{/srv,/srv/regress,/srvx,/,/data,"/data/in, out/x",https://srv}'::text[]) WITH ORDINALITY u(d, n)), '{t,t,f,f,f,t,f}', 'and those below');
SELECT is((error($$SET LOCAL workflow.trigger_directories = 'srv'$$))[1:3], ARRAY['22023', 'invalid value for parameter "workflow.trigger_directories": "srv"', '"srv" is no absolute path.'], 'absolute ones');
SET ROLE regress_app;
SELECT is((error($$SET LOCAL workflow.trigger_directories = '/'$$))[1], '42501', 'superusers say which');
SELECT is((error($$SELECT workflow.create_file_trigger('look', '/srv/regress', job => 'take')$$))[1:2], ARRAY['WF002', 'permission denied to watch directory "/srv/regress"'], 'nobody looks without a grant');
RESET ROLE;
SELECT FROM workflow.grant_on('directory:/srv', 'regress_app', 'watch');
SET ROLE regress_app;
SELECT FROM workflow.create_file_trigger('look', '/srv/regress', job => 'take');
SELECT is((SELECT state FROM workflow.file_triggers WHERE name = 'look'), 'watched', 'a grant is one on all below');
SELECT is((error($$SELECT workflow.create_file_trigger('root', '/srvx', job => 'take'); SELECT workflow.create_file_trigger('look', '/srv', job => 'take')$$))[1], '42710', 'and on itself');

-- tenants
SET LOCAL workflow.tenant = 'acme';
SELECT FROM workflow.create_file_trigger('tenant', '/srv/regress', job => 'take');
SELECT is((SELECT string_agg(name, ' ') FROM workflow.file_triggers), 'tenant', 'a tenant sees its own');
SELECT is((error($$SELECT workflow.drop_file_trigger('inbox')$$))[1], 'WF010', 'no others exist');
SET LOCAL workflow.tenant = '';
SELECT is(report('tenant', 'x', 1), true, 'who works for all reports');
SELECT is((SELECT tenant FROM workflow.runs WHERE actor = 'file_trigger:tenant'), 'acme', 'the run is the tenant''s');

-- the end
SELECT FROM workflow.drop_file_trigger('inbox');
SELECT is((SELECT count(*)::int FROM workflow.triggered_files WHERE trigger = 'inbox'), 0, 'with it goes what it knew');
SELECT is((error($$SELECT workflow.drop_file_trigger('inbox')$$))[1], 'WF010', 'once');
RESET ROLE;
SELECT is((SELECT string_agg(DISTINCT act, ' ' ORDER BY act) FROM workflow.audit WHERE kind = 'file_trigger'), 'alter_file_trigger change_owner create_file_trigger disable_file_trigger drop_file_trigger enable_file_trigger', 'what was done is noted');
SELECT is((SELECT array_agg(problem || ' ' || detail) FROM workflow.check()), NULL, 'all fits together');

\set end :srcdir '/end.psql'
\i :end
