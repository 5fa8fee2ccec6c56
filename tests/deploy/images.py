"""What fresh hosts are made from, made once and kept: a Debian 12 directory, and the packages that the roles install.

The packages are fetched by apt itself, from the sources that this machine has, for the names that stand in the roles'
defaults. A host then finds them in a directory, and needs no network but the test's own.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "ansible" / "roles"
MIRROR_INSIDE = "/srv/mirror"
SUITE = "bookworm"
IN_BASE = "systemd,systemd-sysv,dbus,python3,python3-apt,iproute2,ca-certificates,openssh-server,sudo"
SOURCES = """deb {debian} bookworm main
deb {debian} bookworm-updates main
deb {security} bookworm-security main
"""
DEBIAN = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
BUILD_TIMEOUT_S = 1500


def packages() -> list[str]:
    """Every Debian package that a role installs: the lists ``<role>_packages`` and ``…_packages`` of its defaults."""
    found: set[str] = set()
    for file in ROLES.glob("*/defaults/main.yml"):
        for name, value in (yaml.safe_load(file.read_text()) or {}).items():
            if name.endswith("_packages"):
                found.update(value)
    return sorted(found)


class Images:
    """``cache`` survives; what is in it already is used."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.base = cache / "base"
        self.mirror = cache / "mirror"

    def make(self) -> None:
        """Makes what is missing: minutes the first time. Raises subprocess.CalledProcessError, TimeoutExpired."""
        self.cache.mkdir(parents=True, exist_ok=True)
        if not (self.cache / "base.complete").exists():
            shutil.rmtree(self.base, ignore_errors=True)
            run("debootstrap", "--variant=minbase", f"--include={IN_BASE}", SUITE, str(self.base), DEBIAN)
            (self.cache / "base.complete").touch()
        wanted = packages()
        stamp = self.cache / f"mirror.{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:12]}"
        if not stamp.exists():
            self._fill_mirror(wanted)
            stamp.touch()

    def _fill_mirror(self, wanted: list[str]) -> None:
        """Downloads the packages and what they need, and makes them the only source of the base."""
        self.mirror.mkdir(exist_ok=True)
        sources = self.base / "etc" / "apt" / "sources.list"
        sources.write_text(SOURCES.format(debian=DEBIAN, security=SECURITY))
        shutil.copyfile("/etc/resolv.conf", self.base / "etc" / "resolv.conf")
        archives = self.base / "var" / "cache" / "apt" / "archives"
        for package in self.mirror.glob("*.deb"):
            shutil.copyfile(package, archives / package.name)
        run("chroot", str(self.base), "apt-get", "update", "-q")
        options = ["-y", "-q", "-o", "APT::Install-Recommends=false", "-o", "APT::Keep-Downloaded-Packages=true"]
        run("chroot", str(self.base), "apt-get", *options, "install", "--download-only", *wanted)
        for package in archives.glob("*.deb"):
            shutil.move(package, self.mirror / package.name)
        (self.mirror / "Packages").write_text(index(self.mirror))
        sources.write_text(f"deb [trusted=yes] file:{MIRROR_INSIDE} ./\n")
        inside = self.base / MIRROR_INSIDE.lstrip("/")
        inside.mkdir(exist_ok=True)
        (self.base / "etc" / "resolv.conf").unlink()
        (self.base / "etc" / "machine-id").write_text("")
        lists = self.base / "var" / "lib" / "apt" / "lists"
        for file in lists.glob("*_*"):
            file.unlink()
        os.utime(lists, (0, 0))  # nobody takes these for fresh


def index(mirror: Path) -> str:
    """The file ``Packages`` of a directory of packages (deb-scanpackages makes the same)."""
    entries = []
    for package in sorted(mirror.glob("*.deb")):
        fields = subprocess.run(
            ["dpkg-deb", "-f", str(package)], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        size = package.stat().st_size
        entries.append(f"{fields.strip()}\nFilename: ./{package.name}\nSize: {size}\nSHA256: {digest}\n")
    return "\n".join(entries)


def run(*command: str) -> None:
    """Raises CalledProcessError with what the command said."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )
    if done.returncode != 0:
        said = re.sub(r"(?m)^(Get|Selecting|Unpacking).*\n", "", done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command[:3], said[-2000:])
