-- The load of the HTTP rows: sends prebuilt requests in turn and reads the server's CPU clocks.
--
-- wrk ... -s wrk.lua URL -- REQUESTS_FILE WARM_UP_S CLOCK_ID...
--
-- wrk reports totals over its whole run, which includes connecting and warming up. The window that
-- counts opens after WARM_UP_S and closes with the run, and both ends take the number of requests
-- and the CPU time of the server's processes at the same instant. In a closed loop every
-- connection has one request under way at both ends, so what was issued is what was answered.

local ffi = require("ffi")
ffi.cdef[[
  struct bench_time { long s; long ns; };
  int clock_gettime(int clock, struct bench_time *now);
]]
local CLOCK_MONOTONIC = 1
local SAMPLE_EVERY = 256

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local requests, count = {}, 0
local issued, nextIndex = 0, 0
local clocks = {}
local openAt = 0
local now = ffi.new("struct bench_time[1]")

-- Read by done() through thread:get, which sees globals only.
first_issued, first_s, first_cpu_s = -1, 0, 0
last_issued, last_s, last_cpu_s = -1, 0, 0

local function read(clock)
  if ffi.C.clock_gettime(clock, now) ~= 0 then
    error("a process of the server is gone: clock " .. clock)
  end
  return tonumber(now[0].s) + tonumber(now[0].ns) / 1e9
end

local function cpu()
  local total = 0
  for i = 1, #clocks do
    total = total + read(clocks[i])
  end
  return total
end

local function sample()
  local at = read(CLOCK_MONOTONIC)
  if first_issued < 0 then
    if at >= openAt then
      first_issued, first_s, first_cpu_s = issued, at, cpu()
    end
  else
    last_issued, last_s, last_cpu_s = issued, at, cpu()
  end
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read(8)
    if not length then break end
    count = count + 1
    requests[count] = file:read(tonumber(length))
  end
  file:close()
  openAt = read(CLOCK_MONOTONIC) + tonumber(args[2])
  for i = 3, #args do
    clocks[#clocks + 1] = tonumber(args[i])
  end
end

function request()
  issued = issued + 1
  if issued % SAMPLE_EVERY == 0 then
    sample()
  end
  nextIndex = nextIndex + 1
  if nextIndex > count then
    nextIndex = 1
  end
  return requests[nextIndex]
end

function done(summary, latency)
  local thread = threads[1]
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "bytes": %d, "p50_us": %d, "p99_us": %d, ' ..
    '"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d, ' ..
    '"window_requests": %d, "window_s": %.6f, "window_cpu_s": %.6f}\n',
    summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    thread:get("last_issued") - thread:get("first_issued"),
    thread:get("last_s") - thread:get("first_s"),
    thread:get("last_cpu_s") - thread:get("first_cpu_s")))
end
