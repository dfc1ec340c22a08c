/*
 * drop.h
 *	  Versions of a definition that no process has are removed.
 */
#ifndef WF_DROP_H
#define WF_DROP_H

extern int	wf_drop_definition(const char *name, int32 version, const char *note);

#endif							/* WF_DROP_H */
