package RandomChart;

# Random charts, and random choices of what happens to them.

use strict;
use warnings;

use Exporter qw(import);
our @EXPORT_OK = qw(@EVENTS any chance one_of seed_random make_chart state_json real_children histories);

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

our @EVENTS = qw(E F G E.x E.x.y F.x);
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

# Its states, in document order.
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
    return @states;
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

1;
