/* What the mappings of a process keep in kernel memory: on cgroup v1 a part of the one sum, which it explains.
 *
 * A mapping is 192 bytes, a part of a node of its tree, and where it was written to, its way back from pages. A mapped file
 * keeps its names and inodes (slabinfo of Linux 6.18: vm_area_struct 192, maple_node 256, anon_vma and its chain 168;
 * dentry 192, ovl_inode 704, ext4_inode_cache 1128, filp 192). pandas has 660 mappings of 114 files. */
#pragma once
#include "text.h"

enum { MAPPING_KERNEL = 300, MAPPED_FILE_KERNEL = 2400, USUAL_MAPPINGS = 64, USUAL_FILES = 20 };

/* A line of /proc/PID/maps: addresses, access, offset, device, inode (0: no file), path. A file's lines follow each other. */
static i64 kept_by_mappings(i64 pid) {
    char path[64];
    i64 mappings = 0, files = 0, last = 0, inode = 0, size;
    int field = 0;
    process_path(path, sizeof path, pid, "/maps");
    int maps = open_file(path, O_READ);
    while (maps >= 0 && (size = SYS3(NR_READ, maps, text, sizeof text)) > 0)
        for (const char *at = text; at < text + size; at++) {
            if (*at == ' ') field++;
            else if (*at != '\n') inode = field == 4 ? inode * 10 + (*at - '0') : inode;
            else {
                mappings++;
                files += inode && inode != last;
                if (inode) last = inode;
                inode = field = 0;
            }
        }
    close_file(maps);
    i64 many = mappings > USUAL_MAPPINGS ? mappings - USUAL_MAPPINGS : 0, mapped = files > USUAL_FILES ? files - USUAL_FILES : 0;
    return many * MAPPING_KERNEL + mapped * MAPPED_FILE_KERNEL;
}
