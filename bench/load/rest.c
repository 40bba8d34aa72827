/* REST: each caller keeps a connection and has one request under way, picked at random from the file of requests. */
#define _GNU_SOURCE
#include "load.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *bytes;
    size_t size;
} Request;

static Request *requests;
static size_t request_count;
static Conn *callers;
static uint64_t answers, errors, stop_ns;
static int busy;
static uint32_t seed = 1;

/* The file: for each request its size in decimal, a newline, and its bytes. */
static void read_requests(void) {
    size_t size;
    char *at = read_file(options.requests_file, &size), *end = at + size;
    while (at < end) {
        char *bytes;
        size_t length = strtoul(at, &bytes, 10);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests) fail("no memory");
        requests[request_count++] = (Request){bytes + 1, length};
        at = bytes + 1 + length;
    }
    if (!request_count) fail("%s holds no request", options.requests_file);
}

static void ask(Conn *conn) {
    seed = seed * 1664525u + 1013904223u;
    Request request = requests[(seed >> 8) % request_count];
    conn->asked_at = clock_ns();
    loop_send(conn, request.bytes, request.size);
}

static void answered(Conn *conn, int status, const char *body, size_t size) {
    bool is_good = status == 200 && memmem(body, size, options.expect, strlen(options.expect));
    if (!is_good && !errors++) fail("answered %d: %.*s", status, (int)(size < 300 ? size : 300), body);
    answers++;
    latency_add(now_ns - conn->asked_at);
    if (now_ns < stop_ns)
        ask(conn);
    else
        busy--;
}

static void closed(Conn *conn) {
    fail("the server closed the connection of a caller (%d)", (int)(conn - callers));
}

static bool none_busy(void) { return busy == 0; }

static void call_for(double seconds) {
    latency_clear();
    answers = errors = 0;
    stop_ns = clock_ns() + (uint64_t)(seconds * 1e9);
    busy = options.callers;
    for (int i = 0; i < options.callers; i++) ask(&callers[i]);
    loop_run(none_busy, "REST");
}

static int ready_callers;

static void ready(Conn *conn) {
    (void)conn;
    ready_callers++;
}

static bool all_ready(void) { return ready_callers == options.callers; }

void run_rest(void) {
    read_requests();
    if (options.people) crowd_open(0, options.people, "who is online while others ask");
    callers = calloc((size_t)options.callers, sizeof *callers);
    if (!callers) fail("no memory");
    work = (Work){.answered = answered, .ready = ready};
    for (int i = 0; i < options.callers; i++) loop_open(&callers[i], &http_wire, options.http_port);
    loop_run(all_ready, "callers connect");
    work.closed = closed;
    call_for(options.seconds / 4); /* caches fill and compilers warm up: not counted */
    Sample from = sample();
    call_for(options.seconds);
    report("rest", from, sample(), answers, errors);
}
