package AppendixD;

# An interpreter of charts (RandomChart.pm), written from the pseudo-code of W3C
# SCXML, Appendix D, and the four rules of doc/language.md alone.
#
# The names of its procedures and variables are kept. Sets of states are hashes by
# number; "document order" is that of the numbers, exit order the reverse.

use strict;
use warnings;

use RandomChart qw(real_children histories);

use Exporter qw(import);
our @EXPORT_OK = qw(expect);

my $LIMIT = 60;    # microsteps in a macrostep, as in player.c

my @states;        # of the chart, in document order
my (%configuration, %historyValue, %statesToInvoke, @internalQueue, $running, $event, $bits, $microsteps, %domains, @said);

sub said { push @said, $_[0]; return }

sub states_of { my ($set) = @_; return map { $states[$_] } sort { $a <=> $b } keys %$set }

sub isDescendant { my ($one, $two) = @_; return $one->{id} > $two->{id} && $one->{id} <= $two->{last} }
sub isAtomicState { my $kind = $_[0]{kind}; return $kind eq 'atomic' || $kind eq 'final' }

# From the parent upwards; up to, not including, the second state if there is one.
sub getProperAncestors {
    my ($one, $two) = @_;
    my @ancestors;
    for (my $state = $one->{parent}; $state && !($two && $state == $two); $state = $state->{parent}) {
        push @ancestors, $state;
    }
    return @ancestors;
}

sub isInFinalState {
    my ($state) = @_;
    # A final state as a region: ours.
    return $configuration{ $state->{id} } if $state->{kind} eq 'final';
    return scalar grep { $_->{kind} eq 'final' && $configuration{ $_->{id} } } @{ $state->{children} } if $state->{kind} eq 'compound';
    return !grep { !isInFinalState($_) } real_children($state) if $state->{kind} eq 'parallel';
    return 0;
}

sub conditionMatch {
    my ($guard) = @_;
    return 1 unless $guard;
    my ($kind, @rest) = @$guard;
    return $bits >> $rest[0] & 1 if $kind eq 'bit';
    return $configuration{ $rest[0]{id} } if $kind eq 'in';
    return !conditionMatch($rest[0]) if $kind eq 'not';
    return !grep { !conditionMatch($_) } @rest if $kind eq 'and';
    return scalar grep { conditionMatch($_) } @rest;
}

# How specific a descriptor is that matches: 0 is exact, then the longest first.
my %matches;

sub nameMatch {
    my ($descriptor, $name) = @_;
    my $known = \$matches{$descriptor}{$name};
    $$known = [ compare_name($descriptor, $name) ] unless $$known;
    return $$known->[0];
}

sub compare_name {
    my ($descriptor, $name) = @_;
    return 0 if $descriptor eq $name;
    # Ours: who takes everything did not think of errors.
    return $name eq 'error.execution' ? undef : 1e6 if $descriptor eq '*';
    return undef unless $descriptor =~ /^(.*)\.\*$/;
    my $prefix = $1;
    return $name eq $prefix || index($name, "$prefix.") == 0 ? 1000 - length $prefix : undef;
}

# A state's transitions that the event matches, in the order in which they are
# tried: the most specific descriptor first, else document order.
sub matchingTransitions {
    my ($state, $name) = @_;
    my @all = (@{ $state->{transitions} || [] }, grep { $_ } @$state{qw(timer invoke done)});
    my @how = map { nameMatch($_->{event}, $name) } @all;
    return @all[ sort { $how[$a] <=> $how[$b] || $a <=> $b } grep { defined $how[$_] } 0 .. $#all ];
}

sub select_by {
    my ($candidates) = @_;
    my (@enabledTransitions, %enabled, %of);
    for my $state (grep { isAtomicState($_) } states_of(\%configuration)) {
        LOOP: for my $s ($state, getProperAncestors($state, undef)) {
            for my $t (@{ $of{ $s->{id} } ||= [ $candidates->($s) ] }) {
                next unless conditionMatch($t->{guard});
                push @enabledTransitions, $t unless $enabled{ $t->{n} }++;
                last LOOP;
            }
        }
    }
    return removeConflictingTransitions(@enabledTransitions);
}

sub selectEventlessTransitions { return select_by(sub { @{ $_[0]{always} || [] } }) }
sub selectTransitions { my ($name) = @_; return select_by(sub { matchingTransitions($_[0], $name) }) }

sub removeConflictingTransitions {
    my @filteredTransitions;
    TRANSITION: for my $t1 (@_) {
        my %transitionsToRemove;
        for my $t2 (@filteredTransitions) {
            my ($exit1, $exit2) = (computeExitSet($t1), computeExitSet($t2));
            next unless grep { $exit2->{$_} } keys %$exit1;
            next TRANSITION unless isDescendant($t1->{source}, $t2->{source});
            $transitionsToRemove{ $t2->{n} } = 1;
        }
        @filteredTransitions = ((grep { !$transitionsToRemove{ $_->{n} } } @filteredTransitions), $t1);
    }
    return @filteredTransitions;
}

# Where a history state leads that remembers nothing: to its default, or (rule R4)
# where its parent does.
sub history_default {
    my ($state) = @_;
    my $parent = $state->{parent};
    return @{ $state->{initial}{targets} } if $state->{initial};
    return @{ $parent->{initial}{targets} } if $parent->{initial};
    return real_children($parent);
}

sub getEffectiveTargetStates {
    my @targets;
    for my $s (@_) {
        push @targets,
            $s->{kind} ne 'history' ? $s
          : $historyValue{ $s->{id} } ? @{ $historyValue{ $s->{id} } }
          : getEffectiveTargetStates(history_default($s));
    }
    return @targets;
}

# Rules R1 (any ancestor will do, not only a compound one) and R2 (it stays in its
# source, unless told otherwise). Undefined: all states.
sub getTransitionDomain {
    my ($t) = @_;
    my @tstates = getEffectiveTargetStates(@{ $t->{targets} });
    return $t->{source}
      if !$t->{reenter} && !grep { $_ != $t->{source} && !isDescendant($_, $t->{source}) } @tstates;
    for my $anc (getProperAncestors($t->{source}, undef)) {
        return $anc unless grep { !isDescendant($_, $anc) } @tstates;
    }
    # A transition to the root from below it leaves the root only if told so.
    return $t->{reenter} ? undef : $states[0];
}

sub computeExitSet {
    my %statesToExit;
    for my $t (@_) {
        next unless $t->{targets};
        my $domain = getTransitionDomain($t);
        for my $id (keys %configuration) {
            $statesToExit{$id} = 1 if !$domain || isDescendant($states[$id], $domain);
        }
    }
    return \%statesToExit;
}

sub addDescendantStatesToEnter {
    my ($state, $statesToEnter, $statesForDefaultEntry, $defaultHistoryContent) = @_;
    my @sets = @_[ 1 .. 3 ];
    if ($state->{kind} eq 'history') {
        my @there;
        if (my $value = $historyValue{ $state->{id} }) {
            @there = @$value;
        } else {
            push @{ $defaultHistoryContent->{ $state->{parent}{id} } }, $state if $state->{initial};
            # R4: as if the parent were entered by default.
            $statesForDefaultEntry->{ $state->{parent}{id} } = 1 unless $state->{initial};
            @there = history_default($state);
        }
        addDescendantStatesToEnter($_, @sets) for @there;
        addAncestorStatesToEnter($_, $state->{parent}, @sets) for @there;
        return;
    }
    $statesToEnter->{ $state->{id} } = 1;
    if ($state->{kind} eq 'compound') {
        $statesForDefaultEntry->{ $state->{id} } = 1;
        my @targets = @{ $state->{initial}{targets} };
        addDescendantStatesToEnter($_, @sets) for @targets;
        addAncestorStatesToEnter($_, $state, @sets) for @targets;
    } elsif ($state->{kind} eq 'parallel') {
        enter_regions($state, @sets);
    }
    return;
}

sub enter_regions {
    my ($state, @sets) = @_;
    for my $child (real_children($state)) {
        addDescendantStatesToEnter($child, @sets)
          unless grep { isDescendant($_, $child) } states_of($sets[0]);
    }
    return;
}

sub addAncestorStatesToEnter {
    my ($state, $ancestor, @sets) = @_;
    for my $anc (getProperAncestors($state, $ancestor)) {
        $sets[0]{ $anc->{id} } = 1;
        enter_regions($anc, @sets) if $anc->{kind} eq 'parallel';
    }
    return;
}

# The procedure enters whatever is on the way to a target, even what is active and
# stays, when a history state stands outside of the domain and leads back into it.
# The text says (3.13, "entry set"): what is active and is not exited is not entered.
# As nothing is exited outside of the domain, nothing is entered there. The domain is
# that of the exit set, though history may have been recorded since.
sub computeEntrySet {
    my ($transitions, $statesToEnter, $statesForDefaultEntry, $defaultHistoryContent) = @_;
    for my $t (@$transitions) {
        next unless $t->{targets};
        my $domain = $domains{ $t->{n} };
        my (%enters, %defaults, %histories);
        my @sets = (\%enters, \%defaults, \%histories);
        addDescendantStatesToEnter($_, @sets) for @{ $t->{targets} };
        addAncestorStatesToEnter($_, $domain, @sets)
          for grep { !$domain || $_ != $domain } getEffectiveTargetStates(@{ $t->{targets} });
        # R1: a parallel state that stays has all of its regions entered.
        enter_regions($domain, @sets) if $domain && $domain->{kind} eq 'parallel';
        for my $s (states_of(\%enters)) {
            next if $domain && !isDescendant($s, $domain);
            $statesToEnter->{ $s->{id} } = 1;
            $statesForDefaultEntry->{ $s->{id} } = 1 if $defaults{ $s->{id} };
            push @{ $defaultHistoryContent->{ $s->{id} } }, @{ $histories{ $s->{id} } || [] };
        }
    }
    return;
}

# One block of executable content. An error ends it.
sub executeContent {
    my ($actions) = @_;
    eval { execute($_) for @$actions; 1 } or do {
        die $@ unless $@ eq "fail\n";
        push @internalQueue, 'error.execution';
    };
    return;
}

sub execute {
    my ($kind, @rest) = @{ $_[0] };
    if ($kind eq 'say') {
        said("$rest[0]\@$event");
    } elsif ($kind eq 'bit') {
        said("bit$rest[0]\@$event");
        $bits ^= 1 << $rest[0];
    } elsif ($kind eq 'fail') {
        said("fail\@$event");
        die "fail\n";
    } elsif ($kind eq 'raise') {
        said("raise $rest[0]\@$event");
        push @internalQueue, $rest[0];
    } elsif ($kind eq 'foreach') {
        for (1 .. $rest[0]) {
            execute($_) for @{ $rest[1] };
        }
    } else {
        for my $branch (@rest) {
            next unless conditionMatch($branch->[0]);
            execute($_) for @{ $branch->[1] };
            last;
        }
    }
    return;
}

sub leave {
    my ($s) = @_;
    executeContent($s->{exit});
    said("disarm $s->{name}") if $s->{timer};
    said("uninvoke $s->{name}") if $s->{invoke};
    delete $configuration{ $s->{id} };
    return;
}

sub exitStates {
    my $statesToExit = computeExitSet(@_);
    delete @statesToInvoke{ keys %$statesToExit };
    my @inExitOrder = reverse states_of($statesToExit);
    for my $s (@inExitOrder) {
        for my $h (histories($s)) {
            $historyValue{ $h->{id} } = [
                grep { $h->{deep} ? isAtomicState($_) && isDescendant($_, $s) : $_->{parent} && $_->{parent} == $s }
                  states_of(\%configuration)
            ];
        }
    }
    leave($_) for @inExitOrder;
    return;
}

# A parallel state all of whose regions are done is done, and so on outwards.
sub parallel_done {
    my ($state) = @_;
    while ($state && $state->{kind} eq 'parallel' && isInFinalState($state)) {
        if ($state->{parent}) {
            push @internalQueue, "done.state.$state->{name}";
        } else {
            $running = 0;
        }
        $state = $state->{parent};
    }
    return;
}

sub enterStates {
    my ($transitions) = @_;
    my (%statesToEnter, %statesForDefaultEntry, %defaultHistoryContent);
    computeEntrySet($transitions, \%statesToEnter, \%statesForDefaultEntry, \%defaultHistoryContent);
    for my $s (states_of(\%statesToEnter)) {
        $configuration{ $s->{id} } = 1;
        $statesToInvoke{ $s->{id} } = 1 if $s->{invoke};
        said("invoke $s->{name}\@$event") if $s->{invoke};    # R3
        executeContent($s->{entry});
        said("arm $s->{name}\@$event") if $s->{timer};
        executeContent($s->{initial}{actions}) if $statesForDefaultEntry{ $s->{id} } && $s->{initial};
        executeContent($_->{initial}{actions}) for @{ $defaultHistoryContent{ $s->{id} } || [] };
        next unless $s->{kind} eq 'final';
        my $parent = $s->{parent};
        if ($parent->{kind} eq 'parallel') {
            parallel_done($parent);
        } elsif (!$parent->{parent}) {
            $running = 0;
        } else {
            push @internalQueue, "done.state.$parent->{name}";
            parallel_done($parent->{parent});
        }
    }
    return;
}

sub microstep {
    my (@enabledTransitions) = @_;
    die "limit\n" if $microsteps++ >= $LIMIT;
    %domains = map { $_->{n} => getTransitionDomain($_) } grep { $_->{targets} } @enabledTransitions;
    exitStates(@enabledTransitions);
    executeContent($_->{actions}) for @enabledTransitions;
    enterStates(\@enabledTransitions);
    return;
}

# What is left of a macrostep after its first microstep.
sub run_to_rest {
    while ($running) {
        my @enabledTransitions = selectEventlessTransitions();
        if (!@enabledTransitions) {
            last unless @internalQueue;
            $event = shift @internalQueue;
            @enabledTransitions = selectTransitions($event);
        }
        microstep(@enabledTransitions) if @enabledTransitions;
    }
    @internalQueue = ();
    if ($running) {
        said("start $_->{name}") for states_of(\%statesToInvoke);
        %statesToInvoke = ();
    } else {
        # exitInterpreter. Our machine keeps the configuration in which it ended.
        my %ended = %configuration;
        leave($_) for reverse states_of(\%configuration);
        %configuration = %ended;
    }
    return;
}

sub say_rest {
    my ($would, $taken) = @_;
    said(join ' ', 'rest', $would, $taken, $running ? 'runs' : 'over',
        map { $_->{name} } grep { isAtomicState($_) } states_of(\%configuration));
    said($_) for sort map { join ' ', 'history', $states[$_]{name}, map { $_->{name} } @{ $historyValue{$_} } } keys %historyValue;
    return;
}

# One macrostep: its code, or "limit".
sub macrostep {
    my ($code) = @_;
    my $before = @said;
    $microsteps = 0;
    return 1 if eval { $code->(); 1 };
    die $@ unless $@ eq "limit\n";
    splice @said, $before;
    said('limit');
    return 0;
}

# What is to be seen of a chart's states when these events come one after the
# other: the lines that the player has to print.
sub expect {
    my ($chart, @events) = @_;
    @states = @$chart;
    %configuration = %historyValue = %statesToInvoke = %domains = @internalQueue = @said = ();
    ($running, $bits, $event) = (1, 0, '-');
    my $goes_on = macrostep(sub {
        enterStates([ { n => -1, targets => [ $states[0] ] } ]);
        run_to_rest();
        say_rest(0, 0);
    });
    for my $name (@events) {
        last unless $goes_on && $running;
        $goes_on = macrostep(sub {
            $event = $name;
            my @enabledTransitions = selectTransitions($name);
            microstep(@enabledTransitions) if @enabledTransitions;
            run_to_rest();
            say_rest(@enabledTransitions ? 1 : 0, $microsteps ? 1 : 0);
        });
    }
    if ($goes_on && $running) {
        $event = '-';
        leave($_) for reverse states_of(\%configuration);
        $running = 0;
        say_rest(0, 0);
    }
    said('end');
    return [@said];
}

1;
