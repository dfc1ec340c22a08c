package Source;

# Source.pm: what can be read in the C files of src/, by their layout, which is
# that of PostgreSQL: a function begins with a line of its type and a line of
# its name, both in the first column, and ends with a brace there.
#
# A tree is a hash of its files by their path from src/, "folder/name.c", each
#
#   path, folder ('' for src/ itself), base (the name without its end)
#   text       as it was written
#   code       the same, line for line, without comments
#   functions  of a .c file, in order: name, line, body (number of lines
#              between its braces), exported, documented, sql (is it
#              called by SQL)
#   declared   line by name of the functions that it declares
#   prefix     what the names that a .c file exports begin with

use strict;
use warnings;

use File::Glob qw(:bsd_glob);

sub read_tree
{
	my ($top) = @_;
	my %files;

	foreach my $path (glob("$top/src/{*,*/*}.[ch]"))
	{
		my $file = read_file($path, substr($path, length("$top/src/")));
		$files{ $file->{path} } = $file;
	}
	die "$top/src: no C files\n" unless %files;
	return \%files;
}

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "cannot read $path: $!\n";
	local $/;
	return scalar <$handle>;
}

sub read_file
{
	my ($where, $path) = @_;
	my ($folder, $base, $end) = $path =~ m{^(?:(.*)/)?([^/]*)\.([ch])$};
	my $text = slurp($where);
	my %file = (
		path => $path,
		folder => $folder // '',
		base => $base,
		is_c => $end eq 'c',
		text => $text,
		code => without_comments($text));

	$file{functions} = $file{is_c} ? functions(\%file) : [];
	$file{declared} = declarations($file{code});
	$file{prefix} = prefix(\%file) if $file{is_c};
	return \%file;
}

# Comments become blanks, and every line stays where it is.
sub without_comments
{
	my ($text) = @_;
	my $literal = qr/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/;

	$text =~ s{($literal)|(/\*.*?\*/|//[^\n]*)}{ $1 // $2 =~ s/[^\n]/ /gr }gse;
	return $text;
}

sub without_literals
{
	my ($code) = @_;
	$code =~ s/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')/'0' . ' ' x (length($1) - 1)/ge;
	return $code;
}

sub functions
{
	my ($file) = @_;
	my $code = without_literals($file->{code});
	my %sql = map { $_ => 1 } sql_functions($file);
	my @lines = map { [ split /\n/ ] } $file->{text}, $file->{code};
	my @found;

	while ($code =~ /^([A-Za-z_][^\n;{}=#]*)\n(\w+)\s*(\((?:[^(){};#]++|(?3))*\))\n\{\n/mg)
	{
		my ($type, $name, $start) = ($1, $2, $-[0]);
		my $end = index($code, "\n}", pos($code) - 1);
		my $line = 1 + (substr($code, 0, $start) =~ tr/\n//);

		last if $end < 0;
		push @found,
		  {
			name => $name,
			line => $line + 1,
			body => substr($code, pos($code), $end + 1 - pos($code)) =~ tr/\n//,
			exported => !is_static($code, $type),
			documented => is_documented(@lines, $line),
			sql => $sql{$name} };
		pos($code) = $end + 1;
	}
	return \@found;
}

# A type may be a macro that says static.
sub is_static
{
	my ($code, $type) = @_;
	return $type =~ /\bstatic\b/ || $code =~ /^\s*#\s*define\s+\Q$type\E\s+static\b/m;
}

# Is the line above a comment's last one? One between PG_FUNCTION_INFO_V1() and
# its function would be odd, so it may stand above that, too. A headline does
# not tell of a function.
sub is_documented
{
	my ($text, $code, $line) = @_;
	my $above = $line - 2;

	$above-- if $above > 0 && $code->[$above] =~ /^PG_FUNCTION_INFO_V1/;
	return $above >= 0
	  && $code->[$above] =~ /^\s*$/
	  && $text->[$above] =~ m{\*/\s*$}
	  && $text->[$above] !~ m{^/\*\s*--};
}

sub sql_functions
{
	my ($file) = @_;
	return $file->{code} =~ /^\s*PG_FUNCTION_INFO_V1\s*\(\s*(\w+)\s*\)/mg;
}

sub declarations
{
	my ($code) = @_;
	my %lines;

	while ($code =~ /^(?:pg_noreturn\s+)?extern\b[^;{}()=]*?\b(\w+)\s*\(/mg)
	{
		$lines{$1} = 1 + (substr($code, 0, $-[0]) =~ tr/\n//);
	}
	return \%lines;
}

# That of its name, if its head does not say: "Exported names begin with wf_x_."
sub prefix
{
	my ($file) = @_;
	my ($head) = $file->{text} =~ m{\A\s*/\*(.*?)\*/}s;

	$head = ($head // '') =~ s/\s*\n\s*\*\s*/ /gr;
	return $head =~ /Exported names begin with (wf_\w+?)_?\b/ ? $1 : "wf_$file->{base}";
}

# Which files' prefix does a name begin with? That of wf_timer_row_new() is
# wf_timer_row where there is one, not wf_timer.
sub homes
{
	my ($files, $name) = @_;
	my ($longest, @homes) = ('');

	foreach my $file (grep { $_->{is_c} } map { $files->{$_} } sort keys %$files)
	{
		next unless index($name, $file->{prefix}) == 0;
		@homes = () if length($file->{prefix}) > length($longest);
		next if length($file->{prefix}) < length($longest);
		$longest = $file->{prefix};
		push @homes, $file->{path};
	}
	return @homes;
}

1;
