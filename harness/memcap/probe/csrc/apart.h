/* Keep the supervisor out of the workload's reach: PID 1 has a uid of its own, and what it opened stays its own.
 *
 * Another process of the same uid, root without capabilities included, may trace PID 1, set its limits (prlimit), send it
 * signals it has handlers for, and write to its files in /proc. With a uid that no other process has, it may not
 * (credentials(7), ptrace(2)). PID 1 keeps three capabilities: to look at processes of another uid, of which /proc/PID/io is
 * for the owner's eyes only (CAP_DAC_READ_SEARCH), and to end them. */
#pragma once
#include "accounts.h"
#include "run.h"

enum { OWN_ID = 63636, PRCTL_DUMPABLE = 4, PRCTL_KEEP_CAPABILITIES = 8, PRCTL_DROP_BOUND = 24, LAST_CAPABILITY = 63,
       CAPABILITIES_VERSION = 0x20080522 };
enum { MAY_READ = 1 << 2, MAY_KILL = 1 << 5, MAY_SET_GID = 1 << 6, MAY_SET_UID = 1 << 7, MAY_DROP = 1 << 8, MAY_TRACE = 1 << 19 };
struct capability_header { u32 version; int pid; };
struct capabilities { u32 effective, permitted, inheritable; };

static u32 permitted_capabilities(void) {
    struct capability_header head = {CAPABILITIES_VERSION, 0};
    struct capabilities held[2] = {{0, 0, 0}, {0, 0, 0}};
    return SYS2(NR_CAPGET, &head, held) == 0 ? held[0].permitted : 0;
}
static int keep_capabilities(u32 kept) {
    struct capability_header head = {CAPABILITIES_VERSION, 0};
    struct capabilities held[2] = {{kept, kept, 0}, {0, 0, 0}};
    return SYS2(NR_CAPSET, &head, held) == 0;
}

/* Only root with these capabilities can; nor can it where the user namespace has no such uid. */
static void go_apart(void) {
    const u32 needed = MAY_READ | MAY_KILL | MAY_SET_GID | MAY_SET_UID | MAY_DROP | MAY_TRACE;
    u32 own = user.uid == OWN_ID ? OWN_ID + 1 : OWN_ID;
    if (run.pid != 1 || (permitted_capabilities() & needed) != needed) return;
    SYS5(NR_PRCTL, PRCTL_KEEP_CAPABILITIES, 1, 0, 0, 0);
    if (SYS3(NR_SETRESUID, own, own, own) != 0) return;
    keep_capabilities(needed);
    SYS5(NR_PRCTL, PRCTL_DUMPABLE, 1, 0, 0, 0); /* else our files in /proc belong to root, and we could not read them */
    run.apart = 1;
}
/* After the fork, which needed the others. */
static void settle_apart(void) {
    if (run.apart) keep_capabilities(MAY_READ | MAY_KILL | MAY_TRACE);
}

/* In the child: become whom the workload runs as, without any capability. Returns the error. */
static i64 become_user(void) {
    i64 failed = 0;
    if (run.pid != 1) return 0;
    for (int which = 0; which <= LAST_CAPABILITY; which++) SYS5(NR_PRCTL, PRCTL_DROP_BOUND, which, 0, 0, 0);
    if (run.apart || user.given) {
        if (user.given) failed = SYS2(NR_SETGROUPS, user.group_count, user.groups);
        if (!failed) failed = SYS3(NR_SETRESGID, user.gid, user.gid, user.gid);
        if (!failed) failed = SYS3(NR_SETRESUID, user.uid, user.uid, user.uid);
    }
    keep_capabilities(0);
    return -failed;
}
