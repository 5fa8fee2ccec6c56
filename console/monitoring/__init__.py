"""Dashboards and alert rules as typed code; ``python -m console.monitoring`` writes what the monitoring role installs.

Two ways of reading a metric. What a keeper reads from the shared ledger is the same from every keeper: ``ledger()``
takes one of them. Counters and gauges of a process are its own: they are added up.
"""
