// Stands in for Docker's resolver: UDP and TCP on random ports of 127.0.0.11 (or of the address given), every A query is
// answered with ANSWER, one for a name that begins with "slow" after SLOW_MS. Prints "UDPPORT TCPPORT".
// node stand-in.mjs ANSWER [SLOW_MS [ADDRESS [PORT]]]
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const [answer, slowMs = "300", address = "127.0.0.11", port = "0"] = process.argv.slice(2);
const slow = Buffer.from("\x04slow");

function respond(query, send) {
  if (query.length < 12) return;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 6);
  header.fill(0, 8);
  let end = 12;
  while (query[end] !== 0) end += query[end] + 1;
  const question = query.subarray(12, end + 5);
  const rdata = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split(".").map(Number)]);
  const response = Buffer.concat([header, question, rdata]);
  if (question.subarray(0, 5).equals(slow)) setTimeout(send, Number(slowMs), response);
  else send(response);
}

const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
udp.on("message", (query, from) =>
  respond(query, (response) => udp.send(response, from.port, from.address, () => {})),
);
udp.on("error", () => {});
const tcp = createServer({ allowHalfOpen: true }, (socket) => {
  let buffered = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("data", (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const query = buffered.subarray(2, 2 + buffered.readUInt16BE(0));
      buffered = buffered.subarray(2 + query.length);
      respond(query, (response) => {
        const length = Buffer.from([response.length >> 8, response.length & 255]);
        socket.write(Buffer.concat([length, response]));
      });
    }
  });
});
udp.bind(Number(port), address, () =>
  tcp.listen(Number(port), address, () =>
    process.stdout.write(`${udp.address().port} ${tcp.address().port}\n`),
  ),
);
