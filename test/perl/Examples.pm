
=head1 NAME

Examples - run the examples of a Markdown file as they stand there

=head1 SYNOPSIS

  use Examples;

  run_examples($node, 'doc/tutorial.md', 'tutorial');

The fenced blocks of a file are run in their order, in one psql session, by a
superuser in a database without the extension. What a block is, its info
string says:

  sql                   runs without an error
  sql error WF002       its last statement fails with this SQLSTATE
  json define           workflow.define() takes it
  json define error ... and refuses it
  text output           exactly what the block before it prints in psql

All others (json, text, sh, ...) are for reading only.

=cut

package Examples;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(examples_of script_of run_examples);

# Begins a line of our own in what psql prints.
my $mark = '@@@@';

=head2 examples_of(FILE)

The fenced blocks of a file that are examples, each a hash with line (of its
text), kind (run, output), sql or text, json (of a definition), and sqlstate
(what it must end with).

=cut

sub examples_of
{
	my ($path) = @_;
	my ($info, $text, $first, @examples);

	open(my $file, '<', $path) or die "cannot read $path: $!";
	while (my $line = <$file>)
	{
		if (!defined $info)
		{
			next unless $line =~ /^```(.*?)\s*$/;
			($info, $text, $first) = ($1, '', $. + 1);
		}
		elsif ($line =~ /^```\s*$/)
		{
			push @examples, example($path, $first, $info, $text);
			undef $info;
		}
		else
		{
			$text .= $line;
		}
	}
	close($file);
	die "$path: the block at line $first has no end" if defined $info;
	return @examples;
}

sub example
{
	my ($path, $line, $info, $text) = @_;

	return { line => $line, kind => 'output', text => $text } if $info eq 'text output';
	if ($info =~ /^(sql|json define)(?: error (\w{5}))?$/)
	{
		my %example = (line => $line, kind => 'run', sql => $text, sqlstate => $2 // '00000');
		return \%example if $1 eq 'sql';
		return { %example, json => $text, sql => "SELECT workflow.define(\$definition\$\n$text\$definition\$);\n" };
	}
	die "$path, line $line: what is \"$info\"?" if $info =~ /^sql|define|output/;
	return;
}

=head2 script_of(EXAMPLES)

One script for psql, with marks around each example.

=cut

sub script_of
{
	my $script = "\\pset format aligned\n\\pset tuples_only off\n\\pset pager off\n";

	foreach my $example (grep { $_->{kind} eq 'run' } @_)
	{
		my $stop = $example->{sqlstate} eq '00000' ? 'on' : 'off';

		$script .= "\\echo $mark line $example->{line}\n\\set ON_ERROR_STOP $stop\n"
		  . "$example->{sql}\\echo $mark sqlstate :SQLSTATE\n";
	}
	return $script;
}

# What psql printed for each example, by line: [output, sqlstate].
sub results_of
{
	my ($out) = @_;
	my ($line, %results);

	foreach my $text (split /\n/, $out)
	{
		if ($text =~ /^\Q$mark\E line (\d+)$/) { $results{ $line = $1 } = [ '', undef ] }
		elsif ($text =~ /^\Q$mark\E sqlstate (\w+)$/) { $results{$line}[1] = $1 }
		elsif (defined $line) { $results{$line}[0] .= "$text\n" }
	}
	return %results;
}

sub trimmed
{
	my ($text) = @_;

	$text =~ s/[ \t]+$//mg;
	$text =~ s/\n+\z//;
	return $text;
}

=head2 run_examples(NODE, FILE, DATABASE)

Run them, in a new database that is dropped afterwards together with the roles
that were made. One test for each example.

=cut

sub run_examples
{
	my ($node, $path, $database) = @_;
	my @examples = examples_of($path);
	my $before;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my ($status, $out, $err) = $node->psql($database, script_of(@examples),
		extra_params => ['--no-psqlrc']);
	my %results = results_of($out);

	foreach my $example (@examples)
	{
		my $name = "$path, line $example->{line}";

		if ($example->{kind} eq 'output')
		{
			is(trimmed($results{$before}[0] // ''), trimmed($example->{text}), "$name: output");
			next;
		}
		$before = $example->{line};
		is($results{$before}[1], $example->{sqlstate}, "$name: runs")
		  or diag($results{$before}[0] // 'not reached');
	}
	is($status, 0, "$path: psql got to the end") or diag($err);

	$node->safe_psql('postgres', "DROP DATABASE $database WITH (FORCE)");
	$node->safe_psql('postgres', q{
		SELECT format('DROP ROLE %I', rolname) FROM pg_roles
		WHERE rolname !~ '^(pg|workflow)_' AND NOT rolsuper \gexec});
	return;
}

1;
