"use strict";
// What the harness says, by environment.

const { env } = process;

module.exports = {
  app: env.BENCH_APP,
  apiKey: env.BENCH_KEY,
  secret: env.BENCH_SECRET,
  database: env.BENCH_DATABASE, // a SQLite file, or postgres://...
  redisUrl: env.BENCH_REDIS,
  port: Number(env.BENCH_PORT),
  pingInterval: Number(env.BENCH_PING_MS || 25000),
};
