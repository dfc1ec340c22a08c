/*
 * file_fold.h
 *	  Letters whose case makes no difference to a file system.
 */
#ifndef WF_FILE_FOLD_H
#define WF_FILE_FOLD_H

extern uint32 wf_file_fold(uint32 c);

#endif							/* WF_FILE_FOLD_H */
