"""What most teams write first: Starlette on uvicorn, a set of sockets, a loop of awaits."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

sockets: set[WebSocket] = set()


async def hold(socket: WebSocket) -> None:
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def publish(request: Request) -> PlainTextResponse:
    text = (await request.body()).decode()
    for socket in list(sockets):
        await socket.send_text(text)
    return PlainTextResponse("ok")


app = Starlette(
    routes=[WebSocketRoute("/ws", hold), Route("/pub", publish, methods=["POST"])],
)
uvicorn.run(
    app,
    port=int(sys.argv[1]),
    loop="uvloop",
    log_level="warning",
    ws_per_message_deflate=False,
    backlog=4096,
)
