# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command where a filter refuses a system call, as old kernels, service managers and container runtimes do:
without_call.py landlock|openat2 ENOSYS|EPERM COMMAND…"""
import ctypes
import errno
import os
import struct
import sys

CALLS = {"landlock": 444, "openat2": 437}
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2


def main():
    call, error, *command = sys.argv[1:]
    rows = [(LOAD_NUMBER, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, CALLS[call]),
            (RETURN, 0, 0, ERRNO | getattr(errno, error)), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = struct.pack("HxxxxxxP", len(rows), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, ctypes.c_char_p(program), 0, 0)):
        if libc.prctl(*words):
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


main()
