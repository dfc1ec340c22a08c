#!/usr/bin/perl
# tap.pl COUNTS LIBDIR... -- FILE...: run TAP files, TAP_JOBS (2) at a time, write
# "passed failed" to COUNTS and the files that failed to COUNTS.failed.
#
# Each test of a file counts; a file that died, stopped short of its plan or
# printed what is no TAP counts as one failed on top of its failed tests.
use strict;
use warnings;
use TAP::Harness;

my $counts = shift @ARGV;
my @lib;
push @lib, shift @ARGV while $ARGV[0] ne '--';
shift @ARGV;

my $harness = TAP::Harness->new(
	{ lib => \@lib, timer => 1, failures => 1, color => 0, jobs => $ENV{TAP_JOBS} || 2 });
my $result = $harness->runtests(@ARGV);

my ($passed, $failed, @bad) = (0, 0);
foreach my $parser ($result->parsers)
{
	my @failures = $parser->failed;
	my $broken = !!($parser->parse_errors || ($parser->exit && !@failures) || $parser->wait & 127);
	$passed += $parser->tests_run - @failures;
	$failed += @failures + $broken;
}
foreach my $file ($result->descriptions)
{
	my ($parser) = $result->parsers($file);
	push @bad, $file if $parser->has_problems;
	printf "skipped: %s: %s\n", $file, $parser->skip_all if $parser->skip_all;
	printf "skipped: %s: %d tests\n", $file, scalar $parser->skipped if $parser->skipped;
}
write_lines($counts, "$passed $failed");
write_lines("$counts.failed", @bad);
exit($failed ? 1 : 0);

sub write_lines
{
	my ($path, @lines) = @_;
	open(my $file, '>', $path) or die "cannot write $path: $!";
	print $file "$_\n" foreach @lines;
	close($file) or die "cannot write $path: $!";
	return;
}
