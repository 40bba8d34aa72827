"use strict";
// A user as REST shows it: the row, and presence merged in.

const show = (row, presence) => ({ ...row, ...presence });

module.exports = (directory, presence, app) => {
  async function find(username) {
    const row = await directory.find(username);
    return row && show(row, (await presence.ofMany([username]))[0]);
  }

  async function page(limit, offset) {
    const { rows, total } = await directory.page(limit, offset);
    const there = rows.length ? await presence.ofMany(rows.map((row) => row.username)) : [];
    return wrap(rows.map((row, i) => show(row, there[i])), total, limit, offset);
  }

  const link = (limit, offset) => `/v1/${app}/users?presence=true&limit=${limit}&offset=${offset}`;

  function links(total, limit, offset) {
    return {
      current: link(limit, offset),
      previews: offset > 0 ? link(limit, Math.max(0, offset - limit)) : null,
      next: offset + limit < total ? link(limit, offset + limit) : null,
      first: link(limit, 0),
      last: link(limit, Math.floor(Math.max(0, total - 1) / limit) * limit),
    };
  }

  const wrap = (users, total, limit, offset) => ({
    count: users.length,
    links: links(total, limit, offset),
    total_count: total,
    users,
  });

  return { find, page, links };
};
