import { glibcConf, muslConf, type StubConf } from "../libc/stub-conf.ts";
import type { Skipped } from "./check.ts";
import { type Context, entered, oncePerRun } from "./context.ts";
import type { Sandbox } from "./sandbox.ts";

/** The stub resolver in a container, by the files that its libc goes by. */
export interface Stub {
  readonly sandbox: Sandbox;
  /** Its /etc/resolv.conf. */
  readonly text: string;
  /** Undefined where that can't be seen. */
  readonly libc: "glibc" | "musl" | undefined;
  /** What that libc makes of it; glibc where it is not known. */
  readonly conf: StubConf;
}

/** Those of the containers whose resolv.conf can be read, or why there is none. */
export const stubs: (context: Context) => readonly Stub[] | Skipped = oncePerRun((context) => {
  const sandboxes = entered(context);
  if ("skipped" in sandboxes) return sandboxes;
  const found = sandboxes.flatMap((sandbox) => stubOf(sandbox) ?? []);
  return found.length > 0
    ? found
    : { skipped: "no process is seen that reads a container's /etc/resolv.conf" };
});

function stubOf(sandbox: Sandbox): Stub | undefined {
  const text = sandbox.files?.read("/etc/resolv.conf");
  if (text === undefined) return undefined;
  const libc = sandbox.files?.libc();
  const conf = libc === "musl" ? muslConf(text) : glibcConf(text, sandbox.container.hostname ?? "");
  return { sandbox, text, libc, conf };
}
