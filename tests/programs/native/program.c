// A program that is no Python.
#include "acts.h"

int main(int count, char **arguments)
{
	if (count > 1)
		unlink(arguments[1]);
	return 0;
}
