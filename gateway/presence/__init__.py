"""Who is online, and on which nodes."""
