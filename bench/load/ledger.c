/* What each thing costs the server, another node and Redis: people connect, rest, change at a given rate, and leave. */
#include "load.h"

static uint64_t stop_ns;

static bool is_over(void) {
    churn_turn();
    return now_ns >= stop_ns;
}

static void lost(Conn *conn) { fail("the server closed the connection of u%05d", conn->user); }

static void change_for(double seconds) {
    work = (Work){.closed = lost};
    churn_begin(0, options.people);
    stop_ns = clock_ns() + (uint64_t)(seconds * 1e9);
    loop_run(is_over, "others change");
    churn_end();
}

/* The operations of `resting` are connections: over its wall time they tell what one costs a second. */
void run_ledger(void) {
    uint64_t all = (uint64_t)options.people;
    crowd_open(0, options.people / 20, "the first few");
    crowd_leave(0, options.people / 20, "the first few leave");
    loop_rest(options.rest_s);
    Sample from = sample();
    crowd_open(0, options.people, "all connect");
    loop_rest(options.rest_s);
    latency_clear();
    report("connects", from, sample(), all, 0);
    from = sample();
    loop_rest(options.seconds);
    report("resting", from, sample(), all, 0);
    change_for(options.seconds / 4);
    from = sample();
    change_for(options.seconds);
    loop_rest(options.rest_s / 4);
    report("others change", from, sample(), churn_count(), 0);
    from = sample();
    crowd_leave(0, options.people, "all leave");
    loop_rest(options.rest_s);
    report("leaves", from, sample(), all, 0);
}
