// Data sent by calls that need not be about sockets, and descriptors that change hands.
#include "acts.h"

#include <sys/uio.h>

static char data[] = "hostile data";

PUBLIC int write_to(int port)
{
	int descriptor = connected(port);
	ssize_t sent = write(descriptor, data, sizeof data);
	close(descriptor);
	return sent != sizeof data;
}

PUBLIC int write_parts_to(int port)
{
	int descriptor = connected(port);
	struct iovec parts[] = {{data, 4}, {data + 4, 4}};
	ssize_t sent = writev(descriptor, parts, 2);
	close(descriptor);
	return sent != 8;
}

// The connection under the number of something else, where a table kept by number would be wrong.
PUBLIC int write_to_duplicate(int port)
{
	int descriptor = connected(port), other = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(descriptor, other);
	close(descriptor);
	ssize_t sent = write(other, data, sizeof data);
	close(other);
	return sent != sizeof data;
}

// A connection that a child has from its parent.
PUBLIC int write_from_child(int port)
{
	int descriptor = connected(port);
	pid_t child = fork();
	if (child == 0)
		_exit(write(descriptor, data, sizeof data) != sizeof data);
	close(descriptor);
	return wait_for(child);
}

// A datagram to an address that is in the message only.
PUBLIC int send_message_to(int port)
{
	struct sockaddr_in address = local_address(port);
	struct iovec part = {data, sizeof data};
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent = sendmsg(descriptor, &message, 0);
	close(descriptor);
	return sent != sizeof data;
}

PUBLIC int pass_descriptor(int channel, int descriptor)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr alignment;
	} control = {{0}};
	struct iovec part = {data, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
	message.msg_controllen = sizeof control;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	ssize_t sent = sendmsg(channel, &message, 0);
	return sent != 1;
}

// One's own connection, given away.
PUBLIC int pass_connection(int channel, int port)
{
	int descriptor = connected(port);
	int result = pass_descriptor(channel, descriptor);
	close(descriptor);
	return result;
}

PUBLIC int write_to_passed(int channel)
{
	char bytes[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = bytes, .msg_controllen = sizeof bytes};
	int descriptor = -1;
	if (recvmsg(channel, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
	ssize_t sent = write(descriptor, data, sizeof data);
	close(descriptor);
	return sent != sizeof data;
}
