/* What the container's own cgroup says, v1 and v2. Files that are read often stay open. */
#pragma once
#include "text.h"

enum { SOME = 256 << 10 };

/* The cgroup's memory at one moment. lists: inactive_anon + active_anon + unevictable. The last four count since the
 * cgroup was made: came and went are pages of anonymous memory, shared memory and files (v1; a large folio is one). */
struct split {
    i64 usage, anon, file, shmem, kernel, slab, page_tables, swap, slab_reclaimable, sock, huge, kernel_stack, unevictable;
    i64 lists;
    i64 uncounted; /* charged, and in none of the counters */
    i64 unreclaimable, kept_kernel; /* filled in by need_of() */
    i64 faults, huge_faults, came, went;
};

static struct {
    int version; /* 0: none */
    char memory[256];
    int stat, usage, kmem, swap, flush, peak, kills, threads;
} cg;

static inline int exists(const char *path) {
    int fd = open_file(path, O_READ);
    close_file(fd);
    return fd >= 0;
}
static i64 cgroup_number(const char *folder, const char *name) {
    char path[320];
    join(path, sizeof path, folder, "/", name);
    return *folder && slurp_path(path) ? to_number(text) : ABSENT;
}
static i64 cgroup_key(const char *folder, const char *name, const char *key) {
    char path[320];
    join(path, sizeof path, folder, "/", name);
    return *folder && slurp_path(path) ? value_of(key) : ABSENT;
}
static int cgroup_open(const char *name) {
    char path[320];
    join(path, sizeof path, cg.memory, "/", name);
    return open_file(path, O_READ);
}
/* The folder of our cgroup: mount + path of /proc/self/cgroup where that is visible (host cgroup namespace),
   else the mount itself (private namespace, or v1, where Docker binds the container's folder onto the mount). */
static void cgroup_folder(char *target, u64 size, const char *mount, const char *marker, const char *file) {
    char probe[320];
    if (slurp_path("/proc/self/cgroup")) {
        for (char *line = text; *line;) {
            u64 i = 0;
            char *end = line;
            while (*end && *end != '\n') end++;
            char last = *end;
            *end = 0;
            for (char *s = line; s < end; s++) {
                for (i = 0; marker[i] && s[i] == marker[i]; i++) { }
                if (!marker[i] && s[i] == '/') {
                    join(target, size, mount, same(s + i, "/") ? "" : s + i, 0);
                    join(probe, sizeof probe, target, "/", file);
                    if (exists(probe)) return;
                    break;
                }
            }
            line = last ? end + 1 : end;
        }
    }
    join(target, size, mount, 0, 0);
}
static void cgroup_find(void) {
    if (exists("/sys/fs/cgroup/cgroup.controllers")) {
        cg.version = 2;
        cgroup_folder(cg.memory, sizeof cg.memory, "/sys/fs/cgroup", "0::", "memory.stat");
    } else {
        cg.version = 1;
        cgroup_folder(cg.memory, sizeof cg.memory, "/sys/fs/cgroup/memory", "memory:", "memory.stat");
    }
}
/* Move into the cgroup of this folder, which somebody made for us; returns 0 where that is not permitted. */
static int cgroup_enter(const char *folder) {
    char path[320];
    join(path, sizeof path, folder, "/", "cgroup.procs");
    int fd = open_file(path, 01);
    i64 written = fd < 0 ? fd : SYS3(NR_WRITE, fd, "0", 1);
    close_file(fd);
    return written == 1;
}
static int cgroup_use(const char *folder) {
    char path[320];
    join(path, sizeof path, folder, "/", "memory.usage_in_bytes");
    cg.version = exists(path) ? 1 : 2;
    join(cg.memory, sizeof cg.memory, folder, 0, 0);
    return cgroup_enter(folder);
}
static void cgroup_open_files(void) {
    cg.stat = cg.usage = cg.kmem = cg.swap = cg.flush = cg.peak = cg.kills = -1;
    cg.threads = open_file("/sys/fs/cgroup/pids/pids.current", O_READ);
    if (cg.version == 2) {
        cg.usage = cgroup_open("memory.current");
        cg.swap = cgroup_open("memory.swap.current");
        cg.flush = cgroup_open("cpu.stat");
        cg.peak = cgroup_open("memory.peak");
        cg.kills = cgroup_open("memory.events");
    } else if (cg.version == 1) {
        cg.usage = cgroup_open("memory.usage_in_bytes");
        cg.kmem = cgroup_open("memory.kmem.usage_in_bytes");
        cg.peak = cgroup_open("memory.max_usage_in_bytes");
        cg.kills = cgroup_open("memory.oom_control");
    }
    if (cg.version) cg.stat = cgroup_open("memory.stat");
}
static inline i64 plus(i64 a, i64 b) {
    return a < 0 ? b : b < 0 ? a : a + b;
}
/* On v1 a counter of memory.stat has a hierarchical twin named total_*. */
static void cgroup_split(struct split *s) {
    char byte;
    /* The kernel holds back up to 64 changes a CPU from memory.stat, for up to 2 s. Before Linux 6.16 a look at
       cpu.stat makes it count them (docs/measuring.md). */
    if (cg.flush >= 0) SYS4(NR_PREAD, cg.flush, &byte, 1, 0);
    s->usage = slurp(cg.usage) ? to_number(text) : ABSENT;
    s->anon = s->file = s->shmem = s->kernel = s->slab = s->page_tables = s->swap = s->slab_reclaimable = ABSENT;
    s->sock = s->huge = s->kernel_stack = s->unevictable = s->lists = s->uncounted = ABSENT;
    s->faults = s->huge_faults = s->came = s->went = ABSENT;
    if (cg.version == 1) {
        s->kernel = slurp(cg.kmem) ? to_number(text) : ABSENT;
        if (!slurp(cg.stat)) return;
        s->anon = value_of("total_rss");
        s->shmem = value_of("total_shmem");
        s->file = value_of("total_cache");
        s->swap = value_of("total_swap");
        s->huge = value_of("total_rss_huge");
        s->unevictable = value_of("total_unevictable");
        s->lists = plus(plus(value_of("total_inactive_anon"), value_of("total_active_anon")), s->unevictable);
        s->faults = value_of("total_pgfault");
        s->came = value_of("total_pgpgin");
        s->went = value_of("total_pgpgout");
    } else {
        s->swap = slurp(cg.swap) ? to_number(text) : ABSENT;
        if (!slurp(cg.stat)) return;
        s->anon = value_of("anon");
        s->shmem = value_of("shmem");
        s->file = value_of("file");
        s->slab = value_of("slab");
        s->slab_reclaimable = value_of("slab_reclaimable");
        s->page_tables = value_of("pagetables");
        s->kernel_stack = value_of("kernel_stack");
        s->sock = value_of("sock");
        s->huge = value_of("anon_thp");
        s->unevictable = value_of("unevictable");
        s->lists = plus(plus(value_of("inactive_anon"), value_of("active_anon")), s->unevictable);
        s->faults = value_of("pgfault");
        s->huge_faults = plus(value_of("thp_fault_alloc"), value_of("thp_collapse_alloc"));
        s->kernel = value_of("kernel"); /* since 5.18; before, its parts */
        if (s->kernel < 0)
            s->kernel = plus(plus(s->slab, s->page_tables), plus(s->kernel_stack, value_of("percpu")));
    }
    if (s->file >= 0 && s->shmem > 0) s->file -= s->shmem < s->file ? s->shmem : s->file; /* file: page cache proper */
    if (s->kernel < 0 && s->usage >= 0 && s->anon >= 0 && s->file >= 0) { /* kernels without kmem accounting files */
        i64 rest = s->usage - s->anon - s->file - (s->shmem > 0 ? s->shmem : 0);
        s->kernel = rest > 0 ? rest : 0;
    }
    /* Usage was read before the counters. Read again it is less where they fell meanwhile. */
    i64 counted = plus(plus(s->anon, s->file), plus(s->shmem, plus(s->kernel, s->sock))), again = ABSENT;
    if (s->anon < 0 || s->kernel < 0 || s->usage < counted + SOME) return;
    if (slurp(cg.usage)) again = to_number(text);
    s->uncounted = (again < s->usage ? again : s->usage) - counted;
}
static i64 cgroup_peak(void) { return slurp(cg.peak) ? to_number(text) : ABSENT; }
static i64 cgroup_cap(void) {
    return cgroup_number(cg.memory, cg.version == 1 ? "memory.limit_in_bytes" : "memory.max");
}
static i64 cgroup_swap_cap(void) {
    if (cg.version == 2) return cgroup_number(cg.memory, "memory.swap.max");
    i64 both = cgroup_number(cg.memory, "memory.memsw.limit_in_bytes"), cap = cgroup_cap();
    return both < 0 || cap < 0 ? ABSENT : both - cap;
}
static i64 cgroup_oom_kills(void) {
    return slurp(cg.kills) ? value_of("oom_kill") : ABSENT;
}
/* How often the kernel looked for a victim because this cgroup's own cap was reached (v2 only): a kill without it was
   for want of memory elsewhere, on the machine or in a cgroup above. */
static i64 cgroup_oom_events(void) {
    return cg.version == 2 ? cgroup_key(cg.memory, "memory.events", "oom") : ABSENT;
}
static i64 cgroup_group_kills(void) {
    return cg.version == 2 ? cgroup_key(cg.memory, "memory.events", "oom_group_kill") : ABSENT;
}
static i64 cgroup_swap_peak(void) {
    return cg.version == 2 ? cgroup_number(cg.memory, "memory.swap.peak") : ABSENT;
}
/* Pages of files that had been dropped and were read again: the price of a cap that is too tight for the page cache. */
static i64 cgroup_refaults(void) {
    return cgroup_key(cg.memory, "memory.stat",
                      cg.version == 1 ? "total_workingset_refault_file" : "workingset_refault_file");
}
static i64 cgroup_throttled_periods(void) {
    return cgroup_key(cg.version == 1 ? "/sys/fs/cgroup/cpu" : cg.memory, "cpu.stat", "nr_throttled");
}
/* CPU time of all processes since the cgroup was made, those that nobody waited for included. */
static i64 cgroup_cpu_ns(void) {
    if (cg.version == 1) return cgroup_number("/sys/fs/cgroup/cpuacct", "cpuacct.usage");
    i64 us = cgroup_key(cg.memory, "cpu.stat", "usage_usec");
    return us < 0 ? ABSENT : us * 1000;
}
/* Stall time in microseconds since the cgroup was made (v2): "some" or "full" of memory.pressure. */
static i64 cgroup_pressure(const char *kind) {
    char path[320];
    join(path, sizeof path, cg.memory, "/", "memory.pressure");
    const char *line = cg.version == 2 && slurp_path(path) ? find(kind) : 0;
    for (; line && *line && *line != '\n'; line++)
        if (line[0] == 't' && line[1] == 'o' && line[2] == 't' && line[5] == '=') return to_number(line + 6);
    return ABSENT;
}
/* How often the cap was run into: failcnt on v1, "max" of memory.events on v2. */
static i64 cgroup_cap_hits(void) {
    return cg.version == 1 ? cgroup_number(cg.memory, "memory.failcnt") : cgroup_key(cg.memory, "memory.events", "max");
}
