// Asks 127.0.0.11:53 for the A record of NAME, one query every INTERVAL_MS, each with an id of its own, until its
// stdin ends; then waits for the stragglers, and prints a JSON report. Nothing is asked twice.
// node storm.mjs NAME INTERVAL_MS MODE [GRACE_MS]
//   fixed: UDP, all from one port   fresh: UDP, each from a port of its own   tcp: each over a connection of its own
//   kept: TCP, all over one connection, made anew only when that ends
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const [name, intervalMs, mode, graceMs = "1500"] = process.argv.slice(2);
const address = process.env.STORM_ADDRESS ?? "127.0.0.11";
const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
/** By number of the query: when it was sent, and how it ended. */
const sent = [];
const outcomes = [];
const by = {};

function query(number) {
  const id = number & 0xffff;
  return Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

function answered(number, response) {
  if (outcomes[number] !== undefined) return;
  const rcode = response[3] & 15;
  const who = rcode === 0 && response[7] > 0 ? [...response.subarray(-4)].join(".") : `rcode ${rcode}`;
  outcomes[number] = who;
  by[who] ??= { count: 0, first: Date.now(), last: 0, slowestMs: 0 };
  by[who].count++;
  by[who].last = Date.now();
  by[who].slowestMs = Math.max(by[who].slowestMs, Date.now() - sent[number]);
}

const failed = (number, why) => {
  if (outcomes[number] === undefined) outcomes[number] = `failed: ${why}`;
};

/** An error tells of the query `number`, or of one of the last. */
function udpSocket(open, number) {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  socket.on("message", (response) => answered(numberOf(response.readUInt16BE(0)), response));
  socket.on("error", (error) => failed(number ?? sent.length - 1, error.code));
  socket.connect(53, address, () => open(socket));
}

/** Which query an id stands for: no older one is waited for. */
const numberOf = (id) => sent.length - 1 - ((sent.length - 1 - id) & 0xffff);

function overTcp(number, socket) {
  const octets = query(number);
  socket.write(Buffer.concat([Buffer.from([0, octets.length]), octets]));
}

function tcpSocket() {
  let buffered = Buffer.alloc(0);
  const socket = connect({ port: 53, host: address });
  socket.setNoDelay(true);
  socket.unanswered = new Set();
  socket.on("data", (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const response = buffered.subarray(2, 2 + buffered.readUInt16BE(0));
      buffered = buffered.subarray(2 + response.length);
      const number = numberOf(response.readUInt16BE(0));
      socket.unanswered.delete(number);
      answered(number, response);
      if (mode === "tcp") socket.end();
    }
  });
  const over = (why) => {
    socket.over = true;
    for (const number of socket.unanswered) failed(number, why);
  };
  socket.on("error", (error) => over(error.code));
  socket.on("end", () => over("ended"));
  socket.on("close", () => over("closed"));
  return socket;
}

let kept;
const modes = {
  fixed: (socket) => (number) => socket.send(query(number), () => {}),
  fresh: () => (number) =>
    udpSocket((socket) => {
      socket.send(query(number), () => {});
      setTimeout(() => socket.close(), Number(graceMs));
    }, number),
  tcp: () => (number) => {
    const socket = tcpSocket();
    socket.unanswered.add(number);
    overTcp(number, socket);
  },
  kept: () => (number) => {
    if (kept === undefined || kept.over) kept = tcpSocket();
    kept.unanswered.add(number);
    overTcp(number, kept);
  },
};

udpSocket((socket) => {
  const ask = modes[mode](socket);
  const timer = setInterval(() => {
    const number = sent.push(Date.now()) - 1;
    ask(number);
  }, Number(intervalMs));
  process.stdout.write("storming\n");
  process.stdin.resume().on("end", () => {
    clearInterval(timer);
    setTimeout(() => {
      const lost = sent.flatMap((at, number) => {
        const outcome = outcomes[number] ?? "no answer";
        return /^(failed|no answer)/.test(outcome) ? [{ at, outcome }] : [];
      });
      process.stdout.write(JSON.stringify({ sent: sent.length, by, lost }), () => process.exit(0));
    }, Number(graceMs));
  });
});
