"""Every SQL statement of the package, by what it is about; the transactions in the way of a call are in sql/routines.

Functions take a ``Database`` (or, inside a transaction, its connection) and plain values, and return rows or counts.
"""
