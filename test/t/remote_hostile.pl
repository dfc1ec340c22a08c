# Another instance of PostgreSQL as a runtime, and what is not as it should be: a server at the
# other end that talks nonsense, texts that one of the databases cannot have, roles that are
# more than they seem.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Digest::SHA qw(sha256);
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use WorkflowTest;

# ---- a server that says what it is told to ------------------------------------------------------

package Liar
{
	# answers: [ pattern of a statement => messages, or code that gives them ], the first that fits
	sub new
	{
		my ($class, @answers) = @_;
		my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20) or die "no socket: $!";
		my $self = { port => $listener->sockport };

		$self->{pid} = fork() // die "no process: $!";
		if ($self->{pid} == 0)
		{
			local $SIG{CHLD} = 'IGNORE';
			while (my $client = $listener->accept)
			{
				next if fork();
				close($listener);
				talk($client, @answers);
				POSIX::_exit(0);
			}
			POSIX::_exit(0);
		}
		close($listener);
		return bless $self, $class;
	}

	sub end { kill KILL => $_[0]{pid}; waitpid($_[0]{pid}, 0); return; }

	sub message { return $_[0] . pack('N', length($_[1]) + 4) . $_[1]; }
	sub columns { return message('T', pack('n', scalar(@_)) . join('', map { "$_\0" . pack('NnNnNn', 0, 0, 25, 65535, 0xffffffff, 0) } @_)); }

	sub row
	{
		return message('D', pack('n', scalar(@_)) . join('', map { defined ? pack('N', length) . $_ : pack('N', 0xffffffff) } @_));
	}

	# A row, and the end of it.
	sub answer { my (%values) = @_; my @names = sort keys %values; return columns(@names) . row(@values{@names}) . end_of_answer(); }
	sub end_of_answer { return message('C', "SELECT 1\0") . ready(); }
	sub ready { return message('Z', 'I'); }

	# One client.
	sub talk
	{
		my ($client, @answers) = @_;
		my ($buffer, $statement) = ('', '');
		my $need = sub {
			my ($n) = @_;
			while (length($buffer) < $n) { sysread($client, $buffer, 65536, length($buffer)) or POSIX::_exit(0); }
		};

		while (1)
		{
			$need->(8);
			my ($length, $code) = unpack('NN', $buffer);

			$need->($length);
			substr($buffer, 0, $length) = '';
			# neither TLS nor Kerberos
			last unless $code == 80877103 || $code == 80877104;
			syswrite($client, 'N');
		}
		syswrite($client, message('R', pack('N', 0)) . message('S', "client_encoding\0UTF8\0") . message('K', pack('NN', 1, 2)) . ready());
		while (1)
		{
			$need->(5);
			my ($type, $length) = unpack('aN', $buffer);

			$need->($length + 1);
			$statement = substr($buffer, 5, $length - 4) if $type eq 'P';
			substr($buffer, 0, $length + 1) = '';
			POSIX::_exit(0) if $type eq 'X';
			next unless $type eq 'S';
			my ($answer) = grep { $statement =~ $_->[0] } @answers;

			syswrite($client, message('1', '') . message('2', '') . (ref $answer->[1] ? $answer->[1]->() : $answer->[1]));
		}
	}
}

my %who = (recovery => 'f', system => '7', timeline => '00000001', self => 'f');
my @polite = (
	[ qr/pg_control_system/ => Liar::answer(%who) ],
	[ qr/workflow\.settings/ => Liar::answer(name => 'alive_signal_interval', value => '0') ],
	[ qr/register_runtime/ => sub { return Liar::answer(epoch => int(rand(1e15)) + 1, wait => 0) } ],
	[ qr/workflow\.beat/ => Liar::answer(ok => 't', mine => 'f', service => 'f', runs => 0, settings => 0, role => 'both', next => 0) ],
	[ qr/claim_placed/ => Liar::columns('run') . Liar::end_of_answer() ],
	[ qr/await_placed/ => '' ],
	[ qr/./ => Liar::answer(taken => 't') ]);

# ---- two servers ------------------------------------------------------------------------------------

my $home = workflow_node('a', "listen_addresses = '127.0.0.1'");
my $at_home = 'host=127.0.0.1 port=' . $home->port . ' user=link';

$home->safe_psql('postgres', "CREATE DATABASE lat ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$home->safe_psql('postgres', 'CREATE ROLE link LOGIN; GRANT workflow_runtime TO link; CREATE SCHEMA app AUTHORIZATION clerk');
$home->safe_psql('lat', 'CREATE EXTENSION workflow; CREATE SCHEMA app AUTHORIZATION clerk');

my $away = PostgreSQL::Test::Cluster->new('b');
$away->init;
$away->append_conf('postgresql.conf', join("\n",
	"shared_preload_libraries = 'workflow'",
	'max_worker_processes = 32',
	'restart_after_crash = on',
	"workflow.runtime_id = 'B'",
	"workflow.remote = '$at_home dbname=postgres'",
	"workflow.remote_database = 'work'", ''));
$away->start;
$away->safe_psql('postgres', 'CREATE DATABASE work; CREATE ROLE worker LOGIN');
$away->safe_psql('postgres', "CREATE DATABASE lat ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");

# What is done there says what a LATIN1 database has not, or fails by it.
my $functions = q{
	CREATE FUNCTION app.echo(params jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT params';
	CREATE FUNCTION app.euro(params jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(convert_from(''\xe282ac'', ''UTF8''))';
	CREATE FUNCTION app.fail(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		'BEGIN RAISE ''too many %'', convert_from(''\xe282ac'', ''UTF8'') USING ERRCODE = ''UT001''; END'};
foreach my $database ('work', 'lat')
{
	$away->safe_psql($database, "CREATE EXTENSION workflow; CREATE SCHEMA app AUTHORIZATION worker; SELECT workflow.map_owner('clerk', 'worker'); SET ROLE worker; $functions");
}
foreach my $database ('postgres', 'lat')
{
	as($home, 'clerk', "$functions;" . q{
		SELECT workflow.create_queue('far', placement => '{runtime:B}');
		SELECT workflow.create_job(j, 'app.' || j, queue => 'far', retry => '{"errors": "*", "maxAttempts": 0}') FROM unnest('{echo,euro,fail}'::text[]) j}, $database);
}

# Let the other server be elsewhere.
sub lead
{
	my ($remote) = @_;

	$away->append_conf('postgresql.conf', "workflow.remote = '$remote'");
	$away->reload;
	wait_for_in($away, 'work', q{SELECT state IN ('alive', 'refused', 'connecting', 'waiting') FROM workflow.membership}, 'B to look for it');
	return;
}

sub accept_whoever
{
	wait_for_in($away, 'work', q{SELECT asked IS NOT NULL FROM workflow.membership}, 'B to ask for another server');
	$away->safe_psql('work', 'SELECT workflow.accept_remote(asked) FROM workflow.membership');
	return;
}

# How a run ends.
sub ended
{
	my ($job, $params, $what, $database) = @_;

	$database //= 'postgres';
	my $run = as($home, 'clerk', "SELECT workflow.run_job('$job', $params)", $database);
	wait_for_in($home, $database, "SELECT state IN ('finished', 'failed') FROM workflow.get_run('$run')", "$what to end");
	return $home->safe_psql($database, "SELECT concat_ws('|', state, result, error ->> 'code', error ->> 'message') FROM workflow.get_run('$run')");
}

sub is_well
{
	my ($what) = @_;

	unlike(log_since($away), qr/terminated by signal|TRAP|PANIC/, "$what: nothing of B has crashed");
	return;
}

wait_for($home, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join');
is(ended('echo', q{'{"n": 1}'}, 'a run'), 'finished|{"n": 1}', 'it works');

# Who waits in vain claims nothing, which would take a transaction id: longer than one wait.
my $offset_of_idle = -s $home->logfile;
log_says($home, $offset_of_idle, qr/CALL workflow\.await_placed/, 'the wait for runs is begun anew');
sleep(3);
my $idle = log_since($home, $offset_of_idle);
unlike($idle, qr/claim_placed/, 'and nothing is claimed in vain');

# ---- what makes no sense ---------------------------------------------------------------------------

# The link is told, for what it asks first.
foreach my $lie (
	[ 'no row' => qr/pg_control_system/, Liar::columns('system') . Liar::end_of_answer(), 'does not say which one it is' ],
	[ 'no result' => qr/pg_control_system/, Liar::message('n', '') . Liar::end_of_answer(), 'does not say which one it is' ],
	[ 'nothing' => qr/pg_control_system/, Liar::ready(), 'no answer' ],
	[ 'another column' => qr/pg_control_system/, Liar::answer(a => 1), 'does not say which one it is' ],
	[ 'the begin of a copy' => qr/pg_control_system/, Liar::message('H', pack('Cn', 0, 0)), 'makes no sense' ],
	[ 'no end of an answer' => qr/pg_control_system/, Liar::columns(sort keys %who) . Liar::row(@who{ sort keys %who }) . Liar::message('C', "SELECT 1\0"), 'does not answer' ])
{
	my ($what, $pattern, $messages, $trouble) = @$lie;
	my $liar = Liar->new([ $pattern => $messages ], @polite);

	lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
	wait_for_in($away, 'work', "SELECT trouble ~ '$trouble' FROM workflow.membership", "trouble after $what");
	is_well($what);
	$liar->end;
}

# What it says is cut at some byte, and shown as far as it goes.
foreach my $begin ('', 'a')
{
	my $long = Liar->new([ qr/./ => Liar::message('E', "SERROR\0C42501\0M$begin" . "\xc3\xa4" x 600 . "\0\0") . Liar::ready() ]);

	lead("host=127.0.0.1 port=$long->{port} dbname=x user=x");
	wait_for_in($away, 'work', "SELECT trouble ~ '$begin\xc3\xa4\xc3\xa4' AND convert_to(trouble, 'UTF8') IS NOT NULL FROM workflow.membership",
		'a long error to be told of');
	$long->end;
}

# Once it is believed.
my $liar = Liar->new(@polite);
lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
accept_whoever();
wait_for_in($away, 'work', q{SELECT state = 'alive' FROM workflow.membership}, 'B to believe it');
$liar->end;
my %run = (run => '01a229cb-83cd-7695-b4ec-df0b3a8e6b40', fence => 7, job => 'j', owner => 'clerk', mode => 'atomic', command => 'SELECT 1');
my @names = sort keys %run;
foreach my $lie (
	[ 'settings of nothing' => qr/workflow\.settings/, Liar::answer(name => undef, value => undef), q{state = 'alive'} ],
	[ 'a registration of nothing' => qr/register_runtime/, Liar::answer(epoch => undef, wait => undef), q{state = 'waiting'} ],
	[ 'an end at once' => qr/workflow\.beat/, Liar::answer(ok => 'f'), 'true' ],
	[ 'a run without a name' => qr/claim_placed/, Liar::answer(run => 'x', fence => 7), q{courier_pid IS NOT NULL} ],
	[ 'a run without a job' => qr/claim_placed/, Liar::answer(%run, job => undef), q{courier_pid IS NOT NULL} ],
	[ 'more runs than were asked for' => qr/claim_placed/, Liar::columns(@names) . Liar::row(@run{@names}) x 1000 . Liar::end_of_answer(), q{courier_pid IS NOT NULL} ],
	[ 'types that are none' => qr/claim_placed/, Liar::answer(%run, types => '["a"]', timeout => 'x', params => 'x', round => 'x'), q{courier_pid IS NOT NULL} ])
{
	my ($what, $pattern, $messages, $condition) = @$lie;
	my $offset = -s $away->logfile;

	$liar = Liar->new([ $pattern => $messages ], @polite);
	lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
	wait_for_in($away, 'work', "SELECT $condition FROM workflow.membership", "B after $what");
	sleep(2);
	is_well($what);
	# by others than the test
	cmp_ok(scalar(grep { !/LOG:  statement: / } split /\n/, log_since($away, $offset)), '<', 100, "$what: not much is said of it");
	$liar->end;
}

# ---- files that make no sense ------------------------------------------------------------------------

my $files = PostgreSQL::Test::Utils::tempdir . '/files';
mkdir $files or die "$files: $!";
chmod 0755, $files;

# A server that gives these files for ever; each is a request, a path, and what is in it, or undef.
sub gives
{
	my (@rows) = @_;
	my @columns = qw(request path version sha256 size deleted content mode);

	return (
		[ qr/pg_catalog\.pg_database/ => Liar::answer(dbid => 5) ],
		[ qr/workflow\.file_position/ => Liar::answer(xid => 1, request => 0) ],
		[ qr/workflow\.confirm_files/ => Liar::answer(rest => 0) ],
		[ qr/SELECT f\.path FROM workflow\.files/ => Liar::columns('path') . Liar::end_of_answer() ],
		[ qr/workflow\.pull_files/ => Liar::columns(@columns) . join('', map {
			my ($request, $path, $content) = @$_;

			Liar::row($request, $path, $request, defined $content
				? (sha256($content), length($content), 'false', $content, undef) : (undef, undef, 'true', undef, undef)) } @rows)
			. Liar::end_of_answer() ],
		@polite);
}

my $offset = -s $away->logfile;
$liar = Liar->new(gives([ 1, 'a', undef ], [ 2, 'a', 'x' ], [ 3, 'a', undef ], [ 4, 'b', 'y' ], [ 5, 'b', 'z' ], [ 6, '../c', 'w' ]));
$away->append_conf('postgresql.conf', "workflow.file_directory = '$files'");
lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
log_says($away, $offset, qr/a file that makes no sense/, 'a path that leads elsewhere is refused');
$liar->end;
$liar = Liar->new(gives([ 1, 'a', undef ], [ 2, 'a', 'x' ], [ 3, 'b', 'y' ], [ 4, 'b', undef ], [ 5, 'b', 'z' ]));
lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
log_says($away, $offset, qr/gives files again that it was told of/, 'who gives the same for ever is not listened to for ever');
is(join(' ', map { slurp_file("$files/$_") } qw(a b)), 'x z', 'of what comes several times the last is written');
is_well('files');
$offset = -s $away->logfile;
$away->append_conf('postgresql.conf', "workflow.file_directory = '$files/none'");
$away->restart;
log_says($away, $offset, qr/files cannot be written to directory/, 'where none can be written');
wait_for_in($away, 'work', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'workflow files'}, 'the same for ever to be refused once');
$away->append_conf('postgresql.conf', "workflow.file_directory = ''");
$liar->end;

# ---- encodings, and another database ------------------------------------------------------------------

# The database of before has an instance that is another one than the liar.
lead("$at_home dbname=lat");
accept_whoever();
wait_for_in($home, 'lat', q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to join another database');
is(ended('echo', q{'{"n": 1}'}, 'a run', 'lat'), 'finished|{"n": 1}', 'runs of where it leads now are claimed');
like(ended('euro', q{'{}'}, 'a result that it cannot have', 'lat'), qr/^failed\|22P05\|/, 'a result that cannot be kept is an error of the run');
is(ended('fail', q{'{}'}, 'an error that it cannot have', 'lat'), 'failed|UT001|too many ???', 'an error is kept as far as it goes');
is(ended('echo', q{'{"n": 2}'}, 'a run', 'lat'), 'finished|{"n": 2}', 'nobody else notices');

$away->append_conf('postgresql.conf', "workflow.remote_database = 'lat'");
$away->append_conf('postgresql.conf', "workflow.remote = '$at_home dbname=postgres'");
$away->restart;
# what it has told is not in there
wait_for($home, q{SELECT state = 'alive' AND restored_to IS NOT NULL FROM workflow.runtimes WHERE id = 'B'}, 'B to join with another database');
$home->safe_psql('postgres', q{SELECT workflow.approve_runtime('B')});
is(ended('echo', q{jsonb_build_object('n', convert_from('\xe282ac', 'UTF8'))}, 'parameters that B cannot have'),
	'failed|22P05|what the run needs cannot be said in the encoding of the database of runtime "B"', 'parameters that cannot be there are an error of the run');
is(ended('echo', q{jsonb_build_object('n', convert_from('\xc3a4', 'UTF8'))}, 'parameters that B can have'), qq({"n": "\xc3\xa4"}) =~ s/^/finished|/r, 'others arrive, and return');
$away->append_conf('postgresql.conf', "workflow.remote_database = 'work'");
$away->restart;
wait_for($home, q{SELECT state = 'alive' FROM workflow.runtimes WHERE id = 'B'}, 'B to be as before');

# ---- who may what -------------------------------------------------------------------------------------------

$away->safe_psql('work', 'CREATE ROLE boss SUPERUSER; CREATE ROLE deputy; CREATE ROLE sneak LOGIN; GRANT boss TO deputy; GRANT deputy TO sneak');
like(refusal($away, 'postgres', q{SELECT workflow.map_owner('clerk', 'sneak')}, 'work'), qr/^22023: role "sneak" may become a superuser/,
	'nor may who can become a superuser be mapped');
$away->safe_psql('work', 'GRANT deputy TO worker');
is(ended('echo', q{'{}'}, 'a run of a superuser to be'), 'failed|WF002|role "worker" of owner "clerk" may become a superuser on runtime "B"',
	'who can become one since then does nothing any more');
$away->safe_psql('work', 'REVOKE deputy FROM worker');
is(ended('echo', q{'{}'}, 'a run'), 'finished|{}', 'who cannot any more does');

# Another function under the same name.
$away->safe_psql('work', q{
	SET ROLE worker;
	DROP FUNCTION app.echo;
	CREATE FUNCTION app.echo(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT run -> 'job'$$});
like(ended('echo', q{'{}'}, 'a run of a function that was replaced'), qr/^(?:failed\|42883\|.*|finished\|"echo")$/, 'a function with other arguments is found');
is(ended('echo', q{'{}'}, 'the next one'), 'finished|"echo"', 'by the next run at the latest');

is_well('all of it');
$liar = Liar->new([ qr/pg_control_system/ => Liar::columns('system') . Liar::message('C', "SELECT 1\0") ], @polite);
lead("host=127.0.0.1 port=$liar->{port} dbname=x user=x");
# once more, where a machine that stalls has made it late
my $took;
for (my $tries = 0; $tries < 3 && ($took // 10) >= 10; $tries++)
{
	$away->start if defined $took;
	sleep(1);
	my $began = time();
	$away->stop('fast');
	$took = time() - $began;
}
cmp_ok($took, '<', 10, 'a server that never ends what it says keeps B from nothing');
$liar->end;
$home->stop;
done_testing();
