# What an event does to others of its owner: what it leaves in the session of an
# executor, what it makes of memory, what is locked while it is due. And what an
# executor does to a client whom it meets.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('neighbours',
	'workflow.max_executors = 1',
	'workflow.retry_delay = 10ms',
	# what is not announced is not found within this test
	'workflow.sweep_interval = 1h',
	# nobody finds a deadlock but who looks for it before that
	'deadlock_timeout = 1h');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE FUNCTION shop.define(name text, body text, declare text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $f$
	BEGIN
		EXECUTE format('CREATE FUNCTION shop.%I(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS %L', name,
			'DECLARE ' || declare || ' BEGIN ' || body || ' END');
		PERFORM workflow.define(format('{"id": "%1$s", "initial": "a", "states": {
			"a": {"on": {"go": {"target": "b", "actions": "shop.%1$s"}}}, "b": {"type": "final"}}}', name)::json);
	END $f$});

sub wait_until_over
{
	my ($definition) = @_;

	wait_for($node, qq{SELECT bool_and(status NOT IN ('initialized', 'idled') OR EXISTS (SELECT FROM workflow.failure f WHERE f.process = p.id AND f.given_up))
		FROM workflow.processes p WHERE definition = '$definition'}, "all of $definition");
	return;
}

#
# What is left in the session.
#
my %leftovers = (
	prepares => q{EXECUTE 'PREPARE left_behind AS SELECT 1';},
	makes_table => q{CREATE TEMP TABLE left_behind (a int);},
	makes_table_till_commit => q{CREATE TEMP TABLE left_behind_till_commit (a int) ON COMMIT DROP;},
	makes_view => q{CREATE TEMP VIEW left_behind_view AS SELECT 1 AS a;},
	holds_cursor => q{EXECUTE 'DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1';},
	opens_cursor => q{EXECUTE 'DECLARE left_behind CURSOR FOR SELECT 1';},
	locks => q{IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = 4711)
		THEN RAISE 'somebody was here'; END IF;
		PERFORM pg_advisory_lock(4711);},
	tries_to_lock => q{IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = 4712)
		THEN RAISE 'somebody was here'; END IF;
		PERFORM pg_try_advisory_lock_shared(4712);},
	prepares_and_fails => q{EXECUTE 'PREPARE left_behind AS SELECT 1'; IF nextval('shop.tries') < 3 THEN RAISE 'no'; END IF;});

as($node, 'clerk', 'CREATE SEQUENCE shop.tries');
foreach my $what (sort keys %leftovers)
{
	as($node, 'clerk', qq{
		SELECT shop.define('$what', \$\$$leftovers{$what}\$\$);
		SELECT count(workflow.post(s, 'go')) FROM workflow.start_many('$what', array_fill('{}'::jsonb, ARRAY[5])) s});
	wait_until_over($what);
	is($node->safe_psql('postgres', qq{SELECT count(*) FILTER (WHERE status = 'finalized'),
			(SELECT string_agg(sqlstate || ' ' || message, ', ') FROM workflow.errors WHERE definition = '$what')
			FROM workflow.processes WHERE definition = '$what'}), '5|', "an action that $what does nothing to the next one");
}

#
# A client and an executor wait for each other: the executor gives way.
#
as($node, 'clerk', q{
	CREATE TABLE shop.account (id int PRIMARY KEY, n int);
	INSERT INTO shop.account VALUES (1, 0), (2, 0);
	SELECT shop.define('books', 'PERFORM pg_advisory_xact_lock_shared(1); UPDATE shop.account SET n = n + 1 WHERE id = 1;');
	SELECT shop.define('transfers', 'UPDATE shop.account SET n = n + 1 WHERE id = 2; PERFORM pg_advisory_xact_lock_shared(1);
		UPDATE shop.account SET n = n + 1 WHERE id = 1;')});

sub client
{
	my $client = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);

	# its command is one that the definition does not know: a warning
	$client->query_safe('SET client_min_messages = error');
	$client->query_safe('BEGIN; UPDATE shop.account SET n = n + 10 WHERE id = 1');
	return $client;
}

sub waits
{
	my ($who, $locktype, $what) = @_;

	wait_for($node, qq{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE NOT l.granted AND l.locktype = '$locktype' AND a.backend_type = '$who'}, $what);
	return;
}

my $gate = $node->background_psql('postgres');
foreach my $first ('client', 'executor')
{
	foreach my $kind ('books', 'transfers')
	{
		my $command = $kind eq 'books' ? "SELECT taken FROM workflow.send_by_key('books', '$first', 'look');" :
			'UPDATE shop.account SET n = n + 10 WHERE id = 2;';

		$node->safe_psql('postgres', 'UPDATE shop.account SET n = 0');
		$gate->query_safe('SELECT pg_advisory_lock(1)') if $first eq 'client';
		my $client = client();
		as($node, 'clerk', qq{SELECT workflow.start('$kind', key => '$first'); SELECT workflow.post_by_key('$kind', '$first', 'go')});
		waits('workflow executor', $first eq 'client' ? 'advisory' : 'transactionid', 'the executor');
		$client->query_until(qr/asks/, "\\echo asks\n$command\n\\echo answered\n");
		if ($first eq 'client')
		{
			waits('client backend', 'transactionid', 'the client');
			$gate->query_safe('SELECT pg_advisory_unlock(1)');
		}
		$client->query_until(qr/answered/, '');
		$client->query_safe('COMMIT');
		$client->quit;
		wait_until_over($kind);
		is($node->safe_psql('postgres', q{SELECT n FROM shop.account WHERE id = 1}), 11, "$kind, the $first waits first: the executor gives way");
		is($node->safe_psql('postgres', qq{SELECT count(*) FROM workflow.errors WHERE definition = '$kind'}), 0, 'at no attempt');
	}
}
$gate->quit;

#
# What is due and locked: it keeps nobody from his own, and comes when it is free.
#
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "lamp", "initial": "on", "context": {"n": 0}, "on": {
		"note": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}},
		"look": {}}, "states": {"on": {}}}');
	SELECT count(*) FROM workflow.start_many('lamp', array_fill('{}'::jsonb, ARRAY[800]))});
start_clocks($node, 'postgres', 'clerk', 2);

sub noted
{
	my ($n, $how) = @_;

	wait_for($node, "SELECT bool_and(context->>'n' = '$n') FROM workflow.processes WHERE definition = 'lamp'", "what was held, $how");
	return;
}

my $ticking = 1;

sub hold
{
	my ($client, $which, $command) = @_;

	$client->query_safe("BEGIN; SAVEPOINT s; SELECT count(*) FROM ($command) held");
	as($node, 'clerk', q{SELECT count(workflow.post(id, 'note')) FROM workflow.processes WHERE definition = 'lamp'});
	# those that nobody holds, and others' work
	wait_for($node, qq{SELECT count(*) = $which FROM workflow.timers WHERE definition = 'lamp'}, "all but $which");
	if ($ticking)
	{
		wait_for_ticks($node, 'postgres') for 1 .. 3;
	}
	return;
}

my $holder = $node->background_psql('postgres');
my $lamps = "SELECT id FROM workflow.processes WHERE definition = 'lamp' ORDER BY id";
my $n = 0;
foreach my $which (1, 800)
{
	my $held = "SELECT workflow.send(id, 'look') FROM ($lamps LIMIT $which) l";

	hold($holder, $which, $held);
	$holder->query_safe('COMMIT');
	noted(++$n, "$which, till the commit");

	hold($holder, $which, $held);
	$holder->query_safe('ROLLBACK TO s');
	noted(++$n, "$which, till a rollback to a savepoint");
	$holder->query_safe('COMMIT');

	hold($holder, $which, "SELECT FROM workflow.process p WHERE id IN ($lamps LIMIT $which) FOR UPDATE");
	$holder->query_safe('ROLLBACK');
	noted(++$n, "$which, till somebody lets them go whom we do not know");
}
ok(1, 'what is held is done when it is free, and others meanwhile');

# To look in vain is no batch.
$holder->query_safe(q{BEGIN; SELECT count(*) FROM workflow.processes p, workflow.suspend(p.id) WHERE definition LIKE 'clock%'; COMMIT});
$ticking = 0;
hold($holder, 1, "SELECT workflow.send(id, 'look') FROM ($lamps LIMIT 1) l");
# who has committed counts just after that
my $counted = q{SELECT bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'};
wait_for($node, $counted, 'the executor to rest');
my $batches = $node->safe_psql('postgres', q{SELECT batches, steps FROM workflow.activity WHERE kind = 'executor'});
$holder->query_safe('COMMIT');
noted(++$n, 'one, at rest');
wait_for($node, $counted, 'the executor to rest again');
is($node->safe_psql('postgres', q{SELECT batches, steps FROM workflow.activity WHERE kind = 'executor'}),
	join('|', map { $_ + 1 } split /\|/, $batches), 'one event is one batch, however long it was held');
$holder->quit;

#
# What another owner is about to drop, in a transaction that stays open.
#
workflow_role($node, 'guest');
as($node, 'guest', q{
	SELECT workflow.define('{"id": "part", "initial": "a", "states": {"a": {"type": "final"}}}');
	SELECT workflow.grant_on('part', 'clerk', 'start')});
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "whole", "initial": "a", "states": {"a": {"on": {"go": "b"}},
		"b": {"invoke": {"src": "part", "onDone": "c"}}, "c": {"type": "final"}}}');
	SELECT workflow.define('{"id": "meanwhile", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}')});
my $dropper = $node->background_psql('postgres', extra_params => [ '-U', 'guest' ]);
$dropper->query_safe(q{BEGIN; SELECT workflow.drop_definition('part')});
as($node, 'clerk', q{SELECT workflow.post(workflow.start('whole'), 'go') FROM generate_series(1, 3)});
wait_for($node, q{SELECT count(DISTINCT process) = 3 FROM workflow.errors WHERE definition = 'whole' AND sqlstate = '53000'}, 'the refusal of what is being dropped');
as($node, 'clerk', q{SELECT workflow.post(workflow.start('meanwhile'), 'go')});
wait_until_over('meanwhile');
$dropper->query_safe('ROLLBACK');
$dropper->quit;
wait_until_over('whole');
is($node->safe_psql('postgres', q{SELECT status, count(*) FROM workflow.processes WHERE definition IN ('whole', 'meanwhile') GROUP BY 1}),
	'finalized|4', 'a definition that is being dropped stops nobody else, and nobody for good');

#
# Large contexts: a batch takes no more of them than it has memory for.
#
SKIP:
{
	my ($pid) = worker_pids($node, 'executor');

	skip 'the system does not tell what a process has used', 1 if !-r "/proc/$pid/status";
	as($node, 'clerk', q{
		SELECT workflow.define('{"id": "novel", "initial": "draft", "context": {"n": 0}, "states": {
			"draft": {"on": {"print": {"target": "printed", "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}}}},
			"printed": {"type": "final"}}}');
		SELECT count(*) FROM workflow.start_many('novel', (SELECT array_agg(jsonb_build_object('text', repeat('x', 16000000))) FROM generate_series(1, 12)));
		SELECT count(workflow.post(id, 'print')) FROM workflow.processes WHERE definition = 'novel'});
	wait_until_over('novel');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.processes WHERE definition = 'novel' AND context->>'n' = '1'}), 12, 'large contexts');
	my ($used) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m;
	my ($shared) = slurp_file("/proc/$pid/status") =~ /^RssShmem:\s+(\d+) kB/m;
	cmp_ok($used - $shared, '<', 350_000, 'they are not in memory all at once');
}
$node->stop;
done_testing();
