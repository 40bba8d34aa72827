// devour-client against the two JSON:API dialects: node devour.js oksky|pulse URL CREDENTIAL
const JsonApi = require("devour-client");
const scenario = require("./scenario");

const [dialect, url, credential] = process.argv.slice(2);

function oksky(token) {
  const api = new JsonApi({ apiUrl: `${url}/rapi/v1`, logger: false });
  api.headers = { "X-Access-Token": token };
  for (const type of ["user", "administrator", "customer"]) {
    const rooms = { jsonApi: "hasMany", type: "rooms" };
    api.define(type, { username: "", full_name: "", email: "", user_type: "", rooms }, { readOnly: ["user_type"] });
  }
  api.define("room", { name: "", kind: "" });
  return api;
}

function pulse(token) {
  const api = new JsonApi({ apiUrl: `${url}/api/v1`, logger: false, bearer: token });
  const teams = { jsonApi: "hasMany", type: "teams" };
  const account = { jsonApi: "hasOne", type: "accounts" };
  api.define("user", { name: "", email: "", status: "", discarded_at: "", teams, account }, { readOnly: ["status"] });
  api.define("team", { name: "" });
  api.define("account", { name: "" });
  api.define("team_membership", { team_id: "", user_id: "", role_ids: "" });
  return api;
}

const scenarios = {
  oksky: (api) => ({
    anna: () => api.create("user", { username: "anna", full_name: "Anna Ray", email: "anna@example.com" }),
    ben: () => api.create("user", { username: "ben" }),
    room: () => api.create("room", { name: "lobby", kind: "public" }),
    joined: ({ anna, room }) =>
      api.request(`${url}/rapi/v1/users/${anna.data.id}/relationships/rooms/`, "POST", {}, [
        { type: "rooms", id: room.data.id },
      ]),
    page: () => api.findAll("user", { page: { number: 1, size: 1 }, sort: "-username" }),
    found: ({ ben }) => api.findAll("user", { filter: { id: ben.data.id } }),
    included: ({ anna }) => api.find("user", anna.data.id, { include: "rooms" }),
    related: ({ anna }) => api.one("user", anna.data.id).all("room").get(),
    linkage: ({ anna }) => api.one("user", anna.data.id).relationships("rooms").get(),
    left: ({ anna, room }) =>
      api.one("user", anna.data.id).relationships("rooms").destroy([{ type: "rooms", id: room.data.id }]),
    updated: ({ anna }) => api.update("user", { id: anna.data.id, full_name: "Ann Ray" }),
    customers: () => api.findAll("customer"),
    deleted: ({ anna }) => api.destroy("user", anna.data.id),
    deletedWithBody: ({ ben }) => api.destroy("user", ben.data.id, [{ type: "users", id: ben.data.id }]),
    gone: ({ anna }) => api.find("user", anna.data.id),
    invalid: () => api.create("user", { username: "" }),
    unknownToken: () => oksky("wrong").findAll("user"),
  }),

  pulse: (api) => ({
    anna: () => api.create("user", { name: "Anna Ray", email: "anna@example.com" }),
    ben: () => api.create("user", { name: "Ben Ode" }),
    team: () => api.create("team", { name: "crew" }),
    membership: ({ anna, team }) =>
      api.create("team_membership", { team_id: team.data.id, user_id: anna.data.id, role_ids: [] }),
    page: () => api.findAll("user", { page: { number: 1, size: 1 }, sort: "-name" }),
    found: () => api.findAll("user", { filter: { name: "suf:Ode" } }),
    included: ({ anna }) => api.find("user", anna.data.id, { include: "teams,account" }),
    updated: ({ anna }) => api.update("user", { id: anna.data.id, name: "Ann Ray" }),
    deactivated: ({ anna }) => api.request(`${url}/api/v1/users/${anna.data.id}/deactivate`, "POST"),
    reactivated: ({ anna }) => api.request(`${url}/api/v1/users/${anna.data.id}/deactivate`, "DELETE"),
    deleted: ({ anna }) => api.destroy("user", anna.data.id),
    afterDeleting: ({ anna }) => api.find("user", anna.data.id),
    invalid: () => api.create("user", { name: "", email: "no email" }),
    noUuid: () => api.find("user", "1"),
    unknownToken: () => pulse("wrong").findAll("user"),
  }),
};

const connect = { oksky, pulse }[dialect];
scenario(scenarios[dialect](connect(credential)), (error) => error.message ?? error);
