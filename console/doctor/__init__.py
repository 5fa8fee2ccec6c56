"""``cardswitch doctor``: every part of a running stack examined, each fault with what to do about it.

``checks.py`` has one function a check; ``report.py`` runs them all and prints what they found.
"""
