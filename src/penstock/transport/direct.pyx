# cython: language_level=3
"""Native form of `direct.py`, whose docstrings are the contract."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef extern from *:
    """
    #ifdef _WIN32
    /* Its sockets are no file descriptors; nobody gets here. */
    static Py_ssize_t penstock_write(int fd, const char *data, Py_ssize_t size) { return -1; }
    #else
    #include <unistd.h>
    static Py_ssize_t penstock_write(int fd, const char *data, Py_ssize_t size)
    { return write(fd, data, (size_t) size); }
    #endif
    """
    Py_ssize_t penstock_write(int fd, const char *data, Py_ssize_t size) noexcept


cpdef Py_ssize_t write_now(int fd, bytes data) except -1:
    cdef Py_ssize_t sent
    if data is None:
        raise TypeError("data must be bytes")
    sent = penstock_write(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return sent if sent > 0 else 0


cdef extern from "Python.h":
    object PyObject_Call(object callee, object args, object options)


cpdef object call_with(object callee, object argument, dict options):
    return PyObject_Call(callee, (argument,), options)


cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef __GLIBC__
    #include <malloc.h>
    /* Setting one of them ends the adapting of both. */
    static void penstock_keep(int bytes)
    { mallopt(M_MMAP_THRESHOLD, bytes / 4); mallopt(M_TRIM_THRESHOLD, bytes); }
    #else
    static void penstock_keep(int bytes) { (void) bytes; }
    #endif
    """
    void penstock_keep(int bytes) noexcept

KEPT_BYTES = 4 << 20


cpdef object keep_memory():
    penstock_keep(KEPT_BYTES)
