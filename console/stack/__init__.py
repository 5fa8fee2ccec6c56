"""The supervisor of a stack: every process of Cardswitch on one machine, under one run directory."""
