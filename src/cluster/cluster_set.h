/*
 * cluster_set.h
 *	  Settings of the cluster are set.
 */
#ifndef WF_CLUSTER_SET_H
#define WF_CLUSTER_SET_H

extern void wf_cluster_set(const char *name, const char *value);

#endif							/* WF_CLUSTER_SET_H */
