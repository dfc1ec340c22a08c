# A hot standby as a runtime of its primary: it does jobs that only read, after it has replayed
# what they are to see, and is a primary like any other when it is promoted.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(allows_streaming => 1);
$home->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nworkflow.sweep_interval = 1s");
$home->start;
$home->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($home, 'clerk');
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app AUTHORIZATION clerk});
as($home, 'clerk', q{
	CREATE TABLE app.item (n int);
	CREATE SEQUENCE app.numbers;
	CREATE FUNCTION app.look(params jsonb) RETURNS jsonb LANGUAGE sql AS
		$$SELECT jsonb_build_object('standby', pg_is_in_recovery(), 'items', (SELECT count(*) FROM app.item), 'user', session_user)$$;
	CREATE FUNCTION app.put(params jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO app.item VALUES (0)';
	CREATE FUNCTION app.fail(params jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'not today' USING ERRCODE = 'UT001'; END$$;
	CREATE FUNCTION app.large(params jsonb) RETURNS text LANGUAGE sql AS $$SELECT repeat('x', 1000000)$$;
	CREATE FUNCTION app.leave(params jsonb) RETURNS int LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_advisory_lock(1); EXECUTE 'PREPARE p AS SELECT 1'; RETURN 1; END$$;
	CREATE FUNCTION app.slow(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_sleep((params->>'s')::float); RETURN jsonb_build_object('standby', pg_is_in_recovery()); END$$;
	-- as long as the gate there is closed
	CREATE FUNCTION app.gated(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN jsonb_build_object('standby', pg_is_in_recovery()); END$$;
	-- which ends on a standby only when it is canceled
	CREATE FUNCTION app.stay(params jsonb) RETURNS jsonb LANGUAGE sql AS
		$$SELECT app.slow(jsonb_build_object('s', CASE WHEN pg_is_in_recovery() THEN 600 ELSE 0 END))$$;
	CREATE FUNCTION app.careful(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$BEGIN RETURN app.stay(params); EXCEPTION WHEN division_by_zero THEN RETURN NULL; END$$;
	CREATE FUNCTION app.stumble(params jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'mine' USING ERRCODE = '40001'; END$$;
	CREATE TABLE app.own (n int);
	INSERT INTO app.own VALUES (7);
	CREATE FUNCTION app.says(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM workflow.report_progress(1, 2, 'on a standby');
		PERFORM workflow.write_log('info', 'hello', to_jsonb(pg_is_in_recovery()));
		IF workflow.checkpoint('go') IS NULL THEN
			PERFORM workflow.park(event => 'go');
		END IF;
		RETURN workflow.checkpoint('go');
	END $$;
	CREATE FUNCTION app.saves(params jsonb) RETURNS void LANGUAGE sql AS $$SELECT workflow.save_checkpoint('a', '1')$$;
	CREATE PROCEDURE app.steps(params jsonb) LANGUAGE plpgsql AS 'BEGIN END';
	SELECT workflow.create_queue('read', placement => '{standby,local}'), workflow.create_queue('only', placement => '{standby}');
	SELECT workflow.create_job('look', 'app.look', queue => 'read'), workflow.create_job('put', 'app.put', queue => 'only'),
		workflow.create_job('next', $$SELECT nextval('app.numbers')$$, queue => 'only'),
		workflow.create_job('temporary', $$SELECT * INTO TEMPORARY t FROM app.item$$, queue => 'only'),
		workflow.create_job('sum', 'SELECT $a + $b', '{"a": "int", "b": "int"}', queue => 'only'),
		workflow.create_job('fail', 'app.fail', queue => 'only', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}'),
		workflow.create_job('large', 'app.large', queue => 'only'), workflow.create_job('leave', 'app.leave', queue => 'only'),
		workflow.create_job('careful', 'app.careful', queue => 'read'),
		workflow.create_job('stumble', 'app.stumble', queue => 'only', retry => '{"errors": "*", "maxAttempts": 0}'),
		workflow.create_job('slow', 'app.slow', queue => 'read'), workflow.create_job('stay', 'app.stay', queue => 'read'),
		workflow.create_job('long', 'app.stay', queue => 'read', timeout => '1 hour'),
		workflow.create_job('gated', 'app.gated', queue => 'read'), workflow.create_job('alone', 'app.gated', queue => 'only'),
		workflow.create_job('brief', 'app.slow', queue => 'only',
			timeout => '200 ms', retry => '{"errors": "*", "maxAttempts": 0}'),
		workflow.create_job('steps', 'app.steps', queue => 'only', mode => 'tracked'),
		workflow.create_job('says', 'app.says', queue => 'only'), workflow.create_job('saves', 'app.saves', queue => 'only');
	SET search_path = app, public;
	SELECT workflow.create_job('own', 'SELECT n FROM own', queue => 'only')});

sub run_of { return as($home, 'clerk', "SELECT workflow.run_job('$_[0]', '" . ($_[1] // '{}') . "')"); }
sub result_of { return $_[0]->safe_psql('postgres', "SELECT result FROM workflow.get_run('$_[1]')"); }

sub wait_for_state
{
	my ($run, $state, $node) = @_;

	wait_for($node // $home, "SELECT state = '$state' FROM workflow.get_run('$run')", "run $run to be $state");
	return;
}

$home->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($home, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "workflow.runtime_id = 'S'\nmax_standby_streaming_delay = 100ms\n"
	. "workflow.remote = 'host=" . $home->host . ' port=' . $home->port . " dbname=postgres user=link'");
$standby->start;

# ---- it joins, and works ----------------------------------------------------------------

sub wait_until_alive
{
	wait_for($standby, q{SELECT state = 'alive' AND courier_pid IS NOT NULL FROM workflow.membership}, 'S to be alive');
	return;
}

wait_until_alive();
is($home->safe_psql('postgres', q{SELECT kind, state FROM workflow.runtimes WHERE id = 'S'}), 'standby|alive', 'a standby is a runtime of its primary');

my $run;
foreach my $n (1 .. 20)
{
	$run = as($home, 'clerk', q{INSERT INTO app.item VALUES (1) RETURNING workflow.run_job('look')});
	wait_for_state($run, 'finished');
	is(result_of($home, $run), qq({"user": "clerk", "items": $n, "standby": true}), "run $n is done there, as its owner, and sees what was committed before");
}
$run = run_of('sum', '{"a": 40, "b": 2}');
wait_for_state($run, 'finished');
is(result_of($home, $run), 42, 'a statement with parameters');
$run = run_of('own');
wait_for_state($run, 'finished');
is(result_of($home, $run), 7, 'with the search_path that the job was made with');
$run = run_of('large');
wait_for_state($run, 'finished');
is($home->safe_psql('postgres', "SELECT length(result #>> '{}') FROM workflow.get_run('$run')"), 1_000_000, 'a large result');
foreach my $n (1 .. 3)
{
	$run = run_of('leave');
	wait_for_state($run, 'finished');
	is(result_of($home, $run), 1, 'what a session has left does not get in the way of the next one');
}

# ---- what it says of itself ---------------------------------------------------------------------

$run = run_of('says');
wait_for($home, "SELECT waits_for = 'signal' FROM workflow.get_run('$run')", 'it to wait for a signal');
is($home->safe_psql('postgres', "SELECT progress - 'at' FROM workflow.get_run('$run')"), '{"done": 1, "note": "on a standby", "total": 2}', 'its progress');
as($home, 'clerk', "SELECT workflow.signal('$run', 'go', '3')");
wait_for_state($run, 'finished');
is(result_of($home, $run), 3, 'it finds what was signalled');
is($home->safe_psql('postgres', "SELECT string_agg(message || ' ' || data, ', ' ORDER BY n) FROM workflow.run_logs WHERE run = '$run'"),
	'hello true, hello true', 'and its log is told');

# ---- what it cannot do ------------------------------------------------------------------------

foreach my $job ('put', 'next', 'temporary', 'saves')
{
	$run = run_of($job);
	wait_for_state($run, 'failed');
	is($home->safe_psql('postgres', "SELECT error ->> 'code', attempt, error ->> 'hint' ~ 'standby, which can only read' FROM workflow.get_run('$run')"),
		'25006|1|t', "job $job cannot write, finally");
}
$run = run_of('steps');
wait_for_state($run, 'failed');
is($home->safe_psql('postgres', "SELECT error ->> 'code' FROM workflow.get_run('$run')"), '0A000', 'nor be tracked');
$run = run_of('fail');
wait_for_state($run, 'failed');
is($home->safe_psql('postgres', "SELECT error ->> 'code', attempt FROM workflow.get_run('$run')"), 'UT001|2', 'what fails is tried again, as its job has it');
$run = run_of('brief', '{"s": 60}');
wait_for_state($run, 'failed');
like($home->safe_psql('postgres', "SELECT error ->> 'code' FROM workflow.get_run('$run')"), qr/^(?:timeout|57014)$/, 'a job has its timeout');
is($home->safe_psql('postgres', 'SELECT count(*) FROM app.item'), 20, 'nothing was written');

# ---- what is ended in the middle ----------------------------------------------------------------

my $at_work = q{FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event IN ('PgSleep', 'advisory')};
sub executor_at_work
{
	wait_for($standby, "SELECT count(*) = 1 $at_work", 'a run to be under way');
	return;
}

my $gate;
sub close_gate
{
	$gate = $standby->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	return;
}

$run = run_of('slow', '{"s": 600}');
executor_at_work();
as($home, 'clerk', "SELECT workflow.cancel_run('$run', force => true)");
wait_for_state($run, 'aborted');
wait_for($standby, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event = 'PgSleep'}, 'it to be canceled');
pass('a run there is cancelled');
foreach my $kind ('courier', 'link')
{
	wait_until_alive();
	close_gate();
	$run = run_of('gated');
	executor_at_work();
	$standby->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'workflow $kind'");
	$gate->quit;
	wait_for_state($run, 'finished');
	pass("workflow $kind was terminated");
}

# ---- behind ------------------------------------------------------------------------------------

wait_until_alive();
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$run = as($home, 'clerk', q{INSERT INTO app.item VALUES (1) RETURNING workflow.run_job('look')});
wait_for_state($run, 'finished');
is(result_of($home, $run), '{"user": "clerk", "items": 21, "standby": false}', 'when it is too far behind, the next placement does it');
is($home->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), 1, 'no attempt was counted');
wait_for($standby, q{SELECT state = 'waiting' AND trouble LIKE '%too far behind%' FROM workflow.membership}, 'it to wait until it is not');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
wait_until_alive();
$run = run_of('look');
wait_for_state($run, 'finished');
like(result_of($home, $run), qr/"standby": true/, 'and goes on');

# ---- in the way of recovery --------------------------------------------------------------------

# What was deleted is taken away, and recovery does not wait for who may see it still.
sub clean_up
{
	$home->safe_psql('postgres', 'CREATE TABLE IF NOT EXISTS litter (n int); INSERT INTO litter SELECT generate_series(1, 100)');
	$home->safe_psql('postgres', 'DELETE FROM litter');
	$home->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP off, TRUNCATE off) litter');
	return;
}

sub conflicts { return $standby->safe_psql('postgres', q{SELECT sum(confl_snapshot) FROM pg_stat_database_conflicts}); }

my $before = conflicts();
close_gate();
$run = run_of('gated');
executor_at_work();
my $began = $standby->safe_psql('postgres', "SELECT xact_start $at_work");
clean_up();
wait_for($standby, "SELECT count(*) = 1 $at_work AND xact_start <> '$began'", 'it to be done once more');
$gate->quit;
wait_for_state($run, 'finished');
is(result_of($home, $run), '{"standby": true}', 'a run that recovery has canceled is done once more there');
is($home->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), 1, 'no attempt was counted');
wait_for($standby, "SELECT sum(confl_snapshot) > $before FROM pg_stat_database_conflicts", 'that to be counted');
is(conflicts() - $before, 1, 'that it was canceled is true');

foreach my $job ('stay', 'careful')
{
	wait_until_alive();
	$run = run_of($job);
	executor_at_work();
	while ($home->safe_psql('postgres', "SELECT runtime = 'S' FROM workflow.get_run('$run')") eq 't')
	{
		clean_up();
		sleep(1);
	}
	wait_for_state($run, 'finished');
	is(result_of($home, $run), '{"standby": false}', "job $job: what it cancels again and again, or ends, the next placement does");
	is($home->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), 1, "job $job: no attempt was counted");
	$run = run_of('look');
	wait_for_state($run, 'finished');
	like(result_of($home, $run), qr/"standby": true/, 'others it goes on with');
}

# What may take longer than recovery waits is not tried there again.
$run = run_of('long');
executor_at_work();
clean_up();
wait_for_state($run, 'finished');
is(result_of($home, $run), '{"standby": false}', 'a job with a long timeout goes elsewhere after one conflict');

# Where there is nobody else, it is tried again later.
close_gate();
$run = run_of('alone');
executor_at_work();
while ($home->safe_psql('postgres', "SELECT state = 'running' FROM workflow.get_run('$run')") eq 't')
{
	clean_up();
	sleep(1);
}
$gate->quit;
wait_for_state($run, 'finished');
is(result_of($home, $run), '{"standby": true}', 'with no other placement it is tried again');
is($home->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), 1, 'without an attempt');
$run = run_of('stumble');
wait_for_state($run, 'failed');
is($home->safe_psql('postgres', "SELECT error ->> 'message', attempt FROM workflow.get_run('$run')"), 'mine|1', 'an error that only looks so is one of the job');

# ---- stopped ------------------------------------------------------------------------------------

$standby->stop;
wait_for($home, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'S'}, 'S to be dead');
$run = run_of('look');
wait_for_state($run, 'finished');
like(result_of($home, $run), qr/"standby": false/, 'when it is not there, the next placement does it');
$standby->start;
wait_until_alive();

# ---- promoted ----------------------------------------------------------------------------------

$run = run_of('stay');
executor_at_work();
$home->wait_for_catchup($standby);
$home->stop('immediate');
$standby->promote;
wait_for_state($run, 'finished', $standby);
is(result_of($standby, $run), '{"standby": false}', 'what it was at it does as the primary');
wait_for($standby, q{SELECT count(*) = 1 AND bool_and(id = 'S' AND kind = 'local') FROM workflow.runtimes WHERE state = 'alive'}, 'it to be registered');
pass('it is the server that holds the database, under its id');
wait_for($standby, q{SELECT state = 'none' AND epoch IS NULL FROM workflow.membership}, 'its link to hear of that');
pass('and no runtime of another one');
$run = as($standby, 'clerk', q{SELECT workflow.run_job('look')});
wait_for_state($run, 'finished', $standby);
like(result_of($standby, $run), qr/"standby": false/, 'it goes on');

# It is started anew, and finds the old primary where it was.
$home->start;
$standby->restart;
wait_for($standby, q{SELECT trouble ~ 'it is an old primary' FROM workflow.membership}, 'it to see that the other one is an old primary');
is($standby->safe_psql('postgres', q{SELECT id, kind FROM workflow.runtimes WHERE state = 'alive'}), 'S|local', 'it stays what it is');

$home->stop('immediate');
$standby->stop;
done_testing();
