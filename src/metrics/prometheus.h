/*
 * prometheus.h
 *	  What is measured, as Prometheus reads it.
 */
#ifndef WF_PROMETHEUS_H
#define WF_PROMETHEUS_H

#include "lib/stringinfo.h"

extern void wf_prometheus_write(StringInfo out);

#endif							/* WF_PROMETHEUS_H */
