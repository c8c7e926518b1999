// System call instructions of its own.
#include "acts.h"

PUBLIC long remove_raw(const char *path)
{
	return raw_call(SYS_unlink, (long)path, 0, 0);
}

PUBLIC long connect_raw(int port)
{
	struct sockaddr_in address = local_address(port);
	long descriptor = raw_call(SYS_socket, AF_INET, SOCK_STREAM, 0);
	long result = raw_call(SYS_connect, descriptor, (long)&address, sizeof address);
	raw_call(SYS_close, descriptor, 0, 0);
	return result;
}
