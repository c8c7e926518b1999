// Children that never ran Python.
#include "acts.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>

extern char **environ;

PUBLIC int vfork_and_execute(char *program, char *argument)
{
	char *arguments[] = {program, argument, NULL};
	pid_t child = vfork();
	if (child == 0) {
		execve(program, arguments, environ);
		_exit(127);
	}
	return wait_for(child);
}

PUBLIC int spawn(char *program, char *argument)
{
	char *arguments[] = {program, argument, NULL};
	pid_t child = -1;
	if (posix_spawn(&child, program, NULL, NULL, arguments, environ))
		return -1;
	return wait_for(child);
}

PUBLIC int remove_in_child(const char *path)
{
	pid_t child = fork();
	if (child == 0) {
		unlink(path);
		_exit(0);
	}
	return wait_for(child);
}

static char stack[1 << 16] __attribute__((aligned(16)));

static int remove_and_leave(void *path)
{
	raw_call(SYS_unlink, (long)path, 0, 0);
	return 0;
}

// Neither a thread nor a copy: another process in the same memory.
PUBLIC int remove_in_shared_memory(const char *path)
{
	pid_t child = clone(remove_and_leave, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)path);
	return wait_for(child);
}

// The first process of a PID namespace of its own.
PUBLIC int remove_in_pid_namespace(const char *path)
{
	pid_t child = clone(remove_and_leave, stack + sizeof stack, CLONE_NEWPID | SIGCHLD, (void *)path);
	return wait_for(child);
}

// A grandchild that acts when nobody is left who made it.
PUBLIC int remove_when_all_have_gone(const char *path)
{
	pid_t maker = getpid(), child = fork();
	if (child == 0) {
		if (fork() == 0) {
			setsid();
			close(STDOUT_FILENO);
			close(STDERR_FILENO);
			for (int tries = 0; kill(maker, 0) == 0 && tries < 3000; tries++)
				usleep(10000);
			unlink(path);
		}
		_exit(0);
	}
	return wait_for(child);
}

// A program without a file.
PUBLIC int execute_from_memory(const char *source, char *argument)
{
	static char content[1 << 20];
	char *arguments[] = {"hostile-program", argument, NULL};
	int from = open(source, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(from, content, sizeof content);
	close(from);
	int to = memfd_create("hostile-program", MFD_CLOEXEC);
	if (length <= 0 || write(to, content, (size_t)length) != length)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		fexecve(to, arguments, environ);
		_exit(127);
	}
	close(to);
	return wait_for(child);
}
