// Shows the document of the dialect that the address names, or of the first one in the list.

const links = [...document.querySelectorAll("nav a[data-document]")];
const chosen = links.find((link) => link.search === location.search) ?? links[0];
chosen.setAttribute("aria-current", "page");

// Swagger UI turns dark by this class; the switch for it is in a bundle that we do without.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: chosen.dataset.document,
  deepLinking: true,
  validatorUrl: null, // the default sends the document's address to a host outside
});
