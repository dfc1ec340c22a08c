# Retention by rules, by the runtime and the executors themselves: what is over goes in its
# time, into archives first, each row once, whatever ends an executor in the middle.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('retention', 'workflow.sweep_interval = 1s', 'workflow.runtime_idle_timeout = 1s',
	'workflow.executor_idle_timeout = 1s', 'restart_after_crash = on', 'autovacuum = off');

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "open", "states": {"open": {"on": {"close": "closed"}}, "closed": {"type": "final"}}}');
	SELECT workflow.create_job('mail', 'SELECT 1')});

# So many processes that ended long ago.
sub closed
{
	my ($n, $key) = @_;

	as($node, 'clerk', qq{
		SELECT count(*) FROM workflow.start_many('order', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, $n)), ARRAY(SELECT '$key' || i FROM generate_series(1, $n) i)) p,
			LATERAL workflow.send(p, 'close')});
	$node->safe_psql('postgres', q{UPDATE workflow.process SET started_at = started_at - interval '1 day', updated_at = updated_at - interval '1 day' WHERE status = 'finalized'});
	return;
}

sub fits
{
	is($node->safe_psql('postgres', q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', 'everything fits together');
	return;
}

#
# Without workflow.retention
#
closed(1500, 'a');
as($node, 'clerk', q{
	SELECT workflow.run_job('mail') FROM generate_series(1, 10)});
wait_for($node, q{SELECT count(*) = 10 FROM workflow.run_history}, 'runs to end');
$node->safe_psql('postgres', q{UPDATE workflow.run_history SET ended_at = ended_at - interval '1 day'});
as($node, 'clerk', q{SELECT workflow.set_retention('order', '1 hour'), workflow.set_retention('job:mail', '1 hour')});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'processes to go');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.run_history}, 'runs to go');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.history}), 0, 'a new rule is for what is there, and needs no setting');
fits();

#
# An archive is written to by its owner
#
$node->safe_psql('postgres', 'CREATE SCHEMA office AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE office.archive (process uuid PRIMARY KEY, key text, document jsonb, who text);
	CREATE FUNCTION office.note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		new.who := concat_ws(' ', session_user, current_user, (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()));
		RETURN new;
	END $$;
	CREATE TRIGGER note BEFORE INSERT ON office.archive FOR EACH ROW EXECUTE FUNCTION office.note()});
closed(500, 'b');
as($node, 'clerk', q{SELECT workflow.set_retention('order', '1 hour', archive_to => 'office.archive')});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'processes to be archived');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT who, ', ') || ' ' || count(*) || ' ' || count(document -> 'history') FROM office.archive}),
	'clerk clerk workflow executor 500 500', 'by an executor, logged in as the owner');
is($node->safe_psql('postgres', q{SELECT archived FROM workflow.retention WHERE archive_to IS NOT NULL}), 500, 'they are counted');
fits();

#
# What cannot be archived
#
as($node, 'clerk', q{TRUNCATE office.archive; ALTER TABLE office.archive ADD CONSTRAINT good CHECK (key NOT IN ('c7', 'c77'))});
closed(100, 'c');
as($node, 'clerk', q{SELECT workflow.set_retention('order', '1 hour', archive_to => 'office.archive')});
wait_for($node, q{SELECT count(*) = 2 FROM workflow.process}, 'all others');
wait_for($node, q{SELECT state = 'failed' AND failed = 2 AND error ~ 'violates check constraint "good"' FROM workflow.retention WHERE archive_to IS NOT NULL}, 'the error');
is($node->safe_psql('postgres', q{SELECT count(*) FROM office.archive}), 98, 'the others are there, once');
as($node, 'clerk', q{ALTER TABLE office.archive DROP CONSTRAINT good; SELECT workflow.set_retention('order', '1 hour', archive_to => 'office.archive')});
wait_for($node, q{SELECT count(*) = 100 FROM office.archive}, 'those that had failed');
fits();

# A table that is gone, or not the owner's to write to: nothing is removed.
closed(5, 'd');
$node->safe_psql('postgres', 'ALTER TABLE office.archive OWNER TO postgres');
as($node, 'clerk', q{SELECT workflow.set_retention('order', '2 hours')});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'without an archive they go');
$node->safe_psql('postgres', 'ALTER TABLE office.archive OWNER TO clerk');
as($node, 'clerk', q{SELECT workflow.set_retention('order', '1 hour', archive_to => 'office.archive')});
$node->safe_psql('postgres', 'ALTER TABLE office.archive OWNER TO postgres');
closed(5, 'e');
$node->safe_psql('postgres', 'UPDATE workflow.ring SET walked_to = NULL; SELECT workflow.wake()');
wait_for($node, q{SELECT state = 'not allowed' AND error ~ 'permission denied' FROM workflow.retention WHERE archive_to IS NOT NULL}, 'the refusal');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process}), 5, 'what the owner may not archive stays');
$node->safe_psql('postgres', 'ALTER TABLE office.archive OWNER TO clerk; UPDATE workflow.ring SET walked_to = NULL; SELECT workflow.wake()');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'when it may, they go');
fits();

#
# An executor is killed in the middle
#
as($node, 'clerk', q{
	TRUNCATE office.archive;
	CREATE FUNCTION office.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;
	CREATE TRIGGER wait AFTER INSERT ON office.archive FOR EACH ROW EXECUTE FUNCTION office.wait()});
closed(300, 'f');
my $client = $node->background_psql('postgres');
$client->query_safe('SELECT pg_advisory_lock(7)');
$node->safe_psql('postgres', 'UPDATE workflow.ring SET walked_to = NULL; SELECT workflow.wake()');
my $waits = q{FROM pg_stat_activity WHERE backend_type = 'workflow executor' AND wait_event = 'advisory'};
wait_for($node, "SELECT count(*) = 1 $waits", 'an executor amid an archive');
my $log = -s $node->logfile;
kill 'KILL', $node->safe_psql('postgres', "SELECT pid $waits");
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log);
eval { $client->quit };
$node->poll_query_until('postgres', 'SELECT true');
is($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM office.archive) + (SELECT count(*) FROM workflow.process)}), 300, 'nothing is lost, nothing is there twice');
wait_for($node, q{SELECT losses > 0 FROM workflow.keep WHERE archive_to IS NOT NULL}, 'the loss to be noted');
$node->safe_psql('postgres', 'UPDATE workflow.ring SET walked_to = NULL; SELECT workflow.wake()');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'the rest');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || count(DISTINCT process) FROM office.archive}), '300 300', 'each is in the archive once');
is($node->safe_psql('postgres', q{SELECT losses FROM workflow.keep WHERE archive_to IS NOT NULL}), 0, 'and the loss forgotten');
fits();

#
# Nothing to do
#
wait_for($node, q{SELECT walk IS NULL FROM workflow.ring}, 'the walk to end');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor' AND pid IS NOT NULL}, 'executors to leave');
$node->safe_psql('postgres', 'CHECKPOINT');
# what was done in a minute is summed when that is over, which may be just then: so it is asked again
my $cost = 9;
for (my $tries = 0; $tries < 10 && $cost > 2; $tries++)
{
	my $before = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()');

	sleep 4;
	$cost = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()') - $before;
}
cmp_ok($cost, '<=', 2, 'rules cost a database at rest nothing');

# Nor does one that walks come for every eight seconds, when nothing is over. A look of another one
# may still come: so it is asked again.
as($node, 'clerk', q{SELECT workflow.set_retention('order', '1 minute')});
closed(3, 'g');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'processes to go');
my $rests = 0;
for (my $tries = 0; $tries < 12 && !$rests; $tries++)
{
	my $xmax = $node->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())');

	sleep 15;
	$rests = $node->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())') eq $xmax;
}
ok($rests, 'where nothing is over nobody walks');

# What ends goes in its time nevertheless, with nobody else at work.
as($node, 'clerk', q{SELECT workflow.send(workflow.start('order', key => 'h'), 'close')});
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'the last one to go', 240);
pass('what has ended since then goes in its time');

# Nor does anybody know after a restart what was prepared before it: it may have ended something.
# There is a walk after each start; what was still prepared then is for the next one.
as($node, 'clerk', q{BEGIN; SELECT workflow.send(workflow.start('order', key => 'i'), 'close'); PREPARE TRANSACTION 'i'});
my $walked = $node->safe_psql('postgres', 'SELECT walked_to FROM workflow.ring');
$node->restart;
wait_for($node, "SELECT walk IS NULL AND walked_to > '$walked' FROM workflow.ring", 'the walk after a start', 240);
as($node, 'clerk', q{COMMIT PREPARED 'i'});
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process}), 1, 'a process that was prepared to be over');
wait_for($node, q{SELECT count(*) = 0 FROM workflow.process}, 'it to go', 240);
pass('goes in its time');

$node->stop;
done_testing();
