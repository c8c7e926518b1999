// Puts a file's own bytes over its code in memory: what a tracer has written there is gone.
#include "acts.h"

#include <stdio.h>

struct place {
	unsigned long start, end, offset;
	char path[4096];
};

// Finds the mapping of an address.
static int find_place(unsigned long address, struct place *place)
{
	char line[4352];
	FILE *maps = fopen("/proc/self/maps", "re");
	int is_found = 0;
	while (!is_found && maps && fgets(line, sizeof line, maps)) {
		int fields = sscanf(line, "%lx-%lx %*s %lx %*s %*s %4095[^\n]", &place->start, &place->end,
				    &place->offset, place->path);
		is_found = fields == 4 && address >= place->start && address < place->end;
	}
	if (maps)
		fclose(maps);
	return is_found;
}

static unsigned char *read_bytes(const struct place *place, size_t size)
{
	int descriptor = open(place->path, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = malloc(size);
	if (pread(descriptor, bytes, size, (off_t)place->offset) != (ssize_t)size) {
		free(bytes);
		bytes = NULL;
	}
	close(descriptor);
	return bytes;
}

// Gives how many bytes were not those of the file.
static long count_differences(const unsigned char *bytes, const unsigned char *memory, size_t size)
{
	long differences = 0;
	for (size_t position = 0; position < size; position++)
		differences += bytes[position] != memory[position];
	return differences;
}

PUBLIC long restore_by_mprotect(void *function)
{
	struct place place;
	if (!find_place((unsigned long)function, &place))
		return -1;
	size_t size = place.end - place.start;
	unsigned char *bytes = read_bytes(&place, size), *memory = (unsigned char *)place.start;
	if (!bytes || mprotect(memory, size, PROT_READ | PROT_WRITE | PROT_EXEC))
		return -2;
	long differences = count_differences(bytes, memory, size);
	// Only what differs: a whole copy would race with threads that run this code.
	for (size_t position = 0; position < size; position++)
		if (memory[position] != bytes[position])
			memory[position] = bytes[position];
	mprotect(memory, size, PROT_READ | PROT_EXEC);
	free(bytes);
	return differences;
}

PUBLIC long restore_by_memory_file(void *function)
{
	struct place place;
	if (!find_place((unsigned long)function, &place))
		return -1;
	size_t size = place.end - place.start;
	unsigned char *bytes = read_bytes(&place, size), *memory = (unsigned char *)place.start;
	int descriptor = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (!bytes || descriptor < 0)
		return -2;
	long differences = count_differences(bytes, memory, size);
	for (size_t position = 0; position < size; position++)
		if (memory[position] != bytes[position] &&
		    pwrite(descriptor, bytes + position, 1, (off_t)(place.start + position)) != 1)
			return -3;
	close(descriptor);
	free(bytes);
	return differences;
}
