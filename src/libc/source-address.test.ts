import { describe, expect, test } from "vitest";
import { ipAddress } from "./ip-address.ts";
import { readSourceAddress, sourceFor } from "./source-address.ts";

function source(destination: string, sources: string): string | undefined {
  return sourceFor(
    ipAddress(destination)!,
    sources.split(" ").map((text) => readSourceAddress(text)!),
  )?.address.text;
}

describe("sourceFor", () => {
  // RFC 6724 §10.1, those without temporary addresses.
  test.each([
    ["2001:db8:1::1", "2001:db8:3::1 fe80::1", "2001:db8:3::1"],
    ["ff05::1", "2001:db8:3::1 fe80::1", "2001:db8:3::1"],
    ["2001:db8:1::1", "2001:db8:1::1+deprecated 2001:db8:2::1", "2001:db8:1::1"],
    ["fe80::1", "fe80::2+deprecated 2001:db8:1::1", "fe80::2"],
    ["2001:db8:1::1", "2001:db8:1::2 2001:db8:3::2", "2001:db8:1::2"],
    ["2001:db8:1::1", "2001:db8:1::2 2001:db8:3::2+home", "2001:db8:3::2"],
    [
      "2002:c633:6401::1",
      "2002:c633:6401:0:d5e3:7953:13eb:22e8 2001:db8:1::2",
      "2002:c633:6401:0:d5e3:7953:13eb:22e8",
    ],
  ])("to %s from %s: %s", (destination, sources, expected) => {
    expect(source(destination, sources)).toBe(expected);
  });

  test("loopback talks to itself only, on every host", () => {
    expect(source("127.0.0.5", "10.5.0.2")).toBe("127.0.0.1");
    expect(source("::1", "10.5.0.2")).toBe("::1");
    expect(source("10.5.0.9", "127.0.0.1")).toBeUndefined();
  });

  test("IPv4 goes by the most specific subnet, else by the first address", () => {
    expect(source("10.5.0.9", "10.0.0.2/8 10.5.0.2/24")).toBe("10.5.0.2");
    expect(source("192.0.2.1", "10.5.0.2/24 192.0.3.2/24")).toBe("10.5.0.2");
    expect(source("192.0.2.1", "10.5.0.2 192.0.3.2")).toBe("192.0.3.2");
  });

  test("a mapped destination is reached over IPv4, from a mapped address", () => {
    expect(source("::ffff:10.5.0.9", "fd05::2 10.5.0.2/24")).toBe("::ffff:10.5.0.2");
  });

  test("IPv6 counts no bits behind the source's prefix", () => {
    expect(source("fd05::9", "fd05::2/64 fd05::8/64")).toBe("fd05::2");
    expect(source("fd05::9", "fd05::2 fd05::8")).toBe("fd05::8");
  });
});

describe("readSourceAddress", () => {
  test.each(["", "web", "10.5.0", "10.5.0.2/33", "fd05::2/129", "10.5.0.2/", "fd05::2+new", "10.5.0.2 "])(
    "refuses %j",
    (text) => {
      expect(readSourceAddress(text)).toBeUndefined();
    },
  );
});
