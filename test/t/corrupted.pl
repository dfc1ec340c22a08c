# Rows that somebody edited by hand, or a disk did: whoever steps such a
# process is told so, with an SQLSTATE of its own; its event is given up, the
# process is in error, other work goes on, and nothing crashes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('corrupted', 'workflow.sweep_interval = 1h', 'workflow.max_attempts = 1', 'workflow.retry_delay = 10ms');

as($node, 'clerk', q{
	SELECT workflow.define('{"id": "kid", "initial": "k", "states": {"k": {"on": {"end": "l"}}, "l": {"type": "final"}}}');
	SELECT workflow.define('{"id": "flat", "initial": "a", "states": {"a": {"on": {"go": "b"}, "defer": ["later"]}, "b": {"on": {"go": "a"}}}}');
	SELECT workflow.define('{"id": "deep", "initial": "p", "states": {
		"p": {"type": "parallel", "invoke": {"id": "c", "src": "kid"}, "on": {"go": "q", "note": {}}, "states": {
			"x": {"initial": "x1", "states": {"x1": {"on": {"x": "x2"}}, "x2": {}, "hx": {"type": "history"}}},
			"y": {"initial": "y1", "states": {"y1": {"on": {"y": "y2"}}, "y2": {}}},
			"h": {"type": "history", "history": "deep"}}},
		"q": {"on": {"back": "p.h", "go": "p.h"}},
		"r": {"initial": "r1", "states": {"r1": {}}}}}')});

# What is written, to which definition's process, and what it is told then: the
# detail of its failure, or nothing where it does no harm.
my $configuration = qr/^No process of definition "deep" version 1 can be in/;
my $memory = qr{^What a history state remembers must be};
my @edits = (
	[ flat => q{states = '{}'}, qr/^No process of definition "flat" version 1 can be in \{\}/ ],
	[ flat => q{states = '{nowhere}'}, qr/has no state "nowhere" that a process can be in/ ],
	[ flat => q{states = '{a,b}'}, qr/can be in \{a,b\}/ ],
	[ flat => q{states = '{NULL}'}, qr/^One of its states is null/ ],
	[ flat => q{states = '{""}'}, qr/has no state ""/ ],
	[ flat => q{states = '{a,a}'}, undef ],
	[ flat => q{states = '{{a},{a}}'}, undef ],
	[ flat => q{states = '{{a},{b}}'}, qr/can be in/ ],
	[ deep => q{states = '{p.x.x1}'}, $configuration ],
	[ deep => q{states = '{p.x.x1,p.x.x2,p.y.y1}'}, $configuration ],
	[ deep => q{states = '{p.x.x1,p.y.y1,q}'}, $configuration ],
	[ deep => q{states = '{p}'}, qr/has no state "p" that/ ],
	[ deep => q{states = '{p.h}'}, qr/has no state "p.h" that/ ],
	[ deep => q{states = '{p.y.y1,p.x.x1}'}, undef ],
	[ deep => q{history = '5'}, qr/^Its history must be an object/ ],
	[ deep => q{history = '[1, [2], "p.h"]'}, qr/^Its history must be an object/ ],
	[ deep => q{history = '{"p.h": 5}'}, qr/$memory a list/ ],
	[ deep => q{history = '{"p.h": {"p.h": ["p.x.x1"]}}'}, qr/$memory a list/ ],
	[ deep => q{history = '{"p.h": [1, 2.5, null]}'}, qr/$memory names of states/ ],
	[ deep => q{history = '{"p.h": ["p.x.x1", ["p.x.x2", "p.y.y1", "p.y.y2"]]}'}, qr/$memory names of states/ ],
	[ deep => q{history = '{"p.h": ["p.x.x1", "p.x.x2"]}'}, qr/$memory states that can be active together/ ],
	[ deep => q{history = '{"p.h": ["q"]}'}, qr/$memory states within its parent/ ],
	[ deep => q{history = '{"p.h": ["p"]}'}, qr/$memory states within its parent/ ],
	[ deep => q{history = '{"p.x.hx": ["p.y.y1"]}'}, qr/$memory states within its parent/ ],
	[ deep => q{history = '{"p.h": ["p.x.hx"]}'}, qr/$memory states within its parent/ ],
	[ deep => q{history = '{"p.x": ["p.x.x1"]}'}, qr/^The keys of its history must be history states/ ],
	[ deep => q{history = '{"gone": {"a": [[1]]}, "p.h": ["gone"]}'}, undef ],
	[ deep => q{history = '{"p.h": ["p.x.x2", "p.x.x2"]}', states = '{q}'}, undef ],
	[ deep => q{history = '{"p.h": []}', states = '{q}'}, undef ],
	[ deep => q{children = '7'}, qr/^Its children must be an object/ ],
	[ deep => q{children = '{"c": 7}'}, qr/^Its children must be ids/ ],
	[ deep => q{children = '{"c": {"d": "e"}}'}, qr/^Its children must be ids/ ],
	[ deep => q{children = '{"c": [1]}'}, qr/^Its children must be ids/ ],
	[ deep => q{children = '{"c": {"run": 1}}'}, qr/^Its children must be ids/ ],
	[ deep => q{children = '{"c": {"of": 1}}'}, qr/^Its children must be ids/ ],
	[ deep => q{children = '{"c": {"run": "nothing"}}'}, undef ],
	[ deep => q{children = '{"c": "nobody"}'}, undef ],
	[ deep => q{children = '{"c": "00000000-0000-0000-0000-000000000000"}'}, undef ],
	[ deep => q{children = NULL}, undef ],
	[ flat => q{children = '{"c": "00000000-0000-0000-0000-000000000000", "": "x"}'}, undef ],
	[ flat => q{definition = 0}, qr/^none/ ],
	[ flat => q{context = '[]'}, undef ],
	[ flat => q{context = '5'}, undef ],
	[ flat => q{step = -5}, undef ],
	[ flat => q{depth = -1}, undef ]);

sub query { return $node->safe_psql('postgres', $_[0]) }

my $pid = query('SELECT pg_postmaster_start_time()');
foreach my $edit (@edits)
{
	my ($name, $set, $detail) = @$edit;
	my $id = as($node, 'clerk', "SELECT workflow.start('$name')");

	query("BEGIN; SET LOCAL ROLE clerk; SELECT workflow.post('$id', 'go'); RESET ROLE;
		UPDATE workflow.process SET $set WHERE id = '$id'; COMMIT");
	my $refused = refusal($node, 'clerk', "SELECT workflow.send('$id', 'note')");
	as($node, 'clerk', q{SELECT workflow.post(workflow.start('flat', key => 'other' || gen_random_uuid()), 'go')});
	wait_for($node, q{SELECT count(*) = 0 FROM workflow.timer WHERE due <= now() AND NOT parked}, "the events after $set");
	wait_for($node, q{SELECT bool_and(states = '{b}') FROM workflow.process WHERE key LIKE 'other%'}, 'other work');
	my $got = query("SELECT coalesce(sqlstate || ': ' || coalesce(detail, 'none'), '') FROM workflow.failure WHERE process = '$id'");
	if (defined $detail)
	{
		like($got =~ s/^\w+: //r, $detail, "$name, $set: its event is given up, and why");
		is(query("SELECT status FROM workflow.process WHERE id = '$id'"), 'error', 'it is in error');
		like($refused, $set =~ /definition/ ? qr/^WF/ : qr/^XX001: process $id is not as the engine left it\nDETAIL:  /,
			'and commands are refused');
	}
	else
	{
		is($got . $refused, '', "$name, $set: does no harm");
	}
	# nothing that only looks is disturbed, and it can be got rid of
	is(($node->psql('postgres', 'SELECT count(*) FROM workflow.check()'))[0], 0, 'check() can be asked');
	$node->psql('postgres', qq{SELECT workflow.get('$id'); SELECT * FROM workflow.available_events('$id'); SELECT workflow.resume('$id');
		SELECT workflow.set_states('$id', '{a}'); SELECT workflow.cancel('$id'); SELECT * FROM workflow.processes}, on_error_stop => 0);
	query("SELECT workflow.erase('$id', force => true)") unless $set =~ /definition/;
}

# Deferred events
my $id = as($node, 'clerk', q{SELECT workflow.start('flat')});
as($node, 'clerk', "SELECT workflow.send('$id', 'later')");
query(q{INSERT INTO workflow.deferred (process, at, state, event, data) SELECT process, 'infinity', 'nowhere', e, '[[]]'
	FROM workflow.deferred, unnest(ARRAY['', 'workflow.forward', 'done.invoke.x', 'error.x', 'after.x', 'later']) e});
as($node, 'clerk', "SELECT workflow.post('$id', 'go')");
wait_for($node, "SELECT count(*) = 0 FROM workflow.timer WHERE process = '$id' AND NOT parked", 'the event');
is(query("SELECT states FROM workflow.process WHERE id = '$id'"), '{b}', 'deferred events that nobody deferred are worked as others');
is(query("SELECT count(*) FROM workflow.deferred WHERE process = '$id'"), 0, 'and gone');

is(query('SELECT pg_postmaster_start_time()'), $pid, 'it is the same server');
unlike(log_since($node), qr/was terminated by signal|TRAP|PANIC/, 'that never crashed');

done_testing();
