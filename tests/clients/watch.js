// A stock Socket.IO client with its default settings. Prints one JSON line for each thing it sees.
// node watch.js URL TOKEN; a line on standard input is a method of the socket to call; its end ends the process.
const { io } = require("socket.io-client");

const say = (event, value) => console.log(JSON.stringify({ event, value }));
const socket = io(process.argv[2], { auth: { token: process.argv[3] }, reconnectionDelay: 100 });

socket.on("connect", () => say("connect", socket.io.engine.transport.name));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.on("connect_error", (error) => say("connect_error", { message: error.message, data: error.data }));
socket.onAny((name, payload) => say(name, payload));
socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => say("upgrade", transport.name)));

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (method) => socket[method]())
  .on("close", () => process.exit(0));
