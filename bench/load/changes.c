/* W5: a change of one user, seen by all watchers. The next one of the same user follows when the last has seen it. */
#include "load.h"

#include <stdlib.h>

typedef struct {
    int status;    /* what watchers are to see */
    int unseen;    /* how many have not yet */
    uint64_t at;   /* ns */
} Change;

static Change *changes;
static uint64_t delivered_count, stop_ns, last_ns;
static int watching, busy;
static void (*make)(int changer, int status);
static int other_status;

/* The same people however few watch: ejabberd's rosters name them. */
static int first_changer(void) { return options.watchers > 1000 ? options.watchers : 1000; }

static void begin(int changer, int status) {
    changes[changer] = (Change){status, options.watchers, clock_ns()};
    make(changer, status);
}

static void delivered(Conn *conn, int user, int status) {
    int changer = user - first_changer();
    if (conn->user >= options.watchers || changer < 0 || changer >= options.changers) return;
    Change *change = &changes[changer];
    if (status != change->status || !change->unseen) return;
    latency_add(now_ns - change->at);
    delivered_count++;
    if (--change->unseen) return;
    last_ns = now_ns;
    if (now_ns < stop_ns || change->status != 1)
        begin(changer, change->status == 1 ? other_status : 1);
    else
        busy--;
}

static bool none_busy(void) { return busy == 0; }

static void change_for(double seconds) {
    latency_clear();
    delivered_count = 0;
    stop_ns = clock_ns() + (uint64_t)(seconds * 1e9);
    busy = options.changers;
    for (int i = 0; i < options.changers; i++) begin(i, changes[i].status == 1 ? other_status : 1);
    loop_run(none_busy, "changes");
}

static void now_watching(Conn *conn) {
    (void)conn;
    watching++;
}

static bool all_watching(void) { return watching >= options.watchers; }

static void open_watchers(void) {
    crowd_open(0, options.watchers, "watchers connect");
    work = (Work){.watching = now_watching};
    if (speech != &socketio_speech) watching = options.watchers;
    for (int i = 0; i < options.watchers; i++) speech->watch(&people[i], first_changer(), options.changers);
    loop_run(all_watching, "watchers watch");
}

static void lost(Conn *conn) {
    if (!conn->is_leaving) fail("the server closed the connection of u%05d", conn->user);
}

static void measure(const char *phase) {
    work = (Work){.delivered = delivered, .closed = lost};
    change_for(options.seconds / 4);
    Sample from = sample();
    change_for(options.seconds);
    Sample to = sample();
    to.wall_ns = last_ns;
    report(phase, from, to, delivered_count, 0);
}

static void say(int changer, int status) { speech->change(&people[first_changer() + changer], status); }

void run_changes(void) {
    changes = calloc((size_t)options.changers, sizeof *changes);
    if (!changes) fail("no memory");
    for (int i = 0; i < options.changers; i++) changes[i].status = 1;
    open_watchers();
    crowd_open(first_changer(), options.changers, "who changes connects");
    if (options.crowd) crowd_open(first_changer() + options.changers, options.crowd, "others connect");
    loop_rest(options.rest_s / 2);
    make = say;
    other_status = 4;
    measure(options.changers > 1 ? "changes in flight" : "changes");
}

static void come_or_go(int changer, int status) {
    Conn *conn = &people[first_changer() + changer];
    conn->user = first_changer() + changer;
    if (status) {
        if (conn->fd >= 0) loop_close(conn);
        loop_open(conn, &speech->wire, options.port);
    } else {
        conn->is_leaving = true;
        speech->leave(conn);
    }
}

/* A login is seen as online, a logout as offline; each begins with the TCP connection, and ends it. */
void run_logins(void) {
    options.changers = 1;
    changes = calloc(1, sizeof *changes);
    if (!changes) fail("no memory");
    open_watchers();
    make = come_or_go;
    other_status = 0;
    changes[0].status = 0;
    measure("logins");
}
