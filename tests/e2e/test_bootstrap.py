"""``./cardswitch`` where something is missing: one clear sentence, a non-zero exit, nothing half-started."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from console.stack.plan import ROOT

NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
POLICY = Path("/usr/sbin/policy-rc.d")
NO_INDEX = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_NO_CACHE_DIR": "1",
}

pytestmark = pytest.mark.timeout(280)  # two runs of the bootstrap at most

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for other users and name spaces")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a newcomer has: the files of the bootstrap, and no virtual environment."""
    for name in ("cardswitch", "console/packages.txt", "requirements-build.txt", "requirements-dev.txt"):
        target = tmp_path / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    return tmp_path / "tree"


def bootstrap(
    checkout: Path, *prefix: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, str(checkout / "cardswitch"), "status"],
        capture_output=True, text=True, check=False, timeout=120, env=os.environ | dict(environment or {}),
    )  # fmt: skip


def need_packages(checkout: Path, names: Sequence[str]) -> None:
    file = checkout / "console" / "packages.txt"
    file.write_text(file.read_text() + "".join(f"{name}  # not there\n" for name in names))


def last_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of standard error; it is the bootstrap's own."""
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("cardswitch: ")
    return line


@needs_root
def test_plain_user_without_packages(checkout: Path) -> None:
    """No root, a package missing: says which and what to do; nothing was made."""
    need_packages(checkout, ["cardswitch-no-such-package"])
    done = bootstrap(checkout, *NOBODY)
    assert done.returncode == 1
    assert "system packages are missing: cardswitch-no-such-package. Run this once as root" in last_sentence(done)
    assert len(done.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()
    assert not (checkout / ".run").exists()


@needs_root
def test_plain_user_without_environment(checkout: Path) -> None:
    """No virtual environment, and no right to make one."""
    done = bootstrap(checkout, *NOBODY)
    assert done.returncode == 1
    assert "run this once as its owner" in last_sentence(done)
    assert not (checkout / ".venv").exists()


@needs_root
def test_no_network_to_the_mirrors(checkout: Path) -> None:
    """Packages missing, no network: one sentence, and services may start again as before."""
    need_packages(checkout, ["cardswitch-no-such-package"])
    before = POLICY.read_bytes() if POLICY.exists() else None
    done = bootstrap(checkout, *isolated(checkout))
    assert done.returncode == 1
    assert "package mirrors cannot be reached" in last_sentence(done)
    assert (POLICY.read_bytes() if POLICY.exists() else None) == before
    assert not (checkout / ".venv").exists()


@needs_root
def test_policy_is_put_back(checkout: Path) -> None:
    """A machine's own policy-rc.d is as it was after a failed install, also when a killed run had left ours behind."""
    need_packages(checkout, ["cardswitch-no-such-package"])
    script = (
        'printf "#!/bin/sh\\nexit 104\\n" > /usr/sbin/policy-rc.d; "$0" status; cat /usr/sbin/policy-rc.d;'
        "mv /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.before-cardswitch;"
        'printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d; "$0" status; cat /usr/sbin/policy-rc.d;'
        "ls /usr/sbin | grep before-cardswitch"
    )
    done = subprocess.run(
        [*isolated(checkout), "bash", "-c", script, str(checkout / "cardswitch")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "#!/bin/sh\nexit 104\n" * 2
    assert done.stderr.count("package mirrors cannot be reached") == 2


@needs_root
def test_no_network_to_the_index(checkout: Path) -> None:
    """The Python index is out of reach: one sentence; the half-made environment is not taken for a whole one."""
    for _ in range(2):
        done = bootstrap(checkout, "unshare", "--net", environment=NO_INDEX)
        assert done.returncode == 1
        assert "the Python package index cannot be reached" in last_sentence(done)
        assert not (checkout / ".venv" / ".made-from").exists()


def isolated(checkout: Path) -> list[str]:
    """A prefix: no network, and an /usr/sbin and package lists whose changes are gone afterwards."""
    scratch = checkout.parent / "scratch"
    mounts = []
    for number, directory in enumerate(("/usr/sbin", "/var/lib/apt", "/var/cache/apt", "/var/lib/dpkg")):
        upper, work = scratch / f"upper{number}", scratch / f"work{number}"
        upper.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        mounts.append(f"mount -t overlay overlay -o lowerdir={directory},upperdir={upper},workdir={work} {directory}")
    return ["unshare", "--net", "--mount", "sh", "-c", " && ".join([*mounts, 'exec "$0" "$@"'])]
