/* SPDX-License-Identifier: ISC */
/*
 * A wire: the other end of a QEMU network controller's, in this process.
 *
 * QEMU connects to a socket that listens on the loopback interface, at a port that the kernel chose: so nobody needs a
 * privilege, and two tests never want the same port.  Frames go over it with their length in front; none is ever lost.
 */
#ifndef WIRE_H
#define WIRE_H

#include "support.h"

struct wire {
	int listener, peer; /* -1: none */
	char option[64];    /* for QEMU, after "-netdev": the backend is called "wire" */
};

/* Start to listen. */
void wire_open(struct wire *wire);

/* QEMU was started with the option: take its connection. */
void wire_connect(struct wire *wire);

/* A frame for the controller. */
void wire_send(struct wire *wire, const void *frame, size_t len);

/* The next frame of the controller's, of up to `room` bytes.  Its length, or 0 if none comes within `ms`. */
size_t wire_receive(struct wire *wire, void *frame, size_t room, int ms);

void wire_close(struct wire *wire);

#endif
