/* Measure what cannot be seen of the supervisor's own need: kernel objects such as its task, memory map and the files
 * of /proc and the cgroup that it has open. What a container with nothing but an idle program holds is compared with
 * what it holds when a supervisor watches that program. */
#pragma once
#include "samples.h"

enum { IDLE_NS = 100000000, LARGEST_UNSEEN = 256 << 10, USUAL_UNSEEN = 40 << 10 };

static void idle(void) {
    struct timespec wait = {0, IDLE_NS};
    SYS2(NR_NANOSLEEP, &wait, 0);
}

static void hold(void) {
    struct timespec wait = {3600, 0};
    SYS2(NR_NANOSLEEP, &wait, 0);
}

static i64 kernel_now(void) {
    struct split now;
    cgroup_open_files();
    look(&now);
    close_file(cg.stat), close_file(cg.usage), close_file(cg.kmem), close_file(cg.swap), close_file(cg.flush);
    close_file(cg.peak), close_file(cg.kills), close_file(cg.threads);
    return now.kernel < 0 ? ABSENT : now.kernel - at_least(now.slab_reclaimable, 0);
}

/* `alone` was measured when this was the only process. Kernels that add up memory.stat late (Linux 6.16 and newer, v2)
 * can show anything; then it is what was found elsewhere. */
static i64 unseen_bytes(i64 alone) {
    i64 both = run.last.kernel - at_least(run.last.slab_reclaimable, 0), seen_already = own_bytes() - own_anonymous();
    i64 unseen = both - alone - seen_already;
    return alone < 0 || unseen < 0 || unseen > LARGEST_UNSEEN ? USUAL_UNSEEN : unseen;
}
