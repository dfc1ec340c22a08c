/*
 * executor.h
 *	  The process that does the work of one owner.
 */
#ifndef WF_EXECUTOR_H
#define WF_EXECUTOR_H

extern PGDLLEXPORT void wf_executor_main(Datum arg);

#endif							/* WF_EXECUTOR_H */
