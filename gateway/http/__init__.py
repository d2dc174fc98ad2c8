"""The HTTP edge: operations, problems, pages. Never imports the socket edge."""
