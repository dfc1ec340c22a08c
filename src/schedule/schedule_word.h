/*
 * schedule_word.h
 *	  The words in which a schedule is told what to do.
 */
#ifndef WF_SCHEDULE_WORD_H
#define WF_SCHEDULE_WORD_H

/* Which of them. */
typedef enum WfScheduleWords
{
	WF_WORDS_OVERLAP,			/* WfScheduleOverlap */
	WF_WORDS_CATCH_UP,			/* WfScheduleCatchUp */
	WF_WORDS_GAP,				/* WfRecurrenceGap */
	WF_WORDS_FOLD				/* WfRecurrenceFold */
} WfScheduleWords;

extern const char *wf_schedule_word(WfScheduleWords words, int value);
extern int	wf_schedule_word_value(WfScheduleWords words, const char *word);

#endif							/* WF_SCHEDULE_WORD_H */
