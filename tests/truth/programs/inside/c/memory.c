/* Private memory: asked for, touched, given back, locked, and what the kernel needs beside it. */
#include "programs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Small blocks of malloc, of mixed sizes. */
static void blocks(size_t mib, size_t more) {
    (void)more;
    size_t total = 0;
    for (unsigned number = 0; total < mib * MIB; number++) {
        size_t size = 24 + number * 7919 % 1000;
        char *block = malloc(size);
        check(block != NULL, "malloc");
        memset(block, 1, size);
        total += size;
    }
    pause_us(HOLD);
}

/* Half of the blocks are freed; the heap keeps its pages, as each has a block that stays. */
static void holes(size_t mib, size_t more) {
    (void)more;
    size_t count = mib * MIB / 1024;
    char **kept = malloc(count * sizeof *kept);
    check(kept != NULL, "malloc");
    for (size_t number = 0; number < count; number++) {
        kept[number] = malloc(1008);
        check(kept[number] != NULL, "malloc");
        memset(kept[number], 1, 1008);
    }
    for (size_t number = 0; number < count; number += 2)
        free(kept[number]);
    touched(more);
    pause_us(HOLD);
}

/* A large calloc of which a part is touched. */
static void untouched(size_t mib, size_t more) {
    char *memory = calloc(more, MIB);
    check(memory != NULL, "calloc");
    touch(memory, mib * MIB);
    pause_us(HOLD);
}

/* A vector that doubles by realloc, filled to the end: the kernel moves pages and copies none. */
static void growing(size_t mib, size_t more) {
    (void)more;
    char *vector = NULL;
    for (size_t size = MIB, former = 0; size <= mib * MIB; former = size, size *= 2) {
        vector = realloc(vector, size);
        check(vector != NULL, "realloc");
        memset(vector + former, 1, size - former);
    }
    pause_us(HOLD);
}

/* A vector that doubles by malloc, copy and free: at the last step old and new are there. */
static void copying(size_t mib, size_t more) {
    (void)more;
    char *vector = map_private(MIB);
    memset(vector, 1, MIB);
    for (size_t size = 2 * MIB; size <= mib * MIB; size *= 2) {
        char *larger = map_private(size);
        memcpy(larger, vector, size / 2);
        munmap(vector, size / 2);
        vector = larger;
    }
    touch(vector, mib / 2 * MIB);
    pause_us(HOLD);
}

/* Populated by the kernel at once. `more` is for how many microseconds it is held. */
static void spike(size_t mib, size_t more) {
    pause_us(500000);
    char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    pause_us((long)more);
    munmap(memory, mib * MIB);
    pause_us(HOLD);
}

/* Given back lazily; the kernel may take it when it needs it, and until then it is still charged. */
static void lazily_freed(size_t mib, size_t more) {
    char *memory = touched(mib);
    check(madvise(memory, mib * MIB, MADV_FREE) == 0, "madvise");
    pause_us(HOLD);
    touched(more);
    pause_us(HOLD);
}

/* Given back at once, then as much anew. */
static void given_back(size_t mib, size_t more) {
    char *memory = touched(mib);
    check(madvise(memory, mib * MIB, MADV_DONTNEED) == 0, "madvise");
    touched(more);
    pause_us(HOLD);
}

/* Locked memory, beside memory that is not. */
static void locked(size_t mib, size_t more) {
    char *memory = map_private(mib * MIB);
    check(mlock(memory, mib * MIB) == 0, "mlock");
    touched(more);
    pause_us(HOLD);
}

/* One page in each 2 MiB: a page of page table for each page of data. */
static void sparse(size_t mib, size_t more) {
    (void)more;
    size_t pages = mib * MIB / PAGE;
    char *memory = map_private(pages * 2 * MIB);
    check(madvise(memory, pages * 2 * MIB, MADV_NOHUGEPAGE) == 0, "madvise");
    for (size_t page = 0; page < pages; page++)
        ((volatile char *)memory)[page * 2 * MIB] = 1;
    pause_us(HOLD);
}

/* One byte in each 2 MiB of memory for which huge pages are asked: m14, without numpy. */
static void huge(size_t mib, size_t more) {
    char *memory = map_private((mib + 2) * MIB);
    memory = (char *)(((uintptr_t)memory + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
    check(madvise(memory, mib * MIB, MADV_HUGEPAGE) == 0, "madvise");
    touched(more);
    for (size_t at = 0; at < mib * MIB; at += 2 * MIB)
        ((volatile char *)memory)[at] = 1;
    pause_us(HOLD);
}

static size_t descend(size_t depth) {
    volatile char frame[4096];
    frame[0] = (char)depth;
    size_t below = depth > 0 ? descend(depth - 1) : (pause_us(HOLD), 0);
    return below + (size_t)frame[0];
}

/* A deep recursion on the main stack, whose limit is 8 MiB. */
static void stack(size_t mib, size_t more) {
    touched(more);
    check(descend(mib * MIB / 4200) != 1, "descend");
}

/* Much memory, then another program in the same process with less: what exec drops is not added up. */
static void replaced(size_t mib, size_t more) {
    char after[24];
    touched(mib);
    char *arguments[] = {"programs", "blocks", after, NULL};
    after[0] = (char)('0' + more / 10), after[1] = (char)('0' + more % 10), after[2] = 0;
    execv("/proc/self/exe", arguments);
    check(0, "execv");
}

/* Page by page up to the end, a little slower each: the last page decides. */
static void creeping(size_t mib, size_t more) {
    (void)more;
    char *memory = map_private(mib * MIB);
    for (size_t at = 0; at < mib * MIB; at += 256 * 1024) {
        touch(memory + at, 256 * 1024);
        pause_us(2000);
    }
}

const struct program memory_programs[] = {
    {"blocks", blocks},           {"holes", holes},       {"untouched", untouched}, {"growing", growing},
    {"copying", copying},         {"spike", spike},       {"lazily-freed", lazily_freed},
    {"given-back", given_back},   {"locked", locked},     {"sparse", sparse},       {"huge", huge},
    {"stack", stack},             {"replaced", replaced}, {"creeping", creeping},   {NULL, NULL},
};
