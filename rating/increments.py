"""The increment rule: a begun increment is billed whole.

A plan is written "initial/increment": the first increment of a call has ``initial`` seconds, each later one
``increment`` seconds. A call that was not connected, or lasted 0 seconds, has begun none.

    | seconds | 60/60 | 30/6 | 1/1 |
    |---------|-------|------|-----|
    |       0 |     0 |    0 |   0 |
    |       1 |    60 |   30 |   1 |
    |      30 |    60 |   30 |  30 |
    |      31 |    60 |   36 |  31 |
    |      60 |    60 |   60 |  60 |
    |      61 |   120 |   66 |  61 |
    |     205 |   240 |  210 | 205 |
"""


def begun(from_second: int, until_second: int, increment_s: int) -> int:
    """How many increments of ``increment_s`` (1 or more) begin in [from_second, until_second), laid end to end."""
    if until_second <= from_second:
        return 0
    return -((from_second - until_second) // increment_s)


def billed_seconds(seconds: int, initial_s: int, increment_s: int) -> int:
    """Billable seconds of a call of ``seconds`` (0 or more) at "initial_s/increment_s"; see the table above."""
    if seconds <= 0:
        return 0
    return initial_s + increment_s * begun(initial_s, seconds, increment_s)
