/*
 * replay.c
 *	  Runs a fuzz target once with each of the files named, where there is no
 *	  libFuzzer.  A finding ends it.
 */
#include "postgres_fe.h"

#include "target.h"

size_t
LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	return size;
}

/* Memory of exactly its size, so that a sanitizer sees what goes beyond. */
static uint8_t *
read_file(const char *name, size_t *size)
{
	FILE	   *file = fopen(name, "rb");
	uint8_t    *data;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		wf_give_up("cannot read", name, strerror(errno));
	*size = ftell(file);
	rewind(file);
	data = malloc(*size ? *size : 1);
	if (data == NULL || fread(data, 1, *size, file) != *size)
		wf_give_up("cannot read", name, strerror(errno));
	fclose(file);
	return data;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		size_t		size;
		uint8_t    *data = read_file(argv[i], &size);

		fprintf(stderr, "%s\n", argv[i]);
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
