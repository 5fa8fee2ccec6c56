"""Checks of the machine: disk, clock, certificates, prompts."""

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.doctor.finding import Finding, fault, note, ok
from console.stack.parts import python_module
from rating.keeper.certificates import ends_of
from rating.settings import Settings

DISK_FAULT_MB, DISK_NOTE_MB = 500, 5_000
CERTIFICATE_NOTE_DAYS = 21
DAY_S = 86_400
PROMPTS_TIMEOUT_S = 120
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # struct timex has 208; the kernel writes no more than that


def disk(settings: Settings) -> Iterator[Finding]:
    """Room where the journal and the decks are written: a full disk loses no money, but refuses calls."""
    seen: set[int] = set()
    for directory in (settings.journal_dir, settings.deck_cache_dir, settings.path.parent):
        if not directory.exists() or os.stat(directory).st_dev in seen:
            continue
        seen.add(os.stat(directory).st_dev)
        free_mb = shutil.disk_usage(directory).free // 2**20
        found = f"{free_mb:,} MB free at {directory}"
        if free_mb < DISK_FAULT_MB:
            yield fault("disk", found, "make room: docs/runbooks/disk-filling.md")
        elif free_mb < DISK_NOTE_MB:
            yield note("disk", found, "make room soon")
        else:
            yield ok("disk", found)


def clock() -> Iterator[Finding]:
    """Whether something keeps the kernel's clock right: charges are by its seconds, calls of several nodes compared."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)  # modes 0: only asks
    if state == _UNSYNCHRONISED:
        yield note("clock", "nothing keeps this machine's clock right", "install chrony")
    elif state >= 0:
        yield ok("clock", "is kept right")


def certificates(settings: Settings) -> Iterator[Finding]:
    """Those that the keeper watches: [keeper] certificates."""
    files = [Path(file) for file in settings.table("keeper").get("certificates", [])]
    for name, end_s in ends_of(files).items():
        days = (end_s - time.time()) / DAY_S
        advice = "renew it: docs/runbooks/certificate-expiring.md"
        if days < 0:
            yield fault("certificates", f"{name} is over, or cannot be read", advice)
        elif days < CERTIFICATE_NOTE_DAYS:
            yield note("certificates", f"{name} ends in {days:.0f} days", advice)
        else:
            yield ok("certificates", f"{name} is good for {days:.0f} days")
    if not files:
        yield ok("certificates", "none are in use")


def prompts(settings: Settings, languages: Sequence[str]) -> Iterator[Finding]:
    """What callers hear in the languages that are offered: the media server's own tool looks for missing sound."""
    if not languages:
        return
    command = python_module("mediasrv.prompts", "check", "--languages", ",".join(languages))
    environment = os.environ | {"CARDSWITCH_CONFIG": str(settings.path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PROMPTS_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        yield fault("prompts", f"the check did not end in {PROMPTS_TIMEOUT_S} s", "`cardswitch prompts check`")
        return
    lines = (done.stdout + done.stderr).strip().splitlines() or ["no word"]
    if done.returncode:
        yield fault("prompts", lines[-1], "`cardswitch prompts check` has all; `prompts render` makes what is missing")
    else:
        yield ok("prompts", lines[-1])
