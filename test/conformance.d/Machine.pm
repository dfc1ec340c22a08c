
=head1 NAME

Machine - from a machine of the suites to definitions of ours

=head1 SYNOPSIS

  use Machine;

  my $machine = Machine->new($json);
  $machine->definitions;       # ours; those of the children that it invokes first
  $machine->name;              # what to start
  $machine->states(@ids);      # ids of the suite to names of states

Targets, kinds of states, transitions and built-in actions stay as they are.
@logic becomes SQL. Custom actions and guards become the two functions of
world.sql, note and agree, with the suite's object as their params. What has no
counterpart makes it die.

=cut

package Machine;

use strict;
use warnings;

use Logic;
use OrderedJson;

sub new
{
	my ($class, $json, %more) = @_;
	my $self = bless {
		json => $json,
		old => $json->{id} // '(machine)',
		children => $more{children} // [],    # definitions, shared by all of a case
		actors => { %{ $more{actors} // {} }, %{ $json->{actors} // {} } },
		names => {},
	}, $class;

	$self->{name} = $more{name} // $self->{old};
	$self->find_names($json);
	return $self;
}

sub name { return $_[0]{name} }

# --- names of states -----------------------------------------------------

sub find_names
{
	my ($self, $state, @path) = @_;
	my $name = @path ? join('.', @path) : $self->{name};

	$self->{names}{ $state->{id} } //= $name if defined $state->{id};
	$self->{names}{ join('.', $self->{old}, @path) } //= $name;
	$self->find_names($state->{states}{$_}, @path, $_) foreach keys %{ $state->{states} // {} };
	return;
}

sub states
{
	my ($self, @ids) = @_;

	return map { $self->{names}{$_} // $_ } @ids;
}

# The id of the root is the definition's name, which for a child is not what
# the suite calls it.
sub target
{
	my ($self, $target) = @_;
	my ($old, $name) = @$self{qw(old name)};

	return [ map { $self->target($_) } @$target ] if ref $target;
	return $target if !defined $target || $old eq $name;
	$target =~ s/^#\Q$old\E(?=\z|\.)/#$name/;
	return $target;
}

# The target of a state that in_state names.
sub asked
{
	my ($self) = @_;

	return sub { my ($id) = @_; return $self->target($id =~ /^#/ ? $id : "#$id") };
}

# --- values, guards, actions ---------------------------------------------

sub value
{
	my ($self, $value) = @_;

	return [ map { $self->value($_) } @$value ] if ref $value eq 'ARRAY';
	return $value if ref $value ne 'HASH';
	return ordered('@expr' => logic_expression($value->{'@logic'})) if exists $value->{'@logic'};
	return undef if exists $value->{'$fn'};    # a function of which only the place is known
	return ordered(map { ($_, $self->value($value->{$_})) } keys %$value);
}

# What takes the place of a custom guard or action: one of world.sql.
sub stand_in
{
	my ($function, $json) = @_;

	return ordered(type => "conformance.$function",
		params => ref $json ? $json : ordered(type => $json));
}

sub guard
{
	my ($self, $guard) = @_;

	return stand_in($guard eq 'fails' ? 'cannot_tell' : 'agree', $guard) unless ref $guard eq 'HASH';
	return $guard if exists $guard->{'@expr'};
	my $type = $guard->{type} // '';
	return stand_in('cannot_tell', $guard) if $type eq 'fails';
	return logic_guard($guard->{params}{'@logic'}, $self->asked)
	  if $type eq 'expr' && ref $guard->{params} eq 'HASH' && exists $guard->{params}{'@logic'};
	my $params = $guard->{params} // $guard;
	return ordered(type => $type, stateId => $self->target($params->{stateId})) if $type eq 'xstate.stateIn';
	return ordered(type => $type, guard => $self->guard($params->{guard})) if $type eq 'xstate.not';
	return ordered(type => $type, guards => [ map { $self->guard($_) } @{ $params->{guards} } ])
	  if $type eq 'xstate.and' || $type eq 'xstate.or';
	return stand_in('agree', $guard);
}

sub branch
{
	my ($self, $branch) = @_;

	return ordered(
		exists $branch->{guard} ? (guard => $self->guard($branch->{guard})) : (),
		actions => $self->actions($branch->{actions} // []));
}

sub is_built_in
{
	my ($type) = @_;

	return $type =~ /^(?:@?xstate\.|(?:send|choose|foreach)\z)/;
}

sub action
{
	my ($self, $action) = @_;

	my $type = ref $action ? $action->{type} // '' : $action;

	return stand_in($type eq 'fails' ? 'fails' : 'note', $action) unless ref $action && is_built_in($type);
	return ordered(type => $action->{type}, branches => [ map { $self->branch($_) } @{ $action->{branches} } ])
	  if $action->{type} eq 'choose';
	if ($action->{type} eq 'foreach')
	{
		die "in_state in the array of a foreach\n" if states_asked($action->{array});
		return ordered(map {
			($_, $_ eq 'actions' ? $self->actions($action->{$_}) : $self->value($action->{$_}))
		} keys %$action);
	}

	my @states = states_asked($action);
	return $self->value($action) unless @states;
	return ordered(type => 'choose', branches => [
			map { ordered(guard => $_->[1], actions => [ $self->value(with_answers($action, $_->[0])) ]) }
			  answers($self->asked, @states) ]);
}

sub actions
{
	my ($self, $actions) = @_;

	return [ map { $self->action($_) } ref $actions eq 'ARRAY' ? @$actions : $actions ];
}

# --- transitions, children, states ---------------------------------------

sub transition
{
	my ($self, $transition) = @_;

	return [ map { $self->transition($_) } @$transition ] if ref $transition eq 'ARRAY';
	return $self->target($transition) unless ref $transition;
	my %convert = (
		target => sub { return $self->target($_[0]) },
		(map { $_ => sub { return $self->guard($_[0]) } } qw(guard cond)),
		actions => sub { return $self->actions($_[0]) });
	return ordered(map {
		($_, $convert{$_} ? $convert{$_}->($transition->{$_}) : $transition->{$_})
	} keys %$transition);
}

# Delays that are named, but not in the definition, were functions.
sub note_delay
{
	my ($self, $name) = @_;

	$self->{delays}{$name} = '1 day' if $name =~ /^[[:alpha:]_]\w*\z/ && $name !~ /^P[T\d]/;
	return;
}

sub transitions_by_key
{
	my ($self, $by_key) = @_;

	return ordered(map { ($_, $self->transition($by_key->{$_})) } keys %$by_key);
}

# The name of the definition behind the src of an invoke. One that the case
# does not describe never does anything.
sub child
{
	my ($self, $src) = @_;
	my $children = $self->{children};
	my $actor = $self->{actors}{$src};

	$actor = $self->{actors}{$src} = {} unless ref $actor eq 'HASH';
	my ($known) = grep { $_->{actor} == $actor } @$children;
	if (!$known)
	{
		$known = { actor => $actor, name => 'child ' . @$children };
		push @$children, $known;
		my $machine = Machine->new($actor, name => $known->{name}, actors => $self->{actors},
			children => $children);
		$known->{definition} = $machine->definition;
		$known->{rank} = grep { $_->{definition} } @$children;    # those that it invokes come before
	}
	return $known->{name};
}

sub invoke
{
	my ($self, $invoke) = @_;

	return [ map { $self->invoke($_) } @$invoke ] if ref $invoke eq 'ARRAY';
	return $self->child($invoke) unless ref $invoke;
	return ordered(map {
		($_,
			/^(?:onDone|onError|onSnapshot)\z/ ? $self->transition($invoke->{$_})
			: $_ eq 'src' ? $self->child($invoke->{src})
			: $_ eq 'input' ? $self->value($invoke->{input})
			: $invoke->{$_})
	} keys %$invoke);
}

sub node
{
	my ($self, $state, $is_root) = @_;
	my $result = ordered($is_root ? (id => $self->{name}) : ());
	my %convert = (
		states => sub { my ($states) = @_; return ordered(map { ($_, $self->node($states->{$_})) } keys %$states) },
		on => sub { return $self->transitions_by_key($_[0]) },
		after => sub { $self->note_delay($_) foreach keys %{ $_[0] }; return $self->transitions_by_key($_[0]) },
		(map { $_ => sub { return $self->transition($_[0]) } } qw(always onDone initial)),
		(map { $_ => sub { return $self->actions($_[0]) } } qw(entry exit actions)),
		(map { $_ => sub { return $self->value($_[0]) } } qw(context output)),
		invoke => sub { return $self->invoke($_[0]) });

	# A history state's target is a transition; "initial" names a child.
	$convert{target} = $convert{initial} if ($state->{type} // '') eq 'history';
	foreach my $key (keys %$state)
	{
		next if $is_root && ($key eq 'id' || $key eq 'actors');
		$result->{$key} = $convert{$key} ? $convert{$key}->($state->{$key}) : $state->{$key};
	}
	return $result;
}

sub definition
{
	my ($self) = @_;

	my $definition = $self->node($self->{json}, 1);
	my %delays = (%{ $self->{delays} // {} }, %{ $self->{json}{delays} // {} });

	$definition->{delays} = \%delays if %delays;
	return $definition;
}

sub definitions
{
	my ($self) = @_;
	my $own = $self->definition;

	return ((map { $_->{definition} } sort { $a->{rank} <=> $b->{rank} } @{ $self->{children} }), $own);
}

1;
