-- SPDX-License-Identifier: Apache-2.0
-- What wrk knows at the end, as one JSON line; nothing runs per request, unless an argument asks for so many at a time.
function init(args)
	local n = tonumber(args[1] or 1)
	if n > 1 then
		local batch = string.rep(wrk.format(), n)
		request = function() return batch end
	end
end

function done(summary, latency, requests)
	local bad = summary.errors.connect + summary.errors.read + summary.errors.write +
		summary.errors.status + summary.errors.timeout
	io.write(string.format('{"requests": %d, "us": %d, "p99_us": %d, "errors": %d}\n',
		summary.requests, summary.duration, latency:percentile(99), bad))
end
