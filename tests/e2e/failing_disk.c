/* Calls on files named "crmwire.db…" fail while the file that FAILING_DISK names says so: one line
 * of "write", "sync" or "read" and the number of the error, such as "write 28" for a full disk.
 * Preloaded, as in: LD_PRELOAD=failing_disk.so FAILING_DISK=trouble crmwire serve
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int trouble(int fd, const char *kind)
{
    const char *file = getenv("FAILING_DISK");
    char text[64] = "", link[64], path[4096], word[16];
    int number = 0, told;
    ssize_t length;
    if (file == NULL)
        return 0;
    told = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY, 0);
    if (told < 0)
        return 0;
    length = syscall(SYS_read, told, text, sizeof text - 1);
    syscall(SYS_close, told);
    if (length <= 0 || sscanf(text, "%15s %d", word, &number) != 2 || strcmp(word, kind) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (strstr(path, "crmwire.db") == NULL)
        return 0;
    errno = number;
    return 1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (real == NULL) \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return trouble(fd, "write") ? -1 : real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return trouble(fd, "write") ? -1 : real(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return trouble(fd, "write") ? -1 : real(fd, data, size);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return trouble(fd, "read") ? -1 : real(fd, data, size, at);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return trouble(fd, "sync") ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    return trouble(fd, "sync") ? -1 : real(fd);
}
