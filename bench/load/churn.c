/* Others whose presence changes at a given rate at most, one after the other, while something else is measured. */
#include "load.h"

enum { IN_FLIGHT = 64 };

static int first, count;
static uint64_t begun_ns, sent, turns; /* turns go on from one churn to the next */
static bool is_on;

/* These users are connected; each is online. They go on until `churn_end`. */
void churn_begin(int first_user, int user_count) {
    first = first_user;
    count = user_count;
    begun_ns = clock_ns();
    sent = 0;
    acks = 0;
    is_on = count > 0;
}

/* Where the server acks them, no more than 64 are under way: one that cannot keep up is asked for fewer, not buried. */
static bool may_send(void) { return speech != &socketio_speech || sent - acks < IN_FLIGHT; }

/* Every turn of the loop: as many as are due. Each user is online and busy in turn. */
void churn_turn(void) {
    if (!is_on) return;
    uint64_t due = (uint64_t)((double)(clock_ns() - begun_ns) / 1e9 * options.churn);
    for (; sent < due && may_send(); sent++, turns++) {
        bool is_online_again = turns / (uint64_t)count % 2;
        speech->change(&people[first + (int)(turns % (uint64_t)count)], is_online_again ? 1 : 4);
    }
}

uint64_t churn_count(void) { return sent; }

static bool all_acked(void) { return acks >= sent; }

/* Returns when the server has said of each that it is done: one that is behind shows it in the CPU time. */
void churn_end(void) {
    is_on = false;
    if (speech == &socketio_speech) loop_run(all_acked, "changes are acked");
}
