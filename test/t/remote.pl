# Another instance of PostgreSQL as a runtime: it claims the runs that are placed on it, and
# does each of them once in its own database, whatever is killed or cut meanwhile.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Cable;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# ---- two servers, and a cable between them ---------------------------------------

my $home = workflow_node('a', "listen_addresses = '127.0.0.1'", 'workflow.sweep_interval = 1s');
my $cable = Cable->new($home->port);
$home->safe_psql('postgres', q{
	CREATE ROLE link LOGIN;
	GRANT workflow_runtime TO link;
	CREATE SCHEMA app AUTHORIZATION clerk});

my $away = PostgreSQL::Test::Cluster->new('b');
$away->init;
$away->append_conf('postgresql.conf', join("\n",
	"shared_preload_libraries = 'workflow'",
	'max_worker_processes = 32',
	'restart_after_crash = on',
	"workflow.runtime_id = 'B'",
	"workflow.remote = 'host=127.0.0.1 port=" . $cable->{port} . " dbname=postgres user=link'",
	"workflow.remote_database = 'work'", ''));
$away->start;
$away->safe_psql('postgres', 'CREATE DATABASE work');
$away->safe_psql('work', q{
	CREATE EXTENSION workflow;
	CREATE ROLE worker LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE SCHEMA app AUTHORIZATION worker;
	SET ROLE worker;
	CREATE TABLE app.done (run text, n int, by name DEFAULT current_user);
	CREATE FUNCTION app.put(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run', (params->>'n')::int; SELECT jsonb_build_object('n', params->'n')$$;
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run', (params->>'n')::int; SELECT pg_sleep((params->>'s')::float); SELECT params$$;
	-- as long as the gate is closed
	CREATE FUNCTION app.gated(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS
		$$INSERT INTO app.done SELECT run->>'run', (params->>'n')::int; SELECT pg_advisory_xact_lock_shared(1); SELECT params$$;
	CREATE FUNCTION app.fail(params jsonb) RETURNS void LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO app.done VALUES ('failed', 0); RAISE 'not today' USING ERRCODE = 'UT001'; END$$});

# What they are on A: their names count.
as($home, 'clerk', q{
	CREATE FUNCTION app.put(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
	CREATE FUNCTION app.slow(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
	CREATE FUNCTION app.gated(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
	CREATE FUNCTION app.fail(params jsonb) RETURNS void LANGUAGE sql AS '';
	SELECT workflow.create_queue('far', placement => '{runtime:B}');
	SELECT workflow.create_job('put', 'app.put', queue => 'far');
	SELECT workflow.create_job('slow', 'app.slow', queue => 'far');
	SELECT workflow.create_job('gated', 'app.gated', queue => 'far');
	SELECT workflow.create_job('fail', 'app.fail', queue => 'far', retry => '{"errors": "*", "maxAttempts": 1, "intervalSeconds": 0.05}')});

sub run_of { return as($home, 'clerk', "SELECT workflow.run_job('$_[0]', '$_[1]')"); }
sub state_of { return $home->safe_psql('postgres', "SELECT state FROM workflow.get_run('$_[0]')"); }
sub done { return $away->safe_psql('work', "SELECT count(*) FROM app.done WHERE run = '$_[0]'"); }

sub wait_for_state
{
	my ($run, $state) = @_;

	wait_for($home, "SELECT state = '$state' FROM workflow.get_run('$run')", "run $run to be $state");
	return;
}

# ---- it joins, and works ------------------------------------------------------------

wait_for($home, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join');
is($home->safe_psql('postgres', q{SELECT kind, role, login, info ->> 'database' FROM workflow.runtimes WHERE id = 'B'}), 'remote|both|link|work',
	'it is a runtime of A');
is($away->safe_psql('work', 'SELECT state, id, trouble IS NULL FROM workflow.membership'), 'alive|B|t', 'and knows that');

my $run = run_of('put', '{"n": 1}');
wait_for_state($run, 'failed');
is($home->safe_psql('postgres', "SELECT error ->> 'code', error ->> 'message', error ->> 'hint' FROM workflow.get_run('$run')"),
	'WF002|owner "clerk" of the job has no role on runtime "B"|workflow.map_owner() there gives it one.', 'nobody is mapped by default');
is(done($run), 0, 'nothing was done');
like(refusal($away, 'postgres', q{SELECT workflow.map_owner('clerk', 'boss')}, 'work'), qr/^22023: role "boss" is a superuser/, 'superusers do nothing for others');
$away->safe_psql('work', q{SELECT workflow.map_owner('clerk', 'worker')});

$run = run_of('put', '{"n": 1}');
wait_for_state($run, 'finished');
is($away->safe_psql('work', "SELECT n, by FROM app.done WHERE run = '$run'"), '1|worker', 'a run is done there, as the role that was mapped');
is($home->safe_psql('postgres', "SELECT result FROM workflow.get_run('$run')"), '{"n": 1}', 'its result is here');

my $failing = run_of('fail', '{}');
wait_for_state($failing, 'failed');
is($home->safe_psql('postgres', "SELECT attempt, error ->> 'code', error ->> 'message' FROM workflow.get_run('$failing')"), '2|UT001|not today',
	'what fails is tried again as the job says');
is($away->safe_psql('work', q{SELECT count(*) FROM app.done WHERE run = 'failed'}), 0, 'and has done nothing');

as($home, 'clerk', q{SELECT count(*) FROM workflow.run_jobs('put', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, 200) n))});
wait_for($home, q{SELECT count(*) = 0 FROM workflow.runs WHERE job = 'put' AND state NOT IN ('finished', 'failed')}, '200 runs to end');
is($away->safe_psql('work', 'SELECT count(*), count(DISTINCT run) FROM app.done WHERE n > 0'), '201|201', 'many are done once each');
wait_for_in($away, 'work', 'SELECT bool_and(taken) FROM workflow.outcomes', 'A to hear of all of them');

# Each form of a command.
$away->safe_psql('work', q{
	SET ROLE worker;
	CREATE FUNCTION app.named(a int, b text) RETURNS text LANGUAGE sql AS 'SELECT b || a';
	CREATE FUNCTION app.many(runs jsonb[]) RETURNS int[] LANGUAGE sql AS 'SELECT array_agg(cardinality(runs)) FROM unnest(runs)';
	CREATE PROCEDURE app.steps(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO app.done VALUES ('step 1', 0);
		COMMIT;
		INSERT INTO app.done VALUES ('step 2', 0);
		IF params ? 'fail' THEN RAISE 'stumbled'; END IF;
	END $$});
as($home, 'clerk', q{
	CREATE FUNCTION app.named(a int, b text) RETURNS text LANGUAGE sql AS 'SELECT $2';
	CREATE FUNCTION app.many(runs jsonb[]) RETURNS int[] LANGUAGE sql AS 'SELECT NULL::int[]';
	CREATE PROCEDURE app.steps(params jsonb) LANGUAGE plpgsql AS 'BEGIN END';
	SELECT workflow.create_job('named', 'app.named', queue => 'far'), workflow.create_job('many', 'app.many', queue => 'far'),
		workflow.create_job('steps', 'app.steps', queue => 'far', mode => 'tracked', retry => '{"errors": "*", "maxAttempts": 0}'),
		workflow.create_job('here', 'SELECT current_setting(''workflow.traceparent'')', queue => 'far', result => 'text'),
		workflow.create_job('text', 'SELECT $n + 1, current_user', '{"n": "int"}', queue => 'far'),
		workflow.create_job('brief', 'SELECT pg_sleep(600)', queue => 'far', timeout => '200 ms', retry => '{"errors": "*", "maxAttempts": 0}'),
		workflow.create_job('gone', 'app.put', queue => 'far', retry => '{"errors": "*", "maxAttempts": 0}')});
foreach my $form ([ named => '{"a": 1, "b": "x"}', '"x1"' ], [ many => '{}', '1' ], [ text => '{"n": 41}', '42' ], [ steps => '{}', '' ])
{
	my ($job, $params, $result) = @$form;

	$run = run_of($job, $params);
	wait_for_state($run, 'finished');
	is($home->safe_psql('postgres', "SELECT result FROM workflow.get_run('$run')"), $result, "command of job $job");
}
$run = as($home, 'clerk', q{SELECT workflow.run_job('here', traceparent => '00-} . '1' x 32 . '-' . '2' x 16 . q{-01')});
wait_for_state($run, 'finished');
is($home->safe_psql('postgres', "SELECT result #>> '{}' FROM workflow.get_run('$run')"),
	$home->safe_psql('postgres', "SELECT '00-' || trace_id || '-' || span_id || '-01' FROM workflow.spans() WHERE attributes ->> 'workflow.run' = '$run'"),
	'its code is in the span of the run');
$run = run_of('here', '{}');
wait_for_state($run, 'finished');
is($home->safe_psql('postgres', "SELECT result #>> '{}' FROM workflow.get_run('$run')"), '', 'or in none');
$run = run_of('steps', '{"fail": true}');
wait_for_state($run, 'failed');
is($away->safe_psql('work', q{SELECT string_agg(run, ', ' ORDER BY run) FROM app.done WHERE run LIKE 'step%'}), 'step 1, step 1, step 2',
	'a procedure commits, and what it does last is done if it succeeds');

# In a trace they find their span there, too, whatever is set for the role; and those after them find none.
$away->safe_psql('work', q{ALTER ROLE worker SET workflow.traceparent = '00-77777777777777777777777777777777-7777777777777777-01'});
as($home, 'clerk', q{SELECT workflow.create_job('here ' || m, $$SELECT current_setting('workflow.traceparent')$$, queue => 'far', mode => m, result => 'text')
	FROM unnest('{atomic,tracked}'::text[]) m});
my $context = '00-' . 'a' x 32 . '-' . 'b' x 16 . '-01';
foreach my $mode ('atomic', 'tracked')
{
	$run = as($home, 'clerk', "SELECT workflow.run_job('here $mode', traceparent => '$context')");
	wait_for_state($run, 'finished');
	is($home->safe_psql('postgres', "SELECT result #>> '{}' = format('00-%s-%s-01', repeat('a', 32), workflow.span_id('$context', '$run')) FROM workflow.get_run('$run')"),
		't', "the span of a run that is $mode");
	$run = run_of("here $mode", '{}');
	wait_for_state($run, 'finished');
	is($home->safe_psql('postgres', "SELECT result #>> '{}' FROM workflow.get_run('$run')"), '', 'and none in no trace');
}
$away->safe_psql('work', 'ALTER ROLE worker RESET workflow.traceparent');

$run = run_of('brief', '{}');
wait_for_state($run, 'failed');
like($home->safe_psql('postgres', "SELECT error ->> 'code' FROM workflow.get_run('$run')"), qr/^(?:timeout|57014)$/, 'a job has its timeout');

$away->safe_psql('work', 'REVOKE EXECUTE ON FUNCTION app.put FROM PUBLIC, worker');
$run = run_of('gone', '{"n": 1}');
wait_for_state($run, 'failed');
is($home->safe_psql('postgres', "SELECT error ->> 'code' FROM workflow.get_run('$run')"), '42501', 'the role has no other rights than its own');
$away->safe_psql('work', 'GRANT EXECUTE ON FUNCTION app.put TO worker');

# ---- what is ended in the middle ------------------------------------------------------

# Wait until a run is under way there; the process that does it.
sub executor_at_work
{
	my ($run) = @_;
	my $pid;

	# asked once: it may begin anew in between
	wait_until(sub {
		$pid = $away->safe_psql('work', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow placed' AND wait_event IN ('PgSleep', 'advisory')});
		return $pid =~ /^\d+$/; }, "run $run to be under way");
	return $pid;
}

sub wait_until_alive
{
	wait_for_in($away, 'work', q{SELECT state = 'alive' AND courier_pid IS NOT NULL FROM workflow.membership}, 'B to be alive');
	return;
}

# Runs of the job "gated" end when the gate opens; if that server crashes, it is open then.
my $gate;
sub close_gate
{
	$gate = $away->background_psql('work', on_error_stop => 1);
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	return;
}
sub open_gate { eval { $gate->quit }; return; }

# One that has begun, and does not end by itself.
sub gated_run
{
	my ($job) = @_;

	close_gate();
	my $run = run_of($job // 'gated', '{"n": 1}');
	executor_at_work($run);
	return $run;
}

# After how many seconds of silence B is dead, at both ends: a minute, unless the test waits for that.
sub set_silence
{
	my ($seconds) = @_;

	$home->safe_psql('postgres', "SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '$seconds')");
	wait_for($home, q{SELECT agreed FROM workflow.settings WHERE name = 'number_of_skipped_intervals_to_suppose_death'}, 'B to agree');
	return;
}

sub once
{
	my ($run, $what) = @_;

	wait_for_state($run, 'finished');
	is(done($run), 1, "$what: done once");
	return;
}

$away->safe_psql('work', 'ALTER ROLE worker SUPERUSER');
$run = run_of('put', '{"n": 2}');
wait_for_state($run, 'failed');
like($home->safe_psql('postgres', "SELECT error ->> 'message' FROM workflow.get_run('$run')"), qr/^role "worker" .* is a superuser on runtime "B"/, 'who has become a superuser does nothing any more');
$away->safe_psql('work', 'ALTER ROLE worker NOSUPERUSER');

$run = run_of('slow', '{"n": 1, "s": 600}');
executor_at_work($run);
is(as($home, 'clerk', "SELECT workflow.cancel_run('$run', force => true)"), 'aborting', 'a run there is cancelled');
wait_for_state($run, 'aborted');
is(done($run), 0, 'and has done nothing');

foreach my $kind ('placed', 'courier', 'link')
{
	$run = gated_run();
	$away->safe_psql('work', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'workflow $kind'");
	open_gate();
	once($run, "workflow $kind was terminated");
}
foreach my $kind ('placed', 'courier', 'link')
{
	wait_until_alive();
	$run = gated_run();
	kill KILL => $away->safe_psql('work', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'workflow $kind' ORDER BY wait_event = 'advisory' DESC LIMIT 1");
	open_gate();
	$away->poll_query_until('postgres', 'SELECT true');
	once($run, "workflow $kind was killed");
}

$run = gated_run();
$away->stop('immediate');
open_gate();
$away->start;
once($run, 'the server that does it was stopped');

$run = gated_run();
$home->stop('immediate');
open_gate();
wait_for_in($away, 'work', "SELECT true FROM workflow.outcomes WHERE run = '$run' AND told_at IS NULL", 'the run to end meanwhile');
$home->start;
once($run, 'the server that waits for it was stopped');

# ---- the cable ------------------------------------------------------------------------------

wait_until_alive();
$run = gated_run();
$cable->cut;
open_gate();
wait_for_in($away, 'work', "SELECT true FROM workflow.outcomes WHERE run = '$run'", 'the run to end without a cable');
$cable->heal;
once($run, 'the cable was cut for a moment');

# Longer than the silence: others may have it by then, and what is at it stops.
set_silence(3);
$run = run_of('slow', '{"n": 1, "s": 600}');
my $pid = executor_at_work($run);
$cable->cut;
wait_for($home, q{SELECT state <> 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to be given up');
wait_for_in($away, 'work', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'its executor to stop');
wait_for_in($away, 'work', q{SELECT state = 'connecting' AND epoch IS NULL FROM workflow.membership}, 'B to know that');
as($home, 'clerk', "SELECT workflow.cancel_run('$run')");
$cable->heal;
wait_for_state($run, 'aborted');
wait_until_alive();
is(done($run), 0, 'a run that was given up has done nothing');

# The courier has ended meanwhile, too: both are to end the epoch, and one comes late.
$cable->cut;
$away->safe_psql('work', "SELECT pg_terminate_backend(courier_pid) FROM workflow.membership");
wait_for($home, q{SELECT state <> 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to be given up without a courier');
$run = run_of('put', '{"n": 1}');
$cable->heal;
once($run, 'the courier had ended, and the cable was cut');

# Longer than the silence, but it is A that was away: it waits for B then, which has given up already.
$run = run_of('slow', '{"n": 1, "s": 600}');
$pid = executor_at_work($run);
my $epoch = $home->safe_psql('postgres', q{SELECT epoch FROM workflow.runtimes WHERE id = 'B'});
$home->stop('immediate');
wait_for_in($away, 'work', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'B to give up what A does not answer for');
$home->start;
isnt(executor_at_work($run), $pid, 'what B has given up, it gets again');
is($home->safe_psql('postgres', "SELECT attempt FROM workflow.get_run('$run')"), '1', 'which is no other attempt');
isnt($home->safe_psql('postgres', q{SELECT epoch FROM workflow.runtimes WHERE id = 'B'}), $epoch, 'under another epoch');
as($home, 'clerk', "SELECT workflow.cancel_run('$run', force => true)");
wait_for_state($run, 'aborted');

# A zombie: what it says is refused, and the other one's counts.
as($home, 'clerk', q{
	SELECT workflow.create_queue('near', placement => '{runtime:B,local}');
	SELECT workflow.create_job('any', 'app.gated', queue => 'near')});
# it has some time for that
set_silence(10);
wait_until_alive();
$run = gated_run('any');
$cable->cut;
open_gate();
wait_for_state($run, 'finished');
is($home->safe_psql('postgres', "SELECT result IS NULL FROM workflow.get_run('$run')"), 't', 'when B does not answer, A does it');
wait_for_in($away, 'work', "SELECT true FROM workflow.outcomes WHERE run = '$run' AND told_at IS NULL", 'B to have done it, too');
$cable->heal;
wait_for_in($away, 'work', "SELECT NOT taken FROM workflow.outcomes WHERE run = '$run'", 'B to hear that it is not its any more');
is($home->safe_psql('postgres', "SELECT result IS NULL FROM workflow.get_run('$run')"), 't', 'what it has done does not count');

# ---- shutdown -----------------------------------------------------------------------------------

# How long (s) a worker of B has taken to leave, by the log.
sub leaving
{
	my ($log) = @_;
	my $at = sub { my ($h, $m, $s) = $log =~ /^\S+ (\d+):(\d+):([\d.]+) .*$_[0]/m or return; return $h * 3600 + $m * 60 + $s; };

	return $at->('"workflow link" \(PID \d+\) exited') - $at->('received fast shutdown request');
}

# Once more, where a machine that stalls has made it late.
my $took;
for (my $tries = 0; $tries < 3 && ($took // 5) >= 5; $tries++)
{
	$away->start if defined $took;
	wait_until_alive();
	$run = run_of('slow', '{"n": 1, "s": 600}');
	executor_at_work($run);
	my $offset = -s $away->logfile;
	$away->stop('fast');
	$took = leaving(log_since($away, $offset));
	wait_for($home, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'B'}, 'B to be dead');
	is($home->safe_psql('postgres', "SELECT state, attempt FROM workflow.get_run('$run')"), 'waiting|0', 'its run waits for it, without an attempt');
	as($home, 'clerk', "SELECT workflow.cancel_run('$run')");
}
cmp_ok($took, '<', 5, 'the link leaves at once');

undef $took;
for (my $tries = 0; $tries < 3 && ($took // 5) >= 5; $tries++)
{
	$cable->heal;
	$away->start;
	wait_until_alive();
	set_silence(3);
	$cable->cut;
	wait_for($home, q{SELECT state <> 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to be given up once more');
	my $offset = -s $away->logfile;
	$away->stop('fast');
	$took = leaving(log_since($away, $offset));
}
cmp_ok($took, '<', 5, 'also when nobody answers');
$cable->heal;
$away->start;
wait_until_alive();

# ---- where it leads -------------------------------------------------------------------------------

sub reconfigure
{
	$away->append_conf('postgresql.conf', "workflow.remote = '$_[0]'");
	$away->reload;
	return;
}

sub wait_for_trouble
{
	my ($like) = @_;

	wait_for_in($away, 'work', "SELECT trouble ~ '$like' FROM workflow.membership", "trouble: $like");
	pass("trouble is told: $like");
	return;
}

# who ends does not do so by silence
set_silence(1000);
sub says_goodbye
{
	my ($what) = @_;

	wait_for($home, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'B'}, $what);
	pass($what);
	return;
}

my $third = workflow_node('third', "listen_addresses = '127.0.0.1'");
$third->safe_psql('postgres', 'CREATE ROLE link LOGIN; GRANT workflow_runtime TO link');

reconfigure('host=127.0.0.1 dbname=postgres user=link password=x');
wait_for_trouble('has a password');
is($away->safe_psql('work', 'SELECT state FROM workflow.membership'), 'refused', 'a password is refused');
says_goodbye('and its former life has ended');
reconfigure('nonsense');
wait_for_trouble('workflow.remote: ');
reconfigure('host=no-such-host.invalid dbname=postgres user=link');
wait_for_trouble('host "no-such-host.invalid" was not found');
reconfigure('host=' . $away->host . ' port=' . $away->port . ' dbname=work user=postgres');
wait_for_trouble('leads to this server itself');
reconfigure('host=127.0.0.1 port=' . $third->port . ' dbname=postgres user=link');
wait_for_trouble('has the system identifier');
my $system = $third->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');
is($away->safe_psql('work', 'SELECT state, asked FROM workflow.membership'), "refused|$system", 'another server is not taken for the one before');
like(refusal($away, 'postgres', q{SELECT workflow.accept_remote('1')}, 'work'), qr/^55000: /, 'a wrong one is not accepted');
$away->safe_psql('work', "SELECT workflow.accept_remote('$system')");
wait_for($third, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join another server');
is($away->safe_psql('work', 'SELECT state, asked IS NULL, system_identifier FROM workflow.membership'), "alive|t|$system", 'the right one is');

# Of several hosts the one that takes us.
reconfigure("host=127.0.0.1,localhost port=1,$cable->{port} dbname=postgres user=link");
wait_for_trouble('has the system identifier');
$away->safe_psql('work', q{SELECT workflow.accept_remote(asked) FROM workflow.membership});
wait_until_alive();
is($home->safe_psql('postgres', q{SELECT state FROM workflow.runtimes WHERE id = 'B'}), 'alive', 'back, by name, at the second host');
$run = run_of('put', '{"n": 3}');
once($run, 'and it works');

$away->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE work');
pass('its database can be copied');
wait_until_alive();
$run = run_of('put', '{"n": 3}');
once($run, 'after that it goes on');

reconfigure('');
wait_for_in($away, 'work', q{SELECT state = 'none' FROM workflow.membership}, 'B to be nobody any more');
says_goodbye('who has no server to be a runtime of says goodbye');

is($away->safe_psql('work', 'SELECT count(*) FROM (SELECT FROM app.done WHERE n > 0 GROUP BY run HAVING count(*) > 1) t'), 0, 'nothing was done twice');
unlike(log_since($away), qr/TRAP|PANIC|cannot read pg_class/, 'B is well');
$home->stop('immediate');
$third->stop('immediate');
$away->stop;
$cable->end;
done_testing();
