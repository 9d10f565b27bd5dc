import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, test } from "vitest";
import { arbitraryIpv4, arbitraryIpv6, arbitraryOctets } from "../../test/fuzz/arbitrary-message.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip.ts";

test("parseIpv4 and parseIpv6 take what node:net takes", () => {
  const nearly = fc.stringMatching(/^[0-9a-fA-F:.]{0,20}$/);
  const group = fc.constantFrom("0", "1", "db8", "ffff", "00001", "", "192.0.2.1", "256.1.1.1", "g");
  const groups = fc.array(group, { maxLength: 9 }).map((parts) => parts.join(":"));
  const numbers = fc
    .array(fc.constantFrom("0", "1", "01", "255", "256", ""), { maxLength: 5 })
    .map((p) => p.join("."));
  fc.assert(
    fc.property(fc.oneof(nearly, groups, numbers, arbitraryIpv4, arbitraryIpv6), (text) => {
      expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
      expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
    }),
    { numRuns: 3000 },
  );
});

test("parseIpv6 reads what ipaddr.js reads", () => {
  // ipaddr.js takes the deprecated ::192.0.2.1 (RFC 4291 §2.5.5.1) for ::ffff:192.0.2.1.
  const isCompatible = (text: string) => /^::\d+\./.test(text);
  const others = fc.ipV6().filter((text) => !isCompatible(text));
  fc.assert(
    fc.property(fc.oneof(arbitraryIpv6, others), (text) => {
      expect([...parseIpv6(text)!]).toEqual(ipaddr.IPv6.parse(text).toByteArray());
    }),
  );
});

test("formatIpv6 writes what ipaddr.js writes, IPv4-mapped addresses apart", () => {
  fc.assert(
    fc.property(arbitraryIpv6, (text) => {
      const address = ipaddr.IPv6.parse(text);
      if (!address.isIPv4MappedAddress()) expect(text).toBe(address.toRFC5952String());
    }),
    { numRuns: 1000 },
  );
});

test("parseIpv6 reads an IPv4-compatible address", () => {
  expect(parseIpv6("::192.0.2.1")).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1));
});

test("format and parse are each other's inverse", () => {
  fc.assert(
    fc.property(arbitraryOctets(16, 16), (octets) => {
      expect(parseIpv6(formatIpv6(octets))).toEqual(octets);
      expect(parseIpv4(formatIpv4(octets.subarray(0, 4)))).toEqual(octets.subarray(0, 4));
    }),
  );
});

test.each([
  ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["fe80:0:0:0:0:0:0:0", "fe80::"],
  ["0:0:0:0:0:ffff:c000:201", "::ffff:192.0.2.1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
])("formatIpv6 writes %s as %s (RFC 5952)", (text, expected) => {
  expect(formatIpv6(parseIpv6(text)!)).toBe(expected);
});

test("parseIpv6 refuses a zone", () => {
  expect(parseIpv6("fe80::1%eth0")).toBeUndefined();
});
