# Outside workers and the server: leases that end are noticed by themselves, also where
# nothing else happens; a claim survives a crash, and its lease a restart; await_work()
# wakes when there is something to claim.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('workers', 'workflow.runtime_idle_timeout = 1s', 'workflow.sweep_interval = 1h',
	'restart_after_crash = on');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_queue('narrow', max_parallel => 1);
	SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.create_job('once', queue => 'mail', on_lost => 'fail');
	SELECT workflow.create_job('parcel', queue => 'narrow')});

# Claims one run; returns its id and fence.
sub claim
{
	my ($queue, $lease) = @_;

	return split /\|/, as($node, 'clerk', "SELECT run, fence FROM workflow.claim('$queue', 'w', lease => '$lease')");
}

sub run_job { my ($job) = @_; return as($node, 'clerk', "SELECT workflow.run_job('$job')"); }

# How a run is: state, losses, attempts.
sub is_run
{
	my ($run, $wanted, $name) = @_;

	is($node->safe_psql('postgres', qq{SELECT workflow.run_state(state), losses, attempts FROM workflow.run WHERE id = '$run'
		UNION ALL SELECT workflow.run_state(state), losses, attempts FROM workflow.run_history WHERE run = '$run'}), $wanted, $name);
	return;
}

# --- leases ---------------------------------------------------------------------------------

my $run = run_job('letter');
for my $loss (1 .. 3)
{
	my ($claimed, $fence) = claim('mail', '1 second');

	is($claimed, $run, "the run is claimed, $loss");
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'runtime' AND pid IS NOT NULL)}, 'the end of the runtime') if $loss == 2;
	wait_for($node, "SELECT count(*) = 0 FROM workflow.run WHERE fence = $fence", 'the end of its lease');
	is(as($node, 'clerk', "SELECT workflow.complete('$run', $fence)"), 'f', 'who had it has it no more');
	is_run($run, $loss < 3 ? "waiting|$loss|0" : 'failed|3|0', 'it was lost');
}
is($node->safe_psql('postgres', "SELECT error->>'code' FROM workflow.run_history WHERE run = '$run'"), 'lost',
	'three times in a row is a failure');
log_says($node, 0, qr/WARNING:  workflow: run $run of job "letter" was lost, and has failed/, 'which is told');
is(() = log_since($node) =~ /LOG:  workflow: run $run of job "letter" was lost, and waits for its turn again/g, 2, 'the log has each loss');
is(() = log_since($node) =~ /WARNING:  workflow: run $run of job "letter" was lost, and has failed/g, 1, 'and the last one');

$run = run_job('once');
my ($claimed, $fence) = claim('mail', '1 second');
wait_for($node, "SELECT count(*) = 1 FROM workflow.run_history WHERE run = '$run'", 'the end of its lease');
is_run($run, 'failed|1|0', 'one that may not be lost has failed');

# late: between lease and its end is what it takes to start a runtime
$run = run_job('letter');
my $late = $node->safe_psql('postgres', qq{
	SET ROLE clerk;
	SELECT FROM workflow.claim('mail', 'w', lease => '2 seconds');
	RESET ROLE;
	DO \$\$
	BEGIN
		WHILE EXISTS (SELECT FROM workflow.run WHERE id = '$run' AND fence IS NOT NULL) LOOP
			COMMIT;
			PERFORM pg_sleep(0.02);
		END LOOP;
	END \$\$;
	SELECT clock_timestamp() - begun < '1 minute' FROM workflow.run WHERE id = '$run'});
is($late, 't', 'the end of a lease is noticed soon');

# extended, by who has claimed it, before it ends
($claimed, $fence, my $extended) = split /[|\n]/, as($node, 'clerk', q{
	SELECT run, fence FROM workflow.claim('mail', 'w', lease => '3 seconds') \gset
	SELECT :'run', :fence;
	SELECT workflow.extend(:'run', :fence, '1 hour')});
is($extended, 'go on', 'a lease is extended');
my $other = run_job('letter');
my (undef, $other_fence) = claim('mail', '3 seconds');
wait_for($node, "SELECT count(*) = 0 FROM workflow.run WHERE fence = $other_fence", 'the end of another one');
is_run($run, 'running|1|0', 'and holds');
is(as($node, 'clerk', "SELECT workflow.complete('$run', $fence)"), 't', 'its run is completed');
is(as($node, 'clerk', "SELECT workflow.cancel_run('$other')"), 'aborted', 'the other one is cancelled');

# one that is claimed in a transaction which goes on for a while: nobody can be at it before
my @runs = map { run_job('letter') } 1 .. 3;
as($node, 'clerk', q{
	BEGIN;
	SELECT run, fence FROM workflow.claim('mail', 'w', lease => '1 hour') \gset
	SELECT workflow.release(:'run', :fence);
	SAVEPOINT before;
	SELECT FROM workflow.claim('mail', 'w', 3, '1 hour');
	ROLLBACK TO before;
	SELECT FROM workflow.claim('mail', 'w', 2, '1 hour');
	SELECT pg_sleep(0.2);
	COMMIT});
is($node->safe_psql('postgres', q{SELECT lease, lease_until - begun >= '1 hour 0.2 seconds', count(*) FROM workflow.run
	WHERE job = (SELECT id FROM workflow.job WHERE name = 'letter') GROUP BY 1, 2 ORDER BY 1}),
	"01:00:00|t|2\n||1", 'a lease begins with the commit of its claim');
$node->safe_psql('postgres', 'SELECT workflow.complete(id, fence) FROM workflow.run WHERE fence IS NOT NULL');
as($node, 'clerk', "SELECT workflow.cancel_run('$_')") foreach @runs;

# one that is being completed when its lease ends
$other = run_job('letter');
my $completing = $node->background_psql('postgres', on_error_stop => 1);
$completing->query_safe(q{SET ROLE clerk;
	SELECT run, fence FROM workflow.claim('mail', 'w', lease => '3 seconds') \gset
	BEGIN; SELECT workflow.complete(:'run', :fence)});
my $also = run_job('once');
claim('mail', '3 seconds');
wait_for($node, "SELECT count(*) = 1 FROM workflow.run_history WHERE run = '$also'", 'the end of a later lease');
$completing->query_safe('COMMIT');
$completing->quit;
is_run($other, 'finished|0|0', 'who completes a run before its lease is taken away has done it');

# nobody waits for a transaction that is at a run: who asks it something leaves word
my $worker = $node->background_psql('postgres', on_error_stop => 1);
my $word = 'SELECT count(*) = 0 FROM workflow.run_request';
$worker->query_safe('SET ROLE clerk');
sub cancel { my ($it) = @_; return as($node, 'clerk', "SET lock_timeout = '1min'; SELECT workflow.cancel_run('$it')"); }

$run = run_job('letter');
$worker->query_safe(q{BEGIN; SELECT FROM workflow.claim('mail', 'w')});
is(cancel($run), 'aborting', 'a run that is being claimed is to stop');
$worker->query_safe('ROLLBACK');
wait_for($node, "SELECT count(*) = 1 FROM workflow.run_history WHERE run = '$run'", 'its end');
is_run($run, 'aborted|0|0', 'and is not done when the claim goes back');

$run = run_job('letter');
($claimed, $fence) = claim('mail', '1 hour');
$worker->query_safe("BEGIN; SELECT workflow.complete('$run', $fence)");
is(cancel($run), 'aborting', 'so is one that is being completed');
$worker->query_safe('ROLLBACK');
wait_for($node, $word, 'what it was asked');
is(as($node, 'clerk', "SELECT workflow.extend('$run', $fence)"), 'cancel', 'its worker hears of it');
$worker->query_safe("BEGIN; SELECT workflow.complete('$run', $fence)");
is(cancel($run), 'aborting', 'once more');
$worker->query_safe('COMMIT');
is_run($run, 'finished|0|0', 'who was completing a run has done it');
wait_for($node, $word, 'nothing to be left of that');

$run = run_job('letter');
($claimed, $fence) = claim('mail', '1 hour');
$worker->query_safe("BEGIN; SELECT workflow.park(event => 'go', run => '$run', fence => $fence)");
is(as($node, 'clerk', qq{SELECT workflow.signal('$run', 'go', '1'), workflow.signal('$run', 'go', '2'), workflow.signal('$run', 'other')}), 't|f|t',
	'a run that is being parked is told something');
$worker->query_safe('COMMIT');
wait_for($node, "SELECT ready FROM workflow.run WHERE id = '$run'", 'it to go on');
($claimed, $fence) = claim('mail', '1 hour');
is(as($node, 'clerk', "SELECT workflow.checkpoint('go', '$run', $fence), workflow.complete('$run', $fence)"), '1|t', 'and goes on with it');
$worker->quit;

# a slot is free when the lease is over
my $first = run_job('parcel');
my $second = run_job('parcel');
(undef, $fence, my $none) = split /[|\n]/, as($node, 'clerk', q{
	SELECT run, fence FROM workflow.claim('narrow', 'w', lease => '3 seconds');
	SELECT run FROM workflow.claim('narrow', 'w', lease => '3 seconds')});
is($none, undef, 'a full queue gives nothing');
wait_for($node, "SELECT count(*) = 0 FROM workflow.run WHERE fence = $fence", 'the end of the lease');
($claimed, $fence) = claim('narrow', '1 hour');
is($claimed, $first, 'its slot is free then');

# --- crashes ----------------------------------------------------------------------------------

$run = run_job('letter');
my $claim = as($node, 'clerk', q{SET synchronous_commit = off;
	SELECT run || ' ' || fence FROM workflow.claim('mail', 'w', lease => '1 hour')});
my ($durable, $durable_fence) = split / /, $claim;
$node->stop('immediate');
$node->start;
is($durable, $run, 'a run is claimed without a sync');
is(as($node, 'clerk', "SELECT workflow.complete('$durable', $durable_fence)"), 't', 'and the one of the worker after a crash');
($none) = claim('narrow', '1 second');
is($none, undef, 'the slot of a run is taken after a crash, too');
is(as($node, 'clerk', "SELECT workflow.complete('$claimed', $fence)"), 't', 'its worker ends it');
($claimed, $fence) = claim('narrow', '1 hour');
is($claimed, $second, 'the next one gets its slot');

$run = run_job('letter');
($claimed, $fence) = claim('mail', '1 hour');
# as if the server had been down for so long
$node->safe_psql('postgres', "UPDATE workflow.run SET lease_until = now() - interval '1 minute' WHERE id = '$run'");
$node->stop('immediate');
$node->start;
wait_for($node, "SELECT lease_until > now() FROM workflow.run WHERE id = '$run'", 'the lease to be renewed');
is(as($node, 'clerk', "SELECT workflow.complete('$run', $fence)"), 't', 'no lease ends while the server is down');

# --- await_work -------------------------------------------------------------------------------

is(as($node, 'clerk', q{CALL workflow.await_work('mail', '100 milliseconds')}), 'f', 'there is nothing to do');
my $waiting = $node->background_psql('postgres', on_error_stop => 1);
$waiting->query_safe('SET ROLE clerk');
$waiting->query_until(qr/begun/, "\\echo begun\nCALL workflow.await_work('mail', '5 minutes');\n\\echo done\n");
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event ~ 'WorkflowAwaitWork|Extension' AND query ~ 'await_work')}, 'the worker to wait');
is($node->safe_psql('postgres', q{SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE query ~ '^CALL workflow.await_work' AND pid <> pg_backend_pid()}),
	't', 'who waits has no snapshot');
$run = run_job('letter');
like($waiting->query_until(qr/done/, ''), qr/^t$/m, 'a run wakes it');
$waiting->quit;
($claimed, $fence) = claim('mail', '1 hour');
is($claimed, $run, 'which can be claimed');
is(as($node, 'clerk', "SELECT workflow.fail('$run', $fence, '{}', now() + '1 second')"), 'waiting', 'and comes again');
is(as($node, 'clerk', q{CALL workflow.await_work('mail', '5 minutes')}), 't', 'whose time is waited for');
run_job('parcel');
($none) = claim('narrow', '1 second');
is($none, undef, 'a full queue gives nothing');
is(as($node, 'clerk', q{CALL workflow.await_work('narrow', '100 milliseconds')}), 'f', 'a full queue has no work');
as($node, 'clerk', q{SELECT workflow.create_queue('choice'); SELECT workflow.create_job('left', queue => 'choice'); SELECT workflow.create_job('right', queue => 'choice');
	SELECT workflow.run_job('left'); SELECT workflow.create_job('left', queue => 'choice', timeout => '1 hour'); SELECT workflow.run_job('left')});
is(as($node, 'clerk', qq{CALL workflow.await_work('choice', '100 milliseconds', jobs => '{$_->[0]}')}), $_->[1], "$_->[0] waits for what it can do")
	foreach ['left', 't'], ['right', 'f'], ['left:1', 't'], ['left:2', 't'], ['left:3-', 'f'], ['right,left:2-', 't'];

# --- notifications ------------------------------------------------------------------------------

my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN workflow_work');

sub heard
{
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $heard = $listener->query_safe('SELECT pg_sleep(0.1)');

		return $1 if $heard =~ /"workflow_work" with payload "([^"]*)"/;
	}
	return 'nothing';
}

# the first queue that notifies is made while others are told of work: by then the runtime has looked, and not seen it
my $maker = $node->background_psql('postgres');
$maker->query_safe(q{BEGIN; SET ROLE clerk; SELECT workflow.create_queue('first', notify => true); SELECT workflow.create_job('knock', queue => 'first')});
as($node, 'clerk', q{SELECT workflow.create_queue('brief'); SELECT workflow.create_job('short', queue => 'brief')});
foreach my $time (1, 2)
{
	run_job('short');
	as($node, 'clerk', q{SELECT FROM workflow.claim('brief', 'w', 1, '100 milliseconds')});
	wait_for($node, "SELECT bool_or(losses >= $time) FROM workflow.runs WHERE job = 'short'", 'a lease to end, behind which it looks');
}
$maker->query_safe('COMMIT');
$maker->quit;
run_job('knock');
is(heard(), 'first', 'who listens hears of its work nevertheless');
as($node, 'clerk', q{SELECT workflow.cancel_run(run) FROM workflow.runs WHERE job = 'knock'});

# also where no runtime is, which is started for it
as($node, 'clerk', q{SELECT workflow.create_queue('bell', notify => true); SELECT workflow.create_job('ring', queue => 'bell')});
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'runtime' AND pid IS NOT NULL)}, 'the end of the runtime');
run_job('ring');
is(heard(), 'bell', 'who listens hears of work');
as($node, 'clerk', q{SELECT FROM workflow.claim('bell', 'w'); SELECT workflow.run_job('ring', at => now() + '2 seconds')});
is(heard(), 'bell', 'when it is due');
$listener->quit;

my ($result, $out, $err) = $node->psql('postgres', q{BEGIN; CALL workflow.await_work('mail');});
like($err, qr/cannot run inside a transaction block/, 'nobody waits in a transaction');

# --- in time ---------------------------------------------------------------------------------

as($node, 'clerk', q{
	SELECT workflow.create_queue('prompt');
	SELECT workflow.create_job('early', queue => 'prompt', start_within => '1 second');
	SELECT workflow.create_job('brief', queue => 'prompt', timeout => '1 second',
		retry => '{"errors": "timeout", "maxAttempts": 1, "intervalSeconds": 0.001}')});
my $punctual = run_job('early');
wait_for($node, "SELECT EXISTS (SELECT FROM workflow.run_history WHERE run = '$punctual')", 'the end of a run that nobody claims');
is_run($punctual, 'expired|0|0', 'it has expired');
$punctual = run_job('brief');
for my $attempt (1 .. 2)
{
	wait_for($node, "SELECT EXISTS (SELECT FROM workflow.run WHERE id = '$punctual' AND due <= now())", "attempt $attempt");
	($claimed, $fence) = claim('prompt', '1 hour');
	is($claimed, $punctual, 'a run is claimed for longer than it may take');
	wait_for($node, "SELECT count(*) = 0 FROM workflow.run WHERE fence = $fence", 'the end of its timeout');
	is(as($node, 'clerk', "SELECT workflow.complete('$punctual', $fence)"), 'f', 'then it is the worker\'s no more');
	is_run($punctual, $attempt == 1 ? 'waiting|0|1' : 'failed|0|2', 'which is an attempt');
}

# --- await_run --------------------------------------------------------------------------------

($claimed, $fence) = claim('mail', '1 hour');
($result, $out, $err) = $node->psql('postgres', "SET ROLE clerk; CALL workflow.await_run(ARRAY['$run']::uuid[], timeout => '100 milliseconds')");
like($err, qr/not all of the runs ended before the timeout/, 'a run that runs has not ended');
$waiting = $node->background_psql('postgres', on_error_stop => 1);
$waiting->query_safe('SET ROLE clerk');
$waiting->query_until(qr/begun/, "\\echo begun\nCALL workflow.await_run(ARRAY['$run']::uuid[], 'any', '5 minutes');\n\\echo done\n");
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event ~ 'WorkflowAwaitRun|Extension' AND query ~ 'await_run')}, 'somebody to wait');
is(as($node, 'clerk', "SELECT workflow.complete('$run', $fence)"), 't', 'it is completed');
$waiting->query_until(qr/done/, '');
pass('which wakes who waits');
$waiting->quit;

# --- permits ----------------------------------------------------------------------------------

# a run that was under way is gone: nobody gives its slot back
$node->safe_psql('postgres', q{DELETE FROM workflow.run WHERE state = 1 AND queue = (SELECT id FROM workflow.queue WHERE name = 'narrow')});
($none) = claim('narrow', '1 second');
is($none, undef, 'a slot of nobody is taken');
my $before = -s $node->logfile;
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'runtime' AND pid IS NOT NULL});
as($node, 'clerk', q{SELECT workflow.create_job('tick', 'SELECT 1'); SELECT workflow.run_job('tick')});	# a new one begins
as($node, 'clerk', q{CALL workflow.await_work('narrow', '1 minute')});
log_says($node, $before, qr/LOG:  workflow: queue "narrow" counted 1 as taken, and runs have 0: mended/, 'the runtime has mended that');
($claimed, $fence) = claim('narrow', '1 hour');
isnt($claimed, undef, 'and it is free');
is(as($node, 'clerk', "SELECT workflow.complete('$claimed', $fence)"), 't', 'for a run');

done_testing();
