
=head1 NAME

Cable - a cable of TCP that can be cut

=head1 SYNOPSIS

  use Cable;

  my $cable = Cable->new($node->port);
  ... connect to 127.0.0.1, port $cable->{port} ...
  $cable->cut;	# who is at its ends notices nothing but silence
  $cable->heal;	# what was held back is delivered
  $cable->end;

A process of its own, which is told by signals.

=cut

package Cable;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();

sub new
{
	my ($class, $port) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20) or die "no socket: $!";
	my $self = { port => $listener->sockport };

	$self->{pid} = fork() // die "no process: $!";
	if ($self->{pid} == 0)
	{
		carry($listener, $port);
		POSIX::_exit(0);
	}
	close($listener);
	return bless $self, $class;
}

# In the process: what comes from one end goes to the other.
sub carry
{
	my ($listener, $port) = @_;
	my ($cut, %other) = (0);

	local $SIG{USR1} = sub { $cut = 1 };
	local $SIG{USR2} = sub { $cut = 0 };
	local $SIG{PIPE} = 'IGNORE';
	while (1)
	{
		my @ends = ($listener, map { $_->[0] } values %other);

		# A signal ends either wait.
		select(undef, undef, undef, 0.05) if $cut;
		foreach my $end ($cut ? () : IO::Select->new(@ends)->can_read(0.05))
		{
			if ($end == $listener)
			{
				my $near = $listener->accept or next;
				my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);

				next unless $far;
				$other{$near} = [ $near, $far ];
				$other{$far} = [ $far, $near ];
				next;
			}
			my $pair = $other{$end} or next;
			my $got = sysread($end, my $text, 65536);

			next if $got && syswrite($pair->[1], $text);
			delete @other{ map { "$_" } @$pair };
			close($_) foreach @$pair;
		}
		POSIX::_exit(0) if getppid() == 1;
	}
}

sub cut { kill USR1 => $_[0]{pid}; return; }
sub heal { kill USR2 => $_[0]{pid}; return; }
sub end { kill KILL => $_[0]{pid}; waitpid($_[0]{pid}, 0); return; }

1;
