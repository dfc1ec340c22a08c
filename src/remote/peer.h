/*
 * peer.h
 *	  Who is at the other end of a line.
 */
#ifndef WF_PEER_H
#define WF_PEER_H

#include "remote/target.h"

extern bool wf_peer_open(WfLine *line, const WfTargets *targets, const char *encoding, int timeout, bool strict,
						 bool *refused);

#endif							/* WF_PEER_H */
