# Compile a generated source of some thousand lines.
set -e
awk 'BEGIN {
    for (n = 0; n < 200; n++)
        printf "int f%d(int a, int b) { int s = 0; for (int i = 0; i < a; i++) s += (i * b) %% %d + (s >> 3); return s; }\n", n, n + 3
}' > large.c
gcc -nostdinc -O2 -c large.c -o large.o
test -s large.o
