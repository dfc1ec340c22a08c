# What runs say of themselves while executors do them: progress that is seen at once, a log
# that is kept whatever becomes of the attempt, checkpoints that later attempts find, and
# runs that wait and begin anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('inside', 'workflow.max_executors = 4', 'workflow.retry_delay = 100ms', 'restart_after_crash = on');

workflow_role($node, 'cook');
$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SET search_path = shop;
	CREATE TABLE mark (n int GENERATED ALWAYS AS IDENTITY, what text);
	CREATE TABLE told (run jsonb);
	-- waits at the gate, then finds what it has saved
	CREATE PROCEDURE long(params jsonb, run jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM workflow.report_progress(1, 3, 'begun');
		PERFORM workflow.write_log('info', 'begun', run - '{run,due}'::text[]);
		PERFORM workflow.save_checkpoint('at', '1');
		COMMIT;
		PERFORM pg_advisory_xact_lock(7);
		PERFORM workflow.report_progress(3, 3);
		INSERT INTO mark (what) VALUES ('at ' || (workflow.checkpoint('at'))::text);
	END $$;
	-- fails until it has done its parts
	CREATE PROCEDURE parts(params jsonb) LANGUAGE plpgsql AS $$
	DECLARE
		part int := COALESCE(workflow.checkpoint('part')::int, 0) + 1;
	BEGIN
		INSERT INTO mark (what) VALUES ('part ' || part);
		PERFORM workflow.save_checkpoint('part', to_jsonb(part));
		PERFORM workflow.write_log('Notice', 'part', to_jsonb(part));
		COMMIT;
		IF part < 3 THEN
			INSERT INTO mark (what) VALUES ('undone');
			RAISE 'part % is not the last', part;
		END IF;
	END $$;
	-- waits for an event and for its children
	CREATE FUNCTION parent(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE
		children jsonb := workflow.checkpoint('children');
	BEGIN
		IF children IS NULL THEN
			children := to_jsonb(ARRAY(SELECT workflow.run_jobs('child', ARRAY['{"n": 1}', '{"n": 2}']::jsonb[])));
			PERFORM workflow.save_checkpoint('children', children);
			PERFORM workflow.park(runs => ARRAY(SELECT jsonb_array_elements_text(children)::uuid));
			RETURN '"ignored"';
		END IF;
		IF workflow.checkpoint('go') IS NULL THEN
			PERFORM workflow.park(event => 'go');
			RETURN NULL;
		END IF;
		RETURN (SELECT jsonb_agg(r.result ORDER BY r.result) FROM jsonb_array_elements_text(children) c, workflow.get_run(c::uuid) r);
	END $$;
	CREATE FUNCTION child(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT params $$;
	-- is parked in a block that is rolled back
	CREATE FUNCTION fickle(params jsonb) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		BEGIN
			PERFORM workflow.park('2100-01-01');
			RAISE 'no';
		EXCEPTION WHEN raise_exception THEN
			RETURN 'went on';
		END;
	END $$;
	CREATE FUNCTION fails(params jsonb, run jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO told VALUES (run);
		PERFORM workflow.report_progress((run->>'attempt')::int);
		PERFORM workflow.write_log('warning', 'it will fail');
		RAISE 'as it said';
	END $$;
	CREATE FUNCTION told(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS $$
		INSERT INTO told VALUES (run);
		SELECT workflow.write_log('info', params::text);
		SELECT run $$;
	CREATE FUNCTION chatty(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..1010 LOOP
			PERFORM workflow.write_log('debug', 'line ' || i);
		END LOOP;
	END $$;
	CREATE TABLE many (n int);
	CREATE FUNCTION many(runs jsonb[]) RETURNS int[] LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM unnest(runs) r WHERE r->>'n' = '7') THEN RAISE 'not 7'; END IF;
		INSERT INTO many VALUES (cardinality(runs));
		RETURN ARRAY(SELECT (r->>'n')::int * 2 FROM unnest(runs) WITH ORDINALITY u(r, o) ORDER BY o);
	END $$;
	SELECT workflow.create_job('many', 'many', '{"n": "int"}', retry => '{"errors": "*", "maxAttempts": 0}');
	SELECT workflow.create_job('long', 'long', mode => 'tracked');
	SELECT workflow.create_job('parts', 'parts', mode => 'tracked', retry => '{"errors": "*", "maxAttempts": 5, "intervalSeconds": 0.05}');
	SELECT workflow.create_job('child', 'child');
	SELECT workflow.create_job('parent tracked', 'parent', mode => 'tracked');
	SELECT workflow.create_job('parent atomic', 'parent');
	SELECT workflow.create_job('fickle tracked', 'fickle', mode => 'tracked');
	SELECT workflow.create_job('fickle atomic', 'fickle');
	SELECT workflow.create_job('fails tracked', 'fails', mode => 'tracked', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}');
	SELECT workflow.create_job('fails atomic', 'fails', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}');
	SELECT workflow.create_job('told', 'told');
	SELECT workflow.create_job('chatty', 'chatty')});

sub run_job { my ($job, $rest) = @_; return as($node, 'clerk', "SELECT workflow.run_job('$job'" . ($rest // '') . ')'); }
sub get { my ($run, $what) = @_; return as($node, 'clerk', "SELECT $what FROM workflow.get_run('$run')"); }

sub wait_for_end
{
	my ($run) = @_;

	wait_for($node, "SELECT EXISTS (SELECT FROM workflow.run_history WHERE run = '$run')", "the end of $run");
	return;
}

sub logs { my ($run) = @_; return as($node, 'clerk', "SELECT attempt, severity, message, data FROM workflow.run_logs WHERE run = '$run' ORDER BY n"); }

# --- progress, checkpoints ------------------------------------------------------------------

my $at_gate = q{SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted};
my $gate;

sub close_gate
{
	$gate = $node->background_psql('postgres');
	$gate->query_safe('SELECT pg_advisory_lock(7)');
	return;
}

close_gate();
my $run = run_job('long', ", key => 'k', actor => 'boss', partition => 'p'");
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run at its gate');
is(get($run, q{state, progress - 'at'}), 'running|{"done": 1, "note": "begun", "total": 3}', 'progress is seen while it runs');
is(as($node, 'clerk', "SELECT progress->>'note' FROM workflow.runs WHERE run = '$run'"), 'begun', 'in the view, too');
is(as($node, 'clerk', q{SELECT concat_ws(' ', job, run, progress->>'note', wait_event_type, wait_event) FROM workflow.activity WHERE job IS NOT NULL}),
	"long $run begun Lock advisory", 'and with what its executor waits for');
is(as($node, 'cook', q{SELECT count(*) FILTER (WHERE event_since IS NOT NULL) || ' ' || count(progress) || ' ' || count(wait_event) FROM workflow.activity}), '1 0 0',
	'others see that there is one');
is(logs($run), '', 'its log is not written yet');
kill 'KILL', $node->safe_psql('postgres', $at_gate);
$gate = undef;
wait_for_end($run);
is(get($run, q{state, attempt, progress - 'at'}), 'finished|1|{"done": 3, "total": 3}', 'the last progress is kept');
is($node->safe_psql('postgres', 'SELECT what FROM shop.mark'), 'at 1', 'what was saved and committed is found after a crash');
is(logs($run), '1|info|begun|{"job": "long", "key": "k", "actor": "boss", "queue": "job:long", "attempt": 1, "version": 1, "partition": "p", "started_by": "clerk"}',
	'of the attempt that ended there is a log, and of the run it knows');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.checkpoint'), 0, 'nothing that it saved is left');

# cancelled
close_gate();
$run = run_job('long');
wait_for($node, "SELECT EXISTS ($at_gate)", 'the run at its gate');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$run')"), 'aborting', 'it is asked to stop');
$gate->quit;
wait_for_end($run);
is(get($run, q{state, attempt, error->>'code', progress->>'done'}), 'aborted|0|57014|3', 'which it hears when it reports its progress');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.checkpoint'), 0, 'nothing that it saved is left');

# attempts
as($node, 'clerk', 'TRUNCATE shop.mark');
$run = run_job('parts');
wait_for_end($run);
is(get($run, 'state, attempt'), 'finished|3', 'a procedure goes on where it was');
is($node->safe_psql('postgres', q{SELECT string_agg(what, ', ' ORDER BY n) FROM shop.mark}), 'part 1, part 2, part 3', 'each part once');
is(logs($run), "1|notice|part|1\n2|notice|part|2\n3|notice|part|3", 'the log has all attempts');

# --- parked ---------------------------------------------------------------------------------

for my $mode ('tracked', 'atomic')
{
	$run = run_job("parent $mode");
	wait_for($node, "SELECT parked IS NOT NULL FROM workflow.run WHERE id = '$run'", 'the children');
	is(get($run, 'state, waits_for, attempt, result'), 'waiting|signal|0|', "$mode: it has waited for its children, and waits for an event");
	is(as($node, 'clerk', "SELECT workflow.signal('$run', 'go')"), 't', 'that comes');
	wait_for_end($run);
	is(get($run, 'state, attempt, result'), 'finished|1|[{"n": 1}, {"n": 2}]', 'it goes on, with what has become of them');
	is($node->safe_psql('postgres', "SELECT count(*) FROM workflow.checkpoint WHERE run = '$run'"), 0, 'nothing that it saved is left');
	$run = run_job("fickle $mode");
	wait_for_end($run);
	is(get($run, 'state, result'), 'finished|"went on"', 'what was rolled back does not count');
	as($node, 'clerk', 'TRUNCATE shop.told');
	$run = run_job("fails $mode");
	wait_for_end($run);
	is(get($run, q{state, attempt, error->>'message', progress->>'done'}), 'failed|2|as it said|2', 'an attempt that fails says how far it came');
	is(logs($run), "1|warning|it will fail|\n2|warning|it will fail|", 'and keeps its log');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.told'), 0, 'nothing else');
}

log_says($node, 0, qr/WARNING:.*attempt 2 of run .* of job "fails $_" failed, the last one: P0001: as it said/, "a $_ run that fails is a line in the log")
  foreach 'tracked', 'atomic';

# --- atomic ----------------------------------------------------------------------------------

as($node, 'clerk', q{SELECT count(*) FROM workflow.run_jobs('told', (SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, 50) n))});
wait_for($node, q{SELECT count(*) = 50 FROM shop.told}, 'the atomic runs');
is($node->safe_psql('postgres', q{SELECT count(*), bool_and(t.run = h.result AND t.run->>'run' = h.run::text AND l.message = h.params::text AND l.attempt = 1)
	FROM shop.told t JOIN workflow.run_history h ON h.run = (t.run->>'run')::uuid JOIN workflow.run_log l ON l.run = h.run}), '50|t', 'atomic runs are told who they are, and have logs');
$run = run_job('chatty');
wait_for_end($run);
is($node->safe_psql('postgres', "SELECT count(*), max(message) FILTER (WHERE n = 1001), max(n) FROM workflow.run_log WHERE run = '$run'"), '1001|10 more lines were left out|1001', 'too many lines are counted');
as($node, 'clerk', q{SELECT count(*) FROM workflow.run_jobs('many', (SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, 100) n))});
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.run)}, 'the batch');
is($node->safe_psql('postgres', q{SELECT h.state, count(*), bool_and(h.result IS NULL OR h.result::int = 2 * (h.params->>'n')::int), count(h.result)
	FROM workflow.run_history h JOIN workflow.job j ON j.id = h.job WHERE j.name = 'many' GROUP BY 1 ORDER BY 1}), "3|99|t|99\n4|1|t|0", 'a function does many runs at once, but for the one that fails');
is($node->safe_psql('postgres', 'SELECT sum(n), count(*) < 50 FROM shop.many'), '99|t', 'each once');
my ($result, $out, $err) = $node->psql('postgres', q{SET ROLE clerk; SELECT workflow.report_progress(1)});
like($err, qr/arguments "run" and "fence" must not be null/, 'outside of runs there is none');

$node->stop;
done_testing();
