"""The warning before the limit, through a real rtpengine: heard by the card holder only, and then the call goes on."""

import json
import random
import socket
import struct
import subprocess
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console.stack.process import end_child, find_program
from rating.calllog import CallLog
from rating.cards import now_us
from rating.database import Database
from rating.journal import JournalReader, JournalWriter, boot_clock_us
from rating.keeper.guard import last_packets
from rating.keeper.ng import NgClient, NgError
from rating.keeper.settle import Settler
from rating.keeper.warner import Warner
from rating.model import Authorised
from rating.store import settlement
from tests.ledger.test_keeper_process import DEADLINE_S, free_port, wait_for
from tests.ledger.world import World

CALL_ID = "warned@example.net"
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"


class Phone:
    """Sends 50 packets a second of its own SSRC, and notes whose it hears."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.heard: list[int] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.02)
        self.port = self.socket.getsockname()[1]
        self.remote: tuple[str, int] | None = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        sequence = random.randrange(1000)
        while not self.stopped.is_set():
            sequence += 1
            if self.remote:
                header = struct.pack("!BBHII", 0x80, 0, sequence, sequence * 160, self.ssrc)
                self.socket.sendto(header + b"\xd5" * 160, self.remote)
            deadline = time.monotonic() + 0.02
            while time.monotonic() < deadline:
                try:
                    packet = self.socket.recv(2000)
                except TimeoutError:
                    break
                self.heard.append(struct.unpack("!I", packet[8:12])[0])

    def hears(self, ssrc: int) -> bool:
        """Whether only this SSRC is among the last packets."""
        return len(self.heard) > 5 and set(self.heard[-5:]) == {ssrc}


def media_port(answer: dict[str, Any]) -> tuple[str, int]:
    line = next(line for line in answer["sdp"].splitlines() if line.startswith("m=audio"))
    return "127.0.0.1", int(line.split()[1])


@pytest.fixture
def ng(tmp_path: Path) -> Iterator[NgClient]:
    port = free_port()
    command = [
        find_program("rtpengine", "rtpengine-daemon"), "-f", "-E", "--config-file=none", "--table=-1",
        "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{port}", "--port-min=26000", "--port-max=26100",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = NgClient(("127.0.0.1", port))
    try:
        wait_for(lambda: pings(client), "rtpengine")
        yield client
    finally:
        end_child(process)


def pings(client: NgClient) -> bool:
    try:
        return client.request("ping")["result"] == "pong"
    except NgError:
        return False


@contextmanager
def connected(ng: NgClient) -> Iterator[tuple[Phone, Phone]]:
    """Card holder and far end, talking through rtpengine."""
    holder, far = Phone(1), Phone(2)
    offer = ng.request("offer", call_id=CALL_ID, from_tag="holder", sdp=SDP.format(port=holder.port))
    answer = ng.request("answer", call_id=CALL_ID, from_tag="holder", to_tag="far", sdp=SDP.format(port=far.port))
    far.remote, holder.remote = media_port(offer), media_port(answer)
    for phone in (holder, far):
        phone.thread.start()
    try:
        wait_for(lambda: bool(holder.heard and far.heard), "audio both ways")
        yield holder, far
    finally:
        for phone in (holder, far):
            phone.stopped.set()
            phone.thread.join(5)
            phone.socket.close()


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    (tmp_path / "prompts" / "en").mkdir(parents=True)
    with wave.open(str(tmp_path / "prompts" / "en" / "warning.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x10" * 8000)
    return tmp_path / "prompts"


def answer(world: World, authorised: Authorised, directory: Path, answered_us: int) -> None:
    writer, database = JournalWriter(directory, "edge1"), Database(world.ledger)
    mono_us = boot_clock_us() - (now_us() - answered_us)
    event = {"callid": CALL_ID, "from_tag": "holder", "to_tag": "far", "dlg": "1:2"}
    event |= {"t_us": answered_us, "mono_us": mono_us}
    writer.append({"ev": "answer", "hold": authorised.hold_id, "call": authorised.call_id} | event)
    settler = Settler(database, "edge1", lambda *_: None, now_us)
    offsets = settlement.offsets(database, "edge1")
    assert settler.apply(JournalReader(directory).read(offsets, 10), offsets) is not None


def test_the_card_holder_hears_the_warning_once_the_far_end_nothing_and_the_call_goes_on(
    world: World, ng: NgClient, prompts: Path, tmp_path: Path
) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    due_us = now_us() - (authorised.limit_s - authorised.warning_s) * 1_000_000
    with connected(ng) as (holder, far):
        warner = Warner(Database(world.ledger), "edge1", ng, prompts, now_us)
        answer(world, authorised, tmp_path / "journal", due_us + 60_000_000)
        warner.poll()
        wait_for(lambda: holder.hears(far.ssrc), "the far end, for the warning is not due for a minute")
        warner.close()
        assert warner.played == 0
        in_a_minute_us = boot_clock_us() + 60_000_000
        calls = CallLog(tmp_path, "keeper", "edge1")
        warner = Warner(
            Database(world.ledger), "edge1", ng, prompts, now_us, calls=calls, boot_us=lambda: in_a_minute_us
        )
        before = len(far.heard)
        warner.poll()
        wait_for(lambda: len(holder.heard) > 5 and not {1, 2} & set(holder.heard[-5:]), "the prompt, alone")
        warner.poll()
        wait_for(lambda: holder.hears(far.ssrc), "the far end again")
        assert set(far.heard[before:]) == {holder.ssrc}  # it heard the card holder all the time, and no prompt
        warner.close()
        assert (warner.played, warner.failed) == (1, 0)
        (step,) = map(json.loads, (tmp_path / "keeper.jsonl").read_text().splitlines())
        assert (step["call"], step["step"]) == (authorised.call_id, "warned")
        seen_s = max(last_packets(ng.request("query", call_id=CALL_ID)))  # what the guard takes for a sign of life
        assert abs(seen_s - time.time()) < DEADLINE_S


def test_a_warning_that_cannot_be_played_is_counted_and_harms_nothing(
    world: World, prompts: Path, tmp_path: Path
) -> None:
    authorised = world.authorised(world.new_card(1_000_000))
    answer(world, authorised, tmp_path / "journal", now_us() - 3_000_000_000)
    calls = CallLog(tmp_path, "keeper", "edge1")
    nobody = NgClient(("127.0.0.1", free_port()))
    warner = Warner(Database(world.ledger), "edge1", nobody, prompts, now_us, calls=calls)
    warner.poll()
    warner.close()
    assert (warner.played, warner.failed) == (0, 1)
    assert '"step":"not_warned"' in (tmp_path / "keeper.jsonl").read_text()
