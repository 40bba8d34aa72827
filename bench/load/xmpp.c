/* XMPP for ejabberd: over TCP, and over WebSocket (RFC 7395). The token is the password of SASL PLAIN. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

enum { HANDSHAKE, STREAM, AUTH, RESTREAM, BIND, PRESENCE, HERE };

static bool is_framed(const Conn *conn) { return conn->wire == &xmpp_ws_speech.wire; }

static void say(Conn *conn, const char *stanza, size_t size) {
    if (is_framed(conn))
        ws_send(conn, stanza, size);
    else
        loop_send(conn, stanza, size);
}

static void say_text(Conn *conn, const char *stanza) { say(conn, stanza, strlen(stanza)); }

static void open_stream(Conn *conn) {
    say_text(conn, is_framed(conn)
                       ? "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"
                       : "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                         "xmlns:stream='http://etherx.jabber.org/streams'>");
}

static size_t encode_base64(const unsigned char *bytes, size_t size, char *to) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < size; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;
        if (i + 1 < size) group |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < size) group |= bytes[i + 2];
        to[at++] = letters[group >> 18 & 63];
        to[at++] = letters[group >> 12 & 63];
        to[at++] = i + 1 < size ? letters[group >> 6 & 63] : '=';
        to[at++] = i + 2 < size ? letters[group & 63] : '=';
    }
    return at;
}

static void authenticate(Conn *conn) {
    char plain[1024], stanza[2048];
    int size = snprintf(plain, sizeof plain, "%cu%05d%c%s", 0, conn->user, 0, token_of(conn->user));
    int at = snprintf(stanza, sizeof stanza, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
    at += (int)encode_base64((unsigned char *)plain, (size_t)size, stanza + at);
    at += snprintf(stanza + at, sizeof stanza - (size_t)at, "</auth>");
    say(conn, stanza, (size_t)at);
}

static bool has(const char *stanza, size_t size, const char *word) { return memmem(stanza, size, word, strlen(word)); }

static void tell_presence(Conn *conn, char *stanza, size_t size) {
    char *from = memmem(stanza, size, "from=", 5);
    int user = from ? user_in(from + 6, stanza + size) : -1;
    if (user == conn->user && !conn->is_ready) {
        conn->state = HERE;
        tell_ready(conn);
        if (work.watching) work.watching(conn); /* the roster, which the server keeps, says whom */
    } else if (work.delivered && user >= 0) {
        bool is_gone = has(stanza, size, "type='unavailable'") || has(stanza, size, "type=\"unavailable\"");
        work.delivered(conn, user, is_gone ? 0 : has(stanza, size, "<show>dnd<") ? 4 : 1);
    }
}

static void answer_ping(Conn *conn, char *stanza, size_t size) {
    char *id = memmem(stanza, size, " id=", 4);
    if (!id) return;
    char *end = memchr(id + 5, id[4], (size_t)(stanza + size - id - 5));
    if (!end) return;
    char answer[256];
    int length = (int)(end - id - 5);
    length = snprintf(answer, sizeof answer, "<iq type='result' to='localhost' id='%.*s'/>", length, id + 5);
    say(conn, answer, (size_t)length);
    pings++;
}

static void go_on(Conn *conn, char *stanza, size_t size) {
    if (has(stanza, size, "<failure") || has(stanza, size, "<stream:error"))
        fail("not let in: %.*s", (int)size, stanza);
    if (conn->state == STREAM && has(stanza, size, "features>")) {
        conn->state = AUTH;
        authenticate(conn);
    } else if (conn->state == AUTH && has(stanza, size, "<success")) {
        conn->state = RESTREAM;
        open_stream(conn);
    } else if (conn->state == RESTREAM && has(stanza, size, "features>")) {
        conn->state = BIND;
        say_text(conn, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    } else if (conn->state == BIND && has(stanza, size, "<jid>")) {
        conn->state = PRESENCE;
        say_text(conn, "<presence/>");
    }
}

static void take_stanza(Conn *conn, char *stanza, size_t size) {
    if (size > 9 && !memcmp(stanza, "<presence", 9))
        tell_presence(conn, stanza, size);
    else if (has(stanza, size, "urn:xmpp:ping"))
        answer_ping(conn, stanza, size);
    else if (conn->state < PRESENCE)
        go_on(conn, stanza, size);
}

static void frame(Conn *conn, char *stanza, size_t size) {
    if (size)
        take_stanza(conn, stanza, size);
    else
        open_stream(conn);
}

static size_t take_framed(Conn *conn, char *bytes, size_t size) { return ws_take(conn, bytes, size, frame); }

static void open_framed(Conn *conn) { ws_begin(conn, "/ws", "Sec-WebSocket-Protocol: xmpp\r\n"); }

static void open_plain(Conn *conn) {
    conn->state = STREAM;
    open_stream(conn);
}

/* The end of the stanza that begins here; null while it is not complete. Servers do not nest presence in presence. */
static char *stanza_end(char *stanza, char *end) {
    static const char *const kinds[] = {"<presence", "<iq", "<message", "<stream:features", "<success", "<failure"};
    char *tag = memchr(stanza, '>', (size_t)(end - stanza));
    if (!tag) return NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = strlen(kinds[i]);
        if ((size_t)(end - stanza) <= size || memcmp(stanza, kinds[i], size) || tag[-1] == '/') continue;
        char closing[32];
        snprintf(closing, sizeof closing, "</%s>", kinds[i] + 1);
        char *close = memmem(tag, (size_t)(end - tag), closing, strlen(closing));
        return close ? close + strlen(closing) : NULL;
    }
    return tag + 1;
}

static size_t take_plain(Conn *conn, char *bytes, size_t size) {
    char *at = bytes, *end = bytes + size;
    while (conn->fd >= 0 && at < end) {
        char *next = stanza_end(at, end);
        if (!next) break;
        take_stanza(conn, at, (size_t)(next - at));
        at = next;
    }
    return (size_t)(at - bytes);
}

static void watch(Conn *conn, int first, int count) { (void)conn, (void)first, (void)count; }

static void change(Conn *conn, int status) {
    say_text(conn, status == 4 ? "<presence><show>dnd</show></presence>" : "<presence/>");
}

static void leave(Conn *conn) {
    say_text(conn, "<presence type='unavailable'/>");
    if (is_framed(conn)) {
        say_text(conn, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
        ws_send_close(conn);
    } else {
        say_text(conn, "</stream:stream>");
    }
}

const Speech xmpp_speech = {{open_plain, take_plain}, watch, change, leave};
const Speech xmpp_ws_speech = {{open_framed, take_framed}, watch, change, leave};
