
=head1 NAME

WorkflowTest - what the TAP tests have in common

=head1 SYNOPSIS

  use PostgreSQL::Test::Utils;
  use Test::More;
  use WorkflowTest;

  my $node = workflow_node('main', 'workflow.retry_delay = 100ms');
  as($node, 'clerk', q{SELECT workflow.define('...')});
  wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes});

Nothing here sleeps for a fixed time: what has to happen is waited for, by
asking, at most $PostgreSQL::Test::Utils::timeout_default seconds.

=cut

package WorkflowTest;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More;

our @EXPORT = qw(workflow_node workflow_role lose_role as wait_for wait_for_in
  wait_for_count wait_until stands_still worker_pids start_clocks ticks steps_reached wait_for_ticks refusal log_since log_says
  test_library held_commit_library);

=head2 workflow_node(NAME, SETTING...)

A server with the library preloaded, running, with the extension in database
postgres and a role clerk that may use it. Each setting is a line of
postgresql.conf.

=cut

sub workflow_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', join("\n",
		"shared_preload_libraries = 'workflow'",
		'max_worker_processes = 32',
		'max_prepared_transactions = 10', @settings, ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
	workflow_role($node, 'clerk');
	return $node;
}

=head2 workflow_role(NODE, ROLE)

Make a role that may log in and use workflow.

=cut

sub workflow_role
{
	my ($node, $role) = @_;

	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; GRANT workflow_user TO $role");
	return;
}

=head2 lose_role(NODE, ROLE)

Drop a role although it owns definitions in database postgres: as if they had
come from a place where it was. No command does that.

=cut

sub lose_role
{
	my ($node, $role) = @_;

	$node->safe_psql('postgres', qq{
		SET allow_system_table_mods = on;
		BEGIN;
		CREATE TEMP TABLE lost AS SELECT id, role FROM workflow.owner WHERE name = '$role';
		UPDATE workflow.owner o SET role = 0 FROM lost l WHERE o.id = l.id;
		DROP OWNED BY $role;
		DELETE FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = '$role'::regrole
			AND classid = 'pg_class'::regclass AND objid = 'workflow.owner'::regclass;
		DROP ROLE $role;
		UPDATE workflow.owner o SET role = l.role FROM lost l WHERE o.id = l.id;
		COMMIT});
	return;
}

=head2 as(NODE, ROLE, SQL, DATABASE)

What SQL gives when this role runs it; dies when it fails.

=cut

sub as
{
	my ($node, $role, $sql, $database) = @_;

	return $node->safe_psql($database // 'postgres', $sql, extra_params => [ '-U', $role ]);
}

# A psql that could not connect, while a server starts, say, may have ended before its query is written
# to it: IPC::Run dies of that.  It is one more look in vain.
{
	no warnings 'redefine';
	my $poll = \&PostgreSQL::Test::Cluster::poll_query_until;

	*PostgreSQL::Test::Cluster::poll_query_until = sub {
		my $result;

		until (defined $result)
		{
			$result = eval { $poll->(@_) };
			die $@ if !defined $result && $@ !~ /^ack Broken pipe/;
		}
		return $result;
	};
}

# A session that is kept has the limit for each of its queries and for its end, not for its life, which
# may be long on a slow machine.
{
	no warnings 'redefine';
	my $background_psql = \&PostgreSQL::Test::Cluster::background_psql;
	my $quit = \&PostgreSQL::Test::BackgroundPsql::quit;

	*PostgreSQL::Test::Cluster::background_psql = sub {
		my $session = $background_psql->(@_);

		$session->set_query_timer_restart();
		return $session;
	};
	*PostgreSQL::Test::BackgroundPsql::quit = sub {
		$_[0]{timeout}->start();
		return $quit->(@_);
	};
}

=head2 wait_for(NODE, QUERY, WHAT)

Wait until the query, run by the superuser, gives true. Dies after the limit,
with what was waited for.

=cut

sub wait_for
{
	my ($node, $query, $what) = @_;

	$node->poll_query_until('postgres', $query)
	  or die 'waited in vain for ' . ($what // $query);
	return;
}

=head2 wait_for_in(NODE, DATABASE, QUERY, WHAT)

The same in another database.

=cut

sub wait_for_in
{
	my ($node, $database, $query, $what) = @_;

	$node->poll_query_until($database, $query)
	  or die "waited in vain in database $database for " . ($what // $query);
	return;
}

=head2 wait_for_count(NODE, COUNT, FROM)

Wait until SELECT count(*) FROM ... is COUNT.

=cut

sub wait_for_count
{
	my ($node, $count, $from) = @_;

	wait_for($node, "SELECT count(*) = $count FROM $from", "$count in $from");
	return;
}

=head2 wait_until(CODE, WHAT)

Wait until the code returns true, where no query can tell. Dies after the limit, with what
was waited for.

=cut

sub wait_until
{
	my ($code, $what) = @_;

	foreach (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $code->();
		select(undef, undef, undef, 0.05);
	}
	die "waited in vain for $what";
}

=head2 stands_still(NODE, QUERY, SECONDS, TEST)

A test that passes when what QUERY returns has stood still for SECONDS, at some time: what
is at rest does nothing, but nobody knows when on a slow machine all has come to rest.

=cut

sub stands_still
{
	my ($node, $query, $seconds, $test) = @_;
	my $last = $node->safe_psql('postgres', $query);
	my $since = time;

	for (my $until = $since + $seconds + $PostgreSQL::Test::Utils::timeout_default; time < $until; sleep 1)
	{
		my $now = $node->safe_psql('postgres', $query);

		return pass($test) if $now eq $last && time - $since > $seconds;
		($last, $since) = ($now, time) if $now ne $last;
	}
	return fail("$test: $last");
}

=head2 worker_pids(NODE, KIND)

Process ids of the workers of a kind: launcher, runtime or executor.

=cut

sub worker_pids
{
	my ($node, $kind) = @_;

	return split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM workflow.activity WHERE kind = '$kind' AND pid IS NOT NULL ORDER BY pid");
}

=head2 start_clocks(NODE, DATABASE, ROLE, COUNT)

Start processes of a role that count their timers and never end, and wait
until all of them have counted a few. Each fires every 50 ms, or as often as
somebody has time for it.

=cut

sub start_clocks
{
	my ($node, $database, $role, $count) = @_;

	as($node, $role, qq{
		SELECT workflow.define('{"id": "clock of $role", "initial": "tick", "context": {"n": 0},
			"states": {"tick": {"after": {"50": {"target": "tick", "reenter": true,
				"actions": {"type": "assign", "context": {"n": {"\@expr": "(context->>''n'')::int + 1"}}}}}}}}');
		SELECT count(*) FROM workflow.start_many('clock of $role', array_fill('{}'::jsonb, ARRAY[$count]))}, $database);
	wait_for_in($node, $database,
		"SELECT bool_and(step > 3) FROM workflow.processes WHERE definition = 'clock of $role'",
		"the clocks of $role to tick");
	return;
}

=head2 ticks(NODE, DATABASE)

How far the fastest clock has got.

=cut

sub ticks
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{SELECT max(step) FROM workflow.processes WHERE definition LIKE 'clock of %'});
}

=head2 steps_reached(NODE, DATABASE)

How far each clock has got that is not suspended, for wait_for_ticks().

=cut

sub steps_reached
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{
		SELECT jsonb_object_agg(id, step) FROM workflow.processes WHERE definition LIKE 'clock of %' AND NOT suspended});
}

=head2 wait_for_ticks(NODE, DATABASE, WHEN, REACHED)

Wait until each of these clocks has got further than it is now, or was then.

=cut

sub wait_for_ticks
{
	my ($node, $database, $when, $reached) = @_;

	$reached //= steps_reached($node, $database);
	wait_for_in($node, $database, qq{
		SELECT bool_and(step > (r.reached->>id::text)::int)
		FROM workflow.processes, (SELECT '$reached'::jsonb) r(reached) WHERE r.reached ? id::text},
		'the clocks to tick ' . ($when // 'on'));
	return;
}

=head2 refusal(NODE, ROLE, SQL, DATABASE)

SQLSTATE, message, and detail and hint if any, of the error that SQL gives when
this role runs it; empty when it gives none.

=cut

sub refusal
{
	my ($node, $role, $sql, $database) = @_;
	my ($status, $out, $err) = $node->psql($database // 'postgres', $sql,
		extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);

	return '' unless $err =~ /^.*?(?:ERROR|FATAL):  (.*)/s;
	my $lines = $1;
	# where it happened, in source and statement, is nobody's business
	return join("\n", grep { !/^(LOCATION|CONTEXT|LINE|STATEMENT|\s)/ } split /\n/, $lines);
}

=head2 log_since(NODE, OFFSET)

The server's log from an offset (default: 0) on.

=cut

sub log_since
{
	my ($node, $offset) = @_;

	return PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset // 0);
}

=head2 log_says(NODE, OFFSET, PATTERN, NAME)

A test: the server's log says that from the offset on. What is committed can be seen before
a background process has written its line of it, so this is waited for.

=cut

sub log_says
{
	my ($node, $offset, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	eval { wait_until(sub { log_since($node, $offset) =~ $pattern }, $name) };
	return like(log_since($node, $offset), $pattern, $name);
}

=head2 test_library(NODE, NAME)

Build test/module/NAME.c and return the path of the library.

=cut

sub test_library
{
	my ($node, $name) = @_;
	my $library = $node->basedir . "/$name.so";
	my %config = map { chomp(my $value = `pg_config --$_`); $_ => $value } qw(cc includedir-server cppflags);

	system("$config{cc} -shared -fPIC -O1 -I$config{'includedir-server'} $config{cppflags} "
		  . "-o '$library' '$FindBin::Bin/../module/$name.c'") == 0
	  or die "$name could not be built";
	return $library;
}

=head2 held_commit_library(NODE)

The breakpoint in the end of a transaction (test/module/held_commit.c).

=cut

sub held_commit_library
{
	my ($node) = @_;

	return test_library($node, 'held_commit');
}

1;
