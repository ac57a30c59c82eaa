// SPDX-License-Identifier: Apache-2.0
// Preloaded where no file system of its own can be mounted: while the file named by GODWIT_TEST_FULL
// is there, no file grows any more, as on a disk without room.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_full(int fd, off_t end) {
  struct stat file;
  const char* mark = getenv("GODWIT_TEST_FULL");
  if (mark == NULL || access(mark, F_OK) != 0) return 0;
  if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end <= file.st_size) return 0;
  errno = ENOSPC;
  return 1;
}

// Where a write without a place of its own would begin.
static off_t place(int fd) {
  struct stat file;
  const off_t at = lseek(fd, 0, SEEK_CUR);
  return at == 0 && fstat(fd, &file) == 0 ? file.st_size : at;  // opened for appending
}

ssize_t write(int fd, const void* data, size_t count) {
  ssize_t (*next)(int, const void*, size_t) = dlsym(RTLD_NEXT, "write");
  return is_full(fd, place(fd) + (off_t)count) ? -1 : next(fd, data, count);
}

ssize_t pwrite(int fd, const void* data, size_t count, off_t at) {
  ssize_t (*next)(int, const void*, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
  return is_full(fd, at + (off_t)count) ? -1 : next(fd, data, count, at);
}

ssize_t pwrite64(int fd, const void* data, size_t count, off_t at) {
  return pwrite(fd, data, count, at);
}

int fallocate(int fd, int mode, off_t at, off_t count) {
  int (*next)(int, int, off_t, off_t) = dlsym(RTLD_NEXT, "fallocate");
  return is_full(fd, at + count) ? -1 : next(fd, mode, at, count);
}
