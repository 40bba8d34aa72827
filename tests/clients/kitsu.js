// kitsu against the two JSON:API dialects: node kitsu.js oksky|pulse|identities URL CREDENTIAL [OF_ANOTHER_ACCOUNT]
const scenario = require("./scenario");

const [name, url, credential, another] = process.argv.slice(2);
const asTheyAre = { camelCaseTypes: false, resourceCase: "none" };

// each scenario is given `connect(credential)`, which makes a client
const scenarios = {
  oksky: (connect) => {
    const api = connect(credential);
    const action = (what, ids) =>
      api.request({ method: "PATCH", url: `users/${what}`, type: "users", body: ids.map((id) => ({ id })) });
    return {
      anna: () => api.create("users", { username: "anna", full_name: "Anna Ray", info: { plan: "gold" } }),
      ben: () => api.create("users", { username: "ben", email: "ben@example.com" }),
      eve: () => api.create("users", { username: "eve" }),
      page: () => api.get("users", { params: { page: { number: 2, size: 1 }, sort: "-username" } }),
      sparse: () => api.get("users", { params: { fields: { users: "username,email" }, page: { size: 1 } } }),
      byId: ({ anna, eve }) => api.get("users", { params: { filter: { id: `${anna.data.id},${eve.data.id}` } } }),
      byUuid: ({ ben }) => api.get("users", { params: { filter: { uuid: ben.data.uuid } } }),
      one: ({ anna }) => api.get(`users/${anna.data.id}`),
      room: () => api.create("rooms", { name: "lobby", kind: "public" }),
      joined: ({ anna, room }) => api.create(`users/${anna.data.id}/relationships/rooms`, [{ id: room.data.id }]),
      linkage: ({ anna }) => api.get(`users/${anna.data.id}/relationships/rooms`),
      related: ({ anna }) => api.get(`users/${anna.data.id}/rooms`),
      included: ({ anna }) => api.get(`users/${anna.data.id}`, { params: { include: "rooms,members" } }),
      replaced: ({ anna, room }) => api.update(`users/${anna.data.id}/relationships/rooms`, [{ id: room.data.id }]),
      left: ({ anna, room }) => api.delete(`users/${anna.data.id}/relationships/rooms`, [room.data.id]),
      afterLeaving: ({ anna }) => api.get(`users/${anna.data.id}/rooms`),
      updated: ({ anna }) => api.update("users", { id: anna.data.id, full_name: "Ann Ray" }),
      deactivated: ({ anna, ben }) => action("deactivate", [anna.data.id, ben.data.id]),
      reactivated: ({ anna }) => action("reactivate", [anna.data.id]),
      nobodyNamed: () => action("deactivate", []),
      deleted: ({ anna }) => api.delete("users", anna.data.id),
      gone: ({ anna }) => api.get(`users/${anna.data.id}`),
      invalid: () => api.create("users", { username: "ben" }),
      readOnly: ({ ben }) => api.update("users", { id: ben.data.id, uuid: "x" }),
      unknownInclude: () => api.get("users", { params: { include: "bogus" } }),
      unknownToken: () => connect("wrong").get("users"),
    };
  },

  pulse: (connect) => {
    const api = connect(credential);
    const users = (params) => api.get("users", { params });
    const act = (method, id, what) => api.request({ method, url: `users/${id}/${what}`, type: "users", body: {} });
    return {
      anna: () => api.create("users", { name: "Anna Ray", email: "anna@example.com", avatar: "anna.png" }),
      ben: () => api.create("users", { name: "Ben Ode" }),
      page: () => users({ page: { number: 2, size: 1 }, sort: "-name" }),
      named: () => users({ filter: { name: "ct:RAY,x", discarded_at_blank: 1 } }),
      filtered: () => users({ filter: { name: "pre:Anna", status: "in:created,invited", email: "present" } }),
      alive: () => users({ sort: "alive,name" }),
      sparse: () => users({ fields: { user: "name" } }),
      one: ({ anna }) => api.get(`users/${anna.data.id}`, { params: { meta: { permissions: "actions" } } }),
      team: () => api.create("teams", { name: "crew" }),
      membership: ({ anna, team }) =>
        api.create("team_memberships", { team_id: team.data.id, user_id: anna.data.id }),
      included: ({ anna }) =>
        api.get(`users/${anna.data.id}`, { params: { include: "account,account_memberships,teams,team_memberships" } }),
      byTeam: () => users({ include: "teams", filter: { teams: { name: "ct:cr" } } }),
      updated: ({ anna }) => api.update("users", { id: anna.data.id, name: "Ann Ray" }),
      invited: ({ anna }) => act("POST", anna.data.id, "invite"),
      revoked: ({ anna }) => act("DELETE", anna.data.id, "invite"),
      notInvitable: ({ ben }) => act("POST", ben.data.id, "invite"),
      deactivated: ({ anna }) => act("POST", anna.data.id, "deactivate"),
      reactivated: ({ anna }) => act("DELETE", anna.data.id, "deactivate"),
      deleted: ({ anna }) => api.delete("users", anna.data.id),
      afterDeleting: ({ anna }) => api.get(`users/${anna.data.id}`),
      statusWritten: ({ ben }) => api.update("users", { id: ben.data.id, status: "active" }),
      invalid: () => api.create("users", { email: "x@example.com" }, { headers: { "Accept-Language": "de" } }),
      noUuid: () => api.get("users/1"),
      unknownFilter: () => users({ filter: { bogus: "eq:x" } }),
      unknownToken: () => connect("wrong").get("users"),
    };
  },

  identities: (connect) => {
    const auth = (method, what, body, token) =>
      connect(token).request({ method, url: `${url}/auth/${what}`, type: "identity", body });
    const bearer = ({ headers }) => headers.authorization.replace(/^Bearer /, "");
    const signIn = (password) => auth("POST", "signin", { email: "anna@example.com", password });
    const as = ({ signedIn }) => connect(bearer(signedIn));
    const invite = async (key, name) => {
      const { data } = await connect(key).create("users", { name, email: "anna@example.com" });
      const params = { meta: { invitation: "token" } };
      return connect(key).request({ method: "POST", url: `users/${data.id}/invite`, type: "users", body: {}, params });
    };
    const accept = ({ data }) =>
      auth("POST", "accept_invitation", { token: data.meta.invitation.token, password: "long enough" });
    return {
      invited: () => invite(credential, "Anna Ray"),
      accepted: ({ invited }) => accept(invited),
      asAnna: ({ accepted }) => connect(bearer(accepted)).get("users"),
      acceptedThere: async () => accept(await invite(another, "Anna There")),
      wrongPassword: () => signIn("wrong"),
      signedIn: () => signIn("long enough"),
      identity: (seen) => as(seen).request({ url: "identity" }),
      there: () => connect(another).get("users", { params: { include: "account" } }),
      switched: (seen) => {
        const body = { id: seen.there.data[0].account.data.id };
        return as(seen).request({ method: "POST", url: "switch_accounts", type: "account", body });
      },
      afterSwitching: (seen) => as(seen).get("users"),
      signedOut: ({ signedIn }) => auth("DELETE", "signout", undefined, bearer(signedIn)),
      afterSigningOut: (seen) => as(seen).get("users"),
    };
  },
};

import("kitsu").then(({ default: Kitsu }) => {
  const connect = (token) => {
    const headers = name === "oksky" ? { "X-Access-Token": token } : token ? { Authorization: `Bearer ${token}` } : {};
    return new Kitsu({ baseURL: url + (name === "oksky" ? "/rapi/v1" : "/api/v1"), headers, ...asTheyAre });
  };
  scenario(scenarios[name](connect), (error) => error.errors ?? error.message);
});
