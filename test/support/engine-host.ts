import { writeFileSync } from "node:fs";
import type { Engine } from "./engine.ts";
import type { World } from "./world.ts";

/** The engine's namespaces as a world's host, in which eleven runs. */
export function engineHost(engine: Engine): World {
  const none = (): never => {
    throw new Error("An engine's host has no such thing");
  };
  return {
    folder: engine.folder,
    host: {
      name: "host",
      netns: "",
      run: engine.enter,
      start: (command, args, options) => engine.spawn(command, args, options?.env),
    },
    container: none,
    bridge: none,
    write(file, text) {
      const path = `${engine.folder}/${file}`;
      writeFileSync(path, text);
      return path;
    },
    destroy: engine.destroy,
  };
}
