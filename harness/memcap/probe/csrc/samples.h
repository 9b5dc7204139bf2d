/* Look at memory: the cgroup over time, and the processes. */
#pragma once
#include "tree.h"

/* --- memory over time: a row for each row_ms, the one with the most unreclaimable memory; thinned by two when full --- */
static u32 row_weight(const struct row *r) { return r->anon + r->shmem + r->kernel; }

static u32 kib(i64 bytes) { return bytes < 0 ? 0 : (u32)(bytes / 1024); }

static void remember(const struct split *s, i64 now) {
    struct row next = {(u32)(now / 1000000), kib(s->usage), kib(s->anon), kib(s->file), kib(s->shmem), kib(kept_kernel(s)), 0};
    next.low = row_weight(&next);
    if (run.rows) {
        struct row *last = &run.series[run.rows - 1];
        if (next.milliseconds / run.row_ms == last->milliseconds / run.row_ms) {
            if (next.low < last->low) last->low = next.low;
            if (row_weight(&next) > row_weight(last)) { next.low = last->low; *last = next; }
            return;
        }
    }
    if (run.rows == ROWS) {
        for (u32 i = 0; i < ROWS / 2; i++) {
            struct row *a = &run.series[2 * i], *b = a + 1;
            u32 low = a->low < b->low ? a->low : b->low;
            run.series[i] = row_weight(a) >= row_weight(b) ? *a : *b;
            run.series[i].low = low;
        }
        run.rows = ROWS / 2;
        run.row_ms *= 2;
    }
    run.series[run.rows++] = next;
}

/* Returns the unreclaimable bytes of now. */
static i64 sample(void) {
    struct split now;
    look(&now);
    i64 need = unreclaimable(&now);
    if (need > run.peak_unreclaimable) { run.peak_unreclaimable = need; run.at_peak = now; }
    run.held = now.usage - now.file;
    if (now.file > run.max_file) run.max_file = now.file;
    run.samples++;
    remember(&now, elapsed());
    return need;
}

/* --- the largest resident set (VmHWM) of each process; the smallest entry makes room --- */
static struct process *note_process(i64 pid, i64 vm_hwm) {
    struct process *slot = 0;
    for (u32 i = 0; i < run.processes; i++)
        if (run.table[i].pid == pid) slot = &run.table[i];
    if (!slot && run.processes < PROCESSES) slot = &run.table[run.processes++];
    if (!slot) {
        slot = &run.table[0];
        for (u32 i = 1; i < PROCESSES; i++)
            if (run.table[i].vm_hwm < slot->vm_hwm) slot = &run.table[i];
        if (slot->vm_hwm >= vm_hwm) return 0;
    }
    if (slot->pid != pid) slot->pss = ABSENT;
    const char *name = find("Name");
    u32 n = 0;
    for (name = name ? name + (*name == '\t') : ""; name[n] && name[n] != '\n' && n + 1 < sizeof slot->name; n++)
        slot->name[n] = name[n];
    slot->name[n] = 0;
    slot->pid = pid;
    if (vm_hwm > slot->vm_hwm) slot->vm_hwm = vm_hwm;
    return slot;
}

static void scan_process(i64 pid) {
    char path[64];
    process_path(path, sizeof path, pid, "/status");
    i64 vm_hwm = slurp_path(path) ? kib_of("VmHWM") : ABSENT, rss = kib_of("VmRSS");
    struct process *slot = vm_hwm > 0 ? note_process(pid, vm_hwm) : 0; /* else it has ended, or is the kernel's */
    if (slot) slot->rss = rss;
}

static i64 scan_namespace(void) {
    char entries[2048];
    i64 count = 0, size;
    int proc = open_file("/proc", O_READ);
    while (proc >= 0 && (size = SYS3(NR_GETDENTS64, proc, entries, sizeof entries)) > 0) {
        for (i64 at = 0; at < size;) {
            char *entry = entries + at, *name = entry + 19; /* struct linux_dirent64: d_reclen at 16, d_name at 19 */
            at += (i64)(u8)entry[16] | (i64)(u8)entry[17] << 8;
            i64 pid = to_number(name);
            if (pid <= 1) continue;
            count++;
            scan_process(pid);
        }
    }
    close_file(proc);
    return count;
}

/* --- the share of each process in what several have (PSS), which adds up only at one moment: that of the peak. The
 * kernel walks all page tables for it, 11 us a MiB and 0.2 ms a process, and maps nothing for the process meanwhile. So
 * it is asked only where there are several processes, for those up to PSS_LARGEST, near the highest need so far, and
 * when that has risen or the run has become half as long again; and only while it takes less CPU time altogether than
 * PSS_FREE_NS and a 500th of the run. --- */
static int near_peak(i64 need) { return need > 0 && need >= run.peak_unreclaimable - run.peak_unreclaimable / NEAR_PEAK; }

static int shares_are_due(i64 need, i64 now) {
    i64 cost = 0, count = 0;
    for (u32 i = 0; i < run.processes; i++) {
        i64 rss = run.table[i].rss;
        count += rss > 0;
        if (rss > 0 && rss <= PSS_LARGEST) cost += PSS_PROCESS_NS + rss / (1 << 20) * PSS_MIB_NS;
    }
    return count > 1 && near_peak(need) &&
           (need > run.shares_need + run.shares_need / NEAR_PEAK || now > run.shares_when + run.shares_when / 2) &&
           run.shares_cost + cost <= PSS_FREE_NS + now / 500;
}

static void read_shares(i64 need, i64 now) {
    char path[64];
    i64 before = own_cpu();
    for (u32 i = 0; i < run.processes; i++) {
        struct process *one = &run.table[i];
        process_path(path, sizeof path, one->pid, "/smaps_rollup");
        one->pss = one->rss > 0 && one->rss <= PSS_LARGEST && slurp_path(path) ? kib_of("Pss") : ABSENT;
    }
    run.shares_need = need;
    run.shares_when = now;
    run.shares_cost += own_cpu() - before;
}

/* `need` is of now, in unreclaimable bytes. */
static void scan_processes(i64 need, i64 now) {
    i64 count = 0;
    for (u32 i = 0; i < run.processes; i++) run.table[i].rss = ABSENT;
    if (run.pid == 1) count = scan_namespace();
    else for (count = walk_tree(), tree.next = 0; tree.next < tree.size; tree.next++) scan_process(tree.pids[tree.next]);
    if (count > run.process_peak_count) run.process_peak_count = count;
    if (count <= PROCESSES && shares_are_due(need, now)) read_shares(need, now);
}
