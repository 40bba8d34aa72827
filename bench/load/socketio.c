/* Engine.IO 4 and Socket.IO 5 over WebSocket, as far as the works need them: the native dialect's events. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

static const char DIFF[] = "42[\"presence:diff\"";
static const char USERNAME[] = "\"username\":\"";
static const char STATUS[] = "\"presence_status\":";

static void opened(Conn *conn) { ws_begin(conn, "/socket.io/?EIO=4&transport=websocket", ""); }

static void tell_changes(Conn *conn, char *text, size_t size) {
    char *at = text, *end = text + size;
    while ((at = memmem(at, (size_t)(end - at), USERNAME, sizeof USERNAME - 1))) {
        int user = user_in(at + sizeof USERNAME - 1, end);
        at = memmem(at, (size_t)(end - at), STATUS, sizeof STATUS - 1);
        if (!at) fail("a change without a status: %.*s", (int)size, text);
        at += sizeof STATUS - 1;
        if (work.delivered) work.delivered(conn, user, *at - '0');
    }
}

static void connect_namespace(Conn *conn) {
    char auth[2048];
    int size = snprintf(auth, sizeof auth, "40{\"token\":\"%s\"}", token_of(conn->user));
    ws_send(conn, auth, (size_t)size);
}

/* Called with nothing once the upgrade is done: then the server speaks first. */
static void text(Conn *conn, char *bytes, size_t size) {
    if (size == 0) return;
    if (bytes[0] == '2') {
        ws_send(conn, "3", 1);
        pings++;
    } else if (bytes[0] == '0') {
        connect_namespace(conn);
    } else if (size > sizeof DIFF && !memcmp(bytes, DIFF, sizeof DIFF - 1)) {
        tell_changes(conn, bytes, size);
    } else if (!strncmp(bytes, "40", 2)) {
        tell_ready(conn);
    } else if (!strncmp(bytes, "43", 2)) {
        if (memmem(bytes, size, "\"error\"", 7)) fail("refused: %.*s", (int)size, bytes);
        if (bytes[2] == '1' && work.watching) work.watching(conn);
        if (bytes[2] == '2') acks++;
    } else if (!strncmp(bytes, "44", 2)) {
        fail("not let in: %.*s", (int)size, bytes);
    }
}

static size_t take(Conn *conn, char *bytes, size_t size) { return ws_take(conn, bytes, size, text); }

static void watch(Conn *conn, int first, int count) {
    char event[4096];
    int size = snprintf(event, sizeof event, "421[\"presence:subscribe\",{\"usernames\":[");
    for (int i = 0; i < count; i++)
        size += snprintf(event + size, sizeof event - (size_t)size, "%s\"u%05d\"", i ? "," : "", first + i);
    size += snprintf(event + size, sizeof event - (size_t)size, "]}]");
    ws_send(conn, event, (size_t)size);
}

static void change(Conn *conn, int status) {
    char event[128];
    const char *word = status == 4 ? "dnd" : "online";
    int size = snprintf(event, sizeof event, "422[\"presence:set\",{\"status\":\"%s\"}]", word);
    ws_send(conn, event, (size_t)size);
}

static void leave(Conn *conn) {
    ws_send(conn, "41", 2);
    ws_send_close(conn);
}

const Speech socketio_speech = {{opened, take}, watch, change, leave};
