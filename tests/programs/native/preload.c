// To be put before all others by LD_PRELOAD: acts before Python begins, and on behalf of those that call unlink.
#include "acts.h"

__attribute__((constructor)) static void construct(void)
{
	const char *path = getenv("HOSTILE_CONSTRUCTOR");
	if (path)
		raw_call(SYS_unlink, (long)path, 0, 0);
}

PUBLIC int unlink(const char *path)
{
	const char *other = getenv("HOSTILE_INTERPOSED");
	if (other)
		mkdir(other, 0700);
	return (int)syscall(SYS_unlink, path) ? -1 : 0;
}
