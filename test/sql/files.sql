\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Files that all runtimes have, as sessions put and read them; t/files.pl has the runtimes.

CREATE FUNCTION app.content(path text, version bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS $$ SELECT convert_from(workflow.get_file(path, version), 'UTF8') $$;
CREATE FUNCTION app.fault(path text) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN e[2] LIKE 'invalid path of a file %' THEN e[1] || ' ' || e[3] ELSE e::text END FROM error(format('SELECT FROM workflow.put_file(%L, '''')', path)) e $$;

-- paths
SELECT is(fault(path), fault, coalesce(description, fault)) FROM (VALUES
    ('', '22023 It is empty.', NULL),
    ('/etc/passwd', '22023 It is absolute.', NULL),
    ('C:/boot', '22023 It is absolute.', 'of Windows, too'),
    ('../a', '22023 It has "." or ".." as a name.', 'up'),
    ('a/../../b', '22023 It has "." or ".." as a name.', 'up from within'),
    ('a/..', '22023 It has "." or ".." as a name.', 'up at the end'),
    ('./a', '22023 It has "." or ".." as a name.', 'the same directory'),
    ('a//b', '22023 It has an empty name.', NULL),
    ('a/', '22023 It has an empty name.', 'a directory'),
    ('a\b', '22023 It has a backslash.', NULL),
    (E'a\nb', '22023 It has a control character.', 'a line'),
    (E'a\u0085b', '22023 It has a control character.', 'one of the second set'),
    (E'a\u007f', '22023 It has a control character.', 'DEL'),
    (E'cafe\u0301', '22023 It is not in Unicode''s normalization form NFC.', NULL),
    (E'\u212b', '22023 It is not in Unicode''s normalization form NFC.', 'a letter that stands for another one'),
    ('.workflow', '22023 Names that begin with ".workflow" are the runtimes'' own.', NULL),
    ('a/.Workflow-1/b', '22023 Names that begin with ".workflow" are the runtimes'' own.', 'in whatever case'),
    (repeat('a', 256), '22023 It has a name of more than 255 bytes.', NULL),
    (repeat('é', 128), '22023 It has a name of more than 255 bytes.', 'bytes, not characters'),
    (repeat('abc/', 256) || 'a', '22023 It has more than 1024 bytes.', NULL),
    (repeat('a', 255), '{"no error"}', 'the longest name'),
    (repeat('abc/', 255) || 'abcd', '{"no error"}', 'the longest path'),
    ('...', '{"no error"}', 'three dots are a name'),
    ('..a/b..', '{"no error"}', 'and so are these'),
    (' ', '{"no error"}', 'a blank'),
    ('-rf', '{"no error"}', 'a minus'),
    ('$(x);''"%s*?', '{"no error"}', 'what a shell would take'),
    (E'\u202eexe.txt', '{"no error"}', 'from right to left')) p(path, fault, description);
SELECT is((SELECT count(*)::int FROM workflow.files), 8, 'what was taken is there');

-- names of all scripts, each under its own path
SELECT is((SELECT string_agg(fault(n || '/' || n || '.txt'), ' ') FROM unnest('{Ελληνικά,Кириллица,Հայերեն,עברית,العربية,हिन्दी,বাংলা,தமிழ்,ไทย,ქართული,አማርኛ,ᏣᎳᎩ,日本語,中文,한국어,🎉,𝔘𝔫𝔦,mañana,Straße,ﷺ}'::text[]) n
    WHERE fault(n || '/' || n || '.txt') <> '{"no error"}'), NULL, 'names of all scripts');
SELECT is((SELECT count(*)::int FROM workflow.files WHERE path LIKE '%.txt' AND path LIKE '%/%'), 20, 'all of them are there');

-- what is one file to some file systems
SELECT FROM workflow.put_file('Docs/Read Me.txt', 'one');
SELECT is(error($$SELECT workflow.put_file('docs/read me.TXT', 'two')$$), ARRAY['42710', 'file "Docs/Read Me.txt" is in the way of "docs/read me.TXT"', 'Their paths differ in case only, and some file systems ignore that.'], 'case');
SELECT is((error(format('SELECT workflow.put_file(%L, ''two'')', p)))[1], '42710', 'case of ' || p) FROM unnest('{ελληνικά/ΕΛΛΗΝΙΚΆ.TXT,КИРИЛЛИЦА/кириллица.txt,MAÑANA/mañana.txt,ⴕⴀⴐⴇⴓⴊⴈ,հայերեն/Հայերեն.txt,ꮳꮃꭹ/ᏣᎳᎩ.txt}'::text[]) p WHERE p <> 'ⴕⴀⴐⴇⴓⴊⴈ';
SELECT is(error($$SELECT workflow.put_file('Docs', 'two')$$), ARRAY['42710', 'file "Docs/Read Me.txt" is in the way of "Docs"', 'A file cannot have the path of a directory.'], 'a file in the place of a directory');
SELECT is((error($$SELECT workflow.put_file('DOCS', 'two')$$))[1], '42710', 'in another case, too');
SELECT is(error($$SELECT workflow.put_file('docs/read me.txt/a', 'two')$$), ARRAY['42710', 'file "Docs/Read Me.txt" is in the way of "docs/read me.txt/a"', 'A directory cannot have the path of a file.'], 'a directory in the place of a file');
SELECT is(fault('Docs0'), '{"no error"}', 'what only begins so is another one');
SELECT is(fault('Docs-'), '{"no error"}', 'and so is this');
SELECT FROM workflow.delete_file('Docs/Read Me.txt');
SELECT is(fault('docs'), '{"no error"}', 'the place is free when the file has gone');
SELECT is((error($$SELECT workflow.put_file('Docs/Read Me.txt', 'one')$$))[2], 'file "docs" is in the way of "Docs/Read Me.txt"', 'and taken for the one before');

-- versions
SELECT is((SELECT ROW(version, sha256) FROM workflow.put_file('a/b', 'one')), ROW(1::bigint, sha256('one')), 'the first version');
SELECT is((SELECT version FROM workflow.put_file('a/b', 'one')), 1::bigint, 'the same content is no change');
SELECT is((SELECT version FROM workflow.put_file('a/b', 'one', '0600')), 2::bigint, 'another mode is one');
SELECT is((SELECT version FROM workflow.put_file('a/b', 'two')), 3::bigint, 'another content is one');
SELECT is(ARRAY[content('a/b'), content('a/b', 3), content('a/b', 1)], '{two,two,one}', 'the newest, and those before');
SELECT is(workflow.delete_file('a/b'), 4::bigint, 'a deletion is a version');
SELECT is((error($$SELECT workflow.get_file('a/b')$$))[1:2], ARRAY['WF010', 'file "a/b" does not exist'], 'and then there is none');
SELECT is((error($$SELECT workflow.delete_file('a/b')$$))[1:2], ARRAY['WF010', 'file "a/b" does not exist'], 'that could be deleted');
SELECT is(error($$SELECT workflow.get_file('a/b', 4)$$), ARRAY['WF010', 'file "a/b" has no version 4', 'It was never there, or has been forgotten, or is that of a deletion.'], 'nor has that version a content');
SELECT is(content('a/b', 3), 'two', 'older ones have');
SELECT is((SELECT version FROM workflow.put_file('a/b', '')), 5::bigint, 'versions go on');
SELECT is((error($$SELECT workflow.get_file('a/b', 1)$$))[1], 'WF010', 'three old versions are kept');
SELECT is((SELECT array_agg(format('%s %s %s', version, deleted, size) ORDER BY version) FROM workflow.file_versions WHERE path = 'a/b'), ARRAY['2 f 3', '3 f 3', '4 t ', '5 f 0'], 'these');
SELECT is(workflow.get_file('a/b'), '', 'a file may be empty');
SELECT is((SELECT array_agg(format('%s %s %s', version, change, superseded) ORDER BY request) FROM workflow.file_requests WHERE path = 'a/b'),
    ARRAY['1 put t', '2 put t', '3 put t', '4 delete t', '5 put f'], 'all that was done is remembered');
SELECT is((SELECT ROW(size, sha256, mode, owner) FROM workflow.files WHERE path = 'a/b'), ROW(0::bigint, sha256(''), NULL::text, 'regress_app'::name), 'the view');

-- modes
SELECT is((SELECT array_agg((error(format('SELECT workflow.put_file(''m'', ''x'', %L)', m)))[1] ORDER BY m COLLATE "C") FROM unnest('{"",0,rw,4755,01777,888,06444,-755,0x1}'::text[]) m),
    array_fill('22023'::text, ARRAY[9]), 'what is no mode');
SELECT is(error($$SELECT workflow.put_file('m', 'x', '4755')$$), ARRAY['22023', 'invalid mode of a file "4755"', 'It has three octal digits, as in ''0644'' or ''755''.'], 'no file runs as its owner');
SELECT is((SELECT array_agg(version) FROM workflow.put_file('m', 'x', '755')), '{1}', 'a mode');

-- large ones
SELECT is(error($$SELECT workflow.put_file('l', convert_to(repeat('x', 16777217), 'UTF8'))$$), ARRAY['54000', 'the file is too large', 'It has more than 16 MB.', 'HINT: Send it in parts: workflow.begin_file().'], 'too large for one piece');
CREATE TABLE app.large AS SELECT convert_to(string_agg(md5(n::text), ''), 'UTF8') AS bytes FROM generate_series(1, 40000) n;
SELECT FROM app.large, workflow.put_file('l', bytes);
SELECT ok((SELECT workflow.get_file('l') = bytes FROM app.large), 'a file of several pieces');
SELECT is((SELECT count(*)::int FROM unnest('{0,1,262143,262144,262145,524288,1279999,1280000,1280001,9223372036854775807}'::bigint[]) at, unnest('{0,1,2,262144,300000,16777216}'::int[]) l, app.large
    WHERE workflow.get_file_part('l', 1, at, l) IS DISTINCT FROM CASE WHEN at < 2000000 THEN substring(bytes FROM at::int + 1 FOR l) ELSE '' END), 0, 'any part of it');
SELECT is((error(format('SELECT workflow.get_file_part(''l'', %s)', a)))[1], '22023', 'no part: ' || a) FROM unnest('{"0, 0, 1","1, -1, 1","1, 0, -1","1, 0, 16777217"}'::text[]) a;

-- in parts
SELECT workflow.begin_file('p/q', '0640') AS upload \gset
SELECT is((SELECT array_agg(workflow.put_file_part(:upload, (n - 1) * 100000, substring(bytes FROM (n - 1) * 100000 + 1 FOR 100000)) ORDER BY n) FROM app.large, generate_series(1, 13) n),
    '{100000,200000,300000,400000,500000,600000,700000,800000,900000,1000000,1100000,1200000,1280000}', 'parts of any size');
SELECT is(error(format('SELECT workflow.put_file_part(%s, 1200000, ''x'')', :upload)), ARRAY['22023', 'the part does not follow what has come', 'It begins at byte 1200000, and 1280000 have come.'], 'one that came before');
SELECT is((SELECT count(*)::int FROM workflow.files WHERE path = 'p/q'), 0, 'it is not there yet');
SELECT is(error(format('SELECT workflow.end_file(%s, sha256(''''))', :upload)), ARRAY['22023', 'what has come has another SHA-256', 'HINT: Begin the upload anew.'], 'something got lost');
SELECT is(error(format('SELECT workflow.end_file(%s, ''x'')', :upload)), ARRAY['22023', 'a SHA-256 has 32 bytes, not 1'], 'no SHA-256');
SELECT is((SELECT version FROM app.large, workflow.end_file(:upload, sha256(bytes))), 1::bigint, 'all has come');
SELECT ok((SELECT workflow.get_file('p/q') = bytes FROM app.large), 'and is the same');
SELECT is((SELECT mode FROM workflow.files WHERE path = 'p/q'), '0640', 'with its mode');
SELECT is((error(format('SELECT workflow.put_file_part(%s, 1280000, ''x'')', :upload)))[1:2], ARRAY['WF010', format('upload %s does not exist', :upload)], 'the upload has ended');
SELECT workflow.begin_file('p/q', '0640') AS upload \gset
SELECT is((SELECT version FROM workflow.end_file(:upload, sha256(''))), 2::bigint, 'nothing at all is a file, too');
SELECT workflow.begin_file('too large') AS upload \gset
SELECT is((SELECT max(workflow.put_file_part(:upload, n * 16777216::bigint, convert_to(repeat('x', 16777216), 'UTF8'))) FROM generate_series(0, 3) n), 67108864::bigint, '64 MB');
SELECT is(error(format('SELECT workflow.put_file_part(%s, 67108864, ''x'')', :upload)), ARRAY['54000', 'the file is too large', 'It has more than 64 MB.'], 'and not a byte more');
SELECT workflow.begin_file('Too') AS other \gset
SELECT FROM workflow.put_file('too', 'x');
SELECT is((error(format('SELECT workflow.end_file(%s, sha256(''''))', :other)))[1], '42710', 'somebody was quicker');

-- rights
SET ROLE regress_clerk;
SELECT is((SELECT count(*)::int FROM workflow.files), 0, 'others see nothing');
SELECT is((SELECT count(*)::int FROM workflow.file_requests), 0, 'of what was done, too');
SELECT is(error($$SELECT workflow.get_file('a/b')$$), ARRAY['WF002', 'permission denied to read file "a/b"', 'HINT: Its owner can allow it with workflow.grant_on(''file:PATH'', ..., ''read'').'], 'and read nothing');
SELECT is((error($$SELECT workflow.get_file_part('a/b', 5, 0, 1)$$))[1], 'WF002', 'not a part');
SELECT is((error($$SELECT workflow.put_file('a/b', 'mine')$$))[1:2], ARRAY['WF002', 'permission denied to write file "a/b"'], 'or write');
SELECT is((error($$SELECT workflow.delete_file('a/b')$$))[1], 'WF002', 'or delete');
SELECT is((error($$SELECT workflow.begin_file('a/b')$$))[1], 'WF002', 'or send parts');
SELECT is((error(format('SELECT workflow.put_file_part(%s, 0, '''')', :other)))[1:2], ARRAY['WF002', format('upload %s is another role''s', :other)], 'of what others send');
SELECT is((error($$SELECT workflow.grant_on('file:a/b', 'regress_clerk', 'read')$$))[1:2], ARRAY['WF002', 'must be owner of file "a/b"'], 'or grant');
SELECT is((SELECT version FROM workflow.put_file('mine', 'x')), 1::bigint, 'what is new is theirs');
SET ROLE regress_app;
SELECT FROM workflow.grant_on('file:a/b', 'regress_clerk', 'read');
SELECT is((SELECT string_agg(concat_ws(' ', act, kind, object, detail->>'role'), ', ') FROM workflow.audit), 'grant_on file a/b regress_clerk', 'its owner sees who was granted what');
SELECT is((error($$SELECT workflow.grant_on('file:a/', 'regress_clerk', 'read')$$))[1], 'WF002', 'a directory is granted by administrators');
SELECT is((error($$SELECT workflow.grant_on('file:../', 'regress_clerk', 'read')$$))[1], '22023', 'not any');
SELECT is((error($$SELECT workflow.grant_on('file:a/b', 'regress_clerk', 'send')$$))[3], 'HINT: Privileges on files are read and write.', 'and not any privilege');
SELECT FROM workflow.put_file('a/bc', 'x');
SELECT FROM workflow.put_file('a/d/e', 'x');
SET ROLE regress_clerk;
SELECT is(workflow.get_file('a/b'), '', 'who was granted it reads');
SELECT is((SELECT array_agg(path ORDER BY path) FROM workflow.files), '{a/b,mine}', 'that file');
SELECT is((error($$SELECT workflow.put_file('a/b', 'mine')$$))[1], 'WF002', 'and does not write');
RESET ROLE;
SELECT FROM workflow.grant_on('file:a/', 'regress_stranger', 'read', 'write');
SET ROLE regress_stranger;
SELECT is((SELECT array_agg(path ORDER BY path) FROM workflow.files), '{a/b,a/bc,a/d/e}', 'a directory, and all below it');
SELECT is((SELECT version FROM workflow.put_file('a/d/e', 'y')), 2::bigint, 'may be written');
SELECT is((SELECT version FROM workflow.delete_file('a/d/e') d(version)), 3::bigint, 'and deleted');
RESET ROLE;
SELECT is((SELECT owner FROM workflow.file_versions WHERE path = 'a/d/e' AND version = 2), 'regress_app', 'that changes no owner');
SELECT FROM workflow.revoke_on('file:a/', 'regress_stranger', 'read', 'write');
SET ROLE regress_stranger;
SELECT is((SELECT count(*)::int FROM workflow.files), 0, 'until it is revoked');
SELECT FROM workflow.put_file('a/d/e', 'z');
SELECT is((error($$SELECT workflow.get_file('a/d/e', 2)$$))[1], 'WF002', 'who takes a path over that was deleted does not read what was there');
SET ROLE regress_app;
SELECT is((error($$SELECT workflow.get_file('a/d/e')$$))[1], 'WF002', 'and is its owner');
SELECT FROM workflow.delete_file('a/b');
SELECT FROM workflow.put_file('a/b', 'anew');
SET ROLE regress_clerk;
SELECT is((error($$SELECT workflow.get_file('a/b')$$))[1], 'WF002', 'a grant ends with the file');

-- owners
RESET ROLE;
SELECT is((app.error('DROP ROLE regress_clerk'))[1], '2BP01', 'who owns files is not dropped');
SELECT is((app.error('DROP OWNED BY regress_clerk'))[1], '2BP01', 'nor what it owns');
SELECT ok(workflow.change_owner('file:mine', 'regress_app'), 'a file is given away');
SELECT is((SELECT owner FROM workflow.files WHERE path = 'mine'), 'regress_app', 'to this one');
SELECT is((app.error($$SELECT workflow.change_owner('file:none', 'regress_app')$$))[1:2], ARRAY['WF010', 'file "none" does not exist'], 'if there is one');
REASSIGN OWNED BY regress_stranger TO regress_app;
SELECT is((SELECT owner FROM workflow.files WHERE path = 'a/d/e'), 'regress_app', 'or with all the rest');
SELECT is((app.error('DROP OWNED BY regress_clerk; DROP ROLE regress_clerk'))[1], 'no error', 'and then the role can be dropped');
SELECT is((SELECT version FROM workflow.put_file('of a superuser', 'x')), 1::bigint, 'no code of a file runs, so a superuser may own one');
SELECT is((SELECT count(*)::int FROM workflow.check()), 0, 'everything fits together');

\set end :srcdir '/end.psql'
\i :end
