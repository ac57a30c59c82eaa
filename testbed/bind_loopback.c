// SPDX-License-Identifier: Apache-2.0
// Preloaded into servers that have no option for it: a bind to every address becomes one to
// loopback, so that a test server is never reachable from outside.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr* address, socklen_t length) {
  int (*next)(int, const struct sockaddr*, socklen_t) = dlsym(RTLD_NEXT, "bind");
  if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in changed;
    memcpy(&changed, address, sizeof(changed));
    if (changed.sin_addr.s_addr == htonl(INADDR_ANY)) {
      changed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      return next(fd, (struct sockaddr*)&changed, sizeof(changed));
    }
  } else if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 changed;
    memcpy(&changed, address, sizeof(changed));
    if (memcmp(&changed.sin6_addr, &in6addr_any, sizeof(in6addr_any)) == 0) {
      changed.sin6_addr = in6addr_loopback;
      return next(fd, (struct sockaddr*)&changed, sizeof(changed));
    }
  }
  return next(fd, address, length);
}
