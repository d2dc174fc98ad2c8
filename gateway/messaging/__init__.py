"""The use-cases: what the gateway does. They import interfaces, never a concrete twin."""
