
=head1 NAME

Network - machines with a network of their own, whose cables can be pulled

=head1 SYNOPSIS

  use Network;    # begins the test anew in namespaces of its own, or skips it

  my ($one, $two) = network_machines(2);
  network_within($one, sub { $primary->start });
  network_cut($two);
  network_heal($two);

The machines hang on a switch. A machine that is cut off keeps its address, its routes
and its open connections, and hears nothing any more: what it sends is lost without a
word, as by a cable pulled behind the next switch. Connections that were open are half
open then. Unix sockets reach every server all the time, so the test sees what
goes on.

No right is needed but that of unprivileged user namespaces. Who has an ordinary user
keeps it: PostgreSQL refuses to run as root.

=cut

package Network;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Test::More;

our @EXPORT = qw(network_machines network_within network_cut network_heal);

use constant CLONE_NEWNET => 0x40000000;

# Numbers of system calls, by machine.
use constant UNSHARE => { x86_64 => 272, aarch64 => 97 }->{ (POSIX::uname())[4] };
use constant SETNS => { x86_64 => 308, aarch64 => 268 }->{ (POSIX::uname())[4] };

my @processes;

# The same program once more, in new namespaces for users, network and mounts.
sub begin_anew
{
	my @unshare = qw(unshare --user --map-current-user --keep-caps --net --kill-child);

	plan(skip_all => 'no way to change namespaces is known for this machine') unless SETNS;
	plan(skip_all => 'there is no ip(8)') unless ip_program();
	plan(skip_all => 'no namespaces for users') if system(join(' ', @unshare) . ' true 2>/dev/null') != 0;
	$ENV{WORKFLOW_NETWORK} = 1;
	exec @unshare, $^X, (map { "-I$_" } @INC), $0, @ARGV or die "exec: $!";
}

sub ip_program
{
	my ($found) = grep { -x } qw(/usr/sbin/ip /sbin/ip /usr/bin/ip);

	return $found;
}

BEGIN { begin_anew() unless $ENV{WORKFLOW_NETWORK}; }

sub ip
{
	my @arguments = @_;

	system(ip_program(), @arguments) == 0 or die "ip @arguments failed";
	return;
}

# A process that does nothing but keep a network.
sub keep_network
{
	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		close $reader;
		syscall(UNSHARE, CLONE_NEWNET) == 0 or POSIX::_exit(1);
		syswrite($writer, 'x');
		close $writer;
		POSIX::pause() while 1;
	}
	close $writer;
	sysread($reader, my $byte, 1) or die 'no network namespace';
	push @processes, $pid;
	return $pid;
}

=head2 network_machines(N)

So many machines on one switch, as objects with C<address>. The programs of the test
itself, where nothing else is said, run on none of them.

=cut

sub network_machines
{
	my ($n) = @_;
	my @machines;

	ip(qw(link set lo up));
	ip(qw(link add switch type bridge forward_delay 0));
	ip(qw(link set switch up));
	foreach my $i (1 .. $n)
	{
		my $machine = { pid => keep_network(), port => "port$i", address => "10.99.0.$i" };

		ip('link', 'add', $machine->{port}, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', $machine->{pid});
		ip('link', 'set', $machine->{port}, 'master', 'switch', 'up');
		network_within($machine, sub {
			ip(qw(link set lo up));
			ip('address', 'add', "$machine->{address}/24", 'dev', 'eth0');
			ip(qw(link set eth0 up));
		});
		push @machines, $machine;
	}
	return @machines;
}

sub enter
{
	my ($path) = @_;

	open(my $network, '<', $path) or die "$path: $!";
	syscall(SETNS, fileno($network), CLONE_NEWNET) == 0 or die "setns to $path: $!";
	return;
}

=head2 network_within(MACHINE, CODE)

Run code, and all that it starts, on a machine. Returns what it returns.

=cut

sub network_within
{
	my ($machine, $code) = @_;
	my $home = "/proc/$$/ns/net";
	my @result;

	open(my $back, '<', $home) or die "$home: $!";
	enter("/proc/$machine->{pid}/ns/net");
	my $good = eval { @result = $code->(); 1 };
	my $error = $@;
	syscall(SETNS, fileno($back), CLONE_NEWNET) == 0 or die "setns: $!";
	die $error unless $good;
	return wantarray ? @result : $result[0];
}

=head2 network_cut(MACHINE), network_heal(MACHINE)

=cut

sub network_cut
{
	my ($machine) = @_;

	ip('link', 'set', $machine->{port}, 'nomaster');
	return;
}

sub network_heal
{
	my ($machine) = @_;

	ip('link', 'set', $machine->{port}, 'master', 'switch');
	return;
}

END
{
	my $status = $?;

	kill 'KILL', @processes if @processes;
	$? = $status;
}

1;
