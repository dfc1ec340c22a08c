
=head1 NAME

OrderedJson - JSON whose objects keep the order of their keys

=head1 SYNOPSIS

  use OrderedJson;

  my $machine = decode_ordered($text);         # text: characters, not bytes
  my $object = ordered(type => 'x', n => 1);
  print encode_ordered($object);

In a definition the order of keys has a meaning. JSON::PP gives plain hashes,
which have none; here they are tied ones, which it writes in their order.

=cut

package OrderedJson;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();

our @EXPORT = qw(decode_ordered encode_ordered ordered);

my $plain = JSON::PP->new->allow_nonref;

=head2 ordered(KEY => VALUE, ...)

A reference to a hash that keeps its keys in this order.

=cut

sub ordered
{
	tie my %hash, 'OrderedJson::Hash';
	while (@_)
	{
		my ($key, $value) = splice(@_, 0, 2);
		$hash{$key} = $value;
	}
	return \%hash;
}

=head2 encode_ordered(DATA)

Its JSON text.

=cut

sub encode_ordered
{
	my ($data) = @_;

	return $plain->encode($data);
}

=head2 decode_ordered(TEXT)

The data; dies where the text is no JSON. Of two members of one name, the last
one counts.

=cut

sub decode_ordered
{
	my ($text) = @_;

	pos($text) = 0;
	my $data = value(\$text);
	fault(\$text) unless $text =~ /\G\s*\z/gc;
	return $data;
}

sub fault
{
	my ($text) = @_;

	die 'not JSON at character ' . (pos($$text) // 0) . "\n";
}

sub value
{
	my ($text) = @_;

	return object($text) if $$text =~ /\G\s*\{/gc;
	return array($text) if $$text =~ /\G\s*\[/gc;
	return string($text) if $$text =~ /\G\s*(?=")/gc;
	return 0 + $1 if $$text =~ /\G\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/gc;
	return JSON::PP::true if $$text =~ /\G\s*true\b/gc;
	return JSON::PP::false if $$text =~ /\G\s*false\b/gc;
	return undef if $$text =~ /\G\s*null\b/gc;
	return fault($text);
}

sub string
{
	my ($text) = @_;

	fault($text) unless $$text =~ /\G("(?:[^"\\]|\\.)*+")/gcs;
	my $quoted = $1;
	return $quoted =~ /\\/ ? $plain->decode($quoted) : substr($quoted, 1, -1);
}

sub array
{
	my ($text) = @_;
	my @items;

	return \@items if $$text =~ /\G\s*\]/gc;
	do { push @items, value($text) } while $$text =~ /\G\s*,/gc;
	fault($text) unless $$text =~ /\G\s*\]/gc;
	return \@items;
}

sub object
{
	my ($text) = @_;
	my $object = ordered();

	return $object if $$text =~ /\G\s*\}/gc;
	do
	{
		fault($text) unless $$text =~ /\G\s*(?=")/gc;
		my $key = string($text);
		fault($text) unless $$text =~ /\G\s*:/gc;
		$object->{$key} = value($text);
	} while $$text =~ /\G\s*,/gc;
	fault($text) unless $$text =~ /\G\s*\}/gc;
	return $object;
}

# What the hashes are tied to: [keys in order, values by key, place of the
# iterator].
package OrderedJson::Hash;

sub TIEHASH { return bless [ [], {}, 0 ], $_[0] }
sub FETCH { return $_[0][1]{ $_[1] } }
sub EXISTS { return exists $_[0][1]{ $_[1] } }
sub CLEAR { @{ $_[0] } = ([], {}, 0); return }
sub SCALAR { return scalar @{ $_[0][0] } }
sub FIRSTKEY { $_[0][2] = 0; return NEXTKEY($_[0]) }
sub NEXTKEY { return $_[0][0][ $_[0][2]++ ] }

sub STORE
{
	my ($self, $key, $value) = @_;

	push @{ $self->[0] }, $key unless exists $self->[1]{$key};
	$self->[1]{$key} = $value;
	return;
}

sub DELETE
{
	my ($self, $key) = @_;

	@{ $self->[0] } = grep { $_ ne $key } @{ $self->[0] } if exists $self->[1]{$key};
	return delete $self->[1]{$key};
}

1;
