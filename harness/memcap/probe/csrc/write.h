/* Write the journal and the report (format: memcap/probe/report.py). */
#pragma once
#include "calibrate.h"

/* Exclusively, and before anything else runs: what is there then is nobody's who could make it a link or a pipe. */
static int open_own(const char *name) {
    char path[512];
    join(path, sizeof path, run.folder, "/", name);
    return (int)SYS4(NR_OPENAT, AT_CWD, path, O_WRITE_OWN | O_CLOSE_ON_EXEC, 0600);
}
static void put_secret(const char *what) {
    if (*run.secret) { put(run.secret); put(what); put("\n"); }
}
static int open_outputs(void) {
    run.report = open_own("report.json");
    run.journal = open_own("supervisor.jsonl");
    write_to(run.journal);
    put_secret("");
    flush_out();
    return run.report >= 0 && run.journal >= 0;
}

/* Those that the last scan saw, as [PID, parent, KiB, name]. */
static void put_processes(void) {
    const char *separator = ", \"processes\": [[";
    for (u32 i = 0; i < run.processes; i++) {
        const struct process *one = &run.table[i];
        if (one->rss <= 0) continue;
        put(separator); put_number(one->pid);
        put(", "); put_number(one->parent);
        put(", "); put_number(one->rss / 1024);
        put(", "); put_string(one->name);
        separator = "], [";
    }
    if (*separator == ']') put("]]");
}

/* A full disk takes a part of a line, or none. It must not spoil the next one. */
static void begin_line(const char *key, i64 value) {
    write_to(run.journal);
    if (run.is_line_cut) put("\n");
    put_field("{", key, value);
}
static void end_line(void) {
    put("}\n");
    flush_out();
    run.is_line_cut = out.patience <= 0;
}

static void put_highest(void) {
    put_field(", ", "peak_bytes", cgroup_peak());
    put_field(", ", "unreclaimable_peak_bytes", run.peak_unreclaimable);
    put_field(", ", "oom_kills", cgroup_oom_kills());
    if (run.is_server) put_processes();
}
static void journal(void) {
    begin_line("elapsed_ns", elapsed());
    put_highest();
    end_line();
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
    put_field(", ", "slab_reclaimable", s->slab_reclaimable);
    put_field(", ", "sock", s->sock);
    put_field(", ", "huge", s->huge);
    put_field(", ", "kernel_stack", s->kernel_stack);
    put_field(", ", "unevictable", s->unevictable);
    put_field(", ", "unreclaimable", s->unreclaimable);
    put("}");
}

static void put_series(void) {
    put(",\n \"series\": [");
    for (u32 i = 0; i < run.rows; i++) {
        const struct row *r = &run.series[i];
        put(i ? ", [" : "[");
        put_number(r->milliseconds);
        const u32 values[7] = {r->usage, r->anon, r->file, r->shmem, r->kernel, r->low, r->state};
        for (int k = 0; k < 7; k++) { put(", "); put_number(values[k]); }
        put("]");
    }
    put("]");
}

static void put_text_or_null(const char *s) {
    if (*s) put_string(s);
    else put("null");
}

/* null: not asked for; false: asked for, but the container may not. */
static void put_setting(const char *key, int state) {
    put(",\n \""); put(key); put("\": "); put(state == 0 ? "null" : state > 0 ? "true" : "false");
}

/* The machine's load over the last minute, in percent of one CPU (not of the container alone). */
static i64 load_percent(void) {
    if (!slurp_path("/proc/loadavg")) return ABSENT;
    const char *s = text;
    i64 whole = to_number(s);
    while (*s && *s != '.') s++;
    return *s && s[1] && s[2] ? whole * 100 + (s[1] - '0') * 10 + (s[2] - '0') : ABSENT;
}

/* The CPUs that the container may use; it need not be all of the machine, nor begin with 0. */
static void put_cpus(void) {
    u64 mask[16];
    i64 size = allowed_cpus(mask, sizeof mask);
    put(",\n \"cpus\": [");
    for (i64 cpu = 0, first = 1; cpu < size * 8; cpu++)
        if (mask[cpu / 64] >> cpu % 64 & 1) {
            if (!first) put(", ");
            put_number(cpu);
            first = 0;
        }
    put("]");
}

/* What the kernel says at the end. */
static struct {
    i64 peak, kills, hits, cap, swap_cap, own, events, group_kills, refaults, swap_peak, throttled, stall_some, stall_full;
    i64 shm_size, shm_used, step, cpu, load;
} last;

static void look_at_the_end(void) {
    last.peak = cgroup_peak(), last.kills = cgroup_oom_kills(), last.hits = cgroup_cap_hits();
    last.cap = cg.version ? cgroup_cap() : run.watchdog ? run.watchdog : ABSENT;
    last.swap_cap = cgroup_swap_cap(), last.own = own_bytes();
    last.events = cgroup_oom_events(), last.group_kills = cgroup_group_kills(), last.refaults = cgroup_refaults();
    last.swap_peak = cgroup_swap_peak(), last.throttled = cgroup_throttled_periods();
    last.stall_some = cgroup_pressure("some"), last.stall_full = cgroup_pressure("full");
    last.shm_size = last.shm_used = ABSENT, last.step = clock_ns(CLOCK_REAL) - clock_ns(CLOCK_MONO) - run.clock_offset;
    last.cpu = used_cpu_ns();
    last.load = load_percent();
    shared_memory(&last.shm_size, &last.shm_used);
}

static void put_report(void) {
    int signal = (int)(run.main_status & 127), started = !run.exec.error;
    put_field("{", "format", FORMAT);
    put_field(",\n ", "cgroup_version", cg.version ? cg.version : ABSENT);
    put_field(",\n ", "cap_bytes", last.cap);
    put_field(",\n ", "swap_cap_bytes", last.swap_cap);
    put_field(",\n ", "peak_bytes", last.peak);
    put_field(",\n ", "peak_at_start_bytes", run.peak_at_start);
    put_field(",\n ", "unreclaimable_peak_bytes", run.peak_unreclaimable);
    put_field(",\n ", "low_from_peak_bytes", cg.version && seen.low > 0 ? seen.low : ABSENT);
    put_field(",\n ", "high_from_peak_bytes", cg.version && seen.high > 0 && seen.high < WITHOUT_BOUND / 2 ? seen.high : ABSENT);
    put_field(",\n ", "doubted_peak_bytes", run.peak_doubted);
    put_field(",\n ", "max_file_bytes", run.max_file);
    put_field(",\n ", "mapped_elsewhere_bytes", run.mapped_elsewhere);
    put_field(",\n ", "disk_read_bytes", cg.version && seen.now.known ? at_least(seen.now.read - seen.at_start.read, 0) : ABSENT);
    put_field(",\n ", "rss_peak_bytes", run.max_rss_kib ? run.max_rss_kib * 1024 : ABSENT);
    put_field(",\n ", "supervisor_bytes", last.own > run.supervisor_bytes ? last.own : run.supervisor_bytes);
    put_field(",\n ", "supervisor_unseen_bytes", run.unseen_bytes);
    put_field(",\n ", "supervisor_cpu_ns", own_cpu());
    put_field(",\n ", "cpu_us", last.cpu < 0 ? ABSENT : last.cpu / 1000);
    put_field(",\n ", "oom_kills", last.kills);
    put_field(",\n ", "kills_while_main_lived", last.kills < 0 ? ABSENT : run.kills_while_main_lived);
    put_field(",\n ", "killed_others", run.killed_others);
    put_field(",\n ", "oom_events", last.events);
    put_field(",\n ", "oom_group_kills", last.group_kills);
    put_field(",\n ", "cap_hits", last.hits);
    put_field(",\n ", "refaults", last.refaults);
    put_field(",\n ", "swap_peak_bytes", last.swap_peak);
    put_field(",\n ", "stall_some_us", last.stall_some);
    put_field(",\n ", "stall_full_us", last.stall_full);
    put_field(",\n ", "throttled_periods", last.throttled);
    put_field(",\n ", "shm_size_bytes", last.shm_size);
    put_field(",\n ", "shm_used_bytes", last.shm_used);
    put_field(",\n ", "shm_peak_bytes", at_least(run.shm_peak, last.shm_used));
    put_field(",\n ", "page_size_bytes", run.page_size);
    put_field(",\n ", "clock_step_ns", last.step < 0 ? -last.step : last.step);
    put_field(",\n ", "load_percent", last.load);
    put(",\n \"apart\": "); put(run.pid != 1 ? "null" : run.apart ? "true" : "false"); /* only a container's can be */
    put_setting("thp_off", run.no_thp);
    put_setting("aslr_off", run.no_aslr);
    put_field(",\n ", "exec_errno", started ? ABSENT : run.exec.error);
    put(",\n \"exec_problem\": "); put_text_or_null(run.exec.problem);
    put(",\n \"exec_needs\": "); put_text_or_null(run.exec.needs);
    put_field(",\n ", "exit_code", started && !signal ? run.main_status >> 8 & 255 : ABSENT);
    put_field(",\n ", "signal", started && signal ? signal : ABSENT);
    put(",\n \"timed_out\": "); put(run.timed_out ? "true" : "false");
    put(",\n \"limit_exceeded\": ");
    put_text_or_null(run.exceeded ? run.exceeded : "");
    put(",\n \"watchdog_kill\": "); put(run.watchdog_kill ? "true" : "false");
    put_field(",\n ", "stopped_by_signal", run.stopped_by ? run.stopped_by : ABSENT);
    put_field(",\n ", "started_ns", run.started);
    put_field(",\n ", "stopped_at_ns", run.stopped_at);
    put(",\n \"grace_over\": "); put(run.grace_over ? "true" : "false");
    put_field(",\n ", "wall_ns", started ? run.ended - run.started : ABSENT);
    put_field(",\n ", "user_us", run.user_us);
    put_field(",\n ", "system_us", run.system_us);
    put_field(",\n ", "minor_faults", run.minor_faults);
    put_field(",\n ", "major_faults", run.major_faults);
    put_field(",\n ", "samples", run.samples);
    put_field(",\n ", "sample_interval_ns", run.interval);
    put_field(",\n ", "process_count", run.process_peak_count);
    put_field(",\n ", "main_pid", started ? run.main_pid : ABSENT);
    put_cpus();
    put_split("at_start", &run.at_start);
    put_split("at_peak", &run.at_peak);
    put_split("at_end", &run.at_end);
    if (run.has_at_kill) put_split("at_kill", &run.at_kill);
    else put(",\n \"at_kill\": null");
    put(",\n \"processes\": [");
    for (u32 i = 0; i < run.processes; i++) {
        put_field(i ? ", {" : "{", "pid", run.table[i].pid);
        put_field(", ", "parent_pid", run.table[i].parent);
        put(", \"name\": "); put_string(run.table[i].name);
        put_field(", ", "vm_hwm_bytes", run.table[i].vm_hwm);
        put_field(", ", "pss_bytes", near_peak(run.shares_need) ? run.table[i].pss : ABSENT);
        put("}");
    }
    put("]");
    put_series();
    put("}\n");
}

/* To the file, and where there is a secret to both streams of output: a flood on one of them may have made the daemon throw
 * away what is old (json-file rotates), and with it a report; on both it was always complete. */
static void report(void) {
    look_at_the_end();
    const int targets[3] = {run.report, 1, 2};
    for (int i = 0; i < (*run.secret ? 3 : 1); i++) {
        write_to(targets[i]);
        if (*run.secret) put("\n");
        put_secret(" report");
        put_report();
        put_secret(" end");
        flush_out();
    }
}
