import { describe, expect, test } from "vitest";
import { clients } from "./clients.ts";
import { CLIENTS_MAX } from "./memory.ts";
import { quiescence } from "./quiescence.ts";

function fixture() {
  const memory = new SharedArrayBuffer(4 * CLIENTS_MAX);
  const worker = new Int32Array(1);
  const gone = new Set<string>();
  const signatures = new Map<string | undefined, string>();
  const names = new Map<string | undefined, string>();
  const settled: (readonly [row: number, sandbox: string | undefined, view: number])[] = [];
  const left: (readonly [row: number, view: number])[][] = [];
  const views = new Uint32Array(memory);
  const known = clients({
    views: memory,
    signature: (sandbox) => signatures.get(sandbox) ?? sandbox ?? "host",
    owner: (sandbox) => names.get(sandbox),
    exists: (sandbox) => !gone.has(sandbox),
    quiescence: quiescence([worker]),
    leave: (rows) => left.push(rows.map((row) => [row, views[row]!])),
    settle: (row) => settled.push([row, known.sandboxOf(row), views[row]!]),
  });
  /** Takes all rows but the given number. */
  function fill(but = 0): string[] {
    const names = Array.from({ length: CLIENTS_MAX - 1 - but }, (_, i) => `many-${i}`);
    for (const name of names) expect(known.of(name)).toBeDefined();
    return names;
  }
  return {
    known,
    views,
    gone,
    signatures,
    names,
    settled,
    left,
    fill,
    step: () => Atomics.add(worker, 0, 1),
  };
}

describe("clients", () => {
  test("each has a row of its own, and a view in common with those who see the same", () => {
    const { known, views, signatures } = fixture();
    signatures.set("a", "shop").set("b", "shop");
    const [host, a, b, c] = [undefined, "a", "b", "c"].map((sandbox) => known.of(sandbox)!);
    expect(new Set([host!.row, a!.row, b!.row, c!.row, 0]).size).toBe(5);
    expect(a!.view).toBe(b!.view);
    expect(new Set([host!.view, a!.view, c!.view, 0]).size).toBe(4);
    for (const one of [host!, a!, b!, c!]) expect(views[one.row]).toBe(one.view);
    expect(known.of("a")).toEqual(a);
    expect([known.sandboxOf(a!.row), known.sandboxOf(host!.row), known.sandboxOf(99)]).toEqual([
      "a",
      undefined,
      undefined,
    ]);
    expect([...known.rows()].sort()).toEqual([host!.row, a!.row, b!.row, c!.row].sort());
  });

  test("each is counted under the last name that it had, also when it is gone", () => {
    const { known, names } = fixture();
    names.set("a", "web-1");
    const { row } = known.of("a")!;
    names.set("a", "web-2");
    known.forget("a");
    known.of("a");
    expect(known.ownerOf(row)).toBe("web-2");
    names.delete("a");
    known.forget("a");
    known.of("a");
    expect([known.ownerOf(row), known.ownerOf(known.of("late")!.row)]).toEqual(["web-2", ""]);
  });

  test("a view that is forgotten is unknown to the workers until it is asked for, and is another generation", () => {
    const { known, views, signatures } = fixture();
    const [a, b] = [known.of("a")!, known.of("b")!];
    known.forget("a");
    known.forget("a");
    known.forget("nobody");
    expect([views[a.row], views[b.row]]).toEqual([0, b.view]);
    signatures.set("a", "b");
    const again = known.of("a")!;
    expect([again.row, again.view, again.generation === a.generation]).toEqual([a.row, b.view, false]);
    known.forgetAll();
    expect([views[a.row], views[b.row]]).toEqual([0, 0]);
    expect(known.of("b")!.generation).not.toBe(b.generation);
  });

  test("what has the same signature as long ago has the same view, or a new one, never another's", () => {
    const { known, signatures } = fixture();
    const used = new Map<number, string>();
    for (let time = 0; time < 40_000; time++) {
      const signature = `s${time % 20_000}`;
      signatures.set("a", signature);
      known.forget("a");
      const { view } = known.of("a")!;
      expect(used.get(view) ?? signature).toBe(signature);
      used.set(view, signature);
    }
  });

  test("without a free row there is none; those of sandboxes that are gone are used again", () => {
    const { known, gone, views, settled, left, fill, step } = fixture();
    const names = fill();
    expect(known.of("new")).toBeUndefined();
    const rows = names.map((name) => known.of(name)!.row);
    gone.add("many-3").add("many-5");
    step();
    // A worker may be counting there.
    expect([known.of("new"), settled]).toEqual([undefined, []]);
    expect([views[rows[3]!], views[rows[5]!], views[rows[4]!] === 0]).toEqual([0, 0, false]);
    expect(left).toEqual([
      [
        [rows[3], 0],
        [rows[5], 0],
      ],
    ]);
    expect(known.of("new")).toBeUndefined();
    step();
    const [one, other] = [known.of("new")!, known.of("newer")!];
    expect([one.row, other.row].sort()).toEqual([rows[3], rows[5]].sort());
    // With its last owner's name still, and before anybody else counts there.
    expect(settled).toEqual([
      [rows[3], "many-3", 0],
      [rows[5], "many-5", 0],
    ]);
    expect([known.sandboxOf(one.row), known.sandboxOf(other.row)]).toEqual(["new", "newer"]);
    expect(views[one.row]).toBe(one.view);
    expect(known.of("newest")).toBeUndefined();
  });

  test("the host keeps its row", () => {
    const { known, gone, fill } = fixture();
    const host = known.of(undefined)!;
    for (const name of fill(1)) gone.add(name);
    for (let i = 0; i < 2 * CLIENTS_MAX; i++) {
      const made = known.of(`later-${i}`);
      if (made !== undefined) expect(made.row).not.toBe(host.row);
      gone.add(`later-${i}`);
    }
    expect(known.of(undefined)).toEqual(host);
  });

  test("a sandbox that comes back after its row was given away is of another generation", () => {
    const { known, gone, fill } = fixture();
    fill();
    const before = known.of("many-7")!;
    gone.add("many-7").add("many-8");
    known.of("new");
    known.of("new");
    gone.delete("many-7");
    const after = known.of("many-7")!;
    expect(after.generation).not.toBe(before.generation);
  });

  test("a sandbox that comes back while its old row waits for the workers has both told as its own", () => {
    const { known, gone, settled, fill, step } = fixture();
    fill(0);
    gone.add("many-1").add("many-2");
    known.of("new");
    known.of("new");
    const newRow = known.of("new")!.row;
    gone.delete("many-1");
    step();
    const again = known.of("many-1");
    expect([again?.row === newRow, settled.map(([, sandbox]) => sandbox)]).toEqual([
      false,
      ["many-1", "many-2"],
    ]);
    if (again !== undefined) expect(known.sandboxOf(again.row)).toBe("many-1");
  });
});
