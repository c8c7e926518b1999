// What malware does against those who look on.
#include "acts.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

// In a child: its parent would have to wait for it else.
PUBLIC int be_traced_and_remove(const char *path)
{
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		unlink(path);
		_exit(0);
	}
	return wait_for(child);
}

PUBLIC int hide_memory_and_remove(const char *path)
{
	int result = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	unlink(path);
	return result;
}

PUBLIC int change_name_and_remove(const char *name, const char *path)
{
	int result = prctl(PR_SET_NAME, name, 0, 0, 0);
	unlink(path);
	return result;
}

// Calls of the kinds that tracers are made with or disturbed by; all of them fail.
PUBLIC int attempt_all(void)
{
	struct iovec nothing = {NULL, 0};
	syscall(SYS_bpf, -1, NULL, 0);
	syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
	syscall(SYS_process_vm_writev, getppid(), &nothing, 1, &nothing, 1, -1);
	ptrace(PTRACE_POKETEXT, getppid(), NULL, NULL);
	close(open("/sys/kernel/tracing/hostile-attempt-mark", O_WRONLY));
	return 0;
}

// mkdir gives EPERM from now on.
PUBLIC int filter_calls_and_remove(const char *path)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	unlink(path);
	return (int)result;
}
