# The primary is killed amid commands, timers, runs of all kinds and outside workers, and
# its standby promoted. With a synchronous standby nothing that was acknowledged is lost
# and nothing is done twice; with an asynchronous one what is lost is said exactly, and
# what it was claimed by is refused.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use WorkflowTest;

my $clients = 3;
my $workers = 2;

# So long (s) the pair works before it is killed; so long it shows how much it can do.
my $load = 3;
my $trial = 2;

# Work goes on within that time (s), also on a slow machine: what nobody has announced is not found within this test.
my $patience = 60;

#
# The two servers, and what they do
#

# Each thing that is done leaves a row: there are no keys that would hide a second one.
# A round of a client is one transaction of everything there is, and is acknowledged to it
# by a notice, which is sent when its commit is through; so is what a worker does.
my $office = q{
	CREATE SCHEMA office AUTHORIZATION clerk;
	SET ROLE clerk;
	CREATE TABLE office.note (kind text, client int, n int, step int DEFAULT 0, at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE office.stop (who text);
	CREATE FUNCTION office.command(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
		INSERT INTO office.note (kind, client, n) VALUES (event->>'type', (event->'data'->>'client')::int, (event->'data'->>'n')::int) $$;
	CREATE FUNCTION office.tick(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
		INSERT INTO office.note (kind, client, n) VALUES ('tick', (context->>'clock')::int, (context->>'n')::int) $$;
	CREATE FUNCTION office.atomic(params jsonb) RETURNS void LANGUAGE sql AS $$
		INSERT INTO office.note (kind, client, n) VALUES ('atomic', (params->>'client')::int, (params->>'n')::int) $$;
	CREATE PROCEDURE office.tracked(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 3 LOOP
			IF workflow.checkpoint('step ' || i) IS NULL THEN
				INSERT INTO office.note (kind, client, n, step) VALUES ('tracked', (params->>'client')::int, (params->>'n')::int, i);
				PERFORM workflow.save_checkpoint('step ' || i, 'true');
				COMMIT;
			END IF;
		END LOOP;
	END $$;
	SELECT workflow.define('{"id": "counter", "initial": "at work", "states": {"at work": {"on": {
		"command": {"actions": "office.command"}, "posted": {"actions": "office.command"}}}}}');
	SELECT workflow.define('{"id": "clock", "initial": "tick", "context": {"clock": 0, "n": 0},
		"states": {"tick": {"after": {"50": {"target": "tick", "reenter": true, "actions": ["office.tick",
			{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_job('atomic', 'office.atomic');
	SELECT workflow.create_job('tracked', 'office.tracked', mode => 'tracked', on_lost => 'retry');
	SELECT workflow.create_job('outside', queue => 'mail');
	SELECT workflow.start('counter', key => i::text) FROM generate_series(1, 3) i;
	SELECT workflow.start('clock', jsonb_build_object('clock', i)) FROM generate_series(1, 3) i;
	CREATE PROCEDURE office.round(client int, n int) LANGUAGE plpgsql AS $$
	DECLARE
		what jsonb := jsonb_build_object('client', client, 'n', n);
	BEGIN
		ASSERT (SELECT s.taken FROM workflow.send_by_key('counter', client::text, 'command', what, id => format('%s %s', client, n)) s);
		PERFORM workflow.post_by_key('counter', client::text, 'posted', what, clock_timestamp() + interval '100 ms');
		PERFORM workflow.run_job('atomic', what);
		IF n % 5 = 0 THEN PERFORM workflow.run_job('tracked', what); END IF;
		IF n % 3 = 0 THEN PERFORM workflow.run_job('outside', what, key => format('%s %s', client, n)); END IF;
		COMMIT;
		RAISE NOTICE 'acknowledged % %', client, n;
	END $$;
	-- So many rounds a second; 0: as many as there can be.
	CREATE PROCEDURE office.client(client int, first int, rate float) LANGUAGE plpgsql AS $$
	DECLARE
		began timestamptz := clock_timestamp();
	BEGIN
		FOR n IN first .. 1000000 LOOP
			EXIT WHEN EXISTS (SELECT FROM office.stop WHERE who = 'clients');
			CALL office.round(client, n);
			IF rate > 0 THEN
				PERFORM pg_sleep(greatest(extract(epoch FROM began - clock_timestamp())::float + (n - first + 1) / rate, 0));
				COMMIT;
			END IF;
		END LOOP;
	END $$;
	CREATE PROCEDURE office.worker(id text, epoch bigint) LANGUAGE plpgsql AS $$
	DECLARE
		c record;
	BEGIN
		WHILE NOT EXISTS (SELECT FROM office.stop WHERE who = 'workers') LOOP
			ASSERT workflow.heartbeat(id, epoch);
			SELECT * INTO c FROM workflow.claim('mail', id, epoch => epoch);
			IF FOUND THEN
				COMMIT;
				RAISE NOTICE 'claimed % %', c.run, c.fence;
				PERFORM pg_sleep(0.02);
				CALL office.done(c.run, c.fence, c.params);
			ELSE
				COMMIT;
				PERFORM pg_sleep(0.01);
			END IF;
		END LOOP;
	END $$;
	CREATE PROCEDURE office.done(run uuid, fence bigint, params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		ASSERT workflow.complete(run, fence);
		INSERT INTO office.note (kind, client, n) VALUES ('outside', (params->>'client')::int, (params->>'n')::int);
		COMMIT;
		RAISE NOTICE 'completed % %', run, fence;
	END $$;
};

# A primary at work, and its standby.
sub make_pair
{
	my ($name, $synchronous) = @_;
	my $old = PostgreSQL::Test::Cluster->new("${name}_old");
	my $new = PostgreSQL::Test::Cluster->new("${name}_new");

	$old->init(allows_streaming => 1);
	$old->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.max_executors = 2
workflow.max_job_executors = 3
workflow.sweep_interval = 1h
});
	$old->start;
	$old->safe_psql('postgres', 'CREATE EXTENSION workflow');
	workflow_role($old, 'clerk');
	# nobody is dead who says nothing for as long as the test looks at what is there
	$old->safe_psql('postgres', q{GRANT workflow_runtime TO clerk;
		SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3600')});
	$old->safe_psql('postgres', $office);
	$old->backup('base');
	$new->init_from_backup($old, 'base', has_streaming => 1);
	$new->append_conf('postgresql.conf', "primary_conninfo = '" . $old->connstr . " application_name=${name}_new'");
	$new->start;
	if ($synchronous)
	{
		$old->append_conf('postgresql.conf', "synchronous_standby_names = '${name}_new'");
		$old->reload;
	}
	wait_for($old, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '} .
		($synchronous ? 'sync' : 'async') . q{'}, 'the standby');
	return ($old, $new);
}

#
# Clients and workers: sessions of psql that write what they hear into a file
#
my %heard;

sub begin_session
{
	my ($node, $name, $sql) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/failover_$name";

	unlink($file);
	$heard{$name} = { file => $file, run => IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . ' user=clerk', '-c', $sql ],
			'<', \undef, '>', '/dev/null', '2>', $file) };
	return;
}

# What the sessions whose names begin so have heard: [ words of a line ], in their order.
sub heard
{
	my ($what, $names) = @_;
	my @said;

	foreach my $name (sort grep { /^$names/ } keys %heard)
	{
		push @said, map { [ split / / ] } slurp_file($heard{$name}{file}) =~ /NOTICE:  \Q$what\E (.+)/g;
	}
	return @said;
}

sub begin_clients
{
	my ($node, $name, $first, $rate) = @_;

	begin_session($node, "$name client $_", sprintf('CALL office.client(%d, %d, %f)', $_, $first, $rate)) foreach 1 .. $clients;
	return;
}

my %epoch;

sub begin_workers
{
	my ($node, $name) = @_;

	foreach my $n (1 .. $workers)
	{
		$epoch{$n} = as($node, 'clerk', "SELECT epoch FROM workflow.register_runtime('worker $n')");
		begin_session($node, "$name worker $n", "CALL office.worker('worker $n', $epoch{$n})");
	}
	return;
}

# Workers find the other server, which is when the test has let them; returns that time.
sub come_back
{
	my ($node, $name) = @_;
	my $now = time;

	begin_session($node, "$name later worker $_", "CALL office.worker('worker $_', $epoch{$_})") foreach 1 .. $workers;
	return $now;
}

sub end_sessions
{
	foreach my $name (keys %heard)
	{
		my $run = delete $heard{$name}{run};
		$run->finish if $run;
	}
	return;
}

# Nothing is left to be done but by the clocks.
my $all_done = q{SELECT NOT EXISTS (SELECT FROM workflow.run) AND
	NOT EXISTS (SELECT FROM workflow.timers t JOIN workflow.processes p ON p.id = t.process WHERE p.definition = 'counter')};

# Clients end, and workers when all that is left is done.
sub finish_work
{
	my ($node) = @_;

	as($node, 'clerk', q{INSERT INTO office.stop VALUES ('clients')});
	wait_for($node, $all_done, 'all work to be done');
	as($node, 'clerk', q{INSERT INTO office.stop VALUES ('workers')});
	end_sessions();
	return;
}

# How many rounds a second the pair does (all that follows from them included).
sub measure
{
	my ($node, $name) = @_;
	my $began = time;

	begin_clients($node, "$name trial", 1, 0);
	usleep($trial * 1_000_000);
	as($node, 'clerk', q{INSERT INTO office.stop VALUES ('clients')});
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL office.client%' AND state = 'active' AND pid <> pg_backend_pid())}, 'the clients to stop');
	as($node, 'clerk', 'DELETE FROM office.stop');
	wait_for($node, $all_done, 'the work of the trial to be done');
	return scalar(heard('acknowledged', "$name trial")) / (time - $began);
}

# State and parent of a process; nothing if there is none.
sub process
{
	my ($pid) = @_;

	open(my $stat, '<', "/proc/$pid/stat") or return;
	return (<$stat> // '') =~ /\) (\S) (\d+)/;
}

# The postmaster and all of its children, at once.
sub kill_all
{
	my ($node) = @_;
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = grep { ((process($_))[1] // 0) == $postmaster } map { m{^/proc/(\d+)$} } glob('/proc/[0-9]*');

	$node->kill9;
	kill('KILL', @children);
	foreach my $pid ($postmaster, @children)
	{
		usleep(1000) while ((process($pid))[0] // 'Z') ne 'Z';
	}
	return;
}

sub rows
{
	my ($node, $query) = @_;
	return map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', $query);
}

# How long after that moment each kind of work went on.
sub went_on
{
	my ($node, $since, @kinds) = @_;
	my %after;

	foreach my $kind (@kinds)
	{
		my $first = "SELECT min(at) FROM office.note WHERE kind = '$kind' AND at > to_timestamp($since)";
		wait_for($node, "SELECT ($first) IS NOT NULL", "$kind after the promotion");
		$after{$kind} = $node->safe_psql('postgres', "SELECT extract(epoch FROM ($first)) - $since");
	}
	return %after;
}

#
# What has to hold of rounds
#

# Of each round that there is all was done, and once; returns which there are.
sub check_rounds
{
	my ($node, $what) = @_;

	is($node->safe_psql('postgres', q{
			SELECT kind, client, n, step, count(*) FROM office.note WHERE kind <> 'tick' GROUP BY 1, 2, 3, 4 HAVING count(*) <> 1}),
		'', "$what: nothing is done twice");
	is($node->safe_psql('postgres', q{
			SELECT client, n, array_agg(kind || ' ' || step ORDER BY kind, step) AS has FROM office.note WHERE kind <> 'tick' GROUP BY client, n
			HAVING array_agg(kind || ' ' || step ORDER BY kind, step) <> array_remove(array_remove(ARRAY['atomic 0', 'command 0',
				CASE WHEN n % 3 = 0 THEN 'outside 0' END, 'posted 0'], NULL) ||
				CASE WHEN n % 5 = 0 THEN '{tracked 1,tracked 2,tracked 3}'::text[] ELSE '{}' END, NULL)}),
		'', "$what: of each round all is done");
	is($node->safe_psql('postgres', q{
			SELECT clock, n FROM (SELECT client AS clock, n, n - lag(n, 1, -1) OVER (PARTITION BY client ORDER BY n) AS by FROM office.note WHERE kind = 'tick') t
			WHERE by <> 1}),
		'', "$what: each clock has ticked once for each number");
	is($node->safe_psql('postgres', q{
			SELECT count(*) FROM (SELECT step - lag(step, 1, 0) OVER (PARTITION BY process ORDER BY step) AS by FROM workflow.history) h WHERE by <> 1}),
		0, "$what: each history is unbroken");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.process_history WHERE at < due}), 0, "$what: no timer is early");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow."check"()}), 0, "$what: everything fits together");
	return map { ("$_->[0] $_->[1]" => 1) } rows($node, q{SELECT DISTINCT client, n FROM office.note WHERE kind = 'command'});
}

sub is_in_time
{
	my ($what, %after) = @_;

	note("$what: work went on after " . join(', ', map { sprintf('%.2f s (%s)', $after{$_}, $_) } sort { $after{$a} <=> $after{$b} } keys %after));
	cmp_ok($after{$_}, '<', $patience, "$what: $_ within $patience s") foreach sort keys %after;
	return;
}

# The executor that runs the clocks is ended; another one goes on.
sub lose_executor
{
	my ($node, $what) = @_;
	my ($pid, $at) = @{ (rows($node, q{
		SELECT a.pid, extract(epoch FROM clock_timestamp()), pg_terminate_backend(a.pid) FROM workflow.activity a
		WHERE a.kind = 'executor' AND a.steps > 0 AND a.job IS NULL ORDER BY a.steps DESC LIMIT 1}))[0] };

	is_in_time("$what, after the death of an executor", went_on($node, $at, 'tick'));
	return;
}

# What a worker had claimed when its server died, it ends at the new one.  How many it
# had, were known there, and were accepted.
sub end_claims
{
	my ($node, $what, $names) = @_;
	my %state = map { ($_->[0] => $_->[1]) } rows($node, 'SELECT run, state FROM workflow.runs');
	my %completed = map { ("@$_" => 1) } heard('completed', $names);
	# also what it has ended, if that was lost
	my @open = grep { !$completed{"@$_"} || ($state{ $_->[0] } // '') ne 'finished' } heard('claimed', $names);
	my %count = (open => scalar @open, accepted => 0, done => 0, refused => 0);
	my $twice = 0;

	foreach my $claim (@open)
	{
		my ($run, $fence) = @$claim;
		my $done = qq{BEGIN; SELECT workflow.complete('$run', $fence);
			INSERT INTO office.note (kind, client, n)
			SELECT 'outside', (params->>'client')::int, (params->>'n')::int FROM workflow.runs WHERE run = '$run' AND state = 'finished' AND
				NOT EXISTS (SELECT FROM office.note o WHERE o.kind = 'outside' AND o.client = (params->>'client')::int AND o.n = (params->>'n')::int);
			COMMIT};
		my $taken = as($node, 'clerk', $done);

		$count{ $taken eq 't' ? 'accepted' : ($state{$run} // '') eq 'finished' ? 'done' : 'refused' }++;
		$twice++ if as($node, 'clerk', "SELECT workflow.complete('$run', $fence)") ne 'f';
	}
	is($twice, 0, "$what: none of these fences is accepted twice");
	note("$what: " . join(', ', map { "$count{$_} $_" } qw(open accepted done refused)) . ' of the claims that were open when the primary died');
	return %count;
}

#
# A synchronous standby
#
my ($old, $new) = make_pair('sync', 1);
begin_workers($old, 'sync');
my $most = measure($old, 'sync');
my $rate = 0.7 * $most;
note(sprintf('the pair does %.0f rounds a second with all that follows from them; from now on %.0f', $most, $rate));
begin_clients($old, 'sync', 100001, $rate / $clients);
usleep($load * 1_000_000);
wait_until(sub { heard('acknowledged', 'sync client') > 50 }, 'fifty rounds');
lose_executor($old, 'synchronous');
kill_all($old);
my $promoted = time;
$new->promote;
end_sessions();
begin_clients($new, 'sync later', 200001, $rate / $clients);
my %acknowledged = map { ("@$_" => 1) } heard('acknowledged', 'sync client');
cmp_ok(scalar keys %acknowledged, '>', 50, 'synchronous: ' . keys(%acknowledged) . ' rounds were acknowledged');

# The workers' claims and lives are what they were.
my %claims = end_claims($new, 'synchronous', 'sync worker');
is($claims{refused}, 0, 'synchronous: each claim is known to the new primary');
is(as($new, 'clerk', "SELECT workflow.heartbeat('worker $_', $epoch{$_})"), 't', "synchronous: worker $_ lives on") foreach 1 .. $workers;
my $came_back = come_back($new, 'sync');
is_in_time('synchronous, after the promotion', went_on($new, $promoted, qw(tick command posted atomic tracked)), went_on($new, $came_back, 'outside'));
finish_work($new);
my %there = check_rounds($new, 'synchronous');
is(join(', ', grep { !$there{$_} } sort keys %acknowledged), '', 'synchronous: nothing that was acknowledged is lost');
my @indeterminate = grep { / 1\d{5}$/ && !$acknowledged{$_} } sort keys %there;
note('synchronous: committed, and not acknowledged: ' . (join(', ', @indeterminate) || 'none'));
cmp_ok(scalar @indeterminate, '<=', $clients, 'synchronous: of each client one round at most was under way');
check_repetition($new, $_) foreach @indeterminate;
$new->stop;

# Who does not know whether its command was taken sends it again.
sub check_repetition
{
	my ($node, $round) = @_;
	my ($client, $n) = split / /, $round;

	as($node, 'clerk', qq{SELECT workflow.send_by_key('counter', '$client', 'command', '{"client": $client, "n": $n}', id => '$client $n')});
	is($node->safe_psql('postgres', "SELECT count(*) FROM office.note WHERE (kind, client, n) = ('command', $client, $n)"), 1,
		"synchronous: a client that asks again for $round is not served twice");
	return;
}

#
# An asynchronous standby, from which the last commits are kept
#
%heard = ();
($old, $new) = make_pair('async', 0);
begin_workers($old, 'async');
begin_clients($old, 'async', 100001, $rate / $clients);
usleep($load * 1_000_000);
my $sender = $old->safe_psql('postgres', 'SELECT pid FROM pg_stat_replication');
kill('STOP', $sender);
# also what has committed by then, and was not heard of yet
my $kept = $old->safe_psql('postgres', q{SELECT count(*) FROM office.note WHERE kind = 'command'});
my $late_epoch = as($old, 'clerk', q{SELECT epoch FROM workflow.register_runtime('late')});
for (1 .. 1000 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if heard('acknowledged', 'async client') >= $kept + 20 && heard('claimed', 'async worker') >= 5;
	usleep(1000);
}
my $late = as($old, 'clerk', q{SELECT workflow.run_job('outside', '{"client": 0, "n": 3}', key => 'late')});
as($old, 'clerk', "SELECT workflow.run_job('outside', '{\"client\": 0, \"n\": 6}', key => 'later')");
kill_all($old);
$promoted = time;
$new->promote;
end_sessions();
begin_clients($new, 'async later', 200001, $rate / $clients);
%acknowledged = map { ("@$_" => 1) } heard('acknowledged', 'async client');

%claims = end_claims($new, 'asynchronous', 'async worker');
is(as($new, 'clerk', "SELECT workflow.heartbeat('late', $late_epoch)"), 'f', 'asynchronous: a life that was lost is over');
like(refusal($new, 'clerk', "SELECT workflow.claim('mail', 'late', epoch => $late_epoch)"), qr/^WF012: /, 'asynchronous: and claims nothing');
like(refusal($new, 'clerk', "SELECT workflow.write_log('info', 'x', run => '$late', fence => 1)"), qr/^WF012: /, 'asynchronous: a run that was lost is nobody\'s');
$came_back = come_back($new, 'async');
is_in_time('asynchronous, after the promotion', went_on($new, $promoted, qw(tick command posted atomic tracked)), went_on($new, $came_back, 'outside'));
finish_work($new);
%there = check_rounds($new, 'asynchronous');
my @lost = grep { !$there{$_} } sort keys %acknowledged;
note('asynchronous: lost of ' . keys(%acknowledged) . ' rounds that were acknowledged: ' . @lost . ': ' . join(', ', @lost));
cmp_ok(scalar @lost, '>=', 20, 'asynchronous: what was not sent is lost');

# What is lost of a client is its last.
my %last_there;
foreach my $round (grep { / 1\d{5}$/ } keys %there)
{
	my ($client, $n) = split / /, $round;
	$last_there{$client} = $n if $n > ($last_there{$client} // 0);
}
is(join(', ', grep { my ($client, $n) = split / /; $n <= $last_there{$client} } @lost), '', 'asynchronous: and nothing before it');

# Fences are not given away again.
my %given;
$given{ $_->[1] }++ foreach heard('claimed', 'async');
is(join(', ', grep { $given{$_} > 1 } keys %given), '', 'asynchronous: no fence was given twice, by both primaries together');
my %ended;
$ended{"@$_"}++ foreach heard('completed', 'async later');
is(join(', ', grep { $ended{$_} > 1 } keys %ended), '', 'asynchronous: nor accepted twice by the new one');

$new->stop;
done_testing();
