# Alerts by the real runtime: they begin when they have to, whoever ends in between, and
# nothing looks at a database to which nothing is written.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('alerts', 'workflow.runtime_idle_timeout = 1s', 'workflow.executor_idle_timeout = 1s',
	'workflow.sweep_interval = 1s', 'workflow.max_attempts = 1', 'restart_after_crash = on',
	# what the server itself logs of statements is not ours
	'log_statement = none', 'log_min_error_statement = panic');

$node->safe_psql('postgres', 'CREATE SCHEMA app AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE app.told (alert text, state text, since text, at timestamptz DEFAULT clock_timestamp());
	CREATE FUNCTION app.tell(params jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO app.told SELECT params->>'alert', params->>'state', params->>'since' $$;
	SELECT workflow.create_job('tell', 'app.tell');
	SELECT workflow.create_job('outside')});

# What was told of an alert so far.
sub told
{
	my ($name) = @_;

	return $node->safe_psql('postgres', "SELECT coalesce(string_agg(state, ' ' ORDER BY at), '') FROM app.told WHERE alert = '$name'");
}

sub rests
{
	my ($what) = @_;

	wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname IS NOT NULL}, "rest, $what");
	return;
}

# --- lag, and its end -----------------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.create_alert('late', 'lag', '{"job": "outside"}', '1 second', 'tell', keep => '1 second')});
wait_for($node, q{SELECT looked_at IS NOT NULL FROM workflow.alerts WHERE name = 'late'}, 'a look at a new alert');
my $run = as($node, 'clerk', q{SELECT workflow.run_job('outside')});
wait_for($node, q{SELECT count(*) = 1 FROM app.told WHERE alert = 'late'}, 'the beginning');
is($node->safe_psql('postgres', q{SELECT t.at - r.due >= '1 second' FROM app.told t, workflow.runs r WHERE r.job = 'outside'}), 't',
	'a run that nobody claims is late');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.alerts}), 'firing', 'the alert fires');
as($node, 'clerk', "SELECT workflow.cancel_run('$run')");
wait_for($node, q{SELECT count(*) = 2 FROM app.told WHERE alert = 'late'}, 'the end');
is(told('late'), 'begins ends', 'one run for each');
is($node->safe_psql('postgres', q{SELECT count(DISTINCT since) FROM app.told}), '1', 'the end tells of its beginning');

# --- nothing is done where nothing is written ------------------------------------------------

rests('when all is over');
stands_still($node, q{SELECT pg_snapshot_xmax(pg_current_snapshot()), looked_at, (SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname IS NOT NULL)
	FROM workflow.alerts}, 4, 'in an idle database nobody looks at anything, and nothing is written');

# --- a time that comes by itself ----------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.define('{"id": "loan", "initial": "asked", "states": {"asked": {"task": {"for": ["clerk"]}, "on": {"yes": "over"}}, "over": {"type": "final"}}}')});
my ($process, $slow, $state);
foreach my $seconds (5, 20, 80)
{
	$slow = "slow $seconds";
	as($node, 'clerk', qq{SELECT workflow.create_alert('$slow', 'waiting', '{"definition": "loan"}', '$seconds seconds', 'tell', keep => '0')});
	$process = as($node, 'clerk', q{SELECT workflow.start('loan')});
	rests('with an open task');
	$state = $node->safe_psql('postgres', "SELECT state FROM workflow.alerts WHERE name = '$slow'");
	last if $state eq 'quiet';
	# It was time before all had left: once more, with more of it.
	as($node, 'clerk', "SELECT workflow.drop_alert('$slow'); SELECT workflow.cancel('$process')");
}
is($state, 'quiet', 'a task is open, not for long, and nobody is there');
wait_for($node, "SELECT count(*) = 1 FROM app.told WHERE alert = '$slow'", 'the task that waits');
is($node->safe_psql('postgres', "SELECT t.at - k.made_at >= substr('$slow', 6)::int * interval '1 second' FROM app.told t, workflow.tasks k WHERE t.alert = '$slow' AND k.process = '$process'"), 't',
	'a runtime comes when it is time');

# --- the server goes down -----------------------------------------------------------------------

$node->stop('immediate');
$node->start;
wait_for($node, "SELECT looked_at > pg_postmaster_start_time() FROM workflow.alerts WHERE name = '$slow'", 'a look after the start');
is(told($slow), 'begins', 'it goes on, and does not begin again');
as($node, 'clerk', "SELECT workflow.send('$process', 'yes')");
wait_for($node, "SELECT count(*) = 2 FROM app.told WHERE alert = '$slow'", 'its end');
is(told($slow), 'begins ends', 'once');

# --- at the same time ---------------------------------------------------------------------------

as($node, 'clerk', q{SELECT workflow.create_alert('other', 'lag', '{"queue": "job:outside"}', '1 second', 'tell', keep => '0')});
my $holder = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'clerk' ]);
$holder->query_safe('BEGIN');
$holder->query_safe(q{SELECT workflow.alter_alert('late', '{"threshold": "2 seconds"}')});
$run = as($node, 'clerk', q{SELECT workflow.run_job('outside')});
wait_for($node, q{SELECT count(*) = 1 FROM app.told WHERE alert = 'other'}, 'one that nobody has locked');
is(told('late'), 'begins ends', 'one that is locked is left out');
$holder->query_safe('COMMIT');
$holder->quit;
wait_for($node, q{SELECT count(*) = 3 FROM app.told WHERE alert = 'late'}, 'the other one, when it is free');
as($node, 'clerk', "SELECT workflow.cancel_run('$run')");
wait_for($node, q{SELECT bool_and(state = 'quiet') FROM workflow.alerts}, 'both ends');
wait_for($node, q{SELECT count(*) = 4 FROM app.told WHERE alert = 'late'}, 'what is told of it');
is(told('late'), 'begins ends begins ends', 'each told once');

# --- two steps of a commit -----------------------------------------------------------------------

$run = as($node, 'clerk', q{SELECT workflow.run_job('outside')});
rests('before a transaction is prepared');
as($node, 'clerk', q{BEGIN; SELECT workflow.create_alert('prepared', 'lag', '{"queue": "job:outside"}', '1 second'); PREPARE TRANSACTION 'a'});
as($node, 'clerk', q{COMMIT PREPARED 'a'});
wait_for($node, q{SELECT state = 'firing' FROM workflow.alerts WHERE name = 'prepared'}, 'an alert that was prepared');
as($node, 'clerk', q{BEGIN; SAVEPOINT s; SELECT workflow.create_alert('undone', 'lag', NULL, '1 second', 'tell'); ROLLBACK TO s; COMMIT});
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.alerts WHERE name = 'undone'}), '0', 'what was rolled back is not there');
my ($status, $out, $err) = $node->psql('postgres', q{BEGIN READ ONLY; SELECT workflow.create_alert('x', 'lag')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/cannot execute workflow.create_alert\(\) in a read-only transaction/, 'a transaction that only reads');

# --- sensitive fields in the server's log -----------------------------------------------------------

my $offset = -s $node->logfile;
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "secret", "initial": "a", "context": {"iban": null}, "sensitive": ["/iban"], "states": {"a": {
		"after": {"10 ms": {"actions": [{"type": "log", "label": "pays", "message": {"@expr": "context->''iban''"}}]},
			"20 ms": {"actions": {"type": "assign", "assignment": {"n": {"@expr": "(context->>''iban'')::int"}}}}}}}}');
	SELECT workflow.create_job('cast', 'SELECT $iban::int', '{"iban": {"type": "text", "sensitive": true}}');
	SELECT workflow.start('secret', '{"iban": "DE50014711"}');
	SELECT workflow.run_job('cast', '{"iban": "DE50014712"}')});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.errors WHERE given_up}, 'an event that fails');
wait_for($node, q{SELECT state = 'failed' FROM workflow.runs WHERE job = 'cast'}, 'a run that fails');
log_says($node, $offset, qr/pays: "\*\*\*"/, 'the action log hides it');
log_says($node, $offset, qr/workflow gave up event .*invalid input syntax for type integer: "\*\*\*"/, 'a line of an event hides it');
log_says($node, $offset, qr/of job "cast" failed.*invalid input syntax for type integer: "\*\*\*"/, 'a line of a run, too');
unlike(log_since($node, $offset), qr/DE5001471/, 'it is nowhere in the log');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure WHERE message LIKE '%DE50014711%'}), '1', 'the table has the truth');

# --- a runtime that says nothing ---------------------------------------------------------------------

$node->safe_psql('postgres', q{CREATE ROLE app LOGIN; GRANT workflow_runtime TO app; GRANT workflow_monitor TO clerk});
as($node, 'app', q{SELECT FROM workflow.register_runtime('r1')});
as($node, 'clerk', q{SELECT workflow.create_alert('silence', 'runtime silent', '{"runtime": "r1"}', '1 second', 'tell', keep => '0')});
wait_for($node, q{SELECT count(*) = 1 FROM app.told WHERE alert = 'silence'}, 'a runtime to be silent');
my $epoch = $node->safe_psql('postgres', q{SELECT epoch FROM workflow.runtimes WHERE id = 'r1'});
wait_for($node, qq{SELECT b.ok AND (SELECT count(*) >= 2 FROM app.told WHERE alert = 'silence') FROM workflow.beat('r1', $epoch) b}, 'one that speaks again');
like(told('silence'), qr/^begins ends/, 'an alert of a runtime begins and ends, though beats write nothing');
as($node, 'app', "SELECT workflow.shutdown_runtime('r1', $epoch)");
as($node, 'clerk', q{SELECT workflow.drop_alert('silence')});
like(refusal($node, 'clerk', q{SELECT workflow.create_alert('x', 'silent', '{"runtime": "nobody"}')}), qr/^WF018: runtime "nobody" is not registered/, 'no such runtime');

is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), '0', 'everything fits together');
done_testing();
