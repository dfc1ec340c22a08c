# The workers of doc/clients, as they stand there, do real runs, all languages at once: one that
# sleeps through its lease, one that is killed, connections that are lost and a server that goes down
# cost no run, and none is done twice here. A sink hears what HTTP and mail workers say.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use POSIX qw(setpgid WNOHANG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Examples;
use WorkflowTest;

my $doc = "$FindBin::Bin/../../doc";
my $temp = PostgreSQL::Test::Utils::tempdir;
my $jar = '/usr/share/java/postgresql.jar';
my $go = '/usr/share/gocode';
my $modules = ($ENV{WORKFLOW_NODE} // '') . '/node_modules';
my $python = '/usr/bin/python3';
my $main = $$;
my ($node, %alive);

# Those processes lead groups of their own, which are killed with all that they have started.
$SIG{TERM} = $SIG{INT} = sub { exit 1 };
END
{
	if ($$ == $main)
	{
		my $status = $?;
		kill 'KILL', -$_ foreach keys %alive;
		$? = $status;
	}
}

# --- which languages there are ----------------------------------------------------------------

sub works { my (@command) = @_; return system("@command >/dev/null 2>&1") == 0; }

my %missing = (
	psql => '',
	python => works("$python -c 'import psycopg'") ? '' : 'no python3-psycopg',
	node => -d "$modules/pg" && works('node --version') ? '' : 'no WORKFLOW_NODE with pg, see test/setup',
	go => -d "$go/src/github.com/lib/pq" && works('go version') ? '' : 'no golang-go and golang-github-lib-pq-dev',
	java => -e $jar && works('javac -version') ? '' : 'no default-jdk-headless and libpostgresql-jdbc-java');
my @kinds = grep { !$missing{$_} } sort keys %missing;

# Begins while the server is made; all others need no build.
my $built;
if (!$missing{go})
{
	$built = start_program('build', { GO111MODULE => 'off', GOPATH => $go, GOCACHE => "$temp/go", GOFLAGS => '', CGO_ENABLED => '0' },
		'go', 'build', '-o', "$temp/charge", "$doc/clients/go/worker.go", "$doc/clients/go/charge.go");
}

# --- processes ----------------------------------------------------------------------------------

# Starts a program in a group of its own; its output is appended to $temp/NAME.log.
sub start_program
{
	my ($name, $environment, @command) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$temp/$name.log");
		open(STDERR, '>&', \*STDOUT);
		%ENV = (%ENV, %$environment);
		exec { $command[0] } @command or POSIX::_exit(1);
	}
	setpgid($pid, $pid);
	$alive{$pid} = $name;
	return $pid;
}

# Waits for the end of a program, which may take as many times the limit; returns its exit status.
sub end_of
{
	my ($pid, $times) = @_;

	for (my $tries = 20 * $PostgreSQL::Test::Utils::timeout_default * ($times // 1); $tries > 0; $tries--)
	{
		if (waitpid($pid, WNOHANG) == $pid)
		{
			my $status = $?;
			kill 'KILL', -$pid;
			delete $alive{$pid};
			return $status;
		}
		usleep(50_000);
	}
	die "$alive{$pid} does not end";
}

# Java says by it that it was told to end.
sub signal_of { my ($status) = @_; return ($status & 127) || ($status >> 8 == 143 ? 0 : $status >> 8); }

sub kill_hard
{
	my ($pid) = @_;

	kill 'KILL', -$pid;
	end_of($pid);
	return;
}

# Stop those that charge, none of them within the transaction of a receipt: its locks would last as long.
sub put_to_sleep
{
	my (@pids) = @_;

	wait_until(sub {
		kill 'STOP', -$_ foreach @pids;
		return 1 if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE relation = 'shop.receipt'::regclass AND mode = 'RowExclusiveLock'}) == 0;
		kill 'CONT', -$_ foreach @pids;
		return 0;
	}, 'workers to sleep without locks');
	return;
}

# Who had runs of a queue was killed: its leases end now.
sub end_leases
{
	my ($queue) = @_;

	$node->safe_psql('postgres', qq{
		SELECT workflow.extend(r.id, r.fence, '1 millisecond') FROM workflow.run r JOIN workflow.queue q ON q.id = r.queue WHERE q.name = '$queue' AND r.fence IS NOT NULL});
	return;
}

$node = workflow_node('clients', "listen_addresses = '127.0.0.1'", 'restart_after_crash = on', 'workflow.sweep_interval = 1s');

my %where = (PGHOST => '127.0.0.1', PGPORT => $node->port, PGDATABASE => 'postgres', PGSSLMODE => 'disable',
	LEASE => 60, NODE_PATH => $modules, PYTHONDONTWRITEBYTECODE => 1);
my $clients = "$doc/clients";
my %command = (
	psql => [ 'bash', "$clients/worker.sh" ],
	python => [ $python, "$clients/charge.py" ],
	node => [ 'node', "$clients/charge.js" ],
	go => [ "$temp/charge" ],
	java => [ 'java', '-XX:TieredStopAtLevel=1', '-cp', $jar, "$clients/Worker.java",
		"jdbc:postgresql://127.0.0.1:$where{PGPORT}/postgres?user=till" ],
	http => [ 'node', "$clients/http.js" ],
	mail => [ $python, "$clients/mail.py" ],
	order => [ $python, "$clients/order.py" ]);

# Those that sleep through it, or do charges and are killed, have a short lease.
sub start_worker
{
	my ($kind, $user, $queue, $lease) = @_;
	my @lease = !$lease ? () : $kind eq 'go' ? ('-lease', "${lease}s") : ();

	return start_program($kind, { %where, PGUSER => $user, $lease ? (LEASE => $lease) : () }, @{ $command{$kind} }, @lease, $queue);
}

# --- what the manual makes, and a queue for each language -------------------------------------------

$node->safe_psql('postgres', 'DROP EXTENSION workflow');

# What the examples of a chapter make, in one session.
sub make_examples
{
	my ($page, $first) = @_;
	my @made = map { $_->{sql} } grep { ($_->{sql} // '') =~ /create_queue/ } examples_of("$doc/$page.md");

	die "no examples in $page.md" unless @made;
	$node->safe_psql('postgres', join("\nRESET ROLE;\nSET ROLE shop;\nSET search_path TO shop;\n", $first, @made));
	return;
}

my ($preparations) = map { $_->{sql} } examples_of("$doc/durable.md");
make_examples('durable', $preparations);
make_examples('workers', '');
as($node, 'shop', q{
	SELECT workflow.cancel_run(run) FROM workflow.runs;
	SELECT workflow.create_queue('till ' || kind), workflow.grant_on('queue:till ' || kind, 'till', 'claim')
	FROM unnest('} . "{@{[ join(',', @kinds) ]}}" . q{'::text[]) kind});

# --- runs ------------------------------------------------------------------------------------------

# How many runs of each kind should have written a receipt.
my %ordered = map { $_ => 0 } @kinds;

# So many more runs for each kind.
sub order_of_all
{
	my ($count, $seconds) = @_;

	as($node, 'shop', join(' UNION ALL ', map { qq{
		SELECT count(*) FROM workflow.run_jobs('charge', (SELECT array_agg(jsonb_build_object('customer', 'ann', 'amount', n, 'seconds', $seconds))
			FROM generate_series($ordered{$_} + 1, $ordered{$_} + $count) n), queue => 'till $_')} } @kinds));
	$ordered{$_} += $count foreach @kinds;
	return;
}

my $of_queue = q{FROM workflow.run r JOIN workflow.queue q ON q.id = r.queue WHERE q.name};

sub wait_until_over
{
	my ($queues, $what) = @_;

	wait_for($node, "SELECT count(*) = 0 $of_queue ~ '$queues'", "the end of runs: $what");
	return;
}

# Until each kind is at work, or has done all.
sub wait_until_at_work
{
	my ($what) = @_;

	wait_for($node, "SELECT count(*) = 0 FROM (SELECT $of_queue ~ '^till ' GROUP BY r.queue HAVING count(r.fence) = 0) r", "work: $what");
	return;
}

# All that was ordered is paid, once.
sub is_paid_once
{
	my ($name) = @_;
	my ($count, $sum) = (0, 0);

	is($node->safe_psql('postgres', q{
		SELECT string_agg(name || ' ' || finished, ', ' ORDER BY name) FROM (SELECT q.name, count(*) finished
			FROM workflow.run_history h JOIN workflow.queue q ON q.id = h.queue
			WHERE q.name ~ '^till ' AND workflow.run_state(h.state) = 'finished' GROUP BY 1) f}),
		join(', ', map { "till $_ $ordered{$_}" } @kinds), "each run has finished: $name");
	foreach my $ordered (values %ordered)
	{
		$count += $ordered;
		$sum += $ordered * ($ordered + 1) / 2;
	}
	is($node->safe_psql('postgres', q{SELECT count(*), sum(amount) FROM shop.receipt}), "$count|$sum", "each receipt is there once: $name");
	return;
}

foreach my $kind (grep { $missing{$_} } sort keys %missing)
{
	SKIP: { skip "no $kind worker on this machine: $missing{$kind}", 1; }
}
if ($built)
{
	# where Go brings no compiled library it compiles that, too
	is(end_of($built, 5), 0, 'go: the worker is built') or diag(slurp_file("$temp/build.log"));
}

# The manual shows programs as they are.
my ($shown) = slurp_file("$doc/durable.md") =~ /^```python\n(.*?)^```/ms;
isnt(index(slurp_file("$clients/order.py"), $shown), -1, 'the program in the chapter is that of the file');

# --- HTTP, mail, durable code begin ------------------------------------------------------------------

my $sink = start_program('sink', {}, $python, "$FindBin::Bin/../data/sinks.py", "$temp/sink.out");
wait_for_file("$temp/sink.out", qr/^ports \d+ \d+$/m);
my (undef, $http_port, $smtp_port) = split /\s+/, slurp_file("$temp/sink.out");

sub wait_for_file
{
	my ($file, $wanted) = @_;

	for (my $tries = 20 * $PostgreSQL::Test::Utils::timeout_default; $tries > 0; $tries--)
	{
		return if -e $file && slurp_file($file) =~ $wanted;
		usleep(50_000);
	}
	die "waited in vain for $wanted in $file";
}

# What the sink has heard of a run.
sub heard
{
	my ($run) = @_;

	return grep { /\Q$run\E/ } split /\n/, slurp_file("$temp/sink.out");
}

# Makes runs, of a key and parameters each.
sub make_runs
{
	my ($job, %params) = @_;

	return map { split / = / } split /\n/, as($node, 'shop',
		join(' UNION ALL ', map { qq{SELECT '$_ = ' || workflow.run_job('$job', '$params{$_}', key => '$_')} } sort keys %params));
}

# How runs have ended: state, failed attempts, code, status.
sub ends
{
	return map { split / = / } split /\n/, $node->safe_psql('postgres', q{
		SELECT run || ' = ' || concat_ws(' ', workflow.run_state(state), attempts, error->>'code', result->>'status') FROM workflow.run_history});
}

%where = (%where, SMTP_HOST => '127.0.0.1', SMTP_PORT => $smtp_port);
my $url = "http://127.0.0.1:$http_port";
my %run;
my $has_node = $missing{node} ? 0 : 1;
my $has_python = !$missing{python};
my %worker;
if ($has_node)
{
	%run = make_runs('http',
		(map { ("post $_" => qq({"method": "POST", "url": "$url/post", "headers": {"X-Test": "yes"}, "body": {"n": $_}})) } 1 .. 10),
		(map { ($_ => qq({"url": "$url/$_"})) } qw(busy broken none elsewhere)),
		slow => qq({"url": "$url/slow", "timeout": 1000}));
	# attempts that last longer than this test, however long that takes
	as($node, 'shop', q{SELECT workflow.create_job('call', queue => 'http', retry => '{"errors": "*", "maxAttempts": 1000, "intervalSeconds": 1}')});
	%run = (%run, make_runs('call', refused => '{"url": "http://127.0.0.1:' . PostgreSQL::Test::Cluster::get_free_port() . '/"}'));
	$worker{http} = start_worker('http', 'postman', 'http');
}
if ($has_python)
{
	%run = (%run, make_runs('mail',
		(map { ($_ => qq({"to": "$_\@example.org", "subject": "Gr\\u00fc\\u00dfe", "text": "Hello.\\n.\\nBye."})) } qw(ann later nobody)),
		lines => '{"to": "ann@example.org", "subject": "a\\nBcc: eve@example.org", "text": ""}'));
	%run = (%run, make_runs('order', told => '{"customer": "told"}', asked => '{"customer": "asked"}',
		patient => '{"customer": "patient", "patience": "1 second"}'));
	as($node, 'shop', qq{SELECT workflow.signal('$run{told}', 'decision', '"no"')});
	$worker{mail} = start_worker('mail', 'postman', 'mail');
	$worker{order} = start_worker('order', 'till', 'orders');
}

# --- work ----------------------------------------------------------------------------------------------

$worker{$_} = start_worker($_, 'till', "till $_") foreach @kinds;
order_of_all(10, 0);
my %unknown = map { split / = / } split /\n/, as($node, 'shop', join(' UNION ALL ', map {
	qq{SELECT '$_ = ' || workflow.run_job('charge', '{"customer": "eve", "amount": 1}', queue => 'till $_')} } @kinds));
wait_until_over('^till ', 'the first ones');
is_paid_once('at work');
my %end = ends();
is($end{ $unknown{$_} }, 'failed 1 23503', "$_: a failure has a code, which the retry of the job knows") foreach @kinds;

# --- one sleeps through its lease, one is killed ----------------------------------------------------

# While the first ones are held, others get new runs; something happens to those.
sub happens_at_work
{
	my ($what, $happens) = @_;

	kill 'STOP', -$worker{$_} foreach @kinds;
	order_of_all(2, 2);
	my %other = map { $_ => start_worker($_, 'till', "till $_", 5) } @kinds;
	wait_until_at_work($what);
	$happens->(values %other);
	kill 'CONT', -$worker{$_} foreach @kinds;
	wait_until_over('^till ', $what);
	is_paid_once($what);
	return %other;
}

my %asleep = happens_at_work('one sleeps through its lease', \&put_to_sleep);
foreach my $pid (values %asleep)
{
	kill 'CONT', -$pid;
	kill 'TERM', $pid;
}
is(signal_of(end_of($asleep{$_})), 0, "$_: it wakes, and ends") foreach @kinds;
is_paid_once('what it has done too late does not count');
happens_at_work('one is killed', sub { kill_hard($_) foreach @_ });

if ($has_node)
{
	wait_for_file("$temp/sink.out", qr/ \/slow /);
	wait_for($node, "SELECT count(*) = 2 $of_queue = 'http'", 'all but the slow request, and the one that nobody answers');
	kill_hard($worker{http});
	end_leases('http');
	$worker{http} = start_worker('http', 'postman', 'http');
}
if ($has_python)
{
	wait_for($node, "SELECT count(*) = 1 $of_queue = 'orders'", 'all orders but the one that is asked');
	kill_hard($worker{order});
	end_leases('orders');
	as($node, 'shop', qq{SELECT workflow.signal('$run{asked}', 'decision', '"yes"')});
	$worker{order} = start_worker('order', 'till', 'orders');
	wait_for($node, "SELECT count(*) = 0 $of_queue = 'mail'", 'mail');
	%run = (%run, make_runs('mail', slow_mail => '{"to": "slow@example.org", "subject": "Hello", "text": ""}'));
	wait_for_file("$temp/sink.out", qr/^mail .*slow\@/m);
	kill_hard($worker{mail});
	end_leases('mail');
	$worker{mail} = start_worker('mail', 'postman', 'mail');
}

# --- connections, a server, a worker that is told to stop ----------------------------------------------

order_of_all(2, 2);
wait_until_at_work('before the connections are lost');
$node->safe_psql('postgres', q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'till'});
wait_until_over('^till ', 'those of lost connections');
is_paid_once('connections are lost');
wait_for($node, "SELECT count(*) = $has_node FROM workflow.run", 'all others but the one that nobody answers');
$node->stop('immediate');
$node->start;
order_of_all(1, 0);
wait_until_over('^till ', 'those after a crash');
is_paid_once('the server has crashed');

order_of_all(5, 1);
wait_until_at_work('before the stop');
kill 'TERM', $worker{$_} foreach @kinds;
is(signal_of(end_of($worker{$_})), 0, "$_: ends when it is told to") foreach @kinds;
is($node->safe_psql('postgres', "SELECT count(*) $of_queue ~ '^till ' AND (r.fence IS NOT NULL OR r.losses > 0 OR r.attempts > 0)"), 0,
	'what was not done is given back');
$worker{$_} = start_worker($_, 'till', "till $_") foreach @kinds;
wait_until_over('^till ', 'what was given back');
is_paid_once('another one has done it');

# --- what came of HTTP, mail, durable code ------------------------------------------------------------------------

%end = ends();
if ($has_node)
{
	foreach my $n (1 .. 10)
	{
		is($end{ $run{"post $n"} }, 'finished 0 200', "http: request $n");
		like(join("\n", heard($run{"post $n"})), qr/^http \S+ \S+ \/post yes \{"n": ?$n\}$/, 'is sent once, with header and body');
	}
	is($end{ $run{busy} }, 'finished 1 200', 'http: 429 is tried again');
	my @times = map { (split / /)[2] } heard($run{busy});
	cmp_ok($times[-1] - $times[0], '>=', 1.9, 'when it was asked to');
	is($end{ $run{broken} }, 'finished 1 200', 'http: 503 is tried again');
	is($end{ $run{none} }, 'failed 1 404', 'http: 404 is not');
	is($end{ $run{elsewhere} }, 'finished 0 302', 'http: a redirect is an answer');
	is($end{ $run{slow} }, 'finished 0 200', 'http: another worker sends the request again');
	is(heard($run{slow}), 2, 'with the same key');
	is($node->safe_psql('postgres', qq{SELECT error->>'code' FROM workflow.runs WHERE run = '$run{refused}'}), 'ECONNREFUSED',
		'http: nobody at home');
	as($node, 'shop', qq{SELECT workflow.cancel_run('$run{refused}')});
}
if ($has_python)
{
	is($end{ $run{ann} }, 'finished 0', 'mail: is sent');
	is(heard("<$run{ann}\@example.org>"), 1, 'once, and has the id of the run');
	is($end{ $run{later} }, 'finished 1', 'mail: 451 is tried again');
	is($end{ $run{nobody} }, 'failed 1 Final', 'mail: 550 is not');
	is($end{ $run{lines} }, 'failed 1 Final', 'mail: no header is forged');
	is($end{ $run{slow_mail} }, 'finished 0', 'mail: another worker sends it again');
	is(heard("<$run{slow_mail}\@example.org>"), 2, 'under the same id');
	is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', customer, state), ', ' ORDER BY customer) FROM shop.purchase}),
		'asked yes, patient given up, told no', 'order: each step is done once');
	is($end{ $run{$_} }, 'finished 0', "order: $_") foreach qw(told asked patient);
}
diag(map { "---- $_\n" . slurp_file($_) } glob("$temp/*.log")) unless Test::More->builder->is_passing;

done_testing();
