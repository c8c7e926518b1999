// What the hostile DLLs share. Each acts on paths and ports that the driver gives, so that every act has a mark.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUBLIC __attribute__((noinline, visibility("default")))

// A system call without the C library.
static inline long raw_call(long number, long first, long second, long third)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
}

static inline struct sockaddr_in local_address(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

// A socket connected to a port of this machine.
static inline int connected(int port)
{
	struct sockaddr_in address = local_address(port);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) {
		close(descriptor);
		return -1;
	}
	return descriptor;
}

static inline int wait_for(pid_t child)
{
	int status = -1;
	return child > 0 && waitpid(child, &status, __WALL) == child ? status : -1;
}
