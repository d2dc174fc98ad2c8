"""Settings: environment `GATEWAY_…`, `…_FILE` twins, or a TOML file. Read once at the start."""
