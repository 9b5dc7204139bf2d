__attribute__((used, noreturn)) void _start(void) { for (;;) { } }
