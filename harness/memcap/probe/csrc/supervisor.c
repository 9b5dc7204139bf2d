/* The supervisor: PID 1 of the container. Starts the workload as its child, samples the container's cgroup,
 * outlives an OOM kill of the workload, and writes one report (and, while it runs, a journal that survives SIGKILL).
 *
 *   supervisor OUT TIME_LIMIT_MS SAMPLE_INTERVAL_US -- COMMAND ARGS...
 *
 * Freestanding on purpose: about 60 KiB of its own memory, no C library in the image needed. The report's format is
 * documented and read in memcap/probe/report.py. Only system calls, static memory, no allocation. */
#include "cgroup.h"

enum { FORMAT = 1, ROWS = 256, PROCESSES = 32, PROCESS_SCAN_NS = 30000000, JOURNAL_NS = 500000000, KERNEL_STACK = 16384,
       QUICKEST_NS = 1000000, FREE_CPU_NS = 20000000 };

struct row { u32 milliseconds, usage, anon, file, shmem, kernel; }; /* KiB */
struct process { i64 pid, vm_hwm; char name[20]; };

static struct {
    const char *folder;
    i64 time_limit, interval;
    i64 started, ended, samples, max_file, cpu_at_start;
    i64 peak_unreclaimable;
    struct split at_start, at_peak, at_end;
    i64 peak_at_start, supervisor_bytes;
    i64 main_pid, main_status, exec_error;
    int main_done, timed_out, stopped_by;
    i64 user_us, system_us, minor_faults, major_faults, max_rss_kib;
    i64 process_peak_count;
    u32 rows, row_ms;
    struct row series[ROWS];
    u32 processes;
    struct process table[PROCESSES];
} run;

static i64 elapsed(void) { return clock_ns(CLOCK_MONO) - run.started; }

/* Without what the container runtime used in this process before it became the supervisor. */
static i64 own_cpu(void) { return clock_ns(CLOCK_OWN_CPU) - run.cpu_at_start; }

/* --- what the supervisor itself needs: its anonymous pages, page tables and kernel stack (16 KiB on both
 * architectures: THREAD_SIZE). The cap is raised by this much, so that the workload gets what it was promised. --- */
static i64 own_bytes(void) {
    if (!slurp_path("/proc/self/status")) return ABSENT;
    i64 anon = kib_of("RssAnon"), tables = kib_of("VmPTE");
    return anon < 0 || tables < 0 ? ABSENT : anon + tables + KERNEL_STACK;
}

/* --- memory over time: a row for each row_ms, the one with the most unreclaimable memory; thinned by two when full --- */
static u32 row_weight(const struct row *r) { return r->anon + r->shmem + r->kernel; }

static u32 kib(i64 bytes) { return bytes < 0 ? 0 : (u32)(bytes / 1024); }

static void remember(const struct split *s, i64 now) {
    struct row next = {(u32)(now / 1000000), kib(s->usage), kib(s->anon), kib(s->file), kib(s->shmem), kib(s->kernel)};
    if (run.rows) {
        struct row *last = &run.series[run.rows - 1];
        if (next.milliseconds / run.row_ms == last->milliseconds / run.row_ms) {
            if (row_weight(&next) > row_weight(last)) *last = next;
            return;
        }
    }
    if (run.rows == ROWS) {
        for (u32 i = 0; i < ROWS / 2; i++) {
            struct row *a = &run.series[2 * i], *b = a + 1;
            run.series[i] = row_weight(a) >= row_weight(b) ? *a : *b;
        }
        run.rows = ROWS / 2;
        run.row_ms *= 2;
    }
    run.series[run.rows++] = next;
}

static void sample(void) {
    struct split now;
    cgroup_split(&now);
    i64 need = unreclaimable(&now);
    if (need > run.peak_unreclaimable) { run.peak_unreclaimable = need; run.at_peak = now; }
    if (now.file > run.max_file) run.max_file = now.file;
    run.samples++;
    remember(&now, elapsed());
}

/* --- the largest resident set (VmHWM) of each process; the smallest entry makes room --- */
static void note_process(i64 pid, i64 vm_hwm) {
    struct process *slot = 0;
    for (u32 i = 0; i < run.processes; i++)
        if (run.table[i].pid == pid) slot = &run.table[i];
    if (!slot && run.processes < PROCESSES) slot = &run.table[run.processes++];
    if (!slot) {
        slot = &run.table[0];
        for (u32 i = 1; i < PROCESSES; i++)
            if (run.table[i].vm_hwm < slot->vm_hwm) slot = &run.table[i];
        if (slot->vm_hwm >= vm_hwm) return;
    }
    const char *name = find("Name");
    u32 n = 0;
    for (name = name ? name + (*name == '\t') : ""; name[n] && name[n] != '\n' && n + 1 < sizeof slot->name; n++)
        slot->name[n] = name[n];
    slot->name[n] = 0;
    slot->pid = pid;
    if (vm_hwm > slot->vm_hwm) slot->vm_hwm = vm_hwm;
}

static void scan_processes(void) {
    char entries[2048], path[64];
    i64 count = 0, size;
    int proc = open_file("/proc", O_READ);
    while (proc >= 0 && (size = SYS3(NR_GETDENTS64, proc, entries, sizeof entries)) > 0) {
        for (i64 at = 0; at < size;) {
            char *entry = entries + at, *name = entry + 19; /* struct linux_dirent64: d_reclen at 16, d_name at 19 */
            at += (i64)(u8)entry[16] | (i64)(u8)entry[17] << 8;
            i64 pid = to_number(name);
            if (pid <= 1) continue;
            count++;
            join(path, sizeof path, "/proc/", name, "/status");
            if (!slurp_path(path)) continue;
            i64 vm_hwm = kib_of("VmHWM");
            if (vm_hwm > 0) note_process(pid, vm_hwm);
        }
    }
    close_file(proc);
    if (count > run.process_peak_count) run.process_peak_count = count;
}

/* --- start the workload --- */
static void exec_by_path(char **argv, char **envp) {
    char path[1024];
    const char *search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    i64 error = ERR_NO_ENTRY;
    for (char *s = argv[0]; *s; s++)
        if (*s == '/') { error = -SYS3(NR_EXECVE, argv[0], argv, envp); run.exec_error = error; return; }
    for (char **e = envp; *e; e++)
        if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=') search = *e + 5;
    while (*search) {
        u64 n = 0;
        while (search[n] && search[n] != ':' && n < 512) { path[n] = search[n]; n++; }
        path[n] = 0;
        char folder[520];
        join(folder, sizeof folder, path, 0, 0);
        join(path, sizeof path, n ? folder : ".", "/", argv[0]);
        i64 failed = -SYS3(NR_EXECVE, path, argv, envp);
        if (failed != ERR_NO_ENTRY) error = failed;
        search += n;
        if (*search == ':') search++;
        else if (*search) break;
    }
    run.exec_error = error;
}

static void start_workload(char **argv, char **envp) {
    int channel[2] = {-1, -1};
    SYS2(NR_PIPE2, channel, O_CLOSE_ON_EXEC);
    run.started = clock_ns(CLOCK_MONO);
    i64 pid = SYS5(NR_CLONE, SIG_CHILD, 0, 0, 0, 0);
    if (pid == 0) {
        u64 none = 0;
        SYS4(NR_SIGPROCMASK, 2 /* SIG_SETMASK */, &none, 0, sizeof none);
        /* The kernel's first choice at the cap is then never the supervisor. Raising it needs no privilege. */
        int score = open_file("/proc/self/oom_score_adj", 01);
        SYS3(NR_WRITE, score, "1000", 4);
        close_file(score);
        exec_by_path(argv, envp);
        SYS3(NR_WRITE, channel[1], &run.exec_error, sizeof run.exec_error);
        leave(127);
    }
    run.main_pid = pid;
    close_file(channel[1]);
    if (pid < 0) run.exec_error = -pid;
    else if (SYS3(NR_READ, channel[0], &run.exec_error, sizeof run.exec_error) != sizeof run.exec_error) run.exec_error = 0;
    close_file(channel[0]);
}

/* Reap everything that has ended. wait4's rusage of a process reaped here counts it and its waited-for children, and
 * what they did not wait for is handed to PID 1: so the sums are of the whole tree. ru_maxrss inherits the high water
 * of the parent that forked it, which here is this tiny program. */
static void reap(int options) {
    struct rusage used;
    int status;
    i64 pid;
    while ((pid = SYS4(NR_WAIT4, -1, &status, options, &used)) > 0) {
        run.user_us += used.user.seconds * 1000000 + used.user.microseconds;
        run.system_us += used.system.seconds * 1000000 + used.system.microseconds;
        run.minor_faults += used.minor_faults;
        run.major_faults += used.major_faults;
        if (used.maxrss_kib > run.max_rss_kib) run.max_rss_kib = used.maxrss_kib;
        if (pid == run.main_pid) { run.main_done = 1; run.main_status = status; run.ended = clock_ns(CLOCK_MONO); }
    }
}

/* --- what is written --- */
static void open_out(const char *name, int flags) {
    char path[512];
    join(path, sizeof path, run.folder, "/", name);
    out.fd = open_file(path, flags);
    out.used = 0;
}

static void journal(void) {
    open_out("supervisor.jsonl", O_WRITE_APPEND);
    put_field("{", "elapsed_ns", elapsed());
    put_field(", ", "peak_bytes", cgroup_peak());
    put_field(", ", "unreclaimable_peak_bytes", run.peak_unreclaimable);
    put_field(", ", "oom_kills", cgroup_oom_kills());
    put("}\n");
    flush_out();
    close_file(out.fd);
}

static void put_split(const char *key, const struct split *s) {
    put(",\n \""); put(key); put("\": ");
    put_field("{", "usage", s->usage);
    put_field(", ", "anon", s->anon);
    put_field(", ", "file", s->file);
    put_field(", ", "shmem", s->shmem);
    put_field(", ", "kernel", s->kernel);
    put_field(", ", "slab", s->slab);
    put_field(", ", "page_tables", s->page_tables);
    put_field(", ", "swap", s->swap);
    put("}");
}

static void put_series(void) {
    put(",\n \"series\": {\"unit\": \"KiB\", \"columns\": [\"milliseconds\", \"usage\", \"anon\", \"file\", \"shmem\", \"kernel\"], \"rows\": [");
    for (u32 i = 0; i < run.rows; i++) {
        const struct row *r = &run.series[i];
        put(i ? ", [" : "[");
        put_number(r->milliseconds);
        const u32 values[5] = {r->usage, r->anon, r->file, r->shmem, r->kernel};
        for (int k = 0; k < 5; k++) { put(", "); put_number(values[k]); }
        put("]");
    }
    put("]}");
}

static void report(void) {
    i64 peak = cgroup_peak(), kills = cgroup_oom_kills(), hits = cgroup_cap_hits();
    i64 cap = cgroup_cap(), swap_cap = cgroup_swap_cap(), own = own_bytes();
    int signal = (int)(run.main_status & 127), started = !run.exec_error;
    open_out("report.json.tmp", O_WRITE_NEW);
    put_field("{", "format", FORMAT);
    put_field(",\n ", "cgroup_version", cg.version);
    put_field(",\n ", "cap_bytes", cap);
    put_field(",\n ", "swap_cap_bytes", swap_cap);
    put_field(",\n ", "peak_bytes", peak);
    put_field(",\n ", "peak_at_start_bytes", run.peak_at_start);
    put_field(",\n ", "unreclaimable_peak_bytes", run.peak_unreclaimable);
    put_field(",\n ", "max_file_bytes", run.max_file);
    put_field(",\n ", "rss_peak_bytes", run.max_rss_kib ? run.max_rss_kib * 1024 : ABSENT);
    put_field(",\n ", "supervisor_bytes", own > run.supervisor_bytes ? own : run.supervisor_bytes);
    put_field(",\n ", "supervisor_cpu_ns", own_cpu());
    put_field(",\n ", "oom_kills", kills);
    put_field(",\n ", "cap_hits", hits);
    put_field(",\n ", "exec_errno", started ? ABSENT : run.exec_error);
    put_field(",\n ", "exit_code", started && !signal ? run.main_status >> 8 & 255 : ABSENT);
    put_field(",\n ", "signal", started && signal ? signal : ABSENT);
    put(",\n \"timed_out\": "); put(run.timed_out ? "true" : "false");
    put_field(",\n ", "stopped_by_signal", run.stopped_by ? run.stopped_by : ABSENT);
    put_field(",\n ", "wall_ns", started ? run.ended - run.started : ABSENT);
    put_field(",\n ", "user_us", run.user_us);
    put_field(",\n ", "system_us", run.system_us);
    put_field(",\n ", "minor_faults", run.minor_faults);
    put_field(",\n ", "major_faults", run.major_faults);
    put_field(",\n ", "samples", run.samples);
    put_field(",\n ", "sample_interval_ns", run.interval);
    put_field(",\n ", "process_count", run.process_peak_count);
    put_split("at_start", &run.at_start);
    put_split("at_peak", &run.at_peak);
    put_split("at_end", &run.at_end);
    put(",\n \"processes\": [");
    for (u32 i = 0; i < run.processes; i++) {
        put_field(i ? ", {" : "{", "pid", run.table[i].pid);
        put(", \"name\": "); put_string(run.table[i].name);
        put_field(", ", "vm_hwm_bytes", run.table[i].vm_hwm);
        put("}");
    }
    put("]");
    put_series();
    put("}\n");
    flush_out();
    close_file(out.fd);
    char from[512], to[512];
    join(from, sizeof from, run.folder, "/", "report.json.tmp");
    join(to, sizeof to, run.folder, "/", "report.json");
    SYS4(NR_RENAMEAT, AT_CWD, from, AT_CWD, to);
}

/* How long to wait for the next sample: a 32nd of the run so far, so that short runs are seen as sharply as long ones,
 * from 1 ms up to the interval asked for. The start is on the house; after that, while more than 1 % of a core was used,
 * the pauses are up to ten times longer. */
static i64 pause_after(i64 now) {
    i64 pause = now / 32 > QUICKEST_NS ? now / 32 : QUICKEST_NS;
    if (pause > run.interval) pause = run.interval;
    i64 owed = (own_cpu() - FREE_CPU_NS) * 100 - now;
    if (owed > pause) pause = owed < 10 * run.interval ? owed : 10 * run.interval;
    return pause;
}

/* Sample until the main process ends. */
static void watch(u64 waited_for) {
    i64 next_scan = 0, next_journal = 0, journal_step = JOURNAL_NS;
    while (!run.main_done) {
        i64 now = elapsed();
        sample();
        if (now >= next_scan) {
            i64 cost = own_cpu();
            scan_processes();
            cost = (own_cpu() - cost) * 200; /* many processes are looked at less often: half a percent of a core */
            next_scan = now + (cost > PROCESS_SCAN_NS ? cost : PROCESS_SCAN_NS);
        }
        if (now >= next_journal) { journal(); next_journal = now + journal_step; journal_step += journal_step / 64; }
        if (run.time_limit && now >= run.time_limit) { run.timed_out = 1; SYS2(NR_KILL, -1, SIG_KILL); }
        i64 pause = pause_after(now);
        struct timespec wait = {pause / 1000000000, pause % 1000000000};
        u8 info[128];
        i64 signal = SYS4(NR_SIGTIMEDWAIT, &waited_for, info, &wait, sizeof waited_for);
        if (signal > 0 && signal != SIG_CHILD) { run.stopped_by = (int)signal; SYS2(NR_KILL, run.main_pid, signal); }
        reap(WAIT_NO_HANG);
    }
}

static void supervise(char **argv, char **envp) {
    u64 waited_for = 1UL << (SIG_CHILD - 1) | 1UL << (SIG_TERM - 1) | 1UL << (SIG_INT - 1) | 1UL << (SIG_HUP - 1) | 1UL << (SIG_QUIT - 1);
    SYS4(NR_SIGPROCMASK, 0 /* SIG_BLOCK */, &waited_for, 0, sizeof waited_for);
    /* Touch now what will be touched later, so that the floor below holds for the whole run. */
    memset(run.series, 0, sizeof run.series);
    memset(run.table, 0, sizeof run.table);
    memset(text, 0, sizeof text);
    run.cpu_at_start = clock_ns(CLOCK_OWN_CPU);
    run.row_ms = (u32)(run.interval / 1000000 ? run.interval / 1000000 : 1);
    run.peak_unreclaimable = run.max_file = ABSENT;
    cgroup_find();
    run.peak_at_start = cgroup_peak();
    cgroup_split(&run.at_start);
    run.at_peak = run.at_start;
    run.supervisor_bytes = own_bytes();
    /* If this line is missing from what the daemon kept of the output, the output was truncated. */
    SYS3(NR_WRITE, 1, "memcap: output begins\n", 22);
    start_workload(argv, envp);
    if (run.exec_error) run.ended = run.started;
    else watch(waited_for);
    sample();
    cgroup_split(&run.at_end);
    SYS2(NR_KILL, -1, SIG_KILL); /* what the workload left running ends with it, as it does without a supervisor */
    reap(0);
    report();
}

__attribute__((noreturn, used)) static void start(i64 *stack) {
    i64 argc = stack[0];
    char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
    if (argc < 6 || !same(argv[4], "--") || to_number(argv[2]) < 0 || to_number(argv[3]) <= 0) {
        const char usage[] = "usage: supervisor OUT TIME_LIMIT_MS SAMPLE_INTERVAL_US -- COMMAND ARGS...\n";
        SYS3(NR_WRITE, 2, usage, sizeof usage - 1);
        leave(64);
    }
    run.folder = argv[1];
    run.time_limit = to_number(argv[2]) * 1000000;
    run.interval = to_number(argv[3]) * 1000;
    supervise(argv + 5, envp);
    if (run.exec_error) leave(run.exec_error == ERR_NO_ENTRY ? 127 : 126);
    leave(run.main_status & 127 ? 128 + (int)(run.main_status & 127) : (int)(run.main_status >> 8 & 255));
}
