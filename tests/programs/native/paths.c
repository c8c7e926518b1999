// Paths that are hard to read for who looks on.
#include "acts.h"

PUBLIC int create_in_folder(const char *folder, const char *name)
{
	int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int file = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(file);
	close(directory);
	return file < 0;
}

// The folder is gone from the program's view by another descriptor under the same number.
PUBLIC int remove_in_folder(const char *folder, const char *name)
{
	int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = unlinkat(directory, name, 0);
	close(directory);
	return result;
}

// From a root of its own, through a folder that was opened before.
PUBLIC int remove_beyond_root(const char *root, const char *folder, const char *name)
{
	int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t child = fork();
	if (child == 0) {
		if (!chroot(root))
			unlinkat(directory, name, 0);
		_exit(0);
	}
	close(directory);
	return wait_for(child);
}

// A constant on a page that nobody has touched.
#define MEBIBYTE (1 << 20)
__attribute__((aligned(4096))) static const char cold[3 * MEBIBYTE] = {
	[MEBIBYTE] = 'c', 'o', 'l', 'd', '-', 'c', 'o', 'n', 's', 't', 'a', 'n', 't',
};

PUBLIC int remove_cold_constant(void)
{
	int result = unlink(cold + MEBIBYTE);
	return result + 1;
}

// A path in a fresh view of a file that holds it.
PUBLIC int remove_path_in_file(const char *source)
{
	int descriptor = open(source, O_RDONLY | O_CLOEXEC);
	const char *path = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, descriptor, 0);
	close(descriptor);
	int result = unlink(path);
	return result + 1;
}

// Lies across two pages, of which the second is not there yet.
PUBLIC int remove_path_across_pages(const char *source, long offset)
{
	int descriptor = open(source, O_RDONLY | O_CLOEXEC);
	const char *pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, descriptor, 0);
	close(descriptor);
	madvise((void *)pages, 8192, MADV_RANDOM);
	volatile char touched = pages[0];
	int result = unlink(pages + offset);
	return result + touched * 0 + 1;
}

PUBLIC int remove_long_path(const char *path)
{
	int result = unlink(path);
	return result + 1;
}
