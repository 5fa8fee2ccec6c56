/* The callers of the media benchmark: each sends 50 packets a second, presses keys, and times what it hears.
 *
 *   media_far_end CALLERS WARMUP_MS MEASURE_MS KEYS
 *
 * Prints "ports p1 p2 …"; reads the port to send to for each caller; prints "measuring" after the warm-up, and in the
 * end one JSON object. Caller i presses as its j-th key (7i + 3j) mod 10, as RFC 4733 events of 100 ms.
 * A gap is the time between two packets of one caller by the kernel's receive time stamps, so that this program's own
 * delays are not measured.
 */
#include "media_common.h"
#include <poll.h>
#include <sys/epoll.h>

enum { EVENT_TYPE = 101, TONE_PACKETS = 5, END_PACKETS = 3, BUCKET_US = 10, BUCKETS = 50000 };

struct caller {
	int fd, key, key_packet;	/* key_packet: -1 between keys */
	uint16_t sequence, heard_sequence;
	uint32_t event_timestamp;
	int64_t last_ns, next_key_tick;
};

static struct caller *callers;
static int caller_count, keys_wanted;
static int64_t key_period_ms;
static int measuring;
static uint32_t histogram[BUCKETS + 1];
static long gaps, missing, silent, unsent;
static double max_us;
static int64_t late_max_ns;

static void send_packet(struct caller *c, int index, int64_t tick, int may_press)
{
	uint8_t packet[HEADER + FRAME];
	uint32_t timestamp = (uint32_t)tick * 8;
	int size = HEADER + FRAME;

	if (c->key_packet < 0 && may_press && c->key < keys_wanted && tick >= c->next_key_tick) {
		c->key_packet = 0;
		c->event_timestamp = timestamp;
	}
	if (c->key_packet < 0) {
		rtp_header(packet, 0, 0, c->sequence, timestamp, index + 1);
		memset(packet + HEADER, 0xff, FRAME);
	} else {
		int n = c->key_packet++, end = n >= TONE_PACKETS;
		int duration = (n < TONE_PACKETS ? n + 1 : TONE_PACKETS) * FRAME;
		rtp_header(packet, n == 0, EVENT_TYPE, c->sequence, c->event_timestamp, index + 1);
		packet[HEADER] = (7 * index + 3 * c->key) % 10;
		packet[HEADER + 1] = end << 7 | 10;
		packet[HEADER + 2] = duration >> 8;
		packet[HEADER + 3] = duration & 0xff;
		size = HEADER + 4;
		if (n == TONE_PACKETS + END_PACKETS - 1) {
			c->key_packet = -1;
			c->key++;
			c->next_key_tick += key_period_ms;
		}
	}
	c->sequence++;
	if (send(c->fd, packet, size, 0) < 0)
		unsent++;
}

static void note_gap(double gap_us)
{
	double error = gap_us - PTIME_MS * 1000;
	if (error < 0)
		error = -error;
	int bucket = error / BUCKET_US;
	histogram[bucket < BUCKETS ? bucket : BUCKETS]++;
	gaps++;
	if (error > max_us)
		max_us = error;
}

static int64_t stamp_ns(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof t);
			return t.tv_sec * 1000000000LL + t.tv_nsec;
		}
	return 0;
}

/* Takes one packet; epoll tells again when there are more. */
static void hear(struct caller *c)
{
	uint8_t packet[2048], control[128];
	struct iovec v = {packet, sizeof packet};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t size = recvmsg(c->fd, &m, 0);
	if (size < HEADER)
		return;
	uint16_t sequence = packet[2] << 8 | packet[3];
	int64_t at = stamp_ns(&m);
	if (measuring && c->last_ns) {
		uint16_t skipped = sequence - c->heard_sequence - 1;
		note_gap((at - c->last_ns) / 1000.0);
		missing += skipped < 1000 ? skipped : 0;
		silent += size > HEADER + 8 && !memcmp(packet + HEADER, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	}
	c->heard_sequence = sequence;
	c->last_ns = at;
}

static double percentile_ms(double share)
{
	long wanted = gaps * share, seen = 0;
	for (int i = 0; i <= BUCKETS; i++)
		if ((seen += histogram[i]) > wanted)
			return (i + 1) * BUCKET_US / 1000.0;
	return 0;
}

static int open_callers(void)
{
	int on = 1, sockets = epoll_create1(0);
	printf("ports");
	for (int i = 0; i < caller_count; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &callers[i]};
		callers[i] = (struct caller){.fd = open_socket(), .key_packet = -1};
		setsockopt(callers[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
		if (epoll_ctl(sockets, EPOLL_CTL_ADD, callers[i].fd, &e))
			die("epoll_ctl");
	}
	printf("\n");
	fflush(stdout);
	return sockets;
}

/* Everything that has come, but no more than a bounded share of the time. */
static void hear_all(int sockets)
{
	struct epoll_event events[256];
	for (int round = 0; round < 16; round++) {
		int ready = epoll_wait(sockets, events, 256, 0);
		if (ready <= 0)
			return;
		for (int i = 0; i < ready; i++)
			hear(events[i].data.ptr);
	}
}

static void speak(int64_t tick, int64_t late_ns, int64_t warmup_ms)
{
	if (measuring && late_ns > late_max_ns)
		late_max_ns = late_ns;
	if (tick == warmup_ms) {
		measuring = 1;
		printf("measuring\n");
		fflush(stdout);
	}
	for (int i = tick % PTIME_MS; i < caller_count; i += PTIME_MS)
		send_packet(&callers[i], i, tick, measuring);
}

/* Wakes by the clock only: a program that slept until a packet comes would be woken by the sender of each packet, at the
 * sender's cost, which is a third of a send and is none on a real network. The kernel's stamps keep the times exact. */
static void run(int sockets, int64_t warmup_ms, int64_t measure_ms)
{
	int64_t start = (now_ns() / MS_NS + 1) * MS_NS, tick = 0, late_ns;
	struct pollfd timer = {.fd = tick_timer(start), .events = POLLIN};
	for (int i = 0; i < caller_count; i++)
		callers[i].next_key_tick = warmup_ms + (int64_t)i * key_period_ms / caller_count;
	while (tick < warmup_ms + measure_ms) {
		uint64_t expirations;
		poll(&timer, 1, -1);
		if (read(timer.fd, &expirations, 8) != 8)
			continue;
		for (int n = 0; n < 4 && (late_ns = now_ns() - tick * MS_NS - start) >= 0; n++)
			speak(tick++, late_ns, warmup_ms);
		hear_all(sockets);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: media_far_end CALLERS WARMUP_MS MEASURE_MS KEYS\n");
		return 2;
	}
	caller_count = atoi(argv[1]);
	keys_wanted = atoi(argv[4]);
	/* The last keys must have settled before the end. */
	key_period_ms = keys_wanted ? (atoi(argv[3]) - 500) / (keys_wanted + 1) : 0;
	callers = calloc(caller_count, sizeof *callers);
	int sockets = open_callers(), *fds = calloc(caller_count, sizeof *fds);
	for (int i = 0; i < caller_count; i++)
		fds[i] = callers[i].fd;
	connect_all(fds, caller_count);
	run(sockets, atoi(argv[2]), atoi(argv[3]));
	printf("{\"gaps\": %ld, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": %.2f, \"max_ms\": %.2f, \"missing\": %ld, "
	       "\"silent\": %ld, \"unsent\": %ld, \"late_max_ms\": %.1f, \"cpu_s\": %.3f}\n",
	       gaps, percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999), max_us / 1000, missing, silent, unsent,
	       late_max_ns / 1e6, cpu_s());
	return 0;
}
