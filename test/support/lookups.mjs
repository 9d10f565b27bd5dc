// The same as lookups.c with Node's dns.lookup, in one process and without namespaces:
// PATTERN COUNT AT_ONCE PAUSE_MS BEGIN_MS END_MS.
import { lookup } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";

const [pattern, ...numbers] = process.argv.slice(2);
const [count, atOnce, pauseMs, beginMs, endMs] = numbers.map(Number);
const lookups = [];
const origin = performance.now();

async function work() {
  while (lookups.length < count && performance.now() - origin <= beginMs) {
    const it = { began: performance.now(), ms: 0, error: "unfinished", v4: false, v6: false };
    const name = pattern.replace("%d", String(lookups.push(it) - 1));
    try {
      const addresses = await lookup(name, { all: true });
      it.error = null;
      it.v4 = addresses.some(({ family }) => family === 4);
      it.v6 = addresses.some(({ family }) => family === 6);
    } catch (error) {
      it.error = error.code;
    }
    it.ms = performance.now() - it.began;
    if (pauseMs > 0) await delay(pauseMs);
  }
}

function tell() {
  const lines = lookups.map(({ began, ms, ...rest }) => {
    const tookMs = rest.error === "unfinished" ? performance.now() - began : ms;
    return `${JSON.stringify({ ms: tookMs, ...rest })}\n`;
  });
  // The pool's threads may wait in getaddrinfo still.
  process.stdout.write(lines.join(""), () => process.kill(process.pid, "SIGKILL"));
}

setTimeout(tell, endMs);
await Promise.all(Array.from({ length: atOnce }, work));
tell();
