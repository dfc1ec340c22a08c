/*
 * array.h
 *	  Arrays that grow.
 */
#ifndef WF_ARRAY_H
#define WF_ARRAY_H

/*
 * Append a zeroed element to an array and yield a pointer to it, which is
 * valid until the array grows again.  The array has n elements and memory for
 * `size`; NULL, 0 and 0 make an empty one.  It is allocated in the memory
 * context that is current at the first element and stays there.  Each argument
 * is evaluated several times.
 */
#define wf_array_grow(array, n, size) \
	((n) == (size) ? \
	 ((size) = (size) == 0 ? 4 : (size) * 2, \
	  (array) = (array) == NULL ? palloc(sizeof(*(array)) * (size)) : \
	  repalloc((array), sizeof(*(array)) * (size))) : 0, \
	 memset(&(array)[n], 0, sizeof(*(array))), \
	 &(array)[(n)++])

#endif							/* WF_ARRAY_H */
