"""What every store promises, whatever database is behind it."""
