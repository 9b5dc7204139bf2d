/* Text in and out: parse the kernel's "key value" files, write JSON through one small buffer. */
#pragma once
#include "sys.h"

#define ABSENT (-1L)

static char text[8192]; /* one file at a time; memory.stat is the largest (about 2 KiB on v2) */

static inline int same(const char *a, const char *b) {
    while (*a && *a == *b) { a++; b++; }
    return *a == *b;
}
static inline u64 length(const char *s) {
    u64 n = 0;
    while (s[n]) n++;
    return n;
}
static inline i64 to_number(const char *s) {
    i64 value = 0;
    while (*s == ' ' || *s == '\t') s++;
    if (*s < '0' || *s > '9') return ABSENT;
    for (; *s >= '0' && *s <= '9'; s++) value = value * 10 + (*s - '0');
    return value;
}
/* What stands behind the name in text, which is /proc/PID/stat: the name is in brackets and may hold brackets itself. */
static inline const char *behind_name(void) {
    const char *name_end = 0;
    for (const char *s = text; *s; s++)
        if (*s == ')') name_end = s;
    return name_end && name_end[1] == ' ' ? name_end + 2 : 0;
}
static inline u64 length_of_word(const char *s) {
    u64 n = 0;
    while (s[n] > ' ') n++;
    return n;
}
static inline int hex_digit(char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }
/* The words after "prefix" that begin s, or 0. */
static inline const char *after(const char *s, const char *prefix) {
    while (*prefix && *s == *prefix) { s++; prefix++; }
    return *prefix ? 0 : s;
}
/* Put a + b (+ c) into target, cut at size. */
static inline void join(char *target, u64 size, const char *a, const char *b, const char *c) {
    const char *parts[3] = {a, b, c};
    u64 used = 0;
    for (int i = 0; i < 3; i++)
        for (const char *s = parts[i]; s && *s && used + 1 < size; s++) target[used++] = *s;
    target[used] = 0;
}
/* "/proc/PID" + name */
static inline void process_path(char *target, u64 size, i64 pid, const char *name) {
    char digits[24], *first = digits + sizeof digits - 1;
    *first = 0;
    do { *--first = (char)('0' + pid % 10); pid /= 10; } while (pid > 0);
    join(target, size, "/proc/", first, name);
}
/* Read an open file from its start into text; returns 0 when it cannot be read. */
static inline int slurp(int fd) {
    u64 used = 0;
    if (fd < 0) return 0;
    for (;;) {
        i64 n = SYS4(NR_PREAD, fd, text + used, sizeof text - 1 - used, used);
        if (n <= 0) break;
        used += (u64)n;
    }
    text[used] = 0;
    return used > 0;
}
static inline int slurp_path(const char *path) {
    int fd = open_file(path, O_READ);
    int got = slurp(fd);
    close_file(fd);
    return got;
}
/* The value after "key" at the start of a line of text; ABSENT where there is none. */
static inline const char *find(const char *key) {
    u64 size = length(key);
    for (const char *line = text; *line;) {
        u64 i = 0;
        while (i < size && line[i] == key[i]) i++;
        if (i == size && (line[i] == ' ' || line[i] == ':' || line[i] == '\t')) return line + i + 1;
        while (*line && *line != '\n') line++;
        if (*line) line++;
    }
    return 0;
}
static inline i64 value_of(const char *key) {
    const char *found = find(key);
    return found ? to_number(found) : ABSENT;
}
static inline i64 kib_of(const char *key) {
    i64 value = value_of(key);
    return value < 0 ? ABSENT : value * 1024;
}

enum { PATIENCE_MS = 10000 };
static struct { int fd, patience; u32 used; char bytes[1024]; } out;

/* A workload may have made the pipe that both write to non-blocking. */
static inline void flush_out(void) {
    struct timespec wait = {0, 1000000};
    for (u32 done = 0; done < out.used && out.patience > 0;) {
        i64 n = SYS3(NR_WRITE, out.fd, out.bytes + done, out.used - done);
        if (n > 0) done += (u32)n;
        else if (n == -ERR_AGAIN) SYS2(NR_NANOSLEEP, &wait, 0), out.patience--;
        else out.patience = 0;
    }
    out.used = 0;
}
static inline void write_to(int fd) {
    out.fd = fd;
    out.used = 0;
    out.patience = PATIENCE_MS;
}
static inline void put_char(char c) {
    if (out.used == sizeof out.bytes) flush_out();
    out.bytes[out.used++] = c;
}
static inline void put(const char *s) {
    while (*s) put_char(*s++);
}
static inline void put_number(i64 value) {
    char digits[24];
    int n = 0;
    if (value == ABSENT) { put("null"); return; }
    do { digits[n++] = (char)('0' + value % 10); value /= 10; } while (value);
    while (n) put_char(digits[--n]);
}
static inline void put_field(const char *separator, const char *key, i64 value) {
    put(separator); put_char('"'); put(key); put("\": "); put_number(value);
}
/* A JSON string; what is not printable ASCII becomes a question mark. */
static inline void put_string(const char *s) {
    put_char('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') put_char('\\');
        put_char(*s < 32 || *s > 126 ? '?' : *s);
    }
    put_char('"');
}
