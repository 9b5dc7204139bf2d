/* The looks of a soak: lines of the journal, a step apart, that say for hours or days what the workload has in memory and
 * has open. They are read in memcap/probe/soak_journal.py. */
#pragma once
#include "evict.h"
#include "write.h"

enum { SHARES_PART = 1000, SCAN_PART = 400, CACHED_LINES = 128, ERR_NOT_PERMITTED = 1 };

static void begin_looks(void) {
    run.looks.low = run.looks.at = run.looks.when = ABSENT;
    begin_line("soak", 1);
    put_field(", ", "started_ns", run.started);
    put_field(", ", "wall_ns", run.started + run.clock_offset);
    put_field(", ", "step_ns", run.look_step);
    end_line();
}

/* Since Linux 6.2 the size of this folder is the number of open descriptors (commit f1f1f2569901); before, it is 0. To list
 * it instead would cost the container 0.9 KiB of kernel memory for each. */
static i64 count_open_files(i64 pid) {
    char path[64];
    i64 about[18]; /* struct stat: the size is at byte 48 on both architectures */
    process_path(path, sizeof path, pid, "/fd");
    return SYS4(NR_NEWFSTATAT, AT_CWD, path, about, 0) == 0 ? about[6] : ABSENT;
}

static struct { i64 open_files, shares; int asks_for_shares; } sums;

static void look_at_process(i64 pid) {
    char path[64];
    sums.open_files += at_least(count_open_files(pid), 0);
    if (!sums.asks_for_shares) return;
    process_path(path, sizeof path, pid, "/smaps_rollup");
    int fd = open_file(path, O_READ);
    if (slurp(fd)) sums.shares += at_least(kib_of("Pss"), 0);
    if (fd == -ERR_ACCESS || fd == -ERR_NOT_PERMITTED) sums.asks_for_shares = 0;
    close_file(fd);
}

/* Shares are dear (see shares_are_due): they may take a part of the running time. */
static int may_ask_for_shares(void) {
    i64 cost = run.alive.processes * PSS_PROCESS_NS + run.alive.rss / (1 << 20) * PSS_MIB_NS;
    return run.alive.rss <= PSS_LARGEST && run.looks.shares_cost + cost <= PSS_FREE_NS + run.looks.at / SHARES_PART;
}

/* Figures of the processes, if they were scanned since the last look. */
static void put_alive(int has_ended) {
    int is_new = run.alive.when > run.looks.when, may_visit = is_new && !has_ended;
    i64 before = own_cpu();
    sums.open_files = sums.shares = 0;
    sums.asks_for_shares = may_visit && may_ask_for_shares();
    if (may_visit) visit_processes(look_at_process);
    if (sums.asks_for_shares) run.looks.shares_cost += own_cpu() - before;
    put_field(", ", "rss_bytes", is_new ? run.alive.rss : ABSENT);
    put_field(", ", "vms_bytes", is_new ? run.alive.vms : ABSENT);
    put_field(", ", "pss_bytes", sums.asks_for_shares ? sums.shares : ABSENT);
    put_field(", ", "process_count", is_new ? run.alive.processes : ABSENT);
    put_field(", ", "threads", is_new ? run.alive.threads : ABSENT);
    put_field(", ", "open_files", may_visit && count_open_files(run.pid) > 0 ? sums.open_files : ABSENT);
}

/* Write what the last sample showed while the workload lived, unless a look has it already. The last look of a workload that
 * ended by itself has no `low`: it was about to give its memory back. */
static void write_look(int has_ended) {
    const struct split *now = &run.looks.now;
    if (run.looks.at <= run.looks.when) return;
    begin_line("elapsed_ns", run.looks.at);
    put_field(", ", "unreclaimable_bytes", now->unreclaimable);
    put_field(", ", "low_bytes", has_ended ? ABSENT : run.looks.low);
    put_field(", ", "usage_bytes", now->usage);
    put_field(", ", "huge_bytes", now->huge);
    put_alive(has_ended);
    put_highest();
    end_line();
    if (run.is_line_cut) return; /* the next one has the least of this one too */
    run.looks.when = run.looks.at;
    run.looks.low = ABSENT;
    /* The journal's page cache is charged to the container. This drops what is on disk, and has the rest written. */
    if (++run.looks.lines % CACHED_LINES == 0) SYS4(NR_FADVISE, run.journal, 0, 0, DONT_NEED);
}
