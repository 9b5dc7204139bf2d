/* Look at memory: the cgroup over time, and the processes. */
#pragma once
#include "evidence.h"
#include "mappings.h"
#include "queues.h"
#include "tree.h"

/* --- memory over time: a row for each row_ms, the one with the most unreclaimable memory; thinned by two when full.
 * Another state of the main process begins a row of its own. --- */
static u32 row_weight(const struct row *r) { return r->anon + r->shmem + r->kernel; }

static u32 kib(i64 bytes) { return bytes < 0 ? 0 : (u32)(bytes / 1024); }

static void remember(const struct split *s, i64 now) {
    i64 rest = s->unreclaimable - s->anon - s->shmem; /* kernel, sockets and locked files */
    i64 anon = rest < 0 ? at_least(s->anon + rest, 0) : s->anon; /* lazily freed pages are no need */
    struct row next = {(u32)(now / 1000000), kib(s->usage), kib(anon), kib(s->file), kib(s->shmem), kib(rest), 0, (u32)run.state};
    next.low = row_weight(&next);
    if (run.rows) {
        struct row *last = &run.series[run.rows - 1];
        if (next.milliseconds / run.row_ms == last->milliseconds / run.row_ms && next.state == last->state) {
            if (next.low < last->low) last->low = next.low;
            if (row_weight(&next) > row_weight(last)) { next.low = last->low; *last = next; }
            return;
        }
    }
    if (run.rows == ROWS) {
        for (u32 i = 0; i < ROWS / 2; i++) {
            struct row *a = &run.series[2 * i], *b = a + 1;
            u32 low = a->low < b->low ? a->low : b->low;
            if (a->state != b->state) a = a->state == RUNNING ? a : b, b = a, low = a->low;
            run.series[i] = row_weight(a) >= row_weight(b) ? *a : *b;
            run.series[i].low = low;
        }
        run.rows = ROWS / 2;
        run.row_ms *= 2;
    }
    run.series[run.rows++] = next;
}

/* --- what the main process does, and whether the kernel killed --- */

/* Whether the main process has begun to end: it has no memory any more, or a SIGKILL is on its way to it (bit 8 of
 * SigPnd), or it has taken that and is exiting (PF_EXITING, PF_SIGNALED of its flags, include/linux/sched.h). */
static int main_is_ending(void) {
    if (!slurp(run.main_files.status)) return 1;
    const char *pending = find("SigPnd");
    while (pending && *pending == '\t') pending++;
    u64 n = pending ? length_of_word(pending) : 0;
    if (n < 3 || value_of("VmSize") < 0 || hex_digit(pending[n - 3]) & 1) return 1;
    if (!slurp(run.main_files.stat)) return 1;
    const char *fields = behind_name();
    for (int passed = 0; fields && *fields && passed < 6; fields++) passed += *fields == ' '; /* the flags are the seventh */
    return fields && to_number(fields) & 0x404;
}
static void note_state(void) {
    i64 kills = cgroup_oom_kills();
    if (kills > run.kills) {
        if (!run.has_at_kill) { run.at_kill = run.last; run.has_at_kill = 1; }
        if (run.main_done || main_is_ending()) run.main_killed = 1;
        else run.kills_while_main_lived = kills;
        run.kills = kills;
    }
    if (run.main_done || (slurp(run.main_files.memory) && to_number(text) == 0)) run.state = ENDING;
}

/* For the next look of a soak. What a program gives back when it ends says nothing of what it kept. */
static void keep_for_look(const struct split *now, i64 at) {
    if (!run.look_step || run.state != RUNNING || run.stopped_at >= 0 || run.ending_all || run.main_killed) return;
    run.looks.now = *now;
    run.looks.at = at;
    if (run.looks.low < 0 || now->unreclaimable < run.looks.low) run.looks.low = now->unreclaimable;
}

/* Returns the unreclaimable bytes of now. */
static i64 sample(void) {
    struct split now;
    run.mark = cgroup_peak();
    look(&now);
    run.had_huge |= now.huge > 0;
    need_of(&now);
    run.uncounted = at_least(now.uncounted, 0);
    note_state();
    i64 need = now.unreclaimable;
    if (need > run.peak_unreclaimable) { run.peak_unreclaimable = need; run.at_peak = now; }
    run.peak_doubted = at_least(need + doubtful(&now), run.peak_doubted);
    if (cg.version) note_pause(&run.last, &now);
    run.held = now.usage - now.file;
    if (now.file - run.last.file > TURNED || run.last.file - now.file > TURNED) run.turned = elapsed();
    if (now.file > run.max_file) run.max_file = now.file;
    run.samples++;
    run.last = now;
    i64 at = elapsed();
    remember(&now, at);
    keep_for_look(&now, at);
    return need;
}

/* --- the largest resident set (VmHWM) of each process. Where there are more than the table holds, the smallest entry makes
 * room for a larger one; and if most of them have ended, the smallest of these for any, or those that live now would be
 * missing in the journal of a server whose workers are replaced for days. --- */
static struct process *room_for_process(i64 vm_hwm) {
    struct process *smallest = run.table, *ended = 0;
    if (run.processes < PROCESSES) return &run.table[run.processes++];
    u32 count = 0;
    for (struct process *one = run.table; one < run.table + PROCESSES; one++) {
        if (one->vm_hwm < smallest->vm_hwm) smallest = one;
        if (one->rss != ABSENT) continue;
        count++;
        if (!ended || one->vm_hwm < ended->vm_hwm) ended = one;
    }
    if (count > PROCESSES / 2) return ended;
    return smallest->vm_hwm < vm_hwm ? smallest : 0;
}
static struct process *note_process(i64 pid, i64 vm_hwm) {
    struct process *slot = 0;
    for (u32 i = 0; i < run.processes; i++)
        if (run.table[i].pid == pid) slot = &run.table[i];
    if (!slot) slot = room_for_process(vm_hwm);
    if (!slot) return 0;
    if (slot->pid != pid) slot->pss = ABSENT, slot->vm_hwm = 0;
    slot->parent = value_of("PPid");
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
    if (cg.version) add_process_traffic(pid);
    process_path(path, sizeof path, pid, "/status");
    i64 vm_hwm = slurp_path(path) ? kib_of("VmHWM") : ABSENT, rss = kib_of("VmRSS");
    if (vm_hwm <= 0) return; /* it has ended, or is the kernel's */
    i64 files = at_least(kib_of("RssFile"), 0), threads = at_least(value_of("Threads"), 1);
    run.scanned.kernel += PROCESS_KERNEL + at_least(kib_of("VmPTE"), 0) + threads * (KERNEL_STACK + THREAD_KERNEL) +
                          at_least(value_of("FDSize") - USUAL_DESCRIPTORS, 0) * DESCRIPTOR_KERNEL;
    run.scanned.threads += threads;
    run.scanned.descriptors += at_least(value_of("FDSize"), 0);
    run.scanned.locked += at_most(at_least(kib_of("VmLck"), 0), files);
    run.scanned.files = at_least(files, run.scanned.files);
    run.scanned.rss += at_least(rss, 0);
    run.scanned.vms += at_least(kib_of("VmSize"), 0);
    run.scanned.processes++;
    run.scanned.saw_main |= pid == run.main_pid;
    struct process *slot = note_process(pid, vm_hwm);
    if (slot) slot->rss = rss;
}

static i64 visit_namespace(void (*visit)(i64 pid)) {
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
            visit(pid);
        }
    }
    close_file(proc);
    return count;
}
/* All processes of the workload; returns how many. */
static i64 visit_processes(void (*visit)(i64 pid)) {
    if (run.pid == 1) return visit_namespace(visit);
    walk_tree();
    for (u32 i = 0; i < tree.size; i++) visit(tree.pids[i]);
    return tree.size;
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

/* --- lazily freed pages that were written to since are needed again, but stay on the list of the others; smaps tells
 * them apart (LazyFree: the clean ones). As dear to read as shares, and read only where there are any. --- */
static int may_look_at_lazily_freed(i64 now) {
    i64 cost = run.last.anon / (1 << 20) * PSS_MIB_NS;
    return lazily_freed(&run.last) && run.shares_cost + cost <= 10 * PSS_FREE_NS + now / 250;
}
static void look_at_lazily_freed(i64 now) {
    char path[64];
    i64 beside = lazily_freed(&run.last), clean = 0, before = own_cpu();
    if (!may_look_at_lazily_freed(now)) return;
    for (u32 i = 0; i < run.processes; i++) {
        process_path(path, sizeof path, run.table[i].pid, "/smaps_rollup");
        if (run.table[i].rss > 0 && slurp_path(path)) clean += at_least(kib_of("LazyFree"), 0);
    }
    run.rewritten = at_least(beside - clean, 0);
    run.looked_at_lazy = elapsed();
    run.shares_cost += own_cpu() - before;
}

/* CPU time of the workload with all its processes. */
static i64 used_cpu_ns(void) {
    i64 now = run.given_cgroup && cg.version == 1 ? ABSENT : cgroup_cpu_ns(); /* cpuacct is that of another cgroup */
    return now < 0 || run.cgroup_cpu_at_start < 0 ? ABSENT : at_least(now - run.cgroup_cpu_at_start - own_cpu(), 0);
}

static void shared_memory(i64 *size, i64 *used) {
    struct statfs about;
    if (SYS2(NR_STATFS, "/dev/shm", &about) != 0 || about.type != TMPFS) return;
    *size = about.block_size * (i64)about.blocks;
    *used = about.block_size * (i64)(about.blocks - about.free);
}

/* Room for what a look at the processes needs. Page cache makes room, unless it cannot be dropped, as pages that pipes
 * hold: at the cap it must have been seen to change lately. */
static int is_stuck(void) {
    return run.cap >= 0 && run.last.usage + ROOM > run.cap && run.last.file > ROOM && elapsed() > run.turned + TURNED_NS;
}
static int has_room(void) {
    return run.cap < 0 || (run.held + ROOM + run.process_peak_count * ROOM_PROCESS <= run.cap && !is_stuck());
}

/* Whether v1 has more kernel memory than the processes explain, but for pipes, sockets and mappings. */
static int is_unexplained(void) {
    return cg.version == 1 && run.last.kernel > explained_kernel() - run.scanned.queued - run.mapped.kernel + SOME;
}
static int queues_may_have_grown(void) {
    return run.last.kernel > run.scanned.when_kernel + run.scanned.when_kernel / 8 && is_unexplained();
}
/* Listing the 660 mappings of pandas takes 0.7 ms, so it is asked for when there is more to explain. */
static void explain_by_mappings(i64 count) {
    if (run.last.kernel <= run.mapped.when_kernel + run.mapped.when_kernel / 8 && count == run.mapped.processes) return;
    run.mapped = (struct mapped){.when_kernel = run.last.kernel, .processes = count};
    for (u32 i = 0; i < run.processes; i++)
        if (run.table[i].rss > 0) run.mapped.kernel += kept_by_mappings(run.table[i].pid);
}
/* What cannot wait for the next regular look at the processes. */
static int must_scan(i64 now) {
    return cg.version && (mark_says_more() || queues_may_have_grown() || (!lazy_is_known() && may_look_at_lazily_freed(now)));
}

/* Look at all processes, and end the window of evidence. `need` is of now, in unreclaimable bytes. */
static void scan_processes(i64 need, i64 now) {
    i64 shm_size = ABSENT, shm_used = ABSENT;
    for (u32 i = 0; i < run.processes; i++) run.table[i].rss = ABSENT;
    run.scanned = (struct scanned){.when_kernel = run.last.kernel, .when = now};
    if (cg.version) begin_traffic();
    i64 count = visit_processes(scan_process);
    if (run.scanned.saw_main) run.alive = run.scanned;
    /* A process that is exiting cannot be asked, but PID 1 has its sums soon: until then the window goes on. */
    if (cg.version && seen.now.known) {
        int was_busy = close_window();
        open_window(&run.last);
        if (was_busy) { sample(); seen.first_cache = run.last.file; } /* what came since the last sample is known to be read */
    }
    if (is_unexplained()) {
        run.scanned.queued = at_most(run.scanned.descriptors / 2 * PIPE_CAPACITY, seen.unstored) + (run.pid == 1 ? in_unix_sockets() : 0);
        explain_by_mappings(count);
    }
    if (count > run.process_peak_count) run.process_peak_count = count;
    if (count <= PROCESSES && shares_are_due(need, now)) read_shares(need, now);
    look_at_lazily_freed(now);
    shared_memory(&shm_size, &shm_used);
    run.shm_peak = at_least(shm_used, run.shm_peak);
    if (cg.version) run.mapped_elsewhere = at_least(run.scanned.files - at_least(run.last.file, 0), run.mapped_elsewhere);
}
