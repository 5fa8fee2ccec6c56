"""The suite ``./cardswitch test deploy``: the playbook against fresh Debian hosts that it makes. Root, and minutes.

Not collected otherwise (tests/conftest.py). ``CARDSWITCH_DEPLOY_CACHE`` names a directory that keeps what hosts are
made from between runs; without it that is .run/deploy.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.images import ROOT, Images

NEEDED = ("debootstrap", "systemd-nspawn", "ip", "ssh", "nft", "dpkg-deb", "sipp")
BUILD = ROOT / "ansible" / "roles" / "release" / "files" / "build_release.py"

table: list[str] = []  # lines for the end of the run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if table:
        terminalreporter.section("deployment")
        for line in table:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def note() -> list[str]:
    """What is to be shown when all is over."""
    return table


@pytest.fixture(scope="session")
def images() -> Images:
    """Skips, saying why, on a machine that cannot make hosts."""
    missing = [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if os.geteuid() != 0:
        pytest.skip("making hosts needs root")
    if missing:
        pytest.skip(f"making hosts needs {', '.join(missing)} (apt-get install debootstrap systemd-container nftables)")
    found = Images(Path(os.environ.get("CARDSWITCH_DEPLOY_CACHE", ROOT / ".run" / "deploy")).resolve())
    found.make()
    command = [sys.executable, str(BUILD), "--project", str(ROOT), "--into", str(found.cache / "releases")]
    subprocess.run(command, check=True, timeout=1500)
    return found
