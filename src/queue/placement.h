/*
 * placement.h
 *	  Where the runs of a queue may be done.
 */
#ifndef WF_PLACEMENT_H
#define WF_PLACEMENT_H

#include "utils/array.h"

#include "shmem/member.h"

/* Elements of a placement. */
#define WF_PLACEMENT_MAX	16

typedef enum WfPlaceKind
{
	WF_PLACE_ANY,				/* anywhere, that is here, or by any worker */
	WF_PLACE_LOCAL,				/* by the server that holds the database */
	WF_PLACE_RUNTIME,			/* by the runtime of an id */
	WF_PLACE_ENGINE,			/* by any runtime of the role engine */
	WF_PLACE_STANDBY			/* by any standby */
} WfPlaceKind;

/* An element of a placement. */
typedef struct WfPlace
{
	WfPlaceKind kind;
	const char *runtime;		/* or NULL */
} WfPlace;

/* In the order in which they are tried; none: anywhere. */
typedef struct WfPlacement
{
	int			n;
	const WfPlace *places;
} WfPlacement;

/*
 * Who asks for runs: a member, or NULL: of runs with a command the executors of this
 * server, of others a worker that is no runtime.
 */
typedef struct WfPlacementAsker
{
	bool		outside;		/* for runs without a command */
	const WfMemberRow *member;
	int			passed;			/* for runs that were given back of so many elements */
} WfPlacementAsker;

extern bool wf_placement_read_place(const char *text, WfPlace *place);
extern void wf_placement_read(ArrayType *array, WfPlacement *placement);
extern bool wf_placement_is_plain(ArrayType *array);
extern int	wf_placement_list(int32 **queues);
extern int	wf_placement_next(const WfPlacement *placement, bool outside, int passed);
extern const WfPlace *wf_placement_current(const WfPlacement *placement, bool outside, int passed);
extern bool wf_placement_is_for(const WfPlacement *placement, const WfPlacementAsker *asker);

#endif							/* WF_PLACEMENT_H */
