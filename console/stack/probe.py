"""Is a part ready? Asked in its own protocol: a bound port alone does not say that it answers.

``python -m console.stack.probe 192.0.2.1:5060``: exit status 0 when OPTIONS is answered by 200.
"""

import http.client
import re
import socket
import sys
import uuid

PROBE_TIMEOUT_S = 0.5

Address = tuple[str, int]


def parse_address(text: str) -> Address:
    """``"127.0.0.1:5060"`` as a pair."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def sip_options(address: Address, *, source: str = "127.0.0.1", timeout_s: float = PROBE_TIMEOUT_S) -> int | None:
    """Sends OPTIONS over UDP (RFC 3261, section 11); the status of the answer, None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(timeout_s)
        sock.connect(address)
        host, port = sock.getsockname()
        request = (
            f"OPTIONS sip:ping@{address[0]}:{address[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"
            f"From: <sip:ping@{host}>;tag={uuid.uuid4().hex[:8]}\r\nTo: <sip:ping@{address[0]}>\r\n"
            f"Call-ID: {uuid.uuid4().hex}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
            f"Contact: <sip:ping@{host}:{port}>\r\nContent-Length: 0\r\n\r\n"
        )
        try:
            sock.send(request.encode())
            answer = sock.recv(65535)
        except OSError:
            return None
    found = re.match(rb"SIP/2\.0 (\d{3})", answer)
    return int(found[1]) if found else None


def ng_ping(address: Address, *, timeout_s: float = PROBE_TIMEOUT_S) -> bool:
    """Whether rtpengine answers a ping of its ng protocol."""
    cookie = uuid.uuid4().hex[:8].encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.sendto(cookie + b" d7:command4:pinge", address)
            return sock.recv(4096) == cookie + b" d6:result4:ponge"
        except OSError:
            return False


def http_get(address: Address, path: str, *, timeout_s: float = PROBE_TIMEOUT_S) -> tuple[int, str] | None:
    """Status and body of a GET; None when nobody answers."""
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def http_ok(address: Address, path: str) -> bool:
    """Whether a GET is answered with 200."""
    answer = http_get(address, path)
    return answer is not None and answer[0] == 200


if __name__ == "__main__":
    address = parse_address(sys.argv[1])
    sys.exit(0 if sip_options(address, source="", timeout_s=2.0) == 200 else 1)
