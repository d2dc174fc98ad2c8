"""The revisions, oldest first. A published one is never edited; the next one mends it."""
