/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Where the other server may be: the hosts of a connection string.
 *
 * Runs in the link and in the courier.  libpq tries the hosts of a connection string by
 * itself, and looks up their names, which cannot be interrupted: so each is tried here,
 * with its addresses.  A service is resolved by libpq, which has no function for that: it
 * is on the way to a connection that it refuses, before it opens anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "remote/address.h"
#include "remote/target.h"

/* Options that are dealt with here, or have no meaning for one host. */
static const char *const own[] = {
	"host", "hostaddr", "port", "service", "target_session_attrs", "load_balance_hosts", "connect_timeout",
	"fallback_application_name", "client_encoding", "replication"
};

/*
 * What is said to the server and to the system unless the connection string does: a
 * connection that is dead is to be noticed, and Kerberos asks servers of its own, for
 * which nobody here waits.
 */
static const struct
{
	const char *keyword;
	const char *value;
}			defaults[] =
{
	{"keepalives_idle", "10"},
	{"keepalives_interval", "5"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "15000"},
	{"gssencmode", "disable"}
};

/* --- reading ----------------------------------------------------------------------------- */

static bool
is_one_of(const char *keyword, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(keyword, list[i]) == 0)
			return true;
	return false;
}

/* Does the connection string itself make sense, and has it no password? */
static bool
check(WfLine *line, const char *conninfo)
{
	const WfLinkFunctions *pq = wf_line_library();
	char	   *message = NULL;
	PQconninfoOption *options = pq->conninfoParse(conninfo, &message);
	bool		good = options != NULL;

	if (!good)
		wf_line_trouble(line, "workflow.remote: %s", message == NULL ? "out of memory" : message);
	for (const PQconninfoOption *option = options; good && option->keyword != NULL; option++)
	{
		if (option->val == NULL || (strcmp(option->keyword, "password") != 0 &&
									strcmp(option->keyword, "sslpassword") != 0))
			continue;
		wf_line_trouble(line, "workflow.remote has a password: put it into a password file or a service file");
		good = false;
	}
	pq->conninfoFree(options);
	pq->freemem(message);
	return good;
}

/* All options, with those of a service and of the environment; NULL: there is trouble. */
static PQconninfoOption *
expand(WfLine *line, const char *conninfo)
{
	const WfLinkFunctions *pq = wf_line_library();
	const char *const keywords[] = {"dbname", "target_session_attrs", NULL};
	const char *const values[] = {conninfo, "none of them", NULL};
	PGconn	   *conn = pq->connectStartParams(keywords, values, 1);
	PQconninfoOption *options = conn == NULL ? NULL : pq->conninfo(conn);
	bool		refused = conn != NULL && strstr(pq->errorMessage(conn), "none of them") != NULL;

	if (options == NULL)
		wf_line_trouble(line, "out of memory");
	else if (!refused)
		wf_line_trouble(line, "workflow.remote: %s", pq->errorMessage(conn));
	pq->finish(conn);
	if (options != NULL && !refused)
	{
		pq->conninfoFree(options);
		options = NULL;
	}
	return options;
}

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

/* The n-th item of a list with commas; NULL: it is empty, or there is none. */
static const char *
item(const char *list, int n)
{
	const char *end;

	for (; list != NULL && n > 0; n--)
	{
		list = strchr(list, ',');
		if (list != NULL)
			list++;
	}
	if (list == NULL)
		return NULL;
	end = strchr(list, ',');
	if (end == NULL)
		end = list + strlen(list);
	return end == list ? NULL : pnstrdup(list, end - list);
}

static int
count_items(const char *list)
{
	int			n = list != NULL && list[0] != '\0';

	for (; n > 0 && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static void
read_targets(WfTargets *targets, const PQconninfoOption *options)
{
	const char *hosts = value_of(options, "host");
	const char *addresses = value_of(options, "hostaddr");
	const char *ports = value_of(options, "port");

	targets->n = Max(Max(count_items(hosts), count_items(addresses)), 1);
	targets->targets = palloc0(sizeof(WfTarget) * targets->n);
	for (int i = 0; i < targets->n; i++)
	{
		targets->targets[i].host = item(hosts, i);
		targets->targets[i].hostaddr = item(addresses, i);
		targets->targets[i].port = item(ports, count_items(ports) > 1 ? i : 0);
	}
}

/* The value of an option, if nobody has given one: ours; what libpq was built with is nobody's. */
static const char *
value_or_default(const PQconninfoOption *option)
{
	bool		given = option->val != NULL && option->val[0] != '\0' &&
		(option->compiled == NULL || strcmp(option->val, option->compiled) != 0);

	for (int i = 0; !given && i < (int) lengthof(defaults); i++)
		if (strcmp(defaults[i].keyword, option->keyword) == 0)
			return defaults[i].value;
	return option->val;
}

static void
read_options(WfTargets *targets, const PQconninfoOption *options)
{
	int			n = 0;

	while (options[n].keyword != NULL)
		n++;
	targets->keywords = palloc(sizeof(char *) * (n + 1));
	targets->values = palloc(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		const char *value = value_or_default(&options[i]);

		if (value == NULL || value[0] == '\0' || is_one_of(options[i].keyword, own, lengthof(own)))
			continue;
		targets->keywords[targets->noptions] = pstrdup(options[i].keyword);
		targets->values[targets->noptions++] = pstrdup(value);
	}
}

/* Read a connection string; NULL: the line has the trouble.  To be freed. */
WfTargets *
wf_target_read(WfLine *line, const char *conninfo)
{
	MemoryContext context;
	MemoryContext old;
	PQconninfoOption *options;
	WfTargets  *targets;

	if (!check(line, conninfo))
		return NULL;
	options = expand(line, conninfo);
	if (options == NULL)
		return NULL;
	context = AllocSetContextCreate(TopMemoryContext, "workflow targets", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	targets = palloc0(sizeof(WfTargets));
	targets->context = context;
	read_targets(targets, options);
	read_options(targets, options);
	MemoryContextSwitchTo(old);
	wf_line_library()->conninfoFree(options);
	return targets;
}

/* Free what wf_target_read() has returned; NULL: nothing. */
void
wf_target_free(WfTargets *targets)
{
	if (targets != NULL)
		MemoryContextDelete(targets->context);
}

/* --- opening ------------------------------------------------------------------------------ */

/* Open a line to a host at an address; NULL: as the host says. */
static bool
open_at(WfLine *line, const WfTargets *targets, const WfTarget *target, const char *address,
		const char *encoding, int timeout)
{
	const char **keywords = palloc(sizeof(char *) * (targets->noptions + 6));
	const char **values = palloc(sizeof(char *) * (targets->noptions + 6));
	int			n = targets->noptions;

	memcpy(keywords, targets->keywords, sizeof(char *) * n);
	memcpy(values, targets->values, sizeof(char *) * n);
#define ADD(keyword, value) (keywords[n] = (keyword), values[n++] = (value))
	ADD("host", target->host);
	ADD("hostaddr", address);
	ADD("port", target->port);
	ADD("client_encoding", encoding);
	ADD("fallback_application_name", "workflow link");
#undef ADD
	keywords[n] = values[n] = NULL;
	return wf_line_open(line, keywords, values, timeout);
}

/*
 * Open a line to the n-th target, within so many ms for each of its addresses.  encoding:
 * of what is said, or NULL.  False: there is trouble.
 */
bool
wf_target_open(WfLine *line, const WfTargets *targets, int n, const char *encoding, int timeout)
{
	const WfTarget *target = &targets->targets[n];
	WfAddress	addresses[WF_ADDRESS_MAX];
	int			naddresses;

	if (target->hostaddr != NULL || target->host == NULL || !wf_address_is_needed(target->host))
		return open_at(line, targets, target, target->hostaddr, encoding, timeout);
	naddresses = wf_address_find(line, target->host, timeout, addresses);
	for (int i = 0; i < naddresses; i++)
		if (open_at(line, targets, target, addresses[i].text, encoding, timeout))
			return true;
	return false;
}
