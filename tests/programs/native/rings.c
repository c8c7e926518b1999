// io_uring without liburing: none of its acts is a system call.
#include "acts.h"

#include <linux/io_uring.h>

struct ring {
	int descriptor;
	uint32_t *submission_tail, *submission_mask, *submission_array, *submission_flags;
	uint32_t *completion_head, *completion_tail, *completion_mask;
	struct io_uring_sqe *entries;
	struct io_uring_cqe *completions;
};

static int make_ring(struct ring *ring, uint32_t flags)
{
	struct io_uring_params parameters = {.flags = flags, .sq_thread_idle = 200};
	ring->descriptor = (int)syscall(SYS_io_uring_setup, 4, &parameters);
	if (ring->descriptor < 0)
		return -1;
	int protection = PROT_READ | PROT_WRITE, kind = MAP_SHARED | MAP_POPULATE;
	char *submissions = mmap(NULL, 65536, protection, kind, ring->descriptor, IORING_OFF_SQ_RING);
	char *completions = mmap(NULL, 65536, protection, kind, ring->descriptor, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, 4096, protection, kind, ring->descriptor, IORING_OFF_SQES);
	if (submissions == MAP_FAILED || completions == MAP_FAILED || ring->entries == MAP_FAILED)
		return -1;
	ring->submission_tail = (uint32_t *)(submissions + parameters.sq_off.tail);
	ring->submission_mask = (uint32_t *)(submissions + parameters.sq_off.ring_mask);
	ring->submission_flags = (uint32_t *)(submissions + parameters.sq_off.flags);
	ring->submission_array = (uint32_t *)(submissions + parameters.sq_off.array);
	ring->completion_head = (uint32_t *)(completions + parameters.cq_off.head);
	ring->completion_tail = (uint32_t *)(completions + parameters.cq_off.tail);
	ring->completion_mask = (uint32_t *)(completions + parameters.cq_off.ring_mask);
	ring->completions = (struct io_uring_cqe *)(completions + parameters.cq_off.cqes);
	return 0;
}

static int finish(struct ring *ring)
{
	uint32_t head = *ring->completion_head;
	for (int tries = 0; tries < 5000; tries++) {
		if (__atomic_load_n(ring->completion_tail, __ATOMIC_ACQUIRE) != head) {
			int result = ring->completions[head & *ring->completion_mask].res;
			__atomic_store_n(ring->completion_head, head + 1, __ATOMIC_RELEASE);
			return result;
		}
		usleep(1000);
	}
	return -1000;
}

static int submit(struct ring *ring, struct io_uring_sqe *entry, int has_thread)
{
	uint32_t tail = *ring->submission_tail, index = tail & *ring->submission_mask;
	ring->entries[index] = *entry;
	ring->submission_array[index] = index;
	__atomic_store_n(ring->submission_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (!has_thread)
		syscall(SYS_io_uring_enter, ring->descriptor, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	else if (__atomic_load_n(ring->submission_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
		syscall(SYS_io_uring_enter, ring->descriptor, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
	return finish(ring);
}

static int act(struct io_uring_sqe *entry, uint32_t flags)
{
	struct ring ring;
	if (make_ring(&ring, flags))
		return -1001;
	int result = submit(&ring, entry, (flags & IORING_SETUP_SQPOLL) != 0);
	close(ring.descriptor);
	return result;
}

PUBLIC int ring_create_file(const char *path, int has_thread)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uint64_t)path, .len = 0600};
	entry.open_flags = O_WRONLY | O_CREAT;
	return act(&entry, has_thread ? IORING_SETUP_SQPOLL : 0);
}

PUBLIC int ring_remove(const char *path, int has_thread)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uint64_t)path};
	return act(&entry, has_thread ? IORING_SETUP_SQPOLL : 0);
}

PUBLIC int ring_connect(int port, int has_thread)
{
	struct sockaddr_in address = local_address(port);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT, .fd = descriptor, .addr = (uint64_t)&address};
	entry.off = sizeof address;
	int result = act(&entry, has_thread ? IORING_SETUP_SQPOLL : 0);
	close(descriptor);
	return result;
}
