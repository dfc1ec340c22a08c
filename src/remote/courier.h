/*
 * courier.h
 *	  The process that claims runs of another server, and tells what became of them.
 */
#ifndef WF_COURIER_H
#define WF_COURIER_H

#include "postgres.h"

extern PGDLLEXPORT void wf_courier_main(Datum arg);

#endif							/* WF_COURIER_H */
