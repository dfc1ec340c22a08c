# Runtimes: application servers that share the work of a database. Their turns are as far
# apart as the settings say, a silent one costs one turn, and what it had claimed is given
# to others. First by a clock that the test sets, without background workers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# Nobody else writes WAL, or starts runtimes.
my $node = workflow_node('runtimes', 'workflow.enabled = off', 'autovacuum = off', 'workflow.max_runtimes = 12',
	'checkpoint_timeout = 1h', 'bgwriter_lru_maxpages = 0');

foreach my $role (qw(app other))
{
	workflow_role($node, $role);
	$node->safe_psql('postgres', "GRANT workflow_runtime TO $role; GRANT SET ON PARAMETER workflow.test_steady_clock TO $role");
}

# What a role gets at a time of the steady clock (ms).
sub at
{
	my ($ms, $role, $sql) = @_;

	return as($node, $role, "SET workflow.test_steady_clock = $ms; $sql");
}

sub refused
{
	my ($ms, $role, $sql) = @_;

	return refusal($node, $role, "SET workflow.test_steady_clock = $ms; $sql");
}

sub register
{
	my ($ms, $id, $role) = @_;

	return at($ms, $role // 'app', "SELECT epoch FROM workflow.register_runtime('$id', info => '{\"node\": 1}')");
}

sub state_of { return $node->safe_psql('postgres', "SELECT state FROM workflow.runtimes WHERE id = '$_[0]'"); }

# play() and gaps().
$node->safe_psql('postgres', slurp_file("$FindBin::Bin/../data/turns.sql"));

sub play
{
	my ($ids, $from, $to, $every) = @_;
	my $list = join(',', @$ids);

	return $node->safe_psql('postgres', "SELECT play('{$list}', $from, $to, " . ($every // 1000) . ')');
}
sub gaps { return $node->safe_psql('postgres', "SELECT gaps('$_[0]', $_[1], $_[2])"); }

# How many gaps are longer than those of a turn, and no longer than two, of how many.
sub long_gaps
{
	return $node->safe_psql('postgres', qq{
		SELECT format('%s of %s', count(*) FILTER (WHERE gap BETWEEN 1500 AND 2000), count(*) FILTER (WHERE gap <= 2000))
		FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM turn WHERE kind = 'timer' AND at BETWEEN $_[0] AND $_[1]) g});
}
sub turns_of { return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT id, ' ' ORDER BY id) FROM turn WHERE kind = '$_[0]' AND at BETWEEN $_[1] AND $_[2]"); }

# ---- one, three, ten: turns

my %epoch = map { $_ => register(0, $_) } qw(r1 r2 r3);

is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s %s %s %s', id, kind, role, state, info), ', ' ORDER BY id) FROM workflow.runtimes}),
	'r1 application both alive {"node": 1}, r2 application both alive {"node": 1}, r3 application both alive {"node": 1}', 'three runtimes live');
play([qw(r1 r2 r3)], 1000, 300000);
is(gaps('timer', 10000, 300000), '1000 ms: 289', 'with three runtimes somebody has a turn each second');
is(turns_of('timer', 10000, 300000), 'r1 r2 r3', 'all of them do');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT long::text, ' ') FROM turn WHERE kind = 'timer' AND at > 10000}), '800',
	'and may begin work for four fifths of it');
is(gaps('service', 70000, 300000), '60000 ms: 2', 'service turns are a minute apart');
is($node->safe_psql('postgres', 'SELECT settings_agreed FROM workflow.runtimes WHERE id = $$r1$$'), 't', 'settings are agreed');

# What they say is written nowhere; the server writes something now and then.
my ($tries, $wrote) = (0, 1);
while ($wrote ne '0' && $tries++ < 10)
{
	$wrote = $node->safe_psql('postgres', qq{
		SET workflow.test_steady_clock = 300000;
		SELECT workflow.heartbeat('r1', $epoch{r1}) \\g /dev/null
		SELECT pg_current_wal_insert_lsn() AS before \\gset
		SELECT workflow.heartbeat('r1', $epoch{r1}) FROM generate_series(1, 1000) \\g /dev/null
		SELECT pg_current_wal_insert_lsn() - :'before'});
}
is($wrote, '0', 'a thousand beats write no WAL');

# A silent one.
play([qw(r1 r2)], 300000, 330000);
is(long_gaps(297000, 330000), '1 of 31', 'one that is silent costs one turn');

# The interval of all of them changes at once.
$node->safe_psql('postgres', q{SELECT workflow.set_setting('timer_interval', '250 ms')});
is($node->safe_psql('postgres', q{SELECT agreed FROM workflow.settings WHERE name = 'timer_interval'}), 'f', 'a setting that nobody has taken over is not agreed');
play([qw(r1 r2)], 331000, 340000);
is($node->safe_psql('postgres', q{SELECT agreed FROM workflow.settings WHERE name = 'timer_interval'}), 'f', 'nor one that a silent runtime has not');
is(gaps('timer', 332000, 340000), '250 ms: 31', 'turns follow the setting');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('timer_interval', NULL)});

# ---- one that is silent for too long

as($node, 'app', q{
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.create_job('once', queue => 'mail', on_lost => 'fail');
	SELECT workflow.run_job('letter', key => 'a'), workflow.run_job('letter', key => 'b'), workflow.run_job('once', key => 'c')});
like(refused(340000, 'app', q{SELECT workflow.claim('mail', 'r3')}), qr/^22004: .*epoch/, 'a runtime has to say its epoch');
like(refused(340000, 'app', qq{SELECT workflow.claim('mail', 'r3', epoch => 1)}), qr/^WF012: /, 'the right one');
like(refused(340000, 'other', qq{SELECT workflow.claim('mail', 'r3', epoch => $epoch{r3})}), qr/^WF00|^WF018: /, 'and is nobody else');
is(at(340000, 'app', q{SELECT count(*) FROM workflow.claim('mail', 'r4', jobs => '{once}', n => 0 + 1)}), 1, 'others call themselves what they like');
is(at(340000, 'app', qq{SELECT count(*) FROM workflow.claim('mail', 'r3', 5, '1 ms', epoch => $epoch{r3})}), 2, 'it claims');
is($node->safe_psql('postgres', q{SELECT string_agg(lease_until::text, ', ') FROM workflow.runs WHERE worker = 'r3'}),
	'infinity, infinity', 'for as long as it lives');
my $held = at(340000, 'app', q{SELECT workflow.run_job('once', key => 'd')});
is(at(340000, 'app', qq{SELECT count(*) FROM workflow.claim('mail', 'r3', 5, '1 day', epoch => $epoch{r3})}), 1, 'one that is done once at most, too');
is($node->safe_psql('postgres', q{SELECT in_flight FROM workflow.runtimes WHERE id = 'r3'}), 3, 'that shows');
$node->safe_psql('postgres', q{CREATE TABLE zombie AS SELECT id, fence FROM workflow.run WHERE worker = 'r3'; GRANT SELECT ON zombie TO app});

# It spoke last in the first half of second 300.
my $second = at(358000, 'app', qq{SELECT workflow.heartbeat('r1', $epoch{r1}), workflow.heartbeat('r2', $epoch{r2})});
is($second, 't|t', 'the others live');
is(at(358000, 'app', qq{SELECT count(*) FROM workflow.service_turn('r1', $epoch{r1})}), 0, 'nobody is recovered who may live');
is(state_of('r3'), 'alive', 'it lives');
like(refused(358000, 'postgres', q{SELECT workflow.recover('r3', 'r1')}), qr/^WF017: /, 'not by hand either');

# Nobody judged in time, so the machine may have slept: everybody has as long again.
at(420500, 'app', qq{SELECT workflow.heartbeat('r1', $epoch{r1}), workflow.heartbeat('r2', $epoch{r2})});
is(at(420600, 'app', qq{SELECT count(*) FROM workflow.service_turn('r1', $epoch{r1})}), 0, 'who judges too late gives grace first');
is(state_of('r3'), 'alive', 'it lives still');
play([qw(r1 r2)], 421000, 481000);
my ($turn) = $node->safe_psql('postgres', q{SELECT id FROM turn WHERE kind = 'service' ORDER BY at DESC LIMIT 1});
my $taken = at(481100, 'app', qq{SELECT mine FROM workflow.take_turn('r1', $epoch{r1}, 'service')}) eq 't' ? 'r1' : 'r2';
my $recovered = at(481100, 'app', qq{SELECT string_agg(format('%s %s %s', t.runtime, n.key, t.decision), ', ' ORDER BY t.decision)
	FROM workflow.service_turn('$taken', $epoch{$taken}) t JOIN workflow.runs n ON n.run = t.process_or_run});
$recovered = at(481100, 'postgres', q{SELECT string_agg(format('%s %s', runtime, decision), ', ' ORDER BY decision) FROM workflow.recover('r3', 'r1')})
	unless $recovered;
like($recovered, qr/r3.* fail, r3.* retry, r3.* retry/, 'what it had claimed is decided about by the jobs');
is(state_of('r3'), 'dead', 'and it is dead');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s', key, state), ', ' ORDER BY key) FROM workflow.runs WHERE key IN ('a', 'b', 'd')}),
	'a waiting, b waiting, d failed', 'its runs wait for others, but for that of a job that may be done once only');

# What a zombie does is refused.
is(at(481200, 'app', qq{SELECT workflow.heartbeat('r3', $epoch{r3})}), 'f', 'it hears that its epoch is over');
is(at(481200, 'app', 'SELECT bool_or(workflow.complete(id, fence)) FROM zombie'), 'f', 'and completes nothing');
like(refused(481200, 'app', qq{SELECT workflow.claim('mail', 'r3', epoch => $epoch{r3})}), qr/^WF012: /, 'claims nothing');
like(refused(481200, 'app', qq{SELECT workflow.claim('mail', 'r3')}), qr/^WF012: /, 'not under a false flag either');
foreach my $call ("take_turn('r3', $epoch{r3})", "service_turn('r3', $epoch{r3})", "shutdown_runtime('r3', $epoch{r3})")
{
	like(refused(481200, 'app', "SELECT workflow.$call"), qr/^WF012: /, "refused: $call");
}
is(at(481200, 'app', qq{SELECT count(*) FROM workflow.claim('mail', 'r1', 5, '1 day', epoch => $epoch{r1})}), 2, 'others claim its runs');
is(at(481200, 'app', 'SELECT bool_or(workflow.complete(id, fence)) FROM zombie'), 'f', 'which are not its own any more');

# ---- begin again, and end

my $again = register(482000, 'r3');
isnt($again, $epoch{r3}, 'it begins a new life');
is(at(482000, 'app', qq{SELECT workflow.heartbeat('r3', $epoch{r3}), workflow.heartbeat('r3', $again)}), 'f|t', 'by a new epoch');
is(at(482000, 'app', qq{SELECT workflow.shutdown_runtime('r1', $epoch{r1})}), '', 'one ends');
is(state_of('r1'), 'dead', 'it is dead');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s %s', key, workflow.run_state(state), attempts), ', ' ORDER BY key) FROM workflow.run WHERE key IN ('a', 'b')}),
	'a waiting 0, b waiting 0', 'and gives back what it had, without an attempt');
like(refused(482000, 'app', qq{SELECT workflow.remove_runtime('r1')}), qr/^42501: /, 'only administrators forget runtimes');
like(refused(482000, 'postgres', q{SELECT workflow.remove_runtime('r2')}), qr/^WF017: .* is alive/, 'and none that lives');
$node->safe_psql('postgres', q{SELECT workflow.remove_runtime('r1')});
is(state_of('r1'), '', 'one is forgotten');
is(at(482000, 'app', qq{SELECT workflow.heartbeat('r1', $epoch{r1})}), 'f', 'and fenced');
like(refused(482000, 'other', q{SELECT workflow.register_runtime('r2')}), qr/^WF018: .*another role/, 'an id is its role\'s');
like(refused(482000, 'other', qq{SELECT workflow.heartbeat('r2', $epoch{r2})}), qr/^WF018: /, 'so are its beats');
like(refused(482000, 'other', qq{SELECT workflow.shutdown_runtime('r2', $epoch{r2})}), qr/^WF018: /, 'and its end');

# Whoever registers under an id that lives hears after three intervals what that one is.
is(at(483000, 'app', qq{SELECT workflow.heartbeat('r2', $epoch{r2})}), 't', 'one lives');
my $ask = q{SELECT COALESCE(epoch::text, 'none'), state, wait FROM workflow.register_runtime('r2', fingerprint => 'new')};
is(at(483100, 'app', $ask), 'none|alive|00:00:03', 'another one is to come again');
is(at(484000, 'app', $ask), 'none|alive|00:00:02.1', 'and again');
at(484500, 'app', qq{SELECT workflow.heartbeat('r2', $epoch{r2})});
like(refused(486200, 'app', $ask), qr/^WF018: runtime "r2" lives/, 'the one before has beaten since');
is(at(486300, 'app', $ask), 'none|alive|00:00:03', 'it asks once more');
like(at(489400, 'app', $ask), qr/^\d+\|alive\|00:00:00$/, 'and the one before was silent: it was itself');
is(at(489400, 'app', qq{SELECT workflow.heartbeat('r2', $epoch{r2})}), 'f', 'whose life is over');
like(at(489500, 'app', $ask), qr/^\d+\|/, 'who has the fingerprint of the one that lives registers at once');

# A claim that commits when the life of its runtime is over is undone.
my $late = at(489600, 'app', $ask) =~ s/\|.*//r;
my $slow = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
$slow->query_safe(qq{SET workflow.test_steady_clock = 489600; BEGIN; SELECT workflow.claim('mail', 'r2', epoch => $late)});
at(489700, 'app', $ask);
$slow->query('COMMIT');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.run WHERE worker = 'r2'}), 0, 'a claim of a life that is over by its commit is undone');
$slow->quit;

# What is rolled back has not happened, what is prepared is refused.
is(as($node, 'app', q{BEGIN; SELECT state FROM workflow.register_runtime('r5'); ROLLBACK}), 'alive', 'one registers, and rolls back');
is(state_of('r5'), '', 'it is not there');
is(as($node, 'app', q{BEGIN; SAVEPOINT s; SELECT state FROM workflow.register_runtime('r5'); ROLLBACK TO s;
	SELECT workflow.heartbeat('r5', 1); COMMIT}), "alive\nf", 'nor with a savepoint');
like(refusal($node, 'app', q{BEGIN; SELECT workflow.register_runtime('r5'); PREPARE TRANSACTION 'p'}), qr/^0A000: /, 'PREPARE TRANSACTION is refused');
like(refusal($node, 'app', q{BEGIN; SELECT workflow.register_runtime('r5'); SELECT workflow.heartbeat('r5', 1)}), qr/^55000: /, 'nobody beats before the commit');

# Places are counted.
at(490000, 'app', "SELECT workflow.register_runtime('x$_')") foreach 1 .. 10;
like(refused(490000, 'app', q{SELECT workflow.register_runtime('x11')}), qr/^53400: there are too many runtimes/, 'there are places for twelve');
is(state_of('x11'), '', 'one more is not there');

# Ten of them have turns in a row.
$epoch{$_} = $node->safe_psql('postgres', "SELECT epoch FROM workflow.runtimes WHERE id = '$_'") foreach map { "x$_" } 1 .. 10;
$node->safe_psql('postgres', 'TRUNCATE turn');
play([ map { "x$_" } 1 .. 10 ], 491000, 640000);
is(gaps('timer', 520000, 640000), '1000 ms: 119', 'with ten runtimes somebody has a turn each second');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT id) FROM turn WHERE at > 520000'), 10, 'each of them');
play([ map { "x$_" } 1 .. 9 ], 640000, 655000);
is(long_gaps(625000, 655000), '1 of 28', 'one that is silent costs one turn');

# ---- roles and approval

at(655000, 'app', qq{SELECT workflow.set_runtime_role('x1', 'interface')});
is(at(655100, 'app', qq{SELECT ok, mine, next_in IS NULL, role FROM workflow.beat('x1', $epoch{x1})}), 't|f|t|interface', 'an interface has no turns');
like(refused(655100, 'app', qq{SELECT workflow.claim('mail', 'x1', epoch => $epoch{x1})}), qr/^WF002: /, 'and claims nothing');
at(655100, 'app', qq{SELECT workflow.shutdown_runtime('x1', $epoch{x1})});
$epoch{x1} = register(655150, 'x1');
is(at(655150, 'app', qq{SELECT role FROM workflow.beat('x1', $epoch{x1})}), 'interface', 'nor does it when it comes back');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('approve_runtimes', 'on')});
at(655200, 'app', qq{SELECT workflow.shutdown_runtime('x2', $epoch{x2})});
my $new = register(655200, 'y');
is(at(655200, 'app', qq{SELECT ok, mine, next_in IS NULL FROM workflow.beat('y', $new)}), 't|f|t', 'one that was not approved yet has no turns');
like(refused(655200, 'app', qq{SELECT workflow.claim('mail', 'y', epoch => $new)}), qr/^WF002: /, 'and claims nothing');
$node->safe_psql('postgres', q{SELECT workflow.approve_runtime('y')});
is(at(655200, 'app', qq{SELECT count(*) FROM workflow.claim('mail', 'y', epoch => $new)}), 1, 'one that was does');

# ---- a name that is a worker's of another role

as($node, 'app', q{SELECT workflow.grant_on('queue:mail', 'other', 'claim')});
at(655250, 'app', q{SELECT workflow.run_job('letter', key => 'theirs')});
is(at(655250, 'other', q{SELECT count(*) FROM workflow.claim('mail', 'theirs', 1)}), 1, 'a worker of another role has a run');
like(refused(655250, 'app', q{SELECT workflow.register_runtime('theirs')}), qr/^WF018: a worker of another role/, 'no runtime takes its name');
my $unseen = $node->background_psql('postgres', extra_params => [ '-U', 'other' ]);
at(655250, 'app', q{SELECT workflow.run_job('letter', key => 'unseen')});
$unseen->query_safe(q{BEGIN; SELECT workflow.claim('mail', 'unseen', 1)});
at(655250, 'app', qq{SELECT workflow.shutdown_runtime('x4', $epoch{x4})});
my $taken_name = at(655250, 'app', q{SELECT epoch FROM workflow.register_runtime('unseen')});
$unseen->query_safe('COMMIT');
$unseen->quit;
at(655250, 'app', qq{SELECT workflow.shutdown_runtime('unseen', $taken_name)});
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runs WHERE worker = 'unseen'}), 'running', 'and what one claims is not what a runtime of that name gives back');

# ---- one that is recovered by another one, which lives, and has no turns any more

at(655300, 'app', q{SELECT workflow.run_job('letter', key => 'x3')});
is(at(655300, 'app', qq{SELECT count(*) FROM workflow.claim('mail', 'x3', 1, '1 day', epoch => $epoch{x3})}), 1, 'one claims');
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM workflow.run WHERE worker = 'x3' FOR UPDATE) n});
at(800000, 'app', qq{SELECT workflow.heartbeat('y', $new)});
is(at(800000, 'postgres', q{SELECT count(*) FROM workflow.recover('x3', 'y')}), 0, 'its run is locked when it is recovered');
is($node->safe_psql('postgres', q{SELECT state, restorer FROM workflow.runtimes WHERE id = 'x3'}), 'restore|y', 'so that it is not through');
$holder->quit;
at(800000, 'app', q{SELECT workflow.set_runtime_role('y', 'interface')});

# ---- with the workers of the server, by the real clock: three seconds of silence, where somebody is to die

sub set_skipped
{
	my ($n) = @_;

	$node->safe_psql('postgres', "SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '$n')");
	return;
}
$node->safe_psql('postgres', q{SELECT workflow.set_setting('approve_runtimes', NULL), workflow.set_setting('alive_signal_interval', '500 ms')});
set_skipped(6);
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.runtimes WHERE kind = 'local'}), 0, 'without workers the server is no runtime');
$node->append_conf('postgresql.conf', "workflow.enabled = on\nworkflow.runtime_id = 'here'");
$node->restart;
my $beating = $node->background_psql('postgres', on_error_stop => 0);
my $beats_at = $beating->query_safe('SELECT pg_backend_pid()');
$beating->{stdin} .= "DO 'BEGIN LOOP PERFORM workflow.heartbeat(''y'', $new); COMMIT; PERFORM pg_sleep(0.1); END LOOP; END';\n";
$beating->{run}->pump_nb();
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runtimes WHERE kind = 'local' AND id = 'here' AND state = 'alive' AND last_heartbeat IS NOT NULL},
	'the server to register itself');
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'x3'}, 'the server to go on with what one had begun who lives');
is(state_of('y'), 'alive', 'which lives still');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runs WHERE key = 'x3'}), 'waiting', 'nothing of what it had is left');
like(refusal($node, 'app', q{SELECT workflow.register_runtime('here')}), qr/^WF018: .*the server that holds the database/, 'its id is its own');
like(refusal($node, 'postgres', q{SELECT workflow.shutdown_runtime('here', (SELECT epoch FROM workflow.runtimes WHERE id = 'here'))}),
	qr/^WF018: /, 'so is its end');

# Whoever was alive before the start has grace, and then dies of silence, without anybody asking.
$node->safe_psql('postgres', "SELECT pg_terminate_backend($beats_at)");
eval { $beating->quit };
wait_for($node, q{SELECT count(*) = 0 FROM workflow.runtimes WHERE kind = 'application' AND state <> 'dead'}, 'those of before the start to die');

sub beats
{
	my ($id, $epoch) = @_;

	return as($node, 'app', "SELECT workflow.heartbeat('$id', $epoch)");
}
set_skipped(1000);
$epoch{z} = as($node, 'app', q{SELECT epoch FROM workflow.register_runtime('z')});
as($node, 'app', q{SELECT workflow.run_job('letter', key => 'z')});
is(as($node, 'app', qq{SELECT count(*) > 0 FROM workflow.claim('mail', 'z', 10, '1 day', epoch => $epoch{z})}), 't', 'one claims');
my $began = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
is(beats('z', $epoch{z}), 't', 'and beats');
wait_for($node, q{SELECT state = 'alive' AND NOT connected FROM workflow.runtimes WHERE id = 'z'}, 'its session to have gone, which is no death');
set_skipped(6);
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'z'}, 'it to be recovered');
my $took = $node->safe_psql('postgres', qq{SELECT extract(epoch FROM since - '$began'::timestamptz) FROM workflow.runtimes WHERE id = 'z'});
cmp_ok($took, '>=', 3, 'not before it was silent for three seconds');
note("dead after $took s");
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.run WHERE worker = 'z'}), 0, 'nothing is its own any more');
is(beats('z', $epoch{z}), 'f', 'it is fenced');

# What others have locked is decided about soon after they have let it go, whatever sweeps do.
$node->safe_psql('postgres', q{ALTER SYSTEM SET workflow.sweep_interval = '1d'; SELECT pg_reload_conf()});
set_skipped(1000);
$epoch{z} = as($node, 'app', q{SELECT epoch FROM workflow.register_runtime('z')});
as($node, 'app', q{SELECT workflow.run_job('letter', key => 'locked')});
is(as($node, 'app', qq{SELECT count(*) > 0 FROM workflow.claim('mail', 'z', 10, '1 day', epoch => $epoch{z})}), 't', 'one claims');
$holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM workflow.run WHERE worker = 'z' FOR UPDATE) n});
set_skipped(6);
wait_for($node, q{SELECT state = 'restore' FROM workflow.runtimes WHERE id = 'z'}, 'it to be recovered, but for what is locked');
$holder->quit;
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'z'}, 'the rest to be recovered');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.run WHERE worker = 'z'}), 0, 'nothing is its own any more');
set_skipped(1000);
$epoch{z} = as($node, 'app', q{SELECT epoch FROM workflow.register_runtime('z')});
as($node, 'app', q{SELECT workflow.run_job('letter', key => 'kept')});
is(as($node, 'app', qq{SELECT count(*) > 0 FROM workflow.claim('mail', 'z', 10, '1 day', epoch => $epoch{z})}), 't', 'one claims');
$holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM workflow.run WHERE worker = 'z' FOR UPDATE) n});
as($node, 'app', "SELECT workflow.shutdown_runtime('z', $epoch{z})");
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM workflow.run WHERE worker = 'z'}), 't', 'one ends, and cannot give back what is locked');
$holder->quit;
wait_for($node, q{SELECT count(*) = 0 FROM workflow.run WHERE worker = 'z'}, 'that to be taken from it');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET workflow.sweep_interval; SELECT pg_reload_conf()});

# A start gives grace once: a minute of it.
set_skipped(120);
$epoch{z} = as($node, 'app', q{SELECT epoch FROM workflow.register_runtime('z')});
is(beats('z', $epoch{z}), 't', 'one lives');
$node->restart;
wait_for($node, q{SELECT graced FROM workflow.runtime WHERE id = 'z'}, 'its grace to be noted');
is($node->safe_psql('postgres', q{SELECT state, last_heartbeat, connected FROM workflow.runtimes WHERE id = 'z'}), 'alive||', 'it has said nothing since');
is(beats('z', $epoch{z}), 't', 'its epoch outlives a start of the server');
is($node->safe_psql('postgres', q{SELECT graced FROM workflow.runtime WHERE id = 'z'}), 'f', 'it has said something since');
$node->restart;
wait_for($node, q{SELECT graced FROM workflow.runtime WHERE id = 'z'}, 'its grace to be noted');
$node->restart;
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'z'}, 'it to be dead');
is($node->safe_psql('postgres', q{SELECT since - pg_postmaster_start_time() < '50 s' FROM workflow.runtimes WHERE id = 'z'}), 't',
	'the second start in silence gives none');
set_skipped(6);

# The server that held the database before is another runtime.
sub is_done_by
{
	my ($runtime) = @_;
	my $run = as($node, 'app', q{SELECT workflow.run_job('sum')});

	wait_for($node, qq{SELECT state = 'finished' FROM workflow.get_run('$run')}, 'a run to be done here');
	is($node->safe_psql('postgres', qq{SELECT runtime FROM workflow.get_run('$run')}), $runtime, "by $runtime");
	return $run;
}
as($node, 'app', q{SELECT workflow.create_job('sum', 'SELECT 1 + 1')});
my $done = is_done_by('here');
$node->append_conf('postgresql.conf', q{workflow.runtime_id = 'there'});
$node->restart;
wait_for($node, q{SELECT string_agg(format('%s %s', id, state), ', ' ORDER BY id) = 'here dead, there alive' FROM workflow.runtimes WHERE kind = 'local'},
	'the server to be another one');
is_done_by('there');
is($node->safe_psql('postgres', qq{SELECT state, runtime FROM workflow.get_run('$done')}), 'finished|', 'what was done before may be that of another one');

# Rights on a runtime are those of its role, which may be dropped.
$node->safe_psql('postgres', q{CREATE ROLE brief LOGIN IN ROLE workflow_user, workflow_runtime});
as($node, 'brief', q{SELECT workflow.register_runtime('brief')});
$node->safe_psql('postgres', q{DROP ROLE brief});
like(refusal($node, 'app', q{SELECT workflow.register_runtime('brief')}), qr/^WF018: /, 'a runtime of nobody is nobody else\'s');
wait_for($node, q{SELECT state = 'dead' FROM workflow.runtimes WHERE id = 'brief'}, 'it to be dead');
$node->safe_psql('postgres', q{SELECT workflow.remove_runtime('brief')});

# DROP EXTENSION, and another one in its place.
set_skipped(1000);
$epoch{z} = as($node, 'app', q{SELECT epoch FROM workflow.register_runtime('z')});
is(beats('z', $epoch{z}), 't', 'one lives');
as($node, 'app', q{
	SELECT workflow.create_job('last', queue => 'mail');
	SELECT workflow.run_job('last')});
is($node->safe_psql('postgres', q{BEGIN;
	SET LOCAL SESSION AUTHORIZATION app;
	SELECT count(*) > 0 FROM workflow.runtimes r, workflow.claim('mail', r.id, epoch => r.epoch) WHERE r.id = 'z';
	RESET SESSION AUTHORIZATION;
	SET client_min_messages = warning; DROP EXTENSION workflow CASCADE; COMMIT; CREATE EXTENSION workflow}), 't', 'who has claimed may drop it');
is(beats('z', $epoch{z}), 'f', 'in another extension it does not');

$node->stop;
done_testing();
