"use strict";
// Socket.IO: a signed token lets a client in; watchers of a user are a room.

const { createSecretKey } = require("node:crypto");
const jwt = require("jsonwebtoken");
const { Server } = require("socket.io");

const room = (username) => `watch:${username}`;

module.exports = function attachSockets(httpServer, directory, presence, settings, tell = () => {}) {
  const io = new Server(httpServer, { serveClient: false, pingInterval: settings.pingInterval });
  const key = createSecretKey(settings.secret, "utf8"); // given a string, jsonwebtoken parses it anew each time: 0.4 ms
  let version = 0;

  function spread(username, status) {
    if (status === undefined) return;
    const now = new Date().toISOString();
    tell(username, status);
    io.to(room(username)).emit("presence:diff", {
      epoch: "node",
      version: ++version,
      changes: [
        {
          username,
          presence_status: status,
          text: null,
          emoji: null,
          last_active_at: now,
          last_seen_at: now,
          changed_at: now,
          devices: status ? ["web"] : [],
        },
      ],
    });
  }

  io.use(async (socket, next) => {
    try {
      const claims = jwt.verify(socket.handshake.auth.token, key, { algorithms: ["HS256"] });
      if (claims.aid !== settings.app || !(await directory.find(claims.sub))) throw new Error("Unauthorized");
      socket.data.username = claims.sub;
      next();
    } catch (error) {
      next(error);
    }
  });

  io.on("connection", async (socket) => {
    const { username } = socket.data;
    const here = presence.open(username); // a client that leaves at once must not leave a device behind
    socket.on("disconnect", async () => {
      await here;
      spread(username, await presence.close(username));
    });
    socket.on("presence:subscribe", async ({ usernames }, ack) => {
      usernames.forEach((name) => socket.join(room(name)));
      const there = await presence.ofMany(usernames);
      ack({ epoch: "node", version, full: true, users: usernames.map((name, i) => ({ username: name, ...there[i] })) });
    });
    socket.on("presence:set", async ({ status }, ack) => {
      spread(username, await presence.claim(username, status));
      ack({ applied_at: new Date().toISOString() });
    });
    spread(username, await here);
    socket.emit("hello", { user: await directory.find(username), session_id: socket.id, version });
  });
};
