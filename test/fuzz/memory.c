/*
 * memory.c
 *	  PostgreSQL's palloc() for programs that link the pure folders of src/ alone.
 *
 * The rooms allocate and seldom free: in the server a memory context goes with
 * all that is in it.  Here one arena stands for all contexts.  Each piece is a
 * malloc() of its own, so that a sanitizer sees its exact bounds.
 *
 * These functions take the place of libpgcommon's fe_memutils.o (see build).
 */
#include "postgres_fe.h"

#include <stddef.h>

#include "memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(piece)		__asan_poison_memory_region(piece, sizeof(Piece))
#define SHOW(piece)		__asan_unpoison_memory_region(piece, sizeof(Piece))
#else
#define HIDE(piece)		((void) 0)
#define SHOW(piece)		((void) 0)
#endif

/* What stands before each piece of memory. */
typedef union Piece
{
	struct
	{
		union Piece *next;
		union Piece *prev;
	}			link;
	max_align_t align;
} Piece;

static Piece *pieces;

static Piece *
piece_of(void *pointer)
{
	return (Piece *) pointer - 1;
}

static void
set_next(Piece *piece, Piece *next)
{
	SHOW(piece);
	piece->link.next = next;
	HIDE(piece);
}

static void
set_prev(Piece *piece, Piece *prev)
{
	SHOW(piece);
	piece->link.prev = prev;
	HIDE(piece);
}

static void *
link_piece(Piece *piece)
{
	piece->link.next = pieces;
	piece->link.prev = NULL;
	if (pieces)
		set_prev(pieces, piece);
	pieces = piece;
	HIDE(piece);
	return piece + 1;
}

/* Leaves the header readable. */
static void
unlink_piece(Piece *piece)
{
	SHOW(piece);
	if (piece->link.prev)
		set_next(piece->link.prev, piece->link.next);
	else
		pieces = piece->link.next;
	if (piece->link.next)
		set_prev(piece->link.next, piece->link.prev);
}

/* The server's palloc() refuses more than a gigabyte, and so must we. */
static void
check_size(size_t size)
{
	if (size > WF_LARGEST_PIECE)
	{
		fprintf(stderr, "%zu bytes asked for at once\n", size);
		abort();
	}
}

void
wf_memory_reset(void)
{
	while (pieces)
	{
		Piece	   *piece = pieces;

		unlink_piece(piece);
		free(piece);
	}
}

void *
palloc(Size size)
{
	Piece	   *piece;

	check_size(size);
	piece = malloc(sizeof(Piece) + size);
	if (piece == NULL)
		abort();
	return link_piece(piece);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	Piece	   *piece = piece_of(pointer);

	unlink_piece(piece);
	free(piece);
}

void *
repalloc(void *pointer, Size size)
{
	Piece	   *piece = piece_of(pointer);

	check_size(size);
	unlink_piece(piece);
	piece = realloc(piece, sizeof(Piece) + size);
	if (piece == NULL)
		abort();
	return link_piece(piece);
}

char *
pstrdup(const char *string)
{
	size_t		size = strlen(string) + 1;

	return memcpy(palloc(size), string, size);
}
