import cython

from penstock.wire.huffman cimport copy, decode as decode_huffman

cdef object CompressionError
cdef tuple STATIC_TABLE
cdef Py_ssize_t _ENTRY_BYTES
cdef Py_ssize_t _STATIC_COUNT
cdef int _UPDATES_MAX
cdef int _SHIFT_MAX
cdef Py_ssize_t _EVICTED_MIN
cdef tuple _EVICTED

cdef class Decoder:
    cdef Py_ssize_t _bytes
    cdef Py_ssize_t _bytes_max
    cdef list _entries
    cdef Py_ssize_t _first
    cdef Py_ssize_t _position
    cdef Py_ssize_t _room
    cdef public bint too_large

    cpdef list decode(self, bytes block, Py_ssize_t list_bytes_max, Py_ssize_t fields_max)
    @cython.locals(
        fields=list, entries=list, left=Py_ssize_t, end=Py_ssize_t, position=Py_ssize_t,
        byte=int, prefix=int, index=Py_ssize_t, top=Py_ssize_t, last=Py_ssize_t, size=Py_ssize_t, pair=tuple,
        name=bytes, value=bytes
    )
    cdef list _fields(self, bytes block, Py_ssize_t list_bytes_max, Py_ssize_t fields_max)
    @cython.locals(shift=int, byte=Py_ssize_t)
    cdef Py_ssize_t _integer(self, bytes block, Py_ssize_t position, Py_ssize_t prefix) except -1
    @cython.locals(byte=int, length=Py_ssize_t, end=Py_ssize_t, text=bytes)
    cdef bytes _string(self, bytes block, Py_ssize_t position)
    @cython.locals(position=Py_ssize_t, count=int, size=Py_ssize_t)
    cdef Py_ssize_t _updates(self, bytes block) except -1
    cdef object _insert(self, tuple pair, Py_ssize_t size)
    @cython.locals(entries=list, first=Py_ssize_t, name=bytes, value=bytes)
    cdef object _evict(self, Py_ssize_t room)
    cdef object _no_entry(self, Py_ssize_t index)
