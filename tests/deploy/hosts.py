"""Fresh hosts: Debian with a running systemd, in containers of systemd-nspawn, on a bridge in a network namespace.

Everything has a name of its own (``csd-…``) and lies below one directory, so that what a killed run left behind is
found and removed by the next. Nothing of it touches the machine's own network.
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.deploy.images import MIRROR_INSIDE, Images

PREFIX = "csd-"
NET = f"{PREFIX}net"
REBOOT = 133  # systemd-nspawn's exit status when the container wants to be started again
CLONE_NEWNET = 0x40000000
OURS = "192.0.2.1"
BOOT_TIMEOUT_S = 120.0
QUIET_SSH = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]


class Host:
    """One machine. ``address`` is its only one; its root directory is gone with the network."""

    def __init__(self, network: "Network", name: str, address: str) -> None:
        self.network, self.name, self.address = network, name, address
        self.directory = network.directory / name
        self.root = self.directory / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False

    def make(self) -> None:
        """Its directories and its cable."""
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir(parents=True)
        layers = f"lowerdir={self.network.images.base},upperdir={self.directory}/upper,workdir={self.directory}/work"
        run("mount", "-t", "overlay", f"{PREFIX}{self.name}", "-o", layers, str(self.root))
        ssh = self.root / "root" / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "authorized_keys").write_text((self.network.key.with_suffix(".pub")).read_text())
        (self.root / "etc" / "hostname").write_text(self.name + "\n")
        namespace = PREFIX + self.name
        run("ip", "netns", "add", namespace)
        cable = f"v{self.address.rpartition('.')[2]}"
        run("ip", "-n", NET, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        run("ip", "-n", NET, "link", "set", cable, "master", "br0", "up")
        run("ip", "-n", namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
        run("ip", "-n", namespace, "route", "add", "default", "via", OURS)

    @property
    def cable(self) -> str:
        return f"v{self.address.rpartition('.')[2]}"

    def power_on(self) -> None:
        """Boots; returns at once. A reboot from inside is a reboot."""
        self._wanted = True
        threading.Thread(target=self._keep_running, daemon=True).start()

    def _keep_running(self) -> None:
        command = [
            "systemd-nspawn",
            "--boot",
            "--quiet",
            f"--directory={self.root}",
            "--register=no",
            "--keep-unit",
            f"--machine={PREFIX}{self.name}",
            f"--hostname={self.name}",
            f"--network-namespace-path=/run/netns/{PREFIX}{self.name}",
            "--capability=CAP_NET_ADMIN",
            "--resolv-conf=off",
            "--console=read-only",
            f"--bind-ro={self.network.images.mirror}:{MIRROR_INSIDE}",
        ]
        while self._wanted:
            with (self.directory / "console.log").open("ab") as log:
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                if self._process.wait() != REBOOT:
                    return

    def pull_the_plug(self) -> None:
        """All its processes are gone at once, as by ``kill -9``."""
        self._wanted = False
        process = self._process
        if process is not None and process.poll() is None:
            end_container(process.pid)
            process.wait(30)

    def ssh(self, command: str, *, stdin: str = "", timeout_s: float = 120.0, check: bool = True) -> str:
        """Runs a command as root; its output. Raises AssertionError with what it said when it fails."""
        done = subprocess.run(
            ["ssh", "-i", str(self.network.key), *QUIET_SSH, "-o", "ConnectTimeout=5", f"root@{self.address}", command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def await_up(self, not_boot: str = "") -> None:
        """Until it answers, with another boot than ``not_boot``, and systemd has started what it starts."""
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        state = ""
        while time.monotonic() < deadline:
            with suppress(AssertionError, subprocess.TimeoutExpired):
                state = self.ssh("echo $(systemctl is-system-running) $(systemctl show -P UserspaceTimestampMonotonic)")
                if state.split(" ")[0] in ("running", "degraded") and state.split(" ")[1] != not_boot:
                    return
            time.sleep(0.3)
        log = (self.directory / "console.log").read_text(errors="replace")
        raise AssertionError(f"{self.name} did not come up ({state}): {log[-1000:]}")

    def reboot(self) -> None:
        """Returns when it is up again."""
        boot = self.ssh("systemctl show -P UserspaceTimestampMonotonic")
        self.ssh("systemctl reboot", check=False)
        self.await_up(not_boot=boot)


class Network:
    """The bridge, and the hosts on it. Use ``networked``."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self.directory = images.cache / "hosts"
        self.key = self.directory / "key"
        self.hosts: dict[str, Host] = {}

    def make(self, more_addresses: tuple[str, ...]) -> None:
        self.directory.mkdir(parents=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        run("ip", "netns", "add", NET)
        run("ip", "-n", NET, "link", "set", "lo", "up")
        run("ip", "-n", NET, "link", "add", "br0", "type", "bridge")
        for address in (OURS, *more_addresses):
            run("ip", "-n", NET, "addr", "add", f"{address}/24", "dev", "br0")
        run("ip", "-n", NET, "link", "set", "br0", "up")

    def add_hosts(self, addresses: dict[str, str]) -> None:
        """Makes and boots them; returns when all are up."""
        for name, address in addresses.items():
            self.hosts[name] = Host(self, name, address)
            self.hosts[name].make()
            self.hosts[name].power_on()
        for host in self.hosts.values():
            host.await_up()

    def cut(self, host: Host) -> None:
        """Pulls its cable."""
        run("ip", "-n", NET, "link", "set", host.cable, "down")

    def mend(self, host: Host) -> None:
        run("ip", "-n", NET, "link", "set", host.cable, "up")


@contextmanager
def networked(images: Images, more_addresses: tuple[str, ...] = ()) -> Iterator[Network]:
    """A network that this thread is in: its sockets and children are on the bridge. All is removed afterwards."""
    remove_all(images)
    network = Network(images)
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        network.make(more_addresses)
        inside = os.open(f"/run/netns/{NET}", os.O_RDONLY)
        enter(inside)
        os.close(inside)
        yield network
    finally:
        enter(outside)
        os.close(outside)
        for host in network.hosts.values():
            host.pull_the_plug()
        remove_all(images)


def enter(namespace: int) -> None:
    """This thread, and what it starts from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def remove_all(images: Images) -> None:
    """Ends containers, and removes mounts, directories and namespaces, whoever left them. Again, it does nothing."""
    directory = images.cache / "hosts"
    for pid in containers_in(directory):
        end_container(pid)
    wait_gone(directory)
    mounts = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, timeout=30)
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=True, timeout=120)
    for namespace in sorted(Path("/run/netns").glob(f"{PREFIX}*")):
        subprocess.run(["ip", "netns", "del", namespace.name], check=False, timeout=30)


def containers_in(directory: Path) -> list[int]:
    """The pids of the systemd-nspawn processes whose root lies below ``directory``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if words[0].endswith(b"systemd-nspawn") and any(
                word.startswith(f"--directory={directory}/".encode()) for word in words
            ):
                found.append(int(path.parent.name))
    return found


def end_container(nspawn: int) -> None:
    """Its init first, which takes all processes inside along: without that they outlive systemd-nspawn."""
    children = [file.read_text().split() for file in Path(f"/proc/{nspawn}/task").glob("*/children")]
    for pid in (*(int(pid) for some in children for pid in some), nspawn):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_gone(directory: Path) -> None:
    deadline = time.monotonic() + 30
    while containers_in(directory) and time.monotonic() < deadline:
        time.sleep(0.05)


def run(*command: str) -> None:
    """Raises AssertionError with what the command said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
