"""The `gateway` command. Imports nothing heavy before a verb has been chosen."""
