"use strict";
// Caches and mirrors as chatsrv does: rows as JSON text, presence in memory, nothing but node's http.
// What it changes is told to others through Redis; what others change comes the same way.

const http = require("node:http");
const settings = require("./settings");
const attachSockets = require("./sockets");
const openDirectory = require("./directory");
const openPresence = require("./presence");
const usersOf = require("./users");

const CHANNEL = "bench:changes";

async function main() {
  const directory = openDirectory(settings.database);
  const presence = await openPresence(settings.redisUrl);
  const { links } = usersOf(directory, presence, settings.app);
  const ends = new Map(); // username -> the part of their JSON that changes
  const end = (login, status) => `,"last_login_at":${login ? `"${login}"` : "null"},"presence_status":${status}}`;
  const absent = end(null, 0);

  const others = await presence.redis.duplicate().connect();
  await others.subscribe(CHANNEL, (message) => {
    const { username, login, status } = JSON.parse(message);
    ends.set(username, end(login, status));
  });

  const { rows } = await directory.page(1000000, 0);
  const names = rows.map((row) => row.username);
  const begins = rows.map((row) => JSON.stringify(row).slice(0, -1));
  const places = new Map(names.map((name, i) => [name, i]));
  const show = (i) => begins[i] + (ends.get(names[i]) || absent);

  function page(limit, offset) {
    const users = [];
    for (let i = offset; i < Math.min(offset + limit, names.length); i++) users.push(show(i));
    const meta = JSON.stringify(links(names.length, limit, offset));
    return `{"count":${users.length},"links":${meta},"total_count":${names.length},"users":[${users.join(",")}]}`;
  }

  const prefix = `/v1/${settings.app}/users`;

  function answer(url) {
    if (url.startsWith(`${prefix}/`)) {
      const place = places.get(decodeURIComponent(url.slice(prefix.length + 1)));
      return place === undefined ? [404, '{"code":40015,"type":"UserNotExists"}'] : [200, show(place)];
    }
    const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
    return [200, page(Number(query.get("limit") || 50), Number(query.get("offset") || 0))];
  }

  const server = http.createServer((request, response) => {
    const isKnown = request.headers["x-api-key"] === settings.apiKey && request.url.startsWith(prefix);
    const [status, body] = isKnown ? answer(request.url) : [401, '{"code":1302,"type":"Unauthorized"}'];
    response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  });

  const logins = new Map();
  const here = new Set();
  attachSockets(server, directory, presence, settings, (username, status) => {
    if (status && !here.has(username)) logins.set(username, new Date().toISOString());
    if (status) here.add(username);
    else here.delete(username);
    const login = logins.get(username) || null;
    ends.set(username, end(login, status));
    presence.redis.publish(CHANNEL, JSON.stringify({ username, login, status }));
  });
  server.listen(settings.port, "127.0.0.1", () => console.log(JSON.stringify({ port: settings.port })));
}

main();
