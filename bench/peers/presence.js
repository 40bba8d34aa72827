"use strict";
// Who is here, in Redis: how many devices each user has, what they claim, and when they last came.

const { createClient } = require("redis");

const DEVICES = "bench:devices";
const CLAIMS = "bench:claims";
const LOGINS = "bench:logins";
const WORDS = { online: 1, away: 3, dnd: 4 };

const fold = (devices, claim) => (Number(devices) > 0 ? Number(claim) || 1 : 0);

module.exports = async function openPresence(redisUrl) {
  const redis = await createClient({ url: redisUrl }).connect();

  // Commands of one tick go to Redis together.
  async function ofMany(usernames) {
    const [devices, claims, logins] = await Promise.all([
      redis.hmGet(DEVICES, usernames),
      redis.hmGet(CLAIMS, usernames),
      redis.hmGet(LOGINS, usernames),
    ]);
    return usernames.map((_, i) => ({ presence_status: fold(devices[i], claims[i]), last_login_at: logins[i] }));
  }

  // Each of these returns the new status where it changed, else undefined.
  async function open(username) {
    const now = new Date().toISOString();
    const [devices, claim] = await Promise.all([
      redis.hIncrBy(DEVICES, username, 1),
      redis.hGet(CLAIMS, username),
      redis.hSet(LOGINS, username, now),
    ]);
    return devices === 1 ? fold(devices, claim) : undefined;
  }

  async function close(username) {
    return (await redis.hIncrBy(DEVICES, username, -1)) === 0 ? 0 : undefined;
  }

  async function claim(username, word) {
    const status = WORDS[word];
    if (!status) throw new Error("no such status");
    const [before] = await Promise.all([
      redis.hGet(CLAIMS, username),
      status === 1 ? redis.hDel(CLAIMS, username) : redis.hSet(CLAIMS, username, status),
    ]);
    return (Number(before) || 1) === status ? undefined : status;
  }

  return { redis, ofMany, open, close, claim };
};
