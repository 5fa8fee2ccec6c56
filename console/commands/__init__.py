"""The operators' commands, a module a noun; what they have in common is in ``common.py`` and ``output.py``."""
