-- SPDX-License-Identifier: Apache-2.0
-- What wrk knows at the end, as one JSON line; nothing runs per request.
function done(summary, latency, requests)
	local bad = summary.errors.connect + summary.errors.read + summary.errors.write +
		summary.errors.status + summary.errors.timeout
	io.write(string.format('{"requests": %d, "us": %d, "p99_us": %d, "errors": %d}\n',
		summary.requests, summary.duration, latency:percentile(99), bad))
end
