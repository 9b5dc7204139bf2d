/* System calls of Linux for x86_64 and aarch64, without a C library: nothing here allocates or starts up. */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#if defined(__x86_64__)
enum {
    NR_READ = 0, NR_WRITE = 1, NR_CLOSE = 3, NR_SIGPROCMASK = 14, NR_PREAD = 17, NR_GETPID = 39, NR_EXECVE = 59,
    NR_WAIT4 = 61, NR_KILL = 62, NR_CLONE = 56, NR_GETDENTS64 = 217, NR_SIGTIMEDWAIT = 128,
    NR_CLOCK_GETTIME = 228, NR_EXIT_GROUP = 231, NR_OPENAT = 257, NR_RENAMEAT = 264, NR_PIPE2 = 293,
    NR_STATFS = 137, NR_PERSONALITY = 135, NR_PRCTL = 157, NR_FADVISE = 221, NR_PRLIMIT = 302,
    NR_GETPPID = 110, NR_NANOSLEEP = 35, NR_SCHED_SETSCHEDULER = 144, NR_SCHED_GETAFFINITY = 204, NR_KCMP = 312, NR_PIDFD_OPEN = 434, NR_PIDFD_SEND_SIGNAL = 424,
    NR_SOCKET = 41, NR_NEWFSTATAT = 262, NR_FACCESSAT = 269, NR_FSYNC = 74, NR_UNLINKAT = 263,
    NR_SETGROUPS = 116, NR_SETRESUID = 117, NR_SETRESGID = 119, NR_CAPGET = 125, NR_CAPSET = 126,
};
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".global _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
enum {
    NR_READ = 63, NR_WRITE = 64, NR_CLOSE = 57, NR_SIGPROCMASK = 135, NR_PREAD = 67, NR_GETPID = 172, NR_EXECVE = 221,
    NR_WAIT4 = 260, NR_KILL = 129, NR_CLONE = 220, NR_GETDENTS64 = 61, NR_SIGTIMEDWAIT = 137,
    NR_CLOCK_GETTIME = 113, NR_EXIT_GROUP = 94, NR_OPENAT = 56, NR_RENAMEAT = 38, NR_PIPE2 = 59,
    NR_STATFS = 43, NR_PERSONALITY = 92, NR_PRCTL = 167, NR_FADVISE = 223, NR_PRLIMIT = 261,
    NR_GETPPID = 173, NR_NANOSLEEP = 101, NR_SCHED_SETSCHEDULER = 119, NR_SCHED_GETAFFINITY = 123, NR_KCMP = 272, NR_PIDFD_OPEN = 434, NR_PIDFD_SEND_SIGNAL = 424,
    NR_SOCKET = 198, NR_NEWFSTATAT = 79, NR_FACCESSAT = 48, NR_FSYNC = 82, NR_UNLINKAT = 35,
    NR_SETGROUPS = 159, NR_SETRESUID = 147, NR_SETRESGID = 149, NR_CAPGET = 90, NR_CAPSET = 91,
};
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".global _start\n_start:\n mov x0, sp\n bl start\n");
#else
#error "the supervisor knows x86_64 and aarch64"
#endif

#define SYS1(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

enum { AT_CWD = -100, O_READ = 0, O_READ_WRITE = 2, O_WRITE_NEW = 01 | 0100 | 01000, O_WRITE_OWN = 01 | 0100 | 0200 | 02000 /* O_EXCL, O_APPEND */, O_CLOSE_ON_EXEC = 02000000 };
enum { SIG_HUP = 1, SIG_INT = 2, SIG_QUIT = 3, SIG_KILL = 9, SIG_USR1 = 10, SIG_USR2 = 12, SIG_TERM = 15, SIG_CHILD = 17, SIG_WINDOW = 28 };
enum { WAIT_NO_HANG = 1, CLOCK_REAL = 0, CLOCK_MONO = 1, CLOCK_OWN_CPU = 2, ERR_NO_ENTRY = 2, ERR_NO_CHILD = 10, ERR_AGAIN = 11 };

struct timespec { i64 seconds, nanoseconds; };
struct timeval { i64 seconds, microseconds; };
struct statfs { i64 type, block_size; u64 blocks, free, available, files, free_files; i64 rest[8]; };
struct rusage {
    struct timeval user, system;
    i64 maxrss_kib, ixrss, idrss, isrss, minor_faults, major_faults, unused[8];
};

static inline int open_file(const char *path, int flags) {
    return (int)SYS4(NR_OPENAT, AT_CWD, path, flags | O_CLOSE_ON_EXEC, 0644);
}
static inline void close_file(int fd) {
    if (fd >= 0) SYS1(NR_CLOSE, fd);
}
static inline i64 clock_ns(int clock) {
    struct timespec now = {0, 0};
    SYS2(NR_CLOCK_GETTIME, clock, &now);
    return now.seconds * 1000000000L + now.nanoseconds;
}
__attribute__((noreturn)) static inline void leave(int code) {
    for (;;) SYS1(NR_EXIT_GROUP, code);
}

/* The compiler may call these for copies and clears; there is no C library to provide them. */
void *memset(void *target, int value, u64 count) {
    u8 *bytes = target;
    while (count--) { *bytes++ = (u8)value; __asm__ volatile("" ::: "memory"); }
    return target;
}
void *memcpy(void *target, const void *source, u64 count) {
    u8 *to = target;
    const u8 *from = source;
    while (count--) { *to++ = *from++; __asm__ volatile("" ::: "memory"); }
    return target;
}
