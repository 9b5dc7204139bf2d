/* Whom the workload runs as: what Docker makes of USER and --user, by the image's /etc/passwd and /etc/group. */
#pragma once
#include "text.h"

enum { MOST_GROUPS = 64 };

static struct {
    int given;               /* another user than root, or root with a group of its own */
    u32 uid, gid, groups[MOST_GROUPS], group_count;
    char home[256], home_variable[264];
} user;

/* --- lines of a file of any length; what does not fit into `text` is cut --- */
static struct { int fd; i64 size, at; } lines;

static int open_lines(const char *path) {
    lines.fd = open_file(path, O_READ);
    lines.size = lines.at = 0;
    return lines.fd >= 0;
}
static char *next_line(void) {
    for (;;) {
        for (i64 i = lines.at; i < lines.size; i++)
            if (text[i] == '\n') {
                char *line = text + lines.at;
                text[i] = 0;
                lines.at = i + 1;
                return line;
            }
        i64 rest = lines.size - lines.at;
        for (i64 i = 0; i < rest; i++) text[i] = text[lines.at + i];
        if (rest == sizeof text - 1) rest = 0;
        i64 more = SYS3(NR_READ, lines.fd, text + rest, sizeof text - 1 - (u64)rest);
        lines.at = 0;
        lines.size = rest + (more > 0 ? more : 0);
        if (more > 0) continue;
        lines.size = 0;
        if (!rest) break;
        text[rest] = 0;
        return text;
    }
    close_file(lines.fd);
    return 0;
}
/* Cut the line at its colons; the fields that are missing are empty. */
static void split_line(char *line, char **fields, int count) {
    for (int i = 0; i < count; i++) {
        fields[i] = line;
        while (*line && (*line != ':' || i == count - 1)) line++;
        if (*line) *line++ = 0;
    }
}
static int is_number(const char *s) {
    if (!*s) return 0;
    for (; *s; s++)
        if (*s < '0' || *s > '9') return 0;
    return 1;
}
static int is_member(const char *members, const char *name) {
    while (*members) {
        const char *rest = after(members, name);
        if (rest && (*rest == ',' || !*rest)) return 1;
        while (*members && *members != ',') members++;
        if (*members) members++;
    }
    return 0;
}

/* Whether `wanted` is in the file; its line's fields are filled in. */
static int look_up(const char *path, const char *wanted, char **fields, int count) {
    char *line;
    if (!open_lines(path)) return 0;
    while ((line = next_line())) {
        split_line(line, fields, count);
        if (*fields[0] && (same(fields[0], wanted) || same(fields[2], wanted))) { close_file(lines.fd); return 1; }
    }
    return 0;
}
static void add_groups_of(const char *name) {
    char *line, *fields[4];
    if (!open_lines("/etc/group")) return;
    while ((line = next_line())) {
        split_line(line, fields, 4);
        if (is_number(fields[2]) && is_member(fields[3], name) && user.group_count < MOST_GROUPS)
            user.groups[user.group_count++] = (u32)to_number(fields[2]);
    }
}
/* USER[:GROUP], each a name or a number; returns 0 for a name that is nowhere. */
static int resolve_user(const char *given) {
    char wanted[256], name[256], *group = 0, *fields[7];
    join(wanted, sizeof wanted, given, 0, 0);
    for (char *s = wanted; *s; s++)
        if (*s == ':') { *s = 0; group = s + 1; break; }
    *name = 0;
    join(user.home, sizeof user.home, "/", 0, 0);
    const char *who = *wanted ? wanted : "0";
    if (look_up("/etc/passwd", who, fields, 7)) {
        if (!is_number(fields[2])) return 0;
        user.uid = (u32)to_number(fields[2]);
        user.gid = is_number(fields[3]) ? (u32)to_number(fields[3]) : 0;
        join(name, sizeof name, fields[0], 0, 0);
        join(user.home, sizeof user.home, fields[5], 0, 0);
    } else if (is_number(who)) user.uid = (u32)to_number(who);
    else return 0;
    if (group && *group) {
        if (look_up("/etc/group", group, fields, 4) && is_number(fields[2])) user.gid = (u32)to_number(fields[2]);
        else if (is_number(group)) user.gid = (u32)to_number(group);
        else return 0;
    }
    user.groups[user.group_count++] = user.gid; /* as Docker does since 20.10.18 (CVE-2022-36109) */
    if (*name && !(group && *group)) add_groups_of(name);
    user.given = 1;
    return 1;
}

/* HOME is what the container runtime made of root's, unless somebody chose it. */
static void set_home(char **envp) {
    join(user.home_variable, sizeof user.home_variable, "HOME=", user.home, 0);
    for (; *envp; envp++)
        if (after(*envp, "HOME=")) { *envp = user.home_variable; return; }
}
