/* limit: the least that any server could do. One epoll loop; a WebSocket upgrade is answered
 * without a check, and any other request makes one send() per connection. Nothing is parsed,
 * stored, counted or encoded: what a real server costs more than this is its own work.
 *
 *   limit PORT [TEXT_BYTES]
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 200000, EVENTS = 1024, MAX_TEXT = 65535 };

static int epoll_fd, listener, sockets[MAX_FD], n_sockets;
static bool upgraded[MAX_FD];
static unsigned char frame[MAX_TEXT + 4];
static size_t frame_len;

static const char SWITCH[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
static const char DONE[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void prepare_frame(int text) {
    frame[0] = 0x81;
    if (text < 126) { frame[1] = text; frame_len = 2; }
    else { frame[1] = 126; frame[2] = text >> 8; frame[3] = text; frame_len = 4; }
    memset(frame + frame_len, 'x', text);
    memcpy(frame + frame_len, "BCAST", 5);
    frame_len += text;
}

static void listen_on(int port) {
    int one = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) {
        perror("listen");
        exit(1);
    }
}

static void watch(int fd) {
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static void accept_all(void) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        upgraded[fd] = false;
        watch(fd);
    }
}

static void forget(int fd) {
    close(fd);
    for (int i = 0; i < n_sockets; i++)
        if (sockets[i] == fd) { sockets[i] = sockets[--n_sockets]; break; }
}

static void serve(int fd) {
    static char request[65536];
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got <= 0) { forget(fd); return; }
    if (upgraded[fd]) return;
    if (!memcmp(request, "GET", 3)) {
        send(fd, SWITCH, sizeof SWITCH - 1, MSG_NOSIGNAL);
        upgraded[fd] = true;
        sockets[n_sockets++] = fd;
        return;
    }
    for (int i = 0; i < n_sockets; i++) send(sockets[i], frame, frame_len, MSG_NOSIGNAL);
    send(fd, DONE, sizeof DONE - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
    int text = argc > 2 ? atoi(argv[2]) : 200;
    if (argc < 2 || text < 5 || text > MAX_TEXT) {
        fprintf(stderr, "use: limit PORT [TEXT_BYTES]\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prepare_frame(text);
    listen_on(atoi(argv[1]));
    epoll_fd = epoll_create1(0);
    watch(listener);

    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) accept_all();
            else serve(events[i].data.fd);
        }
    }
}
