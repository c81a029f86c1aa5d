-- wrk script. METHOD, BODY, AUTH, CTYPE come from the environment; answers that are not 200 are
-- counted as bad. With POOL (a file, one token a line) the text {token} in BODY is replaced by
-- the next token, beginning after the first START lines and over again at the end.
local body = os.getenv("BODY") or ""
local pool, at, before, after = {}, tonumber(os.getenv("START") or "0"), "", ""
wrk.method = os.getenv("METHOD") or "GET"
if #body > 0 then
  wrk.body = body
  wrk.headers["Content-Type"] = os.getenv("CTYPE")
end
local auth = os.getenv("AUTH") or ""
if #auth > 0 then wrk.headers["Authorization"] = auth end

local threads = {}
function setup(thread)
  table.insert(threads, thread)
  thread:set("bad", 0)
  thread:set("good", 0)
end

function init(_)
  bad, good = 0, 0
  local file = os.getenv("POOL") or ""
  if #file > 0 then
    for line in io.lines(file) do pool[#pool + 1] = line end
    local from, to = body:find("{token}", 1, true)
    before, after = body:sub(1, from - 1), body:sub(to + 1)
  end
end

function request()
  if #pool == 0 then return wrk.format() end
  local token = pool[at % #pool + 1]
  at = at + 1
  return wrk.format(nil, nil, nil, before .. token .. after)
end

function response(status, _, _)
  if status == 200 then good = good + 1 else bad = bad + 1 end
end

function done(summary, latency, _)
  local bad, good = 0, 0
  for _, thread in ipairs(threads) do
    bad = bad + (thread:get("bad") or 0)
    good = good + (thread:get("good") or 0)
  end
  local e = summary.errors
  io.write(string.format(
    "RESULT seconds=%.4f p50_ms=%.3f p90_ms=%.3f p99_ms=%.3f max_ms=%.2f good=%d bad=%d failed=%d\n",
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, good, bad,
    e.connect + e.read + e.write + e.timeout))
end
