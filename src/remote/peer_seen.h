/*
 * peer_seen.h
 *	  Which server was at the other end before.
 */
#ifndef WF_PEER_SEEN_H
#define WF_PEER_SEEN_H

/* A server, and how far its history went. */
typedef struct WfPeerSeen
{
	uint64		system;			/* its system identifier; 0: none was seen */
	uint32		timeline;
} WfPeerSeen;

extern void wf_peer_seen_read(WfPeerSeen *seen);
extern bool wf_peer_seen_write(const WfPeerSeen *seen);

#endif							/* WF_PEER_SEEN_H */
