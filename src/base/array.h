/*
 * array.h
 *	  Arrays that grow.
 */
#ifndef WF_ARRAY_H
#define WF_ARRAY_H

/*
 * The next element of a growing array of n elements, with memory for `size`,
 * zeroed; in the current memory context at first, then in its own.  Each
 * argument is evaluated several times.
 */
#define wf_array_grow(array, n, size) \
	((n) == (size) ? \
	 ((size) = (size) == 0 ? 4 : (size) * 2, \
	  (array) = (array) == NULL ? palloc(sizeof(*(array)) * (size)) : \
	  repalloc((array), sizeof(*(array)) * (size))) : 0, \
	 memset(&(array)[n], 0, sizeof(*(array))), \
	 &(array)[(n)++])

#endif							/* WF_ARRAY_H */
