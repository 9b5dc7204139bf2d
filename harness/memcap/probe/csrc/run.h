/* What the supervisor knows of the run; the one thing that all its parts share. */
#pragma once
#include "cgroup.h"

enum { FORMAT = 3, ROWS = 256, PROCESSES = 32, PROCESS_SCAN_NS = 30000000, JOURNAL_NS = 500000000, KERNEL_STACK = 16384,
       TMPFS = 0x01021994, AUX_PAGE_SIZE = 6, PRCTL_THP_OFF = 41, PERSONALITY_NO_ASLR = 0x0040000,
       QUICKEST_NS = 1000000, FREE_CPU_NS = 8000000, UNUSABLE = 71,
       ROOM = 256 << 10, ROOM_PROCESS = 8 << 10, NO_ROOM_NS = 1000000000, SETTLE_STEP_NS = 2000000, SETTLE_STEPS = 30, SETTLED = 340 << 10, LEFT_BEHIND = 128 << 10, TURNED = 64 << 10, TURNED_NS = 100000000,
       PSS_LARGEST = 256 << 20, PSS_FREE_NS = 2000000, PSS_PROCESS_NS = 250000, PSS_MIB_NS = 16000, NEAR_PEAK = 16,
       PRCTL_DEATH_SIGNAL = 1, PRCTL_SUBREAPER = 36, PRCTL_NO_NEW_PRIVILEGES = 38, RLIMIT_FILE = 1, RLIMIT_CORE = 4, RLIMIT_DATA = 2, RLIMIT_PROCESSES = 6,
       ROUND_ROBIN_NOT_INHERITED = 2 | 0x40000000 /* SCHED_RR | SCHED_RESET_ON_FORK */ };

enum { STARTING, RUNNING, ENDING }; /* what the main process does at a sample */
struct row { u32 milliseconds, usage, anon, file, shmem, kernel, low, state; }; /* KiB; low: least unreclaimable of the span */
struct process { i64 pid, parent, vm_hwm, rss, pss; char name[20]; }; /* rss: ABSENT if the last scan did not see it */
/* What the last scan saw: bytes of kernel memory that its processes explain, that may lie in their pipes and sockets, and
 * that they locked; the largest part of files in one process; when it began, sums over all processes, and whether the main
 * one was among them. */
struct scanned { i64 kernel, queued, descriptors, locked, threads, files, when_kernel, when, rss, vms, processes; int saw_main; };
/* What mappings explain of kernel memory, and when that was looked at. */
struct mapped { i64 kernel, when_kernel, processes; };

static struct {
    const char *folder;
    int given_cgroup;
    char secret[64];         /* proves to the host that a report is ours */
    int report, journal;     /* files, opened before the workload starts */
    int wants_home;          /* HOME is to be that of the user of the workload */
    int apart;               /* whether our uid is ours alone */
    int no_thp, no_aslr;     /* what was asked for: 0 no, 1 yes and done, -1 yes and refused */
    i64 clock_offset;        /* wall clock minus monotonic clock at the start */
    i64 time_limit, interval;
    i64 page_size;
    i64 pid, parent;         /* ours, and who started us; PID 1 has a PID namespace to itself */
    i64 watchdog;            /* 0: none; with the next two it stands in for what cgroups cap */
    i64 data_limit, process_limit, cpu_limit, disk_limit, file_limit, core_limit; /* ABSENT: none; milliseconds, bytes */
    i64 max_rss;             /* of all processes together (ABSENT: no limit) */
    const char *exceeded;    /* which limit was broken: CPU time, disk or RSS */
    int is_server;
    i64 stop_signal, grace;  /* what SIGTERM becomes (0: it ends the run), and how long the workload may take to end then */
    i64 stop_after;          /* when the workload gets that by itself (0: never) */
    i64 look_step;           /* between two looks of a soak (0: it is none) */
    i64 stopped_at;          /* when it got that, or ABSENT */
    int grace_over;
    i64 started, ended, samples, max_file, cpu_at_start, cgroup_cpu_at_start;
    i64 cpus;                /* that the container may use */
    i64 mark, peak_unreclaimable; /* mark: the kernel's high-water mark just before the last sample */
    i64 cap, held, turned;   /* held: of the last sample, without page cache; turned: when that last changed */
    i64 kills, kills_while_main_lived, killed_others;
    struct scanned scanned, alive; /* the last one; the last one that saw the main process */
    struct mapped mapped;
    i64 uncounted;           /* of the sample before */
    int had_huge;
    i64 rewritten, looked_at_lazy; /* bytes given back lazily and written to again, at the last look; its time */
    i64 shm_peak, mapped_elsewhere, peak_doubted, unseen_bytes;
    struct { int memory, status, stat; } main_files; /* statm, status and stat of the main process in /proc */
    struct split last, at_start, at_peak, at_end, at_kill;
    i64 peak_at_start, supervisor_bytes;
    i64 main_pid, main_status;
    struct { i64 error; char problem[16], needs[200]; } exec; /* why the workload could not be started (refused.h) */
    int state, has_at_kill, ending_all, main_done, timed_out, watchdog_kill, stopped_by;
    int main_killed;         /* by the kernel */
    i64 user_us, system_us, minor_faults, major_faults, max_rss_kib;
    i64 process_peak_count;
    u32 rows, row_ms;
    struct row series[ROWS];
    u32 processes;
    struct process table[PROCESSES];
    i64 shares_need, shares_when, shares_cost; /* unreclaimable bytes and time when PSS was last read; its CPU time so far */
    /* Of a soak. The last sample while the workload lived: its time and what it showed; the least unreclaimable bytes since
     * the last look, that look's time, and the CPU time that shares took so far. */
    struct { i64 at, low, when, shares_cost, lines; struct split now; } looks;
    int is_line_cut;         /* the last line of the journal was written in part, or not at all */
} run __attribute__((aligned(4096))); /* so that the variables touch no more pages than they fill */

static i64 elapsed(void) { return clock_ns(CLOCK_MONO) - run.started; }

/* Without what the container runtime used in this process before it became the supervisor. */
static i64 own_cpu(void) { return clock_ns(CLOCK_OWN_CPU) - run.cpu_at_start; }

/* --- what can be seen of what the supervisor itself needs: its anonymous pages, page tables and kernel stack (16 KiB
 * on both architectures: THREAD_SIZE). The rest is measured once (calibrate.h). --- */
static i64 own_anonymous(void) { return slurp_path("/proc/self/status") ? kib_of("RssAnon") : ABSENT; }
static i64 own_bytes(void) {
    if (cg.version == 0) return 0; /* then it is not among what is counted */
    i64 anon = own_anonymous(), tables = kib_of("VmPTE");
    return anon < 0 || tables < 0 ? ABSENT : anon + tables + KERNEL_STACK;
}

/* The CPUs that the container may use, a bit each; returns how many bytes were filled. */
static i64 allowed_cpus(u64 *mask, u64 size) { return SYS3(NR_SCHED_GETAFFINITY, 0, size, mask); }
