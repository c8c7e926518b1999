// Stands still, or makes a marked system call, in the ways that unwinding must cope with. Argument: the scenario.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static volatile int kept;

KEEP void stand_still(void)
{
	puts("ready");
	fflush(stdout);
	pause();
	kept++;
}

KEEP int innermost(int depth)
{
	stand_still();
	return ++kept + depth;
}

KEEP int outer(int depth)
{
	volatile char room[200 * 8];
	room[depth] = 1;
	int given = depth ? outer(depth - 1) : innermost(depth);
	return given + room[depth];
}

KEEP static void on_signal(int number)
{
	stand_still();
	kept += number;
}

KEEP static void raise_it(int on_alternate_stack)
{
	stack_t other = {.ss_size = 1 << 16, .ss_sp = malloc(1 << 16)};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = on_alternate_stack ? SA_ONSTACK : 0};
	if (on_alternate_stack)
		sigaltstack(&other, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	kept++;
}

KEEP static void spawn(void)
{
	if (vfork() == 0)
		_exit(0);
	wait(NULL);
	kept++;
}

// A clock that the vDSO does not know: its code makes the system call.
KEEP static void ask_vdso(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	kept++;
}

static void *in_thread(void *unused)
{
	return unused;
}

KEEP static void make_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	kept++;
}

KEEP static void make_code(void)
{
	// push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret
	static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
	void *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(place, code, sizeof(code));
	mprotect(place, 4096, PROT_READ | PROT_EXEC);
	((void (*)(void (*)(void)))place)(stand_still);
	kept++;
}

KEEP static void call_library(const char *path, const char *name)
{
	void (*enter)(void (*)(void)) = (void (*)(void (*)(void)))dlsym(dlopen(path, RTLD_NOW), name);
	enter(stand_still);
	kept++;
}

// Between the two marks every instruction is looked at: lazy binding through the PLT, prologues, epilogues.
KEEP static void between_marks(void)
{
	char text[32];
	getppid();
	kept += snprintf(text, sizeof(text), "%d %s", kept, "word");
	kept += (int)strlen(text) + atoi("12");
	getpgrp();
}

int main(int count, char **arguments)
{
	const char *scenario = arguments[1];
	if (!strcmp(scenario, "plain"))
		kept += outer(3);
	else if (!strcmp(scenario, "deep"))
		kept += outer(400);
	else if (!strcmp(scenario, "signal") || !strcmp(scenario, "alternate"))
		raise_it(!strcmp(scenario, "alternate"));
	else if (!strcmp(scenario, "vfork"))
		spawn();
	else if (!strcmp(scenario, "vdso"))
		ask_vdso();
	else if (!strcmp(scenario, "thread"))
		make_thread();
	else if (!strcmp(scenario, "anonymous"))
		make_code();
	else if (!strcmp(scenario, "library") && count > 2)
		call_library(arguments[2], count > 3 ? arguments[3] : "enter");
	else
		between_marks();
	return 0;
}
