import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { dataPlane } from "../../src/dataplane/data-plane.ts";

/**
 * Starts a data plane with the program that it is given, and ends without closing it: with `exit` at once, else when
 * there is nothing more to do. Prints when, in milliseconds of the clock that process.hrtime reads.
 */
const [program = "", how] = process.argv.slice(2);
const plane = dataPlane({
  workers: 1,
  tableOctets: 1024 * 1024,
  program: new URL(program),
  handler: { handle: async () => undefined },
  signature: () => "",
  exists: () => true,
  owner: () => "",
  settled: () => {},
  labels: () => ({ qtype: "", rcode: "", origin: "registry" }),
  clock: systemClock,
  log: silentLog,
});
// Nothing of it keeps the process alive.
const waiting = setInterval(() => {}, 1000);
await plane.started;
clearInterval(waiting);
const [seconds, nanoseconds] = process.hrtime();
process.stdout.write(`${seconds * 1000 + nanoseconds / 1e6}\n`);
if (how === "exit") process.exit(0);
