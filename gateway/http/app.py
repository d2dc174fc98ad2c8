"""Puts the HTTP edge together. The composition root calls `build` once per process."""

from gateway.http.assets import Assets, client_root
from gateway.http.edge import Edge
from gateway.http.operations import operations
from gateway.http.routes import Routes
from gateway.http.services import Services


def build(services: Services) -> Edge:
    """The ASGI application for everything over HTTP but the WebSocket."""
    settings = services.settings
    wanted = operations(docs=settings.docs, dev_mode=settings.dev)
    has_demo = settings.dev and services.demo is not None
    assets = Assets(client_root(), demo=has_demo, fresh=settings.dev)
    return Edge(services, Routes(wanted), assets)
