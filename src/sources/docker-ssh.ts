import { spawn } from "node:child_process";
import { Duplex } from "node:stream";

/** Undefined: as ssh's own configuration has it. */
export interface SshAddress {
  readonly host: string;
  readonly port: number | undefined;
  readonly username: string | undefined;
}

/**
 * A connection to the engine of another machine, as Docker's client makes it: `ssh HOST docker system dial-stdio`, with
 * the keys, known hosts and settings that ssh has here. It asks nobody for a password: where none is there, it fails.
 */
export function sshConnection({ host, port, username }: SshAddress): Duplex {
  const options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
  if (username !== undefined) options.push("-l", username);
  if (port !== undefined) options.push("-p", String(port));
  const child = spawn("ssh", [...options, "--", host, "docker", "system", "dial-stdio"]);
  const connection = new Duplex({
    read: () => child.stdout.resume(),
    write: (chunk, _, done) => child.stdin.write(chunk, () => done()),
    final: (done) => child.stdin.end(() => done()),
    destroy(error, done) {
      child.kill();
      done(error);
    },
  });
  child.stdout.on("data", (chunk) => {
    if (!connection.push(chunk)) child.stdout.pause();
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-SAID_MAX);
  });
  // That it is gone is told by its end.
  child.stdin.on("error", () => {});
  child.on("error", (error: NodeJS.ErrnoException) =>
    connection.destroy(error.code === "ENOENT" ? new Error("there is no ssh on this machine") : error),
  );
  child.on("close", (status) => {
    if (status === 0) connection.push(null);
    else connection.destroy(new Error(`ssh to ${host}: ${said.trim() || `ended with status ${status}`}`));
  });
  return connection;
}

/** Of what ssh complains about, in characters: the last is what matters. */
const SAID_MAX = 1000;
