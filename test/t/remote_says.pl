# What the code of a run says of it on another instance of PostgreSQL, or on a standby: its
# progress, its log, what it keeps for its next attempt, and that it waits.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Cable;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $home = workflow_node('home', "listen_addresses = '127.0.0.1'", 'workflow.sweep_interval = 1s');
my $cable = Cable->new($home->port);
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app AUTHORIZATION clerk});

my $away = workflow_node('away', "workflow.runtime_id = 'B'", "workflow.remote_database = 'postgres'",
	"workflow.remote = 'host=127.0.0.1 port=$cable->{port} dbname=postgres user=link'");
$away->safe_psql('postgres', q{
	CREATE ROLE worker LOGIN;
	GRANT workflow_user TO worker;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.page (run text, n int);
	CREATE TABLE app.gate (name text PRIMARY KEY);
	-- each page is committed; it stops behind the second one until there is a gate
	CREATE PROCEDURE app.import(params jsonb, run jsonb) LANGUAGE plpgsql AS $$
	DECLARE
		page int := COALESCE(workflow.checkpoint('page')::int, 0);
	BEGIN
		PERFORM workflow.write_log('info', 'begun behind page ' || page, to_jsonb(page));
		WHILE page < 3 LOOP
			page := page + 1;
			INSERT INTO app.page VALUES (run->>'run', page);
			PERFORM workflow.save_checkpoint('page', to_jsonb(page));
			PERFORM workflow.report_progress(page, 3, 'page ' || page);
			COMMIT;
			IF page = 2 AND params ? 'fail' AND (run->>'attempt')::int = 1 THEN
				RAISE 'not today' USING ERRCODE = 'UT001';
			END IF;
			WHILE page = 2 AND NOT EXISTS (SELECT FROM app.gate WHERE name = params->>'gate') LOOP
				PERFORM pg_sleep(0.05);
				COMMIT;
			END LOOP;
		END LOOP;
		PERFORM workflow.write_log('Notice', 'imported „alles“');
	END $$;
	CREATE FUNCTION app.approval(params jsonb, run jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		IF workflow.checkpoint('approved') IS NULL THEN
			PERFORM workflow.write_log('info', 'waits');
			PERFORM workflow.park(event => 'approved');
			RETURN '"ignored"';
		END IF;
		RETURN workflow.checkpoint('approved');
	END $$;
	CREATE FUNCTION app.later(params jsonb) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		IF workflow.checkpoint('begun') IS NULL THEN
			PERFORM workflow.save_checkpoint('begun', 'true');
			PERFORM workflow.park(clock_timestamp() + interval '0.2 seconds');
		END IF;
		RETURN 'done';
	END $$;
	CREATE FUNCTION app.chatter(params jsonb) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 1005 LOOP
			PERFORM workflow.write_log('debug', 'line ' || i);
		END LOOP;
		BEGIN
			PERFORM workflow.park(clock_timestamp());
			RAISE 'back';
		EXCEPTION WHEN raise_exception THEN
			PERFORM workflow.write_log('error', 'left out, too');
		END;
		RETURN 1;
	END $$;
	CREATE FUNCTION app.waits_for_runs(params jsonb, run jsonb) RETURNS void LANGUAGE sql AS
		$$SELECT workflow.park(runs => ARRAY[(params->>'run')::uuid])$$;
	CREATE FUNCTION app.many(params jsonb[]) RETURNS jsonb[] LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM workflow.report_progress(7);
		RETURN ARRAY['1'::jsonb];
	END $$;
	RESET ROLE;
	SELECT workflow.map_owner('clerk', 'worker')});
as($home, 'clerk', q{
	CREATE PROCEDURE app.import(params jsonb, run jsonb) LANGUAGE sql AS '';
	CREATE FUNCTION app.approval(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT params';
	CREATE FUNCTION app.later(params jsonb) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
	CREATE FUNCTION app.chatter(params jsonb) RETURNS int LANGUAGE sql AS 'SELECT 0';
	CREATE FUNCTION app.waits_for_runs(params jsonb, run jsonb) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION app.many(params jsonb[]) RETURNS jsonb[] LANGUAGE sql AS 'SELECT params';
	SELECT workflow.create_queue('far', placement => '{runtime:B}');
	SELECT workflow.create_job('import', 'app.import', mode => 'tracked', queue => 'far',
		retry => '{"errors": "*", "maxAttempts": 3, "intervalSeconds": 0.05}');
	SELECT workflow.create_job(name, 'app.' || name, queue => 'far', retry => '{"errors": "*", "maxAttempts": 1}')
	FROM unnest('{approval,later,chatter,waits_for_runs,many}'::text[]) name});

sub run_of { my ($job, $params) = @_; return as($home, 'clerk', "SELECT workflow.run_job('$job', '$params')"); }
sub of_run { my ($run, $what) = @_; return $home->safe_psql('postgres', "SELECT $what FROM workflow.get_run('$run')"); }

sub wait_for_run
{
	my ($run, $condition, $what) = @_;

	wait_for($home, "SELECT $condition FROM workflow.get_run('$run')", $what);
	return;
}

# ---- progress, seen while it is made; what is kept, also over a crash ----------------------------

my $run = run_of('import', '{"gate": "a"}');
wait_for_run($run, q{progress->>'done' = '2'}, 'its progress to be seen');
is(of_run($run, q{state, progress - 'at'}), 'running|{"done": 2, "note": "page 2", "total": 3}', 'progress is seen at once');
$away->stop('immediate');
$away->start;
$away->safe_psql('postgres', q{INSERT INTO app.gate VALUES ('a')});
wait_for_run($run, q{state = 'finished'}, 'the run to finish');
is($away->safe_psql('postgres', "SELECT string_agg(n::text, ',' ORDER BY n) FROM app.page WHERE run = '$run'"), '1,2,3',
	'after a crash it goes on behind what it has kept');
is(of_run($run, q{attempt, progress - 'at'}), '1|{"done": 3, "note": "page 3", "total": 3}', 'which is no other attempt');
is($home->safe_psql('postgres', "SELECT severity, message, data FROM workflow.run_logs WHERE run = '$run' ORDER BY n"),
	"info|begun behind page 2|2\nnotice|imported „alles“|", 'its log is told with its end');
is($away->safe_psql('postgres', "SELECT count(*) FROM workflow.checkpoint"), 0, 'what it has kept has gone');

# ---- an attempt that fails ----------------------------------------------------------------------

$away->safe_psql('postgres', q{INSERT INTO app.gate VALUES ('b')});
$run = run_of('import', '{"gate": "b", "fail": true}');
wait_for_run($run, q{state = 'finished'}, 'the second attempt to finish');
is(of_run($run, 'attempt'), 2, 'after an error it is tried again');
is($home->safe_psql('postgres', "SELECT attempt, message FROM workflow.run_logs WHERE run = '$run' ORDER BY n"),
	"1|begun behind page 0\n2|begun behind page 2\n2|imported „alles“", 'the log has both attempts');
is($away->safe_psql('postgres', "SELECT string_agg(n::text, ',' ORDER BY n) FROM app.page WHERE run = '$run'"), '1,2,3', 'and nothing was done twice');

# ---- waiting --------------------------------------------------------------------------------------

$run = run_of('approval', '{}');
wait_for_run($run, q{state = 'waiting' AND waits_for = 'signal'}, 'it to wait for a signal');
is($away->safe_psql('postgres', "SELECT state, result IS NULL, said->'park' FROM workflow.outcomes WHERE run = '$run'"),
	'parked|t|[null, "approved"]', 'what its code has returned is ignored');
as($home, 'clerk', "SELECT workflow.signal('$run', 'approved', '{\"by\": \"ann\"}')");
wait_for_run($run, q{state = 'finished'}, 'it to go on');
is(of_run($run, 'attempt, result'), '1|{"by": "ann"}', 'it finds what was signalled, in the same attempt');

# the signal is there first
$run = as($home, 'clerk', q{SELECT workflow.run_job('approval', at => now() + interval '1 hour')});
as($home, 'clerk', "SELECT workflow.signal('$run', 'approved', '1'); SELECT workflow.alter_runs('{\"ids\": [\"$run\"]}', '{\"due\": \"2020-01-01\"}')");
wait_for_run($run, q{state = 'finished'}, 'it to find the signal');
is(of_run($run, 'result'), 1, 'a signal that came first is found');

$run = run_of('later', '{}');
wait_for_run($run, q{state = 'finished'}, 'it to wait for a while');
is($home->safe_psql('postgres', "SELECT attempt, result FROM workflow.get_run('$run')"), '1|"done"', 'it waits until a time');
is($away->safe_psql('postgres', "SELECT string_agg(state, ',' ORDER BY number) FROM workflow.outcomes WHERE run = '$run'"), 'parked,finished', 'and begins anew');

# ---- limits -----------------------------------------------------------------------------------------

$run = run_of('chatter', '{}');
wait_for_run($run, q{state = 'finished'}, 'it to say a lot');
is($home->safe_psql('postgres', "SELECT count(*), min(message) FILTER (WHERE severity = 'warning') FROM workflow.run_logs WHERE run = '$run'"),
	'1001|6 more lines were left out', 'a log has an end, and a wait that was rolled back is none');
$run = run_of('waits_for_runs', qq{{"run": "$run"}});
wait_for_run($run, q{state = 'failed'}, 'it to be refused');
is(of_run($run, q{error->>'code'}), '0A000', 'it cannot wait for runs');
$run = run_of('many', '{}');
wait_for_run($run, q{state = 'finished'}, 'a function of many to finish');
is(of_run($run, q{progress->>'done'}), 7, 'which tells its progress, too');

# more than is given to another server
as($home, 'clerk', q{SELECT workflow.create_queue('outside'); SELECT workflow.create_job('large', queue => 'outside')});
$run = as($home, 'clerk', q{SELECT workflow.run_job('approval', at => now() + interval '1 hour')});
as($home, 'clerk', "SELECT workflow.signal('$run', 'large', to_jsonb(repeat('x', 1100000))); SELECT workflow.alter_runs('{\"ids\": [\"$run\"]}', '{\"due\": \"2020-01-01\"}')");
wait_for_run($run, q{state = 'failed'}, 'it to fail');
is(of_run($run, q{error->>'code'}), '54000', 'what is too large to be given is said to be');

# ---- who says it ---------------------------------------------------------------------------------------

my ($status, $out, $err) = $home->psql('postgres',
	qq{SET ROLE link; SELECT workflow.report_placed('$run', 1, '{}'), workflow.report_placed('$run', 1, '{"lines": [["now", "loud", "x", null]]}')});
like($err, qr/ERROR:  what the run has said makes no sense/, 'nonsense is refused');
is($home->safe_psql('postgres', qq{SET ROLE link; SELECT workflow.report_placed('$run', 1, '{"progress": {"done": 1}}')}), 'f', 'and who has not the run is told so');
($status, $out, $err) = $away->psql('postgres', q{SET ROLE worker; SELECT workflow.report_progress(1)});
like($err, qr/arguments "run" and "fence" must not be null/, 'outside of a run there is none');

is($home->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'everything fits together');
unlike(log_since($home) . log_since($away), qr/TRAP|PANIC/, 'both are well');
$away->stop;
$home->stop;
$cable->end;
done_testing();
