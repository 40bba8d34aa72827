/* The load generator: one process, one thread, one epoll. What its files share. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Conn Conn;

/* How bytes of a connection are understood. `take` returns how many it consumed; the rest comes again with more. */
typedef struct {
    void (*opened)(Conn *);
    size_t (*take)(Conn *, char *, size_t);
} Wire;

/* What a person can do; each protocol has one of these. Statuses are 0 offline, 1 online, 4 dnd. */
typedef struct {
    Wire wire;
    void (*watch)(Conn *, int first, int count);
    void (*change)(Conn *, int status);
    void (*leave)(Conn *);
} Speech;

struct Conn {
    const Wire *wire;
    int fd; /* -1: closed */
    int user;
    int state; /* the protocol's own */
    bool is_connected, is_ready, is_leaving, wants_write;
    char *left, *out; /* what was not consumed, and what the kernel did not take */
    size_t left_size, out_size;
    uint64_t asked_at; /* ns */
};

/* What a work does when something happens; a null one is not asked. */
typedef struct {
    void (*answered)(Conn *, int status, const char *body, size_t size);
    void (*ready)(Conn *);
    void (*watching)(Conn *);
    void (*delivered)(Conn *, int user, int status);
    void (*closed)(Conn *);
} Work;

typedef struct {
    const char *speech, *tokens_file, *requests_file, *expect;
    int port, http_port, redis_port, server_pid, redis_pid, other_pid;
    int people, watchers, changers, crowd, flight, callers, in_order, through;
    double seconds, rest_s, churn, deadline_s;
} Options;

extern Options options;
extern Work work;
extern const Speech *speech;
extern uint64_t now_ns;  /* of the bytes that are being taken */
extern uint64_t pings;   /* answered since the start */
extern uint64_t acks;    /* of changes, since the start */
extern Conn *people;     /* one for each user */

/* loop.c */
void loop_begin(void);
void loop_open(Conn *, const Wire *, int port);
void loop_send(Conn *, const void *bytes, size_t size);
void loop_close(Conn *);
void loop_run(bool (*is_done)(void), const char *what);
void loop_rest(double seconds);
uint64_t clock_ns(void);
_Noreturn void fail(const char *format, ...);
char *read_file(const char *path, size_t *size);

/* http.c, ws.c, socketio.c, xmpp.c */
extern const Wire http_wire;
extern const Speech socketio_speech, xmpp_speech, xmpp_ws_speech;
void ws_begin(Conn *, const char *path, const char *headers);
size_t ws_take(Conn *, char *bytes, size_t size, void (*text)(Conn *, char *, size_t));
void ws_send(Conn *, const char *text, size_t size);
void ws_send_close(Conn *);
void tell_ready(Conn *);
const char *token_of(int user);
int user_in(const char *bytes, const char *end);

/* measure.c */
typedef struct {
    uint64_t wall_ns, server_us, other_us, redis_us, load_us, rss, kept_waiting_us;
    char *redis_info;
} Sample;

Sample sample(void);
void latency_clear(void);
void latency_add(uint64_t ns);
void report(const char *phase, Sample from, Sample to, uint64_t operations, uint64_t errors);
void await_calm(int files);
int open_files(void);

/* redis.c */
char *redis_info(void);
void redis_report(const char *before, const char *after);

/* churn.c */
void churn_begin(int first, int count);
void churn_turn(void);
void churn_end(void);
uint64_t churn_count(void);

/* rest.c, crowd.c, changes.c, ledger.c: the works */
void run_rest(void);
void run_storm(void);
void run_idle(void);
void run_pings(void);
void run_changes(void);
void run_logins(void);
void run_ledger(void);
void crowd_open(int first, int count, const char *what);
void crowd_leave(int first, int count, const char *what);

#endif
