/*
 * file_walk.h
 *	  Paths below a directory, walked name by name.
 */
#ifndef WF_FILE_WALK_H
#define WF_FILE_WALK_H

#include <fcntl.h>

/* How a directory is opened: nothing that is a link. */
#define WF_FILE_WALK_DIRECTORY	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Is what is being read still wanted? */
typedef bool (*WfFileWalkWanted) (void *arg);

extern int	wf_file_walk_step(int directory, const char *name, bool make);
extern int	wf_file_walk_parent(int directory, const char *path, bool make, const char **name);
extern bool wf_file_walk_hash(int file, WfFileWalkWanted wanted, void *arg, uint8 *sha256);

#endif							/* WF_FILE_WALK_H */
