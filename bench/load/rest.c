/* REST: each caller keeps a connection and has one request under way, picked at random from the file of requests, or
 * in its order. */
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
static size_t asked; /* in order: while warming up, or all the time */
static bool is_in_order;
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
    Request request = requests[(is_in_order ? asked++ : seed >> 8) % request_count];
    conn->asked_at = clock_ns();
    loop_send(conn, request.bytes, request.size);
}

static void answered(Conn *conn, int status, const char *body, size_t size) {
    bool is_good = status == 200 && memmem(body, size, options.expect, strlen(options.expect));
    if (!is_good && !errors++) fail("answered %d: %.*s", status, (int)(size < 300 ? size : 300), body);
    answers++;
    latency_add(now_ns - conn->asked_at);
    bool is_warming_up = is_in_order && options.through && asked < request_count;
    if (now_ns < stop_ns || is_warming_up)
        ask(conn);
    else
        busy--;
}

static void closed(Conn *conn) {
    bool is_caller = conn >= callers && conn < callers + options.callers;
    if (is_caller) fail("the server closed the connection of a caller (%d)", (int)(conn - callers));
    fail("the server closed the connection of u%05d", conn->user);
}

static bool none_busy(void) {
    churn_turn();
    return busy == 0;
}

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

static void report_with_changes(Sample from, Sample to, uint64_t changed) {
    report("rest", from, to, answers, errors);
    if (options.churn > 0) report("rest while others change", from, to, changed, 0);
}

void run_rest(void) {
    read_requests();
    if (options.people) crowd_open(0, options.people, "who is online while others ask");
    callers = calloc((size_t)options.callers, sizeof *callers);
    if (!callers) fail("no memory");
    work = (Work){.answered = answered, .ready = ready};
    for (int i = 0; i < options.callers; i++) loop_open(&callers[i], &http_wire, options.http_port);
    loop_run(all_ready, "callers connect");
    work.closed = closed;
    /* Not counted: caches fill and compilers warm up, for a quarter of the time, and until each request was sent once
     * where `through` says so. */
    is_in_order = true;
    call_for(options.seconds / 4);
    is_in_order = options.in_order;
    if (options.churn > 0) {
        churn_begin(0, options.people);
        call_for(options.seconds / 4);
    }
    uint64_t changed = churn_count();
    Sample from = sample();
    call_for(options.seconds);
    changed = churn_count() - changed;
    churn_end();
    report_with_changes(from, sample(), changed);
}
