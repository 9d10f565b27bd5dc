import { afterEach, describe, expect, it } from "vitest";
import { type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { selfConnection } from "./self-connection.ts";

describe.skipIf(whyNot !== undefined)(`a connection with itself${skipped}`, () => {
  const namespaces = namespaceFixture();
  let namespace: Namespace | undefined;
  afterEach(async () => {
    namespace?.close();
    await namespaces.cleanup();
  });

  it("comes about, and leaves nothing when it is closed", () => {
    namespace = openNamespace(namespaces.add());
    const before = openDescriptors();
    const connection = selfConnection(namespace, "127.0.0.11");
    expect(connection.port).toBeGreaterThan(1023);
    connection.connect();
    expect(openDescriptors()).toBe(before + 1);
    connection.close();
    connection.close();
    expect(openDescriptors()).toBe(before);
  });

  it("is refused where there is no such address", () => {
    namespace = openNamespace(namespaces.add());
    const before = openDescriptors();
    expect(() => selfConnection(namespace!, "192.0.2.1")).toThrow(
      expect.objectContaining({ code: "EADDRNOTAVAIL" }),
    );
    expect(openDescriptors()).toBe(before);
  });
});
