/*
 * Asks for A records over UDP with a window of outstanding queries, and prints what it saw as one JSON document.
 *
 *   ask ADDRESS PORT NAMES WINDOW SECONDS QUERIES [NETNS...]
 *
 * NAMES has a name, and perhaps more words, on each line; they are asked in turn. So are the namespaces, one query
 * each; without any, it asks from its own. It ends after SECONDS or QUERIES, whichever comes first (0: never).
 * WINDOW 1 measures a single outstanding query. What is not answered within a second is lost, and its place in the
 * window is free again. An answer counts if it is NOERROR with an answer record.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WINDOW = 256, MESSAGE = 512, EVENTS = 64, MAX_SAMPLES = 1 << 22, RECEIVE_BUFFER = 1 << 22 };
static const int64_t LOST_NS = 1000000000;

struct query {
  uint8_t message[300];
  int length;
};

static struct query *queries;
static int query_count;
static int *sockets;
static int socket_count;
static struct {
  int64_t sent; /* 0: the place is free */
  uint8_t generation;
} window[MAX_WINDOW];
static uint64_t asked;
static uint32_t *samples; /* ns */
static uint64_t sample_count, answered, wrong, lost;

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void read_queries(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) err(1, "%s", path);
  char line[1024];
  while (fgets(line, sizeof line, file) != NULL) {
    char *name = strtok(line, " \t\n");
    if (name == NULL || strlen(name) > 253) continue;
    queries = realloc(queries, (query_count + 1) * sizeof *queries);
    struct query *query = &queries[query_count++];
    memcpy(query->message, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
    query->length = 12;
    for (char *label = strtok(name, "."); label != NULL; label = strtok(NULL, ".")) {
      int length = strlen(label);
      query->message[query->length++] = length;
      memcpy(query->message + query->length, label, length);
      query->length += length;
    }
    memcpy(query->message + query->length, "\0\0\1\0\1", 5);
    query->length += 5;
  }
  fclose(file);
  if (query_count == 0) errx(1, "%s has no names", path);
}

static void connect_to(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) errx(1, "%s is no IPv4 address", address);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int size = RECEIVE_BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) err(1, "connect %s:%d", address, port);
  sockets = realloc(sockets, (socket_count + 1) * sizeof *sockets);
  sockets[socket_count++] = fd;
}

/* The id is the place in the window and how often it has been used: a late answer is known for one. */
static void ask(int place) {
  struct query *query = &queries[asked % query_count];
  query->message[0] = ++window[place].generation;
  query->message[1] = place;
  window[place].sent = now();
  /* A failure here is a query lost, as it would be on the way. */
  (void)!send(sockets[asked % socket_count], query->message, query->length, 0);
  asked++;
}

static void give_up_on_old(int64_t at, int size) {
  for (int place = 0; place < size; place++) {
    if (window[place].sent == 0 || at - window[place].sent < LOST_NS) continue;
    window[place].sent = 0;
    lost++;
  }
}

static int by_size(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return left < right ? -1 : left > right;
}

static double percentile_us(double share) {
  return sample_count == 0 ? 0 : samples[(uint64_t)(share * (sample_count - 1))] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc < 7) errx(2, "usage: ask ADDRESS PORT NAMES WINDOW SECONDS QUERIES [NETNS...]");
  int size = atoi(argv[4]);
  int64_t limit = atof(argv[5]) * 1e9;
  uint64_t most = strtoull(argv[6], NULL, 10);
  if (size < 1 || size > MAX_WINDOW || (limit == 0 && most == 0)) errx(2, "no such window, or no end");
  read_queries(argv[3]);
  if (argc == 7) connect_to(argv[1], atoi(argv[2]));
  for (int i = 7; i < argc; i++) {
    int namespace = open(argv[i], O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNET) != 0) err(1, "%s", argv[i]);
    close(namespace);
    connect_to(argv[1], atoi(argv[2]));
  }
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < socket_count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[i]};
    epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event);
  }

  int64_t began = now(), swept = began, last = began;
  for (;;) {
    int64_t at = now();
    if (at - swept > LOST_NS / 4) give_up_on_old(swept = at, size);
    int over = (limit != 0 && at - began >= limit) || (most != 0 && asked >= most);
    int waiting = 0;
    for (int place = 0; place < size; place++) {
      if (window[place].sent == 0 && !over && (most == 0 || asked < most)) ask(place);
      waiting += window[place].sent != 0;
    }
    if (waiting == 0) break;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poll, events, EVENTS, 100);
    for (int i = 0; i < count; i++) {
      uint8_t message[MESSAGE];
      for (int drained = 0; drained < size; drained++) {
        int length = recv(events[i].data.fd, message, sizeof message, 0);
        if (length < 0) break;
        int place = message[1];
        if (length < 12 || place >= size || window[place].sent == 0) continue;
        if (window[place].generation != message[0]) continue;
        last = now();
        if (sample_count < MAX_SAMPLES) samples[sample_count++] = last - window[place].sent;
        window[place].sent = 0;
        answered++;
        wrong += (message[3] & 15) != 0 || message[7] == 0;
        if (size == 1) break;
      }
    }
  }
  qsort(samples, sample_count, sizeof *samples, by_size);
  printf("{\"queries\":%llu,\"answered\":%llu,\"wrong\":%llu,\"lost\":%llu,\"seconds\":%.6f,\"p50Us\":%.2f,\"p99Us\":%.2f}\n",
         (unsigned long long)asked, (unsigned long long)answered, (unsigned long long)wrong,
         (unsigned long long)lost, (last - began) / 1e9, percentile_us(0.5), percentile_us(0.99));
}
