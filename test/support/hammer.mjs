// Asks 127.0.0.1:PORT over UDP in rounds: MISSES queries for names that do not exist, each with so much PADDING, whose
// answers it does not wait for; then one for the A records of NAME, which it does. A round that is not answered in ten
// seconds ends it with a fault. Prints {"answered": N, "refused": SERVFAILs to the others, "others": N}. The others have
// this OPCODE, 0 if it is not said.
// node hammer.mjs PORT NAME ROUNDS MISSES PADDING [OPCODE]
import { createSocket } from "node:dgram";

const [port, name, ...numbers] = process.argv.slice(2);
const [rounds, misses, padding, opcode = 0] = numbers.map(Number);
const ROUND_MS = 10_000;
const IS_MISS = 0x8000;
const OPT = [0, 0, 41, 16, 0, 0, 0, 0, 0];
const two = (value) => [value >> 8, value & 255];

function query(id, qname, pad, code = 0) {
  const labels = qname.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  const opt = [...OPT, ...two(pad + 4), 0, 12, ...two(pad)];
  return Buffer.concat([
    Buffer.from([...two(id), (code << 3) | 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, ...labels, 0, 0, 1, 0, 1, ...opt]),
    Buffer.alloc(pad),
  ]);
}

const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
let [answered, refused, others, sent] = [0, 0, 0, 0];
let round = 0;
let timer;

function ask() {
  if (round === rounds) {
    process.stdout.write(JSON.stringify({ answered, refused, others }));
    socket.close();
    return;
  }
  round += 1;
  for (let i = 0; i < misses; i++, sent++)
    socket.send(query(IS_MISS | (sent & 0x7fff), `nobody-${sent}`, padding, opcode));
  socket.send(query(round & 0x7fff, name, 0));
  timer = setTimeout(() => {
    process.stderr.write(`round ${round} was not answered\n`);
    process.exit(1);
  }, ROUND_MS);
}

socket.on("message", (response) => {
  const id = response.readUInt16BE(0);
  if (id & IS_MISS) {
    if ((response[3] & 15) === 2) refused += 1;
    else others += 1;
  } else if (id === (round & 0x7fff)) {
    clearTimeout(timer);
    answered += 1;
    ask();
  }
});
socket.connect(Number(port), "127.0.0.1", ask);
