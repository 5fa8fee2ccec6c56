"""The RTP engine: prompts to thousands of callers on a core, and their keys back.

Theory of operation
-------------------
The media server (asyncio) starts worker processes, one a core, and talks to each over a ``SOCK_SEQPACKET`` pair::

    mediasrv process                          worker process (python -m mediasrv.rtp)
    client.RtpPort ─ client.RtpClient         worker.Worker: epoll, timerfd, 1 ms slots
                        └ link.WorkerLink ══ messages ══╡ stream.Stream, one a call: RTP and RTCP sockets

A worker wakes once a millisecond while somebody has packets due (``wheel``), and for commands; what the socket filters
(``bpf``) let through is taken then too. What a stream decides with has no sockets: who is believed (``latch``),
what is heard next (``player``, ``codec``), which keys were pressed (``dtmf`` from telephone events; ``inband`` and
``goertzel`` from audio, only where no events were negotiated). What goes over the wire is in ``packet``, ``event`` and
``rtcp``.

Why it is so, and what it costs: docs/decisions/rtp-engine.md.
"""
