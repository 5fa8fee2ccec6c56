"""``python -m console.monitoring``: writes the dashboards and the alert rules into the monitoring role."""

from pathlib import Path

from console.monitoring.alert import to_yaml
from console.monitoring.alerts import GROUPS
from console.monitoring.balance import BALANCE
from console.monitoring.carriers import CARRIERS
from console.monitoring.fraud import FRAUD
from console.monitoring.ivr import IVR
from console.monitoring.overview import OVERVIEW
from console.monitoring.panel import to_json
from console.monitoring.platform import PLATFORM

FILES = Path(__file__).resolve().parents[2] / "ansible" / "roles" / "monitoring" / "files"
BOARDS = (OVERVIEW, BALANCE, IVR, CARRIERS, FRAUD, PLATFORM)


def generated() -> dict[Path, str]:
    """Every generated file with its content."""
    boards = {FILES / "dashboards" / f"{board.name}.json": to_json(board) for board in BOARDS}
    rules = {FILES / "rules" / f"{group}.yml": to_yaml(group, alerts) for group, alerts in GROUPS.items()}
    return boards | rules


def main() -> None:
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
