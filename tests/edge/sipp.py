"""SIPp as a far end: scenarios written in Python, one call in the trade's words, run with deadlines.

A scenario is a list of steps; each helper returns one. ``Sipp`` runs it and tells how many calls went as written. The
SIPp of a story is its own process with its own port; it is ended by its id, and a call that does not go as written
makes it exit with a status other than 0.
"""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from console.stack.ports import free_port, is_free

SDP = """v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
"""
VARIABLES = ("1", "caller", "callee", "via1", "via2", "route")  # SIPp insists that each is referred to
DIALOG = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {from_}
To: {to}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a SIPp scenario."""

    xml: str


def send(text: str, *, retrans_ms: int = 500, attributes: str = "") -> Step:
    again = f' retrans="{retrans_ms}"' if retrans_ms else ""
    body = "\n".join(line.strip() for line in text.strip().splitlines())
    return Step(f"<send{again} {attributes}><![CDATA[\n{body}\n]]></send>")


def message(head: str, headers: str, sdp: bool, extra: str = "") -> str:
    lines = head + "\n" + headers.strip("\n") + "\n" + (extra.strip() + "\n" if extra.strip() else "")
    if sdp:
        return f"{lines}Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}"
    return f"{lines}Content-Length: 0\n\n"


def receive(
    what: int | str, *, optional: bool = False, timeout_ms: int = 8000, rrs: bool = False, action: str = ""
) -> Step:
    kind = f'response="{what}"' if isinstance(what, int) else f'request="{what}"'
    marks = (' optional="true"' if optional else f' timeout="{timeout_ms}"') + (' rrs="true"' if rrs else "")
    return Step(f"<recv {kind}{marks}>{f'<action>{action}</action>' if action else ''}</recv>")


def must_have(pattern: str, header: str | None = None) -> str:
    """An action: the received message (or its header) matches the regular expression, or the call fails."""
    where = f'search_in="hdr" header="{header}:"' if header else 'search_in="msg"'
    return f'<ereg regexp="{escape(pattern)}" {where} check_it="true" assign_to="1"/><log message="[$1]"/>'


def must_not_have(pattern: str) -> str:
    return (
        f'<ereg regexp="{escape(pattern)}" search_in="msg" check_it_inverse="true" assign_to="1"/><log message="[$1]"/>'
    )


def pause(milliseconds: int) -> Step:
    return Step(f'<pause milliseconds="{milliseconds}"/>')


# -- the calling side

CALLER = "<sip:{user}@[local_ip]:[local_port]>;tag=[pid]c[call_number]"


def invite(number: str, ani: str, *, sdp: bool = True, extra: str = "") -> Step:
    headers = DIALOG.format(from_=CALLER.format(user=ani), to=f"<sip:{number}@[remote_ip]>", cseq="1 INVITE")
    return send(message(f"INVITE sip:{number}@[remote_ip]:[remote_port] SIP/2.0", headers, sdp, extra))


def ack(number: str, ani: str, *, sdp: bool = False) -> Step:
    """The ACK of a 200."""
    headers = DIALOG.format(
        from_=CALLER.format(user=ani), to=f"<sip:{number}@[remote_ip]>[peer_tag_param]", cseq="1 ACK"
    )
    return send(message("ACK [next_url] SIP/2.0", headers + "[routes]\n", sdp), retrans_ms=0)


def ack_refusal(number: str, ani: str) -> Step:
    headers = f"""[last_Via:]
From: {CALLER.format(user=ani)}
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
"""
    return send(message(f"ACK sip:{number}@[remote_ip]:[remote_port] SIP/2.0", headers, False), retrans_ms=0)


def cancel(number: str, ani: str) -> Step:
    headers = f"""[last_Via:]
From: {CALLER.format(user=ani)}
To: <sip:{number}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
"""
    return send(message(f"CANCEL sip:{number}@[remote_ip]:[remote_port] SIP/2.0", headers, False))


def request(method: str, number: str, ani: str, *, cseq: int = 2, sdp: bool = False) -> Step:
    """A request of the caller inside the dialog."""
    headers = DIALOG.format(
        from_=CALLER.format(user=ani), to=f"<sip:{number}@[remote_ip]>[peer_tag_param]", cseq=f"{cseq} {method}"
    )
    return send(
        message(f"{method} [next_url] SIP/2.0", headers + "[routes]\n", sdp), retrans_ms=0 if method == "ACK" else 500
    )


# -- the answering side


def reply(status: int, reason: str, *, sdp: bool = False, extra: str = "", retrans_ms: int = 0) -> Step:
    headers = """[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:gw@[local_ip]:[local_port];transport=[transport]>
"""
    return send(message(f"SIP/2.0 {status} {reason}", headers, sdp, extra), retrans_ms=retrans_ms)


def remember_invite() -> str:
    """An action for the received INVITE, before ``reply_to_invite``."""
    return (
        "".join(
            f'<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="{number}" assign_to="via{number}"/>'
            for number in (1, 2)
        )
        + '<ereg regexp=".*" search_in="hdr" header="Record-Route:" assign_to="route"/>'
    )


def reply_to_invite(status: int, reason: str, *, sdp: bool = False, tag: str = "s") -> Step:
    """A final reply to the INVITE, after its CANCEL or a first final reply."""
    headers = f"""Via: [$via1]
Via: [$via2]
[last_From:]
[last_To:];tag=[pid]{tag}[call_number]
[last_Call-ID:]
CSeq: 1 INVITE
Record-Route: [$route]
Contact: <sip:gw@[local_ip]:[local_port];transport=[transport]>
"""
    return send(message(f"SIP/2.0 {status} {reason}", headers, sdp), retrans_ms=0)


def reply_in_dialog(status: int = 200, reason: str = "OK", *, sdp: bool = False) -> Step:
    headers = """[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:far@[local_ip]:[local_port];transport=[transport]>
"""
    return send(message(f"SIP/2.0 {status} {reason}", headers, sdp), retrans_ms=0)


def callee_request(method: str, *, cseq: int = 1, sdp: bool = False) -> Step:
    """A request of the answering side inside the dialog that its last received INVITE made."""
    headers = f"""Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$callee];tag=[pid]s[call_number]
To: [$caller]
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:gw@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
[routes]
"""
    return send(message(f"{method} [next_url] SIP/2.0", headers, sdp))


def remember_parties() -> str:
    """An action for the received INVITE, before ``callee_request``."""
    return (
        '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>'
    )


@dataclass
class Sipp:
    """A SIPp process at ``address``. ``remote`` is where a caller sends to; without it, it waits for calls."""

    name: str
    steps: list[Step]
    address: str
    directory: Path
    remote: str = ""
    calls: int = 1
    rate: float = 10
    transport: str = "u1"
    timeout_s: int = 20
    extra: list[str] = field(default_factory=list)
    port: int = 0
    trace: bool = True  # messages are written down; not for loads
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sipp":
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(self.address)
        scenario = self.directory / f"{self.name}.xml"
        body = "\n".join(step.xml for step in self.steps)
        used = "".join(f'<Reference variables="{v}"/>' for v in VARIABLES if f'assign_to="{v}"' in body)
        scenario.write_text(
            f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{self.name}">\n{body}\n{used}</scenario>\n'
        )
        command = ["sipp", "-sf", str(scenario), "-i", self.address, "-p", str(self.port), "-t", self.transport]
        command += ["-m", str(self.calls), "-r", str(self.rate), "-nd", "-nostdin", "-trace_err"]
        if self.trace:
            command += ["-trace_msg", "-message_file", str(self.directory / f"{self.name}.messages")]
        command += ["-error_file", str(self.directory / f"{self.name}.errors"), "-timeout", f"{self.timeout_s}s"]
        command += ["-timeout_error", *self.extra, *([self.remote] if self.remote else [])]
        with (self.directory / f"{self.name}.out").open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.directory
            )
        if not self.remote:  # nobody may call before it listens
            deadline = time.monotonic() + 10
            while is_free(self.address, self.port, tcp=self.transport[0] == "t") and self.process.poll() is None:
                assert time.monotonic() < deadline, f"{self.name} does not listen"
                time.sleep(0.01)
        return self

    def wait(self) -> int:
        """The exit status: 0 when every call went as written."""
        assert self.process is not None
        try:
            return self.process.wait(self.timeout_s + 5)
        except subprocess.TimeoutExpired:
            self.stop()
            return 99

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def messages(self) -> str:
        """All messages sent and received, as SIPp wrote them down."""
        file = self.directory / f"{self.name}.messages"
        return file.read_text(errors="replace") if file.exists() else ""

    def trouble(self) -> str:
        """What to show when a story fails."""
        errors = self.directory / f"{self.name}.errors"
        return (errors.read_text(errors="replace") if errors.exists() else "") + self.messages()[-6000:]
