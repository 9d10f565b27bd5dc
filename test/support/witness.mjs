// Asks 127.0.0.1:PORT for the A records of NAME, eight queries at a time, until its stdin ends. Prints "asking" with the
// first answer, and in the end a JSON list of [when it was asked, the last address in the answer], the time in
// milliseconds of the clock that process.hrtime reads, which all processes have in common.
// node witness.mjs PORT NAME
import { createSocket } from "node:dgram";

const [port, name] = process.argv.slice(2);
const AT_A_TIME = 8;
const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
const askedAt = new Map();
const seen = [];
let lastId = 0;
let isOver = false;

function now() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function ask() {
  lastId = (lastId + 1) & 0xffff;
  askedAt.set(lastId, now());
  socket.send(
    Buffer.from([lastId >> 8, lastId & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]),
  );
}

const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
socket.on("message", (response) => {
  const id = response.readUInt16BE(0);
  const at = askedAt.get(id);
  if (at === undefined || isOver) return;
  askedAt.delete(id);
  if (seen.length === 0) process.stdout.write("asking\n");
  seen.push([at, response[7] > 0 ? [...response.subarray(-4)].join(".") : `rcode ${response[3] & 15}`]);
  ask();
});
socket.connect(Number(port), "127.0.0.1", () => {
  for (let i = 0; i < AT_A_TIME; i++) ask();
});
process.stdin.resume().on("end", () => {
  isOver = true;
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
});
