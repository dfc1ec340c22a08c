/*
 * target.h
 *	  What libFuzzer calls and gives, and how a target says what is wrong.
 */
#ifndef WF_FUZZ_TARGET_H
#define WF_FUZZ_TARGET_H

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
									  unsigned int seed);
extern size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
										const uint8_t *two, size_t two_size,
										uint8_t *out, size_t max,
										unsigned int seed);

/* A finding: say it, with up to two texts that show it, and abort. */
static inline void
wf_give_up(const char *what, const char *one, const char *two)
{
	fprintf(stderr, "%s\n%s\n%s\n", what, one, two);
	abort();
}

static inline void
wf_insist(bool condition, const char *what)
{
	if (!condition)
		wf_give_up(what, "", "");
}

#endif							/* WF_FUZZ_TARGET_H */
