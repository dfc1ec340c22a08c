#!/usr/bin/env perl
# refused.pl CHART FILE LIMIT: what was refused, by kind, so many kinds: event,
# where the part of the case stood that knows the event, and the reason: no state
# there takes it, or one does and its guard said no. FILE has a JSON object a
# line: event, states, known (what known.tsv says of it).

use strict;
use warnings;

use JSON::PP;

my ($chart_file, $file, $limit) = @ARGV;

open(my $in, '<', $chart_file) or die "cannot read $chart_file: $!\n";
my $chart = decode_json(do { local $/; <$in> });
close($in);

# Does a state, or one around or below it, have a transition for the event?
sub knows
{
	my ($state, $event) = @_;

	return 1 if exists(($state->{on} // {})->{$event});
	return scalar grep { knows($_, $event) } values %{ $state->{states} // {} };
}

# Has an active state a transition for the event?
sub takes
{
	my ($path, $event) = @_;
	my $state = $chart;

	foreach my $key (split /\./, $path)
	{
		$state = $state->{states}{$key};
		return 1 if exists(($state->{on} // {})->{$event});
	}
	return 0;
}

my %kinds;
open($in, '<', $file) or die "cannot read $file: $!\n";
while (my $line = <$in>)
{
	my $refusal = decode_json($line);
	my $event = $refusal->{event};
	my @there = grep { knows($chart->{states}{ (split /\./)[0] }, $event) } @{ $refusal->{states} };
	my $why = (grep { takes($_, $event) } @there) ? 'its guard forbids it' : 'no transition';

	$kinds{ sprintf('%-42s in %s: %s%s', $event, join(' ', @there), $why,
			defined $refusal->{known} ? " ($refusal->{known})" : '') }++;
}
close($in);

my @kinds = sort { $kinds{$b} <=> $kinds{$a} || $a cmp $b } keys %kinds;
my @more = @kinds > $limit ? splice(@kinds, $limit) : ();
my $more = 0;
printf "%8d refused: %s\n", $kinds{$_}, $_ foreach @kinds;
$more += $kinds{$_} foreach @more;
printf "%8d refused: %d more kinds\n", $more, scalar @more if @more;
