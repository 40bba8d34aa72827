/* Many people who connect, stay, and leave. */
#include "load.h"

enum { STORE_FILES = 150 }; /* a server may open connections to its stores meanwhile */

static int first_user, next_user, end_user, here, gone;

static void open_more(void) {
    while (next_user < end_user && next_user - first_user - here < options.flight) {
        Conn *conn = &people[next_user];
        conn->user = next_user++;
        loop_open(conn, &speech->wire, options.port);
        conn->asked_at = clock_ns();
    }
}

static void ready(Conn *conn) {
    latency_add(now_ns - conn->asked_at);
    here++;
    open_more();
}

static void lost(Conn *conn) { fail("the server closed the connection of u%05d", conn->user); }

static bool all_here(void) { return here == end_user - first_user; }

/* Connects these users, so many at a time; returns when each has been let in. */
void crowd_open(int first, int count, const char *what) {
    latency_clear();
    first_user = next_user = first;
    end_user = first + count;
    here = 0;
    work = (Work){.ready = ready, .closed = lost};
    open_more();
    loop_run(all_here, what);
}

/* W3. The CPU time has a tail, half the rest: what the server still owes whom it has let in. */
void run_storm(void) {
    Sample from = sample();
    crowd_open(0, options.people, "storm");
    Sample to = sample();
    loop_rest(options.rest_s / 2);
    Sample after = sample();
    after.wall_ns = to.wall_ns;
    report("storm", from, after, (uint64_t)options.people, 0);
}

static void left(Conn *conn) {
    (void)conn;
    gone++;
}

static bool all_gone(void) { return gone == end_user - first_user; }

/* All of them log out at once; returns when the server has closed their connections. */
void crowd_leave(int first, int count, const char *what) {
    first_user = first;
    end_user = first + count;
    gone = 0;
    work = (Work){.closed = left};
    for (int i = first_user; i < end_user; i++) {
        people[i].is_leaving = true;
        speech->leave(&people[i]);
    }
    loop_run(all_gone, what);
}

/* Over when the server has closed its sockets and is calm. */
static void leave_all(void) {
    int files = open_files() - options.people + STORE_FILES;
    Sample from = sample();
    crowd_leave(0, options.people, "leaving");
    await_calm(files);
    Sample to = sample();
    to.wall_ns -= 200000000u; /* what being calm took */
    latency_clear();
    report("closing", from, to, (uint64_t)options.people, 0);
}

/* W4, then the end of all of them. A few come and go first, so that what is loaded on demand is there. It rests for so
 * long that chatsrv, which tells nobody of a logout for its first ten seconds with a new Redis, does so again. */
void run_idle(void) {
    int few = options.people / 20;
    crowd_open(0, few, "the first few");
    loop_rest(options.rest_s);
    crowd_leave(0, few, "the first few leave");
    loop_rest(options.rest_s);
    Sample from = sample();
    crowd_open(0, options.people, "the idle");
    loop_rest(options.rest_s * 2);
    latency_clear();
    report("idle", from, sample(), (uint64_t)options.people, 0);
    leave_all();
}

/* W6. The server was started with a short ping interval; one goes by before it counts. */
void run_pings(void) {
    crowd_open(0, options.people, "whom to ping");
    loop_rest(options.seconds / 2);
    uint64_t before = pings;
    Sample from = sample();
    loop_rest(options.seconds);
    latency_clear();
    report("pings", from, sample(), pings - before, 0);
}
