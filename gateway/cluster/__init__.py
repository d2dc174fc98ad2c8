"""Life of a node among others: drain now, supervision later."""
