"""The `gateway` command. Imports nothing heavy before a verb has been chosen.

Three kinds of verbs: those that run a gateway (dev, serve), those that look after its machine
(migrate, config, token, doctor), and clients of the HTTP API (all others). A client verb needs
nothing but GATEWAY_URL and GATEWAY_KEY.
"""
