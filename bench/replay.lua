-- wrk script: sends the requests of a file, each once. REQUESTS names the file; each request stands after its length in six digits.
local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
file:setvbuf("full", 1048576)

function request()
   local length = file:read(6)
   if not length then
      io.stderr:write("the requests ran out\n")
      os.exit(3)
   end
   return file:read(tonumber(length))
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), latency.max, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout))
end
