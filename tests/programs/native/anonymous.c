// Code in memory that belongs to no file.
#include "acts.h"

#include <sys/personality.h>

// long remove(const char *path): mov eax, SYS_unlink; syscall; ret
static const unsigned char code[] = {0xb8, SYS_unlink, 0, 0, 0, 0x0f, 0x05, 0xc3};
typedef long remove_function(const char *);

PUBLIC long remove_from_writable_code(const char *path)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, code, sizeof code);
	long result = ((remove_function *)page)(path);
	return result + 1;
}

PUBLIC long remove_from_code_made_executable(const char *path)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, code, sizeof code);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	long result = ((remove_function *)page)(path);
	return result + 1;
}

// Code that is moved after it was made executable: that is no mapping which anybody is told of.
PUBLIC long remove_from_moved_code(const char *path)
{
	int protection = PROT_READ | PROT_WRITE | PROT_EXEC, kind = MAP_PRIVATE | MAP_ANONYMOUS;
	void *page = mmap(NULL, 4096, protection, kind, -1, 0);
	void *other = mmap(NULL, 4096, PROT_NONE, kind, -1, 0);
	memcpy(page, code, sizeof code);
	void *moved = mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, other);
	long result = ((remove_function *)moved)(path);
	return result + 1;
}

// All that is readable is executable from now on: no call says so of this page.
PUBLIC long remove_from_readable_code(const char *path)
{
	personality(READ_IMPLIES_EXEC);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	personality(0);
	memcpy(page, code, sizeof code);
	long result = ((remove_function *)page)(path);
	return result + 1;
}

// Written over a function of another DLL's.
PUBLIC long remove_from_code_of_another(char *function, const char *path)
{
	char *page = (char *)((unsigned long)function & ~4095ul);
	mprotect(page, 8192, PROT_READ | PROT_WRITE);
	memcpy(function, code, sizeof code);
	mprotect(page, 8192, PROT_READ | PROT_EXEC);
	long result = ((remove_function *)function)(path);
	return result + 1;
}

// The same page, made executable by no system call that says so: it is mapped from a shared memfd.
PUBLIC long remove_from_a_second_view(const char *path)
{
	int descriptor = memfd_create("second-view", 0);
	if (ftruncate(descriptor, 4096))
		return -1;
	void *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	void *executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, descriptor, 0);
	close(descriptor);
	memcpy(writable, code, sizeof code);
	long result = ((remove_function *)executable)(path);
	return result + 1;
}
