/* The loop: connections that do not block, and what to do when one has something to say. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, EVENTS = 512 };

uint64_t now_ns;
Work work;

static int epoll;
static char buffer[BUFFER];

uint64_t clock_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

_Noreturn void fail(const char *format, ...) {
    va_list words;
    va_start(words, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    exit(1);
}

char *read_file(const char *path, size_t *size) {
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) fail("cannot read %s", path ? path : "a file that was not named");
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size) fail("cannot read %s", path);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

void loop_begin(void) {
    epoll = epoll_create1(EPOLL_CLOEXEC);
    now_ns = clock_ns();
}

static void listen_for(Conn *conn, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(epoll, how, conn->fd, &event)) fail("epoll: %s", strerror(errno));
}

void loop_open(Conn *conn, const Wire *wire, int port) {
    conn->wire = wire;
    conn->state = 0;
    conn->is_connected = conn->is_ready = conn->is_leaving = conn->wants_write = false;
    conn->left_size = conn->out_size = 0;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0) fail("socket: %s (ulimit -n?)", strerror(errno));
    int yes = 1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(conn->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    listen_for(conn, EPOLLOUT, EPOLL_CTL_ADD);
}

void loop_close(Conn *conn) {
    if (conn->fd < 0) return;
    close(conn->fd);
    conn->fd = -1;
    free(conn->left);
    free(conn->out);
    conn->left = conn->out = NULL;
    if (work.closed) work.closed(conn);
}

static void keep(char **kept, size_t *kept_size, const char *bytes, size_t size) {
    char *room = malloc(size);
    if (!room) fail("no memory");
    memcpy(room, bytes, size);
    free(*kept);
    *kept = room;
    *kept_size = size;
}

void loop_send(Conn *conn, const void *bytes, size_t size) {
    ssize_t sent = conn->out_size ? 0 : send(conn->fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return; /* its end is about to be read */
    size_t rest = size - (size_t)(sent > 0 ? sent : 0);
    if (!rest) return;
    char *joined = malloc(conn->out_size + rest);
    if (!joined) fail("no memory");
    if (conn->out_size) memcpy(joined, conn->out, conn->out_size);
    memcpy(joined + conn->out_size, (const char *)bytes + (size - rest), rest);
    free(conn->out);
    conn->out = joined;
    conn->out_size += rest;
    if (!conn->wants_write) listen_for(conn, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    conn->wants_write = true;
}

static void send_rest(Conn *conn) {
    ssize_t sent = send(conn->fd, conn->out, conn->out_size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    conn->out_size -= (size_t)sent;
    memmove(conn->out, conn->out + sent, conn->out_size);
    if (conn->out_size) return;
    conn->wants_write = false;
    listen_for(conn, EPOLLIN, EPOLL_CTL_MOD);
}

static void receive(Conn *conn) {
    size_t had = conn->left_size;
    if (had >= BUFFER) fail("a message is longer than %d bytes", BUFFER);
    ssize_t size = recv(conn->fd, buffer + had, BUFFER - had, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        loop_close(conn);
        return;
    }
    now_ns = clock_ns();
    if (had) memcpy(buffer, conn->left, had);
    conn->left_size = 0;
    size_t all = had + (size_t)size;
    size_t taken = conn->wire->take(conn, buffer, all);
    if (conn->fd >= 0 && taken < all) keep(&conn->left, &conn->left_size, buffer + taken, all - taken);
}

static void handle(Conn *conn, uint32_t events) {
    if (conn->fd < 0) return;
    if (!conn->is_connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            loop_close(conn);
            return;
        }
        conn->is_connected = true;
        listen_for(conn, EPOLLIN, EPOLL_CTL_MOD);
        conn->wire->opened(conn);
        return;
    }
    if (events & EPOLLOUT) send_rest(conn);
    if (conn->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(conn);
}

static void turn(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    now_ns = clock_ns();
    for (int i = 0; i < count; i++) handle(events[i].data.ptr, events[i].events);
}

void loop_run(bool (*is_done)(void), const char *what) {
    uint64_t end = clock_ns() + (uint64_t)(options.deadline_s * 1e9);
    while (!is_done()) {
        turn(5);
        if (now_ns > end) fail("%s: not done after %.0f s", what, options.deadline_s);
    }
}

void loop_rest(double seconds) {
    uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);
    while (clock_ns() < end) turn(5);
}
