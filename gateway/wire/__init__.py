"""What travels on the socket: frames, their two encodings, close codes. No I/O, no asyncio."""
