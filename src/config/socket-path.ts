import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Where the control socket is unless somebody says otherwise: a daemon and the commands of one user have to agree
 * on it without being told.
 */
export function defaultSocket(
  uid: number = process.getuid?.() ?? 0,
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (uid === 0) return "/run/eleven/eleven.sock";
  const runtime = env.XDG_RUNTIME_DIR;
  if (runtime !== undefined && runtime !== "") return join(runtime, "eleven.sock");
  // Everybody writes to this folder, so the name has to be one's own.
  return join(tmpdir(), `eleven-${uid}.sock`);
}
