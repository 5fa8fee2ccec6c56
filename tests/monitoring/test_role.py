"""The monitoring role beside what the stack does: what the dashboards are written for is there in both."""

import re

from console.monitoring.__main__ import FILES
from console.stack.plan import Addresses, Plan, RunDirectory
from console.stack.prometheus import configuration

ROLE = FILES.parent


def test_the_role_scrapes_what_the_stack_scrapes() -> None:
    """Under the same names of jobs; it may scrape more."""
    stack = configuration(Plan(RunDirectory(FILES), Addresses.choose()))
    jobs = {job["job_name"] for job in stack["scrape_configs"]}
    template = (ROLE / "templates" / "prometheus.yml.j2").read_text()
    listed = set(re.findall(r"^    '([a-z-]+)': \(", template, re.MULTILINE))
    assert jobs | {"node", "alertmanager"} <= listed


def test_grafana_is_told_where_the_dashboards_are() -> None:
    """The directory that its provisioning names is the one they are copied to."""
    provisioning = (ROLE / "templates" / "grafana-dashboards.yml.j2").read_text()
    copying = (ROLE / "tasks" / "grafana.yml").read_text()
    path = re.search(r"path: (\S+)", provisioning)
    assert path is not None
    assert f"src: dashboards/\n    dest: {path[1]}/\n" in copying
