import { expect, test } from "vitest";
import type { AttachmentReport, UpstreamReport } from "../../api/control.ts";
import { attachments, upstreams } from "./status.ts";

function row(container: string, sandbox: string): AttachmentReport {
  return { container, sandbox, state: "attached", since: null, reason: null, remedy: null };
}

test("containers of one name are told apart by their keys", () => {
  const rows = attachments([row("web", "docker:x/1"), row("bb", "docker:x/2"), row("bb", "file:shop/bb")]);
  expect(rows.map(([container]) => container)).toEqual(["web", "docker:x/2", "file:shop/bb"]);
});

test("upstreams are told with the container that asks them, by its key where its name is another's, too", () => {
  const asked = (scope: string, sandbox: string | null) =>
    ({
      address: "10.0.0.9:53",
      scope,
      sandbox,
      rttMs: null,
      reason: null,
      silentOn: [],
    }) as unknown as UpstreamReport;
  const rows = upstreams([
    asked("host", null),
    asked("host", "file:shop/host"),
    asked("web", "docker:x/1"),
    asked("web", "file:shop/web"),
  ]);
  expect(rows.map(([server]) => server)).toEqual([
    "10.0.0.9:53",
    "10.0.0.9:53 from host",
    "10.0.0.9:53 from docker:x/1",
    "10.0.0.9:53 from file:shop/web",
  ]);
});
