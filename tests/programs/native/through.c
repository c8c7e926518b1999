// Does nothing itself: another DLL, which it needs, acts.
#include "acts.h"

int remove_path(const char *path);

PUBLIC int remove_through_another(const char *path)
{
	int result = remove_path(path);
	return result + 1;
}
