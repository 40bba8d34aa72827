/* What Redis counts: commands, those of scripts too, round trips, bytes each way, and the calls of each command. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INFO_MAX = 1 << 17 };
static const char ASK[] = "INFO stats commandstats\r\n";
static const char CALLS[] = "cmdstat_";
static int redis = -1;

static void connect_to_redis(void) {
    redis = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.redis_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(redis, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(redis, (struct sockaddr *)&address, sizeof address)) fail("Redis takes no connection");
}

/* The text of its answer, which is a bulk string; NULL where no Redis is to be asked. */
char *redis_info(void) {
    if (!options.redis_port) return NULL;
    if (redis < 0) connect_to_redis();
    char *text = calloc(1, INFO_MAX);
    if (!text || send(redis, ASK, sizeof ASK - 1, MSG_NOSIGNAL) < 0) fail("Redis cannot be asked");
    size_t have = 0, wanted = 1;
    while (have < wanted) {
        ssize_t size = recv(redis, text + have, INFO_MAX - 1 - have, 0);
        if (size <= 0) fail("Redis does not answer");
        have += (size_t)size;
        char *body = memmem(text, have, "\r\n", 2);
        if (body) wanted = (size_t)(body + 2 - text) + strtoul(text + 1, NULL, 10) + 2;
    }
    return text;
}

static uint64_t number_at(const char *info, const char *name) {
    char line[128];
    snprintf(line, sizeof line, "\n%s", name);
    const char *at = strstr(info, line);
    return at ? strtoul(at + strlen(line), NULL, 10) : 0;
}

static uint64_t grown(const char *before, const char *after, const char *name) {
    return number_at(after, name) - number_at(before, name);
}

/* `calls` of each command that was called at all. */
static void report_calls(const char *before, const char *after) {
    const char *comma = "";
    printf("\"redis_calls\":{");
    for (const char *at = after; (at = strstr(at, CALLS)); at += sizeof CALLS - 1) {
        char name[64], line[128];
        if (sscanf(at + sizeof CALLS - 1, "%60[^:]", name) != 1 || !strcmp(name, "info")) continue;
        snprintf(line, sizeof line, "cmdstat_%s:calls=", name);
        uint64_t calls = grown(before, after, line);
        if (!calls) continue;
        printf("%s\"%s\":%lu", comma, name, calls);
        comma = ",";
    }
    printf("},");
}

/* Our own question is not counted. */
void redis_report(const char *before, const char *after) {
    if (!before || !after) return;
    printf("\"redis_commands\":%lu,", grown(before, after, "total_commands_processed:") - 1);
    printf("\"redis_trips\":%lu,", grown(before, after, "total_reads_processed:") - 1);
    printf("\"redis_bytes_in\":%lu,", grown(before, after, "total_net_input_bytes:") - (sizeof ASK - 1));
    printf("\"redis_bytes_out\":%lu,", grown(before, after, "total_net_output_bytes:") - strlen(before));
    report_calls(before, after);
}
