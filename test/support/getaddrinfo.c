/*
 * What libc really does: getaddrinfo NAME FAMILY FLAGS TIMES, in one thread, a line of JSON for each lookup.
 * FAMILY is any, inet or inet6; FLAGS are letters: c AI_ADDRCONFIG, m AI_V4MAPPED, l AI_ALL, - for none.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

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
  case -9: return "EAI_ADDRFAMILY";
  default: return gai_strerror(error);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  hints.ai_family = !strcmp(argv[2], "inet") ? AF_INET : !strcmp(argv[2], "inet6") ? AF_INET6 : AF_UNSPEC;
  if (strchr(argv[3], 'c')) hints.ai_flags |= AI_ADDRCONFIG;
  if (strchr(argv[3], 'm')) hints.ai_flags |= AI_V4MAPPED;
  if (strchr(argv[3], 'l')) hints.ai_flags |= AI_ALL;
  for (int i = 0; i < atoi(argv[4]); i++) {
    struct addrinfo *list = NULL;
    double began = now_ms();
    int error = getaddrinfo(argv[1], NULL, &hints, &list);
    printf("{\"ms\":%.3f,\"error\":", now_ms() - began);
    if (error) printf("\"%s\",\"addresses\":[", name_of(error));
    else printf("null,\"addresses\":[");
    for (struct addrinfo *at = list; at; at = at->ai_next) {
      char text[INET6_ADDRSTRLEN];
      const void *address = at->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)at->ai_addr)->sin_addr
                                                     : (void *)&((struct sockaddr_in6 *)at->ai_addr)->sin6_addr;
      printf("%s\"%s\"", at == list ? "" : ",", inet_ntop(at->ai_family, address, text, sizeof text));
    }
    printf("]}\n");
    fflush(stdout);
  }
  return 0;
}
