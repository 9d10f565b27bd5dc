import { expect, test } from "vitest";
import { engineResolver } from "./engine-resolver.ts";

/** As printed by a kernel 6.1 in a container of Engine 20.10, attached by eleven, while a program asks. */
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  418: 0B00007F:A5D2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 37021 2 0000000000000000 0
  512: 0100007F:E0F2 0B00007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 37544 2 0000000000000000 0
  733: 0B00007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 37500 2 0000000000000000 0
`;
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:9C3B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 37022 1 0000000000000000 100 0 0 10 0
   1: 0B00007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 37501 1 0000000000000000 100 0 0 10 0
   2: 0B00007F:8AAA 0B00007F:8AAA 01 00000000:00000000 00:00000000 00000000     0        0 37502 1 0000000000000000 100 0 0 10 0
`;

test("the engine's resolver is known by its sockets, beside ours and those of clients", () => {
  expect(engineResolver((file) => (file === "udp" ? UDP : TCP))).toEqual({
    server: { address: "127.0.0.11", port: 0xa5d2 },
    tcpPort: 0x9c3b,
  });
});

test("without a socket of its own there is none", () => {
  const ours = UDP.split("\n")
    .filter((line) => !line.includes("A5D2"))
    .join("\n");
  expect(engineResolver((file) => (file === "udp" ? ours : TCP))).toBeUndefined();
});
