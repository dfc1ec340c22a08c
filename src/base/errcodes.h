/*
 * errcodes.h
 *	  SQLSTATEs of our own, class WF.
 *
 * They mean that a call was refused, so that clients can tell that from a
 * failure.
 */
#ifndef WF_ERRCODES_H
#define WF_ERRCODES_H

#define WF_ERR_NO_PROCESS		MAKE_SQLSTATE('W','F','0','0','1')
#define WF_ERR_NOT_ALLOWED		MAKE_SQLSTATE('W','F','0','0','2')
#define WF_ERR_SUSPENDED		MAKE_SQLSTATE('W','F','0','0','3')
#define WF_ERR_OVER				MAKE_SQLSTATE('W','F','0','0','4')
#define WF_ERR_BUSY				MAKE_SQLSTATE('W','F','0','0','5')
#define WF_ERR_NO_DEFINITION	MAKE_SQLSTATE('W','F','0','0','6')
#define WF_ERR_FAULTY			MAKE_SQLSTATE('W','F','0','0','7')
#define WF_ERR_NO_TIMER			MAKE_SQLSTATE('W','F','0','0','8')
#define WF_ERR_NOT_OVER			MAKE_SQLSTATE('W','F','0','0','9')
#define WF_ERR_NO_JOB			MAKE_SQLSTATE('W','F','0','1','0')
#define WF_ERR_FULL				MAKE_SQLSTATE('W','F','0','1','1')
#define WF_ERR_FENCE			MAKE_SQLSTATE('W','F','0','1','2')
#define WF_ERR_PARAMETERS		MAKE_SQLSTATE('W','F','0','1','3')
#define WF_ERR_MOVED_ON			MAKE_SQLSTATE('W','F','0','1','4')
#define WF_ERR_UNKNOWN_EVENT	MAKE_SQLSTATE('W','F','0','1','5')
#define WF_ERR_KEY_TAKEN		MAKE_SQLSTATE('W','F','0','1','6')
#define WF_ERR_IN_USE			MAKE_SQLSTATE('W','F','0','1','7')
#define WF_ERR_RUNTIME			MAKE_SQLSTATE('W','F','0','1','8')
#define WF_ERR_NO_STANDBY		MAKE_SQLSTATE('W','F','0','1','9')

#endif							/* WF_ERRCODES_H */
