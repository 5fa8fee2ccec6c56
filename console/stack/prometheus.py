"""Prometheus in a stack: scrapes every part, with the alert rules of the monitoring role.

Its configuration is JSON, which is YAML too.
"""

import json
from typing import Any

from console.stack.plan import HOST, ROOT, Plan
from console.stack.process import find_program

RULES = ROOT / "ansible" / "roles" / "monitoring" / "files" / "rules"
SCRAPE_INTERVAL_S = 2
RETENTION = "2d"


def command(plan: Plan) -> list[str]:
    """Writes its configuration and returns its command line."""
    home = plan.run.prometheus
    home.mkdir(exist_ok=True)
    (home / "prometheus.yml").write_text(json.dumps(configuration(plan), indent=1) + "\n")
    return [
        find_program("prometheus", "prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address={HOST}:{plan.addresses.prometheus}",
        "--log.level=warn",
    ]


def configuration(plan: Plan) -> dict[str, Any]:
    """Jobs as the monitoring role names them: the dashboards and rules are written for these."""
    at = plan.addresses
    ports = {
        "cardswitch-edge": at.edge_http,
        "cardswitch-keeper": at.keeper_http,
        "cardswitch-desk": at.desk_http,
        "cardswitch-mediasrv": at.mediasrv_http,
        "cardswitch-console": at.console,
        "rtpengine": at.rtpengine_http,
        "prometheus": at.prometheus,
    }
    every = f"{SCRAPE_INTERVAL_S}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": "5s"},
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"{HOST}:{port}"]}]} for job, port in ports.items()
        ],
    }
