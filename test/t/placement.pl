# Placements: runs of queues that other runtimes do, in the order in which these are usable;
# sessions play the runtimes. Who comes, goes, or may not work any more changes at once who
# does what waits; no row moves for that. Their claims count for limits as all others, and
# nobody sees what is not placed on his runtime.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

my $node = workflow_node('placement', q{workflow.runtime_id = 'here'}, 'workflow.sweep_interval = 1h', 'autovacuum = off');

foreach my $role (qw(shop far other))
{
	workflow_role($node, $role);
}
$node->safe_psql('postgres', q{
	REVOKE workflow_user FROM far, other;
	GRANT workflow_runtime TO far, other;
	CREATE SCHEMA shop AUTHORIZATION shop;
	SELECT workflow.set_setting('alive_signal_interval', '500 ms'), workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '1000')});
as($node, 'shop', q{
	CREATE FUNCTION shop.charge(params jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT params || '{"where": "here"}' $$;
	SELECT workflow.create_queue('far', placement => '{runtime:r1}'), workflow.create_queue('far or here', placement => '{runtime:r1,any}'),
		workflow.create_queue('engines', placement => '{role:engine}'), workflow.create_queue('standbys', placement => '{standby,role:engine}');
	SELECT workflow.create_job('charge', 'shop.charge'), workflow.create_job('sum', 'SELECT $a + $b', parameters => '{"a": "int", "b": "int"}',
		mode => 'tracked', timeout => '1 hour', retry => '[{"errors": ["*"], "intervalSeconds": 0.01, "maxAttempts": 2}]'),
		workflow.create_job('letter')});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runtimes WHERE id = 'here' AND state = 'alive'}, 'the server to register itself');

sub run { my ($queue, $key, $job, $more) = @_; return as($node, 'shop', sprintf(q{SELECT workflow.run_job('%s', queue => '%s', key => '%s'%s)}, $job // 'charge', $queue, $key, $more // '')); }
sub look { my ($key) = @_; return $node->safe_psql('postgres', "SELECT concat_ws(' ', state, waits_for, runtime, result ->> 'where') FROM workflow.runs WHERE key = '$key'"); }
sub looks { my ($key, $is) = @_; return wait_for($node, "SELECT concat_ws(' ', state, waits_for, runtime, result ->> 'where') = '$is' FROM workflow.runs WHERE key = '$key'", "$key: $is"); }

# A runtime in a process of its own that beats until it is killed.
my %beating;
sub beat
{
	my ($id, $role, $epoch) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe("SET ROLE $role");
	$session->query_safe(qq{CREATE OR REPLACE PROCEDURE pg_temp.beats() LANGUAGE plpgsql AS \$\$
		BEGIN LOOP PERFORM workflow.beat('$id', $epoch); COMMIT; PERFORM pg_sleep(0.1); END LOOP; END \$\$});
	$beating{$id} = [ $session, $session->query_safe('SELECT pg_backend_pid()') ];
	$session->{stdin} .= "CALL pg_temp.beats();\n";
	$session->{run}->pump_nb();
	return;
}
sub falls_silent
{
	my ($id) = @_;
	my ($session, $pid) = @{ delete $beating{$id} };

	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	eval { $session->quit };
	return;
}
my %epoch;
sub register
{
	my ($id, $kind, $role, $as) = @_;

	$epoch{$id} = as($node, $as // 'far', "SELECT epoch FROM workflow.register_runtime('$id', '$kind', '$role')");
	return beat($id, $as // 'far', $epoch{$id});
}
sub claims { my ($id, $columns, $n, $as) = @_; return as($node, $as // 'far', sprintf('SELECT %s FROM workflow.claim_placed(\'%s\', %s, %s)', $columns, $id, $epoch{$id}, $n // 10)); }
sub runs_of { my ($id) = @_; return as($node, 'far', "SELECT runs FROM workflow.beat('$id', $epoch{$id})"); }

# ---- nobody is there

run('far', 'a1');
run('far or here', 'b1');
looks('b1', 'finished here here');
is(look('a1'), 'waiting placement', 'without its runtime a run waits');
is($node->safe_psql('postgres', q{SELECT placement FROM workflow.queues WHERE name = 'far or here'}), '{runtime:r1,any}', 'the queue shows where it is placed');

# ---- it comes

register('r1', 'remote', 'both');
is(look('a1'), 'waiting executor', 'with it there is somebody');
run('far or here', 'b2');
cmp_ok(runs_of('r1'), '>', 0, 'a beat tells of them');
is(claims('r1', q{string_agg(format('%s %s %s %s %s %s', key, owner, mode, command, round, position IS NULL), ', ' ORDER BY key)}),
	'a1 shop atomic shop.charge 1 t, b2 shop atomic shop.charge 1 t', 'it claims what is placed on it, of whatever queue');
is(runs_of('r1'), 0, 'then there are none');
is(look('a1'), 'running r1', 'it has them');
is($node->safe_psql('postgres', q{SELECT lease_until FROM workflow.runs WHERE key = 'a1'}), 'infinity', 'for as long as it lives');
is(claims('r1', 'count(*)'), 0, 'nobody else');
is($node->safe_psql('postgres', q{SELECT in_flight FROM workflow.runtimes WHERE id = 'r1'}), 2, 'they are in flight');

# ---- an answer is lost

my ($lost, $fence_lost) = split /\|/, $node->safe_psql('postgres', q{SELECT id, fence FROM workflow.run WHERE key = 'b2'});
my $known = $node->safe_psql('postgres', q{SELECT id FROM workflow.run WHERE key = 'a1'});
is(as($node, 'far', "SELECT count(*) FROM workflow.claim_placed('r1', $epoch{r1}, 10, '{$known,$lost}')"), 0, 'what it knows it has, it does not get again');
is(as($node, 'far', "SELECT string_agg(key || ' ' || round, ', ') FROM workflow.claim_placed('r1', $epoch{r1}, 10, '{$known}')"), 'b2 1', 'but what it does not know');
is(as($node, 'far', "SELECT workflow.complete('$lost', $fence_lost)"), 'f', 'with another fence');

# One that is to stop meanwhile has nobody who stops it.
run('far', 'a0');
is(claims('r1', q{string_agg(key, ', ')}), 'a0', 'one more is claimed');
$node->safe_psql('postgres', q{SELECT workflow.cancel_run(id) FROM workflow.run WHERE key = 'a0'});
is(look('a0'), 'aborting r1', 'and cancelled');
is(as($node, 'far', "SELECT count(*) FROM workflow.claim_placed('r1', $epoch{r1}, 10, '{$known,$lost}')"), 0, 'who does not know it does not get it');
is(look('a0'), 'aborted r1', 'it stops at once');

# ---- it ends them

my $fence = sub { my ($key) = @_; return $node->safe_psql('postgres', "SELECT format('''%s'', %s', id, fence) FROM workflow.run WHERE key = '$key'"); };
my $a1 = $fence->('a1');
is(as($node, 'far', "BEGIN; SELECT workflow.extend($a1); SELECT pg_current_xact_id_if_assigned() IS NULL; COMMIT"), "go on\nt", 'it goes on, which costs nothing');
is($node->safe_psql('postgres', q{SELECT lease_until FROM workflow.runs WHERE key = 'a1'}), 'infinity', 'that makes nothing shorter');
as($node, 'far', "SELECT workflow.report_progress(1, 2, run => r, fence => f), workflow.write_log('info', 'half', run => r, fence => f),
	workflow.save_checkpoint('half', '1', r, f) FROM (VALUES (${\ ($a1 =~ s/,/::uuid,/r)})) v(r, f)");
is(as($node, 'far', "SELECT workflow.complete($a1, '{\"where\": \"far\"}')"), 't', 'it completes one');
is(look('a1'), 'finished r1 far', 'which is done');
like(refusal($node, 'other', "SELECT workflow.complete(" . $fence->('b2') . ")"), qr/^WF002: /, 'another role does not');
like(refusal($node, 'other', "SELECT FROM workflow.claim_placed('r1', $epoch{r1}, 1)"), qr/^WF018: /, 'nor claims as it');
like(refusal($node, 'far', "SELECT FROM workflow.claim_placed('r1', $epoch{r1} - 1, 1)"), qr/^WF012: /, 'nor who has an old epoch');
like(refusal($node, 'shop', "SELECT FROM workflow.claim_placed('r1', $epoch{r1}, 1)"), qr/^42501: /, 'nor who is no runtime');

# ---- rounds

run('far', 'c1', 'sum', ', params => \'{"a": 1, "b": 2}\'');
is(claims('r1', q{format('%s %s %s %s %s %s', key, mode, command, types, timeout, round)}),
	'c1 tracked SELECT $a + $b {"a": "integer", "b": "integer"} 01:00:00 1', 'a statement, with the types of its parameters');
as($node, 'far', 'SELECT workflow.release(' . $fence->('c1') . ')');
is(claims('r1', 'attempt, round'), '1|1', 'what is given back is of the same round');
is(as($node, 'far', 'SELECT workflow.fail(' . $fence->('c1') . q{, '{"code": "busy"}')}), 'waiting', 'what has failed');
wait_for($node, q{SELECT due <= clock_timestamp() FROM workflow.runs WHERE key = 'c1'}, 'the next attempt');
is(claims('r1', 'attempt, round'), '2|2', 'is of the next one');
as($node, 'far', 'SELECT workflow.park(event => \'go\', run => r, fence => f) FROM (VALUES (' . ($fence->('c1') =~ s/,/::uuid,/r) . ')) v(r, f)');
as($node, 'shop', q{SELECT workflow.signal(run, 'go') FROM workflow.runs WHERE key = 'c1'});
is(claims('r1', 'attempt, round'), '2|3', 'as is what begins anew because it was parked');
is(as($node, 'far', 'SELECT workflow.fail(' . $fence->('c1') . q{, '{"code": "busy"}', final => true)}), 'failed', 'it fails for good');
is(as($node, 'shop', q{SELECT workflow.retry_run(run) FROM workflow.runs WHERE key = 'c1'}), 't', 'and is done once more');
is(claims('r1', 'attempt, round'), '1|5', 'in a round of its own');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('c1') . q{, '3')});

# ---- what it cannot do

run('far or here', 'given 1', 'charge', ', priority => 2');
is(claims('r1', 'key'), 'given 1', 'it claims one that it cannot do');
run('far or here', 'given 2');
like(refusal($node, 'other', 'SELECT workflow.decline(' . $fence->('given 1') . ')'), qr/^WF002: /, 'another role does not say so');
is(as($node, 'far', 'SELECT workflow.decline(' . $fence->('given 1') . ')'), 't', 'there is somebody else');
looks('given 1', 'finished here here');
is($node->safe_psql('postgres', q{SELECT attempt, priority, losses FROM workflow.runs WHERE key = 'given 1'}), '1|2|0', 'who does it, with the priority that it has');
is(claims('r1', 'key'), 'given 2', 'others it claims still');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('given 2') . ')');
run('far', 'given 3');
is(claims('r1', 'key'), 'given 3', 'one that nobody else may do');
my $g3 = $fence->('given 3');
is(as($node, 'far', "SELECT workflow.decline($g3)"), 'f', 'it has still');
is(as($node, 'far', "SELECT workflow.release($g3), workflow.decline($g3)"), 't|t', 'and has no more, when it gives it back');
is(claims('r1', 'key'), 'given 3', 'claims it anew');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('given 3') . ')');

# Where they stand in order, each has its turn where it is placed.
as($node, 'shop', q{SELECT workflow.create_queue('in order', placement => '{runtime:r1,local}', ordered => true)});
run('in order', "ordered $_") foreach 1 .. 3;
is(claims('r1', 'key'), 'ordered 1', 'the first one of a queue in order');
as($node, 'far', 'SELECT workflow.decline(' . $fence->('ordered 1') . ')');
looks('ordered 1', 'finished here here');
as($node, 'far', "CALL workflow.await_placed('r1', $epoch{r1}, '60 s')");
is(claims('r1', 'key'), 'ordered 2', 'the next one it has again');
is(look('ordered 3'), 'waiting order', 'nobody else has the one after that');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('ordered 2') . ')');
as($node, 'far', "CALL workflow.await_placed('r1', $epoch{r1}, '60 s')");
is(claims('r1', 'key'), 'ordered 3', 'it neither');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('ordered 3') . ')');

# When it has gone, and come back, one that was given back waits for nobody.
as($node, 'shop', q{SELECT workflow.create_queue('engine first', placement => '{role:engine,runtime:r1}')});
register('e9', 'remote', 'engine', 'other');
run('engine first', 'given 5');
is(claims('e9', 'key', 10, 'other'), 'given 5', 'what an engine has');
as($node, 'other', 'SELECT workflow.decline(' . $fence->('given 5') . ')');
is(as($node, 'shop', q{SELECT workflow.alter_runs('{"key": "given 5"}', '{"queue": "far or here"}')}), 1, 'and gives back, is moved');
is(claims('r1', 'key'), 'given 5', 'which is for the first one there');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('given 5') . ')');
run('engine first', 'given 4');
is(claims('e9', 'key', 10, 'other'), 'given 4', 'an engine has it first');
is(as($node, 'other', 'SELECT workflow.decline(' . $fence->('given 4') . ')'), 't', 'and cannot do it');
is(claims('e9', 'key', 10, 'other'), '', 'it does not get it again');
is(look('given 4'), 'waiting executor', 'as there is another one');
as($node, 'shop', q{SELECT workflow.alter_queue('engine first', '{"placement": ["role:engine", "runtime:r2"]}')});
is(claims('e9', 'key', 10, 'other'), 'given 4', 'unless nobody else is there');
as($node, 'other', 'SELECT workflow.complete(' . $fence->('given 4') . ')');
as($node, 'other', "SELECT workflow.shutdown_runtime('e9', $epoch{e9})");
falls_silent('e9');
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'e9'}, 'e9 to have gone');

# ---- it waits for them without looking

my $waiter = $node->background_psql('postgres');
$waiter->query_safe('SET ROLE far');
my $began = time;
$waiter->{stdin} .= "CALL workflow.await_placed('r1', $epoch{r1}, '60 s');\n\\echo done\n";
$waiter->{run}->pump_nb();
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event IN ('WorkflowAwaitPlaced', 'Extension') AND query ~ 'await_placed'}, 'a session to wait');
is($node->safe_psql('postgres', q{SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE query ~ 'CALL workflow.await_placed' AND pid <> pg_backend_pid()}),
	't', 'who waits has no snapshot');
my $made = time;
run('far', 'd1');
$waiter->{run}->pump() until $waiter->{stdout} =~ /done/;
cmp_ok(time - $made, '<', 50, 'it hears of one that comes');
like($waiter->{stdout}, qr/^t$/m, 'and that it is ready');
$waiter->quit;
is(claims('r1', 'key'), 'd1', 'and claims it');

# ---- who has died

run('far or here', 'e1');
is(claims('r1', 'key'), 'e1', 'another one is claimed');
run('far or here', 'e2');
run('far', 'e3');
is(look('e2'), 'waiting executor', 'and one waits for it');
# nobody else is there, who might be taken for dead by a busy machine
$node->safe_psql('postgres', q{SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '6')});
$began = time;
falls_silent('r1');
looks('e2', 'finished here here');
cmp_ok(time - $began, '<', 60, 'when it has died others do what waits, soon');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '1000')});
looks('e1', 'finished here here');
looks('d1', 'waiting placement');
is(look('e3'), 'waiting placement', 'but for what nobody else may do');
is($node->safe_psql('postgres', q{SELECT losses FROM workflow.runs WHERE key = 'd1'}), 1, 'what it had was lost');
is(as($node, 'far', "SELECT workflow.heartbeat('r1', $epoch{r1})"), 'f', 'it hears so');
like(refusal($node, 'far', "SELECT FROM workflow.claim_placed('r1', $epoch{r1}, 1)"), qr/^WF012: /, 'and claims nothing');

# ---- and comes again

register('r1', 'remote', 'both');
is(claims('r1', q{string_agg(key || ' ' || round, ', ' ORDER BY key)}), 'd1 1, e3 1', 'what was lost is of the same round');
as($node, 'far', "SELECT workflow.complete($_, '{\"where\": \"far\"}')") foreach map { $fence->($_) } qw(d1 e3);

# ---- roles and approval

run('far or here', 'f1');
is(look('f1'), 'waiting executor', 'one is its own');
as($node, 'far', q{SELECT workflow.set_runtime_role('r1', 'interface')});
looks('f1', 'finished here here');
run('far', 'f2');
is(look('f2'), 'waiting placement', 'an interface runs nothing');
like(refusal($node, 'far', "SELECT FROM workflow.claim_placed('r1', $epoch{r1}, 1)"), qr/^WF002: /, 'nor does it claim');
as($node, 'far', q{SELECT workflow.set_runtime_role('r1', 'engine')});
run('engines', 'f3');
is(claims('r1', q{string_agg(key, ', ' ORDER BY key)}), 'f2, f3', 'an engine does, also what is for engines');
as($node, 'far', "SELECT workflow.complete($_)") foreach map { $fence->($_) } qw(f2 f3);
as($node, 'far', q{SELECT workflow.set_runtime_role('r1', 'both')});
run('engines', 'f4');
is(look('f4'), 'waiting placement', 'and one that is none does not');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('approve_runtimes', 'on')});
register('r2', 'remote', 'engine');
is(look('f4'), 'waiting placement', 'nor one that was not approved');
$node->safe_psql('postgres', q{SELECT workflow.approve_runtime('r2'), workflow.set_setting('approve_runtimes', NULL)});
is(claims('r2', 'key'), 'f4', 'but when it is');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('f4') . ')');

# ---- standbys

run('standbys', 'g1');
is(claims('r2', 'key'), 'g1', 'without a standby the next element counts');
as($node, 'far', 'SELECT workflow.release(' . $fence->('g1') . ')');
register('s1', 'standby', 'both', 'other');
is(claims('r2', 'count(*)'), 0, 'with one it does not');
is(claims('s1', q{format('%s %s', key, position BETWEEN '0/1' AND pg_current_wal_insert_lsn())}, 1, 'other'), 'g1 t', 'the standby hears from where on it may');
is(claims('s1', 'count(*)', 10, 'other'), 0, 'and sees nothing of others');
as($node, 'other', 'SELECT workflow.complete(' . $fence->('g1') . ')');
as($node, 'other', "SELECT workflow.shutdown_runtime('s1', $epoch{s1})");
run('standbys', 'g2');
is(claims('r2', 'key'), 'g2', 'when it has ended the next one counts again');

# ---- limits

as($node, 'shop', q{
	SELECT workflow.create_limit('gate', max => 1);
	SELECT workflow.create_queue('two', max_parallel => 2, placement => '{runtime:r1}'),
		workflow.create_queue('parts', partition_limit => 1, placement => '{runtime:r1}'),
		workflow.create_queue('line', ordered => true, placement => '{runtime:r1}'),
		workflow.create_queue('each', max_parallel => 1, per => 'runtime', placement => '{role:engine}');
	SELECT workflow.create_job('gated', 'SELECT 1', limits => '{"gate": 1}')});
run('two', "h$_") foreach 1 .. 3;
is(claims('r1', 'count(*)'), 2, 'slots');
is(look('h3'), 'waiting slot', 'the third one waits');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('h1') . ')');
is(claims('r1', 'key'), 'h3', 'for one that is free');
run('parts', "i$_", 'charge', ", partition => 'p" . ($_ % 2) . "'") foreach 1 .. 4;
is(claims('r1', q{string_agg(key, ' ' ORDER BY key)}), 'i1 i2', 'partitions');
run('line', "j$_") foreach 1 .. 2;
is(claims('r1', 'key'), 'j1', 'order');
as($node, 'far', 'SELECT workflow.complete(' . $fence->('j1') . ')');
is(claims('r1', 'key'), 'j2', 'one after the other');
run('far', "k$_", 'gated') foreach 1 .. 2;
is(claims('r1', 'key'), 'k1', 'named limits');
is(look('k2'), 'waiting limit', 'of which there is no more');
run('each', "l$_") foreach 1 .. 3;
register('r3', 'remote', 'engine');
is(claims('r2', 'count(*)') . ' ' . claims('r3', 'count(*)') . ' ' . claims('r2', 'count(*)'), '1 1 0', 'limits of each runtime');

# ---- jobs without a command

$node->safe_psql('postgres', 'GRANT workflow_runtime TO shop');
as($node, 'shop', q{SELECT workflow.create_queue('mail', placement => '{runtime:app}')});
run('mail', 'm1', 'letter');
is(look('m1'), 'waiting placement', 'workers wait, too');
is(as($node, 'shop', q{SELECT count(*) FROM workflow.claim('mail', 'somebody')}), 0, 'a worker that is no runtime gets nothing');
is(as($node, 'shop', q{CALL workflow.await_work('mail', '10 ms')}), 'f', 'and does not wait for it');
register('app', 'application', 'both', 'shop');
is(look('m1'), 'waiting worker', 'the one that is');
is(as($node, 'shop', q{CALL workflow.await_work('mail', '10 ms', worker => 'app')}), 't', 'hears of it');
is(as($node, 'shop', "SELECT key FROM workflow.claim('mail', 'app', epoch => $epoch{app})"), 'm1', 'and claims it');
is(claims('app', 'count(*)', 10, 'shop'), 0, 'no runs with commands are placed on it');
is(as($node, 'shop', "SELECT runs FROM workflow.beat('app', $epoch{app})"), 0, 'as its beat says');

run('engines', 'm2', 'letter');
is(look('m2'), 'waiting placement', 'engines for jobs without a command are applications');
is(as($node, 'shop', "SELECT count(*) FROM workflow.claim('engines', 'app', epoch => $epoch{app})"), 0, 'one that is none gets nothing');
as($node, 'shop', q{SELECT workflow.set_runtime_role('app', 'engine')});
is(as($node, 'shop', "SELECT key FROM workflow.claim('engines', 'app', epoch => $epoch{app})"), 'm2', 'one that is does');
is(as($node, 'shop', "SELECT count(*) FROM workflow.claim_placed('app', $epoch{app}, 10, '{}')"), 0, 'what it has from claim() it does not get once more');

# ---- what a placement is changed to, and pauses

run('far', 'n1');
as($node, 'shop', q{SELECT workflow.pause_queue('far')});
is(claims('r1', 'count(*)'), 0, 'nothing of a queue that is paused');
as($node, 'shop', q{SELECT workflow.resume_queue('far')});
is(runs_of('r1'), 1, 'it hears when it is not any more');
as($node, 'shop', q{SELECT workflow.alter_queue('far', '{"placement": ["local"]}')});
looks('n1', 'finished here here');
run('far', 'n2');
looks('n2', 'finished here here');

# ---- many queues, a savepoint, a role that is not there any more

as($node, 'shop', q{SELECT workflow.create_queue('many ' || i, placement => '{runtime:r1}') FROM generate_series(1, 100) i;
	SELECT workflow.run_job('charge', queue => 'many ' || i, key => 'o' || i) FROM generate_series(91, 100) i});
is(runs_of('r1'), 1, 'a runtime has any number of queues');
is(as($node, 'far', "BEGIN; SAVEPOINT s; SELECT count(*) FROM workflow.claim_placed('r1', $epoch{r1}, 100); ROLLBACK TO s; COMMIT"), 10, 'what it claims in a savepoint');
is(runs_of('r1') . ' ' . claims('r1', 'count(*)'), '1 10', 'is free again when that is rolled back');
like(refusal($node, 'far', "BEGIN READ ONLY; SELECT FROM workflow.claim_placed('r1', $epoch{r1}, 1)"), qr/^25006: /, 'who may write nothing claims nothing');

# ---- a crash of the server: claims stay, but those of nobody

is(look('g2'), 'running r2', 'another runtime has a run');
$node->safe_psql('postgres', q{DELETE FROM workflow.runtime WHERE id = 'r2'});
$node->stop('immediate');
$node->start;
wait_for($node, q{SELECT state = 'waiting' AND losses = 1 FROM workflow.runs WHERE key = 'g2'}, 'what a runtime had that is not there to be given back');
is(look('h2'), 'running r1', 'what a runtime has, it has after a crash of the server');
is($node->safe_psql('postgres', q{SELECT timeline FROM workflow.runs WHERE key = 'h2'}), 1, 'and where it was claimed');
is(as($node, 'far', 'SELECT workflow.complete(' . $fence->('h2') . ", '{\"where\": \"far\"}')"), 't', 'and ends it');
is(as($node, 'far', "SELECT workflow.heartbeat('r1', $epoch{r1})"), 't', 'it lives');
run('two', 'h4');
is(runs_of('r1') . ' ' . claims('r1', q{string_agg(key, ' ' ORDER BY key)}), '1 h4', 'and goes on');

# ---- an idle server does nothing

my $looks = q{SELECT COALESCE(sum(looks), 0) FROM workflow.activity WHERE kind = 'executor'};
run('far or here', 'z1');
is(claims('r1', 'key'), 'z1', 'the last one');
stands_still($node, $looks, 2, 'what is placed elsewhere is not looked for again and again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'all is well');

done_testing();
