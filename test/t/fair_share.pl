# Two hundred owners with endless work share eight executor slots: they get
# them in turn. Nobody is passed over again and again, and nobody's long
# action keeps the others' turn from coming.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $owners = 200;
my $slots = 8;
my $turns = 3;					# of each owner

my $node = workflow_node('fair_share',
	'max_connections = 50',
	"workflow.max_executors = $slots",
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h',
	'workflow.enabled = off');

# A turn is what one executor does for its owner: each action notes by whom it
# was run.
$node->safe_psql('postgres', qq{
	CREATE TABLE turn (owner int NOT NULL, pid int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
	GRANT INSERT ON turn TO workflow_user;
	DO \$\$
	BEGIN
		FOR i IN 1 .. $owners LOOP
			EXECUTE format('CREATE ROLE owner%s LOGIN IN ROLE workflow_user', i);
			EXECUTE format('CREATE SCHEMA owner%s AUTHORIZATION owner%s', i, i);
			EXECUTE format('SET ROLE owner%s', i);
			EXECUTE format('CREATE FUNCTION owner%s.note(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
				''INSERT INTO public.turn VALUES (%s, pg_backend_pid())''', i, i);
			PERFORM workflow.define(format('{"id": "clock%s", "initial": "tick",
				"states": {"tick": {"after": {"20": {"target": "tick", "reenter": true, "actions": "owner%s.note"}}}}}', i, i)::json);
			PERFORM workflow.start('clock' || i);
			RESET ROLE;
		END LOOP;
	END \$\$});
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->reload;
wait_for($node, qq{
	SELECT count(*) = $owners FROM (SELECT owner FROM turn GROUP BY owner HAVING count(DISTINCT pid) >= $turns) t},
	"$turns turns of all owners");
ok(1, "all owners have had $turns turns");
is($node->safe_psql('postgres', "SELECT count(*) <= $slots FROM workflow.activity WHERE kind = 'executor'"), 't', "by $slots executors");

# Between the end of an owner's turn and the beginning of its next, the others
# have had about one each: the order is that of waiting. Turns that overlap
# with an end may be counted for one more.
my ($most, $mean) = split /\|/, $node->safe_psql('postgres', q{
	WITH turns AS (
		SELECT owner, pid, min(at) AS began, max(at) AS ended FROM turn GROUP BY owner, pid),
	waits AS (
		SELECT owner, lag(ended) OVER w AS since, began FROM turns WINDOW w AS (PARTITION BY owner ORDER BY began)),
	others AS (
		SELECT count(*) AS n FROM waits w JOIN turns t ON t.owner <> w.owner AND t.began > w.since AND t.began < w.began
		GROUP BY w.owner, w.since, t.owner)
	SELECT max(n), round(avg(n), 2) FROM others});
note("while one waited, another had $mean turns (mean), $most (most)");
cmp_ok($most, '<=', 3, 'nobody has many turns while others wait');
$node->stop;

#
# One action that takes long, endless work, and somebody who waits, for two
# slots.
#
$node = workflow_node('long_action', 'workflow.max_executors = 2', 'workflow.sweep_interval = 1h');
$node->safe_psql('postgres', 'CREATE SCHEMA slow AUTHORIZATION clerk');
workflow_role($node, $_) foreach qw(busy1 busy2 patient);
my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(1)');
as($node, 'clerk', q{
	CREATE FUNCTION slow.wait(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(1)';
	SELECT workflow.define('{"id": "long", "initial": "a", "states": {
		"a": {"after": {"0": {"target": "b", "actions": "slow.wait"}}}, "b": {"type": "final"}}}');
	SELECT workflow.start('long')});
wait_for($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'the long action');
start_clocks($node, 'postgres', 'busy1', 3);
start_clocks($node, 'postgres', 'busy2', 3);
as($node, 'patient', q{
	SELECT workflow.define('{"id": "short", "initial": "a", "states": {"a": {"after": {"0": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.start('short')});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'short'}, 'the work of the patient owner');
wait_for_ticks($node, 'postgres');
is($node->safe_psql('postgres', q{SELECT states FROM workflow.processes WHERE definition = 'long'}), '{a}',
	'a long action does not keep the other slot from going round');
$lock->quit;
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'long'}, 'the end of the long action');
ok(1, 'and comes to its end');
$node->stop;

#
# A single slot goes round, too.
#
$node = workflow_node('single', 'workflow.max_executors = 1', 'workflow.sweep_interval = 1h');
foreach my $owner (map { "owner$_" } 1 .. 3)
{
	workflow_role($node, $owner);
	start_clocks($node, 'postgres', $owner, 2);
}
wait_for_ticks($node, 'postgres');
wait_for_ticks($node, 'postgres');
ok(1, 'three owners take turns in one slot');
$node->stop;
done_testing();
