"""Sessions on this node: state machine, registry, fan-out, timers. Knows nothing of HTTP or SQL."""
