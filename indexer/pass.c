/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/pass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int) * PASS_MOST)];
	struct cmsghdr align;
};

int pass_send(int socket, const void *data, size_t n, const int *fds, int count)
{
	struct iovec iov = {(void *)(uintptr_t)data, n};
	union control control = {{0}};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t size = sizeof *fds * (size_t)count;
	if (count > PASS_MOST)
		return -E2BIG;
	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds, size);
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == n ? 0 : -EIO;
}

/** Those above @most are closed. */
static int take_descriptors(struct msghdr *msg, int *fds, int most)
{
	int count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (count < most)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

size_t pass_receive(int socket, bool waits, void *data, size_t n, int *fds, int most, int *count)
{
	struct iovec iov = {data, n};
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	ssize_t got;
	*count = 0;
	do
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return 0;
	*count = take_descriptors(&msg, fds, most);
	return (size_t)got;
}
