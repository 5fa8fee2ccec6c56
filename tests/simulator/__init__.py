"""Days of calls in seconds: the real rating core, ledger, journal and keeper under simulated time, with faults.

One ``random.Random(seed)`` decides everything, so that a seed that fails fails again in the same step.
"""
