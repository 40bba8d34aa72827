"use strict";
// The rows of users, in SQLite or PostgreSQL: one by name, or a page and how many there are.

const COLUMNS = "username, first_name, last_name, avatar, created_at, updated_at";

function openSqlite(file) {
  const db = require("better-sqlite3")(file);
  db.pragma("journal_mode = WAL");
  const one = db.prepare(`SELECT ${COLUMNS} FROM users WHERE username = ?`);
  const page = db.prepare(`SELECT ${COLUMNS} FROM users ORDER BY username LIMIT ? OFFSET ?`);
  const total = db.prepare("SELECT count(*) FROM users").pluck();
  return {
    find: async (username) => one.get(username),
    page: async (limit, offset) => ({ rows: page.all(limit, offset), total: total.get() }),
  };
}

function openPostgres(url) {
  const pool = new (require("pg").Pool)({ connectionString: url, max: 10 });
  const one = { name: "one", text: `SELECT ${COLUMNS} FROM users WHERE username = $1` };
  const page = { name: "page", text: `SELECT ${COLUMNS} FROM users ORDER BY username LIMIT $1 OFFSET $2` };
  const total = { name: "total", text: "SELECT count(*)::int AS total FROM users" };
  return {
    find: async (username) => (await pool.query({ ...one, values: [username] })).rows[0],
    page: async (limit, offset) => {
      const [rows, count] = await Promise.all([pool.query({ ...page, values: [limit, offset] }), pool.query(total)]);
      return { rows: rows.rows, total: count.rows[0].total };
    },
  };
}

module.exports = (database) => (/^postgres/.test(database) ? openPostgres(database) : openSqlite(database));
