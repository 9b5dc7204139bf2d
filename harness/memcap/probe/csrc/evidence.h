/* What a spike between two samples can have been: evidence of each pause (docs/measuring.md).
 *
 * A window is the time between two scans of the processes. At its end there are a lower and an upper bound of the most
 * unreclaimable memory in it, from the kernel's high-water mark, the pages that came and went in each pause, and what the
 * processes read and wrote. */
#pragma once
#include "need.h"

struct traffic { i64 rchar, wchar, read, written, huge_faults; int known; };

static struct {
    struct traffic at_start, earlier, before, now; /* at the beginning of the last window, of this one, and at the last scan */
    i64 mark;                   /* high-water mark at the beginning */
    i64 most_cache, least_cache, reachable; /* over the samples of the window */
    i64 first_cache;            /* that of files at the first sample after `before` was read */
    i64 bound;                  /* the largest that a single pause allows, before what was read and written is known */
    int has_huge;               /* the workload may have huge pages */
    i64 unstored;               /* the most bytes known to be written and not to be stored, until this window */
    i64 low, high;              /* bounds of the run so far; high is WITHOUT_BOUND if there was no evidence */
} seen;

static i64 huge_page(void) { return run.page_size * (run.page_size / 8); } /* one page of page table maps so much */

/* --- what processes read and wrote --- */

static void add_traffic(const char *path) {
    if (!slurp_path(path)) { seen.now.known = 0; return; }
    seen.now.rchar += value_of("rchar");
    seen.now.wchar += value_of("wchar");
    seen.now.read += value_of("read_bytes");
    seen.now.written += value_of("write_bytes");
}
static void add_process_traffic(i64 pid) {
    char path[64];
    process_path(path, sizeof path, pid, "/io");
    add_traffic(path);
}
/* One fault can bring a huge page. v2 counts these for the cgroup. On v1 those of the whole machine are a bound, which
 * is asked only where the workload may have any: where every program gets them, or a sample showed some. */
static i64 huge_faults(void) {
    if (cg.version == 2) return run.last.huge_faults;
    if (run.no_thp > 0) return 0;
    seen.has_huge |= run.last.huge > 0;
    if (!seen.has_huge) return 0;
    return slurp_path("/proc/vmstat") ? value_of("thp_fault_alloc") : ABSENT;
}
static int huge_pages_for_all(void) {
    return slurp_path("/sys/kernel/mm/transparent_hugepage/enabled") && text[0] == '[';
}

/* Of processes that were reaped their parent has the sums. Ours without what this thread itself read and wrote. */
static void begin_traffic(void) {
    struct traffic own;
    seen.now = (struct traffic){0, 0, 0, 0, 0, 1};
    add_traffic("/proc/thread-self/io");
    own = seen.now;
    seen.now = (struct traffic){-own.rchar, -own.wchar, -own.read, -own.written, 0, own.known};
    add_traffic("/proc/self/io");
    seen.now.huge_faults = huge_faults();
    if (seen.has_huge && seen.before.huge_faults == 0) seen.before.huge_faults = seen.now.huge_faults; /* the first look */
}

/* --- the window --- */

static void open_window(const struct split *s) {
    seen.earlier = seen.before;
    seen.before = seen.now;
    seen.mark = run.mark;
    seen.most_cache = given_back(s) + doubtful(s);
    seen.least_cache = given_back(s);
    seen.first_cache = s->file;
    seen.reachable = seen.bound = at_least(s->unreclaimable, 0);
}
/* What came after a sample: no more than there were page faults, nor, on v1, than pages were charged. Faults on pages of
 * files that were there already charge none. */
static i64 reached_by_coming(const struct split *last, const struct split *now) {
    i64 faults = now->faults < 0 ? WITHOUT_BOUND / run.page_size : at_least(now->faults - last->faults, 0);
    i64 came = now->came < 0 ? faults : at_most(faults, now->came - last->came);
    return last->unreclaimable + (came + faults / PAGES_PER_TABLE) * run.page_size;
}
/* What went before a sample, on v1: no more than pages were uncharged, and what is not counted by pages and was there at
 * the sample before. Pages on their way out are still on a list, or charged. A large folio is uncharged as one. */
static i64 reached_by_going(const struct split *last, const struct split *now) {
    if (now->went < 0 || now->lists < 0) return WITHOUT_BOUND;
    i64 rest = last->unreclaimable - last->anon - last->shmem, rest_now = now->unreclaimable - now->anon - now->shmem;
    i64 leaving = at_least(at_least(now->lists - now->anon - now->shmem, now->uncounted), 0) + lazily_freed(now);
    i64 folios = at_least(last->huge - now->huge, 0) + at_least(last->shmem - now->shmem, 0);
    i64 went = now->went - last->went, tables = (now->faults - last->faults) / PAGES_PER_TABLE;
    return now->unreclaimable + (went + tables) * run.page_size + at_least(rest - rest_now, 0) + leaving + folios;
}
/* Take in the sample `now`, which ends the pause after the sample `last`. */
static void note_pause(const struct split *last, const struct split *now) {
    i64 reached = at_most(reached_by_coming(last, now), reached_by_going(last, now));
    i64 by_mark = run.mark < 0 ? WITHOUT_BOUND : run.mark - at_most(given_back(last), given_back(now));
    seen.bound = at_least(at_most(by_mark, reached), seen.bound);
    seen.most_cache = at_least(given_back(now) + doubtful(now), seen.most_cache);
    seen.least_cache = at_most(given_back(now), seen.least_cache);
    seen.reachable = at_least(at_least(now->unreclaimable, reached), seen.reachable);
}
/* Whether the mark says that more was needed than any sample showed. */
static int mark_says_more(void) {
    return run.mark > seen.mark && run.mark - seen.most_cache > run.peak_unreclaimable + lag_bytes();
}
/* What was read and written between two scans. Less than before: a process ended that nobody waited for. */
static struct traffic between(const struct traffic *a, const struct traffic *b) {
    struct traffic t = {b->rchar - a->rchar, b->wchar - a->wchar, b->read - a->read, b->written - a->written,
                        b->huge_faults - a->huge_faults, a->known && b->known};
    if (t.rchar < 0 || t.wchar < 0 || t.read < 0 || t.written < 0) t.known = 0;
    if (a->huge_faults < 0 || b->huge_faults < 0) t.huge_faults = WITHOUT_BOUND / huge_page();
    return t;
}
/* What was written in this window and not to be stored: to a tmpfs, pipe or socket. A file's pages are counted as to be
 * stored while they are written, but as written when the call returns; so the most that was ever known is compared. */
static i64 unstored(void) {
    i64 known = seen.now.wchar - seen.now.written, more = known - seen.unstored;
    seen.unstored = at_least(known, seen.unstored);
    return at_least(more, 0);
}
/* The most page cache that can have gone and come back, unseen, within the pauses of a window: what was read and written,
 * but for what the cache grew by, which has not gone. Pages of a hole are added without being read from a disk; those that
 * calls read are left out. */
static i64 come_back(const struct traffic *t) {
    i64 of_holes = at_least(t->rchar - t->read, 0);
    i64 grown = at_least(run.last.file - seen.first_cache - lag_bytes() - of_holes, 0);
    return at_least(t->read + t->written - grown, 0);
}
/* The upper bound: nothing was in use above the mark, and of that the cache was no need that was there all the time or
 * cannot have come back. Nor can more have been touched than pages came or went, but for huge pages and for what was written
 * to a tmpfs or pipe: what was written and not to be stored. Returns whether anything was read or written. */
static int close_window(void) {
    struct traffic t = between(&seen.before, &seen.now), wide = between(&seen.earlier, &seen.now);
    i64 by_mark = run.mark < 0 ? WITHOUT_BOUND : run.mark, by_pages = WITHOUT_BOUND;
    if (t.known) {
        i64 returned = come_back(&t), untouched = t.huge_faults * huge_page() + unstored();
        by_mark -= at_least(seen.least_cache - returned, 0);
        by_pages = at_most(seen.reachable + untouched, seen.bound + at_least(untouched, returned));
    }
    seen.high = at_least(at_most(by_mark, by_pages), seen.high);
    /* The lower bound: at the mark everything was needed that was no cache. What was read while the last scan was going
     * on may be missing in this window, so the one before counts as well. */
    if (wide.known && run.mark > seen.mark)
        seen.low = at_least(run.mark - seen.most_cache - wide.read - wide.written - wide.rchar, seen.low);
    return t.known && t.read + t.written > 0;
}
