/* meter: hold N connections from one process and time fan-outs to all of them.
 *
 * Knows WebSocket and Server-Sent Events, and nothing of any server's own protocol: what to say
 * and what to wait for comes in as options. Must never be the bottleneck: one epoll loop, one
 * buffer, no work per connection that the measurement does not need.
 *
 *   meter --port 8000 --path /v1/ws -n 10000 --rounds 10 --server-pid PID --publish request.bin
 *
 *   connections   --host --port --path -n  --window OPEN_AT_ONCE  --sse
 *   handshake     --header LINE (repeatable)  --subprotocol NAME
 *   first frame   --init TEXT | --init-file FILE (line i is for connection i)  --binary
 *   ready when    --ready TEXT came on every connection
 *   pongs, acks   --on TEXT --say TEXT: answer each frame that holds TEXT (but marked ones)
 *   idling        --idle SECONDS: hold all still, report the server's CPU
 *   stalling      --stall K: the first K connections stop reading once all are ready
 *   publishing    --publish FILE (repeatable, used in turn)  --publish-port PORT
 *                 --rounds R  --gap SECONDS  --marker TEXT  --timeout SECONDS
 *   server        --server-pid PID[,PID...]: its CPU and memory
 *
 * "%d" in --path, --header, --init and --say is the connection's number. A round sends the publish
 * bytes on a kept TCP connection and ends when every connection got a frame with the marker.
 * Prints one JSON object: times in ms, CPU in µs, memory in KiB (proportional set size).
 * Client addresses 127.0.0.2, .3, ... take 20,000 connections each, so that ports do not run out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HEADERS = 16, MAX_PUBLISHES = 16, MAX_PIDS = 64, EVENTS = 1024 };
enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

typedef enum { WAITING, CONNECTING, SHAKING, OPEN, STALLED, CLOSED } state_t;

typedef struct {
    int fd;
    state_t state;
    int round;            /* the last round whose marker came */
    bool ready;
    unsigned char *rest;  /* the start of a frame whose end has not come */
    uint32_t rest_len, rest_cap;
} conn_t;

typedef struct { double first, p50, p99, last, cpu; int missed; } round_t;
typedef struct { char *bytes; long len; } blob_t;

static struct {
    const char *host, *path, *marker, *init, *init_file, *ready, *subprotocol, *on, *say;
    const char *headers[MAX_HEADERS];
    blob_t publishes[MAX_PUBLISHES];
    int n_headers, n_publishes, pids[MAX_PIDS], n_pids;
    int port, publish_port, n, rounds, window, stall;
    bool binary, sse;
    double idle, gap, timeout;
} opt = { .host = "127.0.0.1", .path = "/", .marker = "BCAST", .port = 8000, .n = 1000,
          .rounds = 10, .window = 256, .gap = 0.2, .timeout = 60 };

static conn_t *conns;
static char **init_lines;
static int epoll_fd, n_open, n_closed, n_ready, n_stalled, n_got, round_no = 1;
static double *latencies, round_start;
static long long frames, frame_bytes, duplicates;
static char publish_answer[128];

/* ---- small things ------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void *must(void *p) {
    if (!p) die("memory");
    return p;
}

static int by_value(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static blob_t read_file(const char *name) {
    FILE *f = fopen(name, "rb");
    if (!f) die(name);
    fseek(f, 0, SEEK_END);
    blob_t b = { .len = ftell(f) };
    rewind(f);
    b.bytes = must(malloc(b.len + 1));
    if (fread(b.bytes, 1, b.len, f) != (size_t)b.len) die(name);
    b.bytes[b.len] = 0;
    fclose(f);
    return b;
}

/* Fill in "%d", and "\r" and "\n" as they are typed in a shell. */
static size_t fill(char *out, size_t cap, const char *template, int i) {
    size_t o = 0;
    for (const char *c = template; *c && o + 16 < cap; c++) {
        if (c[0] == '%' && c[1] == 'd') { o += snprintf(out + o, cap - o, "%d", i); c++; }
        else if (c[0] == '\\' && c[1] == 'r') { out[o++] = '\r'; c++; }
        else if (c[0] == '\\' && c[1] == 'n') { out[o++] = '\n'; c++; }
        else out[o++] = *c;
    }
    out[o] = 0;
    return o;
}

/* ---- the server's CPU and memory ---------------------------------------------------------- */

/* Seconds on a CPU, all threads; a process's clock is exact where /proc/PID/stat has 10 ms. */
static double server_cpu(void) {
    double total = 0;
    for (int i = 0; i < opt.n_pids; i++) {
        clockid_t clock;
        struct timespec t;
        if (!clock_getcpuclockid(opt.pids[i], &clock) && !clock_gettime(clock, &t))
            total += t.tv_sec + t.tv_nsec / 1e9;
    }
    return total;
}

static long server_kib(void) {
    long total = 0, kib;
    for (int i = 0; i < opt.n_pids; i++) {
        char name[64], line[256];
        snprintf(name, sizeof name, "/proc/%d/smaps_rollup", opt.pids[i]);
        FILE *f = fopen(name, "r");
        if (!f) continue;
        while (fgets(line, sizeof line, f))
            if (sscanf(line, "Pss: %ld kB", &kib) == 1) { total += kib; break; }
        fclose(f);
    }
    return total;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void send_all(int fd, const void *bytes, size_t len) {
    const char *p = bytes;
    while (len) {
        ssize_t sent = send(fd, p, len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR) return;
            usleep(50);
            continue;
        }
        p += sent;
        len -= sent;
    }
}

static void send_frame(int fd, int op, const void *payload, size_t len) {
    static unsigned char out[65536 + 8];
    size_t o = 0;
    if (len >= 65536) { fprintf(stderr, "frame too long\n"); exit(2); }
    out[o++] = 0x80 | op;
    if (len < 126) out[o++] = 0x80 | len;
    else { out[o++] = 0x80 | 126; out[o++] = len >> 8; out[o++] = len; }
    memset(out + o, 0, 4);  /* a mask of zeros: the payload goes as it is */
    memcpy(out + o + 4, payload, len);
    send_all(fd, out, o + 4 + len);
}

static void say(conn_t *c, const char *template) {
    char text[4096];
    size_t len = fill(text, sizeof text, template, (int)(c - conns));
    send_frame(c->fd, opt.binary ? OP_BINARY : OP_TEXT, text, len);
}

/* ---- one connection ----------------------------------------------------------------------- */

static void watch(conn_t *c, int how, uint32_t events) {
    struct epoll_event e = { .events = events, .data.u32 = (uint32_t)(c - conns) };
    if (epoll_ctl(epoll_fd, how, c->fd, &e)) die("epoll_ctl");
}

static void start(int i) {
    conn_t *c = &conns[i];
    int one = 1, small = 4096;
    char ip[32];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (i < opt.stall) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);

    struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
    snprintf(ip, sizeof ip, "127.0.0.%d", 2 + i / 20000);
    inet_pton(AF_INET, ip, &from.sin_addr);
    inet_pton(AF_INET, opt.host, &to.sin_addr);
    to.sin_port = htons(opt.port);
    if (bind(c->fd, (void *)&from, sizeof from)) die("bind");
    if (connect(c->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
    c->state = CONNECTING;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void lose(conn_t *c) {
    if (c->state == OPEN) n_open--;
    close(c->fd);
    c->state = CLOSED;
    n_closed++;
}

static void send_request(conn_t *c) {
    char out[16384], text[8192];
    int i = (int)(c - conns), error = 0;
    socklen_t len = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) { lose(c); return; }

    fill(text, sizeof text, opt.path, i);
    int o = snprintf(out, sizeof out, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nOrigin: http://%s:%d\r\n",
                     text, opt.host, opt.port, opt.host, opt.port);
    if (opt.sse) o += snprintf(out + o, sizeof out - o, "Accept: text/event-stream\r\n");
    else o += snprintf(out + o, sizeof out - o,
                       "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (opt.subprotocol)
        o += snprintf(out + o, sizeof out - o, "Sec-WebSocket-Protocol: %s\r\n", opt.subprotocol);
    for (int h = 0; h < opt.n_headers; h++) {
        fill(text, sizeof text, opt.headers[h], i);
        o += snprintf(out + o, sizeof out - o, "%s\r\n", text);
    }
    o += snprintf(out + o, sizeof out - o, "\r\n");
    send_all(c->fd, out, o);
    c->state = SHAKING;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void on_answer(conn_t *c, const char *status, int len) {
    static int shown;
    if (memcmp(status, opt.sse ? "200" : "101", 3)) {
        if (shown++ < 3) fprintf(stderr, "handshake refused: %.*s\n", len, status);
        lose(c);
        return;
    }
    c->state = OPEN;
    n_open++;
    if (init_lines) {
        const char *line = init_lines[c - conns];
        send_frame(c->fd, opt.binary ? OP_BINARY : OP_TEXT, line, strlen(line));
    } else if (opt.init) say(c, opt.init);
}

static void on_marked(conn_t *c) {
    if (c->round == round_no) { duplicates++; return; }
    c->round = round_no;
    latencies[n_got++] = now() - round_start;
}

static void on_frame(conn_t *c, int op, const unsigned char *payload, size_t len) {
    if (op == OP_PING) { send_frame(c->fd, OP_PONG, payload, len); return; }
    if (op == OP_CLOSE || op == OP_PONG) return;
    frames++;
    frame_bytes += len;
    if (!c->ready && opt.ready && memmem(payload, len, opt.ready, strlen(opt.ready))) {
        c->ready = true;
        n_ready++;
    }
    if (memmem(payload, len, opt.marker, strlen(opt.marker))) on_marked(c);
    else if (opt.on && opt.say && memmem(payload, len, opt.on, strlen(opt.on))) say(c, opt.say);
}

/* Frames of a WebSocket: returns how many bytes were used. */
static size_t take_frames(conn_t *c, const unsigned char *p, size_t len) {
    size_t used = 0;
    while (c->state == OPEN && len - used >= 2) {
        const unsigned char *f = p + used;
        size_t left = len - used, head = 2, size = f[1] & 127;
        if (size == 126) {
            if (left < 4) break;
            size = f[2] << 8 | f[3];
            head = 4;
        } else if (size == 127) {
            if (left < 10) break;
            size = 0;
            for (int j = 2; j < 10; j++) size = size << 8 | f[j];
            head = 10;
        }
        if (left < head + size) break;
        on_frame(c, f[0] & 15, f + head, size);
        used += head + size;
    }
    return used;
}

/* Events of a stream: all that counts is where a marker ends, chunked or not. */
static size_t take_events(conn_t *c, const unsigned char *p, size_t len) {
    size_t used = 0, size = strlen(opt.marker);
    for (const unsigned char *m; (m = memmem(p + used, len - used, opt.marker, size));) {
        used = m + size - p;
        frames++;
        on_marked(c);
    }
    return len - used >= size ? len - size + 1 : used;
}

static void keep_rest(conn_t *c, const unsigned char *p, size_t len) {
    if (!len) {
        free(c->rest);
        c->rest = NULL;
        c->rest_cap = 0;
    } else {
        unsigned char *old = c->rest;
        bool inside = old && p >= old && p < old + c->rest_cap;
        if (inside) memmove(old, p, len);
        else {
            if (len > c->rest_cap) c->rest = must(realloc(old, c->rest_cap = len));
            memcpy(c->rest, p, len);
        }
    }
    c->rest_len = len;
}

static void on_readable(conn_t *c) {
    static unsigned char fresh[1 << 16];
    ssize_t got = recv(c->fd, fresh, sizeof fresh, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { lose(c); return; }

    unsigned char *p = fresh;
    size_t len = got;
    if (c->rest_len) {
        if (c->rest_len + len > c->rest_cap)
            c->rest = must(realloc(c->rest, c->rest_cap = c->rest_len + len));
        memcpy(c->rest + c->rest_len, fresh, len);
        p = c->rest;
        len += c->rest_len;
    }
    if (c->state == SHAKING) {
        unsigned char *end = memmem(p, len, "\r\n\r\n", 4);
        if (!end) { keep_rest(c, p, len); return; }
        on_answer(c, (char *)p + 9, (int)(end - p) - 9);
        if (c->state != OPEN) return;
        len -= end + 4 - p;
        p = end + 4;
    }
    size_t used = opt.sse ? take_events(c, p, len) : take_frames(c, p, len);
    keep_rest(c, p + used, len - used);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void take_events_for(int milliseconds) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, milliseconds);
    for (int i = 0; i < n; i++) {
        conn_t *c = &conns[events[i].data.u32];
        if (c->state == CONNECTING) send_request(c);
        else if (c->state == SHAKING || c->state == OPEN) on_readable(c);
    }
}

static void spin(double until) {
    double left = until - now();
    take_events_for(left > 0.05 ? 50 : left > 0 ? (int)(left * 1000) : 0);
}

static void rest_for(double seconds) {
    for (double until = now() + seconds; now() < until;) spin(until);
}

static void open_all(double deadline) {
    int started = 0;
    while (n_open + n_closed < opt.n && now() < deadline) {
        while (started < opt.n && started - n_open - n_closed < opt.window) start(started++);
        spin(now() + 0.01);
    }
}

/* Stop reading on the first connections: their receive buffers fill, then the server's. */
static void stall(void) {
    for (int i = 0; i < opt.stall && i < opt.n; i++) {
        conn_t *c = &conns[i];
        if (c->state != OPEN) continue;
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
        c->state = STALLED;
        n_open--;
        n_stalled++;
    }
}

/* ---- publishing --------------------------------------------------------------------------- */

static int dial_publisher(void) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = { .sin_family = AF_INET };
    to.sin_port = htons(opt.publish_port ? opt.publish_port : opt.port);
    inet_pton(AF_INET, opt.host, &to.sin_addr);
    if (connect(fd, (void *)&to, sizeof to)) die("connect to publish");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Read what the server answered; the first line of the first answer is kept for the report. */
static int hear_publisher(int fd) {
    char answer[65536];
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    if (got > 0 && !publish_answer[0]) {
        answer[got] = 0;
        answer[strcspn(answer, "\r\n")] = 0;
        for (char *c = answer; *c; c++)
            if (*c == '"' || *c == '\\') *c = '\'';
        snprintf(publish_answer, sizeof publish_answer, "%.100s", answer);
    }
    if (got != 0) return fd;
    close(fd);
    return -1;
}

static round_t publish_round(int fd, const blob_t *publish) {
    round_no++;
    n_got = 0;
    double cpu = server_cpu();
    round_start = now();
    send_all(fd, publish->bytes, publish->len);
    /* Never asleep during a round: to wake the meter up would be work of the server's. */
    for (double until = round_start + opt.timeout; n_got < n_open && now() < until;)
        take_events_for(0);
    round_t r = { .missed = n_open > n_got ? n_open - n_got : 0 };
    rest_for(opt.gap);  /* what the server does after the last write counts too */
    if (n_got) {
        qsort(latencies, n_got, sizeof *latencies, by_value);
        r.first = latencies[0] * 1e3;
        r.p50 = latencies[n_got / 2] * 1e3;
        r.p99 = latencies[(int)(n_got * 0.99)] * 1e3;
        r.last = latencies[n_got - 1] * 1e3;
        r.cpu = (server_cpu() - cpu) * 1e6 / n_got;
    }
    return r;
}

static int publish_all(round_t *results) {
    int fd = -1, done = 0;
    while (done < opt.rounds && opt.n_publishes) {
        if (fd < 0) fd = dial_publisher();
        results[done] = publish_round(fd, &opt.publishes[done % opt.n_publishes]);
        fd = hear_publisher(fd);
        if (!n_got) break;  /* nothing came at all: no use in waiting for the other rounds */
        done++;
    }
    return done;
}

/* ---- main --------------------------------------------------------------------------------- */

static void read_pids(char *list) {
    for (char *t = strtok(list, ","); t && opt.n_pids < MAX_PIDS; t = strtok(NULL, ","))
        opt.pids[opt.n_pids++] = atoi(t);
}

static bool text_option(const char *name, const char *value) {
    const struct { const char *name, **into; } texts[] = {
        { "--host", &opt.host }, { "--path", &opt.path }, { "--marker", &opt.marker },
        { "--init", &opt.init }, { "--init-file", &opt.init_file }, { "--ready", &opt.ready },
        { "--subprotocol", &opt.subprotocol }, { "--on", &opt.on }, { "--say", &opt.say },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(name, texts[i].name)) { *texts[i].into = value; return true; }
    return false;
}

static bool number_option(const char *name, const char *value) {
    const struct { const char *name; int *into; } whole[] = {
        { "--port", &opt.port }, { "--publish-port", &opt.publish_port }, { "-n", &opt.n },
        { "--rounds", &opt.rounds }, { "--window", &opt.window }, { "--stall", &opt.stall },
    };
    const struct { const char *name; double *into; } real[] = {
        { "--idle", &opt.idle }, { "--gap", &opt.gap }, { "--timeout", &opt.timeout },
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(name, whole[i].name)) { *whole[i].into = atoi(value); return true; }
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (!strcmp(name, real[i].name)) { *real[i].into = atof(value); return true; }
    return false;
}

static void read_options(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (!strcmp(name, "--binary")) { opt.binary = true; continue; }
        if (!strcmp(name, "--sse")) { opt.sse = true; continue; }
        char *value = i + 1 < argc ? argv[++i] : NULL;
        if (!value) { fprintf(stderr, "%s needs a value\n", name); exit(2); }
        if (text_option(name, value) || number_option(name, value)) continue;
        if (!strcmp(name, "--server-pid")) read_pids(value);
        else if (!strcmp(name, "--header") && opt.n_headers < MAX_HEADERS)
            opt.headers[opt.n_headers++] = value;
        else if (!strcmp(name, "--publish") && opt.n_publishes < MAX_PUBLISHES)
            opt.publishes[opt.n_publishes++] = read_file(value);
        else { fprintf(stderr, "unknown option %s\n", name); exit(2); }
    }
}

static void read_init_lines(void) {
    if (!opt.init_file) return;
    char *rest = read_file(opt.init_file).bytes;
    init_lines = must(calloc(opt.n, sizeof *init_lines));
    for (int i = 0; i < opt.n; i++) {
        init_lines[i] = strsep(&rest, "\n");
        if (!init_lines[i] || !*init_lines[i]) {
            fprintf(stderr, "%s has fewer lines than connections\n", opt.init_file);
            exit(2);
        }
    }
}

static void print_rounds(const round_t *r, int done) {
    printf("\"rounds\": [");
    for (int i = 0; i < done; i++)
        printf("%s{\"first\": %.3f, \"p50\": %.3f, \"p99\": %.3f, \"last\": %.3f, "
               "\"cpu_us\": %.3f, \"missed\": %d}", i ? ", " : "", r[i].first, r[i].p50,
               r[i].p99, r[i].last, r[i].cpu, r[i].missed);
    printf("]}\n");
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    read_init_lines();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    conns = must(calloc(opt.n, sizeof *conns));
    latencies = must(calloc(opt.n, sizeof *latencies));
    round_t *rounds = must(calloc(opt.rounds + 1, sizeof *rounds));
    epoll_fd = epoll_create1(0);

    long kib_before = server_kib();
    double cpu_before = server_cpu(), began = now(), deadline = began + opt.timeout;
    open_all(deadline);
    double open_s = now() - began;
    int opened = n_open;
    while (opt.ready && n_ready < n_open && now() < deadline) spin(now() + 0.01);
    double ready_s = now() - began, connect_cpu = server_cpu() - cpu_before;
    rest_for(1.0);
    double idle_cpu = server_cpu();
    rest_for(opt.idle);
    idle_cpu = opt.idle > 0 ? (server_cpu() - idle_cpu) / opt.idle : 0;
    long kib_idle = server_kib();

    stall();
    int done = publish_all(rounds);

    printf("{\"connections\": %d, \"refused\": %d, \"ready\": %d, \"dropped\": %d, "
           "\"stalled\": %d, ", opened, opt.n - opened, opt.ready ? n_ready : opened,
           opened - n_open - n_stalled, n_stalled);
    printf("\"open_s\": %.3f, \"ready_s\": %.3f, \"connect_cpu_us\": %.1f, ", open_s, ready_s,
           opened ? connect_cpu * 1e6 / opened : 0);
    printf("\"kib_before\": %ld, \"kib_idle\": %ld, \"kib_after\": %ld, \"idle_cpu\": %.5f, ",
           kib_before, kib_idle, server_kib(), idle_cpu);
    printf("\"frames\": %lld, \"frame_bytes\": %lld, \"duplicates\": %lld, \"answer\": \"%s\", ",
           frames, frame_bytes, duplicates, publish_answer);
    print_rounds(rounds, done);
    return 0;
}
