/*
 * Many lookups, as many containers do them: lookups PATTERN COUNT AT_ONCE PAUSE_MS BEGIN_MS END_MS [NETNS...].
 *
 * Each is a getaddrinfo of PATTERN with its number for %d, in a thread of its own, so that what libc has learnt in one
 * does not help the next; AT_ONCE at a time, each with a pause behind it, in the namespaces in turn. None begins after BEGIN_MS; what has not ended
 * at END_MS is told as unfinished. A line of JSON for each lookup that began.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* getaddrinfo of glibc wants more than musl's threads have. */
#define STACK_OCTETS (256 * 1024)

struct lookup {
  double began, ended;
  int error, v4, v6;
  atomic_int state; /* 0 not begun, 1 begun, 2 ended */
};

static const char *pattern;
static int count, at_once, pause_ms, namespaces;
static char **namespace;
static double begin_ms, end_ms, origin;
static struct lookup *lookups;
static atomic_int next, working;
static pthread_barrier_t together;
static pthread_attr_t small;

static double now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static const char *name_of(int error) {
  switch (error) {
  case EAI_AGAIN: return "EAI_AGAIN";
  case EAI_FAIL: return "EAI_FAIL";
  case EAI_NONAME: return "EAI_NONAME";
  case EAI_SYSTEM: return "EAI_SYSTEM";
  /* Of glibc and later musl, behind feature macros. */
  case -5: return "EAI_NODATA";
  default: return gai_strerror(error);
  }
}

static void die(const char *what) {
  perror(what);
  _exit(1);
}

static void *look_up(void *of) {
  struct lookup *it = of;
  char name[256];
  snprintf(name, sizeof name, pattern, (int)(it - lookups));
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
  it->began = now_ms();
  it->state = 1;
  int error = getaddrinfo(name, NULL, &hints, &list);
  for (struct addrinfo *at = error ? NULL : list; at; at = at->ai_next)
    at->ai_family == AF_INET ? (it->v4 = 1) : (it->v6 = 1);
  it->error = error;
  it->ended = now_ms();
  it->state = 2;
  return NULL;
}

static void *work(void *number) {
  if (namespaces > 0) {
    int fd = open(namespace[(long)number % namespaces], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die("namespace");
    close(fd);
  }
  pthread_barrier_wait(&together);
  for (;;) {
    int index = next++;
    if (index >= count || now_ms() - origin > begin_ms) break;
    pthread_t thread;
    if (pthread_create(&thread, &small, look_up, &lookups[index]) != 0) die("thread");
    pthread_join(thread, NULL);
    if (pause_ms > 0) usleep(pause_ms * 1000);
  }
  working--;
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  pattern = argv[1];
  count = atoi(argv[2]);
  at_once = atoi(argv[3]);
  pause_ms = atoi(argv[4]);
  begin_ms = atof(argv[5]);
  end_ms = atof(argv[6]);
  namespace = argv + 7;
  namespaces = argc - 7;
  lookups = calloc(count, sizeof *lookups);
  working = at_once;
  pthread_barrier_init(&together, NULL, at_once + 1);
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, STACK_OCTETS);
  for (long number = 0; number < at_once; number++) {
    pthread_t thread;
    if (pthread_create(&thread, &small, work, (void *)number) != 0) die("thread");
  }
  origin = now_ms();
  pthread_barrier_wait(&together);
  origin = now_ms();
  while (working > 0 && now_ms() - origin < end_ms) usleep(5000);
  double end = now_ms();
  for (struct lookup *it = lookups; it < lookups + count; it++) {
    int state = it->state;
    if (state == 0) continue;
    printf("{\"ms\":%.3f,\"error\":", (state == 2 ? it->ended : end) - it->began);
    if (state == 1) printf("\"unfinished\"");
    else if (it->error) printf("\"%s\"", name_of(it->error));
    else printf("null");
    printf(",\"v4\":%s,\"v6\":%s}\n", it->v4 ? "true" : "false", it->v6 ? "true" : "false");
  }
  fflush(stdout);
  /* Some threads wait in getaddrinfo still. */
  _exit(0);
}
