#!/usr/bin/env perl
# play.pl DIRECTORY PLAYER: send what DIRECTORY/stream.PLAYER says, in its order,
# in batches, over a connection that may break at any moment. The verdicts that
# were heard go to DIRECTORY/heard.PLAYER: "1" taken, "0" refused, one character
# an event, written when the batch is known to be committed.
#
# Whether a batch whose answer did not come was committed is not known. So after
# each break the player begins some batches earlier, with the same ids, and must
# hear the same verdicts again. How many commands were sent again goes to
# DIRECTORY/again.PLAYER.

use strict;
use warnings;

use FileHandle;
use IPC::Open3;

use constant { BATCH => $ENV{BATCH} // 300, BACK => 3, LEDGERS => 8, PATIENCE => 600 };

my ($directory, $player) = @ARGV;
my (@events, @processes_of, %process);
my ($heard, $again) = ('', 0);
my ($pid, $to, $from);
my $said = 0; # bytes of psql's messages that are known already

# ---- the connection ------------------------------------------------------

sub connect_psql
{
	open(my $messages, '>>', "$directory/messages.$player") or die "cannot write $directory/messages.$player: $!\n";
	$pid = open3($to, $from, '>&' . fileno($messages), 'psql', '-XqAt', '-U', 'clerk', '-v', 'ON_ERROR_STOP=1');
	close($messages);
	$to->autoflush(1);
	return;
}

sub disconnect
{
	return unless $pid;
	close($to);
	close($from);
	waitpid($pid, 0);
	undef $pid;
	return;
}

# What psql complained of since it was asked last.
sub new_messages
{
	open(my $file, '<', "$directory/messages.$player") or die "cannot read $directory/messages.$player: $!\n";
	seek($file, $said, 0);
	my @messages = <$file>;
	$said = tell($file);
	close($file);
	return @messages;
}

# The lines that a statement returns; nothing when the connection broke before
# the end of the answer. Any error that is no break is the end of this test.
sub ask
{
	my ($statement) = @_;
	my @lines;

	connect_psql() unless $pid;
	local $SIG{PIPE} = 'IGNORE';
	print {$to} "$statement\n\\echo \@end\n";
	while (defined(my $line = <$from>))
	{
		chomp $line;
		return \@lines if $line eq '@end';
		push @lines, $line;
	}
	disconnect();
	my @errors = grep { /ERROR:/ } new_messages();
	die "player $player: @errors\n" if @errors;
	return;
}

# ---- statements ----------------------------------------------------------

sub array
{
	my ($type, @values) = @_;

	return 'ARRAY[' . join(',', map { "'" . s/'/''/gr . "'" } @values) . "]::${type}[]";
}

# Start what is not known to be started. The case is the key: started again, it
# is the same process.
sub start_cases
{
	my (@batch) = @_;
	my (%amount, @new);

	foreach my $event (@batch)
	{
		next if $process{ $event->{case} } || exists $amount{ $event->{case} };
		push @new, $event->{case};
		$amount{ $event->{case} } = $event->{amount};
	}
	return 1 unless @new;

	my @inputs = map { qq({"case": "$_", "amount": $amount{$_}, "ledger": "$processes_of[ $_ % LEDGERS ]"}) } @new;
	my $ids = ask('SELECT * FROM workflow.start_many(\'loan\', ' . array('jsonb', @inputs) . ', ' . array('text', @new) . ');')
	  or return 0;
	die "player $player: " . @new . " cases, but processes @$ids\n" if @new != @$ids;
	@process{@new} = @$ids;
	return 1;
}

# The verdicts of a batch, in one string; nothing if the connection broke.
sub send_batch
{
	my (@batch) = @_;

	start_cases(@batch) or return;
	my $answer = ask("SELECT string_agg(taken::int::text, '' ORDER BY n) FROM workflow.send_many("
		. array('uuid', map { $process{ $_->{case} } } @batch) . ', '
		. array('text', map { $_->{event} } @batch) . ', '
		. array('jsonb', map { qq({"seq": $_->{seq}, "actor": "$_->{actor}"}) } @batch) . ', '
		. array('text', map { "log/$_->{n}" } @batch)
		. ') WITH ORDINALITY AS s(process, taken, status, states, context, n);') or return;
	my $verdicts = $answer->[0] // '';
	die "player $player: " . @batch . " commands, verdicts: @$answer\n" if length $verdicts != @batch;
	return $verdicts;
}

# ---- all of it -----------------------------------------------------------

sub read_stream
{
	open(my $file, '<', "$directory/stream.$player") or die "cannot read $directory/stream.$player: $!\n";
	while (my $line = <$file>)
	{
		chomp $line;
		my %event;

		@event{qw(case n seq event amount actor)} = split /\t/, $line, -1;
		push @events, \%event;
	}
	close($file);
	return;
}

# All players write to the same ledgers.
sub open_ledgers
{
	my $patience = PATIENCE;

	until (@processes_of)
	{
		my $ids = ask("SELECT * FROM workflow.start_many('ledger', array_fill(NULL::jsonb, ARRAY[" . LEDGERS . ']), '
			. array('text', 1 .. LEDGERS) . ');');
		@processes_of = @$ids if $ids;
		pause(\$patience) unless $ids;
	}
	return;
}

# The server is away: until it is back.
sub pause
{
	my ($patience) = @_;

	die "player $player: the server does not come back\n" if $$patience-- <= 0;
	select(undef, undef, undef, 0.1);
	return;
}

sub play
{
	my ($at, $patience) = (0, PATIENCE);

	open(my $notes, '>', "$directory/heard.$player") or die "cannot write $directory/heard.$player: $!\n";
	$notes->autoflush(1);
	while ($at < @events)
	{
		my $end = $at + BATCH < @events ? $at + BATCH : @events;
		my $verdicts = send_batch(@events[ $at .. $end - 1 ]);

		if (!defined $verdicts)
		{
			# Once a break, not once an attempt to come back.
			$at = $at > BACK * BATCH ? $at - BACK * BATCH : 0 if $patience == PATIENCE;
			pause(\$patience);
			next;
		}
		if ($at < length $heard)
		{
			my $known = substr($heard, $at, $end - $at);

			$again += length $known;
			die "player $player: other verdicts when sent again, from event $at on\n"
			  if substr($verdicts, 0, length $known) ne $known;
			$verdicts = substr($verdicts, length $known);
		}
		$heard .= $verdicts;
		print $notes $verdicts;
		$at = $end;
		$patience = PATIENCE;
	}
	close($notes) or die "cannot write $directory/heard.$player: $!\n";
	return;
}

read_stream();
open_ledgers();
play();
disconnect();
open(my $file, '>', "$directory/again.$player") or die "cannot write $directory/again.$player: $!\n";
print $file "$again\n";
close($file);

# What was sent and what was heard, for the proof.
open($file, '>', "$directory/input.$player") or die "cannot write $directory/input.$player: $!\n";
foreach my $i (0 .. $#events)
{
	print $file join("\t", @{ $events[$i] }{qw(case n seq event amount actor)}, substr($heard, $i, 1)), "\n";
}
close($file) or die "cannot write $directory/input.$player: $!\n";
