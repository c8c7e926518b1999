// Noise around one act.
#include "acts.h"

#include <stdio.h>

PUBLIC int flood(const char *noise, int count, const char *path)
{
	for (int turn = 0; turn < count; turn++) {
		unlink(noise);
		if (turn == count / 2)
			mkdir(path, 0700);
	}
	return count;
}

// Each another path: none repeats.
PUBLIC int flood_with_different(const char *noise, int count, const char *path)
{
	char name[4096];
	for (int turn = 0; turn < count; turn++) {
		snprintf(name, sizeof name, "%s-%d", noise, turn);
		unlink(name);
		if (turn == count / 2)
			mkdir(path, 0700);
	}
	return count;
}
