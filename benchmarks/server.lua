-- Requests for wrk: the files of a folder, in an order drawn at random, each the whole request as `server.py` wrote it.

local counts, pause = {}, tonumber(os.getenv("PAUSE_MS") or "0")
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  math.randomseed(15 + number)
  requests = {}
  for name in io.lines(os.getenv("REQUESTS")) do
    local file = assert(io.open(name, "rb"))
    table.insert(requests, file:read("*a"))
    file:close()
  end
  statuses = ""
  seen = {}
end

function request()
  return requests[math.random(#requests)]
end

function delay()
  return pause > 0 and math.random(0, 2 * pause) or 0
end

function response(status)
  seen[status] = (seen[status] or 0) + 1
  local parts = {}
  for code, count in pairs(seen) do
    table.insert(parts, string.format('"%d":%d', code, count))
  end
  statuses = table.concat(parts, ",")
end

function done(summary, latency, all)
  local each = {}
  for _, thread in ipairs(threads) do
    table.insert(each, "{" .. thread:get("statuses") .. "}")
  end
  io.write(string.format(
    'RESULT {"seconds":%f,"requests":%d,"p50":%f,"p99":%f,"most":%f,"socket":%d,"timeouts":%d,"statuses":[%s]}\n',
    summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout,
    table.concat(each, ",")))
end
