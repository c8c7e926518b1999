// DLLs that load others, in unusual ways.
#include "acts.h"

#include <dlfcn.h>
#include <stdio.h>

typedef int remove_function(const char *);

static int remove_with(void *library, const char *path)
{
	remove_function *function = library ? (remove_function *)dlsym(library, "remove_path") : NULL;
	int result = function ? function(path) : -1;
	return result + 1;
}

PUBLIC int remove_from_memory_file(const char *source, const char *path)
{
	static char content[1 << 20];
	char name[64];
	int from = open(source, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(from, content, sizeof content);
	close(from);
	int to = memfd_create("hostile-dll", MFD_CLOEXEC);
	if (length <= 0 || write(to, content, (size_t)length) != length)
		return -1;
	snprintf(name, sizeof name, "/proc/self/fd/%d", to);
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	close(to);
	return remove_with(library, path);
}

PUBLIC int remove_in_another_namespace(const char *source, const char *path)
{
	return remove_with(dlmopen(LM_ID_NEWLM, source, RTLD_NOW | RTLD_LOCAL), path);
}

PUBLIC int remove_with_a_library_of_mine(const char *source, const char *path)
{
	return remove_with(dlopen(source, RTLD_NOW | RTLD_LOCAL), path);
}

// Maps a file's code by hand, without the loader; `offset` is where a position-independent function begins in it.
PUBLIC long remove_without_loader(const char *source, long offset, const char *path)
{
	int descriptor = open(source, O_RDONLY | O_CLOEXEC);
	off_t size = lseek(descriptor, 0, SEEK_END);
	char *code = mmap(NULL, (size_t)size, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0);
	close(descriptor);
	long result = ((long (*)(const char *))(code + offset))(path);
	return result + 1;
}
