// Runs the steps of a scenario one after the other and prints one JSON object: for each step what the client's caller
// got, or {threw: ...} in the words of `describe`. A step is given what the steps before it got.
module.exports = async function scenario(steps, describe) {
  const seen = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      seen[name] = (await step(seen)) ?? null;
    } catch (error) {
      seen[name] = { threw: describe(error) };
    }
  }
  console.log(JSON.stringify(seen));
};
