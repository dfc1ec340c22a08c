#!/usr/bin/env perl
# run.pl [--supported] [--verbose] [--wrong] DIR...: play the cases below the
# directories in the server that psql finds, where world.sql was run; see
# test/conformance. What psql is told and what it says is kept in the directory
# WORKFLOW_PLACE.

use strict;
use warnings;

use File::Basename;
use File::Find;
use Getopt::Long;
use lib dirname(__FILE__);

use Machine;
use OrderedJson;

my ($supported_only, $verbose, $wrong);
my %count = (passed => 0, failed => 0);
my (%by_suite, %left_out, @no_cases);
my $changes = 0;

# --- cases ---------------------------------------------------------------

# The cases below a directory (or the one in a file). They are named by their
# paths from there on.
sub read_cases
{
	my ($directory) = @_;
	my $above = dirname($directory);
	my @files;

	find({ wanted => sub { push @files, $File::Find::name if /\.json\z/ && -f }, no_chdir => 1 }, $directory);
	return map { read_case($_, s/^\Q$above\E\/*//r =~ s/\.json$//r) } sort @files;
}

# A case as it is played: name; json; runs, each a list of looks: what to do
# before it (ms, event) and what is expected of it. What is missing in an
# expectation is not looked at. Nothing for a file that holds no machine.
sub read_case
{
	my ($path, $name) = @_;

	open(my $file, '<:encoding(UTF-8)', $path) or die "cannot read $path: $!\n";
	my $json = eval { local $/; decode_ordered(<$file>) };
	my $error = $@;
	close($file);
	return { name => $name, broken => $error } if $error;
	if (ref $json ne 'HASH' || ref $json->{machine} ne 'HASH')
	{
		push @no_cases, $name;
		return;
	}
	return {
		name => $name,
		json => $json,
		runs => $json->{results} ? [ looks_of_results($json) ]
		: $json->{cases} ? [ map { looks_of_script($_) } @{ $json->{cases} } ]
		: $json->{script} ? [ looks_of_script($json) ]
		: [],
	};
}

sub looks_of_script
{
	my ($json) = @_;
	my @looks = ({
		where => 'initial',
		states => $json->{initial},
		context => $json->{initialContext},
		actions => $json->{initialActions},
		done => defined $json->{initial} ? !!$json->{initialDone} : undef,
	});

	foreach my $step (@{ $json->{script} })
	{
		push @looks, {
			where => 'step ' . @looks,
			ms => $step->{after},
			event => $step->{event},
			states => $step->{next},
			context => $step->{context},
			actions => $step->{actions},
			done => defined $step->{next} ? !!$step->{done} : undef,
			(map { $_ => $step->{$_} } qw(enabled actor down cancel error deferred status)),
		};
	}
	return \@looks;
}

# The files that hold the results of several engines: ours are the native ones.
sub looks_of_results
{
	my ($json) = @_;
	my $native = $json->{results}{native};
	my @configurations = @{ $native->{configurations} };
	my @looks = ({ where => 'initial', states => shift @configurations });

	foreach my $step (@{ $json->{script} })
	{
		push @looks, {
			where => 'step ' . @looks,
			ms => $step->{after},
			event => $step->{event},
			states => shift @configurations,
		};
	}
	$looks[-1]{context} = $native->{context};
	return \@looks;
}

# --- what psql is told ---------------------------------------------------

sub literal
{
	my ($data) = @_;

	return 'NULL' unless defined $data;
	my $json = encode_ordered($data);
	die "\$json\$ in a case\n" if $json =~ /\$json\$/;
	return "\$json\$$json\$json\$";
}

sub text
{
	my ($text) = @_;

	return 'NULL' unless defined $text;
	return "'" . ($text =~ s/'/''/gr) . "'";
}

# What is sent beside the type of an event is its data.
sub data_of
{
	my ($event) = @_;
	my %more = map { ($_ => $event->{$_}) } grep { $_ ne 'type' && $_ ne 'data' } keys %$event;

	return $event->{data} unless %more;
	return { %more, ref $event->{data} eq 'HASH' ? %{ $event->{data} } : () };
}

# What else a step says.
sub more_of
{
	my ($look) = @_;

	return {
		(map { ($_ => $look->{$_}) } grep { defined $look->{$_} } qw(actor down cancel)),
		defined $look->{error} ? (fails => 1) : () };
}

my $note_error = "\\if :ERROR\n\\echo \@error :SQLSTATE :LAST_ERROR_MESSAGE\n\\endif\n";

sub script_of_run
{
	my ($machine, $number, $looks) = @_;
	my $script = "\\echo \@run $number\n\\unset process\nCALL start(" . text($machine->name)
	  . ", NULL) \\gset\n$note_error\\if :{?process}\n";

	foreach my $i (0 .. $#$looks)
	{
		my $look = $looks->[$i];
		my $event = $look->{event};

		$script .= "\\echo \@look $i\n";
		$script .= "SELECT enabled(:'process', " . text($event->{type}) . ', ' . text($look->{actor}) . ");\n" if defined $look->{enabled};
		$script .= "CALL step(:'process', " . ($look->{ms} // 0) . ', ' . text($event->{type}) . ', '
		  . literal(data_of($event // {})) . ', ' . literal(more_of($look)) . ");\n$note_error" if $i > 0;
		$script .= "SELECT look(:'process');\n";
	}
	return "$script\\endif\n";
}

sub script_of_case
{
	my ($case, $number) = @_;
	my $machine = Machine->new($case->{json}{machine});
	my $script = "\\echo \@case $number\n\\unset defined\n"
	  . 'SELECT faults, faults = \'[]\' AS defined FROM CAST(define('
	  . join(', ', map { literal($_) } $machine->definitions)
	  . ") AS text) faults \\gset\n$note_error\\if :{?defined}\n\\echo \@faults :faults\n\\if :defined\n";
	my $run = 0;

	$case->{machine} = $machine;
	$script .= script_of_run($machine, $run++, $_) foreach @{ $case->{runs} };
	return "$script\\endif\n\\endif\n";
}

# --- what psql says ------------------------------------------------------

# Play the cases; what is seen is put into each: faults, error, and seen, the
# looks of each run.
sub play
{
	my (@cases) = @_;
	my $directory = $ENV{WORKFLOW_PLACE} // '.';
	my ($script, $answers, $errors) = map { "$directory/conformance.$_" } qw(sql out err);
	my ($case, $look);

	open(my $file, '>:encoding(UTF-8)', $script) or die "cannot write $script: $!\n";
	foreach my $i (0 .. $#cases)
	{
		next if $cases[$i]{broken};
		my $text = eval { script_of_case($cases[$i], $i) };
		if (defined $text) { print $file $text }
		else { $cases[$i]{broken} = $@ }
	}
	close($file) or die "cannot write $script: $!\n";

	system("psql -XqAt -U author -f '$script' >'$answers' 2>'$errors'") == 0
	  or print "psql ended with status " . ($? >> 8) . "\n";

	open($file, '<:encoding(UTF-8)', $answers) or die "cannot read $answers: $!\n";
	while (my $line = <$file>)
	{
		chomp $line;
		if ($line =~ /^\@case (\d+)$/) { $case = $cases[$1]; $look = $case }
		elsif ($line =~ /^\@faults (.*)$/) { $case->{faults} = decode_ordered($1) }
		elsif ($line =~ /^\@run (\d+)$/) { push @{ $case->{seen} }, { looks => [] }; $look = $case->{seen}[$1] }
		elsif ($line =~ /^\@look (\d+)$/) { $look = $case->{seen}[-1]{looks}[$1] = {} }
		elsif ($line =~ /^\@error (.*)$/) { $look->{error} //= $1 }
		elsif ($line =~ /^\{/) { my $json = decode_ordered($line); $look->{$_} = $json->{$_} foreach keys %$json }
		elsif (defined $look) { $look->{error} //= $line }
	}
	close($file);
	return;
}

# --- comparing -----------------------------------------------------------

# JSON values; a missing key is null, numbers are JavaScript's.
sub same
{
	my ($want, $got) = @_;

	return !defined $want && !defined $got unless defined $want && defined $got;
	if (ref $want eq 'HASH')
	{
		return 0 unless ref $got eq 'HASH';
		my %keys = map { $_ => 1 } keys %$want, keys %$got;
		return !grep { !same($want->{$_}, $got->{$_}) } keys %keys;
	}
	if (ref $want eq 'ARRAY')
	{
		return 0 unless ref $got eq 'ARRAY' && @$want == @$got;
		return !grep { !same($want->[$_], $got->[$_]) } 0 .. $#$want;
	}
	my @json = map { encode_ordered($_) } $want, $got;
	return 1 if $json[0] eq $json[1];
	return 0 if grep { !/^[-\d]/ } @json;
	return abs($want - $got) <= 1e-12 * abs($want);
}

# The differences between a look and what was expected of it: [what, expected,
# got] each.
sub differences
{
	my ($machine, $want, $got) = @_;
	my @differences;

	return [ 'the server', 'an answer', 'none' ] unless defined $got;
	return [ 'error', 'none', $got->{error} ] if defined $got->{error};
	return [ 'the server', 'an answer', 'none' ] unless defined $got->{status};

	if (defined $want->{states})
	{
		my @pair = map { join(' ', sort @$_) || '(none)' } [ $machine->states(@{ $want->{states} }) ], $got->{states};
		push @differences, [ 'states', @pair ] if $pair[0] ne $pair[1];
	}
	foreach my $what (qw(context actions))
	{
		next if !defined $want->{$what} || same($want->{$what}, $got->{$what});
		push @differences, [ $what, map { encode_ordered($_) } $want->{$what}, $got->{$what} ];
	}
	if (defined $want->{done} && $want->{done} != ($got->{status} eq 'finalized'))
	{
		push @differences, [ 'status', $want->{done} ? 'finalized' : 'not over', $got->{status} ];
	}
	foreach my $what (qw(deferred status))
	{
		next if !defined $want->{$what} || same($want->{$what}, $got->{$what});
		push @differences, [ $what, map { encode_ordered($_) } $want->{$what}, $got->{$what} ];
	}
	if (($want->{error} // '') ne ($got->{sqlstate} // ''))
	{
		push @differences, [ 'error', map { $_ // 'none' } $want->{error}, $got->{sqlstate} ];
	}
	if (defined $want->{enabled} && $want->{enabled} != $got->{enabled})
	{
		push @differences, [ 'enabled', map { $_ ? 'true' : 'false' } $want->{enabled}, $got->{enabled} ];
	}
	return @differences;
}

# --- verdicts ------------------------------------------------------------

# Why define() did not want it: [verdict, lines].
sub verdict_of_faults
{
	my (@faults) = @_;
	my %later = map { $_ => 1 } map { /"(\w+)" is not supported by this version/ } @faults;
	my @others = grep { !/is not supported by this version/ } @faults;

	# With other faults, too, it is wrong, or our translation of it is.
	return [ 'later', join(', ', sort keys %later) . ' is not supported by this version' ] if %later && !@others;
	return [ 'failed', 'define() refuses it:', map { "  $_" } @faults ];
}

sub verdict_of_run
{
	my ($machine, $looks, $seen, $prefix) = @_;

	return [ 'failed', "${prefix}start failed: $seen->{error}" ] if defined $seen->{error};
	foreach my $i (0 .. $#$looks)
	{
		my $look = $looks->[$i];
		my @differences = differences($machine, $look, $seen->{looks}[$i]) or next;
		my $event = $look->{event} ? ", event $look->{event}{type}" : '';

		# What comes after a difference follows from it.
		return [ 'failed', "$prefix$look->{where}$event",
			map { ("  $_->[0]", "    expected: $_->[1]", "    got:      $_->[2]") } @differences ];
	}
	return ['passed'];
}

sub verdict_of
{
	my ($case) = @_;

	return [ 'failed', 'cannot be translated: ' . $case->{broken} =~ s/\n+\z//r ] if $case->{broken};
	return [ 'failed', "define() failed: $case->{error}" ] if defined $case->{error};
	return [ 'failed', 'not played' ] unless $case->{faults};
	return verdict_of_faults(@{ $case->{faults} }) if @{ $case->{faults} };

	foreach my $run (0 .. $#{ $case->{runs} })
	{
		my $prefix = @{ $case->{runs} } > 1 ? 'script ' . ($run + 1) . ', ' : '';
		my $verdict = verdict_of_run($case->{machine}, $case->{runs}[$run], $case->{seen}[$run], $prefix);

		return $verdict if $verdict->[0] ne 'passed';
	}
	return ['passed'];
}

# --- the other way round -------------------------------------------------

# What is expected of something, but wrong.
sub changed
{
	my ($what, $value) = @_;

	return !$value if $what eq 'done' || $what eq 'enabled';
	return $value ? JSON::PP::false : JSON::PP::true if $what eq 'deferred';
	return 'other' if $what eq 'status' || $what eq 'error';
	return [ @$value, 'nowhere' ] if $what eq 'states';
	return [ @$value ? @$value[ 1 .. $#$value ] : 'nothing' ] if $what eq 'actions';
	my ($key) = keys %$value;
	return { %$value, defined $key ? ($key => [ $value->{$key} ]) : (nothing => 1) };
}

# Change the expectations of a case that passed, one at a time: it must not
# pass then.
sub verdict_of_changes
{
	my ($case) = @_;
	my @unnoticed;

	foreach my $look (map { @$_ } @{ $case->{runs} })
	{
		foreach my $what (grep { defined $look->{$_} } qw(states context actions done enabled deferred status error))
		{
			local $look->{$what} = changed($what, $look->{$what});
			$changes++;
			push @unnoticed, "$look->{where}: wrong $what, and nobody notices" if verdict_of($case)->[0] eq 'passed';
		}
	}
	return [ @unnoticed ? 'failed' : 'passed', @unnoticed ];
}

# --- all of it -----------------------------------------------------------

sub judge
{
	my ($case) = @_;
	my ($verdict, @lines) = @{ verdict_of($case) };

	($verdict, @lines) = @{ verdict_of_changes($case) } if $wrong && $verdict eq 'passed';
	if ($verdict eq 'later')
	{
		$verdict = $supported_only ? 'left out' : 'failed';
		push @{ $left_out{ $lines[0] } }, $case->{name} if $supported_only;
	}

	$count{$verdict}++;
	$by_suite{ dirname($case->{name}) }{$verdict}++;
	print "FAILED $case->{name}\n", map { "    $_\n" } @lines if $verdict eq 'failed';
	print "ok $case->{name}\n" if $verdict eq 'passed' && $verbose;
	return;
}

sub print_summary
{
	print scalar(@no_cases) . " files hold no machine: @no_cases\n" if @no_cases;
	foreach my $reason (sort keys %left_out)
	{
		my @names = @{ $left_out{$reason} };

		print scalar(@names) . " left out, since $reason:\n", map { "    $_\n" } @names;
	}
	foreach my $suite (sort keys %by_suite)
	{
		my $counts = $by_suite{$suite};

		printf "%-40s %s\n", $suite, join(', ', map { "$counts->{$_} $_" } sort { $b cmp $a } keys %$counts);
	}
	print "$changes expectations changed\n" if $wrong;
	return;
}

binmode(STDOUT, ':encoding(UTF-8)');
GetOptions('supported' => \$supported_only, 'verbose' => \$verbose, 'wrong' => \$wrong) && @ARGV
  or die "run.pl [--supported] [--verbose] [--wrong] DIR...\n";

my @cases = map { read_cases($_) } @ARGV;
play(@cases);
judge($_) foreach @cases;
if (!@cases)
{
	print "no case found\n";
	$count{failed}++;
}
print_summary();
print "$count{passed} passed, $count{failed} failed\n";
exit($count{failed} ? 1 : 0);
