\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- What whom a failure tells about it: the view errors.
SELECT FROM workflow.define('{"id": "paid", "initial": "a", "states": {"a": {"after": {"1 day": "b"}, "on": {"go": "b"}}, "b": {}}}');
SELECT FROM workflow.grant_on('paid', 'regress_clerk', 'start', 'send');
SELECT FROM workflow.grant_on('paid', 'regress_stranger', 'read');
SET ROLE regress_clerk;
SELECT workflow.start('paid') AS p \gset
RESET ROLE;
INSERT INTO workflow.failure (process, seq, at, due, attempts, given_up, event, name, state, actor, data, sqlstate, message, detail, hint, context, since)
    SELECT process, seq, '2030-01-02 00:10+00', due, 2, false, event, name, state, 'ann', '{"n": 1}', '23514', 'no', 'Failing row contains (secret).', 'Look at it.', 'SQL statement ...', '2030-01-02 00:00+00'
    FROM workflow.timer WHERE process = :'p';

CREATE FUNCTION app.told() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(', ', e.sqlstate, e.message, e.detail, e.hint, e.context), '; ') FROM workflow.errors e $$;
SET ROLE regress_app;
SELECT is(told(), '23514, no, Failing row contains (secret)., Look at it., SQL statement ...', 'the owner is told everything');
SELECT is((SELECT format('%s %s %s %s', event, name, state, since) FROM workflow.errors), 'after.1 day.a 1 day a 2030-01-02 00:00:00+00', 'which timer of which state failed, and since when');
SET ROLE regress_stranger;
SELECT is(told(), '23514, no, Failing row contains (secret)., Look at it., SQL statement ...', 'who may read the definition, too');
SET ROLE regress_clerk;
SELECT is(told(), '23514, no', 'who started the process and may not read it is told what happened, and nothing of the insides');
SELECT is((SELECT format('%s %s %s', data, attempts, since) FROM workflow.errors), '{"n": 1} 2 2030-01-02 00:00:00+00', 'what came, how often it was tried, and since when');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('paid', 'regress_clerk', 'read');
SET ROLE regress_clerk;
SELECT is(told(), '23514, no, Failing row contains (secret)., Look at it., SQL statement ...', 'granted read, they are told all of it');
RESET ROLE;
CREATE ROLE regress_monitor LOGIN;
GRANT workflow_monitor TO regress_monitor;
SET ROLE regress_monitor;
SELECT is((SELECT detail FROM workflow.errors), 'Failing row contains (secret).', 'who monitors sees all');

-- the library
SELECT is(workflow.library_version(), (SELECT extversion FROM pg_extension WHERE extname = 'workflow'), 'the library is of the version of the SQL');
RESET ROLE;

\set end :srcdir '/end.psql'
\i :end
