/*-------------------------------------------------------------------------
 *
 * own_id.c
 *	  Under which id this instance is a runtime.
 *
 * It is the same after each start: what workflow.runtime_id says, or made of what two
 * instances do not have in common.  Where it is another one's all the same, the data
 * directory is added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "base/guc.h"
#include "cluster/own_id.h"

/* Bytes of the name of the host that an id has. */
#define HOST_MAX		128

/* Eight hexadecimal digits of SHA-256 of the data directory, while there is an owner of resources. */
static const char *
hash_directory(void)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) DataDir, strlen(DataDir)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256: %s", pg_cryptohash_error(hash))));
	pg_cryptohash_free(hash);
	return psprintf("%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
}

/* The same.  The link has no such owner, between its transactions. */
static const char *
directory_hash(void)
{
	ResourceOwner before = CurrentResourceOwner;
	ResourceOwner mine;
	const char *hash;

	if (before != NULL)
		return hash_directory();
	CurrentResourceOwner = mine = ResourceOwnerCreate(NULL, "workflow id");
	hash = hash_directory();
	CurrentResourceOwner = before;
	ResourceOwnerDelete(mine);
	return hash;
}

/* The id of this instance: what the setting says, or one that no other has. */
const char *
wf_own_id(void)
{
	char		host[HOST_MAX];

	if (wf_runtime_id != NULL && wf_runtime_id[0] != '\0')
		return wf_runtime_id;
	if (gethostname(host, sizeof(host)) != 0)
		strlcpy(host, "localhost", sizeof(host));
	host[sizeof(host) - 1] = '\0';
	return psprintf("%s:%d:%s", host, PostPortNumber, directory_hash());
}

/* The id that it has instead where another one has that. */
const char *
wf_own_id_besides(const char *id)
{
	return psprintf("%.*s-%s", pg_mbcliplen(id, (int) strlen(id), WF_RUNTIME_ID_MAX - 9), id, directory_hash());
}

/* Both, an array of texts. */
ArrayType *
wf_own_id_all(void)
{
	const char *id = wf_own_id();
	Datum		ids[2] = {CStringGetTextDatum(id), CStringGetTextDatum(wf_own_id_besides(id))};

	return construct_array(ids, lengthof(ids), TEXTOID, -1, false, TYPALIGN_INT);
}
