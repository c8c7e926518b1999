// An audit hook written in C, and one that takes away all others.
#include "acts.h"

int PySys_AddAuditHook(int (*hook)(const char *, void *, void *), void *data);

static const char *path_to_remove;

static int on_event(const char *event, void *arguments, void *data)
{
	if (!strcmp(event, "hostile.signal") && path_to_remove) {
		unlink(path_to_remove);
		path_to_remove = NULL;
	}
	return 0;
}

PUBLIC int remove_on_event(const char *path)
{
	path_to_remove = path;
	return PySys_AddAuditHook(on_event, NULL);
}
