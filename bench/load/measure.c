/* What a phase took: wall time, the CPU time of the server, of Redis and of this process, and latencies. */
#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BUCKETS = 10000000 }; /* of a microsecond; the last one holds whatever took longer */

static uint32_t *counts;
static uint64_t counted;

/* User and system time of all threads, in us; the kernel tells it in ticks of 10 ms. */
static uint64_t cpu_us(int pid) {
    if (!pid) return 0;
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) fail("the process %d is gone", pid);
    char *text = fgets(line, sizeof line, file);
    fclose(file);
    char *after_name = text ? strrchr(text, ')') : NULL;
    unsigned long user, system;
    const char *format = "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu";
    if (!after_name || sscanf(after_name + 2, format, &user, &system) != 2) fail("%s is not readable", path);
    return (user + system) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t own_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint64_t resident(int pid) {
    if (!pid) return 0;
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1) fail("%s is not readable", path);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* How long the server was ready to run while something else had its core. Of its threads the one that waited longest,
 * for the others may have waited for that one. */
static uint64_t kept_waiting_us(int pid) {
    char path[64];
    uint64_t most = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = pid ? opendir(path) : NULL;
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        char place[400];
        unsigned long waited = 0;
        snprintf(place, sizeof place, "%s/%s/schedstat", path, task->d_name);
        FILE *file = fopen(place, "r"); /* not every kernel has it */
        if (file && fscanf(file, "%*u %lu", &waited) == 1 && waited > most) most = waited;
        if (file) fclose(file);
    }
    if (tasks) closedir(tasks);
    return most / 1000;
}

Sample sample(void) {
    int server = options.server_pid;
    return (Sample){
        .wall_ns = clock_ns(),
        .server_us = cpu_us(server),
        .redis_us = cpu_us(options.redis_pid),
        .other_us = cpu_us(options.other_pid),
        .load_us = own_us(),
        .rss = resident(server),
        .kept_waiting_us = kept_waiting_us(server),
        .redis_info = redis_info(),
    };
}

int open_files(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", options.server_pid);
    DIR *folder = options.server_pid ? opendir(path) : NULL;
    if (!folder) return 0;
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

/* Returns once the server holds no more files than these and, over 200 ms, uses less than a fifth of its core. */
void await_calm(int files) {
    uint64_t end = clock_ns() + (uint64_t)(options.deadline_s * 1e9);
    for (int calm = 0; calm < 2;) {
        uint64_t before = cpu_us(options.server_pid);
        loop_rest(0.1);
        uint64_t used = cpu_us(options.server_pid) - before;
        calm = used <= 20000 && open_files() <= files ? calm + 1 : 0;
        if (clock_ns() > end)
            fail("after %.0f s the server still uses %lu us of 100,000, with %d files where %d were left",
                 options.deadline_s, used, open_files(), files);
    }
}

void latency_clear(void) {
    if (!counts) counts = calloc(BUCKETS, sizeof *counts);
    if (!counts) fail("no memory");
    if (counted) memset(counts, 0, BUCKETS * sizeof *counts);
    counted = 0;
}

void latency_add(uint64_t ns) {
    uint64_t us = ns / 1000;
    counts[us < BUCKETS ? us : BUCKETS - 1]++;
    counted++;
}

static uint64_t latency_at(double part) {
    uint64_t wanted = (uint64_t)((double)counted * part), seen = 0;
    for (uint64_t us = 0; us < BUCKETS; us++)
        if ((seen += counts[us]) > wanted) return us;
    return 0;
}

void report(const char *phase, Sample from, Sample to, uint64_t operations, uint64_t errors) {
    printf("{\"phase\":\"%s\",\"operations\":%lu,\"errors\":%lu,", phase, operations, errors);
    printf("\"wall_us\":%lu,\"server_us\":%lu,", (to.wall_ns - from.wall_ns) / 1000, to.server_us - from.server_us);
    printf("\"redis_us\":%lu,\"load_us\":%lu,", to.redis_us - from.redis_us, to.load_us - from.load_us);
    printf("\"other_us\":%lu,", to.other_us - from.other_us);
    printf("\"kept_waiting_us\":%lu,", to.kept_waiting_us - from.kept_waiting_us);
    redis_report(from.redis_info, to.redis_info);
    printf("\"rss_before\":%lu,\"rss_after\":%lu,", from.rss, to.rss);
    printf("\"p50_us\":%lu,\"p99_us\":%lu}\n", counted ? latency_at(0.5) : 0, counted ? latency_at(0.99) : 0);
    fflush(stdout);
}
