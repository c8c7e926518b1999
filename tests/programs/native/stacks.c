// Stacks that tell lies about who called.
#include "acts.h"

#include <stdio.h>
#include <ucontext.h>

// Calls `function` so that it returns to `gadget`, a lone return instruction of somebody else, and from there to us.
static long call_with_forged_return(void *gadget, void *function, const char *path)
{
	long result;
	__asm__ volatile("sub $128, %%rsp\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "pushq %[gadget]\n\t"
			 "jmpq *%[function]\n"
			 "1:\n\t"
			 "add $128, %%rsp"
			 : "=&a"(result), "+D"(path)
			 : [gadget] "r"(gadget), [function] "r"(function)
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

PUBLIC long remove_with_forged_return(unsigned char *innocent, const char *path)
{
	for (unsigned char *byte = innocent; byte < innocent + 65536; byte++)
		if (*byte == 0xc3)
			return call_with_forged_return(byte, (void *)unlink, path) + 1;
	return -1;
}

// Finds a call of the interpreter's, after which it only returns: a place that is returned to in all innocence.
PUBLIC const unsigned char *find_call_site(const unsigned char *start, const unsigned char *end)
{
	for (const unsigned char *byte = start + 8; byte < end - 8; byte++) {
		int is_pop = (byte[0] == 0x5b || byte[0] == 0x5d) && byte[1] == 0xc3; // pop %rbx or %rbp; ret
		if (byte[-5] == 0xe8 && (is_pop || !memcmp(byte, "\x48\x83\xc4\x08\xc3", 5))) // add $8, %rsp; ret
			return byte;
	}
	return NULL;
}

// Leaves no frame of its own, and one of the interpreter's that looks as if it had called.
__attribute__((naked, visibility("default"))) long remove_from_call_site(const char *path, const void *place,
									 const void *function)
{
	__asm__("cmpb $0x5b, (%rsi)\n\t"
		"je 1f\n\t"
		"pushq %rbp\n\t"
		"jmp 2f\n"
		"1:\n\t"
		"pushq %rbx\n"
		"2:\n\t"
		"pushq %rsi\n\t"
		"jmpq *%rdx");
}

// Only the instruction is the C library's.
PUBLIC long remove_by_borrowed_instruction(const char *path)
{
	const unsigned char *code = (const unsigned char *)unlink;
	long result = -1;
	while (code[0] != 0x0f || code[1] != 0x05)
		code++;
	__asm__ volatile("callq *%[code]"
			 : "=a"(result), "+D"(path)
			 : [code] "r"(code), "a"(SYS_unlink)
			 : "rcx", "r11", "memory");
	return result + 1;
}

// A stack of its own: what lies beyond is not what called.
PUBLIC long remove_on_another_stack(const char *path)
{
	long result;
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[stack], %%rsp\n\t"
			 "callq *%[function]\n\t"
			 "movq %%rbx, %%rsp"
			 : "=&a"(result), "+D"(path)
			 : [stack] "r"(stack + 65536 - 64), [function] "r"(unlink)
			 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	munmap(stack, 65536);
	return result + 1;
}

static ucontext_t here, there;
static const char *path_there;

static void remove_there(void)
{
	unlink(path_there);
}

PUBLIC int remove_in_coroutine(const char *path)
{
	static char stack[65536];
	path_there = path;
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof stack;
	there.uc_link = &here;
	makecontext(&there, remove_there, 0);
	return swapcontext(&here, &there);
}

// A frame larger than any copy of the stack that a tracer would make.
PUBLIC int remove_from_large_frame(const char *path)
{
	volatile char large[256 << 10];
	large[0] = 1;
	large[sizeof large - 1] = 1;
	int result = unlink(path);
	return result + large[0] + large[sizeof large - 1];
}

// The C library calls us back.
static const char *path_to_compare;

static int compare(const void *left, const void *right)
{
	if (path_to_compare)
		unlink(path_to_compare);
	path_to_compare = NULL;
	return *(const char *)left - *(const char *)right;
}

PUBLIC int remove_while_sorting(const char *path)
{
	char letters[] = {'b', 'a'};
	path_to_compare = path;
	qsort(letters, 2, 1, compare);
	return letters[0];
}

// Python calls us, we call Python, and act thereafter.
PUBLIC int call_back_and_remove(int (*callback)(void), const char *path)
{
	int result = callback();
	unlink(path);
	return result;
}
