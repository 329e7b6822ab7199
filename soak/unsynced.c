/* Keeps a diary of what a process writes into its database, so that a power cut can be played.
 *
 * Before each write or truncation of a file whose path begins with SOAK_DATABASE (the database and
 * its log, not its shared memory, which no restart reads), what stood there goes into the file
 * SOAK_DIARY; so does the beginning and the end of each fsync. What was written and not synced
 * can then be taken back after kill -9, which by itself loses nothing that the kernel has.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITTEN = 1, SYNC_BEGINS = 2, SYNCED = 3 };

struct entry {
    uint64_t kind, number, file, offset, size, length; /* `length` bytes of old content follow */
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static uint64_t syncs;

static int diary(void) {
    static int fd = -1;
    if (fd < 0 && getenv("SOAK_DIARY"))
        fd = open(getenv("SOAK_DIARY"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd;
}

/* Which of the two files it is: 1 the database, 2 its log, 0 another. */
static uint64_t which(int fd) {
    const char *database = getenv("SOAK_DATABASE");
    char link[64], path[4096];
    if (!database) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (strncmp(path, database, strlen(database))) return 0;
    if (!path[strlen(database)]) return 1;
    return strcmp(path + strlen(database), "-wal") ? 0 : 2;
}

static void put(struct entry *entry, const void *old) {
    size_t length = sizeof *entry + entry->length;
    char *all = malloc(length);
    memcpy(all, entry, sizeof *entry);
    if (entry->length) memcpy(all + sizeof *entry, old, entry->length);
    if (syscall(SYS_write, diary(), all, length) != (ssize_t)length) abort();
    free(all);
}

/* Note what a write at `offset`, or a truncation to it, is about to change. */
static void changing(int fd, uint64_t offset, uint64_t length) {
    uint64_t file = which(fd);
    struct stat now;
    if (!file || fstat(fd, &now)) return;
    uint64_t size = (uint64_t)now.st_size;
    struct entry entry = {WRITTEN, 0, file, offset, size, 0};
    if (offset < size) entry.length = length < size - offset ? length : size - offset;
    char *old = malloc(entry.length + 1);
    if (entry.length && syscall(SYS_pread64, fd, old, entry.length, offset) < 0) abort();
    pthread_mutex_lock(&turn);
    put(&entry, old);
    pthread_mutex_unlock(&turn);
    free(old);
}

static int synced(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    uint64_t file = which(fd), number = 0;
    if (file) {
        pthread_mutex_lock(&turn);
        number = ++syncs;
        struct entry entry = {SYNC_BEGINS, number, file, 0, 0, 0};
        put(&entry, 0);
        pthread_mutex_unlock(&turn);
    }
    int result = real(fd);
    if (file && !result) {
        pthread_mutex_lock(&turn);
        struct entry entry = {SYNCED, number, file, 0, 0, 0};
        put(&entry, 0);
        pthread_mutex_unlock(&turn);
    }
    return result;
}

int fsync(int fd) { return synced(fd, "fsync"); }

int fdatasync(int fd) { return synced(fd, "fdatasync"); }

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t offset) {
    changing(fd, (uint64_t)offset, count);
    return syscall(SYS_pwrite64, fd, from, count, offset);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t offset) {
    return pwrite64(fd, from, count, offset);
}

ssize_t write(int fd, const void *from, size_t count) {
    off_t offset = which(fd) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (offset >= 0) changing(fd, (uint64_t)offset, count);
    return syscall(SYS_write, fd, from, count);
}

int ftruncate64(int fd, off64_t length) {
    changing(fd, (uint64_t)length, UINT64_MAX);
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
