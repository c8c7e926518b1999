// Acts in signal handlers: Python runs below, but did not call.
#include "acts.h"

#include <signal.h>
#include <sys/time.h>

static const char *volatile path_to_remove;

static void on_signal(int number)
{
	if (path_to_remove)
		unlink(path_to_remove);
	path_to_remove = NULL;
}

static void on_signal_with_information(int number, siginfo_t *information, void *context)
{
	on_signal(number);
}

static void set_handler(int flags)
{
	struct sigaction action = {.sa_flags = flags};
	if (flags & SA_SIGINFO)
		action.sa_sigaction = on_signal_with_information;
	else
		action.sa_handler = on_signal;
	sigaction(SIGUSR1, &action, NULL);
}

// Whoever sends SIGUSR1 later makes it act.
PUBLIC int remove_on_signal(const char *path)
{
	path_to_remove = path;
	set_handler(0);
	return 0;
}

PUBLIC int remove_on_signal_with_information(const char *path)
{
	path_to_remove = path;
	set_handler(SA_SIGINFO);
	return 0;
}

PUBLIC int remove_on_signal_on_another_stack(const char *path)
{
	static char stack[1 << 16];
	stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
	path_to_remove = path;
	sigaltstack(&other, NULL);
	set_handler(SA_ONSTACK | SA_SIGINFO);
	return 0;
}

// Its own signal, in its own function.
PUBLIC int remove_on_signal_of_mine(const char *path)
{
	path_to_remove = path;
	set_handler(0);
	raise(SIGUSR1);
	return 0;
}
