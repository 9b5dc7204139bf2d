/* What the kernel cannot take back without swap: the one definition of unreclaimable memory (docs/measuring.md).
 *
 *   v1: anon + shmem - lazily freed + locked + uncounted + kernel memory, as far as the processes explain it
 *   v2: anon + shmem - lazily freed + locked + uncounted + kernel - slab_reclaimable + sock
 */
#pragma once
#include "run.h"

#define WITHOUT_BOUND (1L << 60)

enum {
    LAG_PAGES = 64,                  /* pages a CPU on their way to a list: folio batches and uncounted changes */
    EMPTY_KERNEL = 288 << 10,        /* an empty container has 260 KiB */
    CONTAINER_KERNEL = 768 << 10,    /* with what the runtime leaves behind, and names that the program looked up */
    PROCESS_KERNEL = 64 << 10,       /* task, mm, signal handlers, mappings, open files */
    THREAD_KERNEL = 10 << 10,        /* without its stack */
    DESCRIPTOR_KERNEL = 2 << 10,     /* a file, pipe or socket */
    USUAL_DESCRIPTORS = 64,          /* the smallest table of descriptors */
    UNSEEN_PROCESS_KERNEL = 192 << 10,
    LAZY_KNOWN_NS = 300000000,
    PAGES_PER_TABLE = 512,           /* of 4 KiB that one page of page table maps */
    CACHE_PER_NOTE = 32,             /* a buffer head of 104 bytes and a 64th of a node for each page of a file */
};

static i64 lag_bytes(void) { return run.cpus * LAG_PAGES * run.page_size; }

static i64 at_least(i64 value, i64 least) { return value > least ? value : least; }
static i64 at_most(i64 value, i64 most) { return value < most ? value : most; }

/* What is of `bytes` if up to `lag` of it may be a lag: without a jump at the edge of what can be told. */
static i64 beyond(i64 bytes, i64 lag) {
    return bytes <= lag ? 0 : at_most(bytes, 2 * (bytes - lag));
}

/* v1 has one sum for all kernel memory, notes on files that can be dropped included. What the processes of the last
 * scan, and those that began since, can need is explained; the rest is doubt. */
static i64 explained_kernel(void) {
    i64 threads = slurp(cg.threads) ? to_number(text) : ABSENT;
    i64 unseen = threads < 0 ? 0 : at_least(threads - run.scanned.threads - 1, 0);
    return CONTAINER_KERNEL + run.scanned.kernel + run.scanned.queued + run.mapped.kernel + unseen * UNSEEN_PROCESS_KERNEL;
}
/* v1: the kernel's notes on the page cache, which go with it. */
static i64 cache_notes(const struct split *s) { return at_least(s->file, 0) / CACHE_PER_NOTE; }
static i64 kept_kernel(const struct split *s) {
    if (s->kernel < 0 || cg.version == 0) return s->kernel;
    if (cg.version == 2) return at_least(s->kernel - at_least(s->slab_reclaimable, 0), 0);
    i64 explained = CONTAINER_KERNEL + run.scanned.kernel, least = EMPTY_KERNEL + run.scanned.kernel;
    i64 without_notes = s->kernel - cache_notes(s);
    if (s->kernel > explained) explained = explained_kernel(); /* another look, which is not needed as a rule */
    return at_least(at_most(without_notes, explained), at_most(s->kernel, least));
}

/* Anonymous pages that madvise(MADV_FREE) gave back are still counted as anon, but lie on the list of file pages, until
 * the kernel wants them. Pages that were written to again are there too: run.rewritten tells, of the last look. */
static i64 lazily_freed(const struct split *s) {
    i64 beside = s->lists < 0 ? 0 : s->anon + s->shmem - s->lists, lag = lag_bytes();
    return beyond(beside, lag);
}
/* Pages of files that were locked lie on the list of unevictable ones. Anonymous pages on their way out, of a process that
 * exits, lie on their list as well, and are charged and in no counter: uncounted() has them, but for what is charged ahead. */
static i64 locked_files(const struct split *s) {
    i64 lag = lag_bytes(), leaving = beyond(at_least(s->uncounted, 0), 2 * lag);
    i64 more = s->lists < 0 ? 0 : s->lists - s->anon - s->shmem - leaving;
    return at_most(beyond(more, lag), at_least(s->file, 0));
}
/* Pages that are charged and in no counter: of a file that was deleted or cut off, while a pipe holds them (splice). Some
 * are so for a moment on their way out, so what two samples had counts. The parts of a huge page that were given back
 * are so too, and the kernel can take these: where there were huge pages it is doubt, else it is needed. */
static i64 uncounted(const struct split *s) {
    return beyond(at_most(at_least(s->uncounted, 0), run.uncounted), 2 * lag_bytes()); /* held back, and charged ahead */
}

static void need_of(struct split *s) {
    s->kept_kernel = kept_kernel(s);
    s->unreclaimable = ABSENT;
    if (s->anon < 0 || s->shmem < 0 || s->kernel < 0) return;
    i64 lazy = at_least(lazily_freed(s) - run.rewritten, 0);
    s->unreclaimable = s->anon + s->shmem - lazy + locked_files(s) + s->kept_kernel + at_least(s->sock, 0);
    if (!run.had_huge) s->unreclaimable += uncounted(s);
}
/* Nothing but a look tells that lazily freed pages were written to again: there is no fault. */
static i64 lazy_is_known(void) { return run.looked_at_lazy && elapsed() - run.looked_at_lazy < LAZY_KNOWN_NS; }
/* What counters prove to be page cache or otherwise reclaimable. */
static i64 given_back(const struct split *s) {
    i64 lazy = lazy_is_known() ? at_least(lazily_freed(s) - run.rewritten, 0) : 0;
    i64 slabs = cg.version == 2 ? at_least(s->slab_reclaimable, 0) : at_most(cache_notes(s), s->kernel - s->kept_kernel);
    return at_least(s->file, 0) - locked_files(s) + lazy + slabs;
}
/* What may be either. */
static i64 doubtful(const struct split *s) {
    i64 kernel = cg.version == 1 && s->kernel >= 0 ? at_least(s->kernel - s->kept_kernel - cache_notes(s), 0) : 0;
    i64 more_locked = at_least(at_most(run.scanned.locked, at_least(s->file, 0)) - locked_files(s), 0);
    i64 lazy = lazy_is_known() ? 0 : at_least(lazily_freed(s) - run.rewritten, 0);
    return kernel + more_locked + lazy + (run.had_huge ? uncounted(s) : 0);
}
