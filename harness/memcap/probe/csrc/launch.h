/* Start the workload, and take in what has ended. */
#pragma once
#include "refused.h"

static void exec_by_path(char **argv, char **envp) {
    char path[1024], refused[1024] = "";
    const char *search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (char *s = argv[0]; *s; s++)
        if (*s == '/') {
            run.exec.error = -SYS3(NR_EXECVE, argv[0], argv, envp);
            explain_refusal(argv[0]);
            return;
        }
    for (char **e = envp; *e; e++)
        if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=') search = *e + 5;
    run.exec.error = ERR_NO_ENTRY;
    because("missing", search);
    while (*search) {
        u64 n = 0;
        while (search[n] && search[n] != ':' && n < 512) { path[n] = search[n]; n++; }
        path[n] = 0;
        char folder[520];
        join(folder, sizeof folder, path, 0, 0);
        join(path, sizeof path, n ? folder : ".", "/", argv[0]);
        i64 failed = -SYS3(NR_EXECVE, path, argv, envp);
        if (failed != ERR_NO_ENTRY || exists(path)) {
            run.exec.error = failed;
            join(refused, sizeof refused, path, 0, 0);
        }
        search += n;
        if (*search == ':') search++;
        else if (*search) break;
    }
    if (*refused) because("", ""), explain_refusal(refused);
}

static void limit_child(int what, i64 value) {
    u64 both[2] = {(u64)value, (u64)value};
    if (value >= 0) SYS4(NR_PRLIMIT, 0, what, both, 0);
}

/* Open a file of a process that must be read when there is no memory left: the kernel's buffer for it is allocated at
 * the first reading and kept. */
static int open_to_keep(i64 pid, const char *name) {
    char path[64];
    process_path(path, sizeof path, pid, name);
    int fd = open_file(path, O_READ);
    slurp(fd);
    return fd;
}

static void start_workload(char **argv, char **envp) {
    int channel[2] = {-1, -1};
    SYS2(NR_PIPE2, channel, O_CLOSE_ON_EXEC);
    run.started = clock_ns(CLOCK_MONO);
    i64 pid = SYS5(NR_CLONE, SIG_CHILD, 0, 0, 0, 0);
    if (pid == 0) {
        if (run.pid != 1) SYS5(NR_PRCTL, PRCTL_DEATH_SIGNAL, SIG_KILL, 0, 0, 0); /* should somebody kill us */
        u64 none = 0;
        SYS4(NR_SIGPROCMASK, 2 /* SIG_SETMASK */, &none, 0, sizeof none);
        limit_child(RLIMIT_DATA, run.data_limit);
        limit_child(RLIMIT_PROCESSES, run.process_limit);
        limit_child(RLIMIT_FILE, run.file_limit);
        limit_child(RLIMIT_CORE, run.core_limit);
        run.exec.error = become_user();
        if (!run.exec.error) exec_by_path(argv, envp);
        SYS3(NR_WRITE, channel[1], &run.exec, sizeof run.exec);
        leave(127);
    }
    settle_apart();
    run.main_pid = pid;
    close_file(channel[1]);
    if (pid < 0) run.exec.error = -pid;
    else if (SYS3(NR_READ, channel[0], &run.exec, sizeof run.exec) != sizeof run.exec) run.exec.error = 0;
    close_file(channel[0]);
    if (run.exec.error) return;
    run.main_files.memory = open_to_keep(pid, "/statm");
    run.main_files.status = open_to_keep(pid, "/status");
    run.main_files.stat = open_to_keep(pid, "/stat");
    run.state = RUNNING;
}

/* Reap everything that has ended. wait4's rusage of a process reaped here counts it and its waited-for children, and
 * what they did not wait for is handed to PID 1, or to a subreaper, which we are: so the sums are of the whole tree. ru_maxrss inherits the high water
 * of the parent that forked it, which here is this tiny program. */
static int reap(int options) { /* returns whether a child is left */
    struct rusage used;
    int status;
    i64 pid;
    while ((pid = SYS4(NR_WAIT4, -1, &status, options, &used)) > 0) {
        run.user_us += used.user.seconds * 1000000 + used.user.microseconds;
        run.system_us += used.system.seconds * 1000000 + used.system.microseconds;
        run.minor_faults += used.minor_faults;
        run.major_faults += used.major_faults;
        if (used.maxrss_kib > run.max_rss_kib) run.max_rss_kib = used.maxrss_kib;
        if (pid != run.main_pid && (status & 127) == SIG_KILL && !run.ending_all) run.killed_others++;
        if (pid == run.main_pid) { run.main_done = 1; run.main_status = status; run.ended = clock_ns(CLOCK_MONO); }
    }
    return pid != -ERR_NO_CHILD;
}
