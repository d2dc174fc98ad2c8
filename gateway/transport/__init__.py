"""The socket edge: guarded protocol classes for uvicorn, listening sockets, the server."""
