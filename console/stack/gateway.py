"""The demo gateway: baresip as a carrier's far end. It answers every number, says something, and records what it hears.

A demonstration device on a loopback address, nothing for production. baresip answers only for the users it knows, so
a front desk stands before it: it puts baresip's user in the place of the number dialled, and passes answers back.
In-dialog requests go to baresip directly, by its Contact.

``python -m console.stack.gateway --listen 127.0.0.30:5060 --device 127.0.0.30:5062 -- baresip -f DIR``
"""

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import wave
from pathlib import Path

from console.stack.errors import StackError
from console.stack.plan import GATEWAY_HOST, Plan, private_places
from console.stack.probe import Address, parse_address
from console.stack.process import end_child, find_program
from console.stack.signals import StopRequested, install

SPEECH = (
    "Hello, this is the demo gateway, at the far end of your call. What you say is recorded here. "
    "The quick brown fox jumps over the lazy dog, while I go on speaking until one of us hangs up."
)
SPEECH_REPEATED_TO_S = 900  # baresip ends the call when its source file ends
SPEECH_TIMEOUT_S = 30.0
SAMPLE_RATE = 8000

MODULES = Path("/usr/lib/baresip/modules")
CALLS_MAX = 60
USER = "gateway"


def speech_file(plan: Plan) -> Path:
    """What the gateway says, once: 8 kHz mono 16-bit WAV."""
    return plan.run.gateway / "speech.wav"


def heard_directory(plan: Plan) -> Path:
    """Where the gateway writes what it hears, one ``…-dec.wav`` a call."""
    return plan.run.gateway / "heard"


def command(plan: Plan) -> list[str]:
    """Writes baresip's files and returns its command line."""
    program = find_program("baresip", "baresip-core")
    home = plan.run.gateway
    heard_directory(plan).mkdir(exist_ok=True)
    source = home / "source.wav"
    if not source.exists():
        render_speech(SPEECH, speech_file(plan))
        repeat(speech_file(plan), source, SPEECH_REPEATED_TO_S)
    at = plan.addresses
    account = f"<sip:{USER}@{GATEWAY_HOST}:{at.gateway_device}>;regint=0;answermode=auto"
    (home / "accounts").write_text(f"{account};audio_codecs=PCMU/8000/1,PCMA/8000/1\n")
    (home / "contacts").write_text("")
    (home / "config").write_text(_config(plan, source))
    ours = [sys.executable, "-P", "-m", "console.stack.gateway"]
    ends = ["--listen", f"{GATEWAY_HOST}:{at.gateway}", "--device", f"{GATEWAY_HOST}:{at.gateway_device}"]
    return [*ours, *ends, "--", program, "-f", str(home)]


def _config(plan: Plan, source: Path) -> str:
    at = plan.addresses
    settings = [
        "poll_method epoll",
        f"sip_listen {GATEWAY_HOST}:{at.gateway_device}",
        f"net_interface {GATEWAY_HOST}",
        f"call_max_calls {CALLS_MAX}",
        f"audio_source aufile,{source}",
        f"audio_player aufile,{plan.run.gateway / 'played.wav'}",
        f"audio_alert aufile,{plan.run.gateway / 'alert.wav'}",
        "audio_path /nonexistent",  # no ring tones
        "ausrc_srate 8000",
        "auplay_srate 8000",
        "ausrc_channels 1",
        "auplay_channels 1",
        "jitter_buffer_type fixed",
        "jitter_buffer_delay 1-5",
        f"snd_path {heard_directory(plan)}",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in ("g711", "aufile", "sndfile", "uuid")),
        *(f"module_app {name}.so" for name in ("account", "ctrl_tcp")),
        f"ctrl_tcp_listen {GATEWAY_HOST}:{at.gateway_control}",
    ]
    return "\n".join(settings) + "\n"


def render_speech(text: str, file: Path, *, voice: str = "en") -> None:
    """Speaks ``text`` into an 8 kHz mono WAV. Raises StackError."""
    raw = file.with_suffix(".raw.wav")
    command = [find_program("espeak-ng", "espeak-ng"), "-v", voice, "-s", "160", "-w", str(raw), text]
    environment = os.environ | private_places(file.parent, file.parent)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SPEECH_TIMEOUT_S, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"espeak-ng took longer than {SPEECH_TIMEOUT_S:.0f} s to say one text.") from error
    if done.returncode != 0:
        raise StackError(f"espeak-ng failed: {done.stderr.strip()}.")
    to_8_khz(raw, file)
    raw.unlink()


def to_8_khz(source: Path, target: Path) -> None:
    """Resamples a mono 16-bit WAV to 8 kHz in the frequency domain."""
    import numpy as np  # only here: the command line should start quickly

    with wave.open(str(source), "rb") as file:
        rate, frames = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(frames, dtype="<i2").astype(np.float64)
    length = len(samples) * SAMPLE_RATE // rate
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    resampled = np.fft.irfft(spectrum, length) * (length / len(samples))
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.clip(resampled, -32768, 32767).astype("<i2").tobytes())


def repeat(source: Path, target: Path, seconds: int) -> None:
    """Writes ``source`` again and again until it lasts ``seconds``."""
    with wave.open(str(source), "rb") as file:
        parameters, frames = file.getparams(), file.readframes(file.getnframes())
    pause = b"\0\0" * (parameters.framerate // 2)
    wanted = seconds * parameters.framerate * 2
    with wave.open(str(target), "wb") as file:
        file.setparams(parameters)
        file.writeframes(((frames + pause) * (wanted // len(frames + pause) + 1))[:wanted])


def to_device(datagram: bytes) -> bytes:
    """A request as baresip gets it: its own user in the Request-URI; ``rport`` (RFC 3581) makes it answer to us."""
    first, _, rest = datagram.partition(b"\r\n")
    first = re.sub(rb"^([A-Z]+ sips?:)[^@ ]*@", rb"\g<1>" + USER.encode() + b"@", first)
    via = re.search(rb"(?im)^(?:Via|v) *:[^,\r\n]*", rest)
    if via and b"rport" not in via[0]:
        rest = rest[: via.end()] + b";rport" + rest[via.end() :]
    return first + b"\r\n" + rest


def sent_by(response: bytes) -> Address | None:
    """Where a response belongs: the topmost Via's own address (RFC 3261, section 18.2.2)."""
    via = re.search(rb"(?im)^(?:Via|v) *: *SIP */ *2\.0 */ *UDP +([0-9.]+)(?::(\d+))?", response)
    return (via[1].decode(), int(via[2] or 5060)) if via else None


def front_desk(desk: socket.socket, device: Address, child: subprocess.Popen[bytes]) -> None:
    """Passes datagrams on until baresip ends."""
    desk.settimeout(1.0)
    while child.poll() is None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            datagram, source = desk.recvfrom(65535)
            if source != device:
                desk.sendto(to_device(datagram), device)
            elif (target := sent_by(datagram)) is not None:
                desk.sendto(datagram, target)


def main() -> int:
    """Runs the front desk and baresip behind it until a signal, or until baresip ends."""
    parser = argparse.ArgumentParser(description="the demo gateway")
    parser.add_argument("--listen", type=parse_address, required=True)
    parser.add_argument("--device", type=parse_address, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    install()
    child = subprocess.Popen(options.command)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
            desk.bind(options.listen)
            front_desk(desk, options.device, child)
        return 1
    except StopRequested:
        return 0
    finally:
        end_child(child, timeout_s=3.0)


if __name__ == "__main__":
    sys.exit(main())
