"""The socket edge: listener, HTTP guard, WebSocket connections, server. Knows no message, user or
store; hands bytes that passed every limit to a session, and takes prepared frames from it."""
