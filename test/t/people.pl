# Many people at the same tasks: each is claimed and done by one, votes are counted once, and
# nobody is the victim of a deadlock. What stands in the tables after a crash is right, too.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my ($sessions, $tasks, $polls) = (16, 200, 50);
my $node = workflow_node('people', 'workflow.max_executors = 1');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
my $names = '[' . join(', ', map { "\"p$_\"" } 1 .. $sessions) . ']';
as($node, 'clerk', q{
	CREATE TABLE shop.done (task uuid, actor text);
	-- whoever is the quicker one, task by task
	CREATE PROCEDURE shop.work(person text) LANGUAGE plpgsql AS $$
	DECLARE
		next uuid;
	BEGIN
		LOOP
			SELECT task INTO next FROM workflow.inbox(person, n => 1, groups => '{clerks}');
			EXIT WHEN next IS NULL;
			IF workflow.claim_task(next, person, '{clerks}') THEN
				COMMIT;
				PERFORM FROM workflow.complete_task(next, 'do', actor => person);
				INSERT INTO shop.done VALUES (next, person);
			END IF;
			COMMIT;
		END LOOP;
	END $$;
	-- all vote on all
	CREATE PROCEDURE shop.vote(person text) LANGUAGE plpgsql AS $$
	DECLARE
		next uuid;
	BEGIN
		LOOP
			SELECT task INTO next FROM workflow.inbox(person, n => 1, groups => '{}');
			EXIT WHEN next IS NULL;
			PERFORM FROM workflow.complete_task(next, 'yes', actor => person);
			COMMIT;
		END LOOP;
	END $$;
	SELECT workflow.define('{"id": "job", "initial": "open", "states": {
		"open": {"task": {"for": "clerks"}, "on": {"do": "done"}}, "done": {"type": "final"}}}'),
		workflow.define('{"id": "poll", "initial": "open", "context": {"n": 0}, "states": {
		"open": {"task": {"for": NAMES, "need": "all"}, "on": {
			"yes": {"target": "over", "actions": {"type": "assign", "context": {"n": {"@expr": "jsonb_array_length(event->''votes'')"}}}}}},
		"over": {"type": "final"}}}')} =~ s/NAMES/$names/r);

# Call a procedure in all sessions at once; what they say of errors.
sub all_at_once
{
	my ($procedure) = @_;
	my (@runs, @errors);

	foreach my $i (1 .. $sessions)
	{
		my ($in, $out, $err) = ('', '', '');

		$errors[$i] = \$err;
		push @runs, IPC::Run::start(
			[ 'psql', '-XqAt', '-U', 'clerk', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', "CALL shop.$procedure('p$i')" ],
			'<', \$in, '>', \$out, '2>', \$err);
	}
	$_->finish foreach @runs;
	return join('', map { $$_ } @errors[ 1 .. $sessions ]);
}

as($node, 'clerk', "SELECT count(*) FROM workflow.start_many('job', array_fill(NULL::jsonb, ARRAY[$tasks]))");
is(all_at_once('work'), '', "$sessions people do $tasks tasks");
is(as($node, 'clerk', 'SELECT count(*), count(DISTINCT task) FROM shop.done'), "$tasks|$tasks", 'each is done once');
is(as($node, 'clerk', q{SELECT count(*) FILTER (WHERE act = 'claim'), count(*) FILTER (WHERE act = 'vote') FROM workflow.approvals}), "$tasks|$tasks", 'and claimed once');
is(as($node, 'clerk', q{SELECT count(*) FROM workflow.processes WHERE outcome = 'success'}), $tasks, 'which ends all processes');

as($node, 'clerk', "SELECT count(*) FROM workflow.start_many('poll', array_fill(NULL::jsonb, ARRAY[$polls]))");
is(all_at_once('vote'), '', "$sessions people vote on $polls questions");
is(as($node, 'clerk', q{SELECT count(*), min(context->>'n'), max(context->>'n') FROM workflow.processes WHERE definition = 'poll' AND outcome = 'success'}),
	"$polls|16|16", 'all votes are counted, and each question is decided once');

# A crash takes back what had not been committed, all of it.
as($node, 'clerk', "SELECT count(*) FROM workflow.start_many('poll', array_fill(NULL::jsonb, ARRAY[3]))");
my $open = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'clerk' ]);
$open->query_safe(q{BEGIN; SELECT count(*) FROM workflow.tasks t, workflow.complete_task(t.task, 'yes', actor => 'p1')});
as($node, 'clerk', 'SELECT txid_current()');
$node->stop('immediate');
eval { $open->quit };
$node->start;
is(as($node, 'clerk', q{SELECT count(*), sum(votes) FROM workflow.tasks}), '3|0', 'open votes are gone after a crash');
is(as($node, 'clerk', q{SELECT count(*) FROM workflow.inbox('p1', groups => '{}')}), '3', 'and asked for again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), '0', 'everything fits together');

$node->stop;
done_testing();
