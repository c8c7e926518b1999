// The kernel's other doors: their tables of system calls have other numbers.
#include "acts.h"

static long i386_call(long number, long first, long second, long third)
{
	long result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(third)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

PUBLIC long remove_by_i386(const char *path)
{
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	strncpy(low, path, 4096);
	long result = i386_call(10, (long)low, 0, 0); // unlink; mprotect in the machine's own table
	munmap(low, 8192);
	return result;
}

PUBLIC long connect_by_i386(int port)
{
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct sockaddr_in address = local_address(port);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(low, &address, sizeof address);
	long result = i386_call(362, descriptor, (long)low, sizeof address); // connect
	close(descriptor);
	munmap(low, 4096);
	return result;
}

PUBLIC long connect_by_socketcall(int port)
{
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct sockaddr_in address = local_address(port);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(low + 16, &address, sizeof address);
	low[0] = (uint32_t)descriptor;
	low[1] = (uint32_t)(long)(low + 16);
	low[2] = sizeof address;
	long result = i386_call(102, 3, (long)low, 0); // socketcall(SYS_CONNECT, ...)
	close(descriptor);
	munmap(low, 4096);
	return result;
}

#define X32_BIT 0x40000000

PUBLIC long remove_by_x32(const char *path)
{
	return raw_call(X32_BIT | SYS_unlink, (long)path, 0, 0);
}
