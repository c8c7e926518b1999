// Built with -O2: the last call of a function leaves no frame of it behind.
#include "acts.h"

static char at_exit_path[4096];

PUBLIC int remove_by_tail_call(const char *path)
{
	return unlink(path);
}

static void remove_at_exit(void)
{
	unlink(at_exit_path);
}

PUBLIC int leave_for_exit(const char *path)
{
	strncpy(at_exit_path, path, sizeof at_exit_path - 1);
	return atexit(remove_at_exit);
}
