# DROP, RENAME, SET TABLESPACE and TEMPLATE of a database in which work goes on:
# its workers make way, and where the database survives come back.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('database', 'workflow.sweep_interval = 1h');
start_clocks($node, 'postgres', 'clerk', 2);

# Workers of ours that are connected to a database.
sub workers
{
	my ($database) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE 'workflow%'});
}

sub make_shop
{
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	$node->safe_psql('shop', 'CREATE EXTENSION workflow');
	start_clocks($node, 'shop', 'clerk', 3);
	return;
}

# A command that needs the database for itself, and is refused because a
# client is connected to it: the workers, who have made way, come back.
sub refused_by_client
{
	my ($command, $what) = @_;
	my $client = $node->background_psql('shop');

	like(refusal($node, 'postgres', $command), qr/^55006: .*is being accessed by other users/, "$what with a client in the database is refused");
	wait_for_ticks($node, 'shop');
	ok(1, 'and work goes on');
	$client->quit;
	wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend'});
	return;
}

make_shop();
cmp_ok(workers('shop'), '>=', 2, 'a second database has workers of its own');

#
# RENAME
#
refused_by_client('ALTER DATABASE shop RENAME TO store', 'RENAME');
$node->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO store');
wait_for_ticks($node, 'store');
ok(1, 'ALTER DATABASE RENAME: work goes on under the new name');

# In a transaction that is rolled back, and one that takes its time.
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; ALTER DATABASE store RENAME TO barn');
wait_for_ticks($node, 'postgres');
$session->query_safe('ROLLBACK');
wait_for_ticks($node, 'store');
ok(1, 'ALTER DATABASE RENAME rolled back: work goes on');
$session->query_safe('BEGIN; ALTER DATABASE store RENAME TO shop; COMMIT');
wait_for_ticks($node, 'shop');
$session->quit;

#
# MOVE
#
my $place = $node->basedir . '/elsewhere';
mkdir $place or die "cannot make $place: $!";
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$place'");
$node->safe_psql('postgres', 'ALTER DATABASE shop SET TABLESPACE elsewhere');
wait_for_ticks($node, 'shop');
is($node->safe_psql('postgres', q{SELECT spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = 'shop'}),
	'elsewhere', 'ALTER DATABASE SET TABLESPACE: work goes on in the new place');
like(refusal($node, 'postgres', 'BEGIN; ALTER DATABASE shop SET TABLESPACE pg_default'),
	qr/^25001: /, 'where it is refused anyway');
wait_for_ticks($node, 'shop');

#
# TEMPLATE
#
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE shop');
is($node->safe_psql('twin', 'SELECT count(*) FROM workflow.process'), 3, 'CREATE DATABASE TEMPLATE makes a copy');
wait_for_ticks($node, 'shop');
# the launcher has looked into it, as into each that is new
wait_for_count($node, 0, q{pg_stat_activity WHERE datname = 'twin' AND backend_type LIKE 'workflow%'});
pass('work goes on in the original, and not in the copy');

# No runtime stays in what takes no sessions, or is a template.
foreach my $property ('ALLOW_CONNECTIONS false', 'IS_TEMPLATE true')
{
	$node->safe_psql('postgres', "ALTER DATABASE shop $property");
	wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'shop' AND backend_type LIKE 'workflow%'}, 'the workers to leave');
	my ($back) = $property =~ /false$/ ? $property =~ s/false/true/r : $property =~ s/true/false/r;
	$node->safe_psql('postgres', "ALTER DATABASE shop $back");
	wait_for_ticks($node, 'shop');
	ok(1, "ALTER DATABASE $property and back: workers leave and return");
}

#
# DROP
#
refused_by_client('DROP DATABASE shop', 'DROP');
like(refusal($node, 'clerk', 'DROP DATABASE shop'), qr/^42501: /, 'who may not drop it is refused');
my @before = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND backend_type LIKE 'workflow%'});
like(refusal($node, 'clerk', 'DROP DATABASE shop WITH (FORCE)'), qr/^42501: /, 'also WITH (FORCE)');
# another one may have come
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND pid IN (" . join(', ', @before) . ')'),
	scalar(@before), 'and has stopped no worker');

my $log = -s $node->logfile;
$node->safe_psql('postgres', 'DROP DATABASE twin');
$node->safe_psql('postgres', 'DROP DATABASE shop');
is(workers('shop'), 0, 'DROP DATABASE: its workers are gone');
make_shop();
my $client = $node->background_psql('shop', on_error_die => 0);
$node->safe_psql('postgres', 'DROP DATABASE shop WITH (FORCE)');
is(workers('shop'), 0, 'DROP DATABASE WITH (FORCE), with a client in it');
eval { $client->{run}->finish };
make_shop();
$node->safe_psql('postgres', 'DROP DATABASE shop WITH (FORCE)');
is(workers('shop'), 0, 'and without');
make_shop();
$node->safe_psql('shop', 'DROP EXTENSION workflow');
$node->safe_psql('postgres', 'DROP DATABASE shop');
ok(1, 'DROP DATABASE once the extension is not there');

# Dropped and made anew, which is another database.
make_shop();
$node->safe_psql('postgres', 'DROP DATABASE shop');
make_shop();
ok(1, 'DROP DATABASE and CREATE DATABASE of the same name');

# Asleep, with nobody in it: it stays known as long as it is there.
$node->append_conf('postgresql.conf', "workflow.runtime_idle_timeout = 1s\nworkflow.executor_idle_timeout = 1s");
$node->reload;
$node->safe_psql('shop', 'SELECT workflow.suspend(id) FROM workflow.process');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'shop'}, 'the runtime to rest');
$node->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO store');
$node->safe_psql('store', 'SELECT workflow.resume(id) FROM workflow.process');
wait_for_ticks($node, 'store');
ok(1, 'RENAME of a database that sleeps');
$node->safe_psql('store', 'SELECT workflow.suspend(id) FROM workflow.process');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'store'}, 'the runtime to rest');
$node->safe_psql('postgres', 'DROP DATABASE store');
wait_for_ticks($node, 'postgres');

wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname <> 'postgres'}, 'no other worker');
unlike(log_since($node, $log), qr/FATAL:.*(shop|store|twin|does not exist)/, 'nobody tries to connect to a database that was dropped');
unlike(log_since($node), qr/PANIC|TRAP/, 'and nothing went wrong inside');
$node->stop;
done_testing();
