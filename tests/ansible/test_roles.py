"""The roles, quickly: everything documented, templates that the real programs read. Run they are by tests/deploy."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from kemi.launch import kamailio_environment, write_files
from kemi.settings import edge_settings
from mediasrv.rtp.link import RtpSettings
from mediasrv.settings import MediaSettings
from rating.settings import load_settings
from tests.ansible.rendering import ANSIBLE, ROLES, SECRETS, Inventory, read, rendered

ROLE_NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
UNITS = [
    ("kamailio", "cardswitch-kamailio.service.j2"),
    ("keeper", "cardswitch-keeper.service.j2"),
    ("mediasrv", "cardswitch-mediasrv.service.j2"),
    ("rtpengine", "cardswitch-rtpengine.service.j2"),
    ("rtpengine", "cardswitch-dtmf-fanout.service.j2"),
]
HOSTS = [("one", "cards1"), ("eight", "edge1"), ("eight", "media2"), ("eight", "db3"), ("eight", "ops1")]


def documented(role: str) -> set[str]:
    specs = read(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name for entry in specs.values() for name in entry.get("options", {})}


def used(role: str) -> set[str]:
    """Variables with the role's prefix, or shared ones, in its tasks and templates, but what a task registers."""
    texts = [
        path.read_text() for kind in ("tasks", "templates", "handlers") for path in (ROLES / role).glob(f"{kind}/*")
    ]
    text = "\n".join(texts)
    registered = set(re.findall(r"(?m)^\s*register: (\w+)", text)) | {"release_id"}
    expressions = "\n".join(re.findall(r"\{\{.*?\}\}|\{%.*?%\}|(?m:^\s*(?:when|that|until|loop): .*$)", text, re.S))
    return set(re.findall(rf"\b(?:{role}|cardswitch)_\w+", expressions)) - registered


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_variable_is_documented_and_every_documented_one_has_a_default_or_is_required(role: str) -> None:
    assert used(role) <= documented(role) | documented("shared") | {"cardswitch_secret_grafana_password"}
    defaults = set(read(ROLES / role / "defaults" / "main.yml"))
    assert defaults <= documented(role)
    optional = {"cardswitch_secret_console_token"}
    specs = read(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]
    required = {name for entry in specs.values() for name, option in entry["options"].items() if option.get("required")}
    assert documented(role) - defaults - required - optional <= {"cardswitch_secret_grafana_password"}


@pytest.mark.parametrize(("name", "host"), HOSTS)
def test_the_settings_file_of_every_kind_of_host_is_read_by_what_runs_there(
    name: str, host: str, tmp_path: Path
) -> None:
    inventory = Inventory(name)
    file = tmp_path / "cardswitch.toml"
    file.write_text(rendered("cardswitch.toml.j2", inventory, host, "release"))
    settings = load_settings(file)
    assert settings.database.password == SECRETS["cardswitch_secret_database_password"]
    groups = inventory.variables_of(host, "release")["group_names"]
    if "edge" in groups:
        assert edge_settings(settings).sip.endswith(":5060")
    if "mediasrv" in groups:
        media = MediaSettings.read(settings)
        assert len(media.edges) == len(media.edge_http) == len(inventory.groups["edge"])
        assert RtpSettings.from_table(settings.table("mediasrv")).port_min == 20000
    if name == "eight":
        assert settings.database.hosts == ("192.0.2.41", "192.0.2.42", "192.0.2.43")
        assert settings.database.tls_ca


@pytest.mark.parametrize("name", ["one", "eight"])
def test_kamailio_takes_the_configuration_that_an_edge_would_have(name: str, tmp_path: Path) -> None:
    inventory = Inventory(name)
    text = rendered("cardswitch.toml.j2", inventory, inventory.groups["edge"][0], "release")
    file = tmp_path / "cardswitch.toml"
    for directory in ("/run/cardswitch-edge", "/etc/cardswitch"):
        text = text.replace(directory, str(tmp_path))
    file.write_text(text.replace("/var/", f"{tmp_path}/"))
    (tmp_path / "pepper").write_text(SECRETS["cardswitch_secret_pepper"])
    settings = load_settings(file)
    main_file = write_files(settings, tmp_path)
    done = subprocess.run(
        ["kamailio", "-c", "-f", str(main_file), "-Y", str(tmp_path)],
        env=kamailio_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    relays = len(inventory.groups["rtpengine"])
    assert main_file.read_text().count("udp:192.0.2.") - text.count("never") >= relays


@pytest.mark.parametrize(("role", "template"), UNITS)
def test_units_have_users_of_their_own_and_the_common_hardening(role: str, template: str) -> None:
    text = rendered(template, Inventory("one"), "cards1", role)
    assert re.search(r"(?m)^(User=(?!root)\w|DynamicUser=yes)", text)
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "SystemCallFilter=@system-service"):
        assert line in text, line
    assert "\n\n\n" not in text
    assert "{{" not in text


@pytest.mark.parametrize(("name", "host"), HOSTS)
def test_the_firewall_drops_what_it_does_not_name(name: str, host: str, tmp_path: Path) -> None:
    text = rendered("nftables.conf.j2", Inventory(name), host, "common")
    assert text.count("policy drop") == 2
    assert ("udp dport 5060 accept" in text) == (host in ("cards1", "edge1"))
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is None or os.geteuid() != 0:
        pytest.skip("nft -c needs nftables, and root")
    file = tmp_path / "nftables.conf"
    file.write_text(text)
    done = subprocess.run([nft, "-c", "-f", str(file)], capture_output=True, text=True, check=False, timeout=30)
    if "Operation not permitted" in done.stderr or "cache initialization failed" in done.stderr:
        pytest.skip(f"nft -c cannot ask this kernel: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def test_the_release_holds_everything_that_is_no_python(tmp_path: Path) -> None:
    project = tomllib.loads((ANSIBLE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert {"kamailio", "sql*"} <= set(project["packages"]["find"]["include"])
    data = project["package-data"]
    for package, pattern in (("kamailio", "*.cfg"), ("sql.migrations", "*.sql"), ("sql.routines", "*.sql")):
        assert pattern in data[package]


def test_the_requirements_for_deploying_are_pinned_by_hash_and_name_no_address() -> None:
    text = (ANSIBLE.parent / "requirements-deploy.txt").read_text()
    assert "http" not in text
    pinned = re.findall(r"(?m)^[a-z0-9.\-]+==\S+ \\$", text)
    assert any(line.startswith("ansible-core==") for line in pinned)


def test_the_playbook_is_well_formed(tmp_path: Path) -> None:
    cache = Path(os.environ.get("CARDSWITCH_DEPLOY_CACHE", ANSIBLE.parent / ".run" / "deploy"))
    path = f"{cache / 'ansible' / 'bin'}:{os.environ['PATH']}"
    program = shutil.which("ansible-playbook", path=path)
    if program is None:
        pytest.skip("ansible-playbook is not installed (`./cardswitch test deploy` installs requirements-deploy.txt)")
    environment = os.environ | {
        "PATH": path,
        "ANSIBLE_HOME": str(tmp_path),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [program, "--syntax-check", "site.yml"],
        cwd=ANSIBLE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
