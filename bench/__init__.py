"""Measurements of the gateway: figures come with the machine, the date and the way to repeat."""
