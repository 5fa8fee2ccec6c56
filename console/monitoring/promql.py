"""The few forms that the queries have in common."""

RATE = "$__rate_interval"


def ledger(metric: str) -> str:
    """What every keeper reads from the shared ledger, once: the latest of the keepers."""
    return f"max without (instance) ({metric})"


def per_minute(counter: str, *by: str) -> str:
    return f"60 * {per_second(counter, *by)}"


def seen_per_minute(counter: str, by: str) -> str:
    """A minute, of those values of the label that were ever counted: many begin at 0 and stay there."""
    return f"{per_minute(counter, by)} and on ({by}) (sum by ({by}) ({counter}) > 0)"


def per_second(counter: str, *by: str) -> str:
    return f"{sum_by(*by)} (rate({counter}[{RATE}]))"


def sum_by(*by: str) -> str:
    return f"sum by ({', '.join(by)})" if by else "sum"


def share(part: str, whole: str, *by: str) -> str:
    """Of two counters, over the interval; 0 where only the second one counted."""
    return f"({per_second(part, *by)} or 0 * {per_second(whole, *by)}) / {per_second(whole, *by)}"


def quantile(q: float, histogram: str, *by: str) -> str:
    """Of a histogram's observations in the interval."""
    return f"histogram_quantile({q}, {sum_by('le', *by)} (rate({histogram}_bucket[{RATE}])))"


def or_zero(expr: str) -> str:
    """0 where nothing has ever been counted."""
    return f"{expr} or on () vector(0)"


def sum_ledger(metric: str) -> str:
    return f"sum({ledger(metric)})"


def max_ledger(metric: str) -> str:
    return f"max({ledger(metric)})"
