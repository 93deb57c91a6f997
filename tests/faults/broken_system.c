/* Preloaded: a disk that is full from some write on, and a clock that jumps. What is counted and what is to happen lies
   in a page that all processes share; FAULTS names its file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct shared {
    int64_t writes, full_from, clock_reads, jump_from, jump_s;
    char under[PATH_MAX];
};

static struct shared *page(void) {
    static struct shared *mapped;
    if (!mapped) {
        const char *name = getenv("FAULTS");
        int handle = name ? open(name, O_RDWR) : -1;
        void *found = handle < 0 ? MAP_FAILED : mmap(0, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
        static struct shared none;
        mapped = found == MAP_FAILED ? &none : found;
        if (handle >= 0) close(handle);
    }
    return mapped;
}

static int is_under(const char *path) {
    const char *under = page()->under;
    return *under && !strncmp(path, under, strlen(under));
}

/* Whether this write, to a file in the watched folder, finds the disk full. */
static int is_full(const char *path) {
    if (!is_under(path)) return 0;
    int64_t number = __atomic_add_fetch(&page()->writes, 1, __ATOMIC_SEQ_CST);
    if (!page()->full_from || number < page()->full_from) return 0;
    errno = ENOSPC;
    return 1;
}

static int handle_is_full(int handle) {
    char name[64], path[PATH_MAX];
    if (!*page()->under) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(name, path, sizeof path - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return is_full(path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int handle, const void *data, size_t size) {
    REAL(write);
    return handle_is_full(handle) ? -1 : real(handle, data, size);
}

ssize_t pwrite(int handle, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return handle_is_full(handle) ? -1 : real(handle, data, size, at);
}

ssize_t pwrite64(int handle, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    return handle_is_full(handle) ? -1 : real(handle, data, size, at);
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL(writev);
    return handle_is_full(handle) ? -1 : real(handle, parts, count);
}

int fsync(int handle) {
    REAL(fsync);
    struct stat facts; /* names take their room when they are made, not when they are synced */
    int names = !fstat(handle, &facts) && S_ISDIR(facts.st_mode);
    return !names && handle_is_full(handle) ? -1 : real(handle);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return is_full(path) ? -1 : real(path, mode);
}

#define OPENED(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        int mode = va_arg(more, int); \
        va_end(more); \
        if ((flags & O_CREAT) && access(path, F_OK) && is_full(path)) return -1; \
        return real(path, flags, mode); \
    }
OPENED(open)
OPENED(open64)

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    REAL(fwrite);
    return handle_is_full(fileno(file)) ? 0 : real(data, size, count, file);
}

int clock_gettime(clockid_t kind, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(kind, now);
    if (kind == CLOCK_REALTIME && page()->jump_from) {
        int64_t number = __atomic_add_fetch(&page()->clock_reads, 1, __ATOMIC_SEQ_CST);
        if (number >= page()->jump_from) now->tv_sec += page()->jump_s;
    }
    return result;
}
