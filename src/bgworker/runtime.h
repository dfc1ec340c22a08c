/*
 * runtime.h
 *	  The process that looks after one database.
 */
#ifndef WF_RUNTIME_H
#define WF_RUNTIME_H

extern PGDLLEXPORT void wf_runtime_main(Datum arg);

#endif							/* WF_RUNTIME_H */
