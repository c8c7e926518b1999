// Threads that never ran Python.
#include "acts.h"

#include <pthread.h>
#include <sched.h>

static void *remove_here(void *path)
{
	unlink(path);
	return path;
}

PUBLIC int remove_in_thread(const char *path)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, remove_here, (void *)path))
		return 1;
	return pthread_join(thread, NULL);
}

// The function may lie in another DLL.
PUBLIC int run_in_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, function, argument))
		return 1;
	return pthread_join(thread, NULL);
}

// The C library's own function is what runs: no frame of ours is in the thread.
PUBLIC int remove_by_thread_of_c_library(const char *path)
{
	return run_in_thread((void *(*)(void *))(void *)unlink, (void *)path);
}

static void *start_another(void *path)
{
	remove_in_thread(path);
	return path;
}

PUBLIC int remove_in_thread_of_thread(const char *path)
{
	return run_in_thread(start_another, (void *)path);
}

static void remove_at_thread_end(void *path)
{
	unlink(path);
}

static pthread_key_t key;

static void *leave_for_the_end(void *path)
{
	pthread_setspecific(key, path);
	return NULL;
}

PUBLIC int remove_when_thread_ends(const char *path)
{
	pthread_key_create(&key, remove_at_thread_end);
	return run_in_thread(leave_for_the_end, (void *)path);
}

static char stack[1 << 16] __attribute__((aligned(16)));
static volatile int is_done;

static int remove_and_leave(void *path)
{
	raw_call(SYS_unlink, (long)path, 0, 0);
	is_done = 1;
	raw_call(SYS_exit, 0, 0, 0);
	return 0;
}

// A thread that the thread library does not know.
PUBLIC int remove_in_bare_thread(const char *path)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	is_done = 0;
	if (clone(remove_and_leave, stack + sizeof stack, flags, (void *)path) < 0)
		return 1;
	for (int tries = 0; !is_done && tries < 5000; tries++)
		usleep(1000);
	return !is_done;
}
