# What export() gives is a machine that XState itself takes, and that goes
# where the engine goes; and the JSON Schema of the manual agrees with
# define(). For the real definitions of the suites, those of the manual, and
# those that the tests of define() call faulty.
#
# From the environment: WORKFLOW_NODE, a directory with what
# test/node/package.json asks for; WORKFLOW_SUITES, the suites.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl", "$FindBin::Bin/../conformance.d";

use File::Copy;
use File::Find;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Examples;
use Machine;
use OrderedJson;

my $tools = $ENV{WORKFLOW_NODE};
plan skip_all => 'needs WORKFLOW_NODE, see test/setup' unless defined $tools;
my $top = "$FindBin::Bin/../..";
chdir($top) or die "cannot chdir: $!";

my $node = PostgreSQL::Test::Cluster->new('export');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'workflow'\nworkflow.max_executors = 0\nfsync = off\n");
$node->start;

my (@machines, @documents);

sub slurp
{
	my ($path) = @_;

	open(my $file, '<:encoding(UTF-8)', $path) or die "cannot read $path: $!";
	local $/;
	return scalar <$file>;
}

# What a script prints, in a database, as a list of JSON texts.
sub answers
{
	my ($database, $script) = @_;
	my ($out, $err);

	IPC::Run::run(
		[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$script, '>', \$out, '2>', \$err) or die "psql failed: $err";
	utf8::decode($out);
	return grep { /^\{/ } split /\n/, $out;
}

sub drop_database
{
	my ($database) = @_;

	$node->safe_psql('postgres', "DROP DATABASE $database WITH (FORCE)");
	$node->safe_psql('postgres', q{
		SELECT format('DROP ROLE %I', rolname) FROM pg_roles
		WHERE rolname !~ '^(pg|workflow)_' AND NOT rolsuper \gexec});
	return;
}

# Run one of our programs; each line of its TAP is a test.
sub judge
{
	my ($program, @lines) = @_;
	my ($name) = $program->[0];
	my $input = join('', map { "$_\n" } @lines);
	my ($out, $err) = ('', '');

	# Modules are looked for beside the program.
	copy("test/node/$name", "$tools/$name") or die "cannot copy $name: $!";
	utf8::encode($input);
	my $good = IPC::Run::run([ 'node', "$tools/$name", @{$program}[ 1 .. $#$program ] ],
		'<', \$input, '>', \$out, '2>', \$err);
	ok($good, "$name runs") or diag($err);
	foreach my $line (split /\n/, $out)
	{
		if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, "$name: $2") }
		elsif ($line =~ /^#(.*)/) { diag($1) }
	}
	my ($count) = $out =~ /^1\.\.(\d+)$/m;
	is($count, scalar @lines, "$name: one test for each");
	return;
}

#
# The suites
#
my $quoted = sub { return '$json$' . $_[0] . '$json$' };
my @files;
find({ wanted => sub { push @files, $_ if /\.json\z/ }, no_chdir => 1 }, "$ENV{WORKFLOW_SUITES}/definitions")
  if $ENV{WORKFLOW_SUITES};
my ($refused, $script) = (0, "SET client_min_messages = error;\n");
foreach my $path (sort @files)
{
	my $case = decode_ordered(slurp($path));
	next unless ref $case eq 'HASH' && ref $case->{machine} eq 'HASH';
	my $machine = Machine->new($case->{machine});
	my @definitions = $machine->definitions;
	my ($name) = $path =~ m{definitions/(.*)\.json$};
	my $id = $quoted->($machine->name);

	$script .= "SELECT define(" . join(', ', map { $quoted->(encode_ordered($_)) } @definitions)
	  . ")::text AS faults \\gset\nSELECT :'faults' = '[]' AS good \\gset\n\\if :good\n"
	  . "\\set trace ''\n\\set ON_ERROR_STOP 0\nCALL trace($id, NULL) \\gset\n\\set ON_ERROR_STOP 1\n"
	  . "SELECT json_build_object('name', '$name', 'machine', workflow.export($id), 'trace', nullif(:'trace', '')::json,"
	  . " 'documents', json_build_array(" . join(', ', map { $quoted->(encode_ordered($_)) . '::json' } @definitions) . "))::text;\n"
	  . "\\else\nSELECT json_build_object('refused', '$name', 'faults', :'faults');\n\\endif\n";
}

if (@files)
{
	$node->safe_psql('postgres', 'CREATE DATABASE suites');
	$node->safe_psql('suites', slurp('test/conformance.d/world.sql') . slurp('test/node/trace.sql'));
	$script = "SET ROLE author;\nSET search_path = conformance;\nSET timezone = 'UTC';\n$script";
	foreach my $line (answers('suites', $script))
	{
		my $answer = decode_ordered($line);

		if (defined $answer->{refused}) { note("define() refuses $answer->{refused}: $answer->{faults}"); $refused++; next }
		push @documents, encode_ordered({ name => $answer->{name}, document => $_, valid => JSON::PP::true })
		  foreach @{ delete $answer->{documents} };
		# Guards that are SQL cannot be asked outside of the database.
		delete $answer->{trace}
		  if grep { $_ eq 'workflow.expr' } @{ $answer->{machine}{meta}{workflow}{implement}{guards} };
		push @machines, encode_ordered($answer);
	}
	$node->safe_psql('postgres', 'REVOKE ALL ON PARAMETER workflow.test_clock FROM author');
	drop_database('suites');
	cmp_ok(scalar @machines, '>', 30, "definitions of the suites that define() takes, $refused refused");
}

#
# The manual; its examples wait for workers
#
$node->append_conf('postgresql.conf', 'workflow.max_executors = 2');
$node->restart;
foreach my $path ('README.md', sort glob('doc/*.md'))
{
	my @examples = examples_of($path);
	my $database = 'manual';

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->psql($database, script_of(@examples), extra_params => ['--no-psqlrc'], on_error_die => 0);
	push @machines, map { encode_ordered(decode_ordered($_)) } answers($database, qq{
		SELECT json_build_object('name', '$path: ' || name || ' ' || version, 'machine', workflow.export(name, version))
		FROM workflow.definitions ORDER BY id}) if grep { ($_->{sql} // '') =~ /CREATE EXTENSION/ } @examples;
	push @documents, map {
		encode_ordered({ name => "$path, line $_->{line}", document => decode_ordered($_->{json}), valid => JSON::PP::true })
	} grep { defined $_->{json} && $_->{sqlstate} eq '00000' } @examples;
	drop_database($database);
}

#
# What the tests of define() call faulty. Whether a target, a function or a
# delay is there, or a key twice, is not for a schema to say.
#
my $shape = qr/unknown key|must be (?!boolean|type)|"\w+" is missing|cannot have|there is no state type|the expression is empty/;
my $faulty = 0;
my $tests = slurp('test/sql/define.sql');
while ($tests =~ /faults\('((?:[^']|'')*)'\)[^;]*?ARRAY\[(.*?)\],?\s*\n?\s*'[^;]*;/gs)
{
	my ($text, $faults) = ($1, $2);

	next unless $faults =~ $shape;
	$text =~ s/''/'/g;
	my $document = eval { decode_ordered($text) } // next;
	push @documents, encode_ordered({ name => 'define.sql: ' . ($text =~ s/\s+/ /gr), document => $document, valid => JSON::PP::false });
	$faulty++;
}
cmp_ok($faulty, '>=', 5, "faulty definitions in the tests of define()");

# One word of a good definition changed.
my $good = q({"id": "x", "initial": "a", "context": {"n": 1}, "delays": {"w": {"duration": "P1D", "calendar": "o"}, "d": {"@expr": "x"}}, "states": {
	"a": {"entry": [{"type": "assign", "context": {"n": {"@expr": "2"}}}, {"type": "raise", "event": {"type": "e", "data": 1}, "delay": "d"}, "f",
			{"type": "sendParent", "event": "up"}, {"type": "send", "event": {"type": "done.mine"}, "target": "#_internal"}, {"type": "sendTo", "event": "e2", "to": "#_p"},
			{"type": "choose", "branches": [{"guard": {"type": "and", "guards": ["g", {"type": "not", "guard": true}]}, "actions": "f"}]},
			{"type": "foreach", "array": [1], "item": "i", "actions": {"type": "cancel", "id": "x"}}],
		"on": {"go": {"target": "b", "guard": {"type": "stateIn", "stateId": "a"}, "reenter": true, "allow": {"role": ["r"], "deny": {"fn": "f"}}}},
		"after": {"1 s": {"target": "b", "keep": true}}, "defer": ["q"],
		"invoke": {"src": "child", "retry": [{"errors": ["*"], "maxAttempts": 3}], "onError": "b"}},
	"b": {"type": "final", "output": {"@literal": {"@expr": 1}}}}, "on_error": {}, "step_timeout": "1 min", "search": {"k": "$.k", "m": {"@expr": "1"}}});
my @changes = (
	[ '"id": "x", ' => '' ], [ '"id": "x", ' => '"id": "", ' ], [ '"id": "x", ' => '"id": 1, ' ], [ '"initial": "a", ' => '' ],
	[ '{"n": 1}' => '[1]' ], [ '{"n": 1}' => '{"n": {"@exp": "1"}}' ], [ '{"@expr": "x"}' => '{"@expr": " "}' ],
	[ '{"@expr": "x"}' => '{"@expr": "x", "@lang": "js"}' ], [ '{"@expr": "x"}' => '-2' ], [ '"entry"' => '"entrance"' ],
	[ '"context": {"n": {' => '"contexts": {"n": {' ], [ '{"type": "e", "data": 1}' => '{"type": "e", "data": 1, "more": 2}' ],
	[ '{"type": "e", "data": 1}' => '{"data": 1}' ], [ '"raise"' => '"xstate.rise"' ], [ '"raise", "event"' => '"raise", "evnt"' ],
	[ '"up"' => '"done.up"' ], [ '"up"' => '{"type": "error.up"}' ], [ '"#_internal"' => '"#_p"' ], [ '"e2"' => '"workflow.cancel"' ], [ '"e2"' => '"after.1"' ],
	[ '{"type": "e", "data": 1}' => '{"type": "workflow.e", "data": 1}' ], [ '"1 min"' => '{"duration": "PT1M", "calendar": "o"}' ],
	[ '"f",' => '["f"],' ], [ '"f",' => '{"@expr": "f"},' ], [ '"branches"' => '"branch"' ], [ '"guards"' => '"guard"' ],
	[ '"guard": true' => '"guards": []' ], [ '"guard": true' => '"guard": 1' ], [ '"item": "i", ' => '' ], [ '"cancel", "id"' => '"cancel", "ids"' ],
	[ '"stateIn", "stateId"' => '"stateIn", "stat"' ], [ '"reenter": true' => '"reenter": "yes"' ], [ '"reenter": true' => '"keep": true' ],
	[ '"target": "b", "guard"' => '"cond": "g", "guard"' ], [ '"target": "b", "guard"' => '"target": {}, "guard"' ],
	[ '{"role": ["r"], "deny": {"fn": "f"}}' => '{}' ], [ '{"fn": "f"}' => '{"deny": "f"}' ], [ '"keep": true' => '"keeps": true' ], [ '["q"]' => '[1]' ],
	[ '"src": "child", ' => '' ], [ '"maxAttempts": 3' => '"maxAttempts": -3' ], [ '"maxAttempts"' => '"attempts"' ],
	[ '"final", ' => '"final", "on": {"x": "a"}, ' ], [ '"final", ' => '"finall", ' ], [ '"final", ' => '"atomic", ' ], [ '"final", ' => '"final", "history": "deep", ' ],
	[ '{"@literal": {' => '{"a": 1, "@literal": {' ], [ '"b": {' => '"b.c": {' ], [ '"b": {' => '"#b": {' ], [ '"1 min"' => '{"@expr": "1"}' ],
	[ '"P1D"' => '"1 week"' ], [ '"calendar"' => '"calender"' ], [ '"duration": "P1D", ' => '' ], [ '"$.k"' => '1' ], [ '"$.k"' => '{"path": "$.k"}' ],
	[ '"states": {' => '"stats": {}, "states": {' ], [ '"states": {' => '"type": "parallel", "states": {' ]);
push @documents, encode_ordered({ name => 'a good definition', document => decode_ordered($good), valid => JSON::PP::true });
foreach my $change (@changes)
{
	my ($from, $to) = @$change;
	(my $text = $good) =~ s/\Q$from\E/$to/ or die "there is no $from";
	push @documents, encode_ordered({ name => "$from replaced by $to", document => decode_ordered($text), valid => JSON::PP::false });
}

judge(['xstate.mjs'], @machines);
judge([ 'schema.mjs', 'doc/workflow.schema.json' ], @documents);

$node->stop;
done_testing();
