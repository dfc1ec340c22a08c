/*
 * wire.h
 *	  Texts on their way to another server, and from there.
 */
#ifndef WF_WIRE_H
#define WF_WIRE_H

/* The encoding of what is said on a line about runs. */
#define WF_WIRE_ENCODING	"UTF8"

extern const char *wf_wire_in(const char *text);
extern const char *wf_wire_out(const char *text);

#endif							/* WF_WIRE_H */
