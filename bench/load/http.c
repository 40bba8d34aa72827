/* HTTP/1.1 answers that have a Content-Length, one after the other. */
#define _GNU_SOURCE
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char LENGTH[] = "content-length:";

/* The length of the body, or -1 where none is named. */
static long body_size(const char *head, const char *end) {
    for (const char *line = head; line && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
        if (*line == '\n') line++;
        if (!strncasecmp(line, LENGTH, sizeof LENGTH - 1)) return strtol(line + sizeof LENGTH - 1, NULL, 10);
    }
    return -1;
}

static void opened(Conn *conn) { tell_ready(conn); }

static size_t take(Conn *conn, char *bytes, size_t size) {
    size_t taken = 0;
    while (conn->fd >= 0 && taken < size) {
        char *head = bytes + taken;
        char *end = memmem(head, size - taken, "\r\n\r\n", 4);
        if (!end) break;
        char *body = end + 4;
        long length = body_size(head, end + 2);
        if (length < 0 || end - head < 12) fail("an answer without Content-Length: %.*s", (int)(end - head), head);
        if (body + length > bytes + size) break;
        taken = (size_t)(body + length - bytes);
        if (work.answered) work.answered(conn, atoi(head + 9), body, (size_t)length);
    }
    return taken;
}

const Wire http_wire = {opened, take};
