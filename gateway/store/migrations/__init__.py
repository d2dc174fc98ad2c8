"""How the schema came to be what `schema.py` says: one file per revision, in `versions`."""
