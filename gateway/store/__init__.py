"""The durable truth. The only package that imports sqlalchemy."""
