# workflow: a workflow engine inside PostgreSQL
#
#   make && make install && make installcheck    the ordinary way (PGXS)
#   make demo, make demo-stop                    see it work, in a server of its own
#   make check                                   every test, in servers of its own
#   make matrix                                  the same on PostgreSQL 15, 17 and 18,
#                                                and pg_upgrade between them
#   make pg_upgrade                              only that: 15 to 17, in a chroot
#   make failover                                Patroni and etcd: the leader is killed under
#                                                load; 3 minutes
#   make bench                                   speed, against references: 20 minutes;
#                                                QUICK=1: 3 minutes, FULL=1: hours
#   make bench BASE=commit                       and against another commit, turn by turn
#   make bench-peers                             beside other engines and queues, in one
#                                                cluster; QUICK=1, a few minutes of it
#   make speed                                   of the interpreter alone
#   make oracles                                 schedules as others compute them: 10,000
#                                                cron expressions, 2,000 rules; SEED=1 to repeat
#   make fuzz                                    an hour of it; MINUTES=5 for less
#   make sanitize                                the tests with sanitizers in our code
#   make dist                                    what was committed, as a zip file for PGXN
#   make package                                 packages for Debian, built and tried in
#                                                chroots; PACKAGES=directory to keep them
#   make next VERSION=0.3.0                      begin the next version, see sql/next

# These build and install for themselves, in a directory of their own, and
# must work where PostgreSQL is not even installed; PGXS has a goal `check`, too.
OUR_GOALS = check matrix pg_upgrade failover demo demo-stop bench bench-peers speed oracles fuzz sanitize dist package next
ifneq ($(filter $(OUR_GOALS),$(MAKECMDGOALS)),)

.PHONY: $(OUR_GOALS)
check:
	@test/check
matrix:
	@test/matrix $(VERSIONS)
pg_upgrade:
	@test/pg_upgrade
failover:
	@test/patroni/run
demo:
	@test/demo/run
demo-stop:
	@test/demo/stop
bench:
	@test/bench/run
bench-peers:
	@test/peers/run
speed:
	@test/fuzz/run speed
oracles:
	@ONLY=tap TAP_FILES=test/t/recurrence.pl WORKFLOW_RECURRENCES="10000 2000 $(or $(SEED),$(shell date +%s))" test/check
fuzz:
	@test/fuzz/run $(MINUTES)
sanitize:
	@test/sanitize
dist:
	@sql/dist
package:
	@test/package
next:
	@sql/next $(VERSION)

else

EXTENSION    = workflow
EXTVERSION   = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)
PARTS        = $(shell cat sql/parts/order)
MODULE_big   = $(EXTENSION)
OBJS         = $(filter-out src/link/%,$(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c))))
# What talks to other servers is a library of its own, linked with libpq.
LINK         = $(EXTENSION)_link$(DLSUFFIX)
LINK_OBJS    = $(patsubst %.c,%.o,$(sort $(wildcard src/link/*.c)))
PG_CPPFLAGS  = -I$(patsubst %/,%,$(srcdir))/src -I$(libpq_srcdir) -DWF_VERSION='"$(EXTVERSION)"'
PG_CFLAGS    = -std=gnu11 -Wall -Wextra -Wno-unused-parameter $(WF_CFLAGS)
# The SQL of this version is made from its parts. That of the released ones, and
# the scripts that lead from each to the next, are as they are for ever. A second
# extension, for tests of users, is installed with it.
DATA         = $(filter-out sql/$(EXTENSION)--$(EXTVERSION).sql,$(wildcard sql/$(EXTENSION)--*.sql))
DATA        += $(wildcard sql/tap/$(EXTENSION)_tap*)
# A program for operators, beside psql.
SCRIPTS      = src/bin/workflowctl
DATA_built   = sql/$(EXTENSION)--$(EXTVERSION).sql

TEMP_INSTANCE ?= --temp-instance=./tmp_check --temp-config=test/regress.conf
REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --encoding=UTF8 $(TEMP_INSTANCE)
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. $(subst regress.conf,isolation.conf,$(subst tmp_check,tmp_check_iso,$(TEMP_INSTANCE)))
TAP_TESTS      = 1
PROVE_TESTS    = test/t/*.pl

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

all: $(LINK)
install: install-link
uninstall: uninstall-link
clean distclean maintainer-clean: clean-link
.PHONY: install-link uninstall-link clean-link

$(LINK): $(LINK_OBJS)
	$(CC) $(CFLAGS) -shared -o $@ $(LINK_OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(libpq)
install-link: $(LINK) installdirs
	$(INSTALL_SHLIB) $(LINK) '$(DESTDIR)$(pkglibdir)/$(LINK)'
uninstall-link:
	rm -f '$(DESTDIR)$(pkglibdir)/$(LINK)'
clean-link:
	rm -f $(LINK) $(LINK_OBJS)

# PostgreSQL is built here without --enable-depend.
$(OBJS) $(LINK_OBJS): $(wildcard src/*/*.h)
src/api/api_version.o src/workflow.o src/link/link.o src/remote/link_talk.o: $(EXTENSION).control

$(DATA_built): $(PARTS:%=sql/parts/%.sql)
	cat $^ >$@

endif
