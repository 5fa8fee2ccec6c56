"""The HTTP API, /api/v1: the verbs of the command line for programs."""
