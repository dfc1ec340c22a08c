/*
 * launcher.h
 *	  The process that starts the runtimes of databases.
 */
#ifndef WF_LAUNCHER_H
#define WF_LAUNCHER_H

extern PGDLLEXPORT void wf_launcher_main(Datum arg);

#endif							/* WF_LAUNCHER_H */
