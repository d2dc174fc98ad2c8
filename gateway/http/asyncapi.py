"""The AsyncAPI 3.0 description of `/v1/ws`, made from the frames and nothing else."""

from typing import Any, get_args

import msgspec

from gateway import __version__
from gateway.wire.frames import ClientFrame, NodeFrame

_REF = "#/components/schemas/{name}"


def asyncapi() -> dict[str, Any]:
    """The whole document."""
    client, node = get_args(ClientFrame), get_args(NodeFrame)
    schemas, components = msgspec.json.schema_components([*client, *node], ref_template=_REF)
    kinds = {
        _tag(kind): {"name": _tag(kind), "summary": _summary(kind), "payload": schema}
        for kind, schema in zip((*client, *node), schemas, strict=True)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "inapp-gateway, WebSocket",
            "version": __version__,
            "description": "Subprotocols `inapp.v1.json` (text) and `inapp.v1.msgpack` (binary)."
            " One frame is one object, or an array of objects.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "gateway": {
                "address": "/v1/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in kinds},
            }
        },
        "operations": {
            "fromClient": _operation("receive", client),
            "toClient": _operation("send", node),
        },
        "components": {"messages": kinds, "schemas": dict(components)},
    }


def _operation(action: str, kinds: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/gateway/messages/{_tag(kind)}"} for kind in kinds]
    return {"action": action, "channel": {"$ref": "#/channels/gateway"}, "messages": messages}


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _summary(kind: type[msgspec.Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())
