"""The playbook's templates rendered without Ansible: with the inventories of the checkout and the roles' defaults."""

import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import yaml

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
ROLES = ANSIBLE / "roles"
SECRETS = {
    "cardswitch_secret_pepper": "p" * 32,
    "cardswitch_secret_database_password": 'a "quoted" password, \\ and all',
    "cardswitch_secret_console_token": "t" * 32,
}


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text()) or {}


class Inventory:
    """An example inventory: hosts with their variables, groups with their hosts."""

    def __init__(self, name: str) -> None:
        self.directory = ANSIBLE / "inventories" / name
        content = read(self.directory / "hosts.yml")["all"]
        self.hosts: dict[str, dict[str, Any]] = content["hosts"]
        self.groups = {group: list(entry["hosts"]) for group, entry in content["children"].items()}
        self.groups["all"] = list(self.hosts)
        self.variables = content.get("vars", {}) | read(self.directory / "group_vars" / "all" / "main.yml")

    def variables_of(self, host: str, role: str) -> dict[str, Any]:
        """What a template of ``role`` sees on ``host``."""
        everyone = {name: self._own(name) for name in self.hosts}
        defaults = read(ROLES / "shared" / "defaults" / "main.yml") | read(ROLES / role / "defaults" / "main.yml")
        known = {
            **defaults,
            **SECRETS,
            **everyone[host],
            "groups": self.groups,
            "hostvars": everyone,
            "inventory_hostname": host,
            "inventory_dir": str(self.directory),
            "group_names": [group for group, hosts in self.groups.items() if host in hosts and group != "all"],
            "ansible_managed": "Ansible managed",
            "playbook_dir": str(ANSIBLE),
            "release_id": "0.1.0-0123456789ab",
            "ansible_facts": {"memtotal_mb": 4096},
        }
        return {name: self._resolved(value, known) for name, value in known.items()}

    def _own(self, host: str) -> dict[str, Any]:
        known = self.variables | self.hosts[host]
        return {name: self._resolved(value, known) for name, value in known.items()}

    @staticmethod
    def _resolved(value: Any, known: dict[str, Any]) -> Any:
        if isinstance(value, str) and "{{" in value:
            return environment().from_string(value).render(known)
        return value


@functools.cache
def environment() -> jinja2.Environment:
    """Jinja as Ansible sets it up, with the filters that the templates use."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([ANSIBLE / "templates", *sorted(ROLES.glob("*/templates"))]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - settings files
    )
    made.filters |= {
        "dirname": lambda path: str(Path(path).parent),
        "to_json": json.dumps,
        "regex_replace": lambda text, pattern, to: re.sub(pattern, to.replace("\\", "\\\\"), text, count=1),
        "extract": lambda key, of, more=None: of[key] if more is None else of[key][more],
        "difference": lambda one, other: [item for item in one if item not in other],
        "hash": lambda text, kind: hashlib.new(kind, text.encode()).hexdigest(),
    }
    return made


def rendered(template: str, inventory: Inventory, host: str, role: str, **more: Any) -> str:
    """The text of a template of ``role`` (or of ansible/templates) for ``host``."""
    known = inventory.variables_of(host, role) | more
    made = environment().overlay()
    made.globals["lookup"] = lambda _kind, name: made.get_template(name).render(known)
    own = ROLES / role / "templates" / template
    source = made.from_string(own.read_text()) if own.exists() else made.get_template(template)
    return source.render(known)
