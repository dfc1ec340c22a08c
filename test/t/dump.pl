# Dumps of every kind, copies, and restores in every order: a restored database
# is the one that was dumped, is quiet until adopt(), and then everything goes
# on and ends as in the original.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;
use World;

my $origin = world_node('origin');
my $other = world_node('other');
my $files = $origin->basedir;

build_world($origin, 'shop');
my $rows = rows_of($origin, 'shop');
my $sequences = sequences_of($origin, 'shop');
is(problems($origin, 'shop'), '', 'the original is in order');
is($origin->safe_psql('shop', q{SELECT count(DISTINCT tableoid) FROM workflow.history}), 3, 'its history is in three partitions');
is($origin->safe_psql('shop', q{SELECT count(DISTINCT tableoid) FROM workflow.receipt}), 3, 'its receipts, too');
is($origin->safe_psql('shop', q{SELECT string_agg(DISTINCT status::text, ' ' ORDER BY status::text) FROM workflow.process}),
	'error finalized idled initialized terminated', 'its processes have every status that lasts');
unlike($origin->safe_psql('shop', q{
		SELECT string_agg(c.relname || ' ' || (xpath('/row/n/text()',
			query_to_xml(format('SELECT count(*) AS n FROM workflow.%I', c.relname), false, true, '')))[1]::text, ', ')
		FROM pg_class c WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'p')
			AND c.relname !~ '_[0-9]$' AND c.relname NOT IN ('run_request', 'job_cache', 'runtime', 'file_cursor', 'file_receipt')}),
	qr/ 0\b/, 'it has rows in every table that is dumped, and that the runtime does not empty at once');

# Each dump, and how it comes back.
$origin->command_ok([ 'pg_dump', '-f', "$files/plain.sql", 'shop' ], 'pg_dump, plain');
$origin->command_ok([ 'pg_dump', '-Fc', '-f', "$files/custom.dump", 'shop' ], 'pg_dump -Fc');
$origin->command_ok([ 'pg_dump', '-Fd', '-j2', '-f', "$files/parallel.dump", 'shop' ], 'pg_dump -Fd -j2');
$origin->command_ok([ 'pg_dump', '--data-only', '-f', "$files/data.sql", 'shop' ], 'pg_dump --data-only');
foreach my $section (qw(pre-data data post-data))
{
	$origin->command_ok([ 'pg_dump', "--section=$section", '-f', "$files/$section.sql", 'shop' ], "pg_dump --section=$section");
}

sub psql_file
{
	my ($node, $database, @names) = @_;

	$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $database, map { ('-f', "$files/$_") } @names ],
		"@names into $database");
	return;
}

sub pg_restore
{
	my ($node, $database, @arguments) = @_;

	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $database, @arguments ], "pg_restore @arguments into $database"
		=~ s/\Q$files\E\///r);
	return;
}

my %restore = (
	plain => sub { psql_file(@_, 'plain.sql') },
	custom => sub { pg_restore(@_, "$files/custom.dump") },
	parallel => sub { pg_restore(@_, '-j2', "$files/parallel.dump") },
	single => sub { pg_restore(@_, '--single-transaction', "$files/custom.dump") },
	sections => sub { psql_file(@_, 'pre-data.sql', 'data.sql', 'post-data.sql') },
	data_only => sub {
		my ($node, $database) = @_;

		# The author's own objects from somewhere else, then the rows.
		$node->safe_psql($database, 'CREATE EXTENSION workflow');
		psql_file(@_, 'pre-data.sql', 'data.sql', 'post-data.sql');
	});
my @places = map { [ $origin, $_ ] } qw(plain parallel);
push @places, map { [ $other, $_ ] } sort keys %restore;

# By the time of the restore all of it is overdue.
set_clock($other, $THEN);
my $end = bring_to_end($origin, 'shop');
is(problems($origin, 'shop'), '', 'the original ends in order');
like($end, qr/^process \| \Q$_\E \| \d \| finalized/m, "$_ is over")
  foreach 'family family', 'letter given up', 'form tried again', 'order suspended', 'visit visit', 'parcel p3';

foreach my $place (@places)
{
	my ($node, $how) = @$place;
	my $what = "$how in " . $node->name;

	$node->safe_psql('postgres', "CREATE DATABASE $how");
	$restore{$how}->($node, $how);
	stays_quiet($node, $how, $rows, $what);
	is(sequences_of($node, $how), $sequences, "$what: sequences are where they were");
	is(problems($node, $how), '', "$what: is in order");
	is(adopt($node, $how), 2, "$what: adopt() finds the owners");
	is($node->safe_psql($how, 'SELECT count(*) FROM workflow.drift'), 0, "$what: no function is another than before");
	is(bring_to_end($node, $how), $end, "$what: ends as the original did");
	is(problems($node, $how), '', "$what: still in order");
	$node->safe_psql('postgres', "DROP DATABASE $how");
}

#
# Sequences: what is new there has numbers of its own.
#
sub restored
{
	my ($node, $database, @arguments) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	pg_restore($node, $database, @arguments, "$files/custom.dump");
	return;
}

restored($other, 'numbers');
my $numbers = q{
	SELECT greatest((SELECT max(seq) FROM workflow.timer), (SELECT max(seq) FROM workflow.failure)),
		(SELECT max(seq) FROM workflow.deferred), (SELECT max(id) FROM workflow.owner), (SELECT max(id) FROM workflow.definition)};
my @before = split /\|/, $other->safe_psql('numbers', $numbers);
my $newest = q{SELECT (SELECT max(seq) FROM workflow.timer), (SELECT max(seq) FROM workflow.deferred)};
adopt($other, 'numbers');
as($other, 'guest', q{
	SELECT workflow.define('{"id": "new one", "initial": "a", "states": {"a": {"defer": ["x"], "after": {"1 year": "b"}}, "b": {}}}');
	SELECT (workflow.send(workflow.start('new one'), 'x')).deferred}, 'numbers');
my @after = split /\|/, $other->safe_psql('numbers', $numbers);
cmp_ok($after[$_], '>', $before[$_], "a new " . (qw(timer deferred owner definition))[$_] . ' has a higher number') foreach 0 .. 3;
is(bring_to_end($other, 'numbers') =~ s/^.*\| ?new one .*\n|^.* new one .*\n//gmr, $end, 'and the rest goes on beside it');
$other->safe_psql('postgres', 'DROP DATABASE numbers');

#
# Into the very database that was dumped, after the extension was dropped there,
# or beside what is there: never twice.
#
$origin->command_ok([ 'pg_restore', '--clean', '--if-exists', '--exit-on-error', '-j2', '-d', 'shop', "$files/parallel.dump" ],
	'pg_restore --clean -j2 into the original');
stays_quiet($origin, 'shop', $rows, 'the original, restored');
adopt($origin, 'shop');
is(bring_to_end($origin, 'shop'), $end, 'and ends once more as it did');

$origin->command_fails([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '--single-transaction', '-d', 'shop', '-f', "$files/data.sql" ],
	'rows are not loaded twice');

#
# A restore that is not done yet: rows without a stamp.
#
restored($other, 'halves');
$other->safe_psql('halves', 'DELETE FROM workflow.stamp');
stays_quiet($other, 'halves', $rows, 'a restore that is not done');
adopt($other, 'halves');
is(bring_to_end($other, 'halves'), $end, 'adopt() takes what there is');

# One that has only just begun looks like a database where nothing was ever stored: what
# seems to be nobody's is not, its owners are still to come.
$other->safe_psql('postgres', 'CREATE DATABASE begun');
$other->safe_psql('begun', q{
	CREATE EXTENSION workflow;
	INSERT INTO workflow.checkpoint VALUES (gen_random_uuid(), 'kept', '1', '2020-01-01', false);
	INSERT INTO workflow.run_wait VALUES (gen_random_uuid(), gen_random_uuid());
	INSERT INTO workflow.erasure (process, at, owner, pending) VALUES (gen_random_uuid(), '2020-01-01', 1, true);
	INSERT INTO workflow.keep (kind, name, outcome, owner, keep, set_at, set_by) VALUES ('job', 'card', '', 1, '1 day', '2020-01-01', 'clerk')});
my $begun = rows_of($other, 'begun');
my $since = $other->safe_psql('begun', 'SELECT clock_timestamp()');
$other->safe_psql('begun', 'SELECT workflow.wake()');
wait_in($other, 'begun', qq{SELECT count(*) = 1 FROM workflow.activity WHERE kind = 'housekeeping' AND state = 'idle' AND since > '$since'},
	'housekeeping');
is(rows_of($other, 'begun'), $begun, 'what has come of a restore is left alone');

#
# A copy within the server, and a copy of that.
#
restored($other, 'first');
$other->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE first');
adopt($other, 'twin');
is(bring_to_end($other, 'twin'), $end, 'TEMPLATE: the copy that was adopted goes on');
stays_quiet($other, 'first', $rows, 'TEMPLATE: the other one');
$other->safe_psql('postgres', 'CREATE DATABASE fourth TEMPLATE twin');
stays_quiet($other, 'fourth', rows_of($other, 'twin'), 'TEMPLATE: a copy of one at home');

$origin->stop;
$other->stop;
done_testing();
