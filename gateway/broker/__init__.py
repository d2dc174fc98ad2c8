"""Cross-node delivery of envelopes. At most once, fast, never the truth."""
