// Sends messages (hex lines on stdin) over UDP from one socket, then one query for SENTINEL, until that is answered.
// node blast.mjs ADDRESS PORT SENTINEL COUNT: COUNT further queries for names that do not exist go first.
// Prints {"answered": N, "rcodes": {"1": N, ...}, "sentinelMs": N}.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";

const [address, port, sentinel, count] = process.argv.slice(2);
const lines = readFileSync(0, "utf8").split("\n").filter(Boolean);

// RD, and one question.
const REST_OF_HEADER = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0];

function query(id, name, type = 1) {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([id >> 8, id & 255, ...REST_OF_HEADER, ...labels, 0, type >> 8, type & 255, 0, 1]);
}

const SENTINEL_ID = 0xfffe;
// A type that nobody has asked for: the data plane hands it over, behind all that it has handed over before.
const SENTINEL_TYPE = 0x1000 + (process.pid & 0x7fff);
const RETRY_MS = 200;
const rcodes = {};
let answered = 0;
const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
socket.connect(Number(port), address, () => {
  for (const line of lines) socket.send(Buffer.from(line, "hex"), () => {});
  for (let index = 0; index < Number(count); index++)
    socket.send(query(index & 0x7fff, `nobody-${index}.example`), () => {});
  const begin = performance.now();
  const ask = () => socket.send(query(SENTINEL_ID, sentinel, SENTINEL_TYPE), () => {});
  const timer = setInterval(ask, RETRY_MS);
  ask();
  socket.on("message", (response) => {
    if (response.readUInt16BE(0) === SENTINEL_ID) {
      clearInterval(timer);
      socket.close();
      process.stdout.write(JSON.stringify({ answered, rcodes, sentinelMs: performance.now() - begin }));
      return;
    }
    answered++;
    const rcode = response[3] & 15;
    rcodes[rcode] = (rcodes[rcode] ?? 0) + 1;
  });
  socket.on("error", () => {});
});
