/* Measure what reading a page from disk costs here, in nanoseconds: a file is written, dropped from the page cache, and
 * read in pieces of one page, in no order, so that nothing is read ahead ("page_ns N"); then dropped and read from end to
 * end ("ahead_ns N"). */
#pragma once
#include "text.h"

enum { PAGES_FILE = 16 << 20, PAGES_READ = 256, FADVISE_NORMAL = 0, FADVISE_RANDOM = 1, READ_WRITE_NEW = 02 | 0100 | 01000 };

static int measure_pages(const char *path) {
    int file = open_file(path, READ_WRITE_NEW);
    u64 chance = 88172645463325252UL;
    if (file < 0) return 1;
    SYS3(NR_UNLINKAT, AT_CWD, path, 0);
    for (i64 written = 0; written < PAGES_FILE; written += (i64)sizeof text) {
        text[0] = (char)(written >> 13); /* blocks that differ */
        if (SYS3(NR_WRITE, file, text, sizeof text) != (i64)sizeof text) return 1;
    }
    SYS1(NR_FSYNC, file);
    SYS4(NR_FADVISE, file, 0, 0, DONT_NEED);
    SYS4(NR_FADVISE, file, 0, 0, FADVISE_RANDOM);
    i64 begun = clock_ns(CLOCK_MONO);
    for (int i = 0; i < PAGES_READ; i++) {
        chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17; /* xorshift64, Marsaglia 2003 */
        SYS4(NR_PREAD, file, text, 1, (i64)(chance % (PAGES_FILE / 4096)) * 4096);
    }
    write_to(1);
    put("page_ns "), put_number((clock_ns(CLOCK_MONO) - begun) / PAGES_READ), put_char('\n');
    SYS4(NR_FADVISE, file, 0, 0, DONT_NEED);
    SYS4(NR_FADVISE, file, 0, 0, FADVISE_NORMAL);
    begun = clock_ns(CLOCK_MONO);
    for (i64 at = 0; at < PAGES_FILE; at += (i64)sizeof text) SYS4(NR_PREAD, file, text, sizeof text, at);
    put("ahead_ns "), put_number((clock_ns(CLOCK_MONO) - begun) / (PAGES_FILE / 4096)), put_char('\n');
    flush_out();
    close_file(file);
    return 0;
}
