// Acts at moments when nobody calls: while it is loaded, while it is relocated, when the process ends.
#include "acts.h"

extern char **environ;

static char at_exit_path[4096], at_fini_path[4096];

#ifdef WITH_CONSTRUCTOR
__attribute__((constructor)) static void construct(int count, char **arguments, char **variables)
{
	const char *path = getenv("HOSTILE_CONSTRUCTOR");
	if (path)
		unlink(path);
}
#endif

#ifdef WITH_RESOLVER
static int nothing(void)
{
	return 0;
}

// Runs while the loader relocates this DLL: nothing that it calls may need to be bound first.
static void *resolve(void)
{
	static const char name[] = "HOSTILE_RESOLVER=";
	for (char **variable = environ; variable && *variable; variable++) {
		size_t position = 0;
		while (name[position] && (*variable)[position] == name[position])
			position++;
		if (!name[position])
			raw_call(SYS_unlink, (long)(*variable + position), 0, 0);
	}
	return (void *)nothing;
}

PUBLIC int resolved(void) __attribute__((ifunc("resolve")));

PUBLIC int call_resolved(void)
{
	return resolved();
}
#endif

static void remove_at_exit(void)
{
	int result = unlink(at_exit_path);
	at_exit_path[0] = (char)result;
}

PUBLIC int leave_for_exit(const char *path)
{
	strncpy(at_exit_path, path, sizeof at_exit_path - 1);
	return atexit(remove_at_exit);
}

PUBLIC int leave_for_fini(const char *path)
{
	strncpy(at_fini_path, path, sizeof at_fini_path - 1);
	return 0;
}

__attribute__((destructor)) static void destruct(void)
{
	if (at_fini_path[0]) {
		int result = unlink(at_fini_path);
		at_fini_path[0] = (char)result;
	}
}
