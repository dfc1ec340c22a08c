# What only logins, other programs and the sources themselves can show of
# security: the procedure that waits, dumps, dead roles, and that no text is
# ever pasted into SQL.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

# Whether our SQL has values pasted in: texts of statements are constants.
my $sources = "$FindBin::Bin/../../src";
my (@executing, @texts, @built);
foreach my $file (glob("$sources/*.c $sources/*/*.c"))
{
	my $text = slurp_file($file);
	my ($name) = $file =~ m{([^/]+)$};

	# A comment calls nothing.
	(my $code = $text) =~ s{/\*.*?\*/}{}gs;
	push @executing, "$name $1" while $code =~ /\b((?:SPI_(?:exec|prepare|cursor_open|cursor_parse|execp)\w*|raw_parser|pg_parse_query|parse_analyze\w*|PQexec\w*|PQsendQuery\w*)) ?\(/g;
	# The text of a statement: literals, macros of more of them, comments. A
	# macro's own parameter is one, too, where there is a backslash behind it.
	while ($text =~ /\.sql\s*=\s*/g)
	{
		my $at = substr($text, pos($text), 300);

		push @texts, $name;
		1 while $text =~ m{\G (?: \s | \\\n | /\*.*?\*/ | "(?:[^"\\]|\\.)*" | [A-Z][A-Z_0-9]*(\((?:[^()"]++|"(?:[^"\\]|\\.)*"|(?1))*+\))?
			| \#[a-z]+ | [a-z_]+ (?=[ ]"[^\n]*\\\n) )}gcsx;
		push @built, "$name: $at" if $text !~ /\G[,}]/gc;
	}
}
is(join(', ', sort @executing),
	'archive.c SPI_execute_plan, archive_table.c SPI_prepare, bound.c SPI_execute_plan, bound.c SPI_prepare, expression.c raw_parser, job_call.c SPI_execute_plan_extended, job_call.c SPI_prepare, job_call.c raw_parser, job_command.c parse_analyze_varparams, job_command.c raw_parser, schedule_cron.c SPI_execute_with_args, statement.c SPI_execute_plan, statement.c SPI_execute_plan, statement.c SPI_execute_snapshot, statement.c SPI_prepare_cursor',
	'ours is prepared and executed in one room, users\' commands, updates of their rows, rows of their archives, and calls of pg_cron in one each');
cmp_ok(scalar(@texts), '>', 80, 'there are many statements');
is(join("\n", @built), '', 'the text of each is a constant');
my @parts = glob("$sources/../sql/parts/*.sql");
cmp_ok(scalar(@parts), '>', 10, 'there are many parts of the SQL');
unlike(slurp_file($_), qr/SECURITY DEFINER|CREATE OR REPLACE|IF NOT EXISTS (?!\(SELECT)/i, "$_ takes nothing over") foreach @parts;

my $node = workflow_node('security');
workflow_role($node, $_) foreach qw(guest stranger);
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.grant_on('order', 'guest', 'start')});
my $theirs = as($node, 'clerk', q{SELECT workflow.start('order', '{"secret": "treasure"}')});
my $own = as($node, 'guest', q{SELECT workflow.start('order')});

# The procedure: it may not be in a transaction, so it is asked here.
foreach my $case (
	[ 'clerk', $theirs, '57014' ], [ 'guest', $theirs, 'WF002' ], [ 'guest', $own, '57014' ],
	[ 'stranger', $theirs, 'WF002' ], [ 'stranger', '01900000-0000-7000-8000-000000000000', 'WF001' ])
{
	my ($role, $process, $state) = @$case;
	my (undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nCALL workflow.await('$process', timeout => '10 ms')",
		extra_params => [ '-U', $role ]);
	like($err, qr/ERROR:  $state/, "await as $role: $state");
}

# A dump of somebody who may not read the tables has nothing of them.
foreach my $role (qw(clerk guest stranger))
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', $role, 'postgres' ], '>', \$out, '2>', \$err);
	like($err, qr/permission denied|may lack SELECT privilege/, "pg_dump of $role is refused");
	unlike($out, qr/treasure/, 'and has no secret');
}

# The role is gone, for good.
$node->safe_psql('postgres', 'CREATE ROLE passing LOGIN; GRANT workflow_user TO passing');
as($node, 'passing', q{
	SELECT workflow.define('{"id": "left", "initial": "a", "states": {"a": {"on": {"go": {"target": "b", "guard": {"@expr": "current_user IS NOT NULL"}}}}, "b": {"type": "final"}}}');
	SELECT workflow.start('left', key => 'k')});
my (undef, undef, $refused) = $node->psql('postgres', 'DROP ROLE passing');
like($refused, qr/cannot be dropped because some objects depend on it/, 'the owner of a definition cannot be dropped');
lose_role($node, 'passing');
# Whoever had it cached, and whoever has not.
my (undef, undef, $gone) = $node->psql('postgres', q{SELECT workflow.send_by_key('left', 'k', 'go')});
isnt($gone, '', 'its definitions run as nobody');
like($gone, qr/role/, 'and the error says why');
$node->safe_psql('postgres', q{SELECT workflow.post_by_key('left', 'k', 'go')});
wait_for($node, q{SELECT count(*) > 0 FROM workflow.activity WHERE wait_reason = 'the owner''s role does not exist'}, 'the reason');
ok(1, 'a worker waits for it, and says so');
my $failures = () = slurp_file($node->logfile) =~ /FATAL:/g;
cmp_ok($failures, '<=', 1, 'it is not started again and again');

# Nobody else is the worse for it, neither before adopt() gives it up nor after.
foreach my $adopted (0, 1)
{
	$node->safe_psql('postgres', 'SELECT workflow.adopt()') if $adopted;
	is(as($node, 'clerk', "SELECT count(*), (SELECT count(*) FROM workflow.$_) >= 0 FROM workflow.processes"), '2|t', "others see what is theirs, and $_")
	  foreach qw(definitions timers process_history errors drift erasures pauses);
	is($node->safe_psql('postgres', "SELECT count(*) FROM workflow.processes"), '3', 'who sees everything sees that, too');
}
my (undef, undef, $waits) = $node->psql('postgres', q{SELECT workflow.send_by_key('left', 'k', 'go')});
like($waits, qr/the role that owns definition "left" does not exist/, 'nothing happens with it');

# A new one of the name gets nothing by itself.
workflow_role($node, 'passing');
my ($code, undef, $err) = $node->psql('postgres', q{SELECT workflow.send_by_key('left', 'k', 'go')}, extra_params => [ '-U', 'passing' ]);
isnt($code, 0, 'a new role of the name does not own what the old one had');
is(as($node, 'passing', 'SELECT count(*) FROM workflow.processes'), '0', 'nor see it');
$node->safe_psql('postgres', 'SELECT workflow.adopt()');
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'k'}, 'the work of the new one');
ok(1, 'until an administrator says so');

$node->stop;
done_testing();
