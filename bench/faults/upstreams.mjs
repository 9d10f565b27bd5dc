// Upstreams, each with its manner, in a process of their own, so that what the benchmark does meanwhile is not in their
// times: ADDRESS=MANNER..., at port 53, UDP and TCP. Prints "ready".
//
// Every name has the same A and AAAA; a first label "truncated" cuts the answer off over UDP. `willing` answers,
// `silent` never does, `failing` says SERVFAIL, `onlyA` is silent on all but A, and `late` takes a second and a half.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const HEADER = 12;
const LATE_MS = 1500;
const RDATA = new Map([
  [1, Buffer.from([192, 0, 2, 53])],
  [28, Buffer.from("20010db8000000000000000000000053", "hex")],
]);
const TRUNCATED = Buffer.from("\x09truncated");

function respond(query, manner, isUdp) {
  let end = HEADER;
  while (query[end] !== 0) end += query[end] + 1;
  const type = query.readUInt16BE(end + 1);
  if (manner === "silent" || (manner === "onlyA" && type !== 1)) return undefined;
  const question = query.subarray(HEADER, end + 5);
  const isCut = isUdp && question.subarray(0, TRUNCATED.length).equals(TRUNCATED);
  const rdata = manner === "failing" || isCut ? undefined : RDATA.get(type);
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE(0x8180 | (isCut ? 0x0200 : 0) | (manner === "failing" ? 2 : 0), 2);
  header.writeUInt16BE(rdata === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  if (rdata === undefined) return Buffer.concat([header, question]);
  const record = Buffer.from([0xc0, HEADER, type >> 8, type & 255, 0, 1, 0, 0, 0, 60, 0, rdata.length]);
  return Buffer.concat([header, question, record, rdata]);
}

function serve(address, manner) {
  const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  udp.on("message", (query, from) => {
    const response = respond(query, manner, true);
    if (response === undefined) return;
    const answer = () => udp.send(response, from.port, from.address, () => {});
    if (manner === "late") setTimeout(answer, LATE_MS);
    else answer();
  });
  const tcp = createServer((socket) => {
    let buffered = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const query = buffered.subarray(2, 2 + buffered.readUInt16BE(0));
        buffered = buffered.subarray(2 + query.length);
        const response = respond(query, manner, false);
        if (response === undefined) continue;
        socket.write(Buffer.concat([Buffer.from([response.length >> 8, response.length & 255]), response]));
      }
    });
  });
  const isReady = (server, listen) =>
    new Promise((resolve, reject) => {
      server.once("error", reject).once("listening", resolve);
      listen();
    });
  return Promise.all([
    isReady(udp, () => udp.bind(53, address)),
    isReady(tcp, () => tcp.listen(53, address)),
  ]);
}

await Promise.all(process.argv.slice(2).map((argument) => serve(...argument.split("="))));
process.stdout.write("ready\n");
