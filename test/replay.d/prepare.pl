#!/usr/bin/env perl
# prepare.pl [--cases N] [--shuffle] --players N --known FILE LOG DIRECTORY:
# write what each player is to send into DIRECTORY/stream.PLAYER, one event a
# line: case, number within the case as it is sent, as it was recorded, event,
# amount, actor. Each case is one player's, its events in their order; the
# cases of a player advance together, as they did in the log.
#
# Prints the number of cases, of events, and of swaps.

use strict;
use warnings;

use File::Basename;
use Getopt::Long;
use lib dirname(__FILE__);

use Log;

my ($cases, $shuffle, $players, $known_file);
GetOptions('cases=i' => \$cases, 'shuffle' => \$shuffle, 'players=i' => \$players, 'known=s' => \$known_file)
  && @ARGV == 2 && $players
  or die "prepare.pl [--cases N] [--shuffle] --players N --known FILE LOG DIRECTORY\n";
my ($path, $directory) = @ARGV;

my %known;
open(my $file, '<', $known_file) or die "cannot read $known_file: $!\n";
while (my $line = <$file>) { $known{$1} = 1 if $line =~ /^(\d+)\t/ }
close($file);

my @cases = Log::read_cases($path);
@cases = Log::sample($cases, \%known, @cases) if defined $cases;
my $swaps = $shuffle ? Log::shuffle(@cases) : 0;
my @streams = map { [] } 1 .. $players;
my $events = 0;

foreach my $number (0 .. $#cases)
{
	my $case = $cases[$number];
	my ($n, $at) = (0, '');

	foreach my $event (@{ $case->{events} })
	{
		# Never before what the case has to send first.
		$at = $event->{at} if $event->{at} gt $at;
		push @{ $streams[ $number % $players ] }, [ $at, $number, ++$n,
			join("\t", $case->{id}, $n, $event->{seq}, $event->{event}, $case->{amount}, $event->{actor}) ];
	}
	$events += $n;
}

foreach my $player (0 .. $#streams)
{
	open(my $stream, '>', "$directory/stream.$player") or die "cannot write $directory/stream.$player: $!\n";
	print $stream "$_->[3]\n"
	  foreach sort { $a->[0] cmp $b->[0] || $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] } @{ $streams[$player] };
	close($stream) or die "cannot write $directory/stream.$player: $!\n";
}
print scalar(@cases), " $events $swaps\n";
