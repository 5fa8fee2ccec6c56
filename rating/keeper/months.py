"""The monthly partitions of the call records."""

from datetime import UTC, datetime

MONTHS_AHEAD = 3


def months_ahead(now_us: int, months: int = MONTHS_AHEAD) -> list[tuple[str, int]]:
    """This month and the next ones: partition name, and the epoch microseconds at which it ends (UTC)."""
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    found = []
    for count in range(months):
        year, month = divmod(now.year * 12 + now.month - 1 + count, 12)
        end_year, end_month = divmod(now.year * 12 + now.month + count, 12)
        end = datetime(end_year, end_month + 1, 1, tzinfo=UTC)
        found.append((f"p{year:04d}{month + 1:02d}", int(end.timestamp()) * 1_000_000))
    return found
