/* The processes that descend from the supervisor, where it is no container's PID 1: it is their subreaper, so whatever
 * loses its parent becomes its child. Nothing else of the machine's may ever be counted, let alone killed. */
#pragma once
#include "launch.h"
#include "need.h"

enum { TREE = 2048, KCMP_VM = 1, NO_NUMBER_AGAIN_NS = 100000000 };

static struct { u32 size, pids[TREE], parents[TREE]; } tree; /* what is beyond is seen when others have ended */

/* The kernel's list of the children that one thread started: "12 345 ". A number that was cut off has no blank. */
static void add_children(const char *path, i64 parent) {
    if (!slurp_path(path)) return;
    for (const char *s = text; *s;) {
        i64 pid = to_number(s);
        while (*s && *s != ' ') s++;
        if (*s++ != ' ') return;
        u32 i = 0;
        while (i < tree.size && tree.pids[i] != pid) i++; /* twice, if it changed its parent meanwhile */
        if (i < tree.size || tree.size == TREE || pid <= 1) continue;
        tree.parents[tree.size] = (u32)parent;
        tree.pids[tree.size++] = (u32)pid;
    }
}

static void add_children_of(i64 pid) {
    char entries[1024], folder[64], path[128];
    i64 size;
    process_path(folder, sizeof folder, pid, "/task/");
    int threads = open_file(folder, O_READ);
    while (threads >= 0 && (size = SYS3(NR_GETDENTS64, threads, entries, sizeof entries)) > 0) {
        for (i64 at = 0; at < size;) {
            char *entry = entries + at, *name = entry + 19; /* struct linux_dirent64 */
            at += (i64)(u8)entry[16] | (i64)(u8)entry[17] << 8;
            if (*name == '.') continue;
            join(path, sizeof path, folder, name, "/children");
            add_children(path, pid);
        }
    }
    close_file(threads);
}

/* List all descendants, parents before their children; returns how many. */
static u32 walk_tree(void) {
    tree.size = 0;
    add_children_of(run.pid);
    for (u32 i = 0; i < tree.size; i++) add_children_of(tree.pids[i]);
    return tree.size;
}

/* --- memory, where no cgroup counts it --- */

/* A vfork'ed child runs in its parent's memory until it execs: that is not twice as much. */
static int shares_memory(u32 i) {
    return tree.parents[i] != (u32)run.pid && SYS5(NR_KCMP, tree.pids[i], tree.parents[i], KCMP_VM, 0, 0) == 0;
}

/* Add up the descendants' memory. With several processes, what they share is counted by its parts (PSS): a page of
 * three processes is a third in each. That is dear to read, so a single process is asked for its RSS, which is the same.
 * Of kernel memory only page tables are known, of the page cache nothing. */
static void tree_split(struct split *s) {
    char path[64];
    memset(s, 0xff, sizeof *s); /* ABSENT */
    s->anon = s->shmem = s->kernel = s->page_tables = s->swap = 0;
    walk_tree();
    for (u32 i = 0; i < tree.size; i++) {
        if (shares_memory(i)) continue;
        process_path(path, sizeof path, tree.pids[i], "/status");
        if (!slurp_path(path)) continue;
        i64 anon = kib_of("RssAnon"), shmem = kib_of("RssShmem"), tables = kib_of("VmPTE"), swap = kib_of("VmSwap");
        if (anon < 0 || shmem < 0 || tables < 0) continue; /* it has ended, and waits to be reaped */
        if (tree.size > 1) {
            process_path(path, sizeof path, tree.pids[i], "/smaps_rollup");
            i64 own_anon = slurp_path(path) ? kib_of("Pss_Anon") : ABSENT, own_shmem = kib_of("Pss_Shmem");
            if (own_anon >= 0 && own_shmem >= 0) { anon = own_anon; shmem = own_shmem; }
        }
        s->anon += anon;
        s->shmem += shmem;
        s->page_tables += tables;
        s->swap += swap > 0 ? swap : 0;
    }
    s->kernel = s->page_tables;
}

static void look(struct split *s) {
    if (cg.version) cgroup_split(s);
    else tree_split(s);
}

/* --- the end of all descendants --- */

/* The parent of a process: the second field after its name. */
static i64 parent_of(i64 pid) {
    char path[64];
    process_path(path, sizeof path, pid, "/stat");
    if (!slurp_path(path)) return ABSENT;
    const char *fields = behind_name();
    return fields && fields[0] && fields[1] == ' ' ? to_number(fields + 2) : ABSENT;
}

/* Kill a process of the tree only if it certainly descends from us. The handle names one process for good, whatever
 * becomes of its number. The numbers of our children are not given away before we reap them. The parent of others was
 * found to descend from us moments ago: too short a time for its number to have gone round to somebody else, since the
 * kernel gives out all 32768 or more before one again. */
static void kill_descendant(u32 i, i64 since) {
    i64 handle = SYS2(NR_PIDFD_OPEN, tree.pids[i], 0);
    if (handle < 0) return;
    i64 parent = parent_of(tree.pids[i]);
    if (parent == run.pid || (parent == tree.parents[i] && clock_ns(CLOCK_MONO) - since < NO_NUMBER_AGAIN_NS))
        SYS4(NR_PIDFD_SEND_SIGNAL, handle, SIG_KILL, 0, 0);
    close_file((int)handle);
}

/* What the workload left running ends with it, as in a container. As PID 1 all other processes of our namespace are
 * meant. Elsewhere -1 would be everybody on the machine: there only descendants are killed, one by one, until the
 * kernel says that we have no child left, and so no descendant. */
static void end_all(void) {
    run.ending_all = 1;
    if (SYS1(NR_GETPID, 0) == 1) {
        SYS2(NR_KILL, -1, SIG_KILL);
        return;
    }
    do {
        i64 now = clock_ns(CLOCK_MONO);
        tree.size = 0;
        add_children_of(run.pid);
        for (u32 i = 0; i < tree.size; i++) {
            kill_descendant(i, now); /* before its children are listed, so that it starts no more */
            add_children_of(tree.pids[i]);
        }
        struct timespec wait = {0, 1000000};
        SYS2(NR_NANOSLEEP, &wait, 0);
    } while (reap(WAIT_NO_HANG));
}
