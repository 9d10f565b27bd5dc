/*
 * What this machine's libc and kernel say about addresses, for test/e2e/sort-addresses.test.ts:
 *   sorted names NAME...        each name, and its addresses in the order of getaddrinfo(3)
 *   sorted sources ADDRESS...   each address, and the source that the kernel would choose, or -
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void print(const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	const void *octets = sa->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)sa)->sin_addr
	                                              : (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
	printf(" %s", inet_ntop(sa->sa_family, octets, text, sizeof text));
}

static void names(const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int error = getaddrinfo(name, NULL, &hints, &found);
	if (error) {
		printf(" %s", gai_strerror(error));
		return;
	}
	for (const struct addrinfo *it = found; it; it = it->ai_next) print(it->ai_addr);
	freeaddrinfo(found);
}

static void sources(const char *address)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *found;
	if (getaddrinfo(address, "9", &hints, &found)) return;
	struct sockaddr_storage source;
	socklen_t length = sizeof source;
	int fd = socket(found->ai_family, SOCK_DGRAM, 0);
	if (connect(fd, found->ai_addr, found->ai_addrlen) == 0 && getsockname(fd, (struct sockaddr *)&source, &length) == 0)
		print((struct sockaddr *)&source);
	else
		printf(" -");
	close(fd);
	freeaddrinfo(found);
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		printf("%s", argv[i]);
		(strcmp(argv[1], "names") == 0 ? names : sources)(argv[i]);
		printf("\n");
	}
	return 0;
}
