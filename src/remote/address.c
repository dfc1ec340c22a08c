/*-------------------------------------------------------------------------
 *
 * address.c
 *	  The addresses of a host.
 *
 * Runs in the link and in the courier.  To look up a name can take minutes when no server
 * of names answers, and nothing can interrupt it: so a child process does it, which is
 * killed when it takes too long, or this process is to end.  The child touches nothing
 * of the server: it has neither shared memory nor anything else to do but that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pg_shmem.h"

#include "base/clock.h"
#include "remote/address.h"

/* The child that is looking; 0: none. */
static pid_t child = 0;

/* Does a host have a name that is to be looked up?  Not the directory of a socket, nor an address. */
bool
wf_address_is_needed(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return host[0] != '\0' && host[0] != '/' && host[0] != '@' &&
		inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1;
}

/* --- the child ------------------------------------------------------------------------ */

/* Write the addresses of a host, a record each. */
static void
look_up(const char *host, int file)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return;
	for (int i = 0; found != NULL && i < WF_ADDRESS_MAX; found = found->ai_next, i++)
	{
		WfAddress	address = {{0}};

		if (getnameinfo(found->ai_addr, found->ai_addrlen, address.text, sizeof(address.text), NULL, 0,
						NI_NUMERICHOST) == 0 &&
			write(file, &address, sizeof(address)) != sizeof(address))
			return;
	}
}

/* What the child does. */
static void
be_child(const char *host, int file)
{
	pqsignal(SIGTERM, SIG_DFL);
	pqsignal(SIGINT, SIG_DFL);
	pqsignal(SIGQUIT, SIG_DFL);
	pqsignal(SIGHUP, SIG_IGN);
	pqsignal(SIGUSR1, SIG_IGN);
	pqsignal(SIGALRM, SIG_IGN);
	(void) sigprocmask(SIG_SETMASK, &UnBlockSig, NULL);
	/* a server that is started anew is not to find this one attached */
	PGSharedMemoryDetach();
	look_up(host, file);
	_exit(0);
}

/* --- its parent ----------------------------------------------------------------------- */

static void
end_child(void)
{
	if (child == 0)
		return;
	(void) kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	child = 0;
}

/* Before the process exits. */
static void
end_child_at_exit(int code, Datum arg)
{
	end_child();
}

/* Start a child that looks up the host; the end of a pipe to read from, or -1. */
static int
start_child(const char *host)
{
	static bool registered = false;
	int			ends[2];

	if (!registered)
		before_shmem_exit(end_child_at_exit, (Datum) 0);
	registered = true;
	if (pipe(ends) != 0)
		return -1;
	(void) sigprocmask(SIG_SETMASK, &BlockSig, NULL);
	child = fork();
	if (child == 0)
	{
		close(ends[0]);
		be_child(host, ends[1]);
	}
	(void) sigprocmask(SIG_SETMASK, &UnBlockSig, NULL);
	close(ends[1]);
	if (child > 0)
		return ends[0];
	child = 0;
	close(ends[0]);
	return -1;
}

/* Read what the child writes until it ends; false: it takes too long. */
static bool
read_child(int file, int64 until, WfAddress *addresses, int *n)
{
	char	   *at = (char *) addresses;
	Size		room = sizeof(WfAddress) * WF_ADDRESS_MAX;

	while (room > 0)
	{
		ssize_t		got;

		if (wf_line_wait(file, WL_SOCKET_READABLE, until) == 0)
			return false;
		got = read(file, at, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		at += got;
		room -= got;
	}
	*n = (at - (char *) addresses) / sizeof(WfAddress);
	return true;
}

/*
 * The addresses of a host, of which there is room for WF_ADDRESS_MAX, within so many ms.
 * Returns how many; 0: the line has the trouble.
 */
int
wf_address_find(WfLine *line, const char *host, int timeout, WfAddress *addresses)
{
	int			n = 0;
	int			file = start_child(host);
	bool		in_time;

	if (file < 0)
	{
		wf_line_trouble(line, "could not start a process to look up host \"%s\": %s", host, strerror(errno));
		return 0;
	}
	in_time = read_child(file, wf_clock_real_steady() + timeout * INT64CONST(1000), addresses, &n);
	close(file);
	end_child();
	if (!in_time)
		wf_line_trouble(line, "host \"%s\" was not found in time", host);
	else if (n == 0)
		wf_line_trouble(line, "host \"%s\" was not found", host);
	return in_time ? n : 0;
}
