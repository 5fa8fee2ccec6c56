"""The keeper: settles what the call journal tells, warns before the limit, sweeps up, counts. One per node."""
