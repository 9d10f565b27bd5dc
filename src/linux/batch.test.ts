import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { batch } from "./batch.ts";
import { ADDRESS_STRIDE, BATCH } from "./batch-size.ts";
import { openNamespace } from "./namespace.ts";
import { namespaceFixture, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { ipv4Address, serverSockets } from "./sockets.ts";

describe.skipIf(whyNot !== undefined)(`a batch${skipped}`, () => {
  const { add, cleanup } = namespaceFixture();
  afterEach(cleanup);

  test.each([
    { answers: "each", perAddress: 1 },
    { answers: "four, which go as one,", perAddress: 4 },
  ])(
    "is given up soon where $answers of its answers are for an address that is nobody's",
    ({ perAddress }) => {
      const path = add();
      const ip = (line: string) =>
        execFileSync("ip", ["-n", path.slice("/run/netns/".length), ...line.split(" ")]);
      ip("link add va type veth peer name vb");
      ip("addr add 10.77.0.1/16 dev va");
      for (const link of ["va", "vb"]) ip(`link set ${link} up`);
      const namespace = openNamespace(path);
      const { udp, tcp } = serverSockets(namespace, { address: "10.77.0.1", port: 5300 });
      const io = batch();
      for (let place = 0; place < BATCH; place++) {
        const address = `10.77.1.${place % (BATCH / perAddress)}`;
        io.addresses.set(ipv4Address({ address, port: 5300 }), place * ADDRESS_STRIDE);
        io.answer(place, place, 512);
      }
      const [begin, batches] = [performance.now(), 50];
      let unsent = 0;
      for (let i = 0; i < batches; i++) unsent += io.send(udp, BATCH);
      // The kernel keeps them for seconds. To wait 20 ms for each batch would be a second.
      expect(unsent).toBeGreaterThan((batches * BATCH) / 2);
      expect(performance.now() - begin).toBeLessThan((batches * 20) / 2);
      for (const fd of [udp, tcp]) closeSync(fd);
      namespace.close();
    },
  );
});
