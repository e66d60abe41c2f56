// A shim for LD_PRELOAD that watches and breaks one node process: what was made durable, what was answered, in
// which order; and disks that fail or are full, on demand. Linux, glibc.
//
// STRONGROOM_FAULT_LOG=FILE       one line an event, in order: `N sync PATH`, `N dbwrite PATH`, `N answer BYTES`
// STRONGROOM_FAULT_CONTROL=FILE   while it holds `eio`, fsync and fdatasync of a database fail; while it holds
//                                 `enospc`, writes to a database fail; while it is missing or empty, nothing does
// STRONGROOM_FAULT_FOLDER=DIR     files in DIR are on a disk that `enospc` fills: what is there can be written over, and
//                                 nothing grows
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static unsigned long sequence = 0;
static int log_fd = -1;
static char control_path[4096];
static char folder[4096];

__attribute__((constructor)) static void start(void) {
  const char *log_path = getenv("STRONGROOM_FAULT_LOG");
  if (log_path != NULL) log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const char *control = getenv("STRONGROOM_FAULT_CONTROL");
  if (control != NULL) snprintf(control_path, sizeof control_path, "%s", control);
  const char *filled = getenv("STRONGROOM_FAULT_FOLDER");
  if (filled != NULL) snprintf(folder, sizeof folder, "%s/", filled);
}

// The system call itself, so that the log never passes through what it logs.
static void note(const char *format, ...) {
  if (log_fd < 0) return;
  int kept = errno;
  char line[4300];
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&order);
  int length = snprintf(line, sizeof line, "%lu ", ++sequence);
  length += vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
  if (length > (int)sizeof line - 2) length = (int)sizeof line - 2;
  line[length++] = '\n';
  syscall(SYS_write, log_fd, line, (size_t)length);
  pthread_mutex_unlock(&order);
  va_end(arguments);
  errno = kept;
}

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  int kept = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  errno = kept;
  if (length < 0) return 0;
  path[length] = '\0';
  return 1;
}

static int ends_with(const char *path, const char *end) {
  size_t length = strlen(path), tail = strlen(end);
  return length >= tail && strcmp(path + length - tail, end) == 0;
}

static int is_database(const char *path) {
  return ends_with(path, ".db") || ends_with(path, "-wal") || ends_with(path, "-journal");
}

static int is_told_to(const char *fault) {
  if (control_path[0] == '\0') return 0;
  int kept = errno;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, control_path, O_RDONLY | O_CLOEXEC, 0);
  char told[16] = "";
  if (fd >= 0) {
    if (syscall(SYS_read, fd, told, sizeof told - 1) < 0) told[0] = '\0';
    syscall(SYS_close, fd);
  }
  errno = kept;
  return strncmp(told, fault, strlen(fault)) == 0;
}

static int is_tcp(int fd) {
  int kept = errno, family = 0, type = 0;
  socklen_t size = sizeof family;
  int known = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
              (size = sizeof type, getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
  errno = kept;
  return known && (family == AF_INET || family == AF_INET6) && type == SOCK_STREAM;
}

// An answer is noted before it is sent: after it, another thread could note a sync that the caller never waited for
// in front of it, and the order would look better than it was.
static void note_answer(int fd, size_t bytes) {
  if (log_fd >= 0 && is_tcp(fd)) note("answer %zu", bytes);
}

static size_t length_of(const struct iovec *parts, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total += parts[i].iov_len;
  return total;
}

// Whether a file of the folder would have to grow, while its disk is told to be full.
static int lacks_room(int fd, off_t end) {
  char path[4096];
  struct stat file;
  if (folder[0] == '\0' || !path_of(fd, path, sizeof path)) return 0;
  if (strncmp(path, folder, strlen(folder)) != 0 || !is_told_to("enospc")) return 0;
  int kept = errno;
  int grows = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && end > file.st_size;
  errno = kept;
  if (grows) {
    note("enospc %s", path);
    errno = ENOSPC;
  }
  return grows;
}

// Where a write without an offset would begin.
static off_t place_of(int fd) {
  int kept = errno;
  off_t at = lseek(fd, 0, SEEK_CUR);
  errno = kept;
  return at < 0 ? 0 : at;
}

#define NEXT(result, name, ...)                        \
  static result (*next)(__VA_ARGS__) = NULL;           \
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, name)

static int synced(int fd, int (*next)(int)) {
  char path[4096];
  int known = path_of(fd, path, sizeof path);
  if (known && is_database(path) && is_told_to("eio")) {
    note("eio %s", path);
    errno = EIO;
    return -1;
  }
  int result = next(fd);
  if (result == 0 && known) note("sync %s", path);
  return result;
}

int fsync(int fd) {
  NEXT(int, "fsync", int);
  return synced(fd, next);
}

int fdatasync(int fd) {
  NEXT(int, "fdatasync", int);
  return synced(fd, next);
}

// Answers 0 when the disk is told to be full, and notes the write otherwise.
static int may_write(int fd) {
  char path[4096];
  if (!path_of(fd, path, sizeof path) || !is_database(path)) return 1;
  if (is_told_to("enospc")) {
    note("enospc %s", path);
    errno = ENOSPC;
    return 0;
  }
  note("dbwrite %s", path);
  return 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (lacks_room(fd, offset + (off_t)count)) return -1;
  return may_write(fd) ? next(fd, bytes, count, offset) : -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (lacks_room(fd, offset + (off_t)count)) return -1;
  return may_write(fd) ? next(fd, bytes, count, offset) : -1;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  NEXT(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  return lacks_room(fd, offset + (off_t)length_of(parts, (size_t)count)) ? -1 : next(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  NEXT(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  return lacks_room(fd, offset + (off_t)length_of(parts, (size_t)count)) ? -1 : next(fd, parts, count, offset);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  NEXT(int, "posix_fallocate", int, off_t, off_t);
  return lacks_room(fd, offset + length) ? ENOSPC : next(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  NEXT(int, "posix_fallocate64", int, off64_t, off64_t);
  return lacks_room(fd, offset + length) ? ENOSPC : next(fd, offset, length);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  if (!may_write(fd) || lacks_room(fd, place_of(fd) + (off_t)count)) return -1;
  note_answer(fd, count);
  return next(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec *, int);
  note_answer(fd, length_of(parts, (size_t)count));
  return next(fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
  NEXT(ssize_t, "send", int, const void *, size_t, int);
  note_answer(fd, count);
  return next(fd, bytes, count, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t size) {
  NEXT(ssize_t, "sendto", int, const void *, size_t, int, const struct sockaddr *, socklen_t);
  note_answer(fd, count);
  return next(fd, bytes, count, flags, to, size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int);
  note_answer(fd, length_of(message->msg_iov, message->msg_iovlen));
  return next(fd, message, flags);
}
