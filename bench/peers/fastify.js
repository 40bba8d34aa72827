"use strict";
// The same with Fastify, and with the schemas that let it write JSON fast.

const settings = require("./settings");
const attachSockets = require("./sockets");
const openDirectory = require("./directory");
const openPresence = require("./presence");
const usersOf = require("./users");

const text = { type: ["string", "null"] };
const user = {
  type: "object",
  properties: {
    username: { type: "string" },
    first_name: text,
    last_name: text,
    avatar: text,
    created_at: text,
    updated_at: text,
    last_login_at: text,
    presence_status: { type: "integer" },
  },
};
const page = {
  type: "object",
  properties: {
    count: { type: "integer" },
    links: { type: "object", properties: { current: text, previews: text, next: text, first: text, last: text } },
    total_count: { type: "integer" },
    users: { type: "array", items: user },
  },
};

async function main() {
  const directory = openDirectory(settings.database);
  const presence = await openPresence(settings.redisUrl);
  const users = usersOf(directory, presence, settings.app);
  const app = require("fastify")();
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers["x-api-key"] !== settings.apiKey || request.params.app !== settings.app)
      return reply.code(401).send({ code: 1302, type: "Unauthorized" });
  });
  app.get("/v1/:app/users/:username", { schema: { response: { 200: user } } }, async (request, reply) => {
    const found = await users.find(request.params.username);
    return found || reply.code(404).send({ code: 40015, type: "UserNotExists" });
  });
  app.get("/v1/:app/users", { schema: { response: { 200: page } } }, async (request) => {
    const { limit = 50, offset = 0 } = request.query;
    return users.page(Number(limit), Number(offset));
  });
  attachSockets(app.server, directory, presence, settings);
  await app.listen({ port: settings.port, host: "127.0.0.1" });
  console.log(JSON.stringify({ port: settings.port }));
}

main();
