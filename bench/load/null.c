/* null PORT: a server that does nothing but answer, to see how fast the load generator is.
 *
 * HTTP: the same bytes to every GET, more of them where the path has limit=50. WebSocket: lets everybody in, acks every
 * event, and sends each presence:set to all who subscribed; what one turn of the loop brings is joined into one write
 * each. A token is the user's name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES = 20000, EVENTS = 512, NEWS = 1 << 16 };

static struct {
    bool is_ws, is_watching;
    char name[16];
} clients[FILES];
static char news[NEWS], user_answer[512], page_answer[32768], in[65536];
static size_t news_size;
static int epoll, fds[FILES], fd_count;

static void put(int fd, const void *bytes, size_t size) {
    bool is_sent = send(fd, bytes, size, MSG_NOSIGNAL) >= 0;
    if (!is_sent && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET) perror("send");
}

static size_t frame(char *to, const char *text, size_t size) {
    size_t at = 0;
    to[at++] = (char)0x81;
    if (size < 126) {
        to[at++] = (char)size;
    } else {
        to[at++] = 126;
        to[at++] = (char)(size >> 8);
        to[at++] = (char)size;
    }
    memcpy(to + at, text, size);
    return at + size;
}

static void say(int fd, const char *text) {
    char bytes[512];
    put(fd, bytes, frame(bytes, text, strlen(text)));
}

static void spread(const char *name, int status) {
    char text[400];
    int size = snprintf(text, sizeof text,
                        "42[\"presence:diff\",{\"epoch\":\"null\",\"version\":1,\"changes\":[{\"username\":\"%s\","
                        "\"presence_status\":%d,\"text\":null,\"emoji\":null,\"last_active_at\":null,"
                        "\"last_seen_at\":\"2026-01-01T00:00:00.000Z\",\"changed_at\":\"2026-01-01T00:00:00.000Z\","
                        "\"devices\":[\"web\"]}]}]",
                        name, status);
    if (news_size + 512 < NEWS) news_size += frame(news + news_size, text, (size_t)size);
}

static void hear(int fd, char *text, size_t size) {
    text[size] = 0;
    char *token = strstr(text, "\"token\":\"");
    if (token && !strncmp(text, "40", 2)) {
        snprintf(clients[fd].name, sizeof clients[fd].name, "%.6s", token + 9);
        say(fd, "40{\"sid\":\"null\"}");
        spread(clients[fd].name, 1);
    } else if (!strncmp(text, "421", 3)) {
        clients[fd].is_watching = true;
        say(fd, "431[{}]");
    } else if (!strncmp(text, "422", 3)) {
        say(fd, "432[{}]");
        spread(clients[fd].name, strstr(text, "dnd") ? 4 : 1);
    } else if (!strcmp(text, "41")) {
        spread(clients[fd].name, 0);
    }
}

static void forget(int fd) {
    for (int i = 0; i < fd_count; i++)
        if (fds[i] == fd) fds[i] = fds[--fd_count];
    memset(&clients[fd], 0, sizeof clients[fd]);
    close(fd);
}

static void hear_frames(int fd, unsigned char *bytes, size_t size) {
    while (size >= 6) {
        size_t length = bytes[1] & 127, head = length == 126 ? 8 : 6;
        if (length == 126) length = (size_t)bytes[2] << 8 | bytes[3];
        if (size < head + length) break;
        unsigned char *mask = bytes + head - 4, kept = bytes[head + length];
        for (size_t i = 0; i < length; i++) bytes[head + i] ^= mask[i & 3];
        if (bytes[0] == 0x88) {
            put(fd, "\x88\x02\x03\xe8", 4);
            forget(fd);
            return;
        }
        hear(fd, (char *)bytes + head, length);
        bytes[head + length] = kept;
        bytes += head + length;
        size -= head + length;
    }
}

static void hear_requests(int fd, const char *text) {
    for (const char *at = text; (at = strstr(at, "GET ")); at += 4) {
        if (!strncmp(at + 4, "/socket.io/", 11)) {
            clients[fd].is_ws = true;
            fds[fd_count++] = fd;
            static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            put(fd, upgrade, sizeof upgrade - 1);
            say(fd, "0{\"sid\":\"null\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000}");
            return;
        }
        const char *answer = memmem(at, 100, "limit=50", 8) ? page_answer : user_answer;
        put(fd, answer, strlen(answer));
    }
}

static void receive(int fd) {
    ssize_t size = recv(fd, in, sizeof in - 1, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        forget(fd);
        return;
    }
    in[size] = 0;
    if (clients[fd].is_ws)
        hear_frames(fd, (unsigned char *)in, (size_t)size);
    else
        hear_requests(fd, in);
}

static void listen_to(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= FILES || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) exit(1);
}

static void take_in(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        listen_to(fd);
    }
}

static void tell_news(void) {
    for (int i = 0; news_size && i < fd_count; i++)
        if (clients[fds[i]].is_watching) put(fds[i], news, news_size);
    news_size = 0;
}

static void prepare_answers(void) {
    static const char user[] =
        "{\"username\":\"u00042\",\"first_name\":\"Some\",\"last_name\":\"Body\",\"avatar\":null,"
        "\"created_at\":\"2026-01-01T00:00:00.000Z\",\"updated_at\":\"2026-01-01T00:00:00.000Z\","
        "\"last_login_at\":null,\"presence_status\":0}";
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s";
    static char page[30000];
    for (int i = 0; i < 50; i++) strcat(page, user);
    snprintf(user_answer, sizeof user_answer, head, strlen(user), user);
    snprintf(page_answer, sizeof page_answer, head, strlen(page), page);
}

int main(int count, char **words) {
    if (count != 2) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < FILES ? limit.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &limit);
    prepare_answers();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return 1;
    epoll = epoll_create1(0);
    listen_to(listener);
    printf("{\"port\":%s}\n", words[1]);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                take_in(listener);
            else
                receive(events[i].data.fd);
        }
        tell_news();
    }
}
