/*
 * pure.h
 *	  Which expressions may run as whoever happens to send a command.
 */
#ifndef WF_PURE_H
#define WF_PURE_H

#include "nodes/nodes.h"

extern bool wf_pure_is(Node *tree);

#endif							/* WF_PURE_H */
