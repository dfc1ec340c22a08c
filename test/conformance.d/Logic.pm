
=head1 NAME

Logic - from the suites' @logic to guards and SQL expressions

=head1 SYNOPSIS

  use Logic;

  logic_expression({'+' => [{var => 'context.n'}, 1]});     # SQL text
  logic_guard({'!' => [{in_state => 'a'}]}, sub { "#$_[0]" });
  states_asked($logic);                        # of in_state, anywhere in it
  with_answers($logic, {a => 1});              # in_state replaced

The values are JavaScript's: the functions js_... of world.sql convert them.
There is no In() in SQL expressions. A guard that asks for states is taken apart
into guards of type stateIn, and what asks in the middle of an expression
becomes one expression for each answer.

=cut

package Logic;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use OrderedJson;
use Scalar::Util qw(looks_like_number);

our @EXPORT = qw(logic_expression logic_guard states_asked with_answers answers);

my %arithmetic = map { $_ => 1 } qw(- * / % **);
my %comparison = map { $_ => 1 } qw(< <= > >=);
my %equality = ('==' => 0, '===' => 0, '!=' => 1, '!==' => 1);

sub quoted
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return $text =~ /\\/ ? ' E\'' . ($text =~ s/\\/\\\\/gr) . "'" : "'$text'";
}

# Is it a number in JSON, not a string that looks like one?
sub is_number
{
	my ($value) = @_;

	return !ref $value && looks_like_number($value) && encode_ordered($value) !~ /^"/;
}

# --- terms: {sql, type}; type is jsonb, number, text, boolean or, with a value
# --- instead of SQL, literal

sub term { return { type => $_[0], sql => $_[1] } }

sub as_jsonb
{
	my ($term) = @_;

	return quoted(encode_ordered($term->{value})) . '::jsonb' if $term->{type} eq 'literal';
	return $term->{type} eq 'jsonb' ? $term->{sql} : "to_jsonb($term->{sql})";
}

sub as_number
{
	my ($term) = @_;

	return $term->{sql} if $term->{type} eq 'number';
	return "($term->{value})::float8" if $term->{type} eq 'literal' && is_number($term->{value});
	return 'js_number(' . as_jsonb($term) . ')';
}

sub as_text
{
	my ($term) = @_;

	return $term->{sql} if $term->{type} eq 'text';
	return 'js_text(' . as_jsonb($term) . ')';
}

sub as_boolean
{
	my ($term) = @_;

	return $term->{sql} if $term->{type} eq 'boolean';
	return $term->{value} ? 'true' : 'false'
	  if $term->{type} eq 'literal' && JSON::PP::is_bool($term->{value});
	return 'js_truth(' . as_jsonb($term) . ')';
}

sub is_kind
{
	my ($term, $kind) = @_;

	return $term->{type} eq $kind unless $term->{type} eq 'literal' && defined $term->{value};
	return $kind eq (is_number($term->{value}) ? 'number' : ref $term->{value} ? 'jsonb' : 'text');
}

# --- operators -----------------------------------------------------------

sub variable
{
	my ($path) = @_;
	my ($root, @path) = split /\./, $path;
	my $length = @path && $path[-1] eq 'length' ? pop @path : undef;

	die "variable \"$path\" is neither of the context nor of the event\n"
	  unless $root eq 'context' || $root eq 'event';
	if ($root eq 'event' && !@path)
	{
		return term(jsonb => q{(jsonb_build_object('type', event->'type') || coalesce(event->'data', '{}'))});
	}
	# What is sent beside the type is the event's data here.
	unshift @path, 'data' if $root eq 'event' && $path[0] !~ /^(type|data|output|error)$/;

	my $sql = $root . join('', map { /^\d+$/ ? "->$_" : '->' . quoted($_) } @path);
	return term(number => "js_length($sql)") if $length;
	return term(jsonb => @path ? "($sql)" : $sql);
}

sub equal
{
	my ($operator, @terms) = @_;
	my $differ = $equality{$operator};
	my ($literal) = grep { $_->{type} eq 'literal' } @terms;
	my @sql = map { as_jsonb($_) } @terms;

	return term(boolean => ($differ ? 'NOT ' : '') . "js_equal($sql[0], $sql[1])")
	  if length($operator) == 2 && !(defined $literal && !defined $literal->{value});
	@sql = map { "nullif($_, 'null')" } @sql unless $literal && defined $literal->{value};
	return term(boolean => "($sql[0] IS " . ($differ ? '' : 'NOT ') . "DISTINCT FROM $sql[1])");
}

sub calculate
{
	my ($operator, @terms) = @_;
	my ($left, $right) = map { as_number($_) } @terms;

	return term(number => "($left / nullif($right, 0))") if $operator eq '/';
	return term(number => "mod($left\::numeric, nullif($right, 0)::numeric)::float8") if $operator eq '%';
	return term(number => "power($left, $right)") if $operator eq '**';
	return term(number => "($left $operator $right)");
}

sub add
{
	my (@terms) = @_;

	return calculate('+', @terms) if 2 == grep { is_kind($_, 'number') } @terms;
	return term(text => '(' . join(' || ', map { as_text($_) } @terms) . ')')
	  if grep { is_kind($_, 'text') } @terms;
	return term(jsonb => 'js_add(' . join(', ', map { as_jsonb($_) } @terms) . ')');
}

sub compare
{
	my ($operator, @terms) = @_;

	return term(boolean => '(' . join(" $operator ", map { as_number($_) } @terms) . ')')
	  if grep { is_kind($_, 'number') } @terms;
	return term(boolean => '(js_compare(' . join(', ', map { as_jsonb($_) } @terms) . ") $operator 0)");
}

# JavaScript's && and || give one of their operands.
sub junction
{
	my ($operator, @terms) = @_;
	my $result = pop @terms;

	return term(boolean => '(' . join(" \U$operator\E ", map { as_boolean($_) } @terms, $result) . ')')
	  unless grep { $_->{type} ne 'boolean' } @terms, $result;
	while (my $first = pop @terms)
	{
		my ($truth, $value, $rest) = (as_boolean($first), as_jsonb($first), as_jsonb($result));

		$result = term(jsonb => $operator eq 'and'
			? "CASE WHEN $truth THEN $rest ELSE $value END"
			: "CASE WHEN $truth THEN $value ELSE $rest END");
	}
	return $result;
}

sub translate
{
	my ($logic) = @_;

	return { type => 'literal', value => $logic } if ref $logic ne 'HASH' && ref $logic ne 'ARRAY';
	if (ref $logic eq 'ARRAY')
	{
		return term(jsonb => 'jsonb_build_array(' . join(', ', map { as_jsonb(translate($_)) } @$logic) . ')');
	}

	my ($operator, @more) = keys %$logic;
	die 'not an operation: ' . encode_ordered($logic) . "\n" if !defined $operator || @more;
	my $argument = $logic->{$operator};
	return { type => 'literal', value => $argument } if $operator eq 'literal';
	return variable(ref $argument ? $argument->[0] : $argument) if $operator eq 'var';

	my @terms = map { translate($_) } ref $argument eq 'ARRAY' ? @$argument : $argument;
	return equal($operator, @terms) if exists $equality{$operator} && @terms == 2;
	return calculate($operator, @terms) if $arithmetic{$operator} && @terms == 2;
	return compare($operator, @terms) if $comparison{$operator} && @terms == 2;
	return junction($operator, @terms) if ($operator eq 'and' || $operator eq 'or') && @terms;
	if ($operator eq '+' && @terms > 1)
	{
		my $sum = shift @terms;
		$sum = add($sum, $_) foreach @terms;
		return $sum;
	}
	return term(number => '(- ' . as_number($terms[0]) . ')') if $operator eq '-' && @terms == 1;
	return term(boolean => '(NOT ' . as_boolean($terms[0]) . ')') if $operator eq '!' && @terms == 1;
	return term(text => 'js_typeof(' . as_jsonb($terms[0]) . ')') if $operator eq 'typeof' && @terms == 1;
	return term(number => 'js_milliseconds(' . as_text($terms[0]) . ')')
	  if $operator eq 'duration_ms' && @terms == 1;
	die "operator \"$operator\" with " . @terms . " operands is not known\n";
}

=head2 logic_expression(LOGIC)

The text of a SQL expression of the same value. Dies where there is none.

=cut

sub logic_expression
{
	my ($logic) = @_;
	my $term = translate($logic);

	return $term->{type} eq 'literal' ? as_jsonb($term) : $term->{sql};
}

# --- states --------------------------------------------------------------

=head2 states_asked(DATA)

The ids of the states that in_state asks for, each once, anywhere in it.

=cut

sub states_asked
{
	my ($data) = @_;
	my %asked;

	if (ref $data eq 'ARRAY')
	{
		$asked{$_} = 1 foreach map { states_asked($_) } @$data;
	}
	elsif (ref $data eq 'HASH')
	{
		foreach my $key (keys %$data)
		{
			if ($key eq 'in_state') { $asked{ state_of($data) } = 1 }
			elsif ($key ne 'literal') { $asked{$_} = 1 foreach states_asked($data->{$key}) }
		}
	}
	return sort keys %asked;
}

sub state_of
{
	my ($logic) = @_;
	my $state = $logic->{in_state};

	return ref $state ? $state->[0] : $state;
}

=head2 with_answers(DATA, ANSWERS)

A copy with each {in_state: id} replaced by true or false, as ANSWERS has it.

=cut

sub with_answers
{
	my ($data, $answers) = @_;

	return [ map { with_answers($_, $answers) } @$data ] if ref $data eq 'ARRAY';
	return $data if ref $data ne 'HASH';
	return $answers->{ state_of($data) } ? JSON::PP::true : JSON::PP::false if exists $data->{in_state};
	return $data if exists $data->{literal};
	return ordered(map { ($_, with_answers($data->{$_}, $answers)) } keys %$data);
}

=head2 answers(NAME, STATE...)

All there can be, each as [answers, guard]. NAME gives the target of a state.

=cut

sub answers
{
	my ($name, @states) = @_;
	my @all = ([ {}, [] ]);

	die 'too many states in one expression: ' . join(', ', @states) . "\n" if @states > 5;
	foreach my $state (@states)
	{
		my $in = ordered(type => 'xstate.stateIn', stateId => $name->($state));
		my $out = ordered(type => 'xstate.not', guard => $in);

		@all = map {
			my ($answers, $guards) = @$_;
			([ { %$answers, $state => 1 }, [ @$guards, $in ] ], [ { %$answers, $state => 0 }, [ @$guards, $out ] ])
		} @all;
	}
	return map { [ $_->[0], ordered(type => 'xstate.and', guards => $_->[1]) ] } @all;
}

=head2 logic_guard(LOGIC, NAME)

The guard that holds when LOGIC is true. NAME gives the target of a state.

=cut

sub logic_guard
{
	my ($logic, $name) = @_;
	my @states = states_asked($logic);

	return ordered('@expr' => as_boolean(translate($logic))) unless @states;

	my ($operator) = keys %$logic;
	my $argument = $logic->{$operator};
	return ordered(type => 'xstate.stateIn', stateId => $name->($states[0])) if $operator eq 'in_state';
	return ordered(type => "xstate.$operator", guards => [ map { logic_guard($_, $name) } @$argument ])
	  if $operator eq 'and' || $operator eq 'or';
	return ordered(type => 'xstate.not', guard => logic_guard(ref $argument eq 'ARRAY' ? $argument->[0] : $argument, $name))
	  if $operator eq '!';
	return ordered(
		type => 'xstate.or',
		guards => [
			map {
				ordered(type => 'xstate.and',
					guards => [ $_->[1], logic_guard(with_answers($logic, $_->[0]), $name) ])
			} answers($name, @states)
		]);
}

1;
