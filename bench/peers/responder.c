/*
 * The least that a DNS server of registry names can do: the yardstick of the benchmarks, not a DNS server.
 *
 *   responder ADDRESS PORT NAMES [NETNS...]
 *
 * NAMES has a line `name address` for each A record. Without namespaces: one socket, recvmmsg that blocks, sendmmsg,
 * at most 64 messages each. With namespaces: a socket in each, and epoll. It looks the folded name up in a hash table,
 * echoes the question and adds the record; whatever else it is asked, it answers REFUSED. No EDNS, no counting.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, MESSAGE = 512, HEADER = 12, RR = 16, TTL = 5, RECEIVE_BUFFER = 1 << 22 };

struct entry {
  uint8_t name[256];
  int length;
  uint32_t address;
};

static struct entry *table;
static uint32_t mask;

static uint32_t hash(const uint8_t *name, int length) {
  uint32_t value = 2166136261u; /* FNV-1a */
  for (int i = 0; i < length; i++) value = (value ^ name[i]) * 16777619u;
  return value ^ value >> 15;
}

static struct entry *slot(const uint8_t *name, int length) {
  uint32_t at = hash(name, length) & mask;
  while (table[at].length != 0 && (table[at].length != length || memcmp(table[at].name, name, length) != 0))
    at = (at + 1) & mask;
  return &table[at];
}

static void read_names(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) err(1, "%s", path);
  char name[256], address[64];
  uint32_t count = 0;
  while (fscanf(file, "%255s %63s", name, address) == 2) count++;
  for (mask = 1; mask < 4 * count; mask <<= 1) {
  }
  table = calloc(mask--, sizeof *table);
  rewind(file);
  while (fscanf(file, "%255s %63s", name, address) == 2) {
    uint8_t wire[257];
    int length = 0;
    for (char *label = strtok(name, "."); label != NULL; label = strtok(NULL, ".")) {
      wire[length++] = strlen(label);
      for (; *label != 0; label++) wire[length++] = tolower((unsigned char)*label);
    }
    wire[length++] = 0;
    struct entry *entry = slot(wire, length);
    memcpy(entry->name, wire, length);
    entry->length = length;
    inet_pton(AF_INET, address, &entry->address);
  }
  fclose(file);
}

/* Turns the query into its answer, in place. Gives its length; 0 is no answer at all. */
static int answer(uint8_t *message, int length) {
  if (length < HEADER || message[2] & 0x80) return 0;
  uint8_t folded[256];
  int at = HEADER;
  while (at < length && message[at] != 0 && at - HEADER < 255) {
    folded[at - HEADER] = tolower(message[at]);
    at++;
  }
  if (at + 5 > length || at - HEADER >= 255) return 0;
  folded[at - HEADER] = 0;
  int end = at + 5;
  struct entry *entry = slot(folded, at + 1 - HEADER);
  int known = entry->length != 0 && memcmp(message + at + 1, "\0\1\0\1", 4) == 0 && end + RR <= MESSAGE;
  message[2] = 0x84 | (message[2] & 0x79);
  message[3] = known ? 0x80 : 0x85;
  message[6] = 0;
  message[7] = known;
  memset(message + 8, 0, 4);
  if (!known) return end;
  memcpy(message + end, "\xc0\x0c\0\1\0\1\0\0\0", 9);
  message[end + 9] = TTL;
  message[end + 10] = 0;
  message[end + 11] = 4;
  memcpy(message + end + 12, &entry->address, 4);
  return end + RR;
}

static uint8_t messages[BATCH][MESSAGE];
static struct sockaddr_in clients[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr headers[BATCH];

/* Answers what waits at the socket, a batch at most. */
static void serve(int fd, int flags) {
  for (int i = 0; i < BATCH; i++) {
    vectors[i].iov_len = MESSAGE;
    headers[i].msg_hdr.msg_namelen = sizeof clients[i];
  }
  int received = recvmmsg(fd, headers, BATCH, flags, NULL);
  if (received <= 0) return;
  int ready = 0;
  for (int i = 0; i < received; i++) {
    int length = answer(messages[i], headers[i].msg_len);
    if (length == 0) continue;
    vectors[i].iov_len = length;
    if (ready != i) {
      struct mmsghdr other = headers[ready];
      headers[ready] = headers[i];
      headers[i] = other;
    }
    ready++;
  }
  for (int sent = 0; sent < ready;) {
    int now = sendmmsg(fd, headers + sent, ready - sent, 0);
    sent += now > 0 ? now : 1;
  }
}

static int listener(const char *address, int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &at.sin_addr) != 1) errx(1, "%s is no IPv4 address", address);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int size = RECEIVE_BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) err(1, "bind %s:%d", address, port);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 4) errx(2, "usage: responder ADDRESS PORT NAMES [NETNS...]");
  read_names(argv[3]);
  for (int i = 0; i < BATCH; i++) {
    vectors[i].iov_base = messages[i];
    headers[i].msg_hdr = (struct msghdr){.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  if (argc == 4) {
    int fd = listener(argv[1], atoi(argv[2]));
    puts("ready");
    fflush(stdout);
    for (;;) serve(fd, MSG_WAITFORONE);
  }
  int poll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 4; i < argc; i++) {
    int namespace = open(argv[i], O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNET) != 0) err(1, "%s", argv[i]);
    close(namespace);
    int fd = listener(argv[1], atoi(argv[2]));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
  puts("ready");
  fflush(stdout);
  struct epoll_event events[BATCH];
  for (;;) {
    int count = epoll_wait(poll, events, BATCH, -1);
    for (int i = 0; i < count; i++) serve(events[i].data.fd, MSG_DONTWAIT);
  }
}
