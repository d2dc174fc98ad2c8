// ws on Node's own HTTP server: POST /pub sends its body to every socket.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part)
  const text = Buffer.concat(parts)
  for (const socket of sockets.clients) socket.send(text, { binary: false })
  response.end('ok')
})
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
