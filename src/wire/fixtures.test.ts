import { expect, test } from "vitest";
import { wireFixtures } from "../../test/fuzz/fixtures.ts";
import { composeMessage } from "./compose.ts";
import { parseMessage } from "./parse.ts";
import { formatRdata } from "./presentation.ts";

const fixtures = wireFixtures();

test.each(fixtures)("parseMessage tells $name: $defect", ({ octets, outcome }) => {
  const parsed = parseMessage(octets);
  expect(parsed.ok ? "ok" : parsed.error.reason).toBe(outcome);
});

test.each(fixtures.filter(({ outcome }) => outcome === "ok"))(
  "composeMessage keeps $name: $defect",
  ({ octets }) => {
    const parsed = parseMessage(octets);
    if (!parsed.ok) throw parsed.error;
    expect(parseMessage(composeMessage(parsed.message))).toEqual(parsed);
  },
);

test.each([
  ["srv-compressed", "0 0 80 web.shop."],
  ["minfo-compressed", "\\# 20 037765620473686f7000037765620473686f7000"],
  ["chaos-address", "\\# 12 037765620473686f70000123"],
  ["svcb-value-odd", '1 . key4="\\192\\000\\002"'],
  ["update-delete", "\\# 0"],
])("the data of %s is %s", (name, data) => {
  const parsed = parseMessage(fixtures.find((fixture) => fixture.name === name)!.octets);
  if (!parsed.ok) throw parsed.error;
  expect(formatRdata(parsed.message.answers[0]!)).toBe(data);
});
