#!/usr/bin/perl
# appendix_d.pl PLAYER [--cases N] [--seed N] [--keep DIRECTORY] [--show SEED]:
# random charts (RandomChart.pm), played by our interpreter and by a second one
# (AppendixD.pm). Both must do the same things in the same order.
#
# Each case has a seed of its own, the one given and the numbers after it. For
# each that differs its seed, chart and the first difference are printed.
# --show prints a case: its lines for the player, and what is expected.
# The last line is "N compared, N differed".

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use AppendixD qw(expect);
use RandomChart qw(@EVENTS any chance one_of seed_random make_chart state_json);

# Returns the player's lines and what is expected of it.
sub make_case {
    my ($seed) = @_;
    seed_random($seed);
    my @states = make_chart();
    my $definition = state_json($states[0]);
    my @names = (@EVENTS, 'H', map { $_->{event} } grep { $_ && $_->{event} !~ /\*/ } map { @$_{qw(timer invoke)} } @states);
    my @events = map { one_of(@names) } 1 .. 6 + any(15);
    my @lines = ("chart $definition", (map { chance(20) ? ('restore', "event $_") : "event $_" } @events), 'end');
    return (\@lines, expect(\@states, @events));
}

# What the player said, but for what does not matter: the order in which history
# is listed, and what a step did until it was undone.
sub settled {
    my (@kept, @history);
    for my $line (@_) {
        if ($line =~ /^history /) {
            push @history, $line;
            next;
        }
        push @kept, sort @history;
        @history = ();
        if ($line eq 'limit') {
            pop @kept while @kept && $kept[-1] !~ /^(?:rest|history) /;
        }
        push @kept, $line;
    }
    return \@kept;
}

sub report {
    my ($seed, $lines, $wanted, $got) = @_;
    my $at = 0;
    $at++ while $at < @$wanted && $at < @$got && $wanted->[$at] eq $got->[$at];
    my $from = $at > 12 ? $at - 12 : 0;
    print "---- seed $seed differs\n$lines->[0]\n", join(' ', grep { $_ ne $lines->[0] } @$lines), "\n";
    print "    $_\n" for @$wanted[ $from .. $at - 1 ];
    print 'wanted  ', $wanted->[$at] // '(nothing)', "\n", 'got     ', $got->[$at] // '(nothing)', "\n";
    return;
}

sub compare {
    my ($player, $directory, $from, $n) = @_;
    my ($input, $output, $differed) = ("$directory/cases", "$directory/played", 0);
    my @cases;
    open my $to, '>', $input or die "$input: $!\n";
    for my $seed ($from .. $from + $n - 1) {
        my ($lines, $wanted) = make_case($seed);
        push @cases, [ $seed, $lines, $wanted ];
        print {$to} map { "$_\n" } @$lines;
    }
    close $to or die "$input: $!\n";
    my $status = system "'$player' <'$input' >'$output'";
    open my $in, '<', $output or die "$output: $!\n";
    for my $case (@cases) {
        my @got;
        while (defined(my $line = <$in>)) {
            chomp $line;
            push @got, $line;
            last if $line eq 'end';
        }
        my $got = settled(@got);
        next if join("\n", @$got) eq join("\n", @{ $case->[2] });
        report(@$case, $got) if $differed++ < 5;
    }
    close $in;
    die "the player ended with status $status\n" if $status;
    return $differed;
}

my $player = shift @ARGV or die "appendix_d.pl PLAYER [--cases N] [--seed N] [--show SEED]\n";
my %option = ('--cases' => 1000, '--seed' => 1, '--keep' => $ENV{TMPDIR} || '/tmp');
while (@ARGV) {
    my ($name, $value) = splice @ARGV, 0, 2;
    die "what is $name?\n" unless $name =~ /^--(?:cases|seed|show|keep)$/ && defined $value;
    $option{$name} = $value;
}
if (defined $option{'--show'}) {
    my ($lines, $wanted) = make_case($option{'--show'});
    print map { "$_\n" } @$lines, '', @$wanted;
    exit 0;
}
my $directory = "$option{'--keep'}/appendix_d.$$";
mkdir $directory or die "$directory: $!\n";
my ($done, $differed) = (0, 0);
while ($done < $option{'--cases'}) {
    my $n = $option{'--cases'} - $done;
    $n = 500 if $n > 500;
    $differed += compare($player, $directory, $option{'--seed'} + $done, $n);
    $done += $n;
}
unlink glob "$directory/*";
rmdir $directory;
print "$done compared, $differed differed\n";
exit($differed ? 1 : 0);
