# Traces with executors and a worker: each span has its parent, whatever did it, also after a
# crash in the middle; nothing stays in an executor. What transactions have written that took long, or were
# prepared, is told once, by a standby too. doc/clients/spans.py tells all of it to a collector that is away and refuses
# at times, and is killed. A copy tells nothing that happened before.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $temp = PostgreSQL::Test::Utils::tempdir;
my $python = '/usr/bin/python3';
my $main = $$;
my %alive;

END
{
	if ($$ == $main)
	{
		my $status = $?;
		kill 'KILL', keys %alive;
		$? = $status;
	}
}

my $node = workflow_node('trace', 'workflow.max_executors = 1', 'workflow.max_job_executors = 1', 'workflow.retry_delay = 10ms',
	'restart_after_crash = on', 'autovacuum = off', 'wal_level = replica', 'max_wal_senders = 4');
$node->safe_psql('postgres', 'CREATE SCHEMA clerk AUTHORIZATION clerk; CREATE ROLE watcher LOGIN; GRANT workflow_monitor TO watcher');

# where code is, and what it was called for
as($node, 'clerk', q{
	CREATE TABLE seen (what text, context text);
	CREATE FUNCTION see(what text) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO clerk.seen VALUES (what, current_setting('workflow.traceparent')) $$;
	CREATE FUNCTION note(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$ SELECT clerk.see(event ->> 'type') $$;
	CREATE FUNCTION atomic(params jsonb) RETURNS text LANGUAGE sql AS $$ SELECT clerk.see('atomic'); SELECT current_setting('workflow.traceparent') $$;
	CREATE PROCEDURE tracked(params jsonb) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM clerk.see('first');
		COMMIT;
		SET workflow.traceparent = '';
		COMMIT;
		PERFORM clerk.see('second');
	END $$;
	CREATE FUNCTION fail(params jsonb) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more paper'; END $$;
	CREATE FUNCTION crash(params jsonb) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM clerk.see('crash');
		IF NOT EXISTS (SELECT FROM clerk.goes_on) THEN PERFORM pg_sleep(3600); END IF;
		RETURN 1;
	END $$;
	CREATE TABLE goes_on ();
	SELECT workflow.create_job('atomic', 'atomic', result => 'text');
	SELECT workflow.create_job('tracked', 'tracked', mode => 'tracked', retry => '[]');
	SELECT workflow.create_job('fail', 'fail', retry => '[{"errors": "*", "intervalSeconds": 0.01, "maxAttempts": 2}]');
	SELECT workflow.create_job('crash', 'crash', mode => 'tracked');
	SELECT workflow.create_queue('desk');
	SELECT workflow.create_job('form', queue => 'desk');
	SELECT workflow.define('{"id": "part", "initial": "a", "states": {
		"a": {"invoke": {"job": "tracked", "onDone": "b"}}, "b": {"type": "final", "entry": "note"}}}');
	SELECT workflow.define('{"id": "order", "initial": "open", "states": {
		"open": {"entry": "note", "on": {"go": {"target": "busy", "actions": "note"}}, "after": {"1 hour": "end"}},
		"busy": {"type": "parallel", "onDone": "end", "states": {
			"part": {"initial": "on", "states": {"on": {"invoke": {"src": "part", "onDone": "off"}}, "off": {"type": "final"}}},
			"run": {"initial": "on", "states": {"on": {"invoke": {"job": "atomic", "onDone": "off"}}, "off": {"type": "final"}}},
			"desk": {"initial": "on", "states": {"on": {"invoke": {"job": "form", "onDone": "off"}}, "off": {"type": "final"}}}}},
		"end": {"type": "final", "entry": "note"}}}')});

sub context { my ($trace, $span) = @_; return '00-' . $trace x 32 . '-' . $span x 16 . '-01'; }

# All spans that a role is told, each a hash.
sub spans
{
	my ($arguments, $role, $server) = @_;
	my $rows = as($server // $node, $role // 'clerk', "SELECT COALESCE(json_agg(s), '[]') FROM workflow.spans($arguments) s");

	return @{ decode_json($rows) };
}

# --- a chart, its child, its runs and a worker -----------------------------------------------------------

my ($started, $sent) = (context('a', '1'), context('b', '2'));
my $process = as($node, 'clerk', "SELECT workflow.start('order', traceparent => '$started', at => now())");
wait_for($node, "SELECT states = '{open}' FROM workflow.processes WHERE id = '$process'", 'its start');
as($node, 'clerk', "BEGIN; SET LOCAL workflow.traceparent = '$sent'; SELECT workflow.send('$process', 'go'); COMMIT");
wait_for_count($node, 1, q{workflow.runs WHERE job = 'form' AND state = 'waiting'});
my ($run, $fence, $given) = split /\|/, as($node, 'clerk', q{SELECT run, fence, traceparent FROM workflow.claim('desk', 'outside')});
like($given, qr/^00-b{32}-[0-9a-f]{16}-01$/, 'a worker is told where it is');
as($node, 'clerk', "SET workflow.traceparent = '$given'; SELECT workflow.run_job('atomic', key => 'of the worker')");
as($node, 'clerk', "SELECT workflow.complete('$run', $fence)");
wait_for($node, "SELECT status = 'finalized' FROM workflow.processes WHERE id = '$process'", 'its end');
wait_for_count($node, 0, q{workflow.run});

# an untraced one after it, in the same executors
as($node, 'clerk', q{SELECT workflow.run_job(j) FROM unnest('{atomic,tracked}'::text[]) j; SELECT workflow.start('part', at => now())});
wait_for_count($node, 0, q{workflow.run});
wait_for_count($node, 0, q{workflow.processes WHERE status <> 'finalized'});

my @spans = spans('');
my %span = map { $_->{span_id} => $_ } @spans;
is(scalar keys %span, scalar @spans, 'each span has an id of its own');
my @tree = map { my $p = $span{ $_->{parent_span_id} }; join ' ', substr($_->{trace_id}, 0, 1), $_->{name}, '<', $p ? $p->{name} : substr($_->{parent_span_id}, 0, 1) } @spans;
is_deeply([ sort @tree ], [ sort
	'a order < 1', 'a order workflow.start < order',
	'b order go < 2', 'b part < order go', 'b part workflow.start < part', 'b tracked < part workflow.start', 'b part done.invoke.a.0 < tracked',
	'b order done.invoke.busy.part.on.0 < part done.invoke.a.0', 'b atomic < order go', 'b order done.invoke.busy.run.on.0 < atomic',
	'b form < order go', 'b atomic < form', 'b order done.invoke.busy.desk.on.0 < form' ], 'the spans hang together');
my ($as_run) = grep { $_->{name} eq 'form' } @spans;
is($given, "00-$as_run->{trace_id}-$as_run->{span_id}-01", 'what the worker was told is the span of its run');
is_deeply([ grep { $_->{started_at} gt $_->{ended_at} } @spans ], [], 'none ends before it begins');

# the code of each, in order, but for what two executors did at once
my %of = map { $_->{attributes}{'workflow.event'} // $_->{name} => "00-$_->{trace_id}-$_->{span_id}-01" } @spans;
my $seen = as($node, 'clerk', q{SELECT json_object_agg(what, contexts) FROM (SELECT what, json_agg(context) AS contexts FROM seen GROUP BY what) s});
$seen = decode_json($seen);
is_deeply($seen->{first}, [ $of{tracked}, '', '' ], 'a tracked run is in its span, and the next one in none');
is_deeply($seen->{second}, [ '', '', '' ], 'which it may leave');
is_deeply([ sort @{ $seen->{atomic} } ], [ sort '', map { "00-$_->{trace_id}-$_->{span_id}-01" } grep { $_->{name} eq 'atomic' } @spans ], 'so are others');
is_deeply($seen->{go}, [ $of{go} ], 'a command of a session, too');
is_deeply($seen->{'workflow.start'}, [ "00-" . 'a' x 32 . '-' . (grep { $_->{name} eq 'order workflow.start' } @spans)[0]{span_id} . '-01' ], 'and a start');

# what is set for its role counts for sessions of clients: an executor is in no trace of its own
$node->safe_psql('postgres', "TRUNCATE clerk.seen; ALTER ROLE clerk SET workflow.traceparent = '" . context('7', '7') . "'");
$node->restart;
as($node, 'clerk', q{SET workflow.traceparent = ''; SELECT workflow.run_job(j) FROM unnest('{tracked,atomic,tracked}'::text[]) j; SELECT workflow.start('part', at => now())});
wait_for_count($node, 0, q{workflow.run});
wait_for_count($node, 0, q{workflow.processes WHERE status <> 'finalized'});
is(as($node, 'clerk', q{SELECT string_agg(DISTINCT '(' || context || ')', ' ') FROM seen}), '()', 'what is set for a role is not the trace of its runs');
$node->safe_psql('postgres', 'ALTER ROLE clerk RESET workflow.traceparent');

# --- attempts, and a crash in the middle -----------------------------------------------------------------------

as($node, 'clerk', "SELECT workflow.run_job('fail', traceparent => '" . context('c', '3') . "')");
wait_for_count($node, 1, q{workflow.runs WHERE job = 'fail' AND state = 'failed'});
my ($failed) = grep { $_->{name} eq 'fail' } spans('');
is_deeply([ @$failed{qw(status status_message)}, $failed->{attributes}{'workflow.attempts'} ], [ 'error', 'no more paper', 3 ], 'attempts are one span');

# a child that fails: its events came in no context of their own
as($node, 'clerk', q{
	CREATE FUNCTION broken(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
	SELECT workflow.define(json_build_object('id', id, 'initial', 'a', 'on_error', json_build_object('then', 'terminate'), 'states', states))
	FROM (VALUES ('stillborn', '{"a": {"entry": "broken"}}'::json), ('mortal', '{"a": {"on": {"die": {"actions": "broken"}}}}')) d(id, states);
	SELECT workflow.define('{"id": "elder", "initial": "open", "states": {
		"open": {"on": {"stillborn": "stillborn", "mortal": "mortal"}},
		"stillborn": {"invoke": {"id": "child", "src": "stillborn", "onError": "end"}},
		"mortal": {"invoke": {"id": "child", "src": "mortal", "onError": "end"}}, "end": {"type": "final"}}}')});
foreach my $child ('stillborn', 'mortal')
{
	my $elder = as($node, 'clerk', q{SELECT workflow.start('elder')});
	my $of_child = "FROM workflow.processes c WHERE c.parent = '$elder'";

	as($node, 'clerk', "SELECT workflow.send('$elder', '$child', traceparent => '" . context('f', '5') . "')");
	wait_for($node, "SELECT EXISTS (SELECT $of_child AND c.status <> 'initialized')", "the child of $child");
	as($node, 'clerk', "SELECT workflow.post(c.id, 'die') $of_child") if $child eq 'mortal';
	wait_for($node, "SELECT status = 'finalized' FROM workflow.processes WHERE id = '$elder'", "the end of $child");
	my %told = map { $_->{span_id} => $_ } spans('');
	my ($hears) = grep { $_->{name} eq 'elder error.invoke.child' && $_->{attributes}{'workflow.process'} eq $elder } values %told;
	is($hears && "$hears->{trace_id} $told{$hears->{parent_span_id}}{name}", 'f' x 32 . ($child eq 'stillborn' ? ' elder stillborn' : ' mortal'),
		"who hears that a child has failed is in its trace: $child");
}

my $crash = as($node, 'clerk', "SELECT workflow.run_job('crash', traceparent => '" . context('d', '4') . "')");
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')}, 'it is under way');
is(scalar(grep { $_->{name} eq 'crash' } spans('')), 0, 'a run that is under way has no span yet');
as($node, 'clerk', 'INSERT INTO goes_on DEFAULT VALUES');
$node->stop('immediate');
$node->start;
wait_for_count($node, 1, q{workflow.runs WHERE job = 'crash' AND state = 'finished'});
my @again = spans('');
my ($crashed) = grep { $_->{name} eq 'crash' } @again;
is("$crashed->{parent_span_id} $crashed->{attributes}{'workflow.losses'}", '4' x 16 . ' 1', 'one that was lost with the server has one');
is(as($node, 'clerk', q{SELECT string_agg(context, ' ') FROM seen WHERE what = 'crash'}), "00-$crashed->{trace_id}-$crashed->{span_id}-01",
	'which is where its code was');
is(scalar(grep { exists $span{ $_->{span_id} } } @again), scalar @spans, 'the ids of all others are the same');

# --- a runtime ------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'GRANT workflow_runtime TO clerk');
my $epoch = as($node, 'clerk', q{SELECT epoch FROM workflow.register_runtime('far')});
as($node, 'clerk', q{
	SELECT workflow.create_queue('far', placement => '{runtime:far}');
	SELECT workflow.create_job('placed', 'SELECT 1', queue => 'far');
	SELECT workflow.run_job('placed', traceparent => '} . context('8', '1') . q{')});
my ($placed, $held, $handed) = split /\|/, as($node, 'clerk', "SELECT run, fence, traceparent FROM workflow.claim_placed('far', $epoch, 1)");
as($node, 'clerk', "SELECT workflow.complete('$placed', $held); SELECT workflow.shutdown_runtime('far', $epoch)");
my ($far) = grep { $_->{name} eq 'placed' } spans('');
is("$handed $far->{parent_span_id}", "00-$far->{trace_id}-$far->{span_id}-01 " . '1' x 16, 'a runtime is told where it is, too');
push @again, $far;

# --- transactions that take long --------------------------------------------------------------------------------

my $position = (spans(''))[0]{position};
is(scalar spans("after => '$position'"), 0, 'behind the position there is nothing');
my $slow = $node->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
$slow->query_safe("BEGIN; SELECT workflow.start('order', key => 'slow', traceparent => '" . context('e', '5') . "')");
as($node, 'clerk', "BEGIN; SELECT workflow.start('order', key => 'prepared', traceparent => '" . context('e', '6') . "'); PREPARE TRANSACTION 'p'");
as($node, 'clerk', "SELECT workflow.start('order', key => 'fast', traceparent => '" . context('e', '7') . "')");
my @new = spans("after => '$position'");
is_deeply([ map { $_->{attributes}{'workflow.key'} } @new ], ['fast'], 'what is committed is told');
$position = $new[0]{position};
$slow->query_safe('COMMIT');
$slow->quit;
@new = spans("after => '$position'");
is_deeply([ map { $_->{attributes}{'workflow.key'} } @new ], ['slow'], 'what began before and is committed later is told later');
$position = $new[0]{position};
is(scalar spans("after => '$position'"), 0, 'once');
$node->restart;
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
@new = spans("after => '$position'");
is_deeply([ map { $_->{attributes}{'workflow.key'} } @new ], ['prepared'], 'also what was prepared, after a restart');
is(scalar spans(''), scalar(@again) + 3, 'all are there');
is(scalar spans('', 'watcher'), scalar(@again) + 3, 'for a monitor');

# --- a standby ---------------------------------------------------------------------------------------------------

my $standby = PostgreSQL::Test::Cluster->new('trace_standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
as($node, 'clerk', "BEGIN; SELECT workflow.start('order', key => 'prepared 2', traceparent => '" . context('e', '8') . "');
	SAVEPOINT s; SELECT workflow.start('order', key => 'prepared 3', traceparent => '" . context('e', '8') . "'); PREPARE TRANSACTION 'p'");
as($node, 'clerk', "SELECT workflow.start('order', key => 'fast 2', traceparent => '" . context('e', '9') . "')");
$node->wait_for_catchup($standby);
$position = $new[0]{position};
@new = spans("after => '$position'", 'watcher', $standby);
is_deeply([ map { $_->{attributes}{'workflow.key'} } @new ], ['fast 2'], 'a standby tells what is committed');
my $there = $new[0]{position};
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
$node->wait_for_catchup($standby);
@new = spans("after => '$there'", 'watcher', $standby);
is_deeply([ map { $_->{attributes}{'workflow.key'} } @new ], [ 'prepared 2', 'prepared 3' ], 'and what was prepared, when that is');
is(scalar spans("after => '$there'"), 2, 'so does the primary from there');
is(scalar spans("after => '$new[0]{position}'", 'watcher', $standby), 0, 'once');
$standby->stop;

# --- a collector -------------------------------------------------------------------------------------------------

# Keeps each request as a line of a file, or refuses it: with a code, if there is a file of that name;
# or hangs up, if there is a file `away`.
sub collect
{
	my ($socket) = @_;

	$SIG{TERM} = 'DEFAULT';
	while (my $client = $socket->accept)
	{
		next if -e "$temp/away";
		my ($head, $body) = ('', '');
		while (my $line = <$client>)
		{
			$head .= $line;
			last if $line eq "\r\n";
		}
		my ($length) = $head =~ /^content-length: (\d+)/mi or next;
		read($client, $body, $length) == $length or next;
		my $code = (grep { -e "$temp/$_" } 503, 400)[0] // 200;
		my $file;
		open($file, '>>', "$temp/requests.$code") and syswrite($file, "$body\n") and close($file) if $head =~ m{^POST /v1/traces HTTP/1.1\r\n} && $head =~ m{^content-type: application/json\r$}mi;
		print $client "HTTP/1.1 $code Whatever\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
		close($client);
	}
	exit 0;
}

sub start
{
	my ($program) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		$program->();
		POSIX::_exit(1);
	}
	$alive{$pid} = 1;
	return $pid;
}

sub end
{
	my ($pid) = @_;

	kill 'KILL', $pid;
	waitpid $pid, 0;
	delete $alive{$pid};
	return;
}

sub requests
{
	my ($code) = @_;

	return -e "$temp/requests.$code" ? map { decode_json($_) } split /\n/, slurp_file("$temp/requests.$code") : ();
}

# What was taken: all spans, as they were told.
sub taken { return map { @{ $_->{resourceSpans}[0]{scopeSpans}[0]{spans} } } requests(200); }

SKIP:
{
	skip 'no python3-psycopg', 11 if system("$python -c 'import psycopg' >/dev/null 2>&1") != 0;

	my $socket = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1') or die "no socket: $@";
	my $port = $socket->sockport;
	my $exporter = sub
	{
		open(STDERR, '>>', "$temp/exporter.log");
		%ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => 'watcher', OTEL_SERVICE_NAME => 'shop',
			OTEL_EXPORTER_OTLP_ENDPOINT => "http://127.0.0.1:$port/");
		exec $python, "$FindBin::Bin/../../doc/clients/spans.py", "$temp/position", '0.1';
	};
	my %told = map { $_->{span_id} => $_ } spans('');

	# the collector has too much to do at first
	append_to_file("$temp/503", '');
	my $collector = start(sub { collect($socket) });
	my $pid = start($exporter);
	wait_until(sub { -e "$temp/requests.503" }, 'the exporter');
	ok(!-e "$temp/position", 'what was not taken is not noted');
	unlink "$temp/503";
	wait_until(sub { -e "$temp/position" }, 'all to be taken');
	my %taken = map { $_->{spanId} => $_ } taken();
	is_deeply([ sort keys %taken ], [ sort keys %told ], 'all spans are there');

	my $form = $taken{ $as_run->{span_id} };
	is_deeply([ @$form{qw(traceId parentSpanId name kind status links)} ],
		[ 'b' x 32, $as_run->{parent_span_id}, 'form', 5, {}, [] ], 'a run, as OTLP has it');
	like($form->{startTimeUnixNano}, qr/^\d{16}000$/, 'with its times');
	cmp_ok($form->{startTimeUnixNano}, '<=', $form->{endTimeUnixNano}, 'in their order');
	my %attribute = map { $_->{key} => $_->{value} } @{ $form->{attributes} };
	is_deeply([ @attribute{qw(workflow.run workflow.attempts workflow.worker)} ],
		[ { stringValue => $run }, { intValue => '1' }, { stringValue => 'outside' } ], 'and its attributes');
	my ($go) = grep { $_->{name} eq 'order go' } values %taken;
	my ($order) = grep { $_->{name} eq 'order' && $_->{traceId} eq 'a' x 32 } values %taken;
	is_deeply([ @$go{qw(kind links)} ], [ 2, [ { traceId => $order->{traceId}, spanId => $order->{spanId} } ] ], 'a command, with a link');
	is_deeply($taken{ $failed->{span_id} }{status}, { code => 2, message => 'no more paper' }, 'an error');
	is_deeply([ map { $_->{resourceSpans}[0]{resource} } (requests(200))[0] ],
		[ { attributes => [ { key => 'service.name', value => { stringValue => 'shop' } } ] } ], 'who tells it');

	# killed, and begun anew; the server restarts; more than one request; the collector goes away
	end($pid);
	append_to_file("$temp/away", '');
	as($node, 'clerk', q{SELECT count(*) FROM workflow.start_many('part', array_fill(NULL::jsonb, '{300}'), traceparent => '} . context('f', '8') . q{')});
	$pid = start($exporter);
	wait_until(sub { slurp_file("$temp/exporter.log") =~ /without response|reset by peer/i }, 'the exporter to find nobody');
	$node->restart;
	wait_for_count($node, 0, q{workflow.processes WHERE status <> 'finalized' AND definition = 'part'});
	%told = map { $_->{span_id} => $_ } spans('');
	cmp_ok(scalar keys %told, '>', 1200, 'many are there');
	unlink "$temp/away";
	wait_until(sub { my %all = map { $_->{spanId} => 1 } taken(); keys(%all) >= keys(%told) }, 'all to be taken');
	my @taken = taken();
	%taken = map { $_->{spanId} => $_ } @taken;
	is_deeply([ sort keys %taken ], [ sort keys %told ], 'nothing is lost');

	# what a collector refuses for good is left out, and said
	append_to_file("$temp/400", '');
	as($node, 'clerk', "SELECT workflow.start('order', traceparent => '" . context('7', '1') . "')");
	wait_until(sub { slurp_file("$temp/exporter.log") =~ /1 spans were refused/ }, 'a refusal');
	unlink "$temp/400";
	as($node, 'clerk', "SELECT workflow.start('order', traceparent => '" . context('7', '2') . "')");
	wait_until(sub { grep { $_->{traceId} eq '7' x 32 } taken() }, 'what comes after it');
	end($pid);
	end($collector);
}

# --- a copy ---------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'bash', '-c', 'set -o pipefail; pg_dump "$0" | psql -X -q -v ON_ERROR_STOP=1 "$1" >/dev/null',
	$node->connstr('postgres'), $node->connstr('copy') ], 'a copy is made');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
is($node->safe_psql('copy', 'SELECT count(*) FROM workflow.spans()'), '0', 'it tells nothing that happened elsewhere');
as($node, 'clerk', "SELECT workflow.send_by_key('order', 'fast', 'go', traceparent => '" . context('9', '9') . "')", 'copy');
wait_for_in($node, 'copy', q{SELECT count(*) > 1 FROM workflow.spans() WHERE trace_id = repeat('9', 32)}, 'the run of the copy');
is($node->safe_psql('copy', q{SELECT links -> 0 ->> 'trace_id' FROM workflow.spans() WHERE name = 'order go'}), 'e' x 32, 'but knows its traces');
is($node->safe_psql('copy', 'SELECT count(*) FROM workflow.check()'), '0', 'everything fits together');

$node->stop;
done_testing();
