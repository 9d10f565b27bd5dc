// A resolver like Docker's that keeps the records it is given: UDP and TCP on random ports of 127.0.0.11, TTL 600, names
// that it does not know are NXDOMAIN. Prints "UDPPORT TCPPORT". Takes other records on stdin, a line of JSON, and prints
// "kept" for each.
// node keeping.mjs '{"web": ["10.77.0.146"]}'
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

let records = JSON.parse(process.argv[2]);
createInterface({ input: process.stdin }).on("line", (line) => {
  records = JSON.parse(line);
  process.stdout.write("kept\n");
});

function respond(query) {
  let end = 12;
  const labels = [];
  while (query[end] !== 0) {
    labels.push(query.subarray(end + 1, end + 1 + query[end]).toString("latin1"));
    end += query[end] + 1;
  }
  const question = query.subarray(12, end + 5);
  const type = question.readUInt16BE(question.length - 4);
  const known = records[labels.join(".").toLowerCase()];
  const addresses = type === 1 ? (known ?? []).filter((address) => !address.includes(":")) : [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(addresses.length, 6);
  header.fill(0, 8);
  const answers = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...address.split(".").map(Number)]),
  );
  return Buffer.concat([header, question, ...answers]);
}

const udp = createSocket("udp4");
udp.on("message", (query, from) => {
  if (query.length >= 12) udp.send(respond(query), from.port, from.address, () => {});
});
const tcp = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", (octets) => {
    const response = respond(octets.subarray(2));
    socket.end(Buffer.concat([Buffer.from([response.length >> 8, response.length & 255]), response]));
  });
});
udp.bind(0, "127.0.0.11", () =>
  tcp.listen(0, "127.0.0.11", () => process.stdout.write(`${udp.address().port} ${tcp.address().port}\n`)),
);
