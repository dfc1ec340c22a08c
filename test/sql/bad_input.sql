\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Every function and procedure of the schema, as the catalog has them: each
-- argument in turn gets each bad value of its type while the others are good;
-- each function meets a process, a job and a run in each state that there is. What comes of it is
-- compared with what is written down in test/bad/expected.psql: a new function, a new
-- argument and another message are differences. To write it down anew: run this
-- file by psql with -v bad=print, read what it prints, and put it there.
\set world :srcdir '/bad/world.psql'
\i :world
\set values :srcdir '/bad/values.psql'
\i :values
SET ROLE regress_app;
SELECT is((SELECT string_agg(DISTINCT format('%s %s of %s', name, type, signature), ', ') FROM argument WHERE n > 0 AND good IS NULL), NULL,
    'there is a good value for each argument');
SELECT is((SELECT string_agg(DISTINCT type::text, ', ') FROM argument WHERE n > 0 AND type NOT IN (SELECT type FROM bad)), NULL,
    'there are bad values for each type');

CREATE TABLE app.result (signature text, argument text, bad text, outcome text);
GRANT ALL ON app.result TO PUBLIC;
CREATE PROCEDURE app.try(admins boolean) LANGUAGE sql AS $$
    INSERT INTO app.result
    SELECT a.signature, a.name || ' ' || a.type, b.what, app.outcome(app.call(a.function, p.process, a.n::int, b.value))
    FROM app.argument a JOIN app.bad b USING (type), app.place p
    WHERE p.what = 'idled' AND app.is_for_admins(a.signature) = admins;
    INSERT INTO app.result
    SELECT f.signature, 'process', p.what, app.outcome(app.call(f.function, p.process))
    FROM (SELECT DISTINCT function, signature FROM app.argument WHERE name IN ('process', 'processes')) f, app.place p
    WHERE app.is_for_admins(f.signature) = admins;
    INSERT INTO app.result
    SELECT a.signature, 'job', w.what, app.outcome(app.call(a.function, NULL, a.n::int, quote_literal(w.what)))
    FROM app.argument a, unnest('{tracked,outside}'::text[]) w(what)
    WHERE a.name = 'job' AND a.type = 'text'::regtype AND app.is_for_admins(a.signature) = admins;
    INSERT INTO app.result
    SELECT a.signature, 'run', e.what, app.outcome(app.call(a.function, NULL, a.n::int, quote_literal(CASE WHEN a.type = 'uuid[]'::regtype THEN ARRAY[e.run]::text ELSE e.run::text END)))
    FROM app.argument a, app.errand e
    WHERE a.name IN ('run', 'runs') AND app.is_for_admins(a.signature) = admins;
    INSERT INTO app.result
    SELECT f.signature, 'none', 'all are good', app.outcome(app.call(f.function, p.process))
    FROM (SELECT DISTINCT function, signature FROM app.argument) f, app.place p
    WHERE p.what = 'idled' AND app.is_for_admins(f.signature) = admins;
$$;
CALL try(false);
RESET ROLE;
CALL app.try(true);

-- Functions with the same outcome share a line.
CREATE TABLE app.expected (argument text, bad text, outcome text, signatures text[]);
\if :{?bad}
COPY (SELECT argument, bad, outcome, array_agg(signature ORDER BY signature COLLATE "C") FROM app.result
      GROUP BY 1, 2, 3 ORDER BY argument COLLATE "C", bad COLLATE "C", outcome COLLATE "C") TO STDOUT;
\endif
\set expected :srcdir '/bad/expected.psql'
\i :expected
SELECT is(
    (SELECT string_agg(format('%s %s: %s', r.argument, r.bad, r.outcome), E'\n' ORDER BY r.argument, r.bad) FROM app.result r
     WHERE r.signature = f.signature
       AND NOT EXISTS (SELECT FROM app.expected e WHERE (e.argument, e.bad, e.outcome) = (r.argument, r.bad, r.outcome) AND r.signature = ANY (e.signatures))),
    NULL, f.signature || ' answers as it is written down')
FROM (SELECT DISTINCT signature COLLATE "C" FROM app.argument ORDER BY 1) f(signature);
SELECT is((SELECT string_agg(format('%s of %s', e.argument, s), ', ') FROM app.expected e, unnest(signatures) s
    WHERE NOT EXISTS (SELECT FROM app.result r WHERE (r.argument, r.bad, r.signature) = (e.argument, e.bad, s))), NULL, 'nothing is written down that there is not');
SELECT is((SELECT string_agg(DISTINCT format('%s %s of %s: %s', argument, bad, signature, outcome), E'\n') FROM app.result
    WHERE outcome ~ '^(XX|58|P0|UN|a message)|cache lookup|could not find|unrecognized'), NULL, 'no error is one of ours, and none too long to read');
\set end :srcdir '/end.psql'
\i :end
