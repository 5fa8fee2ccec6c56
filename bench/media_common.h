/* What the two programs of the media benchmark share: sockets, a 1 ms tick, RTP packets. */
#ifndef MEDIA_COMMON_H
#define MEDIA_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 160, HEADER = 12, PTIME_MS = 20, MS_NS = 1000000 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* A UDP socket on a port the kernel chooses; prints the port. */
static int open_socket(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) || getsockname(fd, (struct sockaddr *)&a, &size))
		die("cannot open a socket");
	printf(" %d", ntohs(a.sin_port));
	return fd;
}

/* The ports to send to, one a socket, from standard input. */
static void connect_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		int port;
		if (scanf("%d", &port) != 1)
			die("standard input must name a port for each caller");
		struct sockaddr_in a = loopback(port);
		if (connect(fds[i], (struct sockaddr *)&a, sizeof a))
			die("connect");
	}
}

static int tick_timer(int64_t first_ns)
{
	struct itimerspec s = {.it_interval = {0, MS_NS},
			       .it_value = {first_ns / 1000000000LL, first_ns % 1000000000LL}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL))
		die("timerfd");
	return fd;
}

static void rtp_header(uint8_t *p, int marker, int type, uint16_t sequence, uint32_t timestamp, uint32_t ssrc)
{
	uint32_t t = htonl(timestamp), s = htonl(ssrc);
	p[0] = 0x80;
	p[1] = marker << 7 | type;
	p[2] = sequence >> 8;
	p[3] = sequence & 0xff;
	memcpy(p + 4, &t, 4);
	memcpy(p + 8, &s, 4);
}

#endif
