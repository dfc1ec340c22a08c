/*
 * link_talk.h
 *	  What the link says to the other server.
 */
#ifndef WF_LINK_TALK_H
#define WF_LINK_TALK_H

#include "base/cluster_setting.h"
#include "base/guc.h"
#include "remote/line.h"

/* What the link is to the other server. */
typedef struct WfLinkTalk
{
	WfLine		line;
	char		id[WF_RUNTIME_ID_MAX + 1];
	char		fingerprint[32];	/* of this start of the server */
	bool		standby;		/* this server is one, of the other one */
	int64		epoch;			/* 0: not registered */
	int64		heard_at;		/* when it was alive last; steady */
	int			files;			/* so many wait for us, as the last beat has said */
	int64		settings;		/* the change up to which it has them; -1: not yet */
	const char *excuse;			/* why it cannot be a runtime, while it says that; or NULL */
	int			values[WF_CLUSTER_NSETTINGS];
} WfLinkTalk;

/* What comes of a try to register. */
typedef enum WfLinkAsked
{
	WF_LINK_REGISTERED,
	WF_LINK_ASK_LATER,			/* after *wait ms */
	WF_LINK_IS_TAKEN,			/* the id is another one's */
	WF_LINK_TROUBLE
} WfLinkAsked;

extern void wf_link_talk_begin(WfLinkTalk *talk, const char *id);
extern int	wf_link_talk_timeout(const WfLinkTalk *talk);
extern int	wf_link_talk_silence(const WfLinkTalk *talk);
extern bool wf_link_talk_settings(WfLinkTalk *talk);
extern WfLinkAsked wf_link_talk_register(WfLinkTalk *talk, int *wait);
extern const char *wf_link_talk_no_database(const WfLinkTalk *talk);
extern bool wf_link_talk_excuse(WfLinkTalk *talk, const char *why);
extern bool wf_link_talk_beat(WfLinkTalk *talk, int *wait, bool *look);
extern bool wf_link_talk_end(WfLinkTalk *talk);
extern void wf_link_talk_goodbye(WfLinkTalk *talk);

#endif							/* WF_LINK_TALK_H */
