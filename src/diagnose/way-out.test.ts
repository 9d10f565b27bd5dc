import { expect, test } from "vitest";
import { hasWayOut } from "./way-out.ts";

const HEADINGS = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const ZEROS = "0".repeat(32);
const v6 = (name: string) =>
  `${ZEROS} 00 ${ZEROS} 00 ${ZEROS} ffffffff 00000001 00000000 00200200 ${name.padStart(8)}\n`;

test.each([
  ["no route (docker run --network none)", HEADINGS, v6("lo"), false],
  [
    "a route of IPv4",
    `${HEADINGS}eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`,
    v6("lo"),
    true,
  ],
  ["a route of IPv6", HEADINGS, v6("lo") + v6("eth0"), true],
  ["a kernel without IPv6", HEADINGS, undefined, false],
])("%s", (_, route, ipv6Route, is) => {
  const net = (file: string): string => {
    const text = file === "route" ? route : ipv6Route;
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
  expect(hasWayOut({ net })).toBe(is);
});
