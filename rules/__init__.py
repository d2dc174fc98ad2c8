"""Who sees what, when, and why not. Pure: no I/O, no clock, no randomness, no import of `gateway`."""
