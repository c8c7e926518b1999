// Nothing special: acts through the C library. Built under several names and in several ways.
#include "acts.h"

#include <pthread.h>

PUBLIC int remove_path(const char *path)
{
	int result = unlink(path);
	return result < 0 ? 1 : 0;
}

PUBLIC int connect_to(int port)
{
	int descriptor = connected(port);
	if (descriptor >= 0)
		close(descriptor);
	return descriptor;
}

static void *connect_here(void *port)
{
	connect_to((int)(long)port);
	return NULL;
}

PUBLIC int connect_in_thread(int port)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, connect_here, (void *)(long)port))
		return 1;
	return pthread_join(thread, NULL);
}
