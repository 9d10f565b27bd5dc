import { expect, test } from "vitest";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import { noTransfer } from "./no-transfer.ts";
import type { Query } from "./resolver.ts";
import { noTrace } from "./trace.ts";

const query = (type: number): Query => ({
  question: { name: "example.", type, class: RrClass.IN },
  client: { sandbox: undefined, transport: "tcp" },
  rd: true,
  cd: false,
  ad: false,
  do: false,
  signal: new AbortController().signal,
  trace: noTrace,
});

test.each([RrType.AXFR, RrType.IXFR])("zone transfers (type %d) are refused", (type) => {
  expect(() => noTransfer().resolve(query(type))).toThrow(expect.objectContaining({ rcode: Rcode.REFUSED }));
});

test.each([RrType.A, RrType.ANY, RrType.SOA])("type %d is declined", async (type) => {
  expect(await noTransfer().resolve(query(type))).toBeUndefined();
});
