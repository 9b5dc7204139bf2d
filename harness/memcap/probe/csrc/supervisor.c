/* The supervisor: PID 1 of the container. Starts the workload as its child, samples the container's cgroup,
 * outlives an OOM kill of the workload, and writes one report (and, while it runs, a journal that survives SIGKILL).
 *
 *   supervisor OUT TIME_LIMIT_MS SAMPLE_INTERVAL_US [OPTION...] -- COMMAND ARGS...
 *       no-thp, no-aslr          without transparent huge pages; without address space randomisation
 *       cgroup=FOLDER            enter this cgroup, and measure it
 *       cgroup=none              there is no cgroup: add up the descendants' memory (see tree.h)
 *       watchdog=BYTES           with cgroup=none: end the workload when the sum is larger
 *       enter=FOLDER             enter this cgroup too: that of the pids controller on v1
 *       data=BYTES               the workload's RLIMIT_DATA, for each of its processes
 *       processes=N              the workload's RLIMIT_NPROC, for all processes of the user
 *       cpu-time=MS, disk=BYTES  end the workload when it has used more CPU time, or written more to disk, altogether
 *       file-size=BYTES, core=BYTES  the workload's RLIMIT_FSIZE and RLIMIT_CORE
 *       user=USER[:GROUP]        run the workload as this user of the image (see accounts.h)
 *       home                     HOME is that of this user
 *       stop=SIGNAL, grace=MS    the workload is a server: SIGTERM to the supervisor stops it with SIGNAL, and after MS
 *                                it is ended; other signals go on to it; the journal has its processes
 *       stop-after=MS            stop the workload after so long as SIGTERM would, with SIGTERM if stop= names no other
 *       soak=MS                  the journal has a look at the workload for each MS (see looks.h)
 *       max-rss=BYTES            end the workload when the RSS of all its processes together is larger
 *
 * As an ordinary process (not PID 1) it ends and counts its own descendants only; any of the signals that it would
 * forward as PID 1, or the end of whoever started it, ends them all.
 *
 *   supervisor evict FOLDER...                 drop the page cache of all files below (see evict.h)
 *   supervisor idle                            do nothing for a moment; a supervisor of that measures itself (calibrate.h)
 *   supervisor pages FILE                      print what reading a page of a file costs (see pages.h)
 *   supervisor hold                            wait for ever: the container that owns the network of others
 *
 * Freestanding on purpose: about 60 KiB of its own memory, no C library in the image needed. The report's format is
 * documented and read in memcap/probe/report.py. Only system calls, static memory, no allocation. */
#include "calibrate.h"
#include "evict.h"
#include "hosts.h"
#include "launch.h"
#include "looks.h"
#include "pages.h"
#include "samples.h"
#include "write.h"

/* How long to wait for the next sample: a 32nd of the run so far, so that short runs are seen as sharply as long ones,
 * from 1 ms up to the interval asked for. The first 8 ms of CPU are on the house; after that, while more than 0.8 % of a
 * core was used, the pauses are up to ten times longer: from 5 s on it is less than 1 % altogether. */
static i64 pause_after(i64 now) {
    i64 pause = now / 32 > QUICKEST_NS ? now / 32 : QUICKEST_NS;
    if (pause > run.interval) pause = run.interval;
    i64 owed = (own_cpu() - FREE_CPU_NS) * (run.watchdog ? 20 : 125) - now; /* a watchdog may use 5 % */
    if (owed > pause) pause = owed < 10 * run.interval ? owed : 10 * run.interval;
    return pause;
}

/* A pause that ends when something is due, if that is to come. */
static i64 until(i64 due, i64 now, i64 pause) { return due > now ? at_most(pause, due - now) : pause; }

/* Opening and writing files needs kernel memory, which counts as ours. With no room for it the kernel looks for a victim,
 * and while the one that it found still lets go of its memory, it may find that gone, and kill us as the next. So these
 * things wait until there is room again, or for a second, as there are workloads that live at their cap. */
static int may_need_memory(i64 now, i64 due) {
    if (now < due) return 0;
    return has_room() || (now >= due + NO_ROOM_NS && !is_stuck());
}

/* What was written is known since the last look at the processes. */
static int is_beyond_limits(void) {
    if (run.cpu_limit >= 0 && used_cpu_ns() > run.cpu_limit * 1000000) run.exceeded = "cpu_time";
    if (run.disk_limit >= 0 && seen.now.known && seen.now.written - seen.at_start.written > run.disk_limit) run.exceeded = "disk";
    if (run.max_rss >= 0 && run.alive.rss > run.max_rss) run.exceeded = "rss";
    return run.exceeded != 0;
}

/* The last look of a soak is before the stop signal, which may make the workload give its memory back. */
static void stop_workload(void) {
    if (run.stopped_at < 0 && !main_is_ending()) { /* else it ended by itself */
        if (run.looks.at > run.looks.when && has_room()) { scan_processes(run.last.unreclaimable, elapsed()); write_look(0); }
        run.stopped_at = elapsed();
    }
    SYS2(NR_KILL, run.main_pid, run.stop_signal);
}

/* A server is stopped by what its image says, and the other signals are for it. To anything else they come unasked. */
static void pass_on(i64 signal) {
    if (run.stop_signal && signal == SIG_TERM) { stop_workload(); return; }
    if (!run.stop_signal) run.stopped_by = (int)signal;
    if (run.pid == 1 || run.stop_signal) SYS2(NR_KILL, run.main_pid, signal);
    else end_all();
}

/* When the processes are scanned next, and the next line of the journal is due. A scan for a look comes before that is due
 * only if all of them together take no more than a part of the time. */
static struct { i64 scan, scan_cost, line, step; } next;

static i64 scan_due(i64 now) {
    if (must_scan(now)) return now;
    int is_for_look = run.look_step && now >= next.line && next.scan_cost <= run.look_step / SCAN_PART;
    return is_for_look ? at_most(now, next.scan) : next.scan;
}
static void scan_on_time(i64 need, i64 now) {
    i64 before = own_cpu() - run.shares_cost;
    scan_processes(need, now);
    next.scan_cost = own_cpu() - run.shares_cost - before;
    i64 rest = own_cpu() < FREE_CPU_NS / 2 ? 0 : next.scan_cost * 200; /* many processes are looked at less often: half a percent of a core */
    next.scan = now + at_least(rest, at_most(now / 4, PROCESS_SCAN_NS)); /* a quarter: some processes live for a few ms */
}
static void write_line(i64 now) {
    if (run.look_step) {
        write_look(0);
        next.line = (now / run.look_step + 1) * run.look_step;
    } else {
        journal();
        next.line = now + next.step;
        next.step += next.step / 64;
    }
}

/* Sample until the main process ends. */
static void watch(u64 waited_for) {
    next.step = run.is_server ? JOURNAL_NS / 5 : JOURNAL_NS;
    if (run.look_step) begin_looks();
    while (!run.main_done) {
        i64 now = elapsed();
        i64 need = sample();
        if (run.watchdog && need > run.watchdog) { run.watchdog_kill = 1; end_all(); break; }
        if (may_need_memory(now, scan_due(now))) scan_on_time(need, now);
        if (may_need_memory(now, next.line)) write_line(now);
        if (run.time_limit && now >= run.time_limit) { run.timed_out = 1; end_all(); }
        if (run.stop_after && now >= run.stop_after) { run.stop_after = 0; if (run.stopped_at < 0) stop_workload(); }
        if (run.stopped_at >= 0 && now >= run.stopped_at + run.grace && !run.ending_all) { run.grace_over = 1; end_all(); }
        if (is_beyond_limits()) { end_all(); break; }
        i64 pause = until(run.stop_after, now, until(run.look_step ? next.line : 0, now, pause_after(now)));
        struct timespec wait = {pause / 1000000000, pause % 1000000000};
        u8 info[128];
        i64 signal = SYS4(NR_SIGTIMEDWAIT, &waited_for, info, &wait, sizeof waited_for);
        if (run.pid != 1 && SYS1(NR_GETPPID, 0) != run.parent) signal = SIG_HUP;
        if (signal > 0 && signal != SIG_CHILD) pass_on(signal);
        reap(WAIT_NO_HANG);
    }
}

/* The container runtime leaves some 200 KiB of kernel memory behind in this cgroup, which is freed within 12 to 60 ms
 * (runc 1.1, after a grace period of RCU). Wait for that, or for as long as that takes: a peak in the first moments of a
 * short program would have it in some runs and not in others. */
static void settle(void) {
    struct timespec wait = {0, SETTLE_STEP_NS};
    struct split now;
    if (run.pid != 1 || !cg.version) return;
    look(&now);
    for (i64 first = now.kernel, steps = 0; steps < SETTLE_STEPS; steps++) {
        if (now.kernel < SETTLED || now.kernel < first - LEFT_BEHIND) return;
        SYS2(NR_NANOSLEEP, &wait, 0);
        look(&now);
    }
}

/* Record the state before the workload, from which evidence begins. */
static void look_before(void) {
    cgroup_open_files();
    settle();
    run.cap = cgroup_cap();
    run.kills = run.kills_while_main_lived = 0;
    run.peak_at_start = run.mark = cgroup_peak();
    run.cgroup_cpu_at_start = cgroup_cpu_ns();
    look(&run.at_start);
    need_of(&run.at_start);
    run.at_peak = run.last = run.at_start;
    if (!cg.version) return;
    seen.low = seen.high = ABSENT;
    seen.has_huge = huge_pages_for_all();
    begin_traffic();
    seen.at_start = seen.before = seen.now;
    open_window(&run.at_start);
}

__attribute__((noreturn)) static void misused(void) {
    const char usage[] = "usage: supervisor OUT TIME_LIMIT_MS SAMPLE_INTERVAL_US [OPTION...] -- COMMAND ARGS...\n"
                         "       supervisor evict FOLDER...\n       supervisor idle\n       supervisor pages FILE\n       supervisor hold\n";
    SYS3(NR_WRITE, 2, usage, sizeof usage - 1);
    leave(64);
}

__attribute__((noreturn)) static void refused(const char *place) {
    const char words[] = "supervisor: cannot use ";
    SYS3(NR_WRITE, 2, words, sizeof words - 1);
    SYS3(NR_WRITE, 2, place, length(place));
    SYS3(NR_WRITE, 2, "\n", 1);
    leave(UNUSABLE);
}

static void supervise(char **argv, char **envp, int calibrating) {
    u64 waited_for = 1UL << (SIG_CHILD - 1) | 1UL << (SIG_TERM - 1) | 1UL << (SIG_INT - 1) | 1UL << (SIG_HUP - 1) | 1UL << (SIG_QUIT - 1);
    if (run.stop_signal) waited_for |= 1UL << (SIG_USR1 - 1) | 1UL << (SIG_USR2 - 1) | 1UL << (SIG_WINDOW - 1);
    SYS4(NR_SIGPROCMASK, 0 /* SIG_BLOCK */, &waited_for, 0, sizeof waited_for);
    /* Touch now what will be touched later, so that the floor below holds for the whole run. */
    memset(run.series, 0, sizeof run.series);
    memset(run.table, 0, sizeof run.table);
    memset(text, 0, sizeof text);
    run.clock_offset = clock_ns(CLOCK_REAL) - clock_ns(CLOCK_MONO);
    run.cpu_at_start = clock_ns(CLOCK_OWN_CPU);
    run.row_ms = (u32)(run.interval / 1000000 ? run.interval / 1000000 : 1);
    run.peak_unreclaimable = run.peak_doubted = run.max_file = run.mapped_elsewhere = run.shm_peak = run.unseen_bytes = ABSENT;
    if (calibrating) idle(); /* what the container runtime leaves behind goes away meanwhile */
    i64 alone = calibrating ? kernel_now() : ABSENT;
    if (!open_outputs()) refused(run.folder);
    look_before();
    run.supervisor_bytes = own_bytes();
    /* If this line is missing from what the daemon kept of the output, the output was truncated. */
    SYS3(NR_WRITE, 1, "memcap: output begins\n", 22);
    start_workload(argv, envp);
    if (run.exec.error) run.ended = run.started;
    else watch(waited_for);
    if (calibrating && !run.exec.error) run.unseen_bytes = unseen_bytes(alone);
    i64 need = sample();
    seen.now.known = run.exec.error != 0; /* nothing ran, so nothing was read */
    if (has_room() && !run.exec.error) scan_processes(need, elapsed());
    if (cg.version && (run.exec.error || !seen.now.known)) close_window();
    run.at_end = run.last;
    if (!run.exec.error) is_beyond_limits();
    end_all();
    reap(0);
    if (run.look_step && !run.exec.error) write_look(1);
    report();
}

static i64 count_cpus(void) {
    u64 mask[16];
    i64 count = 0, size = allowed_cpus(mask, sizeof mask);
    for (i64 cpu = 0; cpu < size * 8; cpu++) count += mask[cpu / 64] >> cpu % 64 & 1;
    return count > 0 ? count : 1;
}

static int take_number(i64 *target, const char *value) {
    *target = to_number(value);
    return *target >= 0;
}
static int take_milliseconds(i64 *target, const char *value) {
    if (!take_number(target, value)) return 0;
    *target *= 1000000;
    return 1;
}
/* A limit above the hard one of the container cannot be set: the workload would have another than it was promised. */
static int take_limit(i64 *target, const char *value, int what) {
    u64 has[2] = {~0ull, ~0ull};
    if (!take_number(target, value)) return 0;
    SYS4(NR_PRLIMIT, 0, what, 0, has);
    if (has[1] < (u64)*target) {
        char higher[160];
        join(higher, sizeof higher, what == RLIMIT_CORE ? "the limit core=" : "the limit file_size=", value, " bytes: a ulimit of the container is lower");
        refused(higher);
    }
    return 1;
}

/* The settings of this process are inherited by the workload, and outlive its exec. */
static int apply_option(const char *option) {
    const char *value;
    if (same(option, "no-thp")) run.no_thp = SYS5(NR_PRCTL, PRCTL_THP_OFF, 1, 0, 0, 0) == 0 ? 1 : -1;
    else if (same(option, "no-aslr")) run.no_aslr = SYS1(NR_PERSONALITY, PERSONALITY_NO_ASLR) >= 0 ? 1 : -1;
    else if ((value = after(option, "watchdog="))) return take_number(&run.watchdog, value);
    else if ((value = after(option, "data="))) return take_number(&run.data_limit, value);
    else if ((value = after(option, "processes="))) return take_number(&run.process_limit, value);
    else if ((value = after(option, "file-size="))) return take_limit(&run.file_limit, value, RLIMIT_FILE);
    else if ((value = after(option, "core="))) return take_limit(&run.core_limit, value, RLIMIT_CORE);
    else if ((value = after(option, "disk="))) return take_number(&run.disk_limit, value);
    else if ((value = after(option, "cpu-time="))) return take_number(&run.cpu_limit, value);
    else if ((value = after(option, "max-rss="))) return take_number(&run.max_rss, value);
    else if ((value = after(option, "stop="))) { run.is_server = 1; return take_number(&run.stop_signal, value); }
    else if ((value = after(option, "grace="))) return take_milliseconds(&run.grace, value);
    else if ((value = after(option, "stop-after="))) return take_milliseconds(&run.stop_after, value);
    else if ((value = after(option, "soak="))) return take_milliseconds(&run.look_step, value);
    else if ((value = after(option, "user="))) {
        char missing[384];
        join(missing, sizeof missing, "the user ", value, ", which is not in /etc/passwd or /etc/group of the image");
        if (!resolve_user(value)) refused(missing);
    } else if (same(option, "home")) run.wants_home = 1;
    else if (same(option, "hosts")) write_hosts();
    else if ((value = after(option, "enter="))) {
        if (!cgroup_enter(value)) refused(value);
    } else if ((value = after(option, "cgroup="))) {
        if (!same(value, "none") && !cgroup_use(value)) refused(value);
        run.given_cgroup = 1;
    } else return 0;
    return 1;
}

/* What the kernel says of itself stands behind the environment: pairs of key and value, the last with the key 0. */
static i64 from_kernel(char **envp, u64 key) {
    while (*envp) envp++;
    for (const u64 *pair = (const u64 *)(envp + 1); *pair; pair += 2)
        if (*pair == key) return (i64)pair[1];
    return ABSENT;
}

/* Take the secret out of the environment, where the workload would inherit it. */
static void take_secret(char **envp) {
    for (; *envp; envp++) {
        char *value = (char *)after(*envp, "MEMCAP_SECRET=");
        if (!value) continue;
        join(run.secret, sizeof run.secret, value, 0, 0);
        memset(value, 0, length(value));
        do { envp[0] = envp[1]; } while (*envp++);
        return;
    }
}

__attribute__((noreturn, used)) static void start(i64 *stack) {
    i64 argc = stack[0];
    char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
    if (argc >= 3 && same(argv[1], "evict")) {
        for (char **folder = argv + 2; *folder; folder++) evict(*folder);
        leave(0);
    }
    if (argc == 2 && same(argv[1], "idle")) { idle(); leave(0); }
    while (argc == 2 && same(argv[1], "hold")) hold();
    if (argc == 3 && same(argv[1], "pages")) leave(measure_pages(argv[2]));
    if (argc < 6 || to_number(argv[2]) < 0 || to_number(argv[3]) <= 0) misused();
    run.folder = argv[1];
    run.time_limit = to_number(argv[2]) * 1000000;
    run.interval = to_number(argv[3]) * 1000;
    run.page_size = from_kernel(envp, AUX_PAGE_SIZE);
    run.cpus = count_cpus();
    run.pid = SYS1(NR_GETPID, 0);
    run.parent = SYS1(NR_GETPPID, 0);
    run.data_limit = run.process_limit = run.cpu_limit = run.disk_limit = run.file_limit = run.core_limit = run.max_rss = run.stopped_at = ABSENT;
    char **word = argv + 4;
    while (*word && apply_option(*word)) word++;
    if (!*word || !same(*word, "--") || !word[1]) misused();
    if (run.stop_after && !run.stop_signal) run.stop_signal = SIG_TERM;
    take_secret(envp);
    if (run.wants_home) set_home(envp);
    if (!run.given_cgroup) cgroup_find();
    if (run.pid != 1) {
        /* A kernel without CONFIG_PROC_CHILDREN, or the /proc of another PID namespace, where numbers mean others. */
        if (!exists("/proc/thread-self/children") || !slurp_path("/proc/self/status") || value_of("Pid") != run.pid)
            refused("/proc");
        int priority = 1; /* where it may: else a crowd of processes would keep a watchdog from its turn */
        SYS3(NR_SCHED_SETSCHEDULER, 0, ROUND_ROBIN_NOT_INHERITED, &priority);
        SYS5(NR_PRCTL, PRCTL_SUBREAPER, 1, 0, 0, 0);
        SYS5(NR_PRCTL, PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0); /* so that we may kill whatever it starts */
    }
    go_apart();
    supervise(word + 1, envp, same(word[1], argv[0]) && word[2] && same(word[2], "idle"));
    if (run.exec.error) leave(run.exec.error == ERR_NO_ENTRY ? 127 : 126);
    leave(run.main_status & 127 ? 128 + (int)(run.main_status & 127) : (int)(run.main_status >> 8 & 255));
}
