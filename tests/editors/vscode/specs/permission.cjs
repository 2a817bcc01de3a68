// Questions about permission.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const {
  answer, begin, call, deliberately, equal, folder, mode, open, say, sees, settled, story, ui,
} = require("../harness.cjs");

async function focusQuestion() {
  await ui("key", { key: "Control+Alt+P" });
  await sees(".question:focus", "Pi wants");
}

story("a command is asked about in full, and neither Escape nor typing answers", async () => {
  const command = "echo one > asked.txt && printf 'a\u202eb' >> asked.txt";
  await begin(call("1", "bash", { command }), call("2", "bash", { command: "rm asked.txt" }), answer("Done."));
  await mode("ask");
  await say("write it");
  await sees(".question pre", "echo one > asked.txt && printf 'a‹U+202E›b' >> asked.txt");
  await sees(".strip-text", "Waiting for your answer");
  await sees(".tool .fact", "waits for your answer");
  await deliberately();
  await ui("fill", { selector: ".prompt textarea", text: "1" });
  await ui("key", { key: "2" });
  await focusQuestion();
  await ui("key", { key: "Escape" });
  await sees(".prompt:has(textarea:focus) .bar", "Steer");
  equal(fs.existsSync(path.join(folder, "asked.txt")), false, "run without an answer");
  equal(await ui("count", { selector: ".question" }), 1, "questions");
  await focusQuestion();
  await ui("key", { key: "1" });
  await sees(".question pre", "rm asked.txt");
  equal(fs.readFileSync(path.join(folder, "asked.txt"), "utf8"), "one\na\u202eb", "the file");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=reject]" });
  await sees(".tool .fact", "rejected");
  await sees(".turn.pi", "Done.");
  equal(fs.existsSync(path.join(folder, "asked.txt")), true, "the rejected command did not run");
});

story("an edit is asked about with its diff, and stopping closes the question", async () => {
  await begin(call("1", "edit", { path: path.join(folder, "ask.txt"), oldText: "old", newText: "new" }));
  const editor = await open("ask.txt", "old\n");
  await mode("ask");
  await say("change it");
  await sees(".question .line.removed", "old");
  await sees(".question .line.added", "new");
  await ui("click", { selector: ".strip .stop" });
  await settled("Stopped by you");
  equal(await ui("count", { selector: ".question" }), 0, "questions");
  equal(editor.document.getText(), "old\n", "buffer");
});
