/* RFC 6455, the client's side. No extension is offered; of fragments, which no server here sends, it fails. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

/* The example of the RFC, whose answer is known: this checks that servers do speak it. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

enum { TEXT = 0x81, CLOSE = 0x88, PING = 0x89, PONG = 0x8a, MESSAGE_MAX = 4096 };

void ws_begin(Conn *conn, const char *path, const char *headers) {
    char request[1024];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                        path, options.port, KEY, headers);
    loop_send(conn, request, (size_t)size);
}

/* The mask is a constant: servers unmask all the same, and nothing stands between us that it could protect. */
static void send_frame(Conn *conn, int kind, const char *payload, size_t size) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char frame[MESSAGE_MAX + 8];
    if (size > MESSAGE_MAX) fail("a message of %zu bytes is too long", size);
    size_t at = 0;
    frame[at++] = (unsigned char)kind;
    if (size < 126) {
        frame[at++] = (unsigned char)(0x80 | size);
    } else {
        frame[at++] = 0x80 | 126;
        frame[at++] = (unsigned char)(size >> 8);
        frame[at++] = (unsigned char)size;
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < size; i++) frame[at + i] = (unsigned char)payload[i] ^ mask[i & 3];
    loop_send(conn, frame, at + size);
}

void ws_send(Conn *conn, const char *text, size_t size) { send_frame(conn, TEXT, text, size); }

void ws_send_close(Conn *conn) { send_frame(conn, CLOSE, "\x03\xe8", 2); }

static size_t take_handshake(Conn *conn, char *bytes, size_t size) {
    char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (strncmp(bytes, "HTTP/1.1 101", 12) || !memmem(bytes, (size_t)(end - bytes), ACCEPT, sizeof ACCEPT - 1))
        fail("no upgrade: %.*s", (int)(end - bytes), bytes);
    conn->state = 1;
    return (size_t)(end + 4 - bytes);
}

/* Where the payload of the frame begins, and its size; 0 while the head is not complete. */
static size_t read_head(const unsigned char *frame, size_t have, size_t *size) {
    if (have < 2) return 0;
    *size = frame[1];
    if (*size > 127) fail("a server must not mask");
    if (*size < 126) return 2;
    size_t head = *size == 126 ? 4 : 10;
    if (have < head) return 0;
    *size = 0;
    for (size_t i = 2; i < head; i++) *size = *size << 8 | frame[i];
    return head;
}

static void take_frame(Conn *conn, int kind, char *payload, size_t size, void (*text)(Conn *, char *, size_t)) {
    if (kind == TEXT) {
        text(conn, payload, size);
    } else if (kind == PING) {
        send_frame(conn, PONG, payload, size);
    } else if (kind == CLOSE) {
        if (!conn->is_leaving) send_frame(conn, CLOSE, payload, size);
        loop_close(conn);
    } else if (kind != PONG) {
        fail("a frame of a kind that is not known here: %02x", kind);
    }
}

/* state 0: before the upgrade. The protocols above keep theirs from 1. */
size_t ws_take(Conn *conn, char *bytes, size_t size, void (*text)(Conn *, char *, size_t)) {
    size_t taken = 0;
    if (conn->state == 0) {
        taken = take_handshake(conn, bytes, size);
        if (!taken) return 0;
        text(conn, NULL, 0);
    }
    while (conn->fd >= 0) {
        size_t length, head = read_head((unsigned char *)bytes + taken, size - taken, &length);
        if (!head || size - taken - head < length) break;
        int kind = (unsigned char)bytes[taken];
        char *payload = bytes + taken + head;
        taken += head + length;
        take_frame(conn, kind, payload, length, text);
    }
    return taken;
}
