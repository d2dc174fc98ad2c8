// Socket.IO, WebSocket transport only, heartbeat out of the way: POST /pub emits its body to all.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer(async (request, response) => {
  if (request.url !== '/pub') return
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  io.emit('message', text)
  response.end('ok')
})
const io = new Server(http, { transports: ['websocket'], pingInterval: 600_000 })
http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
