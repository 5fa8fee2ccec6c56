/* The floor of the media benchmark: sends the engine's packets and does nothing else.
 *
 *   media_floor CALLERS WARMUP_MS MEASURE_MS
 *
 * Prints "ports p1 p2 …"; reads the port to send to for each caller; after the time given prints {"cpu_s": …}, the CPU
 * time of the measured part. What comes in is dropped by the kernel.
 */
#include "media_common.h"
#include <linux/filter.h>
#include <poll.h>

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: media_floor CALLERS WARMUP_MS MEASURE_MS\n");
		return 2;
	}
	int count = atoi(argv[1]);
	int64_t warmup_ms = atoi(argv[2]), end_ms = warmup_ms + atoi(argv[3]);
	struct sock_filter drop[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_fprog program = {1, drop};
	int *fds = calloc(count, sizeof *fds);
	printf("ports");
	for (int i = 0; i < count; i++) {
		fds[i] = open_socket();
		setsockopt(fds[i], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
	}
	printf("\n");
	fflush(stdout);
	connect_all(fds, count);

	int64_t start = (now_ns() / MS_NS + 1) * MS_NS;
	struct pollfd timer = {.fd = tick_timer(start), .events = POLLIN};
	double cpu_before = 0;
	for (int64_t tick = 0; tick < end_ms;) {
		uint64_t expirations;
		poll(&timer, 1, -1);
		if (read(timer.fd, &expirations, 8) != 8)
			continue;
		for (; tick * MS_NS + start <= now_ns(); tick++) {
			if (tick == warmup_ms)
				cpu_before = cpu_s();
			for (int i = tick % PTIME_MS; i < count; i += PTIME_MS) {
				uint8_t packet[HEADER + FRAME];
				rtp_header(packet, 0, 0, tick / PTIME_MS, tick * 8, i + 1);
				memset(packet + HEADER, 0x55, FRAME);
				if (send(fds[i], packet, sizeof packet, 0) < 0 && errno != ECONNREFUSED)
					die("send");
			}
		}
	}
	printf("{\"cpu_s\": %.3f}\n", cpu_s() - cpu_before);
	return 0;
}
