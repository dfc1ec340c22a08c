/*
 * address.h
 *	  The addresses of a host.
 */
#ifndef WF_ADDRESS_H
#define WF_ADDRESS_H

#include "remote/line.h"

/* So many of a host are tried. */
#define WF_ADDRESS_MAX		16

/* A numeric address. */
typedef struct WfAddress
{
	char		text[64];
} WfAddress;

extern bool wf_address_is_needed(const char *host);
extern int	wf_address_find(WfLine *line, const char *host, int timeout, WfAddress *addresses);

#endif							/* WF_ADDRESS_H */
