// HTTP requests as runs: node http.js QUEUE. Parameters: method, url, headers, body, timeout in seconds.
// The result has status, headers and body. 429 and 5xx are tried again, not before their Retry-After;
// other 4xx are not; redirects are answers. The id of the run is the idempotency key of all attempts.
const { serve, complete, Final } = require('./worker');

async function request(run) {
  const { method = 'GET', url, headers = {}, body = null, timeout = 30 } = run.params;
  if (!/^https?:/i.test(url)) throw new Final(`no HTTP: ${url}`);
  const response = await fetch(url, {
    method,
    headers: { ...headers, 'Idempotency-Key': run.run },
    body: body === null || typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout * 1000),
  });
  const text = (await response.text()).replaceAll('\0', '').slice(0, 100000).toWellFormed();     // as jsonb takes it
  if (response.status >= 400) {
    const again = response.status === 429 || response.status >= 500;
    throw Object.assign(new (again ? Error : Final)(text.slice(0, 1000)),
      { code: String(response.status), retryAt: again ? time(response.headers.get('Retry-After')) : null });
  }
  await complete(run, { status: response.status, headers: Object.fromEntries(response.headers), body: text });
}

function time(after) {                          // seconds, or a date
  const at = /^\d+$/.test(after) ? Date.now() + after * 1000 : Date.parse(after);
  return isNaN(at) ? null : new Date(at);
}

serve(process.argv[2], request);
