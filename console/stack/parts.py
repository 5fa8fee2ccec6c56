"""The parts of a stack in the order they start: how each is started, when it is ready, where it listens."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from console.stack import gateway, prometheus
from console.stack.plan import GATEWAY_HOST, HOST, RTPENGINE_PORTS, Plan
from console.stack.probe import http_ok, ng_ping, sip_options
from console.stack.process import find_program


@dataclass(frozen=True, slots=True)
class Part:
    """``command`` and ``ready`` get the plan; ``package`` is the Debian package whose version is shown."""

    name: str
    command: Callable[[Plan], list[str]]
    ready: Callable[[Plan], bool]
    addresses: Callable[[Plan], dict[str, str]]
    package: str = ""
    ready_timeout_s: float = 45.0
    stop_timeout_s: float = 10.0


def python_module(*arguments: str) -> list[str]:
    """``python -m …`` of our own environment; -P: the working directory is not searched for modules."""
    return [sys.executable, "-P", "-m", *arguments]


def _rtpengine(plan: Plan) -> list[str]:
    at = plan.addresses
    return [
        find_program("rtpengine", "rtpengine-daemon"),
        "--foreground",
        "--log-stderr",
        "--config-file=none",
        "--table=-1",  # user space: no kernel module
        f"--interface={HOST}",
        f"--listen-ng={HOST}:{at.rtpengine_ng}",
        f"--listen-http={HOST}:{at.rtpengine_http}",  # /metrics
        f"--port-min={at.rtpengine_rtp}",
        f"--port-max={at.rtpengine_rtp + RTPENGINE_PORTS - 1}",
        f"--dtmf-log-dest={HOST}:{at.dtmf_events}",
        "--log-level=5",
    ]


def _kamailio_ready(plan: Plan) -> bool:
    # It answers 503 until it has read trunks and access numbers from the ledger.
    return sip_options((HOST, plan.addresses.edge)) == 200


def _mediasrv_ready(plan: Plan) -> bool:
    at = plan.addresses
    return http_ok((HOST, at.mediasrv_http), "/healthz") and sip_options((HOST, at.mediasrv)) == 200


RTPENGINE = Part(
    "rtpengine",
    _rtpengine,
    lambda plan: ng_ping((HOST, plan.addresses.rtpengine_ng)),
    lambda plan: {
        "ng": f"{HOST}:{plan.addresses.rtpengine_ng}",
        "rtp": f"{HOST}:{plan.addresses.rtpengine_rtp}-{plan.addresses.rtpengine_rtp + RTPENGINE_PORTS - 1}",
        "metrics": f"http://{HOST}:{plan.addresses.rtpengine_http}/metrics",
    },
    "rtpengine-daemon",
)
GATEWAY = Part(
    "gateway",
    gateway.command,
    lambda plan: sip_options((GATEWAY_HOST, plan.addresses.gateway)) is not None,
    lambda plan: {"sip": f"{GATEWAY_HOST}:{plan.addresses.gateway}"},
    "baresip-core",
)
KEEPER = Part(
    "keeper",
    lambda _: python_module("rating.keeper"),
    lambda plan: http_ok((HOST, plan.addresses.keeper_http), "/healthz"),
    lambda plan: {
        "http": f"{HOST}:{plan.addresses.keeper_http}",
        "metrics": f"http://{HOST}:{plan.addresses.keeper_http}/metrics",
    },
)
DESK = Part(
    "desk",
    lambda _: python_module("rating.desk"),
    lambda plan: http_ok((HOST, plan.addresses.desk_http), "/metrics"),
    lambda plan: {
        "socket": str(plan.run.desk),
        "metrics": f"http://{HOST}:{plan.addresses.desk_http}/metrics",
    },
)
MEDIASRV = Part(
    "mediasrv",
    lambda _: python_module("mediasrv"),
    _mediasrv_ready,
    lambda plan: {
        "sip": f"{HOST}:{plan.addresses.mediasrv}",
        "metrics": f"http://{HOST}:{plan.addresses.mediasrv_http}/metrics",
    },
)
KAMAILIO = Part(
    "kamailio",
    lambda plan: python_module("kemi.launch", "--config", str(plan.run.config)),
    _kamailio_ready,
    lambda plan: {
        "sip": f"{HOST}:{plan.addresses.edge}",
        "metrics": f"http://{HOST}:{plan.addresses.edge_http}/metrics",
        "rpc_socket": str(plan.run.kamailio / "rpc.sock"),
    },
    "kamailio",
)

CONSOLE = Part(
    "console",
    lambda _: python_module("console.web"),
    lambda plan: http_ok((HOST, plan.addresses.console), "/healthz"),
    lambda plan: {
        "http": f"http://{HOST}:{plan.addresses.console}",
        "metrics": f"http://{HOST}:{plan.addresses.console}/metrics",
    },
)

PROMETHEUS = Part(
    "prometheus",
    prometheus.command,
    lambda plan: http_ok((HOST, plan.addresses.prometheus), "/-/ready"),
    lambda plan: {"http": f"http://{HOST}:{plan.addresses.prometheus}"},
    "prometheus",
)

# MariaDB comes before these, by itself: the others need its migrations.
PARTS = (RTPENGINE, GATEWAY, KEEPER, DESK, MEDIASRV, KAMAILIO, CONSOLE)
MONITORING_PARTS = (PROMETHEUS,)  # with `up --monitoring`

# New calls end first, money last: the keeper applies what the edge wrote while it went down.
STOP_ORDER = ("prometheus", "console", "mediasrv", "kamailio", "desk", "gateway", "keeper", "rtpengine", "mariadb")


@cache
def package_versions() -> dict[str, str]:
    """The installed versions of the Debian packages that parts are made of."""
    names = ["mariadb-server", *(part.package for part in (*PARTS, *MONITORING_PARTS) if part.package)]
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${Package} ${Version}\n", *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
