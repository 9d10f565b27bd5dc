import { spawn } from "node:child_process";
import { Duplex } from "node:stream";

/** Undefined: as ssh's own configuration has it, or the docker of that machine. */
export interface SshAddress {
  readonly host: string;
  readonly port: number | undefined;
  readonly username: string | undefined;
  /** Of the engine's socket on that machine. */
  readonly socketPath: string | undefined;
}

/**
 * A connection to the engine of another machine, as Docker's client makes it: `ssh HOST docker system dial-stdio`, with
 * the keys, known hosts and settings that ssh has here. It asks nobody for a password: where none is there, it fails.
 *
 * An agent of Node's can keep it between two questions as it keeps a socket.
 */
export function sshConnection({ host, port, username, socketPath }: SshAddress): Duplex {
  const options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
  if (username !== undefined) options.push("-l", username);
  if (port !== undefined) options.push("-p", String(port));
  const engine = socketPath === undefined ? [] : [`--host=${quoted(`unix://${socketPath}`)}`];
  const child = spawn("ssh", [...options, "--", host, "docker", ...engine, "system", "dial-stdio"]);
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
  return Object.assign(connection, keptLikeASocket(connection));
}

/** What the agent wants of a socket when it puts it by and takes it again; a program at the other end has none of it. */
function keptLikeASocket(connection: Duplex): Record<string, () => Duplex> {
  const nothing = () => connection;
  return { setKeepAlive: nothing, setTimeout: nothing, setNoDelay: nothing, ref: nothing, unref: nothing };
}

/** ssh gives the words to a shell of that machine. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Of what ssh complains about, in characters: the last is what matters. */
const SAID_MAX = 1000;
