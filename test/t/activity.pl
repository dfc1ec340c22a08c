# workflow.activity and the log tell why nothing happens, and what a busy executor is
# at: that before anybody has to guess.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('activity', 'workflow.max_databases = 3', 'workflow.sweep_interval = 1s');
workflow_role($node, 'guest');

# What it says of a kind in a database.
sub wait_for_word
{
	my ($database, $kind, $condition, $name) = @_;

	wait_for_in($node, $database, "SELECT count(*) = 1 AND bool_and($condition) FROM workflow.activity WHERE kind = '$kind'", $name);
	ok(1, $name);
	return;
}

#
# The event that an executor is at
#
$node->safe_psql('postgres', 'CREATE SCHEMA office AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE FUNCTION office.wait(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"on": {"wait for it": {"actions": "office.wait"}}}}}');
	SELECT workflow.start('order', key => 'held')});
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(4711)');
as($node, 'clerk', q{SELECT workflow.post_by_key('order', 'held', 'wait for it')});
wait_for($node, q{SELECT event = 'wait for it' FROM workflow.activity WHERE kind = 'executor' AND event IS NOT NULL}, 'the event');
my $event = q{
	SELECT concat_ws(' ', state, definition, event, process = (SELECT k.process FROM workflow.key k), event_since BETWEEN now() - interval '1 hour' AND now())
	FROM workflow.activity WHERE kind = 'executor' AND event_since IS NOT NULL};
is($node->safe_psql('postgres', $event), 'busy order wait for it t t', 'what a busy executor is at, and since when');
is(as($node, 'guest', q{SELECT concat_ws(' ', state, process, definition, event, event_since IS NOT NULL) FROM workflow.activity WHERE kind = 'executor' AND event_since IS NOT NULL}), 'busy t',
	'who may not read the definition sees that there is something');
is(as($node, 'guest', q{SELECT count(process) + count(definition) + count(event) FROM workflow.workers()}), 0, 'nor does the function tell');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM workflow.runtime_activity() WHERE kind <> 'owner'}), 'executor launcher runtime',
	'the function of 0.2.0 gives what it gave');
$holder->query_safe('SELECT pg_advisory_unlock(4711)');
$holder->quit;
wait_for($node, q{SELECT bool_and(state = 'idle' AND process IS NULL AND event IS NULL AND event_since IS NULL) FROM workflow.activity WHERE kind = 'executor'}, 'idle ones');
ok(1, 'idle ones are at none');

#
# Not adopted
#
my $log = -s $node->logfile;
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE postgres');
$node->safe_psql('twin', 'SELECT workflow.wake()');
wait_for_word('twin', 'runtime', q{state = 'absent' AND wait_reason ~ 'workflow.adopt\(\)'}, 'a copy that was not adopted says so');
$node->safe_psql('twin', 'SELECT workflow.wake()') foreach 1 .. 3;
wait_for_word('twin', 'runtime', q{state = 'absent' AND wait_reason ~ 'workflow.adopt\(\)'}, 'and goes on saying so');
log_says($node, $log, qr/CONTEXT:  workflow runtime of database "twin"/, 'for which database');
is(scalar(() = log_since($node, $log) =~ /LOG:  the workflows of this database were made in another one, and wait.*\n.*\n.*HINT:.*workflow\.adopt\(\)/g), 1, 'the log has one line of it');
$node->safe_psql('twin', 'SELECT workflow.adopt()');
wait_for_word('twin', 'runtime', q{state = 'running' AND wait_reason IS NULL}, 'until it was adopted');

# Restored while its runtime was there, as by pg_restore.
$node->safe_psql('twin', 'UPDATE workflow.stamp SET database = 1');
$node->safe_psql('twin', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'runtime'});
wait_for_word('twin', 'runtime', q{wait_reason ~ 'workflow.adopt\(\)'}, 'so does one that was restored');
$node->safe_psql('twin', 'SELECT workflow.adopt()');
wait_for_word('twin', 'runtime', q{wait_reason IS NULL}, 'until it is adopted');

#
# An error ends the runtime
#
$node->safe_psql('twin', 'ALTER TABLE workflow.stamp RENAME COLUMN relation TO relation_');
$node->safe_psql('twin', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'runtime'});
wait_for_word('twin', 'runtime', q{wait_reason = 'the last runtime ended with an error' AND sqlstate = '42703' AND message ~ 'relation' AND failed_at <= now()}, 'a runtime that fails says why');
$node->safe_psql('twin', 'ALTER TABLE workflow.stamp RENAME COLUMN relation_ TO relation; SELECT workflow.wake()');
wait_for_word('twin', 'runtime', q{state = 'running' AND wait_reason IS NULL AND sqlstate = '42703'}, 'and its successor what was last');

#
# More databases than there is room for
#
$log = -s $node->logfile;
$node->safe_psql('postgres', 'CREATE DATABASE third');
$node->safe_psql('third', 'CREATE EXTENSION workflow');
wait_for_word('third', 'runtime', q{state = 'running'}, 'the third database');
$node->safe_psql('postgres', 'CREATE DATABASE fourth');
$node->safe_psql('fourth', 'CREATE EXTENSION workflow');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {"new": {"after": {"0": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('order')}, 'fourth');
foreach my $kind ('runtime', 'owner')
{
	wait_for_word('fourth', $kind, q{wait_reason ~ 'workflow.max_databases'}, "one too many says so: $kind");
}
log_says($node, $log, qr/WARNING:  too many databases use workflow\n.*"fourth"/, 'the log names it');
my $beat = q{SET statement_timeout = '20s'; SELECT workflow.heartbeat('nobody', 1)};
is($node->safe_psql($_, $beat), 'f', "a runtime of $_ is heard") foreach qw(postgres twin third);
like(refusal($node, 'postgres', $beat, 'fourth'), qr/^53400: too many databases use workflow/, 'one of the fourth is told why it is not');
$node->restart;
$log = -s $node->logfile;
$node->safe_psql('postgres', 'DROP DATABASE third');
wait_for_in($node, 'fourth', q{SELECT count(*) = 1 FROM workflow.processes WHERE status = 'finalized'}, 'the fourth database');
ok(1, 'when there is room it is served');

#
# Too few workers for a runtime, and for the launcher
#
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
as($node, 'clerk', q{SELECT workflow.start('order')}, 'fourth');
wait_for_word('fourth', 'runtime', q{pid IS NULL AND wait_reason = 'max_worker_processes is exhausted'}, 'no worker for the runtime');
wait_for_word('fourth', 'owner', q{wait_reason = 'max_worker_processes is exhausted'}, 'nor for the work');
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;
as($node, 'clerk', q{SELECT workflow.start('order')}, 'fourth');
wait_for_word('fourth', 'launcher', q{pid IS NULL AND state = 'absent' AND wait_reason = 'max_worker_processes is exhausted'}, 'none for the launcher');
wait_for_word('fourth', 'owner', q{wait_reason = 'the launcher is not running'}, 'so that nothing is done');
$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
wait_for_in($node, 'fourth', q{SELECT count(*) = 3 FROM workflow.processes WHERE status = 'finalized'}, 'all of it');
ok(1, 'four are enough');

# executors of runs have a setting of their own
$node->append_conf('postgresql.conf', 'workflow.max_job_executors = 0');
$node->restart;
as($node, 'clerk', q{SELECT workflow.create_job('one', 'SELECT 1'), workflow.run_job('one')}, 'fourth');
wait_for_word('fourth', 'owner', q{wait_reason = 'workflow.max_job_executors is 0'}, 'nobody does runs');
$node->append_conf('postgresql.conf', 'workflow.max_job_executors = 1');
$node->restart;
wait_for_in($node, 'fourth', q{SELECT state = 'finished' FROM workflow.runs}, 'the run');
ok(1, 'until somebody does');

#
# Runtimes with nothing to do leave room for others
#
foreach my $n (1 .. 2)
{
	$node->safe_psql('postgres', "CREATE DATABASE idle$n");
	$node->safe_psql("idle$n", 'CREATE EXTENSION workflow') if $n == 1;
}
$node->restart;
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow runtime'}, 'the runtimes to leave');
wait_for_word('fourth', 'runtime', q{state = 'resting'}, 'where workers are few no runtime stays for nothing');

$node->stop;
done_testing();
