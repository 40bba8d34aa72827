"use strict";
// The peer as most would write it: Express, better-sqlite3, redis, socket.io.

const express = require("express");
const settings = require("./settings");
const attachSockets = require("./sockets");
const openDirectory = require("./directory");
const openPresence = require("./presence");
const usersOf = require("./users");

async function main() {
  const directory = openDirectory(settings.database);
  const presence = await openPresence(settings.redisUrl);
  const users = usersOf(directory, presence, settings.app);
  const app = express();
  app.use("/v1/:app", (request, response, next) => {
    if (request.get("x-api-key") !== settings.apiKey || request.params.app !== settings.app) {
      response.status(401).json({ code: 1302, type: "Unauthorized" });
    } else {
      next();
    }
  });
  app.get("/v1/:app/users/:username", async (request, response) => {
    const user = await users.find(request.params.username);
    if (user) response.json(user);
    else response.status(404).json({ code: 40015, type: "UserNotExists" });
  });
  app.get("/v1/:app/users", async (request, response) => {
    const { limit = 50, offset = 0 } = request.query;
    response.json(await users.page(Number(limit), Number(offset)));
  });
  const server = app.listen(settings.port, "127.0.0.1", () => console.log(JSON.stringify({ port: settings.port })));
  attachSockets(server, directory, presence, settings);
}

main();
