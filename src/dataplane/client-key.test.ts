import fc from "fast-check";
import { expect, test } from "vitest";
import { clientKey } from "./client-key.ts";

const ADDRESSES = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

/** As the kernel writes it: a struct sockaddr_in or sockaddr_in6. */
function sockaddr(address: Uint8Array, port: number, rest: Uint8Array): Uint8Array {
  const octets = new Uint8Array(32);
  octets.set(rest);
  octets.set([address.length === 4 ? 2 : 10, 0, port >> 8, port & 0xff]);
  octets.set(address, address.length === 4 ? 4 : 8);
  return octets;
}

function keyOf(fill: (key: ReturnType<typeof clientKey>) => void) {
  const key = clientKey(7);
  fill(key);
  return [[...key.words.subarray(0, key.wordCount)], key.hash, key.tag];
}

test("a client is known by its address alone, whatever else the kernel wrote", () => {
  fc.assert(
    fc.property(ADDRESSES, fc.nat(0xffff), fc.uint8Array({ maxLength: 32 }), (address, port, rest) => {
      const octets = new Uint8Array(64).fill(0xaa);
      octets.set(sockaddr(address, port, rest), 32);
      expect(keyOf((key) => key.read(octets, 32))).toEqual(keyOf((key) => key.readAddress(address)));
    }),
  );
});

test("different addresses have different keys", () => {
  fc.assert(
    fc.property(ADDRESSES, ADDRESSES, (one, other) => {
      const [a, b] = [keyOf((key) => key.readAddress(one)), keyOf((key) => key.readAddress(other))];
      expect(JSON.stringify(a[0]) === JSON.stringify(b[0])).toBe([...one].join() === [...other].join());
    }),
  );
});
