import cython

from penstock.gateway.http cimport HttpExchange
from penstock.gateway.stream cimport Exchange, Service, Stream
from penstock.transport.worker cimport Worker
from penstock.wire.events cimport Head
from penstock.wire.http1 cimport Reader
from penstock.wire.http1_response cimport Writer

cdef int _HEAD
cdef int _BODY
cdef int _WAIT
cdef int _SOCKET
cdef int _CLOSED
cdef tuple _EXTENSIONS
cdef tuple _OLD_EXTENSIONS
cdef tuple _WEBSOCKET_EXTENSIONS
cdef int _PIPELINE_MAX
cdef bint _CAN_WRITE
cdef int _WATCHED

cdef class Connection(Stream):
    cdef bytes _accept
    cdef bint _accepted
    cdef bint _advancing
    cdef Py_ssize_t _body_limit
    cdef double _deadline
    cdef bint _direct
    cdef Py_ssize_t _drained
    cdef bint _expect
    cdef int _fd
    cdef object _file
    cdef bytes _file_after
    cdef object _file_future
    cdef bint _head_begun
    cdef double _head_seconds
    cdef Py_ssize_t _high_water
    cdef int _input
    cdef double _keep_alive_seconds
    cdef bint _lingering
    cdef bint _logged
    cdef bint _lost
    cdef object _peer
    cdef bint _peer_eof
    cdef bint _queued
    cdef long long _rate_mark
    cdef double _rate_since
    cdef Reader _reader
    cdef bint _reading_paused
    cdef long long _received
    cdef bint _responded
    cdef Service _service
    cdef bint _spilled
    cdef object _transport
    cdef bint _trusted
    cdef Worker _worker
    cdef Writer _writer
    cdef long long _written
    cdef bint _wsgi
    cdef public Exchange exchange
    cdef public bint is_websocket

    @cython.locals(exchange=Exchange)
    cpdef data_received(self, bytes data)
    @cython.locals(started=int, deferred=bint, head=Head)
    cpdef _advance(self)
    @cython.locals(
        old=bint, service=Service, exchange=Exchange, worker=Worker, request=HttpExchange
    )
    cdef _begin(self, Head head)
    cdef _start(self, Exchange exchange)
    cdef Exchange _begin_websocket(self, Head head)
    @cython.locals(reader=Reader, data=bytes, ended=bint, exchange=Exchange)
    cdef bint _take_body(self) except -1
    cdef _end(self)
    cdef _refuse(self, object exc)
    cdef _answer(self, int status, str text, object headers, bint bodyless)
    cdef _close(self)
    cdef _linger(self)
    cdef _pause(self)
    cdef _resume(self)
    cpdef long long head(
        self, object status, object headers, bint bodyless, bint trailers
    ) except? -2
    cpdef object flush(self)
    @cython.locals(out=object)
    cpdef object body(self, bytes data, bint end)
    cpdef object file(self, int fd, long long offset, long long count, bint end)
    cpdef object trailers(self, object headers)
    cpdef object informational(self, int status, object headers)
    cpdef object accept(self, object headers)
    cpdef object read_more(self)
    cpdef object reset(self, str reason)
    @cython.locals(worker=Worker)
    cpdef object done(self)
    cdef _response_end(self)
    cdef _log(self, object exchange)
    @cython.locals(sent=Py_ssize_t, size=Py_ssize_t, part=bytes, direct=bint)
    cdef _write(self, object out)
    cdef _file_done(self)
    @cython.locals(state=int, exchange=Exchange)
    cpdef on_sweep(self, double now)
    cdef _check_sender(self, double now)
    @cython.locals(waiting="long long", gone="long long")
    cdef _check_reader(self, double now)
    cdef _check_paused(self)
    cpdef start_queued(self)
    cpdef refuse_queued(self)
    cpdef begin_shutdown(self)
    cpdef notify_disconnect(self)
    cpdef abort(self, object reason)
