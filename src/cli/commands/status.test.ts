import { expect, test } from "vitest";
import type { AttachmentReport } from "../../api/control.ts";
import { attachments } from "./status.ts";

function row(container: string, sandbox: string): AttachmentReport {
  return { container, sandbox, state: "attached", since: null, reason: null, remedy: null };
}

test("containers of one name are told apart by their keys", () => {
  const rows = attachments([row("web", "docker:x/1"), row("bb", "docker:x/2"), row("bb", "file:shop/bb")]);
  expect(rows.map(([container]) => container)).toEqual(["web", "docker:x/2", "file:shop/bb"]);
});
