# A random history of runtimes on a clock that the test sets: they start, beat, claim, end,
# are killed, freeze and come back, and two hosts have the same id, one of which is cut off.
# Now and then the server of the database is killed, and a standby is promoted, which has all
# that was committed, or lags behind: then what a runtime knows of itself, and of what it has
# claimed, is not what the new primary knows. What each call answers, and the states, turns
# and owners of runs, are those of a model of a few rules. MEMBER_SEED and MEMBER_EVENTS say
# which history, and how long it is.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Storable qw(dclone);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $seed = $ENV{MEMBER_SEED} || int(rand(1_000_000)) + 1;
my $events = $ENV{MEMBER_EVENTS} || 10_000;
srand($seed);
note("MEMBER_SEED=$seed MEMBER_EVENTS=$events");

# ms
my ($ALIVE, $DEATH, $PROTECTION) = (500, 3000, 20);
my %INTERVAL = (timer => 1000, service => 5000);

my $node = workflow_node('member_history', 'workflow.enabled = off', 'autovacuum = off', 'wal_level = replica', 'max_wal_senders = 5');
workflow_role($node, 'app');
$node->safe_psql('postgres', q{
	GRANT workflow_runtime TO app;
	GRANT SET ON PARAMETER workflow.test_steady_clock TO app;
	CREATE SCHEMA app AUTHORIZATION app;
	SELECT workflow.set_setting('alive_signal_interval', '500 ms'), workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '6'),
		workflow.set_setting('service_timer_interval', '5 s')});
as($node, 'app', q{
	SELECT workflow.create_queue('mail'), workflow.create_job('letter', queue => 'mail');
	-- what each process knows: its epoch, and the runs that it has claimed
	CREATE TABLE app.process (name text PRIMARY KEY, epoch bigint);
	CREATE TABLE app.claimed (n bigint GENERATED ALWAYS AS IDENTITY, process text, run uuid, fence bigint, key text);
	CREATE FUNCTION app.ms(i interval) RETURNS text LANGUAGE sql AS $$SELECT COALESCE(round(extract(epoch FROM i) * 1000)::text, '-')$$;
	CREATE FUNCTION app.event(what text, member text, process text, fingerprint text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		e bigint := (SELECT epoch FROM app.process p WHERE p.name = event.process);
		r record;
		c app.claimed;
	BEGIN
		CASE what
			WHEN 'start' THEN
				SELECT * INTO r FROM workflow.register_runtime(member, fingerprint => event.fingerprint);
				IF r.epoch IS NULL THEN RETURN 'wait ' || app.ms(r.wait); END IF;
				INSERT INTO app.process VALUES (event.process, r.epoch) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch;
				RETURN r.state;
			WHEN 'beat' THEN
				SELECT * INTO r FROM workflow.beat(member, e);
				RETURN CASE WHEN r.ok THEN format('%s %s %s %s', r.mine, app.ms(r.mine_for), app.ms(r.next_in), r.service) ELSE 'fenced' END;
			WHEN 'stop' THEN
				PERFORM workflow.shutdown_runtime(member, e);
				RETURN 'stopped';
			WHEN 'claim' THEN
				INSERT INTO app.claimed (process, run, fence, key)
					SELECT event.process, n.run, n.fence, n.key FROM workflow.claim('mail', member, 1, '1 day', epoch => e) n RETURNING key INTO r;
				RETURN COALESCE(r.key, 'none');
			WHEN 'complete' THEN
				DELETE FROM app.claimed d WHERE d.n = (SELECT min(m.n) FROM app.claimed m WHERE m.process = event.process) RETURNING * INTO c;
				RETURN CASE WHEN workflow.complete(c.run, c.fence) THEN 't' ELSE 'f' END;
			WHEN 'serve' THEN
				RETURN (SELECT COALESCE(string_agg(format('%s %s %s', t.runtime, k.key, t.decision), ', ' ORDER BY t.runtime, k.key::int), 'nobody')
					FROM workflow.service_turn(member, e) t JOIN workflow.runs k ON k.run = t.process_or_run);
			WHEN 'run' THEN
				PERFORM workflow.run_job('letter', key => event.fingerprint);
				RETURN 'made';
			WHEN 'states' THEN
				RETURN (SELECT COALESCE(string_agg(format('%s %s', t.id, t.state), ', ' ORDER BY t.id), '') FROM workflow.runtimes t WHERE t.kind = 'application')
					|| ' | ' || (SELECT COALESCE(string_agg(format('%s %s %s', n.key, n.state, COALESCE(CASE WHEN n.state = 'running' THEN n.worker END, '-')), ', ' ORDER BY n.key::int), '')
						FROM workflow.runs n WHERE n.state IN ('waiting', 'running', 'failed'));
		END CASE;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END$$});

# ---- the model: rows, places in shared memory, runs

my $now = 1_000_000;
my $epochs = 0;
my $loaded = 0;
my (%row, %place, %process, @runs);
my $slept = 0;

# Shared memory reads the rows: who lives and has no place has beaten just now.
sub load
{
	return if $loaded;
	$loaded = 1;
	foreach my $id (keys %place)
	{
		delete $place{$id} unless $row{$id} && $row{$id}{state} eq 'alive';
	}
	foreach my $id (grep { $row{$_}{state} eq 'alive' } keys %row)
	{
		my $place = $place{$id} //= new_place();

		$place->{known} = 1;
		$place->{epoch} = $row{$id}{epoch};
	}
	return;
}
sub new_place { return { beat => $now, turns => { map { $_ => { next => 0, until => 0 } } qw(timer service) } }; }

sub holds
{
	my ($turn, $kind) = @_;
	my $open = $INTERVAL{$kind} * (100 - $PROTECTION) / 100;

	return $now < $turn->{until} || ($turn->{next} && $turn->{next} <= $now && $now < $turn->{next} + $open);
}

# Before its next turn it is not a member's; in its window it is, until that ends; later at
# once, if no other one's window holds now. The next one is behind the latest of the others.
sub ask_turn
{
	my ($id, $kind) = @_;
	my $turn = $place{$id}{turns}{$kind};
	my $open = $INTERVAL{$kind} * (100 - $PROTECTION) / 100;
	my @others = map { $place{$_}{turns}{$kind} } grep { $_ ne $id && $place{$_}{known} && $now - $place{$_}{beat} <= 3 * $ALIVE } keys %place;
	my $latest = $now;
	my $at_work = grep { holds($_, $kind) } @others;

	foreach my $other (@others)
	{
		$latest = $other->{next} if $other->{next} > $latest;
	}
	if (!$turn->{next})
	{
		$turn->{next} = $latest + $INTERVAL{$kind};
	}
	elsif ($now >= $turn->{until} && $now >= $turn->{next})
	{
		if ($now < $turn->{next} + $open) { $turn->{until} = $turn->{next} + $open; }
		elsif (!$at_work) { $turn->{until} = $now + $open; }
		$turn->{next} = $latest + $INTERVAL{$kind};
	}
	return $now < $turn->{until};
}

# It is heard if its epoch is the present one.
sub hear
{
	my ($id, $epoch) = @_;

	load();
	my $place = $place{$id};
	return 0 unless $place && $place->{known} && $place->{epoch} == $epoch;
	$place->{beat} = $now;
	$place->{beaten} = 1;
	return 1;
}

# What a member had is lost: three times in a row is a failure.
sub lose
{
	my ($id) = @_;
	my @decided;

	foreach my $run (grep { $_->{state} eq 'running' && $_->{owner} eq $id } @runs)
	{
		$run->{state} = ++$run->{losses} >= 3 ? 'failed' : 'waiting';
		push @decided, "$id $run->{key} " . ($run->{state} eq 'failed' ? 'fail' : 'retry');
	}
	return @decided;
}

sub live
{
	my ($id, $process, $fingerprint) = @_;

	$row{$id} = { state => 'alive', epoch => ++$epochs, fingerprint => $fingerprint };
	$process{$process}{epoch} = $epochs;
	$loaded = 0;
	return 'alive';
}

sub begin_anew
{
	my ($id, $process, $fingerprint) = @_;
	my $lived = $row{$id}{state} eq 'alive';

	lose($id);
	delete $place{$id};
	# one that had a place gets another one when the rows are read
	$place{$id} = new_place() unless $lived;
	return live($id, $process, $fingerprint);
}

my %answer = (
	start => sub {
		my ($id, $process, $fingerprint) = @_;
		my $row = $row{$id};

		load();
		if (!$row || $row->{state} eq 'dead')
		{
			$place{$id} = new_place();
			return live($id, $process, $fingerprint);
		}
		return begin_anew($id, $process, $fingerprint) if $row->{state} eq 'terminated' || $row->{fingerprint} eq $fingerprint;

		my $place = $place{$id};
		my $patience = 3 * $ALIVE;
		my $again = $place->{asked} && $place->{asker} eq $fingerprint && $now - $place->{asked} <= $patience + 60_000;
		if ($now - $place->{beat} >= $patience) { return begin_anew($id, $process, $fingerprint); }
		if ($again && $place->{beat} > $place->{asked}) { $place->{asked} = 0; return 'WF018'; }
		@$place{qw(asked asker)} = ($now, $fingerprint) unless $again;
		my $wait = $place->{asked} + $patience - $now;
		return 'wait ' . ($wait > 0 ? $wait : 0);
	},
	beat => sub {
		my ($id, $process) = @_;

		return 'fenced' unless hear($id, $process{$process}{epoch});
		my $mine = ask_turn($id, 'timer');
		my $service = ask_turn($id, 'service');
		my $turn = $place{$id}{turns}{timer};
		return join(' ', $mine ? 't' : 'f', $mine ? $turn->{until} - $now : '-', $turn->{next} - $now, $service ? 't' : 'f');
	},
	stop => sub {
		my ($id, $process) = @_;

		return 'WF018' unless $row{$id};
		return 'WF012' unless $row{$id}{state} eq 'alive' && $row{$id}{epoch} == $process{$process}{epoch};
		$_->{state} = 'waiting' foreach grep { $_->{state} eq 'running' && $_->{owner} eq $id } @runs;
		$row{$id}{state} = 'dead';
		delete $place{$id};
		$loaded = 0;
		return 'stopped';
	},
	claim => sub {
		my ($id, $process) = @_;

		load();
		return 'WF012' unless $place{$id} && $place{$id}{known} && $place{$id}{epoch} == $process{$process}{epoch};
		my ($run) = grep { $_->{state} eq 'waiting' } @runs;
		return 'none' unless $run;
		@$run{qw(state owner fence)} = ('running', $id, ++$epochs);
		push @{ $process{$process}{claimed} }, [ $run->{key}, $run->{fence} ];
		return $run->{key};
	},
	complete => sub {
		my ($id, $process) = @_;
		my $claimed = shift @{ $process{$process}{claimed} };
		my ($key, $fence) = @$claimed;
		my ($run) = grep { $_->{key} == $key } @runs;

		return 'f' unless $run && $run->{state} eq 'running' && $run->{fence} == $fence;
		$run->{state} = 'finished';
		return 't';
	},
	serve => sub {
		my ($id, $process) = @_;
		my @decided;

		return 'WF012' unless hear($id, $process{$process}{epoch});
		return 'nobody' unless ask_turn($id, 'service');
		if (grep { $now - $_->{beat} >= $DEATH } values %place)
		{
			my $overdue = (sort { $b <=> $a } map { $now - $_->{beat} - $DEATH } values %place)[0];

			# who judges so late may have slept with all others
			$slept = !$slept && $overdue > 2 * $ALIVE;
			if ($slept) { $_->{beat} = $now foreach values %place; }
			foreach my $silent ($slept ? () : grep { $now - $place{$_}{beat} >= $DEATH } keys %place)
			{
				$row{$silent}{state} = 'terminated';
				delete $place{$silent};
				$loaded = 0;
			}
		}
		foreach my $gone (grep { $_ ne $id && $row{$_}{state} eq 'terminated' } keys %row)
		{
			push @decided, lose($gone);
			$row{$gone}{state} = 'dead';
			$loaded = 0;
		}
		return join(', ', sort { ($a =~ /(\S+) (\d+)/)[0] cmp ($b =~ /(\S+) (\d+)/)[0] || ($a =~ /(\S+) (\d+)/)[1] <=> ($b =~ /(\S+) (\d+)/)[1] } @decided) || 'nobody';
	},
	run => sub {
		my ($id, $process, $key) = @_;

		push @runs, { key => $key, state => 'waiting', losses => 0 };
		return 'made';
	},
	states => sub {
		return join(', ', map { "$_ $row{$_}{state}" } sort keys %row) . ' | '
		  . join(', ', map { "$_->{key} $_->{state} " . ($_->{state} eq 'running' ? $_->{owner} : '-') } grep { $_->{state} ne 'finished' } @runs);
	});

# What has been replicated is there; places in shared memory are nowhere.
my $replicated;
sub replicate
{
	$replicated = { row => dclone(\%row), runs => dclone(\@runs) };
	return;
}
sub promote
{
	%row = %{ $replicated->{row} };
	@runs = @{ $replicated->{runs} };
	%place = ();
	$loaded = $slept = 0;
	undef $replicated;
	return;
}

# ---- a history: what is done on one server, and what is done to the server then

my (@expected, @script, @parts, %count);
my $runs = 0;

sub server
{
	my ($what) = @_;

	$count{$what}++;
	push @parts, { script => [@script], upto => scalar(@expected), what => $what };
	@script = ();
	return;
}

# One promotion in a thousand events, and one more. Each other one has lost some of them.
my @promotions = map { { at => int($events * ($_ - 0.5 + rand(0.4)) / ($events / 1000 + 1)), lag => $_ % 2 ? 10 + int(rand(60)) : 0 } }
  1 .. $events / 1000 + 1;

sub maybe_promote
{
	my $next = $promotions[0] // return;

	if (!$replicated && @expected >= $next->{at} - $next->{lag})
	{
		replicate();
		server('cut') if $next->{lag};
	}
	if ($replicated && @expected >= $next->{at})
	{
		shift @promotions;
		promote();
		server('promote');
		$now += int(rand(2000));
	}
	return;
}

sub event
{
	my ($what, $id, $process, $fingerprint) = @_;

	$count{$what}++;
	push @expected, "$now $what $id $process: " . $answer{$what}->($id, $process, $fingerprint);
	push @script, "SET workflow.test_steady_clock = $now;", "SELECT '$now $what $id $process: ' || app.event('$what', '$id', '$process', '" . ($fingerprint // '') . "');";
	return;
}

my %frozen;
while (@expected < $events)
{
	my $id = 'm' . (1 + int(rand(5)));
	my $process = "$id." . (rand() < 0.85 ? 'a' : 'b');
	my $mine = $process{$process} //= { claimed => [], incarnation => 0 };
	my $dice = rand();

	maybe_promote();
	$now += $dice < 0.02 ? 1000 + int(rand(6000)) : int(rand(120));
	next if ($frozen{$process} // 0) > $now;
	if (!$mine->{epoch} || !$mine->{runs})
	{
		# a host that is not running starts, and asks until it may
		event('start', $id, $process, "$process $mine->{incarnation}");
		$mine->{runs} = 1 if $expected[-1] =~ /: alive$/;
		next;
	}
	if ($dice < 0.6) { event('beat', $id, $process); }
	elsif ($dice < 0.68) { event('run', '-', '-', ++$runs); }
	elsif ($dice < 0.76) { event('claim', $id, $process); }
	elsif ($dice < 0.82) { event('complete', $id, $process) if @{ $mine->{claimed} }; }
	elsif ($dice < 0.9) { event('serve', $id, $process); }
	elsif ($dice < 0.93) { event('states', '-', '-'); }
	elsif ($dice < 0.95) { event('stop', $id, $process); $mine->{runs} = 0 if $expected[-1] =~ /stopped$/; }
	elsif ($dice < 0.97)
	{
		# killed: it starts anew as another one, sooner or later
		$mine->{runs} = 0;
		$mine->{incarnation}++;
		$frozen{$process} = $now + int(rand(5000));
	}
	else { $frozen{$process} = $now + int(rand(8000)); }

	# whoever hears that its life is over begins anew
	$mine->{runs} = 0 if $expected[-1] =~ /^\d+ \w+ \S+ \Q$process\E: (fenced|WF012)$/ && rand() < 0.7;
}

push @parts, { script => [@script], upto => scalar(@expected), what => 'stop' };

# ---- the servers

my $servers = 0;
my $standby;

# A standby that has all that is there.
sub follow
{
	my $new = PostgreSQL::Test::Cluster->new('standby_' . ++$servers);

	$node->backup('base');
	$new->init_from_backup($node, 'base', has_streaming => 1);
	$new->start;
	$node->wait_for_catchup($new);
	return $new;
}

# What processes know does not get lost with the server.
sub take_over
{
	my $lags = defined $standby;

	$standby //= follow();
	my $known = $node->safe_psql('postgres', q{
		SELECT format('INSERT INTO app.process VALUES (%L, %L);', name, epoch) FROM app.process;
		SELECT format('INSERT INTO app.claimed (process, run, fence, key) VALUES (%L, %L, %L, %L);', process, run, fence, key) FROM app.claimed ORDER BY n});
	my $old = $node;

	$old->stop('immediate');
	$node = $standby;
	undef $standby;
	$node->start if $lags;
	$node->promote;
	wait_for($node, 'SELECT NOT pg_is_in_recovery()', 'the promotion');
	$node->safe_psql('postgres', "TRUNCATE app.process, app.claimed;\n$known");
	$old->clean_node;
	return;
}

my %do = (
	# it gets nothing any more
	cut => sub { $standby = follow(); $standby->stop; },
	promote => \&take_over,
	stop => sub { $node->stop; });

my $at = 0;
my $got;
foreach my $part (@parts)
{
	my @got = split(/\n/, as($node, 'app', join("\n", @{ $part->{script} })));

	$got = undef;
	for (; $at < $part->{upto}; $at++)
	{
		$got = shift(@got) // 'nothing';
		last if $got ne $expected[$at];
	}
	last if $at < $part->{upto};
	note("after $at events: $part->{what}");
	$do{ $part->{what} }->();
}
is($at < @expected ? $got : 'as it should be', $expected[$at] // 'as it should be', "seed $seed: " . join(', ', map { "$count{$_} $_" } sort keys %count));
diag("before that:\n", map { "  $_\n" } @expected[ ($at > 12 ? $at - 12 : 0) .. $at - 1 ]) if $at < @expected;
is($at, scalar(@expected), 'all events were answered');
cmp_ok($count{promote}, '>=', $events / 1000, 'servers were promoted');
my %answers = map { /: (fenced|WF012|WF018|wait|alive|stopped|t|f)/ ? ($1 => 1) : () } @expected;
cmp_ok(scalar(keys %answers), '>=', 7, 'the history has all kinds of answers');

done_testing();
