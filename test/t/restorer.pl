# Functions that decide what becomes of runs that were lost: of an application that has gone,
# of a worker whose lease is over, of an executor that died. They are asked in sessions of
# their owner, whatever they do there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('restorer', 'restart_after_crash = on');
$node->safe_psql('postgres', q{
	GRANT workflow_runtime TO clerk;
	GRANT CREATE ON SCHEMA public TO clerk});

# Does what the run or the process says, and writes down what it was told, and as whom.
as($node, 'clerk', q{
	CREATE TABLE asked (n int GENERATED ALWAYS AS IDENTITY, runtime text, what uuid, context jsonb, who text);
	CREATE FUNCTION decide(runtime text, what uuid, context jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE
		wish jsonb := COALESCE(context -> 'params' -> 'do', context -> 'do');
	BEGIN
		INSERT INTO asked (runtime, what, context, who) VALUES (runtime, what, context, session_user || ' ' || current_user);
		IF wish = '"throw"' THEN
			RAISE 'cannot tell';
		ELSIF wish = '"hang"' THEN
			PERFORM pg_sleep(1000);
		ELSIF wish = '"wait"' THEN
			PERFORM pg_advisory_xact_lock(1);
			RETURN '"fail"';
		ELSIF wish = '"forward"' THEN
			PERFORM pg_advisory_xact_lock(1);
			RETURN '{"states": ["repaired"]}';
		END IF;
		RETURN wish;
	END $$;
	CREATE FUNCTION decide_text(runtime text, what uuid, context jsonb) RETURNS text LANGUAGE sql AS $$
		SELECT decide(runtime, what, context) #>> '{}' $$;
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.create_job('plain', queue => 'mail', on_lost => 'fail');
	SELECT workflow.create_job('bill', queue => 'mail', on_lost => 'fail');
	SELECT workflow.set_restorer('job:letter', 'decide(text,uuid,jsonb)');
	SELECT workflow.set_restorer('job:plain', 'decide_text(text,uuid,jsonb)');
	SELECT workflow.define('{"id": "order", "initial": "billed", "states": {
		"billed": {"invoke": {"job": "bill", "id": "bill", "input": {"sum": 1}, "onDone": "paid", "onError": "unpaid"},
			"on": {"leave": "left"}},
		"paid": {"type": "final"}, "unpaid": {}, "left": {},
		"repaired": {"initial": "first", "states": {"first": {}}}}}');
	SELECT workflow.set_restorer('order', 'decide_text(text,uuid,jsonb)')});

sub run { my ($job, $key, $do) = @_; return as($node, 'clerk', qq{SELECT workflow.run_job('$job', '{"do": $do}', key => '$key')}); }
sub order { my ($key, $do) = @_; return as($node, 'clerk', qq{SELECT workflow.start('order', '{"do": $do}', key => '$key')}); }
sub claim { my ($worker, $more) = @_; return as($node, 'clerk', "SELECT count(*) FROM workflow.claim('mail', '$worker', 1000, $more)"); }
sub runs_of
{
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(concat_ws(' ', COALESCE(r.key, p.key), r.state, r.waits_for, r.error ->> 'code'), ', ' ORDER BY COALESCE(r.key, p.key))
		FROM workflow.runs r LEFT JOIN workflow.processes p ON p.id = r.process WHERE COALESCE(r.key, p.key) LIKE '$_[0]%'});
}
sub orders { return $node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', key, states), ', ' ORDER BY key) FROM workflow.processes}); }
my $decided = q{SELECT NOT EXISTS (SELECT FROM workflow.runs WHERE waits_for = 'restorer' OR job LIKE 'restorer:%' AND state = 'waiting')};

# ---- an application that has gone

run('letter', 'a retry', '"retry"');
run('letter', 'a fail', '"fail"');
run('letter', 'a resume', '"resume"');
run('letter', 'a default', '"default"');
run('letter', 'a null', 'null');
run('letter', 'a nonsense', '"perhaps"');
run('letter', 'a throw', '"throw"');
run('letter', 'a states', '{"states": ["repaired"]}');
run('plain', 'b retry', '"retry"');
run('plain', 'b default', '"default"');
run('plain', 'b throw', '"throw"');
order('o retry', '"retry"');
order('o resume', '"resume"');
order('o fail', '"fail"');
order('o default', '"default"');
order('o states', '{"states": ["repaired"]}');
order('o none', '{"states": ["nowhere"]}');
my $epoch = as($node, 'clerk', q{SELECT epoch FROM workflow.register_runtime('app 1')});
is(claim('app 1', "epoch => $epoch"), 17, 'an application has claimed all');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3')});
wait_for($node, q{SELECT count(*) >= 17 FROM workflow.runs WHERE losses > 0}, 'its death');
wait_for($node, $decided, 'decisions');

is(runs_of('a '), 'a default waiting turn, a fail failed lost, a nonsense waiting turn, a null waiting turn, a resume waiting turn, a retry waiting worker, a states waiting turn, a throw waiting turn',
	'a job: runs fail or wait, as its restorer has decided');
is(runs_of('b '), 'b default failed lost, b retry waiting worker, b throw failed lost', 'or as on_lost says, if that has no answer');
is(orders(), 'o default {unpaid}, o fail {unpaid}, o none {unpaid}, o resume {billed}, o retry {billed}, o states {repaired.first}', 'processes');
is(runs_of('o '), 'o default failed lost, o fail failed lost, o none failed lost, o resume waiting turn, o retry waiting worker, o states aborted', 'and their runs');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT runtime || ' ' || who, ', ') FROM asked}), 'app 1 clerk clerk', 'all were asked by their owner\'s executors');
is($node->safe_psql('postgres', q{
	SELECT format('%s %s', a.what = r.run, a.context - 'attempt' = jsonb_build_object('params', r.params, 'key', r.key, 'partition', r.partition, 'losses', 1,
		'worker', 'app 1', 'progress', NULL, 'process', NULL, 'actor', r.actor))
	FROM asked a JOIN workflow.runs r ON r.run = a.what WHERE r.key = 'a retry'}), 't t', 'of a job it is told the run');
is($node->safe_psql('postgres', q{SELECT a.context FROM asked a JOIN workflow.processes p ON p.id = a.what WHERE p.key = 'o resume'}), '{"do": "resume"}', 'of a definition the process');
is($node->safe_psql('postgres', q{
	SELECT string_agg(concat_ws(' ', result, error ->> 'code', error ->> 'message', n), ', ' ORDER BY result, error ->> 'code', error ->> 'message')
	FROM (SELECT result, error, count(*) AS n FROM workflow.runs WHERE job = 'restorer:order' GROUP BY 1, 2) r}),
	'"default" 1, "fail" 1, "resume" 1, "retry" 1, "states" 1, 22023 definition "order" version 1 has no state "nowhere" 1', 'its answers and errors are those of its runs');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), 0, 'all fits together');

# ---- a worker whose lease is over: losses in a row end

is(claim('w', "lease => '1 s'"), 10, 'a worker claims what waits');
wait_for($node, q{SELECT count(*) >= 10 FROM workflow.runs WHERE losses = 2}, 'the ends of its leases');
wait_for($node, $decided, 'decisions');
is(claim('w', "lease => '1 s'"), 10, 'it claims them again');
wait_for($node, q{SELECT count(*) = 10 FROM workflow.runs WHERE losses = 3 AND state = 'failed'}, 'the third loss to be the last one');
wait_for($node, $decided, 'decisions');
is(orders(), 'o default {unpaid}, o fail {unpaid}, o none {unpaid}, o resume {unpaid}, o retry {unpaid}, o states {repaired.first}', 'processes hear of that');

# ---- who recovers is told so

# which does not die by itself
$node->safe_psql('postgres', q{SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', NULL)});
run('letter', 'c retry', '"retry"');
$epoch = as($node, 'clerk', q{SELECT epoch FROM workflow.register_runtime('app 2')});
is(claim('app 2', "epoch => $epoch"), 1, 'another application has claimed a run');
is($node->safe_psql('postgres', q{
	UPDATE workflow.runtime SET state = 'terminated' WHERE id = 'app 2';
	SELECT decision FROM workflow.recover('app 2')}), 'restorer', 'recover() says who decides');
wait_for($node, q{SELECT waits_for = 'worker' FROM workflow.runs WHERE key = 'c retry'}, 'the decision');

as($node, 'clerk', q{SELECT workflow.cancel_run(run) FROM workflow.runs WHERE key = 'c retry'});

# ---- what happens while it thinks

my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(1)');

# the process goes on by itself: nothing is done to it behind its back
order('p forward', '"forward"');
run('letter', 'd wait', '"wait"');
run('letter', 'd cancelled', '"wait"');
is(claim('w', "lease => '1 s'"), 3, 'a worker claims');
wait_for($node, q{SELECT count(*) = 3 FROM workflow.runs WHERE waits_for = 'restorer'}, 'restorers to be asked');
wait_for($node, q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'one to think');
as($node, 'clerk', q{SELECT workflow.send_by_key('order', 'p forward', 'leave');
	SELECT workflow.cancel_run(run) FROM workflow.runs WHERE key = 'd cancelled'});
like(refusal($node, 'clerk', q{SELECT workflow.set_restorer('job:letter', NULL)}), qr/^WF017: /, 'one that is asked is not removed');

# an executor is killed amid it, and the server with it; and with the server the lock
my $pid = $node->safe_psql('postgres', q{SELECT min(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted});
kill 'KILL', $pid;
wait_for($node, qq{SELECT pg_postmaster_start_time() IS NOT NULL AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)}, 'the server to start again');
eval { $lock->quit };
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs WHERE key = 'd wait' AND state = 'failed'}, 'the restorer to be asked again');
wait_for($node, $decided, 'all decisions');
cmp_ok($node->safe_psql('postgres', q{SELECT sum(losses) FROM workflow.runs WHERE job LIKE 'restorer:%' AND state = 'finished'}), '>=', 1, 'which was lost itself');
is($node->safe_psql('postgres', q{SELECT states FROM workflow.processes WHERE key = 'p forward'}), '{left}', 'a process that has gone on is left where it is');
is(runs_of('d '), 'd cancelled aborted, d wait failed lost', 'a run that was cancelled stays so');
is(runs_of('p '), 'p forward aborted', 'and one that its process has left');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), 0, 'all fits together');

# ---- one that hangs, and one of a tracked run whose executor died

run('plain', 'e hang', '"hang"');
cmp_ok(claim('w', "lease => '1 s'"), '>=', 1, 'a worker claims');
as($node, 'clerk', q{
	SELECT workflow.create_job('long', 'SELECT pg_sleep(1000)', mode => 'tracked');
	SELECT workflow.set_restorer('job:long', 'decide(text,uuid,jsonb)')});
run('long', 'f long', '"fail"');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs r JOIN workflow.activity a ON a.run = r.run WHERE r.key = 'f long' AND r.state = 'running'}, 'a tracked run');
is($node->safe_psql('postgres', q{
	SELECT count(pg_terminate_backend(a.pid)) FROM workflow.activity a JOIN workflow.runs r ON r.run = a.run WHERE r.key = 'f long'}), 1, 'its executor ends');
wait_for($node, q{SELECT state = 'failed' FROM workflow.runs WHERE key = 'f long'}, 'the decision about a tracked run');
is($node->safe_psql('postgres', q{SELECT a.runtime IS NULL FROM asked a JOIN workflow.runs r ON r.run = a.what WHERE r.key = 'f long'}), 't', 'an executor is no runtime');
wait_for($node, q{SELECT state = 'failed' FROM workflow.runs WHERE key = 'e hang'}, 'on_lost, when a restorer takes too long');
is($node->safe_psql('postgres', q{SELECT error ->> 'code' FROM workflow.runs WHERE job = 'restorer:job:plain' ORDER BY ended_at DESC LIMIT 1}), '57014', 'which has been cancelled');

# ---- one that is not there, and none

as($node, 'clerk', q{ALTER TABLE asked RENAME TO asked_before; ALTER FUNCTION decide RENAME TO decide_no_more});
run('letter', 'g gone', '"fail"');
cmp_ok(claim('w', "lease => '1 s'"), '>=', 1, 'a worker claims');
wait_for($node, q{SELECT losses = 1 AND waits_for IN ('worker', 'turn') FROM workflow.runs WHERE key = 'g gone'}, 'on_lost, without its function');
as($node, 'clerk', q{SELECT workflow.set_restorer('job:letter', NULL)});
cmp_ok(claim('w', "lease => '1 s'"), '>=', 1, 'a worker claims again');
my $before = $node->safe_psql('postgres', q{SELECT count(*) FROM workflow.runs WHERE job = 'restorer:job:letter'});
wait_for($node, q{SELECT losses = 2 AND state = 'waiting' FROM workflow.runs WHERE key = 'g gone'}, 'on_lost, without a restorer');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.runs WHERE job = 'restorer:job:letter'}), $before, 'nobody is asked');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.check()}), 0, 'all fits together');

$node->stop;
done_testing();
