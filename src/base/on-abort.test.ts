import { afterEach, describe, expect, it } from "vitest";
import { onAbort } from "./on-abort.ts";

const warnings: unknown[] = [];
const listen = (warning: unknown) => warnings.push(warning);
afterEach(() => process.off("warning", listen));

describe("onAbort", () => {
  it("calls everybody once who has not cancelled", () => {
    const stop = new AbortController();
    const called: string[] = [];
    const call = () => called.push("twice");
    onAbort(stop.signal, call);
    onAbort(stop.signal, call);
    onAbort(stop.signal, () => called.push("never"))();
    const cancel = onAbort(stop.signal, () => called.push("once"));
    stop.abort();
    cancel();
    expect(called).toEqual(["twice", "twice", "once"]);
  });

  it("lets one callback cancel another", () => {
    const stop = new AbortController();
    const called: string[] = [];
    let cancel = () => {};
    onAbort(stop.signal, () => cancel());
    cancel = onAbort(stop.signal, () => called.push("cancelled"));
    stop.abort();
    expect(called).toEqual([]);
  });

  it("bears thousands on one signal without a warning", async () => {
    process.on("warning", listen);
    const { signal } = new AbortController();
    for (let query = 0; query < 5000; query++) onAbort(signal, () => {});
    await new Promise((done) => setImmediate(done));
    expect(warnings).toEqual([]);
  });
});
