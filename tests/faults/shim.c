/* Preloaded into a victim: its Nth operation on files below a directory fails, is cut short, or
 * is where the process is killed or gets a signal. The environment says which, see harness.py:
 *
 *   FAULTS_BELOW    the directory, an absolute path
 *   FAULTS_NTH      the operation, counted from 1; 0 for none
 *   FAULTS_MODE     count   nothing happens
 *                   once    it fails with FAULTS_ERRNO
 *                   on      it fails, and so does each after it; of a write, half is done
 *                   before  the process gets FAULTS_SIGNAL and goes on with it, if it lives
 *                   after   the process gets FAULTS_SIGNAL when it is done
 *                   torn    half of it, if it is a write, and then FAULTS_SIGNAL
 *   FAULTS_LOG      a file that gets a line for each operation
 *   FAULTS_NOLOCKS  an errno: flock fails with it, whatever the file
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum mode { COUNT, ONCE, ON, BEFORE, AFTER, TORN };

static struct {
    char below[PATH_MAX];
    size_t length;
    long nth, done;
    enum mode mode;
    int error, signal, log, nolocks;
    char ours[65536]; /* by descriptor: whether its file is below the directory */
} faults = {.log = -1};

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) void faults_arm(void) {
    static const char *const modes[] = {"count", "once", "on", "before", "after", "torn"};
    const char *below = getenv("FAULTS_BELOW"), *mode = getenv("FAULTS_MODE");
    const char *log = getenv("FAULTS_LOG");
    memset(&faults, 0, sizeof faults);
    faults.log = -1;
    faults.nolocks = (int)number("FAULTS_NOLOCKS");
    if (!below || !mode)
        return;
    snprintf(faults.below, sizeof faults.below, "%s", below);
    faults.length = strlen(faults.below);
    faults.nth = number("FAULTS_NTH");
    faults.error = (int)number("FAULTS_ERRNO");
    faults.signal = (int)number("FAULTS_SIGNAL");
    for (int i = 0; i < 6; i++)
        if (!strcmp(mode, modes[i]))
            faults.mode = (enum mode)i;
    if (log)
        faults.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0644);
}

static int is_below(const char *path) {
    char absolute[2 * PATH_MAX];
    if (!faults.length || !path)
        return 0;
    if (path[0] != '/') {
        char cwd[PATH_MAX];
        if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0)
            return 0;
        snprintf(absolute, sizeof absolute, "%s/%s", cwd, path);
        path = absolute;
    }
    return !strncmp(path, faults.below, faults.length);
}

static int is_ours(int fd) { return fd >= 0 && fd < (int)sizeof faults.ours && faults.ours[fd]; }

/* Counts an operation; true when it must fail, with errno set. */
static int strikes(const char *what, const char *path) {
    faults.done++;
    if (faults.log >= 0) {
        char line[2 * PATH_MAX];
        int n = snprintf(line, sizeof line, "%s %s\n", what, path ? path : "");
        syscall(SYS_write, faults.log, line, (size_t)n);
    }
    int now = faults.done == faults.nth;
    if (now && faults.mode == BEFORE)
        raise(faults.signal);
    if ((now && faults.mode == ONCE) || (faults.nth && faults.done >= faults.nth && faults.mode == ON)) {
        errno = faults.error;
        return 1;
    }
    return 0;
}

static void done(void) {
    if (faults.nth && faults.done == faults.nth && (faults.mode == AFTER || faults.mode == TORN)) {
        int kept = errno;
        raise(faults.signal);
        errno = kept;
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define STRIKE(condition, what, path)                                                              \
    int mine = (condition);                                                                        \
    if (mine && strikes(what, path))                                                               \
        return -1;
#define DONE(call)                                                                                 \
    __typeof__(call) result = (call);                                                              \
    if (mine)                                                                                      \
        done();                                                                                    \
    return result

static int opened(int mine, int fd) {
    if (fd >= 0 && fd < (int)sizeof faults.ours)
        faults.ours[fd] = (char)mine;
    if (mine)
        done();
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        STRIKE(is_below(path), flags & O_ACCMODE ? "create" : "open", path)                        \
        return opened(mine, (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode));                \
    }
#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...) {                                           \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        STRIKE(at == AT_FDCWD ? is_below(path) : is_ours(at), "open", path)                        \
        return opened(mine, (int)syscall(SYS_openat, at, path, flags, mode));                      \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *content, size_t size) {
    int mine = is_ours(fd);
    if (mine) {
        int first = faults.done + 1 == faults.nth;
        if (strikes("write", "")) {
            if (faults.mode == ON && first && size > 1) /* as a disk that fills up */
                return syscall(SYS_write, fd, content, size / 2);
            return -1;
        }
        if (first && faults.mode == TORN)
            size /= 2;
    }
    DONE(syscall(SYS_write, fd, content, size));
}

ssize_t read(int fd, void *content, size_t size) {
    STRIKE(is_ours(fd), "read", "")
    DONE(syscall(SYS_read, fd, content, size));
}

int close(int fd) {
    if (is_ours(fd))
        faults.ours[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

int fsync(int fd) {
    STRIKE(is_ours(fd), "fsync", "")
    DONE((int)syscall(SYS_fsync, fd));
}

int rename(const char *from, const char *to) {
    STRIKE(is_below(to), "rename", to)
    DONE((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int mkdir(const char *path, mode_t mode) {
    STRIKE(is_below(path), "mkdir", path)
    DONE((int)syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int unlink(const char *path) {
    STRIKE(is_below(path), "unlink", path)
    DONE((int)syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int chmod(const char *path, mode_t mode) {
    STRIKE(is_below(path), "chmod", path)
    DONE((int)syscall(SYS_fchmodat, AT_FDCWD, path, mode));
}

int flock(int fd, int operation) {
    if (faults.nolocks) {
        errno = faults.nolocks;
        return -1;
    }
    STRIKE(is_ours(fd), "flock", "")
    DONE(REAL(flock)(fd, operation));
}
