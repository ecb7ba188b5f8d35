/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * QEMU's backend "socket" over TCP: each frame is its length in 4 bytes, big-endian, and its bytes.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_PATIENCE_MS 10000

void wire_open(struct wire *wire)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(where);
	struct sockaddr *generic = (struct sockaddr *)(void *)&where;

	wire->peer = -1;
	wire->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(wire->listener >= 0);
	assert_int_equal(bind(wire->listener, generic, len), 0);
	assert_int_equal(listen(wire->listener, 1), 0);
	assert_int_equal(getsockname(wire->listener, generic, &len), 0);
	snprintf(wire->option, sizeof(wire->option), "socket,id=wire,connect=127.0.0.1:%u", ntohs(where.sin_port));
}

/* Whether something can be read, or accepted, within `ms`. */
static bool wire_ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

void wire_connect(struct wire *wire)
{
	assert_true(wire_ready(wire->listener, WIRE_PATIENCE_MS));
	wire->peer = accept4(wire->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(wire->peer >= 0);
}

static void wire_write(struct wire *wire, const void *from, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = send(wire->peer, (const char *)from + done, len - done, MSG_NOSIGNAL);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

static void wire_read(struct wire *wire, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		assert_true(wire_ready(wire->peer, WIRE_PATIENCE_MS));
		ssize_t n = recv(wire->peer, (char *)to + done, len - done, 0);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

void wire_send(struct wire *wire, const void *frame, size_t len)
{
	const uint32_t header = htonl((uint32_t)len);

	wire_write(wire, &header, sizeof(header));
	wire_write(wire, frame, len);
}

size_t wire_receive(struct wire *wire, void *frame, size_t room, int ms)
{
	uint32_t header;

	if (!wire_ready(wire->peer, ms))
		return 0;
	wire_read(wire, &header, sizeof(header));
	size_t len = ntohl(header);
	assert_true(len && len <= room);
	wire_read(wire, frame, len);
	return len;
}

void wire_close(struct wire *wire)
{
	if (wire->peer >= 0)
		close(wire->peer);
	close(wire->listener);
}
