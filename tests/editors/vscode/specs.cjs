// The stories in VS Code. PI_SPECS names the files of specs/ that are told in this window.
"use strict";
const { run } = require("./harness.cjs");
for (const name of process.env.PI_SPECS.split(" ")) require(`./specs/${name}.cjs`);
exports.run = run;
