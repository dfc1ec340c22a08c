
=head1 NAME

Cable - a cable of TCP that can be cut

=head1 SYNOPSIS

  use Cable;

  my $cable = Cable->new($node->port);
  ... connect to 127.0.0.1, port $cable->{port} ...
  $cable->cut;	# who is at its ends notices nothing but silence
  $cable->heal;	# what was held back is delivered
  $cable->end;

A process of its own, which is told by signals, and says when it has heard: what is sent after
cut() goes nowhere.

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

	pipe($self->{heard}, my $say) or die "no pipe: $!";
	$self->{pid} = fork() // die "no process: $!";
	if ($self->{pid} == 0)
	{
		close($self->{heard});
		carry($listener, $port, $say);
		POSIX::_exit(0);
	}
	close($listener);
	close($say);
	return bless $self, $class;
}

# In the process: what comes from one end goes to the other.
sub carry
{
	my ($listener, $port, $say) = @_;
	my ($cut, $told, %other) = (0, 0);

	local $SIG{USR1} = sub { ($cut, $told) = (1, 1) };
	local $SIG{USR2} = sub { ($cut, $told) = (0, 1) };
	local $SIG{PIPE} = 'IGNORE';
	while (1)
	{
		my @ends = ($listener, map { $_->[0] } values %other);

		# nothing is carried any more that was not before
		if ($told)
		{
			$told = 0;
			syswrite($say, 'x');
		}
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

sub tell
{
	my ($self, $signal) = @_;

	kill $signal => $self->{pid};
	sysread($self->{heard}, my $byte, 1);
	return;
}

sub cut { return $_[0]->tell('USR1'); }
sub heal { return $_[0]->tell('USR2'); }
sub end { kill KILL => $_[0]{pid}; waitpid($_[0]{pid}, 0); return; }

1;
