// spraypaint against the two JSON:API dialects: node spraypaint.js oksky|pulse URL CREDENTIAL
const { SpraypaintBase, MiddlewareStack, attr, belongsTo, hasMany } = require("spraypaint");
const scenario = require("./scenario");

const [dialect, url, credential] = process.argv.slice(2);
SpraypaintBase.logger.level = "error";

const shown = (user) => ({ id: user.id, ...user.attributes, errors: user.errors });
const all = async (scope) => {
  const found = await scope.all();
  return { users: found.data.map(shown), meta: found.meta };
};

function oksky() {
  const stack = new MiddlewareStack();
  stack.beforeFilters.push((_, options) => {
    options.headers["X-Access-Token"] = token.value;
  });
  const token = { value: credential };
  const Base = SpraypaintBase.extend({ static: { baseUrl: url, apiNamespace: "/rapi/v1" } });
  Base.middlewareStack = stack;
  Base.extend({ static: { jsonapiType: "rooms" }, attrs: { name: attr() } });
  const attrs = () => ({ username: attr(), fullName: attr(), userType: attr({ persist: false }), rooms: hasMany("rooms") });
  Base.extend({ static: { jsonapiType: "customers" }, attrs: attrs() });
  Base.extend({ static: { jsonapiType: "administrators" }, attrs: attrs() });
  const User = Base.extend({ static: { jsonapiType: "users" }, attrs: attrs() });
  return {
    anna: async () => {
      const anna = new User({ username: "anna", fullName: "Anna Ray" });
      await anna.save();
      return shown(anna);
    },
    ben: async () => {
      const ben = new User({ username: "ben" });
      await ben.save();
      return shown(ben);
    },
    joined: async ({ anna }) => {
      const post = (path, data) => {
        const headers = { "X-Access-Token": credential, "Content-Type": "application/vnd.api+json" };
        return fetch(`${url}/rapi/v1${path}`, { method: "POST", headers, body: JSON.stringify({ data }) });
      };
      const room = await (await post("/rooms", { type: "rooms", attributes: { name: "lobby", kind: "public" } })).json();
      const members = [{ type: "rooms", id: room.data.id }];
      return (await post(`/users/${anna.id}/relationships/rooms`, members)).status;
    },
    page: () => all(User.page(1).per(1).order({ username: "desc" }).select(["username"])),
    found: ({ anna, ben }) => all(User.where({ id: [anna.id, ben.id] })),
    first: async () => shown((await User.order("username").first()).data),
    rooms: async ({ anna }) => (await User.includes("rooms").find(anna.id)).data.rooms.map((room) => room.name),
    updated: async ({ anna }) => {
      const user = (await User.find(anna.id)).data;
      user.fullName = "Ann Ray";
      return { saved: await user.save(), user: shown(user) };
    },
    deleted: async ({ anna }) => (await User.find(anna.id)).data.destroy(),
    gone: ({ anna }) => User.find(anna.id),
    invalid: () => new User({ username: "ben" }).save(),
    unknownToken: () => {
      token.value = "wrong";
      return User.all();
    },
  };
}

function pulse() {
  const Base = SpraypaintBase.extend({ static: { baseUrl: url, apiNamespace: "/api/v1" } });
  Base.generateAuthHeader = (token) => `Bearer ${token}`;
  Base.setJWT(credential);
  Base.extend({ static: { jsonapiType: "team", endpoint: "/teams" }, attrs: { name: attr() } });
  Base.extend({ static: { jsonapiType: "account", endpoint: "/accounts" }, attrs: { name: attr() } });
  const User = Base.extend({
    static: { jsonapiType: "user", endpoint: "/users" },
    attrs: {
      name: attr(),
      email: attr(),
      status: attr({ persist: false }),
      teams: hasMany("team"),
      account: belongsTo("account"),
    },
  });
  return {
    anna: async () => {
      const anna = new User({ name: "Anna Ray", email: "anna@example.com" });
      await anna.save();
      return shown(anna);
    },
    ben: async () => {
      const ben = new User({ name: "Ben Ode" });
      await ben.save();
      return shown(ben);
    },
    page: () => all(User.page(1).per(1).order({ name: "desc" })),
    found: () => all(User.where({ name: "suf:Ode", status: "eq:created" })),
    account: async ({ anna }) => (await User.includes(["account", "teams"]).find(anna.id)).data.account.name,
    updated: async ({ anna }) => {
      const user = (await User.find(anna.id)).data;
      user.name = "Ann Ray";
      return { saved: await user.save(), user: shown(user) };
    },
    deleted: async ({ anna }) => (await User.find(anna.id)).data.destroy(),
    afterDeleting: async ({ anna }) => shown((await User.find(anna.id)).data),
    invalid: async () => {
      const user = new User({ name: "Eve", email: "no email" });
      return { saved: await user.save(), errors: user.errors };
    },
    noUuid: () => User.find("1"),
    unknownFilter: () => User.where({ bogus: "eq:x" }).all(),
    unknownToken: () => {
      Base.setJWT("wrong");
      return User.all();
    },
  };
}

scenario({ oksky, pulse }[dialect](), (error) => ({ message: error.message, status: error.response?.status }));
