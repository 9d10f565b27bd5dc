import { describe, expect, test } from "vitest";
import { spokenApi } from "./docker-client.ts";

describe("the API that is spoken", () => {
  test.each([
    ["1.24", undefined, "1.24"],
    ["1.41", "1.12", "1.41"],
    ["1.9", "1.9", "1.9"],
    ["1.52", "1.44", "1.52"],
    ["1.60", "1.44", "1.52"],
    ["2.0", "1.44", "1.52"],
  ])("with an engine that has %s down to %s is %s", (newest, oldest, spoken) => {
    expect(spokenApi(newest, oldest)).toBe(spoken);
  });

  test("is none with an engine that has left all of ours behind", () => {
    expect(() => spokenApi("1.99", "1.90")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });
});
