# The gaps between turns of three and of ten runtimes that beat by the clock of the machine. A turn
# of one begins an interval after that of the one before. Each beat is recorded from inside, with
# the time before and after the call: what was answered in between is known up to that, and judged
# by whichever of the two excuses it, so that a slow machine has wide limits and no failures.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# ms; and what is lost where microseconds become milliseconds
my ($PROTECTION, $ROUNDED) = (20, 2);

my $node = workflow_node('gaps', 'workflow.enabled = off', 'autovacuum = off');
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT workflow_runtime TO app;
	CREATE SCHEMA app AUTHORIZATION app;
	-- nobody is silent for so long that he takes no part
	SELECT workflow.set_setting('alive_signal_interval', '10 min')});
as($node, 'app', q{
	CREATE TABLE app.beat (n bigint GENERATED ALWAYS AS IDENTITY, id text, before float, after float, mine boolean, mine_for float, next_in float);
	CREATE TABLE app.enough (turns int);
	CREATE FUNCTION app.ms(t timestamptz) RETURNS float LANGUAGE sql AS 'SELECT extract(epoch FROM t)::float * 1000';
	CREATE FUNCTION app.ms(i interval) RETURNS float LANGUAGE sql AS 'SELECT extract(epoch FROM i)::float * 1000';
	-- one runtime, until all have had so many turns
	CREATE PROCEDURE app.live(id text, runtimes int, turns int) LANGUAGE plpgsql AS $$
	DECLARE
		e bigint := (SELECT r.epoch FROM workflow.register_runtime(live.id) r);
		before timestamptz;
		b record;
	BEGIN
		COMMIT;
		LOOP
			before := clock_timestamp();
			SELECT * INTO b FROM workflow.beat(live.id, e);
			INSERT INTO app.beat (id, before, after, mine, mine_for, next_in)
				VALUES (live.id, app.ms(before), app.ms(clock_timestamp()), b.mine, app.ms(b.mine_for), app.ms(b.next_in));
			COMMIT;
			EXIT WHEN (SELECT count(*) FROM (SELECT FROM app.beat t WHERE t.mine GROUP BY t.id HAVING count(*) >= live.turns) h) >= live.runtimes;
			PERFORM pg_sleep(app.ms(b.next_in) / 1000);
		END LOOP;
		PERFORM workflow.shutdown_runtime(live.id, e);
	END $$});

# What so many runtimes have been answered until each has had its turns.
sub beats_of
{
	my ($runtimes, $turns, $interval) = @_;

	$node->safe_psql('postgres', "TRUNCATE app.beat; SELECT workflow.set_setting('timer_interval', '$interval ms')");
	my @sessions = map { $node->background_psql('postgres') } 1 .. $runtimes;
	for my $i (1 .. $runtimes)
	{
		$sessions[ $i - 1 ]->query_safe('SET ROLE app');
		$sessions[ $i - 1 ]{stdin} .= "CALL app.live('r$i', $runtimes, $turns);\n";
		$sessions[ $i - 1 ]{run}->pump_nb();
	}
	wait_for($node, q{SELECT count(*) = 0 FROM workflow.runtimes WHERE state = 'alive' AND kind = 'application' HAVING (SELECT count(*) > 0 FROM app.beat)},
		"$runtimes runtimes to have had $turns turns");
	$_->quit foreach @sessions;
	return map { my %beat; @beat{qw(id before after mine mine_for next_in)} = split /\|/; \%beat }
	  split /\n/, $node->safe_psql('postgres', 'SELECT id, before, after, mine, mine_for, next_in FROM app.beat ORDER BY n');
}

foreach my $try ([ 3, 8, 300 ], [ 10, 4, 200 ])
{
	my ($runtimes, $turns, $interval) = @$try;
	my $open = $interval * (100 - $PROTECTION) / 100;
	my (%next, @turns, @exact);
	my @disturbed;    # when somebody was late, or has come newly

	foreach my $beat (beats_of($runtimes, $turns, $interval))
	{
		# where its turn, which has ended or not, was to begin: not before, not after
		my ($late, $before, $after) = ($next{ $beat->{id} } // 'inf', $beat->{before}, $beat->{after});

		if ($beat->{mine} eq 't')
		{
			# who is late has all of it from then on
			my $on_time = $beat->{mine_for} < $open - 0.0005;

			push @disturbed, $after unless $on_time && grep { $_->{id} eq $beat->{id} } @turns;
			push @turns, { id => $beat->{id}, first => $before + $beat->{mine_for} - $open, last => $after + $beat->{mine_for} - $open, on_time => $on_time };
		}
		elsif ($after > $late) { push @disturbed, $after; }    # it has missed its turn, or has asked too early
		$next{ $beat->{id} } = $before + $beat->{next_in};
	}
	my @planned = sort { $a->{first} <=> $b->{first} } grep { $_->{on_time} } @turns;
	my $overlap = 0;
	foreach my $i (1 .. $#planned)
	{
		my ($one, $two) = @planned[ $i - 1, $i ];

		# they are at least an interval apart, whatever else happened
		$overlap++ if $two->{last} - $one->{first} < $interval - $ROUNDED;
		# and at most, unless somebody was late not long ago
		next if grep { $_ > $one->{first} - 2 * $runtimes * $interval && $_ < $two->{last} + $interval } @disturbed;
		push @exact, $two->{first} - $one->{last};
	}
	cmp_ok(scalar(@planned), '>', 0, "$runtimes runtimes, $interval ms: there were turns on time");
	is($overlap, 0, 'no two turns are closer than the interval');
	is(scalar(grep { $_ > $interval + $ROUNDED } @exact), 0, 'nor, when nobody is late, are they further apart');
	is(scalar(keys %{ { map { $_->{id} => 1 } @turns } }), $runtimes, 'each has had its turns');
	note(sprintf('%d turns, %d on time, %d beats late; %d gaps when nobody was: %s ms', scalar(@turns), scalar(@planned), scalar(@disturbed), scalar(@exact),
		join(' ', map { sprintf('%.0f', $_) } (sort { $a <=> $b } @exact)[ grep { $_ < @exact } 0, @exact / 2, $#exact ])));
}

$node->stop;
done_testing();
