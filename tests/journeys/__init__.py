"""The program from outside: the real window, the real practice process, real sockets."""
