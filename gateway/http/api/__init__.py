"""The operations of the API, one file per noun. Each ends with its `OPERATIONS`."""
