# The recorded log: cases in the order of their first events, and their events.

package Log;

use strict;
use warnings;

# Read FILE.csv.gz: a list of cases, each { id, amount, events }, each event
# { seq, at, event, actor }. An event is named by its activity; that of a work
# item by its activity and what was done to it.
sub read_cases
{
	my ($path) = @_;
	my (@cases, %by_id);

	open(my $file, '-|', 'gzip', '-dc', $path) or die "cannot read $path: $!\n";
	my $head = <$file> // '';
	$head =~ /^case_id,seq,amount_requested,activity,lifecycle,at,resource\r?$/ or die "$path is no such log\n";
	while (my $line = <$file>)
	{
		$line =~ s/\r?\n\z//;
		my ($id, $seq, $amount, $activity, $lifecycle, $at, $actor) = split /,/, $line, -1;
		my $case = $by_id{$id};

		if (!$case)
		{
			$case = $by_id{$id} = { id => $id, amount => $amount, events => [] };
			push @cases, $case;
		}
		push @{ $case->{events} }, {
			seq => $seq,
			at => $at,
			event => $activity =~ /^W_/ ? "$activity.$lifecycle" : $activity,
			actor => $actor,
		};
	}
	close($file) or die "cannot read $path\n";
	$_->{events} = [ sort { $a->{seq} <=> $b->{seq} } @{ $_->{events} } ] foreach @cases;
	return @cases;
}

# So many of the cases, evenly spread over the time of the log, and with them
# those that are wanted anyway.
sub sample
{
	my ($number, $wanted, @cases) = @_;
	my $every = @cases / ($number || 1);

	return @cases if $every <= 1;
	my %chosen = map { $cases[ int($_ * $every) ]{id} => 1 } 0 .. $number - 1;
	return grep { $chosen{ $_->{id} } || $wanted->{ $_->{id} } } @cases;
}

# Numbers that are the same in every run and on every machine.
my $seed = 20120214;
sub random_number
{
	my ($below) = @_;

	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $below;
}

# Swap one event in a hundred with one before or after it in its case, at any
# distance. Returns how many of these swaps change the order of different events.
sub shuffle
{
	my (@cases) = @_;
	my $swaps = 0;

	foreach my $case (@cases)
	{
		my $events = $case->{events};

		foreach my $i (0 .. $#$events)
		{
			next if random_number(100) != 0 || @$events < 2;
			my $j = random_number(@$events - 1);

			$j++ if $j >= $i;
			$swaps++ if $events->[$i]{event} ne $events->[$j]{event};
			@$events[ $i, $j ] = @$events[ $j, $i ];
		}
	}
	return $swaps;
}

1;
