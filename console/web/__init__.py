"""The console on the web: the HTTP API for programs, the pages for operators and card holders."""
