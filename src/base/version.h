/*
 * version.h
 *	  What the SQL of the extension has in this database.
 *
 * The library serves every database of the server, and each of them has the
 * SQL of its last ALTER EXTENSION UPDATE: that of this version or of any
 * earlier one, from 0.1.0 on.  Code that depends on a difference asks here, in
 * the transaction that acts on the answer.  The answer comes from the system
 * caches each time, so it is never out of date, but it is meant for rare work
 * only: a statement that every step executes must not depend on the version.
 *
 * A function that returns more columns than in an older version learns their
 * number from the descriptor of its call; a function that was added needs
 * nothing.
 */
#ifndef WF_VERSION_H
#define WF_VERSION_H

extern bool wf_version_has_column(const char *table, const char *column);

#endif							/* WF_VERSION_H */
