/*
 * other_clock.c
 *	  A clock that jumps, and a minute that takes a second, for
 *	  test/t/clock.pl.  To be preloaded (LD_PRELOAD) into the server.
 *
 * The real time is that of the machine and the seconds in the file that
 * OTHER_CLOCK names (8 bytes, in the machine's order).  The clock by which sleeps
 * are measured stays as it is, as on a machine that was suspended or whose time was
 * set; but whoever sleeps for longer than a second wakes after a sixtieth of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset = NULL;

static void *
real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static int64_t
seconds(void)
{
	if (offset == NULL)
	{
		const char *name = getenv("OTHER_CLOCK");
		int			file = name ? open(name, O_RDONLY) : -1;
		void	   *map = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);

		if (file >= 0)
			close(file);
		if (map == MAP_FAILED)
			return 0;
		offset = map;
	}
	return *offset;
}

int
gettimeofday(struct timeval *now, void *zone)
{
	static int	(*call) (struct timeval *, void *) = NULL;
	int			result;

	if (call == NULL)
		call = real("gettimeofday");
	result = call(now, zone);
	now->tv_sec += seconds();
	return result;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static int	(*call) (clockid_t, struct timespec *) = NULL;
	int			result;

	if (call == NULL)
		call = real("clock_gettime");
	result = call(clock, now);
	if (clock == CLOCK_REALTIME)
		now->tv_sec += seconds();
	return result;
}

time_t
time(time_t *result)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	if (result)
		*result = now.tv_sec;
	return now.tv_sec;
}

int
epoll_wait(int set, struct epoll_event *events, int n, int timeout)
{
	static int	(*call) (int, struct epoll_event *, int, int) = NULL;

	if (call == NULL)
		call = real("epoll_wait");
	return call(set, events, n, timeout > 1000 ? timeout / 60 : timeout);
}
