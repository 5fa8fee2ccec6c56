"""The desk: one process a node that authorises the calls of all others, those that come together in one transaction."""
