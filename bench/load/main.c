/* load WORK --option value ...: one work against a server on 127.0.0.1; a line of JSON for each phase. */
#define _GNU_SOURCE
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

Options options = {
    .speech = "socketio", .expect = "", .people = 1000, .watchers = 1000, .changers = 1, .flight = 256,
    .callers = 64, .seconds = 2, .rest_s = 1, .deadline_s = 60,
};
const Speech *speech = &socketio_speech;
Conn *people;
uint64_t pings, acks;

static char **tokens;
static int token_count;

typedef struct {
    const char *name;
    void (*run)(void);
} Named;

static const Named works[] = {
    {"rest", run_rest}, {"storm", run_storm}, {"idle", run_idle},
    {"pings", run_pings}, {"changes", run_changes}, {"logins", run_logins},
    {"ledger", run_ledger},
};

const char *token_of(int user) {
    if (user >= token_count) fail("there is no token for u%05d", user);
    return tokens[user];
}

/* The number in a name such as u00042, or -1. */
int user_in(const char *bytes, const char *end) {
    if (end - bytes < 6 || bytes[0] != 'u') return -1;
    int user = 0;
    for (int i = 1; i < 6; i++) user = user * 10 + (bytes[i] - '0');
    return user;
}

void tell_ready(Conn *conn) {
    conn->is_ready = true;
    if (work.ready) work.ready(conn);
}

/* One token a line, that of u00000 first. */
static void read_tokens(void) {
    size_t size;
    char *text = read_file(options.tokens_file, &size);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        tokens = realloc(tokens, ((size_t)token_count + 1) * sizeof *tokens);
        if (!tokens) fail("no memory");
        tokens[token_count++] = line;
    }
    people = calloc((size_t)token_count, sizeof *people);
    if (!people) fail("no memory");
    for (int i = 0; i < token_count; i++) people[i] = (Conn){.fd = -1, .user = i};
}

static void read_option(const char *name, const char *value) {
    const struct {
        const char *name;
        const char **text;
        int *number;
        double *real;
    } known[] = {
        {"--speech", &options.speech, NULL, NULL}, {"--tokens", &options.tokens_file, NULL, NULL},
        {"--requests", &options.requests_file, NULL, NULL}, {"--expect", &options.expect, NULL, NULL},
        {"--port", NULL, &options.port, NULL}, {"--http-port", NULL, &options.http_port, NULL},
        {"--server-pid", NULL, &options.server_pid, NULL}, {"--redis-pid", NULL, &options.redis_pid, NULL},
        {"--people", NULL, &options.people, NULL}, {"--watchers", NULL, &options.watchers, NULL},
        {"--changers", NULL, &options.changers, NULL}, {"--flight", NULL, &options.flight, NULL},
        {"--callers", NULL, &options.callers, NULL}, {"--seconds", NULL, NULL, &options.seconds},
        {"--redis-port", NULL, &options.redis_port, NULL}, {"--other-pid", NULL, &options.other_pid, NULL},
        {"--crowd", NULL, &options.crowd, NULL}, {"--in-order", NULL, &options.in_order, NULL},
        {"--through", NULL, &options.through, NULL},
        {"--churn", NULL, NULL, &options.churn}, {"--rest", NULL, NULL, &options.rest_s},
        {"--deadline", NULL, NULL, &options.deadline_s},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name)) continue;
        if (known[i].text) *known[i].text = value;
        if (known[i].number) *known[i].number = atoi(value);
        if (known[i].real) *known[i].real = atof(value);
        return;
    }
    fail("%s is not known", name);
}

static void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **words) {
    if (count < 2 || count % 2) fail("usage: load WORK [--option value]...");
    for (int i = 2; i < count; i += 2) read_option(words[i], words[i + 1]);
    if (!options.http_port) options.http_port = options.port;
    if (!strcmp(options.speech, "xmpp")) speech = &xmpp_speech;
    if (!strcmp(options.speech, "xmpp-ws")) speech = &xmpp_ws_speech;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the harness */
    alarm((unsigned)(options.deadline_s * 4)); /* and ends by itself whatever happens */
    raise_file_limit();
    read_tokens();
    loop_begin();
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        if (strcmp(words[1], works[i].name)) continue;
        works[i].run();
        return 0;
    }
    fail("there is no work %s", words[1]);
}
