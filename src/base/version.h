/*
 * version.h
 *	  What the SQL of the extension has in this database.
 *
 * The library serves every database of the server, and each of them has the
 * SQL of its last ALTER EXTENSION UPDATE: of this version or of any earlier
 * one, from 0.1.0 on.  Where they differ, ask here, in the transaction that
 * acts on the answer.  It is looked up in the system caches each time, so it
 * is never out of date: for what is done rarely.  A statement that every step
 * executes must not depend on the version.
 *
 * Functions that return more columns by now learn from their call how many
 * their caller knows; those that were added need nothing.
 */
#ifndef WF_VERSION_H
#define WF_VERSION_H

extern bool wf_version_has_column(const char *table, const char *column);

#endif							/* WF_VERSION_H */
