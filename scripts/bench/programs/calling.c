// Makes one kind of system call again and again; gives the nanoseconds of one.
#define _GNU_SOURCE
#include <alloca.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

double not_sensitive(long loops, long start)
{
	double begin = now();
	for (long i = 0; i < loops; i++)
		syscall(SYS_getppid);
	return (now() - begin) / loops;
}

double repeated(long loops, long start)
{
	double begin = now();
	for (long i = 0; i < loops; i++)
		unlink("/tmp/pyxhon-bench-no-such-file");
	return (now() - begin) / loops;
}

double open_close(long loops, long start)
{
	double begin = now();
	for (long i = 0; i < loops; i++)
		close(open("/dev/null", O_RDONLY));
	return (now() - begin) / loops;
}

static __attribute__((noinline)) void unlink_deep(const char *path, long depth)
{
	volatile char *room = alloca(16 * (depth + 1));
	room[0] = 0;
	unlink(path);
	room[1] = 0;
}

// Another path each time, from another depth of the stack: an act and a native stack never seen before. The texts are
// made beforehand, so that only the calls are timed.
double distinct(long loops, long start)
{
	static char paths[2048][64];
	for (long i = 0; i < loops; i++)
		snprintf(paths[i & 2047], 64, "/tmp/pyxhon-bench-no-such-file-%ld", start + i);
	double begin = now();
	for (long i = 0; i < loops; i++)
		unlink_deep(paths[i & 2047], i);
	return (now() - begin) / loops;
}
