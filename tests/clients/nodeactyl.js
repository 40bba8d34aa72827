// nodeactyl against the panel dialect: node nodeactyl.js URL KEY
const { NodeactylApplication, ServerBuilder } = require("nodeactyl");
const scenario = require("./scenario");

const [url, key] = process.argv.slice(2);
const panel = new NodeactylApplication(url, key);
const stranger = new NodeactylApplication(url, "wrong");

scenario(
  {
    anna: () => panel.createUser("Anna@Example.com", "anna", "Anna", "Ray"),
    ben: () => panel.createUser("ben@example.com", "ben", "Ben", "Ode", "secret-1234"),
    all: () => panel.getAllUsers(),
    details: ({ anna }) => panel.getUserDetails(anna.attributes.id),
    byUsername: () => panel.getUserByUsername("ben"),
    byEmail: () => panel.getUserByEmail("ben@example.com"),
    nobody: () => panel.getUserByUsername("nobody"),
    firstPage: () => panel.getUserPage(1),
    pastTheEnd: () => panel.getUserPage(9),
    updated: ({ anna }) => panel.updateUserDetails(anna.attributes.id, "anna@new.example", "anna", "Ann", "Ray", "en"),
    afterUpdate: ({ anna }) => panel.getUserDetails(anna.attributes.id),
    server: ({ anna }) =>
      panel.createRawServer(new ServerBuilder().setServerName("lobby").setServerOwner(anna.attributes.id).object),
    servers: () => panel.getAllServers(),
    serverDetails: ({ server }) => panel.getServerDetails(server.attributes.id),
    deletedAsOwner: ({ anna }) => panel.deleteUser(anna.attributes.id),
    deletedServer: ({ server }) => panel.deleteServer(server.attributes.id),
    deleted: ({ anna }) => panel.deleteUser(anna.attributes.id),
    gone: ({ anna }) => panel.getUserDetails(anna.attributes.id),
    taken: () => panel.createUser("other@example.com", "ben", "Ben", "Two"),
    unknownKey: () => stranger.getAllUsers(),
  },
  (status) => status,
);
