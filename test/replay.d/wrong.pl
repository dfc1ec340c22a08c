#!/usr/bin/env perl
# wrong.pl charts LOAN.JSON DIRECTORY: write wrong charts, chart.1, chart.2, ...,
# and print a line for each: file, what is wrong with it.
# wrong.pl books: print a line for each way to spoil what is compared: a
# statement, what is wrong then.

use strict;
use warnings;

# What is wrong, what to look for, what to put there.
my @charts = (
	[ 'a declined application is cancelled', qr/"A_DECLINED": "#loan\.application\.declined"/, '"A_DECLINED": "#loan.application.cancelled"' ],
	[ 'offers are made from 99,000 euros on only', qr/<= 99000/, '>= 99000' ],
	[ 'an offer cannot be sent back', qr/"O_SENT_BACK"/, '"O_RETURNED"' ],
	[ 'what is put down is closed', qr/"target": "put_down"\},(\s*\{"target": "closed"\})/, '"target": "closed"},$1' ],
	[ 'no region looks at another', qr/"in": "[^"]*", /, '' ],
	[ 'each offer is sent twice', qr/(\{"type": "send", "event": \{"type": "letter", "data": \{"kind": "offer"\}\}, "delay": "next post"\})/, '$1, $1' ],
	[ 'the ledger does not understand', qr/"type": "opened"/, '"type": "begun"' ],
	[ 'an offer has no deadline', qr/,\s*"after": \{"offer deadline": [^}]*\}/, '' ],
	[ 'offers are good for a millisecond', qr/"offer deadline": "30 days"/, '"offer deadline": "1 millisecond"' ],
);

my @books = (
	[ "DELETE FROM office.process WHERE case_id = (SELECT min(case_id) FROM office.input)", 'a process is missing' ],
	[ "DELETE FROM office.history WHERE ctid = (SELECT max(ctid) FROM office.history WHERE due IS NULL)", 'a command is missing in the history' ],
	[ "UPDATE office.history SET n = -n WHERE ctid = (SELECT max(ctid) FROM office.history WHERE due IS NULL)", 'a command is at another place in the history' ],
	[ "UPDATE office.history SET event = 'A_LOST' WHERE ctid = (SELECT max(ctid) FROM office.history WHERE due IS NULL)", 'a command has another event' ],
	[ "UPDATE office.history SET data = '{\"seq\": 0}' WHERE ctid = (SELECT max(ctid) FROM office.history WHERE due IS NULL)", 'a command has other data' ],
	[ "UPDATE office.input SET taken = NOT taken WHERE ctid = (SELECT max(ctid) FROM office.input)", 'a player heard something else' ],
	[ "UPDATE office.known_range SET seqs = '1,' || seqs WHERE case_id = (SELECT min(case_id) FROM office.known_range)", 'another event should be refused' ],
	[ "DELETE FROM office.known_range WHERE case_id = (SELECT min(case_id) FROM office.known_range)", 'nobody knows why something is refused' ],
	[ "UPDATE office.process SET state = 'open.new' WHERE case_id = (SELECT min(case_id) FROM office.process) AND region = 'application'", 'an application is somewhere else' ],
	[ "UPDATE office.process SET state = 'replaced' WHERE case_id = (SELECT min(case_id) FROM office.process) AND region = 'offer'", 'an offer is somewhere else' ],
	[ "UPDATE office.process SET state = 'renewed' WHERE case_id = (SELECT min(case_id) FROM office.process) AND region = 'papers'", 'a work item is somewhere else' ],
	[ "INSERT INTO office.letter SELECT * FROM office.letter LIMIT 1", 'a letter is printed twice' ],
	[ "UPDATE office.letter SET kind = 'other' WHERE ctid = (SELECT max(ctid) FROM office.letter)", 'a letter is another one' ],
	[ "UPDATE office.process SET context = context || '{\"letters\": 99}' WHERE case_id = (SELECT min(case_id) FROM office.process)", 'a letter is not counted' ],
	[ "INSERT INTO office.booked SELECT * FROM office.booked LIMIT 1", 'a loan is booked twice' ],
	[ "DELETE FROM office.ledger WHERE ctid = (SELECT max(ctid) FROM office.ledger WHERE context->>'loans' <> '0')", 'a ledger is lost' ],
	[ "INSERT INTO office.timer SELECT * FROM office.timer LIMIT 1", 'a deadline runs twice' ],
	[ "UPDATE office.timer SET name = 'other' WHERE ctid = (SELECT max(ctid) FROM office.timer)", 'a deadline is another one' ],
	[ "UPDATE office.history SET step = 1000 WHERE ctid = (SELECT max(ctid) FROM office.history)", 'a step is left out' ],
	[ "UPDATE office.history SET due = at + interval '1 us' WHERE ctid = (SELECT max(ctid) FROM office.history WHERE due IS NOT NULL)", 'a timer fires early' ],
	[ "INSERT INTO office.error VALUES ('1', 'A_LOST', 'no')", 'there is an error' ],
	[ "UPDATE office.process SET status = 'terminated' WHERE case_id = (SELECT min(case_id) FROM office.process)", 'a process is over' ],
);

sub write_charts
{
	my ($path, $directory) = @_;

	open(my $file, '<', $path) or die "cannot read $path: $!\n";
	my $right = do { local $/; <$file> };
	close($file);
	foreach my $number (1 .. @charts)
	{
		my ($what, $from, $to) = @{ $charts[ $number - 1 ] };
		my $chart = $right;

		$chart =~ s/$from/my ($all, $one) = ($to, $1); $one ? $all =~ s{\$1}{$one}gr : $all/ge
		  or die "nothing in $path for: $what\n";
		open($file, '>', "$directory/chart.$number") or die "cannot write $directory/chart.$number: $!\n";
		print $file $chart;
		close($file) or die "cannot write $directory/chart.$number: $!\n";
		print "$directory/chart.$number\t$what\n";
	}
	return;
}

my $kind = shift // '';
if ($kind eq 'charts' && @ARGV == 2) { write_charts(@ARGV) }
elsif ($kind eq 'books' && !@ARGV) { print "$_->[0]\t$_->[1]\n" foreach @books }
else { die "wrong.pl charts LOAN.JSON DIRECTORY | wrong.pl books\n" }
