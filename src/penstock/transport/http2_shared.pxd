import cython

from penstock.wire.blocks cimport Block
from penstock.wire.http2_limits cimport Http2Limits

cdef object encode_fields
cdef int SENDS_DATE
cdef int SENDS_SERVER

cdef class Shared:
    cdef dict _blocks
    cdef bytes _lines
    cdef public Block block
    cdef public Http2Limits limits
    cdef public bint websockets

    @cython.locals(block=bytes)
    cpdef bytes defaults(self, bytes lines, int bits)
