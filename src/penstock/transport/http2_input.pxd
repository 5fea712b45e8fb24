import cython

from penstock.gateway.http cimport HttpExchange
from penstock.gateway.stream cimport Exchange, Service
from penstock.transport.http2_output cimport Output
from penstock.transport.http2_stream cimport Http2Stream
from penstock.transport.worker cimport Worker
from penstock.wire.events cimport Head
from penstock.wire.http2_end cimport Http2End
from penstock.wire.http2_session cimport Session

cdef int _DATA
cdef int _NEED_MORE
cdef int _REFUSED
cdef int _REQUEST
cdef int _RESET
cdef Head _NO_HEAD
cdef tuple _WEBSOCKET_EXTENSIONS
cdef int _WATCHED
cdef int _REQUESTS_MAX
cdef int _GREETING_BYTES

cdef class Input(Output):
    cdef bint _advance_due
    cdef bint _greeted
    cdef bint _recording
    cdef bint _wsgi

    cpdef data_received(self, bytes data)
    cdef bint _is_gone(self) except -1
    cpdef advance_soon(self)
    cpdef _advance_now(self)
    cdef _resumed(self)
    @cython.locals(started=int, session=Session, event=int, stream=Http2Stream)
    cpdef _advance(self)
    @cython.locals(stream=Http2Stream)
    cdef _begin(self, Http2End end, Head head, bytes protocol, bint ended)
    @cython.locals(stream=Http2Stream)
    cpdef begin_promised(self, object parent, object end, object head)
    @cython.locals(
        worker=Worker, service=Service, exchange=Exchange, file=Exchange, request=HttpExchange
    )
    cdef _start(self, Http2Stream stream, Head head, bytes protocol)
    cdef Exchange _begin_websocket(self, Http2Stream stream, Head head)
    cdef _reset(self, Http2End end, bint ours)
    cdef _refuse(self, Session session)
    cdef _fail(self, object exc)
