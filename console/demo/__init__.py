"""The demo: real calls through a running stack, told as a story and checked to the micro-unit."""
