#!/usr/bin/perl
# appendix_d.pl PLAYER [--cases N] [--seed N] [--keep DIRECTORY] [--show SEED]:
# random charts, played by our interpreter and by a second one, below, which is
# written from the pseudo-code of W3C SCXML, Appendix D, and the four rules of
# doc/language.md alone. Both must do the same things in the same order.
#
# Each case has a seed of its own, the one given and the numbers after it. For
# each that differs its seed, chart and the first difference are printed.
# --show prints a case: its lines for the player, and what is expected.
# The last line is "N compared, N differed".

use strict;
use warnings;

my $LIMIT = 60;    # microsteps in a macrostep, as in player.c

# ---- random numbers of our own, so that a seed means the same everywhere -----

my $random;

sub seed_random {
    my ($seed) = @_;
    $random = ($seed * 2654435761 + 12345) % 4294967296;
    any(2) for 1 .. 4;
    return;
}

# xorshift32
sub any {
    my ($n) = @_;
    $random ^= ($random << 13) & 0xffffffff;
    $random ^= $random >> 17;
    $random ^= ($random << 5) & 0xffffffff;
    $random = 88172645 if $random == 0;
    return int($random / 7) % $n;
}

sub one_of { return $_[ any(scalar @_) ] }
sub chance { my ($percent) = @_; return any(100) < $percent }

sub shuffled {
    my @list = @_;
    for my $i (reverse 1 .. $#list) {
        my $k = any($i + 1);
        @list[ $i, $k ] = @list[ $k, $i ];
    }
    return @list;
}

# ---- a random chart -----------------------------------------------------------

# State: id (document order), last (descendant), parent, kind, children, name,
# entry, exit, initial {targets, actions}, transitions, always, ...
# Transition: source, event, targets or undef, reenter, guard, actions.
my (@states, $transitions, $depth_limit, $most_states, $finals, $finishing, $loud);

my @EVENTS = qw(E F G E.x E.x.y F.x);
my @DESCRIPTORS = qw(E F G E.x E.x.y E.* E.x.* F.* * error.execution error.* done.state.* done.*);

sub new_state {
    my ($parent, $key, $kind) = @_;
    my $state = {
        id => scalar @states, parent => $parent, kind => $kind, key => $key, children => [],
        name => !$parent ? 'm' : $parent->{parent} ? "$parent->{name}.$key" : $key,
        depth => $parent ? $parent->{depth} + 1 : 0,
    };
    push @states, $state;
    push @{ $parent->{children} }, $state if $parent;
    return $state;
}

sub plant {
    my ($state) = @_;
    if ($state->{kind} =~ /^(?:compound|parallel)$/) {
        my @kinds = map {
                chance($state->{kind} eq 'compound' ? $finals : $finals / 4) ? 'final'
              : $state->{depth} + 1 >= $depth_limit || @states > $most_states ? 'atomic'
              : one_of(qw(atomic atomic atomic compound compound parallel))
        } 1 .. 1 + any(3);
        @kinds = $state->{kind} eq 'compound' ? qw(atomic final) : map { one_of(qw(compound compound parallel)) } 1 .. 2 + any(2)
          if $finishing && $state->{parent} && $state->{depth} < 5;
        splice @kinds, any(@kinds + 1), 0, 'history' if chance(35);
        push @kinds, 'history' if chance(10);
        # An author must have somewhere to begin.
        $kinds[0] = 'atomic' unless grep { $_ ne 'history' } @kinds;
        my $n = 0;
        for my $kind (@kinds) {
            plant(new_state($state, chr(ord('a') + $state->{depth}) . $n++, $kind));
        }
    }
    $state->{deep} = chance(50) if $state->{kind} eq 'history';
    $state->{last} = $#states;
    return;
}

sub real_children { return grep { $_->{kind} ne 'history' } @{ $_[0]{children} } }
sub histories     { return grep { $_->{kind} eq 'history' } @{ $_[0]{children} } }

# States inside of one, or it, that can be active together; history: may be too.
sub some_targets {
    my ($state, $history) = @_;
    my @histories = $history ? histories($state) : ();
    return one_of(@histories) if @histories && chance(30);
    if ($state->{kind} eq 'parallel' && chance(60)) {
        my @targets = map { some_targets($_, $history) } grep { chance(65) } real_children($state);
        return shuffled(@targets) if @targets;
    }
    return some_targets(one_of(real_children($state)), $history)
      if $state->{kind} eq 'compound' && chance(45);
    return $state;
}

sub some_guard {
    my ($depth) = @_;
    my $kind = any($depth < 2 ? 9 : 6);
    return [ 'bit', any(8) ] if $kind < 3;
    return [ 'in', one_of(grep { $_->{kind} ne 'history' } @states) ] if $kind < 6;
    return [ 'not', some_guard($depth + 1) ] if $kind == 6;
    return [ one_of('and', 'or'), map { some_guard($depth + 1) } 1 .. 1 + any(3) ];
}

# A chart all of whose regions come to an end now and then, and begin again, or
# parallel states would seldom be done.
sub end_sometimes {
    my ($state) = @_;
    my @siblings = @{ $state->{parent}{children} };
    my ($end) = grep { $_->{kind} eq 'final' } @siblings;
    push @{ $state->{transitions} }, plain_transition($state, one_of(qw(E F G)), $end) if $state->{kind} eq 'atomic' && $end;
    push @{ $state->{transitions} }, plain_transition($state, 'H', $state) if $state->{kind} eq 'parallel';
    return;
}

sub plain_transition {
    my ($source, $event, $target) = @_;
    return { source => $source, event => $event, n => $transitions++, targets => [$target], reenter => 1, actions => some_actions("t$transitions", 0) };
}

# Of a state that can be done; the root's has no event.
sub some_done_event {
    my @those = grep { $_->{parent} && @{ $_->{children} } } @states;
    return @those ? 'done.state.' . one_of(@those)->{name} : 'E';
}

sub some_event { return chance(15) ? some_done_event() : one_of(@EVENTS) }

# Besides the one that says where we are.
sub some_actions {
    my ($label, $depth) = @_;
    my @actions = ([ 'say', $label ]);
    return \@actions if chance(75);
    for (0 .. any(2)) {
        my $kind = any($depth < 2 ? 12 : 9);
        push @actions,
            $kind < 4   ? [ 'bit', any(8) ]
          : $kind < 8   ? [ 'raise', some_event() ]
          : $kind == 8  ? ['fail']
          : $kind == 9  ? [ 'foreach', any(3), some_actions("$label each", $depth + 1) ]
          : [ 'choose', map { [ chance(85) ? some_guard(1) : undef, some_actions("$label $_", $depth + 1) ] } 1 .. 1 + any(2) ];
    }
    push @actions, [ 'say', "$label after" ];
    return \@actions;
}

sub some_transition {
    my ($source, $event) = @_;
    my $n = $transitions++;
    # "onDone": null is the same as none.
    return { source => $source, event => $event, n => $n, forbidden => 1, actions => [] }
      if defined $event && $event !~ /^done/ && chance(4);
    my $where = $source->{kind} =~ /^(?:compound|parallel)$/ && chance(25) ? $source : one_of(@states);
    $where = one_of(@states) if $where->{kind} eq 'final' && chance(60);
    return {
        source => $source, event => $event, n => $n,
        targets => chance(15) ? undef : [ chance(8) ? $source : some_targets($where, 1) ],
        reenter => chance(30) ? 1 : 0,
        guard => !defined $event || chance(25) ? some_guard(0) : undef,
        actions => some_actions("t$n", 0),
    };
}

sub furnish {
    my ($state) = @_;
    my $kind = $state->{kind};
    if ($kind eq 'history') {
        my $parent = $state->{parent};
        $state->{initial} = {
            targets => [ some_targets(one_of(real_children($parent)), 0) ],
            actions => some_actions("h $state->{name}", 0),
        } if chance(50);
        return;
    }
    $state->{entry} = some_actions("+$state->{name}", 0);
    $state->{exit} = some_actions("-$state->{name}", 0);
    $state->{transitions} = [];
    $state->{always} = [];
    if ($kind eq 'compound') {
        # Where a history state without a default leads there must be states.
        $state->{initial} = {
            targets => [ chance(25) ? some_targets(one_of(real_children($state)), 0) : (real_children($state))[0] ],
            actions => some_actions("i $state->{name}", 0),
        };
        my @with_default = grep { $_->{initial} } histories($state);
        $state->{initial}{targets} = [ one_of(@with_default) ]
          if @with_default == histories($state) && @with_default && chance(20);
    }
    return if $kind eq 'final';
    my @on = grep { chance(9) } @DESCRIPTORS;
    push @on, one_of(@EVENTS) if chance(35);
    push @on, some_done_event() if chance(8);
    end_sometimes($state) if $finishing && $state->{parent};
    @on = () if $finishing && chance(80);
    push @on, '*' if $loud && !$state->{parent};
    my %seen = map { $_->{event} => 1 } @{ $state->{transitions} };
    for my $event (grep { !$seen{$_}++ } @on) {
        push @{ $state->{transitions} }, some_transition($state, $event) for 1 .. 1 + (chance(25) ? 1 : 0);
    }
    $state->{transitions}[-1] = {
        source => $state, event => '*', n => $transitions++, reenter => 0, actions => [ [ 'say', 'saw' ] ],
    } if $loud && !$state->{parent} && @{ $state->{transitions} } && $state->{transitions}[-1]{event} eq '*';
    push @{ $state->{always} }, map { some_transition($state, undef) } 1 .. 1 + any(2) if chance(8);
    $state->{timer} = some_transition($state, "after.5.$state->{name}") if chance(12);
    $state->{invoke} = some_transition($state, "done.invoke.i$state->{id}") if chance(12);
    $state->{done} = some_transition($state, "done.state.$state->{name}")
      if $state->{parent} && $kind ne 'atomic' && !$seen{"done.state.$state->{name}"} && chance(40);
    return;
}

sub make_chart {
    @states = ();
    $transitions = 0;
    $depth_limit = 2 + any(4);
    $most_states = 4 + any(40);
    $finals = one_of(8, 15, 50);    # per cent of a compound state's children
    $finishing = chance(25);
    $loud = chance(50);
    plant(new_state(undef, 'm', one_of(qw(compound compound compound parallel))));
    # Defaults of history states decide what an initial state may be.
    furnish($_) for grep { $_->{kind} eq 'history' } @states;
    furnish($_) for grep { $_->{kind} ne 'history' } @states;
    return;
}

# ---- as a definition ------------------------------------------------------------

sub quote { my ($text) = @_; return "\"$text\"" }
sub list { return '[' . join(',', @_) . ']' }

sub reference { my ($state) = @_; return quote($state->{parent} ? "#m.$state->{name}" : '#m') }

sub guard_json {
    my ($guard) = @_;
    my ($kind, @rest) = @$guard;
    return quote("bit$rest[0]") if $kind eq 'bit';
    return '{"type":"stateIn","stateId":' . reference($rest[0]) . '}' if $kind eq 'in';
    return '{"type":"not","guard":' . guard_json($rest[0]) . '}' if $kind eq 'not';
    return "{\"type\":\"$kind\",\"guards\":" . list(map { guard_json($_) } @rest) . '}';
}

sub action_json {
    my ($kind, @rest) = @{ $_[0] };
    return quote($rest[0]) if $kind eq 'say';
    return quote("bit$rest[0]") if $kind eq 'bit';
    return quote('fail') if $kind eq 'fail';
    return "{\"type\":\"raise\",\"event\":\"$rest[0]\"}" if $kind eq 'raise';
    return '{"type":"foreach","item":"x","array":' . list(1 .. $rest[0]) . ',"actions":' . actions_json($rest[1]) . '}'
      if $kind eq 'foreach';
    return '{"type":"choose","branches":'
      . list(map { '{' . ($_->[0] ? '"guard":' . guard_json($_->[0]) . ',' : '') . '"actions":' . actions_json($_->[1]) . '}' } @rest) . '}';
}

sub actions_json { my ($actions) = @_; return list(map { action_json($_) } @$actions) }

sub transition_json {
    my ($t) = @_;
    return 'null' if $t->{forbidden};
    my @keys;
    push @keys, '"target":' . list(map { reference($_) } @{ $t->{targets} }) if $t->{targets};
    push @keys, '"reenter":true' if $t->{reenter};
    push @keys, '"guard":' . guard_json($t->{guard}) if $t->{guard};
    push @keys, '"actions":' . actions_json($t->{actions});
    return '{' . join(',', @keys) . '}';
}

sub state_json {
    my ($state, $order) = @_;
    my @keys = ("\"type\":\"$state->{kind}\"");
    push @keys, '"id":"m"' unless $state->{parent};
    push @keys, "\"order\":$order" if defined $order;
    push @keys, '"history":"deep"' if $state->{deep};
    push @keys, ($state->{kind} eq 'history' ? '"target"' : '"initial"') . ':{"target":'
      . list(map { reference($_) } @{ $state->{initial}{targets} }) . ',"actions":' . actions_json($state->{initial}{actions}) . '}'
      if $state->{initial};
    push @keys, "\"$_\":" . actions_json($state->{$_}) for grep { $state->{$_} } qw(entry exit);
    my (@events, %of);
    for my $t (@{ $state->{transitions} || [] }) {
        push @events, $t->{event} unless $of{ $t->{event} };
        push @{ $of{ $t->{event} } }, transition_json($t);
    }
    push @keys, '"on":{' . join(',', map { quote($_) . ':' . list(@{ $of{$_} }) } @events) . '}' if @events;
    push @keys, '"always":' . list(map { transition_json($_) } @{ $state->{always} }) if @{ $state->{always} || [] };
    push @keys, '"after":{"5":' . transition_json($state->{timer}) . '}' if $state->{timer};
    push @keys, "\"invoke\":{\"src\":\"job\",\"id\":\"i$state->{id}\",\"onDone\":" . transition_json($state->{invoke}) . '}' if $state->{invoke};
    push @keys, '"onDone":' . transition_json($state->{done}) if $state->{done};
    if (my @children = @{ $state->{children} }) {
        # Either the text's order counts or the one written in it. A history
        # state can have none.
        my %order;
        if (chance(10) && !histories($state)) {
            $order{$_->{id}} = $_->{id} for @children;
            @children = shuffled(@children);
        }
        push @keys, '"states":{' . join(',', map { quote($_->{key}) . ':' . state_json($_, $order{ $_->{id} }) } @children) . '}';
    }
    return '{' . join(',', @keys) . '}';
}

# ---- Appendix D -------------------------------------------------------------------
#
# The names of its procedures and variables are kept. Sets of states are hashes by
# number; "document order" is that of the numbers, exit order the reverse.

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

# What is to be seen when these events come one after the other.
sub expect {
    my (@events) = @_;
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

# ---- comparing --------------------------------------------------------------------

# Returns the player's lines and what is expected of it.
sub make_case {
    my ($seed) = @_;
    seed_random($seed);
    make_chart();
    my $definition = state_json($states[0]);
    my @names = (@EVENTS, 'H', map { $_->{event} } grep { $_ && $_->{event} !~ /\*/ } map { @$_{qw(timer invoke)} } @states);
    my @events = map { one_of(@names) } 1 .. 6 + any(15);
    my @lines = ("chart $definition", (map { chance(20) ? ('restore', "event $_") : "event $_" } @events), 'end');
    return (\@lines, expect(@events));
}

# What the player said, but for what does not matter: the order in which history
# is listed, and what a step did until it was undone.
sub settled {
    my (@kept, @history);
    for my $line (@_) {
        if ($line =~ /^history /) {
            push @history, $line;
            next;
        }
        push @kept, sort @history;
        @history = ();
        if ($line eq 'limit') {
            pop @kept while @kept && $kept[-1] !~ /^(?:rest|history) /;
        }
        push @kept, $line;
    }
    return \@kept;
}

sub report {
    my ($seed, $lines, $wanted, $got) = @_;
    my $at = 0;
    $at++ while $at < @$wanted && $at < @$got && $wanted->[$at] eq $got->[$at];
    my $from = $at > 12 ? $at - 12 : 0;
    print "---- seed $seed differs\n$lines->[0]\n", join(' ', grep { $_ ne $lines->[0] } @$lines), "\n";
    print "    $_\n" for @$wanted[ $from .. $at - 1 ];
    print 'wanted  ', $wanted->[$at] // '(nothing)', "\n", 'got     ', $got->[$at] // '(nothing)', "\n";
    return;
}

sub compare {
    my ($player, $directory, $from, $n) = @_;
    my ($input, $output, $differed) = ("$directory/cases", "$directory/played", 0);
    my @cases;
    open my $to, '>', $input or die "$input: $!\n";
    for my $seed ($from .. $from + $n - 1) {
        my ($lines, $wanted) = make_case($seed);
        push @cases, [ $seed, $lines, $wanted ];
        print {$to} map { "$_\n" } @$lines;
    }
    close $to or die "$input: $!\n";
    my $status = system "'$player' <'$input' >'$output'";
    open my $in, '<', $output or die "$output: $!\n";
    for my $case (@cases) {
        my @got;
        while (defined(my $line = <$in>)) {
            chomp $line;
            push @got, $line;
            last if $line eq 'end';
        }
        my $got = settled(@got);
        next if join("\n", @$got) eq join("\n", @{ $case->[2] });
        report(@$case, $got) if $differed++ < 5;
    }
    close $in;
    die "the player ended with status $status\n" if $status;
    return $differed;
}

my $player = shift @ARGV or die "appendix_d.pl PLAYER [--cases N] [--seed N] [--show SEED]\n";
my %option = ('--cases' => 1000, '--seed' => 1, '--keep' => $ENV{TMPDIR} || '/tmp');
while (@ARGV) {
    my ($name, $value) = splice @ARGV, 0, 2;
    die "what is $name?\n" unless $name =~ /^--(?:cases|seed|show|keep)$/ && defined $value;
    $option{$name} = $value;
}
if (defined $option{'--show'}) {
    my ($lines, $wanted) = make_case($option{'--show'});
    print map { "$_\n" } @$lines, '', @$wanted;
    exit 0;
}
my $directory = "$option{'--keep'}/appendix_d.$$";
mkdir $directory or die "$directory: $!\n";
my ($done, $differed) = (0, 0);
while ($done < $option{'--cases'}) {
    my $n = $option{'--cases'} - $done;
    $n = 500 if $n > 500;
    $differed += compare($player, $directory, $option{'--seed'} + $done, $n);
    $done += $n;
}
unlink glob "$directory/*";
rmdir $directory;
print "$done compared, $differed differed\n";
exit($differed ? 1 : 0);
