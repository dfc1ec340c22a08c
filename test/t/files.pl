# Files that all runtimes have, as runtimes take them over: a new one begins with everything,
# requests that commit in any order are all heard of, what is confirmed does not come again, and
# what is not does. Beats tell how many wait, without a look at a table.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# Nobody else writes.
my $node = workflow_node('files', 'workflow.enabled = off', 'autovacuum = off', 'checkpoint_timeout = 1h', 'bgwriter_lru_maxpages = 0');

workflow_role($node, 'app');
# Nobody is dead who says nothing for as long as others are at work.
$node->safe_psql('postgres', q{CREATE ROLE reader LOGIN IN ROLE workflow_runtime; GRANT workflow_runtime TO app;
	SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3600')});

sub app { my ($sql) = @_; return as($node, 'app', $sql); }
sub reader { my ($sql) = @_; return as($node, 'reader', $sql); }
sub register { my ($id) = @_; return reader("SELECT epoch FROM workflow.register_runtime('$id', fingerprint => 'f')"); }
sub waiting { my ($id, $epoch) = @_; return reader("SELECT files FROM workflow.beat('$id', $epoch)"); }
sub lag { my ($id) = @_; return $node->safe_psql('postgres', "SELECT file_lag > '0' FROM workflow.runtimes WHERE id = '$id'"); }

# "path version content", one a line; confirmed in the same statement's transaction with $confirm
sub pull
{
	my ($id, $epoch, $n) = @_;
	return reader("SELECT string_agg(format('%s %s %s', path, version, CASE WHEN deleted THEN 'deleted' ELSE convert_from(content, 'UTF8') END), ', ')"
		  . " FROM workflow.pull_files('$id', $epoch" . ($n ? ", $n" : '') . ')');
}

sub confirm
{
	my ($id, $epoch, $paths) = @_;
	return reader("SELECT workflow.confirm_files('$id', $epoch, ARRAY(SELECT request FROM workflow.pull_files('$id', $epoch, 10000)"
		  . ($paths ? " WHERE path = ANY ('{$paths}')" : '') . '))');
}

#
# Who puts files waits for nobody who puts others, and takes no more than some hundred locks.
#
workflow_role($node, 'writer');
as($node, 'writer', "SELECT FROM workflow.put_file('first', 'x')");
my $other = $node->background_psql('postgres', extra_params => [ '-U', 'writer' ]);
$other->query_safe('BEGIN');
$other->query_safe("SELECT count(workflow.put_file('this/' || n, 'x')) FROM generate_series(1, 100) n");
is(as($node, 'writer', "SET lock_timeout = '1ms'; SELECT count(workflow.put_file('that/' || n, 'x')) FROM generate_series(1, 100) n"), 100,
	'a hundred files, beside a hundred others');
my ($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '1ms'; SELECT workflow.put_file('THIS/7', 'x')", extra_params => [ '-U', 'writer' ]);
like($err, qr/lock timeout/, 'one that may be in the way waits');
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '1ms'; SELECT workflow.put_file('this', 'x')", extra_params => [ '-U', 'writer' ]);
like($err, qr/lock timeout/, 'so does one in the place of a directory');
$other->query_safe("SELECT count(workflow.put_file('this/' || n, 'x')) FROM generate_series(101, 5000) n");
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'object'}), '<', 700, 'five thousand files take few locks');
($status, $out, $err) = $node->psql('postgres', "SET lock_timeout = '1ms'; SELECT workflow.put_file('this/4000', 'x')", extra_params => [ '-U', 'writer' ]);
like($err, qr/lock timeout/, 'the last ones are locked, too');
$other->query_safe('ROLLBACK');
$other->quit;
as($node, 'writer', 'SELECT count(workflow.delete_file(path)) FROM workflow.files');

#
# A new one begins with everything there is, and hears of nothing that was deleted before.
#
app("SELECT FROM workflow.put_file('$_', 'old $_')") foreach qw(a b c);
app("SELECT FROM workflow.delete_file('c'); SELECT FROM workflow.put_file('a', 'new a')");
my $r1 = register('r1');
is(lag('r1'), '', 'one that never pulled has no lag');
is(waiting('r1', $r1), 2, 'a beat tells how many files wait');
is(pull('r1', $r1), 'b 1 old b, a 2 new a', 'a new runtime begins with everything that there is');
is(pull('r1', $r1), 'b 1 old b, a 2 new a', 'it comes again until it is confirmed');
is(pull('r1', $r1, 1), 'b 1 old b', 'as many as are asked for');
is(lag('r1'), 't', 'the view shows how far it is behind');
is(confirm('r1', $r1, 'a'), 1, 'one is confirmed, out of order');
is(pull('r1', $r1), 'b 1 old b', 'the other one is left');
is(confirm('r1', $r1), 0, 'and confirmed');
is(waiting('r1', $r1), 0, 'which beats tell');
is(lag('r1'), 'f', 'there is no lag');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.file_receipt'), 0, 'nothing is remembered but how far it is');

# Beats are free: no transaction id, no WAL.
app("SELECT FROM workflow.put_file('b', 'new b'); SELECT FROM workflow.delete_file('a')");
# what a catalog is tidied up by, reading it, is no beat's
my ($tries, $beats) = (0, '');
while ($beats ne "200\nt|t" && $tries++ < 10)
{
	$beats = reader(qq{SELECT pg_current_wal_insert_lsn() AS before \\gset
		SELECT sum(files) FROM generate_series(1, 100), workflow.beat('r1', $r1);
		SELECT pg_current_wal_insert_lsn() = :'before', pg_current_xact_id_if_assigned() IS NULL});
}
is($beats, "200\nt|t", 'a hundred beats that tell of files write nothing');
is(pull('r1', $r1), 'b 2 new b, a 3 deleted', 'it hears of a deletion');
is(confirm('r1', $r1), 0, 'and confirms it');

#
# Requests commit in any order: the one that is taken first commits last.
#
my $slow = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$slow->query_safe(q{BEGIN; SELECT FROM workflow.put_file('slow', 'x')});
app("SELECT FROM workflow.put_file('quick', 'x')");
is(waiting('r1', $r1), 1, 'what has not committed is not counted');
is(pull('r1', $r1), 'quick 1 x', 'nor pulled');
is(confirm('r1', $r1), 0, 'what has is confirmed');
is(pull('r1', $r1), '', 'and does not come again');
$slow->query_safe('COMMIT');
is(waiting('r1', $r1), 1, 'what commits later is counted');
is(pull('r1', $r1), 'slow 1 x', 'and pulled, though its number is lower');
is(confirm('r1', $r1), 0, 'and confirmed');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.file_receipt'), 0, 'and then nothing is remembered');

# A transaction that is rolled back, or a part of one.
app(q{BEGIN; SELECT FROM workflow.put_file('gone', 'x'); ROLLBACK;
	BEGIN; SAVEPOINT s; SELECT FROM workflow.put_file('gone', 'x'); ROLLBACK TO s; SELECT FROM workflow.put_file('kept', 'x'); COMMIT});
is(waiting('r1', $r1), 1, 'what was rolled back is not counted');
is(pull('r1', $r1), 'kept 1 x', 'nor pulled');
confirm('r1', $r1);

# What is put and confirmed in one transaction of an overlapping kind is counted too often rather than not.
my $confirming = $node->background_psql('postgres', extra_params => [ '-U', 'reader' ]);
app("SELECT FROM workflow.put_file('first', 'x')");
$confirming->query_safe("BEGIN; SELECT workflow.confirm_files('r1', $r1, ARRAY(SELECT request FROM workflow.pull_files('r1', $r1)))");
app("SELECT FROM workflow.put_file('second', 'x')");
$confirming->query_safe('COMMIT');
is(waiting('r1', $r1), 1, 'what commits while others confirm is counted');
is(pull('r1', $r1), 'second 1 x', 'and pulled');
app("SELECT FROM workflow.put_file('third', 'x')");
$confirming->query_safe("BEGIN; SELECT workflow.confirm_files('r1', $r1, ARRAY(SELECT request FROM workflow.pull_files('r1', $r1))); ROLLBACK");
is(waiting('r1', $r1), 2, 'a confirmation that was rolled back is none');
is(confirm('r1', $r1), 0, 'and is repeated');
$confirming->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
app("SELECT FROM workflow.put_file('fourth', 'x')");
is($confirming->query_safe("SELECT count(*) FROM workflow.pull_files('r1', $r1)"), 0, 'an old snapshot does not show what is new');
$confirming->query_safe('COMMIT');
is(waiting('r1', $r1), 1, 'and who looks by one does not tell of it');
confirm('r1', $r1);

#
# What cannot be written comes again, later and later, and the others go on.
#
app("SELECT FROM workflow.put_file('bad', 'x'); SELECT FROM workflow.put_file('good', 'x')");
my $at = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
is(reader("SELECT workflow.confirm_files('r1', $r1, array_agg(request), array_agg(CASE path WHEN 'bad' THEN 'No space left on device' END)) FROM workflow.pull_files('r1', $r1)"),
	1, 'one could not be written');
is($node->safe_psql('postgres', qq{UPDATE workflow.file_receipt SET retry_at = retry_at + '4 minutes' WHERE error IS NOT NULL RETURNING retry_at >= '$at'::timestamptz + '4 minutes 1 second'}), 't',
	'a second at least is to pass');
is(pull('r1', $r1), '', 'it does not come at once');
is(waiting('r1', $r1), 1, 'and waits');
is($node->safe_psql('postgres', q{SELECT waiting, errors FROM workflow.file_requests WHERE path = 'bad'}), '{r1}|{"r1": "No space left on device"}', 'everybody sees why');
$node->safe_psql('postgres', q{UPDATE workflow.file_receipt SET retry_at = now() WHERE error IS NOT NULL});
is(pull('r1', $r1), 'bad 1 x', 'it comes again');
$at = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
is(reader("SELECT workflow.confirm_files('r1', $r1, array_agg(request), array_agg('still none' || repeat('!', 5000))) FROM workflow.pull_files('r1', $r1)"), 1, 'it fails again');
is($node->safe_psql('postgres', qq{SELECT attempts, retry_at >= '$at'::timestamptz + '2 s', length(error) FROM workflow.file_receipt WHERE error IS NOT NULL}), '2|t|1000', 'and waits for longer, with an error that has an end');
$node->safe_psql('postgres', q{UPDATE workflow.file_receipt SET retry_at = now() + '1 hour' WHERE error IS NOT NULL});
is(pull('r1', $r1), 'bad 1 x', 'but not where the clock was set back');
app("SELECT FROM workflow.put_file('bad', 'y')");
is(pull('r1', $r1), 'bad 2 y', 'a newer version comes at once');
confirm('r1', $r1);
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.file_receipt'), 0, 'and the older one is forgotten');

#
# Who has nothing any more begins anew; other runtimes go on where they are.
#
my $r2 = register('r2');
my $all = $node->safe_psql('postgres', 'SELECT count(*) FROM workflow.files');
is(waiting('r2', $r2), $all, 'another one begins with everything');
confirm('r2', $r2);
reader("SELECT workflow.forget_files('r1', $r1)");
is(waiting('r1', $r1), $all, 'who has lost all begins anew');
is(waiting('r2', $r2), 0, 'and nobody else');
is(confirm('r1', $r1), 0, 'it has all again');

# Large ones are fetched part by part, and many at once do not come all at once.
app(q{SELECT FROM workflow.put_file('large', convert_to(repeat('x', 1048577), 'UTF8'));
	SELECT FROM generate_series(1, 20) n, workflow.put_file('many/' || n, convert_to(repeat('y', 1000000), 'UTF8'))});
is(reader("SELECT count(*), count(content), bool_or(path = 'large' AND content IS NOT NULL) FROM workflow.pull_files('r1', $r1)"), '21|16|f', 'no more is sent than one can keep in mind');
is(reader(q{SELECT sha256(workflow.get_file_part('large', 1, 0, 1000000) || workflow.get_file_part('large', 1, 1000000, 1000000)) = sha256 FROM workflow.files WHERE path = 'large'}), 't', 'a runtime fetches the rest');
is(reader("SELECT count(*), count(content), count(sha256) FROM workflow.pull_files('r1', $r1, with_content => false)"), '21|0|21', 'or nothing of what is in them');
confirm($_->[0], $_->[1]) foreach [ 'r1', $r1 ], [ 'r2', $r2 ];

# Who remembers how far it was goes on from there, when its disk was set back.
my $place = reader("SELECT xid, request FROM workflow.file_position('r1', $r1)");
my $given = join(', ', map { "'$_'" } split /\|/, $place);
app(q{SELECT FROM workflow.put_file('position', 'x')});
is(confirm('r1', $r1), 0, 'it has one more');
isnt(reader("SELECT xid, request FROM workflow.file_position('r1', $r1)"), $place, 'and is further');
is(reader("SELECT xid, request FROM workflow.file_position('r1', $r1, $given)"), $place, 'it is set back');
is(waiting('r1', $r1) . ' ' . pull('r1', $r1), '1 position 1 x', 'and gets what came since');
is(reader("SELECT xid, request FROM workflow.file_position('r1', $r1, '18446744073709551615', 0)"), '0|0', 'of a place where nobody was it begins anew');
is(waiting('r1', $r1), $node->safe_psql('postgres', 'SELECT count(*) FROM workflow.files'), 'with everything');
is(waiting('r2', $r2), 1, 'others do not');
like(refusal($node, 'reader', "SELECT workflow.file_position('r1', $r1, '1')"), qr/^22004: "xid" and "request" must both be given/, 'half a place');
confirm($_->[0], $_->[1]) foreach [ 'r1', $r1 ], [ 'r2', $r2 ];
app(q{SELECT workflow.delete_file('position')});
confirm($_->[0], $_->[1]) foreach [ 'r1', $r1 ], [ 'r2', $r2 ];

#
# A start of the server forgets what is counted, and nothing else.
#
app("SELECT FROM workflow.put_file('after', 'x')");
$node->stop('immediate');
$node->start;
is(waiting('r1', $r1), 1, 'what waits is counted anew');
is(pull('r1', $r1), 'after 1 x', 'and pulled');

#
# Refused: other roles, epochs that are over, who was not approved, transactions that nobody tells of.
#
like(refusal($node, 'app', "SELECT * FROM workflow.pull_files('r1', $r1)"), qr/^WF018: /, 'another role');
like(refusal($node, 'reader', "SELECT * FROM workflow.pull_files('r1', 1)"), qr/^WF012: /, 'another epoch');
like(refusal($node, 'reader', "SELECT workflow.confirm_files('r1', 1, '{}')"), qr/^WF012: /, 'of who confirms, too');
like(refusal($node, 'reader', "SELECT workflow.confirm_files('r1', $r1, '{1,2}', '{NULL}')"), qr/^2202E: "errors" must have as many elements as "requests"/, 'errors of other requests');
like(refusal($node, 'reader', "SELECT workflow.confirm_files('r1', $r1, '{1,NULL}')"), qr/^22004: /, 'no request');
is(reader("SELECT workflow.confirm_files('r1', $r1, '{-1,0,1,1,9223372036854775807}', '{x,NULL,y,z,x}')"), 1, 'requests that there are not');
like(refusal($node, 'app', q{BEGIN; SELECT FROM workflow.put_file('p', 'x'); PREPARE TRANSACTION 'p'}), qr/^0A000: cannot PREPARE a transaction that has changed files, or taken them over/, 'a change is not prepared');
like(refusal($node, 'app', q{BEGIN READ ONLY; SELECT FROM workflow.put_file('p', 'x')}), qr/^25006: /, 'nothing is put in a transaction that only reads');
is(app(q{BEGIN READ ONLY; SELECT workflow.get_file('after')}), '\x78', 'but read');
$node->safe_psql('postgres', q{SELECT FROM workflow.set_setting('approve_runtimes', 'true')});
my $r3 = register('r3');
like(refusal($node, 'reader', "SELECT * FROM workflow.pull_files('r3', $r3)"), qr/^WF002: runtime "r3" may not pull files/, 'who was not approved');
$node->safe_psql('postgres', q{SELECT FROM workflow.approve_runtime('r3')});
isnt(waiting('r3', $r3), 0, 'once it is, it pulls');
confirm('r3', $r3);
$node->safe_psql('postgres', q{SELECT FROM workflow.set_setting('approve_runtimes', NULL)});

#
# Two that put the same path, or ones that are in each other's way.
#
my $first = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
foreach my $case ([ 'same', 'same', '' ], [ 'Case', 'CASE', '42710' ], [ 'dir/x', 'dir', '42710' ], [ 'file', 'file/x', '42710' ])
{
	my ($one, $two, $state) = @$case;
	my $second = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app', '-v', 'VERBOSITY=sqlstate' ]);

	$first->query_safe("BEGIN; SELECT FROM workflow.put_file('$one', 'one')");
	$second->query_until(qr/trying/, "\\echo trying\nSELECT version FROM workflow.put_file('$two', 'two') \\gset\n");
	wait_for($node, q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}, 'the second to wait');
	$first->query_safe('COMMIT');
	$second->query('SELECT 1');
	is($second->{stderr} =~ /(\d\w{4})/ ? $1 : '', $state, "$two while $one is put");
	$second->quit;
}
is(app(q{SELECT version, convert_from(workflow.get_file('same'), 'UTF8') FROM workflow.files WHERE path = 'same'}), '2|two', 'the second of two comes second');
$first->quit;
my $bulk = app(q{SELECT count(*) FROM generate_series(1, 10000) n, LATERAL workflow.put_file('bulk/' || n % 100 || '/' || n, convert_to(n::text, 'UTF8'))});
is($bulk, 10000, 'ten thousand files in one transaction');
is(waiting('r1', $r1), 10006, 'all of them wait, and one that was put twice, twice');
my ($got, $calls) = (0, 0);
while (1)
{
	my $n = reader("SELECT count(*) FROM workflow.pull_files('r1', $r1, 1000)") or last;
	reader("SELECT workflow.confirm_files('r1', $r1, ARRAY(SELECT request FROM workflow.pull_files('r1', $r1, 1000)))");
	$got += $n;
	last if ++$calls > 20;
}
is("$got $calls", '10005 11', 'and are taken over in pieces, each once');

#
# What was deleted is forgotten after a week, when all have heard of it; uploads after a day.
#
is(confirm('r2', $r2), 5, 'another one has nearly all');
is(confirm('r2', $r2), 0, 'and then all, too');
confirm('r3', $r3) foreach 1 .. 2;
app(q{SELECT workflow.delete_file('bulk/' || n % 100 || '/' || n) FROM generate_series(1, 10) n});
app(q{SELECT workflow.put_file_part(workflow.begin_file('left'), 0, 'x')});
confirm('r1', $r1);
$node->safe_psql('postgres', q{
	UPDATE workflow.file SET at = at - interval '8 days'; UPDATE workflow.file_request SET at = at - interval '8 days';
	UPDATE workflow.file_upload SET at = at - interval '2 days'});
my $deleted = q{SELECT count(*) FROM workflow.file WHERE newest AND size IS NULL};
my $before = $node->safe_psql('postgres', $deleted);
$node->append_conf('postgresql.conf', "workflow.enabled = on\nworkflow.sweep_interval = 1s\nworkflow.retention = '30 d'");
$node->restart;
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM workflow.file_request) AND NOT EXISTS (SELECT FROM workflow.file_upload)}, 'requests and uploads to be forgotten');
wait_for($node, "SELECT ($deleted) = 10", 'deletions of which all have heard to be forgotten');
is($node->safe_psql('postgres', $deleted), 10, 'but not those of which two have not heard');
cmp_ok($before, '>', 10, 'there were more');
confirm($_->[0], $_->[1]) foreach [ 'r2', $r2 ];
reader("SELECT workflow.shutdown_runtime('r3', $r3)");
$node->safe_psql('postgres', q{SELECT workflow.remove_runtime('r3')});
wait_for($node, "SELECT ($deleted) = 0", 'the rest to be forgotten when the one has heard, and the other is forgotten itself');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.file_cursor WHERE runtime = 'r3'}), 0, 'how far it was is forgotten, too');
is($node->safe_psql('postgres', 'SELECT * FROM workflow.check()'), '', 'everything fits together');

# Another place: what was counted by transactions of this one means nothing there.
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->stop;
$node->append_conf('postgresql.conf', 'workflow.enabled = off');
$node->start;
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dump', $node->connstr('postgres') ], 'a dump');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $node->basedir . '/dump' ], 'restored elsewhere');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
is($node->safe_psql('copy', q{SELECT count(*) FROM workflow.files}), $node->safe_psql('postgres', q{SELECT count(*) FROM workflow.files}), 'the files are there');
my $copied = as($node, 'reader', q{SELECT epoch FROM workflow.register_runtime('r1')}, 'copy');
is(as($node, 'reader', qq{SELECT files = (SELECT count(*) FROM workflow.files) FROM workflow.beat('r1', $copied)}, 'copy'), 't', 'and a runtime begins with all of them');
as($node, 'app', q{SELECT FROM workflow.put_file('more', 'x')}, 'copy');
as($node, 'reader', qq{SELECT workflow.confirm_files('r1', $copied, ARRAY(SELECT request FROM workflow.pull_files('r1', $copied, 10000)))}, 'copy');
as($node, 'reader', qq{SELECT workflow.confirm_files('r1', $copied, ARRAY(SELECT request FROM workflow.pull_files('r1', $copied, 10000)))}, 'copy');
is(as($node, 'reader', qq{SELECT files FROM workflow.beat('r1', $copied)}, 'copy'), 0, 'takes them over');
is($node->safe_psql('copy', q{SELECT count(*) FROM workflow.file_receipt}), 0, 'and moves on');
is($node->safe_psql('copy', 'SELECT * FROM workflow.check()'), '', 'everything fits together there, too');

$node->stop;
done_testing();
