// uWebSockets (C++ under Node): every socket is in one topic, POST /pub publishes its body there.
import uWS from '@trufflesuite/uws-js-unofficial'

const app = uWS.App()
app.ws('/ws', { compression: 0, idleTimeout: 0, open: (socket) => socket.subscribe('all') })
app.post('/pub', (response) => {
  const parts = []
  response.onAborted(() => {})
  response.onData((part, isLast) => {
    parts.push(Buffer.from(part))
    if (!isLast) return
    app.publish('all', Buffer.concat(parts), false)
    response.end('ok')
  })
})
app.listen('127.0.0.1', Number(process.argv[2]), () => {})
