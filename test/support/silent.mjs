// Holds UDP port 53 of an address and never answers: node silent.mjs ADDRESS. Says "ready" once it is bound.
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
socket.bind(53, process.argv[2], () => process.stdout.write("ready\n"));
