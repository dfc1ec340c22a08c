\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\set world :srcdir '/bad/world.psql'
\set expected :srcdir '/bad/expected_places.psql'
\set end :srcdir '/end.psql'
\set places :srcdir '/bad/places.psql'

-- Every function and procedure where it is hardly ever called: read-only, in
-- functions, procedures and triggers, prepared, through a cursor; and all of it
-- in every isolation level. Written down in test/bad/expected_places.psql, as for
-- bad_input.sql.
\i :begin
\i :places
\i :end
SET default_transaction_isolation TO 'repeatable read';
\i :begin
\i :places
\i :end
SET default_transaction_isolation TO 'serializable';
\i :begin
\i :places
\i :end
RESET default_transaction_isolation;

-- await(), await_work() and await_run() at their own place, the top.
\set ON_ERROR_STOP 0
\set VERBOSITY default
CALL workflow.await(NULL);
CALL workflow.await('01234567-89ab-7def-8000-000000000000');
CALL workflow.await('01234567-89ab-7def-8000-000000000000', '', '-1 day');
CALL workflow.await('01234567-89ab-7def-8000-000000000000', timeout => '178000000 years');
CALL workflow.await('01234567-89ab-7def-8000-000000000000', timeout => NULL);
CALL workflow.await_work(NULL);
CALL workflow.await_work('');
CALL workflow.await_work('nobody');
CALL workflow.await_work('job:nobody');
CALL workflow.await_work('nobody', '-1 day');
CALL workflow.await_work('nobody', '178000000 years');
CALL workflow.await_work('nobody', NULL);
CALL workflow.wait_for_lsn(NULL);
CALL workflow.wait_for_lsn('FFFFFFFF/FFFFFFFF');
CALL workflow.wait_for_lsn('0/0', NULL);
CALL workflow.wait_for_lsn('0/0', '-1 day');
CALL workflow.wait_for_lsn('0/0', '178000000 years');
CALL workflow.await_run(NULL);
CALL workflow.await_run('{}');
CALL workflow.await_run('{NULL}');
CALL workflow.await_run('{01234567-89ab-7def-8000-000000000000}');
CALL workflow.await_run('{01234567-89ab-7def-8000-000000000000}', 'some');
CALL workflow.await_run('{01234567-89ab-7def-8000-000000000000}', NULL);
CALL workflow.await_run('{01234567-89ab-7def-8000-000000000000}', timeout => '178000000 years');
